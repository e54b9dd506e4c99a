//! Who visits, and what every request of the console passes: session, same origin, the right of the
//! screen, and a fresh nonce for its scripts.

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;

use super::fields::{self, Fields};
use super::page::{self, Failed};
use super::ui::{Trouble, Ui};
use super::words::Lang;
use crate::app::sessions::{self, Cookie, Signed};
use crate::app::{Actor, AppError, Result};
use crate::domain::role::Right;
use crate::web::{Web, auth};
use secrecy::ExposeSecret;

/// Whether the forms of a route need a second factor that was shown a moment ago.
#[derive(Debug, Clone, Copy)]
struct Fresh(bool);

/// Who may see a screen or press its buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody: the way in.
    Anyone,
    /// Whoever is signed in: their own things.
    SignedIn,
    /// Whoever has the right.
    Needs(Right),
    /// Whoever has one of the two rights.
    Either(Right, Right),
}

impl Access {
    /// Whether the roles of the actor allow it.
    pub fn allows(self, by: &Actor) -> bool {
        match self {
            Self::Anyone | Self::SignedIn => true,
            Self::Needs(right) => by.may(right),
            Self::Either(one, other) => by.may(one) || by.may(other),
        }
    }
}

/// One request to the console.
#[derive(Debug, Clone)]
pub struct Visit {
    pub signed: Option<Signed>,
    pub lang: Lang,
    /// Lets the scripts and styles of this answer run, and no others.
    pub nonce: String,
    /// What every form carries; it comes from the session's secret.
    pub csrf: String,
    /// Path and query.
    pub path: String,
    /// From where.
    pub origin: String,
    /// The browser, as it names itself.
    pub agent: String,
}

impl Visit {
    /// Who acts.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub fn by(&self) -> Result<&Actor> {
        Ok(&self.signed()?.by)
    }

    /// The session.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub fn signed(&self) -> Result<&Signed> {
        self.signed.as_ref().ok_or_else(|| AppError::Unauthorized("sign in first".into()))
    }

    /// The zone that the reader's times are in.
    pub fn ui_zone(&self) -> String {
        Ui::bare(self).zone.name().to_owned()
    }

    /// Goes on only when the word of that key was typed: for what cannot be taken back.
    ///
    /// # Errors
    /// What the form says then, at its field `word`.
    pub fn typed(&self, fields: &Fields, key: &str) -> std::result::Result<(), Trouble> {
        let word = self.lang.t(key);
        if fields.get("word").to_lowercase() == word.to_lowercase() {
            return Ok(());
        }
        Err(Trouble::field("word", self.lang.with("desk-type-wrong", &[("word", word.into())])))
    }

    /// What every page shows around its own content.
    ///
    /// # Errors
    /// The database's own.
    pub async fn ui(&self, web: &Web) -> Result<Ui> {
        Ui::of(web, self).await
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, Failed> {
        let visit = parts.extensions.get::<Self>().cloned();
        visit.ok_or_else(|| AppError::Internal("a screen outside the console's routes".into()).into())
    }
}

/// Wraps every route of the console.
pub async fn enter(
    State((web, access, fresh)): State<(Web, Access, bool)>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let visit = match look(&web, &parts).await {
        Ok(visit) => visit,
        Err(e) => return Failed::from(e).into_response(),
    };
    let mut request = Request::from_parts(parts, body);
    let safe = request.method().is_safe();
    if !safe && !same_origin(request.headers()) {
        let why = "this form was sent from another site; open the console and send it from there";
        return finish(&web, &visit, Failed(AppError::Forbidden(why.into())).into_response()).await;
    }
    let response = match &visit.signed {
        None if access != Access::Anyone => turn_away(&visit, request).await,
        Some(signed) if !access.allows(&signed.by) => {
            Failed(AppError::Forbidden("your roles do not include this; ask an administrator".into()))
                .into_response()
        }
        _ => {
            request.extensions_mut().insert(visit.clone());
            request.extensions_mut().insert(Fresh(fresh));
            // The work of a change goes on when the browser is gone.
            if safe {
                next.run(request).await
            } else {
                tokio::spawn(next.run(request))
                    .await
                    .unwrap_or_else(|e| Failed(AppError::Internal(e.to_string())).into_response())
            }
        }
    };
    finish(&web, &visit, response).await
}

