//! A form of several parts (RFC 7578), as uploads are sent. Pure.

use crate::hash;

/// One part: its name, the name of its file if it is one, its type, its bytes.
pub(crate) struct Part<'a> {
    pub name: String,
    pub file: Option<String>,
    pub mime: &'a str,
    pub bytes: &'a [u8],
}

/// How the name of a picture's file ends. Some networks tell from it what they show.
pub(crate) fn ending(mime: &str) -> &'static str {
    match mime {
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        _ => "png",
    }
}

/// The form's type and bytes.
pub(crate) fn form(parts: &[Part<'_>]) -> (String, Vec<u8>) {
    let all: Vec<&[u8]> = parts.iter().map(|p| p.bytes).collect();
    // A word that is in no part: the hash of all, which nobody can write into what it is made of.
    let boundary = format!("holdline-{}", &hash(&all.concat())[..40]);
    let mut out = Vec::new();
    for part in parts {
        let file = part.file.as_ref().map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        let mime: String = part.mime.chars().filter(|c| matches!(c, ' '..='~')).collect();
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"{file}\r\nContent-Type: {mime}\r\n\r\n",
            part.name
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(part.bytes);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_apart_whatever_they_hold() {
        let hostile = b"\r\n--holdline-0000\r\n".as_slice();
        let part = |file: Option<&str>, bytes| Part {
            name: "a".to_owned(),
            file: file.map(str::to_owned),
            mime: "image/png\r\nX-Evil: 1",
            bytes,
        };
        let (mime, content) = form(&[part(None, hostile), part(Some("b.png"), &[0xff, 0])]);
        let boundary = mime.strip_prefix("multipart/form-data; boundary=").unwrap();
        let text = String::from_utf8_lossy(&content);
        assert_eq!(text.matches(&format!("--{boundary}")).count(), 3);
        assert!(text.contains("name=\"a\"; filename=\"b.png\"\r\nContent-Type: image/pngX-Evil: 1\r\n\r\n"));
        assert!(text.ends_with(&format!("--{boundary}--\r\n")));
    }
}
