//! The product table as JSON: it is read at every start, and reading TOML takes as long as opening a granule.

use std::path::Path;
use std::{env, fs};

const TABLE: &str = "src/products.toml";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={TABLE}");
    let table: toml::Table = toml::from_str(&fs::read_to_string(TABLE)?)?;
    let out = env::var_os("OUT_DIR").ok_or("cargo says where to write")?;
    fs::write(Path::new(&out).join("products.json"), serde_json::to_vec(&table)?)?;
    Ok(())
}
