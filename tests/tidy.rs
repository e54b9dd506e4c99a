//! The tree keeps its own rules: import directions, sizes, banned words, the fixed layout.
//!
//! Each check is a pure function from text to findings, with a test beside it that shows it can
//! fail. The tests on this page feed the checks with the real tree.

mod french;
mod imports;
mod layout;
mod scan;
mod sentences;
mod sizes;
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::kill;

/// One file of the tree: its path from the root, with slashes, and its text.
#[derive(Debug)]
struct File {
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// The root of the workspace.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Folders that hold no source of ours.
const SKIPPED: &[&str] = &["target", "data", "node_modules", "vendor", ".git", ".venv"];

/// Every text file below the given entries of the root, in a stable order.
fn files(entries: &[&str]) -> Vec<File> {
    let root = root();
    let mut found = Vec::new();
    for entry in entries {
        walk(&root, &root.join(entry), &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "nothing to check under {entries:?}");
    found
}

fn walk(root: &Path, at: &Path, found: &mut Vec<File>) {
    if SKIPPED.iter().any(|s| at.ends_with(s)) {
        return;
    }
    if at.is_dir() {
        let mut children: Vec<_> = std::fs::read_dir(at).unwrap().map(|e| e.unwrap().path()).collect();
        children.sort();
        for child in children {
            walk(root, &child, found);
        }
    } else if let Ok(text) = std::fs::read_to_string(at) {
        let path = at.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        found.push(File { path, text });
    }
}

/// The names directly inside a folder of the root.
fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn rust_files() -> Vec<File> {
    files(&["src", "channels", "tests"]).into_iter().filter(File::is_rust).collect()
}

fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "{} finding(s):\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn imports_follow_the_directions() {
    let findings: Vec<_> = rust_files().iter().flat_map(imports::check).collect();
    assert_none(&findings);
}

#[test]
fn files_and_functions_stay_small() {
    assert_none(&sizes::check(&rust_files(), sizes::LONG_FILES, sizes::LONG_FUNCTIONS));
}

#[test]
fn no_unfinished_work_and_no_machine_paths() {
    let entries: Vec<_> = names("").into_iter().filter(|n| n != "Cargo.lock").collect();
    let entries: Vec<_> = entries.iter().map(String::as_str).collect();
    let findings: Vec<_> = files(&entries).iter().flat_map(words::check).collect();
    assert_none(&findings);
}

#[test]
fn both_databases_have_the_same_migrations() {
    assert_none(&layout::migrations(&names("migrations/sqlite"), &names("migrations/postgres")));
}

#[test]
fn the_top_level_is_fixed() {
    assert_none(&layout::top_level(&names("")));
}

#[test]
fn every_module_on_the_map_says_what_it_is() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    assert_none(&layout::undocumented_modules(&lib));
}

#[test]
fn french_marks_begin_no_line() {
    let findings: Vec<_> = files(&[french::FOLDER]).iter().flat_map(french::check).collect();
    assert_none(&findings);
}

#[test]
fn what_the_service_says_is_there_in_french() {
    let known = holdline::web::console::sentences::known().collect();
    assert_none(&sentences::check(&files(sentences::MADE_IN), &known, sentences::NOT_SAID));
}

#[test]
fn a_process_is_killed_at_each_point_of_the_code_where_it_can_be() {
    let code = files(&["src"]);
    let points = code.iter().flat_map(|file| file.text.split("point(\"").skip(1));
    let points: BTreeSet<_> = points.filter_map(|rest| rest.split('"').next()).collect();
    let killed = kill::STEPS.into_iter().filter(|step| *step != kill::UNDER_WAY).chain(kill::ELSEWHERE);
    assert_eq!(points, killed.collect());
}
