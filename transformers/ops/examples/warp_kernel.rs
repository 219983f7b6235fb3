//! Time of reprojection alone: `cargo run --release --example warp_kernel [threads] [rows] [repeats] [folder]`.
//!
//! A global latitude and longitude field in single precision, a quarter of it without data, is brought onto three
//! maps; control points, window and kernel are timed together, reading and writing are not. With a folder the field is
//! its `field.f32` (native order, NaN without data), and results are written there: `benches/warp_kernel.py` compares
//! them with GDAL's.

use std::io::Write as _;
use std::time::Instant;

use harmony_model::crs::Crs;
use harmony_model::{GridSpec, Interpolation};
use harmony_ops::project::{Block, Plane, Resampler, pick};
use harmony_ops::reproject_grid::{SourceGrid, Support, Trust, Warp, resampler};
use rayon::prelude::*;

/// Rows of a task, and where neighbouring rows lie on the same rows of the source.
const BAND: usize = 8;
const TALL_BAND: usize = 32;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let number = |i: usize| std::env::args().nth(i).and_then(|t| t.parse::<usize>().ok());
    let threads = number(1).unwrap_or(2);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let rows = number(2).unwrap_or(4000);
    let shape = [rows, 2 * rows];
    let repeats = number(3).unwrap_or(5).max(1);
    let folder = std::env::args().nth(4).map(std::path::PathBuf::from);
    let field = match &folder {
        Some(folder) => values(&std::fs::read(folder.join("field.f32"))?),
        None => field(shape),
    };
    if field.len() != shape[0] * shape[1] {
        return Err(format!("field.f32 is not {} x {}", shape[0], shape[1]).into());
    }
    let bytes: Vec<u8> = field.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let source = SourceGrid::of(&GridSpec::filling(
        Crs::wgs84(),
        [-180.0, -90.0, 180.0, 90.0],
        shape[1] as u64,
        shape[0] as u64,
    ));
    let cells = |share: f64| (rows as f64 * share) as u64;
    let cylinder = [-17_367_530.445_161_5, -7_314_540.830_638_6, 17_367_530.445_161_5, 7_314_540.830_638_6];
    let mercator =
        [-20_037_508.342_789_244, -20_037_508.342_789_244, 20_037_508.342_789_244, 20_037_508.342_789_244];
    let polar = [-4_194_304.0, -4_194_304.0, 4_194_304.0, 4_194_304.0];
    let targets = [
        ("EPSG:6933", cylinder, cells(2.0), cells(0.8425)),
        ("EPSG:3413", polar, cells(1.0), cells(1.0)),
        ("EPSG:3857", mercator, cells(1.5), cells(1.5)),
    ];
    let mut out = std::io::stdout().lock();
    for (code, extent, nx, ny) in targets {
        let target = GridSpec::filling(Crs::parse(code)?, extent, nx, ny);
        for method in [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Average] {
            let mut times: Vec<f64> = Vec::new();
            let mut result = Output::Bytes(Vec::new());
            for _ in 0..repeats {
                let start = Instant::now();
                result = run(&source, &target, method, (&field, &bytes), shape)?;
                times.push(start.elapsed().as_secs_f64());
            }
            let result = result.bytes();
            let valid = values(&result).iter().filter(|v| !v.is_nan()).count();
            if let Some(folder) = &folder {
                std::fs::write(folder.join(format!("{}-{}.f32", &code[5..], method.name())), &result)?;
            }
            times.sort_by(f64::total_cmp);
            let (ms, cells) = (times[repeats / 2] * 1e3, (nx * ny) as f64);
            let name = method.name();
            writeln!(
                out,
                "{code} {nx}x{ny} {name:8} {ms:8.1} ms {:6.2} ns/px, {valid} valid",
                ms * 1e6 / cells
            )?;
        }
    }
    Ok(())
}

/// As a kernel makes it.
enum Output {
    Numbers(Vec<f32>),
    Bytes(Vec<u8>),
}

impl Output {
    fn bytes(self) -> Vec<u8> {
        match self {
            Output::Numbers(v) => v.iter().flat_map(|v| v.to_ne_bytes()).collect(),
            Output::Bytes(b) => b,
        }
    }
}

fn values(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_ne_bytes(*b)).collect()
}

/// A smooth field, a quarter of it missing in large patches.
fn field([rows, cols]: [usize; 2]) -> Vec<f32> {
    let value = |i: usize| {
        let (y, x) = ((i / cols) as f32 / rows as f32, (i % cols) as f32 / cols as f32);
        let missing = (x * 20.0).sin() * (y * 17.0).cos() > 0.42;
        if missing { f32::NAN } else { 250.0 + 50.0 * (x * 6.0).sin() * (y * 3.0).cos() }
    };
    (0..rows * cols).into_par_iter().map(value).collect()
}

fn run(
    source: &SourceGrid,
    target: &GridSpec,
    method: Interpolation,
    (field, bytes): (&[f32], &[u8]),
    shape: [usize; 2],
) -> Result<Output, Box<dyn std::error::Error>> {
    let warp = Warp::new(source, target, Trust::Checked)?;
    let kernel = resampler(&warp, method, Support::Widened).ok_or("not a kernel")?;
    let (nx, ny) = (target.nx as usize, target.ny as usize);
    let plane = Plane::of(shape, field, true);
    let rows = bytes.chunks_exact(4 * shape[1]).collect();
    let bytes_plane = Plane::new(Block::all(shape), rows, true);
    let first_row = Block { rows: 0..1, cols: 0..nx };
    let rows = if kernel.footprint().split(&first_row).len() > 1 { TALL_BAND } else { BAND };
    let band = |i: usize| Block { rows: i * rows..(i * rows + rows).min(ny), cols: 0..nx };
    Ok(match &kernel {
        Resampler::Blend(b) => {
            let mut out = vec![0f32; nx * ny];
            out.par_chunks_mut(nx * rows)
                .enumerate()
                .for_each(|(i, part)| b.blend_f32(&plane, &band(i), part));
            Output::Numbers(out)
        }
        Resampler::Pick(p) => {
            let (mut out, nothing) = (vec![0; 4 * nx * ny], f32::NAN.to_ne_bytes());
            let each =
                |(i, part): (usize, &mut [u8])| pick::<4>(&**p, &bytes_plane, &band(i), &nothing, part);
            out.par_chunks_mut(4 * nx * rows).enumerate().for_each(each);
            Output::Bytes(out)
        }
    })
}
