//! Object Description Language, the text that HDF-EOS and ECS metadata (`StructMetadata.0`, `CoreMetadata.0`) is in.
//!
//! `NAME = VALUE` lines inside `GROUP`/`OBJECT` … `END_GROUP`/`END_OBJECT`; a value is a word, a quoted text or a
//! parenthesised list, and may run over several lines (PDS Standards Reference, chapter 12). The reader is lenient:
//! a line that makes no sense is passed over, an end without a beginning is ignored.

/// Deepest nesting of groups and lists that is followed; real files have fewer than 8.
const MAX_DEPTH: usize = 64;

/// Longest value that is followed over several lines, in bytes.
const MAX_VALUE: usize = 256 << 10;

/// Values that turn out not to end; after so many, every line stands for itself (keeps hostile text linear).
const MAX_UNCLOSED: u32 = 64;

/// A value. Numbers stay as written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A word, number or quoted text, without its quotes.
    Text(String),
    List(Vec<Value>),
}

impl Value {
    /// The text; the first one of a list.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::List(items) => match items.first()? {
                Value::Text(text) => Some(text),
                Value::List(_) => None,
            },
        }
    }

    /// All texts of a list; a lone text is a list of one (`DimList=("nTimes")`).
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Value::Text(text) => vec![text],
            Value::List(items) => items.iter().filter_map(Value::text).collect(),
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        self.text()?.trim().parse().ok().filter(|v: &f64| v.is_finite())
    }

    /// All numbers; `None` when one of them is none.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        self.texts().iter().map(|t| t.trim().parse().ok().filter(|v: &f64| v.is_finite())).collect()
    }
}

/// A `GROUP` or `OBJECT`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    pub name: String,
    pub values: Vec<(String, Value)>,
    pub groups: Vec<Group>,
}

impl Group {
    /// The value of that name (any case).
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }

    /// The child of that name (any case).
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|g| g.name.eq_ignore_ascii_case(name))
    }

    /// Text of the value of that name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.text()
    }
}

/// Reads a text; what it can't make sense of is left out.
pub fn parse(text: &str) -> Group {
    let mut stack = vec![Group::default()];
    // Groups opened below the depth limit: their ends must not close the ones that are kept.
    let mut ignored = 0usize;
    let mut unclosed = 0;
    let mut rest = text;
    while let Some((line, after)) = next_line(rest, &mut unclosed) {
        rest = after;
        let Some((key, value)) = line.split_once('=') else {
            if line.trim().eq_ignore_ascii_case("END") {
                break;
            }
            // ECS text ends objects without a name now and then.
            if line.trim().to_ascii_uppercase().starts_with("END_") {
                close(&mut stack, &mut ignored);
            }
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        match key.to_ascii_uppercase().as_str() {
            "GROUP" | "OBJECT" if stack.len() > MAX_DEPTH => ignored += 1,
            "GROUP" | "OBJECT" => {
                stack.push(Group { name: value.trim_matches('"').into(), ..Group::default() });
            }
            "END_GROUP" | "END_OBJECT" => close(&mut stack, &mut ignored),
            _ if ignored > 0 || key.is_empty() => {}
            _ => {
                if let (Some(group), Some(value)) = (stack.last_mut(), parse_value(value)) {
                    group.values.push((key.into(), value));
                }
            }
        }
    }
    while stack.len() > 1 {
        close(&mut stack, &mut 0);
    }
    stack.pop().unwrap_or_default()
}

fn close(stack: &mut Vec<Group>, ignored: &mut usize) {
    if *ignored > 0 {
        *ignored -= 1;
        return;
    }
    if stack.len() > 1
        && let Some(done) = stack.pop()
        && let Some(parent) = stack.last_mut()
    {
        parent.groups.push(done);
    }
}

/// The next statement: a line, continued while a quote or parenthesis of its value is open.
fn next_line<'a>(text: &'a str, unclosed: &mut u32) -> Option<(&'a str, &'a str)> {
    if text.is_empty() {
        return None;
    }
    let plain = *unclosed >= MAX_UNCLOSED;
    let (mut quoted, mut depth) = (false, 0usize);
    for (at, c) in text.char_indices() {
        if at > MAX_VALUE && !plain && (quoted || depth > 0) {
            break;
        }
        match c {
            '"' => quoted = !quoted,
            '(' | '{' if !quoted => depth += 1,
            ')' | '}' if !quoted => depth = depth.saturating_sub(1),
            '\n' | '\r' | '\0' if plain || (!quoted && depth == 0) => {
                return Some((&text[..at], &text[at + 1..]));
            }
            _ => {}
        }
    }
    if quoted || depth > 0 {
        // An open quote or parenthesis would swallow the rest: the line alone is what counts.
        *unclosed += 1;
        return Some(text.split_once('\n').unwrap_or((text, "")));
    }
    Some((text, ""))
}

fn parse_value(text: &str) -> Option<Value> {
    let mut at = text.trim();
    let value = value_at(&mut at, 0)?;
    Some(value)
}

fn value_at(text: &mut &str, depth: usize) -> Option<Value> {
    *text = text.trim_start();
    let first = text.chars().next()?;
    match first {
        '(' | '{' => {
            if depth >= MAX_DEPTH {
                return None;
            }
            *text = &text[1..];
            let mut items = Vec::new();
            loop {
                *text = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
                match text.chars().next() {
                    None => return Some(Value::List(items)),
                    Some(')' | '}') => {
                        *text = &text[1..];
                        return Some(Value::List(items));
                    }
                    Some(_) => items.push(value_at(text, depth + 1)?),
                }
            }
        }
        '"' => {
            let body = &text[1..];
            let end = body.find('"').unwrap_or(body.len());
            *text = body.get(end + 1..).unwrap_or("");
            Some(Value::Text(body[..end].into()))
        }
        _ => {
            let end = if depth == 0 { text.len() } else { text.find([',', ')', '}']).unwrap_or(text.len()) };
            let word = text[..end].trim().to_owned();
            *text = &text[end..];
            Some(Value::Text(word))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_nest_and_values_keep_their_kind() {
        let root = parse(
            "GROUP=SwathStructure\n\tGROUP=SWATH_1\n\t\tSwathName=\"a b\"\n\t\tDimList=(\"x\",\n\t\t \"y\")\n\
             \t\tSize=12\n\tEND_GROUP=SWATH_1\nEND_GROUP=SwathStructure\nEND\nJunk=1\n",
        );
        let swath = &root.groups[0].groups[0];
        assert_eq!(swath.text("swathname"), Some("a b"));
        assert_eq!(swath.value("DimList").unwrap().texts(), ["x", "y"]);
        assert_eq!(swath.value("Size").unwrap().number(), Some(12.0));
        assert!(root.value("Junk").is_none());
    }

    #[test]
    fn hostile_nesting_neither_overflows_nor_hides_what_follows() {
        let deep = format!("{}{}A=1\n", "GROUP=g\n".repeat(5000), "END_GROUP=g\n".repeat(5000));
        assert_eq!(parse(&deep).value("A").unwrap().number(), Some(1.0));
        assert!(parse(&format!("L={}", "(".repeat(100_000))).value("L").is_none());
    }

    #[test]
    fn an_open_quote_costs_one_line_only() {
        let root = parse("A=\"unclosed\nB=2\n");
        assert_eq!(root.value("B").unwrap().number(), Some(2.0));
    }
}
