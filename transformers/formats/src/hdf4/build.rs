//! From HDF4 structures to a granule.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use harmony_model::dtype::number_bytes;
use harmony_model::granule::set_attr;
use harmony_model::{
    ArraySource, AttrShape, Attribute, DType, DimId, Filter, Granule, GroupId, ReadError, Storage, VarId,
};

use super::array::{Hdf4Array, Slab};
use super::codec::Coder;
use super::file::{Extent, Hdf4, Layout, tag};
use super::sds::{self, Sds};
use super::tables;
use super::tree::{EosGroup, Tree};
use crate::hdfeos::{self, MergedField, StructField, Structure, axes};

/// What is known about the place of a field.
struct Place<'a> {
    group: GroupId,
    /// Name of the grid or swath: a suffix of its dimensions' names.
    eos_name: Option<&'a str>,
    /// Dimension names by StructMetadata.
    field: Option<&'a StructField>,
}

struct Builder {
    file: Arc<Hdf4>,
    granule: Granule,
    dims: HashMap<(GroupId, String, u64), DimId>,
    /// Names in use in each group.
    names: HashSet<(GroupId, String)>,
}

/// Builds the granule of an open file.
///
/// # Errors
/// [`ReadError`] when the structure is damaged or nothing readable is in it.
pub fn granule(file: &Arc<Hdf4>) -> Result<Granule, ReadError> {
    let contents = sds::contents(file)?;
    let tree = Tree::read(file)?;
    let mut granule = Granule::new(base_name(file.source.name()), super::FORMAT);
    let root_attrs = contents.attrs.into_iter().chain(tree.attrs);
    root_attrs.for_each(|a| set_attr(&mut granule.groups[0].attrs, a));
    let structure = hdfeos::struct_metadata(&granule).map(|t| Structure::parse(&t)).unwrap_or_default();
    let file = file.clone();
    let mut builder = Builder { file, granule, dims: HashMap::new(), names: HashSet::new() };
    let mut sets: HashMap<u16, Sds> = HashMap::new();
    let mut order = Vec::new();
    for set in contents.sets {
        order.push(set.reference);
        sets.insert(set.reference, set);
    }
    for eos in &tree.eos {
        builder.eos_group(eos, &structure, &mut sets)?;
    }
    for set in order.iter().filter_map(|r| sets.remove(r)) {
        let place = Place { group: Granule::ROOT, eos_name: None, field: None };
        builder.data_set(&set, &place)?;
    }
    for reference in tree.tables {
        builder.table(reference)?;
    }
    builder.finish(&structure)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

impl Builder {
    /// A name that netCDF accepts and the group doesn't have yet.
    fn unique(&mut self, group: GroupId, name: &str) -> String {
        let clean = match name.trim() {
            "" => "unnamed".to_owned(),
            name => name.replace('/', "_"),
        };
        let mut candidate = clean.clone();
        let mut n = 2;
        while !self.names.insert((group, candidate.clone())) {
            candidate = format!("{clean}_{n}");
            n += 1;
        }
        candidate
    }

    fn dim(&mut self, group: GroupId, name: &str, len: u64, unlimited: bool) -> DimId {
        let key = (group, name.replace('/', "_"), len);
        if let Some(&id) = self.dims.get(&key) {
            return id;
        }
        // The same name with another length: the SD interface allows it, one group of netCDF does not.
        let mut free = key.1.clone();
        let mut n = 2;
        while self.granule.dims.iter().any(|d| d.group == group && d.name == free) {
            free = format!("{}_{n}", key.1);
            n += 1;
        }
        let id = self.granule.add_dim(group, &free, len);
        self.granule.dims[id.0].unlimited = unlimited;
        self.granule.dims[id.0].anonymous = key.1.starts_with("fakeDim");
        self.dims.insert(key, id);
        id
    }

    fn eos_group(
        &mut self,
        eos: &EosGroup,
        structure: &Structure,
        sets: &mut HashMap<u16, Sds>,
    ) -> Result<(), ReadError> {
        let name = self.unique(Granule::ROOT, &eos.name);
        let group = self.granule.add_group(Granule::ROOT, &name);
        self.granule.groups[group.0].attrs.clone_from(&eos.attrs);
        let grid = structure.grids.iter().find(|g| g.name == eos.name);
        let swath = structure.swaths.iter().find(|s| s.name == eos.name);
        let fields: Vec<&StructField> = match (grid, swath) {
            (Some(grid), _) => grid.data_fields.iter().collect(),
            (_, Some(swath)) => swath.geo_fields.iter().chain(&swath.data_fields).collect(),
            _ => Vec::new(),
        };
        for &(tag, reference) in &eos.fields {
            match tag {
                tag::VDATA_HEADER => self.table_field(group, reference, &fields)?,
                _ => {
                    let Some(set) = sets.remove(&reference) else { continue };
                    let merged = grid.and_then(|g| g.merged.iter().find(|m| m.name == set.name));
                    let field = fields.iter().find(|f| f.name == set.name).copied();
                    let place = Place { group, eos_name: Some(&eos.name), field };
                    match merged {
                        Some(merged) => self.merged(&set, merged, &place, &fields)?,
                        None => self.data_set(&set, &place).map(|_| ())?,
                    }
                }
            }
        }
        if let Some(swath) = swath {
            self.swath_attributes(group, swath);
        }
        Ok(())
    }

    /// Dimension maps as an attribute, and CF `coordinates` where the geolocation has the resolution of the data.
    fn swath_attributes(&mut self, group: GroupId, swath: &hdfeos::Swath) {
        let maps: Vec<String> = swath
            .maps
            .iter()
            .map(|m| format!("{}, {}, {}, {}", m.geo_dim, m.data_dim, m.offset, m.increment))
            .collect();
        if !maps.is_empty() {
            let texts: Vec<&str> = maps.iter().map(String::as_str).collect();
            set_attr(&mut self.granule.groups[group.0].attrs, Attribute::strings("dimension_maps", &texts));
        }
        let find = |name: &str| {
            let is = |v: &harmony_model::Variable| v.group == group && v.name.eq_ignore_ascii_case(name);
            self.granule.vars.iter().position(is)
        };
        let (Some(lat), Some(lon)) = (find("Latitude"), find("Longitude")) else { return };
        let geo_dims = self.granule.vars[lat].dims.clone();
        let text = format!("{} {}", self.granule.vars[lon].name, self.granule.vars[lat].name);
        for (i, var) in self.granule.vars.iter_mut().enumerate() {
            let fits = var.group == group && geo_dims.iter().all(|d| var.dims.contains(d));
            if fits && i != lat && i != lon && var.attr("coordinates").is_none() {
                var.set_attr(Attribute::text("coordinates", &text));
            }
        }
    }

    fn data_set(&mut self, set: &Sds, place: &Place) -> Result<Option<VarId>, ReadError> {
        // A dimension without a scale leaves a coordinate variable without values.
        if set.data.is_none()
            && place.eos_name.is_none()
            && set.dims.len() == 1
            && set.dims[0].name == set.name
        {
            return Ok(None);
        }
        let names = self.dim_names(set, place);
        let dims: Vec<DimId> =
            set.dims.iter().zip(&names).map(|(d, n)| self.dim(place.group, n, d.len, d.unlimited)).collect();
        let array = set.array(&self.file)?;
        let storage = storage(&array);
        let name = self.unique(place.group, &set.name);
        let id = self.granule.add_var(place.group, &name, set.dtype.clone(), dims, Arc::new(array));
        self.describe(id, set, storage);
        Ok(Some(id))
    }

    fn describe(&mut self, id: VarId, set: &Sds, storage: Storage) {
        let var = &mut self.granule.vars[id.0];
        var.big_endian = !set.little_endian;
        var.storage = storage;
        var.fill = Some(set.fill());
        for attr in &set.attrs {
            var.set_attr(typed_fill(attr, &set.dtype));
        }
    }

    /// Names from StructMetadata where it fits, else those of the SD interface without `:grid name`.
    fn dim_names(&self, set: &Sds, place: &Place) -> Vec<String> {
        if let Some(field) = place.field.filter(|f| f.dims.len() == set.dims.len()) {
            return field.dims.clone();
        }
        let suffix = place.eos_name.map(|n| format!(":{n}"));
        let strip = |name: &str| match &suffix {
            Some(suffix) => name.strip_suffix(suffix.as_str()).unwrap_or(name).to_owned(),
            None => name.to_owned(),
        };
        set.dims.iter().map(|d| strip(&d.name)).collect()
    }

    /// Fields that share one array: slabs of its first axis, `Field Dims` wide from `Field Offsets`.
    fn merged(
        &mut self,
        set: &Sds,
        merged: &MergedField,
        place: &Place,
        fields: &[&StructField],
    ) -> Result<(), ReadError> {
        let numbers = |name: &str| set.attrs.iter().find(|a| a.name == name).and_then(Attribute::as_f64s);
        let (Some(widths), Some(offsets)) = (numbers("Field Dims"), numbers("Field Offsets")) else {
            return self.data_set(set, place).map(|_| ());
        };
        let inner: Arc<dyn ArraySource> = Arc::new(set.array(&self.file)?);
        let names = self.dim_names(set, &Place { field: None, ..*place });
        let total = set.dims.first().map_or(0, |d| d.len);
        for ((name, &width), &offset) in merged.fields.iter().zip(&widths).zip(&offsets) {
            let (start, len) = (offset.max(0.0) as u64, width.max(0.0) as u64);
            if start.checked_add(len).is_none_or(|end| end > total) || len == 0 {
                return Err(self
                    .file
                    .corrupt(&format!("merged field '{name}'"), "it leaves the array it shares"));
            }
            let field = fields.iter().find(|f| f.name == *name);
            let drop_axis = field.is_some_and(|f| f.dims.len() + 1 == set.dims.len());
            let mut dims = Vec::new();
            if !drop_axis {
                let first = field.and_then(|f| f.dims.first()).unwrap_or(&names[0]).clone();
                dims.push(self.dim(place.group, &first, len, false));
            }
            for (d, n) in set.dims.iter().zip(&names).skip(1) {
                dims.push(self.dim(place.group, n, d.len, false));
            }
            let unique = self.unique(place.group, name);
            let data = Arc::new(Slab { inner: inner.clone(), start, drop_axis });
            let id = self.granule.add_var(place.group, &unique, set.dtype.clone(), dims, data);
            self.describe(id, set, Storage::Contiguous);
            self.granule.vars[id.0].attrs.retain(|a| a.name != "Field Dims" && a.name != "Field Offsets");
        }
        Ok(())
    }

    /// A 1-D field of a swath: a Vdata of one field.
    fn table_field(
        &mut self,
        group: GroupId,
        reference: u16,
        fields: &[&StructField],
    ) -> Result<(), ReadError> {
        let header = self.file.vdata(reference)?;
        let field = fields.iter().find(|f| f.name == header.name && f.dims.len() == 1);
        let (Some(field), [_]) = (field, header.fields.as_slice()) else { return Ok(()) };
        let dim = self.dim(group, &field.dims[0], header.records, false);
        self.column(group, reference, 0, &header.name, dim)
    }

    /// A table of the user: a group with one variable for each field.
    fn table(&mut self, reference: u16) -> Result<(), ReadError> {
        let header = self.file.vdata(reference)?;
        let name = self.unique(Granule::ROOT, &header.name);
        let group = self.granule.add_group(Granule::ROOT, &name);
        let dim = self.dim(group, "record", header.records, false);
        for (i, field) in header.fields.iter().enumerate() {
            self.column(group, reference, i, &field.name, dim)?;
        }
        Ok(())
    }

    /// One field of a Vdata as a variable; its values are small and read at once.
    fn column(
        &mut self,
        group: GroupId,
        reference: u16,
        index: usize,
        name: &str,
        dim: DimId,
    ) -> Result<(), ReadError> {
        let header = self.file.vdata(reference)?;
        let field = &header.fields[index];
        let Some((dtype, little)) = tables::dtype(field.kind) else { return Ok(()) };
        let (records, order) = (header.records, field.order.max(1));
        let bytes = self.file.metadata((tag::VDATA, reference))?;
        let needed = records.checked_mul(header.record_size);
        let width = dtype.size() as u64 * order;
        if needed.is_none_or(|n| n > bytes.len() as u64) || field.offset + width > header.record_size {
            return Err(self.file.corrupt(&format!("Vdata '{}'", header.name), "its records are cut short"));
        }
        let mut values = Vec::with_capacity((records * width) as usize);
        for r in 0..records {
            let start = match header.by_record {
                true => r * header.record_size + field.offset,
                false => field.offset * records + r * width,
            };
            values.extend_from_slice(&bytes[start as usize..(start + width) as usize]);
        }
        if little != cfg!(target_endian = "little") {
            harmony_model::dtype::swap_bytes(&mut values, dtype.swap_width());
        }
        let (mut shape, mut dims) = (vec![records], vec![dim]);
        if order > 1 {
            shape.push(order);
            dims.push(self.dim(group, &format!("{name}_value"), order, false));
        }
        let data = Arc::new(harmony_model::MemoryArray::new(&shape, dtype.size(), values));
        let unique = self.unique(group, name);
        self.granule.add_var(group, &unique, dtype, dims, data);
        Ok(())
    }

    fn finish(mut self, structure: &Structure) -> Result<Granule, ReadError> {
        for grid in &structure.grids {
            let group = self.granule.groups.iter().position(|g| g.path[1..] == *grid.name);
            if let Some(group) = group.map(GroupId) {
                let y = self.dim(group, "YDim", grid.y_size, false);
                let x = self.dim(group, "XDim", grid.x_size, false);
                axes::attach(&mut self.granule, group, grid, x, y);
            }
        }
        if self.granule.vars.is_empty() && self.file.refs(tag::RASTER_IMAGE).next().is_some() {
            return Err(ReadError::unsupported(
                self.file.source.name(),
                "raster image",
                "the file holds images only, which are read through GDAL",
            ));
        }
        Ok(self.granule)
    }
}

/// `_FillValue` in the type of the data, as netCDF demands; other attributes as they are.
fn typed_fill(attr: &Attribute, dtype: &DType) -> Attribute {
    if attr.name == "_FillValue"
        && attr.dtype != *dtype
        && let Some(bytes) = attr.as_f64().and_then(|v| number_bytes(dtype, v))
    {
        let (dtype, shape) = (dtype.clone(), AttrShape::Simple(vec![1]));
        return Attribute { name: attr.name.clone(), dtype, shape, bytes, items: Vec::new() };
    }
    attr.clone()
}

/// How a copy wants to be stored: a compressed array is one chunk as it stands.
fn storage(array: &Hdf4Array) -> Storage {
    let deflate = |level: u32| vec![Filter::deflate(level)];
    match &array.layout {
        Layout::Chunked(table) => Storage::Chunked {
            shape: table.chunk.clone(),
            filters: table.deflate.map(deflate).unwrap_or_default(),
        },
        Layout::Coded { coder, extents, .. }
            if !array.shape.is_empty() && array.shape.iter().all(|&n| n > 0) =>
        {
            let filters = match (coder, extents.as_slice()) {
                (Coder::Deflate(level), [Extent { start: 0, .. }]) => deflate(*level),
                _ => vec![Filter::deflate(4)],
            };
            Storage::Chunked { shape: array.shape.clone(), filters }
        }
        _ => Storage::Contiguous,
    }
}
