//! The first look at an account, and the first after a channel was away, raises no alarm about what it finds,
//! whatever is under way (I13). The server is a small fake of Facebook.

use holdline::app::{channels, settle, watches};
use holdline::domain::freeze::Scope;
use serde_json::json;

use crate::on_both;
use crate::real_channels::publish;
use crate::support::Bench;
use crate::sweeps::freeze_on;
use crate::watches::{alarms, look, seen, states, switch};
use crate::watches_seldom::{Fake, add, pages};

const MINUTE: i64 = 60_000;

/// A post that is under way until [`let_go`]; its id.
async fn under_way(bench: &Bench, fake: &Fake, channel: &str) -> String {
    fake.lock().unwrap().holds = true;
    let before = fake.lock().unwrap().held;
    let new = json!({ "kind": "routine", "channels": [channel], "source": { "text": "On its way" } });
    let sent = bench.approved(new).await;
    while fake.lock().unwrap().held == before {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    sent.id
}

async fn let_go(bench: &Bench, fake: &Fake, post: &str) {
    fake.lock().unwrap().holds = false;
    bench.until(post, &["accepted"]).await;
}

fn by_hand(fake: &Fake) {
    for at in ["2019-01-01T00:00:00+0000", "2024-01-01T00:00:00+0000", ""] {
        let before = fake.lock().unwrap().posts.len();
        add(fake, before, "By hand", at);
    }
}

on_both! {
    async fn old_posts_raise_no_alarm_when_the_first_look_meets_a_post_under_way(bench) {
        let mut bench = bench;
        let fake = pages(&mut bench, &["page"]).await;
        let worker = bench.start().await;
        by_hand(&fake);
        let ours = under_way(&bench, &fake, "page").await;
        let list = look(&bench).await;
        assert!(list.accounts[0].looked_at.is_some() && list.posts.is_empty(), "{list:?}");
        let_go(&bench, &fake, &ours).await;
        for _ in 0..2 {
            bench.app.clock().advance(5 * MINUTE);
            let list = look(&bench).await;
            assert!(list.posts.is_empty() && alarms(&bench, "").await.is_empty(), "{list:?}");
        }
        worker.stop().await.unwrap();
    }

    async fn a_doubt_of_before_the_first_look_is_no_alarm_when_a_person_settles_it(bench) {
        let mut bench = bench;
        let fake = pages(&mut bench, &["page"]).await;
        let worker = bench.start().await;
        by_hand(&fake);
        fake.lock().unwrap().loses = true;
        let new = json!({ "kind": "routine", "channels": ["page"], "source": { "text": "Once only" } });
        let sent = bench.approved(new).await;
        let doubt = bench.until(&sent.id, &["in_doubt"]).await.deliveries.remove(0);
        bench.app.clock().advance(24 * 60 * MINUTE);
        let list = look(&bench).await;
        assert!(list.accounts[0].looked_at.is_some(), "{list:?}");
        let settled = json!({ "settlement": "published", "note": "it is on the page" });
        let settled = serde_json::from_value(settled).unwrap();
        settle::settle(&bench.app, &bench.approver, &doubt.id, &settled).await.unwrap();
        for _ in 0..2 {
            bench.app.clock().advance(5 * MINUTE);
            let list = look(&bench).await;
            assert!(list.posts.is_empty() && alarms(&bench, "").await.is_empty(), "{list:?}");
        }
        worker.stop().await.unwrap();
    }

    async fn what_came_by_hand_while_a_channel_was_away_stays_unsure_when_a_post_is_under_way(bench) {
        let mut bench = bench;
        let fake = pages(&mut bench, &["page", "again"]).await;
        let worker = bench.start().await;
        look(&bench).await;
        let [.., page, again] = &bench.channels.clone()[..] else { panic!("two channels") };
        for channel in [page, again] {
            switch(&bench, channel, true).await;
        }
        add(&fake, 0, "By hand", "");
        bench.app.clock().advance(5 * MINUTE);
        switch(&bench, again, false).await;
        add(&fake, 0, "By hand, later", "");
        let ours = under_way(&bench, &fake, "again").await;
        switch(&bench, page, false).await;
        assert_eq!(states(&look(&bench).await, "By hand, later"), ["unsure"]);
        let_go(&bench, &fake, &ours).await;
        for _ in 0..2 {
            bench.app.clock().advance(5 * MINUTE);
            let list = look(&bench).await;
            assert_eq!(states(&list, "By hand"), ["unsure"; 2], "{list:?}");
            assert!(seen(&list, "On its way").is_empty() && alarms(&bench, "").await.is_empty(), "{list:?}");
        }
        worker.stop().await.unwrap();
    }

    async fn what_we_published_by_a_channel_that_nobody_looks_at_is_ours(bench) {
        let mut bench = bench;
        let fake = pages(&mut bench, &["page", "old"]).await;
        let worker = bench.start().await;
        publish(&bench, "page", json!({ "text": "Cards work again" })).await;
        publish(&bench, "old", json!({ "text": "Before that" })).await;
        let old = bench.channels.last().unwrap().clone();
        switch(&bench, &old, true).await;
        look(&bench).await;
        // As if the account had been looked at before these were made.
        bench.meddle(&["delete from seen_posts", &format!("delete from watches where channel_id = '{old}'")]).await;
        bench.app.clock().advance(5 * MINUTE);
        let list = look(&bench).await;
        assert!(list.accounts[0].looked_at.is_some() && list.posts.is_empty(), "{list:?}");
        assert_eq!(fake.lock().unwrap().posts.len(), 2);
        worker.stop().await.unwrap();
    }

    async fn what_was_planned_on_the_page_and_put_back_after_a_freeze_is_no_alarm(bench) {
        let mut bench = bench;
        let fake = pages(&mut bench, &["page"]).await;
        let worker = bench.start().await;
        look(&bench).await;
        let freeze = freeze_on(&bench.app, &bench, Scope::default()).await;
        let (id, at) = (add(&fake, 0, "Planned by the newsroom", ""), bench.app.clock().now());
        let page = bench.channels.last().unwrap();
        bench.sql(&format!(
            "insert into swept (id, channel_id, freeze_id, place, remote_id, due_at, words, snapshot, mark, state,
               in_hand_until, tries, restore_at, new_id, found_at, changed_at)
             values ('s1', '{page}', '{}', 'p', '1', {at}, 'Planned', '{{}}', 'm', 'restored', 0, 0, {at}, '{id}', {at}, {at})",
            freeze.id
        )).await;
        bench.app.clock().advance(5 * MINUTE);
        assert!(look(&bench).await.posts.is_empty(), "Holdline made it again");
        add(&fake, 0, "Send your coins to us", "");
        bench.app.clock().advance(5 * MINUTE);
        assert_eq!(states(&look(&bench).await, ""), ["foreign"]);
        worker.stop().await.unwrap();
    }

    async fn what_was_put_back_on_mastodon_and_came_out_with_another_id_is_no_alarm(bench) {
        let mut bench = bench;
        let fake = crate::mastodon::connect(&mut bench, "").await;
        let worker = bench.start().await;
        look(&bench).await;
        let freeze = freeze_on(&bench.app, &bench, Scope::default()).await;
        let (toots, now) = (bench.channels.last().unwrap(), bench.app.clock().now());
        let (at, snapshot) = (now + 30 * MINUTE, json!({ "post": { "text": "Sale & more: https://bank.example/a" } }));
        bench.sql(&format!(
            "insert into swept (id, channel_id, freeze_id, place, remote_id, due_at, words, snapshot, mark, state,
               in_hand_until, tries, restore_at, new_id, found_at, changed_at)
             values ('s1', '{toots}', '{}', 'p', '77', {now}, 'Sale', '{snapshot}', 'm', 'restored', 0, 0, {at}, '78', {now},
               {now})",
            freeze.id
        )).await;
        bench.app.clock().advance(31 * MINUTE);
        let html = "<p>Sale &amp; more: <a href=\"https://bank.example/a\">bank.example/a</a></p>";
        fake.add(html);
        assert!(look(&bench).await.posts.is_empty(), "Holdline had put it back");
        bench.app.clock().advance(MINUTE);
        assert!(look(&bench).await.posts.is_empty());
        // It was one post: another one with its words is nobody's here.
        fake.add(html);
        fake.add("<p>Send your coins to us</p>");
        bench.app.clock().advance(MINUTE);
        assert_eq!(states(&look(&bench).await, ""), ["foreign", "foreign"]);
        assert_eq!(alarms(&bench, "Sale").await.len(), 1);
        worker.stop().await.unwrap();
    }

    async fn what_was_seen_by_another_number_of_an_account_is_kept_under_its_own_once(bench) {
        let id = &bench.channels[0];
        for (account, post, state) in [
            ("instagram 26", "26:1", "known"),
            ("instagram 26", "26:2", "open"),
            ("instagram 1784", "1784:2", "ours"),
            // The first look by the new number calls all known that is there; an alarm about it goes on.
            ("instagram 26", "26:3", "foreign"),
            ("instagram 1784", "1784:3", "known"),
            ("instagram 26", "26:4", "known"),
            ("instagram 1784", "1784:4", "open"),
            ("instagram 26", "odd", "foreign"),
            ("instagram 99", "99:1", "known"),
        ] {
            bench.sql(&format!(
                "insert into seen_posts (account, remote_id, channel_id, state, seen_at, words)
                 values ('{account}', '{post}', '{id}', '{state}', {MINUTE}, 'w')"
            )).await;
        }
        bench.sql(&format!(
            "insert into signals (id, said_by, source, key, title, state, first_seen_at, last_seen_at, times, worded,
               logged_at) values ('s1', 'watch', 'watch', 'k', 't', 'waiting', {MINUTE}, {MINUTE}, 1, 1, {MINUTE})"
        )).await;
        bench.sql("update seen_posts set signal_id = 's1' where remote_id = '26:3'").await;
        let store = bench.look().await;
        for _ in 0..2 {
            let mut tx = store.begin().await.unwrap();
            tx.move_seen_posts("instagram 26", "instagram 1784").await.unwrap();
            let mut left = Vec::new();
            let ids = ["1", "2", "3", "4"].map(|n| [format!("26:{n}"), format!("1784:{n}")]).concat();
            let ids: Vec<&str> = ids.iter().map(String::as_str).chain(["odd", "99:1"]).collect();
            for account in ["instagram 26", "instagram 1784", "instagram 99"] {
                let seen = tx.seen_posts(account, &ids).await.unwrap();
                left.extend(seen.into_iter().map(|p| (p.account, p.remote_id, p.state)));
            }
            left.sort();
            let row = |account: &str, post: &str, state: &str| (account.to_owned(), post.to_owned(), state.to_owned());
            assert_eq!(left, [
                row("instagram 1784", "1784:1", "known"),
                row("instagram 1784", "1784:2", "ours"),
                row("instagram 1784", "1784:3", "foreign"),
                row("instagram 1784", "1784:4", "open"),
                row("instagram 1784", "odd", "foreign"),
                row("instagram 99", "99:1", "known"),
            ]);
            let (of_alarm, _) = tx.posts_of_signal("s1", 9).await.unwrap();
            assert_eq!(of_alarm.iter().map(|p| p.remote_id.as_str()).collect::<Vec<_>>(), ["1784:3"]);
            tx.commit_unaudited(holdline::store::Unaudited::Look).await.unwrap();
        }
    }

    async fn where_the_watch_is_turned_off_nobody_looks_and_what_came_meanwhile_is_no_alarm(bench) {
        let mut bench = bench;
        let fake = pages(&mut bench, &["page"]).await;
        let worker = bench.start().await;
        look(&bench).await;
        crate::watches_seldom::watch(&bench, "off").await;
        bench.app.clock().advance(5 * MINUTE);
        assert!(look(&bench).await.accounts.is_empty());
        add(&fake, 0, "By hand", "");
        crate::watches_seldom::watch(&bench, "").await;
        assert_eq!(states(&look(&bench).await, "By hand"), ["unsure"]);
        add(&fake, 0, "Send your coins to us", "");
        bench.app.clock().advance(5 * MINUTE);
        assert_eq!(states(&look(&bench).await, "Send your coins"), ["foreign"]);
        worker.stop().await.unwrap();
    }

    async fn a_look_that_ends_after_its_channel_was_changed_counts_for_nothing(bench) {
        let mut bench = bench;
        let fake = pages(&mut bench, &["page"]).await;
        let worker = bench.start().await;
        let id = bench.channels.last().unwrap().clone();
        look(&bench).await;
        for edit in [json!({ "credential": "EAAhunter2" }), json!({ "disabled": true })] {
            bench.app.clock().advance(5 * MINUTE);
            fake.lock().unwrap().holds_looks = true;
            let (before, app) = (fake.lock().unwrap().looks, bench.app.clone());
            let looking = tokio::spawn(async move { watches::look_all(&app).await });
            while fake.lock().unwrap().looks == before {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            let edit = serde_json::from_value(edit).unwrap();
            channels::edit(&bench.app, &bench.administrator, &id, None, edit).await.unwrap();
            fake.lock().unwrap().holds_looks = false;
            looking.await.unwrap().unwrap();
            let watch = bench.look().await.watch(&id).await.unwrap();
            assert!(watch.is_none_or(|w| w.looked_at.is_none()), "the watch began anew, or waits");
            look(&bench).await;
        }
        add(&fake, 0, "By hand", "");
        switch(&bench, &id, false).await;
        assert_eq!(states(&look(&bench).await, "By hand"), ["unsure"]);
        assert!(alarms(&bench, "").await.is_empty());
        worker.stop().await.unwrap();
    }
}
