//! Finding variables by the names that users and catalogues write.

use crate::granule::{Granule, VarId};

/// No variable or group of that name.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("no variable '{name}'{}", nearest.as_ref().map_or(String::new(), |n| format!("; the nearest name is '{n}'")))]
pub struct NotFound {
    pub name: String,
    /// The variable whose name differs least.
    pub nearest: Option<String>,
}

/// The variables that a name means.
///
/// In this order: the full path, with or without the leading `/`, also with `__` between groups; a group: all that
/// is below it; a bare or partial path in every group that has it; the same ignoring case, blanks and underscores.
///
/// # Errors
/// [`NotFound`] with the nearest name.
pub fn find_variables(granule: &Granule, name: &str) -> Result<Vec<VarId>, NotFound> {
    let asked = name.trim();
    let with_slashes = asked.replace("__", "/");
    for path in [asked, with_slashes.as_str()] {
        if path.trim_matches('/').is_empty() {
            continue;
        }
        if let Some(v) = granule.find_var(path) {
            return Ok(vec![v]);
        }
        if let Some(found) = subtree(granule, path) {
            return Ok(found);
        }
    }
    if !asked.trim_matches('/').is_empty() {
        for path in [asked, with_slashes.as_str()] {
            let tail = format!("/{}", path.trim_start_matches('/'));
            let found: Vec<VarId> =
                granule.var_ids().filter(|&v| granule.var(v).path.ends_with(&tail)).collect();
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let found = loosely(granule, &with_slashes);
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Err(NotFound { name: asked.to_owned(), nearest: nearest(granule, asked) })
}

/// All variables at and below a group; `None` when there is no such group or it holds none.
fn subtree(granule: &Granule, path: &str) -> Option<Vec<VarId>> {
    let group = granule.find_group(path)?;
    let found: Vec<VarId> =
        granule.var_ids().filter(|&v| granule.is_within(granule.var(v).group, group)).collect();
    (!found.is_empty()).then_some(found)
}

/// Letters that count when spelling is free.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '_')).flat_map(char::to_lowercase).collect()
}

fn loosely(granule: &Granule, name: &str) -> Vec<VarId> {
    let asked = plain(name.trim_matches('/'));
    if asked.is_empty() {
        return Vec::new();
    }
    let whole: Vec<VarId> =
        granule.var_ids().filter(|&v| plain(&granule.var(v).path[1..]) == asked).collect();
    if !whole.is_empty() {
        return whole;
    }
    let tail = format!("/{asked}");
    granule.var_ids().filter(|&v| plain(&granule.var(v).path).ends_with(&tail)).collect()
}

/// The variable or group whose name, or path if a path was asked for, differs least; none if all differ by more than
/// half.
fn nearest(granule: &Granule, name: &str) -> Option<String> {
    let is_path = name.trim_start_matches('/').contains('/');
    // Names longer than this were never typed; comparing them costs their product.
    let asked: Vec<char> = plain(name.trim_matches('/')).chars().take(256).collect();
    granule
        .vars
        .iter()
        .map(|var| {
            let text = if is_path { &var.path[1..] } else { &var.name };
            let other: Vec<char> = plain(text).chars().take(256).collect();
            let score = edit_distance(&asked, &other);
            (score, var, other.len())
        })
        .filter(|(score, _, len)| 2 * score <= asked.len().max(*len))
        .min_by_key(|(score, ..)| *score)
        .map(|(_, var, _)| if is_path { var.path.clone() } else { var.name.clone() })
}

/// Letters to insert, delete or change to make one from the other (Levenshtein); a swap of neighbours counts one.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
