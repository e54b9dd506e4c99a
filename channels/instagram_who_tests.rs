//! Whose an access token of Instagram is, and what nobody tells.

use serde_json::json;

use super::server::{Api, SCOPED, TOKEN, USER};
use super::tests::open;
use super::*;
use crate::graph_api;
use crate::strict::Strict;
use crate::suite;

/// A channel with Instagram Login whose settings name that number, and a token of which that is told.
async fn login(user: &str, me: Value) -> (Strict<Api>, Instagram) {
    let server = Strict::start(Api { me, ..Api::new() }, &[]).await;
    let connection = suite::connection(json!({ "server": server.url, "user": user }), Some(TOKEN));
    let api = graph_api::Api::new(&connection, SERVER, VERSION).unwrap();
    let numbers = Known::default();
    (
        server,
        Instagram { api, user: user.to_owned(), is_fetched: true, is_instagrams: true, ends: None, numbers },
    )
}

fn of_the_bank() -> Value {
    json!({ "id": SCOPED, "user_id": USER, "username": "bank" })
}

/// The account that a check saw.
fn whose(health: &Health) -> (Option<&str>, Option<&str>) {
    (health.facts.account.as_deref(), health.facts.account_id.as_deref())
}

#[tokio::test]
async fn a_token_of_instagram_login_is_asked_whose_it_is() {
    // By either number, and however the answer writes it.
    for (user, me) in [
        (USER, of_the_bank()),
        (SCOPED, of_the_bank()),
        (USER, json!({ "data": [of_the_bank()] })),
        (USER, json!({ "user_id": USER.parse::<u64>().unwrap(), "username": "bank" })),
    ] {
        let (_server, channel) = login(user, me.clone()).await;
        assert_eq!(whose(&channel.check().await), (Some("@bank"), Some(user)), "{me}");
    }
    // The node of the settings can be read by it, and it is somebody else's all the same.
    let (_server, channel) =
        login(USER, json!({ "id": "26900000000000009", "user_id": "9", "username": "alice" })).await;
    let seen = channel.check().await;
    assert_eq!((seen.ready, whose(&seen)), (false, (Some("@alice"), Some("9"))), "{seen:?}");
    assert!(seen.detail.starts_with("the access token is of @alice, number 9; give that"), "{}", seen.detail);
    // One number alone can be the other one of the same account: nobody knows, and nothing is said of another account.
    for one in [json!({ "id": SCOPED, "username": "bank" }), json!({ "user_id": SCOPED, "username": "bank" })]
    {
        let (_server, channel) = login(USER, one.clone()).await;
        let seen = channel.check().await;
        assert_eq!((seen.ready, whose(&seen)), (false, (None, None)), "{one}");
        assert_eq!(seen.detail, who::NOT_BOTH);
    }
    for nothing in
        [json!({}), json!({ "data": [] }), json!({ "id": "../x", "username": "bank" }), Value::Null]
    {
        let (_server, channel) = login(USER, nothing.clone()).await;
        let seen = channel.check().await;
        assert_eq!((seen.ready, whose(&seen)), (false, (None, None)), "{nothing}");
    }
}

#[tokio::test]
async fn what_no_page_shows_is_not_known_to_be_the_accounts() {
    let seen = async |pages: Option<Vec<&'static str>>, me: Value| {
        let (_server, channel) = open(Api { pages, me, ..Api::new() }, &[]).await;
        channel.check().await
    };
    assert_eq!(whose(&seen(Some(vec!["9", USER]), Value::Null).await), (Some("@bank"), Some(USER)));
    let page = |account: &str| json!({ "id": "7", "instagram_business_account": { "id": account } });
    assert_eq!(whose(&seen(None, page(USER)).await), (Some("@bank"), Some(USER)), "the page's own token");
    for (pages, me) in [
        (Some(vec!["9"]), Value::Null),
        (Some(vec![]), json!({ "id": "7" })),
        (None, page("9")),
        (None, Value::Null),
    ] {
        let seen = seen(pages.clone(), me.clone()).await;
        // Posts go to the account of the settings, so nothing is wrong.
        assert_eq!((seen.ready, whose(&seen)), (true, (None, None)), "{pages:?} {me}");
        assert_eq!(
            seen.detail,
            "posts as @bank on Instagram; whose the access token is, no page says (it takes pages_show_list)"
        );
    }
}

#[tokio::test]
async fn a_look_tells_all_numbers_of_the_account() {
    let since = "2023-11-14T22:00:00Z".parse().unwrap();
    let (server, channel) = login(USER, of_the_bank()).await;
    server.state().network.post("Send your coins to @us");
    let seen = channel.newest(since).await.unwrap();
    assert_eq!(
        (seen.id.as_str(), &seen.also),
        ("instagram 17841400000000001", &vec![format!("instagram {SCOPED}")])
    );
    let named = seen.names(&seen.posts()[0].id);
    assert_eq!(named, [format!("{USER}:17900000000000001"), format!("{SCOPED}:17900000000000001")]);
    // With its other number in the settings it is the same account.
    let (_scoped, same) = login(SCOPED, of_the_bank()).await;
    let same = same.newest(since).await.unwrap();
    assert_eq!((&same.id, &same.also), (&seen.id, &seen.also));
    // It is asked once.
    server.state().network.me = Value::Null;
    assert_eq!(channel.newest(since).await.unwrap().also, seen.also);
    // An answer with one number alone makes it no other account.
    let (_server, channel) = login(SCOPED, json!({ "id": SCOPED, "username": "bank" })).await;
    assert_eq!(channel.newest(since).await.unwrap_err(), who::NOT_OWN);
    let (_server, channel) = login(USER, json!({ "user_id": USER, "username": "bank" })).await;
    assert_eq!(channel.newest(since).await.unwrap().id, seen.id);
    // As long as nobody says whose the token is, nothing is judged.
    let (_server, channel) = login(USER, Value::Null).await;
    assert!(channel.newest(since).await.is_err());
    let (_server, channel) = login(USER, json!({ "id": "8", "user_id": "9", "username": "alice" })).await;
    assert_eq!(channel.newest(since).await.unwrap_err(), "the access token is that of another account");
    let (server, channel) = open(Api::new(), &[]).await;
    let seen = channel.watch(since).await.unwrap().unwrap();
    assert_eq!((seen.also.len(), seen.names("1:2")), (0, vec!["1:2".to_owned()]));
    drop(server);
}
