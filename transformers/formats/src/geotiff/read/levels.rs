//! What a file holds beside its image: smaller versions of it, and masks.

use std::sync::{Arc, OnceLock};

use harmony_model::{ArraySource, ByteSource, Overview, ReadError, Runs, Window};

use super::super::tags::{self, SUBFILE_MASK, SUBFILE_REDUCED};
use super::blocks;
use super::image::Image;
use super::tiff::Directory;

/// Directories of a file that are looked at.
const MAX_DIRECTORIES: usize = 64;

/// A smaller version of the image.
#[derive(Clone)]
pub struct Level {
    pub image: Arc<Image>,
    pub mask: Option<Arc<dyn ArraySource>>,
}

/// The image of a file and where to find what belongs to it.
pub struct Levels {
    /// Directories are read through a cache, blocks are not.
    pub cached: Arc<dyn ByteSource>,
    pub source: Arc<dyn ByteSource>,
    pub main: Arc<Image>,
    pub big_endian: bool,
    /// One element in native order for blocks that were never written.
    pub fill: Vec<u8>,
    found: OnceLock<Vec<Level>>,
}

impl Levels {
    pub fn new(
        cached: &Arc<dyn ByteSource>,
        source: &Arc<dyn ByteSource>,
        main: &Arc<Image>,
        big_endian: bool,
        fill: &[u8],
    ) -> Self {
        Levels {
            cached: cached.clone(),
            source: source.clone(),
            main: main.clone(),
            big_endian,
            fill: fill.to_vec(),
            found: OnceLock::new(),
        }
    }

    /// Calls `each` with the kind of every directory that belongs to the image, until it says that it has enough.
    fn walk(
        &self,
        mut each: impl FnMut(u64, &Directory) -> Result<bool, ReadError>,
    ) -> Result<(), ReadError> {
        // A list that is damaged further on ends there: the image itself was read.
        let mut next = Directory::first(self.cached.as_ref())?.following();
        for _ in 0..MAX_DIRECTORIES {
            let Ok(Some(directory)) = next else { break };
            let kind = directory.number(tags::NEW_SUBFILE_TYPE, 0)? & (SUBFILE_REDUCED | SUBFILE_MASK);
            // Another page: what follows it is its own.
            if kind == 0 || each(kind, &directory)? {
                break;
            }
            next = directory.following();
        }
        Ok(())
    }

    /// For each cell 0 where the mask of the image hides it, else 1; `None` without a mask.
    ///
    /// # Errors
    /// When the mask is damaged or coded in a way that is not built in.
    pub fn mask(&self) -> Result<Option<Arc<dyn ArraySource>>, ReadError> {
        let mut found = None;
        self.walk(|kind, directory| {
            if kind == SUBFILE_MASK {
                if size(directory)? != [self.main.width, self.main.height] {
                    let detail = "it is not as large as the image";
                    return Err(ReadError::corrupt(self.source.name(), "TIFF mask", detail));
                }
                found = Some(self.mask_of(directory)?);
            }
            Ok(found.is_some())
        })?;
        Ok(found)
    }

    fn mask_of(&self, directory: &Directory) -> Result<Arc<dyn ArraySource>, ReadError> {
        let image = Arc::new(Image::of_mask(self.cached.as_ref(), directory)?);
        let packed = blocks::arrays(&self.source, &image, directory.big_endian, &[0]);
        let nothing = || ReadError::corrupt(self.source.name(), "TIFF mask", "it has no samples");
        Ok(Arc::new(Bits(packed.into_iter().next().ok_or_else(nothing)?)))
    }

