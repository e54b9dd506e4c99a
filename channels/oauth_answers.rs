//! Between the crate `oauth2` and our HTTP client: requests on their way, and answers of networks that do not
//! keep to RFC 6749, put into its form.

use std::pin::Pin;

use oauth2::http::Response;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::http::{Answer, Http, Request, Trouble, header};
use crate::oauth::Refusal;

/// Meta's word for what is not there, or not shown to this app (`graph-api/guides/error-handling`).
pub(crate) const HIDDEN: &str = "hidden";

/// Our client, as the crate takes it.
pub(crate) struct Asker {
    pub http: Http,
    pub title: &'static str,
}

impl<'c> AsyncHttpClient<'c> for Asker {
    type Error = Trouble;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Trouble>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(ask(&self.http, self.title, request))
    }
}

/// Sends a request of the crate. What has no answer in the form of RFC 6749 is trouble.
pub(crate) async fn ask(http: &Http, title: &str, asked: HttpRequest) -> Result<HttpResponse, Trouble> {
    let (head, body) = asked.into_parts();
    let mut headers = head.headers;
    if let Some(value) = headers.get_mut(header::AUTHORIZATION) {
        value.set_sensitive(true);
    }
    let content = (!body.is_empty()).then(|| body.into());
    let request = Request {
        method: head.method,
        url: head.uri.to_string(),
        headers,
        content,
        fault: None,
        most: None,
        is_paced: false,
    };
    standard(title, &http.call(request).await?)
}

/// A request that carries a form, and asks for JSON.
pub(crate) fn form(request: Request, fields: &[(&str, &str)]) -> Request {
    request.header("accept", "application/json").form(fields)
}

/// What trouble means for a grant.
pub(crate) fn refusal(trouble: &Trouble) -> Refusal {
    match trouble {
        Trouble::Lost(_) => Refusal::Unknown(trouble.to_string()),
        Trouble::Closed(_) | Trouble::NotSent(_) => Refusal::Later(trouble.to_string()),
    }
}

/// What a status says.
pub(crate) fn words(title: &str, status: u16) -> String {
    format!("{title} answers with status {status}")
}

/// The answer in the form of RFC 6749. A server that failed may have acted; one that asks to wait has not.
fn standard(title: &str, answer: &Answer) -> Result<HttpResponse, Trouble> {
    match answer.status {
        429 => return Err(Trouble::NotSent(words(title, 429))),
        408 | 500.. => return Err(Trouble::Lost(words(title, answer.status))),
        _ => {}
    }
    let mut said: Value = answer.json().unwrap_or(Value::Null);
    // Instagram puts it into a list, and calls its scope permissions.
    if said["data"][0]["access_token"].is_string() {
        said = said["data"][0].take();
    }
    if let Some(granted) = said.get_mut("permissions").map(Value::take) {
        let list = |all: &Vec<Value>| all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
        let scope = granted.as_str().map(str::to_owned).or_else(|| granted.as_array().map(list));
        (said["permissions"], said["scope"]) = (granted, json!(scope));
    }
    match said["error"].as_str() {
        // Slack: part of the work may have been done.
        Some(word @ ("fatal_error" | "internal_error" | "request_timeout")) => {
            return Err(Trouble::Lost(format!("{title} answers: {word}")));
        }
        // Slack: try again later.
        Some(word @ ("ratelimited" | "rate_limited" | "service_unavailable")) => {
            return Err(Trouble::NotSent(format!("{title} answers: {word}")));
        }
        _ => {}
    }
    // Meta: try again later.
    let is_later = |code| matches!(code, 1 | 2 | 4 | 17 | 32 | 341 | 613 | 80_000..=80_014);
    if said["error"]["code"].as_i64().is_some_and(is_later) && !is_app_refused(&said["error"]) {
        return Err(Trouble::NotSent(words(title, answer.status)));
    }
    let mut status = if answer.is_success() { 200 } else { 400 };
    if said["ok"] == false {
        // Slack: the status is 200 in any case.
        status = 400;
    }
    if status == 200 {
        if said.is_object() && said.get("token_type").is_none() {
            // Meta and older LinkedIn say nothing of it.
            said["token_type"] = json!("bearer");
        }
        if let Some(scope) = said["scope"].as_str() {
            said["scope"] = json!(scope.replace(',', " "));
        }
    } else {
        said = json!({ "error": named(&said) });
    }
    let body = serde_json::to_vec(&said).unwrap_or_default();
    let response = Response::builder().status(status).header("content-type", "application/json").body(body);
    response.map_err(|_| Trouble::Lost(words(title, answer.status)))
}

