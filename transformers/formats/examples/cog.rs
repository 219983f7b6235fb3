//! `cog INPUT OUTPUT [KEY=VALUE …]`: writes a variable of a local granule as a COG, to be timed against
//! `gdal_translate -of COG`. Keys: `variable`, `compression`, `level`, `format`, `compat`, `stack`.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use harmony_formats::io::LocalFile;
use harmony_formats::registry::{OpenOptions, find_output, open};
use harmony_formats::write::WriteOptions;
use harmony_model::request::Compat;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, input, output, rest @ ..] = args.as_slice() else {
        return Err("usage: cog INPUT OUTPUT [KEY=VALUE …]".into());
    };
    let get = |key: &str| rest.iter().find_map(|a| a.strip_prefix(key)?.strip_prefix('='));
    let source = Arc::new(LocalFile::open(Path::new(input))?);
    let start = Instant::now();
    let granule = open(source, &OpenOptions::default())?;
    let mut options = WriteOptions::default();
    options.encoding.compression = get("compression").map(str::to_owned);
    options.encoding.level = get("level").and_then(|l| l.parse().ok());
    options.encoding.compat = get("compat").and_then(Compat::parse);
    options.encoding.stack = get("stack").is_some();
    let format = find_output(get("format").unwrap_or("cog")).ok_or("no such format")?;
    let parts = format.parts(granule, &options)?;
    let wanted = |label: &Option<String>| get("variable").is_none_or(|v| label.as_deref() == Some(v));
    let part = parts.iter().find(|p| wanted(&p.label)).ok_or("no such raster")?;
    let report = format.write(part, Path::new(output), &options)?;
    let ms = start.elapsed().as_millis();
    eprintln!(
        "{ms} ms, {} bytes, {} blocks, {:?}",
        report.bytes_written, report.chunks_encoded, report.notices
    );
    Ok(())
}
