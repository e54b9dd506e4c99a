//! How much room signals have, who shares it, and calls that are sent again because there was none.

use channels::http::Request;
use holdline::app::heard::{self, MOST_ALERTS, NewSignal};
use holdline::app::shares::{ALWAYS, MOST_WAITING, OF_SENDER, OF_SOURCE};
use holdline::app::{Actor, AppError, signals};
use holdline::domain::role::Role;
use serde_json::{Value, json};

use crate::console::sign_in;
use crate::on_both;
use crate::signals::{alert, alerts, log, new, notification, say, waiting};
use crate::support::caller::Caller;
use crate::support::{Bench, person, visitor};

fn named(n: i64) -> Value {
    alert(&format!("f{n:04}"), "firing", "2026-11-27T13:00:00Z")
}

fn firing(keys: std::ops::Range<i64>) -> Value {
    notification("firing", &keys.map(named).collect::<Vec<_>>())
}

/// Says so many in the name of that source; what was refused at the end, if anything was.
async fn fill(bench: &Bench, who: &Actor, source: &str, n: i64) -> Option<String> {
    for key in 0..n {
        let new = NewSignal { source: source.into(), ..new(&format!("k{key}")) };
        match heard::receive(&bench.app, who, &new).await {
            Ok(_) => {}
            Err(AppError::Full(words)) => return Some(words),
            Err(e) => panic!("{e:?}"),
        }
    }
    None
}

