//! Dataspaces: extents and what they may grow to.

use super::bytes::{Cursor, Res, Sizes, corrupt, unsupported};

/// Extents of a dataset or attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Space {
    Scalar,
    Null,
    Simple {
        dims: Vec<u64>,
        /// What each axis may grow to; [`UNLIMITED`] without bound.
        max: Vec<u64>,
    },
}

pub(super) const UNLIMITED: u64 = u64::MAX;
/// Most axes that HDF5 allows.
const MAX_RANK: u8 = 32;

impl Space {
    pub(super) fn parse(body: &[u8], sizes: Sizes) -> Res<Space> {
        let mut c = Cursor::new(body, sizes, "dataspace");
        let version = c.u8()?;
        let rank = c.u8()?;
        let flags = c.u8()?;
        let class = match version {
            1 => {
                c.skip(5)?;
                u8::from(rank > 0)
            }
            2 => c.u8()?,
            v => return unsupported(format!("its dataspace has version {v}, which is unknown")),
        };
        match class {
            0 => return Ok(Space::Scalar),
            1 => {}
            2 => return Ok(Space::Null),
            c => return unsupported(format!("its dataspace is of the unknown class {c}")),
        }
        if rank > MAX_RANK {
            return corrupt(format!("its dataspace has {rank} dimensions"));
        }
        let dims = (0..rank).map(|_| c.length()).collect::<Res<Vec<_>>>()?;
        let unlimited = u64::MAX >> (64 - 8 * sizes.length);
        let max = match flags & 1 {
            1 => (0..rank)
                .map(|_| c.length().map(|n| if n == unlimited { UNLIMITED } else { n }))
                .collect::<Res<Vec<_>>>()?,
            _ => dims.clone(),
        };
        Ok(Space::Simple { dims, max })
    }

    /// Number of elements; an error when it overflows.
    pub(super) fn count(&self) -> Res<u64> {
        match self {
            Space::Scalar => Ok(1),
            Space::Null => Ok(0),
            Space::Simple { dims, .. } => match dims.iter().try_fold(1u64, |n, &d| n.checked_mul(d)) {
                Some(n) => Ok(n),
                None => corrupt("its size overflows"),
            },
        }
    }

    pub(super) fn dims(&self) -> &[u64] {
        match self {
            Space::Simple { dims, .. } => dims,
            _ => &[],
        }
    }

    pub(super) fn max(&self) -> &[u64] {
        match self {
            Space::Simple { max, .. } => max,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_unlimited_extent_is_unlimited() {
        let sizes = Sizes { offset: 4, length: 4 };
        let body = [2, 1, 1, 1, 3, 0, 0, 0, 255, 255, 255, 255];
        let space = Space::parse(&body, sizes).unwrap();
        assert_eq!((space.dims(), space.max()), (&[3][..], &[UNLIMITED][..]));
        assert_eq!(Space::parse(&[2, 0, 0, 2], sizes).unwrap(), Space::Null);
    }
}
