//! Posts: what the command line takes, and how it runs.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::End;
use super::api::{Api, encode, query};
use super::call::{POST, Show, read_json};

const DELIVERY: &[&str] =
    &["id", "channel_name", "state", "started_only", "attempts", "url", "reason", "so_far"];

#[derive(Debug, Subcommand)]
pub enum Posts {
    /// List by due time.
    List {
        #[arg(long)]
        kind: Option<String>,
        #[arg(long)]
        state: Option<String>,
        #[arg(long)]
        brand: Option<String>,
        #[arg(long)]
        label: Option<String>,
        #[arg(long)]
        incident: Option<String>,
        /// Part of the title or of a text, whatever its case.
        #[arg(long)]
        text: Option<String>,
        /// Due at or after this instant.
        #[arg(long)]
        from: Option<String>,
        /// Due before this instant.
        #[arg(long)]
        to: Option<String>,
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    Show {
        id: String,
    },
    Add(Box<NewPost>),
    /// Replace a post by the JSON of a new one, `@FILE` or `-`.
    Edit {
        id: String,
        json: String,
    },
    Submit {
        id: String,
    },
    Cancel {
        id: String,
    },
    /// Import a file of one JSON object a line.
    Import {
        file: PathBuf,
        /// All rows or none.
        #[arg(long)]
        atomic: bool,
    },
    /// Upload a picture; its hash names it.
    Upload {
        file: PathBuf,
    },
    /// Save a picture to look at it.
    Picture {
        /// Its hash, as `approvals show` names it.
        sha256: String,
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct NewPost {
    /// Nothing: routine, or that of the post whose words change.
    #[arg(long)]
    pub kind: Option<String>,
    #[arg(long, required_unless_present = "from")]
    pub text: Option<String>,
    /// `CHANNEL=TEXT`: another text for one channel; can be repeated.
    #[arg(long)]
    pub text_for: Vec<String>,
    /// `FILE=WORDS`: a picture, and what it shows for those who cannot see it; can be repeated.
    #[arg(long)]
    pub picture: Vec<String>,
    /// The whole post as JSON, `@FILE` or `-`, instead of the other options.
    #[arg(long)]
    pub from: Option<String>,
    #[arg(long)]
    pub title: Option<String>,
    /// Nothing: en, or that of the post whose words change.
    #[arg(long)]
    pub language: Option<String>,
    /// Nothing: main, or that of the post whose words change.
    #[arg(long)]
    pub brand: Option<String>,
    #[arg(long, value_delimiter = ',')]
    pub labels: Vec<String>,
    /// Names or ids; nothing: every channel of the brand.
    #[arg(long, value_delimiter = ',')]
    pub channels: Vec<String>,
    /// An instant, or local time in --zone; nothing: as soon as it is approved.
    #[arg(long)]
    pub due: Option<String>,
    #[arg(long, default_value = "UTC")]
    pub zone: String,
    #[arg(long)]
    pub recurrence: Option<String>,
    #[arg(long)]
    pub valid_until: Option<String>,
    #[arg(long)]
    pub incident: Option<String>,
    /// The time of the next update that this one promises.
    #[arg(long)]
    pub promise: Option<String>,
    /// The id of the post that this one corrects.
    #[arg(long)]
    pub corrects: Option<String>,
    /// The id of a post that is out: it gets these words in its place, wherever its network can change a post.
    /// The answer says where not, and why.
    #[arg(long)]
    pub revises: Option<String>,
    /// Keep it as a draft.
    #[arg(long)]
    pub draft: bool,
}

/// The texts of single channels. Those of the post whose words change hold what is to be changed, so each is given anew or
/// dropped.
fn own_texts(words: &Value, given: &[String]) -> anyhow::Result<serde_json::Map<String, Value>> {
    let mut texts = serde_json::Map::new();
    for pair in given {
        let (name, text) = pair.split_once('=').with_context(|| format!("{pair} is not CHANNEL=TEXT"))?;
        texts.insert(name.to_owned(), text.into());
    }
    let old = words["per_channel"].as_object().into_iter().flat_map(serde_json::Map::keys);
    let kept: Vec<&str> = old.filter(|name| !texts.contains_key(*name)).map(String::as_str).collect();
    anyhow::ensure!(
        kept.is_empty(),
        "these channels have texts of their own: {}; give each anew (--text-for CHANNEL=TEXT), or drop it \
         (--text-for CHANNEL=), so that the channel gets the text of all",
        kept.join(", ")
    );
    if !words.is_null() {
        texts.retain(|_, text| text != "");
    }
    Ok(texts)
}

/// A new post as the API takes it. Its pictures are uploaded first.
async fn new_post(api: &Api, p: NewPost) -> anyhow::Result<Value> {
    if let Some(json) = &p.from {
        return read_json(json);
    }
    // What is not said stays as it is on the post whose words change.
    let before = match &p.revises {
        Some(id) => api.get(&format!("/posts/{}", encode(id))).await?,
        None => Value::Null,
    };
    let words = if before["words"].is_object() { &before["words"] } else { &before["source"] };
    let per_channel = own_texts(words, &p.text_for)?;
    let mut media: Vec<Value> = words["media"].as_array().cloned().unwrap_or_default();
    if !p.picture.is_empty() {
        media.clear();
    }
    for pair in p.picture {
        let (file, alt) = pair.split_once('=').with_context(|| format!("{pair} is not FILE=WORDS"))?;
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {file}"))?;
        let kept = api.upload("/media", "application/octet-stream", bytes).await?;
        media.push(json!({"sha256": kept["sha256"], "mime": kept["mime"], "alt": alt}));
    }
    let or = |given: Option<String>, there: &Value, unless: &str| {
        given.unwrap_or_else(|| there.as_str().unwrap_or(unless).to_owned())
    };
    let kind = or(p.kind, &before["kind"], "routine");
    let brand = or(p.brand, &before["brand"], "main");
    let language = or(p.language, &words["language"], "en");
    // What is known by its labels stays known by them.
    let labels =
        if p.labels.is_empty() && before.is_object() { before["labels"].clone() } else { json!(p.labels) };
    let title = p.title.map_or_else(|| words["title"].clone(), Value::from);
    let source = json!({"title": title, "text": p.text, "language": language,
        "per_channel": per_channel, "media": media});
    Ok(json!({"kind": kind, "brand": brand, "labels": labels, "channels": p.channels,
        "source": source, "due": p.due, "zone": p.zone, "recurrence": p.recurrence,
        "valid_until": p.valid_until, "incident": p.incident, "promise": p.promise,
        "corrects": p.corrects, "revises": p.revises, "submit": !p.draft}))
}

/// Runs one of them.
pub(super) async fn run(api: &Api, show: Show<'_>, as_json: bool, command: Posts) -> anyhow::Result<End> {
    let whole = |value: &Value| {
        show(value, POST);
        if !as_json {
            show(&value["deliveries"], DELIVERY);
            if value["unrevised"].as_array().is_some_and(|kept| !kept.is_empty()) {
                show(&value["unrevised"], &["channel_name", "reason"]);
            }
        }
    };
    match command {
        Posts::List { kind, state, brand, label, incident, text, from, to, limit } => {
            let filters = [
                ("kind", kind),
                ("state", state),
                ("brand", brand),
                ("label", label),
                ("incident", incident),
                ("text", text),
                ("from", from),
                ("to", to),
            ];
            show(&api.pages(&query("/posts?".into(), filters), limit).await?, POST);
        }
        Posts::Show { id } => whole(&api.get(&format!("/posts/{id}")).await?),
        Posts::Add(p) => whole(&api.post("/posts", &new_post(api, *p).await?).await?),
        Posts::Edit { id, json } => whole(&api.put(&format!("/posts/{id}"), &read_json(&json)?).await?),
        Posts::Submit { id } => whole(&api.post(&format!("/posts/{id}/submit"), &json!({})).await?),
        Posts::Cancel { id } => whole(&api.post(&format!("/posts/{id}/cancel"), &json!({})).await?),
        Posts::Import { file, atomic } => {
            let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let path = format!("/posts/import?atomic={atomic}");
            let value = api.upload(&path, "application/x-ndjson", bytes).await?;
            show(&value, &["created", "failed", "errors"]);
            return Ok(End::all(value["failed"] == 0));
        }
        Posts::Upload { file } => {
            let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            show(
                &api.upload("/media", "application/octet-stream", bytes).await?,
                &["sha256", "mime", "bytes"],
            );
        }
        Posts::Picture { sha256, out } => {
            let bytes = api.bytes(&format!("/media/{}", encode(&sha256))).await?;
            std::fs::write(&out, &bytes).with_context(|| format!("cannot write {}", out.display()))?;
            let saved = json!({"sha256": sha256, "bytes": bytes.len(), "file": out});
            show(&saved, &["file", "bytes", "sha256"]);
        }
    }
    Ok(End::Done)
}
