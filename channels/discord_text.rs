//! A text as Discord is sent it: so that it shows what was approved, and nothing more. Pure.
//!
//! Discord makes Markdown, mentions, times and names of emoji into something else when it shows a text.
//! A backslash before a mark keeps it as it is, and a web address between angle brackets is shown as it
//! is, without a preview. What Discord makes of marks is documented only in part, so more is escaped than
//! may be needed.

use crate::text::{self, Span};

/// Marks that mean something wherever they stand.
const MARKS: &[char] = &['\\', '*', '_', '~', '|', '`', '<', '>', '[', ']'];

/// What a line holds so far, after its blanks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Nothing,
    Hashes,
    Digits,
    Words,
}

impl Line {
    /// What it holds with that character.
    fn with(self, c: char) -> Self {
        match (self, c) {
            (_, '\n') => Self::Nothing,
            (Self::Nothing, c) if c.is_whitespace() => Self::Nothing,
            (Self::Nothing | Self::Hashes, '#') => Self::Hashes,
            (Self::Nothing | Self::Digits, '0'..='9') => Self::Digits,
            _ => Self::Words,
        }
    }

    /// Whether the character begins a heading, a small print or an item of a list there.
    fn begins(self, c: char, after: &str) -> bool {
        match c {
            '#' => matches!(self, Self::Nothing | Self::Hashes),
            '-' | '+' => self == Self::Nothing,
            '.' | ')' => self == Self::Digits && after.chars().next().is_none_or(char::is_whitespace),
            _ => false,
        }
    }
}

/// The text with its marks escaped and its links in brackets.
pub(crate) fn written(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut at, mut line) = (0, Line::Nothing);
    for span in text::spans(text) {
        match span {
            Span::Link(url) => {
                out.push('<');
                out.push_str(url);
                out.push('>');
                at += url.len();
                line = Line::Words;
            }
            Span::Plain(part) => {
                for c in part.chars() {
                    at += c.len_utf8();
                    let after = &text[at..];
                    if MARKS.contains(&c) || line.begins(c, after) || names(c, after) {
                        out.push('\\');
                    }
                    out.push(c);
                    line = line.with(c);
                }
            }
        }
    }
    out
}

/// Whether it begins the name of an emoji: `:bank:`.
fn names(c: char, after: &str) -> bool {
    if c != ':' {
        return false;
    }
    let of = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '~');
    let rest = after.trim_start_matches(of);
    rest.len() < after.len() && rest.starts_with(':')
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What Discord shows of it, as far as its marks are known; an error names a mark that is at work.
    pub(crate) fn shown(written: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = written;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            let line_begins = out.rsplit('\n').next().unwrap_or_default().trim().is_empty();
            match c {
                '\\' => {
                    let escaped = rest.chars().next().filter(char::is_ascii_punctuation);
                    let escaped = escaped.ok_or("a backslash before nothing")?;
                    out.push(escaped);
                    rest = &rest[escaped.len_utf8()..];
                }
                '<' => {
                    let (url, after) = rest.split_once('>').ok_or("an open bracket")?;
                    if !url.to_ascii_lowercase().starts_with("http") || url.contains([' ', '<']) {
                        return Err(format!("<{url}> is no link"));
                    }
                    out.push_str(url);
                    rest = after;
                }
                '*' | '_' | '~' | '|' | '`' | '[' | ']' | '>' => return Err(format!("{c} is at work")),
                '#' | '-' | '+' if line_begins => return Err(format!("{c} begins a line")),
                ':' if rest.split_once(':').is_some_and(|(name, _)| {
                    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                }) =>
                {
                    return Err("a name of an emoji".to_owned());
                }
                c => out.push(c),
            }
        }
        Ok(out)
    }

    proptest! {
        #[test]
        fn discord_shows_what_was_approved(
            text in "(\\PC|\n|[\\\\*_~|`<>#:.-]|\\[a\\]\\(https://b\\.example\\)|<t:0:R>|<@1>|<#2>|\\|\\|s\\|\\||:bank:|12\\. |https://b\\.example/a_b_c\\*?| ){0,30}"
        ) {
            prop_assert_eq!(shown(&written(&text)), Ok(text));
        }
    }

    #[test]
    fn marks_are_text_and_links_are_links() {
        for (text, expected) in [
            ("*Cards* ||fail||", "\\*Cards\\* \\|\\|fail\\|\\|"),
            ("At 10:20 <t:0:R> <#1>", "At 10:20 \\<t\\:0:R\\> \\<#1\\>"),
            ("[bank](https://evil.example/)", "\\[bank\\](<https://evil.example/>)"),
            ("See https://b.example/a_b_c.", "See <https://b.example/a_b_c>."),
            ("# A\n-# b\n- c\n1. d\n2.5 #3 a-b", "\\# A\n\\-# b\n\\- c\n1\\. d\n2.5 #3 a-b"),
            (":bank: a:b", "\\:bank: a:b"),
            ("a\\b", "a\\\\b"),
            ("  12) a\n12)b\na 12) c", "  12\\) a\n12)b\na 12) c"),
        ] {
            assert_eq!(written(text), expected);
            assert_eq!(shown(expected).as_deref(), Ok(text));
        }
    }

    #[test]
    fn one_long_line_takes_no_longer_than_many() {
        let timed = |text: &str| {
            let begun = std::time::Instant::now();
            written(text);
            begun.elapsed()
        };
        for mark in ["-", "1."] {
            let long = timed(&mark.repeat(200_000));
            let many = timed(&format!("{}\n", mark.repeat(20)).repeat(10_000));
            assert!(long < many * 8, "{mark}: {long:?} for one line, {many:?} for many");
        }
    }
}
