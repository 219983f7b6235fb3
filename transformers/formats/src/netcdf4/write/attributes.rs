//! The attributes of an object: the model's own, and those that make netCDF and HDF5 recognise dimension scales.

use std::collections::HashSet;

use harmony_model::dtype::{SLOT, StringPad};
use harmony_model::{AttrShape, Attribute, DType, Field, Granule, GroupId, Heap, ReadError};

use super::datatype;
use super::heap::{HeapBuilder, relocate};
use super::message::{AttributeParts, attribute, attribute_space, shared_datatype};
use super::put::Put;
use super::structure::{Object, ObjectId, Structure, committed};

/// Name of the scale of a dimension without coordinate variable; its length follows in ten columns.
const NO_VARIABLE: &str = "This is a netCDF dimension but not a netCDF variable.";

/// Attributes that describe structure; those of the input speak of the input.
const STRUCTURAL: [&str; 5] =
    ["REFERENCE_LIST", "DIMENSION_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates", "_NCProperties"];

/// Addresses that attributes speak of.
pub struct Addresses<'a> {
    pub objects: &'a [u64],
    /// Where the heap of attribute values will stand.
    pub heap: u64,
}

/// An attribute ready to be stored.
pub struct Encoded {
    pub name: String,
    pub message: Vec<u8>,
}

/// Encodes the attributes of one object after the other into one heap.
pub struct AttributeWriter<'a> {
    pub granule: &'a Granule,
    pub structure: &'a Structure,
    pub addresses: Addresses<'a>,
    pub netcdf4: bool,
    pub heap: HeapBuilder,
}

