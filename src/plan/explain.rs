//! `--explain`: the plan in words and numbers, before a value is read.

use std::fmt::Write as _;

use serde::Serialize;

use harmony_formats::write::WritePlan;

use super::{Plan, PlannedResult};

/// A plan as users and programs read it.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    pub granule: String,
    pub format: String,
    /// Structures of data found, with the rule that decided.
    pub structures: Vec<Structure>,
    pub times: Vec<String>,
    pub steps: Vec<ExplainedStep>,
    /// What will be left out or decided, and why.
    pub notices: Vec<String>,
    pub outputs: Vec<ExplainedOutput>,
    /// Stored bytes that the run will fetch.
    pub bytes_read: u64,
    /// Uncompressed bytes of the result.
    pub data_bytes: u64,
    /// Estimated size of the result.
    pub output_bytes: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Structure {
    pub kind: String,
    pub dimensions: Vec<String>,
    pub coordinates: Vec<String>,
    /// Reference system of a projected grid.
    pub crs: Option<String>,
    pub rule: String,
    pub detail: String,
    pub variables: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct ExplainedStep {
    pub operation: String,
    pub detail: String,
}

/// One file or store.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedOutput {
    pub name: String,
    pub variables: Vec<ExplainedVariable>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ExplainedVariable {
    pub path: String,
    pub dtype: String,
    pub shape: Vec<u64>,
    pub chunk_shape: Option<Vec<u64>>,
    pub bytes_read: u64,
    pub output_bytes: u64,
}

/// Puts a plan into words.
pub fn explain(plan: &Plan) -> Explanation {
    let granule = &plan.scene.granule;
    let total = |f: fn(&WritePlan) -> u64| plan.results.iter().map(|r| f(&r.write)).sum();
    Explanation {
        granule: granule.name.clone(),
        format: granule.format.into(),
        structures: structures(plan),
        times: plan.scene.times.axes.iter().map(|a| a.describe(granule)).collect(),
        steps: plan
            .steps
            .iter()
            .map(|s| ExplainedStep { operation: s.operation.into(), detail: s.detail.clone() })
            .collect(),
        notices: plan.notices.clone(),
        outputs: plan.results.iter().map(output).collect(),
        bytes_read: total(|w| w.bytes_read),
        data_bytes: total(|w| w.data_bytes),
        output_bytes: total(|w| w.output_bytes),
    }
}

fn output(result: &PlannedResult) -> ExplainedOutput {
    let variables = result.write.variables.iter().map(|v| ExplainedVariable {
        path: v.path.clone(),
        dtype: result.part.granule.var(v.var).dtype.name(),
        shape: v.shape.clone(),
        chunk_shape: v.chunk_shape.clone(),
        bytes_read: v.bytes_read,
        output_bytes: v.output_bytes,
    });
    ExplainedOutput { name: result.name.clone(), variables: variables.collect() }
}

fn structures(plan: &Plan) -> Vec<Structure> {
    let describe = |s: harmony_model::geolocation::Summary| Structure {
        kind: s.kind.into(),
        dimensions: s.axes.iter().map(|(name, len)| format!("{name}={len}")).collect(),
        coordinates: s.positions,
        crs: s.crs,
        rule: s.rule.into(),
        detail: s.detail,
        variables: s.variables.len(),
    };
    let (granule, table) = (&plan.scene.granule, &plan.scene.table);
    harmony_model::geolocation::summary(granule, table).into_iter().map(describe).collect()
}

impl Explanation {
    /// For people.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{} ({})", self.granule, self.format);
        if self.structures.is_empty() {
            out.push_str("  structure   none found: no variable has a longitude and latitude\n");
        }
        for s in &self.structures {
            let _ = writeln!(
                out,
                "  structure   {} on ({}) from {}: {}{}",
                s.kind,
                s.dimensions.join(", "),
                s.coordinates.join(", "),
                s.rule,
                if s.detail.is_empty() { String::new() } else { format!(" ({})", s.detail) }
            );
        }
        self.times.iter().for_each(|t| {
            let _ = writeln!(out, "  time        {t}");
        });
        for s in &self.steps {
            let _ = writeln!(out, "  step        {}: {}", s.operation, s.detail);
        }
        self.notices.iter().for_each(|n| {
            let _ = writeln!(out, "  notice      {n}");
        });
        for output in &self.outputs {
            output.write_text(&mut out);
        }
        let _ = writeln!(
            out,
            "  total       reads {}, holds {}, writes about {}",
            size(self.bytes_read),
            size(self.data_bytes),
            size(self.output_bytes)
        );
        out
    }
}

impl ExplainedOutput {
    fn write_text(&self, out: &mut String) {
        let _ = writeln!(out, "  output      {}", self.name);
        for v in &self.variables {
            let shape: Vec<String> = v.shape.iter().map(u64::to_string).collect();
            let _ = writeln!(
                out,
                "    {} {}({}) reads {} writes about {}",
                v.dtype,
                v.path,
                shape.join(", "),
                size(v.bytes_read),
                size(v.output_bytes)
            );
        }
    }
}

/// Bytes in the unit that people use.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit < UNITS.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}
