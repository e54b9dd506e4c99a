//! People: who is there with which roles, invitations, and the end of a membership.

use askama::Template;
use axum::extract::{Path, State};
use secrecy::ExposeSecret;

use super::tokens;
use crate::app::invitations::{self, Invited};
use crate::app::membership::{self, PersonEdit};
use crate::app::people::{self, NewPerson, PersonView, TokenView};
use crate::app::{AppError, Result};
use crate::domain::Word;
use crate::domain::role::{Right, Role};
use crate::web::Web;
use crate::web::console::fields::{self, Fields};
use crate::web::console::page::{Answer, go, show, show_again};
use crate::web::console::ui::{Trouble, Ui};
use crate::web::console::visit::{Posted, Visit};

/// All roles, in the order in which people meet them.
const ROLES: [Role; 6] =
    [Role::Operator, Role::Approver, Role::Administrator, Role::Auditor, Role::Integrator, Role::Postmaster];

#[derive(Template)]
#[template(path = "people.html", config = "src/web/console/askama.toml")]
struct PeoplePage {
    ui: Ui,
    people: Vec<PersonView>,
    name: String,
    email: String,
    chosen: Vec<String>,
    trouble: Trouble,
}

#[derive(Template)]
#[template(path = "person.html", config = "src/web/console/askama.toml")]
struct PersonPage {
    ui: Ui,
    it: PersonView,
    /// Whether it is the reader.
    own: bool,
    /// What the form says.
    name: String,
    chosen: Vec<String>,
    /// Their tokens, for an administrator who is somebody else.
    tokens: Option<Vec<TokenView>>,
    /// Where the form goes that revokes one.
    revoke: String,
    /// The name of the one that was just revoked.
    revoked: Option<String>,
    /// The one that was not revoked: the word was not typed.
    refused: String,
    trouble: Trouble,
}

#[derive(Template)]
#[template(path = "invited.html", config = "src/web/console/askama.toml")]
struct InvitedPage {
    ui: Ui,
    it: PersonView,
    link: String,
    until: String,
}

/// `GET /console/settings/people`.
pub async fn screen(State(web): State<Web>, visit: Visit) -> Answer {
    show(&page(&web, &visit, &Fields::default(), Trouble::default()).await?)
}

async fn page(web: &Web, visit: &Visit, f: &Fields, trouble: Trouble) -> Result<PeoplePage> {
    Ok(PeoplePage {
        people: people::list(&web.app, visit.by()?).await?,
        ui: visit.ui(web).await?,
        name: f.get("name").to_owned(),
        email: f.get("email").to_owned(),
        chosen: f.all("role"),
        trouble,
    })
}

impl PeoplePage {
    fn roles(&self) -> [Role; 6] {
        ROLES
    }

    fn is_chosen(&self, role: &Role) -> bool {
        self.chosen.iter().any(|r| r == role.word())
    }

    fn is_me(&self, p: &PersonView) -> bool {
        self.ui.me.as_ref().is_some_and(|me| me.id == p.id)
    }
}

/// Adds a person, and shows the link of their invitation this once.
pub async fn add(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let new = NewPerson {
        name: fields.get("name").into(),
        email: fields.get("email").into(),
        roles: fields.all("role").iter().filter_map(|r| Role::parse(r).ok()).collect(),
    };
    match people::create(&web.app, visit.by()?, &new).await {
        Ok(invited) => show_link(&web, &visit, invited).await,
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            show_again(&page(&web, &visit, &fields, trouble).await?)
        }
    }
}

async fn show_link(web: &Web, visit: &Visit, invited: Invited) -> Answer {
    let secret: String = form_urlencoded::byte_serialize(invited.secret.expose_secret().as_bytes()).collect();
    show(&InvitedPage {
        ui: visit.ui(web).await?,
        link: format!("{}/console/join?invitation={secret}", web.app.public_url()),
        it: invited.person,
        until: invited.expires_at,
    })
}

