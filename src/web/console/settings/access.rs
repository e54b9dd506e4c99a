//! Access that an administrator grants to a channel at its network, and its end.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use secrecy::SecretString;

use super::channels;
use crate::app::access::connecting::{self, Back, NewStart, StartView, WantedChannel};
use crate::app::access::oauth_apps::{self, NewOauthApp};
use crate::app::access::other_account::{self, ShownAccount};
use crate::app::access::own_credential::{self, ShownCredential};
use crate::app::access::revoking::{self, RevokedView, Shown};
use crate::app::{AppError, channels as verbs};
use crate::web::Web;
use crate::web::console::fields::{self, Fields};
use crate::web::console::page::{Answer, Failed, go, show, show_again};
use crate::web::console::ui::{Trouble, Ui};
use crate::web::console::visit::{Posted, Visit};

#[derive(Template)]
#[template(path = "access_go.html", config = "src/web/console/askama.toml")]
struct GoPage {
    ui: Ui,
    start: StartView,
}

#[derive(Template)]
#[template(path = "access_app.html", config = "src/web/console/askama.toml")]
struct AppPage {
    ui: Ui,
    adapter: String,
    title: &'static str,
    redirect: String,
    client_id: String,
    trouble: Trouble,
}

#[derive(Template)]
#[template(path = "access_ended.html", config = "src/web/console/askama.toml")]
struct EndedPage {
    ui: Ui,
    ended: Vec<RevokedView>,
}

fn app_page(web: &Web, ui: Ui, f: &Fields, trouble: Trouble) -> crate::app::Result<AppPage> {
    let name = f.get("adapter");
    let network =
        ::channels::oauth_networks::network(name).ok_or_else(|| AppError::not_found("adapter", name))?;
    Ok(AppPage {
        ui,
        adapter: network.name.to_owned(),
        title: network.title,
        redirect: oauth_apps::redirect(&web.app),
        client_id: f.get("client_id").to_owned(),
        trouble,
    })
}

/// `GET /console/settings/channels/app?adapter=`.
pub async fn app_form(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let f = fields::of_query(query.as_deref());
    show(&app_page(&web, visit.ui(&web).await?, &f, Trouble::default())?)
}

/// Keeps an app that was registered at a network.
pub async fn keep_app(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let new = NewOauthApp {
        adapter: fields.get("adapter").to_owned(),
        client_id: fields.get("client_id").to_owned(),
        secret: fields.raw("credential").into(),
        authorize: None,
        token: None,
        revoke: None,
    };
    match oauth_apps::add(&web.app, visit.by()?, new).await {
        Ok(app) => {
            let network = ::channels::oauth_networks::network(&app.adapter);
            let adapter = network.map_or(app.adapter.as_str(), |network| network.adapter());
            go(&format!("/console/settings/channels/new?adapter={adapter}"))
        }
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            show_again(&app_page(&web, visit.ui(&web).await?, &fields, trouble)?)
        }
    }
}

/// Begins for a channel that is there: a page with the way to the network. A form may not lead there itself.
pub async fn again(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let register = posted.fields.has("register");
    let wanted = NewStart { channel: Some(id.clone()), new: None, register };
    match begin(&web, &posted.visit, wanted).await? {
        Ok(page) => Ok(page),
        Err(trouble) => channels::one_again(&web, &posted.visit, &id, trouble).await,
    }
}

/// Begins for a channel that is to be made; what is wrong comes back.
pub async fn begin_new(
    web: &Web,
    visit: &Visit,
    new: WantedChannel,
) -> Result<std::result::Result<Response, Trouble>, Failed> {
    begin(web, visit, NewStart { channel: None, new: Some(new), register: false }).await
}

async fn begin(
    web: &Web,
    visit: &Visit,
    wanted: NewStart,
) -> Result<std::result::Result<Response, Trouble>, Failed> {
    let session = visit.signed()?.session.clone();
    match connecting::start(&web.app, visit.by()?, &session, wanted).await {
        Ok(start) => Ok(Ok(show(&GoPage { ui: visit.ui(web).await?, start })?)),
        Err(e) => Ok(Err(Trouble::mendable(e)?)),
    }
}

