//! Connections: accepted up to a limit, closed when a client does not say what it wants, ended gracefully.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// How clients are dealt with.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; others wait to be accepted.
    pub connections: usize,
    /// Longest time for the whole head of a request, and for the pause between two of them.
    pub head: Duration,
    /// Longest wait for answers in progress when the service ends.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { connections: 2048, head: Duration::from_secs(60), farewell: Duration::from_secs(30) }
    }
}

/// Pause after an accept that failed for want of files or memory: others must end first.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until `stop` is ready; answers in progress are then finished.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS)));
    let (ending, _) = watch::channel(false);
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            both = accepted => both,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let (router, ending) = (router.clone(), ending.subscribe());
                tokio::spawn(async move {
                    connection(stream, router, limits, ending).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection can't be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    ending.send_replace(true);
    // Every connection holds the other end.
    if tokio::time::timeout(limits.farewell, ending.closed()).await.is_err() {
        tracing::warn!(connections = ending.receiver_count(), "answers in progress are broken off");
    }
}

async fn connection(stream: TcpStream, router: Router, limits: Limits, mut ending: watch::Receiver<bool>) {
    // Answers of a few hundred bytes must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = pin!(served);
    let ends = async { drop(ending.wait_for(|ends| *ends).await) };
    let result = tokio::select! {
        result = served.as_mut() => result,
        () = ends => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn text(stream: &mut TcpStream) -> String {
        let mut out = Vec::new();
        let _ = stream.read_to_end(&mut out).await;
        String::from_utf8_lossy(&out).into_owned()
    }

    #[tokio::test]
    async fn slow_heads_are_cut_off_and_answers_in_progress_are_finished() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let slow = || async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            "done"
        };
        let router = Router::new().route("/", get(slow));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let limits = Limits { connections: 2, head: Duration::from_millis(200), ..Limits::default() };
        let server = tokio::spawn(serve(listener, router, limits, async {
            let _ = stopped.await;
        }));
        // A head that never ends is given up.
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-A").await.unwrap();
        let waited = tokio::time::timeout(Duration::from_secs(5), text(&mut idle)).await;
        assert!(!waited.expect("the connection stays open").contains("done"));
        // An answer that has begun when the service ends is still given.
        let mut last = TcpStream::connect(address).await.unwrap();
        last.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.send(()).unwrap();
        assert!(text(&mut last).await.ends_with("done"));
        server.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
