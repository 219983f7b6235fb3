//! Pixels of GDAL bands as arrays.

use std::sync::Arc;

use harmony_model::memory::copy_window;
use harmony_model::{ArraySource, ReadError, Run, Runs, Window};

use super::ffi::Dataset;
use super::info::PixelWindow;

/// Bytes fetched from GDAL at once.
const BLOCK: u64 = 16 << 20;

/// One band (axes y, x) or several of equal shape (axes band, y, x).
pub struct Bands {
    pub dataset: Arc<Dataset>,
    /// From 1.
    pub bands: Vec<u32>,
    /// The first axis counts bands.
    pub stacked: bool,
    pub height: u64,
    pub width: u64,
    /// Element type by GDAL's number, and its bytes.
    pub kind: i32,
    pub size: usize,
}

impl Bands {
    fn fetch(&self, band: u32, window: PixelWindow, out: &mut [u8]) -> Result<(), ReadError> {
        self.dataset.read(band, self.kind, self.size, window, out).map_err(|e| {
            let PixelWindow { x, y, width, height } = window;
            let object = format!("band {band}, {width} x {height} pixels from column {x}, row {y}");
            ReadError::corrupt(&self.dataset.name, object, e)
        })
    }

    /// The window of one band, rows in blocks; columns of several runs are cut out of the box around them.
    fn read_band(&self, band: u32, rows: &Runs, columns: &Runs, out: &mut [u8]) -> Result<(), ReadError> {
        let first = columns.runs().iter().map(|r| r.start).min().unwrap_or(0);
        let width = columns.upper() - first;
        let direct = matches!(columns.runs(), [_]);
        let line = columns.len() as usize * self.size;
        let mut shifted = Runs::default();
        columns.runs().iter().for_each(|r| shifted.push(r.start - first, r.len));
        let per_block = (BLOCK / (width * self.size as u64).max(1)).max(1);
        let (mut at, mut buffer) = (0, Vec::new());
        for &Run { start, len } in rows.runs() {
            let mut y = start;
            while y < start + len {
                let height = per_block.min(start + len - y);
                let window = PixelWindow { x: first, y, width, height };
                let part = &mut out[at..at + height as usize * line];
                if direct {
                    self.fetch(band, window, part)?;
                } else {
                    buffer.resize((width * height) as usize * self.size, 0);
                    self.fetch(band, window, &mut buffer)?;
                    let cut = Window(vec![Runs::all(height), shifted.clone()]);
                    copy_window(&buffer, &[height, width], self.size, &cut, part);
                }
                at += part.len();
                y += height;
            }
        }
        Ok(())
    }
}

impl ArraySource for Bands {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let (picked, rows, columns) = match (self.stacked, window.0.as_slice()) {
            (true, [bands, rows, columns]) => (bands.clone(), rows, columns),
            (false, [rows, columns]) => (Runs::all(1), rows, columns),
            _ => {
                return Err(ReadError::unsupported(
                    &self.dataset.name,
                    "raster",
                    "the window has other axes",
                ));
            }
        };
        let plane = rows.len() as usize * columns.len() as usize * self.size;
        if plane == 0 {
            return Ok(());
        }
        if rows.upper() > self.height
            || columns.upper() > self.width
            || picked.upper() > self.bands.len() as u64
        {
            return Err(ReadError::unsupported(&self.dataset.name, "raster", "the window leaves the image"));
        }
        for (i, part) in picked.indices().zip(out.chunks_exact_mut(plane)) {
            self.read_band(self.bands[i as usize], rows, columns, part)?;
        }
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        Ok(window.count().saturating_mul(self.size as u64))
    }
}
