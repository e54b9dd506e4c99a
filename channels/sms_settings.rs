//! What a channel for SMS is made of: account, credential, sender, numbers.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{pictures, reports};
use crate::graph::fetched::{self, can_fetch};
use crate::http::Http;
use crate::scheduler::Rests;
use crate::{Clock, Connection, Setting, each, money};

pub(crate) const SERVER: &str = "https://api.twilio.com";
const MOST_RECIPIENTS: usize = 100;

/// The settings, for forms and checks.
pub(super) const ALL: &[Setting] = &[
    Setting {
        name: "account",
        help: "The account's SID, which begins with AC",
        required: true,
        private: false,
    },
    Setting {
        name: "from",
        help: "The sender: a number like +41790000000, a short code or a name; or give messaging_service",
        required: false,
        private: false,
    },
    Setting {
        name: "messaging_service",
        help: "The SID of a messaging service, which begins with MG, instead of from",
        required: false,
        private: false,
    },
    each::TO,
    Setting {
        name: "pictures",
        help: "on, to send pictures as MMS: to numbers of the United States and Canada only, from such a number",
        required: false,
        private: false,
    },
    Setting {
        name: "warn_below",
        help: "The balance below which the board warns, in the account's currency, like 50",
        required: false,
        private: false,
    },
    Setting {
        name: "server",
        help: "Another server of the API; otherwise https://api.twilio.com",
        required: false,
        private: false,
    },
];

/// Who sends.
pub(super) enum Sender {
    From(String),
    Service(String),
}

/// One account and its list.
pub(super) struct Sms {
    pub(super) server: Url,
    pub(super) account: String,
    pub(super) user: String,
    pub(super) secret: SecretString,
    pub(super) sender: Sender,
    pub(super) to: Vec<String>,
    pub(super) http: Arc<Http>,
    pub(super) clock: Clock,
    pub(super) rests: Rests,
    /// In millionths.
    pub(super) warn_below: Option<i64>,
    /// Our own address, where Twilio can reach it and what it says can be believed.
    pub(super) reports: Option<Url>,
    /// Whether an administrator has asked for pictures.
    pub(super) pictures: bool,
    /// Whether Twilio can fetch them from this service.
    pub(super) is_fetched: bool,
}

/// What a credential is made of.
pub(super) struct Parted {
    user: String,
    secret: SecretString,
    /// The account's token.
    pub(super) signs: Option<SecretString>,
}

/// An API key has an id of its own, and may be followed by the account's token; the account's token alone goes with the account's.
///
/// # Errors
/// A sentence that repeats nothing of it.
pub(super) fn parted(account: &str, credential: &str) -> Result<Parted, String> {
    let given = credential.trim();
    let (user, secret) = given.split_once(':').unwrap_or((account, given));
    let (secret, signs) = match secret.split_once(':') {
        _ if user == account => (secret, Some(secret)),
        Some((secret, token)) => (secret, Some(token)),
        None => (secret, None),
    };
    let is_plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_graphic());
    if !is_plain(secret) || !signs.is_none_or(is_plain) || !(user == account || is_sid(user, &["SK"])) {
        return Err("the credential: write the SID of an API key, a colon and its secret, and, to be told what becomes of \
                    messages, a colon and the account's token; or that token alone"
            .to_owned());
    }
    Ok(Parted { user: user.to_owned(), secret: secret.into(), signs: signs.map(Into::into) })
}

/// Whether it is a number as the network writes it (E.164).
pub(crate) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.chars().all(|c| c.is_ascii_digit())
}

/// Whether it is the id of an account at Twilio.
pub(crate) fn is_account(text: &str) -> bool {
    is_sid(text, &["AC"])
}

/// Whether it is an id that begins with one of these.
pub(super) fn is_sid(text: &str, kinds: &[&str]) -> bool {
    let rest = kinds.iter().find_map(|kind| text.strip_prefix(kind));
    rest.is_some_and(|rest| rest.len() == 32 && rest.chars().all(|c| c.is_ascii_hexdigit()))
}

