//! Whether a post fits on a channel: what the limits do not allow of it, and how a parted text is made to
//! fit. Pure.

use crate::text::Unit;
use crate::text::{count, first_size, hidden, size, title_size};
use crate::{Adapter, Limits, Rendition, instagram_text, parts, teams, x_count};

/// A limit that a rendition breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub field: &'static str,
    pub message: String,
}

/// What the settings of a channel make of the limits of its network or account.
pub fn limits_by(adapter: &Adapter, settings: &serde_json::Value, limits: Limits) -> Limits {
    adapter.ways.limits_by.map_or(limits, |by| by(settings, limits))
}

/// The post in one piece where that fits; otherwise, where a network shows threads, in the parts that its
/// author marked (see [`parts::MARK`]). Each part is `worded` before it is measured.
pub fn fitted(post: Rendition, limits: Option<&Limits>, worded: impl Fn(&str) -> String) -> Rendition {
    let whole = Rendition { text: worded(&parts::whole(&post.text)), ..post.clone() };
    if limits.is_none_or(|l| l.parts == 1 || !is_over(&whole, l)) {
        return whole;
    }
    let mut parts = parts::parts(&post.text).into_iter().map(|part| worded(&part));
    match (parts.next(), parts.collect::<Vec<_>>()) {
        (Some(text), more) if !more.is_empty() => Rendition { text, more, ..post },
        _ => whole,
    }
}

/// Whether a text is longer than the limits allow.
fn is_over(r: &Rendition, limits: &Limits) -> bool {
    let bytes = r.texts().map(str::len).max().unwrap_or(0);
    most(r, limits).is_some_and(|most| size(r, limits.unit) > most)
        || limits.text_bytes.is_some_and(|most| bytes > most)
}

/// How long the text may be. On Telegram it is a caption beside pictures
/// (<https://core.telegram.org/bots/api#sendphoto>).
pub fn most(r: &Rendition, limits: &Limits) -> Option<usize> {
    let is_caption = limits.unit == Unit::Telegram && !r.media.is_empty();
    if is_caption { Some(1_024) } else { limits.text }
}

/// What a channel with these limits leaves out of a post.
pub fn unsaid(r: &Rendition, limits: &Limits) -> Option<&'static str> {
    if r.media.is_empty() {
        return None;
    }
    match limits.unit {
        Unit::Telegram => Some(
            "Telegram has no place for the words of a picture: who cannot see it there gets the text alone, \
             so say in it what the picture shows",
        ),
        Unit::WhatsApp => Some(
            "WhatsApp has no place for the words of a picture: who cannot see it there gets the text alone, \
             so say in it what the picture shows",
        ),
        Unit::Sms => Some(
            "A message to phones has no place for the words of a picture: who cannot see it there gets the text alone, \
             so say in it what the picture shows",
        ),
        _ => None,
    }
}

/// What to know of a post before it is out, for whoever writes or approves it: of which of its fields, and the words.
pub fn notes(r: &Rendition, limits: &Limits) -> impl Iterator<Item = (&'static str, &'static str)> {
    let stays = (!r.more.is_empty()).then_some(
        "it is a thread there, whose words cannot be changed once it is out: what is wrong in it is taken down as a \
         whole, or put right by a correction",
    );
    let unsaid = unsaid(r, limits).map(|words| ("media", words));
    unsaid.into_iter().chain(stays.map(|words| ("text", words)))
}

/// What the limits do not allow of the texts. `add` gets the words.
fn check_texts(r: &Rendition, limits: &Limits, mut add: impl FnMut(String)) {
    for (n, text) in r.texts().enumerate() {
        let size = if n == 0 { first_size(r, limits.unit) } else { count(text, limits.unit) };
        // Pictures go with the first part.
        let most = if n == 0 { most(r, limits) } else { limits.text };
        for problem in text_problems(text, size, limits, most) {
            add(if r.more.is_empty() { problem } else { format!("part {}: {problem}", n + 1) });
        }
    }
    let (has, most) = (r.more.len() + 1, limits.parts);
    if has > most {
        add(format!("has {has} parts; at most {most} are possible"));
    }
}

/// What the limits do not allow of one text of that size.
fn text_problems(text: &str, size: usize, limits: &Limits, most: Option<usize>) -> Vec<String> {
    let mut out = Vec::new();
    if text.trim().is_empty() {
        out.push("is empty".to_owned());
    }
    if let Some(c) = hidden(text, true) {
        out.push(format!("holds the character {}, which nobody sees; take it out", c.escape_unicode()));
    }
    if let Some(c) = x_count::refused(text).filter(|_| limits.unit == Unit::X) {
        out.push(format!("holds the character {}, which X does not take", c.escape_unicode()));
    }
    if let Some((by, limit)) = over(size, most) {
        out.push(match most == limits.text {
            true => format!("is {by} too long; the limit is {limit}"),
            false => format!("is {by} too long beside pictures; the limit is {limit}"),
        });
    }
    if let Some((by, limit)) = over(text.len(), limits.text_bytes) {
        out.push(format!("is {by} bytes too long; the limit is {limit} bytes"));
    }
    out
}

/// By how much the size is over a limit, and the limit.
fn over(size: usize, limit: Option<usize>) -> Option<(usize, usize)> {
    limit.and_then(|l| size.checked_sub(l).filter(|o| *o > 0).map(|o| (o, l)))
}

