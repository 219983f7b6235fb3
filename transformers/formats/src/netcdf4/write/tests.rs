//! Whole files: plan = run, the same bytes whatever the threads, nothing left behind.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use harmony_model::{
    ArraySource, Attribute, DType, DimId, Filter, Granule, MemoryArray, MemorySource, ReadError, Storage,
    StoredChunk, Window, filter,
};

use super::{plan, write};
use crate::write::{BlockAction, WriteError, WriteOptions};

/// What is stored of the chunk at an origin: nothing to copy, never written, or offset and length.
type Stored = fn(&[u64]) -> Option<Option<(u64, u64)>>;

/// An array of `u8` whose reads are counted; `stored` says which chunks can be copied.
struct Counting {
    fetched: Arc<AtomicU64>,
    stored: Stored,
    source: Arc<Counted>,
    fail_at: Option<u64>,
}

/// A file of zeros that counts what is read of it.
struct Counted(MemorySource, Arc<AtomicU64>);

impl harmony_model::ByteSource for Counted {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), ReadError> {
        self.1.fetch_add(out.len() as u64, Ordering::Relaxed);
        self.0.read_at(offset, out)
    }
}

impl ArraySource for Counting {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let first = window.0[0].runs().first().map_or(0, |r| r.start);
        if self.fail_at.is_some_and(|at| first >= at) {
            return Err(ReadError::corrupt("input", format!("row {first}"), "made to fail"));
        }
        self.fetched.fetch_add(self.cost(window)?, Ordering::Relaxed);
        out.iter_mut().enumerate().for_each(|(i, b)| *b = (i % 13) as u8 ^ first as u8);
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        Ok(window.count() + 3)
    }

    fn stored_chunk(&self, origin: &[u64], _: &[u64]) -> Result<Option<StoredChunk>, ReadError> {
        Ok((self.stored)(origin).map(|place| match place {
            None => StoredChunk::Missing,
            Some((offset, len)) => {
                StoredChunk::At { source: self.source.clone(), offset, len, filter_mask: 1 }
            }
        }))
    }
}

fn counting(stored: Stored) -> (Granule, Arc<AtomicU64>) {
    let mut g = Granule::new("input.nc", "netcdf4");
    let y = g.add_dim(Granule::ROOT, "y", 1000);
    let x = g.add_dim(Granule::ROOT, "x", 70);
    let fetched = Arc::new(AtomicU64::new(0));
    let source = Arc::new(Counted(MemorySource::new("stored", vec![0; 1 << 16]), fetched.clone()));
    let data = Counting { fetched: fetched.clone(), stored, source, fail_at: None };
    let v = g.add_var(Granule::ROOT, "v", DType::U8, vec![y, x], Arc::new(data));
    g.vars[v.0].storage = Storage::Chunked { shape: vec![10, 20], filters: vec![Filter::deflate(4)] };
    (g, fetched)
}

fn small(memory: u64) -> WriteOptions {
    WriteOptions { memory, ..WriteOptions::default() }
}

fn add(g: &mut Granule, name: &str, dims: &[DimId], element: usize, dtype: DType) -> usize {
    let shape: Vec<u64> = dims.iter().map(|d| g.dim(*d).len).collect();
    let n = shape.iter().product::<u64>() as usize * element;
    let bytes = (0..n).map(|i| (i * 7 % 251) as u8).collect();
    g.add_var(Granule::ROOT, name, dtype, dims.into(), Arc::new(MemoryArray::new(&shape, element, bytes))).0
}

/// Chunks, a piece, texts, a scalar, an empty and an unlimited variable.
fn mixed() -> Granule {
    let mut g = Granule::new("mixed.nc", "netcdf4");
    let y = g.add_dim(Granule::ROOT, "y", 301);
    let x = g.add_dim(Granule::ROOT, "x", 77);
    let t = g.add_dim(Granule::ROOT, "t", 0);
    g.dims[t.0].unlimited = true;
    let v = add(&mut g, "chunked", &[y, x], 4, DType::F32);
    let filters = vec![Filter::shuffle(4), Filter::deflate(1), Filter::new(filter::FLETCHER32, &[])];
    g.vars[v].storage = Storage::Chunked { shape: vec![16, 40], filters };
    g.vars[v].big_endian = true;
    g.vars[v].fill = Some(1.5f32.to_ne_bytes().into());
    add(&mut g, "piece", &[y], 8, DType::F64);
    add(&mut g, "large", &[y, x], 8, DType::F64);
    add(&mut g, "scalar", &[], 2, DType::I16);
    add(&mut g, "empty", &[t, x], 2, DType::I16);
    let texts = (0..301 * 77).map(|i| format!("text {i}").into_bytes()).collect();
    let texts: Arc<dyn ArraySource> = Arc::new(MemoryArray::of_texts(&[301, 77], texts));
    g.add_var(Granule::ROOT, "texts", DType::String, vec![y, x], texts.clone());
    let v = g.add_var(Granule::ROOT, "chunked_texts", DType::String, vec![y, x], texts);
    g.vars[v.0].storage = Storage::Chunked { shape: vec![100, 77], filters: vec![Filter::deflate(1)] };
    g.groups[0].attrs.push(Attribute::text("long", &"x".repeat(70_000)));
    g
}

