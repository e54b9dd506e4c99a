//! The composer: one source text, languages side by side, and beside it what each channel receives,
//! counted by the sender's own code.

use askama::Template;
use axum::extract::{Path, RawQuery, State};

use super::begin;
use super::checks::Seen;
use super::draft::{Draft, Picture};
use super::fields::{self, Fields};
use super::page::{Answer, go, show, show_again};
use super::ui::{Trouble, Ui};
use super::upload::Uploaded;
use super::visit::{Posted, Visit};
use crate::app::channels::{self, ChannelView};
use crate::app::incidents::{self, IncidentView};
use crate::app::posts::{self, NewPost, PostView};
use crate::app::revisions::{self, Unrevised};
use crate::app::{Actor, AppError, media};
use crate::domain::Word;
use crate::domain::incident::IncidentState;
use crate::domain::post::{Kind, PostState};
use crate::web::Web;

#[derive(Template)]
#[template(path = "compose.html", config = "src/web/console/askama.toml")]
struct ComposePage {
    ui: Ui,
    draft: Draft,
    editing: Option<Editing>,
    /// The post that is corrected, or whose words are changed.
    corrected: Option<PostView>,
    /// Where the words of the post that is changed stay as they are.
    kept: Vec<Unrevised>,
    /// The open ones, and the draft's own.
    incidents: Vec<IncidentView>,
    channels: Vec<ChannelView>,
    brands: Vec<String>,
    /// The prepared advice of the incident's plan: key and title.
    tips: Vec<(String, String)>,
    /// Minutes until the next update that can be promised with one choice.
    minutes: Vec<u32>,
    seen: Seen,
    trouble: Trouble,
}

/// What stands beside the form, alone.
#[derive(Template)]
#[template(path = "preview_only.html", config = "src/web/console/askama.toml")]
struct PreviewPage {
    ui: Ui,
    seen: Seen,
}

/// The post that is being edited.
struct Editing {
    id: String,
    version: i64,
    state: PostState,
}

/// `GET /console/compose?incident=ID&kind=KIND&corrects=POST&revises=POST&tip=KEY&language=TAG`.
pub async fn form(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let asked = fields::of_query(query.as_deref());
    let (app, by) = (&web.app, visit.by()?);
    let channels = channels::outlets(app, by).await?;
    let mut draft = begin::draft(&web, &visit, &asked, &channels).await?;
    // The boxes begin with what the service itself would choose.
    if draft.channels.is_empty()
        && let Some(new) = draft.posts(&channels, web.app.clock().now(), false).first()
    {
        draft.channels = posts::preview(app, by, new).await?.channels.into_iter().map(|c| c.id).collect();
    }
    show(&page(&web, &visit, draft, None, Trouble::default()).await?)
}

async fn page(
    web: &Web,
    visit: &Visit,
    draft: Draft,
    editing: Option<Editing>,
    trouble: Trouble,
) -> crate::app::Result<ComposePage> {
    let (app, by) = (&web.app, visit.by()?);
    let mut channels = channels::outlets(app, by).await?;
    channels.retain(|c| c.disabled_at.is_none() || draft.has(&c.id));
    let mut kept = Vec::new();
    if !draft.revises.is_empty() {
        let choices = revisions::choices(app, by, &draft.revises).await?;
        channels.retain(|c| choices.can.contains(&c.id));
        kept = choices.cannot;
    }
    let mut brands: Vec<String> = channels.iter().map(|c| c.brand.clone()).collect();
    brands.push(draft.brand.clone());
    brands.sort();
    brands.dedup();
    let mut listed = incidents::list(app, by, false).await?;
    listed.retain(|i| i.state == IncidentState::Open || i.id == draft.incident);
    let plan = listed.iter().find(|i| i.id == draft.incident).and_then(begin::plan_of);
    let language = visit.lang.tag();
    let tips = plan.into_iter().flat_map(|p| &p.tips);
    let mut minutes = vec![30, 60, 120, 240, 1_440];
    minutes.extend(plan.map(|p| p.cadence_minutes));
    minutes.extend(draft.promise.parse::<u32>().ok());
    minutes.sort_unstable();
    minutes.dedup();
    let about = if draft.revises.is_empty() { &draft.corrects } else { &draft.revises };
    let corrected = match about.as_str() {
        "" => None,
        id => posts::get(app, by, id).await.ok(),
    };
    let ui = visit.ui(web).await?;
    Ok(ComposePage {
        tips: tips.map(|t| (t.key.clone(), t.text(language).title.clone())).collect(),
        seen: look(web, by, &ui, &draft, &channels).await?,
        editing,
        corrected,
        kept,
        incidents: listed,
        channels,
        brands,
        minutes,
        trouble,
        draft,
        ui,
    })
}

