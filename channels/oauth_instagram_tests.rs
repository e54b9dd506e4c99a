//! An account of Instagram by a login at Facebook: the token is that of the page that the account is connected with.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::oauth::tests::{client, door, redeemed_for, secret};
use crate::oauth::{Refusal, Tokens};
use crate::oauth_networks::of_channel;
use crate::strict::{Said, good};

const ACCOUNT: &str = "17841400000000001";
const ALL: &[&str] = crate::instagram::NEEDED_AT_FACEBOOK;

fn token(token: &str) -> Said {
    good(json!({ "access_token": token, "token_type": "bearer", "expires_in": 5_183_944 }))
}

fn person(granted: &[&str]) -> Said {
    let all: Vec<Value> =
        granted.iter().map(|scope| json!({ "permission": scope, "status": "granted" })).collect();
    good(json!({ "id": "17", "permissions": { "data": all } }))
}

/// A page with an account, or without.
fn page(n: usize, account: Option<&str>) -> Value {
    let mut page = json!({ "id": format!("{n}") });
    if let Some(id) = account {
        page["instagram_business_account"] = json!({ "id": id, "username": format!("bank{n}") });
    }
    page
}

/// What is told of that page.
fn of_page(id: &str) -> Said {
    good(json!({ "id": id, "access_token": format!("EAApage{id}") }))
}

fn pages(pages: &[Value], next: Option<&str>) -> Said {
    let paging = next
        .map(|after| json!({ "cursors": { "after": after }, "next": "https://evil.example/me/accounts" }));
    good(json!({ "data": pages, "paging": paging.unwrap_or_else(|| json!({})) }))
}

async fn redeemed_with(
    answers: impl IntoIterator<Item = Said>,
) -> (Result<Tokens, Refusal>, Vec<(String, String)>) {
    let first = [token("EAAshort"), token("EAAlong")];
    let server = door(first.into_iter().chain(answers)).await;
    let tokens = redeemed_for(&client("instagram_facebook", &server.url), ACCOUNT).await;
    let all = server.state().network.asked.clone();
    let asked = all.iter().filter(|a| a.path == "/me/accounts").map(|a| {
        assert_eq!(a.authorization, "Bearer EAAlong");
        (a.query["fields"].clone(), a.query.get("after").cloned().unwrap_or_default())
    });
    (tokens, asked.collect())
}

#[tokio::test]
async fn the_page_of_the_account_posts_and_is_looked_for_on_every_page_of_the_list() {
    let other = [page(1, None), page(2, Some("17841400000000009"))];
    let answers =
        [person(ALL), pages(&other, Some("QVFI")), pages(&[page(3, Some(ACCOUNT))], None), of_page("3")];
    let (tokens, asked) = redeemed_with(answers).await;
    let tokens = tokens.unwrap();
    assert_eq!(tokens.lacks("Instagram"), None);
    assert_eq!((tokens.credential().expose_secret(), tokens.access.expose_secret()), ("EAApage3", "EAAlong"));
    assert_eq!((tokens.team.as_deref(), tokens.lives), (Some("17"), None), "what posts has no end");
    let fields = "id,instagram_business_account{id,username}";
    assert_eq!(asked, [(fields.to_owned(), String::new()), (fields.to_owned(), "QVFI".to_owned())]);
    let start = client("instagram_facebook", "https://a.example").start(&secret("state")).unwrap().url;
    assert!(start.contains("auth_type=rerequest") && start.contains("instagram_content_publish"), "{start}");
    assert!(start.contains("instagram_manage_contents"), "it takes posts down: {start}");
}

#[tokio::test]
async fn what_was_not_granted_is_named_with_the_accounts_that_were() {
    let (tokens, _) = redeemed_with([person(&ALL[..1])]).await;
    let said = "Instagram did not grant instagram_content_publish: connect again, and agree to all";
    assert_eq!(tokens.unwrap().lacks("Instagram").as_deref(), Some(said));
    let none = [page(1, None)];
    let (tokens, _) = redeemed_with([person(ALL), pages(&none, None)]).await;
    let said = format!("Instagram did not grant the account {ACCOUNT}: connect again, and agree to all");
    assert_eq!(tokens.unwrap().lacks("Instagram"), Some(said));
    let others =
        [page(1, Some("17841400000000008")), page(2, Some("17841400000000009")), page(3, Some("../me"))];
    let (tokens, _) = redeemed_with([person(ALL), pages(&others, None)]).await;
    let said = format!(
        "Instagram did not grant the account {ACCOUNT}, but 17841400000000008 (bank1), 17841400000000009 (bank2): connect \
         again and choose it, or enter one of these at the channel"
    );
    assert_eq!(tokens.unwrap().lacks("Instagram"), Some(said));
}

#[tokio::test]
async fn what_cannot_be_read_gives_no_token() {
    let own = pages(&[page(1, Some(ACCOUNT))], None);
    let endless = std::iter::repeat_n(pages(&[page(1, None)], Some("QVFI")), 5);
    for answers in [
        vec![person(ALL), (500, String::new(), json!({ "error": { "code": 1, "message": "hunter2" } }))],
        vec![person(ALL), good(json!({ "data": "hunter2" }))],
        vec![person(ALL), own, of_page("2")],
        std::iter::once(person(ALL)).chain(endless).collect(),
    ] {
        let (lost, asked) = redeemed_with(answers).await;
        assert!(matches!(lost, Err(Refusal::Unknown(_))) && asked.len() <= 5, "{lost:?}");
        assert!(!format!("{lost:?}").contains("hunter2"), "{lost:?}");
    }
}

#[test]
fn the_login_is_that_of_the_settings() {
    let name = |adapter: &str, settings: Value| of_channel(adapter, &settings).map(|network| network.name);
    for (settings, wanted) in [
        (json!({}), "instagram_facebook"),
        (json!({ "server": "https://graph.facebook.com" }), "instagram_facebook"),
        (json!({ "server": "https://graph.instagram.com" }), "instagram"),
        (json!({ "server": "http://127.0.0.1:1", "login": "facebook" }), "instagram_facebook"),
        (json!({ "server": "https://graph.instagram.com", "login": "facebook" }), "instagram_facebook"),
    ] {
        assert_eq!(name("instagram", settings.clone()), Some(wanted), "{settings}");
    }
    assert_eq!(name("facebook", json!({})), Some("facebook"));
    assert_eq!(name("email", json!({})), None);
    let by_facebook = of_channel("instagram", &json!({})).unwrap();
    assert!(by_facebook.takes("https://graph.facebook.com") && by_facebook.takes("http://127.0.0.1:1"));
    assert!(!by_facebook.takes("https://graph.instagram.com") && by_facebook.takes(""));
    assert_eq!((by_facebook.adapter(), by_facebook.chosen_by()), ("instagram", Some("user")));
}
