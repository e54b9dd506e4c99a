//! What networks do in a way of their own, and what no text may show.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};

use super::*;
use crate::http::Policy;
use crate::oauth_networks::{ALL, network};
use crate::strict::{Asked, Fate, Network as Served, Said, Strict, good};
use crate::suite::{self, Cut};

#[path = "oauth_strict_tests.rs"]
mod strict_tests;

/// A network that answers what a test says, and keeps what it was asked.
#[derive(Clone, Default)]
pub(super) struct Door {
    answers: VecDeque<Said>,
    pub(super) asked: Vec<Question>,
}

#[derive(Clone)]
pub(super) struct Question {
    pub(super) path: String,
    pub(super) query: HashMap<String, String>,
    pub(super) form: HashMap<String, String>,
    pub(super) authorization: String,
}

impl Served for Door {
    fn makes(_: &str, _: &str) -> bool {
        false
    }

    fn answer(&mut self, asked: &Asked, _: &mut Vec<String>) -> Said {
        let form = url::form_urlencoded::parse(&asked.content).into_owned().collect();
        let (path, query) = (asked.path.clone(), asked.query.clone());
        let authorization = asked.header("authorization").to_owned();
        self.asked.push(Question { path, query, form, authorization });
        self.answers.pop_front().expect("one answer for each question")
    }
}

pub(super) async fn door(answers: impl IntoIterator<Item = Said>) -> Strict<Door> {
    Strict::start(Door { answers: answers.into_iter().collect(), asked: Vec::new() }, &[]).await
}

pub(super) fn secret(text: &str) -> SecretString {
    text.to_owned().into()
}

/// The app at a network whose every address is the door.
pub(super) fn client(name: &str, server: &str) -> Client {
    let network = network(name).unwrap();
    let here = |path: &str| format!("{server}/{path}");
    // Facebook's other addresses are beside this one.
    let token = if name.contains("facebook") { "oauth/access_token" } else { "token" };
    Client {
        network,
        place: Place { authorize: here("authorize"), token: here(token), revoke: Some(here("revoke")) },
        id: "the-app".into(),
        secret: secret("hunter2-secret"),
        redirect: "https://holdline.example/console/settings/channels/connected".into(),
    }
}

pub(super) async fn redeemed(client: &Client) -> Result<Tokens, Refusal> {
    redeemed_for(client, "").await
}

pub(super) async fn redeemed_for(client: &Client, page: &str) -> Result<Tokens, Refusal> {
    client.redeem(&suite::http(), &secret("hunter2-code"), &secret("hunter2-verifier"), page).await
}

pub(super) fn tokens(refresh: Option<&str>) -> Tokens {
    let refresh = refresh.map(secret);
    Tokens { access: secret("hunter2-access"), refresh, ..Tokens::default() }
}

#[tokio::test]
async fn threads_gives_a_token_of_a_day_and_then_one_that_renews_itself() {
    let long =
        |token: &str| good(json!({ "access_token": token, "token_type": "bearer", "expires_in": 5_183_944 }));
    let server = door([
        good(json!({ "access_token": "THAAshort", "user_id": 17 })),
        long("THAAlong"),
        long("THAAnew"),
        good(json!({ "access_token": "THAAshort", "user_id": 17 })),
        (400, String::new(), json!({ "error": { "code": 190 } })),
    ])
    .await;
    let client = client("threads", &server.url);
    let first = redeemed(&client).await.unwrap();
    assert_eq!(
        (first.access.expose_secret(), first.lives),
        ("THAAlong", Some(Duration::from_secs(5_183_944)))
    );
    let second = client.renew(&suite::http(), &first).await.unwrap();
    assert_eq!(second.access.expose_secret(), "THAAnew");
    let asked = server.state().network.asked.clone();
    assert!(asked[0].form["code"] == "hunter2-code" && !asked[0].form.contains_key("code_verifier"));
    assert_eq!((asked[1].path.as_str(), asked[2].path.as_str()), ("/access_token", "/refresh_access_token"));
    assert_eq!(asked[1].query["grant_type"], "th_exchange_token");
    assert_eq!(
        (asked[1].query["access_token"].as_str(), asked[2].query["access_token"].as_str()),
        ("THAAshort", "THAAlong")
    );
    assert!(matches!(redeemed(&client).await, Err(Refusal::Unknown(_))), "there is a token of a day");
}

