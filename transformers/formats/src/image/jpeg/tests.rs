use super::super::canvas::Sheet;
use super::*;
use crate::write::Encoding;

fn encoded(sheet: &Sheet, comment: &str, options: &WriteOptions) -> Result<Vec<u8>, WriteError> {
    let mut out: Vec<u8> = Vec::new();
    let area = Area::whole(sheet.height(), sheet.width);
    write(sheet, &area, comment, options, &mut out).map(|()| out)
}

fn decoded(file: &[u8]) -> (u16, u16, Vec<u8>) {
    let mut decoder = jpeg_decoder::Decoder::new(file);
    let pixels = decoder.decode().unwrap();
    let info = decoder.info().unwrap();
    (info.width, info.height, pixels)
}

/// Smooth colours.
fn field(width: u64, height: u64) -> Vec<u8> {
    let cells = (0..height).flat_map(|y| (0..width).map(move |x| (y as f64, x as f64)));
    let wave = |v: f64| (128.0 + 100.0 * v.sin()) as u8;
    cells.flat_map(|(y, x)| [wave(x / 40.0), wave(y / 30.0), wave((x + y) / 50.0)]).collect()
}

#[test]
fn colours_come_back_almost_as_they_were_whatever_the_size() {
    for (width, height) in [(1, 1), (15, 33), (16, 16), (300, 17), (513, 300)] {
        let sheet = Sheet { ink: Ink::Rgb, width, pixels: field(width, height) };
        let options = WriteOptions { memory: 1, ..WriteOptions::default() };
        let file = encoded(&sheet, "", &options).unwrap();
        let (w, h, pixels) = decoded(&file);
        assert_eq!((u64::from(w), u64::from(h)), (width, height));
        let worst = pixels.iter().zip(&sheet.pixels).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(worst <= 12, "{width} x {height}: {worst}");
        // Memory decides how much is done at once, not what is written.
        assert!(encoded(&sheet, "", &WriteOptions::default()).unwrap() == file);
    }
}

#[test]
fn every_size_of_number_has_a_code() {
    // Noise at the best quality: the longest runs and largest numbers there are.
    let mut state = 7u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if state >> 63 == 0 { 0 } else { 255 }
    };
    let sheet = Sheet { ink: Ink::Rgb, width: 64, pixels: (0..64 * 64 * 3).map(|_| noise()).collect() };
    for level in [1, 50, 100] {
        let options = WriteOptions {
            encoding: Encoding { level: Some(level), ..Encoding::default() },
            ..WriteOptions::default()
        };
        assert_eq!(decoded(&encoded(&sheet, "", &options).unwrap()).2.len(), 64 * 64 * 3);
    }
}

#[test]
fn the_palette_gives_its_colours_and_hidden_ones_are_black() {
    let palette = vec![[0, 0, 0, 0], [200, 100, 50, 255]];
    let sheet =
        Sheet { ink: Ink::Palette(palette), width: 32, pixels: [vec![0; 512], vec![1; 512]].concat() };
    let (_, _, pixels) = decoded(&encoded(&sheet, "", &WriteOptions::default()).unwrap());
    let near = |at: usize, colour: [u8; 3]| (0..3).all(|k| pixels[3 * at + k].abs_diff(colour[k]) <= 3);
    assert!(near(33, [0, 0, 0]) && near(1023, [200, 100, 50]));
}

#[test]
fn the_file_begins_with_its_header_and_the_comment() {
    let sheet = Sheet { ink: Ink::Rgb, width: 17, pixels: field(17, 33) };
    let file = encoded(&sheet, "why", &WriteOptions::default()).unwrap();
    assert_eq!(file[..4], [0xff, 0xd8, 0xff, 0xe0]);
    assert_eq!(file[6..10], *b"JFIF");
    assert_eq!(file[20..27], [0xff, 0xfe, 0, 5, b'w', b'h', b'y']);
    assert_eq!(file[file.len() - 2..], [0xff, 0xd9]);
}

#[test]
fn a_size_beyond_the_format_is_refused() {
    let sheet = Sheet { ink: Ink::Palette(vec![[0; 4]]), width: 65_536, pixels: vec![0; 65_536] };
    let error = encoded(&sheet, "", &WriteOptions::default()).unwrap_err().to_string();
    assert!(error.contains("65536 x 1") && error.contains("png"), "{error}");
}
