//! Faults of the code that are planted in a whole process (`HOLDLINE_PLANTED`), and the tests that must fail then: about
//! what the simulation does not have (the return, the two persons of an approval, the locks of PostgreSQL) or comes into too
//! seldom.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use channels::planted::Planted;
use serde_json::json;

use crate::support::evidence;

/// A test that must find a fault, and what is in the line that must fail.
const CASES: &[(Planted, &str, &[&str])] = &[
    (
        Planted::RefusedIsNotListed,
        "settling::what_left_after_a_freeze_and_was_refused_is_on_its_list::sqlite",
        &["assert_eq!(listed, [(left"],
    ),
    (
        Planted::OpensOnAnyEpoch,
        "returns::an_older_backup_in_the_same_file_is_seen_by_its_shorter_log",
        &["why.contains(\"behind\")"],
    ),
    (
        Planted::CopyIsNotTold,
        "returns::a_copied_folder_stays_closed_and_the_original_goes_on",
        &["why.contains(\"is a copy\")"],
    ),
    (
        Planted::CopyIsNotTold,
        "returns::a_database_read_in_from_another_stays_closed_on_postgres",
        &["why.contains(\"is a copy\")"],
    ),
    (
        Planted::ConfirmationReleasesDue,
        "returns::an_older_backup_in_the_same_file_is_seen_by_its_shorter_log",
        &["confirmed.held, 1"],
    ),
    (
        Planted::ApproverMayBeAuthor,
        "people::whoever_wrote_on_a_text_does_not_approve_it::sqlite",
        &["Err(AppError::Forbidden(_))"],
    ),
    (
        Planted::GuardIsShared,
        "locks::a_freeze_waits_for_a_permit_that_is_half_way",
        &["committed while a permit is half-way"],
    ),
];

/// The line of the tests that failed first, when this fault is planted and that test runs; otherwise what it said.
fn failed(fault: Option<Planted>, test: &str) -> Result<String, String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads", "1"]).env("RUST_BACKTRACE", "0");
    match fault {
        Some(fault) => command.env("HOLDLINE_PLANTED", format!("{fault:?}")),
        None => command.env_remove("HOLDLINE_PLANTED"),
    };
    let output = command.output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let ran_one = said.contains("test result: FAILED. 0 passed; 1 failed");
    let place = said.lines().find_map(|line| line.split_once("panicked at tests/")).map(|(_, place)| place);
    match place.and_then(line_at).filter(|_| ran_one && !output.status.success()) {
        Some(line) => Ok(line),
        None => Err(said),
    }
}

/// What stands at `file:line:column` of the tests.
fn line_at(place: &str) -> Option<String> {
    let mut parts = place.trim_end_matches(':').split(':');
    let (file, line) = (parts.next()?, parts.next()?.parse::<usize>().ok()?);
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file)).ok()?;
    // A statement may go over several lines; the place is that of its beginning.
    Some(text.lines().skip(line - 1).take(2).map(str::trim).collect::<Vec<_>>().join(" "))
}

#[test]
fn what_is_planted_in_a_process_is_found_by_the_test_that_is_there_for_it() {
    evidence::forget("planted-tests");
    let (mut found, mut missed) = (BTreeMap::<String, BTreeMap<&str, String>>::new(), Vec::new());
    for (fault, test, says) in CASES {
        let name = format!("{fault:?}");
        match failed(Some(*fault), test) {
            Ok(line) if says.iter().any(|part| line.contains(part)) => {
                eprintln!("{name}: {test}: {line}");
                found.entry(name).or_default().insert(test, line);
            }
            other => {
                eprintln!("{name} is not found by {test}: {other:?}");
                missed.push(name);
            }
        }
    }
    let of = Planted::OF_TESTS.len();
    eprintln!("planted faults: found {} of {of}", of.saturating_sub(missed.len()));
    evidence::write("planted-tests", &json!({"found": found, "missed": missed}));
    assert!(missed.is_empty(), "not found: {missed:?}");
    let tried: Vec<_> = found.into_keys().collect();
    let untried = Planted::OF_TESTS.iter().map(|f| format!("{f:?}")).filter(|f| !tried.contains(f));
    assert_eq!(untried.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_test_that_finds_a_planted_fault_passes_without_it() {
    let said =
        failed(None, "returns::an_older_backup_in_the_same_file_is_seen_by_its_shorter_log").unwrap_err();
    assert!(said.contains("test result: ok. 1 passed; 0 failed"), "{said}");
}

#[test]
fn the_page_has_each_fault_that_tests_must_find() {
    let page = include_str!("EVIDENCE.md");
    for (fault, test, _) in CASES {
        let mut rows = page.lines().filter(|line| line.starts_with(&format!("| {fault:?} |")));
        let fits = |row: &str| row.contains(&format!("`{test}`")) || row.contains("| not tried |");
        assert!(rows.any(fits), "{fault:?}: write tests/EVIDENCE.md again with `tests/run --evidence`");
    }
}
