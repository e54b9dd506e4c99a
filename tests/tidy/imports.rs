//! Who may import whom.

use super::File;
use super::scan::{Found, code_only, paths};

/// The layers of the service, as folders of `src`.
const LAYERS: &[&str] = &["domain", "store", "app", "worker", "web", "cli"];

/// Words of the channels crate that only the sender uses: they reach a network, or let content pass.
const SENDING: &[&str] = &["http", "gate", "Http", "Gate", "Pass", "Judge", "InFlight", "Closed", "Job"];

/// What this file imports against the rules.
pub fn check(file: &File) -> Vec<String> {
    let code = code_only(&file.text);
    let has_own_channels = code.contains("mod channels") || own_channels_imported(&code);
    let mut findings = Vec::new();
    for found in paths(&code) {
        let external = !has_own_channels || found.absolute;
        if let Some(reason) = forbidden(&file.path, &found, external) {
            findings.push(format!("{}:{}: `{}`: {reason}", file.path, found.line, found.path.join("::")));
        }
    }
    findings
}

/// Whether `channels` names a module of ours in this file, for example the app's.
fn own_channels_imported(code: &str) -> bool {
    paths(code).iter().any(|f| {
        f.path.len() > 1 && f.path.last().is_some_and(|n| n == "channels") && f.path[0] != "channels"
    })
}

fn forbidden(file: &str, found: &Found, external: bool) -> Option<&'static str> {
    let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
    if let ["super", "super", "super", ..] = path[..] {
        return Some("climb with `crate::`, so that the direction can be read");
    }
    let client = ["channels/http.rs", "channels/wire.rs"].contains(&file);
    if path[0] == "reqwest" && !file.starts_with("tests/") && !client {
        return Some("only channels/http.rs and wire.rs use reqwest");
    }
    let mail = file
        .strip_prefix("channels/")
        .is_some_and(|name| name.starts_with("email") || name.starts_with("smtp_") || name == "mailer.rs");
    if path[0] == "lettre" && !file.starts_with("tests/") && !mail {
        return Some("only channels/email*.rs, mailer.rs and smtp_*.rs use lettre");
    }
    let layer = layer(file)?;
    if layer == "channels" {
        return (path[0] == "holdline").then_some("channels imports nothing of ours");
    }
    if path[0] == "channels" && external {
        return from_channels(layer, path[1]);
    }
    match ours(file, &path) {
        Some(ours) => from_ours(layer, &ours),
        None => from_outside(layer, path[0]),
    }
}

/// The layer that a file belongs to. `main.rs` is held to the rules of the command line.
fn layer(file: &str) -> Option<&'static str> {
    if file.starts_with("channels/") {
        return Some("channels");
    }
    let rest = file.strip_prefix("src/")?;
    if rest == "main.rs" {
        return Some("cli");
    }
    let name = rest.split('/').next()?.trim_end_matches(".rs");
    LAYERS.iter().find(|l| **l == name).copied()
}

/// The path below the crate's root, if the path goes through it.
fn ours<'a>(file: &str, path: &[&'a str]) -> Option<Vec<&'a str>> {
    match path {
        ["crate" | "holdline", rest @ ..] => Some(rest.to_vec()),
        // One step up from `src/app/mod.rs` is the root; two from `src/app/posts.rs`, unless a
        // module inside the file says it, which then climbs to its own layer.
        ["super", name, rest @ ..] if file.ends_with("/mod.rs") && LAYERS.contains(name) => {
            Some([&[*name], rest].concat())
        }
        ["super", "super", name, rest @ ..] if LAYERS.contains(name) => Some([&[*name], rest].concat()),
        _ => None,
    }
}

fn from_ours(layer: &str, path: &[&str]) -> Option<&'static str> {
    let first = *path.first()?;
    let last = *path.last()?;
    match (layer, first) {
        ("domain", "domain") => None,
        ("domain", "clock") if last == "Millis" => None,
        ("domain", _) => Some("domain is pure: of ours it knows only itself and the type Millis"),
        ("store", "store" | "domain" | "clock") => None,
        ("store", _) => Some("store imports domain and clock only"),
        ("app", "app" | "store" | "domain" | "clock" | "config") => None,
        ("app", _) => Some("app imports store, domain, clock and config only"),
        ("worker", "store") => Some("worker calls app, never store"),
        ("worker", "web" | "cli") => Some("worker knows no screens and no commands"),
        ("web" | "cli", "store") => Some("web and cli call app, never store"),
        ("web", "cli") => Some("web knows no commands"),
        _ => None,
    }
}

