use std::sync::Mutex;

use harmony_model::memory::copy_window;
use harmony_model::{ArraySource, ByteSource, MemorySource, Runs, Window, filter};

use super::*;
use crate::codec;

/// A source that counts, and may claim to be far away.
pub(super) struct Counting {
    pub inner: MemorySource,
    pub remote: bool,
    /// Reads and bytes.
    pub seen: Mutex<(u64, u64)>,
}

impl Counting {
    pub fn new(bytes: Vec<u8>, remote: bool) -> Arc<Self> {
        Arc::new(Counting { inner: MemorySource::new("mem", bytes), remote, seen: Mutex::default() })
    }

    pub fn take(&self) -> (u64, u64) {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl ByteSource for Counting {
    fn name(&self) -> &str {
        "mem"
    }

    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), ReadError> {
        let mut seen = self.seen.lock().unwrap();
        *seen = (seen.0 + 1, seen.1 + out.len() as u64);
        self.inner.read_at(offset, out)
    }

    fn read_ranges(&self, ranges: &[(u64, u64)]) -> Result<Vec<Vec<u8>>, ReadError> {
        let mut seen = self.seen.lock().unwrap();
        *seen = (seen.0 + 1, seen.1 + ranges.iter().map(|r| r.1).sum::<u64>());
        self.inner.read_ranges(ranges)
    }

    fn is_remote(&self) -> bool {
        self.remote
    }
}

struct Index(Vec<StoredChunk>);

impl ChunkLocator for Index {
    fn locate(&self, chunk: u64) -> Result<StoredChunk, ReadError> {
        Ok(self.0[chunk as usize].clone())
    }
}

/// Small numbers in a fixed order (xorshift).
pub(super) struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n.max(1)
    }

    /// One to five runs, in any order, sometimes overlapping; or all.
    pub fn runs(&mut self, n: u64) -> Runs {
        let mut runs = Runs::default();
        match self.below(6) {
            0 => return Runs::all(n),
            1 => {
                let start = self.below(n);
                return Runs::range(start, 1 + self.below(n - start));
            }
            _ => {}
        }
        for _ in 0..=self.below(5) {
            let start = self.below(n);
            runs.push(start, 1 + self.below((n - start).min(1 + n / 4)));
        }
        runs
    }

    pub fn window(&mut self, shape: &[u64]) -> Window {
        Window(shape.iter().map(|&n| self.runs(n)).collect())
    }
}

struct Made {
    array: ChunkedArray,
    source: Arc<Counting>,
    /// What the array holds, native order.
    values: Vec<u8>,
}

struct Recipe<'a> {
    shape: &'a [u64],
    chunk: &'a [u64],
    size: usize,
    filters: Vec<Filter>,
    swap: bool,
    remote: bool,
    /// Every chunk whose number is a multiple of it is left out.
    missing: usize,
}

const FILL: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn make(r: &Recipe) -> Made {
    let total = r.shape.iter().product::<u64>() as usize;
    let mut values: Vec<u8> = (0..total as u32)
        .flat_map(|i| {
            let value = (i / 3 * 7) ^ (i % 11);
            let wide = (u64::from(value) << 32) | u64::from(value * 5);
            wide.to_ne_bytes()[8 - r.size..].to_vec()
        })
        .collect();
    let grid: Vec<u64> = r.shape.iter().zip(r.chunk).map(|(n, c)| n.div_ceil(*c)).collect();
    let count = grid.iter().product::<u64>();
    let (mut file, mut places) = (vec![0xee; 16], Vec::new());
    for number in 0..count {
        let mut rest = number;
        let mut origin = vec![0; grid.len()];
        for d in (0..grid.len()).rev() {
            origin[d] = rest % grid[d] * r.chunk[d];
            rest /= grid[d];
        }
        let inside: Vec<u64> =
            origin.iter().zip(r.shape.iter().zip(r.chunk)).map(|(o, (n, c))| (*c).min(n - o)).collect();
        if r.missing > 0 && (number as usize).is_multiple_of(r.missing) {
            places.push(None);
            for_each_element(&origin, &inside, r.shape, |at, _| {
                values[at * r.size..][..r.size].copy_from_slice(&FILL[..r.size]);
            });
            continue;
        }
        let mut raw = vec![0xaa; r.chunk.iter().product::<u64>() as usize * r.size];
        for_each_element(&origin, &inside, r.shape, |at, local| {
            let to = local.iter().zip(r.chunk).fold(0, |n, (i, c)| n * c + i) as usize;
            raw[to * r.size..][..r.size].copy_from_slice(&values[at * r.size..][..r.size]);
        });
        if r.swap {
            raw.chunks_exact_mut(r.size).for_each(<[u8]>::reverse);
        }
        let (stored, mask) = codec::encode(&r.filters, &raw, None).unwrap();
        places.push(Some((file.len() as u64, stored.len() as u64, mask)));
        file.extend(stored);
    }
    let source = Counting::new(file, r.remote);
    let index = places.into_iter().map(|place| match place {
        None => StoredChunk::Missing,
        Some((offset, len, filter_mask)) => {
            StoredChunk::At { source: source.clone(), offset, len, filter_mask }
        }
    });
    let array = ChunkedArray::new(ChunkedSpec {
        object: "a.nc: v".into(),
        source_name: "mem".into(),
        shape: r.shape.into(),
        chunk_shape: r.chunk.into(),
        element_size: r.size,
        swap_width: if r.swap { r.size } else { 1 },
        filters: r.filters.clone(),
        fill: FILL[..r.size].into(),
        locator: Arc::new(Index(index.collect())),
        heap: None,
    });
    Made { array, source, values }
}

