use serde_json::json;

use super::records::*;
use super::*;
use crate::catalog::{Catalog, Collection, CollectionQuery, Granule, GranuleQuery, Grid, Page, Variable};

async fn collection(catalog: &Embedded, id: &str, short_name: &str, revised: &str) -> String {
    let collection = Collection {
        id: id.into(),
        short_name: short_name.into(),
        version: "1".into(),
        title: format!("Title of {short_name}"),
        revised: revised.into(),
        ..Collection::default()
    };
    let record = CollectionRecord { collection, derived: true, ..CollectionRecord::default() };
    catalog.insert_collection(record).await.unwrap().collection.id
}

fn granule(collection: &str, name: &str, day: u32, bbox: [f64; 4]) -> GranuleRecord {
    GranuleRecord {
        granule: Granule {
            collection: collection.into(),
            name: name.into(),
            bbox: Some(bbox),
            start: Some(format!("2020-01-{day:02}T00:00:00Z")),
            end: Some(format!("2020-01-{day:02}T23:59:59Z")),
            location: format!("/data/{name}"),
            ..Granule::default()
        },
        ..GranuleRecord::default()
    }
}

async fn names(catalog: &Embedded, query: GranuleQuery) -> Vec<String> {
    let page = Page { size: 100, after: None };
    let found = catalog.granules(&query, &page).await.unwrap();
    assert_eq!(found.hits, found.granules.len() as u64);
    found.granules.into_iter().map(|g| g.name).collect()
}

fn of(collection: &str) -> GranuleQuery {
    GranuleQuery { collection: collection.into(), ..GranuleQuery::default() }
}

