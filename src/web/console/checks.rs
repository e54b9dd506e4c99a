//! What stands beside the composer: the exact text on each channel, counted, and what a second pair of
//! eyes would ask.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::trouble::bare;
use super::ui::Ui;
use crate::app::posts::{Measure, Preview, PreviewChannel};
use crate::domain::playbook;
use crate::domain::post::Kind;

/// Everything beside the composer.
#[derive(Debug, Default)]
pub struct Seen {
    pub languages: Vec<SeenLanguage>,
    pub checks: Vec<Check>,
}

/// The renditions in one language.
#[derive(Debug)]
pub struct SeenLanguage {
    pub language: String,
    /// Channels that receive the same bytes share one.
    pub renditions: Vec<SeenRendition>,
}

/// One content, and how it fits on its channels.
#[derive(Debug)]
pub struct SeenRendition {
    pub title: Option<String>,
    pub text: String,
    /// What follows in a thread.
    pub more: Vec<String>,
    pub media: Vec<(String, String)>,
    pub fits: Vec<Fit>,
    hash: String,
}

/// How a content fits on a channel.
#[derive(Debug)]
pub struct Fit {
    pub name: String,
    pub text: Measure,
    pub title: Option<Measure>,
    /// In how many messages it goes by SMS, and why it needs so many; that a thread can stop after its first part;
    /// what the network leaves out.
    pub notes: Vec<String>,
    /// In words; and whether they are in English only.
    pub problems: Vec<(String, bool)>,
}

/// Something that was looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// `bad`: it cannot be sent so; `wait`: look at it; `good`: looked at, and well.
    pub kind: &'static str,
    pub words: String,
}

impl Seen {
    /// Of the previews of a draft, one for each language.
    pub fn of(ui: &Ui, draft: &Draft, previews: Vec<(String, Preview)>, left_out: &[String]) -> Self {
        let mut checks = checks(ui, draft, &previews);
        if !left_out.is_empty() {
            let words = ui.with("compose-left-out", "names", left_out.join(", "));
            checks.push(Check { kind: "wait", words });
        }
        let languages = previews
            .into_iter()
            .map(|(language, p)| SeenLanguage { language, renditions: renditions(ui, p.channels) })
            .collect();
        Self { languages, checks }
    }

    /// How many things must be mended before it can be sent.
    pub fn bad(&self) -> usize {
        let checks = self.checks.iter().filter(|c| c.kind == "bad").count();
        let all = self.languages.iter().flat_map(|l| &l.renditions).flat_map(|r| &r.fits);
        checks + all.map(|f| f.problems.len()).sum::<usize>()
    }
}

impl Fit {
    /// `212 / 300`.
    pub fn counted(&self, ui: &Ui) -> String {
        counted(ui, &self.text)
    }

    /// The same for the title.
    pub fn title_counted(&self, ui: &Ui) -> Option<String> {
        self.title.as_ref().map(|t| counted(ui, t))
    }

    /// Whether it cannot be sent so.
    pub fn is_bad(&self) -> bool {
        !self.problems.is_empty()
    }
}

fn counted(ui: &Ui, m: &Measure) -> String {
    let unit = format!("compose-unit-{}", format!("{:?}", m.unit).to_lowercase());
    let count = ui.number(m.count);
    match m.limit {
        Some(limit) => format!("{count} / {} {}", ui.number(limit), ui.t(&unit)),
        None => format!("{count} {}", ui.t(&unit)),
    }
}

