//! The nearest swath cells of a target, found block by block in what lies around each.

use std::sync::Arc;

use harmony_model::ReadError;

use super::approximate::Tree;
use super::cells::{Mesh, Patch};
use super::footprint;
use super::index::{Gathered, NONE, SwathIndex};
use super::nearest::Found;
use super::sphere;
use super::survey::Zone;
use super::swath::Swath;
use super::target::TargetGrid;
use crate::project::Block;

/// Search radius where nothing else is said: so many cells, and never more than this many metres.
const REACH_CELLS: f64 = 3.0;
pub const REACH_M: f64 = 50_000.0;
/// Cells that are searched at a time.
const BATCH: usize = 1 << 17;
/// Columns of a target that are looked at together where its rows are no parallels: a long strip across many latitudes
/// and longitudes has far more around it than in it.
const SLANTED: usize = 128;

/// How far the nearest cell may be.
enum Reach {
    Fixed(f64),
    /// As many metres as the cells lie apart around it.
    OfCell,
    /// As the swath projector searches, within a fixed distance.
    Approximate(Box<Tree>, f64),
}

/// The nearest swath cells of a target.
pub struct Neighbours {
    pub swath: Arc<Swath>,
    pub target: Arc<TargetGrid>,
    reach: Reach,
}

impl Neighbours {
    /// `radius_m`: search radius in metres; three cells, at most 50 km, when `None`. Gives `None` when no cell has a
    /// position.
    ///
    /// # Errors
    /// When positions can't be read.
    pub fn new(
        swath: Arc<Swath>,
        target: Arc<TargetGrid>,
        radius_m: Option<f64>,
    ) -> Result<Option<Self>, ReadError> {
        let reach = radius_m.map_or(Reach::OfCell, Reach::Fixed);
        let somewhere = swath.survey()?.valid > 0;
        Ok(somewhere.then_some(Neighbours { swath, target, reach }))
    }

    /// The same with the swath projector's approximate search, which holds all cells in memory.
    ///
    /// # Errors
    /// When positions can't be read.
    pub fn approximate(
        swath: Arc<Swath>,
        target: Arc<TargetGrid>,
        radius_m: f64,
    ) -> Result<Option<Self>, ReadError> {
        let whole = swath.whole()?;
        let tree = Tree::build(&whole.lons, &whole.lats);
        Ok(tree.map(|tree| Neighbours { swath, target, reach: Reach::Approximate(Box::new(tree), radius_m) }))
    }

    /// Numbers of the nearest cells of a block, row-major.
    ///
    /// # Errors
    /// When positions can't be read.
    pub fn of(&self, block: &Block) -> Result<Vec<u32>, ReadError> {
        let mut out = vec![NONE; block.count()];
        self.each_part(block, |part, lons, lats| {
            let (cells, _) = self.at(lons, lats, false)?;
            scatter(block, part, &cells, &mut out);
            Ok(())
        })?;
        Ok(out)
    }

    /// Calls `each` with parts of a block and the positions of their cells.
    ///
    /// # Errors
    /// What `each` says.
    pub fn each_part(
        &self,
        block: &Block,
        mut each: impl FnMut(&Block, &[f64], &[f64]) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let width = if self.target.is_geographic() { block.width() } else { SLANTED };
        for left in block.cols.clone().step_by(width.max(1)) {
            let cols = left..(left + width).min(block.cols.end);
            let part = Block { rows: block.rows.clone(), cols };
            let (lons, lats) = self.target.positions(&part);
            each(&part, &lons, &lats)?;
        }
        Ok(())
    }

    /// Numbers of the nearest cells of targets that are neighbours, and with `mesh` the swath around them.
    ///
    /// # Errors
    /// When positions can't be read.
    pub fn at(
        &self,
        lons: &[f64],
        lats: &[f64],
        mesh: bool,
    ) -> Result<(Vec<u32>, Option<Patch<'_>>), ReadError> {
        let radius_m = match &self.reach {
            Reach::Fixed(m) => *m,
            Reach::OfCell => REACH_M,
            Reach::Approximate(tree, m) => {
                return Ok((
                    lons.iter().zip(lats).map(|(&lon, &lat)| tree.find(lon, lat, *m)).collect(),
                    None,
                ));
            }
        };
        let mut found = Found::nothing(lons.len(), radius_m);
        self.search(lons, lats, radius_m, &mut found)?;
        let of_cell = matches!(self.reach, Reach::OfCell);
        if !of_cell && !mesh {
            return Ok((found.cells, None));
        }
        let patch = Patch::around(&self.swath, &found.cells)?;
        if of_cell {
            let mut near = Near { mesh: &patch, cols: self.swath.shape[1], sure: (NONE, 0.0) };
            for i in 0..lons.len() {
                if found.cells[i] != NONE && !near.reaches(found.cells[i], found.chord(i)) {
                    found.cells[i] = NONE;
                }
            }
            patch.check()?;
        }
        Ok((found.cells, Some(patch)))
    }

    fn search(&self, lons: &[f64], lats: &[f64], radius_m: f64, found: &mut Found) -> Result<(), ReadError> {
        let survey = self.swath.survey()?;
        let Some(around) = Zone::around(lons, lats) else { return Ok(()) };
        let zone = around.widened((radius_m / sphere::EARTH_RADIUS_M).to_degrees());
        let (origin, mut gathered) = (survey.origin(), Gathered::default());
        let mut look = |gathered: &mut Gathered| {
            if let Some(index) = SwathIndex::build(gathered, origin) {
                found.look_at(&index, lons, lats);
            }
            gathered.clear();
        };
        for tile in survey.tiles_in(&zone) {
            gathered.add(&self.swath.read(&self.swath.cuts.tile(tile))?, &zone, self.swath.shape[1]);
            if gathered.len() >= BATCH {
                look(&mut gathered);
            }
        }
        look(&mut gathered);
        Ok(())
    }
}

