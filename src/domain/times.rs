//! Times as people type them, and recurrences that are right in both folds of daylight saving.

use std::str::FromStr;

use chrono::{DateTime, Duration, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;

use crate::clock::Millis;

/// # Errors
/// A sentence when the zone is not in the IANA database.
pub fn check_zone(zone: &str) -> Result<Tz, String> {
    zone.parse().map_err(|_| format!("\"{zone}\" is not an IANA time zone; write for example Europe/Paris"))
}

/// An instant from RFC 3339 (`2026-12-01T08:00:00Z`) or from local time in `zone`
/// (`2026-12-01T09:00`).
///
/// # Errors
/// A sentence when it is neither, or when the local time is missing or doubled by the clocks' change.
pub fn parse(text: &str, zone: &str) -> Result<Millis, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.timestamp_millis());
    }
    let zone = check_zone(zone)?;
    let local = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .ok_or_else(|| format!("\"{text}\" is not a time; write 2026-12-01T08:00:00Z or 2026-12-01T09:00"))?;
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) => Ok(at.timestamp_millis()),
        MappedLocalTime::Ambiguous(first, second) => Err(format!(
            "{text} happens twice in {zone} because the clocks go back; write {} or {}",
            first.to_rfc3339(),
            second.to_rfc3339()
        )),
        MappedLocalTime::None => Err(format!(
            "{text} does not exist in {zone}: the clocks go forward over it; choose another time"
        )),
    }
}

/// When a day begins in a zone. Where the clocks go forward over midnight it begins after the gap;
/// where they go back over it, with the first of the two midnights.
pub fn midnight(zone: Tz, day: NaiveDate) -> Millis {
    let mut local = day.and_time(NaiveTime::MIN);
    // The longest gap ever was a whole day: a place that crossed the date line.
    for _ in 0..=100 {
        if let Some(at) = zone.from_local_datetime(&local).earliest() {
            return at.timestamp_millis();
        }
        local += Duration::minutes(15);
    }
    day.and_time(NaiveTime::MIN).and_utc().timestamp_millis()
}

