//! What an incident promises, its recurring updates, and what its end stops.

use holdline::app::held::{self, Choice, Review};
use holdline::app::import::Importer;
use holdline::app::incidents::{self, NewIncident};
use holdline::app::permits::{self, Rooms};
use holdline::app::posts::{self, NewPost, PostFilter, PostView};
use holdline::app::sending::{self, Outcome};
use holdline::app::{AppError, Result, series, site};
use holdline::clock::{Millis, rfc3339};
use holdline::domain::delivery::State;
use holdline::domain::incident::Severity;
use holdline::domain::post::PostState;
use holdline::sandbox::Fault;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::Bench;

const MINUTE: Millis = 60_000;

async fn open(bench: &Bench) -> incidents::IncidentView {
    let new = NewIncident {
        title: "Payments are down".into(),
        severity: Severity::Major,
        drill: false,
        freeze: false,
        scope: Default::default(),
        promise: None,
        playbook: None,
        adopt: None,
        freeze_too: false,
        signal: None,
    };
    incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident
}

async fn write(bench: &Bench, new: &Value) -> Result<PostView> {
    let new: NewPost = serde_json::from_value(new.clone()).unwrap();
    posts::create(&bench.app, &bench.operator, &new).await
}

fn at(bench: &Bench, minutes: i64) -> String {
    rfc3339(bench.app.clock().now() + minutes * MINUTE)
}

async fn next_promise(bench: &Bench, incident: &str) -> Option<String> {
    incidents::get(&bench.app, &bench.operator, incident).await.unwrap().next_promise
}

async fn states(bench: &Bench, post: &str) -> Vec<State> {
    let view = posts::get(&bench.app, &bench.operator, post).await.unwrap();
    view.deliveries.iter().map(|d| d.state).collect()
}