#[tokio::test]
async fn searches_by_place_time_name_and_id() {
    let catalog = Embedded::in_memory().await.unwrap();
    let c = collection(&catalog, "", "A", "").await;
    assert_eq!(c, "C1000000001-LOCAL");
    let stored = catalog
        .insert_granules(vec![
            granule(&c, "b_two.nc", 2, [170.0, -10.0, -170.0, 10.0]),
            granule(&c, "a_one.nc", 1, [0.0, 0.0, 10.0, 10.0]),
            granule(&c, "c_three.nc", 3, [-180.0, -90.0, 180.0, 90.0]),
        ])
        .await
        .unwrap();
    assert_eq!(stored[0].granule.id, "G1000000002-LOCAL");
    assert_eq!(stored[0].granule.links[0].href, "/granules/G1000000002-LOCAL/b_two.nc");
    assert_eq!(names(&catalog, of(&c)).await, ["a_one.nc", "b_two.nc", "c_three.nc"]);
    let bbox = GranuleQuery { bbox: Some([175.0, 0.0, -178.0, 5.0]), ..of(&c) };
    assert_eq!(names(&catalog, bbox).await, ["b_two.nc", "c_three.nc"]);
    let point = GranuleQuery { point: Some([10.0, 10.0]), ..of(&c) };
    assert_eq!(names(&catalog, point).await, ["a_one.nc", "c_three.nc"]);
    let start = Some("2020-01-02T23:59:59Z".to_owned());
    let time = GranuleQuery { start, ..of(&c) };
    assert_eq!(names(&catalog, time).await, ["b_two.nc", "c_three.nc"]);
    let name = |n: &str| GranuleQuery { names: vec![n.into()], ..of(&c) };
    assert_eq!(names(&catalog, name("*_T?O*")).await, ["b_two.nc"]);
    assert!(names(&catalog, name("b_two")).await.is_empty());
    let ids = GranuleQuery { ids: vec!["G1000000003-LOCAL".into(), "G2-X".into()], ..of(&c) };
    assert_eq!(names(&catalog, ids).await, ["a_one.nc"]);
    let shape = json!({ "type": "Polygon", "coordinates": [[[20, 20], [21, 20], [21, 21], [20, 20]]] });
    let shape = GranuleQuery { shape: Some(shape.to_string()), ..of(&c) };
    assert_eq!(names(&catalog, shape).await, ["c_three.nc"]);
    assert!(names(&catalog, of("C1-NO")).await.is_empty());
    let c = catalog.collections(&CollectionQuery::ShortName("a".into())).await.unwrap().remove(0);
    assert_eq!(c.boxes, [[-180.0, -90.0, 180.0, 90.0]]);
    assert_eq!(c.time_start.as_deref(), Some("2020-01-01T00:00:00Z"));
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps() {
    let catalog = Embedded::in_memory().await.unwrap();
    let c = collection(&catalog, "C7-EEDTEST", "A", "").await;
    let many = (0..23).map(|i| granule(&c, &format!("g{i}"), 1 + i % 3, [0.0, 0.0, 1.0, 1.0])).collect();
    catalog.insert_granules(many).await.unwrap();
    let whole = names(&catalog, of(&c)).await;
    let (mut seen, mut page, mut pages) = (Vec::new(), Page { size: 5, after: None }, 0);
    loop {
        let found = catalog.granules(&of(&c), &page).await.unwrap();
        assert_eq!(found.hits, 23);
        seen.extend(found.granules.into_iter().map(|g| g.name));
        pages += 1;
        match found.after {
            Some(after) => page.after = Some(after),
            None => break,
        }
    }
    assert_eq!((pages, &seen), (5, &whole));
    let count = catalog.granules(&of(&c), &Page::default()).await.unwrap();
    assert_eq!((count.hits, count.granules.len()), (23, 0));
    let bad = Page { size: 5, after: Some("x".into()) };
    assert!(catalog.granules(&of(&c), &bad).await.is_err());
}

#[tokio::test]
async fn ids_stay_over_restarts_removals_and_other_processes() {
    let dir = tempfile::tempdir().unwrap();
    let first = Embedded::open(dir.path()).await.unwrap();
    let c = collection(&first, "", "A", "").await;
    let one = first.insert_granules(vec![granule(&c, "x.nc", 1, [0.0, 0.0, 1.0, 1.0])]).await.unwrap();
    let other = Embedded::open(dir.path()).await.unwrap();
    assert_eq!(names(&other, of(&c)).await, ["x.nc"]);
    let again = other.insert_granules(vec![granule(&c, "x.nc", 5, [5.0, 5.0, 6.0, 6.0])]).await.unwrap();
    assert_eq!(again[0].granule.id, one[0].granule.id);
    // The first process sees what the other one did.
    let moved = GranuleQuery { bbox: Some([5.0, 5.0, 5.5, 5.5]), ..of(&c) };
    assert_eq!(names(&first, moved).await, ["x.nc"]);
    let key = first.files(None).await.unwrap()[0].key;
    first.remove_granules(&[key]).await.unwrap();
    assert!(names(&other, of(&c)).await.is_empty() && other.files(None).await.unwrap().is_empty());
    let back = other.insert_granules(vec![granule(&c, "x.nc", 1, [0.0, 0.0, 1.0, 1.0])]).await.unwrap();
    assert_eq!(back[0].granule.id, one[0].granule.id);
    assert_eq!(first.remove_collection(&c).await.unwrap(), 1);
    assert!(other.collections(&CollectionQuery::All).await.unwrap().is_empty());
    assert_eq!(collection(&other, "", "A", "").await, c);
    assert_eq!(first.collections(&CollectionQuery::Ids(vec![c.clone()])).await.unwrap().len(), 1);
}

#[tokio::test]
async fn concepts_belong_to_collections() {
    let catalog = Embedded::in_memory().await.unwrap();
    let a = collection(&catalog, "C1233800302-EEDTEST", "harmony_example", "2020-01-01").await;
    let b = collection(&catalog, "C1234088182-EEDTEST", "harmony_example", "2021-01-01").await;
    let newest = catalog.collections(&CollectionQuery::ShortName("harmony_example".into())).await.unwrap();
    assert_eq!(newest.iter().map(|c| &c.id).collect::<Vec<_>>(), [&b, &a]);
    let variable = |id: &str, name: &str| VariableRecord {
        variable: Variable { id: id.into(), name: name.into(), ..Variable::default() },
        collections: vec![a.clone()],
        umm: None,
    };
    let named = vec![variable("V1233801695-EEDTEST", "red_var"), variable("", "own")];
    let stored = catalog.insert_variables(named).await.unwrap();
    let own = stored[1].variable.id.clone();
    // Numbers of our own come after all that were given.
    assert_eq!(own, "V1234088183-LOCAL");
    let again = catalog.insert_variables(vec![variable("", "own")]).await.unwrap();
    assert_eq!(again[0].variable.id, own);
    let service = OtherRecord {
        id: "S1-EEDTEST".into(),
        name: "svc".into(),
        collections: vec![a.clone()],
        umm: json!({ "Name": "svc" }),
        ..OtherRecord::default()
    };
    catalog.insert_others(Kind::Service, vec![service]).await.unwrap();
    let found = catalog.collections(&CollectionQuery::Ids(vec![a.clone()])).await.unwrap().remove(0);
    assert_eq!(found.variables, ["V1233801695-EEDTEST".to_owned(), own.clone()]);
    assert_eq!(found.services, ["S1-EEDTEST"]);
    let ids = vec![own, "V9-X".into(), "V1233801695-EEDTEST".into()];
    let variables = catalog.variables(&ids).await.unwrap();
    assert_eq!(variables.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), ["own", "red_var"]);
    let grid = Grid { name: "LambertDurbin".into(), crs: "EPSG:3034".into(), width: 6000, ..Grid::default() };
    catalog.insert_others(Kind::Grid, vec![crate::catalog::umm::grid_record(&grid)]).await.unwrap();
    assert_eq!(catalog.grids("lambertdurbin").await.unwrap(), [grid]);
    assert!(catalog.guests_may_read(std::slice::from_ref(&a)).await.unwrap());
    assert!(!catalog.guests_may_read(&[a, "C9-X".into()]).await.unwrap());
}

#[tokio::test]
async fn what_is_wrong_is_refused_whole() {
    let catalog = Embedded::in_memory().await.unwrap();
    let c = collection(&catalog, "", "A", "").await;
    let mut bad = granule(&c, "bad", 1, [0.0, 0.0, 1.0, 1.0]);
    bad.granule.start = Some("yesterday".into());
    let both = vec![granule(&c, "good", 1, [0.0, 0.0, 1.0, 1.0]), bad];
    assert!(catalog.insert_granules(both).await.is_err());
    assert!(names(&catalog, of(&c)).await.is_empty());
    let homeless = granule("nowhere", "x", 1, [0.0, 0.0, 1.0, 1.0]);
    assert!(catalog.insert_granules(vec![homeless]).await.is_err());
    let mut record = CollectionRecord::default();
    record.collection.id = "X-1".into();
    assert!(catalog.insert_collection(record).await.is_err());
}
