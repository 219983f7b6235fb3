use super::super::canvas::Sheet;
use super::*;

fn encoded(sheet: &Sheet, texts: &[(String, String)], memory: u64) -> Vec<u8> {
    let options = WriteOptions { memory, ..WriteOptions::default() };
    let mut out: Vec<u8> = Vec::new();
    write(sheet, &Area::whole(sheet.height(), sheet.width), texts, &options, &mut out).unwrap();
    out
}

fn decoded(bytes: &[u8]) -> (png::Info<'static>, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    pixels.truncate(frame.buffer_size());
    reader.finish().unwrap();
    (reader.info().clone(), pixels)
}

fn field(width: u64, height: u64, channels: usize) -> Vec<u8> {
    let at = |y: u64, x: u64, c: u64| {
        let wave = ((x as f64 / 37.0).sin() + (y as f64 / 23.0).cos()) * 50.0 + 100.0;
        (wave as u64 + c * 13 + (x * y * (c + 1)) % 3) as u8
    };
    let cells = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
    cells.flat_map(|(y, x)| (0..channels as u64).map(move |c| at(y, x, c))).collect()
}

#[test]
fn pixels_of_every_kind_come_back_however_many_pieces_there_are() {
    for ink in [Ink::Palette((0..=255).map(|i| [i, 0, i, 255]).collect()), Ink::Rgb, Ink::Rgba] {
        for (width, height) in [(1, 1), (700, 1), (3, 900), (1000, 1300)] {
            let pixels = field(width, height, ink.bytes());
            let sheet = Sheet { ink: ink.clone(), width, pixels };
            let file = encoded(&sheet, &[], 1 << 27);
            let (info, got) = decoded(&file);
            assert_eq!((u64::from(info.width), u64::from(info.height)), (width, height));
            assert!(got == sheet.pixels, "{ink:?} {width} x {height}");
            // Memory decides how much is done at once, not what is written.
            assert!(encoded(&sheet, &[], 1) == file);
        }
    }
}

#[test]
fn opacity_is_said_only_as_far_as_it_is_needed() {
    let sheet = |palette: Vec<Rgba>| Sheet { ink: Ink::Palette(palette), width: 2, pixels: vec![0, 1] };
    let (info, _) = decoded(&encoded(&sheet(vec![[1, 2, 3, 0], [4, 5, 6, 255], [7, 8, 9, 255]]), &[], 1));
    assert_eq!(info.palette.unwrap()[..], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(info.trns.unwrap()[..], [0]);
    let (info, _) = decoded(&encoded(&sheet(vec![[1, 2, 3, 255], [4, 5, 6, 255]]), &[], 1));
    assert!(info.trns.is_none());
}

#[test]
fn texts_stand_in_front() {
    let sheet = Sheet { ink: Ink::Rgb, width: 1, pixels: vec![1, 2, 3] };
    let (info, _) = decoded(&encoded(&sheet, &[("Description".into(), "0 to 30 °C".into())], 1));
    let text = &info.uncompressed_latin1_text[0];
    assert_eq!((text.keyword.as_str(), text.text.as_str()), ("Description", "0 to 30 °C"));
}

#[test]
fn checksums_of_parts_are_that_of_the_whole() {
    let bytes: Vec<u8> = (0..200_000u32).map(|i| (i * 31 % 251) as u8).collect();
    for cut in [0, 1, 70_000, 200_000] {
        let (a, b) = bytes.split_at(cut);
        assert_eq!(join_checksums(adler32(a), adler32(b), b.len()), adler32(&bytes));
    }
}

#[test]
fn a_picture_without_pixels_is_refused() {
    let sheet = Sheet { ink: Ink::Rgb, width: 0, pixels: Vec::new() };
    let mut out: Vec<u8> = Vec::new();
    let error = write(&sheet, &Area::whole(0, 0), &[], &WriteOptions::default(), &mut out).unwrap_err();
    assert!(error.to_string().contains("0 x 0 pixels"), "{error}");
}
