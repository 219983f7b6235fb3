//! Colours as words and hexadecimal digits.

use super::Rgba;

/// The names that GDAL's and GMT's tables use most.
const NAMES: [(&str, u32); 32] = [
    ("white", 0xff_ffff),
    ("black", 0),
    ("red", 0xff_0000),
    ("green", 0x00_ff00),
    ("blue", 0x00_00ff),
    ("yellow", 0xff_ff00),
    ("magenta", 0xff_00ff),
    ("cyan", 0x00_ffff),
    ("aqua", 0x00_bfbf),
    ("grey", 0xbf_bfbf),
    ("gray", 0xbf_bfbf),
    ("orange", 0xff_7f00),
    ("brown", 0xbf_7f3f),
    ("purple", 0x7f_00ff),
    ("violet", 0x7f_00ff),
    ("indigo", 0x00_7fbf),
    ("darkred", 0x8b_0000),
    ("darkgreen", 0x00_6400),
    ("darkblue", 0x00_008b),
    ("darkgray", 0xa9_a9a9),
    ("darkgrey", 0xa9_a9a9),
    ("darkorange", 0xff_8c00),
    ("lightblue", 0xad_d8e6),
    ("lightgreen", 0x90_ee90),
    ("lightgray", 0xd3_d3d3),
    ("lightgrey", 0xd3_d3d3),
    ("lightyellow", 0xff_ffe0),
    ("navy", 0x00_0080),
    ("pink", 0xff_c0cb),
    ("gold", 0xff_d700),
    ("turquoise", 0x40_e0d0),
    ("maroon", 0xb0_3060),
];

/// A colour by name or as `#rrggbb`.
pub fn colour(word: &str) -> Option<Rgba> {
    if let Some(digits) = word.strip_prefix('#') {
        return hex(digits);
    }
    let low = word.to_ascii_lowercase();
    NAMES.iter().find(|(name, _)| *name == low).map(|&(_, rgb)| {
        let [_, r, g, b] = rgb.to_be_bytes();
        [r, g, b, 255]
    })
}

/// Six hexadecimal digits.
pub fn hex(digits: &str) -> Option<Rgba> {
    let value = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 6)?;
    let [_, r, g, b] = value.to_be_bytes();
    Some([r, g, b, 255])
}

/// One channel: 0 to 255, fractions rounded.
pub fn channel(word: &str) -> Option<u8> {
    let value: f64 = word.parse().ok()?;
    (-0.5..255.5).contains(&value).then(|| value.round() as u8)
}

/// Hue in degrees, saturation and value from 0 to 1.
pub fn from_hsv([hue, saturation, value]: [f64; 3]) -> Rgba {
    let sector = (hue.rem_euclid(360.0)) / 60.0;
    let byte = |v: f64| (v.clamp(0.0, 1.0) * 255.0).round() as u8;
    let part = |shift: f64| {
        let k = (shift + sector).rem_euclid(6.0);
        byte(value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0))
    };
    [part(5.0), part(3.0), part(1.0), 255]
}

/// The way back of [`from_hsv`].
pub fn to_hsv([r, g, b, _]: Rgba) -> [f64; 3] {
    let (r, g, b) = (f64::from(r) / 255.0, f64::from(g) / 255.0, f64::from(b) / 255.0);
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let range = max - min;
    let hue = if range == 0.0 {
        0.0
    } else if max == r {
        60.0 * ((g - b) / range).rem_euclid(6.0)
    } else if max == g {
        60.0 * ((b - r) / range + 2.0)
    } else {
        60.0 * ((r - g) / range + 4.0)
    };
    [hue, if max == 0.0 { 0.0 } else { range / max }, max]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_are_where_they_should_be() {
        assert_eq!(from_hsv([0.0, 1.0, 1.0]), [255, 0, 0, 255]);
        assert_eq!(from_hsv([120.0, 1.0, 1.0]), [0, 255, 0, 255]);
        assert_eq!(from_hsv([240.0, 1.0, 0.5]), [0, 0, 128, 255]);
        assert_eq!(from_hsv([77.0, 0.0, 1.0]), [255, 255, 255, 255]);
        for colour in [[10, 200, 30, 255], [255, 255, 0, 255], [17, 17, 17, 255]] {
            assert_eq!(from_hsv(to_hsv(colour)), colour);
        }
    }

    #[test]
    fn words_and_digits_are_colours() {
        assert_eq!(colour("Red"), Some([255, 0, 0, 255]));
        assert_eq!(colour("#0a0B0c"), Some([10, 11, 12, 255]));
        assert_eq!(colour("#zzzzzz"), None);
        assert_eq!((channel("255"), channel("-1"), channel("12.6")), (Some(255), None, Some(13)));
    }
}