/// Puts what was found for a part of a block to its place in what was found for the block.
pub fn scatter<T: Copy>(block: &Block, part: &Block, found: &[T], out: &mut [T]) {
    for (row, line) in part.rows.clone().zip(found.chunks_exact(part.width().max(1))) {
        let at = (row - block.rows.start) * block.width() + part.cols.start - block.cols.start;
        out[at..at + line.len()].copy_from_slice(line);
    }
}

/// Whether cells reach as far as a target is.
struct Near<'a, M> {
    mesh: &'a M,
    cols: usize,
    /// The last cell and a chord that it surely reaches.
    sure: (u32, f64),
}

impl<M: Mesh> Near<'_, M> {
    fn reaches(&mut self, cell: u32, chord: f64) -> bool {
        let (row, col) = (cell as usize / self.cols, cell as usize % self.cols);
        if self.sure.0 != cell {
            self.sure = (cell, self.surely(row, col));
        }
        chord <= self.sure.1 || {
            let metres = footprint::reach(self.mesh, row, col, REACH_CELLS, REACH_M);
            chord <= sphere::chord_of_metres(metres)
        }
    }

    /// A chord that a cell reaches whatever its other neighbours are, from the next one in its row: that is half of the
    /// mean of two at least.
    fn surely(&self, row: usize, col: usize) -> f64 {
        let beside = if col + 1 < self.cols { col + 1 } else { col };
        match (self.mesh.unit(row, col), self.mesh.unit(row, beside)) {
            // A little less, for rounding.
            (Some(a), Some(b)) => {
                (REACH_CELLS * 0.49 * sphere::chord(a, b)).min(0.99 * sphere::chord_of_metres(REACH_M))
            }
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use harmony_model::GridSpec;
    use harmony_model::crs::Crs;

    use super::*;

    fn tilted() -> Arc<Swath> {
        let place = |i: usize, j: usize| {
            (10.0 + 0.01 * j as f64 + 0.002 * i as f64, 40.0 + 0.01 * i as f64 - 0.003 * j as f64)
        };
        let cells = (0..300).flat_map(|i| (0..400).map(move |j| (i, j)));
        let (lons, lats): (Vec<f64>, Vec<f64>) = cells.map(|(i, j)| place(i, j)).unzip();
        Arc::new(Swath::of(&lons, &lats, [300, 400], [None, None]))
    }

    /// What is found does not depend on how the target is cut, and is what a search of everything finds.
    #[test]
    fn blocks_of_any_size_find_the_same_cells() {
        let swath = tilted();
        let index = SwathIndex::of(&swath.whole().unwrap()).unwrap();
        for (crs, extent) in [
            ("EPSG:4326", [9.5, 38.5, 15.0, 43.5]),
            ("EPSG:3035", [4_300_000.0, 1_750_000.0, 4_800_000.0, 2_250_000.0]),
        ] {
            let grid = GridSpec::filling(Crs::parse(crs).unwrap(), extent, 300, 170);
            let target = Arc::new(TargetGrid::new(grid).unwrap());
            let all = Block::all([170, 300]);
            let (lons, lats) = target.positions(&all);
            for radius_m in [900.0, 40_000.0] {
                let mut want = Found::nothing(lons.len(), radius_m);
                want.look_at(&index, &lons, &lats);
                let n = Neighbours::new(swath.clone(), target.clone(), Some(radius_m)).unwrap().unwrap();
                assert_eq!(n.of(&all).unwrap(), want.cells);
                for (rows, cols) in [(0..1, 0..300), (3..67, 17..18), (100..170, 200..300)] {
                    let part = Block { rows, cols };
                    let mut got = vec![NONE; all.count()];
                    scatter(&all, &part, &n.of(&part).unwrap(), &mut got);
                    for row in part.rows.clone() {
                        let line = row * 300 + part.cols.start..row * 300 + part.cols.end;
                        assert_eq!(got[line.clone()], want.cells[line]);
                    }
                }
            }
        }
    }

    #[test]
    fn cells_reach_three_times_as_far_as_their_neighbours_are() {
        let swath = tilted();
        let grid = GridSpec::filling(Crs::wgs84(), [9.0, 38.0, 16.0, 44.0], 350, 300);
        let target = Arc::new(TargetGrid::new(grid).unwrap());
        let all = Block::all([300, 350]);
        let near = Neighbours::new(swath.clone(), target.clone(), None).unwrap().unwrap().of(&all).unwrap();
        let wide = Neighbours::new(swath.clone(), target.clone(), Some(REACH_M)).unwrap().unwrap();
        let whole = swath.whole().unwrap();
        let (lons, lats) = target.positions(&all);
        for (i, cell) in wide.of(&all).unwrap().into_iter().enumerate() {
            if cell == NONE {
                assert_eq!(near[i], NONE);
                continue;
            }
            let (row, col) = (cell as usize / 400, cell as usize % 400);
            let (lon, lat) = whole.at(row, col);
            let chord = sphere::chord(sphere::unit(lon, lat), sphere::unit(lons[i], lats[i]));
            let reach = sphere::chord_of_metres(footprint::reach(&whole, row, col, 3.0, REACH_M));
            if (chord - reach).abs() > 1e-8 {
                assert_eq!(near[i] == cell, chord < reach, "{chord} {reach}");
            }
        }
        assert!(near.contains(&NONE) && near.iter().any(|c| *c != NONE));
    }
}