async fn look(web: &Web, parts: &Parts) -> Result<Visit> {
    let headers = &parts.headers;
    let origin = auth::origin(parts);
    let cookie = cookie(headers, web).unwrap_or_default();
    let is_use = !headers.contains_key("hx-request");
    let signed =
        if cookie.is_empty() { None } else { sessions::look(&web.app, &cookie, &origin, is_use).await? };
    let chosen = signed.as_ref().and_then(|s| s.language.clone()).or_else(|| asked_language(parts));
    let nonce: [u8; 16] = rand::random();
    Ok(Visit {
        lang: Lang::choose(chosen.as_deref(), headers),
        nonce: B64.encode(nonce),
        csrf: csrf(if signed.is_some() { &cookie } else { "" }),
        path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        origin,
        agent: headers.get("user-agent").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned(),
        signed,
    })
}

fn asked_language(parts: &Parts) -> Option<String> {
    let query = parts.uri.query()?.as_bytes();
    form_urlencoded::parse(query).find(|(name, _)| name == "lang").map(|(_, value)| value.into_owned())
}

/// The word that a form of this session carries.
fn csrf(cookie: &str) -> String {
    ::channels::hash(format!("holdline form\0{cookie}").as_bytes())
}

/// Whether a change comes from our own pages. Every current browser says so by itself; one that says
/// neither is refused.
fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let host = text("host").unwrap_or_default();
    let from = text("origin").and_then(|o| o.split_once("://")).map(|(_, host)| host);
    from.is_some_and(|from| from == host)
}

const NOBODY_HERE: &str = "nobody is signed in here; if a program began this, give it the whole address of this page, \
    otherwise sign in and begin again";

/// Nobody is signed in: to the sign-in and back; what was typed in a form comes back to be sent again.
async fn turn_away(visit: &Visit, request: Request) -> Response {
    if request.headers().contains_key("hx-request") || request.uri().path().ends_with("/events") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if request.method() == Method::POST {
        let path = request.uri().path().to_owned();
        return match fields::read(request).await {
            Ok(fields) => page::resend(visit, &path, &fields),
            Err(failed) => failed.into_response(),
        };
    }
    // What a network sent along ends nothing here, and a program may wait for the address.
    if is_way_back(request.uri().path()) && request.uri().query().is_some() {
        return Failed(AppError::Unauthorized(NOBODY_HERE.into())).into_response();
    }
    let next: String = form_urlencoded::byte_serialize(way_back(&visit.path).as_bytes()).collect();
    Redirect::to(&format!("/console/sign-in?next={next}")).into_response()
}

/// Where somebody goes on after the sign-in. What a network sent along counts in the session that began, and is put
/// into no second address.
fn way_back(path: &str) -> &str {
    let bare = path.split('?').next().unwrap_or(path);
    if is_way_back(bare) { bare } else { path }
}

fn is_way_back(path: &str) -> bool {
    path.starts_with("/console/settings/channels/connected")
}

/// Errors become pages, and every answer gets the console's own policy.
async fn finish(web: &Web, visit: &Visit, mut response: Response) -> Response {
    if let Some(failed) = response.extensions_mut().remove::<page::Shown>() {
        response = page::failed(web, visit, &failed).await;
    }
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        visit.nonce
    );
    // Without it browsers send forms of plain HTTP with the origin "null" (Fetch standard).
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The name of the cookie: over TLS the browser itself keeps it to this host.
fn cookie_name(web: &Web) -> &'static str {
    if is_tls(web) { "__Host-holdline" } else { "holdline" }
}

