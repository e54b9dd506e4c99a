//! One's own tokens for the API and the command line.

use askama::Template;
use axum::extract::{RawQuery, State};
use secrecy::ExposeSecret;

use crate::app::people::{self, NewToken, TokenView};
use crate::domain::Word;
use crate::domain::role::Role;
use crate::web::Web;
use crate::web::console::fields::{self, Fields};
use crate::web::console::page::{Answer, go, show, show_again};
use crate::web::console::times;
use crate::web::console::ui::{Trouble, Ui};
use crate::web::console::visit::{Posted, Visit};

#[derive(Template)]
#[template(path = "tokens.html", config = "src/web/console/askama.toml")]
struct TokensPage {
    ui: Ui,
    tokens: Vec<TokenView>,
    /// The roles that a token can have.
    roles: Vec<Role>,
    /// The token that was just made: shown this once.
    made: Option<String>,
    /// The name of the one that was just revoked.
    revoked: Option<String>,
    /// The one that was not revoked: the word was not typed.
    refused: String,
    server: String,
    label: String,
    chosen: Vec<String>,
    days: String,
    trouble: Trouble,
}

/// `GET /console/settings/tokens`.
pub async fn screen(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    show(&page(&web, &visit, &fields::of_query(query.as_deref()), None, Trouble::default()).await?)
}

async fn page(
    web: &Web,
    visit: &Visit,
    f: &Fields,
    made: Option<String>,
    trouble: Trouble,
) -> crate::app::Result<TokensPage> {
    let by = visit.by()?;
    let tokens = newest(web, visit, &by.id).await?;
    Ok(TokensPage {
        ui: visit.ui(web).await?,
        revoked: revoked(&tokens, f.get("revoked")),
        tokens,
        refused: f.get("token").to_owned(),
        roles: by.roles.clone(),
        made,
        server: web.app.public_url().to_owned(),
        label: f.get("label").to_owned(),
        chosen: f.all("role"),
        days: f.some("days").unwrap_or_else(|| "90".into()),
        trouble,
    })
}

/// The tokens of a person, the newest first.
pub(super) async fn newest(web: &Web, visit: &Visit, person: &str) -> crate::app::Result<Vec<TokenView>> {
    let mut tokens = people::tokens(&web.app, visit.by()?, person).await?;
    tokens.reverse();
    Ok(tokens)
}

/// The name of that token, when it is revoked.
pub(super) fn revoked(tokens: &[TokenView], id: &str) -> Option<String> {
    tokens.iter().find(|t| t.id == id && t.revoked_at.is_some()).map(|t| t.label.clone())
}

impl TokensPage {
    fn is_chosen(&self, role: &Role) -> bool {
        self.chosen.iter().any(|r| r == role.word())
    }
}

impl Ui {
    /// Why a token does not count any more.
    pub fn token_ended(&self, t: &TokenView) -> Option<&'static str> {
        let past = |at: &String| times::millis(at) <= self.now;
        match (&t.revoked_at, &t.expires_at) {
            (Some(_), _) => Some("token-revoked"),
            (None, Some(at)) if past(at) => Some("token-expired"),
            _ => None,
        }
    }
}

/// Makes a token. The second factor must be fresh: a token works without it.
pub async fn make(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    if visit.signed()?.must_prove(web.app.clock().now()) {
        return go(&format!("/console/prove?next={}", back(&fields)));
    }
    let by = visit.by()?;
    let mut trouble = Trouble::default();
    let days = fields.some("days").map(|d| d.parse::<u32>().ok().filter(|d| (1..=3_650).contains(d)));
    if days == Some(None) {
        trouble = Trouble::field("days", visit.lang.t("token-days-wrong"));
    }
    if trouble.is_empty() {
        let roles = fields.all("role").iter().filter_map(|r| Role::parse(r).ok()).collect();
        let new = NewToken { label: fields.get("label").to_owned(), roles, days: days.flatten() };
        match people::create_token(&web.app, by, &by.id, &new).await {
            Ok((_, secret)) => {
                let made = Some(secret.expose_secret().to_owned());
                return show(&page(&web, &visit, &Fields::default(), made, trouble).await?);
            }
            Err(e) => trouble = Trouble::mendable(e)?,
        }
    }
    show_again(&page(&web, &visit, &fields, None, trouble).await?)
}

/// The way back to this form with what was typed, as a value inside an address.
fn back(f: &Fields) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("label", f.get("label")).append_pair("days", f.get("days"));
    for role in f.all("role") {
        query.append_pair("role", &role);
    }
    let back = format!("/console/settings/tokens?{}", query.finish());
    form_urlencoded::byte_serialize(back.as_bytes()).collect()
}

/// Ends a token, when the word was typed: what used it works no more.
pub async fn revoke(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let by = visit.by()?;
    match end(&web, &visit, &by.id, &fields).await? {
        Ok(token) => go(&format!("/console/settings/tokens?revoked={}", token.id)),
        Err(trouble) => {
            let refused = Fields(vec![("token".into(), fields.get("token").to_owned())]);
            show_again(&page(&web, &visit, &refused, None, trouble).await?)
        }
    }
}

/// Ends a token of that person; or says what is wrong with the form.
pub(super) async fn end(
    web: &Web,
    visit: &Visit,
    person: &str,
    f: &Fields,
) -> crate::app::Result<Result<TokenView, Trouble>> {
    if let Err(trouble) = visit.typed(f, "token-revoke-word") {
        return Ok(Err(trouble.renamed("word", "revoke-word")));
    }
    match people::revoke_token(&web.app, visit.by()?, person, f.get("token")).await {
        Ok(token) => Ok(Ok(token)),
        Err(e) => Trouble::mendable(e).map(Err),
    }
}