fn from_channels(layer: &str, name: &str) -> Option<&'static str> {
    match layer {
        "domain" => Some("domain is pure: no channels"),
        // Faults that tests plant, and no release build has.
        "store" if name != "planted" => Some("store knows no channels, but for planted faults"),
        "app" if SENDING.contains(&name) => Some("app takes only words, limits and text from channels"),
        "web" if SENDING.contains(&name) => Some("only the sender reaches a network"),
        _ => None,
    }
}

fn from_outside(layer: &str, root: &str) -> Option<&'static str> {
    match (layer, root) {
        ("domain", "sqlx" | "tokio" | "axum" | "hyper" | "async_trait" | "futures") => {
            Some("domain is pure: no SQL, no async, no HTTP")
        }
        ("app" | "worker" | "web" | "cli", "sqlx") => Some("SQL lives in store"),
        ("store" | "app" | "worker", "axum") => Some("HTTP routes live in web"),
        _ => None,
    }
}

#[cfg(test)]
fn found(path: &str, text: &str) -> usize {
    check(&File { path: path.into(), text: text.into() }).len()
}

#[test]
fn wrong_directions_are_found() {
    for (path, text) in [
        ("src/domain/post.rs", "use crate::store::Tx;"),
        ("src/domain/post.rs", "use crate::clock::Clock;"),
        ("src/domain/post.rs", "use sqlx::FromRow;"),
        ("src/domain/post.rs", "async fn a() { tokio::spawn(b) }"),
        ("src/domain/post.rs", "use channels::text;"),
        ("src/domain/mod.rs", "use super::app::App;"),
        ("src/domain/post.rs", "use super::super::web::page;"),
        ("src/store/posts.rs", "use crate::{app, domain};"),
        ("src/store/posts.rs", "use channels::Rendition;"),
        ("src/app/posts.rs", "use channels::{Rendition, http::Http};"),
        ("src/app/posts.rs", "let g = channels::Gate::new();"),
        ("src/app/channels.rs", "use crate::store::channels; fn a() { ::channels::gate::pass() }"),
        ("src/app/posts.rs", "use crate::worker::send;"),
        ("src/app/posts.rs", "sqlx::query(text)"),
        ("src/worker/send.rs", "use crate::store::posts;"),
        ("src/worker/node.rs", "use crate::store::nodes::Node;"),
        ("src/worker/node.rs", "use sqlx::postgres::PgListener;"),
        ("src/worker/send.rs", "crate::store::posts::insert(tx)"),
        ("src/web/api/posts.rs", "crate::store::posts::list(tx)"),
        ("src/cli/serve.rs", "use crate::{app::{App, posts}, store::{Store}};"),
        ("src/main.rs", "use holdline::store::Store;"),
        ("src/sandbox.rs", "use reqwest::Client;"),
        ("channels/webhook.rs", "reqwest::get(url)"),
        ("channels/http.rs", "use lettre::Message;"),
        ("channels/text.rs", "use holdline::domain;"),
        ("src/web/api/deep/a.rs", "use super::super::super::app;"),
    ] {
        assert_eq!(found(path, text), 1, "{path}: {text}");
    }
}

#[test]
fn right_directions_pass() {
    for (path, text) in [
        (
            "src/domain/post.rs",
            "use crate::clock::Millis;\nuse super::freeze::Scope;\n// crate::store is far",
        ),
        ("src/store/posts.rs", "use crate::domain::post::Post; use sqlx::FromRow; use super::channels;"),
        ("src/store/audit.rs", "use ::channels::planted::planted;"),
        ("src/app/posts.rs", "use channels::{Rendition, text}; let a = channels::adapter(name);"),
        ("src/app/channels.rs", "use crate::store::channels; fn a() { channels::http(b) }"),
        ("src/worker/send.rs", "use crate::app::nodes::Node; use channels::Gate;"),
        ("src/web/mod.rs", "use crate::app::App; use axum::Router;"),
        ("channels/http.rs", "use crate::gate::Gate; use reqwest::Client;"),
        ("channels/email.rs", "use lettre::Message;"),
        ("tests/flow.rs", "use holdline::store::Store; sqlx::query(text)"),
    ] {
        assert_eq!(found(path, text), 0, "{path}: {text}");
    }
}
