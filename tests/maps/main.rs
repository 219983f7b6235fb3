//! Maps and tiles through the whole service, in this process: colours of known points, the contract's cases, bad input.
#![cfg(feature = "service")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod documents;
mod hostile;
#[path = "../maps_support/mod.rs"]
mod maps_support;
mod pictures;
mod requests;
mod tiles;

use maps_support::Server;

const WORLD: &str = "/C1234088182-EEDTEST/wms?service=WMS&version=1.3.0&request=GetMap&format=image/png&styles=\
                     &layers=C1234088182-EEDTEST/rgb";

/// Keeps the sample service up for `HARMONY_MAPS_SECONDS`, for clients that are tried by hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_to_look_at() {
    let Some(seconds) = std::env::var("HARMONY_MAPS_SECONDS").ok().and_then(|t| t.parse().ok()) else {
        return;
    };
    let server = Server::new();
    println!("{}", server.listen().await);
    tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
}
