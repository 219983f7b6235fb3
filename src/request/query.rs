//! Query strings: percent-decoding and lists.

/// One parameter as written: the name is decoded, the value is not yet (its literal commas separate lists).
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    pub name: String,
    raw: String,
}

impl Parameter {
    /// The value; `+` is a space.
    pub fn value(&self) -> String {
        decode(&self.raw, true)
    }

    /// The values of a list: split at literal commas outside parentheses, brackets and quotes, then decoded.
    pub fn list(&self) -> Vec<String> {
        split_list(&self.raw).into_iter().map(|part| decode(part, true)).collect()
    }

    /// As [`Parameter::list`], split at encoded commas too.
    pub fn list_decoded(&self) -> Vec<String> {
        let value = self.value();
        split_list(&value)
            .into_iter()
            .map(|part| part.trim().to_owned())
            .filter(|part| !part.is_empty())
            .collect()
    }
}

/// The parameters of a query string in order; a name without value has the empty one. `a[]` and `a[0]` are `a`.
pub fn parse_query(query: &str) -> Vec<Parameter> {
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, raw) = part.split_once('=').unwrap_or((part, ""));
            let name = decode(name, true);
            let bare =
                name.strip_suffix(']').and_then(|n| n.rsplit_once('[')).map(|(bare, _)| bare.to_owned());
            Parameter { name: bare.unwrap_or(name), raw: raw.to_owned() }
        })
        .collect()
}

/// Percent-decoding; what is not an escape stays, what is not UTF-8 becomes the replacement character.
pub fn decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| Some(hex_digit(hex[0])? << 4 | hex_digit(hex[1])?));
        match escaped {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(if bytes[at] == b'+' && plus_is_space { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn hex_digit(c: u8) -> Option<u8> {
    (c as char).to_digit(16).map(|d| d as u8)
}

fn split_list(text: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut start) = (0i32, false, 0);
    let mut parts = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            ',' if depth <= 0 && !quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_lists_and_indices() {
        let p = parse_query("a%20b=1+2&list=a,b%2Cc&&flag&x[]=1&x[1]=2&subset=lat(1:2),lon(3:4)&bad=%zz%4");
        let names: Vec<_> = p.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["a b", "list", "flag", "x", "x", "subset", "bad"]);
        assert_eq!(p[0].value(), "1 2");
        assert_eq!(
            (p[1].list(), p[1].list_decoded()),
            (vec!["a".into(), "b,c".into()], vec!["a".into(), "b".into(), "c".into()])
        );
        assert_eq!(p[5].list(), ["lat(1:2)", "lon(3:4)"]);
        assert_eq!(p[6].value(), "%zz%4");
        assert_eq!(decode("%FF%C3%A9+", false), "\u{fffd}é+");
    }
}
