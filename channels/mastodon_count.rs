//! Which part of a text Mastodon counts. Pure.
//!
//! Its server puts 23 characters in the place of each link with a scheme, and takes the server off a
//! mention (`app/validators/status_length_validator.rb`). What is a link is decided there by
//! twitter-text with Mastodon's own paths (`config/initializers/twitter_regex.rb`), and a mention by
//! `MENTION_RE` in `app/models/account.rb`. Where the server would take less for a link than is taken
//! here, it refuses the post as too long, and nothing is published.

use crate::{mastodon_names, text};

/// What stands for a link: as many characters as the server reserves for it.
pub(crate) const LINK: &str = "xxxxxxxxxxxxxxxxxxxxxxx";

/// Characters that end no path of a link.
const NO_END: &[char] = &[
    '!', '*', '"', '\'', '「', '」', ';', ':', '=', ',', '.', '$', '%', '[', ']', '~', '&', '|', '@', '<',
    '>',
];

/// The text with a placeholder for each link, and mentions without their servers.
pub(crate) fn counted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for link in text::links(text) {
        let Some(length) = link_length(&text[..link.start], &link.url) else { continue };
        short_mentions(&text[at..link.start], &mut out);
        out.push_str(LINK);
        at = link.start + length;
    }
    short_mentions(&text[at..], &mut out);
    out
}

/// How many bytes of a link the server takes for one; nothing when it takes none.
fn link_length(before: &str, url: &str) -> Option<usize> {
    let precedes = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '@' | '＠' | '$' | '#' | '＃'));
    if !before.chars().next_back().is_none_or(precedes) {
        return None;
    }
    let host_at = url.find("://")? + 3;
    let rest = &url[host_at..];
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, tail) = rest.split_at(host_end);
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let (first, last) = name.rsplit_once('.')?;
    let is_name = !first.is_empty() && last.chars().count() >= 2 && last.chars().all(char::is_alphabetic);
    if !is_name || !mastodon_names::is_known(last) || name.contains('@') {
        return None;
    }
    let taken = match (tail.chars().next(), tail.find('?')) {
        (Some('/'), None) => tail.trim_end_matches(NO_END).len(),
        (Some('/'), Some(query)) => query + query_length(&tail[query..]),
        (Some('?'), _) => query_length(tail),
        _ => 0,
    };
    Some(host_at + host_end + taken)
}

/// How many bytes of `?…` are a query.
fn query_length(query: &str) -> usize {
    let part_of =
        |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || "!?*'();:&=+$/%#[]-_.,~|@^".contains(c);
    let end = query.find(|c| !part_of(c)).unwrap_or(query.len());
    let can_end = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || "_&=#/-".contains(c);
    let trimmed = query[..end].trim_end_matches(|c| !can_end(c)).len();
    if trimmed > 1 { trimmed } else { 0 }
}

/// Copies the text; of `@name@server` only `@name`.
fn short_mentions(text: &str, out: &mut String) {
    let mut at = 0;
    while let Some(found) = text[at..].find('@') {
        let sign = at + found;
        out.push_str(&text[at..=sign]);
        at = sign + 1;
        let before = text[..sign].chars().next_back();
        if before.is_some_and(|c| is_word(c) || matches!(c, '=' | '/')) {
            continue;
        }
        let name = run(&text[at..], |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        let name = name.trim_end_matches(['.', '-']);
        if name.is_empty() || name.starts_with(['.', '-']) {
            continue;
        }
        out.push_str(name);
        at += name.len();
        let Some(server) = text[at..].strip_prefix('@') else { continue };
        let server = run(server, |c| is_word(c) || matches!(c, '.' | '-')).trim_end_matches(['.', '-']);
        let after = &text[at + 1 + server.len()..];
        let broken = after.starts_with(['@', '＠']) || after.starts_with("://");
        if server.chars().count() >= 2 && !broken {
            at += 1 + server.len();
        }
    }
    out.push_str(&text[at..]);
}

/// The longest beginning of such characters.
fn run(text: &str, of: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|c| !of(c)).unwrap_or(text.len())]
}

/// A letter, mark, digit or connector, as regular expressions call it.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::{Unit, count};

    fn size(text: &str) -> usize {
        count(text, Unit::Mastodon)
    }

    #[test]
    fn a_link_counts_as_23_however_long_it_is() {
        for link in [
            "http://b.ch",
            "https://bank.example.org/a/very/long/path/to/the/page/with/the/news",
            "https://bank.example.org:8443/status?a=1&b=2#c",
            "https://bank.example.org?q=caf%C3%A9",
            "HTTPS://störung.example.ch/zürich",
        ] {
            assert_eq!(size(link), 23, "{link}");
            assert_eq!(size(&format!("({link}).")), 26, "{link}");
        }
        assert_eq!(size("https://a.example.org/1 https://b.example.com/2"), 47);
    }

    #[test]
    fn what_is_no_link_there_counts_in_full() {
        for text in [
            "bank.example/status",
            "https://localhost/a",
            "https://10.0.0.1/a",
            "#https://bank.example.org/a",
            "https://bank.example/a/page",
        ] {
            assert_eq!(size(text), text.chars().count(), "{text}");
        }
        // The last sign belongs to the sentence.
        assert_eq!(size("https://bank.example.org/a="), 24);
        assert_eq!(size("https://bank.example.org/a?b="), 23, "but to a query");
    }

    #[test]
    fn a_mention_counts_without_its_server() {
        assert_eq!(size("@bank@social.example"), 5);
        assert_eq!(size("Ask @bank@social.example, or @help."), "Ask @bank, or @help.".len());
        assert_eq!(size("press@bank.example"), 18, "an address of e-mail");
        assert_eq!(size("@a@b@c.example"), 14, "three are none");
        assert_eq!(size("https://social.example.net/@bank"), 23);
    }

    #[test]
    fn people_see_one_character() {
        assert_eq!(size("👩‍👩‍👧é"), 2);
    }

    proptest! {
        #[test]
        fn words_between_links_and_mentions_are_simply_added(
            words in proptest::collection::vec("([a-zé]|👩‍👧){1,6}", 1..6),
            kinds in proptest::collection::vec(0..3_usize, 6),
        ) {
            let mut text = String::new();
            let mut expected = 0;
            for (word, kind) in words.iter().zip(kinds) {
                let (part, length) = match kind {
                    0 => (format!("https://bank.example.org/{word}/x"), 23),
                    1 => ("@press_1@social.bank.example".to_owned(), 8),
                    _ => (word.clone(), count(word, Unit::Graphemes)),
                };
                text.push_str(&part);
                text.push(' ');
                expected += length + 1;
            }
            prop_assert_eq!(size(&text), expected);
        }

        #[test]
        fn any_text_can_be_counted(text in "(\\PC|https?://|@|a\\.b|/|\\?|=|é| ){0,60}") {
            let plain = count(&text, Unit::Graphemes);
            let links = text::links(&text).len();
            prop_assert!(size(&text) <= plain + 23 * links);
            prop_assert!(links > 0 || size(&text) <= plain);
        }
    }
}
