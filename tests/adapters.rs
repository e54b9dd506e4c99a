//! The page of all adapters is made from the code: `channels/ADAPTERS.md`.

use std::fmt::Write;

use channels::{ALL, Adapter, Pictures, Pins, ReadBack, Replay, Revising};

#[path = "adapters_tried.rs"]
mod tried;

const HEAD: &str = "\
# Adapters

What each adapter can do, and below how each of it was tested. This page is made from the code; a test fails when it is
behind, and prints it as it should be.

| adapter | by OAuth | the same request twice | reading back | takes down | changes words | at the top | threads | pictures | watched | swept |
|---|---|---|---|---|---|---|---|---|---|---|
";

fn line(a: &Adapter) -> String {
    let c = &a.capabilities;
    let replay = match c.replay {
        Replay::ClientId => "own id: no second post",
        Replay::TimedKey => "a key, for a while",
        Replay::HandleFirst => "a handle first",
        Replay::None => "may post twice",
    };
    let read_back = match c.read_back {
        ReadBack::Consistent => "proof either way",
        ReadBack::Step => "by the handle",
        ReadBack::Key => "by its id",
        ReadBack::Words => "by its words",
        ReadBack::None => "no",
    };
    let yes = |is: bool| if is { "yes" } else { "no" };
    let changes = match c.revises {
        None => "no",
        Some(Revising { pictures: Pictures::Sent, .. }) => "yes, with pictures",
        Some(Revising { pictures: Pictures::Kept, .. }) => "yes, beside pictures",
    };
    let pins = match c.pins {
        Pins::None => "no",
        Pins::One => "one",
        Pins::Several => "yes",
    };
    let unasked = channels::watch::every(a, &serde_json::Value::Null).is_some();
    let watched = if c.watches && !unasked { "if asked" } else { yes(c.watches) };
    let unasked = channels::fit::limits_by(a, &serde_json::Value::Null, a.limits).media;
    let pictures = if c.media && unasked == 0 { "if asked" } else { yes(c.media) };
    let (down, swept) = (yes(c.retract), yes(c.sweeps));
    let by_oauth = yes(tried::is_connected_by_oauth(a));
    let asked = channels::fit::limits_by(a, &serde_json::json!({ "threads": "on" }), a.limits);
    let threads = if asked.parts > a.limits.parts { "if asked" } else { yes(a.limits.parts > 1) };
    format!(
        "| {} | {by_oauth} | {replay} | {read_back} | {down} | {changes} | {pins} | {threads} | {pictures} | {watched} | {swept} |\n",
        a.name
    )
}

#[test]
fn the_adapters_page_is_what_the_code_says() {
    let mut all: Vec<&Adapter> = ALL.iter().collect();
    all.sort_by_key(|a| a.name);
    let mut page = HEAD.to_owned();
    for adapter in all {
        page.write_str(&line(adapter)).unwrap();
    }
    page += &tried::page();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/channels/ADAPTERS.md");
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == page, "channels/ADAPTERS.md should be:\n{page}");
}
