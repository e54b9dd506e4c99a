//! The one character that PostgreSQL cannot keep in a text, and that no text needs.

/// What is said about it.
pub const WORDS: &str = "contains the character NUL (\\u0000); take it out";

/// Whether a string in this JSON contains NUL: written raw, or as the escape `\u0000` (RFC 8259,
/// section 7; the other escapes cannot give it).
pub fn in_json(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|b| matches!(b, b'\\' | 0)) {
        if rest[at] == 0 || rest[at + 1..].starts_with(b"u0000") {
            return true;
        }
        // The character after a backslash is part of the escape, also when it is one itself.
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

/// Whether an address contains NUL: percent-encoded, as it cannot be written otherwise (RFC 3986).
pub fn in_address(address: &str) -> bool {
    address.contains("%00")
}

/// The text with another hidden character instead, for words that must not be refused: it is taken out where
/// they are kept, and told.
pub fn replaced(text: &str) -> String {
    text.replace('\0', "\u{1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_escape_itself_is_nul() {
        for (json, is) in [
            (r#"{"a":"\u0000"}"#, true),
            (r#"{"a":"x\n\u0000"}"#, true),
            (r#"{"a":"\\\u0000"}"#, true),
            ("{\"a\":\"\0\"}", true),
            (r#"{"a":"\\u0000"}"#, false),
            (r#"{"a":"\u0001 u0000"}"#, false),
            (r#"{"a":"\"#, false),
            ("", false),
        ] {
            assert_eq!(in_json(json.as_bytes()), is, "{json}");
        }
    }
}