/// Calls `f(row-major number in the array, index in the box)` for the elements of a box.
fn for_each_element(origin: &[u64], extent: &[u64], shape: &[u64], mut f: impl FnMut(usize, &[u64])) {
    for k in 0..extent.iter().product::<u64>() {
        let mut rest = k;
        let mut local = vec![0; extent.len()];
        for d in (0..extent.len()).rev() {
            local[d] = rest % extent[d];
            rest /= extent[d];
        }
        let at = (0..shape.len()).fold(0, |n, d| n * shape[d] + origin[d] + local[d]);
        f(at as usize, &local);
    }
}

fn expected(made: &Made, r: &Recipe, window: &Window) -> Vec<u8> {
    let mut out = vec![0; window.count() as usize * r.size];
    copy_window(&made.values, r.shape, r.size, window, &mut out);
    out
}

fn read(made: &Made, r: &Recipe, window: &Window) -> Vec<u8> {
    let mut out = vec![0x55; window.count() as usize * r.size];
    made.array.read(window, &mut out).unwrap();
    out
}

fn grid_500() -> Recipe<'static> {
    let filters = vec![Filter::shuffle(4), Filter::deflate(2)];
    Recipe { shape: &[500, 500], chunk: &[64, 100], size: 4, filters, swap: false, remote: false, missing: 0 }
}

#[test]
fn random_windows_have_the_same_bytes_in_every_thread_pool() {
    let recipe = grid_500();
    let made = make(&recipe);
    let mut random = Random(42);
    let windows: Vec<Window> = (0..40).map(|_| random.window(recipe.shape)).collect();
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for window in &windows {
            assert!(pool.install(|| read(&made, &recipe, window)) == expected(&made, &recipe, window));
        }
    }
}

#[test]
fn an_empty_window_touches_no_chunk_of_a_huge_grid() {
    let shape = [1 << 40, 0];
    let touched = axes::Touched::new(&Window::all(&shape), &shape, &[1, 1], 4).unwrap();
    assert_eq!(touched.count(), 0);
}

#[test]
fn more_chunks_than_anyone_stores_are_refused_before_memory_is_taken() {
    for shape in [vec![1 << 40], vec![1 << 13; 2]] {
        let chunk = vec![1; shape.len()];
        assert!(axes::Touched::new(&Window::all(&shape), &shape, &chunk, 4).is_none());
    }
}

#[test]
fn filters_byte_order_rank_and_gaps_do_not_change_what_is_read() {
    let pipelines: [Vec<Filter>; 4] = [
        vec![],
        vec![Filter::shuffle(2), Filter::deflate(1), Filter::new(filter::FLETCHER32, &[])],
        vec![Filter::deflate(1)],
        vec![Filter::new(filter::ZSTD, &[1])],
    ];
    let shapes: [(&[u64], &[u64]); 6] = [
        (&[], &[]),
        (&[100], &[7]),
        (&[30, 3], &[8, 3]),
        (&[13, 9], &[20, 4]),
        (&[5, 6, 7], &[2, 6, 3]),
        (&[3, 4, 2, 5], &[1, 3, 2, 5]),
    ];
    let mut random = Random(7);
    for (i, (shape, chunk)) in shapes.into_iter().enumerate() {
        for (k, filters) in pipelines.iter().enumerate() {
            let recipe = Recipe {
                shape,
                chunk,
                size: [2, 4, 8, 3][k],
                filters: filters.clone(),
                swap: (i + k) % 2 == 0,
                remote: (i + k) % 3 == 0,
                missing: [0, 2, 3][(i * 2 + k) % 3],
            };
            let made = make(&recipe);
            for _ in 0..30 {
                let window = random.window(shape);
                assert_eq!(read(&made, &recipe, &window), expected(&made, &recipe, &window), "{window:?}");
            }
        }
    }
}

