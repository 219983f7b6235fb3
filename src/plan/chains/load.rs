//! Chains from files, and what is wrong with them.

use std::path::Path;

use toml::{Table, Value};

use super::{Capabilities, Chain, ChainStep, Chains, ENGINE, formats};

/// Why there are no chains.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainsError {
    #[error("{file}: can't be read ({detail}); check chains_file")]
    Unreadable { file: String, detail: String },
    #[error("{file}: {detail}")]
    Invalid { file: String, detail: String },
}

const BUILTIN: &str = include_str!("chains.toml");

impl Chains {
    /// The chains of the reference system's production, and after them the engine's own.
    pub fn builtin() -> Self {
        let mut chains = parse(BUILTIN, false).expect("the file is part of the program: a test reads it");
        let engine = chains.iter_mut().find(|c| c.name == ENGINE);
        let engine = engine.expect("the file is part of the program: a test looks for it");
        engine.capabilities.output_formats = formats::engine_formats();
        Chains::new(chains)
    }

    /// The chains of an operator's file. [`ENGINE`] has the formats of the engine unless the file says others.
    ///
    /// # Errors
    /// [`ChainsError`] naming file, chain and what is wrong.
    pub fn load(file: &Path) -> Result<Self, ChainsError> {
        let named = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|e| ChainsError::Unreadable { file: named.clone(), detail: e.to_string() })?;
        let mut chains = parse(&text, true).map_err(|detail| ChainsError::Invalid { file: named, detail })?;
        for chain in chains.iter_mut().filter(|c| c.is_engine()) {
            if chain.capabilities.output_formats.is_empty() {
                chain.capabilities.output_formats = formats::engine_formats();
            }
        }
        Ok(Chains::new(chains))
    }
}

/// Reads `[[chain]]` tables. `strict`: collections are found by UMM-S records only, as the reference demands.
fn parse(text: &str, strict: bool) -> Result<Vec<Chain>, String> {
    let mut table: Table = text.parse().map_err(|e: toml::de::Error| e.message().to_owned())?;
    let list = match table.remove("chain") {
        Some(Value::Array(list)) => list,
        _ => return Err("no chains; each begins with [[chain]]".into()),
    };
    if let Some(other) = table.keys().next() {
        return Err(format!("unknown key '{other}'; chains begin with [[chain]]"));
    }
    let mut chains: Vec<Chain> = Vec::new();
    for value in list {
        let Some(chain) = one(value, strict)? else { continue };
        if chains.iter().any(|c| c.name == chain.name) {
            return Err(format!("there are two chains with the name {}", chain.name));
        }
        chains.push(chain);
    }
    Ok(chains)
}

/// One chain; `None` when it is not enabled.
fn one(value: Value, strict: bool) -> Result<Option<Chain>, String> {
    let Value::Table(mut table) = value else { return Err("chains are tables: [[chain]]".into()) };
    let name = table.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err("a chain has no name".into());
    }
    let enabled = table.remove("enabled");
    if enabled.is_some_and(|e| e.as_bool() == Some(false) || e.as_str() == Some("false")) {
        return Ok(None);
    }
    if table.get("umm_s").is_some_and(|v| !v.is_str()) {
        return Err(no_record(&name));
    }
    let chain: Chain = Value::Table(table)
        .try_into()
        .map_err(|e: toml::de::Error| format!("chain {name}: {}", e.message()))?;
    let all = chain.all_collections == Some(true) || chain.capabilities.all_collections == Some(true);
    if strict && !all && chain.umm_s.as_deref().is_none_or(str::is_empty) {
        return Err(no_record(&name));
    }
    if chain.collections.iter().any(|c| c.granule_limit.is_none() && c.variables.is_empty()) {
        return Err(format!(
            "Collections cannot be configured for harmony service: {name}, use umm_s instead."
        ));
    }
    for step in &chain.steps {
        check_step(&chain, step)?;
    }
    Ok(Some(chain))
}

fn no_record(name: &str) -> String {
    format!("There must be one and only one umm_s record configured as a string for harmony service: {name}")
}

const OPERATIONS: [&str; 9] = [
    "concatenate",
    "dimensionSubset",
    "extend",
    "reformat",
    "reproject",
    "shapefileSubset",
    "spatialSubset",
    "temporalSubset",
    "variableSubset",
];