/// The numbers of a list, each once.
///
/// # Errors
/// A sentence that repeats none.
pub(crate) fn numbers(list: &str) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    let entries = list.split([',', ';', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
    for (n, entry) in entries.enumerate() {
        let number: String = entry.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        if !is_number(&number) {
            return Err(format!("the setting to: entry {} is no number like +41790000000", n + 1));
        }
        if !all.contains(&number) {
            all.push(number);
        }
    }
    match all.len() {
        0 => Err("the setting to names nobody".to_owned()),
        1..=MOST_RECIPIENTS => Ok(all),
        n => Err(format!("the setting to names {n} people; at most {MOST_RECIPIENTS} fit into one channel")),
    }
}

fn sender(connection: &Connection) -> Result<Sender, String> {
    match (connection.setting("from"), connection.setting("messaging_service")) {
        (Ok(from), Err(_)) => {
            let from = if from.starts_with('+') { from.replace(' ', "") } else { from };
            let is_name = from.len() <= 11 && from.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ');
            if !is_number(&from) && !is_name {
                return Err(
                    "the setting from: write a number like +41790000000, a short code or a name".to_owned()
                );
            }
            Ok(Sender::From(from))
        }
        (Err(_), Ok(service)) if is_sid(&service, &["MG"]) => Ok(Sender::Service(service)),
        (Err(_), Ok(_)) => Err("the setting messaging_service: write the SID that begins with MG".to_owned()),
        _ => Err("give either from or messaging_service".to_owned()),
    }
}

impl Sms {
    /// # Errors
    /// A sentence that names the setting, and repeats neither a number nor a secret.
    pub(super) fn new(connection: &Connection) -> Result<Self, String> {
        let account = connection.setting("account")?;
        if !is_account(&account) {
            return Err("the setting account: write the SID that begins with AC".to_owned());
        }
        let Parted { user, secret, signs } = parted(&account, connection.secret()?.expose_secret())?;
        let server = connection.url_or("server", SERVER)?;
        let is_told =
            |own: &Url| signs.is_some() && reports::is_taken(own) && fetched::can_fetch(own, &server);
        let reports = connection.public_url.clone().filter(is_told);
        let warn_below = match connection.setting("warn_below") {
            Ok(text) => Some(
                money::millionths(&text)
                    .filter(|least| *least > 0)
                    .ok_or("the setting warn_below: write an amount like 50 or 12.50")?,
            ),
            Err(_) => None,
        };
        let (sender, to) = (sender(connection)?, numbers(&connection.setting("to")?)?);
        let pictures = pictures::is_on(&connection.settings)?;
        if pictures {
            pictures::reaches(&sender, &to)?;
        }
        Ok(Self {
            is_fetched: connection.public_url.as_ref().is_some_and(|own| can_fetch(own, &server)),
            pictures,
            server,
            user,
            secret,
            reports,
            sender,
            to,
            http: Arc::clone(&connection.http),
            clock: Arc::clone(&connection.clock),
            account,
            rests: Rests::default(),
            warn_below,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::ADAPTER;
    use super::super::tests::{CREDENTIAL, KEY, NUMBERS, settings};
    use super::*;
    use crate::suite;

    #[test]
    fn settings_are_checked_and_no_number_is_repeated() {
        let url = "http://127.0.0.1:1";
        let with = |name: &str, value: Value| {
            let mut settings = settings(url, &NUMBERS);
            settings[name] = value;
            suite::connect(&ADAPTER, settings, Some(CREDENTIAL)).err().unwrap_or_default()
        };
        for (name, value) in [
            ("account", "AC12"),
            ("account", KEY),
            ("from", "a name that is too long"),
            ("messaging_service", "MG0123456789abcdef0123456789abcdef"),
            ("to", ""),
            ("warn_below", "much"),
            ("warn_below", "-5"),
            ("to", "+41790000001, 0790000002"),
            ("to", "+41790000001, me@bank.example"),
        ] {
            let error = with(name, value.into());
            assert!(
                !error.is_empty() && !error.contains("90000001") && !error.contains("90000002"),
                "{name} {value}: {error}"
            );
        }
        for from in ["+1 500 555 0006", "12345", "Bank AG"] {
            assert_eq!(with("from", from.into()), "", "{from}");
        }
        let many: Vec<String> = (0..101).map(|n| format!("+417900001{n:03}")).collect();
        assert!(with("to", many.into()).contains("at most 100"));
        let list = "+41 79 000 00 01; (+41) 79-000-00-01\n+41790000002";
        assert_eq!(numbers(list).unwrap(), NUMBERS[..2]);
        let shown = ADAPTER.shown(&json!({ "to": list }));
        assert!(shown["to"].as_str().unwrap().contains("numbers (sha256"), "{shown}");
        let connect = |credential: &str| suite::connect(&ADAPTER, settings(url, &NUMBERS), Some(credential));
        for odd in [
            "",
            "hunter2 hunter2",
            "SK12:hunter2",
            &format!("{KEY}:"),
            &format!("{KEY}:hunter2:"),
            &format!("AC{}:hunter2", "1".repeat(32)),
        ] {
            let error = connect(odd).err().unwrap();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(connect("hunter2").is_ok(), "the account's token alone");
        assert!(connect(&format!("{KEY}:hunter2:hunter2")).is_ok(), "both");
    }
}
