//! One encoding for a variable that granules store differently: type, fill value, packing, units.

use harmony_model::dtype::number_bytes;
use harmony_model::{Attribute, DType, ReadError};

use super::convert::{Change, Convert, common, limits, retype};
use super::digest::VarSchema;
use super::encoding::{Encoding, fill_attribute, unsigned_of};
use super::units::{Relation, ToBase, relate};

/// How the result stores a variable.
pub struct Target {
    pub dtype: DType,
    /// "No data" as one element, if any granule says so.
    pub fill: Option<Vec<u8>>,
    /// Number of the schema whose attributes about the encoding hold.
    pub like: usize,
    /// Attributes to set, or to remove, after those of `like`.
    pub attrs: Vec<(&'static str, Option<Attribute>)>,
    /// For each schema; `None`: values come as they are.
    pub converts: Vec<Option<Convert>>,
    pub notices: Vec<String>,
}

/// Attributes that belong to an encoding: they come from one schema, never from several.
pub const ENCODING: [&str; 11] = [
    "units",
    "calendar",
    "scale_factor",
    "add_offset",
    "_FillValue",
    "missing_value",
    "_Unsigned",
    "valid_min",
    "valid_max",
    "valid_range",
    "actual_range",
];

/// Why two schemas don't go together: number of the second one and the reason.
pub type Misfit = (usize, String);

/// What went wrong: the schemas, or reading values to see whether they fit.
pub enum UnifyError {
    Misfit(Misfit),
    Read(ReadError),
}

/// Least and greatest stored number of all granules of a schema.
pub type Range<'a> = &'a dyn Fn(usize) -> Result<Option<(f64, f64)>, ReadError>;

/// Finds the encoding that holds all of `schemas` (at least one).
///
/// # Errors
/// Which schema does not go with the first one.
pub fn unify(path: &str, schemas: &[&VarSchema], range: Range) -> Result<Target, UnifyError> {
    let encodings: Vec<Encoding> = schemas.iter().map(|s| Encoding::of(s)).collect();
    let first = &encodings[0];
    if encodings.iter().all(|e| e == first) {
        return Ok(plain(first.dtype.clone(), first.fill.clone(), encodings.len()));
    }
    let is_number = |e: &Encoding| e.dtype.is_numeric() || matches!(e.dtype, DType::Enum { .. });
    let same_type = encodings.iter().all(|e| e.dtype == first.dtype);
    if !encodings.iter().all(is_number) || (same_type && !first.dtype.is_numeric()) {
        return texts(&encodings).map_err(UnifyError::Misfit);
    }
    Numbers::new(path, schemas, encodings).map_err(UnifyError::Misfit)?.unify(range)
}

fn plain(dtype: DType, fill: Option<Vec<u8>>, count: usize) -> Target {
    Target { dtype, fill, like: 0, attrs: Vec::new(), converts: vec![None; count], notices: Vec::new() }
}

/// Texts, records and the like: of one type, or texts of fixed length.
fn texts(encodings: &[Encoding]) -> Result<Target, Misfit> {
    let first = &encodings[0].dtype;
    let fill = encodings.iter().find_map(|e| e.fill.clone());
    if encodings.iter().all(|e| e.dtype == *first) {
        return Ok(plain(first.clone(), fill, encodings.len()));
    }
    let mut longest = first;
    for (i, e) in encodings.iter().enumerate() {
        let texts = matches!((&e.dtype, first), (DType::FixedString { .. }, DType::FixedString { .. }));
        if !texts {
            return Err((i, format!("it is {} and {}", first.name(), e.dtype.name())));
        }
        if e.dtype.size() > longest.size() {
            longest = &e.dtype;
        }
    }
    let mut target = plain(longest.clone(), None, encodings.len());
    for (convert, e) in target.converts.iter_mut().zip(encodings) {
        *convert = (e.dtype != *longest).then(|| Convert::new(&e.dtype, longest, Change::None, &[], None));
    }
    Ok(target)
}

/// Numbers that differ in type, fill value, packing or units.
struct Numbers<'a> {
    path: &'a str,
    schemas: &'a [&'a VarSchema],
    encodings: Vec<Encoding>,
    /// `base = stored × factor + offset` for each.
    to_base: Vec<ToBase>,
    is_time: bool,
    units_differ: bool,
}