/// What the form says when another word was typed. Its field is not that of the form beside it.
fn wrong_word(visit: &Visit, key: &str) -> Trouble {
    let word = visit.lang.t(key);
    Trouble::field("end", visit.lang.with("desk-type-wrong", &[("word", word.into())]))
}

/// `GET /console/settings/channels/connected?code=&state=`: a person comes back from a network. What the
/// address holds counts once, and only in the session that began.
pub async fn connected(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    came_back(&web, &visit, None, query.as_deref()).await
}

/// `GET /console/settings/channels/connected/{app}`: the same from one of many servers.
pub async fn connected_at(
    State(web): State<Web>,
    Path(app): Path<String>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Answer {
    came_back(&web, &visit, Some(app), query.as_deref()).await
}

async fn came_back(web: &Web, visit: &Visit, at: Option<String>, query: Option<&str>) -> Answer {
    let f = fields::of_query(query);
    let secret = |name: &str| f.some(name).map(SecretString::from);
    let back = Back {
        state: secret("state").unwrap_or_default(),
        app: at,
        code: secret("code"),
        error: f.some("error"),
    };
    let (app, by, session) = (web.app.clone(), visit.by()?.clone(), visit.signed()?.session.clone());
    // The code is used up although the browser is gone.
    let work = tokio::spawn(async move {
        let channel = connecting::finish(&app, &by, &session, back).await?;
        if let Err(e) = verbs::test(&app, &by, &channel.id).await {
            tracing::warn!(error = %e, channel = channel.id, "a new channel was not tested");
        }
        Ok::<_, AppError>(channel.id)
    });
    let id = work.await.map_err(|e| AppError::Internal(e.to_string()))??;
    go(&format!("/console/settings/channels/{id}?tested=yes"))
}

/// Ends the access of a channel; a word is typed.
pub async fn revoke(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    if visit.typed(&fields, "access-end-word").is_err() {
        let trouble = wrong_word(&visit, "access-end-word");
        return channels::one_again(&web, &visit, &id, trouble).await;
    }
    let ended = vec![revoking::revoke(&web.app, visit.by()?, &id).await?];
    show(&EndedPage { ui: visit.ui(&web).await?, ended })
}

/// An administrator says that the channel goes on with the other account that was seen.
pub async fn confirm_account(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let shown = ShownAccount { account: fields.raw("account").to_owned() };
    match other_account::confirm(&web.app, visit.by()?, &id, &shown).await {
        Ok(_) => go(&format!("/console/settings/channels/{id}")),
        Err(e) => channels::one_again(&web, &visit, &id, Trouble::mendable(e)?).await,
    }
}

/// An administrator says that the credential which is in now is that of the channel's own account.
pub async fn confirm_credential(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    // A page of another version showed another credential.
    let shown = ShownCredential { version: fields.get("version").parse().unwrap_or_default() };
    match own_credential::confirm(&web.app, visit.by()?, &id, &shown).await {
        Ok(_) => go(&format!("/console/settings/channels/{id}")),
        Err(e) => channels::one_again(&web, &visit, &id, Trouble::mendable(e)?).await,
    }
}

/// An administrator says that they ended the access of a channel at its network.
pub async fn ended(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let shown = Shown { ends: posted.fields.all("end") };
    revoking::confirm(&web.app, posted.visit.by()?, &id, &shown).await?;
    go("/console/settings/channels")
}

/// Ends the access of all channels; a word is typed.
pub async fn revoke_all(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    if visit.typed(&fields, "access-end-all-word").is_err() {
        let trouble = wrong_word(&visit, "access-end-all-word");
        return channels::list_again(&web, &visit, trouble).await;
    }
    let ended = revoking::revoke_all(&web.app, visit.by()?).await?;
    show(&EndedPage { ui: visit.ui(&web).await?, ended })
}
