//! ESRI shapefile, main file (ESRI Shapefile Technical Description, July 1998).

use harmony_model::geometry::Part;

const FILE_CODE: [u8; 4] = [0, 0, 0x27, 0x0a];
const HEADER: usize = 100;

pub(super) fn is_shp(bytes: &[u8]) -> bool {
    bytes.starts_with(&FILE_CODE)
        // An index (.shx) has the same header; its records are 8 bytes and of no shape.
        && bytes.len() >= HEADER
}

/// The parts of all records, in the units of the file.
pub(super) fn parts(bytes: &[u8]) -> Result<Vec<Part>, String> {
    let words = be(bytes, 24).ok_or("the header is cut short")? as usize;
    let declared = words.checked_mul(2).filter(|n| *n >= HEADER).ok_or("the header gives a wrong length")?;
    if declared > bytes.len() {
        return Err(format!(
            "the file has {} bytes, its header says {declared}: it was cut short; copy it again",
            bytes.len()
        ));
    }
    let bytes = &bytes[..declared];
    let (mut at, mut record, mut out) = (HEADER, 0, Vec::new());
    // Fewer than 8 bytes can't be a record: some writers pad.
    while at + 8 <= bytes.len() {
        record += 1;
        let place = |detail: &str| format!("record {record} at byte {at}: {detail}");
        let length = be(bytes, at + 4).ok_or_else(|| place("the record is cut short"))? as usize * 2;
        let content = bytes.get(at + 8..at + 8 + length).ok_or_else(|| {
            place("the record reaches beyond the end of the file (is it the .shp file, not the .shx?)")
        })?;
        geometry(content, &mut out).map_err(|e| place(&e))?;
        at += 8 + length;
    }
    Ok(out)
}

/// One record. Z and M values follow the positions and are not used.
fn geometry(content: &[u8], out: &mut Vec<Part>) -> Result<(), String> {
    match le(content, 0).ok_or("the record is empty")? {
        0 => {}
        1 | 11 | 21 => out.push(Part::Point(position(content, 4).ok_or("the point is cut short")?)),
        8 | 18 | 28 => {
            let points = positions(content, 36, 40)?;
            out.extend(points.into_iter().map(Part::Point));
        }
        3 | 13 | 23 => out.extend(rings(content)?.into_iter().map(Part::Line)),
        5 | 15 | 25 => {
            let rings = rings(content)?;
            if !rings.is_empty() {
                out.push(Part::WoundRings(rings));
            }
        }
        31 => return Err("it is a MultiPatch (surfaces in space); save it as polygons".into()),
        other => return Err(format!("{other} is not a shape type; the file is damaged")),
    }
    Ok(())
}

/// Positions at `at`, as many as the number at `count_at` says.
fn positions(content: &[u8], count_at: usize, at: usize) -> Result<Vec<[f64; 2]>, String> {
    let count = le(content, count_at).ok_or("the record is cut short")? as usize;
    let bytes = count.checked_mul(16).and_then(|n| content.get(at..at.checked_add(n)?));
    let bytes =
        bytes.ok_or_else(|| format!("it claims {count} points, more than the record has room for"))?;
    Ok(bytes.chunks_exact(16).filter_map(|b| position(b, 0)).collect())
}

fn rings(content: &[u8]) -> Result<Vec<Vec<[f64; 2]>>, String> {
    let parts = le(content, 36).ok_or("the record is cut short")? as usize;
    let index_end = parts.checked_mul(4).and_then(|n| n.checked_add(44)).filter(|end| *end <= content.len());
    let index_end =
        index_end.ok_or_else(|| format!("it claims {parts} parts, more than the record has room for"))?;
    let points = positions(content, 40, index_end)?;
    let mut starts: Vec<usize> =
        (0..parts).filter_map(|i| le(content, 44 + 4 * i)).map(|s| s as usize).collect();
    starts.push(points.len());
    let ring = |pair: &[usize]| points.get(pair[0]..pair[1]).map(<[_]>::to_vec);
    let rings: Option<Vec<_>> = starts.windows(2).map(ring).collect();
    let rings = rings.ok_or("its parts do not ascend within its points")?;
    Ok(rings.into_iter().filter(|r| !r.is_empty()).collect())
}

fn be(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn le(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn position(bytes: &[u8], at: usize) -> Option<[f64; 2]> {
    let number = |at: usize| Some(f64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    Some([number(at)?, number(at + 8)?])
}
