//! Pages on their way out, and errors as pages.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::fields::Fields;
use super::ui::{Trouble, Ui};
use super::visit::Visit;
use crate::app::AppError;
use crate::web::{Web, errors};

/// What every handler of the console returns.
pub type Answer = Result<Response, Failed>;

/// An error that becomes a page.
#[derive(Debug)]
pub struct Failed(pub AppError);

impl<E: Into<AppError>> From<E> for Failed {
    fn from(e: E) -> Self {
        Self(e.into())
    }
}

/// What an error page shows. It travels with the answer until the visit is at hand.
#[derive(Debug, Clone)]
pub struct Shown {
    status: StatusCode,
    trouble: Trouble,
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let status = errors::status(&self.0);
        errors::log(&self.0);
        let shown = Shown { status, trouble: Trouble::of(&self.0) };
        let mut response = status.into_response();
        response.extensions_mut().insert(shown);
        response
    }
}

#[derive(Template)]
#[template(path = "problem.html", config = "src/web/console/askama.toml")]
struct ProblemPage {
    ui: Ui,
    title: String,
    trouble: Trouble,
}

#[derive(Template)]
#[template(path = "resend.html", config = "src/web/console/askama.toml")]
struct ResendPage<'a> {
    ui: Ui,
    to: &'a str,
    fields: Vec<&'a (String, String)>,
}

#[derive(Template)]
#[template(path = "confirm.html", config = "src/web/console/askama.toml")]
struct ConfirmPage<'a> {
    ui: Ui,
    to: &'a str,
    fields: Vec<&'a (String, String)>,
    wrong: Option<&'a str>,
}

/// The error as a page.
pub async fn failed(web: &Web, visit: &Visit, shown: &Shown) -> Response {
    let ui = visit.ui(web).await.unwrap_or_else(|_| Ui::bare(visit));
    let key = match shown.status {
        StatusCode::NOT_FOUND => "problem-not-found",
        StatusCode::FORBIDDEN => "problem-forbidden",
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => "problem-conflict",
        s if s.is_server_error() => "problem-ours",
        _ => "problem-invalid",
    };
    let page = ProblemPage { title: ui.t(key), ui, trouble: shown.trouble.clone() };
    (shown.status, show(&page).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()))
        .into_response()
}

/// What a page carries on of a form. Secrets are typed again.
fn carried(fields: &Fields) -> Vec<&(String, String)> {
    let secret = ["csrf", "password", "code", "prove-code", "credential"];
    fields.0.iter().filter(|(name, _)| !secret.contains(&name.as_str())).collect()
}

/// A form that cannot be taken as it came, with all that was typed: one click sends it again.
pub fn resend(visit: &Visit, to: &str, fields: &Fields) -> Response {
    let page = show(&ResendPage { ui: Ui::bare(visit), to, fields: carried(fields) });
    (StatusCode::FORBIDDEN, page.unwrap_or_else(IntoResponse::into_response)).into_response()
}

/// The same, with a field for a fresh code; `wrong` says why the last one was not taken.
pub fn confirm(visit: &Visit, to: &str, fields: &Fields, wrong: Option<&str>) -> Response {
    let page = show(&ConfirmPage { ui: Ui::bare(visit), to, fields: carried(fields), wrong });
    (StatusCode::FORBIDDEN, page.unwrap_or_else(IntoResponse::into_response)).into_response()
}

/// Renders a page.
pub fn show(page: &impl Template) -> Answer {
    let text = page.render().map_err(|e| AppError::Internal(format!("a page: {e}")))?;
    Ok(Html(text).into_response())
}

/// Renders a form again, with what was wrong in it.
pub fn show_again(page: &impl Template) -> Answer {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, show(page)?).into_response())
}

/// After a change: to the page that shows it.
pub fn go(to: &str) -> Answer {
    Ok(axum::response::Redirect::to(to).into_response())
}
