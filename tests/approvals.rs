//! What an approval is bound to, whose it can be, and how long it holds.

use holdline::app::approvals::{self, NewDecision};
use holdline::app::audit::{self, AuditFilter};
use holdline::app::bulk::{self, BulkApproval};
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::held::{self, Choice, Review};
use holdline::app::incidents::{self, NewIncident};
use holdline::app::posts::{self, NewPost, PostFilter, PostView};
use holdline::app::{Actor, AppError, Result, sending};
use holdline::app::{overview, policy};
use holdline::clock::rfc3339;
use holdline::domain::approval::{Decision, Policy};
use holdline::domain::delivery::State;
use holdline::domain::incident::Severity;
use holdline::domain::post::PostState;
use holdline::domain::role::Role;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Bench, person};

pub async fn incident(bench: &Bench) -> String {
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
    incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident.id
}

pub async fn decide(
    bench: &Bench,
    by: &Actor,
    post: &str,
    decision: Decision,
    bundle: &str,
) -> Result<PostView> {
    let comment = (decision != Decision::Approve).then(|| "a reason".to_owned());
    let new = NewDecision { decision, bundle: bundle.to_owned(), comment, unready: Vec::new() };
    approvals::decide(&bench.app, by, post, &new).await.map(|sheet| sheet.post)
}

pub async fn bundle(bench: &Bench, post: &str) -> String {
    approvals::sheet(&bench.app, &bench.approver, post).await.unwrap().bundle
}

async fn edit(bench: &Bench, by: &Actor, post: &str, new: &Value) -> PostView {
    let new: NewPost = serde_json::from_value(new.clone()).unwrap();
    posts::edit(&bench.app, by, post, None, &new).await.unwrap()
}