impl<'a> Numbers<'a> {
    fn new(path: &'a str, schemas: &'a [&'a VarSchema], encodings: Vec<Encoding>) -> Result<Self, Misfit> {
        let units: Vec<_> = encodings.iter().map(|e| (e.units.clone(), e.calendar.clone())).collect();
        let relation = relate(&units)?;
        let (units_differ, is_time, bases) = match relation {
            Relation::Same => (false, false, vec![ToBase { factor: 1.0, offset: 0.0 }; encodings.len()]),
            Relation::Convertible { to_base, is_time } => (true, is_time, to_base),
        };
        let stored = |(e, b): (&Encoding, ToBase)| ToBase {
            factor: e.scale * b.factor,
            offset: e.offset * b.factor + b.offset,
        };
        let to_base = encodings.iter().zip(bases).map(stored).collect();
        Ok(Numbers { path, schemas, encodings, to_base, is_time, units_differ })
    }

    fn unify(&self, range: Range) -> Result<Target, UnifyError> {
        let first = &self.encodings[0];
        if !self.units_differ && self.encodings.iter().all(|e| e.same_packing(first)) {
            return self.promoted().map_err(UnifyError::Misfit);
        }
        for like in self.candidates() {
            if let Some(steps) = self.whole_steps(like)
                && let Some(target) = self.repacked(like, &steps, range).map_err(UnifyError::Read)?
            {
                return Ok(target);
            }
        }
        Ok(self.unpacked())
    }

    /// Type and fill value are all that differs.
    fn promoted(&self) -> Result<Target, Misfit> {
        let mut dtype = self.encodings[0].dtype.clone();
        let mut rounded = false;
        for (i, e) in self.encodings.iter().enumerate() {
            let (wider, may_round) = common(&dtype, &e.dtype)
                .ok_or_else(|| (i, format!("it is {} and {}", dtype.name(), e.dtype.name())))?;
            rounded |= may_round;
            dtype = wider;
        }
        let mut notices = Vec::new();
        if self.encodings.iter().any(|e| e.dtype != self.encodings[0].dtype) {
            let round = if rounded { "; whole numbers above 2^53 are rounded" } else { "" };
            notices.push(format!(
                "'{}' is of different types in the granules: {} in the result{round}",
                self.path,
                dtype.name()
            ));
        }
        let fill = self.fill_number();
        let mut target = self.target(0, dtype, fill, 1.0, 0.0);
        target.notices = notices;
        for (convert, e) in target.converts.iter_mut().zip(&self.encodings) {
            *convert = self.convert(e, &target.dtype, Change::None, fill);
        }
        Ok(target)
    }

    /// Schemas whose packing may serve for all: the earliest epoch, then the finest step.
    fn candidates(&self) -> Vec<usize> {
        let mut all: Vec<usize> = (0..self.encodings.len()).collect();
        let key = |i: &usize| {
            let b = &self.to_base[*i];
            (if self.is_time { b.offset } else { 0.0 }, b.factor.abs())
        };
        all.sort_by(|a, b| {
            let (a, b) = (key(a), key(b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        all
    }

    /// Factor and offset from each schema's stored numbers to those of `like`, when they are whole.
    fn whole_steps(&self, like: usize) -> Option<Vec<(i64, i64)>> {
        let target = &self.to_base[like];
        let fits = |e: &Encoding| e.dtype.is_integer() && e.dtype != DType::U64 && !e.unsigned;
        if !self.encodings.iter().all(fits) || target.factor == 0.0 {
            return None;
        }
        let whole = |v: f64, tolerance: f64| {
            let near = v.round();
            ((v - near).abs() <= tolerance && near.abs() < 9e15).then_some(near as i64)
        };
        self.to_base
            .iter()
            .map(|b| {
                let factor = b.factor / target.factor;
                let factor = whole(factor, 1e-9 * factor.abs()).filter(|f| *f != 0)?;
                // A millionth of a step is what writing the offset in decimals costs.
                Some((factor, whole((b.offset - target.offset) / target.factor, 1e-6)?))
            })
            .collect()
    }

    /// Whole numbers in the packing of `like`; `None` when no type has room for them beside the fill value.
    fn repacked(&self, like: usize, steps: &[(i64, i64)], range: Range) -> Result<Option<Target>, ReadError> {
        let mut dtype = self.encodings[like].dtype.clone();
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for (i, (e, &(factor, offset))) in self.encodings.iter().zip(steps).enumerate() {
            let Some((wider, false)) = common(&dtype, &e.dtype) else { return Ok(None) };
            dtype = wider;
            if (factor, offset) == (1, 0) {
                continue;
            }
            if let Some((a, b)) = range(i)? {
                let ends = [a, b].map(|v| v * factor as f64 + offset as f64);
                low = low.min(ends[0]).min(ends[1]);
                high = high.max(ends[0]).max(ends[1]);
            }
        }
        let fits = |d: &DType| low >= limits(d).0 && high <= limits(d).1;
        if low <= high && !fits(&dtype) {
            let wider = [DType::I16, DType::I32, DType::I64];
            let found = wider.into_iter().find(|d| fits(d) && common(&dtype, d) == Some((d.clone(), false)));
            let Some(found) = found.filter(|_| low.abs().max(high.abs()) < 9e15) else { return Ok(None) };
            dtype = found;
        }
        let fill = self.fill_number();
        if fill.is_some_and(|f| low <= f && f <= high) {
            return Ok(None);
        }
        let mut target = self.target(like, dtype, fill, 1.0, 0.0);
        for (i, &(factor, offset)) in steps.iter().enumerate() {
            let change = match (factor, offset) {
                (1, 0) => Change::None,
                _ => Change::Whole { factor, offset },
            };
            target.converts[i] = self.convert(&self.encodings[i], &target.dtype, change, fill);
        }
        self.say(&mut target, "brought to one packing and one unit");
        Ok(Some(target))
    }

    /// Physical numbers in the units of the first granule, or of the earliest epoch.
    fn unpacked(&self) -> Target {
        let like = if self.is_time { self.candidates()[0] } else { 0 };
        let single = |e: &Encoding| e.dtype == DType::F32 || e.dtype.size() <= 2;
        let all_single = !self.is_time && self.encodings.iter().all(single);
        let dtype = if all_single { DType::F32 } else { DType::F64 };
        let own = &self.encodings[like];
        let declared = own.dtype.is_float().then(|| own.fills.first().copied()).flatten();
        let any_fill = self.encodings.iter().any(|e| !e.fills.is_empty());
        let default = || {
            super::content::as_stored(&dtype, if all_single { 9.969_21e36 } else { 9.969_209_968_386_869e36 })
        };
        let fill = declared.or_else(|| any_fill.then(default).flatten());
        let mut target = self.target(like, dtype, fill, own.scale, own.offset);
        for name in ["scale_factor", "add_offset", "_Unsigned"] {
            target.attrs.push((name, None));
        }
        // The base is in the units of `like` once its own packing is undone.
        let (unit, shift) = (self.to_base[like].factor / own.scale, {
            let b = &self.to_base[like];
            b.offset - own.offset * (b.factor / own.scale)
        });
        for (i, (e, b)) in self.encodings.iter().zip(&self.to_base).enumerate() {
            let change = Change::Linear { factor: b.factor, offset: b.offset - shift, divisor: unit };
            let same = b.factor == 1.0 && b.offset == 0.0 && unit == 1.0 && shift == 0.0;
            let change = if same { Change::None } else { change };
            let unsigned = if e.unsigned { unsigned_of(&e.dtype) } else { e.dtype.clone() };
            let e = Encoding { dtype: unsigned, ..e.clone() };
            target.converts[i] = self.convert(&e, &target.dtype, change, fill);
        }
        self.say(&mut target, "unpacked to floating point, because no packing holds all of it exactly");
        target
    }

    fn say(&self, target: &mut Target, what: &str) {
        target.notices.push(format!("'{}' is stored differently in the granules: it was {what}", self.path));
    }

    fn fill_number(&self) -> Option<f64> {
        self.encodings.iter().find_map(|e| e.fills.first().copied())
    }

    fn convert(&self, e: &Encoding, dtype: &DType, change: Change, fill: Option<f64>) -> Option<Convert> {
        let same_fill = e.fills.iter().all(|f| Some(*f) == fill || f.is_nan());
        let none = change == Change::None && e.dtype == *dtype && same_fill;
        (!none).then(|| Convert::new(&e.dtype, dtype, change, &e.fills, fill))
    }

    /// A target without conversions, its attributes in the type and (by `scale` and `offset`) the packing of the result.
    fn target(&self, like: usize, dtype: DType, fill: Option<f64>, scale: f64, offset: f64) -> Target {
        let mut target = plain(dtype.clone(), None, self.encodings.len());
        target.like = like;
        let bytes = fill.and_then(|f| number_bytes(&dtype, f));
        target.fill.clone_from(&bytes);
        let attr = bytes.map(|b| fill_attribute("_FillValue", &dtype, b));
        target.attrs.push(("_FillValue", attr.clone()));
        let missing = self.schemas[like].attr("missing_value").and(attr);
        let missing = missing.map(|a| Attribute { name: "missing_value".into(), ..a });
        target.attrs.push(("missing_value", missing));
        for name in ["valid_min", "valid_max", "valid_range", "actual_range"] {
            let own = self.schemas[like].attr(name).filter(|_| name != "actual_range");
            target.attrs.push((name, own.and_then(|a| retype(a, &dtype, scale, offset))));
        }
        let is_packed = (scale, offset) != (1.0, 0.0);
        for name in ["flag_values", "flag_masks"] {
            if let Some(attr) = self.schemas[like].attr(name).filter(|_| !is_packed) {
                target.attrs.push((name, retype(attr, &dtype, 1.0, 0.0)));
            }
        }
        target
    }
}
