//! Runs the blocks: workers make them in any order, they are placed in the order of the plan, a thread writes them.
//!
//! The calling thread coordinates. It may itself be a worker of the pool, so while it waits it does other work of the
//! pool rather than block it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};

use harmony_model::{Granule, ReadError};

use super::blocks::Block;
use super::btree::ChunkPlace;
use super::heap::rebase;
use super::metadata::DataPlace;
use super::produce::{Maker, PointingPiece, Pool, Product, StoredPiece};
use super::put::{UNDEFINED, align8};
use super::storage::VariableStorage;
use crate::write::{BlockAction, PendingFile, WriteError, WriteOptions, WriteReport};

/// Blocks that wait for the writer thread.
const WRITE_QUEUE: usize = 2;
/// Writes below this are joined.
const JOIN_BELOW: usize = 128 << 10;
const JOINED: usize = 1 << 20;

/// What is written, and where from.
pub struct Job<'a> {
    pub granule: &'a Granule,
    /// For each variable.
    pub storage: &'a [VariableStorage],
    pub blocks: &'a [Vec<Block>],
    pub options: &'a WriteOptions,
    /// First byte of data.
    pub start: u64,
}

/// Where everything went.
pub struct Placed {
    pub data: Vec<DataPlace>,
    /// First byte after the data.
    pub end: u64,
    pub report: WriteReport,
}

struct Write {
    offset: u64,
    bytes: Vec<u8>,
    len: usize,
    /// The buffer came from the pool and goes back there; encoders make their own.
    pooled: bool,
}

/// Reads, encodes and writes all blocks of the job.
///
/// # Errors
/// The first failure in the order of the plan, or [`WriteError::Cancelled`].
pub fn run(job: &Job<'_>, file: &PendingFile) -> Result<Placed, WriteError> {
    let pool = Pool::default();
    let stop = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let (to_writer, writes) = sync_channel(WRITE_QUEUE);
        let writer = threads.spawn(|| {
            let written = write_all(file, writes, &pool);
            if written.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            written
        });
        let placed = rayon::in_place_scope(|scope| {
            let mut coordinator = Coordinator::new(job, &pool, to_writer);
            let placed = coordinator.run(scope, &stop);
            if placed.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            placed.map(|()| coordinator.placed)
        });
        let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // When the writer fails the coordinator only sees a closed queue.
        written.and(placed)
    })
}

/// Writes what arrives, joining small neighbours.
fn write_all(file: &PendingFile, writes: Receiver<Vec<Write>>, pool: &Pool) -> Result<(), WriteError> {
    let (mut joined, mut joined_at) = (Vec::with_capacity(JOINED), 0);
    for write in writes.into_iter().flatten() {
        let bytes = &write.bytes[..write.len];
        let end = joined_at + joined.len() as u64;
        let gap = write.offset.wrapping_sub(end);
        let follows = !joined.is_empty() && gap < 8;
        if follows {
            joined.resize(joined.len() + gap as usize, 0); // alignment
        }
        if !follows || joined.len() + bytes.len() > JOINED || bytes.len() >= JOIN_BELOW {
            file.write_at(joined_at, &joined)?;
            joined.clear();
        }
        if bytes.len() >= JOIN_BELOW {
            file.write_at(write.offset, bytes)?;
        } else {
            if joined.is_empty() {
                joined_at = write.offset;
            }
            joined.extend_from_slice(bytes);
        }
        if write.pooled {
            pool.put(write.bytes);
        }
    }
    file.write_at(joined_at, &joined)
}

/// Number of a block over all variables, and what became of it; `None` when its worker panicked.
type Answer = (usize, Option<Result<Product, ReadError>>);

/// Answers in any case: a coordinator must not wait for a worker that panicked.
struct Reply {
    to: Sender<Answer>,
    number: usize,
    sent: bool,
}

impl Reply {
    fn send(mut self, result: Result<Product, ReadError>) {
        self.sent = true;
        // A coordinator that has gone away has an error already.
        let _ = self.to.send((self.number, Some(result)));
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.sent {
            let _ = self.to.send((self.number, None));
        }
    }
}

struct Coordinator<'a> {
    job: &'a Job<'a>,
    pool: &'a Pool,
    to_writer: SyncSender<Vec<Write>>,
    /// Variable and block of every number.
    order: Vec<(usize, usize)>,
    placed: Placed,
    done_bytes: u64,
}

