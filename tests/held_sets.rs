//! A decision about many held posts is about exactly those that were read.

use channels::http::Request;
use holdline::app::AppError;
use holdline::app::held::{self, Choice, Review};
use holdline::app::held_set::{self, HeldPreview};
use holdline::app::import::Importer;
use holdline::domain::delivery::State;
use serde_json::{Value, json};

use crate::commands::run;
use crate::console::sign_in;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::visitor::{hidden, read, send, text};

/// Holds that many posts with the label `promo`, each on one channel.
async fn hold(bench: &Bench, count: usize) {
    let mut importer = Importer::new(&bench.app, &bench.operator, true).await.unwrap();
    let due = holdline::clock::rfc3339(bench.app.clock().now() + 3_600_000);
    for n in 0..count {
        let row = json!({"kind": "routine", "labels": ["promo"], "channels": ["alpha"], "due": due,
            "source": {"text": format!("Offer {n}")}});
        importer.feed(format!("{row}\n").as_bytes()).await.unwrap();
    }
    assert_eq!(importer.finish().await.unwrap().created, count);
    bench.sql("update deliveries set state = 'held' where state = 'draft'").await;
}

async fn preview(bench: &Bench) -> HeldPreview {
    held_set::preview(&bench.app, &bench.operator, "promo").await.unwrap()
}

/// Another post comes in the place of the first: as many as before, and not the same.
async fn exchange(bench: &Bench) {
    let first = preview(bench).await.deliveries.remove(0).delivery;
    hold(bench, 1).await;
    let cancel = cancel(vec![first], None, None);
    assert_eq!(held::review(&bench.app, &bench.operator, &cancel).await.unwrap().changed, 1);
}

fn cancel(deliveries: Vec<String>, label: Option<&str>, hash: Option<String>) -> Review {
    let (label, choice) = (label.map(str::to_owned), Choice::Cancel);
    Review { choice, deliveries, label, hash, expected: None, at: None, zone: None, spread_minutes: 0 }
}

async fn held(bench: &Bench) -> i64 {
    held::tally(&bench.app, &bench.operator, State::Held, Some("promo")).await.unwrap().matching
}