/// One person; `typed` is what a form said that could not be taken.
async fn person(
    web: &Web,
    visit: &Visit,
    id: &str,
    typed: Option<&Fields>,
    trouble: Trouble,
) -> Result<PersonPage> {
    let by = visit.by()?;
    let it = people::list(&web.app, by).await?.into_iter().find(|p| p.id == id);
    let it = it.ok_or_else(|| AppError::not_found("person", id))?;
    let (name, chosen) = match typed {
        Some(f) => (f.get("name").to_owned(), f.all("role")),
        None => (it.name.clone(), it.roles.iter().map(|r| r.word().to_owned()).collect()),
    };
    let own = by.id == it.id;
    let tokens = match !own && by.may(Right::Administer) {
        true => Some(tokens::newest(web, visit, &it.id).await?),
        false => None,
    };
    let revoke = format!("/console/settings/people/{}/revoke", it.id);
    let asked = fields::of_query(visit.path.split_once('?').map(|(_, query)| query));
    let asked = asked.get("revoked").to_owned();
    let revoked = tokens::revoked(tokens.as_deref().unwrap_or_default(), &asked);
    let ui = visit.ui(web).await?;
    let refused = String::new();
    Ok(PersonPage { ui, own, it, name, chosen, tokens, revoke, revoked, refused, trouble })
}

impl PersonPage {
    fn roles(&self) -> [Role; 6] {
        ROLES
    }

    fn is_chosen(&self, role: &Role) -> bool {
        self.chosen.iter().any(|r| r == role.word())
    }
}

/// Changes a person's name and roles.
pub async fn edit(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let roles = |name| -> Vec<Role> { fields.all(name).iter().filter_map(|r| Role::parse(r).ok()).collect() };
    let edit = PersonEdit {
        name: Some(fields.text("name")),
        roles: Some(roles("role")),
        had: Some(roles("had")).filter(|had| !had.is_empty()),
        enabled: None,
    };
    match membership::edit(&web.app, visit.by()?, &id, &edit).await {
        Ok(_) => go(&format!("/console/settings/people/{id}")),
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            show_again(&person(&web, &visit, &id, Some(&fields), trouble).await?)
        }
    }
}

/// Lets a person in again who was disabled: with a new invitation.
pub async fn enable(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let (app, by) = (&web.app, posted.visit.by()?);
    let edit = PersonEdit { enabled: Some(true), ..PersonEdit::default() };
    membership::edit(app, by, &id, &edit).await?;
    show_link(&web, &posted.visit, invitations::again(app, by, &id).await?).await
}

/// `GET /console/settings/people/{id}`.
pub async fn one(State(web): State<Web>, visit: Visit, Path(id): Path<String>) -> Answer {
    show(&person(&web, &visit, &id, None, Trouble::default()).await?)
}

/// Invites a person again: all that they have ends at once, so a word is typed.
pub async fn invite(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let trouble = match visit.typed(&fields, "person-invite-word") {
        Ok(()) => match invitations::again(&web.app, visit.by()?, &id).await {
            Ok(invited) => return show_link(&web, &visit, invited).await,
            Err(e) => Trouble::mendable(e)?,
        },
        // Several forms of this page ask for a word.
        Err(trouble) => trouble.renamed("word", "invite-word"),
    };
    show_again(&person(&web, &visit, &id, None, trouble).await?)
}

/// Ends a token of a person, when the word was typed.
pub async fn revoke(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    match tokens::end(&web, &visit, &id, &fields).await? {
        Ok(token) => go(&format!("/console/settings/people/{id}?revoked={}", token.id)),
        Err(trouble) => {
            let shown = person(&web, &visit, &id, None, trouble).await?;
            show_again(&PersonPage { refused: fields.get("token").to_owned(), ..shown })
        }
    }
}

/// Disables a person.
pub async fn disable(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let trouble = match visit.typed(&fields, "person-disable-word") {
        Ok(()) => match membership::disable(&web.app, visit.by()?, &id).await {
            Ok(_) => return go("/console/settings/people"),
            Err(e) => Trouble::mendable(e)?,
        },
        Err(trouble) => trouble,
    };
    show_again(&person(&web, &visit, &id, None, trouble).await?)
}
