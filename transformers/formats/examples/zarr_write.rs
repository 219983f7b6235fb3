//! Times the Zarr writer: `zarr_write INPUT OUTPUT.zarr [2|3] [COMPRESSION] [LEVEL] [sharded|CHUNK_BYTES]`. An output in `.nc` is
//! written as netCDF-3.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use harmony_formats::io::LocalFile;
use harmony_formats::write::WriteOptions;
use harmony_formats::zarr::write::{self, Version};
use harmony_formats::{OpenOptions, open};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, rest @ ..] = arguments.as_slice() else {
        return Err(
            "usage: zarr_write INPUT OUTPUT.zarr [2|3] [COMPRESSION] [LEVEL] [sharded|CHUNK_BYTES]".into()
        );
    };
    let version = if rest.first().is_some_and(|v| v == "3") { Version::V3 } else { Version::V2 };
    let mut options = WriteOptions::default();
    options.encoding.compression = rest.get(1).filter(|c| *c != "default").cloned();
    options.encoding.level = rest.get(2).map(|l| l.parse()).transpose()?;
    options.encoding.sharded = rest.get(3).is_some_and(|w| w == "sharded");
    options.encoding.chunk_bytes = rest.get(3).and_then(|w| w.parse().ok());
    let start = Instant::now();
    let granule = open(Arc::new(LocalFile::open(Path::new(input))?), &OpenOptions::default())?;
    let report = if output.ends_with(".nc") {
        harmony_formats::netcdf3::write::write(&granule, Path::new(output), &options)?
    } else {
        write::write(&granule, Path::new(output), &options, version)?
    };
    let seconds = start.elapsed().as_secs_f64();
    let line = format!(
        "{seconds:.3} s, {} bytes, {} chunks encoded, {} copied",
        report.bytes_written, report.chunks_encoded, report.chunks_copied
    );
    std::io::Write::write_all(&mut std::io::stdout(), format!("{line}\n").as_bytes())?;
    for notice in report.notices {
        std::io::Write::write_all(&mut std::io::stdout(), format!("{notice}\n").as_bytes())?;
    }
    Ok(())
}
