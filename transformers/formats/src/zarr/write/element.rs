//! What a variable becomes: numbers as they are, characters joined to texts, enumerations as their base type.

use std::sync::Arc;

use harmony_model::dtype::StringPad;
use harmony_model::{
    ArraySource, Attribute, DType, DimId, Granule, Heap, ReadError, Runs, VarId, Variable, Window,
};

use super::super::convert::utf32_from_utf8;
use super::Version;

/// Texts of a fixed length up to this many bytes are stored so (v2); longer ones are mostly padding.
const LONGEST_FIXED: usize = 1024;
/// What a text of any length is taken to hold when chunks are laid out.
const TYPICAL_TEXT: u64 = 64;

/// How elements are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number, little-endian.
    Number,
    /// UTF-32 code units, as many as the element has bytes over four (v2's `<U`).
    Unicode,
    /// Counted UTF-8 texts (`vlen-utf8`).
    Text,
}

/// A variable in the form in which it is stored.
pub(super) struct Element {
    /// Type, attributes and values are those of the store.
    pub var: Variable,
    pub dims: Vec<DimId>,
    pub kind: Kind,
    /// Bytes of an element where chunks are laid out.
    pub item: u64,
}

impl Element {
    /// Converts a variable. `Err` says why Zarr can't hold it.
    pub(super) fn of(granule: &Granule, id: VarId, version: Version) -> Result<Self, String> {
        let mut var = granule.var(id).clone();
        let mut dims = var.dims.clone();
        if let DType::Enum { base, members } = &var.dtype {
            let (base, members) = ((**base).clone(), members.clone());
            describe_enum(&mut var, &base, &members);
            var.dtype = base;
        }
        if var.dtype == DType::Char {
            let width = if is_length(granule, &dims) { dims.pop().map(|d| granule.dim(d).len) } else { None };
            let width = usize::try_from(width.unwrap_or(1)).map_err(|_| "its texts are too long")?;
            var.dtype = DType::FixedString { len: width, pad: StringPad::NullPadded, utf8: true };
            if dims.len() < granule.var(id).dims.len() {
                var.data = Arc::new(JoinedChars { inner: var.data, width: width as u64 });
            }
        }
        let kind = match &var.dtype {
            d if d.is_numeric() => Kind::Number,
            DType::FixedString { len, pad, .. }
                if version == Version::V2 && (1..=LONGEST_FIXED).contains(len) =>
            {
                var.data = Arc::new(Units { inner: var.data, len: *len, pad: *pad });
                var.dtype = DType::Opaque { size: 4 * len, tag: String::new() };
                Kind::Unicode
            }
            DType::FixedString { .. } | DType::String => Kind::Text,
            other => return Err(format!("Zarr readers have no type for {}", other.name())),
        };
        if kind != Kind::Number {
            // A fill value of a character is none of a text, and readers would mask empty texts by it.
            var.attrs.retain(|a| !matches!(a.name.as_str(), "_FillValue" | "missing_value" | "_Encoding"));
        }
        let item = match (kind, &var.dtype) {
            (Kind::Text, DType::FixedString { len, .. }) => *len as u64 + 4,
            (Kind::Text, _) => TYPICAL_TEXT,
            (_, dtype) => dtype.size() as u64,
        };
        var.dims.clone_from(&dims);
        Ok(Element { var, dims, kind, item })
    }

    /// The texts of a box of a text variable.
    ///
    /// # Errors
    /// What the source says.
    pub(super) fn texts(&self, granule: &str, window: &Window) -> Result<Vec<Vec<u8>>, ReadError> {
        let size = self.var.dtype.size();
        let damaged = |detail: &str| {
            ReadError::corrupt(granule, format!("variable '{}'", self.var.path), detail.to_owned())
        };
        let len = usize::try_from(window.count()).ok().and_then(|n| n.checked_mul(size));
        let mut bytes = vec![0; len.ok_or_else(|| damaged("its size overflows"))?];
        self.var.data.read(window, &mut bytes)?;
        if let DType::FixedString { pad, len, .. } = &self.var.dtype {
            if *len == 0 {
                return Ok(vec![Vec::new(); window.count() as usize]);
            }
            return Ok(bytes.chunks_exact(*len).map(|b| valid(trimmed(b, *pad))).collect());
        }
        let heap: Arc<dyn Heap> = self.var.data.heap().ok_or_else(|| damaged("its texts are missing"))?;
        let text = |slot| heap.get(slot, 1).map(|b| valid(trimmed(&b, StringPad::NullTerminated)));
        bytes.chunks_exact(size).map(text).collect()
    }
}

/// Whether the last axis of a character variable is the length of its texts: no numbers lie along it and it has no
/// coordinates.
fn is_length(granule: &Granule, dims: &[DimId]) -> bool {
    let Some(&last) = dims.last() else { return false };
    let is_axis = granule.vars.iter().any(|v| v.dtype != DType::Char && v.dims.contains(&last));
    !is_axis && granule.dim_coordinate(last).is_none()
}

