//! From what was typed to a post and its deliveries: every field is checked here.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::error::Problems;
use super::posts::NewPost;
use super::{Actor, App, AppError, Result, renditions};
use crate::domain::Word;
use crate::domain::incident::IncidentState;
use crate::domain::post::{Kind, PostState, Source};
use crate::domain::times;
use crate::store::channels::Channel;
use crate::store::deliveries::Delivery;
use crate::store::incidents::Incident;
use crate::store::media::Picture;
use crate::store::posts::Post;

/// What the checks of new posts look up once for many.
pub(crate) struct Directory {
    channels: Vec<Channel>,
    /// Those that were named so far.
    incidents: Vec<Incident>,
    pictures: HashMap<String, Picture>,
}

impl Directory {
    /// Reads it, with the incident that a post names.
    pub(crate) async fn read(app: &App, incident: Option<&str>) -> Result<Self> {
        let pictures = app.store().pictures().await?;
        let mut dir = Self {
            channels: app.store().channels().await?,
            incidents: Vec::new(),
            pictures: pictures.into_iter().map(|p| (p.sha256.clone(), p)).collect(),
        };
        dir.know(app, incident).await?;
        Ok(dir)
    }

    /// Looks up the incident that a post names, by its id or its slug, however old it is.
    pub(crate) async fn know(&mut self, app: &App, incident: Option<&str>) -> Result<()> {
        let Some(name) = incident.filter(|name| self.incident(name).is_none()) else { return Ok(()) };
        let found = match app.store().incident(name).await? {
            None => app.store().incident_by_slug(name).await?,
            found => found,
        };
        self.incidents.extend(found);
        Ok(())
    }

    fn incident(&self, name: &str) -> Option<&Incident> {
        self.incidents.iter().find(|i| i.id == name || i.slug == name)
    }
}

/// A checked post, its labels and its deliveries.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Built {
    pub post: Post,
    pub labels: Vec<String>,
    pub deliveries: Vec<Delivery>,
}