impl<'a> Coordinator<'a> {
    fn new(job: &'a Job<'a>, pool: &'a Pool, to_writer: SyncSender<Vec<Write>>) -> Self {
        let order = job.blocks.iter().enumerate().flat_map(|(v, b)| (0..b.len()).map(move |i| (v, i)));
        let place = |s: &VariableStorage| match s.chunk_shape {
            Some(_) => DataPlace::Chunks(Vec::new()),
            None => DataPlace::Contiguous(UNDEFINED),
        };
        Coordinator {
            job,
            pool,
            to_writer,
            order: order.collect(),
            placed: Placed {
                data: job.storage.iter().map(place).collect(),
                end: job.start,
                report: WriteReport::default(),
            },
            done_bytes: 0,
        }
    }

    fn run<'s>(&mut self, scope: &rayon::Scope<'s>, stop: &'s AtomicBool) -> Result<(), WriteError>
    where
        'a: 's,
    {
        let (answers, inbox) = channel::<Answer>();
        let mut waiting: BTreeMap<usize, Product> = BTreeMap::new();
        let (mut next, mut submitted, mut in_flight) = (0, 0, 0u64);
        // More only costs memory, and fresh pages cost as much as inflating: each block is parallel inside as well.
        let window = 2 * rayon::current_num_threads() + 2;
        while next < self.order.len() {
            while submitted < self.order.len() && submitted - next < window {
                let cost = self.memory_of(submitted);
                if in_flight > 0 && in_flight + cost > self.job.options.memory {
                    break;
                }
                in_flight += cost;
                self.submit(submitted, &answers, scope, stop);
                submitted += 1;
            }
            if let Some(product) = waiting.remove(&next) {
                self.place(next, product)?;
                in_flight -= self.memory_of(next);
                next += 1;
                continue;
            }
            if self.job.options.is_cancelled() {
                return Err(WriteError::Cancelled);
            }
            let (number, result) = receive(&inbox);
            match result {
                Some(Ok(product)) => drop(waiting.insert(number, product)),
                // Blocks before it may fail too, and theirs is the error to report whatever the timing.
                Some(Err(error)) => {
                    return Err(self.first_error(number, error, next, &waiting, submitted, &inbox));
                }
                // The scope passes the panic on.
                None => return Err(WriteError::Cancelled),
            }
        }
        Ok(())
    }

    /// Waits for the blocks before a failed one and gives the error of the first that failed.
    fn first_error(
        &self,
        number: usize,
        error: ReadError,
        next: usize,
        waiting: &BTreeMap<usize, Product>,
        submitted: usize,
        inbox: &Receiver<Answer>,
    ) -> WriteError {
        let (mut first, mut error) = (number, error);
        let mut open: Vec<usize> =
            (next..submitted.min(number)).filter(|n| !waiting.contains_key(n)).collect();
        while open.iter().any(|&n| n < first) {
            let (number, result) = receive(inbox);
            open.retain(|&n| n != number);
            match result {
                Some(Err(e)) if number < first => (first, error) = (number, e),
                None => break,
                _ => {}
            }
        }
        error.into()
    }

    /// Bytes a block holds while it is made.
    fn memory_of(&self, number: usize) -> u64 {
        let (v, b) = self.order[number];
        let (storage, block) = (&self.job.storage[v], &self.job.blocks[v][b]);
        let raw = block.task.shape.iter().product::<u64>() * storage.element_size as u64;
        match (block.task.action, &storage.chunk_shape) {
            (BlockAction::Copy, _) => block.task.bytes_read,
            (BlockAction::Encode, None) => raw,
            (BlockAction::Encode, Some(_)) => raw.saturating_mul(2),
        }
    }

