//! How many granules a request may have, and why not more.

use super::Chain;

/// The most granules that are worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub granules: u64,
    pub reason: LimitReason,
}

/// What sets the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitReason {
    /// The chain's limit for this collection.
    Collection(String),
    Service,
    /// `maxResults` of the request.
    MaxResults,
    System,
    /// The chain has no limit, not even that of the request.
    None,
}

impl LimitReason {
    /// Its number in messages.
    pub fn code(&self) -> u8 {
        match self {
            LimitReason::Collection(_) => 0,
            LimitReason::Service => 1,
            LimitReason::MaxResults => 2,
            LimitReason::System => 3,
            LimitReason::None => 4,
        }
    }
}

impl Limit {
    /// What the user is told when `hits` granules matched; `None`: nothing was cut off.
    pub fn message(&self, hits: u64, chain: &str) -> Option<String> {
        let n = self.granules;
        let because = match &self.reason {
            LimitReason::None => return None,
            LimitReason::Collection(id) => {
                format!("collection {id} is limited to {n} for the {chain} service.")
            }
            LimitReason::Service => format!("the service {chain} is limited to {n}."),
            LimitReason::MaxResults => format!("you requested {n} maxResults."),
            LimitReason::System => "of system constraints.".to_owned(),
        };
        (hits > n).then(|| {
            format!(
                "CMR query identified {hits} granules, but the request has been limited to process only the \
                 first {n} granules because {because}"
            )
        })
    }
}

impl Chain {
    /// The smallest of the limits of system, request, chain and collections; the earlier of equal ones is the reason.
    pub fn limit<'a>(
        &self,
        collections: impl IntoIterator<Item = &'a str>,
        max_results: Option<u64>,
        system: u64,
    ) -> Limit {
        if self.has_granule_limit == Some(false) {
            return Limit { granules: system, reason: LimitReason::None };
        }
        let mut least = Limit { granules: system, reason: LimitReason::System };
        let mut consider = |limit: Option<u64>, reason: LimitReason| {
            if let Some(granules) = limit.filter(|n| *n < least.granules) {
                least = Limit { granules, reason };
            }
        };
        consider(max_results, LimitReason::MaxResults);
        consider(self.granule_limit, LimitReason::Service);
        for id in collections {
            let own = self.collections.iter().find(|c| c.id == id).and_then(|c| c.granule_limit);
            consider(own, LimitReason::Collection(id.to_owned()));
        }
        least
    }

    /// Granules that are answered synchronously at most; `default` is the system's setting, `system` its limit.
    pub fn maximum_sync(&self, default: u64, system: u64) -> u64 {
        let own = self.maximum_sync_granules.map(|n| u64::try_from(n).unwrap_or(0));
        own.unwrap_or(default).min(system)
    }
}
