//! What the service itself says, in French: refusals, reasons, what a channel answers.
//!
//! The service speaks English: in its API, its log and its database. A table has the French of each
//! sentence. A hole of a sentence takes any text; what comes from elsewhere, such as the words of a
//! network, stays as it is.

use std::sync::LazyLock;

/// Pairs of lines: the English sentence, and below it, indented, its French.
///
/// `{}` is a hole. The French places it by number: `{1}` as it is, `{1:say}` as a sentence of its own,
/// `{1:time}` as a time, `{1:state}` as the word of the console with that beginning (`state-held`).
const FILE: &str = include_str!("locales/fr/sentences.txt");

/// Longer texts than this, in bytes, stay as they are.
const LONGEST: usize = 2_000;
/// How often a hole may hold a sentence that has holes itself.
const DEEPEST: usize = 3;

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(FILE));

/// Turns what stands in a hole into French: the word after the colon, and the text.
pub type Place<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// The French of an English sentence; nothing when it is not known.
pub fn french(text: &str, place: Place) -> Option<String> {
    if text.len() > LONGEST { None } else { TABLE.say(text, place, 0) }
}

/// Every known English sentence, with `{}` for its holes.
pub fn known() -> impl Iterator<Item = String> {
    TABLE.lines.iter().map(|l| l.pieces.join("{}"))
}

/// The French as it stands alone: with a capital letter and a full stop. What the English begins with
/// too is a name, and stays as it is.
pub fn standing_alone(english: &str, french: &str) -> String {
    let first = |text: &str| text.split([' ', '\u{a0}', '\u{202f}', ':']).next().map(str::to_owned);
    let stop = if french.ends_with(['.', '?', '!', '…', ':']) { "" } else { "." };
    let mut rest = french.chars();
    match rest.next() {
        Some(c) if first(english) != first(french) => format!("{}{}{stop}", c.to_uppercase(), rest.as_str()),
        _ => format!("{french}{stop}"),
    }
}

#[derive(Debug)]
struct Table {
    /// Those with the most letters of their own first.
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    /// What stands around the holes: one piece more than there are holes.
    pieces: Vec<&'static str>,
    french: Vec<Part>,
}

/// A part of a French sentence.
#[derive(Debug)]
enum Part {
    Words(&'static str),
    /// The number of the hole, from 0, and how it is shown.
    Hole(usize, &'static str),
}

impl Table {
    fn read(file: &'static str) -> Self {
        let mut lines: Vec<Line> = Vec::new();
        for line in file.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')) {
            match (line.strip_prefix("  "), lines.last_mut()) {
                (Some(french), Some(last)) => last.french = parts(french),
                _ => lines.push(Line { pieces: line.split("{}").collect(), french: Vec::new() }),
            }
        }
        // The sort keeps the order of the file where the weight is the same.
        lines.sort_by_key(|l| std::cmp::Reverse(l.weight()));
        Self { lines }
    }

    fn say(&self, text: &str, place: Place, depth: usize) -> Option<String> {
        if depth > DEEPEST {
            return None;
        }
        let matching = self.lines.iter().filter_map(|l| Some((l, l.holes(text)?)));
        for (line, holes) in matching {
            let (words, translated) = self.fill(line, &holes, place, depth);
            // A line that only joins others says nothing by itself.
            if translated || line.has_words() {
                return Some(words);
            }
        }
        None
    }

    /// The French with its holes filled, and whether any of them held a known sentence.
    fn fill(&self, line: &Line, holes: &[&str], place: Place, depth: usize) -> (String, bool) {
        let (mut out, mut translated) = (String::new(), false);
        for part in &line.french {
            let (n, how) = match part {
                Part::Words(words) => {
                    out.push_str(words);
                    continue;
                }
                Part::Hole(n, how) => (*n, *how),
            };
            let text = holes.get(n).copied().unwrap_or_default();
            let french = match how {
                "" => None,
                "say" => self.say(text, place, depth + 1),
                other => place(other, text),
            };
            translated |= french.is_some();
            out.push_str(french.as_deref().unwrap_or(text));
        }
        (out, translated)
    }
}

impl Line {
    /// How much of a text must be as the line says. What only joins others comes last.
    fn weight(&self) -> usize {
        if self.has_words() { self.pieces.iter().map(|p| p.len()).sum() } else { 0 }
    }

    fn has_words(&self) -> bool {
        self.pieces.iter().any(|p| p.contains(char::is_alphabetic))
    }

    /// What stands in the holes of a text that has this form. Each hole but the last is as short as
    /// it can be, so that one walk over the text decides.
    fn holes<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let (first, rest) = self.pieces.split_first()?;
        let Some((last, between)) = rest.split_last() else { return (text == *first).then(Vec::new) };
        let mut text = text.strip_prefix(first)?.strip_suffix(last)?;
        let mut holes = Vec::with_capacity(rest.len());
        for piece in between {
            let (hole, after) = text.split_once(piece)?;
            holes.push(hole);
            text = after;
        }
        holes.push(text);
        Some(holes)
    }
}

/// `{1:say}` and what stands around such holes.
fn parts(french: &'static str) -> Vec<Part> {
    let mut out = Vec::new();
    let mut rest = french;
    while let Some((words, hole, after)) = rest.split_once('{').and_then(|(words, tail)| {
        let (hole, after) = tail.split_once('}')?;
        Some((words, hole, after))
    }) {
        let (number, how) = hole.split_once(':').unwrap_or((hole, ""));
        out.push(Part::Words(words));
        // A number that is none shows the first hole; a test reads the whole file.
        out.push(Part::Hole(number.parse::<usize>().unwrap_or(1).saturating_sub(1), how));
        rest = after;
    }
    out.push(Part::Words(rest));
    out
}

#[cfg(test)]
#[path = "sentences_tests.rs"]
mod tests;