/// Waits until each delivery of the post was tried, and so many are accepted.
async fn tried(bench: &Bench, post: &str, accepted: usize) {
    for _ in 0..400 {
        let view = posts::get(&bench.app, &bench.operator, post).await.unwrap();
        let out = view.deliveries.iter().filter(|d| d.state == State::Accepted).count();
        let settled = |d: &posts::DeliveryView| d.attempts > 0 && d.state != State::Sending;
        if view.deliveries.iter().all(settled) && out == accepted {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{post} was not tried on every channel, with {accepted} accepted");
}

/// The posts of a series, by due time.
async fn all_of(bench: &Bench, label: &str) -> Vec<PostView> {
    let filter = PostFilter { label: Some(label.into()), limit: 100, ..PostFilter::default() };
    posts::list(&bench.app, &bench.operator, &filter).await.unwrap()
}

on_both! {
    async fn every_update_says_when_the_next_one_comes(bench) {
        let incident = open(&bench).await;
        let (id, due) = (&incident.id, at(&bench, 10));
        let post = |kind: &str, promise: Option<String>| json!({"kind": kind, "incident": id, "due": due,
            "promise": promise, "source": {"text": "We know of it."}});
        let refused = |result: Result<PostView>| match result {
            Err(AppError::Invalid(problems)) => problems.into_iter().map(|p| p.field).collect::<Vec<_>>(),
            other => panic!("not refused: {other:?}"),
        };
        assert_eq!(refused(write(&bench, &post("update", None)).await), ["promise"]);
        assert_eq!(refused(write(&bench, &post("update", Some(due.clone()))).await), ["promise"]);
        assert_eq!(refused(write(&bench, &post("update", Some(at(&bench, 5)))).await), ["promise"]);
        write(&bench, &post("update", Some(at(&bench, 30)))).await.unwrap();
        for kind in ["tip", "notice", "correction"] {
            write(&bench, &post(kind, None)).await.unwrap();
        }
        let marketing = json!({"kind": "routine", "promise": at(&bench, 30), "source": {"text": "x"}});
        assert_eq!(refused(write(&bench, &marketing).await), ["promise"]);
        // The last word promises nothing.
        incidents::resolve(&bench.app, &bench.operator, id, None, "over").await.unwrap();
        assert_eq!(refused(write(&bench, &post("update", Some(at(&bench, 30)))).await), ["promise"]);
        assert_eq!(refused(write(&bench, &post("tip", None)).await), ["incident"]);
        write(&bench, &post("update", None)).await.unwrap();
    }

    async fn a_correction_names_a_post_of_its_own_incident(bench) {
        let (one, other) = (open(&bench).await.id, open(&bench).await.id);
        let tip = |incident: &str| json!({"kind": "tip", "incident": incident, "source": {"text": "wrong"}});
        let (wrong, foreign) = (bench.submit(tip(&one)).await.id, bench.submit(tip(&other)).await.id);
        let correction = |of: &str| json!({"kind": "correction", "incident": one, "corrects": of,
            "source": {"text": "right"}});
        for (of, words) in [("nothing", "there is no post nothing"), (&foreign, "is not of this incident")] {
            let Err(AppError::Invalid(problems)) = write(&bench, &correction(of)).await else { panic!("{of}") };
            assert_eq!((problems.len(), problems[0].field.as_str()), (1, "corrects"));
            assert!(problems[0].message.contains(words), "{problems:?}");
        }
        let right = write(&bench, &correction(&wrong)).await.unwrap();
        let edit: NewPost = serde_json::from_value(correction(&foreign)).unwrap();
        assert!(posts::edit(&bench.app, &bench.operator, &right.id, None, &edit).await.is_err());
        let mut importer = Importer::new(&bench.app, &bench.operator, false).await.unwrap();
        for of in ["nothing", &wrong] {
            importer.feed(format!("{}\n", correction(of)).as_bytes()).await.unwrap();
        }
        let done = importer.finish().await.unwrap();
        assert_eq!((done.created, done.failed), (1, 1), "{done:?}");
    }

    async fn an_update_whose_promise_has_passed_is_edited_first(bench) {
        use holdline::app::approvals::{self, NewDecision};
        use holdline::domain::approval::Decision;
        let incident = open(&bench).await;
        let mut past = json!({"kind": "update", "incident": incident.id, "channels": ["alpha"], "due": at(&bench, -60),
            "promise": at(&bench, -30), "source": {"text": "news"}});
        assert!(matches!(write(&bench, &past).await, Err(AppError::Invalid(_))), "it is past already");
        past["due"] = Value::Null;
        past["promise"] = json!(at(&bench, 30));
        let (draft, waits) = (write(&bench, &past).await.unwrap(), bench.submit(past.clone()).await);
        let held = bench.approved(past.clone()).await;
        let order = serde_json::from_value(json!({"scope": {"crisis_too": true}})).unwrap();
        let frozen = holdline::app::freezes::create(&bench.app, &bench.operator, &order).await.unwrap();
        permits::claim(&bench.app, 8, 8, &mut Rooms::default()).await.unwrap();
        holdline::app::freezes::thaw(&bench.app, &bench.operator, &frozen.id, "over").await.unwrap();
        let delivery = held.deliveries[0].id.clone();
        let review = |choice, minutes: Option<i64>| Review { choice, deliveries: vec![delivery.clone()], label: None,
            hash: None,
            expected: None,
            at: minutes.map(|m| at(&bench, m)), zone: None, spread_minutes: 0 };
        let late = held::review(&bench.app, &bench.operator, &review(Choice::Reschedule, Some(30))).await.unwrap();
        assert!(late.changed == 0 && late.left[0].1.contains("it promises an update at"), "{late:?}");
        bench.app.clock().advance(30 * MINUTE);
        let late = held::review(&bench.app, &bench.operator, &review(Choice::Release, None)).await.unwrap();
        assert!(late.changed == 0 && late.left[0].1.contains("edit it"), "{late:?}");
        let submitted = posts::submit(&bench.app, &bench.operator, &draft.id).await;
        let bundle = approvals::sheet(&bench.app, &bench.approver, &waits.id).await.unwrap().bundle;
        let decide = |decision| NewDecision { decision, bundle: bundle.clone(), comment: Some("a reason".into()), unready: Vec::new() };
        let (app, id) = (&bench.app, &waits.id);
        let approved = approvals::decide(app, &bench.approver, id, &decide(Decision::Approve)).await.map(drop);
        let glass = approvals::decide(app, &bench.operator, id, &decide(Decision::BreakGlass)).await.map(drop);
        for refused in [submitted.map(drop), approved, glass] {
            let Err(AppError::Conflict(why)) = refused else { panic!("not refused: {refused:?}") };
            assert!(why.contains("edit it"), "{why}");
        }
        approvals::decide(app, &bench.approver, id, &decide(Decision::Reject)).await.unwrap();
        assert_eq!(held::review(app, &bench.operator, &review(Choice::Cancel, None)).await.unwrap().changed, 1);
    }

    async fn an_old_incident_gets_its_updates_however_many_came_after_it(bench) {
        let old = open(&bench).await;
        bench.sql("with recursive n (i) as (select 1 union all select i + 1 from n where i < 520)
            insert into incidents (id, slug, title, severity, drill, state, opened_at, opened_by, version)
            select 'i' || i, 's' || i, 't', 'minor', false, 'open', 9999999999999, 'x', 1 from n").await;
        for name in [&old.id, &old.slug] {
            let update = json!({"kind": "update", "incident": name, "source": {"text": "news"},
                "promise": at(&bench, 30)});
            assert_eq!(write(&bench, &update).await.unwrap().incident.as_ref(), Some(&old.id));
        }
        let mut importer = Importer::new(&bench.app, &bench.operator, true).await.unwrap();
        for name in [&old.id, "none"] {
            let row = json!({"kind": "tip", "incident": name, "source": {"text": "Stay calm."}});
            importer.feed(format!("{row}\n").as_bytes()).await.unwrap();
        }
        let result = importer.finish().await.unwrap();
        assert_eq!((result.failed, result.errors[0].row), (1, 2), "{result:?}");
    }

    async fn the_next_update_is_promised_when_the_first_copy_is_out_and_a_late_one_takes_nothing_back(bench) {
        let incident = open(&bench).await;
        let worker = bench.start().await;
        let update = |text: &str, channels: &[&str], promise: i64| json!({"kind": "update", "incident": incident.id,
            "channels": channels, "source": {"text": text}, "promise": at(&bench, promise)});
        // The first one waits on one channel, and another one has not even begun.
        bench.sandbox.fault("beta", Fault::TooMany { seconds: 600 }, 1);
        bench.sandbox.fault("gamma", Fault::TooMany { seconds: 600 }, 1);
        let first = update("first", &["alpha", "beta", "site"], 60);
        let first_promise = first["promise"].as_str().unwrap().to_owned();
        let first = bench.submit(first).await;
        let late = bench.submit(update("late", &["gamma"], 20)).await;
        assert_eq!(next_promise(&bench, &incident.id).await, None, "nothing is out");
        bench.approve(&first.id).await;
        tried(&bench, &first.id, 2).await;
        assert_eq!(next_promise(&bench, &incident.id).await.as_ref(), Some(&first_promise));
        bench.approve(&late.id).await;
        tried(&bench, &late.id, 0).await;
        let page = site::page(&bench.app, &incident.slug).await.unwrap();
        assert_eq!(page.next_update, Some(first_promise));
        bench.app.clock().advance(MINUTE);
        let second = update("second", &["alpha", "site"], 90);
        let promise = second["promise"].as_str().map(str::to_owned);
        let second = bench.approved(second).await;
        bench.until(&second.id, &["accepted"]).await;
        assert_eq!(next_promise(&bench, &incident.id).await, promise);
        // Now the others come.
        bench.app.clock().advance(11 * MINUTE);
        for id in [&first.id, &late.id] {
            bench.until(id, &["accepted"]).await;
        }
        assert_eq!(next_promise(&bench, &incident.id).await, promise);
        let page = site::page(&bench.app, &incident.slug).await.unwrap();
        assert_eq!(page.next_update, promise);
        worker.stop().await.unwrap();
    }

    async fn an_update_in_time_keeps_the_promise_and_none_breaks_it(bench) {
        let incident = open(&bench).await;
        let worker = bench.start().await;
        let overdue = || async {
            incidents::mark_overdue(&bench.app).await.unwrap();
            let page = site::page(&bench.app, &incident.slug).await.unwrap();
            let view = incidents::get(&bench.app, &bench.operator, &incident.id).await.unwrap();
            assert_eq!(page.overdue, view.overdue_since.is_some(), "page and desk agree");
            page.overdue
        };
        let update = |promise| json!({"kind": "update", "incident": incident.id, "source": {"text": "news"},
            "promise": at(&bench, promise)});
        let first = bench.approved(update(1)).await;
        bench.until(&first.id, &["accepted"]).await;
        bench.app.clock().advance(MINUTE / 2);
        let second = bench.approved(update(10)).await;
        bench.until(&second.id, &["accepted"]).await;
        bench.app.clock().advance(MINUTE);
        assert!(!overdue().await, "the second update was in time");
        bench.app.clock().advance(10 * MINUTE);
        assert!(overdue().await);
        let third = bench.approved(update(10)).await;
        bench.until(&third.id, &["accepted"]).await;
        assert!(!overdue().await, "it came at last");
        worker.stop().await.unwrap();
    }

    async fn what_a_recurrence_gives_keeps_the_approval_and_moves_its_times(bench) {
        let incident = open(&bench).await;
        let (due, hour) = (bench.app.clock().now() + MINUTE, 60 * MINUTE);
        let post = json!({"kind": "update", "incident": incident.id, "labels": ["series"], "channels": ["alpha"],
            "source": {"text": "We still work on it."}, "due": rfc3339(due), "promise": rfc3339(due + hour),
            "valid_until": rfc3339(due + hour / 2), "recurrence": "0 * * * *"});
        bench.approved(post).await;
        bench.app.clock().advance(2 * MINUTE);
        series::continue_series(&bench.app).await.unwrap();
        series::continue_series(&bench.app).await.unwrap();
        let all = all_of(&bench, "series").await;
        assert_eq!(all.len(), 2, "one more, however often it is asked");
        let time = |t: &str| holdline::domain::times::parse(t, "UTC").unwrap();
        let next = posts::get(&bench.app, &bench.operator, &all[1].id).await.unwrap();
        let shift = time(&next.due) - time(&all[0].due);
        assert!(shift > 0 && time(&next.due) % hour == 0, "{}", next.due);
        assert_eq!(time(next.promise.as_ref().unwrap()), due + hour + shift);
        assert_eq!(time(next.valid_until.as_ref().unwrap()), due + hour / 2 + shift);
        assert_eq!((next.state, next.deliveries[0].state), (PostState::Approved, State::Scheduled));
        assert_eq!(next.authors, std::slice::from_ref(&bench.operator.id));
        // The approval of crisis posts holds for 72 hours: what comes after waits for a new one.
        bench.app.clock().advance(72 * hour);
        series::continue_series(&bench.app).await.unwrap();
        let last = all_of(&bench, "series").await.pop().unwrap();
        let last = posts::get(&bench.app, &bench.operator, &last.id).await.unwrap();
        assert_eq!((last.state, last.deliveries[0].state), (PostState::Submitted, State::Draft));
        bench.app.clock().advance(2 * hour);
        series::continue_series(&bench.app).await.unwrap();
        assert_eq!(all_of(&bench, "series").await.len(), 3, "what nobody approved does not go on");
    }

    async fn what_was_cancelled_or_rejected_does_not_go_on(bench) {
        use holdline::app::approvals::{self, NewDecision};
        let post = |n: usize| json!({"kind": "routine", "labels": [format!("series-{n}")], "channels": ["alpha"],
            "source": {"text": "x"}, "due": at(&bench, 1), "recurrence": "0 * * * *"});
        let cancelled = bench.approved(post(0)).await;
        posts::cancel(&bench.app, &bench.operator, &cancelled.id).await.unwrap();
        let rejected = bench.submit(post(1)).await;
        let bundle = approvals::sheet(&bench.app, &bench.approver, &rejected.id).await.unwrap().bundle;
        let decision = holdline::domain::approval::Decision::Reject;
        let no = NewDecision { decision, bundle, comment: Some("no".into()), unready: Vec::new() };
        approvals::decide(&bench.app, &bench.approver, &rejected.id, &no).await.unwrap();
        bench.app.clock().advance(2 * MINUTE);
        series::continue_series(&bench.app).await.unwrap();
        for n in 0..2 {
            assert_eq!(all_of(&bench, &format!("series-{n}")).await.len(), 1);
        }
    }

    async fn the_end_of_an_incident_stops_its_updates_and_tips(bench) {
        let incident = open(&bench).await;
        let worker = bench.start().await;
        let post = |kind: &str, due: i64| json!({"kind": kind, "incident": incident.id, "due": at(&bench, due),
            "channels": ["alpha"], "labels": [kind], "source": {"text": format!("{kind}: payments are still down")}});
        let out = bench.approved(post("update", 0)).await;
        bench.until(&out.id, &["accepted"]).await;
        let update = bench.approved(post("update", 1)).await;
        let mut again = post("tip", 1);
        again["recurrence"] = json!("* * * * *");
        let tip = bench.approved(again).await;
        let waits = bench.submit(post("tip", 1)).await;
        let correction = bench.approved(post("correction", 1)).await;
        let done = incidents::resolve(&bench.app, &bench.approver, &incident.id, None, "over").await.unwrap();
        assert_eq!((done.held, done.drafts), (2, 1));
        assert!(done.incident.resolved_at.is_some());
        bench.app.clock().advance(5 * MINUTE);
        series::continue_series(&bench.app).await.unwrap();
        bench.until(&correction.id, &["accepted"]).await;
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        assert_eq!((states(&bench, &update.id).await, states(&bench, &tip.id).await), (vec![State::Held], vec![State::Held]));
        assert_eq!(all_of(&bench, "tip").await.len(), 2, "the recurrence has ended");
        assert_eq!(bench.sandbox.timeline("alpha").len(), 2, "the first update and the correction");
        let view = posts::get(&bench.app, &bench.operator, &waits.id).await.unwrap();
        assert_eq!(view.state, PostState::Draft);
        let refused = posts::submit(&bench.app, &bench.operator, &waits.id).await;
        assert!(matches!(refused, Err(AppError::Conflict(_))), "{refused:?}");
        // A person may still decide that it goes.
        let view = posts::get(&bench.app, &bench.operator, &update.id).await.unwrap();
        let release = Review { choice: Choice::Release, deliveries: vec![view.deliveries[0].id.clone()], label: None,
            hash: None,
            expected: None,
            at: None, zone: None, spread_minutes: 0 };
        assert_eq!(held::review(&bench.app, &bench.operator, &release).await.unwrap().changed, 1);
        bench.until(&update.id, &["accepted"]).await;
        assert_eq!(next_promise(&bench, &incident.id).await, None, "a resolved incident promises nothing");
        worker.stop().await.unwrap();
    }

    async fn what_is_under_way_when_an_incident_ends_is_not_tried_again(bench) {
        let incident = open(&bench).await;
        let post = bench.approved(json!({"kind": "update", "incident": incident.id, "channels": ["alpha"],
            "source": {"text": "still down"}})).await;
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 8);
        let permit = permits::claim(&bench.app, 8, 8, &mut rooms).await.unwrap().permits.remove(0);
        let done = incidents::resolve(&bench.app, &bench.operator, &incident.id, None, "over").await.unwrap();
        assert_eq!((done.held, states(&bench, &post.id).await), (0, vec![State::Sending]));
        let outcome = Outcome::Retry { reason: "503".into(), not_before: None };
        sending::settle(&bench.app, &[(permit, outcome)], |_| true).await.unwrap();
        let worker = bench.start().await;
        bench.app.clock().advance(10 * MINUTE);
        bench.until(&post.id, &["expired"]).await;
        assert!(bench.sandbox.arrivals().is_empty());
        worker.stop().await.unwrap();
    }
}
