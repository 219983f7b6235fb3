//! A server as a process, and what goes wrong around it: clients that go away, full disks, granules that vanish.
#![cfg(all(feature = "service", unix))]
#![allow(clippy::unwrap_used)]

mod server;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use server::{Answer, Server};

/// A folder with a catalogue of the three days of the sample grid.
struct World {
    dir: tempfile::TempDir,
}

const SAMPLE: &str = "2020_01_01_global.nc";

impl World {
    fn new() -> World {
        let world = World { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(world.granules()).unwrap();
        for day in 1..=3 {
            let name = format!("2020_01_0{day}_global.nc");
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/granules").join(&name);
            std::fs::copy(from, world.granules().join(name)).unwrap();
        }
        let added = world.catalog(&["add", world.granules().to_str().unwrap()], &[]);
        assert!(added.status.success(), "{added:?}");
        world
    }

    fn granules(&self) -> PathBuf {
        self.dir.path().join("days")
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn catalog(&self, args: &[&str], env: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_harmony"))
            .args(["catalog", args[0], "--data"])
            .arg(self.data())
            .args(&args[1..])
            .envs(env.iter().copied())
            .output()
            .unwrap()
    }

    fn serve(&self, env: &[(&str, &str)]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harmony"));
        command.envs(env.iter().copied());
        Server::with(command, &self.data(), &[])
    }

    /// Files below the folders of results and of work, that are not hidden.
    fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for folder in ["results", "work"] {
            below(&self.data().join(folder), &mut found);
        }
        found
    }
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { below(&path, found) } else { found.push(path) }
    }
}

fn rangeset(query: &str) -> String {
    format!("/days/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset?{query}")
}

/// Job of an answer that leads to a result or to a job.
fn job_of(answer: &Answer) -> String {
    let location =
        answer.header("location").unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()));
    let parts: Vec<&str> = location.split('/').collect();
    let at = parts.iter().position(|p| ["public", "jobs"].contains(p)).unwrap();
    parts[at + 1].to_owned()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}

/// Sends a GET and reads nothing of the answer yet.
fn begin(server: &Server, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&server.host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.host).unwrap();
    stream
}

