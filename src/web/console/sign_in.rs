//! The way in: sign-in, set-up, joining with an invitation; and the second factor again.

use askama::Template;
use axum::extract::{RawQuery, State};
use qrcode::QrCode;
use qrcode::render::svg;

use super::fields::{self, Fields};
use super::page::{Answer, go, show, show_again};
use super::ui::{Trouble, Ui};
use super::visit::{Posted, Visit, forget, remember};
use crate::app::logins::{self, Enrolment, Offer, Ticket};
use crate::app::sessions::{self, Caller, SignIn};
use crate::app::{AppError, invitations};
use crate::web::Web;

#[derive(Template)]
#[template(path = "sign_in.html", config = "src/web/console/askama.toml")]
struct SignInPage {
    ui: Ui,
    email: String,
    next: String,
    trouble: Trouble,
}

#[derive(Template)]
#[template(path = "enrol.html", config = "src/web/console/askama.toml")]
struct EnrolPage {
    ui: Ui,
    /// The first start, and not an invitation.
    set_up: bool,
    token: String,
    name: String,
    email: String,
    offer: Offer,
    qr: String,
    trouble: Trouble,
}

#[derive(Template)]
#[template(path = "codes.html", config = "src/web/console/askama.toml")]
pub struct CodesPage {
    pub ui: Ui,
    pub codes: Vec<String>,
}

#[derive(Template)]
#[template(path = "prove.html", config = "src/web/console/askama.toml")]
struct ProvePage {
    ui: Ui,
    next: String,
    trouble: Trouble,
}

fn caller(visit: &Visit) -> Caller {
    Caller { origin: visit.origin.clone(), agent: visit.agent.clone() }
}

/// Where to go afterwards: a path of the console, and nothing else.
pub fn next(wanted: &str) -> String {
    let inside =
        wanted == "/console" || ["/console/", "/console?"].iter().any(|start| wanted.starts_with(start));
    let plain = wanted.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    if inside && plain { wanted.to_owned() } else { "/console".to_owned() }
}

/// The sign-in form.
pub async fn form(visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let next = next(fields::of_query(query.as_deref()).get("next"));
    if visit.signed.is_some() {
        return go(&next);
    }
    let (email, trouble) = (String::new(), Trouble::default());
    show(&SignInPage { ui: Ui::bare(&visit), email, next, trouble })
}

/// Signs in.
pub async fn sign_in(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let typed = SignIn {
        email: fields.get("email").into(),
        password: fields.raw("password").into(),
        code: fields.get("code").into(),
    };
    let next = next(fields.get("next"));
    match sessions::sign_in(&web.app, typed, &caller(&visit)).await {
        Ok(cookie) => Ok(remember(&web, go(&next)?, &cookie)),
        Err(e) => {
            let mut trouble = Trouble::mendable(e)?;
            let key = if trouble.says("too many") { "sign-in-slow" } else { "sign-in-wrong" };
            trouble.general = vec![visit.lang.t(key)];
            let email = fields.get("email").to_owned();
            show_again(&SignInPage { ui: Ui::bare(&visit), email, next, trouble })
        }
    }
}

/// Signs out.
pub async fn sign_out(State(web): State<Web>, posted: Posted) -> Answer {
    let signed = posted.visit.signed()?;
    sessions::end(&web.app, &signed.by, &signed.session).await?;
    Ok(forget(&web, go("/console/sign-in")?))
}

async fn enrol_page(
    web: &Web,
    visit: &Visit,
    set_up: bool,
    f: &Fields,
    trouble: Trouble,
) -> crate::app::Result<EnrolPage> {
    let name = if f.get("email").is_empty() { "Holdline" } else { f.get("email") };
    let offer = match f.get("offer") {
        "" => logins::offer(&web.app, name).await?,
        sealed => match logins::offer_again(&web.app, sealed, name) {
            Ok(offer) => offer,
            Err(_) => logins::offer(&web.app, name).await?,
        },
    };
    let code = QrCode::new(&offer.uri).map_err(|e| AppError::Internal(e.to_string()))?;
    let qr = code
        .render::<svg::Color<'_>>()
        .min_dimensions(220, 220)
        .dark_color(svg::Color("#111"))
        .light_color(svg::Color("#fff"))
        .build();
    Ok(EnrolPage {
        ui: Ui::bare(visit),
        set_up,
        token: f.get(if set_up { "token" } else { "invitation" }).to_owned(),
        name: f.get("name").to_owned(),
        email: f.get("email").to_owned(),
        offer,
        // Without the head of an XML file: it stands inside a page.
        qr: qr.split_once("?>").map_or(qr.clone(), |(_, svg)| svg.to_owned()),
        trouble,
    })
}

