//! Files become collections, variables and granules with a place and a time.
#![cfg(feature = "service")]
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{all_testdata, testdata};
use harmony::catalog::embedded::Embedded;
use harmony::catalog::naming::Naming;
use harmony::catalog::scan::{Report, Scanner, Watch};
use harmony::catalog::sources::AllowList;
use harmony::catalog::{Catalog, Collection, CollectionQuery, Granule, GranuleQuery, Page};
use harmony::store::{Input, StoreOptions, expand_inputs};

async fn scanner(naming: Naming) -> Scanner {
    let catalog = Embedded::in_memory().await.unwrap();
    naming.apply(&catalog).await.unwrap();
    Scanner { catalog: Arc::new(catalog), naming: Arc::new(naming), store: StoreOptions::default() }
}

fn files(paths: &[PathBuf]) -> Vec<Input> {
    let args: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    expand_inputs(&args).unwrap()
}

async fn collections(scanner: &Scanner) -> Vec<Collection> {
    scanner.catalog.collections(&CollectionQuery::All).await.unwrap()
}

async fn granules(scanner: &Scanner) -> Vec<Granule> {
    let mut all = Vec::new();
    for c in collections(scanner).await {
        let query = GranuleQuery { collection: c.id, ..GranuleQuery::default() };
        all.extend(
            scanner.catalog.granules(&query, &Page { size: 2000, after: None }).await.unwrap().granules,
        );
    }
    all
}

async fn found(scanner: &Scanner, query: GranuleQuery) -> Vec<String> {
    let mut names = Vec::new();
    for c in collections(scanner).await {
        let query = GranuleQuery { collection: c.id, ..query.clone() };
        let page = scanner.catalog.granules(&query, &Page { size: 2000, after: None }).await.unwrap();
        names.extend(page.granules.into_iter().map(|g| g.name));
    }
    names.sort();
    names
}

#[tokio::test]
async fn the_projects_granules_have_places_times_and_variables() {
    let scanner = scanner(Naming::default()).await;
    let all = all_testdata();
    let report = scanner.add(files(&all), false).await.unwrap();
    assert_eq!((report.added, report.failed.len()), (all.len() as u64, 0), "{report:?}");
    for g in granules(&scanner).await {
        // Grids of a constant soil or ice have no time.
        let timeless = ["ease2_north.nc4", "polar_south.nc4", "packed_0_360.nc4"].contains(&g.name.as_str());
        assert!(g.bbox.is_some() && (g.start.is_some() || timeless), "{g:?}");
        assert!(g.links[0].href.starts_with("/granules/G") && g.size_bytes > Some(0));
    }
    let at = |lon: f64, lat: f64| GranuleQuery { point: Some([lon, lat]), ..GranuleQuery::default() };
    let over_the_line = found(&scanner, at(180.0, 0.0)).await;
    assert!(over_the_line.contains(&"2020_01_01_global.nc".into()), "{over_the_line:?}");
    let swath = granules(&scanner).await.into_iter().find(|g| g.name == "swath_antimeridian.nc4").unwrap();
    let [w, _, e, _] = swath.bbox.unwrap();
    assert!(w > e && !swath.polygons.is_empty(), "{swath:?}");
    let track = granules(&scanner).await.into_iter().find(|g| g.name == "trajectory_classic.nc").unwrap();
    assert!(!track.lines.is_empty());
    let again = scanner.add(files(&all), false).await.unwrap();
    assert_eq!(again, Report { unchanged: all.len() as u64, ..Report::default() });
    let ids: Vec<String> = granules(&scanner).await.into_iter().map(|g| g.id).collect();
    let forced = scanner.add(files(&all), true).await.unwrap();
    assert_eq!(forced.updated, all.len() as u64);
    assert_eq!(granules(&scanner).await.into_iter().map(|g| g.id).collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn collections_toml_names_what_files_do_not_say() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("collections.toml");
    std::fs::write(
        &file,
        "[[collection]]\nid = \"C1234088182-EEDTEST\"\nshort_name = \"harmony_example\"\nversion = \"2\"\n\
         title = \"Example\"\nfiles = [\"granules/2020_*_global.nc\"]\nservices = [\"S1-EEDTEST\"]\n\
         has_eula = false\ngranule_limit = 5\n\
         variables = [{ name = \"red_var\", id = \"V1234088187-EEDTEST\", long_name = \"Red\" }]\n",
    )
    .unwrap();
    let scanner = scanner(Naming::read(&file).unwrap()).await;
    scanner
        .add(files(&[testdata("2020_01_01_global.nc"), testdata("2020_01_02_global.nc")]), false)
        .await
        .unwrap();
    let [c] = &collections(&scanner).await[..] else { panic!("one collection") };
    assert_eq!((c.id.as_str(), c.version.as_str(), c.granule_limit), ("C1234088182-EEDTEST", "2", Some(5)));
    assert_eq!(c.services, ["S1-EEDTEST"]);
    let variables = scanner.catalog.variables(&c.variables).await.unwrap();
    let red = variables.iter().find(|v| v.name == "red_var").unwrap();
    assert_eq!((red.id.as_str(), red.long_name.as_deref()), ("V1234088187-EEDTEST", Some("Red")));
    assert!(variables.iter().any(|v| v.kind.as_deref() == Some("COORDINATE")));
    assert!(granules(&scanner).await.iter().all(|g| g.id.ends_with("-EEDTEST")));
    assert!(c.time_start.as_deref().unwrap().starts_with("2020-01-01"));
}

/// A copy of a granule that the test may change.
fn copy(name: &str, to: &Path) -> PathBuf {
    let target = to.join(name);
    std::fs::copy(testdata(name), &target).unwrap();
    target
}

#[tokio::test]
async fn broken_files_are_named_and_do_not_stop_the_others() {
    let dir = tempfile::tempdir().unwrap();
    copy("altimetry_groups.nc4", dir.path());
    let whole = std::fs::read(testdata("2020_01_01_global.nc")).unwrap();
    std::fs::write(dir.path().join("cut.nc"), &whole[..whole.len() / 3]).unwrap();
    std::fs::write(dir.path().join("text.nc"), "not data").unwrap();
    std::fs::write(dir.path().join("empty.nc"), "").unwrap();
    let scanner = scanner(Naming::default()).await;
    let report = scanner.add(files(&[dir.path().into()]), false).await.unwrap();
    assert_eq!(report.added + report.failed.len() as u64, 4, "{report:?}");
    assert!(report.added >= 1);
    for broken in ["text.nc", "empty.nc"] {
        assert!(
            report.failed.iter().any(|(input, reason)| input.ends_with(broken) && reason.len() > 20),
            "{report:?}"
        );
    }
}

#[tokio::test]
async fn refreshing_takes_changes_and_drops_what_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (copy("2020_01_01_global.nc", dir.path()), copy("2020_01_02_global.nc", dir.path()));
    let scanner = scanner(Naming::default()).await;
    scanner.add(files(&[dir.path().into()]), false).await.unwrap();
    let before = granules(&scanner).await;
    std::fs::remove_file(&b).unwrap();
    std::fs::copy(testdata("altimetry_groups.nc4"), &a).unwrap();
    let report = scanner.refresh(None).await.unwrap();
    assert_eq!((report.updated, report.removed, report.unchanged), (1, 1, 0), "{report:?}");
    let after = granules(&scanner).await;
    assert_eq!(after.len(), 1);
    // Its content says another collection now, so it is another granule.
    assert!(before.iter().any(|g| g.name == after[0].name));
    assert_eq!(scanner.refresh(None).await.unwrap(), Report { unchanged: 1, ..Report::default() });
}

