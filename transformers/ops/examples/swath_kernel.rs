//! Time of the nearest-neighbour kernel: a synthetic swath of 3000 × 3000 cells to 4000 × 2600 targets of 0.01 degrees,
//! search radius 2 km, all cells in one index.
//!
//! `cargo run --release -p harmony-ops --example swath_kernel [rounds]`; `RAYON_NUM_THREADS` sets the threads.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use harmony_ops::project::Block;
use harmony_ops::project_swath::cells::Cells;
use harmony_ops::project_swath::index::{NONE, SwathIndex};
use harmony_ops::project_swath::nearest::Found;
use rayon::prelude::*;

const SIDE: usize = 3000;
const COLS: usize = 4000;
const ROWS: usize = 2600;

/// A tilted swath of cells about 1 km apart, centred on 20° W, 45° N; edges of the swath spread like a scanner's.
fn swath() -> (Vec<f64>, Vec<f64>) {
    let place = |i: usize, j: usize| {
        let (a, b) = (i as f64 / SIDE as f64 - 0.5, j as f64 / SIDE as f64 - 0.5);
        let across = b * (1.0 + 0.6 * b * b);
        let (north, east) = (26.0 * a - 5.0 * across, 30.0 * across + 6.0 * a);
        let lat = 45.0 + north;
        (-20.0 + east / lat.to_radians().cos().max(0.3), lat)
    };
    (0..SIDE * SIDE).into_par_iter().map(|k| place(k / SIDE, k % SIDE)).unzip()
}

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(5);
    let (lons, lats) = swath();
    let cells = Cells { block: Block::all([SIDE, SIDE]), lons, lats };
    let (west, north) = (-40.0, 58.0);
    for _ in 0..rounds {
        let begin = Instant::now();
        let Some(index) = SwathIndex::of(&cells) else { return };
        let built = begin.elapsed();
        let mut near = vec![NONE; ROWS * COLS];
        near.par_chunks_mut(COLS * 8).enumerate().for_each(|(part, near)| {
            let count = near.len() / COLS;
            for (row, near) in near.chunks_mut(COLS).enumerate().take(count) {
                let lats = vec![north - ((part * 8 + row) as f64 + 0.5) * 0.01; COLS];
                let lons: Vec<f64> = (0..COLS).map(|c| west + (c as f64 + 0.5) * 0.01).collect();
                let mut found = Found::nothing(COLS, 2000.0);
                found.look_at(&index, &lons, &lats);
                near.copy_from_slice(&found.cells);
            }
        });
        let all = begin.elapsed();
        let found = near.iter().filter(|c| **c != NONE).count();
        println!(
            "{} ms ({} ms index), {:.1} ns a target, {found} of {} have a neighbour, {} threads",
            all.as_millis(),
            built.as_millis(),
            all.as_nanos() as f64 / near.len() as f64,
            near.len(),
            rayon::current_num_threads()
        );
    }
}
