//! Channels: what the command line takes, and how it runs.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};

use super::api::{Api, encode};
use super::call::{Show, read_file};
use super::{End, ready};

const CHANNEL: &[&str] = &["id", "name", "adapter", "brand", "standing", "health.detail", "disabled_at"];

#[derive(Debug, Subcommand)]
pub enum Channels {
    List,
    /// What can be connected, and what it needs.
    Adapters,
    Add {
        #[arg(long)]
        name: String,
        #[arg(long)]
        adapter: String,
        #[arg(long, default_value = "main")]
        brand: String,
        /// `NAME=VALUE`; can be repeated. A value that is JSON is taken as such.
        #[arg(long = "set")]
        settings: Vec<String>,
        /// The file of the credential; `-` reads it from stdin.
        #[arg(long)]
        credential_file: Option<PathBuf>,
        #[arg(long)]
        drill: bool,
    },
    /// Change a channel: what is not named stays. A new credential replaces the old one; other settings
    /// need it again.
    Edit {
        id: String,
        #[arg(long)]
        name: Option<String>,
        #[arg(long)]
        brand: Option<String>,
        /// `NAME=VALUE`; can be repeated.
        #[arg(long = "set")]
        settings: Vec<String>,
        /// The file of the credential; `-` reads it from stdin.
        #[arg(long)]
        credential_file: Option<PathBuf>,
    },
    /// Ask the network whether a post would be accepted now.
    Test {
        id: String,
    },
    Disable {
        id: String,
    },
    Enable {
        id: String,
    },
}

/// Runs one of them.
pub async fn run(api: &Api, show: Show<'_>, as_json: bool, command: Channels) -> anyhow::Result<End> {
    match command {
        Channels::List => show(&api.get("/channels").await?, CHANNEL),
        Channels::Adapters => {
            let adapters = api.get("/adapters").await?;
            let rows = if as_json { adapters } else { needs(&adapters) };
            show(&rows, &["adapter", "setting", "needed", "what"]);
        }
        Channels::Add { name, adapter, brand, settings, credential_file, drill } => {
            let map = pairs(settings)?;
            let credential = credential(credential_file)?;
            let body = json!({"name": name, "adapter": adapter, "brand": brand, "settings": map,
                "credential": credential, "drill": drill});
            let made = api.post("/channels", &body).await?;
            show(&made, &["id", "name", "adapter", "brand"]);
            if !as_json {
                return ready::tested(api, show, as_json, made["id"].as_str().unwrap_or_default()).await;
            }
        }
        Channels::Edit { id, name, brand, settings, credential_file } => {
            let path = format!("/channels/{}", encode(&id));
            let before = api.get(&path).await?;
            let mut body = json!({"name": name, "brand": brand, "credential": credential(credential_file)?});
            let changed = pairs(settings)?;
            if !changed.is_empty() {
                let mut all = before["settings"].as_object().cloned().unwrap_or_default();
                all.extend(changed);
                body["settings"] = all.into();
            }
            show(&api.patch_at(&path, &before["version"], &body).await?, CHANNEL);
            if !as_json {
                return ready::tested(api, show, as_json, &id).await;
            }
        }
        Channels::Test { id } => return ready::tested(api, show, as_json, &id).await,
        Channels::Disable { id } => {
            show(&api.patch(&format!("/channels/{id}"), &json!({"disabled": true})).await?, CHANNEL);
        }
        Channels::Enable { id } => {
            show(&api.patch(&format!("/channels/{id}"), &json!({"disabled": false})).await?, CHANNEL);
        }
    }
    Ok(End::Done)
}

/// What each adapter needs, one setting a row.
fn needs(adapters: &Value) -> Value {
    let mut rows = Vec::new();
    for a in adapters.as_array().into_iter().flatten() {
        let settings = a["settings"].as_array().into_iter().flatten();
        let row = |s: &Value| {
            let needed = if s["required"] == true { "yes" } else { "" };
            json!({"adapter": a["name"], "setting": s["name"], "needed": needed, "what": s["help"]})
        };
        let known = rows.len();
        rows.extend(settings.map(row));
        if rows.len() == known {
            rows.push(json!({"adapter": a["name"], "what": "needs nothing"}));
        }
    }
    rows.into()
}

/// `NAME=VALUE`, where a value that is JSON is taken as such.
fn pairs(settings: Vec<String>) -> anyhow::Result<serde_json::Map<String, Value>> {
    let pair = |pair: String| {
        let (name, text) = pair.split_once('=').with_context(|| format!("{pair} is not NAME=VALUE"))?;
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        Ok((name.to_owned(), value))
    };
    settings.into_iter().map(pair).collect()
}

fn credential(file: Option<PathBuf>) -> anyhow::Result<Option<String>> {
    file.map(|f| read_file(&f).map(|c| c.trim().to_owned())).transpose()
}
