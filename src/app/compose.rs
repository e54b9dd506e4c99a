//! From what was typed to a post and its deliveries: every field is checked here.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::channels::publishes;
use super::composed_pictures::Pictures;
use super::error::Problems;
use super::posts::{self, NewPost};
use super::revisions::{Standing, Unrevised};
use super::{Actor, App, AppError, Result, composed_pictures, renditions};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::incident::IncidentState;
use crate::domain::post::{Kind, PostState, Source};
use crate::domain::times;
use crate::store::channels::Channel;
use crate::store::deliveries::Delivery;
use crate::store::incidents::Incident;
use crate::store::posts::Post;

/// What the checks of new posts look up once for many.
pub(crate) struct Directory {
    channels: Vec<Channel>,
    /// Those that were named so far.
    incidents: Vec<Incident>,
    pictures: Pictures,
    /// The incident of each post that a new one names as what it corrects.
    corrected: HashMap<String, Option<String>>,
    /// The posts whose words new ones change, by the id that these name.
    revised: HashMap<String, Standing>,
}

impl Directory {
    /// Reads what every post may name.
    pub(crate) async fn read(app: &App) -> Result<Self> {
        Ok(Self {
            channels: app.store().channels().await?,
            incidents: Vec::new(),
            pictures: Pictures::read(app).await?,
            corrected: HashMap::new(),
            revised: HashMap::new(),
        })
    }

    fn incident(&self, name: &str) -> Option<&Incident> {
        self.incidents.iter().find(|i| i.id == name || i.slug == name)
    }

    async fn look_up_incident(&mut self, app: &App, name: Option<&str>) -> Result<()> {
        if let Some(name) = name.filter(|name| self.incident(name).is_none()) {
            let found = match app.store().incident(name).await? {
                None => app.store().incident_by_slug(name).await?,
                found => found,
            };
            self.incidents.extend(found);
        }
        Ok(())
    }

    /// Looks up what only this post names: its incident, however old, what it corrects, and what it changes.
    pub(crate) async fn look_up(&mut self, app: &App, new: &NewPost) -> Result<()> {
        self.pictures.look_up(app, &new.source).await?;
        self.look_up_incident(app, new.incident.as_deref()).await?;
        if let Some(id) = &new.revises
            && let Some(standing) = Standing::read(app, id).await?
        {
            self.look_up_incident(app, standing.post.incident_id.as_deref()).await?;
            self.revised.insert(id.clone(), standing);
        }
        if let Some(id) = new.corrects.as_ref().filter(|id| !self.corrected.contains_key(*id))
            && let Some(post) = app.store().post(id).await?
        {
            self.corrected.insert(post.id, post.incident_id);
        }
        Ok(())
    }
}

/// A checked post, its labels and its deliveries.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Built {
    pub post: Post,
    pub labels: Vec<String>,
    pub deliveries: Vec<Delivery>,
    /// Where the post that it changes keeps its words.
    #[serde(default)]
    pub unrevised: Vec<Unrevised>,
}

impl Built {
    /// What the log keeps of it.
    pub fn facts(&self) -> serde_json::Value {
        let mut facts = posts::facts(&self.post, &self.deliveries);
        if !self.unrevised.is_empty() {
            facts["unrevised"] = serde_json::json!(self.unrevised);
        }
        facts
    }
}

/// What the checks found out, for the rows or for a preview.
pub(crate) struct Checked<'a> {
    pub targets: Vec<&'a Channel>,
    pub drill: bool,
    incident: Option<&'a crate::store::incidents::Incident>,
    revised: Option<&'a Standing>,
    due: Millis,
    valid_until: Option<Millis>,
    promise_at: Option<Millis>,
}

