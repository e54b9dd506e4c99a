//! Forms that bring pictures (multipart). They pass the same checks as every other form.

use axum::extract::multipart::MultipartError;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::fields::{self, Fields};
use super::page::{self, Failed};
use super::visit::Visit;
use crate::app::AppError;
use crate::app::media::MAX_BYTES;
use crate::web::Web;
use crate::web::errors::TOO_LARGE;

/// Most pictures of one form.
const MOST: usize = 4;
/// Most bytes of a form with its pictures.
const LIMIT: usize = MOST * MAX_BYTES + fields::LIMIT;

/// A form that was sent with its files, with its session and its word checked.
pub struct Uploaded {
    pub visit: Visit,
    pub fields: Fields,
    /// The bytes of each file.
    pub files: Vec<Vec<u8>>,
}

impl FromRequest<Web> for Uploaded {
    type Rejection = Response;

    async fn from_request(request: Request, _: &Web) -> Result<Self, Response> {
        let Some(visit) = request.extensions().get::<Visit>().cloned() else {
            return Err(Failed(AppError::Internal("no visit".into())).into_response());
        };
        let path = request.uri().path().to_owned();
        let read = if is_multipart(&request) {
            read_parts(request, true).await
        } else {
            fields::read(request).await.map(|fields| (fields, Vec::new()))
        };
        let (fields, files) = read.map_err(IntoResponse::into_response)?;
        if fields.get("csrf") != visit.csrf {
            // The words come back to be sent again; pictures are chosen anew.
            return Err(page::resend(&visit, &path, &fields));
        }
        Ok(Self { visit, fields, files })
    }
}

/// Whether a form comes in parts, as one with files does.
pub fn is_multipart(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    kind.is_some_and(|k| k.to_ascii_lowercase().starts_with("multipart/form-data"))
}

/// Reads fields and files. Files are passed over unless they are wanted.
pub async fn read_parts(mut request: Request, keep: bool) -> Result<(Fields, Vec<Vec<u8>>), Failed> {
    DefaultBodyLimit::max(LIMIT).apply(&mut request);
    let refused = |why: String| Failed(AppError::field("form", why));
    let mut parts = Multipart::from_request(request, &()).await.map_err(|e| refused(e.body_text()))?;
    let (mut pairs, mut files, mut typed) = (Vec::new(), Vec::new(), 0);
    while let Some(mut part) = parts.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_owned();
        if part.file_name().is_none() {
            let text = part.text().await.map_err(broken)?;
            typed += name.len() + text.len();
            if typed > fields::LIMIT {
                return Err(AppError::TooLarge(TOO_LARGE.into()).into());
            }
            pairs.push((name, text));
            continue;
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(broken)? {
            if keep && bytes.len() <= MAX_BYTES {
                bytes.extend_from_slice(&chunk);
            }
        }
        // A file field where nothing was chosen comes as an empty file.
        if !bytes.is_empty() && files.len() < MOST {
            files.push(bytes);
        }
    }
    Ok((fields::checked(pairs.into_iter())?, files))
}

fn broken(e: MultipartError) -> Failed {
    let large = e.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE;
    let error =
        if large { AppError::TooLarge(TOO_LARGE.into()) } else { AppError::field("form", e.body_text()) };
    error.into()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn form() -> Request {
        let body = "--x\r\ncontent-disposition: form-data; name=\"text\"\r\n\r\nBonjour\r\n\
            --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n\u{1}PNG\r\n\
            --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n--x--\r\n";
        let request = Request::builder().header("content-type", "multipart/form-data; boundary=x");
        request.body(Body::from(body)).unwrap()
    }

    #[tokio::test]
    async fn parts_are_fields_and_files() {
        let (fields, files) = read_parts(form(), true).await.unwrap();
        assert_eq!((fields.get("text"), files.len()), ("Bonjour", 1));
        assert_eq!(files[0], b"\x01PNG");
        let fields = fields::read(form()).await.unwrap();
        assert_eq!((fields.get("text"), fields.has("file")), ("Bonjour", false));
    }
}
