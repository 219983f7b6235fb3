//! The README's tables are what the registries hold.
#![allow(clippy::unwrap_used)] // a README without its tables fails the test

fn table(marker: &str) -> Vec<Vec<String>> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once(&format!("<!-- {marker} -->")).unwrap();
    let (body, _) = rest.split_once(&format!("<!-- /{marker} -->")).unwrap();
    let row =
        |line: &str| line.trim_matches('|').split(" | ").map(|c| c.trim().trim_matches('`').into()).collect();
    body.lines().filter(|l| l.starts_with("| `")).map(row).collect()
}

#[test]
fn the_table_of_operations_is_the_registry() {
    let registry: Vec<Vec<String>> = harmony_ops::registry::listing()
        .iter()
        .map(|(name, summary)| vec![(*name).into(), (*summary).into()])
        .collect();
    assert_eq!(table("operations"), registry);
}

#[test]
fn the_table_of_formats_is_the_registry() {
    let verbs = |reads, writes| match (reads, writes) {
        (true, true) => "read, write",
        (true, false) => "read",
        _ => "write",
    };
    let registry: Vec<Vec<String>> = harmony_formats::registry::FORMATS
        .iter()
        .map(|f| f.card())
        .map(|c| vec![c.name.into(), verbs(c.reads, c.writes).into(), c.summary.into()])
        .collect();
    assert_eq!(table("formats"), registry);
}