fn check_step(chain: &Chain, step: &ChainStep) -> Result<(), String> {
    if let Some(n) = step.max_batch_inputs.filter(|n| *n < 1) {
        return Err(format!(
            "Invalid max_batch_inputs {n}. Max batch inputs must be greater than or equal to 1."
        ));
    }
    if let Some(n) = step.max_batch_size_in_bytes.filter(|n| *n < 1) {
        return Err(format!(
            "Invalid max_batch_size_in_bytes {n}. Max batch size in bytes must be greater than or equal to 1."
        ));
    }
    if step.service() == "query-cmr" && !step.is_sequential {
        let given = step.is_sequential;
        return Err(format!(
            "Invalid is_sequential {given}. query-cmr steps must always have sequential = true."
        ));
    }
    let here = format!("Service {} step with image {}", chain.name, step.image);
    for operation in &step.operations {
        if !OPERATIONS.contains(&operation.as_str()) {
            return Err(format!("{here} has invalid operation '{operation}'."));
        }
        if !is_capable(&chain.capabilities, operation) {
            return Err(format!("{here} has operation '{operation}' which is not included in capabilities."));
        }
    }
    let invalid = |e: &&String| *e == "reformat" || !OPERATIONS.contains(&e.as_str());
    if let Some(operation) = step.exists.iter().find(invalid) {
        return Err(format!("{here} has invalid exists conditional '{operation}'."));
    }
    let written = |f: &String| f.is_empty() || chain.capabilities.output_formats.contains(f);
    match step.formats.iter().find(|f| !written(f)) {
        Some(f) => Err(format!("{here} has format conditional '{f}' which is not included in capabilities.")),
        None => Ok(()),
    }
}

fn is_capable(able: &Capabilities, operation: &str) -> bool {
    let subsets = able.subsetting.as_ref();
    let answer = match operation {
        "concatenate" => able.concatenation,
        "dimensionSubset" => subsets.and_then(|s| s.dimension),
        "extend" => able.extend,
        "reformat" => Some(!able.output_formats.is_empty()),
        "reproject" => able.reprojection,
        "shapefileSubset" => subsets.and_then(|s| s.shape),
        "spatialSubset" => subsets.and_then(|s| s.bbox),
        "temporalSubset" => subsets.and_then(|s| s.temporal),
        "variableSubset" => subsets.and_then(|s| s.variable),
        _ => None,
    };
    answer == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> String {
        parse(text, true).unwrap_err()
    }

    #[test]
    fn built_in_chains_are_read_in_order() {
        let chains = Chains::builtin();
        let names: Vec<&str> = chains.list.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), 26);
        assert_eq!(
            (names[0], names[4], names[24], names[25]),
            ("harmony/download", "podaac/concise", "harmony/service-example", ENGINE)
        );
        let engine = chains.find(ENGINE).unwrap();
        assert_eq!(engine.capabilities.output_formats[0], "application/netcdf");
        assert!(engine.capabilities.output_formats.iter().any(|f| f == "image/tiff"));
        assert!(chains.find("podaac/l2-subsetter").unwrap().umm_s.is_some());
    }

    #[test]
    fn wrong_files_are_told_in_the_words_of_the_reference() {
        let chain = |rest: &str| format!("[[chain]]\nname = 'a/b'\n{rest}");
        let umm =
            "There must be one and only one umm_s record configured as a string for harmony service: a/b";
        assert_eq!(error_of(&chain("")), umm);
        assert_eq!(error_of(&chain("umm_s = ['S1-A', 'S2-A']")), umm);
        let e = error_of(&chain("umm_s = 'S1-A'\ncollections = [{ id = 'C1-A' }]"));
        assert_eq!(e, "Collections cannot be configured for harmony service: a/b, use umm_s instead.");
        let step = |step: &str| {
            chain(&format!(
                "umm_s = 'S1-A'\ncapabilities = {{ concatenation = true }}\nsteps = [{{ {step} }}]"
            ))
        };
        let cases = [
            (
                "image = 'x', max_batch_inputs = 0",
                "Invalid max_batch_inputs 0. Max batch inputs must be greater than or equal to 1.",
            ),
            (
                "image = 'h/query-cmr'",
                "Invalid is_sequential false. query-cmr steps must always have sequential = true.",
            ),
            (
                "image = 'x', operations = ['fold']",
                "Service a/b step with image x has invalid operation 'fold'.",
            ),
            (
                "image = 'x', operations = ['reproject']",
                "Service a/b step with image x has operation 'reproject' which is not included in capabilities.",
            ),
            (
                "image = 'x', exists = ['reformat']",
                "Service a/b step with image x has invalid exists conditional 'reformat'.",
            ),
            (
                "image = 'x', formats = ['image/tiff']",
                "Service a/b step with image x has format conditional 'image/tiff' which is not included in capabilities.",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(error_of(&step(text)), message);
        }
        assert!(error_of("[[chain]]\nname = 1").contains("no name"));
        assert!(error_of("a = 1").contains("[[chain]]"));
        assert!(error_of(&format!("{0}\n{0}", chain("umm_s = 'S1-A'"))).contains("two chains"));
        assert!(parse(&chain("umm_s = 'S1-A'\nenabled = 'false'"), true).unwrap().is_empty());
    }

    #[test]
    fn files_are_named_in_errors() {
        let e = Chains::load(Path::new("absent.toml")).unwrap_err();
        assert!(e.to_string().starts_with("absent.toml: "), "{e}");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("chains.toml");
        std::fs::write(&file, "[[chain]]\nname = 'harmony/engine'\nall_collections = true\n").unwrap();
        let chains = Chains::load(&file).unwrap();
        assert!(!chains.list[0].capabilities.output_formats.is_empty());
    }
}
