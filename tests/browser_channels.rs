//! Channels that people granted access to, posts on them that nobody here sent, and what a sweep has held, in a
//! real browser.

use channels::http::Request;
use holdline::app::channels as verbs;
use holdline::app::signals::{self, SignalView};
use holdline::app::{freezes, heard, sweeps};
use holdline::domain::role::Role;
use holdline::domain::sweep::Stand;
use serde_json::{Value, json};

use crate::browser::browse;
use crate::console::sign_in;
use crate::on_both;
use crate::support::caller::Caller;
use crate::support::network::Network;
use crate::support::visitor::read;
use crate::support::{Bench, Database, person};
use crate::sweeps::until;
use crate::sweeps_console::hold;

/// A granted channel whose account is watched, and that leads to another account by now.
struct Taken {
    channel: String,
    /// The alarm about one of the posts there.
    alarm: SignalView,
}

/// What a look would have written down: three posts that are not ours.
async fn taken(bench: &Bench, net: &Network) -> Taken {
    let channel = net.connect(bench, net.on_mastodon("toots")).await.id;
    let who = person(&bench.app, &bench.administrator, "Watcher", Role::Integrator).await;
    let said = json!({"source": "watch", "key": "toots", "severity": "critical", "playbook": "account_taken",
        "title": "A post on @bank that nobody here sent"});
    let said = heard::receive(&bench.app, &who, &serde_json::from_value(said).unwrap()).await.unwrap();
    let alarm = said.signals.into_iter().next().unwrap();
    bench.sql(&format!("insert into watches (channel_id, account, shown, since, looked_at, trouble, troubled_at, whole)
        values ('{channel}', 'bank', '@bank@social.example', 1764200000000, 1764240000000, 'the network answered 503', 1764240000000, false)")).await;
    for (n, state, words, signal) in [
        (1, "foreign", "Send your coins to us <b>now</b>", format!("'{}'", alarm.id)),
        (2, "open", "Cards work again", "null".to_owned()),
        (3, "unsure", "Good morning", "null".to_owned()),
    ] {
        bench.sql(&format!("insert into seen_posts (account, remote_id, channel_id, state, seen_at, url, words, signal_id)
            values ('bank', '{n}', '{channel}', '{state}', 176424000000{n}, 'https://social.example/{n}', '{words}', {signal})")).await;
    }
    bench.sql(&format!("update channels set other_account = '@thief' where id = '{channel}'")).await;
    Taken { channel, alarm }
}

pub async fn people(bench: &Bench) -> Value {
    let mut people = serde_json::Map::new();
    let cast = [
        ("operator", &bench.operator),
        ("approver", &bench.approver),
        ("administrator", &bench.administrator),
    ];
    for (name, actor) in cast {
        people.insert(name.into(), json!({"cookie": sign_in(bench, actor).await.cookie}));
    }
    people.into()
}

on_both! {
    async fn posts_that_nobody_here_sent_are_listed_and_lead_to_their_incident(bench) {
        let net = Network::start(&bench).await;
        let worker = bench.start().await;
        let Taken { channel, alarm } = taken(&bench, &net).await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        for page in ["/console/settings/channels", "/console/settings/readiness", &format!("/console/settings/channels/{channel}")] {
            let page = read(&caller, &cookie, page).await;
            assert!(page.contains("href=\"/console/settings/watch\""), "{page}");
        }
        let page = read(&caller, &cookie, "/console/settings/watch").await;
        for words in ["Send your coins to us &#60;b&#62;now", "Cards work again", "Good morning", "@bank@social.example",
            "href=\"https://social.example/1\"", &format!("incidents/open?signal={}", alarm.id)] {
            assert!(page.contains(words), "{words}: {page}");
        }
        signals::dismiss(&bench.app, &bench.approver, &alarm.id, "it was the agency", None).await.unwrap();
        let page = read(&caller, &cookie, "/console/settings/watch").await;
        assert!(!page.contains("incidents/open?signal"), "it is decided: {page}");
        let auditor = person(&bench.app, &bench.administrator, "reader", Role::Auditor).await;
        let cookie = sign_in(&bench, &auditor).await.cookie;
        let page = read(&caller, &cookie, "/console/settings/watch?lang=fr").await;
        assert!(page.contains("personne ne l’a envoyée d’ici"), "{page}");
        worker.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_screens_of_a_taken_account_in_both_languages_and_themes() {
    let mut bench = Bench::new(Database::Sqlite).await;
    let net = Network::start(&bench).await;
    let worker = bench.start().await;
    for n in 0..4 {
        let settings = json!({ "server": net.url, "chat": "@bank" });
        bench
            .connect_with(&format!("t{n}"), "telegram", settings, Some("123456:hunter2-hunter2_hunter2"))
            .await;
    }
    let typed = bench.channels[bench.channels.len() - 4..].to_vec();
    let Taken { channel, .. } = taken(&bench, &net).await;
    bench.sandbox.set_health("alpha", false);
    verbs::test(&bench.app, &bench.operator, &bench.channels[0]).await.unwrap();
    let waits = bench
        .submit(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "Good morning"}}))
        .await;
    let caller = Caller::new(&bench).await;
    let (people, page) = (people(&bench).await, format!("/console/settings/channels/{channel}"));
    for (size, ended) in [("desk", &typed[..2]), ("phone", &typed[2..])] {
        let end: Vec<String> = ended.iter().map(|id| format!("/console/settings/channels/{id}")).collect();
        let screens = json!({
            "channel-taken": {"path": page, "as": "administrator"},
            "channel-taken-read-only": {"path": page, "as": "operator"},
            "watch": {"path": "/console/settings/watch", "as": "operator"},
            "access-go": {"path": page, "as": "administrator", "click": "form[action$='/grant'] button"},
            // A channel ends once, so each look has its own.
            "access-ended": {"paths": end, "as": "administrator", "click": "form[action$='/revoke'] button",
                "type": {"form[action$='/revoke'] input[name=word]": {"en": "end", "fr": "mettre fin"}}},
            "access-open": {"path": "/console/settings/channels", "as": "administrator"},
            // Its channel failed after the page was read.
            "approval-unready": {"path": format!("/console/approvals/{}", waits.id), "as": "approver", "status": 422,
                "set": {"input[name=unready]": "none"}, "click": "button[value=approve]"},
        });
        browse("screens", &json!({"base": caller.base, "people": people, "screens": screens, "size": size}))
            .await;
    }
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_is_connected_and_an_alarm_of_it_becomes_an_incident() {
    let bench = Bench::new(Database::Sqlite).await;
    let net = Network::start(&bench).await;
    let worker = bench.start().await;
    let Taken { alarm, .. } = taken(&bench, &net).await;
    let caller = Caller::new(&bench).await;
    let told =
        json!({"base": caller.base, "people": people(&bench).await, "server": net.url, "network": net.url});
    browse("channels", &told).await;
    let alarm = signals::get(&bench.app, &bench.operator, &alarm.id).await.unwrap();
    assert!(alarm.incident.is_some(), "{alarm:?}");
    let list: Value = caller.call(Request::get(&caller.url("/channels"))).await.json().unwrap();
    assert!(
        list.as_array().unwrap().iter().any(|c| c["name"] == "Our X" && c["has_credential"] == true),
        "{list}"
    );
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_sweep_held_is_put_back_and_dropped() {
    let mut bench = Bench::new(Database::Sqlite).await;
    let (network, worker, freeze) = hold(&mut bench).await;
    freezes::thaw(&bench.app, &bench.approver, &freeze, "over").await.unwrap();
    let caller = Caller::new(&bench).await;
    browse("swept", &json!({"base": caller.base, "people": people(&bench).await})).await;
    let done =
        |s: &sweeps::SweepView| s.posts.iter().all(|p| matches!(p.state, Stand::Restored | Stand::Dropped));
    until(&bench.app, &freeze, done).await;
    let shown = network.shown();
    assert_eq!((shown.len(), shown[0].0.as_str()), (1, "Spring sale"));
    worker.stop().await.unwrap();
}
