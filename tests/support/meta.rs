//! What the small stand-ins of Meta's networks share.

use std::collections::HashMap;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

pub type Answer = (StatusCode, Json<Value>);

pub fn refused(code: i64, words: &str) -> Answer {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": { "code": code, "message": words } })))
}

pub fn good(told: Value) -> Answer {
    (StatusCode::OK, Json(told))
}

/// The fields of a form, if the token is right.
pub fn form(headers: &HeaderMap, body: &str, token: &str) -> Option<HashMap<String, String>> {
    let right = headers.get("authorization").is_some_and(|value| *value == format!("Bearer {token}"));
    right.then(|| form_urlencoded::parse(body.as_bytes()).into_owned().collect())
}

/// The account of that number.
pub fn me(user: &str) -> Answer {
    good(json!({ "id": user, "username": "bank" }))
}

/// A quota of which one post is used.
pub fn limit(total: u64) -> Answer {
    good(json!({ "data": [{ "quota_usage": 1, "config": { "quota_total": total } }] }))
}
