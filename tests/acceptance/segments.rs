//! 6.4 segmented trajectories.

use crate::common::{near, no_data, select, testdata, transform};
use crate::{ATL03, common, ring, shape_file, shared};
use harmony_model::Storage;

/// Segments, photons, background, ocean samples of a subset.
fn lengths(run: &common::Run) -> [u64; 4] {
    [
        "geolocation/segment_id",
        "heights/h_ph",
        "bckgrd_atlas/bckgrd_rate",
        "signal_find_output/ocean/bckgrd_mean",
    ]
    .map(|name| {
        let found = run.output.find_var(&format!("/gt1l/{name}"));
        // A group that nothing is left of is not written.
        found.map_or(0, |v| run.output.shape(v)[0])
    })
}

fn begins(run: &common::Run) -> Vec<f64> {
    run.stored("/gt1l/geolocation/ph_index_beg")
}

const R2_BOX: &str = "--bbox=95.10,87.29,95.12,87.30";

#[test]
fn r1_the_first_four_segments() {
    let run = transform(&shared!(ATL03), &["--bbox=178,87,180,88"]);
    assert_eq!(lengths(&run), [4, 304, 2, 2]);
    assert_eq!(begins(&run), [1.0, 78.0, 161.0, 234.0]);
    assert_eq!(run.shape("/gt1l/geophys_corr/dac"), [4]);
}

#[test]
fn r2_seven_segments_in_the_middle() {
    let atl03 = shared!(ATL03);
    let selected = select(&atl03, &[R2_BOX]).unwrap();
    let photons = (1623, 2098);
    let segment_dim =
        selected.scene.granule.var(common::find(&selected.scene.granule, "/gt1l/geolocation/segment_id"));
    let runs = selected.cut.selection.runs(&selected.scene.granule, segment_dim.dims[0]);
    assert_eq!(runs.indices().collect::<Vec<_>>(), (22..29).collect::<Vec<_>>());
    let run = transform(&atl03, &[R2_BOX]);
    assert_eq!(lengths(&run), [7, 476, 4, 3]);
    let b = begins(&run);
    assert_eq!((b[0], b[1], b[2], b[6]), (1.0, 60.0, 122.0, 405.0));
    let h = run.physical("/gt1l/heights/h_ph");
    assert!(near(h[0], 12.397579, 1e-6) && near(h[475], 12.269059, 1e-6), "{} {}", h[0], h[475]);
    let input = common::open(&atl03);
    let all = common::physical(&input, "/gt1l/heights/h_ph");
    assert_eq!(h, all[photons.0..=photons.1]);
}

#[test]
fn r3_two_runs_keep_the_background_from_first_to_last_time() {
    let run = transform(&shared!(ATL03), &["--bbox=-180,87.2975,180,87.2985"]);
    let [segments, photons, background, ocean] = lengths(&run);
    assert_eq!((segments, photons), (12, 885));
    assert_eq!(begins(&run)[11], 819.0);
    assert_eq!((background, ocean), (11362, 8647));
}

#[test]
fn r4_a_box_across_the_antimeridian() {
    let run = transform(&shared!(ATL03), &["--bbox=95.165,87,-170,88"]);
    assert_eq!(lengths(&run)[..2], [6, 467]);
}

#[test]
fn r5_a_box_around_everything_changes_no_index() {
    let atl03 = shared!(ATL03);
    let run = transform(&atl03, &["--bbox=90,87,180,88"]);
    assert_eq!(lengths(&run), [40, 2909, 11378, 8659]);
    let input = common::open(&atl03);
    assert_eq!(
        begins(&run),
        input.read_stored(common::find(&input, "/gt1l/geolocation/ph_index_beg")).unwrap()
    );
}

#[test]
fn r6_a_box_elsewhere_is_no_data() {
    no_data(&shared!(ATL03), &["--bbox=0,0,10,10"]);
}

#[test]
fn r7_a_time_range_keeps_the_photons_of_its_last_segment() {
    let run = transform(&shared!(ATL03), &["--time=2018-10-14T00:26:50Z/2018-10-14T00:26:51Z"]);
    assert_eq!(lengths(&run)[..2], [4, 304]);
}

#[test]
fn r8_fractions_of_a_second_count() {
    let atl03 = shared!(ATL03);
    let run = transform(&atl03, &["--time=2018-10-14T00:26:50.7990Z/2018-10-14T00:26:50.8010Z"]);
    assert_eq!(lengths(&run)[..2], [1, 83]);
    let input = common::open(&atl03);
    let ids = input.read_stored(common::find(&input, "/gt1l/geolocation/segment_id")).unwrap();
    assert_eq!(run.stored("/gt1l/geolocation/segment_id"), [ids[1]]);
}

#[test]
fn r9_a_range_between_samples_is_no_data() {
    no_data(&shared!(ATL03), &["--time=2018-10-14T00:27:00Z/2018-10-14T00:27:40Z"]);
}

