//! The console: server-rendered screens that work without JavaScript; live updates come over SSE.
//!
//! All its routes are on this page, each with who may call it. A form can only be read as a
//! [`visit::Posted`], which has checked the session and the form's own word.

mod approvals;
mod assets;
mod begin;
mod calendar;
mod checks;
mod compose;
mod draft;
mod events;
mod fields;
mod freeze;
mod incidents;
mod moving;
mod now;
mod own;
mod page;
/// Pictures for what people would rather see than read.
mod pictures;
mod posts;
mod sign_in;
mod times;
mod ui;
mod upload;
mod visit;
/// The words of the console.
pub mod words;

use axum::Router;
use axum::middleware;
use axum::routing::{MethodRouter, get, post};

use super::Web;
use crate::domain::role::Right;
pub use events::Pulse;
pub use visit::Access;

/// One screen, or one button.
struct Route {
    path: &'static str,
    access: Access,
    handler: MethodRouter<Web>,
}

fn route(path: &'static str, access: Access, handler: MethodRouter<Web>) -> Route {
    Route { path, access, handler }
}

/// Every route of the console.
fn routes() -> Vec<Route> {
    use Access::{Anyone, Either, Needs, SignedIn};
    vec![
        route("/console/sign-in", Anyone, get(sign_in::form).post(sign_in::sign_in)),
        route("/console/join", Anyone, get(sign_in::join_form).post(sign_in::join)),
        route("/console/set-up", Anyone, get(sign_in::set_up_form).post(sign_in::set_up)),
        route("/console/sign-out", SignedIn, post(sign_in::sign_out)),
        route("/console/prove", SignedIn, get(sign_in::prove_form).post(sign_in::prove)),
        route("/console/events", SignedIn, get(events::stream)),
        route("/console/me", SignedIn, get(own::screen)),
        route("/console/me/preferences", SignedIn, post(own::prefer)),
        route("/console/me/sessions", SignedIn, post(own::end_session)),
        route("/console/me/codes", SignedIn, post(own::renew_codes)),
        route("/console/strip", Needs(Right::Read), get(now::strip)),
        route("/console", Needs(Right::Read), get(now::screen)),
        route("/console/approvals", Needs(Right::Read), get(approvals::queue)),
        route("/console/approvals/review", Needs(Right::Approve), post(approvals::review)),
        route("/console/approvals/{id}", Needs(Right::Read), get(approvals::sheet)),
        route(
            "/console/approvals/{id}/decide",
            Either(Right::Approve, Right::Decide),
            post(approvals::decide),
        ),
        route("/console/incidents", Needs(Right::Read), get(incidents::list)),
        route(
            "/console/incidents/open",
            Needs(Right::Freeze),
            get(incidents::open_form).post(incidents::open),
        ),
        route("/console/incidents/{id}", Needs(Right::Read), get(incidents::screen)),
        route("/console/incidents/{id}/act", Either(Right::Write, Right::Decide), post(incidents::act)),
        route("/console/calendar", Needs(Right::Read), get(calendar::screen)),
        route("/console/compose", Needs(Right::Write), get(compose::form).post(compose::send)),
        route("/console/compose/preview", Needs(Right::Write), post(compose::preview)),
        route("/console/media/{sha}", Needs(Right::Read), get(posts::picture)),
        route("/console/posts/{id}", Needs(Right::Read), get(posts::screen)),
        route("/console/posts/{id}/edit", Needs(Right::Write), get(compose::edit_form).post(compose::edit)),
        route(
            "/console/posts/{id}/move",
            Either(Right::Write, Right::Decide),
            get(moving::form).post(moving::shift),
        ),
        route("/console/posts/{id}/submit", Needs(Right::Write), post(posts::submit)),
        route("/console/posts/{id}/cancel", Needs(Right::Write), post(posts::cancel)),
        route("/console/posts/{id}/retract", Needs(Right::Decide), post(posts::retract)),
        route("/console/freeze", Needs(Right::Freeze), get(freeze::form).post(freeze::commit)),
        route("/console/freezes/{id}", Needs(Right::Read), get(freeze::screen)),
        route("/console/freezes/{id}/thaw", Needs(Right::Decide), post(freeze::thaw)),
        route("/console/freezes/{id}/retract", Needs(Right::Decide), post(freeze::retract)),
    ]
}

/// Who may do what, for the test that walks all routes and all roles.
pub fn access_table() -> Vec<(&'static str, Access)> {
    routes().into_iter().map(|r| (r.path, r.access)).collect()
}

/// All screens, and what their pages load.
pub fn router(web: &Web) -> Router<Web> {
    let mut router = Router::new().route("/console/assets/{name}", get(assets::serve));
    for Route { path, access, handler } in routes() {
        let enter = middleware::from_fn_with_state((web.clone(), access), visit::enter);
        router = router.route(path, handler.layer(enter));
    }
    router
}
