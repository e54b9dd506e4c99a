//! Set-up, people, tokens, policy.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::Web;
use super::auth::Who;
use super::errors::{Answer, Body};
use super::posts::{if_match, with_etag};
use crate::app::invitations::{self, Invited};
use crate::app::membership::{self, PersonEdit};
use crate::app::people::{self, NewPerson, NewToken, PersonView, TokenView};
use crate::app::policy;
use crate::domain::approval::Policy;
use crate::domain::role::{Right, Role};

/// The first administrator, with the one-time token that the service printed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    pub setup_token: String,
    pub person: NewPerson,
}

/// A person and their new token: shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PersonWithToken {
    pub person: PersonView,
    pub token: String,
}

/// A person and the invitation to their first token: shown this once. Hand it to that person only.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PersonWithInvitation {
    pub person: PersonView,
    pub invitation: String,
    pub expires_at: String,
}

impl From<Invited> for PersonWithInvitation {
    fn from(i: Invited) -> Self {
        let invitation = i.secret.expose_secret().to_owned();
        Self { person: i.person, invitation, expires_at: i.expires_at }
    }
}

/// An invitation.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    pub invitation: String,
}

/// A token: shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NewTokenView {
    pub token: String,
    pub details: TokenView,
}

/// Who the token belongs to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Me {
    pub id: String,
    pub name: String,
    pub roles: Vec<Role>,
}

/// Makes the first administrator. Anybody with the one-time token.
#[utoipa::path(post, path = "/setup", tag = "people", request_body = SetUp, responses((status = 201, body = PersonWithToken)))]
pub async fn set_up(
    State(web): State<Web>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(new): Body<SetUp>,
) -> Answer<(StatusCode, Json<PersonWithToken>)> {
    let origin = from.ip().to_string();
    let (person, token) = people::set_up(&web.app, &new.setup_token, &new.person, &origin).await?;
    Ok((StatusCode::CREATED, Json(PersonWithToken { person, token: token.expose_secret().to_owned() })))
}

/// Who the token belongs to.
#[utoipa::path(get, path = "/me", tag = "people", responses((status = 200, body = Me)))]
pub async fn me(Who(by): Who) -> Json<Me> {
    Json(Me { id: by.id, name: by.name, roles: by.roles })
}

/// The way into the console.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ConsoleLink {
    /// Works once.
    pub url: String,
    pub expires_at: String,
}

/// A one-time link for the holder of the token to choose a password for the console.
#[utoipa::path(post, path = "/me/console", tag = "people", responses((status = 201, body = ConsoleLink)))]
pub async fn console(State(web): State<Web>, Who(by): Who) -> Answer<(StatusCode, Json<ConsoleLink>)> {
    let invited = invitations::to_console(&web.app, &by).await?;
    let url = format!("{}/console/join?invitation={}", web.app.public_url(), invited.secret.expose_secret());
    Ok((StatusCode::CREATED, Json(ConsoleLink { url, expires_at: invited.expires_at })))
}

/// Lists people.
#[utoipa::path(get, path = "/people", tag = "people", responses((status = 200, body = [PersonView])))]
pub async fn list(State(web): State<Web>, Who(by): Who) -> Answer<Json<Vec<PersonView>>> {
    Ok(Json(people::list(&web.app, &by).await?))
}

/// Adds a person. With the invitation, which holds for seven days, that person gets their first token.
/// Administrators.
#[utoipa::path(post, path = "/people", tag = "people", request_body = NewPerson, responses((status = 201, body = PersonWithInvitation)))]
pub async fn create(
    State(web): State<Web>,
    Who(by): Who,
    Body(new): Body<NewPerson>,
) -> Answer<(StatusCode, Json<PersonWithInvitation>)> {
    Ok((StatusCode::CREATED, Json(people::create(&web.app, &by, &new).await?.into())))
}

