//! Writes what the golden cases of a group expect, to be judged by the digest program: with `HARMONY_GOLDEN_OUT` set to a
//! folder every case becomes `<folder>/<mode>/<case>.nc`.

use std::path::Path;

use harmony_formats::write::WriteOptions;
use harmony_model::request::Compat;
use harmony_model::{Granule, Interpolation, Request};
use harmony_ops::Transform;
use serde_json::Value;

use crate::support::{apply, granule, request, shared};

fn number(v: &Value) -> Option<f64> {
    v.as_f64()
}

fn numbers<const N: usize>(v: &Value) -> Option<[f64; N]> {
    let list: Vec<f64> = v.as_array()?.iter().filter_map(number).collect();
    list.try_into().ok()
}

fn request_of(operation: &Value) -> Request {
    let method = operation["interpolation"].as_str().unwrap_or("near");
    let mut r = request(operation["crs"].as_str().unwrap_or("EPSG:4326"), "near");
    r.target.interpolation = match method {
        "elliptical weighted averaging, largest weight wins" => Some(Interpolation::EwaNearest),
        other => Some(Interpolation::parse(other).unwrap()),
    };
    r.target.extent = numbers(&operation["scale_extent"]);
    r.target.cell_size = numbers(&operation["scale_size"]);
    r.target.width = operation["width"].as_u64();
    r.target.height = operation["height"].as_u64();
    r.target.search_radius_m = number(&operation["radius_of_influence_m"]);
    r
}

fn write(granule: &Granule, target: &Path) {
    harmony_formats::netcdf4::write::write(granule, target, &WriteOptions::default()).unwrap();
}

fn run(group: &str, op: &dyn Transform, compat: Compat) {
    let (Some(shared), Some(out)) = (shared(), std::env::var_os("HARMONY_GOLDEN_OUT")) else {
        println!("skipped: HARMONY_GOLDEN_OUT is not set");
        return;
    };
    let mut cases: Vec<_> =
        std::fs::read_dir(shared.join("golden").join(group)).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    for path in cases {
        let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let file = case["inputs"][0]["file"].as_str().unwrap();
        let Some(input) = granule(file.rsplit('/').next().unwrap()) else { continue };
        for (mode, compat) in [("default", None), ("compat", Some(compat))] {
            let folder = Path::new(&out).join(mode);
            std::fs::create_dir_all(&folder).unwrap();
            let mut request = request_of(&case["operation"]);
            request.compat = compat;
            let target = folder.join(format!("{}.nc", case["id"].as_str().unwrap()));
            let begin = std::time::Instant::now();
            match apply(op, &input, &request) {
                Ok((granule, notices)) => {
                    write(&granule, &target);
                    println!("{} {:?} {notices:?}", target.display(), begin.elapsed());
                }
                Err(e) => println!("{}: {e}", target.display()),
            }
        }
    }
}

#[test]
fn swath() {
    run("swath", &harmony_ops::project_swath::ProjectSwath, Compat::SwathProjector);
}

#[test]
fn regrid() {
    run("regrid", &harmony_ops::regrid::Regrid, Compat::Regridder);
}
