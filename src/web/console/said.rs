//! What the service says, on a page: in the reader's language where it is known.

use super::ui::Ui;
use super::words::Lang;
use super::{sentences, times};
use crate::app::signals::SignalView;

/// What the service says, as the reader gets it.
#[derive(Debug)]
pub struct Said {
    pub words: String,
    /// It stands in English on a page of another language.
    pub is_english: bool,
}

impl Ui {
    /// What the service says, in the reader's language where it is known.
    pub fn said(&self, text: &str) -> Said {
        let place = |how: &str, text: &str| match how {
            "time" => Some(times::millis(text)).filter(|at| *at > 0).map(|_| self.at(text)),
            prefix => Some(self.named(prefix, text)).filter(|w| !w.starts_with(&format!("{prefix}-"))),
        };
        let french = if self.lang == Lang::Fr { sentences::french(text, &place) } else { None };
        let is_english = self.lang != Lang::En && french.is_none();
        Said { words: french.unwrap_or_else(|| text.to_owned()), is_english }
    }

    /// What stands in a signal: in the reader's language where it was said here, and else as it was said.
    pub fn of_signal(&self, s: &SignalView, words: &str) -> String {
        if s.is_own() { self.say(words) } else { words.to_owned() }
    }

    /// The words of that alone: to be placed in others.
    pub fn say(&self, text: &str) -> String {
        self.said(text).words
    }

    /// The same, standing alone: in French with a capital letter and a full stop.
    pub fn told(&self, text: &str) -> String {
        self.alone(text, self.said(text))
    }

    fn alone(&self, text: &str, said: Said) -> String {
        let is_french = self.lang != Lang::En && !said.is_english;
        if is_french { sentences::standing_alone(text, &said.words) } else { said.words }
    }

    /// What is wrong with a field, in the reader's language where we have the words; otherwise as the
    /// service says it.
    pub fn trouble_words(&self, field: &str, message: &str) -> String {
        let key = format!("wrong-{}", field.replace(['.', '_'], "-"));
        let (words, said) = (self.t(&key), self.said(message));
        if said.is_english && words != key { words } else { self.alone(message, said) }
    }
}
