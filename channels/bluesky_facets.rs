//! What is marked in a text: links, hashtags, accounts. The server finds none of them; each is marked by its byte
//! offsets. Pure.
//!
//! Source: <https://docs.bsky.app/docs/advanced-guides/post-richtext> and the lexicon app.bsky.richtext.facet.

use std::collections::HashMap;

use serde_json::{Value, json};
use unicode_normalization::char::is_combining_mark;

use crate::text;
use crate::text::Unit;

/// Most graphemes, and most bytes, of a hashtag.
const TAG: (usize, usize) = (64, 640);
/// Most accounts of one post that are looked up.
const MOST_NAMED: usize = 10;

/// A hashtag or the name of an account, with the mark before it.
#[derive(Debug, PartialEq, Eq)]
struct Word<'a> {
    start: usize,
    /// Without the mark.
    name: &'a str,
    end: usize,
}

/// The marks of a text. `accounts` gives the ids of the names that are known; a name without one stays plain text.
pub(super) fn facets(content: &str, accounts: &HashMap<String, String>) -> Vec<Value> {
    let links = text::links(content);
    let apart = |w: &Word<'_>| links.iter().all(|l| w.end <= l.start || w.start >= l.end);
    let mark = |start, end, kind: &str, key: &str, value: &str| {
        json!({
            "index": { "byteStart": start, "byteEnd": end },
            "features": [{ "$type": format!("app.bsky.richtext.facet#{kind}"), key: value }],
        })
    };
    let mut out: Vec<_> =
        links.iter().map(|l| (l.start, mark(l.start, l.end, "link", "uri", &l.url))).collect();
    for w in tags(content).into_iter().filter(apart) {
        out.push((w.start, mark(w.start, w.end, "tag", "tag", w.name)));
    }
    for w in named(content).into_iter().filter(apart) {
        if let Some(did) = accounts.get(&w.name.to_ascii_lowercase()) {
            out.push((w.start, mark(w.start, w.end, "mention", "did", did)));
        }
    }
    out.sort_by_key(|(start, _)| *start);
    out.into_iter().map(|(_, mark)| mark).collect()
}

/// The accounts that the texts name, in lower case, each once.
pub(super) fn accounts<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names = Vec::new();
    for name in texts.flat_map(named).map(|w| w.name.to_ascii_lowercase()) {
        if names.len() < MOST_NAMED && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Hashtags stand at the beginning of a word, hold more than digits, and end before the punctuation that follows.
fn tags(content: &str) -> Vec<Word<'_>> {
    words(content, &['#', '＃'], char::is_whitespace)
        .filter_map(|(start, mark, rest)| {
            let ends =
                |c: char| c.is_whitespace() || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}');
            let word = rest.split(ends).next().unwrap_or_default();
            let name = word.trim_end_matches(|c: char| !c.is_alphanumeric() && !is_combining_mark(c));
            let fits = text::count(name, Unit::Graphemes) <= TAG.0 && name.len() <= TAG.1;
            let more = name.chars().any(|c| !c.is_numeric() && c != '#');
            let end = start + mark + name.len();
            (fits && more).then_some(Word { start, name, end })
        })
        .collect()
}

/// Names of accounts are names of hosts (<https://atproto.com/specs/handle>).
fn named(content: &str) -> Vec<Word<'_>> {
    words(content, &['@'], |c| c.is_whitespace() || c == '(')
        .filter_map(|(start, mark, rest)| {
            let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-');
            let name = rest.split(ends).next().unwrap_or_default().trim_end_matches(['.', '-']);
            let label = |l: &str| (1..=63).contains(&l.len()) && !l.starts_with('-') && !l.ends_with('-');
            let letter = |l: &str| l.starts_with(|c: char| c.is_ascii_alphabetic());
            let is_host = name.len() <= 253
                && name.contains('.')
                && name.split('.').all(label)
                && name.rsplit('.').next().is_some_and(letter);
            is_host.then_some(Word { start, name, end: start + mark + name.len() })
        })
        .collect()
}

/// Where a mark begins a word: its place, its bytes, and what follows it.
fn words<'a>(
    content: &'a str,
    marks: &'a [char],
    before: impl Fn(char) -> bool + 'a,
) -> impl Iterator<Item = (usize, usize, &'a str)> + 'a {
    content.match_indices(marks).filter_map(move |(at, mark)| {
        let begins = content[..at].chars().next_back().is_none_or(&before);
        begins.then(|| (at, mark.len(), &content[at + mark.len()..]))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(content: &str) -> Vec<(String, String)> {
        let known = HashMap::from([("help.bank.example".to_owned(), "did:plc:help".to_owned())]);
        let of = |f: &Value| {
            let at = |end: &str| usize::try_from(f["index"][end].as_u64().unwrap()).unwrap();
            let feature = f["features"][0].as_object().unwrap();
            let what = ["uri", "tag", "did"].iter().find_map(|k| feature.get(*k)).unwrap();
            (content[at("byteStart")..at("byteEnd")].to_owned(), what.as_str().unwrap().to_owned())
        };
        facets(content, &known).iter().map(of).collect()
    }

    #[test]
    fn links_tags_and_known_accounts_are_marked_by_bytes() {
        let all =
            marked("Été: see https://bank.example/#a, #Panne, (@Help.Bank.example) @other.example #2026 a#b");
        let pairs: Vec<_> = all.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let link = "https://bank.example/#a";
        assert_eq!(pairs, [(link, link), ("#Panne", "Panne"), ("@Help.Bank.example", "did:plc:help")]);
        assert_eq!(
            accounts(["@a.example @A.example", "@b.example. @c @-d.example"].into_iter()),
            ["a.example", "b.example"]
        );
        assert!(marked(&format!("#{}", "a".repeat(65))).is_empty());
        assert_eq!(marked("#déjà-vu! ＃窓")[1], ("＃窓".to_owned(), "窓".to_owned()));
    }

    proptest! {
        #[test]
        fn every_mark_lies_on_characters(content in "(\\PC|#|@|\\.|https://a\\.b/| |#[a-zé]{0,5}|@help.bank.example){0,40}") {
            let mut last = 0;
            for f in facets(&content, &HashMap::from([("help.bank.example".into(), "did:plc:a".into())])) {
                let at = |end: &str| usize::try_from(f["index"][end].as_u64().unwrap()).unwrap();
                prop_assert!(content.get(at("byteStart")..at("byteEnd")).is_some_and(|w| !w.is_empty()));
                prop_assert!(at("byteStart") >= last, "marks do not overlap");
                last = at("byteEnd");
            }
        }
    }
}