fn renditions(ui: &Ui, channels: Vec<PreviewChannel>) -> Vec<SeenRendition> {
    let mut out: Vec<SeenRendition> = Vec::new();
    for c in channels {
        let hash = c.rendition.content_hash();
        let problems = c.problems.iter().map(|p| channel_words(ui, &p.field, &p.message)).collect();
        let mut notes = c.messages.map(|m| messages(ui, m.count, m.odd)).unwrap_or_default();
        let can_stop = c.adapter == "x" && !c.rendition.more.is_empty();
        notes.extend(can_stop.then(|| ui.t("compose-thread-x")));
        let limits = ::channels::adapter(&c.adapter).map(|a| a.limits);
        let told = limits.iter().flat_map(|l| ::channels::fit::notes(&c.rendition, l));
        notes.extend(told.map(|(_, words)| ui.told(words)));
        let fit = Fit { name: c.name, text: c.text, title: c.title, notes, problems };
        if let Some(same) = out.iter_mut().find(|r| r.hash == hash) {
            same.fits.push(fit);
            continue;
        }
        let r = c.rendition;
        let media = r.media.into_iter().map(|m| (m.sha256, m.alt)).collect();
        out.push(SeenRendition { title: r.title, text: r.text, more: r.more, media, fits: vec![fit], hash });
    }
    out
}

/// In how many messages a text goes by SMS, and the first letter that makes them shorter.
fn messages(ui: &Ui, count: usize, odd: Option<char>) -> Vec<String> {
    let count = ui.n("compose-sms", count);
    let odd = odd.map(|letter| ui.with("compose-sms-letter", "letter", letter.to_string()));
    std::iter::once(count).chain(odd).collect()
}

/// What a channel's limits do not allow, in the reader's words where we have them.
fn channel_words(ui: &Ui, field: &str, message: &str) -> (String, bool) {
    let part = message.strip_prefix("part ").and_then(|m| m.split_once(": "));
    if let Some((n, message)) = part.and_then(|(n, m)| Some((n.parse::<i64>().ok()?, m))) {
        let (words, is_english) = channel_words(ui, field, message);
        return (format!("{words} ({})", ui.n("part-number", n)), is_english);
    }
    let number = |after: &str| message.strip_prefix(after)?.split(' ').next()?.parse::<i64>().ok();
    let words = match (field, message) {
        ("text", "is empty") => Some(ui.t("compose-empty")),
        ("title", m) if m.starts_with("is needed") => Some(ui.t("compose-title-needed")),
        ("media", m) if m.starts_with("every picture") => Some(ui.t("compose-alt-needed")),
        ("media", _) => number("has ").map(|n| ui.n("compose-pictures-many", n)),
        ("text", m) if m.contains(" bytes too long") => number("is ").map(|n| ui.n("compose-bytes-over", n)),
        ("text", m) if m.contains(" too long") => number("is ").map(|n| ui.n("compose-text-over", n)),
        ("title", m) if m.contains(" too long") => number("is ").map(|n| ui.n("compose-title-over", n)),
        _ => None,
    };
    let told = || match ui.say(message) {
        said if said == message => (format!("{field} {message}"), true),
        _ => (ui.told(message), false),
    };
    words.map_or_else(told, |words| (words, false))
}

