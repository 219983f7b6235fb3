//! Requests and the grids they mean.

use harmony_model::GridSpec;
use harmony_model::crs::Crs;
use harmony_model::request::TargetRequest;

use super::target::*;

fn ask(edit: impl FnOnce(&mut TargetRequest), kind: SourceKind) -> Result<GridSpec, String> {
    let mut target = TargetRequest::default();
    edit(&mut target);
    let suggest = || Ok(Suggestion { extent: [-10.0, -5.0, 10.0, 5.5], cell: [1.0, 1.0] });
    resolve(&target, Crs::wgs84(), kind, suggest).map_err(|e| e.to_string())
}

#[test]
fn the_extent_wins_over_the_cell_size() {
    let grid = ask(
        |t| {
            t.extent = Some([0.0, 0.0, 10.0, 5.0]);
            t.cell_size = Some([3.0, 2.0]);
        },
        SourceKind::Grid,
    )
    .unwrap();
    // 5 / 2 = 2.5 rounds to even
    assert_eq!((grid.nx, grid.ny, grid.dx, grid.dy), (3, 2, 10.0 / 3.0, -2.5));
}

#[test]
fn three_numbers_must_agree_within_half_a_cell() {
    let with = |width| {
        ask(
            |t| {
                t.extent = Some([-20.0, 10.0, 60.0, 35.0]);
                t.cell_size = Some([1.0, 1.0]);
                (t.width, t.height) = (Some(width), Some(25));
            },
            SourceKind::Swath,
        )
    };
    assert_eq!(with(80).unwrap().nx, 80);
    let text = with(81).unwrap_err();
    assert!(text.contains("width 81") && text.contains("80"), "{text}");
}

#[test]
fn one_side_keeps_the_aspect_of_a_grid_and_is_not_enough_for_a_swath() {
    let grid = ask(|t| t.width = Some(40), SourceKind::Grid).unwrap();
    assert_eq!((grid.nx, grid.ny, grid.dx), (40, 21, 0.5));
    let text = ask(|t| t.width = Some(1000), SourceKind::Swath).unwrap_err();
    assert!(text.contains("height is missing"), "{text}");
}

#[test]
fn a_size_alone_is_kept_for_grids_and_adjusted_for_swaths() {
    let size = |t: &mut TargetRequest| t.cell_size = Some([3.0, 3.0]);
    let grid = ask(size, SourceKind::Grid).unwrap();
    assert_eq!((grid.x0, grid.y0, grid.dx, grid.nx, grid.ny), (-10.0, 5.5, 3.0, 7, 4));
    let grid = ask(size, SourceKind::Swath).unwrap();
    assert_eq!((grid.nx, grid.dx), (7, 20.0 / 7.0));
}

#[test]
fn absurd_requests_are_refused_with_what_would_fit() {
    let text = ask(|t| t.cell_size = Some([1e-9, 1.0]), SourceKind::Grid).unwrap_err();
    assert!(text.contains("limit of 16777216"), "{text}");
    let text = ask(|t| t.cell_size = Some([2e-6, 2e-6]), SourceKind::Grid).unwrap_err();
    assert!(text.contains("would fit"), "{text}");
    let text = ask(|t| t.extent = Some([10.0, 0.0, 0.0, 5.0]), SourceKind::Grid).unwrap_err();
    assert!(text.contains("reversed"), "{text}");
    let text = ask(|t| t.extent = Some([0.0, 0.0, 5000.0, 5.0]), SourceKind::Grid).unwrap_err();
    assert!(text.contains("outside"), "{text}");
    assert!(ask(|t| t.height = Some(0), SourceKind::Grid).is_err());
}

#[test]
fn a_named_grid_stands_alone() {
    let grid = ask(|t| t.grid = Some("EASE2_N09km".into()), SourceKind::Grid).unwrap();
    assert_eq!((grid.nx, grid.ny, grid.x0, grid.y0), (2000, 2000, -9e6, 9e6));
    let both = |t: &mut TargetRequest| {
        t.grid = Some("EASE2_N09km".into());
        t.width = Some(3);
    };
    assert!(ask(both, SourceKind::Grid).unwrap_err().contains("may not be provided"));
    let text = ask(|t| t.grid = Some("EASE2_N10km".into()), SourceKind::Grid).unwrap_err();
    assert!(text.starts_with("Unknown grid EASE2_N10km") && text.contains("EASE2_N09km"), "{text}");
}