/// The first occurrence of a cron expression strictly after `after`, in the zone.
///
/// # Errors
/// A sentence when the expression or the zone cannot be read.
pub fn next_after(cron: &str, zone: &str, after: Millis) -> Result<Option<Millis>, String> {
    let zone = check_zone(zone)?;
    let cron = Cron::from_str(cron)
        .map_err(|e| format!("\"{cron}\" is not a cron expression ({e}); write for example 0 9 * * 1-5"))?;
    let from: DateTime<Utc> = Utc.timestamp_millis_opt(after).single().ok_or("the time is out of range")?;
    let mut at = from.with_timezone(&zone);
    // An occurrence that is not later than the last one would send twice: ask again from there.
    for _ in 0..4 {
        match cron.find_next_occurrence(&at, false) {
            Ok(next) if next.timestamp_millis() > after => return Ok(Some(next.timestamp_millis())),
            Ok(next) => at = next,
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Millis {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    #[test]
    fn a_local_time_that_is_missing_or_doubled_is_refused_in_words() {
        assert_eq!(parse("2026-12-01T09:00", "Europe/Paris"), Ok(at("2026-12-01T08:00:00Z")));
        assert!(parse("2026-03-29T02:30", "Europe/Paris").unwrap_err().contains("does not exist"));
        let twice = parse("2026-10-25T02:30", "Europe/Paris").unwrap_err();
        assert!(twice.contains("2026-10-25T02:30:00+02:00") && twice.contains("2026-10-25T02:30:00+01:00"));
        assert!(parse("tomorrow", "UTC").is_err());
    }

    #[test]
    fn days_begin_at_local_midnight_over_both_folds() {
        let hours = |zone: Tz, y, m, d| {
            let day = NaiveDate::from_ymd_opt(y, m, d).unwrap();
            (midnight(zone, day.succ_opt().unwrap()) - midnight(zone, day)) / 3_600_000
        };
        let paris = chrono_tz::Europe::Paris;
        assert_eq!(
            midnight(paris, NaiveDate::from_ymd_opt(2026, 3, 29).unwrap()),
            at("2026-03-28T23:00:00Z")
        );
        assert_eq!(
            [(3, 28), (3, 29), (10, 25), (10, 26)].map(|(m, d)| hours(paris, 2026, m, d)),
            [24, 23, 25, 24]
        );
        // Clocks that change at midnight, and a day that was left out.
        assert_eq!(hours(chrono_tz::Africa::Cairo, 2026, 4, 24), 23);
        assert_eq!(hours(chrono_tz::Pacific::Apia, 2011, 12, 30), 0);
        assert_eq!(hours(chrono_tz::Asia::Kathmandu, 2026, 6, 1), 24);
    }

    #[test]
    fn nine_in_paris_stays_nine_in_paris() {
        let mut t = at("2026-03-27T12:00:00Z");
        let mut seen = Vec::new();
        for _ in 0..3 {
            t = next_after("0 9 * * *", "Europe/Paris", t).unwrap().unwrap();
            seen.push(t);
        }
        assert_eq!(seen, ["2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z", "2026-03-30T07:00:00Z"].map(at));
    }

    #[test]
    fn occurrences_never_go_backwards_over_either_fold() {
        for (zone, start) in [
            ("Europe/Paris", "2026-10-24T22:00:00Z"),
            ("Europe/Paris", "2026-03-28T22:00:00Z"),
            ("America/New_York", "2026-11-01T03:00:00Z"),
            ("America/New_York", "2026-03-08T04:00:00Z"),
        ] {
            for cron in ["*/15 * * * *", "30 2 * * *", "0 1,2,3 * * *"] {
                let mut t = at(start);
                for _ in 0..40 {
                    let next = next_after(cron, zone, t).unwrap().unwrap();
                    assert!(next > t, "{zone} {cron}");
                    t = next;
                }
            }
        }
    }

    #[test]
    fn a_daily_post_in_the_doubled_hour_comes_once() {
        let first = next_after("30 2 * * *", "Europe/Paris", at("2026-10-24T22:00:00Z")).unwrap().unwrap();
        let second = next_after("30 2 * * *", "Europe/Paris", first).unwrap().unwrap();
        assert!(second - first > 20 * 3_600_000, "{first} {second}");
    }

    proptest! {
        #[test]
        fn whatever_is_typed_as_a_time_is_read_or_refused_in_words(text in any_time(), zone in any_zone()) {
            if let Err(why) = parse(&text, &zone) {
                prop_assert!(why.contains('"') || why.contains("the clocks"), "{why}");
            }
        }

        #[test]
        fn whatever_is_typed_as_a_recurrence_comes_later_or_is_refused(
            cron in any_cron(), zone in any_zone(), after in prop_oneof![any::<i64>(), 0..4_000_000_000_000_i64],
        ) {
            if let Ok(Some(next)) = next_after(&cron, &zone, after) {
                prop_assert!(next > after, "{cron} in {zone} after {after}: {next}");
            }
        }
    }

    fn any_zone() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => proptest::sample::select(&chrono_tz::TZ_VARIANTS[..]).prop_map(|zone| zone.name().to_owned()),
            1 => ".{0,20}",
        ]
    }

    fn any_time() -> impl Strategy<Value = String> {
        let part = || {
            prop_oneof![
                Just("0"),
                Just("1"),
                Just("12"),
                Just("31"),
                Just("59"),
                Just("60"),
                Just("2026"),
                Just("99999"),
                Just("-1")
            ]
        };
        let shaped = (part(), part(), part(), part(), part(), "(Z|[+-][0-9]{2}:[0-9]{2}|)")
            .prop_map(|(y, m, d, h, min, zone)| format!("{y:0>4}-{m:0>2}-{d:0>2}T{h:0>2}:{min:0>2}{zone}"));
        prop_oneof![3 => shaped, 1 => ".{0,40}"]
    }

    fn any_cron() -> impl Strategy<Value = String> {
        let field = "(\\*|\\?|[0-9]{1,3}|[0-9]{1,2}-[0-9]{1,2}|\\*/[0-9]{1,2}|[0-9]{1,2},[0-9]{1,2}|L|W|[0-9]{1,2}[LW#]|MON|mon#5|JAN|)";
        prop_oneof![
            5 => proptest::collection::vec(field, 4..7).prop_map(|fields| fields.join(" ")),
            1 => "@[a-z]{0,9}",
            1 => ".{0,40}",
        ]
    }
}
