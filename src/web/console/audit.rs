//! The log: a filter, a verification that says what it verified, and the export.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::Value;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::fields::{self, Fields};
use super::page::{Answer, show, show_again};
use super::ui::{Trouble, Ui};
use super::visit::{Posted, Visit};
use crate::app::audit::{self, AuditFilter, CheckpointView};
use crate::app::{AppError, Result, nodes, overview, people};
use crate::audit_export::{self, Report};
use crate::domain::times;
use crate::web::Web;

const PAGE: i64 = 50;
/// Larger logs are exported and verified by the commands.
const MOST: i64 = 200_000;
const DAY: i64 = 86_400_000;

#[derive(Template)]
#[template(path = "audit.html", config = "src/web/console/askama.toml")]
struct AuditPage {
    ui: Ui,
    asked: Asked,
    rows: Vec<Row>,
    older: Option<String>,
    /// Id and name of everybody who may stand in the log.
    actors: Vec<(String, String)>,
    size: i64,
    checkpoint: Option<String>,
    verified: Option<Verified>,
    trouble: Trouble,
}

/// What was typed into the filter.
#[derive(Debug, Default)]
struct Asked {
    verb: String,
    subject: String,
    actor: String,
    from: String,
    to: String,
}

/// An entry, for people.
struct Row {
    seq: i64,
    at: String,
    who: String,
    origin: String,
    verb: String,
    subject: String,
    note: String,
    before: Option<String>,
    after: Option<String>,
}

/// What a verification did, and what it found.
struct Verified {
    checkpoint: CheckpointView,
    milliseconds: i64,
    /// Nothing: see the findings.
    report: Option<Report>,
    findings: Vec<String>,
    /// The size of the older checkpoint that the log goes on from.
    kept: Option<String>,
}

impl Asked {
    fn of(f: &Fields) -> Self {
        let get = |name: &str| f.get(name).to_owned();
        Self {
            verb: get("verb"),
            subject: get("subject"),
            actor: get("actor"),
            from: get("from"),
            to: get("to"),
        }
    }

    fn filter(&self, zone: &str, before: Option<i64>) -> std::result::Result<AuditFilter, Trouble> {
        let some = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
        let day = |field: &str, text: &str| match text {
            "" => Ok(None),
            day => times::parse(&format!("{day}T00:00"), zone)
                .map(Some)
                .map_err(|why| Trouble::field(field, why)),
        };
        Ok(AuditFilter {
            actor: some(&self.actor),
            verb: some(&self.verb),
            subject: some(&self.subject),
            from: day("from", &self.from)?,
            // The whole last day belongs to it.
            to: day("to", &self.to)?.map(|t| t + DAY),
            before,
            limit: PAGE,
        })
    }

    fn is_empty(&self) -> bool {
        [&self.verb, &self.subject, &self.actor, &self.from, &self.to].iter().all(|t| t.is_empty())
    }

    fn address(&self, before: i64) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("verb", &self.verb),
            ("subject", &self.subject),
            ("actor", &self.actor),
            ("from", &self.from),
            ("to", &self.to),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.append_pair("before", &before.to_string());
        format!("/console/audit?{}", query.finish())
    }
}

impl Row {
    fn new(seq: i64, entry: &Value, names: &HashMap<String, String>) -> Self {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let pretty = |name: &str| entry.get(name).and_then(|v| serde_json::to_string_pretty(v).ok());
        let actor = text("actor");
        Self {
            seq,
            at: text("at"),
            who: names.get(&actor).cloned().unwrap_or(actor),
            origin: text("origin"),
            verb: text("verb"),
            subject: text("subject"),
            note: text("note"),
            before: pretty("before"),
            after: pretty("after"),
        }
    }

    /// The screen of what it is about, if there is one.
    fn to(&self) -> Option<String> {
        let (kind, id) = self.subject.split_once(':')?;
        let path = match kind {
            "post" => "posts",
            "incident" => "incidents",
            "freeze" => "freezes",
            "channel" => "settings/channels",
            _ => return None,
        };
        Some(format!("/console/{path}/{id}"))
    }

    /// Everything about the same thing.
    fn same(&self) -> String {
        let subject: String = form_urlencoded::byte_serialize(self.subject.as_bytes()).collect();
        format!("/console/audit?subject={subject}")
    }
}

/// `GET /console/audit?verb=&subject=&actor=&from=&to=&before=`.
pub async fn screen(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let f = fields::of_query(query.as_deref());
    show(&page(&web, &visit, &f, None, Trouble::default()).await?)
}

