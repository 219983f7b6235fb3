//! Counters of the process, as Prometheus reads them (text format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::figures::ServiceFigures;
use crate::jobs::Observer;

/// Upper ends of the histogram's classes, seconds.
const ENDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];

#[derive(Default)]
struct Histogram {
    /// One more than [`ENDS`]: what took longer.
    classes: [u64; ENDS.len() + 1],
    count: u64,
    seconds: f64,
}

impl Histogram {
    fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let class = ENDS.iter().position(|end| seconds <= *end).unwrap_or(ENDS.len());
        self.classes[class] += 1;
        self.count += 1;
        self.seconds += seconds;
    }
}

/// Route and method.
type Route = (&'static str, &'static str);

/// What the process has done since it began. Cheap enough to count everything.
#[derive(Default)]
pub struct Metrics {
    latencies: Mutex<BTreeMap<Route, Histogram>>,
    answers: Mutex<BTreeMap<(Route, u16), u64>>,
    stages: Mutex<BTreeMap<&'static str, Histogram>>,
    in_flight: AtomicU64,
    refused: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
}

impl Metrics {
    /// Counts a request that was answered.
    pub fn answered(&self, route: &'static str, method: &'static str, status: u16, took: Duration) {
        let route = (route, method);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers.entry((route, status)).or_default() += 1;
        drop(answers);
        let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        latencies.entry(route).or_default().add(took);
    }

    /// A request that had to be sent away because too many were in work.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// A request in work, until the guard is dropped.
    pub fn enter(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(self)
    }

    /// All of it, with figures of the job store.
    pub fn text(&self, jobs: &[(String, u64)], services: &[ServiceFigures]) -> String {
        let mut out = String::with_capacity(8192);
        self.write_requests(&mut out);
        let stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        head(&mut out, "harmony_stage_duration_seconds", "histogram", "Stages of the work on granules");
        for (stage, histogram) in stages.iter() {
            let labels = format!("stage=\"{stage}\"");
            write_histogram(&mut out, "harmony_stage_duration_seconds", &labels, histogram);
        }
        drop(stages);
        let single = [
            ("harmony_http_requests_in_flight", "gauge", "Requests in work", &self.in_flight),
            ("harmony_http_requests_refused_total", "counter", "Requests refused for load", &self.refused),
            ("harmony_read_bytes_total", "counter", "Bytes of inputs", &self.bytes_read),
            ("harmony_written_bytes_total", "counter", "Bytes of results", &self.bytes_written),
        ];
        for (name, kind, help, value) in single {
            head(&mut out, name, kind, help);
            let _ = writeln!(out, "{name} {}", value.load(Relaxed));
        }
        write_jobs(&mut out, jobs, services);
        write_memory(&mut out);
        out
    }

    fn write_requests(&self, out: &mut String) {
        head(out, "harmony_http_requests_total", "counter", "Requests by route, method and status");
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        for (((route, method), status), count) in answers.iter() {
            let _ = writeln!(
                out,
                "harmony_http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}} {count}"
            );
        }
        drop(answers);
        head(out, "harmony_http_request_duration_seconds", "histogram", "Time to the first byte of answers");
        let latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        for ((route, method), histogram) in latencies.iter() {
            let labels = format!("route=\"{route}\",method=\"{method}\"");
            write_histogram(out, "harmony_http_request_duration_seconds", &labels, histogram);
        }
    }
}

/// A request in work.
pub struct InFlight<'a>(&'a Metrics);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}.\n# TYPE {name} {kind}");
}

fn write_histogram(out: &mut String, name: &str, labels: &str, histogram: &Histogram) {
    let mut below = 0;
    for (end, count) in ENDS.iter().zip(&histogram.classes) {
        below += count;
        let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{end}\"}} {below}");
    }
    let Histogram { count, seconds, .. } = histogram;
    let _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}");
    let _ = writeln!(out, "{name}_sum{{{labels}}} {seconds}\n{name}_count{{{labels}}} {count}");
}

