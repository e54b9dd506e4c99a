//! `tests/EVIDENCE.md` fits the code: each check and each planted fault of today is on it, with what finds it, and none
//! that is no more. Its figures are of the commit that it names, and are not looked at here.

use std::collections::BTreeSet;

use channels::planted::Planted;
use holdline_simulation::planted::Fault;
use holdline_simulation::sentences::ALL;

const AGAIN: &str = "write tests/EVIDENCE.md again with `tests/run --evidence`";

fn page() -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../EVIDENCE.md");
    std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{file}: {e}; {AGAIN}"))
}

/// The cells of the first table below this heading whose first column is headed so.
fn table<'a>(page: &'a str, heading: &str, column: &str) -> Vec<Vec<&'a str>> {
    let part = page.split("\n## ").find(|part| part.starts_with(heading)).unwrap_or_default();
    let rows = part.lines().map(|line| {
        let inner = line.strip_prefix('|').and_then(|line| line.strip_suffix('|'));
        inner.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
    });
    let mut rows = rows.skip_while(|row| row.as_ref().is_none_or(|cells| cells[0] != column));
    rows.next();
    rows.skip(1).map_while(|row| row).collect()
}

fn planted(page: &str) -> BTreeSet<(String, String)> {
    let rows = table(page, "Planted faults", "planted");
    // Those that tests find are on the page, too: `tests/planted_faults.rs` looks at them.
    let rows =
        rows.iter().filter(|row| !Planted::OF_TESTS.iter().any(|fault| format!("{fault:?}") == row[0]));
    rows.map(|row| (row[0].to_owned(), row[2].to_owned())).collect()
}

/// What the page says of a fault that it does not call found.
const OPEN: [&str; 1] = ["not tried"];

#[test]
fn the_page_has_each_planted_fault_with_the_checks_that_find_it() {
    let there = planted(&page());
    let open: BTreeSet<_> =
        there.iter().filter(|(_, by)| OPEN.contains(&by.as_str())).map(|(name, _)| name.clone()).collect();
    assert!(open.iter().all(|name| Fault::named(name).is_some()), "{open:?}: {AGAIN}");
    let found: BTreeSet<_> = there.into_iter().filter(|(name, _)| !open.contains(name)).collect();
    let others = Fault::all().filter(|fault| !open.contains(&fault.name()));
    let by_code = others.flat_map(|f| f.breaks().iter().map(move |check| (f.name(), (*check).to_owned())));
    assert_eq!(found, by_code.collect(), "{AGAIN}");
}

#[test]
fn the_page_has_each_check() {
    let page = page();
    let there: Vec<_> = table(&page, "The simulation", "what is checked in each seed").concat();
    assert_eq!(there, ALL, "{AGAIN}");
}

#[test]
fn the_page_has_each_invariant_and_tells_of_each_check_which_it_is_about() {
    let page = page();
    let there: BTreeSet<_> = table(&page, "Invariants", "").iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(there, (1..=13).map(|n| format!("I{n}")).collect(), "{AGAIN}");
    let unknown = ALL.iter().filter(|check| !there.contains(check.split(' ').next().unwrap_or_default()));
    assert_eq!(unknown.count(), 0);
}

#[test]
fn a_page_without_a_fault_does_not_fit() {
    let page = "\n## Planted faults\n\nWords.\n\n| planted | wrong | by |\n|---|---|---|\n| A | a | I1 x |\n| B | b | not tried |\n\n| planted |\n## Other\n";
    let pair = |name: &str, check: &str| (name.to_owned(), check.to_owned());
    assert_eq!(planted(page), BTreeSet::from([pair("A", "I1 x"), pair("B", "not tried")]));
    assert!(planted("\n## Other\n").is_empty());
}
