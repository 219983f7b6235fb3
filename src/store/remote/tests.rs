//! Against a server in this process: ranges, no ranges, broken connections, errors.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::store;

/// How the server answers.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Ranges,
    /// Sends the whole object whatever is asked, with or without saying its length.
    Whole {
        length: bool,
    },
    /// Closes the connection of every second request in the middle of the answer.
    Drops,
    /// The same, for every request.
    AlwaysDrops,
    Status(u16),
    Absent,
    /// Never answers.
    Silent,
}

struct Server {
    address: String,
    requests: Arc<AtomicUsize>,
    ranges: Arc<Mutex<Vec<String>>>,
}

/// The object at a path.
type Lookup = Arc<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// Serves `body` under every path that does not contain `absent`.
fn serve(mode: Mode, body: Vec<u8>) -> Server {
    serve_objects(mode, Arc::new(move |path| (!path.contains("absent")).then(|| body.clone())))
}

fn serve_objects(mode: Mode, objects: Lookup) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (requests, ranges) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (count, seen, objects) = (requests.clone(), ranges.clone(), objects);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (count, seen, objects) = (count.clone(), seen.clone(), objects.clone());
            std::thread::spawn(move || converse(mode, &stream, &objects, &count, &seen));
        }
    });
    Server { address, requests, ranges }
}

fn converse(
    mode: Mode,
    stream: &TcpStream,
    objects: &Lookup,
    count: &AtomicUsize,
    seen: &Mutex<Vec<String>>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let body = objects(lines[0].split(' ').nth(1).unwrap_or_default());
        let found = body.is_some();
        let body = body.unwrap_or_default();
        let mode = if found { mode } else { Mode::Absent };
        let number = count.fetch_add(1, Ordering::SeqCst);
        let range = lines
            .iter()
            .find_map(|l| l.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
        seen.lock().unwrap().extend(range.clone());
        let range = range.map(|r| {
            let (from, to) = r.split_once('-').unwrap();
            (from.parse::<usize>().unwrap(), (to.parse::<usize>().unwrap() + 1).min(body.len()))
        });
        if answer(mode, stream, &lines[0], range, &body, number).is_none() {
            stream.shutdown(Shutdown::Both).ok();
            return;
        }
    }
}

/// `None`: the connection is closed.
fn answer(
    mode: Mode,
    mut stream: &TcpStream,
    request: &str,
    range: Option<(usize, usize)>,
    body: &[u8],
    number: usize,
) -> Option<()> {
    let mut send = |head: &str, body: &[u8]| {
        let head_only = request.starts_with("HEAD");
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(if head_only { &[] } else { body }).ok()
    };
    match (mode, range) {
        (Mode::Absent, _) => send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", &[]),
        (Mode::Silent, _) => {
            std::thread::sleep(Duration::from_secs(5));
            None
        }
        (Mode::Status(code), _) => {
            let secret = "<Error><AWSAccessKeyId>secret</AWSAccessKeyId></Error>";
            send(&format!("HTTP/1.1 {code} No\r\nContent-Length: {}\r\n\r\n{secret}", secret.len()), &[])
        }
        (Mode::Whole { length: true }, _) | (Mode::Ranges | Mode::Drops | Mode::AlwaysDrops, None) => {
            send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()), body)
        }
        (Mode::Whole { length: false }, _) => {
            send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", body)?;
            None
        }
        (_, Some((from, _))) if from >= body.len() => {
            send("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n", &[])
        }
        (_, Some((from, to))) => {
            let (len, last, total) = (to - from, to - 1, body.len());
            let head = format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Length: {len}\r\nContent-Range: bytes {from}-{last}/{total}\r\n\r\n"
            );
            if mode == Mode::AlwaysDrops || mode == Mode::Drops && number.is_multiple_of(2) {
                send(&head, &body[from..from + len / 2])?;
                return None;
            }
            send(&head, &body[from..to])
        }
    }
}

