//! Pictures for a network that fetches them, where the address of this service is not reached from there: it is said before
//! the post is due.

use channels::UNREACHED;
use holdline::app::approvals;
use holdline::app::board::{self, ReadinessView};
use holdline::app::posts::{self, NewPost};
use holdline::app::preview::preview;
use holdline::app::{AppError, media};
use holdline::domain::approval::Decision;
use serde_json::{Value, json};

use crate::approvals::{bundle, decide};
use crate::on_both;
use crate::support::threads::{TOKEN, Threads, USER};
use crate::support::{Bench, drawn};

fn post(bench: &Bench, pictures: &[Value]) -> Value {
    let source = json!({ "text": "Cards work again.", "media": pictures });
    let due = holdline::clock::rfc3339(bench.app.clock().now() + 3_600_000);
    json!({ "kind": "routine", "channels": ["talk"], "source": source, "due": due })
}

async fn seen(bench: &Bench) -> ReadinessView {
    let all = board::board(&bench.app, &bench.operator).await.unwrap();
    all.into_iter().find(|c| c.name == "talk").unwrap()
}

on_both! {
    async fn pictures_that_cannot_be_fetched_are_refused_before_they_are_due(bench) {
        let mut bench = bench;
        // A server of this machine reaches this service, and Meta's does not: the service calls itself localhost.
        let fake = Threads::start().await;
        bench.connect_with("talk", "threads", fake.settings(), Some(TOKEN)).await;
        let kept = media::upload(&bench.app, &bench.operator, drawn::jpeg()).await.unwrap();
        let pictures = [json!({ "sha256": kept.sha256, "mime": kept.mime, "alt": "A map of the branches" })];
        let submitted = bench.submit(post(&bench, &pictures)).await.id;
        bench.approved(post(&bench, &pictures)).await;
        bench.approved(post(&bench, &[])).await;
        let words = |seen: &ReadinessView| seen.remarks.iter().map(|r| r.words.clone()).collect::<Vec<_>>().join("; ");
        assert!(!words(&seen(&bench).await).contains("public_url"), "its address is reached there");

        bench.sql(&format!("update channels set settings = '{{\"user\":\"{USER}\"}}' where name = 'talk'")).await;
        let message = format!("talk: {UNREACHED}");
        let told = seen(&bench).await;
        assert!(words(&told).contains("wait for this channel and will fail: 1; "), "{told:?}");
        let sheet = approvals::sheet(&bench.app, &bench.approver, &submitted).await.unwrap();
        assert_eq!(sheet.misfits.iter().map(|p| p.message.as_str()).collect::<Vec<_>>(), [message.as_str()]);
        let read = bundle(&bench, &submitted).await;
        let refused = decide(&bench, &bench.approver, &submitted, Decision::Approve, &read).await;
        assert!(matches!(&refused, Err(AppError::Invalid(p)) if p[0].message == message), "{refused:?}");

        let new = |pictures: &[Value]| -> NewPost { serde_json::from_value(post(&bench, pictures)).unwrap() };
        let shown = preview(&bench.app, &bench.operator, &new(&pictures)).await.unwrap();
        assert_eq!(shown.channels[0].problems.iter().map(|p| p.message.as_str()).collect::<Vec<_>>(), [UNREACHED]);
        let refused = posts::create(&bench.app, &bench.operator, &new(&pictures)).await;
        assert!(matches!(&refused, Err(AppError::Invalid(p)) if p[0].message == message), "{refused:?}");
        let shown = preview(&bench.app, &bench.operator, &new(&[])).await.unwrap();
        assert!(shown.channels[0].problems.is_empty());
        posts::create(&bench.app, &bench.operator, &new(&[])).await.unwrap();
    }
}
