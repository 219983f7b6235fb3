//! The row of the table of extending that is about the catalogue of results (E14), over HTTP.

use crate::common::build::var;
use crate::common::make::Grid;
use crate::common::save_as;
use crate::server::Server;
use harmony_model::Granule;

/// A grid of degrees around a time in seconds since 2020-01-02.
fn granule(corner: [f64; 2], size: [usize; 2], seconds: i32) -> Granule {
    let grid = Grid { name: "part.nc", crs: "EPSG:4326", corner, cell: [1.0, -1.0], size };
    let mut g = grid.of(|_, _| 0f32);
    let v = g.find_var("/v").unwrap();
    let dims = g.vars.remove(v.0).dims;
    let time = g.add_dim(Granule::ROOT, "time", 1);
    let units = [("units", "seconds since 2020-01-02"), ("standard_name", "time")];
    var(&mut g, Granule::ROOT, "time", &[time], &[seconds], &units);
    let dims = [&[time], &dims[..]].concat();
    let values = vec![f32::from(1i8); size[0] * size[1]];
    var(&mut g, Granule::ROOT, "v", &dims, &values, &[("grid_mapping", "crs")]);
    g
}

#[test]
fn e14_the_item_of_an_extended_result_covers_all_granules() {
    let folder = tempfile::tempdir().unwrap();
    let parts = folder.path().join("parts");
    std::fs::create_dir(&parts).unwrap();
    save_as(&granule([-4.0, 0.0], [3, 3], 0), &parts.join("part_1.nc"));
    save_as(&granule([-1.0, 3.0], [2, 3], 4 * 86_400 - 1), &parts.join("part_2.nc"));
    let server = Server::start(&folder.path().join("data"), &["--add", &parts.display().to_string()]);
    let answer = server
        .get("/parts/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset?forceAsync=true&extend=time");
    let job = answer.header("location").and_then(|l| l.strip_prefix("/jobs/")).map(str::to_owned);
    let job = job.unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()));
    let document = server.wait(&job);
    assert_eq!(document["status"], "successful", "{document}");
    let item = server.get(&format!("/stac/{job}/0")).json();
    assert_eq!(item["bbox"], serde_json::json!([-4.0, -3.0, 1.0, 3.0]), "{item}");
    let instant = |name: &str| item["properties"][name].as_str().unwrap()[..19].to_owned();
    assert_eq!(
        (instant("start_datetime"), instant("end_datetime")),
        ("2020-01-02T00:00:00".into(), "2020-01-05T23:59:59".into())
    );
    assert_eq!(server.terminate(), Some(0));
}