#[tokio::test]
async fn slack_refuses_with_a_good_status_and_ends_only_what_the_token_itself_asks_for() {
    let no = |error: &str| good(json!({ "ok": false, "error": error }));
    let server = door([
        no("code_already_used"),
        no("bad_client_secret"),
        good(json!({ "ok": true, "revoked": true })),
        good(json!({ "ok": true, "revoked": true })),
        good(json!({ "ok": true, "revoked": true })),
        good(json!({ "ok": true, "revoked": false })),
        no("ratelimited"),
        good(json!({ "ok": true, "revoked": true })),
        no("token_revoked"),
        no("token_expired"),
    ])
    .await;
    let client = client("slack", &server.url);
    assert!(matches!(redeemed(&client).await, Err(Refusal::Ended(_))));
    assert!(matches!(redeemed(&client).await, Err(Refusal::Refused(_))));
    let both = tokens(Some("hunter2-refresh"));
    assert_eq!(client.revoke(&suite::http(), &both).await, Revoked::Gone);
    for _ in 0..2 {
        assert!(matches!(client.revoke(&suite::http(), &both).await, Revoked::NotKnown(_)));
    }
    assert_eq!(client.revoke(&suite::http(), &both).await, Revoked::Gone, "it was ended before");
    let asked = server.state().network.asked.clone();
    let by: Vec<_> = asked[2..].iter().map(|asked| asked.authorization.as_str()).collect();
    assert_eq!(by, ["Bearer hunter2-refresh", "Bearer hunter2-access"].repeat(4), "each ends by itself");
}

#[tokio::test]
async fn x_says_in_the_body_what_it_ended() {
    let server = door([
        good(json!({ "revoked": true })),
        good(Value::Null),
        good(json!({ "revoked": true })),
        good(json!({ "revoked": false })),
    ])
    .await;
    let (client, both) = (client("x", &server.url), tokens(Some("hunter2-refresh")));
    assert_eq!(client.revoke(&suite::http(), &both).await, Revoked::Gone);
    assert!(matches!(client.revoke(&suite::http(), &both).await, Revoked::NotKnown(_)));
}

#[tokio::test]
async fn a_webhook_that_is_not_there_is_gone() {
    let none = |code: u32| (404, String::new(), json!({ "message": "hunter2", "code": code }));
    let server = door([none(10_015), none(0)]).await;
    let client = client("discord", &server.url);
    let posts = Tokens { webhook: Some(secret(&format!("{}/webhook", server.url))), ..tokens(None) };
    assert_eq!(client.revoke(&suite::http(), &posts).await, Revoked::Gone);
    let unknown = client.revoke(&suite::http(), &posts).await;
    let why = "Discord answers with status 404; end the access in the settings of Discord";
    assert_eq!(unknown, Revoked::NotKnown(why.to_owned()), "somebody else may have answered");
}

#[tokio::test]
async fn what_a_channel_can_do_besides_is_asked_for_and_may_be_missing() {
    for (name, besides) in [
        ("mastodon", &["write:accounts"][..]),
        ("slack", &["channels:history", "groups:history", "pins:write", "files:write"][..]),
        ("threads", &["threads_delete", "threads_manage_replies", "threads_read_replies"][..]),
    ] {
        let one = network(name).unwrap();
        let server = door([good(json!({ "access_token": "a", "scope": one.needed.join(" ") }))]).await;
        let client = client(name, &server.url);
        let start = url::Url::parse(&client.start(&secret("state")).unwrap().url).unwrap();
        let asked = start.query_pairs().find(|(name, _)| name == "scope").unwrap().1.into_owned();
        let asked: Vec<&str> = asked.split(one.separator).collect();
        assert!(one.needed.iter().chain(besides).all(|scope| asked.contains(scope)), "{name}: {asked:?}");
        if !matches!(one.renews, Renews::Itself { .. }) {
            assert_eq!(redeemed(&client).await.unwrap().lacks(one.title), None);
        }
    }
}

#[tokio::test]
async fn a_token_without_measure_is_not_taken() {
    let long = |length| good(json!({ "access_token": "a".repeat(length), "token_type": "bearer" }));
    let server = door([long(16_384), long(16_385)]).await;
    let client = client("x", &server.url);
    let allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    let http = Http::new(Policy { allow_private, ..Policy::default() }).unwrap();
    let redeemed =
        async || client.redeem(&http, &secret("hunter2-code"), &secret("hunter2-verifier"), "").await;
    assert_eq!(redeemed().await.unwrap().access.expose_secret().len(), 16_384);
    let unread = Refusal::Unknown("X gave an answer that cannot be read".to_owned());
    assert_eq!(redeemed().await.unwrap_err(), unread);
}

#[tokio::test]
async fn x_calls_a_token_that_counts_no_more_an_invalid_request() {
    let said = || (400, String::new(), json!({ "error": "invalid_request", "error_description": "hunter2" }));
    for (name, ends) in [("x", true), ("linkedin", false)] {
        let server = door([said()]).await;
        let refused = client(name, &server.url).renew(&suite::http(), &tokens(Some("hunter2-refresh"))).await;
        assert_eq!(matches!(refused, Err(Refusal::Ended(_))), ends, "{refused:?}");
    }
}

#[tokio::test]
async fn mastodon_registers_the_app_at_each_server() {
    let app = good(json!({ "client_id": "id", "client_secret": "hunter2" }));
    let server = door([app]).await;
    let network = network("mastodon").unwrap();
    let redirect = "https://holdline.example/back";
    let client =
        Client::register(&suite::http(), network, &format!("{}/", server.url), redirect).await.unwrap();
    let asked = server.state().network.asked[0].clone();
    assert_eq!((asked.path.as_str(), asked.form["redirect_uris"].as_str()), ("/api/v1/apps", redirect));
    let start = client.start(&secret("state")).unwrap();
    assert!(start.url.starts_with(&format!("{}/oauth/authorize?", server.url)), "{}", start.url);
    assert!(start.url.contains("&force_login=true"), "the person chooses the account: {}", start.url);
    assert!(start.url.contains("code_challenge_method=S256") && start.url.contains("write%3Astatuses"));
    assert!(!start.url.contains(start.verifier.expose_secret()) && !start.url.contains("hunter2"));
}

