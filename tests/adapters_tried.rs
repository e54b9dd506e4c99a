//! How each thing that an adapter can do was tested. `adapters_tried.txt` names a test for each; here they are looked
//! for, so that the page claims nothing that nobody tries.

use std::collections::BTreeMap;
use std::fmt::Write;

use channels::{ALL, Adapter, Pins, ReadBack};
use serde_json::json;

const TRIED: &str = include_str!("adapters_tried.txt");

const HEAD: &str = "
## How it was tested

*real*: on a server of the network's own software, or a mail server, which `tests/run` starts. *strict*: on a stand-in that
keeps posts and refuses what the network's documents say it would refuse; nobody can run these networks. *scripted*: with answers that are written down in the test. *itself*: a part of Holdline. *not*: by no test.
The ways of OAuth were besides tried on a real authorization server (oidc-provider), as far as X's, LinkedIn's and Mastodon's are the
standard (`tests/real_oauth.rs`). `tests/adapters_tried.txt` names the tests.

";

/// What an adapter may be able to do: its word in the file, its head on the page, and who can.
type Thing = (&'static str, &'static str, fn(&Adapter) -> bool);

const ALL_THINGS: [Thing; 12] = [
    ("connects", "by OAuth", is_connected_by_oauth),
    ("checks", "check", |_| true),
    ("posts", "posts", |a| a.capabilities.publishes),
    ("reads", "reading back", |a| a.capabilities.publishes && a.capabilities.read_back != ReadBack::None),
    ("takes_down", "takes down", |a| a.capabilities.retract),
    ("changes", "changes words", |a| a.capabilities.revises.is_some()),
    ("pins", "at the top", |a| a.capabilities.pins != Pins::None),
    ("threads", "threads", has_threads),
    ("pictures", "pictures", |a| a.capabilities.media),
    ("watched", "watched", |a| a.capabilities.watches),
    ("swept", "swept", |a| a.capabilities.sweeps),
    ("restores", "put back", |a| a.capabilities.sweeps),
];

/// Whether a person can grant access to its accounts; otherwise a key or an app password is entered.
pub fn is_connected_by_oauth(a: &Adapter) -> bool {
    channels::oauth_networks::ALL.iter().any(|network| network.adapter() == a.name)
}

fn has_threads(a: &Adapter) -> bool {
    channels::fit::limits_by(a, &json!({ "threads": "on" }), a.limits).parts > 1
}

/// The functions of a source: their names, and what follows up to the next one.
fn functions(source: &str) -> Vec<(&str, &str)> {
    let parts = source.split("fn ").skip(1);
    parts.filter_map(|part| Some((part.split(['(', '<']).next()?, part))).collect()
}

/// The functions of the strict servers that a source takes by their names.
fn imported(source: &str) -> Vec<&str> {
    let uses = source.split("use crate::strict::").skip(1).filter_map(|rest| rest.split(';').next());
    let names = uses.flat_map(|names| names.split(|c: char| !c.is_alphanumeric() && c != '_'));
    names.filter(|name| *name != "self" && name.starts_with(|c: char| c.is_ascii_lowercase())).collect()
}

/// Whether a test begins a strict server, by itself or by functions that it calls.
fn is_strict(body: &str, all: &[(&str, &str)], taken: &[&str], deep: usize) -> bool {
    let begins = ["strict::", "Strict::start", "Strict<", "Site::start", "Trial {", "Threads {"];
    let calls = |name: &str| body.contains(&format!(" {name}(")) || body.contains(&format!("({name}("));
    begins.iter().any(|word| body.contains(word))
        || taken.iter().any(|name| calls(name))
        || deep > 0 && all.iter().any(|(name, of)| calls(name) && is_strict(of, all, taken, deep - 1))
}

/// How it was tested, where the test that is named is there and of that kind.
fn how<'a>(line: &'a str, words: &[&'a str]) -> &'a str {
    let &[adapter, _, how, ref test @ ..] = words else { panic!("{line}") };
    let &[file, name] = test else {
        assert!(how == "not" && test.is_empty(), "{line}");
        return how;
    };
    let source = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR")));
    let source = source.unwrap_or_else(|_| panic!("no such file: {line}"));
    let from = source.find(&format!("fn {name}("));
    let from = from.unwrap_or_else(|| panic!("no such test: {line}"));
    let rest = &source[from..];
    let body = &rest[..rest[1..].find("fn ").map_or(rest.len(), |next| next + 1)];
    let peer = if adapter == "email" { "smtp" } else { adapter };
    let peer = if adapter == "matrix" { "synapse" } else { peer };
    // What the tests of an adapter share stands in the first of their files.
    let shared =
        std::fs::read_to_string(format!("{}/channels/{adapter}_tests.rs", env!("CARGO_MANIFEST_DIR")));
    let shared = shared.unwrap_or_default();
    let all: Vec<(&str, &str)> = functions(&source).into_iter().chain(functions(&shared)).collect();
    let is_so = match how {
        "real" => file.starts_with("tests/") && body.contains(&format!("peer(\"{peer}\")")),
        "strict" => is_strict(body, &all, &imported(&source), 2) && !body.contains("Fake::start"),
        "scripted" | "itself" => !body.contains("peer(\""),
        _ => false,
    };
    assert!(is_so, "the test is of another kind: {line}");
    how
}

/// The second part of the page.
pub fn page() -> String {
    let mut tried = BTreeMap::new();
    for line in TRIED.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let before = tried.insert((words[0], words[1]), how(line, &words));
        assert_eq!(before, None, "named twice: {line}");
    }
    let heads: Vec<&str> = ALL_THINGS.iter().map(|(_, head, _)| *head).collect();
    let mut page =
        format!("{HEAD}| adapter | {} |\n|---{}|\n", heads.join(" | "), "|---".repeat(heads.len()));
    let mut all: Vec<&Adapter> = ALL.iter().collect();
    all.sort_by_key(|a| a.name);
    for adapter in all {
        write!(page, "| {} |", adapter.name).unwrap();
        for (thing, _, can) in ALL_THINGS {
            let how = tried.remove(&(adapter.name, thing));
            assert_eq!(
                how.is_some(),
                can(adapter),
                "{} {thing}: name a test in adapters_tried.txt",
                adapter.name
            );
            write!(page, " {} |", how.unwrap_or("–")).unwrap();
        }
        page.push('\n');
    }
    assert!(tried.is_empty(), "of no adapter: {tried:?}");
    page
}
