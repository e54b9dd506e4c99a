//! The money that posts cost, where a network stops when it is used up. Pure.

use serde::{Deserialize, Serialize};

/// What is known of the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Money {
    /// The network told how much there is.
    Told {
        /// A decimal number as the network wrote it.
        amount: String,
        /// The letters of a currency, like USD.
        currency: String,
        level: Level,
    },
    /// Posts stop when it is used up, and nothing tells how much there is.
    Untold,
}

/// How much that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Enough,
    /// Less than the amount at which the settings want a warning.
    Low,
    /// Nothing, or debts.
    Gone,
}

/// Why no post goes.
pub const NO_MONEY: &str = "the account at the network has no money left; top it up there";

/// A decimal number in millionths; digits behind them are left out.
pub(crate) fn millionths(text: &str) -> Option<i64> {
    let (is_debt, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || part.len() > 12 || !are_digits(whole) || !are_digits(part) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let part: i64 = format!("{part:0<6}").get(..6)?.parse().ok()?;
    let all = whole * 1_000_000 + part;
    Some(if is_debt { -all } else { all })
}

impl Money {
    /// What the network told. Nothing: it cannot be read.
    pub(crate) fn told(amount: &str, currency: &str, warn_below: Option<i64>) -> Option<Self> {
        let is_currency = currency.len() == 3 && currency.chars().all(|c| c.is_ascii_alphabetic());
        let level = match millionths(amount).filter(|_| is_currency)? {
            ..=0 => Level::Gone,
            left if warn_below.is_some_and(|least| left < least) => Level::Low,
            _ => Level::Enough,
        };
        Some(Self::Told { amount: amount.to_owned(), currency: currency.to_ascii_uppercase(), level })
    }

    /// Whether there is none.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Told { level: Level::Gone, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(amount: &str) -> Option<Level> {
        match Money::told(amount, "usd", millionths("20"))? {
            Money::Told { level, currency, .. } => (currency == "USD").then_some(level),
            Money::Untold => None,
        }
    }

    #[test]
    fn an_amount_is_enough_low_or_gone() {
        for (amount, seen) in [
            ("20", Level::Enough),
            ("20.00000", Level::Enough),
            ("19.999999", Level::Low),
            ("0.000001", Level::Low),
            ("0.0000001", Level::Gone),
            ("0", Level::Gone),
            ("-0.5", Level::Gone),
        ] {
            assert_eq!(level(amount), Some(seen), "{amount}");
        }
        for odd in ["", "-", ".5", "1e9", "1,000", "12.3.4", "1234567890123", "--1", "NaN", " 1", "1.-5"] {
            assert_eq!(level(odd), None, "{odd}");
        }
        assert_eq!(Money::told("5", "<b>", None), None);
        assert!(!Money::told("5", "EUR", None).unwrap().is_gone());
    }
}
