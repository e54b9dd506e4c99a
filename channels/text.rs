//! Counting text as the networks count it. Pure.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

pub use crate::fit::{Problem, check};
use crate::{
    Rendition, discord_text, linkedin_text, mastodon_count, matrix, slack_text, threads_count, x_count,
};

/// What a network counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Unicode scalar values.
    Characters,
    /// What people see as one character (UAX 29).
    Graphemes,
    /// Units of UTF-16: most emoji are two.
    Utf16,
    /// Units of UTF-16 of what Slack is sent: its marks are written out there.
    Slack,
    /// Units of UTF-16 of what Discord is sent: its marks are escaped there.
    Discord,
    /// Unicode scalar values, and bytes of UTF-8 for emoji, as Threads counts them.
    Threads,
    /// Units of UTF-16, which SMS sends when the text has a letter beyond its own alphabet.
    Sms,
    /// Units of UTF-16, as WhatsApp may count them.
    #[serde(rename = "whatsapp")]
    WhatsApp,
    /// Units of UTF-16, as Instagram may count them.
    Instagram,
    /// Unicode scalar values; the whole card of Teams has its own limit beside pictures.
    Teams,
    /// Units of UTF-16, of which fewer have room beside pictures ([`crate::fit::most`]).
    Telegram,
    /// Bytes of UTF-8.
    Bytes,
    /// Bytes of the whole event that Matrix is sent: beside pictures the text stands there twice, and its
    /// marks are written out.
    Matrix,
    /// Graphemes as Mastodon counts them: a link is 23, a mention goes without its server, and the
    /// title, which is the content warning there, counts with the text.
    Mastodon,
    /// Units of UTF-16 of what LinkedIn is sent: its marks are escaped there.
    #[serde(rename = "linkedin")]
    LinkedIn,
    /// As X weighs them: most letters of the alphabets 1, all else and each emoji 2, a link 23.
    X,
    /// Unicode scalar values of title and text together.
    CharactersAndTitle,
}

/// A link in a text, by its byte offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub start: usize,
    pub end: usize,
    pub url: String,
}

/// How long the text is in the unit.
pub fn count(text: &str, unit: Unit) -> usize {
    match unit {
        Unit::Characters | Unit::CharactersAndTitle | Unit::Teams => text.chars().count(),
        Unit::Graphemes => text.graphemes(true).count(),
        Unit::Utf16 | Unit::Instagram | Unit::Sms | Unit::Telegram | Unit::WhatsApp => {
            text.encode_utf16().count()
        }
        Unit::Slack => count(&slack_text::written(text), Unit::Utf16),
        Unit::Discord => count(&discord_text::written(text), Unit::Utf16),
        Unit::Threads => threads_count::count(text),
        Unit::Bytes | Unit::Matrix => text.len(),
        Unit::LinkedIn => count(&linkedin_text::written(text), Unit::Utf16),
        Unit::X => x_count::size(text),
        Unit::Mastodon => count(&mastodon_count::counted(text), Unit::Graphemes),
    }
}

/// How much of its limit a post takes in the unit: its text, and its title where both share one. Of a
/// thread, that of its longest part.
pub fn size(r: &Rendition, unit: Unit) -> usize {
    let following = r.more.iter().map(|part| count(part, unit)).max();
    first_size(r, unit).max(following.unwrap_or(0))
}

pub(crate) fn first_size(r: &Rendition, unit: Unit) -> usize {
    if unit == Unit::Matrix {
        return matrix::size(r);
    }
    let shares = matches!(unit, Unit::Mastodon | Unit::CharactersAndTitle);
    let title = r.title.as_ref().filter(|_| shares);
    count(&r.text, unit) + title.map_or(0, |t| title_size(t, unit))
}

/// How long a title is in the unit. Nothing in it is shortened.
pub fn title_size(title: &str, unit: Unit) -> usize {
    count(title, if unit == Unit::Mastodon { Unit::Graphemes } else { unit })
}

/// A character that steers a terminal or turns the reading order, so that an approver could read
/// other words than are sent. Line breaks and tabs are text, where `lines` are allowed.
pub fn hidden(text: &str, lines: bool) -> Option<char> {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_break = matches!(c, '\n' | '\t') || (c == '\r' && chars.peek() == Some(&'\n'));
        if (c.is_control() && !(lines && is_break)) || turns(c) {
            return Some(c);
        }
    }
    None
}

/// A text without what networks cut off or write anew: blanks around it, and the way in which its lines end.
pub(crate) fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

/// What an account calls itself, as far as it can be shown and kept.
pub(crate) fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control() && !turns(*c)).take(100).collect()
}

/// Whether the character overrides the direction of what follows (UAX 9). Marks and isolates, which
/// right-to-left texts need, are no overrides.
pub fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}')
}

