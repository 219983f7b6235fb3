//! Columns: where their values come from and how a part of them is read.

use harmony_model::time::{Calendar, TimeTable};
use harmony_model::{DType, Granule, ModelError, Packing, Runs, VarId, Variable, Window, with_numeric};

use super::cell::{Cell, Digits, Index, Packed, Plain, Show, Texts, Times};
use super::number::packed_decimals;
use crate::write::WriteError;

/// What a column is to its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Dimension,
    Coordinate,
    Variable,
}

/// One column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    pub role: Role,
    /// As the header says it: the bare name of dimensions and coordinates, the full path of variables.
    pub name: String,
    /// `None`: the index along the dimension.
    pub var: Option<VarId>,
    /// For each axis of its values the axis of the table.
    pub axes: Vec<usize>,
    pub kind: Kind,
    pub units: Option<String>,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Index,
    /// Stored numbers are the physical ones.
    Plain,
    Packed(Digits),
    /// Times of that time axis.
    Time(usize),
    Text,
}

impl Kind {
    /// How the values of a variable are shown; `None` when they can't be. A variable that holds the times of an axis
    /// shows those.
    pub fn of(granule: &Granule, times: &TimeTable, id: VarId) -> Option<Self> {
        let var = granule.var(id);
        let width = usize::from(var.dtype == DType::Char);
        let own = |a: &harmony_model::time::TimeAxis| {
            a.var == id && a.dims.as_slice() == &var.dims[..var.dims.len().saturating_sub(width)]
        };
        if let Some(axis) = times.axes.iter().position(own) {
            return Some(Kind::Time(axis));
        }
        if var.dtype.is_text() {
            return Some(Kind::Text);
        }
        let packing = Packing::of(var);
        if !packing.element_type(&var.dtype).is_numeric() {
            return None;
        }
        Some(if packing.scale == 1.0 && packing.offset == 0.0 {
            Kind::Plain
        } else {
            Kind::Packed(digits(var))
        })
    }
}

/// Digits of packed integers are those of their packing; scaled floating point numbers keep their precision.
fn digits(var: &Variable) -> Digits {
    match var.dtype {
        DType::F32 => return Digits::Single,
        DType::F64 => return Digits::Double,
        _ => {}
    }
    let text = |name: &str| {
        let mut out = Vec::new();
        match var.attr(name) {
            Some(a) if a.dtype == DType::F32 => {
                super::number::push_float(a.as_f64().unwrap_or(0.0) as f32, &mut out);
            }
            Some(a) => super::number::push_float(a.as_f64().unwrap_or(0.0), &mut out),
            None => out.push(b'0'),
        }
        String::from_utf8(out).unwrap_or_default()
    };
    let scale = if var.attr("scale_factor").is_some() { text("scale_factor") } else { "1".into() };
    Digits::Decimals(packed_decimals(&scale, &text("add_offset")))
}

impl Column {
    /// Bytes of one stored value.
    pub fn size(&self, granule: &Granule) -> u64 {
        self.var.map_or(0, |v| granule.var(v).dtype.size() as u64)
    }

    /// Reads the values that lie in a box of the table (`start`, `count` along its axes).
    ///
    /// # Errors
    /// What reading says; [`WriteError::Unsupported`] for types that have no text.
    pub fn load(
        &self,
        granule: &Granule,
        times: &TimeTable,
        start: &[u64],
        count: &[u64],
        zone: bool,
    ) -> Result<Box<dyn Cell>, WriteError> {
        let mut axes: Vec<Runs> = self.axes.iter().map(|&a| Runs::range(start[a], count[a])).collect();
        let Some(id) = self.var else {
            return Ok(Box::new(Index { first: self.axes.first().map_or(0, |&a| start[a]) }));
        };
        let var = granule.var(id);
        if let Kind::Time(axis) = self.kind {
            let axis = &times.axes[axis];
            let seconds =
                axis.read_seconds(granule, &Window(axes)).map_err(|e| unreadable(granule, var, e))?;
            return Ok(Box::new(Times {
                seconds,
                calendar: axis.calendar(),
                zone: zone && is_earthly(axis.calendar()),
            }));
        }
        if var.dtype == DType::Char {
            axes.push(Runs::all(granule.shape(id).last().copied().unwrap_or(1)));
        }
        let bytes = granule.read(id, &Window(axes))?;
        if self.kind == Kind::Text {
            return Ok(Box::new(Texts(texts(granule, id, &bytes)?)));
        }
        let packing = Packing::of(var);
        let cells = with_numeric!(packing.element_type(&var.dtype), T => numbers::<T>(&bytes, &packing, self.kind),
            else => return Err(not_shown(granule, var)));
        Ok(cells)
    }
}

