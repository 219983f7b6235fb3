//! How an array is stored: layout and filters.

/// Layout of a variable's bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Storage {
    /// One piece, uncompressed.
    Contiguous,
    /// Boxes of `shape` elements, each run through `filters` in order when written.
    Chunked { shape: Vec<u64>, filters: Vec<Filter> },
}

impl Storage {
    pub fn chunk_shape(&self) -> Option<&[u64]> {
        match self {
            Storage::Chunked { shape, .. } => Some(shape),
            Storage::Contiguous => None,
        }
    }

    pub fn filters(&self) -> &[Filter] {
        match self {
            Storage::Chunked { filters, .. } => filters,
            Storage::Contiguous => &[],
        }
    }
}

/// One step of a chunk's encoding, numbered as in HDF5's filter registry.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    pub id: u16,
    pub name: String,
    /// The chunk may be stored without it (filter mask).
    pub optional: bool,
    /// HDF5 client data.
    pub params: Vec<u32>,
}

impl Filter {
    pub fn new(id: u16, params: &[u32]) -> Self {
        Filter { id, name: String::new(), optional: false, params: params.into() }
    }

    /// zlib deflate at `level`.
    pub fn deflate(level: u32) -> Self {
        Filter { optional: true, ..Filter::new(filter::DEFLATE, &[level]) }
    }

    /// Byte shuffle of elements of `size` bytes.
    pub fn shuffle(size: u32) -> Self {
        Filter { optional: true, ..Filter::new(filter::SHUFFLE, &[size]) }
    }
}

/// Filter numbers: 1–6 are HDF5's own, 32000… registered with The HDF Group, 65000… ours (Zarr codecs that HDF5 has
/// no number for; never written to HDF5).
pub mod filter {
    pub const DEFLATE: u16 = 1;
    pub const SHUFFLE: u16 = 2;
    pub const FLETCHER32: u16 = 3;
    pub const SZIP: u16 = 4;
    pub const NBIT: u16 = 5;
    pub const SCALE_OFFSET: u16 = 6;
    pub const LZF: u16 = 32000;
    pub const BLOSC: u16 = 32001;
    pub const LZ4: u16 = 32004;
    pub const BITSHUFFLE: u16 = 32008;
    pub const ZSTD: u16 = 32015;
    /// gzip container (RFC 1952).
    pub const GZIP: u16 = 65001;
    /// numcodecs LZ4: 4-byte little-endian length, then one LZ4 block.
    pub const NUMCODECS_LZ4: u16 = 65002;
    /// CRC-32C trailer of Zarr v3.
    pub const CRC32C: u16 = 65003;
    /// LZW of TIFF 6.0.
    pub const TIFF_LZW: u16 = 65020;
    pub const PACKBITS: u16 = 65021;
    /// Predictor of TIFF: its number, samples per pixel, bytes of a sample, bytes of a row, big-endian or not.
    pub const TIFF_ROWS: u16 = 65022;
}
