//! When a token ends that a person typed in, where the network does not tell it. Pure.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::{Connection, Health, Setting};

/// The setting for it.
pub(crate) const TOKEN_ENDS: Setting = Setting {
    name: "token_ends",
    help: "When a token that was typed in ends, like 2026-12-31, where the network does not tell it; write it anew \
           with each token",
    required: false,
    private: false,
};

/// What that setting says; a day is its beginning in UTC, so that the board warns too early and never too late.
///
/// # Errors
/// A sentence that names the setting.
pub(crate) fn token_ends(connection: &Connection) -> Result<Option<DateTime<Utc>>, String> {
    let Ok(text) = connection.setting(TOKEN_ENDS.name) else { return Ok(None) };
    let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let time = || DateTime::parse_from_rfc3339(&text).map(|at| at.with_timezone(&Utc));
    let read = day.or_else(|_| time());
    let wrong = "the setting token_ends: write a day like 2026-12-31, or a time like 2026-12-31T12:00:00Z";
    read.map(Some).map_err(|_| wrong.to_owned())
}

/// With that end, where the network told none.
pub(crate) fn told_or(health: Health, ends: Option<DateTime<Utc>>) -> Health {
    let told = health.facts.expires_at;
    health.until(told.or(ends))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::suite;

    #[test]
    fn an_end_is_a_day_or_a_time_and_nothing_else() {
        let read = |text: &str| {
            let settings = json!({ "token_ends": text, "organization": "7" });
            suite::connect(&crate::linkedin::ADAPTER, settings, Some("hunter2")).err()
        };
        for well in ["2026-12-31", "2026-12-31T12:00:00Z", "2026-12-31T12:00:00+02:00", ""] {
            assert_eq!(read(well), None, "{well}");
        }
        for odd in ["31.12.2026", "2026-13-01", "soon", "2026-12-31 12:00"] {
            assert!(read(odd).unwrap().contains("setting token_ends"), "{odd}");
        }
    }

    #[test]
    fn what_the_network_tells_goes_before_what_was_written_down() {
        let at = |days: i64| DateTime::from_timestamp(1_700_000_000 + days * 86_400, 0);
        assert_eq!(told_or(Health::ready("well").until(at(3)), at(9)).facts.expires_at, at(3));
        assert_eq!(told_or(Health::unready("ill"), at(9)).facts.expires_at, at(9));
        assert_eq!(told_or(Health::ready("well"), None).facts.expires_at, None);
    }
}