    /// Smaller versions of the same bands, from the largest to the smallest.
    ///
    /// # Errors
    /// When a directory is damaged.
    pub fn smaller(&self) -> Result<&[Level], ReadError> {
        if let Some(known) = self.found.get() {
            return Ok(known);
        }
        let mut levels: Vec<Level> = Vec::new();
        let mut masks = Vec::new();
        self.walk(|kind, directory| {
            if kind == SUBFILE_REDUCED {
                let image = Arc::new(Image::of(self.cached.as_ref(), directory)?);
                let main = &self.main;
                let same = image.bands == main.bands && image.dtype == main.dtype;
                if same && image.width < main.width && image.height <= main.height {
                    levels.push(Level { image, mask: None });
                }
            } else if kind & SUBFILE_MASK != 0 {
                masks.push((size(directory)?, self.mask_of(directory)?));
            }
            Ok(false)
        })?;
        for level in &mut levels {
            let own = [level.image.width, level.image.height];
            level.mask = masks.iter().find(|(s, _)| *s == own).map(|(_, mask)| mask.clone());
        }
        levels.sort_by_key(|l| std::cmp::Reverse(l.image.width));
        Ok(self.found.get_or_init(|| levels))
    }
}

/// Columns and rows in cells.
fn size(directory: &Directory) -> Result<[u64; 2], ReadError> {
    Ok([directory.number(tags::IMAGE_WIDTH, 0)?, directory.number(tags::IMAGE_LENGTH, 0)?])
}

/// One band of an image with what belongs to it.
pub struct Band {
    pub data: Arc<dyn ArraySource>,
    /// From 0.
    pub number: usize,
    pub mask: Option<Arc<dyn ArraySource>>,
    pub levels: Arc<Levels>,
}

impl ArraySource for Band {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.data.read(window, out)
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.data.cost(window)
    }

    fn coverage(&self) -> Option<Arc<dyn ArraySource>> {
        self.mask.clone()
    }

    fn overviews(&self) -> Result<Vec<Overview>, ReadError> {
        let levels = &self.levels;
        let one = |level: &Level| {
            let arrays = blocks::arrays(&levels.source, &level.image, levels.big_endian, &levels.fill);
            let data = masked(arrays.get(self.number)?.clone(), level.mask.clone());
            let image = &level.image;
            let chunk = Some(vec![image.block_height, image.block_width]);
            Some(Overview { shape: vec![image.height, image.width], chunk, data })
        };
        Ok(levels.smaller()?.iter().filter_map(one).collect())
    }
}

/// An array with the mask that its file has for it.
pub fn masked(data: Arc<dyn ArraySource>, mask: Option<Arc<dyn ArraySource>>) -> Arc<dyn ArraySource> {
    match mask {
        Some(coverage) => Arc::new(harmony_model::Covered { data, coverage }),
        None => data,
    }
}

/// Cells out of an array whose bytes hold eight of them, the first in the highest bit.
struct Bits(Arc<dyn ArraySource>);

impl Bits {
    /// The bytes that hold cells of a run.
    fn bytes(start: u64, len: u64) -> Runs {
        Runs::range(start / 8, (start + len).div_ceil(8) - start / 8)
    }
}

impl ArraySource for Bits {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let [rows, columns] = window.0.as_slice() else {
            return Err(ReadError::unsupported("TIFF mask", "mask", "the window has other axes"));
        };
        let line = columns.len() as usize;
        let mut left = 0;
        for run in columns.runs().iter().filter(|r| r.len > 0) {
            let inner = Window(vec![rows.clone(), Bits::bytes(run.start, run.len)]);
            let width = inner.0[1].len() as usize;
            let mut packed = vec![0; rows.len() as usize * width];
            self.0.read(&inner, &mut packed)?;
            let (first, len) = ((run.start % 8) as usize, run.len as usize);
            for (row, out) in packed.chunks_exact(width).zip(out.chunks_exact_mut(line)) {
                for (i, cell) in out[left..left + len].iter_mut().enumerate() {
                    *cell = row[(first + i) / 8] >> (7 - (first + i) % 8) & 1;
                }
            }
            left += len;
        }
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        let [rows, columns] = window.0.as_slice() else { return Ok(0) };
        columns.runs().iter().filter(|r| r.len > 0).try_fold(0u64, |sum, run| {
            let inner = Window(vec![rows.clone(), Bits::bytes(run.start, run.len)]);
            Ok(sum.saturating_add(self.0.cost(&inner)?))
        })
    }
}
