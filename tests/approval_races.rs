//! Approvals, and what changes at the same moment.

use holdline::app::audit::{self, AuditFilter};
use holdline::app::heard::NewSignal;
use holdline::app::posts::{self, NewPost};
use holdline::app::{AppError, policy, signals};
use holdline::domain::approval::{Decision, Policy};
use holdline::domain::incident::Severity;
use holdline::domain::post::PostState;
use serde_json::json;

use crate::approvals::{bundle, decide, incident};
use crate::on_both;
use crate::signals::{new, say};
use crate::support::Bench;

/// Where the newest entry of the verb about the subject stands in the log.
async fn place(bench: &Bench, verb: &str, subject: &str) -> i64 {
    let filter = AuditFilter {
        verb: Some(verb.into()),
        subject: Some(subject.into()),
        limit: 500,
        ..AuditFilter::default()
    };
    let found = audit::list(&bench.app, &bench.administrator, &filter).await.unwrap();
    found.iter().map(|e| e.seq).max().unwrap()
}

on_both! {
    async fn an_approval_counts_against_the_severity_that_the_log_has_before_it(bench) {
        let two = Policy { critical: 2, ..Policy::default() };
        policy::set(&bench.app, &bench.administrator, None, &two).await.unwrap();
        for n in 0..10 {
            let incident = incident(&bench).await;
            let post = bench.submit(json!({"kind": "tip", "incident": incident, "source": {"text": "Stay calm."}})).await;
            let read = bundle(&bench, &post.id).await;
            let worse = NewSignal { severity: Some(Severity::Critical), ..new(&format!("k{n}")) };
            let signal = say(&bench, &worse).await.id;
            let (joined, approved) = tokio::join!(
                signals::join(&bench.app, &bench.operator, &signal, &incident, None),
                decide(&bench, &bench.approver, &post.id, Decision::Approve, &read),
            );
            joined.unwrap();
            let raised = place(&bench, "incident.raised", &format!("incident:{incident}")).await;
            let given = place(&bench, "post.approved", &format!("post:{}", post.id)).await;
            let state = if raised < given { PostState::Submitted } else { PostState::Approved };
            assert_eq!(approved.unwrap().state, state, "raised {raised}, approved {given}");
        }
    }

    async fn an_approval_counts_by_the_policy_that_it_meets(bench) {
        // The first change stores it: until then there is no row.
        for n in 0..20 {
            let needed = if n % 2 == 0 { 2 } else { 1 };
            let before = policy::get(&bench.app).await.unwrap();
            let after = Policy { routine: needed, ..Policy::default() };
            let post = bench.submit(json!({"kind": "routine", "channels": ["alpha"], "due": "2099-01-01T00:00:00Z",
                "source": {"text": format!("offer {n}")}})).await;
            let read = bundle(&bench, &post.id).await;
            let (changed, approved) = tokio::join!(
                policy::set(&bench.app, &bench.administrator, None, &after),
                decide(&bench, &bench.approver, &post.id, Decision::Approve, &read),
            );
            changed.unwrap();
            let changed = place(&bench, "policy.changed", "policy:approval").await;
            let given = place(&bench, "post.approved", &format!("post:{}", post.id)).await;
            let met = if changed < given { &after } else { &before };
            let state = if met.routine == 2 { PostState::Submitted } else { PostState::Approved };
            assert_eq!(approved.unwrap().state, state, "changed {changed}, approved {given}");
        }
    }

    async fn an_edit_and_an_approval_at_the_same_moment_never_both_win_over_other_words(bench) {
        let new = |n: usize| json!({"kind": "routine", "submit": true, "channels": ["alpha", "beta"],
            "due": "2099-01-01T00:00:00Z", "source": {"text": format!("words {n}")}});
        let post = bench.submit(new(0)).await;
        for n in 1..=20 {
            let read = bundle(&bench, &post.id).await;
            let other: NewPost = serde_json::from_value(new(n)).unwrap();
            let (edited, approved) = tokio::join!(
                posts::edit(&bench.app, &bench.operator, &post.id, None, &other),
                decide(&bench, &bench.approver, &post.id, Decision::Approve, &read),
            );
            edited.unwrap();
            assert!(matches!(approved, Ok(_) | Err(AppError::Conflict(_))), "{approved:?}");
            let now = posts::get(&bench.app, &bench.operator, &post.id).await.unwrap();
            assert_eq!((now.state, now.source.text), (PostState::Submitted, format!("words {n}")));
        }
    }
}