on_both! {
    async fn as_many_held_posts_are_not_the_same_ones(bench) {
        hold(&bench, 3).await;
        let seen = preview(&bench).await;
        assert_eq!((seen.count, seen.deliveries.len()), (3, 3));
        assert_eq!(preview(&bench).await.hash, seen.hash, "the same set has the same hash");
        exchange(&bench).await;
        let by_hash = |hash: &str| cancel(Vec::new(), Some("promo"), Some(hash.to_owned()));
        let (app, by) = (&bench.app, &bench.operator);
        let refused = held::review(app, by, &by_hash(&seen.hash)).await.unwrap_err();
        assert!(matches!(refused, AppError::Conflict(_)), "{refused}");
        let words = refused.to_string();
        assert!(words.contains("(3 deliveries by now); nothing was decided"), "{words}");
        assert_eq!(held(&bench).await, 3);
        let seen = preview(&bench).await;
        // Another time is another decision, too.
        bench.sql(&format!("update deliveries set due_at = due_at + 1 where id = '{}'", seen.deliveries[2].delivery)).await;
        let refused = held::review(app, by, &by_hash(&seen.hash)).await.unwrap_err();
        assert!(matches!(refused, AppError::Conflict(_)), "{refused}");
        let lost = Review { label: None, ..by_hash(&seen.hash) };
        let lost = Review { deliveries: vec![seen.deliveries[0].delivery.clone()], ..lost };
        let refused = held::review(app, by, &lost).await.unwrap_err();
        assert!(matches!(refused, AppError::Invalid(_)), "a hash belongs to a label: {refused}");
        let done = held::review(app, by, &by_hash(&preview(&bench).await.hash)).await.unwrap();
        assert_eq!((done.changed, held(&bench).await), (3, 0));
        assert_eq!(preview(&bench).await.count, 0);
    }

    async fn callers_and_commands_carry_the_hash_back(bench) {
        let caller = Caller::new(&bench).await;
        hold(&bench, 2).await;
        let show = || async {
            let answer = caller.call(Request::get(&caller.url("/held/review?label=promo"))).await;
            answer.json::<Value>().unwrap()
        };
        let seen = show().await;
        assert_eq!((&seen["count"], &seen["label"]), (&json!(2), &json!("promo")));
        exchange(&bench).await;
        let body = json!({"choice": "cancel", "label": "promo", "hash": seen["hash"]});
        let refused = caller.post("/held/review", &body).await;
        let problem = refused.json::<Value>().unwrap();
        assert!(refused.status == 409 && problem["detail"].as_str().unwrap().contains("nothing was decided"), "{problem}");
        // Whoever sends a number goes on as before.
        let body = json!({"choice": "reschedule", "label": "promo", "expected": 3, "at": "2099-01-01T00:00:00Z"});
        assert_eq!(caller.post("/held/review", &body).await.status, 409);
        let operator = &caller.operator;
        let (code, out, errors) = run(&caller, operator, &["held", "preview", "--label", "promo"]).await;
        let hash = out.trim().rsplit("hash ").next().unwrap().to_owned();
        assert!(code == Some(0) && out.contains("2 deliveries are held with this label"), "{out}{errors}");
        assert_eq!(json!(hash), show().await["hash"]);
        let review = ["held", "review", "cancel", "--label", "promo", "--hash"];
        let old = seen["hash"].as_str().unwrap();
        let (code, _, errors) = run(&caller, operator, &[&review[..], &[old]].concat()).await;
        assert!(code == Some(3) && errors.contains("nothing was decided"), "{code:?} {errors}");
        let (code, out, errors) = run(&caller, operator, &[&review[..], &[&hash]].concat()).await;
        assert_eq!(code, Some(0), "{out}{errors}");
        assert_eq!(held(&bench).await, 0);
    }

    async fn the_console_decides_about_what_it_showed(bench) {
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        hold(&bench, 3).await;
        let page = "/console/held/decide?state=held&label=promo";
        let old = hidden(&read(&caller, &cookie, page).await, "hash");
        exchange(&bench).await;
        let form = |hash: &str, more: &str| format!("state=held&label=promo&hash={hash}&{more}");
        let decide = |form: String| {
            let (caller, cookie) = (&caller, &cookie);
            async move { send(caller, cookie, page, "/console/held/review", &form).await }
        };
        let later = "choice=reschedule&at=2099-01-01T10%3A00&zone=Europe%2FParis&spread=7";
        let refused = decide(form(&old, later)).await;
        let html = text(&refused);
        assert_eq!(refused.status, 422, "{html}");
        assert!(html.contains("has changed since you read it (3 deliveries by now)"), "{html}");
        assert!(html.contains("value=\"2099-01-01T10:00\"") && html.contains("value=\"7\""), "nothing is lost: {html}");
        assert_ne!(hidden(&html, "hash"), old);
        let without = decide("state=held&label=promo&choice=cancel&word=cancel&expected=3".into()).await;
        assert_eq!(without.status, 422, "a form of an older page decides nothing");
        assert_eq!(held(&bench).await, 3);
        let done = decide(form(&hidden(&html, "hash"), "choice=cancel&word=cancel")).await;
        assert_eq!((done.status, held(&bench).await), (303, 0), "{}", text(&done));
    }

    async fn thousands_of_held_posts_are_read_in_one_pass(bench) {
        hold(&bench, 5_050).await;
        let begun = std::time::Instant::now();
        let seen = preview(&bench).await;
        eprintln!("{} held in {:?}", seen.count, begun.elapsed());
        assert_eq!((seen.count, seen.deliveries.len()), (5_050, 20));
        let last = "update deliveries set due_at = due_at + 1
            where id = (select max(id) from deliveries where state = 'held')";
        bench.sql(last).await;
        assert_ne!(preview(&bench).await.hash, seen.hash, "the last one counts like the first");
    }
}
