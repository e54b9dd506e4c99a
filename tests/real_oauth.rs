//! OAuth against a real authorization server, which `tests/run` starts from `tests/peers`. It ends a whole
//! grant when a code or a refresh token comes twice.

use std::time::Duration;

use ::channels::http::Request;
use ::channels::oauth::{Client, Refusal, Revoked, Tokens};
use ::channels::oauth_networks::{Place, network};
use holdline::app::access::oauth_apps::{self, NewOauthApp};
use holdline::app::access::{renewals, revoking};
use holdline::app::channels;
use holdline::app::secrets::Keys;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::console::sign_in;
use crate::grants::beat;
use crate::real_channels::{peer, word};
use crate::support::caller::Caller;
use crate::support::{Bench, Database, http, visitor};

const STATE: &str = "a-state-of-this-test";

fn text(server: &Value, name: &str) -> String {
    word(server, name).to_owned()
}

/// The app as the server knows it, in the way of X.
fn client(server: &Value) -> Client {
    client_of(server, "x", "client")
}

/// The app of that name in the way of that network.
fn client_of(server: &Value, name: &str, app: &str) -> Client {
    Client {
        network: network(name).unwrap(),
        place: Place {
            authorize: text(server, "authorize"),
            token: text(server, "token"),
            revoke: Some(text(server, "revoke")),
        },
        id: text(server, app),
        secret: text(server, "secret").into(),
        redirect: text(server, "redirect"),
    }
}

/// A person grants access: the code and the verifier.
async fn granted(server: &Value, client: &Client) -> (SecretString, SecretString) {
    let start = client.start(&STATE.to_owned().into()).unwrap();
    assert!(!start.url.contains(start.verifier.expose_secret()), "only its hash leaves before the code");
    let mut desk = Url::parse(word(server, "desk")).unwrap();
    desk.query_pairs_mut().append_pair("url", &start.url);
    let answer = http().call(Request::get(desk.as_str())).await.unwrap();
    let back = String::from_utf8(answer.body.to_vec()).unwrap();
    let back = Url::parse(&back).unwrap_or_else(|_| panic!("{back}"));
    let of = |name: &str| back.query_pairs().find(|(n, _)| n == name).unwrap().1.into_owned();
    assert_eq!(of("state"), STATE);
    (of("code").into(), start.verifier)
}

async fn connected(server: &Value, client: &Client) -> Tokens {
    let (code, verifier) = granted(server, client).await;
    client.redeem(&http(), &code, &verifier, "").await.unwrap()
}

/// Whether the server takes the token.
async fn lives(server: &Value, token: &SecretString) -> bool {
    let form = format!("token={}", token.expose_secret()).into_bytes();
    let request = Request::post(word(server, "introspect")).body("application/x-www-form-urlencoded", form);
    let request = request.basic(word(server, "client"), &text(server, "secret").into());
    let said: Value = http().call(request).await.unwrap().json().unwrap();
    said["active"].as_bool().unwrap()
}

#[tokio::test]
async fn a_code_becomes_tokens_once_and_only_with_its_verifier() {
    let server = peer("oidc");
    let client = client(&server);
    let (code, verifier) = granted(&server, &client).await;
    let tokens = client.redeem(&http(), &code, &verifier, "").await.unwrap();
    assert!(tokens.refresh.is_some() && lives(&server, &tokens.access).await);
    assert_eq!(tokens.lives, Some(Duration::from_secs(7_200)));
    let twice = client.redeem(&http(), &code, &verifier, "").await.unwrap_err();
    let said = "X does not take this grant any more: connect the channel again".to_owned();
    assert_eq!(twice, Refusal::Ended(said));
    assert!(!lives(&server, &tokens.access).await, "a code that comes twice ends its grant");
    let (code, _) = granted(&server, &client).await;
    let foreign = client.redeem(&http(), &code, &verifier, "").await.unwrap_err();
    assert!(matches!(foreign, Refusal::Ended(_)), "a verifier of another start: {foreign:?}");
}

