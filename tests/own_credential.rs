//! A credential of which no check sees whose it is, on a channel that another account's has stopped.

use std::sync::{Arc, Mutex};

use ::channels::http::Request;
use axum::routing::get;
use axum::{Json, Router};
use holdline::app::access::own_credential::{self, ShownCredential};
use holdline::app::audit::{self, AuditFilter};
use holdline::app::channels::{self, ChannelEdit, ChannelView};
use serde_json::{Value, json};

use crate::commands::run;
use crate::console::sign_in;
use crate::grant_accounts::waits_because;
use crate::grant_marks::crisis_all_the_same;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::network::Network;
use crate::support::visitor::{read, send};

/// What people read of a channel whose earlier credential was another account's.
pub fn words(other: &str) -> String {
    format!(
        "the channel's credential before this one was of another account, {other}, and no check has seen whose this \
         one is: connect the right one again, or confirm this one on the page of the channel"
    )
}

async fn now(bench: &Bench, channel: &str) -> ChannelView {
    channels::get(&bench.app, &bench.administrator, channel).await.unwrap()
}

async fn check(bench: &Bench, channel: &str) -> ChannelView {
    channels::test(&bench.app, &bench.administrator, channel).await.unwrap();
    now(bench, channel).await
}

async fn typed(bench: &Bench, channel: &str, secret: &str) {
    let edit = ChannelEdit { credential: Some(secret.to_owned().into()), ..ChannelEdit::default() };
    channels::edit(&bench.app, &bench.administrator, channel, None, edit).await.unwrap();
}

async fn confirm(bench: &Bench, channel: &str, version: i64) -> Result<ChannelView, String> {
    let shown = ShownCredential { version };
    let done = own_credential::confirm(&bench.app, &bench.administrator, channel, &shown).await;
    done.map_err(|why| why.to_string())
}

/// The first channel of the sandbox, with a credential that is known as the bank's, after a check that saw another one.
async fn stopped(bench: &Bench, other: &str) -> String {
    let id = bench.channels[0].clone();
    let of = |name: &str, id: &str| json!({ "account": name, "account_id": id });
    bench.sandbox.set_facts("alpha", of("@bank", "7"));
    typed(bench, &id, "the bank's").await;
    assert_eq!(check(bench, &id).await.other_account, None);
    bench.sandbox.set_facts("alpha", of(other, "8"));
    assert_eq!(check(bench, &id).await.other_account.as_deref(), Some(other));
    id
}

/// Another credential is given, and no check sees whose it is.
async fn untold(bench: &Bench, id: &str) -> ChannelView {
    bench.sandbox.set_facts("alpha", json!({}));
    typed(bench, id, "nobody says").await;
    check(bench, id).await
}

/// The account by which a channel is known.
fn known(channel: &ChannelView) -> Option<&str> {
    channel.health.as_ref()?.facts.account.as_deref()
}

/// A Facebook that says of a token whose it is, or nothing.
async fn facebook() -> (String, Arc<Mutex<Value>>) {
    let who = Arc::new(Mutex::new(Value::Null));
    let said = {
        let who = Arc::clone(&who);
        move || async move { Json(who.lock().unwrap().clone()) }
    };
    let routes = Router::new().route("/{version}/me", get(said));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (url, who)
}

