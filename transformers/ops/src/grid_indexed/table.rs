//! Which grid the samples of a group lie on.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::project_swath::matches;

#[derive(Deserialize)]
struct File {
    grid: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    products: Vec<String>,
    groups: Vec<String>,
    grid: String,
}

static TABLE: LazyLock<Vec<Entry>> =
    LazyLock::new(|| toml::from_str::<File>(include_str!("grids.toml")).expect("grids.toml: tested").grid);

/// Name of the grid of a product's group.
pub fn grid_of(product: &str, group: &str) -> Option<String> {
    let any =
        |patterns: &[String], name: &str| patterns.iter().any(|p| matches(p.as_bytes(), name.as_bytes()));
    let entry = TABLE.iter().find(|e| any(&e.products, product) && any(&e.groups, group));
    entry.map(|e| e.grid.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_the_grids_of_the_contract() {
        let grid = |p, g| grid_of(p, g);
        assert_eq!(grid("SPL2SMP", "Soil_Moisture_Retrieval_Data").as_deref(), Some("EASE2_M36km"));
        assert_eq!(grid("SPL2SMP_E", "Soil_Moisture_Retrieval_Data_Polar").as_deref(), Some("EASE2_N09km"));
        assert_eq!(grid("SPL2SMAP", "Soil_Moisture_Retrieval_Data_3km").as_deref(), Some("EASE2_M03km"));
        assert_eq!(grid("SPL2SMAP_S", "Soil_Moisture_Retrieval_Data").as_deref(), Some("EASE2_M09km"));
        assert_eq!(grid("SPL2SMA", "Radar_Data").as_deref(), Some("EASE2_M03km"));
        assert_eq!(grid("SPL3SMP", "x"), None);
        assert!(TABLE.iter().all(|e| crate::project::named::find(&e.grid).is_ok()));
    }
}