fn body(len: usize) -> Vec<u8> {
    (0..len as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

fn quick() -> StoreOptions {
    StoreOptions { read_timeout: Duration::from_millis(500), retries: 3, ..StoreOptions::default() }
}

#[test]
fn ranges_are_joined_and_come_in_order() {
    let bytes = body(3_000_000);
    let server = serve(Mode::Ranges, bytes.clone());
    let source = store::open(&format!("{}/a%20b.nc?token=secret", server.address), &quick()).unwrap();
    assert_eq!(source.name(), format!("{}/a%20b.nc", server.address));
    assert_eq!((source.len(), source.is_remote()), (3_000_000, true));
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);

    let ranges = [(2_000_000, 1000), (500_000, 10), (500_500, 20), (2_001_000, 5), (7, 0), (1_000_000, 3)];
    let got = source.read_ranges(&ranges).unwrap();
    for (got, (offset, len)) in got.iter().zip(ranges) {
        assert_eq!(got[..], bytes[offset as usize..(offset + len) as usize]);
    }
    let mut seen = server.ranges.lock().unwrap().split_off(1);
    seen.sort();
    assert_eq!(seen, ["1000000-1000002", "2000000-2001004", "500000-500519"]);
}

#[test]
fn the_first_and_last_bytes_are_kept() {
    let bytes = body(1_000_000);
    let server = serve(Mode::Ranges, bytes.clone());
    let source = store::open(&format!("{}/x.nc", server.address), &quick()).unwrap();
    for offset in [0, 5, 1000, 999_990, 950_000, 999_000] {
        let mut out = [0; 10];
        source.read_at(offset, &mut out).unwrap();
        assert_eq!(out, bytes[offset as usize..offset as usize + 10]);
    }
    // The opening and the tail.
    assert_eq!(server.requests.load(Ordering::SeqCst), 2);
    let mut all = vec![0; bytes.len()];
    source.read_at(0, &mut all).unwrap();
    assert!(all == bytes);
    assert!(source.read_at(999_999, &mut [0; 2]).is_err());
}

#[test]
fn an_empty_object_is_empty() {
    let server = serve(Mode::Ranges, Vec::new());
    assert_eq!(store::open(&format!("{}/x.nc", server.address), &quick()).unwrap().len(), 0);
}

#[test]
fn a_server_without_ranges_is_downloaded_up_to_a_limit() {
    let bytes = body(300_000);
    for length in [true, false] {
        let server = serve(Mode::Whole { length }, bytes.clone());
        let address = format!("{}/x.nc", server.address);
        let source = store::open(&address, &quick()).unwrap();
        let mut out = vec![0; 1000];
        source.read_at(200_000, &mut out).unwrap();
        assert_eq!((source.len(), &out[..]), (300_000, &bytes[200_000..201_000]));
        let small = StoreOptions { download_limit: 100_000, ..quick() };
        let Err(error) = store::open(&address, &small) else { panic!("the limit was ignored") };
        assert!(matches!(error, StoreError::TooLarge { limit: 100_000, .. }), "{error}");
    }
}

#[test]
fn broken_connections_are_tried_again() {
    let bytes = body(400_000);
    let server = serve(Mode::Drops, bytes.clone());
    let source = store::open(&format!("{}/x.nc", server.address), &quick()).unwrap();
    let mut out = vec![0; 100_000];
    source.read_at(150_000, &mut out).unwrap();
    assert!(out == bytes[150_000..250_000]);

    let server = serve(Mode::AlwaysDrops, bytes);
    let few = StoreOptions { retries: 1, ..quick() };
    let Err(error) = store::open(&format!("{}/x.nc?sig=secret", server.address), &few) else { panic!() };
    let text = error.to_string();
    assert!(matches!(error, StoreError::Failed { .. }) && !text.contains("secret"), "{text}");
}

#[test]
fn errors_name_the_address_without_its_secrets() {
    let check = |mode: Mode, path: &str, wanted: &str| {
        let server = serve(mode, body(10));
        let options = StoreOptions { retries: 0, ..quick() };
        let address = format!("{}/{path}?X-Signature=secret", server.address.replace("//", "//user:secret@"));
        let Err(error) = store::open(&address, &options) else { panic!("{wanted}") };
        let text = error.to_string();
        assert!(text.contains(wanted) && text.contains(path) && !text.contains("secret"), "{text}");
    };
    check(Mode::Ranges, "absent.nc", "404");
    check(Mode::Status(403), "x.nc", "403");
    check(Mode::Status(401), "x.nc", "401");
    check(Mode::Status(500), "x.nc", "500");
    check(Mode::Silent, "x.nc", "no answer in time");
}

#[test]
fn a_host_that_is_not_there_is_said_to_be_unreachable() {
    let options = StoreOptions { retries: 0, ..quick() };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for address in [format!("http://127.0.0.1:{port}/x.nc"), "http://no-such-host.invalid/x.nc".to_owned()] {
        let Err(error) = store::open(&address, &options) else { panic!() };
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    }
}

#[test]
fn a_zarr_hierarchy_over_http() {
    let root = br#"{"zarr_format": 3, "node_type": "group", "consolidated_metadata": {"kind": "inline", "metadata": {
        "t": {"zarr_format": 3, "node_type": "array", "shape": [4], "data_type": "int16", "fill_value": -1,
              "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}},
              "chunk_key_encoding": {"name": "default"}, "dimension_names": ["x"],
              "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]}}}}"#;
    for mode in [Mode::Ranges, Mode::Whole { length: true }] {
        let objects = |path: &str| match path {
            "/s.zarr/zarr.json?key=secret" => Some(root.to_vec()),
            "/s.zarr/t/c/1?key=secret" => Some(vec![7, 0, 8, 0]),
            _ => None,
        };
        let server = serve_objects(mode, Arc::new(objects));
        let store = store::open_zarr(&format!("{}/s.zarr/?key=secret", server.address), &quick()).unwrap();
        let granule = harmony_formats::zarr::open(store).unwrap();
        assert_eq!(granule.name, "s.zarr");
        let t = granule.find_var("t").unwrap();
        assert_eq!(granule.read_stored(t).unwrap(), [-1.0, -1.0, 7.0, 8.0]);
    }
}