#[tokio::test]
async fn each_renewal_gives_another_refresh_token_and_an_old_one_ends_the_grant() {
    let server = peer("oidc");
    let client = client(&server);
    let first = connected(&server, &client).await;
    let second = client.renew(&http(), &first).await.unwrap();
    let secret = |t: &Tokens| t.refresh.as_ref().unwrap().expose_secret().to_owned();
    assert_ne!(secret(&first), secret(&second));
    let third = client.renew(&http(), &second).await.unwrap();
    assert!(lives(&server, &third.access).await);
    assert!(matches!(client.renew(&http(), &second).await, Err(Refusal::Ended(_))));
    assert!(
        matches!(client.renew(&http(), &third).await, Err(Refusal::Ended(_))),
        "the newest one died with it"
    );
}

#[tokio::test]
async fn a_revoked_grant_is_gone_and_what_is_not_proved_is_not_said() {
    let server = peer("oidc");
    let mut client = client(&server);
    let tokens = connected(&server, &client).await;
    let other = client.place.revoke.replace(format!("{}/nowhere", word(&server, "url")));
    let unproved = client.revoke(&http(), &tokens).await;
    let said = "X answers with status 404; end the access in the settings of X".to_owned();
    assert_eq!(unproved, Revoked::NotKnown(said));
    client.place.revoke = other;
    assert!(lives(&server, &tokens.access).await);
    assert_eq!(client.revoke(&http(), &tokens).await, Revoked::Gone);
    assert!(!lives(&server, &tokens.access).await);
    assert!(matches!(client.renew(&http(), &tokens).await, Err(Refusal::Ended(_))));
    client.place.revoke = None;
    assert!(matches!(client.revoke(&http(), &tokens).await, Revoked::NotKnown(_)));
}