#[tokio::test]
async fn watching_takes_files_when_they_are_complete() {
    let dir = tempfile::tempdir().unwrap();
    let folder = [dir.path().display().to_string()];
    let scanner = scanner(Naming::default()).await;
    let mut watch = Watch::new(AllowList::new(&folder));
    assert_eq!(watch.look(&scanner, &folder).await.unwrap(), Report::default());
    let whole = std::fs::read(testdata("2020_01_01_global.nc")).unwrap();
    let path = dir.path().join("growing.nc");
    std::fs::write(&path, &whole[..1000]).unwrap();
    assert_eq!(watch.look(&scanner, &folder).await.unwrap(), Report::default());
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(watch.look(&scanner, &folder).await.unwrap(), Report::default());
    assert_eq!(watch.look(&scanner, &folder).await.unwrap().added, 1);
    assert_eq!(watch.look(&scanner, &folder).await.unwrap(), Report::default());
    // A link to what was not named is left where it is.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(testdata("2020_01_02_global.nc"), dir.path().join("link.nc")).unwrap();
        watch.look(&scanner, &folder).await.unwrap();
        let refused = watch.look(&scanner, &folder).await.unwrap();
        assert!(refused.added == 0 && refused.failed[0].1.contains("allowed_sources"), "{refused:?}");
        assert_eq!(watch.look(&scanner, &folder).await.unwrap(), Report::default());
    }
}

/// Real granules: what has a place by the engine's model has one in the catalogue.
#[tokio::test]
async fn every_shared_granule_is_catalogued() {
    let Some(one) = common::shared("africa.nc") else { return };
    let folder = one.parent().unwrap().to_owned();
    let scanner = scanner(Naming::default()).await;
    let report = scanner.add(files(&[folder]), false).await.unwrap();
    for (input, reason) in &report.failed {
        println!("failed: {input}: {reason}");
    }
    let all = granules(&scanner).await;
    for g in &all {
        println!(
            "{} {:?} {:?} {:?} polygons {} lines {}",
            g.name,
            g.bbox,
            g.start,
            g.end,
            g.polygons.len(),
            g.lines.len()
        );
    }
    let with_box = all.iter().filter(|g| g.bbox.is_some()).count();
    let with_time = all.iter().filter(|g| g.start.is_some()).count();
    println!(
        "{} granules, {with_box} with a box, {with_time} with a time, {} failed",
        all.len(),
        report.failed.len()
    );
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(with_box * 100 >= all.len() * 85 && with_time * 100 >= all.len() * 60);
    for g in &all {
        let Some([w, s, e, n]) = g.bbox else { continue };
        assert!((-180.0..=180.0).contains(&w) && (-180.0..=180.0).contains(&e), "{}: {:?}", g.name, g.bbox);
        assert!((-90.0..=90.0).contains(&s) && s <= n && n <= 90.0, "{}: {:?}", g.name, g.bbox);
    }
    let ascat = all.iter().find(|g| g.name.starts_with("ascat_20150702_084200")).unwrap();
    assert!(ascat.polygons.len() > 4, "a whole orbit is several polygons: {}", ascat.polygons.len());
    let modis = all.iter().find(|g| g.name.starts_with("MOD05_L2")).unwrap();
    assert_eq!(modis.polygons.len(), 1);
}
