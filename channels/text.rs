//! Counting text as the networks count it. Pure.

use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;

use crate::{Limits, Rendition};

/// What a network counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Unicode scalar values.
    Characters,
    /// What people see as one character (UAX 29).
    Graphemes,
    /// Bytes of UTF-8.
    Bytes,
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
        Unit::Characters => text.chars().count(),
        Unit::Graphemes => text.graphemes(true).count(),
        Unit::Bytes => text.len(),
    }
}

/// What the limits do not allow, all of it at once.
pub fn check(r: &Rendition, limits: &Limits) -> Vec<Problem> {
    let mut out = Vec::new();
    let mut add = |field, message| out.push(Problem { field, message });
    if r.text.trim().is_empty() {
        add("text", "is empty".into());
    }
    let words = [Some(&r.text), r.title.as_ref()].into_iter().flatten().chain(r.media.iter().map(|m| &m.alt));
    if words.into_iter().any(|w| w.contains('\0')) {
        add("text", "holds the character NUL, which cannot be kept; take it out".into());
    }
    let over = |text: &str, unit, limit: Option<usize>| {
        limit.and_then(|l| count(text, unit).checked_sub(l).filter(|o| *o > 0).map(|o| (o, l)))
    };
    if let Some((by, limit)) = over(&r.text, limits.unit, limits.text) {
        add("text", format!("is {by} too long; the limit is {limit}"));
    }
    if let Some((by, limit)) = over(&r.text, Unit::Bytes, limits.text_bytes) {
        add("text", format!("is {by} bytes too long; the limit is {limit} bytes"));
    }
    if let Some((by, limit)) = r.title.as_ref().and_then(|t| over(t, limits.unit, limits.title)) {
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
    out
}

/// The links with a scheme, in order.
pub fn links(text: &str) -> Vec<Link> {
    let mut finder = linkify::LinkFinder::new();
    finder.kinds(&[linkify::LinkKind::Url]);
    finder.links(text).map(|l| Link { start: l.start(), end: l.end(), url: l.as_str().to_owned() }).collect()
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
            prop_assert!(count(&text, Unit::Characters) <= count(&text, Unit::Bytes));
            for l in links(&text) {
                prop_assert_eq!(&text[l.start..l.end], l.url.as_str());
            }
        }
    }

    #[test]
    fn a_family_is_one_grapheme() {
        let counts = [Unit::Graphemes, Unit::Characters, Unit::Bytes].map(|u| count("👩‍👩‍👧", u));
        assert_eq!(counts, [1, 5, 18]);
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
        let untitled = Limits { title: None, ..limits };
        assert!(said(rendition("1", Some("abc"), &[]), &untitled)[0].contains("not shown"));
    }

    #[test]
    fn links_end_where_readers_think_they_do() {
        let text = "Siehe (https://bank.example/störung), bank.example und https://b.example/a?c=d.";
        let urls: Vec<_> = links(text).into_iter().map(|l| l.url).collect();
        assert_eq!(urls, ["https://bank.example/störung", "https://b.example/a?c=d"]);
    }
}
