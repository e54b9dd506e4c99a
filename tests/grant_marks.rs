//! The mark of a channel that leads to another account: what sets it, what it stops, and what takes it back.

use std::sync::{Arc, Mutex};

use ::channels::http::Request;
use axum::routing::{get, post};
use axum::{Json, Router};
use holdline::app::access::other_account::{self, ShownAccount};
use holdline::app::channels::{self, ChannelEdit, ChannelView};
use holdline::app::{approvals, permits, posts};
use serde_json::{Value, json};

use crate::approvals::incident;
use crate::commands::run;
use crate::console::sign_in;
use crate::grant_accounts::{again, refused, waits_because};
use crate::on_both;
use crate::own_credential;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::network::Network;
use crate::support::visitor::{read, send};

/// What people read of a channel that leads to another account.
fn words(other: &str) -> String {
    format!(
        "the channel's credential is of another account, {other}: connect the right one again, or confirm this one \
         on the page of the channel"
    )
}

fn shown(account: &str) -> ShownAccount {
    ShownAccount { account: account.into() }
}

/// A crisis post that is due now.
async fn crisis(bench: &Bench, channel: &str, text: &str) -> String {
    let incident = incident(bench).await;
    let new =
        json!({ "kind": "tip", "incident": incident, "channels": [channel], "source": { "text": text } });
    bench.approved(new).await.id
}

/// The same on a channel that is not ready, which the one who approves names.
pub async fn crisis_all_the_same(bench: &Bench, channel: &str, text: &str) -> String {
    let incident = incident(bench).await;
    let new = json!({ "kind": "tip", "incident": incident, "channels": ["x"], "source": { "text": text } });
    let id = bench.submit(new).await.id;
    let sheet = approvals::sheet(&bench.app, &bench.approver, &id).await.unwrap();
    let yes = json!({ "decision": "approve", "bundle": sheet.bundle, "unready": [channel] });
    approvals::decide(&bench.app, &bench.approver, &id, &serde_json::from_value(yes).unwrap()).await.unwrap();
    id
}

/// What people read of a channel whose credential nobody has looked at.
const UNSEEN: &str = "the channel has another credential, and whose it is is looked at first";

async fn now(bench: &Bench, channel: &str) -> ChannelView {
    channels::get(&bench.app, &bench.administrator, channel).await.unwrap()
}

/// Gives a channel another credential, and other settings.
async fn typed(
    bench: &Bench,
    channel: &str,
    secret: &str,
    settings: Option<Value>,
) -> Result<ChannelView, String> {
    let credential = Some(secret.to_owned().into());
    let edit = ChannelEdit { credential, settings, ..ChannelEdit::default() };
    let edited = channels::edit(&bench.app, &bench.administrator, channel, None, edit).await;
    edited.map_err(|why| why.to_string())
}

/// Checks a channel of the sandbox of which that is told: whether it is ready, and the account in the place of its own.
async fn told(bench: &Bench, facts: Value) -> (bool, Option<String>) {
    bench.sandbox.set_facts("alpha", facts);
    let seen = channels::test(&bench.app, &bench.administrator, &bench.channels[0]).await.unwrap();
    (seen.health.ready, now(bench, &bench.channels[0]).await.other_account)
}

fn account(name: &str, id: &str) -> Value {
    json!({ "account": name, "account_id": id })
}

/// What is out on the network.
fn is_out(net: &Network, texts: &[&str]) {
    assert_eq!(net.known().posts, texts);
}

/// A channel of X that is known as the bank's.
async fn of_the_bank(bench: &Bench, net: &Network) -> String {
    let id = net.connect(bench, net.wanted("x")).await.id;
    assert!(channels::test(&bench.app, &bench.administrator, &id).await.unwrap().health.ready);
    id
}