/// Checks a new post and makes its rows.
pub(crate) fn build(app: &App, by: &Actor, new: &NewPost, dir: &Directory) -> Result<Built> {
    let now = app.now();
    let mut problems = Problems::default();
    let time = |text: &Option<String>| text.as_deref().map(|t| times::parse(t, &new.zone)).transpose();
    problems.take("zone", times::check_zone(&new.zone));
    let mut due = problems.take("due", time(&new.due)).flatten();
    let valid_until = problems.take("valid_until", time(&new.valid_until)).flatten();
    let promise_at = problems.take("promise", time(&new.promise)).flatten();
    if let Some(cron) = &new.recurrence {
        let next = problems.take("recurrence", times::next_after(cron, &new.zone, now)).flatten();
        due = due.or(next);
    }
    let due = due.unwrap_or(now);
    if valid_until.is_some_and(|v| v <= due) {
        problems.add("valid_until", "must be after the due time");
    }
    if promise_at.is_some_and(|p| p <= due) {
        problems.add("promise", "must be later than the due time");
    }
    let incident = match (&new.incident, new.kind) {
        (None, Kind::Routine) => None,
        (None, _) => {
            problems.add("incident", "is needed for this kind; only routine posts have none");
            None
        }
        (Some(id), kind) => match dir.incident(id) {
            None => {
                problems.add("incident", format!("there is no incident {id}"));
                None
            }
            Some(i) => {
                if i.state == IncidentState::Resolved.word()
                    && !matches!(kind, Kind::Correction | Kind::Update)
                {
                    problems
                        .add("incident", "is resolved; only a last update or a correction can be published");
                }
                Some(i)
            }
        },
    };
    check_promise(new, incident.is_some_and(|i| i.resolved_at.is_some()), &mut problems);
    let drill = incident.is_some_and(|i| i.drill);
    let targets = targets(new, dir, drill, &mut problems);
    check_source(&new.source, &targets, &dir.pictures, &mut problems);
    problems.check()?;
    let post = Post {
        id: app.id(),
        kind: new.kind.word().into(),
        brand: new.brand.clone(),
        labels: serde_json::to_string(&new.labels).map_err(|e| AppError::Internal(e.to_string()))?,
        source: serde_json::to_string(&new.source).map_err(|e| AppError::Internal(e.to_string()))?,
        zone: new.zone.clone(),
        recurrence: new.recurrence.clone(),
        series_id: None,
        incident_id: incident.map(|i| i.id.clone()),
        author_id: by.id.clone(),
        authors: serde_json::json!([by.id]).to_string(),
        state: if new.submit { PostState::Submitted } else { PostState::Draft }.word().into(),
        due_at: due,
        valid_until,
        promise_at,
        corrects: new.corrects.clone(),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let deliveries = renditions::deliveries(&post, new.kind, &new.source, &targets, drill, || app.id())?;
    Ok(Built { post, labels: new.labels.clone(), deliveries })
}

/// Every update says when the next one comes, but the last word of a resolved incident (I6).
fn check_promise(new: &NewPost, resolved: bool, problems: &mut Problems) {
    match (new.kind, &new.promise) {
        (Kind::Routine, Some(_)) => problems.add("promise", "only a post about an incident promises an update"),
        (_, Some(_)) if resolved => {
            problems.add("promise", "the incident is resolved: its last word promises nothing more");
        }
        (Kind::Update, None) if !resolved => problems.add(
            "promise",
            "is needed: say when the next update comes; only the last word, once the incident is resolved, has none",
        ),
        _ => {}
    }
}

fn check_source(
    source: &Source,
    channels: &[&Channel],
    known: &HashMap<String, Picture>,
    problems: &mut Problems,
) {
    check_own_texts(source, channels, problems);
    check_pictures(source, channels, known, problems);
}

/// A typing error in a name must not send the text for all where another was meant.
fn check_own_texts(source: &Source, channels: &[&Channel], problems: &mut Problems) {
    for name in source.per_channel.keys() {
        if !channels.iter().any(|c| c.name == *name) {
            let names: Vec<_> = channels.iter().map(|c| c.name.as_str()).collect();
            let there = names.join(", ");
            problems.add("source.per_channel", format!("\"{name}\" is none of its channels: {there}"));
        }
    }
}

/// A picture that is missing or too large for a channel is told now, not when the post is due.
fn check_pictures(
    source: &Source,
    channels: &[&Channel],
    known: &HashMap<String, Picture>,
    problems: &mut Problems,
) {
    for (n, picture) in source.media.iter().enumerate() {
        let field = format!("source.media[{n}]");
        let Some(kept) = known.get(&picture.sha256) else {
            problems.add(&field, "was never uploaded; send it to /api/v1/media first");
            continue;
        };
        if kept.mime != picture.mime {
            problems.add(&field, format!("is {}, not {}", kept.mime, picture.mime));
        }
        for channel in channels {
            let limits = ::channels::adapter(&channel.adapter).map(|a| a.limits);
            let most = limits.filter(|l| l.media > 0).map_or(u64::MAX, |l| l.media_bytes);
            if u64::try_from(kept.size).unwrap_or(0) > most {
                let size = kept.size;
                problems.add(&field, format!("has {size} bytes; {} takes at most {most}", channel.name));
            }
        }
    }
}

fn targets<'a>(new: &NewPost, dir: &'a Directory, drill: bool, problems: &mut Problems) -> Vec<&'a Channel> {
    // A drill reaches drill channels only, and a drill channel takes part in drills only (I8);
    // routine posts of a practice installation live on drill channels too.
    let fits = |c: &Channel| if drill { c.drill } else { new.kind == Kind::Routine || !c.drill };
    if new.channels.is_empty() {
        let all: Vec<_> = dir
            .channels
            .iter()
            .filter(|c| c.brand == new.brand && c.disabled_at.is_none() && fits(c))
            .collect();
        if all.is_empty() {
            problems
                .add("channels", format!("the brand {} has no channel to post on; connect one", new.brand));
        }
        // The website shows incidents; marketing has no place on it.
        return all.into_iter().filter(|c| c.adapter != "website" || new.kind != Kind::Routine).collect();
    }
    let mut out: Vec<&Channel> = Vec::new();
    for wanted in &new.channels {
        match dir.channels.iter().find(|c| c.id == *wanted || c.name == *wanted) {
            None => problems.add("channels", format!("there is no channel \"{wanted}\"")),
            Some(c) if c.disabled_at.is_some() => problems.add("channels", format!("{} is disabled", c.name)),
            Some(c) if !fits(c) => {
                let message = if drill { "is live; a drill cannot reach it" } else { "is for drills only" };
                problems.add("channels", format!("{} {message}", c.name));
            }
            // A freeze by brand is understood by the brand of the post, of the channel, and of people.
            Some(c) if c.brand != new.brand => {
                let (name, theirs, ours) = (&c.name, &c.brand, &new.brand);
                problems.add(
                    "channels",
                    format!(
                        "{name} belongs to the brand {theirs}, and the post to {ours}: write one post a brand"
                    ),
                );
            }
            Some(c) if c.adapter == "website" && new.kind == Kind::Routine => {
                problems.add("channels", format!("{} shows incidents only", c.name));
            }
            Some(c) if out.iter().any(|o| o.id == c.id) => {}
            Some(c) => out.push(c),
        }
    }
    out
}
