//! The metadata block at the start of the file: superblock, object headers, attribute heap, chunk indexes.
//!
//! It is built twice. Sizes do not depend on addresses, so the first pass (with made-up addresses) says where
//! everything stands and where data begins; the second one, after the data, writes the real addresses. Metadata in one
//! piece at the start is one request for whoever opens the file over a network.

use harmony_model::{DType, Granule, ReadError, VarId};

use super::attributes::{Addresses, AttributeWriter, Encoded};
use super::btree::{self, ChunkGrid, ChunkPlace};
use super::datatype;
use super::dense::{self, DenseAttribute};
use super::heap::{HeapBuilder, rebase, relocate};
use super::message::{self, CONSTANT, DONT_SHARE, Header, MAX_MESSAGE, SHARED, kind};
use super::put::{Put, UNDEFINED, align8};
use super::storage::VariableStorage;
use super::structure::{Object, ObjectId, Structure, committed};

/// Where the data of one variable is.
#[derive(Clone, Debug, PartialEq)]
pub enum DataPlace {
    /// One piece at that address; undefined when it has no bytes.
    Contiguous(u64),
    Chunks(Vec<ChunkPlace>),
}

/// Where the parts of the metadata block stand.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Places {
    objects: Vec<u64>,
    heap: u64,
    /// Root of the chunk index of each variable.
    trees: Vec<u64>,
}

/// What the metadata block describes.
pub struct Metadata<'a> {
    pub granule: &'a Granule,
    pub structure: &'a Structure,
    /// For each variable.
    pub storage: &'a [VariableStorage],
    pub netcdf4: bool,
}