/// Names of the values as CF flags (CF 1.11 §3.5), unless the variable has its own.
pub(crate) fn describe_enum(var: &mut Variable, base: &DType, members: &[(String, i64)]) {
    if members.is_empty() || var.attr("flag_values").is_some() || var.attr("flag_masks").is_some() {
        return;
    }
    let mut bytes = Vec::new();
    for (_, value) in members {
        // Enum members are those of the base type, so nothing is cut off but sign extension.
        let wide = value.to_le_bytes();
        let mut own: Vec<u8> = wide[..base.size().min(8)].to_vec();
        if cfg!(target_endian = "big") {
            own.reverse();
        }
        bytes.extend(own);
    }
    let names: Vec<String> = members.iter().map(|(n, _)| n.replace(char::is_whitespace, "_")).collect();
    let shape = harmony_model::AttrShape::Simple(vec![members.len() as u64]);
    let (name, dtype, items) = ("flag_values".to_owned(), base.clone(), Vec::new());
    var.set_attr(Attribute { name, dtype, shape, bytes, items });
    var.set_attr(Attribute::text("flag_meanings", &names.join(" ")));
}

/// A text without its padding.
fn trimmed(bytes: &[u8], pad: StringPad) -> &[u8] {
    let end = bytes.iter().position(|&c| c == 0).unwrap_or(bytes.len());
    match pad {
        StringPad::SpacePadded => bytes[..end].trim_ascii_end(),
        StringPad::NullTerminated | StringPad::NullPadded => &bytes[..end],
    }
}

/// As UTF-8; bytes that are none are replaced, as a store with them can't be opened.
fn valid(text: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(text).into_owned().into_bytes()
}

/// Characters along a last axis of `width` as elements of that many bytes.
struct JoinedChars {
    inner: Arc<dyn ArraySource>,
    width: u64,
}

impl JoinedChars {
    fn whole(&self, window: &Window) -> Window {
        let mut axes = window.0.clone();
        axes.push(Runs::all(self.width));
        Window(axes)
    }
}

impl ArraySource for JoinedChars {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.inner.read(&self.whole(window), out)
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.inner.cost(&self.whole(window))
    }
}

/// Fixed texts of `len` bytes as `len` UTF-32 code units.
struct Units {
    inner: Arc<dyn ArraySource>,
    len: usize,
    pad: StringPad,
}

impl ArraySource for Units {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        let mut bytes = vec![0; out.len() / 4];
        self.inner.read(window, &mut bytes)?;
        out.fill(0);
        for (text, units) in bytes.chunks_exact(self.len).zip(out.chunks_exact_mut(4 * self.len)) {
            utf32_from_utf8(trimmed(text, self.pad), units);
            if cfg!(target_endian = "big") {
                units.chunks_exact_mut(4).for_each(<[u8]>::reverse);
            }
        }
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.inner.cost(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harmony_model::MemoryArray;

    fn chars(name: &str, shape: &[u64], text: &[u8]) -> Granule {
        let mut g = Granule::new("a", "netcdf4");
        let dims =
            shape.iter().enumerate().map(|(i, &n)| g.add_dim(Granule::ROOT, &format!("d{i}"), n)).collect();
        g.add_var(
            Granule::ROOT,
            name,
            DType::Char,
            dims,
            Arc::new(MemoryArray::new(shape, 1, text.to_vec())),
        );
        g
    }

    #[test]
    fn characters_are_joined_along_an_axis_that_is_their_length() {
        let g = chars("c", &[2, 3], b"ab\0xyz");
        let e = Element::of(&g, VarId(0), Version::V3).unwrap();
        assert_eq!((e.kind, e.dims.len()), (Kind::Text, 1));
        assert_eq!(e.texts("a", &Window::all(&[2])).unwrap(), [b"ab".to_vec(), b"xyz".to_vec()]);
        let e = Element::of(&g, VarId(0), Version::V2).unwrap();
        assert_eq!((e.kind, e.var.dtype.size()), (Kind::Unicode, 12));
        let mut out = vec![1; 12];
        e.var.data.read(&Window::block(&[0], &[1]), &mut out).unwrap();
        assert_eq!(out, *b"a\0\0\0b\0\0\0\0\0\0\0");
    }

    #[test]
    fn a_character_for_each_time_stays_one() {
        let mut g = chars("flag", &[3], b"abc");
        g.add_var(
            Granule::ROOT,
            "v",
            DType::U8,
            vec![DimId(0)],
            Arc::new(MemoryArray::of(&[3], &[1u8, 2, 3])),
        );
        let e = Element::of(&g, VarId(0), Version::V3).unwrap();
        assert_eq!(e.texts("a", &Window::all(&[3])).unwrap(), [b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]);
    }

    #[test]
    fn an_enumeration_becomes_flags() {
        let mut g = Granule::new("a", "netcdf4");
        let dtype = DType::Enum {
            base: Box::new(DType::I8),
            members: vec![("clear sky".into(), 0), ("cloud".into(), -1)],
        };
        g.add_var(Granule::ROOT, "e", dtype, vec![], Arc::new(MemoryArray::of(&[], &[0i8])));
        let e = Element::of(&g, VarId(0), Version::V2).unwrap();
        assert_eq!(e.var.dtype, DType::I8);
        assert_eq!(e.var.attr_text("flag_meanings").unwrap(), "clear_sky cloud");
        assert_eq!(e.var.attr("flag_values").unwrap().as_f64s().unwrap(), [0.0, -1.0]);
    }
}
