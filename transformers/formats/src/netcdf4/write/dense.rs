//! Dense attribute storage: attributes longer than a header message live in a fractal heap that two version 2 B-trees
//! index (HDF5 file format §III.A.2, §III.G).
//!
//! The heap is a single direct block, each tree a single leaf: what we write is never changed in place.

use super::put::{Put, UNDEFINED, width_of};
use crate::netcdf4::read::checksum::lookup3;

/// Bits of an offset in the heap.
const HEAP_BITS: u16 = 32;
/// Heap identifiers in attribute indexes have 8 bytes: flags, 4 of offset, 3 of length. That bounds the block.
const MAX_BLOCK: u64 = 16 << 20;
/// Signature, version, address of the heap header, offset of the block, checksum.
const BLOCK_HEAD: usize = 4 + 1 + 8 + 4 + 4;

/// One attribute: its name and its message.
pub struct DenseAttribute<'a> {
    pub name: &'a str,
    pub message: &'a [u8],
}

/// Appends heap and indexes to `out`, of which byte 0 is at `base` in the file. Returns the addresses of the heap, the
/// name index and the creation order index.
///
/// # Errors
/// When the attributes of one object are longer than 16 MiB together.
pub fn build(attributes: &[DenseAttribute<'_>], base: u64, out: &mut Vec<u8>) -> Result<[u64; 3], String> {
    let ids = heap_ids(attributes)?;
    let heap = put_heap(attributes, base, out)?;
    let mut by_name: Vec<(u32, usize)> =
        attributes.iter().enumerate().map(|(i, a)| (lookup3(a.name.as_bytes()), i)).collect();
    by_name.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| attributes[a.1].name.cmp(attributes[b.1].name)));
    let mut names = Vec::new();
    for (hash, i) in by_name {
        names.extend_from_slice(&ids[i]);
        names.u8(0); // flags of the message
        names.u32(i as u32);
        names.u32(hash);
    }
    let mut orders = Vec::new();
    for (i, id) in ids.iter().enumerate() {
        orders.extend_from_slice(id);
        orders.u8(0);
        orders.u32(i as u32);
    }
    let names = put_tree(8, 17, &names, base, out);
    let orders = put_tree(9, 13, &orders, base, out);
    Ok([heap, names, orders])
}

fn block_len(attributes: &[DenseAttribute<'_>]) -> Result<u64, String> {
    let len = attributes.iter().map(|a| a.message.len() as u64).sum::<u64>() + BLOCK_HEAD as u64;
    let len = len.next_power_of_two().max(512);
    if len > MAX_BLOCK {
        return Err("its attributes are longer than 16 MiB, which HDF5 attribute storage can't hold".into());
    }
    Ok(len)
}

/// Heap identifiers in the order of the attributes.
fn heap_ids(attributes: &[DenseAttribute<'_>]) -> Result<Vec<[u8; 8]>, String> {
    let len_width = length_width(block_len(attributes)?);
    let mut offset = BLOCK_HEAD;
    let id = |a: &DenseAttribute<'_>| {
        let mut id = vec![0]; // version 0, managed object
        id.u32(offset as u32);
        id.uint(a.message.len() as u64, len_width);
        id.resize(8, 0);
        offset += a.message.len();
        let mut fixed = [0; 8];
        fixed.copy_from_slice(&id);
        fixed
    };
    Ok(attributes.iter().map(id).collect())
}

/// Bytes of a length in a heap identifier, as libhdf5 derives them from the header.
fn length_width(block: u64) -> usize {
    width_of(block).min(width_of(block - BLOCK_HEAD as u64))
}

fn put_heap(attributes: &[DenseAttribute<'_>], base: u64, out: &mut Vec<u8>) -> Result<u64, String> {
    let block = block_len(attributes)?;
    let used: u64 = attributes.iter().map(|a| a.message.len() as u64).sum();
    let start = out.len();
    let address = base + start as u64;
    let head_len = 146;
    out.extend_from_slice(b"FRHP");
    out.u8(0);
    out.u16(8); // length of a heap identifier
    out.u16(0); // no filters
    out.u8(0x02); // direct blocks have a checksum
    out.u32((block - BLOCK_HEAD as u64) as u32); // largest managed object
    out.u64(0); // next identifier of a huge object
    out.u64(UNDEFINED); // their index
    out.u64(block - BLOCK_HEAD as u64 - used); // free space
    out.u64(UNDEFINED); // free space manager
    out.u64(block); // managed space
    out.u64(block); // allocated managed space
    out.u64(block); // where the next block would start
    out.u64(attributes.len() as u64);
    (0..4).for_each(|_| out.u64(0)); // size and number of huge objects, of tiny objects
    out.u16(4); // table width
    out.u64(block); // starting block size
    out.u64(block); // largest direct block
    out.u16(HEAP_BITS);
    out.u16(1); // starting rows of a root indirect block
    out.u64(address + head_len); // root block
    out.u16(0); // it is a direct block
    out.checksum(start);
    debug_assert_eq!((out.len() - start) as u64, head_len);
    put_block(attributes, address, block, out);
    Ok(address)
}

fn put_block(attributes: &[DenseAttribute<'_>], heap: u64, len: u64, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(b"FHDB");
    out.u8(0);
    out.u64(heap);
    out.u32(0); // offset of the block in the heap
    let sum_at = out.len();
    out.u32(0);
    attributes.iter().for_each(|a| out.extend_from_slice(a.message));
    out.resize(start + len as usize, 0);
    // The checksum covers the whole block with its own field zero.
    let sum = lookup3(&out[start..]);
    out[sum_at..sum_at + 4].copy_from_slice(&sum.to_le_bytes());
}

/// A version 2 B-tree of one leaf; returns the address of its header.
fn put_tree(kind: u8, record_len: u16, records: &[u8], base: u64, out: &mut Vec<u8>) -> u64 {
    const LEAF_OVERHEAD: usize = 4 + 1 + 1 + 4;
    const HEADER: u64 = 38;
    let node_len = (records.len() + LEAF_OVERHEAD).max(512);
    let count = records.len() / usize::from(record_len);
    let start = out.len();
    let address = base + start as u64;
    out.extend_from_slice(b"BTHD");
    out.extend_from_slice(&[0, kind]);
    out.u32(node_len as u32);
    out.u16(record_len);
    out.u16(0); // depth
    out.extend_from_slice(&[100, 40]); // per cent at which nodes are split and merged
    out.u64(address + HEADER);
    out.u16(count as u16);
    out.u64(count as u64);
    out.checksum(start);
    let leaf = out.len();
    out.extend_from_slice(b"BTLF");
    out.extend_from_slice(&[0, kind]);
    out.extend_from_slice(records);
    out.checksum(leaf);
    out.resize(leaf + node_len, 0);
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heap_and_indexes_stand_where_their_addresses_say() {
        let message = vec![7; 70_000];
        let attributes = [
            DenseAttribute { name: "b", message: &message },
            DenseAttribute { name: "a", message: &message[..10] },
        ];
        let mut out = vec![0; 5];
        let [heap, names, orders] = build(&attributes, 1000, &mut out).unwrap();
        assert_eq!(out[heap as usize - 1000..][..4], *b"FRHP");
        assert_eq!(out[names as usize - 1000..][..4], *b"BTHD");
        assert_eq!(out[orders as usize - 1000..][..4], *b"BTHD");
    }

    #[test]
    fn more_than_the_heap_can_address_is_an_error() {
        let message = vec![0; 17 << 20];
        let attributes = [DenseAttribute { name: "a", message: &message }];
        assert!(build(&attributes, 0, &mut Vec::new()).is_err());
    }
}
