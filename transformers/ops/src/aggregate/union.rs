//! The schema of the result: groups, dimensions and variables of all granules together.

use std::collections::HashMap;
use std::sync::Arc;

use super::digest::{Digest, TypeDigest, VarSchema};
use super::{Job, refuse};
use crate::error::OpError;

/// What any of the granules has; `of` says for each of them (a slot of the result) its own number of the thing.
pub struct Union {
    pub groups: Vec<UnionGroup>,
    pub dims: Vec<UnionDim>,
    pub vars: Vec<UnionVar>,
    pub types: Vec<Arc<TypeDigest>>,
}

pub struct UnionGroup {
    pub path: Arc<str>,
    pub of: Vec<Option<usize>>,
}

pub struct UnionDim {
    /// Path of the group that owns it.
    pub group: Arc<str>,
    pub name: String,
    pub unlimited: bool,
    pub anonymous: bool,
    pub of: Vec<Option<usize>>,
}

pub struct UnionVar {
    /// Numbers of union dimensions.
    pub dims: Vec<usize>,
    pub of: Vec<Option<usize>>,
    /// The different schemas it has.
    pub schemas: Vec<Arc<VarSchema>>,
    /// Number in `schemas` for each granule that has it (0 for the others).
    pub schema_of: Vec<usize>,
}

impl UnionVar {
    /// Granules that have it.
    pub fn slots(&self) -> impl Iterator<Item = usize> + '_ {
        self.of.iter().enumerate().filter(|(_, of)| of.is_some()).map(|(slot, _)| slot)
    }

    pub fn schema(&self, slot: usize) -> &VarSchema {
        &self.schemas[self.schema_of[slot]]
    }

    /// The schema of the first granule that has it.
    pub fn first(&self) -> &VarSchema {
        &self.schemas[0]
    }
}

impl Union {
    /// The union of all granules of a job, in the order of first appearance.
    ///
    /// # Errors
    /// When a variable has other dimensions in another granule.
    pub fn of(job: &Job) -> Result<Self, OpError> {
        let mut union = Union { groups: Vec::new(), dims: Vec::new(), vars: Vec::new(), types: Vec::new() };
        let mut index = Index::default();
        for (slot, digest) in job.digests.iter().enumerate() {
            union.add(job, slot, digest, &mut index)?;
        }
        Ok(union)
    }

    fn add(&mut self, job: &Job, slot: usize, digest: &Digest, index: &mut Index) -> Result<(), OpError> {
        let count = job.digests.len();
        for (i, group) in digest.groups.iter().enumerate() {
            let at = *index.groups.entry(group.path.clone()).or_insert_with(|| {
                self.groups.push(UnionGroup { path: group.path.clone(), of: vec![None; count] });
                self.groups.len() - 1
            });
            self.groups[at].of[slot] = Some(i);
        }
        let mut dims = Vec::with_capacity(digest.dims.len());
        for (i, dim) in digest.dims.iter().enumerate() {
            let at = *index.dims.entry((dim.group.clone(), dim.name.clone())).or_insert_with(|| {
                self.dims.push(UnionDim {
                    group: dim.group.clone(),
                    name: dim.name.clone(),
                    unlimited: false,
                    anonymous: dim.anonymous,
                    of: vec![None; count],
                });
                self.dims.len() - 1
            });
            self.dims[at].of[slot] = Some(i);
            self.dims[at].unlimited |= dim.unlimited;
            dims.push(at);
        }
        for (i, var) in digest.vars.iter().enumerate() {
            let own: Vec<usize> = var.schema.dims.iter().map(|d| dims[*d]).collect();
            let at = *index.vars.entry(var.schema.path.clone()).or_insert_with(|| {
                let (of, schema_of) = (vec![None; count], vec![0; count]);
                self.vars.push(UnionVar { dims: own.clone(), of, schemas: Vec::new(), schema_of });
                self.vars.len() - 1
            });
            if self.vars[at].dims != own {
                return Err(self.other_dims(job, at, slot, &own));
            }
            let union = &mut self.vars[at];
            let known = union.schemas.iter().position(|s| Arc::ptr_eq(s, &var.schema));
            union.schema_of[slot] = known.unwrap_or_else(|| {
                union.schemas.push(var.schema.clone());
                union.schemas.len() - 1
            });
            union.of[slot] = Some(i);
        }
        for t in &digest.types {
            if !self.types.iter().any(|u| u.group == t.group && u.name == t.name) {
                self.types.push(t.clone());
            }
        }
        Ok(())
    }

    fn other_dims(&self, job: &Job, var: usize, slot: usize, own: &[usize]) -> OpError {
        let names =
            |dims: &[usize]| dims.iter().map(|&d| self.dims[d].name.clone()).collect::<Vec<_>>().join(", ");
        let union = &self.vars[var];
        let other = union.slots().next().map(|s| job.name(s)).unwrap_or_default();
        let reason = format!(
            "'{}' has dimensions ({}) there and ({}) in {other}; leave the variable out or join granules of one kind",
            union.first().path,
            names(own),
            names(&union.dims)
        );
        refuse(job.name(slot), job.operation, reason)
    }
}

#[derive(Default)]
struct Index {
    groups: HashMap<Arc<str>, usize>,
    dims: HashMap<(Arc<str>, String), usize>,
    vars: HashMap<Arc<str>, usize>,
}
