//! Objects of servers that can't send parts: the whole is kept in memory.

use std::sync::Arc;

use futures_util::StreamExt;
use harmony_model::{ByteSource, MemorySource};
use object_store::client::{HttpClient, HttpConnector, HttpError, HttpRequest, HttpRequestBody};

use super::guarded::Connector;
use super::{client_options, failure, pause, wait};
use crate::store::{Location, StoreError, StoreOptions};

/// Fetches all of an object, whether or not the server says its length beforehand.
///
/// # Errors
/// [`StoreError::TooLarge`] as soon as the limit is known to be passed.
pub(super) fn whole(location: &Location, options: &StoreOptions) -> Result<Arc<dyn ByteSource>, StoreError> {
    let name = location.to_string();
    let Location::Http(url) = location else {
        return Err(StoreError::Failed { location: name, detail: "the store does not send ranges".into() });
    };
    let client = Connector(options.clone()).connect(&client_options(options));
    let client = client.map_err(|e| failure::of_request(&name, &e))?;
    let (address, options, task_name) = (url.to_string(), options.clone(), name.clone());
    let answer = wait(async move {
        let mut attempt = 0;
        loop {
            match attempt_once(&client, &address, &task_name, options.download_limit).await {
                Err(e) if e.is_transient() && attempt < options.retries => {
                    tokio::time::sleep(pause(attempt)).await;
                }
                other => return other,
            }
            attempt += 1;
        }
    });
    let detail = "the request could not be run".to_owned();
    let bytes = answer.unwrap_or_else(|| Err(StoreError::Failed { location: name.clone(), detail }))?;
    Ok(Arc::new(MemorySource::new(&name, bytes)))
}

async fn attempt_once(
    client: &HttpClient,
    address: &str,
    name: &str,
    limit: u64,
) -> Result<Vec<u8>, StoreError> {
    let refuse = |detail: &str| StoreError::Location { location: name.into(), detail: detail.into() };
    let transport = |e: HttpError| failure::of_transport(name.into(), &e);
    let too_large = || StoreError::TooLarge { location: name.into(), limit };
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.uri_mut() = address.parse().map_err(|_| refuse("it is not a valid address"))?;
    let response = client.execute(request).await.map_err(transport)?;
    let status = response.status();
    if !status.is_success() {
        return Err(failure::of_status(name, status.as_u16()));
    }
    let promised =
        response.headers().get("content-length").and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if promised.is_some_and(|n| n > limit) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut body = response.into_body().bytes_stream();
    while let Some(part) = body.next().await {
        let part = part.map_err(transport)?;
        if (bytes.len() + part.len()) as u64 > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}