/// What the limits do not allow, all of it at once.
pub fn check(r: &Rendition, limits: &Limits) -> Vec<Problem> {
    let mut out = Vec::new();
    let mut add = |field, message| out.push(Problem { field, message });
    check_texts(r, limits, |message| add("text", message));
    if let Some(c) = r.title.as_ref().and_then(|t| hidden(t, false)) {
        add("title", format!("holds the character {}; it is one line of plain text", c.escape_unicode()));
    }
    if let Some(c) = r.media.iter().find_map(|m| hidden(&m.alt, true)) {
        add("media", format!("its words hold the character {}; take it out", c.escape_unicode()));
    }
    if !is_language(&r.language) {
        add("language", "is not a language tag; write it like en, fr or de-CH".into());
    }
    if let Some((by, limit)) = r.title.as_ref().and_then(|t| over(title_size(t, limits.unit), limits.title)) {
        add("title", format!("is {by} too long; the limit is {limit}"));
    }
    let unseen = limits.title.is_none() || (limits.cards && r.card().is_none());
    if r.title.is_some() && unseen {
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
    if limits.unit == Unit::Teams && teams::is_too_large(r) {
        add("media", teams::TOO_LARGE.into());
    }
    let mimes = r.media.iter().map(|m| &*m.mime);
    limits.pictures.problems(mimes).for_each(|problem| add("media", problem.into()));
    if limits.unit == Unit::Instagram {
        instagram_text::problems(r).into_iter().for_each(|p| add(p.field, p.message));
    }
    let longest = r.media.iter().map(|m| m.alt.chars().count()).max().unwrap_or_default();
    if let Some((by, limit)) = over(longest, limits.alt) {
        add("media", format!("the words of a picture are {by} too long; the limit is {limit}"));
    }
    out
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MediaRef;

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
            media_all: None,
            alt: Some(5),
            parts: 1,
            cards: false,
            pictures: crate::PictureLimits::ANY,
        };
        let medium = |alt: &str| MediaRef { sha256: String::new(), mime: String::new(), alt: alt.into() };
        let rendition = |text: &str, title: Option<&str>, alts: &[&str]| Rendition {
            title: title.map(str::to_owned),
            text: text.into(),
            more: Vec::new(),
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
        let cards = Limits { cards: true, text: None, text_bytes: None, ..limits };
        assert!(said(rendition("no link", Some("abc"), &[]), &cards)[0].contains("not shown"));
        assert!(said(rendition("https://a.example", Some("abc"), &[]), &cards).is_empty());
    }

    #[test]
    fn a_text_is_parted_only_where_it_does_not_fit_in_one_piece() {
        let limits = Limits { text: Some(8), text_bytes: None, parts: 2, ..crate::bluesky::ADAPTER.limits };
        let post = |text: &str| Rendition {
            title: None,
            text: text.into(),
            more: Vec::new(),
            language: "en".into(),
            media: Vec::new(),
        };
        let fit = |text: &str, limits: &Limits| {
            let r = fitted(post(text), Some(limits), str::to_owned);
            let problems = check(&r, limits).into_iter().map(|p| p.message).collect::<Vec<_>>();
            (r.texts().map(str::to_owned).collect::<Vec<_>>(), problems)
        };
        let fits = |text: &str, texts: &[&str]| {
            assert_eq!(fit(text, &limits), (texts.iter().map(|t| (*t).to_owned()).collect(), Vec::new()))
        };
        fits("abc\n---\ndef", &["abc\n\ndef"]);
        fits("abcd\n---\nefgh", &["abcd", "efgh"]);
        let notes = |text: &str| {
            let post = fitted(post(text), Some(&limits), str::to_owned);
            notes(&post, &limits).map(|(field, words)| format!("{field} {words}")).collect::<Vec<_>>()
        };
        assert!(
            notes("abcd\n---\nefgh")[0]
                .starts_with("text it is a thread there, whose words cannot be changed")
        );
        assert!(notes("abc\n---\ndef").is_empty(), "one post");
        let said = |text: &str, limits: &Limits| fit(text, limits).1;
        assert_eq!(said("abcdefghij", &limits), ["is 2 too long; the limit is 8"]);
        assert_eq!(said("abcd\n---\nabcdefghij", &limits), ["part 2: is 2 too long; the limit is 8"]);
        assert_eq!(said("abcd\n---\nefgh\n---\ni", &limits), ["has 3 parts; at most 2 are possible"]);
        let alone = Limits { parts: 1, ..limits };
        assert_eq!(said("abcd\n---\nefgh", &alone), ["is 2 too long; the limit is 8"]);
        let drill = fitted(post("abcd\n---\nefgh"), Some(&limits), |part| format!("X {part}"));
        assert_eq!(drill.texts().collect::<Vec<_>>(), ["X abcd", "X efgh"], "each part says what it is");
    }

    #[test]
    fn no_picture_goes_where_its_words_cannot() {
        let medium = MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt: "a map".into() };
        let post = Rendition {
            title: None,
            text: "t".into(),
            more: Vec::new(),
            language: "en".into(),
            media: vec![medium],
        };
        for adapter in crate::ALL {
            assert_eq!(adapter.capabilities.media, adapter.limits.media > 0, "{}", adapter.name);
        }
        for adapter in [crate::sms::ADAPTER, crate::whatsapp::ADAPTER] {
            let problems = check(&post, &limits_by(&adapter, &serde_json::Value::Null, adapter.limits));
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
                more: Vec::new(),
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
}
