//! Grids that go by a name (contract §1.2); the definitions are data, in `grids.toml`.

use std::sync::LazyLock;

use harmony_model::GridSpec;
use harmony_model::crs::Crs;
use serde::Deserialize;

const BUILT_IN: &str = include_str!("grids.toml");

#[derive(Deserialize)]
struct File {
    grid: Vec<Definition>,
}

#[derive(Deserialize)]
struct Definition {
    names: Vec<String>,
    crs: String,
    /// Outer corner in the north-west.
    origin: [f64; 2],
    /// Cell size along x and y.
    cell: [f64; 2],
    /// Columns and rows.
    size: [u64; 2],
}

static GRIDS: LazyLock<Vec<Definition>> =
    LazyLock::new(|| toml::from_str::<File>(BUILT_IN).expect("grids.toml: tested").grid);

/// Letters and digits of a name: case and separators carry no meaning.
fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric() || *c == '.').flat_map(char::to_lowercase).collect()
}

/// Canonical names.
pub fn names() -> impl Iterator<Item = &'static str> {
    GRIDS.iter().map(|g| g.names[0].as_str())
}

/// The grid of that name, in any case.
///
/// # Errors
/// `Unknown grid <name>` and the nearest names.
pub fn find(name: &str) -> Result<GridSpec, String> {
    let wanted = folded(name);
    let known = GRIDS.iter().find(|g| g.names.iter().any(|n| folded(n) == wanted));
    let Some(grid) = known else { return Err(unknown(name, &wanted)) };
    Ok(GridSpec {
        crs: Crs::parse(&grid.crs).map_err(|e| e.to_string())?,
        x0: grid.origin[0],
        y0: grid.origin[1],
        dx: grid.cell[0],
        dy: -grid.cell[1],
        nx: grid.size[0],
        ny: grid.size[1],
    })
}

fn unknown(name: &str, wanted: &str) -> String {
    let mut ranked: Vec<(usize, &str)> = names().map(|n| (distance(wanted, &folded(n)), n)).collect();
    ranked.sort();
    let nearest: Vec<&str> = ranked.iter().take(5).map(|(_, n)| *n).collect();
    format!("Unknown grid {name}; the nearest names are {}", nearest.join(", "))
}

/// Edit distance of two short names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let best = (diagonal + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_is_read_and_geographic_ones_stay_on_earth() {
        assert!(GRIDS.len() > 20);
        for grid in GRIDS.iter() {
            assert!(!grid.names.is_empty() && grid.size.iter().all(|n| *n > 0), "{:?}", grid.names);
            if grid.crs == "EPSG:4326" {
                let south = grid.origin[1] - grid.cell[1] * grid.size[1] as f64;
                let east = grid.origin[0] + grid.cell[0] * grid.size[0] as f64;
                assert!(
                    (-90.3..=-89.7).contains(&south) && east <= 180.0 + 1e-9,
                    "{:?} {south} {east}",
                    grid.names
                );
            }
        }
    }

    #[test]
    fn merra2_cells_are_centred_on_the_poles() {
        let grid = find("merra-2").unwrap();
        assert_eq!((grid.nx, grid.ny), (576, 361));
        assert_eq!((grid.x_centre(0.0), grid.y_centre(0.0)), (-180.0, 90.0));
    }
}
