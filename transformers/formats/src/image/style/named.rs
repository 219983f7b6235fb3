//! Colour maps known by name.
//!
//! The perceptual ones are the public tables of their authors (viridis, plasma, inferno, magma: van der Walt and Smith,
//! CC0; cividis: Nuñez, Anderton and Renslow, CC0; turbo: Mikhailov, Apache-2.0; coolwarm: Moreland), every fifth
//! of 256 colours: straight lines between them stay within two levels of the rest. RdBu and Spectral are the eleven
//! classes of ColorBrewer.

use std::sync::LazyLock;

use super::Rgba;

/// Colours of a map.
pub const LENGTH: usize = 256;

/// Place on the map, 0 to 1, and colour.
type Knot = (f64, u32);

enum Source {
    /// Equally spaced colours, six hexadecimal digits each.
    Even(&'static [&'static str]),
    Knots(&'static [Knot]),
}

/// Names of the maps; `_r` behind one turns it round.
pub fn names() -> impl Iterator<Item = &'static str> {
    MAPS.iter().map(|(names, _)| names[0])
}

/// The 256 colours of a map, by name in any case.
pub fn find(name: &str) -> Option<Vec<Rgba>> {
    static ALL: LazyLock<Vec<Vec<Rgba>>> = LazyLock::new(|| MAPS.iter().map(|m| colours(&m.1)).collect());
    let name = name.trim().to_ascii_lowercase();
    let exact = |n: &str| MAPS.iter().position(|(names, _)| names.contains(&n)).map(|i| ALL[i].clone());
    exact(&name).or_else(|| {
        let mut turned = exact(name.strip_suffix("_r")?)?;
        turned.reverse();
        Some(turned)
    })
}

fn colours(source: &Source) -> Vec<Rgba> {
    let knots: Vec<(f64, Rgba)> = match source {
        Source::Knots(knots) => knots.iter().map(|&(at, rgb)| (at, rgba(rgb))).collect(),
        Source::Even(lines) => {
            let text = lines.concat();
            let all: Vec<Rgba> =
                (0..text.len() / 6).filter_map(|i| super::words::hex(&text[6 * i..6 * i + 6])).collect();
            let last = (all.len() - 1) as f64;
            all.into_iter().enumerate().map(|(i, c)| (i as f64 / last, c)).collect()
        }
    };
    (0..LENGTH).map(|i| between(&knots, i as f64 / (LENGTH - 1) as f64)).collect()
}

fn between(knots: &[(f64, Rgba)], at: f64) -> Rgba {
    let above = knots.partition_point(|k| k.0 < at).clamp(1, knots.len() - 1);
    let (from, to) = (knots[above - 1], knots[above]);
    super::mix(from.1, to.1, (at - from.0) / (to.0 - from.0))
}

fn rgba(rgb: u32) -> Rgba {
    let [_, r, g, b] = rgb.to_be_bytes();
    [r, g, b, 255]
}

static MAPS: &[(&[&str], Source)] = &[
    (
        &["grey", "gray", "greys", "grays", "greyscale", "grayscale"],
        Source::Knots(&[(0.0, 0), (1.0, 0xff_ffff)]),
    ),
    (&["viridis"], Source::Even(VIRIDIS)),
    (&["plasma"], Source::Even(PLASMA)),
    (&["inferno"], Source::Even(INFERNO)),
    (&["magma"], Source::Even(MAGMA)),
    (&["cividis"], Source::Even(CIVIDIS)),
    (&["turbo"], Source::Even(TURBO)),
    (&["coolwarm"], Source::Even(COOLWARM)),
    (&["rdbu", "red-blue"], Source::Even(RDBU)),
    (&["spectral"], Source::Even(SPECTRAL)),
    (&["jet", "rainbow"], Source::Knots(JET)),
    (&["terrain"], Source::Knots(TERRAIN)),
    (&["hot"], Source::Knots(HOT)),
];