/// Mastodon's way has a verifier besides; LinkedIn's has none.
#[tokio::test]
async fn an_app_that_sends_its_secret_in_the_body_is_known_by_it() {
    let server = peer("oidc");
    for name in ["linkedin", "mastodon"] {
        let mut client = client_of(&server, name, "client_body");
        let (code, verifier) = granted(&server, &client).await;
        let tokens = client.redeem(&http(), &code, &verifier, "").await.unwrap();
        assert!(lives(&server, &tokens.access).await, "{name}");
        if name == "linkedin" {
            let renewed = client.renew(&http(), &tokens).await.unwrap();
            assert!(lives(&server, &renewed.access).await);
        } else {
            assert_eq!(client.revoke(&http(), &tokens).await, Revoked::Gone);
            assert!(!lives(&server, &tokens.access).await);
        }
        let twice = client.redeem(&http(), &code, &verifier, "").await.unwrap_err();
        assert!(matches!(twice, Refusal::Ended(_)), "{name}: {twice:?}");
        let (code, verifier) = granted(&server, &client).await;
        if name == "mastodon" {
            let foreign = client.redeem(&http(), &code, &"x".repeat(43).into(), "").await.unwrap_err();
            assert!(matches!(foreign, Refusal::Ended(_)), "the verifier is asked for: {foreign:?}");
        }
        client.secret = "another-secret".to_owned().into();
        let refused = client.redeem(&http(), &code, &verifier, "").await.unwrap_err();
        assert!(matches!(refused, Refusal::Refused(_)), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn a_refused_app_and_a_lost_server_are_told_apart_and_no_secret_is_shown() {
    let server = peer("oidc");
    let mut client = client(&server);
    let tokens = connected(&server, &client).await;
    client.secret = "another-secret".to_owned().into();
    let refused = client.renew(&http(), &tokens).await.unwrap_err();
    assert_eq!(refused, Refusal::Refused("X refuses the app: check its id and its secret".into()));
    client.place.token = "http://127.0.0.1:1/token".into();
    let later = client.renew(&http(), &tokens).await.unwrap_err();
    assert!(matches!(later, Refusal::Later(_)), "{later:?}");
    let shown = format!("{refused:?} {later:?} {client:?} {tokens:?}");
    for secret in [&tokens.access, tokens.refresh.as_ref().unwrap(), &client.secret] {
        assert!(!shown.contains(secret.expose_secret()), "{shown}");
    }
}

/// The whole way, with the console, on the real server, and two nodes that renew at the same moment: the server would end
/// the grant if both did.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_connects_a_channel_and_ends_its_access() {
    let server = peer("oidc");
    let bench = Bench::new(Database::Postgres).await;
    let worker = bench.start().await;
    let app = NewOauthApp {
        adapter: "x".into(),
        client_id: text(&server, "client"),
        secret: text(&server, "secret").into(),
        authorize: Some(text(&server, "authorize")),
        token: Some(text(&server, "token")),
        revoke: Some(text(&server, "revoke")),
    };
    oauth_apps::add(&bench.app, &bench.administrator, app).await.unwrap();
    let caller = Caller::new(&bench).await;
    let cookie = sign_in(&bench, &bench.administrator).await.cookie;
    let form = "adapter=x&name=x&brand=main&settings.server=http://127.0.0.1:1&grant=yes";
    let new = "/console/settings/channels/new";
    let page = visitor::text(&visitor::send(&caller, &cookie, &format!("{new}?adapter=x"), new, form).await);
    let at = page.find(word(&server, "authorize")).expect("a link to the server");
    let link = page[at..].split('"').next().unwrap().replace("&#38;", "&");
    let mut desk = Url::parse(word(&server, "desk")).unwrap();
    desk.query_pairs_mut().append_pair("url", &link);
    let answer = http().call(Request::get(desk.as_str())).await.unwrap();
    let back = Url::parse(&visitor::text(&answer)).unwrap();
    let landing = format!("{}{}?{}", caller.base, back.path(), back.query().unwrap());
    let visit = || Request::get(&landing).header("cookie", &format!("holdline={cookie}"));
    let there = caller.http.call(visit()).await.unwrap();
    assert_eq!(there.status, 303, "{}", visitor::text(&there));
    assert_eq!(caller.http.call(visit()).await.unwrap().status, 409, "it counts once");
    let channel = channels::list(&bench.app, &bench.administrator).await.unwrap();
    let channel = channel.into_iter().find(|c| c.name == "x").unwrap().id;
    let first = kept(&bench, &channel).await;
    assert!(lives(&server, &first).await);
    let other = bench.another_node("b").await;
    bench.app.clock().advance(97 * 60_000);
    beat(&bench.app).await;
    beat(&other.app).await;
    let both = tokio::join!(renewals::due(&bench.app), renewals::due(&other.app));
    both.0.and(both.1).unwrap();
    let mut second = kept(&bench, &channel).await;
    for _ in 0..200 {
        if second.expose_secret() != first.expose_secret() {
            break;
        }
        // A sender's own round has it in hand.
        tokio::time::sleep(Duration::from_millis(25)).await;
        second = kept(&bench, &channel).await;
    }
    for app in [&bench.app, &other.app] {
        renewals::due(app).await.unwrap();
    }
    assert_eq!(kept(&bench, &channel).await.expose_secret(), second.expose_secret(), "once is enough");
    assert!(first.expose_secret() != second.expose_secret() && lives(&server, &second).await);
    let ended = revoking::revoke(&bench.app, &bench.administrator, &channel).await.unwrap();
    assert!(ended.gone, "{ended:?}");
    assert!(!lives(&server, &second).await);
    other.worker.stop().await.unwrap();
    worker.stop().await.unwrap();
}

/// The access token that the channel has.
async fn kept(bench: &Bench, channel: &str) -> SecretString {
    let keys = Keys::read(&bench.folder().join("instance.key")).unwrap();
    let sealed = bench.look().await.channel(channel).await.unwrap().unwrap().credential.unwrap();
    keys.open(&format!("channel:{channel}"), &sealed).unwrap()
}