#[test]
fn r10_one_variable_brings_what_makes_it_readable() {
    let run = transform(&shared!(ATL03), &[R2_BOX, "--variable=/gt1l/heights/h_ph"]);
    for name in [
        "heights/h_ph",
        "heights/lat_ph",
        "heights/lon_ph",
        "heights/delta_time",
        "geolocation/ph_index_beg",
        "geolocation/segment_ph_cnt",
        "geolocation/reference_photon_lat",
        "geolocation/reference_photon_lon",
        "geolocation/delta_time",
    ] {
        assert!(run.has(&format!("/gt1l/{name}")), "{name} in {:?}", run.names());
    }
    assert!(!run.has("/gt1l/heights/quality_ph") && !run.has("/gt1l/bckgrd_atlas/bckgrd_rate"));
    assert!(run.output.find_group("/METADATA").is_some());
    assert_eq!(begins(&run)[1], 60.0);
}

#[test]
fn r11_a_box_without_width_is_no_data() {
    no_data(&shared!(ATL03), &["--bbox=95.11,87.2955,95.11,87.2965"]);
}

#[test]
fn r12_begins_are_sums_of_counts_and_storage_is_kept() {
    let atl03 = shared!(ATL03);
    for request in [R2_BOX, "--bbox=178,87,180,88", "--bbox=-180,87.2975,180,87.2985"] {
        let run = transform(&atl03, &[request]);
        assert_indices(&run, "/gt1l");
        let h = run.output.var(common::find(&run.output, "/gt1l/heights/h_ph"));
        assert!(matches!(h.storage, Storage::Chunked { .. }));
        assert!(h.storage.filters().iter().any(|f| f.id == harmony_model::filter::DEFLATE));
        assert!(h.attr("coordinates").is_some());
    }
}

/// `ph_index_beg[i] = 1 + Σ counts before` where there are photons; the counts add up to the photons.
fn assert_indices(run: &common::Run, beam: &str) {
    let begins = run.stored(&format!("{beam}/geolocation/ph_index_beg"));
    let counts = run.stored(&format!("{beam}/geolocation/segment_ph_cnt"));
    let mut next = 1.0;
    for (b, c) in begins.iter().zip(&counts) {
        let empty = *c == 0.0;
        assert!(if empty { *b == 0.0 } else { *b == next }, "{b} {c} {next}");
        next += c;
    }
    assert_eq!(next - 1.0, run.shape(&format!("{beam}/heights/h_ph"))[0] as f64);
}

#[test]
fn r12_r14_the_same_on_our_granule_with_empty_segments_and_at_its_end() {
    let photons = testdata("atl03_like.h5");
    for (request, segments) in
        [("--bbox=80,-9,110,-7", 6), ("--bbox=80,31,110,90", 5), ("--bbox=80,-2,110,2", 21)]
    {
        let run = transform(&photons, &[request]);
        for beam in ["/gt1l", "/gt2l", "/gt3l"] {
            assert_indices(&run, beam);
            assert_eq!(
                run.shape(&format!("{beam}/geolocation/ph_index_beg")),
                [segments],
                "{request} {beam}"
            );
        }
    }
}

#[test]
fn r15_the_hole_of_a_multipolygon_is_honoured() {
    let atl03 = shared!(ATL03);
    let (outer, hole) = (ring(95.10, 87.29, 95.12, 87.30), ring(95.108, 87.2901, 95.112, 87.2999));
    let shape = shape_file("MultiPolygon", &format!("[[{outer},{hole}]]"));
    let input = common::open(&atl03);
    let at = |name: &str| common::physical(&input, &format!("/gt1l/geolocation/reference_photon_{name}"));
    let inside = |(x, y): (f64, f64)| {
        let within = |w: f64, s: f64, e: f64, n: f64| (w..=e).contains(&x) && (s..=n).contains(&y);
        within(95.10, 87.29, 95.12, 87.30) && !within(95.108, 87.2901, 95.112, 87.2999)
    };
    let wanted = at("lon").into_iter().zip(at("lat")).filter(|&p| inside(p)).count() as u64;
    assert!(wanted > 0 && wanted < 7, "{wanted}");
    let run = transform(&atl03, &[&shape.option()]);
    assert_eq!(lengths(&run)[0], wanted);
    assert_indices(&run, "/gt1l");
}

#[test]
fn r17_a_subset_of_a_subset_is_consistent_again() {
    let atl03 = shared!(ATL03);
    let first = transform(&atl03, &["--bbox=95.09,87.28,95.13,87.31"]);
    let second = transform(&first.written.output, &[R2_BOX]);
    let direct = transform(&atl03, &[R2_BOX]);
    assert_eq!(lengths(&second)[..2], lengths(&direct)[..2]);
    assert_eq!(begins(&second), begins(&direct));
    let again = transform(&direct.written.output, &[R2_BOX]);
    assert_eq!(begins(&again), begins(&direct));
    assert_eq!(lengths(&again), lengths(&direct));
}
