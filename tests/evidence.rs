//! `tests/evidence.py` writes the page of what was tried: it counts tests that are there, and writes no page where one of
//! them has no result or something is broken.

use std::process::{Command, Output};

fn python(words: &[&str]) -> Output {
    let mut command = Command::new("python3");
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).arg("-B").args(words);
    command.output().unwrap()
}

/// The tests that the page counts.
fn counted() -> Vec<String> {
    let said = python(&["evidence.py", "--tests"]);
    assert!(said.status.success(), "{said:?}");
    String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn each_test_that_the_page_counts_is_there() {
    let list = Command::new(std::env::current_exe().unwrap()).arg("--list").output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let there: Vec<_> = list.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    let names = counted();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let of = |test: &&&str| **test == name || test.starts_with(&format!("{name}::"));
        assert!(there.iter().any(|test| of(&test)), "evidence.py counts {name}, and there is no such test");
    }
}

/// What `refuse` says of a folder whose tests ended so, and with these figures of kills.
fn refused(ends: &[(&str, &str)], kills: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<_> = ends.iter().map(|(name, end)| format!("test {name} ... {end}\n")).collect();
    std::fs::write(folder.path().join("tests.log"), lines.concat()).unwrap();
    std::fs::write(folder.path().join("kill-sqlite.json"), kills).unwrap();
    let script = "import sys, evidence; evidence.refuse(evidence.Results(sys.argv[1]))";
    let said = python(&["-c", script, &folder.path().display().to_string()]);
    let errors = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.success(), errors.is_empty(), "{errors}");
    errors
}

#[test]
fn no_page_is_written_of_what_is_broken_or_did_not_run() {
    let names = counted();
    let mut ends: Vec<_> = names.iter().map(|name| (name.as_str(), "ok")).collect();
    let whole = r#"{"deliveries": 4, "arrived_once": 4}"#;
    assert_eq!(refused(&ends, whole), "");
    let errors = refused(&ends, r#"{"deliveries": 4, "arrived_once": 3}"#);
    assert!(errors.contains("kills of sqlite: not each delivery arrived once"), "{errors}");
    ends[3].1 = "FAILED";
    let errors = refused(&ends, whole);
    assert!(errors.contains(&format!("the test {} failed", names[3])), "{errors}");
    ends.remove(3);
    let errors = refused(&ends, whole);
    assert!(errors.contains(&format!("no result of the test {}", names[3])), "{errors}");
}