/// What each channel would receive, in each language.
async fn look(
    web: &Web,
    by: &Actor,
    ui: &Ui,
    draft: &Draft,
    channels: &[ChannelView],
) -> crate::app::Result<Seen> {
    let now = web.app.clock().now();
    let (mut previews, mut left_out) = (Vec::new(), Vec::new());
    for new in draft.posts(channels, now, false) {
        let preview = posts::preview(&web.app, by, &new).await?;
        if new.channels.is_empty() {
            left_out.clone_from(&preview.left_out);
        }
        previews.push((new.source.language.clone(), preview));
        if left_out.is_empty() && !new.channels.is_empty() {
            let every = NewPost { channels: Vec::new(), ..new };
            let all = posts::preview(&web.app, by, &every).await?.channels;
            left_out = all.into_iter().filter(|c| !draft.has(&c.id)).map(|c| c.name).collect();
        }
    }
    Ok(Seen::of(ui, draft, previews, &left_out))
}

/// The live counters and previews: what stands beside the form, for what is typed at this moment.
pub async fn preview(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let by = visit.by()?;
    let channels = channels::outlets(&web.app, by).await?;
    let ui = Ui::bare(&visit);
    let seen = look(&web, by, &ui, &Draft::read(&fields), &channels).await?;
    show(&PreviewPage { ui, seen })
}

/// Keeps the pictures that came with the form, so that they stand in it from now on.
async fn keep(web: &Web, by: &Actor, draft: &mut Draft, files: Vec<Vec<u8>>) -> crate::app::Result<Trouble> {
    let mut trouble = Trouble::default();
    for bytes in files {
        match media::upload(&web.app, by, bytes).await {
            Ok(kept) if draft.pictures.iter().any(|p| p.sha == kept.sha256) => {}
            Ok(kept) => {
                draft.pictures.push(Picture { sha: kept.sha256, mime: kept.mime, ..Picture::default() });
            }
            Err(e) => {
                let said = Trouble::mendable(e)?.fields.into_iter();
                trouble.fields.extend(said.map(|(_, message)| ("post.picture".to_owned(), message)));
            }
        }
    }
    Ok(trouble)
}

/// What the button asks for: nothing: look again; whether it is handed to the approvers.
fn asked(fields: &Fields) -> Option<bool> {
    match fields.get("do") {
        "draft" => Some(false),
        "submit" => Some(true),
        _ => None,
    }
}

/// Fields of a post are told apart from those of other forms.
fn of_post(trouble: Trouble) -> Trouble {
    let fields = trouble.fields.into_iter().map(|(field, message)| (format!("post.{field}"), message));
    Trouble { fields: fields.collect(), ..trouble }
}

/// A new post, or one for each language.
pub async fn send(State(web): State<Web>, uploaded: Uploaded) -> Answer {
    let Uploaded { visit, fields, files } = uploaded;
    let (app, by) = (&web.app, visit.by()?);
    let mut draft = Draft::read(&fields);
    let came_with_pictures = !files.is_empty();
    let trouble = keep(&web, by, &mut draft, files).await?;
    if !trouble.is_empty() {
        return show_again(&page(&web, &visit, draft, None, trouble).await?);
    }
    // A picture that has just come has no words yet: they are asked for first.
    let Some(submit) = asked(&fields).filter(|_| !came_with_pictures) else {
        return show(&page(&web, &visit, draft, None, trouble).await?);
    };
    let channels = channels::outlets(app, by).await?;
    let new = draft.posts(&channels, app.clock().now(), submit);
    match posts::create_all(app, by, &new).await {
        Ok(ids) => go(&next(&draft, &ids, submit)),
        Err(e) => {
            let trouble = of_post(Trouble::mendable(e)?);
            show_again(&page(&web, &visit, draft, None, trouble).await?)
        }
    }
}

/// Where the written posts are seen: the incident's room, or the first of them.
fn next(draft: &Draft, ids: &[String], submit: bool) -> String {
    let first = ids.first().map_or("", String::as_str);
    let with: String = ids.iter().skip(1).map(|id| format!("&with={id}")).collect();
    if draft.incident.is_empty() || !submit {
        format!("/console/posts/{first}?new=yes{with}")
    } else {
        format!("/console/incidents/{}?sent={first}{with}", draft.incident)
    }
}

/// `GET /console/posts/{id}/edit?words=new`: with the words that an earlier post of its recurrence got.
pub async fn edit_form(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let (app, by) = (&web.app, visit.by()?);
    let mut post = posts::get(app, by, &id).await?;
    if fields::of_query(query.as_deref()).get("words") == "new" {
        post.source = post.words.take().unwrap_or(post.source);
    }
    let draft = Draft::of(&post, &channels::outlets(app, by).await?, app.clock().now());
    show(&page(&web, &visit, draft, Some(editing(&post)), Trouble::default()).await?)
}

