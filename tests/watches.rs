//! A post that no delivery made raises an alarm (I13). Bluesky and WordPress are real servers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use channels::http::Request;
use holdline::app::audit::{self, AuditFilter};
use holdline::app::signals::{self, SignalView};
use holdline::app::watches::{self, SeenView, WatchList};
use holdline::app::{channels as app_channels, incidents, nodes, posts, settle};
use holdline::domain::signal::SignalState;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::on_both;
use crate::real_channels::{bluesky, peer, publish, unique, word, wordpress};
use crate::support::relay::Relay;
use crate::support::{Bench, http};

pub async fn look(bench: &Bench) -> WatchList {
    watches::look_all(&bench.app).await.unwrap();
    watches::list(&bench.app, &bench.approver).await.unwrap()
}

/// The alarms about posts with these words.
pub async fn alarms(bench: &Bench, words: &str) -> Vec<SignalView> {
    let all = signals::list(&bench.app, &bench.approver, false).await.unwrap();
    let is_about = |s: &SignalView| s.detail.as_ref().is_some_and(|d| d.contains(words));
    all.into_iter().filter(|s| s.source == "watch" && is_about(s)).collect()
}

pub fn seen<'a>(list: &'a WatchList, words: &str) -> Vec<&'a SeenView> {
    list.posts.iter().filter(|p| p.words.contains(words)).collect()
}

pub fn states<'a>(list: &'a WatchList, words: &str) -> Vec<&'a str> {
    seen(list, words).iter().map(|p| p.state.as_str()).collect()
}

pub async fn switch(bench: &Bench, channel: &str, disabled: bool) {
    let edit = serde_json::from_value(json!({ "disabled": disabled })).unwrap();
    app_channels::edit(&bench.app, &bench.administrator, channel, None, edit).await.unwrap();
    if !disabled {
        // The sender hears of it by itself, or in a check.
        app_channels::test(&bench.app, &bench.administrator, channel).await.unwrap();
        look(bench).await;
    }
}