impl AttributeWriter<'_> {
    /// All attributes of an object, in creation order.
    ///
    /// # Errors
    /// [`ReadError::Unsupported`] naming the attribute that HDF5 can't hold.
    pub fn of(&mut self, object: ObjectId) -> Result<Vec<Encoded>, ReadError> {
        let (granule, mut out) = (self.granule, Vec::new());
        match self.structure.objects[object] {
            Object::Group(group) => {
                if group == Granule::ROOT && self.netcdf4 {
                    out.push(self.encode(group, &properties())?);
                }
                let attrs = &granule.group(group).attrs;
                self.own(group, attrs, false, &mut out)?;
            }
            Object::Type(_) => {}
            Object::Dimension(dim) => {
                let d = granule.dim(dim);
                self.scale(object, d.group, &format!("{NO_VARIABLE}{:10}", d.len), &mut out)?;
                self.references(object, d.group, &mut out)?;
            }
            Object::Variable(var) => {
                let v = granule.var(var);
                let is_scale = self.structure.scale_dims.contains_key(&object);
                if is_scale {
                    self.scale(object, v.group, &v.name, &mut out)?;
                }
                if self.structure.needs_dim_numbers(granule, object, var) {
                    let numbers: Vec<i32> = v.dims.iter().map(|d| self.structure.dim_numbers[d.0]).collect();
                    out.push(self.encode(v.group, &Attribute::numbers("_Netcdf4Coordinates", &numbers))?);
                }
                self.own(v.group, &v.attrs, is_scale, &mut out)?;
                if !is_scale {
                    self.dimension_list(v.group, &v.dims, &mut out)?;
                }
                self.references(object, v.group, &mut out)?;
            }
        }
        Ok(out)
    }

    fn own(
        &mut self,
        group: GroupId,
        attrs: &[Attribute],
        is_scale: bool,
        out: &mut Vec<Encoded>,
    ) -> Result<(), ReadError> {
        let mut seen: HashSet<String> = out.iter().map(|e| e.name.clone()).collect();
        for attr in attrs {
            let scale_of_input =
                attr.name == "CLASS" && attr.as_text().is_some_and(|t| t == "DIMENSION_SCALE");
            let taken = is_scale && (attr.name == "CLASS" || attr.name == "NAME");
            if STRUCTURAL.contains(&attr.name.as_str()) || scale_of_input || taken {
                continue;
            }
            if !seen.insert(attr.name.clone()) {
                return Err(self.unsupported(&attr.name, "there are two of that name; rename one of them"));
            }
            out.push(self.encode(group, attr)?);
        }
        Ok(())
    }

    /// What HDF5's dimension scale specification and netCDF want on a scale.
    fn scale(
        &mut self,
        object: ObjectId,
        group: GroupId,
        name: &str,
        out: &mut Vec<Encoded>,
    ) -> Result<(), ReadError> {
        out.push(self.encode(group, &c_text("CLASS", "DIMENSION_SCALE"))?);
        out.push(self.encode(group, &c_text("NAME", name))?);
        let dim = self.structure.scale_dims[&object];
        let number = self.structure.dim_numbers[dim.0];
        let mut id = Attribute::numbers("_Netcdf4Dimid", &[number]);
        id.shape = AttrShape::Scalar;
        out.push(self.encode(group, &id)?);
        Ok(())
    }

    /// `DIMENSION_LIST`: for each axis a sequence of references to its scales; empty for an anonymous axis.
    fn dimension_list(
        &mut self,
        group: GroupId,
        dims: &[harmony_model::DimId],
        out: &mut Vec<Encoded>,
    ) -> Result<(), ReadError> {
        let scales: Vec<Option<ObjectId>> = dims.iter().map(|d| self.structure.scales[d.0]).collect();
        if scales.iter().all(Option::is_none) {
            return Ok(());
        }
        let items = scales
            .iter()
            .map(|s| s.map_or(Vec::new(), |s| self.addresses.objects[s].to_le_bytes().to_vec()))
            .collect();
        let list = Attribute {
            name: "DIMENSION_LIST".into(),
            dtype: DType::VLen(Box::new(DType::ObjectRef)),
            shape: AttrShape::Simple(vec![dims.len() as u64]),
            bytes: Vec::new(),
            items,
        };
        out.push(self.encode_with(group, &list, true)?);
        Ok(())
    }

    /// `REFERENCE_LIST` of a scale: which variables use it along which axis.
    fn references(
        &mut self,
        object: ObjectId,
        group: GroupId,
        out: &mut Vec<Encoded>,
    ) -> Result<(), ReadError> {
        let Some(users) = self.structure.users.get(&object) else { return Ok(()) };
        let field = |name: &str, offset, dtype| Field { name: name.into(), offset, dtype, big_endian: false };
        let fields = vec![field("dataset", 0, DType::ObjectRef), field("dimension", 8, DType::U32)];
        let mut bytes = Vec::with_capacity(users.len() * 16);
        for &(user, axis) in users {
            bytes.u64(self.addresses.objects[user]);
            bytes.u32(axis);
            bytes.u32(0); // libhdf5's struct is padded to 16 bytes
        }
        let list = Attribute {
            name: "REFERENCE_LIST".into(),
            dtype: DType::Compound { size: 16, fields },
            shape: AttrShape::Simple(vec![users.len() as u64]),
            bytes,
            items: Vec::new(),
        };
        out.push(self.encode_with(group, &list, true)?);
        Ok(())
    }

    fn encode(&mut self, group: GroupId, attr: &Attribute) -> Result<Encoded, ReadError> {
        match &attr.dtype {
            DType::Char => self.encode_with(group, &char_text(attr), false),
            _ => self.encode_with(group, attr, false),
        }
    }

    /// `keep_references`: they are addresses in the output.
    fn encode_with(
        &mut self,
        group: GroupId,
        attr: &Attribute,
        keep_references: bool,
    ) -> Result<Encoded, ReadError> {
        let fail = |detail: String| {
            ReadError::unsupported(&self.granule.name, format!("attribute '{}'", attr.name), detail)
        };
        let mut dtype = Vec::new();
        let named = committed(self.granule, group, &attr.dtype, false);
        match named {
            Some(n) => dtype = shared_datatype(self.type_address(n)),
            None => datatype::encode(&attr.dtype, cfg!(target_endian = "big"), &mut dtype).map_err(fail)?,
        }
        let data = self.value(attr, keep_references)?;
        let space = attribute_space(&attr.shape);
        let parts = AttributeParts {
            name: &attr.name,
            datatype: &dtype,
            shared_datatype: named.is_some(),
            space: &space,
            data: &data,
        };
        let message = attribute(&parts)
            .map_err(|detail| self.unsupported(&attr.name, &format!("{detail}; remove or shorten it")))?;
        Ok(Encoded { name: attr.name.clone(), message })
    }

    fn type_address(&self, named: usize) -> u64 {
        let object = self.structure.objects.iter().position(|o| *o == Object::Type(named));
        object.map_or(0, |o| self.addresses.objects[o])
    }

    /// The stored bytes of the elements; what they point to goes to the heap.
    fn value(&mut self, attr: &Attribute, keep_references: bool) -> Result<Vec<u8>, ReadError> {
        let size = attr.dtype.size();
        let expected = attr.shape.count().checked_mul(size);
        let mut data = match &attr.dtype {
            DType::String | DType::VLen(_) if attr.items.len() == attr.shape.count() => {
                return self.sequences(attr, keep_references);
            }
            _ => attr.bytes.clone(),
        };
        if expected != Some(data.len()) {
            return Err(
                self.unsupported(&attr.name, "its value does not fit its shape; fetch the file again")
            );
        }
        if attr.dtype.has_slots() && data.iter().any(|&b| b != 0) {
            return Err(self.unsupported(
                &attr.name,
                "a record that holds texts or sequences of any length can't be written; remove the attribute",
            ));
        }
        if !keep_references {
            datatype::clear_references(&attr.dtype, &mut data);
        }
        Ok(data)
    }

    fn sequences(&mut self, attr: &Attribute, keep_references: bool) -> Result<Vec<u8>, ReadError> {
        let mut slots = Vec::with_capacity(attr.items.len() * SLOT);
        for i in 1..=attr.items.len() as u64 {
            slots.u64(i);
            slots.u64(0);
        }
        let dtype = match &attr.dtype {
            // Bytes of the same length that `relocate` has no reason to clear.
            DType::VLen(base) if keep_references && **base == DType::ObjectRef => {
                DType::VLen(Box::new(DType::U64))
            }
            DType::VLen(base) if base.has_slots() => {
                let empty = attr.items.iter().all(|i| i.iter().all(|&b| b == 0));
                if !empty {
                    let detail = "sequences of texts or sequences can't be written; remove the attribute";
                    return Err(self.unsupported(&attr.name, detail));
                }
                attr.dtype.clone()
            }
            other => other.clone(),
        };
        let at = relocate(&dtype, &mut slots, &Items(&attr.items), &mut self.heap)?;
        super::heap::rebase(&mut slots, &at, self.addresses.heap);
        Ok(slots)
    }

    fn unsupported(&self, attribute: &str, detail: &str) -> ReadError {
        ReadError::unsupported(&self.granule.name, format!("attribute '{attribute}'"), detail)
    }
}