fn editing(post: &PostView) -> Editing {
    Editing { id: post.id.clone(), version: post.version, state: post.state }
}

/// Writes an edited post; its approvals are void.
pub async fn edit(State(web): State<Web>, Path(id): Path<String>, uploaded: Uploaded) -> Answer {
    let Uploaded { visit, fields, files } = uploaded;
    let (app, by) = (&web.app, visit.by()?);
    let post = posts::get(app, by, &id).await?;
    let mut draft = Draft::read(&fields);
    let came_with_pictures = !files.is_empty();
    let trouble = keep(&web, by, &mut draft, files).await?;
    let version: i64 = fields.get("version").parse().unwrap_or(post.version);
    let now = Editing { version, ..editing(&post) };
    if !trouble.is_empty() {
        return show_again(&page(&web, &visit, draft, Some(now), trouble).await?);
    }
    let Some(submit) = asked(&fields).filter(|_| !came_with_pictures) else {
        return show(&page(&web, &visit, draft, Some(now), trouble).await?);
    };
    let channels = channels::outlets(app, by).await?;
    let mut new = draft.posts(&channels, app.clock().now(), submit);
    if new.is_empty() {
        return Err(AppError::field("language", "is missing; open the form again").into());
    }
    match posts::edit(app, by, &id, Some(version), &new.swap_remove(0)).await {
        Ok(post) => go(&format!("/console/posts/{}", post.id)),
        Err(AppError::Stale { .. }) => {
            // The next try is against what the others wrote, and the page says so.
            let trouble = Trouble { general: vec![visit.lang.t("compose-stale")], fields: Vec::new() };
            show_again(&page(&web, &visit, draft, Some(editing(&post)), trouble).await?)
        }
        Err(e) => {
            let trouble = of_post(Trouble::mendable(e)?);
            show_again(&page(&web, &visit, draft, Some(now), trouble).await?)
        }
    }
}

impl ComposePage {
    /// Whether it changes the words of a post that is out.
    fn is_change(&self) -> bool {
        !self.draft.revises.is_empty()
    }

    /// Where the form goes.
    fn action(&self) -> String {
        match &self.editing {
            Some(e) => format!("/console/posts/{}/edit", e.id),
            None => "/console/compose".into(),
        }
    }

    /// The name of a language, or its tag.
    fn language(&self, tag: &str) -> String {
        let key = format!("compose-language-{tag}");
        let words = self.ui.t(&key);
        if words == key { tag.to_owned() } else { words }
    }

    /// All kinds; while editing only its own.
    fn kinds(&self) -> Vec<Kind> {
        let all = Kind::WORDS.iter().map(|(_, k)| *k);
        let one = self.editing.is_some() || self.is_change();
        all.filter(|k| !one || *k == self.draft.kind()).collect()
    }

    /// How long until the next update, in words.
    fn span(&self, minutes: &u32) -> String {
        match *minutes {
            1_440 => self.ui.t("compose-tomorrow"),
            m if m >= 60 && m % 60 == 0 => self.ui.n("compose-hours", i64::from(m / 60)),
            m => self.ui.n("compose-minutes", i64::from(m)),
        }
    }

    /// Whether that choice of the promise is the draft's.
    fn promises(&self, choice: &str) -> bool {
        self.draft.promise == choice
    }

    /// The channels of the draft's brand, and those that it has.
    fn own_channels(&self) -> Vec<&ChannelView> {
        self.channels.iter().filter(|c| c.brand == self.draft.brand || self.draft.has(&c.id)).collect()
    }

    /// Whether that channel has a text of its own.
    fn has_own_text(&self, channel: &ChannelView) -> bool {
        self.draft.texts.iter().any(|w| !w.own_text(&channel.id).is_empty())
    }

    /// Whether its tab is the one that is open: the first with a text of its own.
    fn is_open_tab(&self, channel: &ChannelView) -> bool {
        let own = self.own_channels();
        own.into_iter().find(|c| self.has_own_text(c)).is_some_and(|c| c.id == channel.id)
    }

    /// Whether one of the rarer fields is used.
    fn has_more(&self) -> bool {
        let d = &self.draft;
        let used = [&d.valid_until.typed, &d.recurrence, &d.labels].into_iter().any(|t| !t.is_empty());
        let wrong = ["post.valid_until", "post.recurrence", "post.labels"];
        used || wrong.iter().any(|f| !self.trouble.at(f).is_empty())
    }

    /// What is wrong with the words, each sentence once.
    fn wrong_words(&self) -> Vec<String> {
        let said = self.trouble.at("post.source").into_iter();
        let mut said: Vec<String> = said.map(|m| self.ui.trouble_words("post.source", m)).collect();
        said.dedup();
        said
    }
}
