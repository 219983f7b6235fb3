//! Files of a work item: what it was given and what it made, in pages where a client asks for them.

use serde_json::{Map, Value, json};

use super::super::super::paging::{PageLinks, Paging, Params, number, page_refusal};
use super::super::{LinkType, Problem, document};
use super::PRIVATE;
use crate::catalog::{Granule, LinkRel};
use crate::jobs::job::Job;
use crate::jobs::store::{Input, Item};

/// What the files of all items of an answer share.
pub struct Files<'a> {
    pub job: &'a Job,
    /// Scheme and host of links.
    pub root: &'a str,
    /// Address of the document without its query.
    pub address: &'a str,
    pub params: &'a Params,
    /// Lists are never null: the client adds them to its own.
    pub resolve: bool,
    /// Files of one page; `None`: all.
    pub limit: Option<u64>,
    /// What a joined result is made from.
    pub joined: &'a [Granule],
}

impl Files<'_> {
    /// Adds the files of an item to its document.
    ///
    /// # Errors
    /// 400 for a page that is no number, 500 for a stored link that is no address.
    pub fn add(&self, item: &Item, out: &mut Map<String, Value>) -> Result<(), Problem> {
        let made: Result<Vec<String>, Problem> = item
            .outputs
            .iter()
            .map(|link| document::href(link, self.job, self.root, LinkType::Http))
            .collect();
        let outputs = Some(made?).filter(|_| item.status.is_completed());
        self.list(item.id, "input", self.inputs(&item.input), out)?;
        self.list(item.id, "output", outputs, out)
    }

    fn inputs(&self, input: &Input) -> Option<Vec<String>> {
        match input {
            Input::Granule(granule) => Some(self.of_granule(granule)),
            Input::All if self.resolve => Some(self.joined.iter().flat_map(|g| self.of_granule(g)).collect()),
            Input::Query(_) | Input::All => None,
        }
    }

    fn of_granule(&self, granule: &Granule) -> Vec<String> {
        let shown = |href: &str| match href.starts_with('/') {
            true => format!("{}{href}", self.root),
            false => href.to_owned(),
        };
        let data = granule.links.iter().filter(|l| l.rel == LinkRel::Data);
        let mut files: Vec<String> = data.map(|l| shown(&l.href)).collect();
        if files.is_empty() {
            files.push(PRIVATE.into());
        }
        files
    }

    fn list(
        &self,
        id: i64,
        kind: &str,
        files: Option<Vec<String>>,
        out: &mut Map<String, Value>,
    ) -> Result<(), Problem> {
        let Some(mut files) = files else {
            out.insert(format!("{kind}Files"), if self.resolve { json!([]) } else { Value::Null });
            return Ok(());
        };
        let page_name = format!("workItem{id}{kind}Page");
        let page = number(self.params.any_case(&page_name), 1, u64::MAX, 1)
            .ok_or_else(|| Problem::invalid(page_refusal(&page_name)))?;
        let total = files.len() as u64;
        let mut paging = Paging { page, limit: self.limit.unwrap_or(total.max(1)) };
        let last = paging.last(total).max(1);
        paging.page = page.min(last);
        if last > 1 {
            let first = usize::try_from(paging.offset()).unwrap_or(usize::MAX).min(files.len());
            files = files.split_off(first);
            files.truncate(usize::try_from(paging.limit).unwrap_or(usize::MAX));
            let links = PageLinks {
                address: self.address,
                params: self.params,
                page_name: &page_name,
                with_limit: false,
                extraneous: true,
            };
            out.insert(
                format!("{kind}Paging"),
                json!({ "currentPage": paging.page, "lastPage": last, "total": total,
                    "links": links.links(paging, total) }),
            );
        }
        out.insert(format!("{kind}Files"), json!(files));
        Ok(())
    }
}