fn until(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One granule as a table of some hundred MB.
const LARGE_TABLE: &str =
    "granuleName=2020_01_01_global.nc&format=text/csv&outputCrs=EPSG:4326&width=3000&height=1500";

#[test]
fn results_are_sent_while_they_are_made() {
    let world = World::new();
    let server = world.serve(&[]);
    let answer = server.get(&rangeset(LARGE_TABLE));
    assert_eq!(answer.status, 303, "{}", answer.text());
    let (id, path) = (job_of(&answer), answer.header("location").unwrap().to_owned());
    assert_eq!(server.get(&format!("/jobs/{id}")).json()["status"], "running");
    let mut stream = begin(&server, &path);
    let mut first = [0; 4096];
    stream.read_exact(&mut first).unwrap();
    let head = String::from_utf8_lossy(&first).to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200") && head.contains("transfer-encoding: chunked"), "{head}");
    assert!(head.contains("content-type: text/csv") && head.contains("attachment; filename="), "{head}");
    // Who takes the result goes away: nobody needs it any more.
    drop(stream);
    until("the job goes on", || server.get(&format!("/jobs/{id}")).json()["status"] == "canceled");
    until("something is left", || world.files().is_empty());
}

#[test]
fn a_result_is_the_same_while_it_grows_and_later() {
    let world = World::new();
    let server = world.serve(&[]);
    let path = rangeset(&LARGE_TABLE.replace("3000", "300").replace("1500", "150"));
    let answer = server.get(&path);
    let location = answer.header("location").unwrap().to_owned();
    let grown = server.get(&location);
    assert_eq!(server.wait(&job_of(&answer))["status"], "successful");
    let whole = server.get(&location);
    assert!(whole.header("etag").is_some() && whole.header("content-length").is_some());
    assert!(grown.body == whole.body && grown.body.len() > 1_000_000, "{} bytes", grown.body.len());
    let part = server.request("GET", &location, &[("Range", "bytes=0-9")], b"");
    assert_eq!((part.status, part.body.as_slice()), (206, &whole.body[..10]));
}

#[test]
fn a_client_that_waits_no_longer_ends_its_computation() {
    let world = World::new();
    let server = world.serve(&[]);
    let query = LARGE_TABLE.replace("text/csv", "application/x-netcdf4").replace("3000", "9000");
    let stream = begin(&server, &rangeset(&query));
    let running = || {
        let jobs = server.get("/jobs").json();
        jobs["jobs"].as_array().unwrap().first().map(|j| j["status"].as_str().unwrap().to_owned())
    };
    until("no job is made", || running().is_some());
    drop(stream);
    until("the job goes on", || running().as_deref() == Some("canceled"));
    until("something is left", || world.files().is_empty());
}

#[test]
fn a_full_disk_is_named_and_nothing_half_written_stays() {
    let world = World::new();
    // Files of more than 1 MiB can't be written; the signal that comes first is passed over.
    let mut shell = Command::new("sh");
    let script = r#"trap "" XFSZ; ulimit -f 2048; exec "$0" "$@""#;
    shell.args(["-c", script, env!("CARGO_BIN_EXE_harmony")]).env("WORK_ITEM_RETRY_LIMIT", "1");
    let server = Server::with(shell, &world.data(), &[]);
    let large = "granuleName=2020_01_01_global.nc&format=application/x-netcdf4&outputCrs=EPSG:4326";
    let answer = server.get(&rangeset(&format!("{large}&width=4000&height=3000&interpolation=bilinear")));
    assert_eq!(answer.status, 400, "{}", answer.text());
    let text = answer.text();
    assert!(text.contains("no space left") && text.contains("free space"), "{text}");
    assert!(!text.contains(world.dir.path().to_str().unwrap()), "{text}");
    assert!(world.files().is_empty(), "{:?}", world.files());
    // What fits is still made.
    let small = server.follow(&rangeset("granuleName=2020_01_01_global.nc&subset=lat(0:10)"));
    assert!(small.status == 200 && small.body.starts_with(b"\x89HDF"), "{}", small.text());
}

#[test]
fn granules_that_vanish_or_break_are_named_without_their_place() {
    let world = World::new();
    let server = world.serve(&[]);
    let place = world.granules().to_str().unwrap().to_owned();
    let one = |name: &str| server.follow(&rangeset(&format!("granuleName={name}&subset=lat(0:10)")));
    let good = one(SAMPLE);
    assert!(good.status == 200 && !holds(&good.body, &place), "the result names its input's place");
    assert!(holds(&good.body, SAMPLE), "the result names its input");
    std::fs::remove_file(world.granules().join("2020_01_02_global.nc")).unwrap();
    let gone = one("2020_01_02_global.nc");
    assert_eq!(gone.status, 400, "{}", gone.text());
    assert!(gone.text().contains("2020_01_02_global.nc: its file is no longer there"), "{}", gone.text());
    let damaged = world.granules().join("2020_01_03_global.nc");
    let bytes = std::fs::read(&damaged).unwrap();
    std::fs::write(&damaged, &bytes[..bytes.len() / 2]).unwrap();
    let broken = one("2020_01_03_global.nc");
    assert_eq!(broken.status, 400, "{}", broken.text());
    assert!(broken.text().contains("2020_01_03_global.nc"), "{}", broken.text());
    for answer in [gone, broken] {
        assert!(!answer.text().contains(&place), "{}", answer.text());
    }
}

#[test]
fn an_image_with_its_world_file_is_one_answer() {
    let world = World::new();
    let server = world.serve(&[]);
    let image = "/days/ogc-api-coverages/1.0.0/collections/red_var/coverage/rangeset?format=image/png";
    let answer = server.follow(&format!("{image}&granuleName={SAMPLE}"));
    assert!(answer.status == 200 && answer.body.starts_with(b"\x89PNG"), "{}", answer.text());
}

#[test]
fn joined_granules_are_waited_for_when_that_is_asked_for() {
    let world = World::new();
    let server = world.serve(&[]);
    let query = "concatenate=true&forceAsync=false&subset=lat(0:10)";
    let answer = server.get(&rangeset(query));
    assert!(answer.header("location").is_some_and(|l| l.starts_with("/service-results/")), "{answer:?}");
    assert!(server.follow(&rangeset(query)).body.starts_with(b"\x89HDF"));
    let extended = server.get(&rangeset("extend=time&forceAsync=false&subset=lat(0:10)"));
    assert!(extended.header("location").is_some_and(|l| l.starts_with("/service-results/")), "{extended:?}");
    // Without being asked it is a job, as it is for granules that stay apart.
    for query in ["concatenate=true&subset=lat(0:10)", "forceAsync=false&subset=lat(0:10)"] {
        let answer = server.get(&rangeset(query));
        assert!(answer.header("location").is_some_and(|l| l.starts_with("/jobs/")), "{query}: {answer:?}");
    }
}

#[test]
fn previews_pause_and_go_on_when_asked() {
    let world = World::new();
    let server = world.serve(&[("PREVIEW_THRESHOLD", "3"), ("WORKERS", "1")]);
    let submit =
        |query: &str| job_of(&server.get(&rangeset(&format!("forceAsync=true&subset=lat(0:10){query}"))));
    let paused = submit("");
    let first = server.get(&format!("/jobs/{paused}")).json();
    assert_eq!(first["status"], "previewing", "{first}");
    assert!(first["links"].to_string().contains("preview-skipper"));
    let document = server.wait(&paused);
    assert_eq!(document["status"], "paused", "{document}");
    assert_eq!(document["message"], "The job is paused and may be resumed using the provided link");
    let results =
        |d: &serde_json::Value| d["links"].as_array().unwrap().iter().filter(|l| l["rel"] == "data").count();
    assert_eq!(results(&document), 1);
    assert_eq!(server.get(&format!("/jobs/{paused}/skip-preview")).status, 302);
    let document = server.wait(&paused);
    assert_eq!((document["status"].as_str(), results(&document)), (Some("successful"), 3), "{document}");
    let whole = submit("&skipPreview=true");
    assert_eq!(server.get(&format!("/jobs/{whole}")).json()["status"], "running");
    assert_eq!(server.wait(&whole)["status"], "successful");
}

#[test]
fn too_many_at_once_wait_or_are_told_when_to_come_back() {
    let world = World::new();
    let env = [("MAX_SIMULTANEOUS_REQUESTS", "2"), ("WORKERS", "1"), ("HARMONY_MEMORY", "64MiB")];
    let server = world.serve(&env);
    let ask = &|i: usize| {
        let query =
            format!("granuleName={SAMPLE}&subset=lat({i}:60)&outputCrs=EPSG:3857&width=1500&height=1500");
        server.get(&rangeset(&query))
    };
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..40).map(|i| scope.spawn(move || ask(i))).collect();
        all.into_iter().map(|t| t.join().unwrap()).collect()
    });
    for answer in &answers {
        let is_refused = answer.status == 503 && answer.header("retry-after").is_some();
        assert!(answer.status == 303 || is_refused, "{}: {}", answer.status, answer.text());
    }
    assert!(answers.iter().any(|a| a.status == 303));
    assert_eq!(server.get("/health").status, 200);
}

/// Answers one request with a redirect; its port.
fn redirecting(to: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut head = [0; 2048];
            let _ = stream.read(&mut head);
            let _ = write!(stream, "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        }
    });
    port
}

#[test]
fn addresses_of_this_network_are_read_only_when_they_are_listed() {
    let world = World::new();
    // Somebody inside who must not be asked.
    let secret = TcpListener::bind("127.0.0.2:0").unwrap();
    secret.set_nonblocking(true).unwrap();
    let target = format!("http://127.0.0.2:{}/x.nc", secret.local_addr().unwrap().port());
    let address = format!("http://127.0.0.1:{}/x.nc", redirecting(target));
    let refused = world.catalog(&["add", &address], &[]);
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("allowed_sources"), "{text}");
    // The first host is listed; where it leads is not.
    let root = address.trim_end_matches("x.nc");
    let led = world.catalog(&["add", &address], &[("HARMONY_ALLOWED_SOURCES", root)]);
    assert!(!led.status.success(), "{led:?}");
    assert!(secret.accept().is_err(), "the inner host was asked");
}