/// Elements of a numeric variable, already read and of that type, as cells.
///
/// # Errors
/// [`WriteError::Unsupported`] when they are no numbers.
pub fn cells(granule: &Granule, id: VarId, dtype: &DType, bytes: &[u8]) -> Result<Box<dyn Cell>, WriteError> {
    let var = granule.var(id);
    let packing = Packing::of(var);
    let plain = packing.scale == 1.0 && packing.offset == 0.0;
    let kind = if plain { Kind::Plain } else { Kind::Packed(digits(var)) };
    let cells = with_numeric!(dtype, T => numbers::<T>(bytes, &packing, kind),
        else => return Err(not_shown(granule, var)));
    Ok(cells)
}

fn numbers<T: Show>(bytes: &[u8], packing: &Packing, kind: Kind) -> Box<dyn Cell> {
    let values: Vec<T> = bytes.chunks_exact(std::mem::size_of::<T>()).map(T::from_ne).collect();
    let fills = packing.fills();
    match kind {
        Kind::Packed(digits) => {
            Box::new(Packed { values, fills, scale: packing.scale, offset: packing.offset, digits })
        }
        _ => Box::new(Plain { values, fills }),
    }
}

/// Texts of values already read.
fn texts(granule: &Granule, id: VarId, bytes: &[u8]) -> Result<Vec<String>, WriteError> {
    let var = granule.var(id);
    let clean = |b: &[u8]| {
        let end = b.iter().position(|&c| c == 0).unwrap_or(b.len());
        String::from_utf8_lossy(&b[..end]).trim_end().to_owned()
    };
    match &var.dtype {
        DType::String => {
            let heap = var.data.heap().ok_or_else(|| not_shown(granule, var))?;
            let slots = bytes.chunks_exact(harmony_model::dtype::SLOT);
            Ok(slots.map(|s| heap.get(s, 1).map(|b| clean(&b))).collect::<Result<_, _>>()?)
        }
        DType::Char => {
            let width = granule.shape(id).last().copied().unwrap_or(1).max(1);
            Ok(bytes.chunks(width as usize).map(clean).collect())
        }
        other => Ok(bytes.chunks(other.size().max(1)).map(clean).collect()),
    }
}

fn unreadable(granule: &Granule, var: &Variable, error: ModelError) -> WriteError {
    match error {
        ModelError::Read(e) => e.into(),
        other => WriteError::Unsupported {
            target: granule.name.clone(),
            object: format!("variable '{}'", var.path),
            detail: other.to_string(),
        },
    }
}

fn not_shown(granule: &Granule, var: &Variable) -> WriteError {
    WriteError::Unsupported {
        target: granule.name.clone(),
        object: format!("variable '{}'", var.path),
        detail: format!("it holds {}, which a table can't show; write netcdf4 instead", var.dtype.name()),
    }
}

/// Whether the dates of a calendar are those of people. GPM calls its own `julian` and means UTC.
fn is_earthly(calendar: Calendar) -> bool {
    matches!(calendar, Calendar::Standard | Calendar::ProlepticGregorian | Calendar::Julian)
}
