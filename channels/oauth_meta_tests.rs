//! How Facebook and Instagram grant access: each has a way of its own.

use serde_json::{Value, json};

use super::tests::{client, door, redeemed, redeemed_for, secret, tokens};
use super::*;
use crate::strict::{Fate, Said, good};
use crate::suite::{self, Cut};

const PAGE: &str = "100200300400500";

/// What a person is who granted these.
fn person(granted: &[&str]) -> Said {
    let all: Vec<Value> = crate::facebook::NEEDED
        .iter()
        .map(|scope| {
            let status = if granted.contains(scope) { "granted" } else { "declined" };
            json!({ "permission": scope, "status": status })
        })
        .collect();
    good(json!({ "id": "17", "permissions": { "data": all } }))
}

fn token(token: &str) -> Said {
    good(json!({ "access_token": token, "token_type": "bearer", "expires_in": 5_183_944 }))
}

fn page(token: &str) -> Said {
    good(json!({ "id": PAGE, "access_token": token }))
}

const ALL: &[&str] = crate::facebook::NEEDED;

#[tokio::test]
async fn of_a_person_at_facebook_the_page_posts() {
    let server = door([token("EAAshort"), token("EAAlong"), person(ALL), page("EAApage")]).await;
    let client = client("facebook", &server.url);
    let tokens = redeemed_for(&client, PAGE).await.unwrap();
    assert_eq!(tokens.lacks("Facebook"), None);
    assert_eq!(tokens.credential().expose_secret(), "EAApage");
    assert_eq!((tokens.access.expose_secret(), tokens.team.as_deref()), ("EAAlong", Some("17")));
    assert_eq!(tokens.lives, None, "what posts has no end");
    let asked = server.state().network.asked.clone();
    assert_eq!(
        (asked[0].form["code"].as_str(), asked[0].form["client_secret"].as_str()),
        ("hunter2-code", "hunter2-secret")
    );
    let query = &asked[1].query;
    assert_eq!(
        (asked[1].path.as_str(), query["grant_type"].as_str()),
        ("/oauth/access_token", "fb_exchange_token")
    );
    assert_eq!((query["client_id"].as_str(), query["fb_exchange_token"].as_str()), ("the-app", "EAAshort"));
    assert_eq!((asked[2].path.as_str(), asked[3].path.as_str()), ("/me", "/100200300400500"));
    assert!(
        asked[2..]
            .iter()
            .all(|a| a.authorization == "Bearer EAAlong" && !a.query.contains_key("access_token"))
    );
    let start = client.start(&secret("state")).unwrap().url;
    assert!(
        start.contains("auth_type=rerequest") && start.contains("pages_show_list%2Cpages_manage_posts"),
        "{start}"
    );
}

#[tokio::test]
async fn what_a_person_at_facebook_did_not_grant_is_named_and_can_be_ended() {
    let refused = (400, String::new(), json!({ "error": { "code": 100, "message": "hunter2" } }));
    let other = good(json!({ "id": PAGE }));
    let no_page = good(json!({ "data": [] }));
    let pages = good(json!({ "data": [
        { "id": "17001", "name": "The bank\u{7}" }, { "id": "17002", "name": "EAAlong" }, { "id": "../me", "name": "No" },
    ] }));
    let the_page = "the page 100200300400500";
    let all = "connect again, and agree to all";
    let one = "connect again and choose it, or enter one of these at the channel";
    for (answers, said) in [
        (vec![person(&ALL[..1])], format!("pages_manage_posts: {all}")),
        (vec![person(ALL), refused.clone(), no_page], format!("{the_page}: {all}")),
        (
            vec![person(ALL), refused.clone(), pages],
            format!("{the_page}, but 17001 (The bank), 17002: {one}"),
        ),
        (vec![person(ALL), other, refused], format!("{the_page}: {all}")),
    ] {
        let server = door([token("EAAshort"), token("EAAlong")].into_iter().chain(answers)).await;
        let tokens = redeemed_for(&client("facebook", &server.url), PAGE).await.unwrap();
        assert_eq!(tokens.lacks("Facebook"), Some(format!("Facebook did not grant {said}")));
        assert_eq!((tokens.access.expose_secret(), tokens.team.as_deref()), ("EAAlong", Some("17")));
    }
}

