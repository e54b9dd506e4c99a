//! The web: the API for programs and the CLI, the public page, and what operations need.
//! All routes are on this page; each handler says who may call it by the right that it asks for.

/// Who calls.
mod auth;
mod document;
/// Errors as problem+json, in one table.
mod errors;
mod listen;
/// Repeated POSTs with the same key.
mod repeat;

mod approvals;
mod audit;
mod bounces;
mod channels;
/// The console: screens for people.
pub mod console;
/// Pictures that networks fetch.
mod fetched;
mod freezes;
mod grants;
mod held;
mod incidents;
mod keys;
mod operations;
mod people;
mod pins;
mod posts;
mod public;
/// Pictures of the public page.
mod public_pictures;
/// What networks say later of messages.
mod reports;
mod signals;
mod sizes;
mod sweeps;
mod watches;
/// The words of the public page, in each language.
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderValue;
use axum::middleware;
use axum::response::Response;
use axum::routing::get;
use ipnet::IpNet;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Mutex, watch};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use listen::listen;

use crate::app::App;
use crate::app::media::MAX_BYTES;

/// What every handler can reach.
#[derive(Clone)]
pub struct Web {
    pub app: App,
    pub metrics: PrometheusHandle,
    /// The proxies that are believed when they say who calls.
    pub proxies: Arc<[IpNet]>,
    /// Ends what would never end by itself: the live connections of the console.
    pub stopping: watch::Receiver<bool>,
    /// Tells the console's pages that something has changed.
    pub pulse: Arc<console::Pulse>,
    /// Held while somebody verifies or exports the log in the console: each reads all of it.
    pub whole_log: Arc<Mutex<()>>,
    /// What is held of the calls of networks, which sign what they say.
    pub reports: Arc<reports::Rooms>,
}

/// Most bytes of a JSON body.
const JSON_LIMIT: usize = 1 << 20;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Holdline",
        description = "Freezes scheduled posts when an incident begins, publishes approved crisis updates, and proves \
                   both. Every request but the set-up and joining carries `Authorization: Bearer TOKEN`. A POST may \
                   carry an `Idempotency-Key`: the answer is kept for 24 hours and given again for the same request. An answer \
                   with an `ETag` can be changed with that in `If-Match`."
    ),
    components(schemas(errors::ProblemBody))
)]
struct Document;

/// All routes.
pub fn router(web: Web) -> Router {
    let (api, document) = OpenApiRouter::with_openapi(Document::openapi())
        .nest("/api/v1", api().merge(large()))
        .split_for_parts();
    let json = document::complete(serde_json::to_value(&document).unwrap_or_default()).to_string();
    let openapi = get(move || async move { ([("content-type", "application/json")], json) });
    let api = api
        .layer(middleware::from_fn_with_state(web.clone(), repeat::middleware))
        .layer(middleware::from_fn(sizes::refuse_large))
        .layer(middleware::map_response(errors::as_problem));
    api.route("/api/v1/openapi.json", openapi)
        .route("/", get(public::index))
        .route("/incidents/{slug}", get(public::page))
        .route("/banner.json", get(public::banner))
        .route("/media/{delivery}/{sha256}/{until}/{mac}", get(fetched::picture))
        .route("/pictures/{delivery}/{sha256}", get(public_pictures::picture))
        .route("/livez", get(operations::livez))
        .route("/readyz", get(operations::readyz))
        .route("/metrics", get(operations::metrics))
        .route("/checkpoint", get(public::checkpoint))
        .merge(console::router(&web))
        .fallback(errors::nothing_here)
        .layer(DefaultBodyLimit::max(JSON_LIMIT))
        .layer(middleware::from_fn(errors::no_nul))
        .layer(middleware::map_response(headers))
        .layer(middleware::from_fn_with_state(web.clone(), auth::behind_proxies))
        .with_state(web)
}

fn api() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(people::set_up))
        .routes(routes!(people::me))
        .routes(routes!(people::console))
        .routes(routes!(people::list, people::create))
        .routes(routes!(people::edit, people::disable))
        .routes(routes!(people::invite))
        .routes(routes!(people::join))
        .routes(routes!(people::tokens, people::create_token))
        .routes(routes!(people::revoke_token))
        .routes(routes!(people::policy, people::set_policy))
        .routes(routes!(channels::list, channels::create))
        .routes(routes!(channels::get, channels::edit))
        .routes(routes!(channels::test))
        .routes(routes!(bounces::receive))
        .routes(routes!(channels::adapters))
        .routes(routes!(grants::apps, grants::add_app))
        .routes(routes!(grants::start))
        .routes(routes!(grants::finish))
        .routes(routes!(grants::of_channel))
        .routes(routes!(grants::revoke))
        .routes(routes!(grants::revoke_all))
        .routes(routes!(grants::ends))
        .routes(routes!(grants::confirm))
        .routes(routes!(grants::confirm_account))
        .routes(routes!(grants::confirm_credential))
        .routes(routes!(channels::readiness))
        .routes(routes!(posts::list, posts::create))
        .routes(routes!(posts::get, posts::edit))
        .routes(routes!(posts::submit))
        .routes(routes!(posts::cancel))
        .routes(routes!(posts::picture))
        .routes(routes!(approvals::sheet, approvals::decide))
        .routes(routes!(approvals::preview, approvals::approve_all))
        .routes(routes!(approvals::owed))
        .routes(routes!(approvals::review))
        .routes(routes!(freezes::list, freezes::create))
        .routes(routes!(freezes::get))
        .routes(routes!(freezes::preview))
        .routes(routes!(freezes::thaw))
        .routes(routes!(freezes::gate))
        .routes(routes!(freezes::confirm))
        .routes(routes!(freezes::forget))
        .routes(routes!(held::list))
        .routes(routes!(held::preview, held::review))
        .routes(routes!(held::settle))
        .routes(routes!(held::retract))
        .routes(routes!(held::retract_post))
        .routes(routes!(pins::list, pins::set))
        .routes(routes!(sweeps::list))
        .routes(routes!(sweeps::get))
        .routes(routes!(sweeps::review))
        .routes(routes!(incidents::list, incidents::open))
        .routes(routes!(incidents::playbooks))
        .routes(routes!(incidents::get))
        .routes(routes!(incidents::promise))
        .routes(routes!(incidents::resolve))
        .routes(routes!(signals::list, signals::receive))
        .routes(routes!(signals::alertmanager))
        .routes(routes!(signals::dismiss))
        .routes(routes!(signals::join))
        .routes(routes!(keys::show))
        .routes(routes!(keys::rotate))
        .routes(routes!(keys::save))
        .routes(routes!(watches::list))
        .routes(routes!(audit::list))
        .routes(routes!(audit::checkpoint))
        .routes(routes!(audit::export))
}

/// Routes whose bodies are larger than the others'.
fn large() -> OpenApiRouter<Web> {
    let import = OpenApiRouter::new().routes(routes!(posts::import)).layer(DefaultBodyLimit::disable());
    let media =
        OpenApiRouter::new().routes(routes!(posts::upload)).layer(DefaultBodyLimit::max(MAX_BYTES + 1));
    let reports = OpenApiRouter::new()
        .routes(routes!(reports::confirm_whatsapp, reports::receive_whatsapp))
        .layer(DefaultBodyLimit::max(reports::MOST_BYTES));
    let forms = OpenApiRouter::new()
        .routes(routes!(reports::receive_sms))
        .layer(DefaultBodyLimit::max(::channels::sms::reports::MOST_BYTES));
    import.merge(media).merge(reports).merge(forms)
}

/// Headers that every answer carries.
async fn headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'",
        ),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
