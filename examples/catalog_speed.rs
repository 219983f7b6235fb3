//! How fast a catalogue of many granules opens and is searched.
//!
//! `cargo run --release --example catalog_speed -- [GRANULES] [FOLDER]`
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use harmony::catalog::embedded::Embedded;
use harmony::catalog::embedded::records::{CollectionRecord, GranuleRecord};
use harmony::catalog::{Catalog, Granule, GranuleQuery, Page};

/// Half an hour apart; every second one a swath with an outline of sixteen corners.
fn granule(collection: &str, i: u32) -> GranuleRecord {
    let lon = f64::from(i.wrapping_mul(7919) % 3600) / 10.0 - 180.0;
    let lat = f64::from(i.wrapping_mul(104_729) % 1500) / 10.0 - 75.0;
    let east = if lon + 20.0 > 180.0 { lon - 340.0 } else { lon + 20.0 };
    let corner = |k: u32| {
        let angle = f64::from(k) / 16.0 * std::f64::consts::TAU;
        [lon + 10.0 + 10.0 * angle.cos(), (lat + 5.0 + 8.0 * angle.sin()).clamp(-90.0, 90.0)]
    };
    let minutes = i64::from(i) * 30;
    let time =
        |m: i64| harmony_model::time::DateTime { micros: (1_262_304_000 + m * 60) * 1_000_000 }.to_string();
    let granule = Granule {
        collection: collection.into(),
        name: format!("swath_{i:07}.nc"),
        bbox: Some([lon, lat - 3.0, east, lat + 13.0]),
        polygons: if i.is_multiple_of(2) { vec![(0..16).map(corner).collect()] } else { Vec::new() },
        start: Some(time(minutes)),
        end: Some(time(minutes + 5)),
        size_bytes: Some(1_000_000),
        location: format!("/data/swath_{i:07}.nc"),
        ..Granule::default()
    };
    GranuleRecord { granule, ..GranuleRecord::default() }
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |p: usize| times[(times.len() - 1) * p / 100].as_secs_f64() * 1e3;
    format!("p50 {:.2} ms, p95 {:.2} ms, max {:.2} ms", at(50), at(95), at(100))
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let count: u32 = args.first().map_or(100_000, |a| a.parse().unwrap());
    let temporary = std::env::temp_dir().join(format!("catalog-speed-{}", std::process::id()));
    let folder = args.get(1).map_or(temporary, Into::into);
    let catalog = Embedded::open(&folder).await.unwrap();
    let mut record = CollectionRecord { derived: true, ..CollectionRecord::default() };
    record.collection.short_name = "SWATHS".into();
    let id = catalog.insert_collection(record).await.unwrap().collection.id;
    let begun = Instant::now();
    for first in (0..count).step_by(5000) {
        let batch = (first..(first + 5000).min(count)).map(|i| granule(&id, i)).collect();
        catalog.insert_granules(batch).await.unwrap();
    }
    println!("{count} granules stored in {:.2} s", begun.elapsed().as_secs_f64());
    drop(catalog);

    let begun = Instant::now();
    let catalog = Embedded::open(&folder).await.unwrap();
    println!("opened in {:.3} s", begun.elapsed().as_secs_f64());

    let page = Page { size: 2000, after: None };
    let bare = GranuleQuery { collection: id.clone(), ..GranuleQuery::default() };
    for (label, years, size) in [("1 day", 0.0027, 10.0), ("1 month", 0.083, 30.0), ("all times", 10.0, 60.0)]
    {
        let (mut times, mut hits) = (Vec::new(), 0);
        for i in 0..60u32 {
            let west = f64::from(i * 41 % 360) - 180.0;
            let east = if west + size > 180.0 { west + size - 360.0 } else { west + size };
            let start = 1_262_304_000 + i64::from(i) * 86_400 * 20;
            let end = start + (years * 365.25 * 86_400.0) as i64;
            let text = |s: i64| Some(harmony_model::time::DateTime { micros: s * 1_000_000 }.to_string());
            let bbox = Some([west, -20.0, east, 20.0]);
            let query = GranuleQuery { bbox, start: text(start), end: text(end), ..bare.clone() };
            let begun = Instant::now();
            let found = catalog.granules(&query, &Page { size: 10, after: None }).await.unwrap();
            times.push(begun.elapsed());
            hits += found.hits;
        }
        println!("box {size}°, {label}: {} (mean {} hits)", percentiles(times), hits / 60);
    }
    let begun = Instant::now();
    let found = catalog.granules(&bare, &page).await.unwrap();
    println!("first page of 2000 of {}: {:.1} ms", found.hits, begun.elapsed().as_secs_f64() * 1e3);
    let names = GranuleQuery { names: vec!["*_00?9*".into()], ..bare };
    let begun = Instant::now();
    let found = catalog.granules(&names, &Page { size: 10, after: None }).await.unwrap();
    println!("wildcard name, {} hits: {:.1} ms", found.hits, begun.elapsed().as_secs_f64() * 1e3);
    if args.len() < 2 {
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
