//! The words of the public page, in English and French. Everything else on it was approved.

use axum::http::{HeaderMap, header};
use chrono::{DateTime, Datelike, Timelike};

/// One language of the public page.
#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    /// BCP 47 tag.
    pub tag: &'static str,
    pub information: &'static str,
    pub nothing: &'static str,
    pub exercise: &'static str,
    pub missing: &'static str,
    pub not_yet: &'static str,
    pub open: &'static str,
    pub closed: &'static str,
    pub next_update: &'static str,
    pub overdue: &'static str,
    pub more: &'static str,
    pub all: &'static str,
    /// Before the time at which a text got other words.
    pub corrected: &'static str,
    update: &'static str,
    tip: &'static str,
    notice: &'static str,
    correction: &'static str,
    months: [&'static str; 12],
    at: &'static str,
}

/// English.
pub const ENGLISH: Words = Words {
    tag: "en",
    information: "Service information",
    exercise: "EXERCISE. This is a drill: nothing here is real.",
    missing: "This page does not exist.",
    nothing: "There is nothing to report at the moment.",
    not_yet: "Nothing has been published here yet.",
    open: "Current",
    closed: "No longer updated",
    next_update: "Next update by",
    overdue: "This update is late.",
    more: "Read more",
    all: "All information",
    corrected: "Corrected at",
    update: "Update",
    tip: "Advice",
    notice: "Notice to customers",
    correction: "Correction",
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    at: ", ",
};

/// French.
pub const FRENCH: Words = Words {
    tag: "fr",
    information: "Informations sur nos services",
    exercise: "EXERCICE. Ceci est une simulation : rien n’est réel ici.",
    missing: "Cette page n’existe pas.",
    nothing: "Rien à signaler pour le moment.",
    not_yet: "Rien n’a encore été publié ici.",
    open: "En cours",
    closed: "Cette page n’est plus mise à jour",
    next_update: "Prochaine information avant le",
    overdue: "Cette information est en retard.",
    more: "Lire la suite",
    all: "Toutes les informations",
    corrected: "Corrigé le",
    update: "Point de situation",
    tip: "Conseil",
    notice: "Avis aux clients",
    correction: "Rectificatif",
    months: [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    at: " à ",
};

impl Words {
    /// The first language that the reader's browser asks for and that is here; otherwise English.
    /// `wanted` is a choice in the address and goes first.
    pub fn choose(wanted: Option<&str>, headers: &HeaderMap) -> &'static Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or("");
        // The order is the preference: browsers write it so (RFC 9110, section 12.5.4).
        let tags = wanted.into_iter().chain(accepted.split(',').map(|t| t.split(';').next().unwrap_or(t)));
        let primary = |tag: &str| tag.trim().split('-').next().unwrap_or("").to_lowercase();
        let known = |tag: &str| [&ENGLISH, &FRENCH].into_iter().find(|w| w.tag == primary(tag));
        tags.into_iter().find_map(known).unwrap_or(&ENGLISH)
    }

    /// A month, counted from 0, by its whole name.
    pub fn month(&self, month0: u32) -> &'static str {
        self.months[month0 as usize % 12]
    }

    /// What a kind of text is called.
    pub fn kind(&self, kind: &str) -> &'static str {
        match kind {
            "tip" => self.tip,
            "notice" => self.notice,
            "correction" => self.correction,
            _ => self.update,
        }
    }

    /// An instant (RFC 3339) as people write it, in UTC.
    pub fn time(&self, at: &str) -> String {
        let Ok(t) = DateTime::parse_from_rfc3339(at) else { return at.to_owned() };
        let t = t.to_utc();
        let month = self.month(t.month0());
        format!("{} {month} {}{}{:02}:{:02} UTC", t.day(), t.year(), self.at, t.hour(), t.minute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &'static str) -> HeaderMap {
        [(header::ACCEPT_LANGUAGE, value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn the_reader_gets_the_first_language_that_is_here() {
        assert_eq!(Words::choose(None, &accept("de-CH, fr-CH;q=0.9, en;q=0.8")), &FRENCH);
        assert_eq!(Words::choose(None, &accept("en-GB,fr")), &ENGLISH);
        assert_eq!(Words::choose(Some("fr"), &accept("en-GB")), &FRENCH);
        assert_eq!(Words::choose(Some("<script>"), &HeaderMap::new()), &ENGLISH);
    }

    #[test]
    fn times_are_written_out() {
        assert_eq!(ENGLISH.time("2026-11-23T22:05:00.000Z"), "23 November 2026, 22:05 UTC");
        assert_eq!(FRENCH.time("2026-11-23T22:05:00.000Z"), "23 novembre 2026 à 22:05 UTC");
    }
}
