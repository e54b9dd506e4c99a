//! Channels: what the command line takes, and how it runs.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};

use super::api::{Api, encode};
use super::call::{Show, read_file};
use super::connect::{self, Granted};
use super::{End, ready};

const ACCESS: &[&str] =
    &["granted_at", "renewed_at", "expires_at", "renew_at", "trouble", "ended_at", "revoked"];
const ENDED: &[&str] = &["channel", "name", "gone", "detail", "also", "under_way"];
pub(super) const CHANNEL: &[&str] =
    &["id", "name", "adapter", "brand", "standing", "health.detail", "disabled_at"];

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
    #[command(flatten)]
    Granted(Granted),
    /// Ask the network whether a post would be accepted now.
    Test {
        id: String,
    },
    /// The access that was granted to a channel at its network.
    Access {
        id: String,
    },
    /// End the access of a channel: its credential is destroyed, it is disabled, and the network is told.
    Revoke {
        id: String,
    },
    /// End the access of all channels, for the day when somebody has what they should not have.
    RevokeAll,
    /// The access that is to end and is not known to have ended at the network; ends with 6 when there is some.
    Ends,
    /// Say that you ended the access of a channel in the settings of its network.
    Ended {
        /// What has ended, by its name in the first column of `ends`.
        #[arg(required = true)]
        ends: Vec<String>,
    },
    /// Say that the channel goes on with the other account that a check saw: until then nothing is sent there. Or, with
    /// `--credential`, that the credential which was given since is that of the channel's own account.
    ConfirmAccount(ConfirmAccount),
    Disable {
        id: String,
    },
    Enable {
        id: String,
    },
}

/// With what a channel goes on.
#[derive(Debug, clap::Args)]
pub struct ConfirmAccount {
    id: String,
    /// The account, as `channels list --json` shows it in `other_account`.
    #[arg(required_unless_present = "credential", conflicts_with = "credential")]
    account: Option<String>,
    /// Go on with the credential that is in now, although no check has seen whose it is: the version of the channel, as
    /// `channels list --json` shows it beside `credential_to_confirm`.
    #[arg(long, value_name = "VERSION")]
    credential: Option<i64>,
}

/// What is to end, each in a row of its own.
fn one_by_one(channels: &Value) -> Value {
    let of = |channel: &Value| {
        let (name, detail) = (channel["name"].clone(), channel["detail"].clone());
        let ends = channel["ends"].as_array().cloned().unwrap_or_default();
        ends.into_iter().map(move |end| json!({ "end": end, "name": name, "detail": detail }))
    };
    channels.as_array().into_iter().flatten().flat_map(of).collect()
}

/// Where an end is confirmed: it begins with its channel.
fn confirm(end: &str) -> String {
    format!("/oauth/ends/{}/confirm", encode(end.split('.').next().unwrap_or_default()))
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
        Channels::Granted(command) => return connect::run(api, show, as_json, command).await,
        Channels::Test { id } => return ready::tested(api, show, as_json, &id).await,
        Channels::Access { id } => {
            show(&api.get(&format!("/channels/{}/grant", encode(&id))).await?, ACCESS);
        }
        Channels::Revoke { id } => {
            let ended = api.post(&format!("/channels/{}/revoke", encode(&id)), &json!({})).await?;
            show(&ended, ENDED);
            return Ok(End::all(ended["gone"] == true));
        }
        Channels::RevokeAll => {
            let ended = api.post("/channels/revoke-all", &json!({})).await?;
            show(&ended, ENDED);
            return Ok(End::all(ended.as_array().is_some_and(|all| all.iter().all(|e| e["gone"] == true))));
        }
        Channels::Ends => {
            let open = api.get("/oauth/ends").await?;
            let rows = if as_json { open.clone() } else { one_by_one(&open) };
            show(&rows, &["end", "name", "detail"]);
            return Ok(End::all(open.as_array().is_some_and(Vec::is_empty)));
        }
        Channels::Ended { ends } => {
            for end in ends {
                api.post(&confirm(&end), &json!({ "ends": [end] })).await?;
            }
        }
        Channels::ConfirmAccount(with) => show(&go_on(api, &with).await?, CHANNEL),
        Channels::Disable { id } => {
            show(&api.patch(&format!("/channels/{id}"), &json!({"disabled": true})).await?, CHANNEL);
        }
        Channels::Enable { id } => {
            show(&api.patch(&format!("/channels/{id}"), &json!({"disabled": false})).await?, CHANNEL);
        }
    }
    Ok(End::Done)
}

async fn go_on(api: &Api, with: &ConfirmAccount) -> anyhow::Result<Value> {
    let (what, shown) = match with.credential {
        Some(version) => ("credential", json!({ "version": version })),
        None => ("account", json!({ "account": with.account })),
    };
    api.post(&format!("/channels/{}/{what}/confirm", encode(&with.id)), &shown).await
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
pub(super) fn pairs(settings: Vec<String>) -> anyhow::Result<serde_json::Map<String, Value>> {
    let pair = |pair: String| {
        let (name, text) = pair.split_once('=').with_context(|| format!("{pair} is not NAME=VALUE"))?;
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        Ok((name.to_owned(), value))
    };
    settings.into_iter().map(pair).collect()
}

pub(super) fn credential(file: Option<PathBuf>) -> anyhow::Result<Option<String>> {
    file.map(|f| read_file(&f).map(|c| c.trim().to_owned())).transpose()
}
