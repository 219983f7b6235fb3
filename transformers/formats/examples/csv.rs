//! Writes a granule in any registered format and says how long it took: `csv INPUT OUTPUT [FORMAT]`.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use harmony_formats::registry::find_output;
use harmony_formats::write::WriteOptions;

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, rest @ ..] = args.as_slice() else { return Err("csv INPUT OUTPUT [FORMAT]".into()) };
    let name = rest.first().map_or("csv", String::as_str);
    let format = find_output(name).ok_or_else(|| format!("no format '{name}'"))?;
    let options = WriteOptions::default();
    let begun = Instant::now();
    let granule = harmony_formats::open(harmony_formats::io::open_local(input)?, &Default::default())?;
    for part in format.parts(granule, &options)? {
        let label = part.label.as_ref().map_or(String::new(), |l| format!("_{}", l.replace('/', "_")));
        let target = format!("{output}{label}.{}", part.extension);
        let report = format.write(&part, Path::new(&target), &options)?;
        let seconds = begun.elapsed().as_secs_f64();
        let mb = report.bytes_written as f64 / 1e6;
        writeln!(std::io::stdout(), "{target}: {mb:.1} MB in {seconds:.3} s, {:.0} MB/s", mb / seconds)?;
        for notice in report.notices {
            writeln!(std::io::stdout(), "  {notice}")?;
        }
    }
    Ok(())
}