impl Metadata<'_> {
    /// Length of the block and where its parts will stand.
    ///
    /// # Errors
    /// [`ReadError::Unsupported`] naming what HDF5 can't express.
    pub fn measure(&self) -> Result<(u64, Places), ReadError> {
        let data: Vec<DataPlace> = self.storage.iter().map(made_up_places).collect();
        let nowhere = Places {
            objects: vec![0; self.structure.objects.len()],
            heap: 0,
            trees: vec![0; self.storage.len()],
        };
        let (block, places) = self.pass(&nowhere, &data, 0)?;
        Ok((block.len() as u64, places))
    }

    /// The block of a file that ends at `end_of_file` and has its data at `data`.
    ///
    /// # Errors
    /// As [`Metadata::measure`].
    pub fn build(&self, places: &Places, data: &[DataPlace], end_of_file: u64) -> Result<Vec<u8>, ReadError> {
        let (block, again) = self.pass(places, data, end_of_file)?;
        debug_assert_eq!(*places, again, "sizes must not depend on addresses");
        Ok(block)
    }

    fn pass(&self, at: &Places, data: &[DataPlace], end: u64) -> Result<(Vec<u8>, Places), ReadError> {
        let mut out = vec![0; message::SUPERBLOCK];
        let mut found = Places::default();
        let mut attributes = AttributeWriter {
            granule: self.granule,
            structure: self.structure,
            addresses: Addresses { objects: &at.objects, heap: at.heap },
            netcdf4: self.netcdf4,
            heap: HeapBuilder::default(),
        };
        for object in 0..self.structure.objects.len() {
            let encoded = attributes.of(object).map_err(|e| self.locate(object, e))?;
            let address = self
                .put_object(object, &encoded, at, data, &mut attributes.heap, &mut out)
                .map_err(|e| self.locate(object, e))?;
            found.objects.push(address);
        }
        pad8(&mut out);
        found.heap = out.len() as u64;
        out.extend_from_slice(&attributes.heap.finish(at.heap));
        for (storage, place) in self.storage.iter().zip(data) {
            found.trees.push(put_tree(storage, place, &mut out));
        }
        pad8(&mut out);
        let superblock = message::superblock(end, at.objects[0]);
        out[..message::SUPERBLOCK].copy_from_slice(&superblock);
        Ok((out, found))
    }

    /// Adds what an error is about.
    fn locate(&self, object: ObjectId, error: ReadError) -> ReadError {
        let path = match self.structure.objects[object] {
            Object::Group(g) => format!("group '{}'", self.granule.group(g).path),
            Object::Type(t) => format!("type '{}'", self.granule.types[t].name),
            Object::Dimension(d) => format!("dimension '{}'", self.granule.dim(d).name),
            Object::Variable(v) => format!("variable '{}'", self.granule.var(v).path),
        };
        match error {
            ReadError::Unsupported { source_name, object, detail } if object.is_empty() => {
                ReadError::Unsupported { source_name, object: path, detail }
            }
            ReadError::Unsupported { source_name, object, detail } => {
                ReadError::Unsupported { source_name, object: format!("{path}, {object}"), detail }
            }
            other => other,
        }
    }

    fn unsupported(&self, detail: String) -> ReadError {
        ReadError::unsupported(&self.granule.name, "", detail)
    }

    /// Appends one object header (and dense attribute storage before it); returns its address.
    fn put_object(
        &self,
        object: ObjectId,
        attributes: &[Encoded],
        at: &Places,
        data: &[DataPlace],
        heap: &mut HeapBuilder,
        out: &mut Vec<u8>,
    ) -> Result<u64, ReadError> {
        let mut header = Header::default();
        match self.structure.objects[object] {
            Object::Group(group) => self.group_messages(group.0, at, &mut header)?,
            Object::Type(named) => self.type_messages(named, &mut header)?,
            Object::Dimension(dim) => self.dimension_messages(dim, &mut header)?,
            Object::Variable(var) => {
                let place = match &data[var.0] {
                    DataPlace::Contiguous(address) => *address,
                    DataPlace::Chunks(chunks) if chunks.is_empty() => UNDEFINED,
                    DataPlace::Chunks(_) => at.trees[var.0],
                };
                self.variable_messages(var, place, at, heap, &mut header)?;
            }
        }
        self.attribute_messages(attributes, &mut header, out).map_err(|e| self.unsupported(e))?;
        pad8(out);
        let address = out.len() as u64;
        header.finish(out).map_err(|e| self.unsupported(e))?;
        Ok(address)
    }

    fn add(&self, header: &mut Header, kind: u8, flags: u8, body: &[u8]) -> Result<(), ReadError> {
        header.add(kind, flags, 0, body).map_err(|e| self.unsupported(e))
    }

    fn group_messages(&self, group: usize, at: &Places, header: &mut Header) -> Result<(), ReadError> {
        let links = &self.structure.links[group];
        self.add(header, kind::LINK_INFO, 0, &message::link_info(links.len()))?;
        self.add(header, kind::GROUP_INFO, CONSTANT, &[0, 0])?;
        for (order, (name, object)) in links.iter().enumerate() {
            self.add(header, kind::LINK, 0, &message::link(name, order, at.objects[*object]))?;
        }
        Ok(())
    }

    fn type_messages(&self, named: usize, header: &mut Header) -> Result<(), ReadError> {
        let mut body = Vec::new();
        datatype::encode(&self.granule.types[named].dtype, cfg!(target_endian = "big"), &mut body)
            .map_err(|e| self.unsupported(e))?;
        self.add(header, kind::DATATYPE, CONSTANT | DONT_SHARE, &body)?;
        let uses = self.structure.type_uses[named];
        if uses > 0 {
            // Its own link and every object that shares it.
            let mut count = vec![0];
            count.u32(uses + 1);
            self.add(header, kind::REFERENCE_COUNT, 0, &count)?;
        }
        Ok(())
    }

    /// The scale of a dimension without values: big-endian floats of which none is stored, as netCDF-C has it.
    fn dimension_messages(&self, dim: harmony_model::DimId, header: &mut Header) -> Result<(), ReadError> {
        let dim = self.granule.dim(dim);
        let len = dim.len.checked_mul(4).ok_or_else(|| self.unsupported("it is too long".into()))?;
        let mut dtype = Vec::new();
        datatype::encode(&DType::F32, true, &mut dtype).map_err(|e| self.unsupported(e))?;
        self.add(header, kind::DATASPACE, 0, &message::dataspace(&[dim.len], &[dim.unlimited]))?;
        self.add(header, kind::DATATYPE, CONSTANT, &dtype)?;
        self.add(header, kind::FILL_VALUE, CONSTANT, &message::fill_value(None, dim.unlimited))?;
        let layout = match dim.unlimited {
            true => message::chunked_layout(UNDEFINED, &[1], 4),
            false => message::contiguous_layout(UNDEFINED, len),
        };
        self.add(header, kind::LAYOUT, 0, &layout)
    }

    fn variable_messages(
        &self,
        var: VarId,
        place: u64,
        at: &Places,
        heap: &mut HeapBuilder,
        header: &mut Header,
    ) -> Result<(), ReadError> {
        let (v, storage) = (self.granule.var(var), &self.storage[var.0]);
        let unlimited: Vec<bool> = v.dims.iter().map(|d| self.granule.dim(*d).unlimited).collect();
        self.add(header, kind::DATASPACE, 0, &message::dataspace(&storage.shape, &unlimited))?;
        match committed(self.granule, v.group, &v.dtype, v.big_endian) {
            Some(named) => {
                let object = self.structure.objects.iter().position(|o| *o == Object::Type(named));
                let body = message::shared_datatype(object.map_or(0, |o| at.objects[o]));
                self.add(header, kind::DATATYPE, CONSTANT | SHARED, &body)?;
            }
            None => {
                let mut dtype = Vec::new();
                datatype::encode(&v.dtype, v.big_endian, &mut dtype).map_err(|e| self.unsupported(e))?;
                self.add(header, kind::DATATYPE, CONSTANT, &dtype)?;
            }
        }
        let fill = self.fill_bytes(storage, var, at, heap)?;
        let chunked = storage.chunk_shape.is_some();
        self.add(header, kind::FILL_VALUE, CONSTANT, &message::fill_value(fill.as_deref(), chunked))?;
        match &storage.chunk_shape {
            Some(chunk) => {
                let layout = message::chunked_layout(place, chunk, v.dtype.size());
                self.add(header, kind::LAYOUT, 0, &layout)?;
                if !storage.filters.is_empty() {
                    self.add(header, kind::PIPELINE, CONSTANT, &message::pipeline(&storage.filters))?;
                }
                Ok(())
            }
            None => self.add(header, kind::LAYOUT, 0, &message::contiguous_layout(place, storage.data_bytes)),
        }
    }

    /// The fill value as stored; that of texts and sequences moves to the heap.
    fn fill_bytes(
        &self,
        storage: &VariableStorage,
        var: VarId,
        at: &Places,
        heap: &mut HeapBuilder,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let v = self.granule.var(var);
        let Some(mut fill) = storage.fill.clone() else { return Ok(None) };
        if v.dtype.has_slots() {
            let Some(input) = v.data.heap().filter(|_| fill.iter().any(|&b| b != 0)) else { return Ok(None) };
            let slots = relocate(&v.dtype, &mut fill, &*input, heap)?;
            rebase(&mut fill, &slots, at.heap);
        }
        Ok(Some(fill))
    }

    fn attribute_messages(
        &self,
        attributes: &[Encoded],
        header: &mut Header,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        if attributes.len() > usize::from(u16::MAX) - 1 {
            return Err("it has more than 65534 attributes".into());
        }
        let too_long = attributes.iter().any(|a| a.message.len() > MAX_MESSAGE);
        let dense = match too_long {
            true => {
                let all: Vec<DenseAttribute<'_>> = attributes
                    .iter()
                    .map(|a| DenseAttribute { name: &a.name, message: &a.message })
                    .collect();
                pad8(out);
                Some(dense::build(&all, 0, out)?)
            }
            false => None,
        };
        header.add(kind::ATTRIBUTE_INFO, 0, 0, &message::attribute_info(attributes.len(), dense))?;
        if dense.is_none() {
            for (order, attribute) in attributes.iter().enumerate() {
                header.add(kind::ATTRIBUTE, 0, order as u16, &attribute.message)?;
            }
        }
        Ok(())
    }
}

fn pad8(out: &mut Vec<u8>) {
    out.resize(align8(out.len() as u64) as usize, 0);
}

fn put_tree(storage: &VariableStorage, place: &DataPlace, out: &mut Vec<u8>) -> u64 {
    let (DataPlace::Chunks(chunks), Some(chunk_shape)) = (place, &storage.chunk_shape) else {
        return UNDEFINED;
    };
    let grid = ChunkGrid { chunk_shape, counts: &storage.counts, element_size: storage.element_size };
    btree::build(chunks, &grid, 0, out)
}

/// As many chunks as there will be, nowhere.
fn made_up_places(storage: &VariableStorage) -> DataPlace {
    if storage.chunk_shape.is_none() {
        return DataPlace::Contiguous(0);
    }
    let missing = |index: &u64| storage.is_missing(*index);
    let chunks = (0..storage.chunk_count()).filter(|i| !missing(i));
    DataPlace::Chunks(chunks.map(|index| ChunkPlace { index, address: 0, len: 0, filter_mask: 0 }).collect())
}
