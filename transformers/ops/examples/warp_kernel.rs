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

const BAND: usize = 8;

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
            let mut result = Vec::new();
            for _ in 0..repeats {
                let start = Instant::now();
                result = run(&source, &target, method, (&field, &bytes), shape)?;
                times.push(start.elapsed().as_secs_f64());
            }
            let valid = result.iter().filter(|v| !v.is_nan()).count();
            if let Some(folder) = &folder {
                let bytes: Vec<u8> = result.iter().flat_map(|v| v.to_ne_bytes()).collect();
                std::fs::write(folder.join(format!("{}-{}.f32", &code[5..], method.name())), bytes)?;
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
) -> Result<Vec<f32>, Box<dyn std::error::Error>> {
    let warp = Warp::new(source, target, Trust::Checked)?;
    let kernel = resampler(&warp, method, Support::Widened).ok_or("not a kernel")?;
    let (nx, ny) = (target.nx as usize, target.ny as usize);
    let plane = Plane::of(shape, field, true);
    let rows = bytes.chunks_exact(4 * shape[1]).collect();
    let bytes_plane = Plane::new(Block::all(shape), rows, true);
    let mut out = vec![0f32; nx * ny];
    out.par_chunks_mut(nx * BAND).enumerate().for_each(|(i, part)| {
        let block = Block { rows: i * BAND..(i * BAND + BAND).min(ny), cols: 0..nx };
        match &kernel {
            Resampler::Blend(b) => b.blend_f32(&plane, &block, part),
            Resampler::Pick(p) => {
                let mut bytes = vec![0; 4 * part.len()];
                pick::<4>(&**p, &bytes_plane, &block, &f32::NAN.to_ne_bytes(), &mut bytes);
                part.iter_mut().zip(bytes.as_chunks::<4>().0).for_each(|(o, b)| *o = f32::from_ne_bytes(*b));
            }
        }
    });
    Ok(out)
}