fn is_tls(web: &Web) -> bool {
    web.app.public_url().starts_with("https://")
}

fn cookie(headers: &HeaderMap, web: &Web) -> Option<String> {
    let name = cookie_name(web);
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, value)| value.to_owned())
}

/// Gives the browser the secret of a new session.
pub fn remember(web: &Web, mut response: Response, cookie: &Cookie) -> Response {
    set_cookie(web, &mut response, cookie.0.expose_secret(), "");
    response
}

/// Takes it away.
pub fn forget(web: &Web, mut response: Response) -> Response {
    set_cookie(web, &mut response, "", "; Max-Age=0");
    response
}

fn set_cookie(web: &Web, response: &mut Response<Body>, value: &str, more: &str) {
    let secure = if is_tls(web) { "; Secure" } else { "" };
    // Lax, so that the link in an approver's mail finds the session.
    let line = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}", cookie_name(web));
    if let Ok(line) = HeaderValue::from_str(&line) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
}

/// A form that was sent, with its session and its word checked: there is no other way to read one.
pub struct Posted {
    pub visit: Visit,
    pub fields: Fields,
}

impl axum::extract::FromRequest<Web> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, web: &Web) -> std::result::Result<Self, Response> {
        let Some(mut visit) = request.extensions().get::<Visit>().cloned() else {
            return Err(Failed(AppError::Internal("no visit".into())).into_response());
        };
        let path = request.uri().path().to_owned();
        let fresh = request.extensions().get::<Fresh>().is_some_and(|f| f.0);
        let fields = fields::read(request).await.map_err(IntoResponse::into_response)?;
        if fields.get("csrf") != visit.csrf {
            // Another session by now: what was typed comes back, and one click sends it.
            return Err(page::resend(&visit, &path, &fields));
        }
        if fresh {
            prove(web, &mut visit, &path, &fields).await?;
        }
        Ok(Self { visit, fields })
    }
}

/// A form that needs a fresh second factor comes back with a field for its code, and with all that
/// was typed.
async fn prove(
    web: &Web,
    visit: &mut Visit,
    path: &str,
    fields: &Fields,
) -> std::result::Result<(), Response> {
    let now = web.app.clock().now();
    let Some(signed) = visit.signed.as_mut().filter(|s| s.must_prove(now)) else { return Ok(()) };
    let Some(code) = fields.some("prove-code") else { return Err(page::confirm(visit, path, fields, None)) };
    match sessions::prove(&web.app, signed, &code).await {
        Ok(()) => {
            signed.proved_at = now;
            Ok(())
        }
        Err(AppError::Invalid(_)) => Err(page::confirm(visit, path, fields, Some("code-wrong"))),
        Err(AppError::Conflict(_)) => Err(page::confirm(visit, path, fields, Some("sign-in-slow"))),
        Err(e) => Err(Failed(e).into_response()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_network_sent_along_is_in_no_second_address() {
        let connected = "/console/settings/channels/connected";
        for path in [connected.to_owned(), format!("{connected}/7")] {
            assert_eq!(way_back(&format!("{path}?code=hunter2&state=hunter2")), path);
        }
        assert_eq!(way_back("/console/audit?verb=a"), "/console/audit?verb=a");
    }

    #[test]
    fn a_form_of_another_site_is_told_apart() {
        let from = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            same_origin(&headers)
        };
        assert!(from(&[("sec-fetch-site", "same-origin")]));
        assert!(!from(&[("sec-fetch-site", "cross-site"), ("host", "a"), ("origin", "https://a")]));
        assert!(!from(&[("sec-fetch-site", "same-site")]));
        assert!(from(&[("host", "h.example:80"), ("origin", "http://h.example:80")]));
        assert!(!from(&[("host", "h.example"), ("origin", "https://evil.example")]));
        assert!(!from(&[("host", "h.example"), ("origin", "null")]));
        assert!(!from(&[("host", "h.example")]));
    }
}