    fn maker(&self, variable: usize) -> Maker<'a> {
        Maker {
            granule: &self.job.granule.name,
            var: &self.job.granule.vars[variable],
            storage: &self.job.storage[variable],
            level: self.job.options.deflate_level.map(|l| l.min(12) as u8),
            pool: self.pool,
        }
    }

    fn submit<'s>(
        &self,
        number: usize,
        answers: &Sender<Answer>,
        scope: &rayon::Scope<'s>,
        stop: &'s AtomicBool,
    ) where
        'a: 's,
    {
        let (v, b) = self.order[number];
        let (maker, block) = (self.maker(v), &self.job.blocks[v][b]);
        let cancel = self.job.options.cancel.clone();
        let reply = Reply { to: answers.clone(), number, sent: false };
        scope.spawn(move |_| {
            let cancelled = cancel.is_some_and(|c| c.load(Ordering::Relaxed));
            let result = match cancelled || stop.load(Ordering::Relaxed) {
                true => Err(ReadError::Cancelled),
                false => maker.make(block),
            };
            reply.send(result);
        });
    }

    /// Gives a finished block its place and hands it to the writer.
    fn place(&mut self, number: usize, product: Product) -> Result<(), WriteError> {
        let (v, b) = self.order[number];
        let block = &self.job.blocks[v][b];
        let mut writes = Vec::new();
        match product {
            Product::Copied { bytes, len, chunks } => {
                self.placed.report.chunks_copied += chunks.len() as u64;
                let offset = self.placed.end;
                chunks.iter().for_each(|c| self.add_chunk(v, c));
                writes.push(Write { offset, bytes, len, pooled: true });
            }
            Product::Encoded(chunks) => {
                self.placed.report.chunks_encoded += chunks.len() as u64;
                for (piece, bytes) in chunks {
                    let len = bytes.len();
                    writes.push(Write { offset: self.placed.end, bytes, len, pooled: false });
                    self.add_chunk(v, &piece);
                }
            }
            Product::Plain { bytes, len } => {
                self.placed.report.chunks_encoded += 1;
                self.begin_plain(v, 0);
                writes.push(Write { offset: self.placed.end, bytes, len, pooled: true });
                self.placed.end += len as u64;
            }
            Product::Pointing(pieces) => {
                self.placed.report.chunks_encoded += pieces.len() as u64;
                self.begin_plain(v, self.job.storage[v].data_bytes);
                for piece in pieces {
                    self.place_pointing(v, piece, &mut writes)?;
                }
            }
        }
        self.placed.report.bytes_read += block.task.bytes_read;
        let elements = block.task.shape.iter().product::<u64>();
        self.done_bytes += elements * self.job.storage[v].element_size as u64;
        if let Some(progress) = &self.job.options.progress {
            progress(self.done_bytes);
        }
        // A closed queue means that the writer failed; its error is the one that counts.
        self.to_writer.send(writes).map_err(|_| WriteError::Cancelled)
    }

    fn add_chunk(&mut self, variable: usize, piece: &StoredPiece) {
        let address = self.placed.end;
        self.placed.end += u64::from(piece.len);
        if let DataPlace::Chunks(chunks) = &mut self.placed.data[variable] {
            let StoredPiece { index, len, filter_mask } = *piece;
            chunks.push(ChunkPlace { index, address, len, filter_mask });
        }
    }

    /// The place of an unchunked array, taken with its first block; `reserve` bytes are kept free for it.
    fn begin_plain(&mut self, variable: usize, reserve: u64) {
        if let DataPlace::Contiguous(address @ UNDEFINED) = &mut self.placed.data[variable] {
            *address = align8(self.placed.end);
            self.placed.end = *address + reserve;
        }
    }

    /// First the heap of the piece, then the piece: now its slots can be right.
    fn place_pointing(
        &mut self,
        variable: usize,
        mut piece: PointingPiece,
        writes: &mut Vec<Write>,
    ) -> Result<(), WriteError> {
        let storage = &self.job.storage[variable];
        if !piece.heap.is_empty() {
            let base = align8(self.placed.end);
            let bytes = piece.heap.finish(base);
            rebase(&mut piece.elements, &piece.slots, base);
            let len = bytes.len();
            self.placed.end = base + len as u64;
            writes.push(Write { offset: base, bytes, len, pooled: false });
        }
        if let DataPlace::Contiguous(address) = self.placed.data[variable] {
            // All pieces but the last of an axis are equal and consecutive, so the origin says where it belongs.
            let origin = storage.piece_origin(piece.index);
            let at = origin.iter().zip(&storage.shape).fold(0, |at, (o, n)| at * n + o);
            let (len, bytes) = (piece.elements.len(), piece.elements);
            writes.push(Write {
                offset: address + at * storage.element_size as u64,
                bytes,
                len,
                pooled: false,
            });
            return Ok(());
        }
        let (stored, bytes) = self.maker(variable).encode(piece.index, &piece.elements)?;
        let len = bytes.len();
        writes.push(Write { offset: self.placed.end, bytes, len, pooled: false });
        self.add_chunk(variable, &stored);
        Ok(())
    }
}

/// The next answer. Inside the pool other work of it is done meanwhile: a worker that blocks could be the last one.
fn receive(inbox: &Receiver<Answer>) -> Answer {
    const LOST: &str = "the coordinator itself holds a sender";
    if rayon::current_thread_index().is_none() {
        return inbox.recv().expect(LOST);
    }
    loop {
        match inbox.try_recv() {
            Ok(answer) => return answer,
            Err(TryRecvError::Disconnected) => unreachable!("{LOST}"),
            Err(TryRecvError::Empty) => {}
        }
        if rayon::yield_now() != Some(rayon::Yield::Executed) {
            // Others are at work on it; a short wait costs them nothing.
            match inbox.recv_timeout(std::time::Duration::from_micros(200)) {
                Ok(answer) => return answer,
                Err(_) => continue,
            }
        }
    }
}
