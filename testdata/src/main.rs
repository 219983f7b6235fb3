//! Writes the small granules that tests and examples use.
fn main() {}
