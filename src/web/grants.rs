//! Access that people grant to channels at the networks.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::Web;
use super::auth::{Session, Who};
use super::errors::{Answer, Body};
use crate::app::access::connecting::{self, Back, NewStart, StartView};
use crate::app::access::grants::{self, GrantView};
use crate::app::access::oauth_apps::{self, NewOauthApp, OauthAppView};
use crate::app::access::other_account::{self, ShownAccount};
use crate::app::access::own_credential::{self, ShownCredential};
use crate::app::access::revoking::{self, RevokedView, Shown};
use crate::app::channels::ChannelView;

/// Lists the apps that are registered at networks, the newest first. Administrators.
#[utoipa::path(get, path = "/oauth/apps", tag = "oauth", responses((status = 200, body = [OauthAppView])))]
pub async fn apps(State(web): State<Web>, Who(by): Who) -> Answer<Json<Vec<OauthAppView>>> {
    Ok(Json(oauth_apps::list(&web.app, &by).await?))
}

/// Keeps an app that was registered at a network. New access is granted to the newest one; what was granted
/// to others goes on with them. Administrators.
#[utoipa::path(post, path = "/oauth/apps", tag = "oauth", request_body = NewOauthApp, responses((status = 201, body = OauthAppView)))]
pub async fn add_app(
    State(web): State<Web>,
    Who(by): Who,
    Body(new): Body<NewOauthApp>,
) -> Answer<(StatusCode, Json<OauthAppView>)> {
    Ok((StatusCode::CREATED, Json(oauth_apps::add(&web.app, &by, new).await?)))
}

/// Begins to connect a channel: the answer holds the page of the network where you grant access. The address
/// that the browser is sent to then holds what the next call takes. Administrators.
#[utoipa::path(post, path = "/oauth/starts", tag = "oauth", request_body = NewStart, responses((status = 201, body = StartView)))]
pub async fn start(
    State(web): State<Web>,
    Who(by): Who,
    Session(session): Session,
    Body(wanted): Body<NewStart>,
) -> Answer<(StatusCode, Json<StartView>)> {
    Ok((StatusCode::CREATED, Json(connecting::start(&web.app, &by, &session, wanted).await?)))
}

/// Ends it with what the network gave. It counts once, within ten minutes, and with the very token that began.
/// Administrators.
#[utoipa::path(post, path = "/oauth/connections", tag = "oauth", request_body = Back, responses((status = 200, body = ChannelView)))]
pub async fn finish(
    State(web): State<Web>,
    Who(by): Who,
    Session(session): Session,
    Body(back): Body<Back>,
) -> Answer<Json<ChannelView>> {
    Ok(Json(connecting::finish(&web.app, &by, &session, back).await?))
}

/// The access that was granted to a channel; null: its credential was typed in.
#[utoipa::path(get, path = "/channels/{id}/grant", tag = "oauth", responses((status = 200, body = Option<GrantView>)))]
pub async fn of_channel(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
) -> Answer<Json<Option<GrantView>>> {
    Ok(Json(grants::of_channel(&web.app, &by, &id).await?))
}

/// Destroys the credential of a channel, disables it, and tells the network. `gone` only when the network says
/// so. Administrators.
#[utoipa::path(post, path = "/channels/{id}/revoke", tag = "oauth", responses((status = 200, body = RevokedView)))]
pub async fn revoke(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
) -> Answer<Json<RevokedView>> {
    Ok(Json(revoking::revoke(&web.app, &by, &id).await?))
}

/// Lists the access that is to end and is not known to have ended. The service goes on asking. Administrators.
#[utoipa::path(get, path = "/oauth/ends", tag = "oauth", responses((status = 200, body = [RevokedView])))]
pub async fn ends(State(web): State<Web>, Who(by): Who) -> Answer<Json<Vec<RevokedView>>> {
    Ok(Json(revoking::list(&web.app, &by).await?))
}

/// Says that the access of a channel has ended, because you ended it in the settings of the network: that which
/// `ends` names. Other access of the channel stays listed. Administrators.
#[utoipa::path(post, path = "/oauth/ends/{id}/confirm", tag = "oauth", request_body = Shown, responses((status = 204)))]
pub async fn confirm(
    State(web): State<Web>,
    Who(by): Who,
    Path(channel): Path<String>,
    Body(shown): Body<Shown>,
) -> Answer<StatusCode> {
    revoking::confirm(&web.app, &by, &channel, &shown).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says that a channel goes on with the other account that a check saw, which stops all its posts until then.
/// Administrators.
#[utoipa::path(post, path = "/channels/{id}/account/confirm", tag = "oauth", request_body = ShownAccount, responses((status = 200, body = ChannelView)))]
pub async fn confirm_account(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(shown): Body<ShownAccount>,
) -> Answer<Json<ChannelView>> {
    Ok(Json(other_account::confirm(&web.app, &by, &id, &shown).await?))
}

/// Says that the credential which is in now is that of the channel's own account, although no check has seen whose it is:
/// for a channel that an earlier credential of another account has stopped. Everything that waits goes out. Administrators.
#[utoipa::path(post, path = "/channels/{id}/credential/confirm", tag = "oauth", request_body = ShownCredential, responses((status = 200, body = ChannelView)))]
pub async fn confirm_credential(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(shown): Body<ShownCredential>,
) -> Answer<Json<ChannelView>> {
    Ok(Json(own_credential::confirm(&web.app, &by, &id, &shown).await?))
}

/// Destroys the credentials of all channels, disables these, and tells the networks. Administrators.
#[utoipa::path(post, path = "/channels/revoke-all", tag = "oauth", responses((status = 200, body = [RevokedView])))]
pub async fn revoke_all(State(web): State<Web>, Who(by): Who) -> Answer<Json<Vec<RevokedView>>> {
    Ok(Json(revoking::revoke_all(&web.app, &by).await?))
}
