//! What the networks answer where access is granted, in their own forms, for tests.

use serde_json::{Value, json};

use crate::oauth_server::{ACCOUNT, PAGE, Rules};
use crate::strict::{Asked, Said, good};

/// New tokens.
pub fn told(rules: &Rules, access: &str, refresh: Option<&str>, webhook: Option<&str>) -> Value {
    let scope = rules.scope;
    match rules.name {
        "threads" => json!({ "access_token": access, "user_id": 17 }),
        "instagram" => json!({ "data": [{ "access_token": access, "user_id": "17", "permissions": scope }] }),
        "facebook" | "instagram_facebook" => {
            json!({ "access_token": access, "token_type": "bearer", "expires_in": 5_400 })
        }
        "linkedin" => json!({ "access_token": access, "expires_in": 5_184_000, "refresh_token": refresh,
            "refresh_token_expires_in": 31_536_000, "scope": scope.replace(' ', ",") }),
        "slack" => json!({ "ok": true, "access_token": access, "token_type": "bot", "scope": scope,
            "bot_user_id": "U1", "app_id": "A1", "team": { "id": "T1", "name": "Bank" }, "enterprise": null,
            "refresh_token": refresh, "expires_in": 43_200 }),
        "mastodon" => {
            json!({ "access_token": access, "token_type": "Bearer", "scope": scope, "created_at": 1_764_410_400 })
        }
        "discord" => json!({ "access_token": access, "token_type": "Bearer", "expires_in": 604_800,
            "refresh_token": "hunter2-unused", "scope": scope,
            "webhook": { "id": "1", "token": "hunter2-part", "url": webhook } }),
        _ => json!({ "token_type": "bearer", "expires_in": 7_200, "access_token": access,
            "refresh_token": refresh, "scope": scope }),
    }
}

/// A refusal, by its name in RFC 6749.
pub fn refused(rules: &Rules, name: &str) -> Said {
    let is_app = name == "invalid_client";
    let body = match rules.name {
        "slack" if is_app => return good(json!({ "ok": false, "error": "bad_client_secret" })),
        "slack" => {
            return good(json!({ "ok": false, "error": "invalid_code" }));
        }
        "facebook" | "instagram" | "instagram_facebook" | "threads" if is_app => {
            json!({ "error": { "code": 101, "message": "Error validating application.", "type": "OAuthException" } })
        }
        "facebook" | "instagram" | "instagram_facebook" | "threads" => {
            json!({ "error": { "code": 190, "message": "Invalid access token", "type": "OAuthException" } })
        }
        "x" if !is_app => json!({ "error": "invalid_request",
            "error_description": "Value passed for the authorization code was invalid." }),
        _ => json!({ "error": name, "error_description": "in the words of the network" }),
    };
    (if is_app { 401 } else { 400 }, String::new(), body)
}

/// What a person sees of themselves and of their pages, at Facebook; nothing: nobody asks so.
pub fn shown(rules: &Rules, asked: &Asked, token: &str) -> (u16, Value) {
    let field = |name: &str| asked.query.get(name).map_or("", String::as_str);
    let all: Vec<Value> =
        rules.scope.split(',').map(|scope| json!({ "permission": scope, "status": "granted" })).collect();
    let body = match (asked.path.as_str(), field("fields")) {
        ("/me", "id,permissions{permission,status}") => json!({ "id": "17", "permissions": { "data": all } }),
        ("/me/accounts", "id,instagram_business_account{id,username}") if field("limit") == "100" => {
            json!({ "data": [{ "id": "7" }, { "id": PAGE,
                "instagram_business_account": { "id": ACCOUNT, "username": "bank" } }] })
        }
        (path, "id,access_token") if path == format!("/{PAGE}") => {
            json!({ "id": PAGE, "access_token": token })
        }
        _ => Value::Null,
    };
    (200, body)
}