/// Whether Meta refuses the app itself. Of a wrong secret it says code 1, as of what is over soon, so that only the words
/// tell them apart (<https://stackoverflow.com/questions/14575477/facebook-exchange-code-for-token>).
pub(crate) fn is_app_refused(error: &Value) -> bool {
    let words = error["message"].as_str().unwrap_or_default().to_lowercase();
    error["code"] == 101
        || error["code"] == 1 && ["validating", "secret"].iter().all(|word| words.contains(word))
}

/// The name of the error, in the words of RFC 6749 where a network has its own.
fn named(said: &Value) -> &str {
    // Meta: an object with a number; 190 is a token that is good no more.
    if let Some(code) = said["error"]["code"].as_i64() {
        return match code {
            _ if is_app_refused(&said["error"]) => "invalid_client",
            102 | 190 => "invalid_grant",
            10 | 100 | 200..=299 => HIDDEN,
            _ => "refused",
        };
    }
    match said["error"].as_str() {
        // Slack.
        Some(
            "invalid_code"
            | "code_already_used"
            | "invalid_refresh_token"
            | "token_revoked"
            | "token_expired",
        ) => "invalid_grant",
        Some("bad_client_secret" | "invalid_client_id") => "invalid_client",
        Some(code) => code,
        None => "refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::header::HeaderMap;

    fn put(status: u16, body: &Value) -> Result<(u16, Value), Trouble> {
        let body = serde_json::to_vec(body).unwrap();
        let answer = Answer { status, body: body.into(), headers: HeaderMap::new() };
        let out = standard("Net", &answer)?;
        Ok((out.status().as_u16(), serde_json::from_slice(out.body()).unwrap()))
    }

    #[test]
    fn what_networks_say_is_put_into_the_standard_form() {
        let slack = json!({ "ok": false, "error": "invalid_code" });
        assert_eq!(put(200, &slack).unwrap(), (400, json!({ "error": "invalid_grant" })));
        let meta = json!({ "error": { "code": 190, "message": "THAAhunter2" } });
        assert_eq!(put(400, &meta).unwrap(), (400, json!({ "error": "invalid_grant" })));
        for (code, message) in [(1, "Error validating client secret."), (101, "hunter2")] {
            let app = json!({ "error": { "code": code, "message": message } });
            assert_eq!(put(400, &app).unwrap(), (400, json!({ "error": "invalid_client" })));
        }
        let threads = json!({ "access_token": "THAA", "user_id": 17 });
        assert_eq!(put(200, &threads).unwrap().1["token_type"], "bearer");
        let linkedin = json!({ "access_token": "A", "scope": "a,b" });
        assert_eq!(
            put(201, &linkedin).unwrap(),
            (200, json!({ "access_token": "A", "scope": "a b", "token_type": "bearer" }))
        );
        let described = json!({ "error": "invalid_client", "error_description": "no hunter2" });
        assert_eq!(
            put(401, &described).unwrap(),
            (400, json!({ "error": "invalid_client" })),
            "no words of theirs"
        );
    }

    #[test]
    fn a_server_that_failed_may_have_acted() {
        assert!(matches!(refusal(&put(503, &json!({})).unwrap_err()), Refusal::Unknown(_)));
        assert!(matches!(refusal(&put(408, &json!({})).unwrap_err()), Refusal::Unknown(_)));
        assert!(matches!(refusal(&put(429, &json!({})).unwrap_err()), Refusal::Later(_)));
        let slack = |word: &str| refusal(&put(200, &json!({ "ok": false, "error": word })).unwrap_err());
        for word in ["fatal_error", "internal_error", "request_timeout"] {
            assert!(matches!(slack(word), Refusal::Unknown(_)), "{word}");
        }
        for word in ["ratelimited", "service_unavailable"] {
            assert!(matches!(slack(word), Refusal::Later(_)), "{word}");
        }
        for code in [1, 2, 4, 17, 32] {
            let meta = json!({ "error": { "code": code, "message": "Please retry" } });
            assert!(matches!(refusal(&put(400, &meta).unwrap_err()), Refusal::Later(_)), "{code}");
        }
    }
}