/// The items of an attribute as a heap: a slot is the number of the item, from 1.
struct Items<'a>(&'a [Vec<u8>]);

impl Heap for Items<'_> {
    fn get(&self, slot: &[u8], _: usize) -> Result<Vec<u8>, ReadError> {
        let mut number = [0; 8];
        number.copy_from_slice(&slot[..8]);
        let item =
            usize::try_from(u64::from_le_bytes(number)).ok().and_then(|n| self.0.get(n.checked_sub(1)?));
        Ok(item.cloned().unwrap_or_default())
    }
}

/// Scalar text with its closing zero, ASCII, as HDF5's own attributes are.
fn c_text(name: &str, text: &str) -> Attribute {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    let dtype =
        DType::FixedString { len: bytes.len(), pad: StringPad::NullTerminated, utf8: !text.is_ascii() };
    Attribute { name: name.into(), dtype, shape: AttrShape::Scalar, bytes, items: Vec::new() }
}

/// Provenance as netCDF-C understands it. No date, no library version: equal requests give equal files.
fn properties() -> Attribute {
    let text = concat!("version=2,harmony=", env!("CARGO_PKG_VERSION"));
    let mut attr = c_text("_NCProperties", text);
    attr.bytes.pop();
    if let DType::FixedString { len, .. } = &mut attr.dtype {
        *len = text.len();
    }
    attr
}

/// `NC_CHAR` attributes are one text in HDF5; without characters they have no value.
fn char_text(attr: &Attribute) -> Attribute {
    let (len, shape) = match attr.bytes.len() {
        0 => (1, AttrShape::Null),
        n => (n, AttrShape::Scalar),
    };
    let utf8 = !attr.bytes.is_ascii() && std::str::from_utf8(&attr.bytes).is_ok();
    let dtype = DType::FixedString { len, pad: StringPad::NullTerminated, utf8 };
    Attribute { dtype, shape, ..attr.clone() }
}
