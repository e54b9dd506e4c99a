//! Words that the tree must not hold.

use super::File;

/// Unfinished or skipped work. Written in halves, so that this page passes its own check.
const UNFINISHED: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("db", "g!("),
    concat!("#[ig", "nore"),
];

/// Places on one machine, and hosts that a reader behind a mirror cannot reach.
const PLACES: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/tmp/ba", "sh_jobs"),
    concat!("/tmp/", "hl"),
    concat!("crates", ".io"),
    concat!("registry.npm", "js"),
    concat!("pypi", ".org"),
    concat!("deb.deb", "ian"),
];

/// Where the banned words stand. Lock files name their hosts by themselves.
pub fn check(file: &File) -> Vec<String> {
    if file.path.ends_with(".lock") || file.path.ends_with("package-lock.json") {
        return Vec::new();
    }
    let prose = file.path.ends_with(".md");
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let unfinished = UNFINISHED.iter().filter(|_| !prose).filter(|w| has_word(line, w));
        let places = PLACES.iter().filter(|w| has_place(line, w));
        for word in unfinished.chain(places) {
            findings.push(format!("{}:{}: `{word}`", file.path, number + 1));
        }
    }
    findings
}

/// Whether the line holds the word, not just letters of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let begins = !word.starts_with(is_letter) || !line[..at].ends_with(is_letter);
        let ends = !word.ends_with(is_letter) || !line[at + word.len()..].starts_with(is_letter);
        begins && ends
    })
}

/// Whether the line holds the place: a path from the root, not a folder of that name further down.
fn has_place(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        !place.starts_with('/') || !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '.')
    })
}

#[cfg(test)]
fn found(path: &str, text: &str) -> usize {
    check(&File { path: path.into(), text: text.into() }).len()
}

#[test]
fn banned_words_are_found() {
    for word in UNFINISHED.iter().chain(PLACES) {
        assert_eq!(found("src/a.rs", &format!("fine\n // {word} later")), 1, "{word}");
    }
    for place in PLACES {
        assert_eq!(found("README.md", &format!("see {place}x")), 1, "{place}");
    }
}

#[test]
fn other_words_pass() {
    assert_eq!(found("src/a.rs", concat!("METHO", "DOLOGY mentions TO", "DOS and `a", "db", "g!(x)`")), 0);
    assert_eq!(found("README.md", concat!("a TO", "DO list as a product")), 0);
    assert_eq!(found("src/a.rs", concat!("https://example.org/team/wo", "rk/1")), 0);
    assert_eq!(found("Cargo.lock", concat!("crates", ".io")), 0);
}