#[tokio::test]
async fn as_long_as_nobody_knows_whose_token_it_is_nothing_is_to_be_ended_by_it() {
    let broken = |status| (status, String::new(), json!({ "error": { "code": 1, "message": "hunter2" } }));
    for answers in [
        vec![broken(500)],
        vec![token("EAAlong"), broken(500)],
        vec![token("EAAlong"), good(json!({ "id": "not a number", "permissions": { "data": [] } }))],
        vec![token("EAAlong"), good(json!({ "id": "17" }))],
        vec![token("EAAlong"), person(ALL), broken(503)],
        vec![token("EAAlong"), person(ALL), (403, String::new(), json!({ "blocked": "by a proxy" }))],
        vec![token("EAAlong"), person(ALL), (400, String::new(), json!({ "error": { "code": 368 } }))],
        vec![token("EAAlong"), person(ALL), (400, String::new(), json!({ "error": { "code": 80_001 } }))],
        vec![token("EAAlong"), person(ALL), good(json!({ "id": "5", "access_token": "EAAother" }))],
        vec![token("EAAlong"), person(ALL), page("EAA\npage")],
    ] {
        let server = door([token("EAAshort")].into_iter().chain(answers)).await;
        let lost = redeemed_for(&client("facebook", &server.url), PAGE).await;
        assert!(matches!(lost, Err(Refusal::Unknown(_))), "{lost:?}");
        assert!(!format!("{lost:?}").contains("EAA") && !format!("{lost:?}").contains("hunter2"), "{lost:?}");
    }
    let server = door([token("EAAshort"), token("EAAlong"), person(ALL), page("EAApage")]).await;
    server.state().others.extend([Fate::Done, Fate::Done, Fate::Broken { done: true, at: Cut::MidHeaders }]);
    let lost = redeemed_for(&client("facebook", &server.url), PAGE).await;
    assert!(matches!(lost, Err(Refusal::Unknown(_))), "{lost:?}");
}

#[tokio::test]
async fn facebook_says_that_it_took_all_back() {
    let said = |success: bool| good(json!({ "success": success }));
    let refused = (400, String::new(), json!({ "error": { "code": 190 } }));
    let server = door([said(true), said(false), refused]).await;
    let client = client("facebook", &server.url);
    let granted = Tokens { page: Some(secret("EAApage")), ..tokens(None) };
    assert!(client.can_revoke(&granted));
    assert_eq!(client.revoke(&suite::http(), &granted).await, Revoked::Gone);
    for _ in 0..2 {
        assert!(matches!(client.revoke(&suite::http(), &granted).await, Revoked::NotKnown(_)));
    }
    let asked = server.state().network.asked.clone();
    assert!(asked.iter().all(|a| a.authorization == "Bearer hunter2-access"), "the person's, not the page's");
    assert!(matches!(client.renew(&suite::http(), &granted).await, Err(Refusal::Ended(_))));
}