/// Another account on the server: what other tests post is not seen there.
pub async fn own_account(server: &Value) -> Value {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("w{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
    let (url, password) = (word(server, "url"), format!("hunter2-{name}"));
    let handle = format!("{name}.test");
    let new = json!({ "handle": handle, "email": format!("{name}@example.test"), "password": password });
    let request = Request::post(&format!("{url}/xrpc/com.atproto.server.createAccount")).json(&new);
    let made: Value = http().call(request).await.unwrap().json().unwrap();
    json!({ "url": url, "account": handle, "app_password": password, "did": made["did"] })
}

/// Somebody else posts with the account's password.
async fn intrude_on_bluesky(server: &Value, text: &str) -> String {
    let (url, account) = (word(server, "url"), word(server, "account"));
    let login = json!({ "identifier": account, "password": server["app_password"] });
    let session = Request::post(&format!("{url}/xrpc/com.atproto.server.createSession")).json(&login);
    let session: Value = http().call(session).await.unwrap().json().unwrap();
    let now = holdline::clock::rfc3339(holdline::clock::Clock::real().now());
    let record = json!({ "$type": "app.bsky.feed.post", "text": text, "createdAt": now });
    let content = json!({ "repo": session["did"], "collection": "app.bsky.feed.post", "record": record });
    let token = SecretString::from(word(&session, "accessJwt").to_owned());
    let request = Request::post(&format!("{url}/xrpc/com.atproto.repo.createRecord")).bearer(&token);
    let made = http().call(request.json(&content)).await.unwrap();
    word(&made.json::<Value>().unwrap(), "uri").to_owned()
}

/// How often the log has the verb.
pub async fn entries(bench: &Bench, verb: &str) -> usize {
    let filter = AuditFilter { verb: Some(verb.into()), limit: 500, ..AuditFilter::default() };
    audit::list(&bench.app, &bench.administrator, &filter).await.unwrap().len()
}

on_both! {
    async fn a_post_on_bluesky_that_nobody_here_sent_raises_an_alarm(bench) {
        let (mut bench, server) = (bench, own_account(&peer("bluesky")).await);
        bluesky(&mut bench, &server, word(&server, "url"), word(&server, "app_password")).await;
        let worker = bench.start().await;
        let before = unique("It was there before");
        intrude_on_bluesky(&server, &before).await;
        let list = look(&bench).await;
        assert_eq!(list.accounts.len(), 1, "{list:?}");
        assert!(seen(&list, &before).is_empty() && alarms(&bench, &before).await.is_empty(), "{list:?}");
        // Our own is no alarm; that of somebody else is one.
        let ours = unique("Cards work again");
        publish(&bench, "sky", json!({ "text": ours })).await;
        let theirs = unique("Send your coins to us");
        let uri = intrude_on_bluesky(&server, &theirs).await;
        let list = look(&bench).await;
        assert!(seen(&list, &ours).is_empty(), "{list:?}");
        let [post] = seen(&list, &theirs)[..] else { panic!("{list:?}") };
        assert_eq!((post.state.as_str(), post.id.as_str()), ("foreign", uri.as_str()));
        let [alarm] = &alarms(&bench, &theirs).await[..] else { panic!("one alarm") };
        assert_eq!(post.signal.as_ref(), Some(&alarm.id));
        assert_eq!(alarm.playbook.as_deref(), Some("account_taken"));
        assert_eq!(entries(&bench, "watch.found").await, 1);
        // The next one is said by the alarm that waits; what was read before cannot decide about it.
        let next = unique("Faster, friends");
        intrude_on_bluesky(&server, &next).await;
        look(&bench).await;
        let [again] = &alarms(&bench, &next).await[..] else { panic!("one alarm") };
        assert_eq!((&again.id, again.times), (&alarm.id, 2));
        assert!(again.title.starts_with("2 posts on @"), "{}", again.title);
        let stale = signals::dismiss(&bench.app, &bench.approver, &alarm.id, "by hand", Some(1)).await;
        assert!(stale.is_err(), "it says something else by now");
        // An incident is opened from it; then one more post is one more alarm.
        let new = json!({ "title": "Taken", "severity": "critical", "freeze": false,
            "playbook": "account_taken", "signal": alarm.id });
        let new = serde_json::from_value(new).unwrap();
        incidents::open(&bench.app, &bench.operator, &new).await.unwrap();
        let last = unique("Still here");
        intrude_on_bluesky(&server, &last).await;
        for _ in 0..2 {
            look(&bench).await;
            let [fresh] = &alarms(&bench, &last).await[..] else { panic!("one alarm") };
            assert!(fresh.id != alarm.id && fresh.times == 1, "{fresh:?}");
        }
        worker.stop().await.unwrap();
    }

    async fn what_may_be_ours_stays_open_until_that_is_known(bench) {
        let (mut bench, server) = (bench, own_account(&peer("bluesky")).await);
        let relay = Relay::start(word(&server, "url")).await;
        bluesky(&mut bench, &server, &relay.url, word(&server, "app_password")).await;
        let worker = bench.start().await;
        look(&bench).await;
        let text = unique("Once only");
        relay.lose_answer_to("putRecord");
        let post = bench.approved(json!({ "kind": "routine", "channels": ["sky"], "source": { "text": text } })).await;
        bench.until(&post.id, &["in_doubt"]).await;
        let list = look(&bench).await;
        assert_eq!(seen(&list, &text).iter().map(|p| p.state.as_str()).collect::<Vec<_>>(), ["open"]);
        assert!(alarms(&bench, &text).await.is_empty());
        bench.app.clock().advance(6_000);
        bench.until(&post.id, &["accepted"]).await;
        assert!(seen(&look(&bench).await, &text).is_empty(), "it is ours");
        assert!(alarms(&bench, &text).await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn all_parts_of_a_thread_are_ours(bench) {
        let (mut bench, server) = (bench, own_account(&peer("bluesky")).await);
        bluesky(&mut bench, &server, word(&server, "url"), word(&server, "app_password")).await;
        let worker = bench.start().await;
        look(&bench).await;
        let parts = ["First", "Second"].map(|n| unique(&format!("{n} part {}", "of a long text ".repeat(14))));
        publish(&bench, "sky", json!({ "text": parts.join("\n---\n") })).await;
        // One is foreign, so the look has seen them all.
        let theirs = unique("Beside the thread");
        intrude_on_bluesky(&server, &theirs).await;
        let list = look(&bench).await;
        assert_eq!(states(&list, ""), ["foreign"], "{list:?}");
        assert_eq!(seen(&list, &theirs).len(), 1);
        worker.stop().await.unwrap();
    }

    async fn a_part_of_a_thread_that_stopped_is_ours_whatever_a_person_says_of_the_rest(bench) {
        let (mut bench, server) = (bench, own_account(&peer("bluesky")).await);
        let relay = Relay::start(word(&server, "url")).await;
        bluesky(&mut bench, &server, &relay.url, word(&server, "app_password")).await;
        let worker = bench.start().await;
        look(&bench).await;
        let parts = ["First", "Second"].map(|n| unique(&format!("{n} part {}", "of a long text ".repeat(14))));
        let post = json!({ "kind": "routine", "channels": ["sky"], "source": { "text": parts.join("\n---\n") } });
        relay.refuse_after("putRecord", 1);
        let post = bench.approved(post).await;
        bench.until(&post.id, &["in_doubt"]).await;
        let delivery = posts::get(&bench.app, &bench.operator, &post.id).await.unwrap().deliveries[0].id.clone();
        let settle = json!({ "settlement": "not_published", "note": "only the first part is there" });
        let settle = serde_json::from_value(settle).unwrap();
        settle::settle(&bench.app, &bench.approver, &delivery, &settle).await.unwrap();
        let list = look(&bench).await;
        assert!(list.posts.is_empty() && list.accounts[0].trouble.is_none(), "{list:?}");
        worker.stop().await.unwrap();
    }

    async fn nothing_is_judged_before_a_database_is_confirmed(bench) {
        let (mut bench, server) = (bench, own_account(&peer("bluesky")).await);
        bluesky(&mut bench, &server, word(&server, "url"), word(&server, "app_password")).await;
        let worker = bench.start().await;
        look(&bench).await;
        let lost = unique("Sent by what is lost");
        intrude_on_bluesky(&server, &lost).await;
        worker.gate().shut("the database is another one");
        let list = look(&bench).await;
        assert!(list.posts.is_empty() && alarms(&bench, &lost).await.is_empty(), "{list:?}");
        worker.stop().await.unwrap();
    }

    async fn what_came_while_the_channel_was_disabled_is_listed_without_an_alarm(bench) {
        let (mut bench, server) = (bench, own_account(&peer("bluesky")).await);
        bluesky(&mut bench, &server, word(&server, "url"), word(&server, "app_password")).await;
        let worker = bench.start().await;
        look(&bench).await;
        let id = bench.channels.last().unwrap().clone();
        switch(&bench, &id, true).await;
        assert!(look(&bench).await.accounts.is_empty());
        let by_hand = unique("Posted by hand");
        intrude_on_bluesky(&server, &by_hand).await;
        switch(&bench, &id, false).await;
        assert_eq!(states(&look(&bench).await, &by_hand), ["unsure"]);
        let theirs = unique("After that");
        intrude_on_bluesky(&server, &theirs).await;
        assert_eq!(states(&look(&bench).await, &theirs), ["foreign"]);
        assert!(alarms(&bench, &by_hand).await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_post_with_the_words_of_a_doubt_is_excused_once_and_more_words_are_not(bench) {
        let (mut bench, server) = (bench, own_account(&peer("bluesky")).await);
        let relay = Relay::start(word(&server, "url")).await;
        bluesky(&mut bench, &server, &relay.url, word(&server, "app_password")).await;
        let worker = bench.start().await;
        look(&bench).await;
        let text = unique("We are looking into it");
        relay.lose_answer_to("putRecord");
        let post = json!({ "kind": "routine", "channels": ["sky"], "source": { "text": text } });
        let post = bench.approved(post).await;
        bench.until(&post.id, &["in_doubt"]).await;
        intrude_on_bluesky(&server, &format!("{text} and pay at evil.example")).await;
        intrude_on_bluesky(&server, &text).await;
        let list = look(&bench).await;
        let mut all = states(&list, &text);
        all.sort_unstable();
        assert_eq!(all, ["foreign", "foreign", "open"], "{list:?}");
        // A change of words makes no post, so it excuses none.
        bench.sql(&format!("update posts set revises = id where id = '{}'", post.id)).await;
        assert_eq!(states(&look(&bench).await, &text), ["foreign"; 3]);
        worker.stop().await.unwrap();
    }

    async fn a_name_that_leads_to_another_account_is_an_alarm(bench) {
        let (mut bench, server) = (bench, own_account(&peer("bluesky")).await);
        let other = own_account(&peer("bluesky")).await;
        let relay = Relay::start(word(&server, "url")).await;
        bluesky(&mut bench, &server, &relay.url, word(&server, "app_password")).await;
        let worker = bench.start().await;
        look(&bench).await;
        let theirs = unique("Send your coins to us");
        intrude_on_bluesky(&other, &theirs).await;
        relay.turn(word(&server, "account"), word(&other, "account"));
        for _ in 0..2 {
            let list = look(&bench).await;
            assert_eq!(states(&list, &theirs), ["unsure"], "{list:?}");
            let [alarm] = &alarms(&bench, word(&other, "did")).await[..] else { panic!("one alarm") };
            assert_eq!((alarm.title.as_str(), alarm.times), ("the account behind sky is another one", 1));
        }
        worker.stop().await.unwrap();
    }

    async fn an_account_that_can_be_seen_no_more_is_an_alarm_that_ends_by_itself(bench) {
        let (mut bench, server) = (bench, own_account(&peer("bluesky")).await);
        let relay = Relay::start(word(&server, "url")).await;
        bluesky(&mut bench, &server, &relay.url, word(&server, "app_password")).await;
        let worker = bench.start().await;
        look(&bench).await;
        relay.refuse_after("listRecords", 0);
        for minutes in [0, 5, 4] {
            bench.app.clock().advance(minutes * 60_000);
            look(&bench).await;
        }
        assert!(alarms(&bench, "log in there").await.is_empty(), "it may be a hiccup");
        for minutes in [1, 10] {
            bench.app.clock().advance(minutes * 60_000);
            look(&bench).await;
            let [alarm] = &alarms(&bench, "log in there").await[..] else { panic!("one alarm") };
            assert!(alarm.title.starts_with("nobody can see what is posted on sky"), "{alarm:?}");
        }
        relay.go_on();
        bench.app.clock().advance(10 * 60_000);
        look(&bench).await;
        let [alarm] = &alarms(&bench, "log in there").await[..] else { panic!("one alarm") };
        assert_eq!(alarm.state, SignalState::Ended, "by itself");
        worker.stop().await.unwrap();
    }

    async fn after_a_return_nothing_is_called_foreign_that_may_be_lost(bench) {
        let (mut bench, server) = (bench, own_account(&peer("bluesky")).await);
        bluesky(&mut bench, &server, word(&server, "url"), word(&server, "app_password")).await;
        let worker = bench.start().await;
        look(&bench).await;
        let lost = unique("Sent by what is lost");
        intrude_on_bluesky(&server, &lost).await;
        bench.app.clock().advance(1_000);
        nodes::confirm(&bench.app, &bench.administrator, "the backup of this night").await.unwrap();
        let list = look(&bench).await;
        assert_eq!(seen(&list, &lost).iter().map(|p| p.state.as_str()).collect::<Vec<_>>(), ["unsure"]);
        assert!(alarms(&bench, &lost).await.is_empty());
        let theirs = unique("After the return");
        intrude_on_bluesky(&server, &theirs).await;
        look(&bench).await;
        assert_eq!(alarms(&bench, &theirs).await.len(), 1);
        worker.stop().await.unwrap();
    }

    async fn a_look_that_fails_is_seen_and_needs_no_password(bench) {
        let (mut bench, server) = (bench, own_account(&peer("bluesky")).await);
        let nobody = json!({ "account": "nobody-at-all.test" });
        bluesky(&mut bench, &nobody, word(&server, "url"), "wrong-wrong-wrong").await;
        let worker = bench.start().await;
        for _ in 0..2 {
            let list = look(&bench).await;
            let [one] = &list.accounts[..] else { panic!("{list:?}") };
            let why = one.trouble.as_ref().unwrap();
            assert!(why.contains("does not know the account") && one.looked_at.is_none(), "{one:?}");
        }
        assert_eq!(entries(&bench, "watch.fails").await, 1, "once");
        let id = bench.channels.last().unwrap().clone();
        let edit = json!({ "settings": { "server": server["url"], "account": server["account"] },
            "credential": "still-wrong-wrong" });
        let edit = serde_json::from_value(edit).unwrap();
        app_channels::edit(&bench.app, &bench.administrator, &id, None, edit).await.unwrap();
        let mut seen = look(&bench).await;
        for _ in 0..100 {
            if seen.accounts[0].trouble.is_none() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            seen = look(&bench).await;
        }
        assert!(seen.accounts[0].looked_at.is_some() && seen.accounts[0].trouble.is_none(), "{seen:?}");
        worker.stop().await.unwrap();
    }

    async fn a_page_that_the_account_published_on_wordpress_by_itself_raises_an_alarm(bench) {
        let (mut bench, server) = (bench, peer("wordpress"));
        let (url, account) = (word(&server, "url"), word(&server, "account"));
        let password = word(&server, "app_password");
        wordpress(&mut bench, url, account, password).await;
        let worker = bench.start().await;
        look(&bench).await;
        let ours = unique("Cards work again");
        publish(&bench, "blog", json!({ "title": "Cards", "text": ours })).await;
        let theirs = unique("Win a prize");
        let content = json!({ "title": "Prize", "content": theirs, "status": "publish",
            "date_gmt": "2020-01-01T00:00:00" });
        let request = Request::post(&format!("{url}/wp-json/wp/v2/posts"));
        let request = request.basic(account, &SecretString::from(password.to_owned())).json(&content);
        assert_eq!(http().call(request).await.unwrap().status, 201);
        let list = look(&bench).await;
        assert!(seen(&list, &ours).is_empty(), "{list:?}");
        assert_eq!(seen(&list, &theirs).iter().map(|p| p.state.as_str()).collect::<Vec<_>>(), ["foreign"],
            "whatever date they gave it");
        assert!(seen(&list, &theirs)[0].signal.is_some());
        worker.stop().await.unwrap();
    }
}
