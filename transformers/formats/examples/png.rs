//! How fast are PNG images written? Synthetic pictures of 4000 × 4000 pixels, in palette and in true colours; prints
//! milliseconds (median of five) and bytes for each effort, and leaves the pictures as raw pixels beside the PNGs for
//! comparison with other programs:
//!
//! ```text
//! cargo run --release -p harmony-formats --example png -- FOLDER
//! ```

use std::path::Path;
use std::time::Instant;

use harmony_formats::image::{Area, Ink, Sheet, write_png};
use harmony_formats::write::{Encoding, WriteOptions};

const SIDE: u64 = 4000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder to write to")?;
    let folder = Path::new(&folder);
    let grey = (0..=255u8).map(|i| [i, i, i, 255]).collect();
    for (name, ink) in [("palette", Ink::Palette(grey)), ("rgb", Ink::Rgb)] {
        let sheet = Sheet { pixels: field(ink.bytes()), ink, width: SIDE };
        std::fs::write(folder.join(format!("{name}.raw")), &sheet.pixels)?;
        for level in [1, 2, 3, 4, 5, 6, 7] {
            let (ms, bytes) = encode(&sheet, level)?;
            std::fs::write(folder.join(format!("{name}.png")), &bytes)?;
            report(&format!("{name:8} level {level}: {ms:7.1} ms {:9} bytes", bytes.len()));
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example that prints its figures")]
fn report(line: &str) {
    println!("{line}");
}

fn encode(sheet: &Sheet, level: u32) -> Result<(f64, Vec<u8>), Box<dyn std::error::Error>> {
    let encoding = Encoding { level: Some(level), ..Encoding::default() };
    let options = WriteOptions { encoding, ..WriteOptions::default() };
    let mut times = Vec::new();
    let mut out: Vec<u8> = Vec::new();
    for _ in 0..5 {
        out = Vec::new();
        let start = Instant::now();
        write_png(sheet, &Area::whole(SIDE, SIDE), &[], &options, &mut out)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[2], out))
}

/// Waves of several lengths with a little noise (seed 7): like a sea surface temperature.
fn field(channels: usize) -> Vec<u8> {
    let mut state = 7u64;
    let mut out = Vec::with_capacity((SIDE * SIDE) as usize * channels);
    for y in 0..SIDE {
        for x in 0..SIDE {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise = (state >> 60) as f64 / 16.0;
            let (fx, fy) = (x as f64, y as f64);
            let wave =
                (fx / 310.0).sin() * 60.0 + (fy / 170.0).cos() * 50.0 + ((fx + 2.0 * fy) / 47.0).sin() * 12.0;
            for c in 0..channels {
                out.push((wave * (1.0 - 0.2 * c as f64) + 128.0 + noise).clamp(0.0, 255.0) as u8);
            }
        }
    }
    out
}