async fn page(
    web: &Web,
    visit: &Visit,
    f: &Fields,
    verified: Option<Verified>,
    mut trouble: Trouble,
) -> Result<AuditPage> {
    let (app, by, asked) = (&web.app, visit.by()?, Asked::of(f));
    let ui = visit.ui(web).await?;
    let mut actors: Vec<(String, String)> =
        people::list(app, by).await?.into_iter().map(|p| (p.id, p.name)).collect();
    for n in nodes::status(app, by).await?.nodes {
        actors.push((format!("node:{}", n.id), ui.with("log-node", "name", &n.name)));
    }
    let names: HashMap<String, String> = actors.iter().cloned().collect();
    let mut rows = Vec::new();
    match asked.filter(&visit.signed()?.zone, f.get("before").parse().ok()) {
        Ok(filter) => {
            let entries = audit::list(app, by, &filter).await?;
            rows = entries.iter().map(|e| Row::new(e.seq, &e.entry, &names)).collect();
        }
        Err(wrong) => trouble.fields.extend(wrong.fields),
    }
    let full = rows.len() == PAGE as usize;
    Ok(AuditPage {
        older: rows.last().filter(|r| full && r.seq > 0).map(|r| asked.address(r.seq)),
        size: overview::log_size(app).await?,
        checkpoint: audit::newest_checkpoint(app).await?,
        ui,
        asked,
        rows,
        actors,
        verified,
        trouble,
    })
}

/// Verifies the whole log as an auditor would: it is exported into a folder and read back from there.
pub async fn verify(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    match verification(&web, &visit).await {
        Ok(done) => show(&page(&web, &visit, &fields, Some(done), Trouble::default()).await?),
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            show_again(&page(&web, &visit, &fields, None, trouble).await?)
        }
    }
}

async fn verification(web: &Web, visit: &Visit) -> Result<Verified> {
    let (app, by) = (&web.app, visit.by()?);
    let begun = Instant::now();
    let (_busy, kept, checkpoint, leaves) = whole(web, visit).await?;
    let folder = std::env::temp_dir().join(format!("holdline-verify-{}", app.clock().id()));
    let (note, key, older) = (checkpoint.note.clone(), checkpoint.key.clone(), kept.clone());
    let work = move || audit_export::verify_a_copy(&folder, &leaves, &note, &key, older.as_deref());
    let result = tokio::task::spawn_blocking(work).await.map_err(|e| AppError::Internal(e.to_string()))?;
    let (report, findings) = match result {
        Ok(report) => (Some(report), Vec::new()),
        Err(findings) => {
            tracing::error!(?findings, by = by.id, "the log does not verify");
            (None, findings)
        }
    };
    Ok(Verified {
        milliseconds: i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX),
        // Its second line is the size.
        kept: kept.and_then(|note| note.lines().nth(1).map(str::to_owned)),
        checkpoint,
        report,
        findings,
    })
}

type Whole = (OwnedMutexGuard<()>, Option<String>, CheckpointView, Vec<Vec<u8>>);

/// The older checkpoint, a new one, and all entries below it: as long as they are not too many.
async fn whole(web: &Web, visit: &Visit) -> Result<Whole> {
    let (app, by) = (&web.app, visit.by()?);
    let refused = |why: &str| AppError::Conflict(why.to_owned());
    let busy = Arc::clone(&web.whole_log).try_lock_owned().map_err(|_| {
        refused("somebody is verifying or exporting the log right now; try again in a minute")
    })?;
    if overview::log_size(app).await? > MOST {
        return Err(refused(
            "the log has more than 200,000 entries, which is too much for a page; \
             use `holdline audit export` and `holdline audit verify`",
        ));
    }
    let kept = audit::newest_checkpoint(app).await?;
    let checkpoint = audit::checkpoint(app, by).await?;
    let leaves = audit::leaves(app, by, checkpoint.size).await?;
    Ok((busy, kept, checkpoint, leaves))
}

/// `GET /console/audit/export`: the folder that `holdline audit export` writes, as one archive.
pub async fn export(State(web): State<Web>, visit: Visit) -> Answer {
    let (_busy, _, checkpoint, leaves) = whole(&web, &visit).await?;
    let name = format!("attachment; filename=\"holdline-audit-{}.tar\"", checkpoint.size);
    let work = move || audit_export::tar(&leaves, &checkpoint.note, &checkpoint.key);
    let tar = tokio::task::spawn_blocking(work).await.map_err(|e| AppError::Internal(e.to_string()))?;
    let tar = tar.map_err(|e| AppError::Internal(e.to_string()))?;
    let headers =
        [(header::CONTENT_TYPE, "application/x-tar".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, tar).into_response())
}
