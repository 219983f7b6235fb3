//! A server of ours as a process, and the little HTTP that tests need.

#![allow(dead_code, clippy::unwrap_used)] // each test file uses its own part

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A running `harmony serve`; stopped when dropped.
pub struct Server {
    child: Child,
    pub host: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("no JSON ({e}): {}", self.text()))
    }
}

/// Writes the small granules of the project into `folder`.
pub fn write_granules(folder: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/granules");
    std::fs::create_dir_all(folder).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
}

impl Server {
    /// Starts a server on a free port; `args` come after `harmony serve --port 0 --data DIR`.
    pub fn start(data: &Path, args: &[&str]) -> Server {
        Server::with(Command::new(env!("CARGO_BIN_EXE_harmony")), data, args)
    }

    /// Starts the server through a command that may change its settings or limits.
    pub fn with(mut command: Command, data: &Path, args: &[&str]) -> Server {
        let mut child = command
            .args(["serve", "--port", "0", "--data"])
            .arg(data)
            .args(args)
            .env("HARMONY_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the program was built with the tests");
        let stdout = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines();
        let line = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|l| l.contains("http://127.0.0.1:"))
            .expect("the server says where it listens");
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let at = line.find("http://").expect("found above") + 7;
        let host: String =
            line[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || ".:".contains(*c)).collect();
        Server { child, host }
    }

    /// Ends it as a power failure would.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end and waits; its exit status.
    pub fn terminate(mut self) -> Option<i32> {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        self.child.wait().ok().and_then(|s| s.code())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], b"")
    }

    pub fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, &[("Content-Type", "application/json")], body.to_string().as_bytes())
    }

    /// A request on a connection of its own.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_request(method, path, headers, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// As [`Server::request`]; an error where the server is gone.
    pub fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(&self.host)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.host);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all)?;
        parse(&all, method == "HEAD")
            .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "half an answer"))
    }

    /// Follows redirects of this server.
    pub fn follow(&self, path: &str) -> Answer {
        let mut answer = self.get(path);
        for _ in 0..5 {
            let Some(to) = answer.header("location").filter(|_| (300..400).contains(&answer.status)) else {
                break;
            };
            let to = to.replace(&format!("http://{}", self.host), "");
            answer = self.get(&to);
        }
        answer
    }

    /// Waits until a job has ended; its document.
    pub fn wait(&self, job: &str) -> Value {
        let until = Instant::now() + Duration::from_secs(120);
        loop {
            let document = self.get(&format!("/jobs/{job}")).json();
            let status = document["status"].as_str().unwrap_or_default().to_owned();
            if ["successful", "failed", "canceled", "complete_with_errors", "paused"]
                .contains(&status.as_str())
            {
                return document;
            }
            assert!(Instant::now() < until, "job {job} is still {status}: {document}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse(all: &[u8], head_only: bool) -> Option<Answer> {
    let end = all.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> =
        lines.filter_map(|l| l.split_once(": ").map(|(a, b)| (a.to_owned(), b.to_owned()))).collect();
    let answer = Answer { status, headers, body: Vec::new() };
    let raw = &all[end + 4..];
    let body = match (answer.header("transfer-encoding"), answer.header("content-length")) {
        (Some(_), _) => chunks(raw)?,
        (None, Some(length)) if !head_only => raw.get(..length.parse().ok()?)?.to_vec(),
        _ => raw.to_vec(),
    };
    Some(Answer { body, ..answer })
}

fn chunks(mut raw: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = raw.windows(2).position(|w| w == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&raw[..end]).ok()?.trim(), 16).ok()?;
        raw = &raw[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(raw.get(..size)?);
        raw = raw.get(size + 2..)?;
    }
}
