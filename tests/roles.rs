//! Who may call which route of the API: one table, walked with every role.

use std::collections::BTreeSet;

use channels::http::Request;
use holdline::app::people::{self, NewToken};
use holdline::domain::role::{Right, Role};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::caller::Caller;
use crate::support::person;

/// The rights of which one is enough; none: anybody with a token.
type Rights = &'static [Right];

/// Method, path, rights, and a body that can be read.
const TABLE: &[(&str, &str, Rights, &str)] = {
    use Right::{Administer, Approve, Audit, Decide, Freeze, Quarantine, Read, Report, Test, Write};
    const POST: &str = r#"{"kind":"routine","source":{"text":"x"}}"#;
    const DECISION: &str = r#"{"decision":"approve","bundle":"x"}"#;
    const GLASS: &str = r#"{"decision":"break_glass","bundle":"x","comment":"x"}"#;
    const COMMENT: &str = r#"{"comment":"x"}"#;
    &[
        ("get", "/me", &[], ""),
        ("get", "/posts", &[Read], ""),
        ("post", "/posts", &[Write], POST),
        ("get", "/posts/{id}", &[Read], ""),
        ("put", "/posts/{id}", &[Write], POST),
        ("post", "/posts/{id}/submit", &[Write], ""),
        ("post", "/posts/{id}/cancel", &[Write], ""),
        ("post", "/posts/import", &[Write], ""),
        ("post", "/media", &[Write], "x"),
        ("get", "/media/{sha256}", &[Read], ""),
        ("get", "/posts/{id}/approval", &[Read], ""),
        ("post", "/posts/{id}/approval", &[Approve], DECISION),
        ("post", "/posts/{id}/approval", &[Approve, Decide], GLASS),
        ("get", "/approvals/bulk?label=x", &[Read], ""),
        ("post", "/approvals/bulk", &[Approve], r#"{"label":"x","hash":"x"}"#),
        ("get", "/approvals/owed", &[Read], ""),
        ("post", "/approvals/{id}/review", &[Approve], COMMENT),
        ("get", "/freezes", &[Read], ""),
        ("post", "/freezes", &[Freeze], r#"{"scope":{"labels":["x"]}}"#),
        ("post", "/freezes", &[Quarantine], r#"{"scope":{"crisis_too":true,"labels":["x"]}}"#),
        ("get", "/freezes/{id}", &[Read], ""),
        ("post", "/freezes/preview", &[Read], "{}"),
        ("post", "/freezes/{id}/thaw", &[Decide], COMMENT),
        ("get", "/gate", &[Read], ""),
        ("post", "/gate/confirm", &[Administer], COMMENT),
        ("delete", "/nodes/{id}", &[Administer], ""),
        ("get", "/keys", &[Administer], ""),
        ("post", "/keys/rotation", &[Administer], "{}"),
        ("post", "/keys/file", &[Administer], ""),
        ("get", "/held", &[Read], ""),
        ("get", "/held/review?label=x", &[Read], ""),
        ("get", "/swept", &[Read], ""),
        ("get", "/swept/{id}", &[Read], ""),
        ("post", "/swept/review", &[Decide], r#"{"choice":"drop","posts":["x"]}"#),
        ("post", "/held/review", &[Decide], r#"{"choice":"cancel","label":"x"}"#),
        ("post", "/deliveries/{id}/settle", &[Decide], r#"{"settlement":"try_again","note":"x"}"#),
        ("post", "/deliveries/{id}/retract", &[Decide], COMMENT),
        ("post", "/posts/{id}/retract", &[Decide], COMMENT),
        ("get", "/posts/{id}/pins", &[Read], ""),
        ("post", "/posts/{id}/pins", &[Decide], r#"{"pinned":true}"#),
        ("get", "/incidents", &[Read], ""),
        ("post", "/incidents", &[Freeze], r#"{"title":"x","severity":"minor","freeze":false}"#),
        ("get", "/incidents/{id}", &[Read], ""),
        ("post", "/incidents/{id}/promise", &[Write], r#"{"at":"2099-01-01T00:00:00Z"}"#),
        ("post", "/incidents/{id}/resolve", &[Decide], COMMENT),
        ("get", "/signals", &[Read], ""),
        ("get", "/watch", &[Read], ""),
        ("post", "/signals", &[Freeze], r#"{"source":"x","key":"x","title":"x"}"#),
        ("post", "/signals/alertmanager", &[Freeze], r#"{"version":"4","groupKey":"x","alerts":[]}"#),
        ("post", "/signals/{id}/join", &[Decide], r#"{"incident":"x"}"#),
        ("post", "/signals/{id}/dismiss", &[Decide], r#"{"note":"x"}"#),
        ("get", "/adapters", &[Read], ""),
        ("get", "/readiness", &[Read], ""),
        ("get", "/channels", &[Read], ""),
        ("post", "/channels", &[Administer], r#"{"name":"x","adapter":"none"}"#),
        ("get", "/channels/{id}", &[Read], ""),
        ("patch", "/channels/{id}", &[Administer], "{}"),
        ("post", "/channels/{id}/test", &[Test], ""),
        ("post", "/channels/{id}/bounces", &[Report], "x"),
        ("get", "/channels/{id}/grant", &[Read], ""),
        ("post", "/channels/{id}/revoke", &[Administer], ""),
        ("post", "/channels/revoke-all", &[Administer], ""),
        ("get", "/oauth/apps", &[Administer], ""),
        ("get", "/oauth/ends", &[Administer], ""),
        ("post", "/oauth/ends/{id}/confirm", &[Administer], r#"{"ends":[]}"#),
        ("post", "/channels/{id}/account/confirm", &[Administer], r#"{"account":"x"}"#),
        ("post", "/channels/{id}/credential/confirm", &[Administer], r#"{"version":0}"#),
        ("post", "/oauth/apps", &[Administer], r#"{"adapter":"none","client_id":"x","secret":"x"}"#),
        ("post", "/oauth/starts", &[Administer], "{}"),
        ("post", "/oauth/connections", &[Administer], r#"{"state":"x","code":"x"}"#),
        ("get", "/people", &[Read], ""),
        ("post", "/people", &[Administer], r#"{"name":"","email":"","roles":[]}"#),
        ("patch", "/people/{id}", &[Administer], "{}"),
        ("delete", "/people/{id}", &[Administer], ""),
        ("post", "/people/{id}/invitation", &[Administer], ""),
        ("get", "/people/{id}/tokens", &[Administer], ""),
        ("delete", "/people/{id}/tokens/{token}", &[Administer], ""),
        ("get", "/policy", &[Read], ""),
        ("put", "/policy", &[Administer], r#"{"routine":0}"#),
        ("get", "/audit", &[Audit], ""),
        ("get", "/audit/checkpoint", &[Audit], ""),
        ("get", "/audit/entries?size=1", &[Audit], ""),
        ("get", "/playbooks", &[Read], ""),
        // Everybody makes their own tokens, and nobody those of others.
        ("post", "/people/{id}/tokens", &[], r#"{"label":"x"}"#),
        ("post", "/me/console", &[], ""),
    ]
};

/// Open to whoever has a one-time word; and to networks, which sign what they say.
const OPEN: &[&str] = &["/setup", "/join", "/reports/whatsapp/{channel}", "/reports/sms/{message}"];

fn request(method: &str, url: &str, body: &str) -> Request {
    let request = match method {
        "get" => return Request::get(url),
        "delete" => return Request::delete(url),
        "put" => Request::put(url),
        "patch" => Request::patch(url),
        _ => Request::post(url),
    };
    let mime = if body.starts_with('{') { "application/json" } else { "application/octet-stream" };
    request.body(mime, body.as_bytes().to_vec())
}

on_both! {
    async fn every_route_asks_for_its_right(bench) {
        let caller = Caller::new(&bench).await;
        let document: Value =
            caller.http.call(Request::get(&caller.url("/openapi.json"))).await.unwrap().json().unwrap();
        let mut documented = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            let path = path.trim_start_matches("/api/v1").to_owned();
            for method in item.as_object().unwrap().keys() {
                documented.insert((method.clone(), path.clone()));
            }
        }
        let bare = |path: &str| path.split('?').next().unwrap().to_owned();
        let listed: BTreeSet<_> = TABLE.iter().map(|(m, p, ..)| ((*m).to_owned(), bare(p))).collect();
        let known = |(m, p): &(String, String)| listed.contains(&(m.clone(), p.clone())) || OPEN.contains(&p.as_str());
        let unlisted: Vec<_> = documented.iter().filter(|route| !known(route)).collect();
        assert!(unlisted.is_empty(), "without a line in the table: {unlisted:?}");
        let gone: Vec<_> = listed.iter().filter(|route| !documented.contains(*route)).collect();
        assert!(gone.is_empty(), "in the table only: {gone:?}");
        for role in [Role::Operator, Role::Approver, Role::Administrator, Role::Auditor, Role::Integrator, Role::Postmaster] {
            let who = person(&bench.app, &bench.administrator, &format!("{role:?}").to_lowercase().replace("tor", "tor2")
                .replace("approver", "approver2"), role).await;
            let new = NewToken { label: "roles".into(), roles: Vec::new(), days: None };
            let token: SecretString = people::create_token(&bench.app, &who, &who.id, &new).await.unwrap().1;
            for (method, path, rights, body) in TABLE {
                let own = *path == "/people/{id}/tokens" && *method == "post";
                let id = if own { who.id.as_str() } else { "00000000-0000-7000-8000-000000000000" };
                let filled = path.replace("{id}", id).replace("{sha256}", "none").replace("{token}", "none");
                let request = request(method, &caller.url(&filled), body).bearer(&token);
                let answer = caller.http.call(request).await.unwrap();
                let may = rights.is_empty() || rights.iter().any(|r| role.may(*r));
                assert_eq!(answer.status != 403, may, "{method} {path} as {role:?}: {} {}", answer.status,
                    answer.json::<Value>().unwrap_or(json!(null)));
                assert!(answer.status < 500, "{method} {path} as {role:?}: {}", answer.status);
                let nobody = request_without_token(&caller, method, &filled, body).await;
                assert_eq!(nobody, 401, "{method} {path} without a token");
            }
        }
    }
}

async fn request_without_token(caller: &Caller, method: &str, path: &str, body: &str) -> u16 {
    caller.http.call(request(method, &caller.url(path), body)).await.unwrap().status
}
