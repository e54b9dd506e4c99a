//! Posts and pictures.

use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::Web;
use super::auth::Who;
use super::errors::{Answer, Body};
use crate::app::import::{Imported, Importer};
use crate::app::media::{self, MediaView};
use crate::app::posts::PostFilter;
use crate::app::posts::{self, NewPost, PostView};
use crate::app::{AppError, Result};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::post::{Kind, PostState};

/// Which posts to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    pub kind: Option<String>,
    pub state: Option<String>,
    pub brand: Option<String>,
    pub label: Option<String>,
    pub incident: Option<String>,
    /// Part of the title or of a text, whatever its case.
    pub text: Option<String>,
    /// Due at or after this instant.
    pub from: Option<String>,
    /// Due before this instant.
    pub to: Option<String>,
    /// Only what waits for an approver: what was submitted; and what is approved, but held because the
    /// approval has lapsed before all of it was out.
    pub waiting: Option<bool>,
    /// The cursor that `Link: …; rel="next"` gave.
    pub after: Option<String>,
    pub limit: Option<i64>,
}

impl Filter {
    fn read(self, now: Millis) -> Result<PostFilter> {
        let time = |field: &str, text: Option<String>| {
            text.map(|t| crate::domain::times::parse(&t, "UTC"))
                .transpose()
                .map_err(|e| AppError::field(field, e))
        };
        if let Some(kind) = &self.kind {
            Kind::parse(kind).map_err(|e| AppError::field("kind", e))?;
        }
        if let Some(state) = &self.state {
            PostState::parse(state).map_err(|e| AppError::field("state", e))?;
        }
        Ok(PostFilter {
            due_from: time("from", self.from)?,
            due_to: time("to", self.to)?,
            waiting: self.waiting.unwrap_or(false).then_some(now),
            after: self.after.as_deref().map(cursor).transpose()?,
            limit: self.limit.unwrap_or(50),
            kind: self.kind,
            state: self.state,
            brand: self.brand,
            label: self.label,
            incident: self.incident,
            text: self.text,
        })
    }
}

fn cursor(text: &str) -> Result<posts::After> {
    let pair = text.split_once('~').and_then(|(due, id)| Some((due.parse().ok()?, id.to_owned())));
    pair.ok_or_else(|| AppError::field("after", "is not a cursor that this service gave"))
}

/// The version of an `If-Match` header.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i64>> {
    let Some(value) = headers.get("if-match") else { return Ok(None) };
    let version = value.to_str().ok().and_then(|v| v.trim().trim_matches('"').parse().ok());
    version.map(Some).ok_or_else(|| AppError::field("If-Match", "is not an ETag that this service gave"))
}

/// An answer with the version of what it shows.
pub fn with_etag(status: StatusCode, version: i64, view: impl Serialize) -> Response {
    (status, [("etag", format!("\"{version}\""))], Json(view)).into_response()
}

fn shown(status: StatusCode, view: &PostView) -> Response {
    with_etag(status, view.version, view)
}

/// Lists posts by due time.
#[utoipa::path(get, path = "/posts", tag = "posts", params(Filter), responses((status = 200, body = [PostView])))]
pub async fn list(
    State(web): State<Web>,
    Who(by): Who,
    RawQuery(asked): RawQuery,
    Query(filter): Query<Filter>,
) -> Answer<Response> {
    let filter = filter.read(web.app.clock().now())?;
    let views = posts::list(&web.app, &by, &filter).await?;
    let full = i64::try_from(views.len()).unwrap_or(0) == filter.limit.clamp(1, 500);
    let next = views.last().filter(|_| full).map(|last| {
        let due = crate::domain::times::parse(&last.due, "UTC").unwrap_or_default();
        let asked = asked.unwrap_or_default();
        // What was asked goes on: the next page has the same filters and the same length.
        let kept = asked.split('&').filter(|p| !p.is_empty() && !p.starts_with("after="));
        let kept: String = kept.map(|p| format!("{p}&")).collect();
        format!("</api/v1/posts?{kept}after={due}~{}>; rel=\"next\"", last.id)
    });
    let mut response = Json(views).into_response();
    if let Some(link) = next.and_then(|l| l.parse().ok()) {
        response.headers_mut().insert("link", link);
    }
    Ok(response)
}

