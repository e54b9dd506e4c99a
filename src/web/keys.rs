//! The instance keys.

use axum::Json;
use axum::extract::State;

use super::Web;
use super::auth::Who;
use super::errors::{Answer, Body};
use crate::app::keys::{self, KeysView};
use crate::app::rotation::{self, Rotate};

/// Which instance key seals, and what is to do. Administrators.
#[utoipa::path(get, path = "/keys", tag = "keys", responses((status = 200, body = KeysView)))]
pub async fn show(State(web): State<Web>, Who(by): Who) -> Answer<Json<KeysView>> {
    Ok(Json(keys::show(&web.app, &by).await?))
}

/// Puts another instance key in the place of the one that seals, in two calls. The first one adds a key to the
/// file of this node, and says which (`next`). When that file is backed up, the call that names it begins;
/// any later call goes on. `remedy` says what is left for a person. Administrators.
#[utoipa::path(post, path = "/keys/rotation", tag = "keys", request_body = Rotate, responses((status = 200, body = KeysView)))]
pub async fn rotate(State(web): State<Web>, Who(by): Who, Body(to): Body<Rotate>) -> Answer<Json<KeysView>> {
    Ok(Json(rotation::rotate(&web.app, &by, &to).await?))
}

/// Writes the keys that the database needs back into the key file of this node, which still knows them.
/// Administrators.
#[utoipa::path(post, path = "/keys/file", tag = "keys", responses((status = 200, body = KeysView)))]
pub async fn save(State(web): State<Web>, Who(by): Who) -> Answer<Json<KeysView>> {
    Ok(Json(keys::save(&web.app, &by).await?))
}
