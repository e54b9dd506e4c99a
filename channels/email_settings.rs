//! What a mail channel is told once.

use url::Url;

use crate::Setting;

pub(super) const ALL: &[Setting] = &[
    Setting {
        name: "host",
        help: "The mail server, for example mail.bank.example",
        required: true,
        private: false,
    },
    Setting {
        name: "port",
        help: "Its port; 587 unless given, 465 for tls",
        required: false,
        private: false,
    },
    Setting {
        name: "security",
        help: "starttls (unless given), tls, or none for an allowed private network",
        required: false,
        private: false,
    },
    Setting {
        name: "user",
        help: "The name to log in with, if the server asks",
        required: false,
        private: true,
    },
    Setting { name: "from", help: "The sender: Bank <press@bank.example>", required: true, private: false },
    Setting {
        name: "to",
        help: "The recipients, at most 100, with commas between them; nobody sees the others",
        required: true,
        private: true,
    },
    Setting {
        name: "unsubscribe",
        help: "Where recipients leave the list, for List-Unsubscribe: an address with https:// or mailto:",
        required: false,
        private: false,
    },
];

/// A line of a header has at most 998 bytes (RFC 5322, section 2.1.1).
const LONGEST: usize = 900;

/// The value of `List-Unsubscribe` (RFC 2369, section 3.2). One click (RFC 8058) would need an address that tells who
/// clicks, and everybody gets the same mail: `List-Unsubscribe-Post` is never sent.
pub(super) fn unsubscribe(typed: &str) -> Result<String, String> {
    let url = Url::parse(typed.trim()).ok().filter(|url| matches!(url.scheme(), "https" | "mailto"));
    match url.map(String::from).filter(|url| url.len() <= LONGEST && !url.contains(['<', '>', ' '])) {
        Some(url) => Ok(format!("<{url}>")),
        None => {
            Err("the setting unsubscribe must be an address that begins with https:// or mailto:".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_out_of_a_list_is_an_address_and_nothing_else() {
        assert_eq!(
            unsubscribe(" https://bank.example/out?list=1 ").unwrap(),
            "<https://bank.example/out?list=1>"
        );
        assert_eq!(unsubscribe("mailto:out@bank.example").unwrap(), "<mailto:out@bank.example>");
        let long = format!("https://bank.example/{}", "x".repeat(LONGEST));
        for wrong in ["", "out@bank.example", "http://bank.example", "javascript:x", &long] {
            assert!(unsubscribe(wrong).is_err(), "{wrong}");
        }
        // Nothing that is typed begins another header.
        let two = unsubscribe("https://bank.example/\r\nBcc:%20a@b.example>, <x").unwrap_or_default();
        assert!(!two.contains(['\r', '\n']) && two.matches('>').count() <= 1, "{two}");
    }
}
