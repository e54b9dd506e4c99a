//! The shape of the tree.

/// What may stand at the top, beside dot-files. A new entry is a decision, made here.
const TOP: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "channels",
    "clippy.toml",
    "data",
    "deploy",
    "migrations",
    "rustfmt.toml",
    "src",
    "target",
    "tests",
];

/// Entries at the top that nobody decided on.
pub fn top_level(names: &[String]) -> Vec<String> {
    let visible = names.iter().filter(|n| !n.starts_with('.') && !n.ends_with(".log"));
    visible.filter(|n| !TOP.contains(&n.as_str())).map(|n| format!("{n}: not a top-level entry")).collect()
}

/// Migrations that only one of the two databases has, and numbers used twice.
pub fn migrations(sqlite: &[String], postgres: &[String]) -> Vec<String> {
    let missing = |from: &[String], of: &[String], name: &str| -> Vec<String> {
        of.iter().filter(|m| !from.contains(m)).map(|m| format!("{m}: missing for {name}")).collect()
    };
    let mut findings = missing(sqlite, postgres, "SQLite");
    findings.extend(missing(postgres, sqlite, "PostgreSQL"));
    let number = |name: &String| name.split('_').next().map(str::to_owned);
    let mut numbers: Vec<_> = sqlite.iter().filter_map(number).collect();
    numbers.sort();
    findings.extend(numbers.windows(2).filter(|w| w[0] == w[1]).map(|w| format!("{}: used twice", w[0])));
    if sqlite.is_empty() {
        findings.push("there are no migrations".into());
    }
    findings
}

/// Public modules of the library's first page without a line that says what they are.
pub fn undocumented_modules(lib: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut documented = false;
    for line in lib.lines().map(str::trim) {
        if line.starts_with("pub mod ") && !documented {
            findings.push(format!("src/lib.rs: `{line}` has no doc comment"));
        }
        documented = line.starts_with("///") || (documented && line.starts_with("#["));
    }
    findings
}

#[cfg(test)]
fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

#[test]
fn strange_entries_are_found() {
    assert_eq!(top_level(&list(&["src", ".ci", "Cargo.toml"])).len(), 0);
    assert_eq!(top_level(&list(&["src", "scripts", "docs"])).len(), 2);
}

#[test]
fn uneven_migrations_are_found() {
    let init = list(&["0001_init.sql"]);
    let more = list(&["0001_init.sql", "0002_more.sql"]);
    assert_eq!(migrations(&init, &init).len(), 0);
    assert_eq!(migrations(&init, &more).len(), 1);
    assert_eq!(migrations(&more, &init).len(), 1);
    assert_eq!(migrations(&[], &[]).len(), 1);
    let twice = list(&["0001_init.sql", "0001_more.sql"]);
    assert_eq!(migrations(&twice, &twice).len(), 1);
}

#[test]
fn silent_modules_are_found() {
    assert_eq!(undocumented_modules("/// Said.\n#[cfg(unix)]\npub mod a;\n").len(), 0);
    assert_eq!(undocumented_modules("/// Said.\npub mod a;\npub mod b;\n").len(), 1);
}
