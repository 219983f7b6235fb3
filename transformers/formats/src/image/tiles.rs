//! How a browse image is cut into tiles (NASA GIBS: tiles for ingest).

use super::canvas::Area;

/// Pixels above which an image is cut.
const WHOLE: u128 = 8192 * 8192;
/// Pixels above which tiles are large.
const LARGE: u128 = 32_768 * 32_768;
const EDGE: u64 = 4096;
const LARGE_EDGE: u64 = 8192;

/// A tile and its place among the others, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    pub row: u64,
    pub column: u64,
    pub area: Area,
}

impl Tile {
    /// What stands between the stem of the name and the extension.
    pub fn mark(&self) -> String {
        format!(".r{:02}c{:02}", self.row, self.column)
    }
}

/// The tiles of an image row by row, those at the end cut short; `None` when it stays in one piece.
pub fn tiles(height: u64, width: u64) -> Option<Vec<Tile>> {
    let pixels = u128::from(height) * u128::from(width);
    if pixels <= WHOLE {
        return None;
    }
    let edge = if pixels > LARGE { LARGE_EDGE } else { EDGE };
    let rows = height.div_ceil(edge);
    let columns = width.div_ceil(edge);
    let cut = |i: u64, n: u64| i * edge..((i + 1) * edge).min(n);
    let tile = |row, column| Tile {
        row,
        column,
        area: Area { rows: cut(row, height), columns: cut(column, width) },
    };
    Some((0..rows).flat_map(|row| (0..columns).map(move |column| tile(row, column))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_larger_is_cut() {
        assert_eq!(tiles(8192, 8192), None);
        let nine = tiles(8202, 8202).unwrap();
        assert_eq!(nine.len(), 9);
        assert_eq!((nine[8].area.height(), nine[8].area.width()), (10, 10));
        assert_eq!(nine[5].mark(), ".r01c02");
    }

    #[test]
    fn the_last_column_is_what_is_left() {
        let five = tiles(3448, 20_000).unwrap();
        let widths: Vec<u64> = five.iter().map(|t| t.area.width()).collect();
        assert_eq!(widths, [4096, 4096, 4096, 4096, 3616]);
        let prefire = tiles(9000, 18_000).unwrap();
        assert_eq!(prefire.len(), 15);
        assert_eq!((prefire[14].area.height(), prefire[14].area.width()), (808, 1616));
    }

    #[test]
    fn very_large_images_get_large_tiles() {
        let t = tiles(40_000, 40_000).unwrap();
        assert_eq!((t.len(), t[0].area.width()), (25, 8192));
    }
}
