//! Counting text as the networks count it. Pure.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::{
    Limits, Rendition, discord_text, linkedin_text, mastodon_count, matrix, slack_text, threads_count,
    x_count,
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

/// A limit that a rendition breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub field: &'static str,
    pub message: String,
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
        Unit::Characters | Unit::CharactersAndTitle => text.chars().count(),
        Unit::Graphemes => text.graphemes(true).count(),
        Unit::Utf16 => text.encode_utf16().count(),
        Unit::Slack => count(&slack_text::written(text), Unit::Utf16),
        Unit::Discord => count(&discord_text::written(text), Unit::Utf16),
        Unit::Threads => threads_count::count(text),
        Unit::Bytes | Unit::Matrix => text.len(),
        Unit::LinkedIn => count(&linkedin_text::written(text), Unit::Utf16),
        Unit::X => x_count::size(text),
        Unit::Mastodon => count(&mastodon_count::counted(text), Unit::Graphemes),
    }
}

/// How much of its limit a post takes in the unit: its text, and its title where both share one.
pub fn size(r: &Rendition, unit: Unit) -> usize {
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

/// What the limits do not allow, all of it at once.
pub fn check(r: &Rendition, limits: &Limits) -> Vec<Problem> {
    let mut out = Vec::new();
    let mut add = |field, message| out.push(Problem { field, message });
    if r.text.trim().is_empty() {
        add("text", "is empty".into());
    }
    if let Some(c) = hidden(&r.text, true) {
        add("text", format!("holds the character {}, which nobody sees; take it out", c.escape_unicode()));
    }
    if let Some(c) = x_count::refused(&r.text).filter(|_| limits.unit == Unit::X) {
        add("text", format!("holds the character {}, which X does not take", c.escape_unicode()));
    }
    if let Some(c) = r.title.as_ref().and_then(|t| hidden(t, false)) {
        add("title", format!("holds the character {}; it is one line of plain text", c.escape_unicode()));
    }
    if let Some(c) = r.media.iter().find_map(|m| hidden(&m.alt, true)) {
        add("media", format!("its words hold the character {}; take it out", c.escape_unicode()));
    }
    if !is_language(&r.language) {
        add("language", "is not a language tag; write it like en, fr or de-CH".into());
    }
    let over = |size: usize, limit: Option<usize>| {
        limit.and_then(|l| size.checked_sub(l).filter(|o| *o > 0).map(|o| (o, l)))
    };
    if let Some((by, limit)) = over(size(r, limits.unit), limits.text) {
        add("text", format!("is {by} too long; the limit is {limit}"));
    }
    if let Some((by, limit)) = over(r.text.len(), limits.text_bytes) {
        add("text", format!("is {by} bytes too long; the limit is {limit} bytes"));
    }
    if let Some((by, limit)) = r.title.as_ref().and_then(|t| over(title_size(t, limits.unit), limits.title)) {
        add("title", format!("is {by} too long; the limit is {limit}"));
    }
    if r.title.is_some() && limits.title.is_none() {
        add("title", "is not shown by this channel; put it into the text".into());
    }
    if limits.title_needed && r.title.as_ref().is_none_or(|t| t.trim().is_empty()) {
        add("title", "is needed here: it is the subject or headline".into());
    }
    if r.media.len() > limits.media {
        add("media", format!("has {} pictures; at most {} are possible", r.media.len(), limits.media));
    }
    if r.media.iter().any(|m| m.alt.trim().is_empty()) {
        add("media", "every picture needs words for those who cannot see it (alt)".into());
    }
    let longest = r.media.iter().map(|m| m.alt.chars().count()).max().unwrap_or_default();
    if let Some((by, limit)) = over(longest, limits.alt) {
        add("media", format!("the words of a picture are {by} too long; the limit is {limit}"));
    }
    out
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

/// Whether the tag has the form of BCP 47: a language of letters, then parts of letters and digits.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    tag.len() <= 35
        && (2..=8).contains(&first.len())
        && first.chars().all(|c| c.is_ascii_alphabetic())
        && parts.all(|p| (1..=8).contains(&p.len()) && p.chars().all(|c| c.is_ascii_alphanumeric()))
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
    use crate::MediaRef;

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
    fn every_broken_limit_is_named() {
        let limits = Limits {
            text: Some(5),
            unit: Unit::Graphemes,
            text_bytes: Some(20),
            title: Some(3),
            title_needed: false,
            media: 1,
            media_bytes: 1,
            alt: Some(5),
        };
        let medium = |alt: &str| MediaRef { sha256: String::new(), mime: String::new(), alt: alt.into() };
        let rendition = |text: &str, title: Option<&str>, alts: &[&str]| Rendition {
            title: title.map(str::to_owned),
            text: text.into(),
            language: "en".into(),
            media: alts.iter().map(|alt| medium(alt)).collect(),
        };
        let said = |r: Rendition, limits: &Limits| -> Vec<String> {
            check(&r, limits).into_iter().map(|p| format!("{} {}", p.field, p.message)).collect()
        };
        assert!(said(rendition("12345", Some("abc"), &["a map"]), &limits).is_empty());
        assert_eq!(said(rendition(" \n", None, &[]), &limits), ["text is empty"]);
        let long = said(rendition("1234567", Some("abcd"), &[]), &limits);
        assert_eq!(long, ["text is 2 too long; the limit is 5", "title is 1 too long; the limit is 3"]);
        let bytes = said(rendition("👩‍👩‍👧👩‍👩‍👧", None, &[]), &limits);
        assert_eq!(bytes, ["text is 16 bytes too long; the limit is 20 bytes"]);
        let media = said(rendition("1", None, &["a", " "]), &limits);
        assert!(media[0].contains("at most 1") && media[1].contains("alt") && media.len() == 2, "{media:?}");
        let words = said(rendition("1", None, &["a map of"]), &limits);
        assert_eq!(words, ["media the words of a picture are 3 too long; the limit is 5"]);
        let untitled = Limits { title: None, ..limits };
        assert!(said(rendition("1", Some("abc"), &[]), &untitled)[0].contains("not shown"));
    }

    #[test]
    fn no_picture_goes_where_its_words_cannot() {
        let medium = MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt: "a map".into() };
        let post = Rendition { title: None, text: "t".into(), language: "en".into(), media: vec![medium] };
        for adapter in crate::ALL {
            assert_eq!(adapter.capabilities.media, adapter.limits.media > 0, "{}", adapter.name);
        }
        for adapter in
            [crate::slack::ADAPTER, crate::teams::ADAPTER, crate::telegram::ADAPTER, crate::threads::ADAPTER]
        {
            let problems = check(&post, &adapter.limits);
            let refused = problems.iter().any(|p| p.field == "media" && p.message.contains("at most 0"));
            assert!(refused, "{}: {problems:?}", adapter.name);
        }
        assert!(check(&post, &crate::discord::ADAPTER.limits).is_empty());
    }

    #[test]
    fn what_could_show_other_words_to_an_approver_is_refused() {
        let limits = crate::website::ADAPTER.limits;
        let fields = |title: &str, text: &str, language: &str, alt: &str| -> Vec<&'static str> {
            let medium = MediaRef { sha256: String::new(), mime: String::new(), alt: alt.into() };
            let rendition = Rendition {
                title: Some(title.into()),
                text: text.into(),
                language: language.into(),
                media: vec![medium],
            };
            let limits = Limits { media: 1, ..limits };
            check(&rendition, &limits).into_iter().map(|p| p.field).collect()
        };
        assert!(fields("Cards fail", "One\r\n\ttwo\nthree", "de-CH", "a map").is_empty());
        for text in ["a\0b", "a\u{1b}[2Kb", "a\rb", "a\u{9b}b", "a\u{202e}b", "a\u{7f}b"] {
            assert_eq!(fields("t", text, "en", "a map"), ["text"], "{text:?}");
            assert_eq!(fields(text, "t", "en", "a map"), ["title"], "{text:?}");
            assert_eq!(fields("t", "t", "en", text), ["media"], "{text:?}");
        }
        assert_eq!(fields("a\nBcc: b", "t", "en", "a map"), ["title"]);
        for tag in
            ["", "e", "en_GB", "en\r\nBcc: x@example.org", "en-", "english-language-of-the-north-and-south"]
        {
            assert_eq!(fields("t", "t", tag, "a map"), ["language"], "{tag:?}");
        }
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
