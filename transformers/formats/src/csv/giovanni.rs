//! The mean over area of one variable as a time series, laid out as Giovanni does.

use harmony_model::{DType, Granule, Packing, VarId};

use crate::table::{Collected, Kind, Loaded, Role, Slabs, Table, push_float};
use crate::write::{WriteError, WriteOptions};

/// A granule that is the time series of an area mean.
pub struct TimeSeries {
    var: VarId,
    name: String,
    /// As the user asked: `2021-08-29T07:30:00.000Z`.
    start: String,
    end: String,
    /// `W, S, E, N`.
    bbox: String,
}

/// The time series that a granule is: its only table has one variable with `cell_methods` of a mean over area (and
/// perhaps its statistics), along time alone, and the root says which box was averaged.
pub fn time_series(granule: &Granule, found: &Collected) -> Option<TimeSeries> {
    let [table] = found.tables.as_slice() else { return None };
    let [_] = table.dims.as_slice() else { return None };
    if !matches!(table.columns[0].kind, Kind::Time(_)) {
        return None;
    }
    let is_mean = |v: &VarId| {
        let methods = granule.var(*v).attr_text("cell_methods").unwrap_or_default();
        methods.trim().ends_with("area: mean")
    };
    let mut variables = table.variables();
    let var = variables.next().filter(is_mean)?;
    let stem = format!("{}_", granule.var(var).path);
    if !variables.all(|v| granule.var(v).path.starts_with(&stem)) {
        return None;
    }
    let root = granule.group(Granule::ROOT);
    Some(TimeSeries {
        var,
        name: granule.var(var).name.clone(),
        start: root.attr_text("userstartdate")?,
        end: root.attr_text("userenddate")?,
        bbox: root.attr_text("userbbox")?,
    })
}

impl TimeSeries {
    /// Giovanni's file name without extension.
    pub fn file_stem(&self) -> String {
        let day = |t: &str| t.get(..10).unwrap_or_default().replace('-', "");
        let numbers: Vec<f64> = self.bbox.split(',').filter_map(|t| t.trim().parse().ok()).collect();
        let corner = |i: usize, letters: [char; 2]| {
            let v = numbers.get(i).copied().unwrap_or(0.0);
            format!("{}{}", v.abs(), letters[usize::from(v < 0.0)])
        };
        format!(
            "GIOVANNI-areaAvgTimeSeries.{}.{}-{}.{}_{}_{}_{}",
            self.name,
            day(&self.start),
            day(&self.end),
            corner(0, ['E', 'W']),
            corner(1, ['N', 'S']),
            corner(2, ['E', 'W']),
            corner(3, ['N', 'S'])
        )
    }

    /// `GPM_3IMERGHH_07_precipitation`: product, version and variable, as far as the granule says them.
    fn collection_variable(&self, granule: &Granule) -> String {
        let root = granule.group(Granule::ROOT);
        let text =
            |names: &[&str]| names.iter().find_map(|n| root.attr_text(n)).filter(|t| !t.trim().is_empty());
        let short = text(&["short_name", "ShortName", "product_short_name", "shortname"]);
        let version = text(&["product_version", "VersionID", "version_id"]);
        let name = granule.var(self.var).name.clone();
        let parts = match short {
            Some(short) => vec![Some(short), version, Some(name)],
            None => vec![Some(name)],
        };
        parts.into_iter().flatten().map(|p| p.trim().replace(' ', "_")).collect::<Vec<_>>().join("_")
    }

    /// Header block, header and rows; no line end after the last row.
    ///
    /// # Errors
    /// What reading and `sink` say.
    pub fn write(
        &self,
        granule: &Granule,
        found: &Collected,
        options: &WriteOptions,
        mut sink: impl FnMut(&[u8]) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let table = &found.tables[0];
        sink(self.header(granule, table).as_bytes())?;
        let fill = self.fill_text(granule);
        for (start, count) in Slabs::new(granule, table, 1 << 20) {
            if options.is_cancelled() {
                return Err(WriteError::Cancelled);
            }
            let loaded = Loaded::read(granule, &found.times, table, &start, &count, false)?;
            let mut out = Vec::new();
            loaded.for_each(0..loaded.rows(), |row| {
                out.push(b'\n');
                let columns = table.columns.iter().enumerate().filter(|(_, c)| c.role != Role::Coordinate);
                for (n, (i, _)) in columns.enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    // A step without any valid cell is printed as fill: the series has no gaps.
                    match row.is_missing(i) {
                        true => out.extend_from_slice(fill.as_bytes()),
                        false => row.push(i, &mut out),
                    }
                }
            });
            sink(&out)?;
        }
        Ok(())
    }

    fn header(&self, granule: &Granule, table: &Table) -> String {
        let var = granule.var(self.var);
        let fill = Packing::of(var).fill.first().copied();
        let mut text = format!("User Start Date:,{}\nUser End Date:,{}\n", self.start, self.end);
        text.push_str(&format!("User Bounding Box:,\"{}\"\n", self.bbox));
        // `{}` of the widened number: all of its digits, as Giovanni prints it.
        text.push_str(&format!("Fill Value:,{}\n,\n", fill.map_or_else(|| "NaN".into(), |f| f.to_string())));
        text.push_str(&format!("time,mean_{}", self.collection_variable(granule)));
        for column in table.columns.iter().filter(|c| c.role == Role::Variable).skip(1) {
            let name = column.name.strip_prefix(&format!("{}_", var.path)).unwrap_or(&column.name);
            text.push_str(&format!(",{name}"));
        }
        text
    }

    /// The fill value in the variable's own precision.
    fn fill_text(&self, granule: &Granule) -> String {
        let var = granule.var(self.var);
        let mut out = Vec::new();
        let fill = Packing::of(var).fill.first().copied().unwrap_or(f64::NAN);
        match var.dtype {
            DType::F32 => push_float(fill as f32, &mut out),
            _ => push_float(fill, &mut out),
        }
        String::from_utf8(out).unwrap_or_default()
    }
}