#[tokio::test]
async fn of_a_grant_that_a_person_cut_down_it_is_said_what_it_lacks() {
    let server = door([good(
        json!({ "access_token": "a", "token_type": "bearer", "scope": "tweet.read users.read" }),
    )])
    .await;
    let said = "X did not grant tweet.write: connect again, and agree to all".to_owned();
    let tokens = redeemed(&client("x", &server.url)).await.unwrap();
    assert_eq!(tokens.lacks("X"), Some(said));
    assert_eq!(tokens.access.expose_secret(), "a", "it can be ended");
}

#[tokio::test]
async fn a_network_that_does_not_change_the_refresh_token_keeps_it() {
    let server = door([good(json!({ "access_token": "new", "token_type": "bearer" }))]).await;
    let new = client("linkedin", &server.url)
        .renew(&suite::http(), &tokens(Some("hunter2-refresh")))
        .await
        .unwrap();
    assert_eq!(new.refresh.unwrap().expose_secret(), "hunter2-refresh");
    let ended = client("linkedin", &server.url).renew(&suite::http(), &tokens(None)).await;
    assert!(matches!(ended, Err(Refusal::Ended(_))), "an app that gets no refresh tokens");
}

/// Everything that is secret, in every place of an answer.
fn echo(status: u16) -> Said {
    const ALL: &str = "hunter2-secret hunter2-code hunter2-verifier hunter2-access hunter2-refresh";
    (
        status,
        format!("x-token: {ALL}\r\n"),
        json!({ "error": ALL, "error_description": ALL, "access_token": 7, "ok": ALL }),
    )
}

#[tokio::test]
async fn no_text_shows_what_an_answer_echoes() {
    for status in [200, 400, 401, 403, 404, 429, 500, 503] {
        for one in ALL {
            let server = door([echo(status), echo(status), echo(status), echo(status)]).await;
            let client = client(one.name, &server.url);
            let old = tokens(Some("hunter2-refresh"));
            let told = format!(
                "{:?} {:?} {:?} {client:?} {old:?}",
                redeemed(&client).await.map(|t| format!("{t:?}")),
                client.renew(&suite::http(), &old).await.map(|t| format!("{t:?}")),
                if status == 200 { Revoked::Gone } else { client.revoke(&suite::http(), &old).await },
            );
            assert!(!told.contains("hunter2"), "{} {status}: {told}", one.name);
        }
    }
    for one in ALL {
        let whole = || {
            good(json!({ "access_token": "hunter2-access", "refresh_token": "hunter2-refresh",
                "token_type": "bearer", "webhook": { "url": "https://discord.example/hunter2" }, "id": "17",
                "permissions": { "data": [] } }))
        };
        let server = door([whole(), whole(), whole()]).await;
        let given = redeemed(&client(one.name, &server.url)).await.unwrap();
        assert!(!format!("{given:?}").contains("hunter2"), "{}", one.name);
    }
}

#[tokio::test]
async fn a_lost_answer_is_no_refusal() {
    for fate in [Fate::Broken { done: true, at: Cut::MidHeaders }, Fate::DoneBut(503)] {
        let server = door([good(Value::Null), good(Value::Null)]).await;
        server.state().others.push_back(fate);
        let lost = client("x", &server.url).renew(&suite::http(), &tokens(Some("hunter2-refresh"))).await;
        assert!(matches!(lost, Err(Refusal::Unknown(_))), "{lost:?}");
    }
}

#[tokio::test]
async fn the_verifier_goes_where_the_challenge_went_and_nowhere_else() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use sha2::{Digest, Sha256};
    let mut with = Vec::new();
    for one in crate::oauth_networks::ALL {
        let answer = good(json!({ "access_token": "a", "scope": one.needed.join(" ") }));
        let server = door(std::iter::repeat_n(answer, 8)).await;
        let client = client(one.name, &server.url);
        let start = client.start(&secret("state")).unwrap();
        let url = url::Url::parse(&start.url).unwrap();
        let of = |name: &str| url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
        // What comes of the token is another matter.
        drop(client.redeem(&suite::http(), &secret("hunter2-code"), &start.verifier, "7").await);
        let sent = server.state().network.asked[0].form.get("code_verifier").cloned();
        let challenge = sent.as_ref().map(|v| URL_SAFE_NO_PAD.encode(Sha256::digest(v.as_bytes())));
        assert_eq!(of("code_challenge"), challenge, "{}", one.name);
        assert_eq!(
            of("code_challenge_method").as_deref(),
            challenge.is_some().then_some("S256"),
            "{}",
            one.name
        );
        with.extend(challenge.map(|_| one.name));
    }
    assert_eq!(with, ["discord", "mastodon", "x"]);
}
