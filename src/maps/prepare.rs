//! What is done before anybody asks, so that the first map of a large granule is quick.

use std::time::{Duration, Instant};

use super::blocks::BlockKey;
use super::dimension;
use super::grating::{Grating, base_level};
use super::opened::{Location, Stage};
use super::{MapError, Maps};

/// Variables of a granule that are made ready.
const VARIABLES: usize = 8;

/// When to prepare.
pub struct Pace<'a> {
    /// Nothing is begun later.
    pub until: Instant,
    /// Whether nobody waits for a map: asked before every piece of some ten milliseconds.
    pub is_idle: &'a dyn Fn() -> bool,
}

impl Pace<'_> {
    /// Waits for a moment in which nobody asks for maps; whether there is time left then.
    fn wait(&self) -> bool {
        loop {
            let now = Instant::now();
            if now >= self.until || (self.is_idle)() {
                return now < self.until;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Maps {
    /// Makes ready what the first map of a large granule would take long for: the newest plane of the variables that a
    /// map of it may be of. Small and remote granules are passed by, and so is what is on disk already.
    ///
    /// # Errors
    /// [`MapError::Read`].
    pub fn prepare(&self, location: &str, pace: &Pace) -> Result<(), MapError> {
        if self.store.is_none() || !Location::of(location).is_large() {
            return Ok(());
        }
        let opened = self.open(location)?;
        for field in opened.fields.iter().take(VARIABLES) {
            let band = dimension::choose(&field.main().raster, &Vec::new(), &Vec::new())?;
            // What has overviews is drawn from the coarsest of them when all of it is shown.
            if let Some(stage) = field.stages.last() {
                self.prepare_plane(stage, band, pace)?;
            }
        }
        Ok(())
    }

    /// Makes the base of a plane, if that takes long.
    fn prepare_plane(&self, stage: &Stage, band: usize, pace: &Pace) -> Result<(), MapError> {
        let base = Grating::of(stage, base_level(stage));
        let (Some(store), Some(origin)) = (&self.store, stage.origin) else { return Ok(()) };
        if !base.takes_long(stage) {
            return Ok(());
        }
        let (down, across) = (base.rows.div_ceil(base.block_rows), base.cols.div_ceil(base.block_cols));
        let band = u32::try_from(band).unwrap_or(0);
        let key = |row: u64, col: u64| BlockKey {
            stage: stage.id,
            band,
            level: base.level,
            row: row as u32,
            col: col as u32,
        };
        // As much at once as keeps all threads in work.
        let step = rayon::current_num_threads().div_ceil(4);
        let all = (0..down).flat_map(|row| (0..across).map(move |col| key(row, col)));
        let missing: Vec<BlockKey> = all.filter(|k| !store.has(origin, k)).collect();
        for keys in missing.chunks(step) {
            if !pace.wait() {
                break;
            }
            self.blocks(stage, base, keys)?;
        }
        Ok(())
    }
}