on_both! {
    async fn one_source_has_its_share_and_others_find_a_place(bench) {
        let over = alert("gone", "resolved", "2026-11-27T13:00:00Z");
        let many = notification("firing", &[vec![over], (0..120).map(named).collect()].concat());
        let done = alerts(&bench, many).await.unwrap();
        assert_eq!((done.added, done.left, done.unknown), (MOST_ALERTS, 21, 0), "what fires comes first");
        let full = alerts(&bench, firing(900..920)).await.unwrap_err();
        assert!(matches!(&full, AppError::Full(words) if words.contains("100 signals of alertmanager")
            && words.contains("20 of these") && words.contains("dismiss some or open incidents")), "{full:?}");
        assert_eq!(alerts(&bench, firing(0..5)).await.unwrap().counted, 5, "what is known has its place");
        // Another source of the same sender has what is left of their share; another sender their own.
        assert_eq!(fill(&bench, &bench.operator, "probe", OF_SENDER - OF_SOURCE).await, None);
        let words = fill(&bench, &bench.operator, "third", 1).await.unwrap();
        assert!(words.contains("150 signals of this sender"), "{words}");
        let other = person(&bench.app, &bench.administrator, "other", Role::Integrator).await;
        assert_eq!(fill(&bench, &other, "alertmanager", MOST_WAITING - OF_SENDER).await, None);
        let more = heard::receive(&bench.app, &other, &new("more")).await.unwrap_err();
        assert!(matches!(&more, AppError::Full(words) if words.contains("200 signals")), "{more:?}");
        let quiet = person(&bench.app, &bench.administrator, "quiet", Role::Integrator).await;
        assert_eq!(fill(&bench, &quiet, "probe", ALWAYS).await, None, "a quiet sender finds a place");
        assert!(fill(&bench, &quiet, "other", 1).await.is_some());
        assert_eq!(waiting(&bench).await, (MOST_WAITING + ALWAYS) as usize);
        let caller = Caller::new(&bench).await;
        let approver = sign_in(&bench, &bench.approver).await;
        // All cards are of others.
        bench.sql("update signals set severity = 'critical', first_seen_at = first_seen_at + 1000000
            where said_by <> (select id from people where name = 'operator')").await;
        let seen = visitor::read(&caller, &approver.cookie, "/console").await;
        assert!(seen.contains("210 signals wait for a decision: no room for more"), "{seen}");
        // Who fills a share is named, also when none of the cards is theirs, and when they are gone.
        assert!(seen.matches("said by operator").count() == 1, "{seen}");
        for (who, sql) in [("operator", "select 1"), ("operator (disabled)", "update people set disabled_at = 1 where name = 'operator'"),
            ("somebody who is deleted", "update signals set said_by = 'gone' where said_by = (select id from people where name = 'operator')")] {
            bench.sql(sql).await;
            let seen = visitor::read(&caller, &approver.cookie, "/console").await;
            assert!(seen.contains(&format!("alertmanager, said by {who}, has used up its share")), "{who}: {seen}");
            assert!(seen.contains(&format!("{who} has used up the share of one sender")), "{who}: {seen}");
        }
        bench.sql("update signals set said_by = (select id from people where name = 'operator') where said_by = 'gone'").await;
        let mut gone = named(0);
        gone["status"] = json!("resolved");
        alerts(&bench, notification("firing", &[gone])).await.unwrap();
        assert_eq!(fill(&bench, &quiet, "other", 1).await.is_some(), waiting(&bench).await >= MOST_WAITING as usize);
    }

    async fn a_call_that_is_sent_again_after_a_refusal_counts_once(bench) {
        alerts(&bench, firing(0..OF_SOURCE - 2)).await.unwrap();
        let call = firing(200..204);
        let times = async || {
            let all = signals::list(&bench.app, &bench.operator, true).await.unwrap();
            let mut times: Vec<_> = all.into_iter().filter(|s| s.key.starts_with("f02")).map(|s| s.times).collect();
            times.sort_unstable();
            times
        };
        for _ in 0..3 {
            let full = alerts(&bench, call.clone()).await.unwrap_err();
            assert!(matches!(&full, AppError::Full(words) if words.contains("2 of these")), "{full:?}");
            assert_eq!(times().await, [1, 1], "the same call again says nothing new");
        }
        for (n, status) in [(0, "resolved"), (1, "resolved")] {
            let mut gone = named(n);
            gone["status"] = json!(status);
            alerts(&bench, notification("firing", &[gone])).await.unwrap();
        }
        assert_eq!(alerts(&bench, call.clone()).await.unwrap().counted, 2);
        assert_eq!(times().await, [1, 1, 1, 1]);
        assert_eq!(alerts(&bench, call).await.unwrap().counted, 4);
        assert_eq!(times().await, [2, 2, 2, 2], "after that it is a repetition");
    }

    async fn other_words_after_a_refusal_are_counted(bench) {
        alerts(&bench, firing(0..OF_SOURCE - 1)).await.unwrap();
        alerts(&bench, firing(200..202)).await.unwrap_err();
        let mut worse = named(200);
        worse["annotations"]["summary"] = json!("Cards are copied");
        let done = alerts(&bench, notification("firing", &[worse])).await.unwrap();
        assert_eq!((done.signals[0].times, done.signals[0].title.as_str()), (2, "Cards are copied"));
        assert!(log(&bench, "signal.repeated").await.is_empty(), "within a minute");
    }

    async fn a_sender_is_told_to_try_again_and_a_key_counts_nothing_twice(bench) {
        let caller = Caller::new(&bench).await;
        alerts(&bench, firing(0..OF_SOURCE - 1)).await.unwrap();
        let post = async |path: &str, body: &Value| {
            let request = Request::post(&caller.url(path)).header("idempotency-key", "once");
            caller.call(request.json(body)).await
        };
        for _ in 0..2 {
            let refused = post("/signals/alertmanager", &firing(200..202)).await;
            let problem: Value = refused.json().unwrap();
            assert_eq!((refused.status, refused.header("content-type")), (503, Some("application/problem+json")), "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains("100 signals of alertmanager wait"), "{problem}");
        }
        let mut gone = named(0);
        gone["status"] = json!("resolved");
        alerts(&bench, notification("firing", &[gone])).await.unwrap();
        for _ in 0..2 {
            let done: Value = post("/signals/alertmanager", &firing(200..202)).await.json().unwrap();
            let times: Vec<_> = done["signals"].as_array().unwrap().iter().map(|s| s["times"].clone()).collect();
            assert_eq!(times, [1, 1], "{done}");
        }
        let known = say(&bench, &new("disk")).await;
        assert_eq!(known.times, 1, "another source has its own share");
    }
}
