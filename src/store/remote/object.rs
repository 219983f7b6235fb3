//! One remote object, read by ranges.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use harmony_model::source::check_range;
use harmony_model::{ByteSource, ReadError};
use object_store::{Error, GetOptions, GetRange, ObjectStore};
use tokio::sync::Semaphore;

use super::{Target, failure, pause, plan, wait};
use crate::store::{StoreError, StoreOptions};

/// Bytes that come with the opening request: the metadata of most formats begin there.
const HEAD: u64 = 128 * 1024;
/// Bytes at the end that are fetched and kept as one when any of them is asked for.
const TAIL: u64 = 128 * 1024;

/// A remote object whose server sends ranges.
pub(super) struct RemoteObject {
    target: Target,
    len: u64,
    /// Changes when the object does; not every server sends one.
    e_tag: Option<String>,
    head: Arc<[u8]>,
    tail: Mutex<Option<Arc<[u8]>>>,
    retries: usize,
    /// Limits requests under way.
    slots: Arc<Semaphore>,
}

/// The outcome of the opening request.
pub(super) enum Opened {
    Ranges(RemoteObject),
    /// The server has the object but sends it whole only.
    WholeOnly,
}

impl RemoteObject {
    /// Asks for the first bytes, which tells the length too.
    pub(super) fn open(target: &Target, options: &StoreOptions) -> Result<Opened, StoreError> {
        let (task_target, task_options) = (target.clone(), options.clone());
        let answer = wait(async move { RemoteObject::connect(task_target, task_options).await });
        answer.unwrap_or_else(|| Err(failure::of_request(&target.name, &broken())))
    }

    /// [`RemoteObject::open`] for several at once, in their order.
    pub(super) fn open_many(targets: &[Target], options: &StoreOptions) -> Vec<Result<Opened, StoreError>> {
        let (tasks, options) = (targets.to_vec(), options.clone());
        let answers = wait(async move {
            let slots = Arc::new(Semaphore::new(options.parallel_requests.max(1)));
            let start = |target: Target| {
                let (slots, options) = (slots.clone(), options.clone());
                tokio::spawn(async move {
                    let _slot = slots.acquire_owned().await;
                    RemoteObject::connect(target, options).await
                })
            };
            let running: Vec<_> = tasks.into_iter().map(start).collect();
            let mut out = Vec::with_capacity(running.len());
            for task in running {
                out.push(task.await.ok());
            }
            out
        });
        let given_up = |t: &Target| Err(failure::of_request(&t.name, &broken()));
        let mut answers = answers.unwrap_or_default().into_iter();
        targets.iter().map(|t| answers.next().flatten().unwrap_or_else(|| given_up(t))).collect()
    }

    async fn connect(target: Target, options: StoreOptions) -> Result<Opened, StoreError> {
        match first_bytes(&target, options.retries).await {
            Ok((head, len, e_tag)) => Ok(Opened::Ranges(RemoteObject {
                target,
                len,
                e_tag,
                head: head.into(),
                tail: Mutex::new(None),
                retries: options.retries,
                slots: Arc::new(Semaphore::new(options.parallel_requests.max(1))),
            })),
            Err(Error::NotSupported { .. }) => Ok(Opened::WholeOnly),
            Err(e) => Err(failure::of_request(&target.name, &e)),
        }
    }

    fn fetch(&self, pieces: Vec<Range<u64>>) -> Result<Vec<Vec<u8>>, ReadError> {
        let describe = pieces.first().zip(pieces.last()).map_or(0..0, |(a, b)| a.start..b.end);
        let (target, len, e_tag) = (self.target.clone(), self.len, self.e_tag.clone());
        let (retries, slots) = (self.retries, self.slots.clone());
        let answer = wait(async move {
            let tasks: Vec<_> = pieces
                .into_iter()
                .map(|range| {
                    let (target, e_tag, slots) = (target.clone(), e_tag.clone(), slots.clone());
                    tokio::spawn(async move {
                        let _slot = slots.acquire_owned().await;
                        get(&target, range, len, e_tag.as_deref(), retries).await
                    })
                })
                .collect();
            let mut out = Vec::with_capacity(tasks.len());
            for task in tasks {
                out.push(task.await.unwrap_or_else(|_| {
                    let detail = "the request was given up".into();
                    Err(ReadError::Io { source_name: String::new(), offset: 0, len: 0, detail })
                })?);
            }
            Ok(out)
        });
        answer.unwrap_or_else(|| {
            let (offset, len) = (describe.start, describe.end - describe.start);
            Err(failure::of_read(&self.target.name, offset, len, &broken()))
        })
    }

