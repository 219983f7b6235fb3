//! Blocks of bases ([`super::blocks`]) on disk: what took long to decode is decoded once for each file, also over
//! restarts. Everything here may fail or be deleted at any time: the blocks are then read from the granule again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::blocks::{Block, BlockKey};
use super::opened::Location;

/// Kept blocks below a folder.
pub struct Store {
    folder: PathBuf,
    /// Bytes that may be kept.
    limit: u64,
    /// Bytes that are kept, more or less: other processes may write there, too.
    bytes: AtomicU64,
}

/// A raster of a file as it is at the moment: two numbers, of which one names files and the other one proves them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin([u64; 2]);

/// Changes whenever blocks would not mean the same any more.
const FORMAT: u64 = 2;
/// Origin, width and number of values, and a sum over the values, before these.
const HEAD: usize = 40;

impl Origin {
    /// Of a raster of a local file: `number` tells overviews apart. `None` where it can't be known whether the file is
    /// still the same.
    pub fn of(location: &Location, path: &str, number: usize, shape: (u64, u64)) -> Option<Self> {
        let number_of = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (FORMAT, salt, location, path, number, shape).hash(&mut hasher);
            hasher.finish()
        };
        location.is_local().then(|| Origin([number_of(0), number_of(1)]))
    }
}

impl Store {
    /// The folder is made when it is first needed.
    pub fn new(folder: PathBuf, limit: u64) -> Self {
        let bytes = files(&folder).iter().map(|f| f.1).sum();
        Store { folder, limit, bytes: AtomicU64::new(bytes) }
    }

    fn path(&self, origin: Origin, key: &BlockKey) -> PathBuf {
        let BlockKey { band, level, row, col, .. } = key;
        self.folder.join(format!("{:016x}-{band}-{level}-{row}-{col}", origin.0[0]))
    }

    /// Whether there is a file for a block; reading it may still fail.
    pub fn has(&self, origin: Origin, key: &BlockKey) -> bool {
        self.path(origin, key).is_file()
    }

    /// A block of `count` values, if it is kept and whole.
    pub fn load(&self, origin: Origin, key: &BlockKey, count: usize) -> Option<Block> {
        let path = self.path(origin, key);
        let expected = HEAD as u64 + 4 * count as u64;
        if std::fs::metadata(&path).ok()?.len() != expected {
            return None;
        }
        let bytes = std::fs::read(&path).ok()?;
        let (head, body) = bytes.split_at_checked(HEAD)?;
        let values: Vec<f32> = body.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let number = |i: usize| head.as_chunks::<8>().0.get(i).map(|b| u64::from_le_bytes(*b));
        let width = usize::try_from(number(2)?).ok()?;
        let is_whole = number(0)? == origin.0[0]
            && number(1)? == origin.0[1]
            && number(3)? == count as u64
            && number(4)? == sum(&values)
            && values.len() == count
            && width > 0
            && count.is_multiple_of(width);
        is_whole.then_some(Block { width, values })
    }

    /// Keeps a block. A full disk or a folder that can't be written to is no reason not to draw.
    pub fn keep(&self, origin: Origin, key: &BlockKey, block: &Block) {
        let numbers =
            [origin.0[0], origin.0[1], block.width as u64, block.values.len() as u64, sum(&block.values)];
        let mut bytes = Vec::with_capacity(HEAD + block.values.len() * 4);
        numbers.iter().for_each(|n| bytes.extend_from_slice(&n.to_le_bytes()));
        block.values.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes()));
        if let Err(why) = self.write(&self.path(origin, key), &bytes) {
            tracing::warn!(folder = %self.folder.display(), %why, "a block for maps can't be kept");
            return;
        }
        let now = self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64;
        if now > self.limit {
            self.shrink();
        }
    }

    /// Under its name only when it is complete. What a crash leaves half-written is deleted with the oldest.
    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let part = path.with_extension(format!("{}-{number}.part", std::process::id()));
        std::fs::create_dir_all(&self.folder)?;
        let done = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path));
        if done.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        done
    }

    /// Deletes the oldest files until an eighth is free.
    fn shrink(&self) {
        let mut all = files(&self.folder);
        all.sort_by_key(|f| f.2);
        let mut bytes: u64 = all.iter().map(|f| f.1).sum();
        for (path, size, _) in all {
            if bytes <= self.limit - self.limit / 8 {
                break;
            }
            if std::fs::remove_file(path).is_ok() {
                bytes -= size;
            }
        }
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}

/// A sum that notices values that are missing, changed or in another order.
fn sum(values: &[f32]) -> u64 {
    values.iter().fold(0, |sum: u64, v| sum.rotate_left(5).wrapping_add(u64::from(v.to_bits())))
}

/// Files with sizes and times of their last change.
fn files(folder: &Path) -> Vec<(PathBuf, u64, SystemTime)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let about = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
            Some((entry.path(), about.len(), about.modified().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(row: u32) -> BlockKey {
        BlockKey { stage: 7, band: 2, level: 3, row, col: 1 }
    }

    fn block() -> Block {
        Block { width: 3, values: vec![1.5, f32::NAN, -0.0, 4.0, 5.0, 1e30] }
    }

    #[test]
    fn blocks_come_back_as_they_were_and_damaged_ones_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("maps"), 1 << 20);
        let origin = Origin([1, 2]);
        assert!(store.load(origin, &key(0), 6).is_none() && !store.has(origin, &key(0)));
        store.keep(origin, &key(0), &block());
        let back = store.load(origin, &key(0), 6).unwrap();
        let bits = |b: &Block| b.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!((back.width, bits(&back)), (3, bits(&block())));
        // Of another file with the same short name, of another size, in another process.
        assert!(store.load(Origin([1, 3]), &key(0), 6).is_none() && store.load(origin, &key(0), 5).is_none());
        let again = Store::new(dir.path().join("maps"), 1 << 20);
        assert!(again.load(origin, &key(0), 6).is_some());
        let path = store.path(origin, &key(0));
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(store.load(origin, &key(0), 6).is_none());
        std::fs::write(&path, &bytes[..50]).unwrap();
        assert!(store.load(origin, &key(0), 6).is_none());
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().into(), 640);
        for row in 0..20 {
            store.keep(Origin([1, 2]), &key(row), &block());
        }
        let left: u64 = files(dir.path()).iter().map(|f| f.1).sum();
        assert!((64..=640).contains(&left), "{left}");
    }
}
