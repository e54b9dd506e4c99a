//! A text as Slack is sent it: so that it shows what was approved, and nothing more. Pure.
//!
//! Readers see the blocks: in rich text a link, an emoji and a call are elements of their own
//! (<https://docs.slack.dev/reference/block-kit/blocks/rich-text-block>), and the text of an element is
//! text, so nothing in it has to be parsed. Notifications, and programs that show no blocks, have the
//! text with Slack's three marks written out.

use serde_json::{Value, json};

use crate::text::{self, Span};

/// Most links that open. What is beyond is shown all the same, as an address. The blocks of a message may
/// hold about 12,000 characters (told by Slack in an answer to an issue, and by no document): with the
/// longest text and this many links they have less.
const LINKS: usize = 40;

/// Most bytes of the text of an edit, and what stands for the rest.
const EDIT_BYTES: usize = 4_000;
const CUT: &str = "…";

/// The text as blocks: what readers see.
pub(crate) fn blocks(text: &str) -> Value {
    let mut elements = Vec::new();
    let mut words = String::new();
    let mut links = 0;
    for span in text::spans(text) {
        match span {
            Span::Link(url) if links < LINKS => {
                links += 1;
                push(&mut elements, &mut words);
                elements.push(json!({ "type": "link", "url": url }));
            }
            Span::Link(part) | Span::Plain(part) => words.push_str(part),
        }
    }
    push(&mut elements, &mut words);
    json!([{ "type": "rich_text", "elements": [{ "type": "rich_text_section", "elements": elements }] }])
}

/// Adds the words before a link, or at the end, as one element.
fn push(elements: &mut Vec<Value>, words: &mut String) {
    if !words.is_empty() {
        elements.push(json!({ "type": "text", "text": std::mem::take(words) }));
    }
}

/// The text with Slack's three marks written out, and with links in the form that Slack makes links of. So
/// nobody is called (`<!channel>`), and no link shows other words than its address.
pub(crate) fn written(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for span in text::spans(text) {
        match span {
            Span::Plain(part) => escape(part, &mut out),
            Span::Link(url) => {
                out.push('<');
                escape(url, &mut out);
                out.push('>');
            }
        }
    }
    out
}

/// The same as far as an edit takes it: error `msg_too_long` beyond 4,000 bytes (told by GitLab, merge request 258898,
/// and by no page of Slack). Readers see the blocks, which have all of it.
pub(crate) fn short(text: &str) -> String {
    let whole = written(text);
    if whole.len() <= EDIT_BYTES {
        return whole;
    }
    let ends = text.char_indices().map(|(at, _)| &text[..at]);
    let fits = |part: &&str| written(part).len() + CUT.len() <= EDIT_BYTES;
    // What is escaped is no shorter than the text, so nothing beyond this fits.
    let from = |part: &&str| part.len() <= EDIT_BYTES;
    let part = ends.take_while(from).collect::<Vec<_>>().into_iter().rev().find(fits);
    format!("{}{CUT}", written(part.unwrap_or_default()))
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the blocks show; an error says what no block may hold.
    pub(crate) fn seen(blocks: &Value) -> Result<String, String> {
        let one = |list: &Value, kind: &str| match list.as_array().map(Vec::as_slice) {
            Some([one]) if one["type"] == kind => Ok(one["elements"].clone()),
            _ => Err(format!("not one {kind}: {list}")),
        };
        let elements = one(&one(blocks, "rich_text")?, "rich_text_section")?;
        let part = |element: &Value| {
            let names = element.as_object().into_iter().flat_map(|o| o.keys());
            let names: Vec<&str> = names.map(String::as_str).collect();
            let of = |name: &str| element[name].as_str().filter(|text| !text.is_empty());
            match (element["type"].as_str(), names.as_slice()) {
                (Some("text"), ["text", "type"]) => of("text"),
                (Some("link"), ["type", "url"]) => {
                    of("url").filter(|u| u.to_ascii_lowercase().starts_with("http"))
                }
                _ => None,
            }
            .map(str::to_owned)
            .ok_or_else(|| format!("an element: {element}"))
        };
        elements.as_array().ok_or("no elements")?.iter().map(part).collect()
    }

    /// What Slack shows of it.
    fn shown(written: &str) -> String {
        let plain = written.replace(['<', '>'], "");
        plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    }

    proptest! {
        #[test]
        fn slack_shows_what_was_approved(text in "(\\PC|[&<>|]|<!channel>|<https://evil.example\\|bank>|https://b.example/\\?a=1&b=2| ){0,30}") {
            let written = written(&text);
            prop_assert_eq!(shown(&written), &*text);
            if !text.is_empty() {
                prop_assert_eq!(seen(&blocks(&text)), Ok(text));
            }
            // What stands in brackets is a link to the web.
            for part in written.split('<').skip(1) {
                let address = part.split('>').next().unwrap().to_ascii_lowercase();
                prop_assert!(address.starts_with("http://") || address.starts_with("https://"), "{}", part);
                prop_assert!(!address.contains('|'));
            }
        }
    }

    #[test]
    fn an_edit_has_as_much_of_the_text_as_slack_takes() {
        assert_eq!(short("Cards & payments"), "Cards &amp; payments");
        assert_eq!(short(&"a".repeat(4_000)), "a".repeat(4_000));
        for part in ["é", "&", "\u{1f468}", "https://bank.example/?a=1&b=2 "] {
            let text = part.repeat(4_000);
            let short = short(&text);
            let start = short.strip_suffix(CUT).unwrap();
            assert!((3_950..=4_000).contains(&short.len()), "{part}: {}", short.len());
            assert!(text.starts_with(&shown(start)), "{part}");
            assert!(
                !start.ends_with('&') && start.matches('<').count() == start.matches('>').count(),
                "{part}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_blocks_of_the_longest_text_are_taken(part in "([\"\\\\\n]|http://a.de |é|\u{1f468}|\\PC){1,20}") {
            // At least as much as the limit of the adapter lets through.
            let size = |c: char| match c { '<' | '>' => 4, '&' => 5, c => c.len_utf16() };
            let mut left = 4_000;
            let fits = |c: &char| {
                left -= i64::try_from(size(*c)).unwrap();
                left >= 0
            };
            let text: String = part.chars().cycle().take_while(fits).collect();
            let size = blocks(&text).to_string().chars().count();
            prop_assert!(size < 12_000, "{} characters", size);
        }
    }

    #[test]
    fn what_is_beyond_is_shown_all_the_same() {
        let text = "https://b.example/c\n".repeat(LINKS + 5);
        let all = blocks(&text);
        assert_eq!(seen(&all), Ok(text));
        assert_eq!(all.to_string().matches("\"link\"").count(), LINKS);
    }

    #[test]
    fn links_are_written_as_links_and_marks_as_text() {
        for (text, expected) in [
            ("a & b <!channel> *c*", "a &amp; b &lt;!channel&gt; *c*"),
            ("See https://b.example/?a=1&b=2.", "See <https://b.example/?a=1&amp;b=2>."),
            ("ftp://b.example", "ftp://b.example"),
        ] {
            assert_eq!(written(text), expected);
        }
    }
}
