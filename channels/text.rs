//! Counting text as the networks count it, and finding the links in it. Pure.

use linkify::{LinkFinder, LinkKind};
use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;

use crate::{Limits, Rendition};

/// What a network counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Unicode scalar values.
    Characters,
    /// What people see as one character.
    Graphemes,
    /// Bytes of UTF-8.
    Bytes,
}

impl Unit {
    /// The word for several of the unit.
    fn plural(self) -> &'static str {
        match self {
            Self::Characters | Self::Graphemes => "characters",
            Self::Bytes => "bytes",
        }
    }
}

/// One thing that keeps a rendition from its channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The field of the rendition: `text`, `title` or `media`.
    pub field: &'static str,
    /// A sentence for the person who writes.
    pub message: String,
}

/// A link in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// First byte in the text.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    pub url: String,
}

/// The length of a text.
pub fn count(text: &str, unit: Unit) -> usize {
    match unit {
        Unit::Characters => text.chars().count(),
        Unit::Graphemes => text.graphemes(true).count(),
        Unit::Bytes => text.len(),
    }
}

/// Everything that keeps a rendition from a channel with these limits. Empty: it fits.
pub fn check(rendition: &Rendition, limits: &Limits) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |field, message| problems.push(Problem { field, message });
    if rendition.text.trim().is_empty() {
        add("text", "The text is empty.".to_owned());
    }
    if let Some(message) = excess("text", &rendition.text, limits.unit, limits.text) {
        add("text", message);
    }
    if let Some(message) = excess("text", &rendition.text, Unit::Bytes, limits.text_bytes) {
        add("text", message);
    }
    match (&rendition.title, limits.title) {
        (Some(_), None) => add("title", "This channel shows no title; put it into the text.".to_owned()),
        (Some(title), most) => {
            if let Some(message) = excess("title", title, limits.unit, most) {
                add("title", message);
            }
        }
        (None, _) => {}
    }
    let media = rendition.media.len();
    if media > limits.media {
        add("media", format!("There are {media} pictures; this channel takes {}.", limits.media));
    }
    for (index, medium) in rendition.media.iter().enumerate() {
        if medium.alt.trim().is_empty() {
            add("media", format!("Picture {} has no alternative text.", index + 1));
        }
    }
    problems
}

/// The links of a text: those with a scheme, as the networks link them.
pub fn links(text: &str) -> Vec<Link> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]);
    let link = |l: linkify::Link| Link { start: l.start(), end: l.end(), url: l.as_str().to_owned() };
    finder.links(text).map(link).collect()
}

fn excess(field: &str, text: &str, unit: Unit, most: Option<usize>) -> Option<String> {
    let over = count(text, unit).checked_sub(most?).filter(|over| *over > 0)?;
    Some(format!("The {field} is {over} {} too long.", unit.plural()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::MediaRef;

    const LIMITS: Limits = Limits {
        text: Some(5),
        unit: Unit::Graphemes,
        text_bytes: Some(30),
        title: None,
        media: 1,
        media_bytes: 1,
    };

    fn rendition(text: &str, alts: &[&str]) -> Rendition {
        let medium =
            |alt: &&str| MediaRef { sha256: String::new(), mime: "image/png".into(), alt: (*alt).into() };
        let media = alts.iter().map(medium).collect();
        Rendition { title: None, text: text.into(), language: "en".into(), media }
    }

    fn messages(rendition: &Rendition) -> Vec<String> {
        check(rendition, &LIMITS).into_iter().map(|p| format!("{}: {}", p.field, p.message)).collect()
    }

    #[test]
    fn a_family_is_one_grapheme() {
        let family = "👩‍👩‍👧‍👦";
        let counts = [Unit::Graphemes, Unit::Characters, Unit::Bytes].map(|unit| count(family, unit));
        assert_eq!(counts, [1, 7, 25]);
    }

    #[test]
    fn what_fits_has_no_problem() {
        assert!(check(&rendition("12345", &["a map"]), &LIMITS).is_empty());
    }

    #[test]
    fn every_problem_is_named_with_its_size() {
        assert_eq!(messages(&rendition("1234567", &[])), ["text: The text is 2 characters too long."]);
        let families = "👩‍👩‍👧‍👦👩‍👩‍👧‍👦";
        assert_eq!(messages(&rendition(families, &[])), ["text: The text is 20 bytes too long."]);
        assert_eq!(messages(&rendition(" \n", &[])), ["text: The text is empty."]);
        let media = messages(&rendition("1", &["a", " "]));
        let expected = [
            "media: There are 2 pictures; this channel takes 1.",
            "media: Picture 2 has no alternative text.",
        ];
        assert_eq!(media, expected);
        let mut titled = rendition("1", &[]);
        titled.title = Some("A title".into());
        assert_eq!(messages(&titled), ["title: This channel shows no title; put it into the text."]);
        let limits = Limits { title: Some(3), ..LIMITS };
        assert_eq!(check(&titled, &limits)[0].message, "The title is 4 characters too long.");
    }

    #[test]
    fn links_end_where_readers_think_they_do() {
        let text = "Siehe (https://bank.example/störung), bank.example und https://b.example/a?c=d.";
        let urls: Vec<_> = links(text).into_iter().map(|l| l.url).collect();
        assert_eq!(urls, ["https://bank.example/störung", "https://b.example/a?c=d"]);
    }

    proptest! {
        #[test]
        fn coarser_units_count_less(text in any::<String>()) {
            let [g, c, b] = [Unit::Graphemes, Unit::Characters, Unit::Bytes].map(|u| count(&text, u));
            prop_assert!(g <= c && c <= b);
        }

        #[test]
        fn links_lie_on_character_boundaries(a in any::<String>(), path in "[a-zß✓/.()]{0,12}", b in any::<String>()) {
            let text = format!("{a} https://bank.example/{path}{b}");
            let found = links(&text);
            prop_assert!(!found.is_empty());
            for link in found {
                prop_assert_eq!(text.get(link.start..link.end), Some(link.url.as_str()));
            }
        }

        #[test]
        fn a_text_is_too_long_exactly_when_it_exceeds_the_limit(text in "\\PC{1,12}") {
            let limits = Limits { text_bytes: None, ..LIMITS };
            let long = check(&rendition(&text, &[]), &limits).iter().any(|p| p.message.contains("too long"));
            prop_assert_eq!(long, count(&text, Unit::Graphemes) > 5);
        }
    }
}
