//! How the composer begins: empty, with the words of a plan, or with those of the post to correct or change.

use super::draft::{Draft, Words};
use super::fields::Fields;
use super::visit::Visit;
use crate::app::channels::ChannelView;
use crate::app::incidents::{self, IncidentView};
use crate::app::{Actor, App, posts, revisions};
use crate::domain::Word;
use crate::domain::delivery::State as Standing;
use crate::domain::incident::IncidentState;
use crate::domain::playbook::{self, Playbook};
use crate::domain::post::{Kind, PostState};
use crate::web::Web;

/// The languages of a new post.
const LANGUAGES: [&str; 2] = ["en", "fr"];

/// An empty draft, or one that begins with the words of a plan, or of the post that it corrects or changes.
pub async fn draft(
    web: &Web,
    visit: &Visit,
    asked: &Fields,
    channels: &[ChannelView],
) -> crate::app::Result<Draft> {
    let (app, by) = (&web.app, visit.by()?);
    let zone = visit.ui_zone();
    if let Some(id) = asked.some("corrects") {
        let mut wrong = posts::get(app, by, &id).await?;
        // What is out by now, where a change gave it other words.
        wrong.source = wrong.words.take().unwrap_or(wrong.source);
        let out = |s: Standing| matches!(s, Standing::Accepted | Standing::InDoubt | Standing::Sending);
        let mut draft = Draft::of(&wrong, channels, app.clock().now());
        draft.start_anew(zone);
        draft.kind = Kind::Correction.word().into();
        draft.corrects = id;
        // Where the wrong words are, the right ones go.
        draft.channels =
            wrong.deliveries.iter().filter(|d| out(d.state)).map(|d| d.channel.clone()).collect();
        if let Some(incident) = asked.some("incident") {
            draft.incident = incident;
        }
        return Ok(draft);
    }
    if let Some(id) = asked.some("revises") {
        return changed(app, by, &id, channels, zone).await;
    }
    let incident = match asked.some("incident") {
        Some(id) => Some(incidents::get(app, by, &id).await?),
        None => None,
    };
    let unless = if incident.is_some() { Kind::Update } else { Kind::Routine };
    let kind = Kind::parse(asked.get("kind")).unwrap_or(unless);
    let plan = incident.as_ref().and_then(plan_of);
    let mut languages = asked.all("language");
    if languages.is_empty() {
        languages = LANGUAGES.map(str::to_owned).to_vec();
    }
    let texts = match &incident {
        Some(i) => prepared(app, by, i, plan, kind, asked.get("tip"), &languages).await?,
        None => languages.iter().map(|l| Words::empty(l)).collect(),
    };
    let open = incident.as_ref().is_some_and(|i| i.state == IncidentState::Open);
    let promise = match (kind, open) {
        (Kind::Update, true) => plan.map_or(60, |p| p.cadence_minutes).to_string(),
        _ => "none".into(),
    };
    let brand = channels.iter().find(|c| c.brand == "main").or(channels.first());
    Ok(Draft {
        kind: kind.word().into(),
        incident: incident.map(|i| i.id).unwrap_or_default(),
        brand: brand.map_or_else(|| "main".into(), |c| c.brand.clone()),
        zone,
        promise,
        texts,
        ..Draft::default()
    })
}

/// The words that are out, to be changed in their place.
async fn changed(
    app: &App,
    by: &Actor,
    id: &str,
    channels: &[ChannelView],
    zone: String,
) -> crate::app::Result<Draft> {
    let choices = revisions::choices(app, by, id).await?;
    let mut out = posts::get(app, by, &choices.post).await?;
    if let Some(words) = choices.words {
        out.source = words;
    }
    let mut draft = Draft::of(&out, channels, app.clock().now());
    draft.start_anew(zone);
    draft.revises = choices.post;
    draft.channels = choices.can;
    Ok(draft)
}

/// The plan of an incident.
pub fn plan_of(incident: &IncidentView) -> Option<&'static Playbook> {
    incident.playbook.as_deref().and_then(playbook::find)
}

/// The words of the plan: a tip that was chosen, or for the first update the holding statement.
async fn prepared(
    app: &App,
    by: &Actor,
    incident: &IncidentView,
    plan: Option<&Playbook>,
    kind: Kind,
    tip: &str,
    languages: &[String],
) -> crate::app::Result<Vec<Words>> {
    let tip = plan.and_then(|p| p.tips.iter().find(|t| t.key == tip));
    let earlier = posts::of_incident(app, by, &incident.id, 500).await?;
    let live = |p: &posts::PostView| p.kind == Kind::Update && p.state != PostState::Cancelled;
    let first = kind == Kind::Update && !earlier.iter().any(live);
    let words = |language: &String| {
        let ready = match (kind, tip) {
            (Kind::Tip, Some(tip)) => Some(tip.text(language)),
            _ if first => plan.and_then(|p| p.holding(language)),
            _ => None,
        };
        ready.map_or_else(|| Words::empty(language), |w| Words::prepared(language, w))
    };
    Ok(languages.iter().map(words).collect())
}
