//! The console's French has its no-break spaces, so that no mark begins a line.

use super::File;

/// Where it stands.
pub const FOLDER: &str = "src/web/console/locales/fr";

const NARROW: char = '\u{202f}';
const WIDE: char = '\u{a0}';

/// U+202F before ; ? ! and U+00A0 before : and inside « ».
pub fn check(file: &File) -> Vec<String> {
    let sentences = file.path.ends_with(".txt");
    let mut findings = Vec::new();
    for (n, line) in file.text.lines().enumerate() {
        // In the table of sentences the English stands at the margin.
        if sentences && !line.starts_with("  ") {
            continue;
        }
        let line: Vec<char> = line.chars().collect();
        for (at, c) in line.iter().enumerate() {
            let before = at.checked_sub(1).map(|at| line[at]);
            let fits = match c {
                ';' | '?' | '!' => before == Some(NARROW),
                '»' => before == Some(WIDE),
                '«' => line.get(at + 1) == Some(&WIDE),
                // In a hole, a time or an address it stands without a space.
                ':' => before.is_none_or(|b| b == WIDE || !b.is_whitespace()),
                _ => true,
            };
            if !fits {
                findings.push(format!("{}:{}: the space at `{c}`", file.path, n + 1));
            }
        }
    }
    findings
}

#[cfg(test)]
fn found(path: &str, text: &str) -> usize {
    check(&File { path: path.into(), text: text.into() }).len()
}

#[test]
fn spaces_that_break_are_found() {
    for text in [
        "a = oui ; non",
        "a = oui; non",
        "a = quoi ?",
        "a = b : c",
        "a = b\u{202f}: c",
        "a = «\u{a0}b »",
        "a = « b\u{a0}»",
    ] {
        assert_eq!(found("fr/a.ftl", text), 1, "{text}");
    }
    assert_eq!(found("fr/a.txt", "no: it is not; go\n  non ; allez"), 1);
}

#[test]
fn spaces_that_do_not_break_pass() {
    let text = "a = oui\u{202f}; «\u{a0}b\u{a0}»\u{a0}: { $n -> à 14:02, https://example.org";
    assert_eq!(found("fr/a.ftl", text), 0);
    assert_eq!(found("fr/a.txt", "is it; yes: {}\n  {1:say}\u{a0}: oui"), 0);
}
