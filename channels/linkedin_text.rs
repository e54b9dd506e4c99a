//! A text as LinkedIn's API takes it. Pure.
//!
//! The API reads "little text": some signs begin names, tags and styles unless a backslash stands before
//! them, also in links. So none of them is at work, and readers see what was approved.

/// What has to be escaped.
const SIGNS: &str = "\\<>#~_|[]*(){}@";

/// The text with its signs escaped.
pub(crate) fn written(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if SIGNS.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The text that was escaped so.
pub(crate) fn read(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escapes = c == '\\' && chars.peek().is_some_and(|next| SIGNS.contains(*next));
        out.push(if escapes { chars.next().unwrap_or(c) } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::{Unit, count};

    #[test]
    fn signs_are_escaped_and_counted() {
        assert_eq!(written("@bank #now (a_b) *c* \\ {d}"), "\\@bank \\#now \\(a\\_b\\) \\*c\\* \\\\ \\{d\\}");
        assert_eq!(count("a_b", Unit::LinkedIn), 4);
        assert_eq!(count("https://bank.example/a_b", Unit::LinkedIn), 25);
        assert_eq!(count("👩‍👧é", Unit::LinkedIn), 6);
    }

    proptest! {
        #[test]
        fn what_is_escaped_can_be_read_and_nothing_is_at_work(text in "(\\PC|[\\\\<>#~_|\\[\\]*(){}@]){0,40}") {
            let sent = written(&text);
            prop_assert_eq!(read(&sent), text.as_str());
            let signs = text.chars().filter(|c| SIGNS.contains(*c)).count();
            prop_assert_eq!(count(&text, Unit::LinkedIn), count(&text, Unit::Utf16) + signs);
            let mut escaped = false;
            for c in sent.chars() {
                prop_assert!(escaped || c == '\\' || !SIGNS.contains(c));
                escaped = !escaped && c == '\\';
            }
        }
    }
}