    /// The kept end of the object, fetched now if need be.
    fn tail(&self) -> Result<Arc<[u8]>, ReadError> {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tail) = tail.as_ref() {
            return Ok(tail.clone());
        }
        let mut pieces = self.fetch(vec![self.tail_start()..self.len])?;
        let bytes: Arc<[u8]> = pieces.pop().unwrap_or_default().into();
        *tail = Some(bytes.clone());
        Ok(bytes)
    }

    fn tail_start(&self) -> u64 {
        self.len.saturating_sub(TAIL)
    }
}

/// Something that can't be explained by the network: a panic below, no threads.
fn broken() -> Error {
    Error::Generic { store: "remote", source: "the request could not be run".into() }
}

/// First bytes, length and tag of an object.
async fn first_bytes(
    target: &Target,
    retries: usize,
) -> object_store::Result<(Vec<u8>, u64, Option<String>)> {
    for attempt in 0.. {
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(0..HEAD)));
        let result = match target.store.get_opts(&target.path, options).await {
            // A range of an empty object can't be satisfied.
            Err(Error::Generic { .. }) if is_empty(target).await => return Ok((Vec::new(), 0, None)),
            other => other?,
        };
        let (len, e_tag) = (result.meta.size, result.meta.e_tag.clone());
        match result.bytes().await {
            Ok(bytes) => return Ok((bytes.to_vec(), len, e_tag)),
            Err(e) if attempt >= retries => return Err(e),
            Err(_) => tokio::time::sleep(pause(attempt)).await,
        }
    }
    Err(broken())
}

async fn is_empty(target: &Target) -> bool {
    let options = GetOptions::new().with_head(true);
    target.store.get_opts(&target.path, options).await.is_ok_and(|r| r.meta.size == 0)
}

/// One range. The client repeats requests that fail; here an answer that breaks off is asked for again.
async fn get(
    target: &Target,
    range: Range<u64>,
    len: u64,
    e_tag: Option<&str>,
    retries: usize,
) -> Result<Vec<u8>, ReadError> {
    let wanted = range.end - range.start;
    let fail = |e: &Error| failure::of_read(&target.name, range.start, wanted, e);
    let odd = |detail: &str| ReadError::Io {
        source_name: target.name.clone(),
        offset: range.start,
        len: wanted,
        detail: detail.into(),
    };
    let mut attempt = 0;
    loop {
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(range.clone())));
        let result = target.store.get_opts(&target.path, options).await.map_err(|e| fail(&e))?;
        // Servers behind one name may give different tags to the same file; the length they agree on.
        let same_tag = match (e_tag, &result.meta.e_tag) {
            (Some(old), Some(new)) if target.name.starts_with("s3://") => old == new,
            _ => true,
        };
        if result.meta.size != len || !same_tag {
            return Err(odd("the object was changed while it was read; start again"));
        }
        match result.bytes().await {
            Ok(bytes) if bytes.len() as u64 == wanted => return Ok(bytes.to_vec()),
            Ok(_) if attempt >= retries => return Err(odd("the server sent fewer bytes than it promised")),
            Err(e) if attempt >= retries => return Err(fail(&e)),
            _ => tokio::time::sleep(pause(attempt)).await,
        }
        attempt += 1;
    }
}

impl ByteSource for RemoteObject {
    fn name(&self) -> &str {
        &self.target.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), ReadError> {
        let len = out.len() as u64;
        check_range(self.name(), self.len, offset, len)?;
        let end = offset + len;
        if end <= self.head.len() as u64 {
            out.copy_from_slice(&self.head[offset as usize..end as usize]);
            return Ok(());
        }
        if offset >= self.tail_start() {
            plan::copy_overlap(self.tail_start(), &self.tail()?, offset, out);
            return Ok(());
        }
        let pieces = plan::pieces(&[(offset, len)]);
        let starts: Vec<u64> = pieces.iter().map(|p| p.start).collect();
        for (start, piece) in starts.into_iter().zip(self.fetch(pieces)?) {
            plan::copy_overlap(start, &piece, offset, out);
        }
        Ok(())
    }

    fn read_ranges(&self, ranges: &[(u64, u64)]) -> Result<Vec<Vec<u8>>, ReadError> {
        for &(offset, len) in ranges {
            check_range(self.name(), self.len, offset, len)?;
        }
        let pieces = plan::pieces(ranges);
        let starts: Vec<u64> = pieces.iter().map(|p| p.start).collect();
        let fetched = self.fetch(pieces)?;
        let cut = |&(offset, len): &(u64, u64)| {
            let mut out = vec![0; len as usize];
            // The piece that holds the first byte, and those after it as far as the range goes.
            let first = starts.partition_point(|&s| s <= offset).saturating_sub(1);
            for (&start, piece) in starts.iter().zip(&fetched).skip(first) {
                if start >= offset + len {
                    break;
                }
                plan::copy_overlap(start, piece, offset, &mut out);
            }
            out
        };
        Ok(ranges.iter().map(cut).collect())
    }

    fn is_remote(&self) -> bool {
        true
    }
}
