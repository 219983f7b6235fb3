//! Bodies of `multipart/form-data` (RFC 7578).

use uuid::Uuid;

/// Parts in their order.
#[derive(Clone, Debug, Default)]
pub struct Multipart {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    name: String,
    /// Name and media type of a file.
    file: Option<(&'static str, &'static str)>,
    content: Vec<u8>,
}

impl Multipart {
    pub fn text(&mut self, name: &str, value: &str) {
        self.parts.push(Part { name: name.into(), file: None, content: value.as_bytes().into() });
    }

    pub fn file(&mut self, name: &str, file: &'static str, kind: &'static str, content: &str) {
        self.parts.push(Part { name: name.into(), file: Some((file, kind)), content: content.into() });
    }

    /// What tells two forms apart.
    pub fn key(&self) -> String {
        let part = |p: &Part| format!("{}={}", p.name, String::from_utf8_lossy(&p.content));
        self.parts.iter().map(part).collect::<Vec<_>>().join("&")
    }

    /// Content type and body.
    pub fn encode(&self) -> (String, Vec<u8>) {
        let boundary = format!("harmony-{}", Uuid::new_v4().simple());
        let mut body = Vec::new();
        for part in &self.parts {
            body.extend(
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", part.name).bytes(),
            );
            if let Some((file, kind)) = part.file {
                body.extend(format!("; filename=\"{file}\"\r\nContent-Type: {kind}").bytes());
            }
            body.extend(b"\r\n\r\n");
            body.extend(&part.content);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{boundary}--\r\n").bytes());
        (format!("multipart/form-data; boundary={boundary}"), body)
    }
}