/// Invites a person again, who lost their token. The earlier invitation and all tokens of that person
/// stop at once. Administrators.
#[utoipa::path(post, path = "/people/{id}/invitation", tag = "people", responses((status = 201, body = PersonWithInvitation)))]
pub async fn invite(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
) -> Answer<(StatusCode, Json<PersonWithInvitation>)> {
    Ok((StatusCode::CREATED, Json(invitations::again(&web.app, &by, &id).await?.into())))
}

/// Makes the first token of the one who was invited; the invitation is used up. Anybody with it.
#[utoipa::path(post, path = "/join", tag = "people", request_body = Join, responses((status = 201, body = PersonWithToken)))]
pub async fn join(
    State(web): State<Web>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(new): Body<Join>,
) -> Answer<(StatusCode, Json<PersonWithToken>)> {
    let origin = from.ip().to_string();
    let (person, token) = invitations::accept(&web.app, &new.invitation, &origin).await?;
    Ok((StatusCode::CREATED, Json(PersonWithToken { person, token: token.expose_secret().to_owned() })))
}

/// Changes a person's name or roles, or enables them again; then they are to be invited. Tokens keep
/// only roles that the person still has. Administrators, of whom nobody changes their own roles.
#[utoipa::path(patch, path = "/people/{id}", tag = "people", request_body = PersonEdit, responses((status = 200, body = PersonView)))]
pub async fn edit(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(edit): Body<PersonEdit>,
) -> Answer<Json<PersonView>> {
    Ok(Json(membership::edit(&web.app, &by, &id, &edit).await?))
}

/// Disables a person; their tokens stop. Administrators.
#[utoipa::path(delete, path = "/people/{id}", tag = "people", responses((status = 200, body = PersonView)))]
pub async fn disable(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
) -> Answer<Json<PersonView>> {
    Ok(Json(membership::disable(&web.app, &by, &id).await?))
}

/// Lists a person's tokens. That person, or administrators.
#[utoipa::path(get, path = "/people/{id}/tokens", tag = "people", responses((status = 200, body = [TokenView])))]
pub async fn tokens(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
) -> Answer<Json<Vec<TokenView>>> {
    Ok(Json(people::tokens(&web.app, &by, &id).await?))
}

/// Makes another token for oneself, with no more roles than the one in use. That person only.
#[utoipa::path(post, path = "/people/{id}/tokens", tag = "people", request_body = NewToken, responses((status = 201, body = NewTokenView)))]
pub async fn create_token(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(new): Body<NewToken>,
) -> Answer<(StatusCode, Json<NewTokenView>)> {
    let (details, token) = people::create_token(&web.app, &by, &id, &new).await?;
    Ok((StatusCode::CREATED, Json(NewTokenView { token: token.expose_secret().to_owned(), details })))
}

/// Revokes a token, and returns it as it is then; 409 says when it had ended before. That person, or
/// administrators.
#[utoipa::path(delete, path = "/people/{id}/tokens/{token}", tag = "people", responses((status = 200, body = TokenView)))]
pub async fn revoke_token(
    State(web): State<Web>,
    Who(by): Who,
    Path((id, token)): Path<(String, String)>,
) -> Answer<Json<TokenView>> {
    Ok(Json(people::revoke_token(&web.app, &by, &id, &token).await?))
}

/// The approval policy.
#[utoipa::path(get, path = "/policy", tag = "people", responses((status = 200, body = Policy)))]
pub async fn policy(State(web): State<Web>, Who(by): Who) -> Answer<Response> {
    by.need(Right::Read)?;
    // The version first: a change in between makes it too old, never too new.
    let version = policy::version(&web.app).await?;
    Ok(with_etag(StatusCode::OK, version, policy::get(&web.app).await?))
}

/// Changes the approval policy. Administrators. `If-Match` guards against changes meanwhile.
#[utoipa::path(put, path = "/policy", tag = "people", request_body = Policy, responses((status = 200, body = Policy)))]
pub async fn set_policy(
    State(web): State<Web>,
    Who(by): Who,
    headers: HeaderMap,
    Body(new): Body<Policy>,
) -> Answer<Response> {
    let version = policy::set(&web.app, &by, if_match(&headers)?, &new).await?;
    Ok(with_etag(StatusCode::OK, version, new))
}