fn files_in(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

#[test]
fn the_run_fetches_exactly_what_the_plan_says() {
    // Every second chunk can be copied, one was never written.
    let (g, fetched) = counting(|o| match (o[0] / 10 + o[1] / 20) % 2 {
        0 if o[0] == 20 => Some(None),
        0 => Some(Some((o[0], 100))),
        _ => None,
    });
    let dir = tempfile::tempdir().unwrap();
    for memory in [1 << 10, 1 << 20] {
        fetched.store(0, Ordering::Relaxed);
        let planned = plan(&g, &small(memory)).unwrap();
        assert_eq!(fetched.load(Ordering::Relaxed), 0, "planning reads nothing");
        let report = write(&g, &dir.path().join("a.nc"), &small(memory)).unwrap();
        assert_eq!(report.bytes_read, planned.bytes_read);
        assert_eq!(fetched.load(Ordering::Relaxed), planned.bytes_read);
        assert_eq!(report.chunks_copied + report.chunks_encoded, 100 * 4 - 2);
        let elements: u64 = planned.variables[0].tasks.iter().map(|t| t.shape.iter().product::<u64>()).sum();
        assert_eq!(elements, 70_000, "the blocks cover the array");
    }
}

#[test]
fn the_bytes_depend_neither_on_threads_nor_on_memory() {
    let g = mixed();
    let dir = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (threads, memory) in [(1, 1 << 10), (2, 128 << 20), (5, 1 << 16)] {
        let path = dir.path().join(format!("{threads}.nc"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| write(&g, &path, &small(memory))).unwrap();
        files.push(std::fs::read(path).unwrap());
    }
    assert!(files[0].starts_with(b"\x89HDF\r\n\x1a\n"));
    assert!(files.windows(2).all(|w| w[0] == w[1]));
}

#[test]
fn without_compression_the_estimate_is_the_size() {
    let mut g = mixed();
    g.vars.retain(|v| v.dtype != DType::String);
    g.vars.iter_mut().for_each(|v| {
        if let Storage::Chunked { filters, .. } = &mut v.storage {
            filters.clear();
        }
    });
    let options = WriteOptions { compress_contiguous: false, ..WriteOptions::default() };
    let dir = tempfile::tempdir().unwrap();
    let report = write(&g, &dir.path().join("a.nc"), &options).unwrap();
    let planned = plan(&g, &options).unwrap();
    assert!(report.bytes_written.abs_diff(planned.output_bytes) < 64, "alignment at most");
}

#[test]
fn the_first_block_that_fails_is_reported_and_nothing_left() {
    let (mut g, fetched) = counting(|_| None);
    let source = Arc::new(Counted(MemorySource::new("stored", Vec::new()), fetched.clone()));
    g.vars[0].data = Arc::new(Counting { fetched, stored: |_| None, source, fail_at: Some(500) });
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..10 {
        let error = write(&g, &dir.path().join("a.nc"), &small(20 << 10)).unwrap_err();
        assert!(error.to_string().contains("row 5"), "{error}");
        assert_eq!(files_in(dir.path()), 0);
    }
}

#[test]
fn a_cancelled_write_leaves_nothing() {
    let g = mixed();
    let dir = tempfile::tempdir().unwrap();
    let cancel = Arc::new(AtomicBool::new(false));
    let when_half_done = {
        let cancel = cancel.clone();
        Arc::new(move |done: u64| cancel.store(done > 50_000, Ordering::Relaxed))
    };
    let options = WriteOptions {
        memory: 1 << 12,
        cancel: Some(cancel),
        progress: Some(when_half_done),
        ..WriteOptions::default()
    };
    let error = write(&g, &dir.path().join("a.nc"), &options).unwrap_err();
    assert!(matches!(error, WriteError::Cancelled), "{error}");
    assert_eq!(files_in(dir.path()), 0);
}

#[test]
fn a_filter_that_we_cannot_apply_is_kept_only_when_every_chunk_is_copied() {
    let szip = vec![Filter::new(filter::SZIP, &[141, 8, 8, 256])];
    let (mut g, _) = counting(|_| Some(Some((0, 64))));
    g.vars[0].storage = Storage::Chunked { shape: vec![10, 20], filters: szip.clone() };
    let kept = plan(&g, &WriteOptions::default()).unwrap();
    assert_eq!(kept.variables[0].filters, szip);
    assert!(kept.variables[0].tasks.iter().all(|t| t.action == BlockAction::Copy));

    let (mut g, _) = counting(|o| (o[0] > 0).then_some(Some((0, 64))));
    g.vars[0].storage = Storage::Chunked { shape: vec![10, 20], filters: szip };
    let replaced = plan(&g, &WriteOptions::default()).unwrap();
    assert_eq!(replaced.variables[0].filters, [Filter::deflate(4)]);
    assert!(replaced.variables[0].tasks.iter().all(|t| t.action == BlockAction::Encode));
}

#[test]
fn chunks_are_clipped_to_the_new_shape() {
    let mut g = mixed();
    g.vars[0].storage = Storage::Chunked { shape: vec![1000, 40], filters: vec![Filter::deflate(1)] };
    let planned = plan(&g, &WriteOptions::default()).unwrap();
    assert_eq!(planned.variables[0].chunk_shape.as_deref(), Some(&[301, 40][..]));
    // small and uncompressed: one piece; large: compressed chunks; unlimited: chunks
    assert_eq!(planned.variables[1].chunk_shape, None);
    assert_eq!(planned.variables[2].filters, [Filter::shuffle(8), Filter::deflate(4)]);
    assert_eq!(planned.variables[4].chunk_shape.as_deref(), Some(&[1, 77][..]));
}

#[test]
fn a_worker_that_panics_does_not_hang_the_writer() {
    struct Panics;
    impl ArraySource for Panics {
        fn read(&self, _: &Window, _: &mut [u8]) -> Result<(), ReadError> {
            panic!("made to")
        }
        fn cost(&self, _: &Window) -> Result<u64, ReadError> {
            Ok(0)
        }
    }
    let mut g = mixed();
    g.vars[1].data = Arc::new(Panics);
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("a.nc");
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        write(&g, &target, &WriteOptions::default())
    }));
    assert!(result.is_err());
    assert_eq!(files_in(dir.path()), 0);
}