fn write_jobs(out: &mut String, jobs: &[(String, u64)], services: &[ServiceFigures]) {
    head(out, "harmony_jobs", "gauge", "Jobs by status");
    for (status, count) in jobs {
        let _ = writeln!(out, "harmony_jobs{{status=\"{}\"}} {count}", label(status));
    }
    head(out, "harmony_queue_items", "gauge", "Work items that wait for a worker");
    for service in services {
        let name = label(&service.service);
        let _ = writeln!(out, "harmony_queue_items{{service=\"{name}\"}} {}", service.queued);
    }
    head(out, "harmony_running_items", "gauge", "Work items in work");
    for service in services {
        let name = label(&service.service);
        let _ = writeln!(out, "harmony_running_items{{service=\"{name}\"}} {}", service.running);
    }
}

/// A label's value, escaped as the text format demands.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Memory of the process, where the system tells it (Linux).
fn write_memory(out: &mut String) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |key: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(key))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        kib.checked_mul(1024)
    };
    let values = [
        ("process_resident_memory_bytes", "Memory in use", bytes("VmRSS:")),
        ("process_peak_memory_bytes", "Most memory in use so far", bytes("VmHWM:")),
    ];
    for (name, help, value) in values {
        if let Some(value) = value {
            head(out, name, "gauge", help);
            let _ = writeln!(out, "{name} {value}");
        }
    }
}

/// Words of paths that stand for a route, in the order in which they are looked for.
const ROUTES: [&str; 22] = [
    "ogc-api-coverages",
    "ogc-api-edr",
    "wms",
    "service-results",
    "service-image-tag",
    "service-deployments-state",
    "service-deployment",
    "deployment-logs",
    "workflow-ui",
    "stac",
    "labels",
    "admin",
    "jobs",
    "capabilities",
    "versions",
    "cloud-access",
    "staging-bucket-policy",
    "health",
    "readiness",
    "configuration",
    "metrics",
    "docs",
];

/// The group of routes that a path belongs to: few, whatever clients send.
pub fn route_of(path: &str) -> &'static str {
    if path == "/" {
        return "/";
    }
    let is_in = |word: &str| path.split('/').any(|part| part.split('.').next() == Some(word));
    ROUTES.iter().find(|word| is_in(word)).copied().unwrap_or("other")
}

impl Observer for Metrics {
    fn stage(&self, name: &'static str, took: Duration) {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default().add(took);
    }

    fn moved(&self, read: u64, written: u64) {
        self.bytes_read.fetch_add(read, Relaxed);
        self.bytes_written.fetch_add(written, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_add_up() {
        let metrics = Metrics::default();
        for ms in [0, 3, 700, 700_000] {
            metrics.answered("jobs", "GET", 200, Duration::from_millis(ms));
        }
        metrics.stage("read", Duration::from_millis(20));
        metrics.moved(7, 0);
        let guard = metrics.enter();
        let services = [ServiceFigures { service: "a\"b".into(), queued: 3, ..ServiceFigures::default() }];
        let text = metrics.text(&[("running".into(), 2)], &services);
        let has = |line: &str| assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        has("harmony_http_requests_total{route=\"jobs\",method=\"GET\",status=\"200\"} 4");
        has("harmony_http_request_duration_seconds_bucket{route=\"jobs\",method=\"GET\",le=\"0.005\"} 2");
        has("harmony_http_request_duration_seconds_bucket{route=\"jobs\",method=\"GET\",le=\"600\"} 3");
        has("harmony_http_request_duration_seconds_bucket{route=\"jobs\",method=\"GET\",le=\"+Inf\"} 4");
        has("harmony_stage_duration_seconds_count{stage=\"read\"} 1");
        has("harmony_read_bytes_total 7");
        has("harmony_http_requests_in_flight 1");
        has("harmony_jobs{status=\"running\"} 2");
        has("harmony_queue_items{service=\"a\\\"b\"} 3");
        drop(guard);
        assert!(metrics.text(&[], &[]).contains("harmony_http_requests_in_flight 0"));
    }

    #[test]
    fn paths_fall_into_few_routes() {
        assert_eq!(
            route_of("/C1-A/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset"),
            "ogc-api-coverages"
        );
        assert_eq!(route_of("/jobs/1234/pause"), "jobs");
        assert_eq!(route_of("/cloud-access.sh"), "cloud-access");
        assert_eq!((route_of("/"), route_of("/x/y")), ("/", "other"));
    }
}
