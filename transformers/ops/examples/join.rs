//! Joins files: `join OUT MODE INPUT…` with MODE `stack`, `concise` (as concise does), `extend=DIM[,DIM]`, or
//! `both=DIM` (extend in batches, then stack).

use std::path::Path;
use std::sync::Arc;

use harmony_formats::io::open_local;
use harmony_formats::registry::{OpenOptions, open};
use harmony_formats::write::WriteOptions;
use harmony_model::request::{Aggregate, Compat};
use harmony_ops::aggregate::{Member, join};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [out, mode, inputs @ ..] = args.as_slice() else {
        return Err("usage: join OUT stack|concise|extend=DIM|both=DIM INPUT…".into());
    };
    let dims = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    let (aggregate, compat) = match mode.split_once('=') {
        Some(("extend", d)) => (Aggregate::Extend { dims: dims(d), stack: false }, None),
        Some(("both", d)) => (Aggregate::Extend { dims: dims(d), stack: true }, None),
        _ => (Aggregate::Stack, Compat::parse(mode)),
    };
    let member = |path: &String| {
        let own = path.clone();
        Member {
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            source: path.clone(),
            open: Arc::new(move || Ok(Arc::new(open(open_local(&own)?, &OpenOptions::default())?))),
        }
    };
    let start = std::time::Instant::now();
    let joined = join(inputs.iter().map(member).collect(), &aggregate, compat)?;
    let joined_after = start.elapsed();
    let report =
        harmony_formats::netcdf4::write::write(&joined.granule, Path::new(out), &WriteOptions::default())?;
    use std::io::Write;
    let mut err = std::io::stderr().lock();
    joined.notices.iter().try_for_each(|n| writeln!(err, "{n}"))?;
    writeln!(
        err,
        "{} granules, joined after {joined_after:?}, written after {:?}: {report:?}",
        joined.used.len(),
        start.elapsed()
    )?;
    Ok(())
}
