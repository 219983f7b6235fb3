use super::*;

const WHOLE: Block = Block { rows: 0..12, cols: 0..16 };

/// Where a cell of a source at twice the density of the target lies, tilted.
fn tilted(i: usize, j: usize) -> (f32, f32) {
    (j as f32 * 0.5 + i as f32 * 0.05 - 0.3, i as f32 * 0.5 - j as f32 * 0.04 + 0.6)
}

/// Of a source of `shape` in tiles no larger than `tile` cells. Nothing is kept.
fn placed(shape: [usize; 2], tile: usize, place: fn(usize, usize) -> (f32, f32), manner: Manner) -> Field {
    let placing = move |block: &Block| {
        let cells = block.rows.clone().flat_map(|i| block.cols.clone().map(move |j| (i, j)));
        Ok(cells.map(|(i, j)| place(i, j)).unzip())
    };
    Field::new(shape, Cuts::of_tiles(shape, tile), Box::new(placing), manner, 0).unwrap()
}

fn field(shapes: Shapes) -> Field {
    placed([24, 32], 7, tilted, Manner { scans: Scans::of_rows(4), shapes, period: None })
}

fn spread(f: &Field, t: &Block, mode: Mode, share: f64, value: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut out = vec![0.0; t.count()];
    f.spread(t, mode, share, value, &mut out).unwrap();
    out
}

#[test]
fn a_linear_field_stays_linear_and_a_constant_one_constant() {
    for shapes in [Shapes::Local, Shapes::Scan] {
        let f = field(shapes);
        let out = spread(&f, &WHOLE, Mode::Mean, 0.5, |_, _| 7.0);
        assert!(out.iter().filter(|v| !v.is_nan()).all(|v| (*v - 7.0).abs() < 1e-9));
        assert!(out.iter().filter(|v| !v.is_nan()).count() > 150);
        let out = spread(&f, &WHOLE, Mode::Mean, 0.5, |i, j| f64::from(tilted(i, j).0));
        for row in 2..9 {
            for col in 3..12 {
                assert!(
                    (out[row * 16 + col] - col as f64).abs() < 0.12,
                    "{row} {col} {}",
                    out[row * 16 + col]
                );
            }
        }
    }
}

#[test]
fn blocks_of_any_size_give_the_same_values() {
    let f = field(Shapes::Local);
    let coarse = placed([24, 32], 24, tilted, f.manner);
    let value = |i: usize, j: usize| if (i + j).is_multiple_of(7) { f64::NAN } else { (i * j) as f64 };
    for mode in [Mode::Mean, Mode::Heaviest] {
        let whole = spread(&f, &WHOLE, mode, 0.5, value);
        let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&whole), bits(&spread(&coarse, &WHOLE, mode, 0.5, value)), "tiles of any size");
        for (rows, cols) in [(1, 1), (5, 3), (12, 2)] {
            for row in (0..12).step_by(rows) {
                for col in (0..16).step_by(cols) {
                    let t = Block { rows: row..(row + rows).min(12), cols: col..(col + cols).min(16) };
                    let part = spread(&f, &t, mode, 0.5, value);
                    for (k, p) in part.iter().enumerate() {
                        let w = whole[(row + k / t.width()) * 16 + col + k % t.width()];
                        assert!(w.to_bits() == p.to_bits(), "{row} {col} {w} {p}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_target_cell_needs_half_of_its_weight_from_valid_cells() {
    let f = field(Shapes::Local);
    // Values in the left half only.
    let half = |_: usize, j: usize| if j < 16 { 1.0 } else { f64::NAN };
    let out = spread(&f, &WHOLE, Mode::Mean, 0.5, half);
    let strict = out.iter().filter(|v| !v.is_nan()).count();
    let out = spread(&f, &WHOLE, Mode::Mean, 0.0, half);
    let loose = out.iter().filter(|v| !v.is_nan()).count();
    assert!(strict < loose, "{strict} {loose}");
    assert!(out.iter().all(|v| v.is_nan() || *v == 1.0));
}

#[test]
fn longitudes_go_around() {
    // A ring of 36 columns; the target begins in its middle.
    let place = |i: usize, j: usize| (((j + 18) % 36) as f32, i as f32);
    let manner = Manner { scans: Scans::Whole, shapes: Shapes::Local, period: Some(36.0) };
    let f = placed([3, 36], 10, place, manner);
    let out = spread(&f, &Block { rows: 1..2, cols: 0..36 }, Mode::Heaviest, 0.5, |_, j| j as f64);
    let want: Vec<f64> = (0..36).map(|c| f64::from((c + 18) % 36)).collect();
    assert_eq!(out, want);
}