#[tokio::test]
async fn where_the_token_of_a_person_is_good_no_more_the_app_takes_all_back() {
    let refused = |error: Value| (400, String::new(), json!({ "error": error }));
    let dead = || refused(json!({ "code": 190, "error_subcode": 463, "message": "hunter2" }));
    let wrong = refused(json!({ "code": 1, "message": "Error validating client secret." }));
    let uninstalled = || refused(json!({ "code": 190, "error_subcode": 458 }));
    let (done, not_found) = (good(json!({ "success": true })), refused(json!({ "code": 100 })));
    let server =
        door([dead(), done, dead(), uninstalled(), uninstalled(), dead(), wrong, dead(), not_found]).await;
    let mut client = client("facebook", &server.url);
    client.place.revoke = Some(format!("{}/v26.0/me/permissions", server.url));
    let granted = Tokens { page: Some(secret("EAApage")), team: Some("17".into()), ..tokens(None) };
    for _ in 0..3 {
        assert_eq!(client.revoke(&suite::http(), &granted).await, Revoked::Gone);
    }
    let asked: Vec<_> =
        server.state().network.asked.iter().map(|a| (a.path.clone(), a.authorization.clone())).collect();
    let (me, them) = ("/v26.0/me/permissions", "/v26.0/17/permissions");
    let paths: Vec<_> = asked.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, [me, them, me, them, me], "a person who took all back is asked for nothing more");
    assert_eq!(asked[1].1, "Bearer the-app|hunter2-secret");
    let why = client.revoke(&suite::http(), &granted).await;
    let by_hand = "end the access in the settings of Facebook";
    let said = format!("Facebook refuses the app: check its id and its secret; {by_hand}");
    assert_eq!(why, Revoked::NotKnown(said));
    let why = client.revoke(&suite::http(), &granted).await;
    assert_eq!(why, Revoked::NotKnown(format!("Facebook answers with status 400; {by_hand}")));
}

#[tokio::test]
async fn all_answers_to_one_code_come_within_one_limit() {
    let server = door([token("EAAshort"), token("EAAlong"), person(ALL), page("EAApage")]).await;
    server.state().others.extend([1, 2, 3, 4].map(|_| Fate::Slow(Duration::from_millis(300))));
    let client = client("facebook", &server.url);
    let lost = within(Duration::from_millis(700), client.network, redeemed_for(&client, PAGE)).await;
    assert_eq!(lost.unwrap_err(), Refusal::Unknown("Facebook was too slow to answer".into()));
    assert_eq!(server.state().network.asked.len(), 3, "the fourth is not asked");
}

#[tokio::test]
async fn a_wrong_secret_of_an_app_at_facebook_is_told_in_words() {
    let wrong = json!({ "error": { "code": 1, "message": "Error validating client secret." } });
    let server = door([(400, String::new(), wrong)]).await;
    let why = redeemed_for(&client("facebook", &server.url), PAGE).await.unwrap_err();
    assert_eq!(why, Refusal::Refused("Facebook refuses the app: check its id and its secret".into()));
}

#[tokio::test]
async fn instagram_puts_its_token_into_a_list_and_renews_it_by_itself() {
    let short = |granted: Value| {
        good(json!({ "data": [{ "access_token": "IGshort", "user_id": "17", "permissions": granted }] }))
    };
    let all = json!("instagram_business_basic,instagram_business_content_publish");
    let list = json!(["instagram_business_basic"]);
    let server = door([short(all), token("IGlong"), token("IGnew"), short(list), token("IGlong")]).await;
    let client = client("instagram", &server.url);
    let first = redeemed(&client).await.unwrap();
    assert_eq!((first.credential().expose_secret(), first.lacks("Instagram")), ("IGlong", None));
    assert_eq!(client.renew(&suite::http(), &first).await.unwrap().access.expose_secret(), "IGnew");
    let asked = server.state().network.asked.clone();
    let kinds: Vec<_> =
        asked[1..].iter().map(|a| (a.path.as_str(), a.query["grant_type"].as_str())).collect();
    assert_eq!(
        kinds,
        [("/access_token", "ig_exchange_token"), ("/refresh_access_token", "ig_refresh_token")]
    );
    let lacks = redeemed(&client).await.unwrap().lacks("Instagram");
    assert!(lacks.is_some_and(|why| why.contains("instagram_business_content_publish")));
    let there = Client { place: client.network.place(None), ..client };
    assert_eq!(
        there.exchange_at("/access_token").unwrap().as_str(),
        "https://graph.instagram.com/access_token"
    );
}
