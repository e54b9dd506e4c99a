//! Files and functions stay small. What is long is listed with its reason, and the lists shrink.

use super::File;
use super::scan::{code_only, functions};

/// More lines than this need a reason below.
const SOFT: usize = 400;
/// More lines than this are refused, reason or not.
const HARD: usize = 600;
/// More lines than this in one function need a reason below.
const FUNCTION: usize = 70;

/// Files over the soft limit, each with its reason.
pub const LONG_FILES: &[(&str, &str)] = &[];

/// Functions over the limit: file, name, reason. Nothing new without a good one.
pub const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[];

/// What is too long and not listed, and what is listed and no longer long.
pub fn check(
    files: &[File],
    long_files: &[(&str, &str)],
    long_functions: &[(&str, &str, &str)],
) -> Vec<String> {
    let mut findings = Vec::new();
    let mut listed_files: Vec<&str> = long_files.iter().map(|(path, _)| *path).collect();
    let mut listed_functions: Vec<(&str, &str)> = long_functions.iter().map(|(p, f, _)| (*p, *f)).collect();
    for file in files {
        let lines = file.text.lines().count();
        let listed = take(&mut listed_files, |path| *path == file.path, lines > SOFT);
        if lines > HARD {
            findings.push(format!("{}: {lines} lines, over the hard limit of {HARD}: split it", file.path));
        } else if lines > SOFT && !listed {
            findings.push(format!("{}: {lines} lines, over {SOFT}: split it or list it", file.path));
        }
        for (name, lines) in functions(&code_only(&file.text)) {
            let listed =
                take(&mut listed_functions, |(p, f)| *p == file.path && *f == name, lines > FUNCTION);
            if lines > FUNCTION && !listed {
                findings.push(format!("{}: fn {name} has {lines} lines, over {FUNCTION}", file.path));
            }
        }
    }
    findings.extend(listed_files.iter().map(|p| format!("{p}: listed as long but is not: unlist it")));
    findings.extend(
        listed_functions.iter().map(|(p, f)| format!("{p}: fn {f} is listed as long but is not: unlist it")),
    );
    let reasons = long_files.iter().map(|(p, r)| (p, r)).chain(long_functions.iter().map(|(p, _, r)| (p, r)));
    findings
        .extend(reasons.filter(|(_, r)| r.len() < 10).map(|(p, _)| format!("{p}: listed without a reason")));
    findings
}

/// Whether the item is listed; a listed item that is rightly there is crossed off.
fn take<T>(list: &mut Vec<T>, is_it: impl Fn(&T) -> bool, long: bool) -> bool {
    let found = list.iter().position(is_it);
    if let Some(at) = found.filter(|_| long) {
        list.remove(at);
    }
    found.is_some()
}

#[cfg(test)]
fn file(lines: usize) -> Vec<File> {
    vec![File { path: "src/a.rs".into(), text: "//\n".repeat(lines) }]
}

#[cfg(test)]
fn function(lines: usize) -> Vec<File> {
    vec![File { path: "src/a.rs".into(), text: format!("fn long() {{{}}}\n", "\n".repeat(lines - 1)) }]
}

#[test]
fn long_files_are_found_unless_listed() {
    let listed: &[_] = &[("src/a.rs", "one table, read from top to bottom")];
    assert_eq!(check(&file(400), &[], &[]).len(), 0);
    assert_eq!(check(&file(401), &[], &[]).len(), 1);
    assert_eq!(check(&file(401), listed, &[]).len(), 0);
    assert_eq!(check(&file(601), listed, &[]).len(), 1, "the hard limit knows no list");
    assert_eq!(check(&file(10), listed, &[]).len(), 1, "the list shrinks");
    assert_eq!(check(&file(401), &[("src/a.rs", "")], &[]).len(), 1, "a reason is asked");
}

#[test]
fn long_functions_are_found_unless_listed() {
    let listed: &[_] = &[("src/a.rs", "long", "one match over every state")];
    assert_eq!(check(&function(70), &[], &[]).len(), 0);
    assert_eq!(check(&function(71), &[], &[]).len(), 1);
    assert_eq!(check(&function(71), &[], listed).len(), 0);
    assert_eq!(check(&function(20), &[], listed).len(), 1, "the list shrinks");
}