/// The form of the first start.
pub async fn set_up_form(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let typed = fields::of_query(query.as_deref());
    show(&enrol_page(&web, &visit, true, &typed, Trouble::default()).await?)
}

/// Makes the first administrator, and signs in.
pub async fn set_up(State(web): State<Web>, posted: Posted) -> Answer {
    let f = &posted.fields;
    let ticket = Ticket::SetUp {
        token: f.get("token").into(),
        name: f.get("name").into(),
        email: f.get("email").into(),
    };
    enrol(&web, &posted, true, ticket).await
}

/// The form of somebody who was invited.
pub async fn join_form(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let mut typed = fields::of_query(query.as_deref());
    let trouble = match invitations::look(&web.app, typed.get("invitation")).await {
        Ok(person) => {
            typed.0.push(("name".into(), person.name));
            typed.0.push(("email".into(), person.email));
            Trouble::default()
        }
        Err(_) if typed.get("invitation").is_empty() => Trouble::default(),
        Err(AppError::Unauthorized(_)) => {
            Trouble { general: vec![visit.lang.t("join-refused")], fields: Vec::new() }
        }
        Err(e) => return Err(e.into()),
    };
    show(&enrol_page(&web, &visit, false, &typed, trouble).await?)
}

/// Sets password and second factor, and signs in.
pub async fn join(State(web): State<Web>, posted: Posted) -> Answer {
    let ticket = Ticket::Invitation(posted.fields.get("invitation").into());
    enrol(&web, &posted, false, ticket).await
}

async fn enrol(web: &Web, posted: &Posted, set_up: bool, ticket: Ticket) -> Answer {
    let (visit, f) = (&posted.visit, &posted.fields);
    let typed = Enrolment {
        ticket,
        password: f.raw("password").into(),
        offer: f.get("offer").into(),
        code: f.get("code").into(),
    };
    match logins::enrol(&web.app, typed, &caller(visit)).await {
        Ok((cookie, codes)) => Ok(remember(web, show(&CodesPage { ui: Ui::bare(visit), codes })?, &cookie)),
        Err(e) => {
            let mut trouble = Trouble::mendable(e)?;
            if !trouble.general.is_empty() {
                trouble.general = vec![visit.lang.t(if set_up { "set-up-refused" } else { "join-refused" })];
            }
            show_again(&enrol_page(web, visit, set_up, f, trouble).await?)
        }
    }
}

/// Asks for the second factor again.
pub async fn prove_form(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let next = next(fields::of_query(query.as_deref()).get("next"));
    show(&ProvePage { ui: visit.ui(&web).await?, next, trouble: Trouble::default() })
}

/// Takes the second factor again, and goes back.
pub async fn prove(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let next = next(fields.get("next"));
    match sessions::prove(&web.app, visit.signed()?, fields.get("code")).await {
        Ok(()) => go(&next),
        Err(e) => {
            let mut trouble = Trouble::mendable(e)?;
            let key = if trouble.general.is_empty() { "code-wrong" } else { "sign-in-slow" };
            trouble = Trouble { general: vec![visit.lang.t(key)], fields: Vec::new() };
            show_again(&ProvePage { ui: visit.ui(&web).await?, next, trouble })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_back_leads_into_the_console_only() {
        assert_eq!(next("/console/approvals/1?x=2"), "/console/approvals/1?x=2");
        for bad in
            ["https://evil.example", "//evil.example", "/consolex", "/console/\\evil", "", "/console/ a"]
        {
            assert_eq!(next(bad), "/console", "{bad}");
        }
    }
}