on_both! {
    async fn an_approval_covers_times_labels_and_promises_as_well_as_words(bench) {
        let at = |minutes: i64| rfc3339(bench.app.clock().now() + minutes * 60_000);
        let incident = incident(&bench).await;
        let wrong = bench.submit(json!({"kind": "tip", "incident": incident, "source": {"text": "wrong"}})).await;
        let first = json!({"kind": "update", "incident": incident, "submit": true, "labels": ["legal"],
            "source": {"text": "the same words"}, "due": at(10), "promise": at(30), "valid_until": at(60)});
        let post = bench.submit(first.clone()).await;
        for (field, value) in [
            ("due", json!(at(11))),
            ("promise", json!(at(31))),
            ("valid_until", json!(at(61))),
            ("zone", json!("Europe/Paris")),
            ("recurrence", json!("0 9 * * *")),
            ("labels", json!(["legal", "marketing"])),
            ("corrects", json!(wrong.id)),
            ("channels", json!(["alpha"])),
            ("source", json!({"text": "other words"})),
        ] {
            edit(&bench, &bench.operator, &post.id, &first).await;
            let read = bundle(&bench, &post.id).await;
            let mut other = first.clone();
            other[field] = value;
            edit(&bench, &bench.operator, &post.id, &other).await;
            let refused = decide(&bench, &bench.approver, &post.id, Decision::Approve, &read).await;
            assert!(matches!(refused, Err(AppError::Conflict(_))), "{field} is not covered: {refused:?}");
        }
        // The same again is the same: what was read can be approved.
        edit(&bench, &bench.operator, &post.id, &first).await;
        let read = bundle(&bench, &post.id).await;
        edit(&bench, &bench.operator, &post.id, &first).await;
        decide(&bench, &bench.approver, &post.id, Decision::Approve, &read).await.unwrap();
    }

    async fn a_bulk_approval_means_the_posts_that_were_shown_and_no_others(bench) {
        let post = |text: &str| json!({"kind": "routine", "submit": true, "labels": ["spring"],
            "channels": ["alpha", "beta"], "due": "2099-01-01T00:00:00Z", "source": {"text": text}});
        let mut ids = Vec::new();
        for n in 0..25 {
            ids.push(bench.submit(post(&format!("read {n}"))).await.id);
        }
        let seen = bulk::preview(&bench.app, &bench.approver, "spring").await.unwrap();
        assert_eq!((seen.count, seen.posts.len()), (25, 20));
        assert!(seen.posts.iter().all(|p| p.deliveries.len() == 2), "with the texts for each channel");
        let approve = |hash: &str| {
            let all = BulkApproval { label: "spring".into(), hash: hash.to_owned(), unready: Vec::new() };
            let (app, by) = (bench.app.clone(), bench.approver.clone());
            async move { bulk::approve(&app, &by, &all).await }
        };
        let refused = |result: Result<bulk::BulkResult>| {
            let Err(AppError::Conflict(words)) = result else { panic!("not refused: {result:?}") };
            assert!(words.contains("nothing was approved"), "{words}");
        };
        // Words, labels or a time of one that was not even shown; one more; one less.
        let mut changed = post("never read");
        edit(&bench, &bench.operator, &ids[24], &changed).await;
        refused(approve(&seen.hash).await);
        changed = post("read 24");
        changed["valid_until"] = json!("2099-01-02T00:00:00Z");
        edit(&bench, &bench.operator, &ids[24], &changed).await;
        refused(approve(&seen.hash).await);
        edit(&bench, &bench.operator, &ids[24], &post("read 24")).await;
        let more = bench.submit(post("one more")).await;
        refused(approve(&seen.hash).await);
        posts::cancel(&bench.app, &bench.operator, &more.id).await.unwrap();
        let states = posts::list(&bench.app, &bench.operator, &PostFilter {
            label: Some("spring".into()), state: Some("approved".into()), limit: 500, ..PostFilter::default()
        }).await.unwrap();
        assert!(states.is_empty(), "nothing was approved so far");
        // As it was read, it is approved.
        assert_eq!(approve(&seen.hash).await.unwrap().approved, 25);
        refused(approve(&seen.hash).await);
    }

    async fn a_bulk_approval_leaves_what_the_approver_wrote(bench) {
        let post = json!({"kind": "routine", "submit": true, "labels": ["spring"], "channels": ["alpha"],
            "due": "2099-01-01T00:00:00Z", "source": {"text": "x"}});
        for _ in 0..3 {
            bench.submit(post.clone()).await;
        }
        let mut both = bench.approver.clone();
        both.roles.push(Role::Operator);
        let own: NewPost = serde_json::from_value(post).unwrap();
        let own = posts::create(&bench.app, &both, &own).await.unwrap();
        let hash = bulk::preview(&bench.app, &both, "spring").await.unwrap().hash;
        let all = BulkApproval { label: "spring".into(), hash, unready: Vec::new() };
        let result = bulk::approve(&bench.app, &bench.approver, &all).await.unwrap();
        assert_eq!((result.approved, result.left.len()), (3, 1));
        assert_eq!(result.left[0].0, own.id);
        assert_eq!(posts::get(&bench.app, &both, &own.id).await.unwrap().state, PostState::Submitted);
    }

    async fn an_edit_moves_no_post_to_another_incident(bench) {
        let first = json!({"kind": "tip", "incident": incident(&bench).await, "source": {"text": "Stay calm."}});
        let post = bench.submit(first.clone()).await;
        let mut other = first;
        other["incident"] = json!(incident(&bench).await);
        let other: NewPost = serde_json::from_value(other).unwrap();
        let refused = posts::edit(&bench.app, &bench.operator, &post.id, None, &other).await;
        assert!(matches!(&refused, Err(AppError::Invalid(p)) if p[0].field == "incident"), "{refused:?}");
    }

    async fn the_log_has_all_that_was_typed_before_and_after(bench) {
        let at = |minutes: i64| rfc3339(bench.app.clock().now() + minutes * 60_000);
        let mut new = json!({"kind": "update", "incident": incident(&bench).await, "labels": ["a"], "due": at(10),
            "source": {"text": "words"}, "promise": at(30), "valid_until": at(60), "zone": "Europe/Paris",
            "recurrence": "0 9 * * *", "channels": ["alpha"]});
        let post = bench.submit(new.clone()).await;
        let old = new.clone();
        new["labels"] = json!(["b"]);
        new["promise"] = json!(at(31));
        new["valid_until"] = json!(at(61));
        new["zone"] = json!("UTC");
        new["recurrence"] = json!("0 10 * * *");
        new["corrects"] = json!(post.id);
        new["channels"] = json!(["beta"]);
        edit(&bench, &bench.operator, &post.id, &new).await;
        let log = |verb: &'static str| {
            let subject = Some(format!("post:{}", post.id));
            let filter = AuditFilter { verb: Some(verb.into()), subject, limit: 5, ..AuditFilter::default() };
            let (app, by) = (&bench.app, &bench.administrator);
            async move { audit::list(app, by, &filter).await.unwrap().remove(0) }
        };
        let created = serde_json::to_value(log("post.created").await).unwrap();
        let edited = serde_json::to_value(log("post.edited").await).unwrap();
        for field in ["kind", "incident", "labels", "promise", "valid_until", "zone", "recurrence", "due"] {
            assert_eq!(created["entry"]["after"][field], old[field], "{field}: {created}");
            assert_eq!(edited["entry"]["before"][field], old[field], "{field}: {edited}");
            assert_eq!(edited["entry"]["after"][field], new[field], "{field}: {edited}");
        }
        let channel = |value: &Value| value["renditions"][0][0].clone();
        assert_eq!(channel(&edited["entry"]["before"]), json!(bench.channels[0]));
        assert_eq!(channel(&edited["entry"]["after"]), json!(bench.channels[1]));
        assert_eq!(edited["entry"]["after"]["corrects"], new["corrects"]);
        assert_eq!(edited["entry"]["after"]["brand"], "main");
    }

    async fn with_two_approvers_the_first_approval_to_lapse_ends_both(bench) {
        let two = Policy { routine: 2, routine_days: 2, ..Policy::default() };
        policy::set(&bench.app, &bench.administrator, None, &two).await.unwrap();
        let other = person(&bench.app, &bench.administrator, "other", Role::Approver).await;
        let day = 86_400_000;
        let due = rfc3339(bench.app.clock().now() + day * 5 / 2);
        let post = bench.submit(json!({"kind": "routine", "channels": ["alpha"], "due": due,
            "source": {"text": "two people"}})).await;
        let read = bundle(&bench, &post.id).await;
        let view = decide(&bench, &bench.approver, &post.id, Decision::Approve, &read).await.unwrap();
        assert_eq!(view.state, PostState::Submitted);
        let twice = decide(&bench, &bench.approver, &post.id, Decision::Approve, &read).await;
        assert!(matches!(twice, Err(AppError::Conflict(_))), "one person is not two: {twice:?}");
        bench.app.clock().advance(day);
        let view = decide(&bench, &other, &post.id, Decision::Approve, &read).await.unwrap();
        assert_eq!(view.state, PostState::Approved);
        // The second holds until the third day, the first one only until the second.
        bench.app.clock().advance(day * 8 / 5);
        let worker = bench.start().await;
        let view = bench.until(&post.id, &["held"]).await;
        assert!(view.deliveries[0].reason.as_deref().unwrap().contains("lapsed"), "{view:?}");
        assert!(bench.sandbox.arrivals().is_empty());
        worker.stop().await.unwrap();
    }

    async fn an_approval_that_lapsed_is_no_voice(bench) {
        let two = Policy { routine: 2, routine_days: 1, ..Policy::default() };
        policy::set(&bench.app, &bench.administrator, None, &two).await.unwrap();
        let other = person(&bench.app, &bench.administrator, "other", Role::Approver).await;
        let post = bench.submit(json!({"kind": "routine", "channels": ["alpha"], "due": "2099-01-01T00:00:00Z",
            "source": {"text": "two people"}})).await;
        let read = bundle(&bench, &post.id).await;
        decide(&bench, &bench.approver, &post.id, Decision::Approve, &read).await.unwrap();
        let given = || async { approvals::sheet(&bench.app, &other, &post.id).await.unwrap().given };
        assert_eq!(given().await, 1);
        bench.app.clock().advance(2 * 86_400_000);
        assert_eq!(given().await, 0, "the sheet counts as the decision does");
        let view = decide(&bench, &other, &post.id, Decision::Approve, &read).await.unwrap();
        assert_eq!(view.state, PostState::Submitted, "the first voice has lapsed");
        let view = decide(&bench, &bench.approver, &post.id, Decision::Approve, &read).await.unwrap();
        assert_eq!(view.state, PostState::Approved, "and may be given again");
    }

    async fn an_approval_that_lapsed_before_all_was_out_is_given_again(bench) {
        let one = Policy { routine_days: 1, ..Policy::default() };
        policy::set(&bench.app, &bench.administrator, None, &one).await.unwrap();
        let day = 86_400_000;
        let until = bench.app.clock().now() + day * 2;
        sending::pause(&bench.app, &bench.channels[1], until, "asked to wait").await.unwrap();
        let new = json!({"kind": "routine", "channels": ["alpha", "beta"], "source": {"text": "x"}});
        let post = bench.submit(new.clone()).await;
        let read = bundle(&bench, &post.id).await;
        decide(&bench, &bench.approver, &post.id, Decision::Approve, &read).await.unwrap();
        let again = decide(&bench, &bench.approver, &post.id, Decision::Approve, &read).await;
        assert!(matches!(again, Err(AppError::Conflict(_))), "it has not lapsed: {again:?}");
        let worker = bench.start().await;
        // One copy is out before the approval lapses.
        for _ in 0..400 {
            let now = bench.until(&post.id, &["accepted", "scheduled"]).await;
            if now.deliveries.iter().any(|d| d.state == State::Accepted) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        bench.app.clock().advance(day * 2 + 60_000);
        let view = bench.until(&post.id, &["accepted", "held"]).await;
        let held = view.deliveries.iter().find(|d| d.state == State::Held).unwrap().clone();
        assert!(held.reason.as_deref().unwrap().contains("approved again"), "{held:?}");
        // Part of it is out, so it cannot be edited; and it waits for an approver.
        let same: NewPost = serde_json::from_value(new).unwrap();
        let refused = posts::edit(&bench.app, &bench.operator, &post.id, None, &same).await;
        assert!(matches!(refused, Err(AppError::Conflict(_))), "{refused:?}");
        let waiting = || async {
            let now = Some(bench.app.clock().now());
            let filter = PostFilter { waiting: now, limit: 9, ..PostFilter::default() };
            posts::list(&bench.app, &bench.operator, &filter).await.unwrap().len()
        };
        assert_eq!(waiting().await, 1);
        let release = Review { choice: Choice::Release, deliveries: vec![held.id.clone()], label: None, hash: None, expected: None, at: None,
            zone: None, spread_minutes: 0 };
        let left = held::review(&bench.app, &bench.operator, &release).await.unwrap().left;
        assert!(left[0].1.contains("lapsed"), "{left:?}");
        let no = decide(&bench, &bench.approver, &post.id, Decision::Reject, &read).await;
        assert!(matches!(no, Err(AppError::Conflict(_))), "{no:?}");
        let sheet = approvals::sheet(&bench.app, &bench.approver, &post.id).await.unwrap();
        assert_eq!((sheet.lapsed, &sheet.bundle), (true, &read), "the same words as before");
        decide(&bench, &bench.approver, &post.id, Decision::Approve, &read).await.unwrap();
        assert_eq!(waiting().await, 0);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert_eq!(bench.sandbox.timeline("beta").len(), 0, "nothing that was held goes by itself");
        assert_eq!(held::review(&bench.app, &bench.operator, &release).await.unwrap().changed, 1);
        bench.until(&post.id, &["accepted"]).await;
        assert_eq!((bench.sandbox.timeline("alpha").len(), bench.sandbox.timeline("beta").len()), (1, 1));
        worker.stop().await.unwrap();
    }

    async fn approvals_that_lapsed_are_in_the_queue_and_given_again_in_bulk(bench) {
        let one = Policy { routine_days: 1, ..Policy::default() };
        policy::set(&bench.app, &bench.administrator, None, &one).await.unwrap();
        freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
        let mut ids = Vec::new();
        for n in 0..3 {
            let text = json!({"text": format!("offer {n}")});
            ids.push(bench.approved(json!({"kind": "routine", "labels": ["spring"], "source": text})).await.id);
        }
        let worker = bench.start().await;
        bench.until(&ids[2], &["held"]).await;
        let queue = || async { posts::waiting(&bench.app, &bench.approver, 9).await.unwrap().len() };
        let preview = || async { bulk::preview(&bench.app, &bench.approver, "spring").await.unwrap() };
        assert_eq!((queue().await, preview().await.count), (0, 0), "they are approved still");
        bench.app.clock().advance(86_400_000 + 60_000);
        let seen = preview().await;
        let counted = overview::read(&bench.app, &bench.operator).await.unwrap().submitted;
        assert_eq!((queue().await, seen.count, counted), (3, 3, 3));
        let all = BulkApproval { label: "spring".into(), hash: seen.hash, unready: Vec::new() };
        assert_eq!(bulk::approve(&bench.app, &bench.approver, &all).await.unwrap().approved, 3);
        assert_eq!((queue().await, preview().await.count), (0, 0));
        let held = posts::get(&bench.app, &bench.operator, &ids[0]).await.unwrap();
        assert!(held.deliveries.iter().all(|d| d.state == State::Held), "what was held stays so");
        worker.stop().await.unwrap();
    }

    async fn the_glass_is_broken_for_a_crisis_and_reviewed_by_neither_breaker_nor_author(bench) {
        let routine = bench.submit(json!({"kind": "routine", "source": {"text": "buy now"}})).await;
        let read = bundle(&bench, &routine.id).await;
        let refused = decide(&bench, &bench.operator, &routine.id, Decision::BreakGlass, &read).await;
        assert!(matches!(&refused, Err(AppError::Invalid(p)) if p[0].field == "decision"), "{refused:?}");
        // Written by one, broken by another, both of whom may approve.
        let mut author = bench.operator.clone();
        author.roles.push(Role::Approver);
        let post = bench.submit(json!({"kind": "update", "incident": incident(&bench).await,
            "source": {"text": "Leave the building."}})).await;
        let read = bundle(&bench, &post.id).await;
        decide(&bench, &bench.approver, &post.id, Decision::BreakGlass, &read).await.unwrap();
        let owed = approvals::reviews_owed(&bench.app, &bench.approver).await.unwrap();
        for by in [&author, &bench.approver] {
            let refused = approvals::review(&bench.app, by, &owed[0].id, "mine").await;
            assert!(matches!(refused, Err(AppError::Forbidden(_))), "{}: {refused:?}", by.name);
        }
        let other = person(&bench.app, &bench.administrator, "other", Role::Approver).await;
        approvals::review(&bench.app, &other, &owed[0].id, "was right").await.unwrap();
        let again = approvals::review(&bench.app, &other, &owed[0].id, "again").await;
        assert!(matches!(&again, Err(AppError::Conflict(w)) if w.contains("somebody else")), "{again:?}");
        let none = approvals::review(&bench.app, &other, "none", "again").await;
        assert!(matches!(none, Err(AppError::NotFound { .. })), "{none:?}");
    }
}
