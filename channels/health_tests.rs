//! Whose the credential is, as the checks of the networks tell it: also when what they look at after it fails.

use serde_json::{Value, json};

use crate::suite::{self, Fake, Step, answer};
use crate::{Adapter, Health, bluesky, facebook, instagram, mastodon, matrix, slack, telegram, threads, x};

/// What one network tells of the account, and the account that is known by it.
struct Case {
    adapter: Adapter,
    settings: fn(&str) -> Value,
    credential: &'static str,
    /// The answers until the account is known.
    told: Vec<Step>,
    account: &'static str,
    id: Option<&'static str>,
}

/// Another app's bot, as `auth.test` tells it.
const BOT: &str = r#"{"ok":true,"url":"https://bank.slack.com/","team":"Bank","user":"press","bot_id":"B2",
    "team_id":"T0000BANK","user_id":"U0000PRESS"}"#;

fn good(body: &str) -> Step {
    answer(200, "", body)
}

fn cases() -> Vec<Case> {
    servers().into_iter().chain(numbered()).collect()
}

/// Networks on which the account has a name, and on Slack a number, too.
fn servers() -> Vec<Case> {
    vec![
        Case {
            adapter: slack::ADAPTER,
            settings: |url| json!({ "server": url, "channel": "C024BE91L" }),
            credential: "xoxb-hunter2-hunter2",
            told: vec![good(BOT)],
            account: "press (Bank)",
            id: Some("T0000BANK/U0000PRESS"),
        },
        Case {
            adapter: mastodon::ADAPTER,
            settings: |url| json!({ "server": url }),
            credential: "hunter2",
            // What the app may do is not told, and then the server is asked what it is.
            told: vec![good(r#"{"id":"8","acct":"alice"}"#), answer(404, "", "{}")],
            account: "@alice@127.0.0.1",
            id: None,
        },
        Case {
            adapter: telegram::ADAPTER,
            settings: |url| json!({ "server": url, "chat": "@bank" }),
            credential: "123456:hunter2-hunter2",
            told: vec![good(r#"{"ok":true,"result":{"id":123456,"username":"alice_bot"}}"#)],
            account: "@alice_bot",
            id: None,
        },
        Case {
            adapter: matrix::ADAPTER,
            settings: |url| json!({ "server": url, "room": "!news:bank.example" }),
            credential: "syt_hunter2",
            told: vec![good(r#"{"user_id":"@alice:bank.example"}"#)],
            account: "@alice:bank.example",
            id: None,
        },
    ]
}

/// Networks that tell the number of every account.
fn numbered() -> Vec<Case> {
    vec![
        Case {
            adapter: threads::ADAPTER,
            settings: |url| json!({ "server": url, "user": "17841400000000001" }),
            credential: "THAAhunter2",
            told: vec![good(r#"{"id":"17841400000000001","username":"bank"}"#)],
            account: "@bank",
            id: Some("17841400000000001"),
        },
        Case {
            adapter: facebook::ADAPTER,
            settings: |url| json!({ "server": url, "page": "4711" }),
            credential: "EAAhunter2",
            told: vec![good(r#"{"id":"4711","name":"The Bank"}"#)],
            account: "The Bank (4711)",
            id: Some("4711"),
        },
        Case {
            adapter: instagram::ADAPTER,
            settings: |url| json!({ "server": url, "user": "17841400000000001" }),
            credential: "EAAhunter2",
            told: vec![
                good(r#"{"id":"17841400000000001","username":"bank"}"#),
                good(r#"{"data":[{"instagram_business_account":{"id":"17841400000000001"}}]}"#),
            ],
            account: "@bank",
            id: Some("17841400000000001"),
        },
        Case {
            adapter: bluesky::ADAPTER,
            settings: |url| json!({ "server": url, "account": "bank.example" }),
            credential: "hunter2",
            told: vec![good(
                r#"{"did":"did:plc:bank","handle":"bank.example","accessJwt":"a.e30.b","refreshJwt":"a.e30.b"}"#,
            )],
            account: "@bank.example",
            id: Some("did:plc:bank"),
        },
    ]
}

async fn checked(case: &Case, steps: Vec<Step>) -> Health {
    let fake = Fake::start(steps).await;
    let channel = suite::connect(&case.adapter, (case.settings)(&fake.url), Some(case.credential)).unwrap();
    channel.check().await
}

#[tokio::test]
async fn an_account_that_was_seen_is_told_when_the_rest_of_the_check_fails() {
    for case in cases() {
        for (status, body) in
            [(500, "hunter2"), (429, "{}"), (200, r#"{"ok":false,"error":"not_in_channel"}"#)]
        {
            let steps = case.told.iter().cloned().chain([answer(status, "", body)]).collect();
            let seen = checked(&case, steps).await;
            let name = case.adapter.name;
            // What a good answer lacks is not known; only Slack says by one that it refuses.
            assert!(!seen.ready || status == 200 && name != "slack", "{name}, {status}: {seen:?}");
            assert!(!seen.detail.contains("hunter2"), "{name}, {status}: {seen:?}");
            assert_eq!(seen.facts.account.as_deref(), Some(case.account), "{name}, {status}: {seen:?}");
            assert_eq!(seen.facts.account_id.as_deref(), case.id, "{name}, {status}");
        }
    }
}

#[tokio::test]
async fn a_token_of_another_account_than_that_of_the_settings_is_told_with_its_number() {
    for (adapter, setting, told, account) in [
        (threads::ADAPTER, "user", r#"{"id":"8","username":"alice"}"#, "@alice"),
        (facebook::ADAPTER, "page", r#"{"id":"8","name":"Alice"}"#, "Alice (8)"),
    ] {
        let fake = Fake::start(vec![answer(200, "", told)]).await;
        let settings = json!({ "server": fake.url, setting: "7" });
        let seen = suite::connect(&adapter, settings, Some("EAAhunter2")).unwrap().check().await;
        assert!(!seen.ready && seen.detail.contains("the access token is of "), "{seen:?}");
        let facts = (seen.facts.account.as_deref(), seen.facts.account_id.as_deref());
        assert_eq!(facts, (Some(account), Some("8")), "{}", adapter.name);
        assert_eq!(fake.requests().len(), 1, "nothing more is asked with it");
    }
}

#[tokio::test]
async fn an_account_is_told_by_what_its_network_never_changes() {
    let well = r#"{"data":{"id":"7","username":"bank"}}"#;
    let fake = Fake::start(vec![answer(200, "", well)]).await;
    let seen =
        suite::connect(&x::ADAPTER, json!({ "server": fake.url }), Some("hunter2")).unwrap().check().await;
    assert!(seen.ready, "{seen:?}");
    assert_eq!((seen.facts.account.as_deref(), seen.facts.account_id.as_deref()), (Some("@bank"), Some("7")));
    let cases = cases();
    let of = |name: &str| cases.iter().find(|case| case.adapter.name == name).unwrap();
    let posts = r#"{"data":[{"quota_usage":3,"config":{"quota_total":250,"quota_duration":86400}}]}"#;
    for (network, rest) in [
        ("slack", r#"{"ok":true,"messages":[]}"#),
        ("bluesky", r#"{"handle":"bank.example"}"#),
        ("threads", posts),
        ("facebook", r#"{"id":"4711","is_published":true,"data":[]}"#),
        ("instagram", posts),
    ] {
        let case = of(network);
        let steps = case.told.iter().cloned().chain([answer(200, "", rest)]).collect();
        let seen = checked(case, steps).await;
        assert!(seen.ready, "{network}: {seen:?}");
        let facts = (seen.facts.account.as_deref(), seen.facts.account_id.as_deref());
        assert_eq!(facts, (Some(case.account), case.id), "{network}");
    }
}