/// Writes a post. Operators.
#[utoipa::path(post, path = "/posts", tag = "posts", request_body = NewPost, responses((status = 201, body = PostView)))]
pub async fn create(State(web): State<Web>, Who(by): Who, Body(new): Body<NewPost>) -> Answer<Response> {
    Ok(shown(StatusCode::CREATED, &posts::create(&web.app, &by, &new).await?))
}

/// One post with its deliveries and exact renditions.
#[utoipa::path(get, path = "/posts/{id}", tag = "posts", responses((status = 200, body = PostView)))]
pub async fn get(State(web): State<Web>, Who(by): Who, Path(id): Path<String>) -> Answer<Response> {
    Ok(shown(StatusCode::OK, &posts::get(&web.app, &by, &id).await?))
}

/// Replaces what was typed; approvals are void. Operators. `If-Match` guards against changes meanwhile.
#[utoipa::path(put, path = "/posts/{id}", tag = "posts", request_body = NewPost, responses((status = 200, body = PostView)))]
pub async fn edit(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(new): Body<NewPost>,
) -> Answer<Response> {
    Ok(shown(StatusCode::OK, &posts::edit(&web.app, &by, &id, if_match(&headers)?, &new).await?))
}

/// Hands a draft to the approvers. Operators.
#[utoipa::path(post, path = "/posts/{id}/submit", tag = "posts", responses((status = 200, body = PostView)))]
pub async fn submit(State(web): State<Web>, Who(by): Who, Path(id): Path<String>) -> Answer<Response> {
    Ok(shown(StatusCode::OK, &posts::submit(&web.app, &by, &id).await?))
}

/// Cancels what is not sent yet: also what is being sent and has not begun. What has begun settles, and is
/// not tried again. Operators.
#[utoipa::path(post, path = "/posts/{id}/cancel", tag = "posts", responses((status = 200, body = PostView)))]
pub async fn cancel(State(web): State<Web>, Who(by): Who, Path(id): Path<String>) -> Answer<Response> {
    Ok(shown(StatusCode::OK, &posts::cancel(&web.app, &by, &id).await?))
}

/// How to import.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ImportOptions {
    /// All rows or none.
    #[serde(default)]
    pub atomic: bool,
}

/// Imports posts, one JSON object a line (NDJSON), as a stream. Rows that are wrong are named; when
/// nothing was written, the answer is 422. Operators.
#[utoipa::path(post, path = "/posts/import", tag = "posts", params(ImportOptions),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, body = Imported)))]
pub async fn import(
    State(web): State<Web>,
    Who(by): Who,
    Query(options): Query<ImportOptions>,
    body: RawBody,
) -> Answer<Json<Imported>> {
    let mut importer = Importer::new(&web.app, &by, options.atomic).await?;
    let mut stream = body.into_data_stream();
    // Read to the end whatever happens: a client that still sends would not hear the answer.
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(bytes) => importer.feed(&bytes).await?,
            Err(_) => {
                importer.broke_off();
                break;
            }
        }
    }
    let result = importer.finish().await?;
    if result.created == 0 && result.failed > 0 {
        return Err(AppError::Invalid(result.problems()).into());
    }
    Ok(Json(result))
}

/// Uploads a picture; the answer names it by its hash. Operators.
#[utoipa::path(post, path = "/media", tag = "posts",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = MediaView)))]
pub async fn upload(
    State(web): State<Web>,
    Who(by): Who,
    body: axum::body::Bytes,
) -> Answer<(StatusCode, Json<MediaView>)> {
    Ok((StatusCode::CREATED, Json(media::upload(&web.app, &by, body.to_vec()).await?)))
}

/// A picture by its hash, as a file to save: approvers look at what they decide about. Everybody who
/// reads.
#[utoipa::path(get, path = "/media/{sha256}", tag = "posts",
    responses((status = 200, description = "The bytes of the picture", content(
        (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/gif"), (Vec<u8> = "image/webp")))))]
pub async fn picture(State(web): State<Web>, Who(by): Who, Path(sha256): Path<String>) -> Answer<Response> {
    let picture = media::get(&web.app, &by, &sha256).await?;
    let ending = picture.mime.trim_start_matches("image/");
    let name = format!("attachment; filename=\"{}.{ending}\"", picture.sha256);
    let headers = [("content-type", picture.mime.clone()), ("content-disposition", name)];
    Ok((headers, picture.bytes).into_response())
}
