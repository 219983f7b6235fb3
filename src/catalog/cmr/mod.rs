//! A CMR elsewhere as catalogue.

mod answers;
mod cache;
mod multipart;

#[cfg(test)]
mod tests;

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use cache::Cache;
use multipart::Multipart;

use super::CatalogError;

/// Largest page that CMR gives.
const PAGE: u64 = 2000;
/// Answers are used again for so long.
const FRESH: Duration = Duration::from_secs(600);
/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Largest answer, bytes: a page of two thousand granules is some twenty megabytes.
const MOST_BYTES: usize = 256 << 20;

/// How a CMR is asked.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// For example `https://cmr.earthdata.nasa.gov`.
    pub endpoint: String,
    /// Sent as `Client-id`.
    pub client_id: String,
    /// Sent as bearer token.
    pub token: Option<String>,
}

/// A CMR elsewhere.
pub struct Cmr {
    client: Client,
    options: Options,
    cache: Cache,
}

/// An answer with the headers that matter.
struct Answer {
    body: Value,
    hits: Option<u64>,
    after: Option<String>,
}

impl Cmr {
    /// Prepares to ask; nothing is sent yet.
    ///
    /// # Errors
    /// [`CatalogError::Failed`] when the address is none.
    pub fn new(options: Options) -> Result<Self, CatalogError> {
        let endpoint = options.endpoint.trim_end_matches('/').to_owned();
        let valid = url::Url::parse(&endpoint).is_ok_and(|u| matches!(u.scheme(), "http" | "https"));
        if !valid {
            let detail = format!("cmr_endpoint: '{endpoint}' is no address; write https://host");
            return Err(CatalogError::Failed { detail });
        }
        let client = Client::builder().timeout(TIMEOUT).connect_timeout(Duration::from_secs(10)).build();
        let client = client.map_err(|e| CatalogError::Failed { detail: e.to_string() })?;
        Ok(Cmr { client, options: Options { endpoint, ..options }, cache: Cache::new(FRESH) })
    }

    fn prepare(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request
            .header("Client-id", &self.options.client_id)
            .header("Accept", "application/json")
            .header("X-Request-Id", uuid::Uuid::new_v4().to_string());
        match &self.options.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn address(&self, path: &str, query: &[(&str, &str)]) -> Result<url::Url, CatalogError> {
        let text = format!("{}{path}", self.options.endpoint);
        let mut url = url::Url::parse(&text).map_err(|e| CatalogError::Failed { detail: e.to_string() })?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// A GET whose answer is used again for ten minutes.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, CatalogError> {
        let url = self.address(path, query)?;
        if let Some(known) = self.cache.get(url.as_str()) {
            return Ok((*known).clone());
        }
        let request = self.prepare(self.client.get(url.clone()));
        let body = read(send(request).await?).await?.body;
        self.cache.put(url.into(), body.clone());
        Ok(body)
    }

    /// A POST of a form whose answer is used again for ten minutes.
    async fn post_cached(&self, path: &str, form: &Multipart) -> Result<Value, CatalogError> {
        let key = format!("{path} {}", form.key());
        if let Some(known) = self.cache.get(&key) {
            return Ok((*known).clone());
        }
        let body = self.post(path, form, None).await?.body;
        self.cache.put(key, body.clone());
        Ok(body)
    }

    async fn post(&self, path: &str, form: &Multipart, after: Option<&str>) -> Result<Answer, CatalogError> {
        let (kind, body) = form.encode();
        let request = self.client.post(self.address(path, &[])?).header("Content-Type", kind).body(body);
        let mut request = self.prepare(request);
        if let Some(after) = after {
            request = request.header("cmr-search-after", after);
        }
        read(send(request).await?).await
    }

    /// All items of a UMM search, page after page.
    async fn items(&self, path: &str, parts: &[(&str, &str)]) -> Result<Vec<Value>, CatalogError> {
        let mut items: Vec<Value> = Vec::new();
        for page in 1u64.. {
            let mut form = Multipart::default();
            parts.iter().for_each(|(name, value)| form.text(name, value));
            form.text("page_size", &PAGE.to_string());
            if page > 1 {
                form.text("page_num", &page.to_string());
            }
            let body = self.post_cached(path, &form).await?;
            let hits = body.get("hits").and_then(Value::as_u64);
            let hits = hits.ok_or_else(|| strange("an answer without hits"))?;
            let new = body.get("items").and_then(Value::as_array);
            let new = new.ok_or_else(|| strange("an answer without items"))?;
            let ended = new.is_empty();
            items.extend(new.iter().cloned());
            if ended || items.len() as u64 >= hits {
                break;
            }
        }
        Ok(items)
    }
}

/// Something that CMR doesn't say.
fn strange(detail: &str) -> CatalogError {
    CatalogError::Unavailable { detail: format!("the CMR sent {detail}") }
}

async fn send(request: RequestBuilder) -> Result<Response, CatalogError> {
    // Without the address: its query may be long.
    request.send().await.map_err(|e| CatalogError::Failed {
        detail: format!("the CMR can't be reached: {}", e.without_url()),
    })
}

/// The answer, or the refusal in CMR's own words.
async fn read(mut response: Response) -> Result<Answer, CatalogError> {
    let status = response.status();
    let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let (hits, after) = (header("cmr-hits").and_then(|h| h.parse().ok()), header("cmr-search-after"));
    let mut bytes = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|e| CatalogError::Failed { detail: format!("the CMR broke off: {}", e.without_url()) })?
    {
        if bytes.len() + chunk.len() > MOST_BYTES {
            return Err(strange(&format!("more than {MOST_BYTES} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    if status.is_server_error() {
        let detail =
            format!("the CMR answered {status}: {}", String::from_utf8_lossy(&bytes[..bytes.len().min(500)]));
        return Err(CatalogError::Unavailable { detail });
    }
    let body: Result<Value, _> = serde_json::from_slice(&bytes);
    if status.is_client_error() {
        return Err(refusal(status, body.ok().as_ref()));
    }
    let body = body.map_err(|e| strange(&format!("what is no JSON ({e})")))?;
    Ok(Answer { body, hits, after })
}

fn refusal(status: StatusCode, body: Option<&Value>) -> CatalogError {
    let first = body.and_then(|b| b.pointer("/errors/0"));
    // An error may be an object with a list of its own.
    let text = first.and_then(|e| e.as_str().or_else(|| e.pointer("/errors/0").and_then(Value::as_str)));
    let message = text.map_or_else(|| format!("The CMR answered {status}"), str::to_owned);
    CatalogError::Rejected { status: status.as_u16(), message }
}
