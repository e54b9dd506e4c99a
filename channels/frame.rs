//! Fixed words that a network puts around those of a post. Pure.
//!
//! They are in the rendition, so that people approve the whole message as it is read; what is sent is cut out of it
//! again. What may stand inside is what WhatsApp takes there (error 132018): one line, without tabs, and at most four
//! blanks in a row.

use serde_json::Value;

use crate::text::Problem;

/// The fixed words around those of a post in this language, with pictures or without, by the settings of its channel. The
/// error is a sentence about the language.
pub type Framing = fn(&Value, &str, bool) -> Result<Frame, String>;

/// Where the words of a post go.
pub(crate) const PLACE: &str = "{{1}}";
/// Most blanks in a row.
const BLANKS: usize = 4;

/// What stands before the words of a post, and after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    before: String,
    after: String,
}

impl Frame {
    /// From a text that has [`PLACE`] once and no other place. Nothing: it is none.
    pub(crate) fn new(body: &str) -> Option<Self> {
        let (before, after) = body.split_once(PLACE)?;
        let is_plain = |part: &str| !part.contains("{{") && !part.contains("}}");
        let frame = || Self { before: before.to_owned(), after: after.to_owned() };
        (is_plain(before) && is_plain(after)).then(frame)
    }

    /// The whole message with these words in it.
    pub fn around(&self, words: &str) -> String {
        format!("{}{words}{}", self.before, self.after)
    }

    /// The words inside of a whole message. Nothing: other words are around them.
    pub fn words<'a>(&self, text: &'a str) -> Option<&'a str> {
        text.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())
    }

    /// What is wrong with a whole message.
    pub fn problems(&self, text: &str) -> Vec<Problem> {
        let Some(words) = self.words(text) else { return vec![problem(OTHERS)] };
        let found = [
            (words.trim().is_empty(), "is empty"),
            (
                words.chars().any(|c| matches!(c, '\u{9}'..='\u{d}' | '\u{85}' | '\u{2028}' | '\u{2029}')),
                LINES,
            ),
            (longest_gap(words) > BLANKS, GAP),
        ];
        found.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, words)| problem(words)).collect()
    }
}

const OTHERS: &str = "has other words around it than the channel's template by now; save the post again, so that the new ones are approved";
const LINES: &str = "holds a line break or a tab, and the template of this channel takes one line; give the channel \
    a text of its own, without them";
const GAP: &str = "holds more than four blanks in a row, which the template of this channel does not take";

fn problem(message: &str) -> Problem {
    Problem { field: "text", message: message.to_owned() }
}

/// The most blanks in a row.
fn longest_gap(words: &str) -> usize {
    let mut gap = 0;
    let gaps = words.chars().map(|c| {
        gap = if c.is_whitespace() { gap + 1 } else { 0 };
        gap
    });
    gaps.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::{Unit, count};

    #[test]
    fn what_is_put_in_is_cut_out_again() {
        let frame = Frame::new("Bank AG:\n{{1}}\nMore: bank.example").unwrap();
        let text = frame.around("Cards fail.");
        assert_eq!(text, "Bank AG:\nCards fail.\nMore: bank.example");
        assert_eq!(frame.words(&text), Some("Cards fail."));
        for other in ["Cards fail.", "Bank AG:\nCards fail.", "Bank AG: Cards fail.\nMore: bank.example", ""]
        {
            assert_eq!(frame.words(other), None, "{other}");
            assert_eq!(frame.problems(other)[0].message, OTHERS);
        }
        // A message may repeat its frame.
        let twice = frame.around(&text);
        assert_eq!(frame.words(&twice), Some(text.as_str()));
        for odd in ["", "no place", "{{1}} and {{2}}", "{{1}} and {{1}}", "{{name}} {{1}}", "{{1}} }}"] {
            assert_eq!(Frame::new(odd), None, "{odd}");
        }
    }

    #[test]
    fn one_line_goes_in() {
        let frame = Frame::new("A\n{{1}}\nB").unwrap();
        let said = |words: &str| {
            let problems = frame.problems(&frame.around(words));
            problems.into_iter().map(|p| p.message).collect::<Vec<_>>()
        };
        for well in ["Cards fail.", "a    b", "50\u{a0}% \u{202f}!"] {
            assert_eq!(said(well), Vec::<String>::new(), "{well:?}");
        }
        for lines in ["a\nb", "a\tb", "a\r\nb", "a\u{2028}b", "a\n"] {
            assert_eq!(said(lines), [LINES], "{lines:?}");
        }
        assert_eq!(said("a     b"), [GAP]);
        assert_eq!((said(""), said(" ")), (vec!["is empty".to_owned()], vec!["is empty".to_owned()]));
    }

    proptest! {
        #[test]
        fn whatever_stands_around_them_the_words_come_out_as_they_went_in(
            before in "[^{}]{0,40}", words in ".{0,60}", after in "[^{}]{0,40}",
        ) {
            let frame = Frame::new(&format!("{before}{PLACE}{after}")).unwrap();
            let text = frame.around(&words);
            assert_eq!(frame.words(&text), Some(words.as_str()));
            // The length of the message is that of all of it, in the unit that is counted.
            let long = |text: &str| count(text, Unit::Utf16);
            assert_eq!(long(&text), long(&before) + long(&words) + long(&after));
        }

        #[test]
        fn what_one_line_cannot_hold_is_told(
            words in "[a-zé😀]{1,9}( {1,6}[a-zé😀]{1,9}){0,5}", line in prop_oneof!["\n", "\t", "\r\n", "\u{2028}"], at in 0..9_usize,
        ) {
            let frame = Frame::new("A {{1}} B").unwrap();
            let gap = words.contains("     ");
            assert_eq!(frame.problems(&frame.around(&words)).is_empty(), !gap, "{words:?}");
            let mut letters: Vec<char> = words.chars().collect();
            letters.splice(at.min(letters.len())..at.min(letters.len()), line.chars());
            let parted: String = letters.into_iter().collect();
            assert!(frame.problems(&frame.around(&parted)).iter().any(|p| p.message == LINES), "{parted:?}");
        }
    }
}
