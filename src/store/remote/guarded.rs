//! HTTP clients that ask only hosts which the guard admits, wherever redirects and name servers lead.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use object_store::client::{HttpClient, HttpConnector, ReqwestConnector};
use object_store::{ClientOptions, Error};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use super::REQUEST_TIMEOUT;
use crate::store::{Guard, StoreOptions};

/// Redirects followed for one request, as browsers and other clients do.
const MOST_REDIRECTS: usize = 10;

/// Makes clients with the timeouts of the options, and with their guard if they have one.
#[derive(Debug)]
pub struct Connector(pub StoreOptions);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let Some(guard) = self.0.guard.clone() else {
            return ReqwestConnector::default().connect(options);
        };
        let resolver = Resolver(guard.clone());
        let client = reqwest::Client::builder()
            .user_agent(concat!("harmony/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.0.connect_timeout)
            .read_timeout(self.0.read_timeout)
            .timeout(REQUEST_TIMEOUT)
            .redirect(policy(guard))
            .dns_resolver(Arc::new(resolver))
            .build()
            .map_err(|e| Error::Generic { store: "HTTP", source: Box::new(e) })?;
        Ok(HttpClient::new(client))
    }
}

/// Names go through the resolver; addresses written as such don't, and are looked at here.
fn policy(guard: Arc<dyn Guard>) -> Policy {
    Policy::custom(move |attempt| {
        let refused = match attempt.url().host() {
            Some(url::Host::Ipv4(v4)) => !guard.admits(&v4.to_string(), IpAddr::V4(v4)),
            Some(url::Host::Ipv6(v6)) => !guard.admits(&v6.to_string(), IpAddr::V6(v6)),
            _ => false,
        };
        if refused {
            attempt.error(REFUSED)
        } else if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error("too many redirects")
        } else {
            attempt.follow()
        }
    })
}

const REFUSED: &str = "it leads to a host inside this network, which is not among allowed_sources";

/// Leaves out addresses that the guard does not admit.
struct Resolver(Arc<dyn Guard>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let admitted: Vec<SocketAddr> = found.filter(|a| guard.admits(&host, a.ip())).collect();
            if admitted.is_empty() {
                return Err(REFUSED.into());
            }
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}