const JET: &[Knot] = &[
    (0.0, 0x00_0080),
    (0.125, 0x00_00ff),
    (0.375, 0x00_ffff),
    (0.625, 0xff_ff00),
    (0.875, 0xff_0000),
    (1.0, 0x80_0000),
];
const TERRAIN: &[Knot] = &[
    (0.0, 0x33_3399),
    (0.15, 0x00_99ff),
    (0.25, 0x00_cc66),
    (0.5, 0xff_ff99),
    (0.75, 0x80_5c54),
    (1.0, 0xff_ffff),
];
const HOT: &[Knot] = &[(0.0, 0x0a_0000), (0.365, 0xff_0000), (0.746, 0xff_ff00), (1.0, 0xff_ffff)];
const RDBU: &[&str] = &["67001fb2182bd6604df4a582fddbc7f7f7f7d1e5f092c5de4393c32166ac053061"];
const SPECTRAL: &[&str] = &["9e0142d53e4ff46d43fdae61fee08bffffbfe6f598abdda466c2a53288bd5e4fa2"];
const VIRIDIS: &[&str] = &[
    "44015446085c471063481769481d6f482475472a7a46307e453781433d844142873f48893d4e8a",
    "3a538b38598c355e8d33638d31688e2e6d8e2c718e2a768e297b8e27808e25848e23898e218e8d",
    "20928c1f978b1e9c891fa18821a58524aa8328ae802eb37c35b7793dbc7446c06f50c46a5ac864",
    "65cb5e70cf577cd25089d54895d840a2da37b0dd2fbddf26cae11fd8e219e5e419f1e51dfde725",
];
const PLASMA: &[&str] = &[
    "0d08871b068d2605912f059638049a41049d4903a05102a35901a56100a76900a87100a87801a8",
    "8004a88707a68e0ca49511a19c179ea21d9aa82296ae2892b42e8dba3388bf3984c43e7fc9447a",
    "cd4a76d24f71d6556dda5b69de6164e26660e66c5ce97257ed7953f07f4ff3854bf58c46f79342",
    "f99a3efba139fca835fdaf31feb72dfebe2afdc627fcce25fbd724f8df25f6e826f3f027f0f921",
];
const INFERNO: &[&str] = &[
    "00000402020c0504170a072210092d160b391e0c45260c512f0a5b380962400a67490b6a510e6c",
    "59106e61136e69166e71196e781c6d801f6c88226a902568982766a02a63a82e5fb0315bb73557",
    "bf3952c63d4dcc4248d34743d94d3ddf5337e45a31e9612bed6925f1711ff47918f78212f98b0b",
    "fa9407fb9d07fca60cfcb014fbba1ffac42af8cd37f6d746f4e156f2ea69f2f27df5f992fcffa4",
];
const MAGMA: &[&str] = &[
    "00000402020b0504160907200e0b2b140e361a104221114e29115a311165390f6e420f754a1079",
    "52137c5a167e6219806a1c81721f81792282812581892881912b81992d80a1307eaa337db2357b",
    "ba3878c23b75ca3e72d2426fd9466be04c67e75263ec5860f1605df4695cf7725cf97b5dfb8560",
    "fc8e64fd9869fea16efeaa74feb47bfebd82fec68afecf92fed89afde2a3fdebacfcf4b6fcfdbf",
];
const CIVIDIS: &[&str] = &[
    "00224e002656002a5f002d68003070083370163770203a6f273e6e2e416d34456c3a486c3f4c6c",
    "444f6c49536c4e566c535a6d575d6d5c616e60646f656870696b716d6f727272747676767a7a78",
    "7e7d788381798885788d8878928c789690779b9476a09875a59c74aaa073afa471b5a86fbaac6d",
    "bfb06bc4b468c9b965cfbd62d4c15fdac65bdfca57e5cf52ead34cf0d846f6dd3ffce236fee838",
];
const TURBO: &[&str] = &[
    "30123b36215f3b2f803f3e9c424bb54559cb4666dd4773eb4680f6458cfd4099ff38a5fb2fb2f4",
    "27bee91fc9dd1ad4d018ddc21ae4b622ebaa2ff19b3ff68a52fa7a65fd6979fe598bff4b9cfe40",
    "a9fb39b7f735c3f134d0ea34dbe236e5d938eecf3af5c53afaba39fdae35fea130fe932afc8423",
    "f9751df46617ef5811e84b0ce14109d83706ce2d04c32503b71d02a916019b0f018b09027a0403",
];
const COOLWARM: &[&str] = &[
    "3b4cc04055c8465ecf4c66d6536edd5977e35f7fe86687ed6c8ff17396f57a9df881a4fb88abfd",
    "8fb1fe96b7ff9dbdffa3c2feaac7fdb1cbfcb7cff9bed2f6c4d5f3cad8efcfdaead5dbe5dadce0",
    "dfdbd9e4d9d2e9d5cbedd2c3f0cdbbf2c9b4f5c4acf6bea4f7b89cf7b194f7aa8cf6a385f59c7d",
    "f39475f08b6eed8366e97a5fe57058e16751dc5d4ad65244d0473dca3b37c32e31bb1b2cb40426",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_begin_and_end_with_their_own_colours() {
        let ends = |name: &str| {
            let map = find(name).unwrap();
            assert_eq!(map.len(), LENGTH);
            (map[0], map[255])
        };
        assert_eq!(ends("turbo"), ([48, 18, 59, 255], [122, 4, 3, 255]));
        assert_eq!(ends("Viridis"), ([68, 1, 84, 255], [253, 231, 37, 255]));
        assert_eq!(ends("viridis_r").0, [253, 231, 37, 255]);
        assert_eq!(find("grey").unwrap()[77], [77, 77, 77, 255]);
        assert_eq!(find("no such map"), None);
    }

    #[test]
    fn every_name_is_found() {
        assert!(names().all(|n| find(n).is_some()));
    }
}
