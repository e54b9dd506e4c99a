//! A text as Discord is sent it: so that it shows what was approved, and nothing more. Pure.
//!
//! Discord makes Markdown, mentions, times and names of emoji into something else when it shows a text.
//! A backslash before a mark keeps it as it is, and a web address between angle brackets is shown as it
//! is, without a preview. What Discord makes of marks is documented only in part, so more is escaped than
//! may be needed.

use crate::text;

/// Marks that mean something wherever they stand.
const MARKS: &[char] = &['\\', '*', '_', '~', '|', '`', '<', '>', '[', ']'];

/// The text with its marks escaped and its links in brackets.
pub(crate) fn written(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut at = 0;
    for link in text::links(text).iter().filter(|l| is_plain(&l.url)) {
        escape(text, at, link.start, &mut out);
        out.push('<');
        out.push_str(&link.url);
        out.push('>');
        at = link.end;
    }
    escape(text, at, text.len(), &mut out);
    out
}

/// Whether nothing in an address ends it between the brackets.
fn is_plain(url: &str) -> bool {
    !url.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '\\'))
}

/// A part of the text, of which the whole says where lines begin.
fn escape(text: &str, from: usize, to: usize, out: &mut String) {
    for (at, c) in text[from..to].char_indices() {
        let (before, after) = (&text[..from + at], &text[from + at + c.len_utf8()..]);
        if MARKS.contains(&c) || begins(c, before, after) || names(c, after) {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Whether it begins a heading, a small print or an item of a list there.
fn begins(c: char, before: &str, after: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default().trim_start();
    match c {
        '#' => line.is_empty() || line.chars().all(|c| c == '#'),
        '-' | '+' => line.is_empty(),
        '.' | ')' => {
            !line.is_empty()
                && line.chars().all(|c| c.is_ascii_digit())
                && after.chars().next().is_none_or(char::is_whitespace)
        }
        _ => false,
    }
}

/// Whether it begins the name of an emoji: `:bank:`.
fn names(c: char, after: &str) -> bool {
    let of = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '~');
    let rest = after.trim_start_matches(of);
    c == ':' && rest.len() < after.len() && rest.starts_with(':')
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
        ] {
            assert_eq!(written(text), expected);
            assert_eq!(shown(expected).as_deref(), Ok(text));
        }
    }
}
