//! What an approval is bound to, whose it can be, and how long it holds.

use holdline::app::approvals::{self, NewDecision};
use holdline::app::audit::{self, AuditFilter};
use holdline::app::bulk::{self, BulkApproval};
use holdline::app::incidents::{self, NewIncident};
use holdline::app::posts::{self, NewPost, PostFilter, PostView};
use holdline::app::{Actor, AppError, Result};
use holdline::clock::rfc3339;
use holdline::domain::approval::Decision;
use holdline::domain::incident::Severity;
use holdline::domain::post::PostState;
use holdline::domain::role::Role;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::Bench;

async fn incident(bench: &Bench) -> String {
    let new = NewIncident {
        title: "Payments are down".into(),
        severity: Severity::Major,
        drill: false,
        freeze: false,
        scope: Default::default(),
        promise: None,
    };
    incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident.id
}

async fn decide(bench: &Bench, by: &Actor, post: &str, decision: Decision, bundle: &str) -> Result<PostView> {
    let comment = (decision != Decision::Approve).then(|| "a reason".to_owned());
    let new = NewDecision { decision, bundle: bundle.to_owned(), comment };
    approvals::decide(&bench.app, by, post, &new).await.map(|sheet| sheet.post)
}

async fn bundle(bench: &Bench, post: &str) -> String {
    approvals::sheet(&bench.app, &bench.approver, post).await.unwrap().bundle
}

async fn edit(bench: &Bench, by: &Actor, post: &str, new: &Value) -> PostView {
    let new: NewPost = serde_json::from_value(new.clone()).unwrap();
    posts::edit(&bench.app, by, post, None, &new).await.unwrap()
}

on_both! {
    async fn an_approval_covers_times_labels_and_promises_as_well_as_words(bench) {
        let at = |minutes: i64| rfc3339(bench.app.clock().now() + minutes * 60_000);
        let wrong = bench.submit(json!({"kind": "routine", "source": {"text": "wrong"}})).await;
        let first = json!({"kind": "update", "incident": incident(&bench).await, "submit": true, "labels": ["legal"],
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
            let all = BulkApproval { label: "spring".into(), hash: hash.to_owned() };
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
        let all = BulkApproval { label: "spring".into(), hash };
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
}