#[test]
fn the_cost_is_what_a_read_fetches_each_chunk_once() {
    let mut random = Random(3);
    for filters in [vec![], vec![Filter::deflate(1)]] {
        for remote in [false, true] {
            let recipe = Recipe {
                shape: &[60, 50],
                chunk: &[16, 20],
                missing: 5,
                remote,
                filters: filters.clone(),
                ..grid_500()
            };
            let made = make(&recipe);
            for _ in 0..50 {
                let window = random.window(recipe.shape);
                let cost = made.array.cost(&window).unwrap();
                made.source.take();
                read(&made, &recipe, &window);
                let (calls, bytes) = made.source.take();
                assert_eq!(bytes, cost, "{window:?}");
                assert!(!remote || calls <= 1);
            }
        }
    }
}

#[test]
fn an_empty_window_reads_nothing() {
    let made = make(&grid_500());
    made.array.read(&Window(vec![Runs::default(), Runs::all(500)]), &mut []).unwrap();
    assert_eq!(made.array.cost(&Window(vec![Runs::default(), Runs::all(500)])).unwrap(), 0);
    assert_eq!(made.source.take(), (0, 0));
}

#[test]
fn a_stored_chunk_is_handed_out_only_at_its_own_place_and_size() {
    let made = make(&Recipe { missing: 7, ..grid_500() });
    let at = |origin: &[u64], shape: &[u64]| made.array.stored_chunk(origin, shape).unwrap();
    assert!(matches!(at(&[64, 400], &[64, 100]), Some(StoredChunk::At { .. })));
    assert!(matches!(at(&[448, 400], &[64, 100]), Some(StoredChunk::At { .. })));
    assert!(matches!(at(&[0, 0], &[64, 100]), Some(StoredChunk::Missing)));
    assert!(at(&[64, 400], &[64, 50]).is_none());
    assert!(at(&[1, 400], &[64, 100]).is_none());
    assert!(at(&[512, 0], &[64, 100]).is_none());
}

fn array_of(shape: &[u64], chunk: &[u64], len: u64, filters: Vec<Filter>) -> ChunkedArray {
    let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new("mem", vec![0; 100_000]));
    ChunkedArray::new(ChunkedSpec {
        object: "v".into(),
        source_name: "mem".into(),
        shape: shape.into(),
        chunk_shape: chunk.into(),
        element_size: 4,
        swap_width: 1,
        filters,
        fill: vec![],
        locator: Arc::new(Index(vec![StoredChunk::At { source, offset: 0, len, filter_mask: 0 }; 4])),
        heap: None,
    })
}

#[test]
fn hostile_sizes_are_errors_that_name_the_variable() {
    let first = |rank: usize| Window(vec![Runs::range(0, 1); rank]);
    let message = |array: &ChunkedArray, rank: usize| {
        array.read(&first(rank), &mut [0; 4]).err().map_or(String::new(), |e| e.to_string())
    };
    let huge = array_of(&[1 << 60, 1 << 60], &[1 << 60, 1 << 60], 4, vec![]);
    assert!(message(&huge, 2).contains("a chunk of v claims"));
    let many = array_of(&[1 << 60, 1 << 60], &[1, 1], 4, vec![]);
    assert!(message(&many, 2).contains("too many chunks"));
    assert!(message(&array_of(&[4], &[0], 4, vec![]), 1).contains("chunks of shape [0]"));
    assert!(message(&array_of(&[4], &[2, 2], 4, vec![]), 1).contains("chunks of shape"));
    let long = array_of(&[4], &[4], 1 << 40, vec![Filter::deflate(1)]);
    assert!(message(&long, 1).contains("a stored chunk of 1099511627776 bytes"));
    let short = array_of(&[4], &[4], 15, vec![]);
    assert!(message(&short, 1).contains("a stored chunk of 15 bytes"));
    let damaged = array_of(&[4], &[4], 15, vec![Filter::deflate(1)]);
    assert!(message(&damaged, 1).contains("v chunk [0]: deflate: the stream is damaged"));
    let unknown = array_of(&[4], &[4], 15, vec![Filter::new(32013, &[])]);
    assert!(matches!(unknown.read(&first(1), &mut [0; 4]), Err(ReadError::Unsupported { .. })));
    assert!(message(&array_of(&[0], &[4], 16, vec![]), 1).contains("leaves its shape"));
    let limited = array_of(&[40], &[40], 160, vec![]).with_max_chunk_bytes(100);
    assert!(matches!(limited.read(&first(1), &mut [0; 4]), Err(ReadError::TooLarge { limit: 100, .. })));
    assert!(array_of(&[4], &[4], 16, vec![]).read(&first(1), &mut [0; 5]).is_err());
}

#[test]
fn swapping_reverses_every_element() {
    for width in [2, 3, 4, 8, 16] {
        let mut bytes: Vec<u8> = (0..48).collect();
        let expected: Vec<u8> = bytes.chunks(width).flat_map(|c| c.iter().rev().copied()).collect();
        swap_bytes(&mut bytes, width);
        assert_eq!(bytes, expected);
    }
}