fn checks(ui: &Ui, draft: &Draft, previews: &[(String, Preview)]) -> Vec<Check> {
    let mut out = Vec::new();
    let mut add = |kind, words| out.push(Check { kind, words });
    let written: Vec<_> = draft.texts.iter().filter(|w| !w.is_empty()).collect();
    if written.is_empty() {
        add("wait", ui.t("compose-nothing-yet"));
        return out;
    }
    for w in &written {
        let all = [&w.title, &w.text].into_iter().chain(w.own.values());
        let blanks: Vec<&str> = all.flat_map(|t| playbook::blanks(t)).collect();
        if !blanks.is_empty() {
            let list = format!("{} ({})", blanks.join(" "), w.language);
            add("bad", ui.with("compose-blanks", "list", &list));
        }
    }
    let mut links: Vec<String> = Vec::new();
    for (_, p) in previews {
        let found = p.channels.iter().flat_map(|c| c.rendition.texts()).flat_map(::channels::text::links);
        links.extend(found.map(|l| l.url));
    }
    links.sort();
    links.dedup();
    for link in &links {
        add("wait", ui.with("compose-link", "link", link));
    }
    if let [one, other] = written[..] {
        let (left, right) = (numbers(&said(one)), numbers(&said(other)));
        let only = different(&left, &right);
        if only.is_empty() {
            add("good", ui.t("compose-numbers-same"));
        } else {
            add("wait", ui.with("compose-numbers-differ", "list", only.join(", ")));
        }
    }
    for language in written.iter().map(|w| &w.language) {
        let bare = draft.pictures.iter().filter(|p| p.alt(language).trim().is_empty()).count();
        if bare > 0 {
            add("bad", format!("{} ({language})", ui.n("compose-alt-missing", bare)));
        }
    }
    let promised = previews.iter().all(|(_, p)| p.problems.iter().all(|x| x.field != "promise"));
    if draft.kind() == Kind::Update && draft.revises.is_empty() {
        let key = if promised { "compose-promise-there" } else { "compose-promise-missing" };
        add(if promised { "good" } else { "bad" }, ui.t(key));
    }
    let mut told: Vec<String> = Vec::new();
    for p in previews.iter().flat_map(|(_, p)| &p.problems) {
        let missing_promise = p.field == "promise" && draft.kind() == Kind::Update;
        let missing_words = p.field.starts_with("source.media") && p.message.contains("alt");
        let words =
            ui.trouble_words(&format!("post.{}", p.field), &format!("{}: {}", bare(&p.field), p.message));
        if !missing_promise && !missing_words && !told.contains(&words) {
            told.push(words);
        }
    }
    out.extend(told.into_iter().map(|words| Check { kind: "bad", words }));
    out
}

fn said(words: &super::draft::Words) -> String {
    format!("{}\n{}", words.title, words.text)
}

/// The numbers of a text and how often each is there. `1,284`, `1.284` and `1 284` are the same one.
fn numbers(text: &str) -> BTreeMap<String, usize> {
    let chars: Vec<char> = text.chars().collect();
    let digit = |n: usize| chars.get(n).is_some_and(char::is_ascii_digit);
    let group = |n: usize| {
        let mark = matches!(chars.get(n), Some(',' | '.' | ' ' | '\u{a0}' | '\u{202f}' | '’' | '\''));
        mark && (n + 1..n + 4).all(digit) && !digit(n + 4)
    };
    let (mut out, mut now, mut grouped) = (BTreeMap::new(), String::new(), false);
    // One place more than there are characters, so that a number at the end is counted.
    for (n, c) in chars.iter().chain([&' ']).enumerate() {
        if digit(n) {
            now.push(*c);
        } else if !now.is_empty() && group(n) && (grouped || now.len() <= 3) {
            grouped = true;
        } else if !now.is_empty() {
            *out.entry(std::mem::take(&mut now)).or_insert(0) += 1;
            grouped = false;
        }
    }
    out
}

/// The numbers that one has more often than the other.
fn different(one: &BTreeMap<String, usize>, other: &BTreeMap<String, usize>) -> Vec<String> {
    let mut all: Vec<&String> = one.keys().chain(other.keys()).collect();
    all.sort();
    all.dedup();
    all.into_iter().filter(|n| one.get(*n) != other.get(*n)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_whatever_parts_their_thousands() {
        let differ = |a: &str, b: &str| different(&numbers(a), &numbers(b));
        assert!(differ("1,284 cards since 14:02", "1 284 cartes depuis 14 h 02").is_empty());
        assert!(differ("1.5 million, 27 Nov 2026", "1,5 million, 27 nov. 2026").is_empty());
        assert_eq!(differ("call 3900 by 5 pm", "appelez le 3090 avant 17 h"), ["17", "3090", "3900", "5"]);
        assert_eq!(differ("12 and 12", "12"), ["12"]);
        assert_eq!(differ("10,000,000 posts", "10 000 000"), Vec::<String>::new());
    }
}