/// What is left of a text without anything that an adapter leaves out when it compares: links lose their
/// scheme and slashes on their way, marks are escaped with `\\`, letters are composed.
pub fn loose(text: &str) -> String {
    let left_out = |c: &char| matches!(c, '/' | '\\' | '\r');
    let text: String = text.nfc().flat_map(char::to_lowercase).filter(|c| !left_out(c)).collect();
    text.replace("https:", "").replace("http:", "").trim().to_owned()
}

/// The links to the web, in order. Nothing else is a link: a text cannot start a script or another
/// program where it is shown.
pub fn links(text: &str) -> Vec<Link> {
    let mut finder = linkify::LinkFinder::new();
    finder.kinds(&[linkify::LinkKind::Url]);
    let is_web = |url: &str| {
        let scheme = url.split_once("://").map(|(s, _)| s.to_ascii_lowercase());
        matches!(scheme.as_deref(), Some("http" | "https"))
    };
    let found = finder.links(text).filter(|l| is_web(l.as_str()));
    found.map(|l| Link { start: l.start(), end: l.end(), url: l.as_str().to_owned() }).collect()
}

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span<'a> {
    Plain(&'a str),
    /// An address of the web that is one and the same wherever it is read: no mark of any network ends it.
    Link(&'a str),
}

/// The text in parts, in order and none of them empty; put together they are the text.
pub(crate) fn spans(text: &str) -> Vec<Span<'_>> {
    let marks = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '|' | '\\' | '"' | '{' | '}');
    let mut out = Vec::new();
    let mut at = 0;
    for link in links(text).iter().filter(|l| !l.url.contains(marks)) {
        out.push(Span::Plain(&text[at..link.start]));
        out.push(Span::Link(&text[link.start..link.end]));
        at = link.end;
    }
    out.push(Span::Plain(&text[at..]));
    out.retain(|span| *span != Span::Plain(""));
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn units_are_ordered_and_links_lie_on_characters(text in "(\\PC|https://a\\.b/[a-zé]{0,5}|👩‍👩‍👧| ){0,40}") {
            prop_assert!(count(&text, Unit::Graphemes) <= count(&text, Unit::Characters));
            prop_assert!(count(&text, Unit::Characters) <= count(&text, Unit::Utf16));
            prop_assert!(count(&text, Unit::Utf16) <= count(&text, Unit::Bytes));
            for l in links(&text) {
                prop_assert_eq!(&text[l.start..l.end], l.url.as_str());
            }
            let part = |span: Span<'_>| match span { Span::Plain(part) | Span::Link(part) => part.to_owned() };
            prop_assert_eq!(spans(&text).into_iter().map(part).collect::<String>(), text);
        }
    }

    #[test]
    fn a_family_is_one_grapheme() {
        let units = [Unit::Graphemes, Unit::Characters, Unit::Utf16, Unit::Bytes];
        assert_eq!(units.map(|u| count("👩‍👩‍👧", u)), [1, 5, 8, 18]);
    }

    #[test]
    fn what_a_mark_could_end_is_no_link_of_a_span() {
        let (plain, link) = (Span::Plain, Span::Link);
        assert_eq!(spans("https://b.example/c d"), [link("https://b.example/c"), plain(" d")]);
        for mark in ['<', '>', '|', '\\', '"', '{', '}', '\u{a0}'] {
            let text = format!("https://b.example/c{mark}d");
            assert!(spans(&text).iter().all(|s| !matches!(s, Span::Link(l) if l.contains(mark))), "{text}");
        }
        assert_eq!(spans(""), []);
    }

    #[test]
    fn only_the_web_is_linked() {
        let text = "See HTTPS://bank.example/a, javascript://x%0aalert(1), ftp://y and http://b.example.";
        let urls: Vec<_> = links(text).into_iter().map(|l| l.url).collect();
        assert_eq!(urls, ["HTTPS://bank.example/a", "http://b.example"]);
    }

    #[test]
    fn links_end_where_readers_think_they_do() {
        let text = "Siehe (https://bank.example/störung), bank.example und https://b.example/a?c=d.";
        let urls: Vec<_> = links(text).into_iter().map(|l| l.url).collect();
        assert_eq!(urls, ["https://bank.example/störung", "https://b.example/a?c=d"]);
    }

    #[test]
    fn texts_that_an_adapter_takes_for_the_same_are_the_same() {
        let same = loose("See https://bank.example @caf\u{e9}");
        for text in ["See bank.example/ \\@cafe\u{301}", "see HTTP://bank.example @caf\u{e9} "] {
            assert_eq!(loose(text), same, "{text}");
        }
        assert_ne!(loose("See bank.example now"), same);
    }
}
