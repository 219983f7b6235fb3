//! Text inside HTML and XML.

/// The entity of a character that markup would take for its own.
fn entity(c: char) -> Option<&'static str> {
    Some(match c {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '"' => "&quot;",
        _ => return None,
    })
}

fn replaced(text: &str, entity: impl Fn(char) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match entity(c) {
            Some(entity) => out.push_str(entity),
            None => out.push(c),
        }
    }
    out
}

/// Text in HTML, also as the value of an attribute.
pub fn html(text: &str) -> String {
    replaced(text, |c| if c == '\'' { Some("&#39;") } else { entity(c) })
}

/// Text in HTML where clients of the reference look for it: more characters are escaped there.
pub fn html_of_reference(text: &str) -> String {
    replaced(text, |c| match c {
        '\'' => Some("&#39;"),
        '/' => Some("&#x2F;"),
        '`' => Some("&#x60;"),
        '=' => Some("&#x3D;"),
        c => entity(c),
    })
}

/// Text in XML. Characters that it can't hold (XML 1.0 §2.2), most control characters, become spaces.
pub fn xml(text: &str) -> String {
    let is_none = |c| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    replaced(text, |c| if is_none(c) { Some(" ") } else { entity(c) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_for_markup() {
        let text = "<a href='x'>\"b\" & c/d=`e`\u{1}";
        assert_eq!(html(text), "&lt;a href=&#39;x&#39;&gt;&quot;b&quot; &amp; c/d=`e`\u{1}");
        assert_eq!(
            html_of_reference(text),
            "&lt;a href&#x3D;&#39;x&#39;&gt;&quot;b&quot; &amp; c&#x2F;d&#x3D;&#x60;e&#x60;\u{1}"
        );
        assert_eq!(xml(text), "&lt;a href='x'&gt;&quot;b&quot; &amp; c/d=`e` ");
    }
}
