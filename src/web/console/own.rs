//! One's own things: language, theme and zone, sessions, recovery codes.

use askama::Template;
use axum::extract::State;

use super::page::{Answer, go, show, show_again};
use super::sign_in::CodesPage;
use super::ui::{Trouble, Ui};
use super::visit::{Posted, Visit, forget};
use crate::app::logins;
use crate::app::sessions::{self, Preference, SessionView};
use crate::web::Web;

#[derive(Template)]
#[template(path = "own.html", config = "src/web/console/askama.toml")]
struct OwnPage {
    ui: Ui,
    email: String,
    /// The session that shows this.
    this: String,
    sessions: Vec<SessionView>,
    zones: Vec<&'static str>,
    zone: String,
    trouble: Trouble,
}

async fn page(web: &Web, visit: &Visit, zone: Option<&str>, trouble: Trouble) -> crate::app::Result<OwnPage> {
    let signed = visit.signed()?;
    Ok(OwnPage {
        ui: visit.ui(web).await?,
        email: signed.email.clone(),
        this: signed.session.clone(),
        sessions: sessions::list(&web.app, &signed.by).await?,
        zones: chrono_tz::TZ_VARIANTS.iter().map(|z| z.name()).collect(),
        zone: zone.unwrap_or(&signed.zone).to_owned(),
        trouble,
    })
}

/// `GET /console/me`.
pub async fn screen(State(web): State<Web>, visit: Visit) -> Answer {
    show(&page(&web, &visit, None, Trouble::default()).await?)
}

/// Keeps language, theme and zone.
pub async fn prefer(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let wanted = Preference {
        language: fields.get("language").into(),
        theme: fields.get("theme").into(),
        zone: fields.get("zone").into(),
    };
    match sessions::prefer(&web.app, visit.by()?, &wanted).await {
        Ok(()) => go("/console/me"),
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            show_again(&page(&web, &visit, Some(&wanted.zone), trouble).await?)
        }
    }
}

/// Ends one of one's sessions.
pub async fn end_session(State(web): State<Web>, posted: Posted) -> Answer {
    let (signed, id) = (posted.visit.signed()?, posted.fields.get("session"));
    sessions::end(&web.app, &signed.by, id).await?;
    if id == signed.session { Ok(forget(&web, go("/console/sign-in")?)) } else { go("/console/me") }
}

/// Makes new recovery codes. The second factor must be fresh.
pub async fn renew_codes(State(web): State<Web>, posted: Posted) -> Answer {
    let visit = posted.visit;
    if visit.signed()?.must_prove(web.app.clock().now()) {
        return go("/console/prove?next=%2Fconsole%2Fme");
    }
    let codes = logins::renew_codes(&web.app, visit.by()?).await?;
    show(&CodesPage { ui: visit.ui(&web).await?, codes })
}
