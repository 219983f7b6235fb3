//! What pictures show: colours of known points in several reference systems, sizes, formats, times.

use axum::http::StatusCode;

use crate::WORLD;
use crate::maps_support::{self, Server, decoded};

/// Places on continents of the sample, and one at sea.
const PLACES: [(f64, f64); 5] = [(20.3, 5.3), (100.3, 60.3), (-100.3, 45.3), (134.3, -25.3), (-150.3, 0.3)];

/// Whether two colours are those of neighbouring cells: pixels of two systems don't have the same middle.
fn alike(a: [u8; 4], b: [u8; 4]) -> bool {
    a.iter().zip(b).all(|(x, y)| x.abs_diff(y) <= 4)
}

/// The colour at longitude and latitude of a picture of the world in degrees.
fn at(picture: &maps_support::Picture, lon: f64, lat: f64) -> [u8; 4] {
    let x = (lon + 180.0) / 360.0 * f64::from(picture.width);
    let y = (90.0 - lat) / 180.0 * f64::from(picture.height);
    picture.at(x as u32, y as u32)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_world_is_the_same_in_every_order_of_axes() {
    let server = Server::new();
    let size = "&width=720&height=360&transparent=TRUE";
    let crs84 = server.map(&format!("{WORLD}{size}&crs=CRS:84&bbox=-180,-90,180,90")).await;
    let standard = server.map(&format!("{WORLD}{size}&crs=EPSG:4326&bbox=-90,-180,90,180")).await;
    let wsen = server.map(&format!("{WORLD}{size}&crs=EPSG:4326&bbox=-180,-90,180,90")).await;
    assert_eq!((crs84.width, crs84.height), (720, 360));
    assert!(crs84.pixels == standard.pixels && crs84.pixels == wsen.pixels);
    // The file itself says what is where: land is opaque, the sea shows what is below it.
    let expected = server.stored("2020_01_03_global.nc");
    for (lon, lat) in PLACES {
        let (col, row) = (((lon + 180.0) * 2.0) as usize, ((90.0 - lat) * 2.0) as usize);
        let want = expected[row * 720 + col];
        let got = at(&crs84, lon, lat);
        assert_eq!(got[3], want[3], "{lon} {lat}");
        if want[3] > 0 {
            assert_eq!(got, want, "{lon} {lat}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mercator_and_polar_maps_show_the_same_places() {
    let server = Server::new();
    let world = server
        .map(&format!("{WORLD}&width=720&height=360&transparent=TRUE&crs=CRS:84&bbox=-180,-90,180,90"))
        .await;
    let edge = 20_037_508.342_789_244;
    let mercator = server
        .map(&format!(
            "{WORLD}&width=1024&height=1024&transparent=TRUE&crs=EPSG:3857&bbox=-{edge},-{edge},{edge},{edge}"
        ))
        .await;
    for (lon, lat) in PLACES {
        let y = (std::f64::consts::FRAC_PI_4 + lat.to_radians() / 2.0).tan().ln() / std::f64::consts::PI;
        let pixel = mercator.at(((lon + 180.0) / 360.0 * 1024.0) as u32, ((1.0 - y) * 512.0) as u32);
        assert!(alike(pixel, at(&world, lon, lat)), "{lon} {lat}");
    }
    let polar = server
        .map(&format!(
            "{WORLD}&width=800&height=800&transparent=TRUE&crs=EPSG:3413&bbox=-4000000,-4000000,4000000,4000000"
        ))
        .await;
    let way = harmony_model::crs::Transform::new(
        &harmony_model::crs::Crs::wgs84(),
        &harmony_model::crs::Crs::parse("EPSG:3413").unwrap(),
    )
    .unwrap();
    for (lon, lat) in [(100.3, 65.3), (-100.3, 65.3), (-45.3, 70.3), (10.3, 80.3)] {
        let (mut x, mut y) = ([lon], [lat]);
        way.points(&mut x, &mut y);
        let pixel = polar.at(((x[0] + 4e6) / 1e4) as u32, ((4e6 - y[0]) / 1e4) as u32);
        assert!(alike(pixel, at(&world, lon, lat)), "{lon} {lat}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_backgrounds_and_formats_are_what_was_asked() {
    let server = Server::new();
    let base = format!("{WORLD}&crs=CRS:84&bbox=-180,-90,180,90&width=37&height=23");
    let sized = server.map(&base).await;
    assert_eq!((sized.width, sized.height), (37, 23));
    // South of the pole there is nothing but the background.
    let beyond = base.replace("bbox=-180,-90", "bbox=-180,-270");
    assert_eq!(server.map(&format!("{beyond}&bgcolor=0x0a141e")).await.at(18, 22), [10, 20, 30, 255]);
    assert_eq!(server.map(&beyond).await.at(18, 22), [255; 4]);
    assert_eq!(server.map(&format!("{beyond}&transparent=true")).await.at(18, 22)[3], 0);
    for (format, magic) in [
        ("image/jpeg", &b"\xff\xd8"[..]),
        ("image/gif", b"GIF89a"),
        ("image/tiff", b"II*\0"),
        ("image/png", b"\x89PNG"),
    ] {
        let reply = server.get(&base.replace("format=image/png", &format!("format={format}"))).await;
        assert_eq!(reply.status, StatusCode::OK, "{format}: {}", reply.text());
        assert!(reply.body.starts_with(magic), "{format}");
        assert_eq!(reply.header("content-type"), format);
        assert_eq!(reply.header("content-bbox"), "-180,-90,180,90");
        assert_eq!(reply.header("content-crs"), "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_shows_nothing_says_so() {
    let server = Server::new();
    let far = "/C8-LOCAL/wms?service=WMS&version=1.3.0&request=GetMap&format=image/png&styles=&crs=CRS:84\
               &bbox=0,50,10,60&width=10&height=10&layers=C8-LOCAL/V93-LOCAL";
    let reply = server.get(far).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(reply.header("harmony-map").starts_with("empty; reason="), "{:?}", reply.header("harmony-map"));
    let elsewhen = format!("{WORLD}&crs=CRS:84&bbox=-180,-90,180,90&width=9&height=9&time=1999-01-01");
    assert!(server.get(&elsewhen).await.header("harmony-map").contains("no granule"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_chooses_the_granule() {
    let server = Server::new();
    let base = format!("{WORLD}&crs=CRS:84&bbox=-180,-90,180,90&width=360&height=180&transparent=TRUE");
    let newest = server.map(&base).await;
    let first = server.map(&format!("{base}&time=2020-01-01")).await;
    let third = server.map(&format!("{base}&time=2020-01-03T00:00:00Z")).await;
    let range = server.map(&format!("{base}&time=2020-01-01/2020-01-02")).await;
    let second = server.map(&format!("{base}&time=2020-01-02")).await;
    assert!(newest.pixels == third.pixels && first.pixels != third.pixels && range.pixels == second.pixels);
    let wrong = server.get(&format!("{base}&time=yesterday")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.text().contains("code=\"InvalidDimensionValue\""), "{}", wrong.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_may_run_with_the_logarithm() {
    let server = Server::new();
    let base = "/C9-LOCAL/wms?service=WMS&version=1.3.0&request=GetMap&format=image/png&crs=CRS:84\
                &bbox=-180,-90,180,90&width=60&height=30&layers=C9-LOCAL/V91-LOCAL";
    let even = server.map(&format!("{base}&styles=viridis:1:400")).await;
    let log = server.map(&format!("{base}&styles=viridis:1:400:log")).await;
    let other = server.map(&format!("{base}&styles=viridis&colorscalerange=1,400&logscale=true")).await;
    assert!(even.pixels != log.pixels && log.pixels == other.pixels);
    server.map(&format!("{base}&styles=default:log")).await;
    let wrong = server.get(&format!("{base}&styles=viridis:-1:400:log")).await;
    assert!(wrong.text().contains("code=\"StyleNotDefined\""), "{}", wrong.text());
    assert!(wrong.text().contains("above 0"), "{}", wrong.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn places_that_a_system_does_not_have_are_empty_and_said_to_be() {
    let server = Server::new();
    let base = format!("{WORLD}&width=20&height=20&transparent=TRUE");
    for (crs, bbox) in [
        ("EPSG:32633", "900000000,0,900001000,1000"),
        ("EPSG:6933", "0,90000000,1000,90001000"),
        ("EPSG:3857", "0,900000000,1000,900001000"),
        ("CRS:84", "-180,91,180,99"),
    ] {
        let reply = server.get(&format!("{base}&crs={crs}&bbox={bbox}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{crs}: {}", reply.text());
        assert!(reply.header("harmony-map").starts_with("empty; reason="), "{crs}");
        assert!(decoded(&reply.body).pixels.iter().all(|p| p[3] == 0), "{crs}");
    }
}
