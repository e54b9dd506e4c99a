//! Times as people read them: absolute, with the zone, and relative beside it.

use chrono::{DateTime, Datelike, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use super::words::Lang;
use crate::clock::Millis;

const MONTHS: [[&str; 12]; 2] = [
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."],
];
const DAYS: [[&str; 7]; 2] = [
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    ["lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."],
];

/// An RFC 3339 instant, in milliseconds; 0 when it is none.
pub fn millis(at: &str) -> Millis {
    DateTime::parse_from_rfc3339(at).map_or(0, |t| t.timestamp_millis())
}

/// An instant in a zone.
pub fn local(at: Millis, zone: Tz) -> DateTime<Tz> {
    Utc.timestamp_millis_opt(at).single().unwrap_or_default().with_timezone(&zone)
}

/// `27 Nov 2026, 14:02 CET`.
pub fn absolute(lang: Lang, zone: Tz, at: Millis) -> String {
    let t = local(at, zone);
    let month = MONTHS[lang as usize][t.month0() as usize % 12];
    let comma = if lang == Lang::En { "," } else { " à" };
    format!("{} {month} {}{comma} {:02}:{:02} {}", t.day(), t.year(), t.hour(), t.minute(), t.format("%Z"))
}

/// `27 Nov 2026, 14:02:03.120 CET`: for the marks of a freeze.
pub fn exact(lang: Lang, zone: Tz, at: Millis) -> String {
    let t = local(at, zone);
    let month = MONTHS[lang as usize][t.month0() as usize % 12];
    let comma = if lang == Lang::En { "," } else { " à" };
    format!(
        "{} {month} {}{comma} {:02}:{:02}:{:02}.{:03} {}",
        t.day(),
        t.year(),
        t.hour(),
        t.minute(),
        t.second(),
        t.timestamp_subsec_millis(),
        t.format("%Z")
    )
}

/// `14:02`.
pub fn clock(zone: Tz, at: Millis) -> String {
    local(at, zone).format("%H:%M").to_string()
}

/// Whether both are on one day in that zone.
pub fn is_same_day(zone: Tz, one: Millis, other: Millis) -> bool {
    local(one, zone).date_naive() == local(other, zone).date_naive()
}

/// `14:02` for today; for another day the whole of it, `26 Nov 2026, 14:02 CET`.
pub fn near(lang: Lang, zone: Tz, now: Millis, at: Millis) -> String {
    if is_same_day(zone, now, at) { clock(zone, at) } else { absolute(lang, zone, at) }
}

/// `Fri 27 Nov`.
pub fn day(lang: Lang, zone: Tz, at: Millis) -> String {
    let t = local(at, zone);
    let day = DAYS[lang as usize][t.weekday().num_days_from_monday() as usize % 7];
    format!("{day} {} {}", t.day(), MONTHS[lang as usize][t.month0() as usize % 12])
}

/// `November 2026`.
pub fn month(lang: Lang, year: i32, month0: u32) -> String {
    format!("{} {year}", lang.public().month(month0))
}

/// How long ago, or until when: `3 min ago`, `in 2 h`.
pub fn relative(lang: Lang, now: Millis, at: Millis) -> String {
    let seconds = (at - now) / 1_000;
    let (n, unit) = match seconds.abs() {
        s @ 0..60 => (s, "second"),
        s @ 60..5_400 => (s / 60, "minute"),
        s @ 5_400..129_600 => (s / 3_600, "hour"),
        s => (s / 86_400, "day"),
    };
    let key = if seconds > 0 { format!("in-{unit}s") } else { format!("{unit}s-ago") };
    lang.with(&key, &[("n", n.into())])
}

/// An instant as a form's date and time field wants it: local, to the minute.
pub fn field(zone: Tz, at: Millis) -> String {
    local(at, zone).format("%Y-%m-%dT%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_their_zone() {
        let at = millis("2026-11-27T13:02:03.120Z");
        let paris = chrono_tz::Europe::Paris;
        assert_eq!(absolute(Lang::En, paris, at), "27 Nov 2026, 14:02 CET");
        assert_eq!(absolute(Lang::Fr, paris, at), "27 nov. 2026 à 14:02 CET");
        assert_eq!(exact(Lang::En, paris, at), "27 Nov 2026, 14:02:03.120 CET");
        assert_eq!(day(Lang::Fr, paris, at), "ven. 27 nov.");
        assert_eq!(field(paris, at), "2026-11-27T14:02");
    }

    #[test]
    fn another_day_carries_its_date() {
        let (now, paris) = (millis("2026-11-27T23:30:00Z"), chrono_tz::Europe::Paris);
        let near = |at: &str| near(Lang::En, paris, now, millis(at));
        assert_eq!(near("2026-11-27T23:00:00Z"), "00:00");
        assert_eq!(near("2026-11-28T22:59:00Z"), "23:59");
        // The same day in UTC, and yesterday in Paris.
        assert_eq!(near("2026-11-27T22:59:00Z"), "27 Nov 2026, 23:59 CET");
    }

    #[test]
    fn relative_times_are_words() {
        let now = millis("2026-11-27T13:00:00Z");
        assert_eq!(relative(Lang::En, now, now - 180_000), "3 min ago");
        assert_eq!(relative(Lang::En, now, now + 7_200_000), "in 2 h");
        assert_eq!(relative(Lang::Fr, now, now - 86_400_000 * 3), "il y a 3 jours");
    }
}