/// Checks a new post and makes its rows. The directory has looked it up.
pub(crate) fn build(app: &App, by: &Actor, new: &NewPost, dir: &Directory) -> Result<Built> {
    let now = app.now();
    let mut problems = Problems::default();
    let checked = check(now, new, dir, &mut problems);
    problems.check()?;
    let labels = checked.revised.map_or_else(|| new.labels.clone(), Standing::labels);
    let post = Post {
        id: app.id(),
        kind: new.kind.word().into(),
        brand: new.brand.clone(),
        labels: serde_json::to_string(&labels).map_err(|e| AppError::Internal(e.to_string()))?,
        source: serde_json::to_string(&new.source).map_err(|e| AppError::Internal(e.to_string()))?,
        words: new.source.words(),
        zone: new.zone.clone(),
        recurrence: new.recurrence.clone(),
        series_id: None,
        incident_id: checked.incident.map(|i| i.id.clone()),
        author_id: by.id.clone(),
        authors: serde_json::json!([by.id]).to_string(),
        state: if new.submit { PostState::Submitted } else { PostState::Draft }.word().into(),
        due_at: checked.due,
        valid_until: checked.valid_until,
        promise_at: checked.promise_at,
        corrects: new.corrects.clone(),
        revises: checked.revised.map(|r| r.post.id.clone()),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let (targets, drill) = (&checked.targets, checked.drill);
    let deliveries = renditions::deliveries(&post, new.kind, &new.source, targets, drill, app)?;
    let gets = |channel: &str| targets.iter().any(|t| t.id == channel);
    let kept = |standing: &Standing| standing.kept(&new.source, now, &dir.channels, gets, drill);
    Ok(Built { post, labels, deliveries, unrevised: checked.revised.map(kept).unwrap_or_default() })
}

/// Checks every field but the lengths of the texts, and finds the channels.
pub(crate) fn check<'a>(
    now: Millis,
    new: &NewPost,
    dir: &'a Directory,
    problems: &mut Problems,
) -> Checked<'a> {
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
    if promise_at.is_some_and(|p| p <= due.max(now)) {
        problems.add("promise", "must be later than the due time, and than now");
    }
    let revised = find_revised(new, dir, problems);
    let incident = match revised {
        Some(revised) => {
            revised.check(new, problems);
            incident_of(revised, new, dir, problems)
        }
        None => {
            let incident = find_incident(new, dir, problems);
            check_promise(new, incident.is_some_and(|i| i.resolved_at.is_some()), problems);
            check_corrects(new, incident.map(|i| i.id.as_str()), dir, problems);
            incident
        }
    };
    let drill = incident.is_some_and(|i| i.drill);
    let targets = match revised {
        Some(revised) => revised.targets(new, &dir.channels, drill, problems),
        None => targets(new, dir, drill, problems),
    };
    // Where its words stay, a text of its own is one that is out.
    let known = revised.map_or_else(|| targets.clone(), |revised| revised.channels(&dir.channels));
    check_own_texts(&new.source, &known, problems);
    composed_pictures::check(&new.source, &targets, &dir.pictures, revised, problems);
    Checked { targets, drill, incident, revised, due, valid_until, promise_at }
}

fn find_revised<'a>(new: &NewPost, dir: &'a Directory, problems: &mut Problems) -> Option<&'a Standing> {
    let id = new.revises.as_ref()?;
    let found = dir.revised.get(id);
    if found.is_none() {
        problems.add("revises", format!("there is no post {id}"));
    }
    found
}

/// The incident of the post whose words change, also when it is resolved by now: what is out there is put right.
fn incident_of<'a>(
    revised: &Standing,
    new: &NewPost,
    dir: &'a Directory,
    problems: &mut Problems,
) -> Option<&'a Incident> {
    let incident = revised.post.incident_id.as_deref().and_then(|id| dir.incident(id));
    let is_it = |name: &String| incident.is_some_and(|i| i.id == *name || i.slug == *name);
    if new.incident.as_ref().is_some_and(|name| !is_it(name)) {
        problems.add("incident", "is not that of the post whose words change; leave it out");
    }
    incident
}

