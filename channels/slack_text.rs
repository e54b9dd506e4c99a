//! A text as Slack is sent it: so that it shows what was approved, and nothing more. Pure.

use crate::text;

/// The text with Slack's three marks written out, and with links in the form that Slack makes links of. So
/// nobody is called (`<!channel>`), and no link shows other words than its address. That names of emoji
/// (`:bank:`) stay words is not known: Slack has no mark that keeps them so.
pub(crate) fn written(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut at = 0;
    for link in text::links(text).iter().filter(|l| is_plain(&l.url)) {
        escape(&text[at..link.start], &mut out);
        out.push('<');
        escape(&link.url, &mut out);
        out.push('>');
        at = link.end;
    }
    escape(&text[at..], &mut out);
    out
}

/// Whether nothing in an address ends it between Slack's marks.
fn is_plain(url: &str) -> bool {
    !url.contains(|c: char| c.is_whitespace() || matches!(c, '|' | '<' | '>'))
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What Slack shows of it.
    fn shown(written: &str) -> String {
        let plain = written.replace(['<', '>'], "");
        plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    }

    proptest! {
        #[test]
        fn slack_shows_what_was_approved(text in "(\\PC|[&<>|]|<!channel>|<https://evil.example\\|bank>|https://b.example/\\?a=1&b=2| ){0,30}") {
            let written = written(&text);
            prop_assert_eq!(shown(&written), text);
            // What stands in brackets is a link to the web.
            for part in written.split('<').skip(1) {
                let address = part.split('>').next().unwrap().to_ascii_lowercase();
                prop_assert!(address.starts_with("http://") || address.starts_with("https://"), "{}", part);
                prop_assert!(!address.contains('|'));
            }
        }
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
