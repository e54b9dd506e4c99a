//! Which version of LinkedIn's API is asked for, and how long it lives. Pure.

use std::fmt;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// How long before its end the check speaks of it.
const WARNING: TimeDelta = TimeDelta::days(60);

/// A version by its year and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    year: i32,
    month: u32,
}

impl Version {
    /// The newest that was known when this was written.
    pub const NEWEST: Self = Self { year: 2026, month: 7 };

    /// Reads `YYYYMM`.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.len() == 6 && text.chars().all(|c| c.is_ascii_digit());
        let (year, month) = text.split_at_checked(4).filter(|_| digits)?;
        let (year, month) = (year.parse().ok()?, month.parse().ok()?);
        ((2022..=2099).contains(&year) && (1..=12).contains(&month)).then_some(Self { year, month })
    }

    /// The last day that is promised, as a person reads it, when it is near or past.
    pub fn ends_soon(self, now: DateTime<Utc>) -> Option<String> {
        let end = NaiveDate::from_ymd_opt(self.year + 1, self.month, 1)?;
        (now.date_naive() >= end - WARNING).then(|| end.format("%Y-%m-%d").to_string())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_and_its_end_is_told_in_time() {
        for bad in ["", "2026", "2026-7", "202600", "202613", "20260a", "199901", "2026071", "２０２６０７"]
        {
            assert_eq!(Version::read(bad), None, "{bad}");
        }
        let version = Version::read("202607").unwrap();
        assert_eq!((version, version.to_string().as_str()), (Version::NEWEST, "202607"));
        let on = |day: &str| version.ends_soon(format!("{day}T12:00:00Z").parse().unwrap());
        assert_eq!(on("2026-11-28"), None);
        assert_eq!(on("2027-05-01"), None);
        assert_eq!(on("2027-05-02"), Some("2027-07-01".to_owned()));
        assert_eq!(on("2028-01-01"), Some("2027-07-01".to_owned()));
    }
}