/// The incident that it is about, when posts of its kind may still be written for it.
fn find_incident<'a>(new: &NewPost, dir: &'a Directory, problems: &mut Problems) -> Option<&'a Incident> {
    let Some(id) = &new.incident else {
        if new.kind != Kind::Routine {
            problems.add("incident", "is needed for this kind; only routine posts have none");
        }
        return None;
    };
    let Some(incident) = dir.incident(id) else {
        problems.add("incident", format!("there is no incident {id}"));
        return None;
    };
    let resolved = incident.state == IncidentState::Resolved.word();
    if resolved && !matches!(new.kind, Kind::Correction | Kind::Update) {
        problems.add("incident", "is resolved; only a last update or a correction can be published");
    }
    Some(incident)
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

/// A correction names a post that is there, and of its own incident.
fn check_corrects(new: &NewPost, incident: Option<&str>, dir: &Directory, problems: &mut Problems) {
    let Some(id) = &new.corrects else { return };
    match dir.corrected.get(id) {
        None => problems.add("corrects", format!("there is no post {id}")),
        Some(of) if incident.is_some() && of.as_deref() != incident => {
            problems.add("corrects", format!("the post {id} is not of this incident"));
        }
        Some(_) => {}
    }
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

/// Whether the channel shows posts with pictures alone, and the post has none that it takes. Such a channel must
/// not keep the words from all others: a post for every channel goes without it.
fn lacks_pictures(new: &NewPost, channel: &Channel, pictures: &Pictures) -> bool {
    let seen = new.source.media.iter().map(|m| (m.mime.as_str(), pictures.size(&m.sha256)));
    super::channels::limits(channel).is_some_and(|l| l.pictures.lacks(seen))
}

/// The names of the brand's channels that a post for every channel goes without, for want of a picture.
pub(crate) fn left_out(new: &NewPost, dir: &Directory) -> Vec<String> {
    // A change of words goes where its post is.
    if !new.channels.is_empty() || new.revises.is_some() {
        return Vec::new();
    }
    let is_left = |c: &&Channel| is_open(new, c) && lacks_pictures(new, c, &dir.pictures);
    dir.channels.iter().filter(is_left).map(|c| c.name.clone()).collect()
}

/// Whether a post for every channel could go there.
fn is_open(new: &NewPost, c: &Channel) -> bool {
    c.brand == new.brand && c.disabled_at.is_none() && publishes(c)
}

fn targets<'a>(new: &NewPost, dir: &'a Directory, drill: bool, problems: &mut Problems) -> Vec<&'a Channel> {
    // A drill reaches drill channels only, and a drill channel takes part in drills only (I8);
    // routine posts of a practice installation live on drill channels too.
    let fits = |c: &Channel| if drill { c.drill } else { new.kind == Kind::Routine || !c.drill };
    if new.channels.is_empty() {
        // The website shows incidents; marketing has no place on it.
        let takes = |c: &&Channel| c.adapter != "website" || new.kind != Kind::Routine;
        let of_brand = |c: &&Channel| is_open(new, c) && fits(c);
        let shows = |c: &&Channel| !lacks_pictures(new, c, &dir.pictures);
        let all: Vec<_> = dir.channels.iter().filter(of_brand).filter(takes).filter(shows).collect();
        if all.is_empty() {
            problems
                .add("channels", format!("the brand {} has no channel to post on; connect one", new.brand));
        }
        return all;
    }
    let mut out: Vec<&Channel> = Vec::new();
    for wanted in &new.channels {
        match dir.channels.iter().find(|c| c.id == *wanted || c.name == *wanted) {
            None => problems.add("channels", format!("there is no channel \"{wanted}\"")),
            Some(c) if c.disabled_at.is_some() => problems.add("channels", format!("{} is disabled", c.name)),
            Some(c) if !publishes(c) => {
                let name = &c.name;
                problems.add(
                    "channels",
                    format!(
                        "{name} is a scheduler: posts cannot be sent through it; connect the network itself"
                    ),
                );
            }
            Some(c) if !fits(c) => {
                let name = &c.name;
                let live = || format!("{name} is live; a drill cannot reach it");
                problems.add("channels", if drill { live() } else { format!("{name} is for drills only") });
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
