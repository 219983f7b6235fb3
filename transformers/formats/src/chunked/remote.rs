//! Chunks of remote objects: few large requests first, then parallel decoding.

use std::sync::Arc;

use harmony_model::{ByteSource, ReadError, StoredChunk};
use rayon::prelude::*;

use super::array::{ChunkedArray, Fetch, Read};

/// Stored bytes held at once.
const BATCH_BYTES: usize = 64 << 20;

/// Reads a batch of chunks of which at least one is remote; `first` is the task of the first one.
pub(super) fn read_batch(
    array: &ChunkedArray,
    read: &Read,
    first: usize,
    stored: &[StoredChunk],
) -> Result<(), ReadError> {
    let mut fetches: Vec<(usize, Fetch)> = Vec::new();
    for (i, chunk) in stored.iter().enumerate() {
        let task = first + i;
        match array.fetch(chunk, &read.touched.pieces(task), read.chunk_bytes)? {
            Some(fetch) => fetches.push((task, fetch)),
            None => array.fill_pieces(read, &read.touched.pieces(task)),
        }
    }
    // Neighbours in an object become neighbours in the request, whatever the order of the chunk grid.
    fetches.sort_by_key(|(_, f)| (address(f.source), f.offset));
    let mut rest = fetches.as_slice();
    while !rest.is_empty() {
        let mut bytes = 0;
        let n = rest.iter().take_while(|(_, f)| {
            bytes += f.len;
            bytes <= BATCH_BYTES
        });
        let (now, later) = rest.split_at(n.count().max(1));
        let groups: Vec<_> = now.chunk_by(|a, b| address(a.1.source) == address(b.1.source)).collect();
        groups.par_iter().try_for_each(|group| read_object(array, read, group))?;
        rest = later;
    }
    Ok(())
}

/// Identity of an object: chunks of one file share their source.
fn address(source: &Arc<dyn ByteSource>) -> usize {
    Arc::as_ptr(source).cast::<()>() as usize
}

fn read_object(array: &ChunkedArray, read: &Read, group: &[(usize, Fetch)]) -> Result<(), ReadError> {
    let Some((_, one)) = group.first() else { return Ok(()) };
    let ranges: Vec<_> = group.iter().map(|(_, f)| (f.offset, f.len as u64)).collect();
    let bytes = one.source.read_ranges(&ranges)?;
    group.par_iter().enumerate().try_for_each(|(i, (task, fetch))| match bytes.get(i) {
        Some(bytes) if bytes.len() == fetch.len => array.decode_one(read, *task, fetch, bytes),
        _ => Err(ReadError::Io {
            source_name: fetch.source.name().into(),
            offset: fetch.offset,
            len: fetch.len as u64,
            detail: "the answer is incomplete".into(),
        }),
    })
}
