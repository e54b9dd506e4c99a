//! The console: server-rendered screens that work without JavaScript; live updates come over SSE.
//!
//! All its routes are on this page, each with who may call it. A form can only be read as a
//! [`visit::Posted`], which has checked the session and the form's own word.

mod against;
mod approvals;
mod assets;
mod audit;
mod begin;
mod calendar;
mod checks;
mod compose;
mod doubts;
mod draft;
mod events;
mod fields;
mod freeze;
mod held;
mod incidents;
mod matrix;
mod moving;
mod now;
mod opening;
mod own;
mod page;
/// Pictures for what people would rather see than read.
mod pictures;
mod posts;
mod retract;
mod said;
mod scopes;
/// What the service itself says, in French.
pub mod sentences;
mod settings;
mod sign_in;
mod signals;
mod stops;
mod swept;
mod times;
mod trouble;
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
use visit::Access;

/// One screen, or one button.
struct Route {
    path: &'static str,
    access: Access,
    /// Whether its forms need a second factor that was shown a moment ago.
    fresh: bool,
    handler: MethodRouter<Web>,
}

/// What administrators change needs a fresh second factor.
fn route(path: &'static str, access: Access, handler: MethodRouter<Web>) -> Route {
    Route { path, access, fresh: access == Access::Needs(Right::Administer), handler }
}

/// A decision that needs a fresh second factor.
fn fresh(path: &'static str, access: Access, handler: MethodRouter<Web>) -> Route {
    Route { path, access, fresh: true, handler }
}

/// Every route of the console.
fn routes() -> Vec<Route> {
    [main_routes(), desk_routes(), setting_routes()].into_iter().flatten().collect()
}

fn main_routes() -> Vec<Route> {
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
        fresh(
            "/console/approvals/{id}/decide",
            Either(Right::Approve, Right::Decide),
            post(approvals::decide),
        ),
        route("/console/incidents", Needs(Right::Read), get(incidents::list)),
        route("/console/incidents/open", Needs(Right::Freeze), get(opening::form).post(opening::open)),
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
        route("/console/posts/{id}/pin", Needs(Right::Decide), post(posts::pin)),
        route("/console/freeze", Needs(Right::Freeze), get(freeze::form).post(freeze::commit)),
        route("/console/freezes/{id}", Needs(Right::Read), get(freeze::screen)),
        route("/console/freezes/{id}/thaw", Needs(Right::Decide), post(freeze::thaw)),
        route("/console/freezes/{id}/retract", Needs(Right::Decide), post(freeze::retract)),
    ]
}

/// What waits for a decision, and the log.
fn desk_routes() -> Vec<Route> {
    use Access::Needs;
    vec![
        route("/console/held", Needs(Right::Read), get(held::screen)),
        route("/console/held/decide", Needs(Right::Decide), get(held::decide)),
        route("/console/held/review", Needs(Right::Decide), post(held::review)),
        route("/console/swept", Needs(Right::Read), get(swept::screen)),
        route("/console/swept/{id}", Needs(Right::Read), get(swept::whole)),
        route("/console/swept/review", Needs(Right::Decide), post(swept::review)),
        route("/console/signals", Needs(Right::Read), get(signals::list)),
        route("/console/signals/{id}/join", Needs(Right::Decide), post(signals::join)),
        route("/console/signals/{id}/dismiss", Needs(Right::Decide), post(signals::dismiss)),
        route("/console/doubts", Needs(Right::Read), get(doubts::screen)),
        route("/console/doubts/{id}", Needs(Right::Read), get(doubts::one)),
        route("/console/doubts/{id}/read", Needs(Right::Decide), post(doubts::read_back)),
        route("/console/doubts/{id}/settle", Needs(Right::Decide), post(doubts::settle)),
        route("/console/doubts/{id}/retract", Needs(Right::Decide), post(doubts::retract)),
        route("/console/audit", Needs(Right::Audit), get(audit::screen)),
        route("/console/audit/verify", Needs(Right::Audit), post(audit::verify)),
        route("/console/audit/export", Needs(Right::Audit), get(audit::export)),
    ]
}

fn setting_routes() -> Vec<Route> {
    use Access::{Needs, SignedIn};
    use settings::{access, channels, nodes, people, policy, readiness, tokens, watch};
    let (read, administer) = (Needs(Right::Read), Needs(Right::Administer));
    vec![
        route("/console/settings", read, get(settings::screen)),
        route("/console/settings/channels", read, get(channels::screen)),
        route("/console/settings/channels/new", administer, get(channels::new_form).post(channels::connect)),
        route("/console/settings/channels/app", administer, get(access::app_form).post(access::keep_app)),
        route("/console/settings/channels/connected", administer, get(access::connected)),
        route("/console/settings/channels/connected/{app}", administer, get(access::connected_at)),
        route("/console/settings/channels/revoke-all", administer, post(access::revoke_all)),
        route("/console/settings/channels/{id}", read, get(channels::one)),
        route("/console/settings/channels/{id}/grant", administer, post(access::again)),
        route("/console/settings/channels/{id}/revoke", administer, post(access::revoke)),
        route("/console/settings/channels/{id}/ended", administer, post(access::ended)),
        route("/console/settings/channels/{id}/account", administer, post(access::confirm_account)),
        route("/console/settings/channels/{id}/credential", administer, post(access::confirm_credential)),
        route("/console/settings/channels/{id}/test", read, post(channels::test)),
        route("/console/settings/channels/{id}/edit", administer, post(channels::edit)),
        route("/console/settings/channels/{id}/switch", administer, post(channels::switch)),
        route("/console/settings/readiness", read, get(readiness::screen)),
        route("/console/settings/watch", read, get(watch::screen)),
        route("/console/settings/people", read, get(people::screen)),
        route("/console/settings/people/add", administer, post(people::add)),
        route("/console/settings/people/{id}", read, get(people::one)),
        route("/console/settings/people/{id}/edit", administer, post(people::edit)),
        route("/console/settings/people/{id}/enable", administer, post(people::enable)),
        route("/console/settings/people/{id}/invite", administer, post(people::invite)),
        route("/console/settings/people/{id}/disable", administer, post(people::disable)),
        route("/console/settings/people/{id}/revoke", administer, post(people::revoke)),
        route("/console/settings/tokens", SignedIn, get(tokens::screen).post(tokens::make)),
        route("/console/settings/tokens/revoke", SignedIn, post(tokens::revoke)),
        route("/console/settings/policy", read, get(policy::screen)),
        route("/console/settings/policy/change", administer, post(policy::change)),
        route("/console/settings/nodes", read, get(nodes::screen)),
        route("/console/settings/nodes/confirm", administer, post(nodes::confirm)),
        route("/console/settings/nodes/forget", administer, post(nodes::forget)),
    ]
}

/// All paths, for the test that walks them with all roles.
pub fn paths() -> Vec<&'static str> {
    routes().into_iter().map(|r| r.path).collect()
}

/// All screens, and what their pages load.
pub fn router(web: &Web) -> Router<Web> {
    let mut router = Router::new().route("/console/assets/{name}", get(assets::serve));
    for Route { path, access, fresh, handler } in routes() {
        let enter = middleware::from_fn_with_state((web.clone(), access, fresh), visit::enter);
        router = router.route(path, handler.layer(enter));
    }
    router
}