on_both! {
    async fn a_credential_whose_account_nobody_sees_is_confirmed_by_a_person(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        let id = net.connect(&bench, net.wanted("x")).await.id;
        assert!(check(&bench, &id).await.health.unwrap().ready);
        net.known().account = Some("alice".into());
        let marked = check(&bench, &id).await;
        assert!(!marked.credential_to_confirm, "that one is Alice's");
        assert!(confirm(&bench, &id, marked.version).await.unwrap_err().contains("by this very credential"));
        // The right one is given, and the network does not say whose it is.
        net.known().account = None;
        net.known().access.push("typed".into());
        typed(&bench, &id, "typed").await;
        let seen = check(&bench, &id).await;
        assert_eq!((seen.credential_to_confirm, seen.other_account.as_deref()), (true, Some("@alice")));
        assert_eq!(seen.health.as_ref().unwrap().detail, words("@alice"));
        assert_eq!(seen.remarks[0].words, words("@alice"));
        let post = crisis_all_the_same(&bench, &id, "Of the bank").await;
        waits_because(&bench, &post, &words("@alice")).await;
        let of_before = confirm(&bench, &id, seen.version - 1).await.unwrap_err();
        assert!(of_before.contains("changed"), "{of_before}");
        let shown = ShownCredential { version: seen.version };
        assert!(own_credential::confirm(app, &bench.operator, &id, &shown).await.is_err());
        assert!(net.known().posts.is_empty() && now(&bench, &id).await.other_account.is_some());
        let done = confirm(&bench, &id, seen.version).await.unwrap();
        assert_eq!((done.other_account, done.credential_to_confirm), (None, false));
        bench.until(&post, &["accepted"]).await;
        assert_eq!(known(&check(&bench, &id).await), Some("@bank"), "it is known as before");
        let verb = Some("channel.credential_confirmed".into());
        let filter = AuditFilter { verb, limit: 10, ..AuditFilter::default() };
        let told = audit::list(app, by, &filter).await.unwrap();
        let said = serde_json::to_value(&told).unwrap();
        assert_eq!((told.len(), said[0]["entry"]["actor"].as_str()), (1, Some(by.id.as_str())), "{said}");
        let after = said[0].to_string();
        assert!(after.contains("@alice") && after.contains("account_seen"), "{said}");
        // That was a person's word: a check that sees another account stops everything again.
        net.known().account = Some("alice".into());
        let again = check(&bench, &id).await;
        assert_eq!((again.other_account.as_deref(), again.credential_to_confirm), (Some("@alice"), false));
        assert!(confirm(&bench, &id, again.version).await.is_err());
        worker.stop().await.unwrap();
    }

    async fn the_credential_that_was_seen_to_be_anothers_is_not_confirmed(bench) {
        let worker = bench.start().await;
        let id = stopped(&bench, "@alice").await;
        // No check has looked at it yet: what is disabled is not asked.
        let switch = |off: bool| ChannelEdit { disabled: Some(off), ..ChannelEdit::default() };
        channels::edit(&bench.app, &bench.administrator, &id, None, switch(true)).await.unwrap();
        bench.sandbox.set_facts("alpha", json!({}));
        typed(&bench, &id, "new").await;
        let seen = now(&bench, &id).await;
        assert!(!seen.credential_to_confirm);
        assert!(confirm(&bench, &id, seen.version).await.unwrap_err().contains("no check has ended"));
        channels::edit(&bench.app, &bench.administrator, &id, None, switch(false)).await.unwrap();
        assert!(check(&bench, &id).await.credential_to_confirm);
        // A later check sees whose it is.
        bench.sandbox.set_facts("alpha", json!({ "account": "@alice", "account_id": "8" }));
        let seen = check(&bench, &id).await;
        assert!(!seen.credential_to_confirm);
        // It stays Alice's when the network says nothing any more, and when it is typed in again.
        bench.sandbox.set_facts("alpha", json!({}));
        assert!(!check(&bench, &id).await.credential_to_confirm);
        typed(&bench, &id, "new").await;
        assert!(!check(&bench, &id).await.credential_to_confirm);
        let version = now(&bench, &id).await.version;
        assert!(confirm(&bench, &id, version).await.unwrap_err().contains("by this very credential"));
        // The own account takes the mark back, and nothing is left to confirm.
        bench.sandbox.set_facts("alpha", json!({ "account": "@bank", "account_id": "7" }));
        let own = check(&bench, &id).await;
        assert_eq!((own.other_account, own.credential_to_confirm), (None, false));
        assert!(confirm(&bench, &id, own.version).await.unwrap_err().contains("nothing to confirm"));
        worker.stop().await.unwrap();
    }

    async fn a_credential_that_was_seen_to_be_anothers_stays_so_whatever_was_in_between(bench) {
        let worker = bench.start().await;
        let id = stopped(&bench, "@alice").await;
        let (own, bob) = (json!({ "account": "@bank", "account_id": "7" }), json!({ "account": "@bob", "account_id": "9" }));
        let of = |seen: &ChannelView| (seen.other_account.clone(), seen.credential_to_confirm);
        let alices = (Some("@alice".to_owned()), false);
        let again = async || {
            bench.sandbox.set_facts("alpha", json!({}));
            typed(&bench, &id, " the bank's ").await;
            check(&bench, &id).await
        };
        // Another one that was Bob's.
        assert!(untold(&bench, &id).await.credential_to_confirm);
        bench.sandbox.set_facts("alpha", bob);
        assert_eq!(check(&bench, &id).await.other_account.as_deref(), Some("@bob"));
        let seen = again().await;
        assert_eq!(of(&seen), alices);
        assert!(confirm(&bench, &id, seen.version).await.unwrap_err().contains("by this very credential"));
        // None at all, one that is the channel's own, and one that this node cannot open.
        bench.sql("update channels set credential = null").await;
        assert_eq!(of(&again().await), alices);
        bench.sandbox.set_facts("alpha", own.clone());
        typed(&bench, &id, "good").await;
        assert_eq!(of(&check(&bench, &id).await), (None, false));
        assert_eq!(of(&again().await), alices);
        bench.sql("update channels set credential = 'of a lost key'").await;
        bench.sandbox.set_facts("alpha", json!({}));
        typed(&bench, &id, "perhaps the same").await;
        assert_eq!(of(&check(&bench, &id).await), alices, "nobody can compare them");
        // A check that sees the own account ends that.
        typed(&bench, &id, "the bank's").await;
        bench.sandbox.set_facts("alpha", own);
        assert_eq!(of(&check(&bench, &id).await), (None, false));
        assert_eq!(of(&again().await), (None, false));
        worker.stop().await.unwrap();
    }

    async fn a_credential_that_was_anothers_is_right_once_the_settings_name_that_account(bench) {
        let mut bench = bench;
        let (url, who) = facebook().await;
        *who.lock().unwrap() = json!({ "id": "9", "name": "Bank" });
        bench.connect_with("page", "facebook", json!({ "server": url, "page": "7" }), Some("EAAbank")).await;
        let id = bench.channels.last().unwrap().clone();
        let worker = bench.start().await;
        assert_eq!(check(&bench, &id).await.other_account.as_deref(), Some("Bank (9)"));
        // The number was wrong. The network says nothing at that moment.
        *who.lock().unwrap() = Value::Null;
        let edit = ChannelEdit {
            settings: Some(json!({ "server": url, "page": "9" })),
            credential: Some("EAAbank".to_owned().into()),
            ..ChannelEdit::default()
        };
        channels::edit(&bench.app, &bench.administrator, &id, None, edit).await.unwrap();
        assert_eq!(now(&bench, &id).await.other_account, None, "it is the account of the settings");
        typed(&bench, &id, "EAAbank").await;
        assert_eq!(now(&bench, &id).await.other_account, None);
        worker.stop().await.unwrap();
    }

    async fn a_credential_of_another_account_is_known_again_when_the_settings_come_back(bench) {
        let mut bench = bench;
        let (url, who) = facebook().await;
        *who.lock().unwrap() = json!({ "id": "9", "name": "Bank" });
        bench.connect_with("page", "facebook", json!({ "server": url, "page": "7" }), Some("EAAbank")).await;
        let id = bench.channels.last().unwrap().clone();
        let worker = bench.start().await;
        assert_eq!(check(&bench, &id).await.other_account.as_deref(), Some("Bank (9)"));
        // The network says nothing: whose it is, is what a check has seen.
        *who.lock().unwrap() = Value::Null;
        for (page, other) in [("9", None), ("8", Some("Bank (9)")), ("9", None), ("7", Some("Bank (9)"))] {
            let edit = ChannelEdit {
                settings: Some(json!({ "server": url, "page": page })),
                credential: Some("EAAbank".to_owned().into()),
                ..ChannelEdit::default()
            };
            channels::edit(&bench.app, &bench.administrator, &id, None, edit).await.unwrap();
            assert_eq!(now(&bench, &id).await.other_account.as_deref(), other, "{page}");
        }
        worker.stop().await.unwrap();
    }

    async fn a_credential_that_was_anothers_is_right_once_the_channel_goes_on_with_that_account(bench) {
        let worker = bench.start().await;
        let id = stopped(&bench, "@alice").await;
        // The channel has no posts, so another one of Alice's makes it hers.
        typed(&bench, &id, "alice's").await;
        let hers = check(&bench, &id).await;
        assert_eq!((known(&hers), hers.other_account.as_deref()), (Some("@alice"), None));
        // The one that was seen to be hers before is right, also while nobody says whose it is.
        bench.sandbox.set_facts("alpha", json!({}));
        typed(&bench, &id, "the bank's").await;
        assert_eq!(now(&bench, &id).await.other_account, None);
        worker.stop().await.unwrap();
    }

    async fn a_page_of_facebook_goes_on_with_a_token_that_an_administrator_vouches_for(bench) {
        let mut bench = bench;
        let (url, who) = facebook().await;
        *who.lock().unwrap() = json!({ "id": "8", "name": "Alice" });
        bench.connect_with("page", "facebook", json!({ "server": url, "page": "7" }), Some("EAAalice")).await;
        let id = bench.channels.last().unwrap().clone();
        let worker = bench.start().await;
        let (caller, cookie) = (Caller::new(&bench).await, sign_in(&bench, &bench.administrator).await.cookie);
        assert_eq!(check(&bench, &id).await.other_account.as_deref(), Some("Alice (8)"));
        let page = format!("/console/settings/channels/{id}");
        let act = format!("{page}/credential");
        assert!(!read(&caller, &cookie, &page).await.contains(&act), "that token is Alice's");
        *who.lock().unwrap() = Value::Null;
        typed(&bench, &id, "EAAbank").await;
        let version = check(&bench, &id).await.version;
        let html = read(&caller, &cookie, &page).await;
        assert!(html.contains(&act) && !html.contains(&format!("{page}/account")), "{html}");
        let done = send(&caller, &cookie, &page, &act, &format!("version={version}")).await;
        assert_eq!((done.status, now(&bench, &id).await.other_account), (303, None));
        worker.stop().await.unwrap();
    }

    async fn a_credential_is_confirmed_over_the_api_the_command_line_and_the_console(bench) {
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let id = stopped(&bench, "<b>alice").await;
        let seen = untold(&bench, &id).await;
        assert!(seen.credential_to_confirm, "{seen:?}");
        let url = caller.url(&format!("/channels/{id}/credential/confirm"));
        let post = async |version: i64| {
            let request = Request::post(&url).bearer(&caller.administrator).json(&json!({ "version": version }));
            caller.http.call(request).await.unwrap()
        };
        assert_eq!(post(seen.version - 1).await.status, 412, "it has another credential since");
        let answer = post(seen.version).await;
        let body: Value = answer.json().unwrap();
        assert_eq!((answer.status, &body["other_account"]), (200, &Value::Null));
        assert_eq!(post(body["version"].as_i64().unwrap()).await.status, 409, "it is done");

        bench.sandbox.set_facts("alpha", json!({ "account": "@alice", "account_id": "8" }));
        assert!(check(&bench, &id).await.other_account.is_some());
        bench.sandbox.set_facts("alpha", json!({}));
        typed(&bench, &id, "another one").await;
        let version = check(&bench, &id).await.version.to_string();
        let words = ["channels", "confirm-account", &id, "--credential", &version];
        let (code, _, errors) = run(&caller, &caller.administrator, &words).await;
        assert_eq!((code, now(&bench, &id).await.other_account), (Some(0), None), "{errors}");
        let (code, ..) = run(&caller, &caller.administrator, &["channels", "confirm-account", &id]).await;
        assert_ne!(code, Some(0), "neither was named");

        bench.sandbox.set_facts("alpha", json!({ "account": "<b>alice", "account_id": "8" }));
        check(&bench, &id).await;
        bench.sandbox.set_facts("alpha", json!({}));
        typed(&bench, &id, "a third one").await;
        let seen = check(&bench, &id).await;
        let cookie = sign_in(&bench, &bench.administrator).await.cookie;
        let page = format!("/console/settings/channels/{id}");
        let html = read(&caller, &cookie, &page).await;
        assert!(html.contains("Go on with the credential") && !html.contains("<b>alice"), "{html}");
        let act = format!("{page}/credential");
        let of_before = send(&caller, &cookie, &page, &act, "version=1").await;
        assert!(of_before.status != 303 && now(&bench, &id).await.other_account.is_some());
        let version = format!("version={}", seen.version);
        assert_eq!(send(&caller, &cookie, &page, &act, &version).await.status, 303);
        let done = check(&bench, &id).await;
        assert_eq!((done.other_account.as_deref(), known(&done)), (None, Some("@bank")));
        worker.stop().await.unwrap();
    }
}
