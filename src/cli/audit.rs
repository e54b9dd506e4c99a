//! The audit log: list, key, export, verify. Verifying needs no service and no database.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::json;

use super::api::{Api, query};
use super::{End, table};
use crate::audit_export;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List entries, newest first.
    List {
        /// A verb or its beginning, such as freeze.
        #[arg(long)]
        verb: Option<String>,
        /// Such as post:ID.
        #[arg(long)]
        subject: Option<String>,
        /// The id of who acted.
        #[arg(long)]
        actor: Option<String>,
        /// Only entries before this number: the next page.
        #[arg(long)]
        before: Option<i64>,
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
    /// Print the verifier key; keep it apart from the log.
    Key,
    /// Print a signed checkpoint of the log as it is now; keep it, for `verify --checkpoint`.
    Checkpoint,
    /// Write the log with a signed checkpoint into a folder.
    Export {
        /// A folder that is new or empty.
        #[arg(long)]
        out: PathBuf,
    },
    /// Verify an exported folder offline.
    Verify {
        folder: PathBuf,
        /// The verifier key that you kept, or a file with it; without it the export's own is used,
        /// which proves less.
        #[arg(long)]
        key: Option<String>,
        /// An older checkpoint that you kept: finds a cut or rewritten log.
        #[arg(long, visible_alias = "checkpoint")]
        kept: Option<PathBuf>,
    },
}

/// Runs one of them.
pub async fn run(
    api: impl FnOnce() -> anyhow::Result<Api>,
    as_json: bool,
    command: Command,
) -> anyhow::Result<End> {
    match command {
        Command::List { verb, subject, actor, before, limit } => {
            let before = before.map(|n| n.to_string());
            let filters = [("verb", verb), ("subject", subject), ("actor", actor), ("before", before)];
            let path = query(format!("/audit?limit={limit}"), filters);
            let value = api()?.get(&path).await?;
            table::value(&value, as_json, &["seq", "entry.at", "entry.actor", "entry.verb", "entry.subject"]);
        }
        Command::Key => {
            let value = api()?.get("/audit/checkpoint").await?;
            let key = value["key"].as_str().unwrap_or_default();
            if as_json { table::line(&json!({ "key": key }).to_string()) } else { table::line(key) }
        }
        Command::Checkpoint => {
            let value = api()?.get("/audit/checkpoint").await?;
            let note = value["note"].as_str().unwrap_or_default();
            if as_json { table::value(&value, true, &[]) } else { table::line(note) }
        }
        Command::Export { out } => {
            let api = api()?;
            let checkpoint = api.get("/audit/checkpoint").await?;
            let size = checkpoint["size"].as_i64().context("the checkpoint has no size")?;
            let bytes = api.bytes(&format!("/audit/entries?size={size}")).await?;
            let leaves = split(&bytes).context("the service sent entries that cannot be read")?;
            if i64::try_from(leaves.len()) != Ok(size) {
                bail!("the service sent {} entries of {size}", leaves.len());
            }
            let note = checkpoint["note"].as_str().unwrap_or_default();
            let key = checkpoint["key"].as_str().unwrap_or_default();
            audit_export::write(&out, &leaves, note, key)
                .with_context(|| format!("cannot export to {}", out.display()))?;
            table::value(
                &json!({"folder": out, "entries": size, "key": key}),
                as_json,
                &["folder", "entries"],
            );
        }
        Command::Verify { folder, key, kept } => {
            let kept = kept.map(|k| std::fs::read_to_string(&k).with_context(|| format!("{}", k.display())));
            let kept = kept.transpose()?;
            let key = key.map(key_text).transpose()?;
            return Ok(verify(&folder, key.as_deref(), kept.as_deref(), as_json));
        }
    }
    Ok(End::Done)
}

/// A verifier key as it is, or out of a file.
fn key_text(key: String) -> anyhow::Result<String> {
    let file = std::path::Path::new(&key);
    if file.is_file() { std::fs::read_to_string(file).with_context(|| key.clone()) } else { Ok(key) }
}

fn verify(folder: &std::path::Path, key: Option<&str>, kept: Option<&str>, as_json: bool) -> End {
    match audit_export::verify(folder, key, kept) {
        Ok(report) => {
            table::value(&json!(report), as_json, &["size", "root", "origin", "first", "last"]);
            if report.key_from_export && !as_json {
                table::line(
                    "The key was taken from the export itself: compare it with the one that you kept.",
                );
            }
            if !as_json {
                table::line("The log verifies.");
            }
            End::Done
        }
        Err(findings) => {
            if as_json {
                table::value(&json!({"findings": findings}), true, &[]);
            } else {
                for finding in findings.iter().take(50) {
                    table::line(finding);
                }
                table::line(&format!("The log does not verify: {} findings.", findings.len()));
            }
            End::Broken
        }
    }
}

/// Entries behind their lengths in two bytes.
fn split(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        out.push(rest.get(..length)?.to_vec());
        bytes = &rest[length..];
    }
    Some(out)
}
