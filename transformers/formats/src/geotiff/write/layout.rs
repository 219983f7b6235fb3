//! The shape of a file: levels, blocks, and which bands share blocks.

use harmony_model::request::Compat;

use super::image::Image;
use super::options::TILE;
use super::pyramid::Level;

/// Bytes of a strip of a file without tiles.
const STRIP_BYTES: u64 = 64 << 10;
/// Sides of tiles are multiples of this.
const TILE_UNIT: u64 = 16;
/// Bands that share blocks at most; beyond it a reader that wants one band would decode too many others.
const MAX_INTERLEAVED: usize = 4;

/// The shape of a file.
pub struct Layout {
    /// The full size first.
    pub levels: Vec<Level>,
    pub tiled: bool,
    /// All bands share blocks; else each has its own.
    pub interleaved: bool,
    /// GDAL's COG layout: a header that describes it, blocks with their sizes around them.
    pub cog: bool,
    /// Bytes of blocks from which on offsets have 64 bits (BigTIFF).
    pub classic: u64,
}

impl Layout {
    pub fn of(image: &Image, cog: bool, compat: Option<Compat>, classic: u64) -> Self {
        let (width, height) = (image.width(), image.height());
        let tiled = cog || (width > TILE && height > TILE);
        let sizes = if cog { overview_sizes(width, height, compat) } else { Vec::new() };
        let interleaved = image.bands.len() <= MAX_INTERLEAVED || compat == Some(Compat::Net2cog);
        let pixel = image.dtype.size() as u64 * if interleaved { image.bands.len() as u64 } else { 1 };
        // Many small planes would be little but the rims of their tiles.
        let side = |n: u64| if interleaved { TILE } else { n.next_multiple_of(TILE_UNIT).min(TILE) };
        let tile = (side(width), side(height));
        let level = |(width, height): (u64, u64)| {
            let rows = (STRIP_BYTES / (width * pixel).max(1)).clamp(1, height);
            let (block_width, block_height) = if tiled { tile } else { (width, rows) };
            Level { width, height, block_width, block_height, padded: tiled }
        };
        let levels = std::iter::once((width, height)).chain(sizes).map(level).collect();
        Layout { levels, tiled, interleaved, cog, classic }
    }

    /// Bands that share blocks.
    pub fn group_size(&self, bands: usize) -> usize {
        if self.interleaved { bands } else { 1 }
    }
}

/// Half after half until the image is no larger than a tile. The reference program stops when its shorter side is.
fn overview_sizes(width: u64, height: u64, compat: Option<Compat>) -> Vec<(u64, u64)> {
    let by_shorter = compat == Some(Compat::Net2cog);
    let large = |w: u64, h: u64| if by_shorter { w.min(h) > TILE } else { w.max(h) > TILE };
    let (mut w, mut h) = (width, height);
    let mut out = Vec::new();
    while large(w, h) {
        (w, h) = (w.div_ceil(2), h.div_ceil(2));
        out.push((w, h));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overviews_end_at_one_tile() {
        assert_eq!(overview_sizes(3600, 1800, None), [(1800, 900), (900, 450), (450, 225)]);
        assert_eq!(overview_sizes(3600, 1800, Some(Compat::Net2cog)), [(1800, 900), (900, 450)]);
        assert_eq!(overview_sizes(512, 512, None), []);
        assert_eq!(overview_sizes(100_001, 1, None).last(), Some(&(391, 1)));
    }
}