/// The same, whose credential is Alice's by now.
async fn marked(bench: &Bench, net: &Network) -> String {
    let id = of_the_bank(bench, net).await;
    net.known().account = Some("alice".into());
    assert!(!channels::test(&bench.app, &bench.administrator, &id).await.unwrap().health.ready);
    id
}

/// Networks that say whose a token is, and little more: Slack lets the own bot read, and no other.
async fn small_network() -> (String, Arc<Mutex<Value>>) {
    let who = Arc::new(Mutex::new(Value::Null));
    let said = || {
        let who = Arc::clone(&who);
        move || async move { Json(who.lock().unwrap().clone()) }
    };
    let read = {
        let who = Arc::clone(&who);
        move || async move {
            let own = who.lock().unwrap()["user_id"] == "U0000BANK";
            let refused = json!({ "ok": false, "error": "not_in_channel" });
            Json(if own { json!({ "ok": true, "messages": [] }) } else { refused })
        }
    };
    let routes = Router::new()
        .route("/api/auth.test", post(said()))
        .route("/api/conversations.history", get(read))
        .route("/{version}/me", get(said()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (url, who)
}

on_both! {
    async fn a_bot_that_may_not_read_the_room_is_another_account_all_the_same(bench) {
        let mut bench = bench;
        let (url, who) = small_network().await;
        let bot = |name: &str, id: &str| json!({ "ok": true, "url": "https://bank.slack.com/", "team": "Bank",
            "user": name, "bot_id": "B1", "team_id": "T0000BANK", "user_id": id });
        *who.lock().unwrap() = bot("holdline", "U0000BANK");
        bench.connect_with("room", "slack", json!({ "server": url, "channel": "C024BE91L" }), Some("xoxb-1")).await;
        let id = bench.channels.last().unwrap().clone();
        let worker = bench.start().await;
        let (app, by) = (&bench.app, &bench.administrator);
        assert!(channels::test(app, by, &id).await.unwrap().health.ready);
        *who.lock().unwrap() = bot("press", "U0000PRESS");
        let seen = channels::test(app, by, &id).await.unwrap().health;
        assert_eq!((seen.ready, seen.detail), (false, words("press (Bank)")));
        let post = crisis(&bench, "room", "By whom?").await;
        waits_because(&bench, &post, &words("press (Bank)")).await;
        // Whoever types its token in is told so while that post is due.
        let why = typed(&bench, &id, "xoxb-2", None).await.unwrap_err();
        assert!(why.starts_with("this is press (Bank), and the channel is holdline (Bank)"), "{why}");
        worker.stop().await.unwrap();
    }

    async fn a_token_of_another_account_than_the_settings_name_is_never_the_channels(bench) {
        let mut bench = bench;
        let (url, who) = small_network().await;
        *who.lock().unwrap() = json!({ "id": "8", "name": "Alice" });
        bench.connect_with("page", "facebook", json!({ "server": url, "page": "7" }), Some("EAAalice")).await;
        let id = bench.channels.last().unwrap().clone();
        let worker = bench.start().await;
        let (app, by) = (&bench.app, &bench.administrator);
        // No check has seen the right one yet.
        let seen = channels::test(app, by, &id).await.unwrap().health;
        let why = "the channel's credential is of another account, Alice (8): connect the right one again";
        assert_eq!((seen.ready, seen.detail.as_str(), seen.facts.account), (false, why, None));
        let post = crisis(&bench, "page", "By whom?").await;
        waits_because(&bench, &post, why).await;
        let confirmed = other_account::confirm(app, by, &id, &shown("Alice (8)")).await.unwrap_err().to_string();
        assert!(confirmed.starts_with("the settings of this channel name its account"), "{confirmed}");
        posts::cancel(app, &bench.operator, &post).await.unwrap();
        let why = typed(&bench, &id, "EAAalice2", None).await.unwrap_err();
        assert_eq!(why, "this is Alice (8), and the channel is 7: connect another channel for it");
        *who.lock().unwrap() = json!({ "id": "7", "name": "The Bank" });
        assert_eq!(typed(&bench, &id, "EAAbank", None).await.unwrap().other_account, None);
        worker.stop().await.unwrap();
    }

    async fn other_settings_of_the_same_account_take_no_mark_back(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        let id = marked(&bench, &net).await;
        let post = crisis(&bench, "x", "Of the bank").await;
        waits_because(&bench, &post, &words("@alice")).await;
        net.known().access.push("typed".into());
        let also = || Some(json!({ "server": format!("{}/", net.url) }));
        let why = typed(&bench, &id, "typed", also()).await.unwrap_err();
        assert_eq!(why, "this is @alice, and the channel is @bank: connect another channel for it");
        // Whose it is that nobody says, is not known to be the right one.
        net.known().account = None;
        assert_eq!(typed(&bench, &id, "typed", also()).await.unwrap().other_account.as_deref(), Some("@alice"));
        net.known().account = Some("alice".into());
        channels::test(app, by, &id).await.unwrap();
        assert_eq!(now(&bench, &id).await.other_account.as_deref(), Some("@alice"), "its own is not forgotten");
        is_out(&net, &[]);
        // What waited goes at once, and not when it would have looked again.
        net.known().account = Some("bank".into());
        let edited = typed(&bench, &id, "typed", Some(json!({ "server": net.url }))).await.unwrap();
        assert_eq!(edited.other_account, None);
        bench.until(&post, &["accepted"]).await;
        worker.stop().await.unwrap();
    }

    async fn access_of_which_nobody_knows_whose_it_is_takes_no_mark_back(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let id = marked(&bench, &net).await;
        assert!(refused(&bench, &net, again(&id)).await.starts_with("this is @alice"));
        // No post is out or due, so that access of an unknown account is taken.
        net.known().account = None;
        assert_eq!(net.connect(&bench, again(&id)).await.other_account.as_deref(), Some("@alice"));
        let post = crisis(&bench, "x", "Of the bank").await;
        waits_because(&bench, &post, &own_credential::words("@alice")).await;
        is_out(&net, &[]);
        posts::cancel(&bench.app, &bench.operator, &post).await.unwrap();
        net.known().account = Some("bank".into());
        assert_eq!(net.connect(&bench, again(&id)).await.other_account, None);
        worker.stop().await.unwrap();
    }

    async fn nothing_goes_out_before_somebody_has_looked_whose_a_credential_is(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        let id = of_the_bank(&bench, &net).await;
        // The network does not answer whoever types the token in, and then it takes its time.
        net.known().access.push("typed".into());
        net.known().account = Some("alice".into());
        net.known().unsaid = 1;
        net.accounts.acquire().await.unwrap().forget();
        typed(&bench, &id, "typed", None).await.unwrap();
        let post = crisis_all_the_same(&bench, &id, "Of the bank").await;
        waits_because(&bench, &post, UNSEEN).await;
        // Also without what the node has in memory.
        let node = app.node();
        let claimed = format!("update deliveries set ready_at = 1, state = 'claimed', claimed_by = '{node}' where post_id = '{post}'");
        bench.sql(&claimed).await;
        let of = posts::get(app, by, &post).await.unwrap().deliveries.remove(0).id;
        assert!(permits::permit(app, &[of]).await.unwrap().is_empty(), "no permit is given");
        net.accounts.add_permits(1);
        for _ in 0..400 {
            if now(&bench, &id).await.other_account.is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        app.clock().advance(3_000);
        waits_because(&bench, &post, &words("@alice")).await;
        is_out(&net, &[]);
        // Where the first check sees nobody either, somebody mends a channel at three in the morning.
        net.known().account = Some("bank".into());
        channels::test(app, by, &id).await.unwrap();
        bench.until(&post, &["accepted"]).await;
        net.known().account = None;
        typed(&bench, &id, "typed", None).await.unwrap();
        channels::test(app, by, &id).await.unwrap();
        let post = crisis(&bench, "x", "Of nobody").await;
        bench.until(&post, &["accepted"]).await;
        is_out(&net, &["Of the bank", "Of nobody"]);
        worker.stop().await.unwrap();
    }

    async fn neither_a_confirmation_nor_a_disabled_channel_is_a_look(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        let id = marked(&bench, &net).await;
        // Whose the new credential is, is not told; the page that was open before still says Alice.
        net.known().access.push("typed".into());
        net.known().unsaid = 1;
        net.accounts.acquire().await.unwrap().forget();
        let disabled = ChannelEdit { disabled: Some(true), ..ChannelEdit::default() };
        channels::edit(app, by, &id, None, disabled).await.unwrap();
        typed(&bench, &id, "typed", None).await.unwrap();
        // What is disabled is not asked.
        let _ = channels::test(app, by, &id).await.unwrap();
        let enabled = ChannelEdit { disabled: Some(false), ..ChannelEdit::default() };
        channels::edit(app, by, &id, None, enabled).await.unwrap();
        other_account::confirm(app, by, &id, &shown("@alice")).await.unwrap();
        let post = crisis_all_the_same(&bench, &id, "Of Alice").await;
        waits_because(&bench, &post, UNSEEN).await;
        is_out(&net, &[]);
        net.accounts.add_permits(1);
        bench.until(&post, &["accepted"]).await;
        worker.stop().await.unwrap();
    }

    async fn what_was_permitted_before_a_mark_does_not_begin(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let id = of_the_bank(&bench, &net).await;
        // One is on its way, and takes its time; another one has its permit and waits behind it.
        net.posts.acquire().await.unwrap().forget();
        let first = crisis(&bench, "x", "First").await;
        bench.until(&first, &["sending"]).await;
        let second = crisis(&bench, "x", "Second").await;
        bench.until(&second, &["sending"]).await;
        net.known().account = Some("alice".into());
        channels::test(&bench.app, &bench.administrator, &id).await.unwrap();
        net.posts.add_permits(1);
        bench.until(&first, &["accepted"]).await;
        waits_because(&bench, &second, &words("@alice")).await;
        is_out(&net, &["First"]);
        worker.stop().await.unwrap();
    }

    async fn an_account_is_told_from_another_one_of_its_name(bench) {
        let worker = bench.start().await;
        let (app, by, id) = (&bench.app, &bench.administrator, bench.channels[0].clone());
        assert_eq!(told(&bench, account("@bank", "7")).await, (true, None));
        // A check that is not told the number does not forget it.
        assert_eq!(told(&bench, json!({ "account": "@bank" })).await, (true, None));
        assert_eq!(told(&bench, account("@new", "7")).await, (true, None), "it has another name");
        assert_eq!(told(&bench, account("@new", "8")).await, (false, Some("@new, 8".into())));
        let version = now(&bench, &id).await.version;
        assert_eq!(told(&bench, account("@new", "8")).await.1.as_deref(), Some("@new, 8"));
        assert_eq!(now(&bench, &id).await.version, version, "it is the same mark");
        // A third one is none that a person was shown.
        assert_eq!(told(&bench, account("@new", "9")).await.1.as_deref(), Some("@new, 9"));
        for unseen in ["@new, 8", "@new"] {
            assert!(other_account::confirm(app, by, &id, &shown(unseen)).await.is_err(), "{unseen}");
        }
        other_account::confirm(app, by, &id, &shown("@new, 9")).await.unwrap();
        assert!(!told(&bench, account("@new, 9", "8")).await.0, "it is known by its number at once");
        assert_eq!(told(&bench, account("@newest", "9")).await, (true, None));
        // Two others have one name.
        assert_eq!(told(&bench, account("@alice", "1")).await.1.as_deref(), Some("@alice"));
        for _ in 0..2 {
            assert_eq!(told(&bench, account("@alice", "2")).await.1.as_deref(), Some("@alice, 2"));
        }
        worker.stop().await.unwrap();
    }

    async fn what_another_account_takes_is_not_the_channels(bench) {
        let worker = bench.start().await;
        let facts = |name: &str, id: &str, left: u32, missing: &[&str], end: &str| json!({ "account": name,
            "account_id": id, "posts": { "of": "account", "limit": 100, "left": left }, "missing": missing,
            "expires_at": end });
        assert_eq!(told(&bench, facts("@bank", "7", 50, &[], "2099-01-01T00:00:00Z")).await, (true, None));
        let other = told(&bench, facts("@alice", "8", 0, &["write"], "2020-01-01T00:00:00Z")).await;
        assert_eq!(other, (false, Some("@alice".into())));
        let facts = now(&bench, &bench.channels[0]).await.health.unwrap().facts;
        assert_eq!((facts.account.as_deref(), facts.account_id.as_deref()), (Some("@bank"), Some("7")));
        assert_eq!((facts.posts, facts.missing), (None, Some(vec![])));
        assert!(facts.expires_at.unwrap().to_rfc3339().starts_with("2099"), "{:?}", facts.expires_at);
        worker.stop().await.unwrap();
    }

    async fn an_account_is_confirmed_over_the_api_and_from_the_command_line(bench) {
        let worker = bench.start().await;
        let (caller, id) = (Caller::new(&bench).await, bench.channels[0].clone());
        let (bank, alice) = (account("@bank", "7"), account("@alice", "8"));
        told(&bench, bank.clone()).await;
        told(&bench, alice.clone()).await;
        let url = caller.url(&format!("/channels/{id}/account/confirm"));
        let confirm = async |account: &str| {
            let request = Request::post(&url).bearer(&caller.administrator).json(&json!({ "account": account }));
            caller.http.call(request).await.unwrap()
        };
        assert_eq!(confirm("@bob").await.status, 409, "no check saw it");
        assert_eq!(now(&bench, &id).await.other_account.as_deref(), Some("@alice"));
        let answer = confirm("@alice").await;
        let body: Value = answer.json().unwrap();
        assert_eq!((answer.status, &body["other_account"]), (200, &Value::Null));
        assert_eq!(confirm("@alice").await.status, 409, "it is done");
        assert_eq!(told(&bench, alice).await, (true, None));
        told(&bench, bank.clone()).await;
        let words = ["channels", "confirm-account", &id, "@bank"];
        let (code, _, errors) = run(&caller, &caller.administrator, &words).await;
        assert_eq!(code, Some(0), "{errors}");
        assert_eq!(told(&bench, bank).await, (true, None));
        worker.stop().await.unwrap();
    }

    async fn an_account_is_confirmed_on_the_page_of_the_channel(bench) {
        let worker = bench.start().await;
        let (caller, id) = (Caller::new(&bench).await, bench.channels[0].clone());
        let cookie = sign_in(&bench, &bench.administrator).await.cookie;
        told(&bench, account("@bank", "7")).await;
        told(&bench, account("<b>@bank", "8")).await;
        let page = format!("/console/settings/channels/{id}");
        let html = read(&caller, &cookie, &page).await;
        assert!(html.contains("Go on as") && !html.contains("<b>@bank"), "{html}");
        let act = format!("{page}/account");
        assert_eq!(send(&caller, &cookie, &page, &act, "account=%40bob").await.status, 422, "no check saw it");
        assert!(now(&bench, &id).await.other_account.is_some());
        assert_eq!(send(&caller, &cookie, &page, &act, "account=%3Cb%3E%40bank").await.status, 303);
        assert_eq!(now(&bench, &id).await.other_account, None);
        assert_eq!(told(&bench, account("<b>@bank", "8")).await, (true, None));
        worker.stop().await.unwrap();
    }
}
