//! An account takes less than it did when a post was written: what is approved then, and what is not.

use std::sync::atomic::Ordering;

use holdline::app::AppError;
use holdline::app::approvals;
use holdline::app::bulk::{self, BulkApproval};
use holdline::app::channels::{self, ChannelEdit};
use holdline::domain::approval::Decision;
use holdline::domain::delivery::State;
use serde_json::json;

use crate::approvals::{bundle, decide, incident};
use crate::console::sign_in;
use crate::mastodon::{connect, post};
use crate::on_both;
use crate::support::caller::Caller;
use crate::support::visitor;

const LONG: &str = "toots: is 100 too long; the limit is 500";

on_both! {
    async fn what_an_account_takes_no_more_is_not_approved(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, "").await;
        let worker = bench.start().await;
        let id = bench.channels.last().unwrap().clone();
        let (app, by) = (&bench.app, &bench.approver);
        channels::test(app, &bench.administrator, &id).await.unwrap();
        let incident = incident(&bench).await;
        let mut new = post(&"a".repeat(600), None);
        new["labels"] = json!(["spring"]);
        new["channels"] = json!(["toots", "alpha"]);
        let routine = bench.submit(new.clone()).await.id;
        (new["kind"], new["incident"]) = (json!("update"), json!(incident));
        let update = bench.submit(new.clone()).await.id;
        let sheet = approvals::sheet(app, by, &update).await.unwrap();
        assert!(sheet.misfits.is_empty(), "{sheet:?}");
        fake.most.store(500, Ordering::SeqCst);
        channels::test(app, &bench.administrator, &id).await.unwrap();
        for id in [&routine, &update] {
            let read = bundle(&bench, id).await;
            let refused = decide(&bench, by, id, Decision::Approve, &read).await;
            let Err(AppError::Invalid(problems)) = refused else { panic!("{refused:?}") };
            assert_eq!(problems[0].message, LONG);
            assert_eq!(approvals::sheet(app, by, id).await.unwrap().misfits, problems, "it is said before");
        }
        let hash = bulk::preview(app, by, "spring").await.unwrap().hash;
        let all = BulkApproval { label: "spring".into(), hash, unready: Vec::new() };
        let result = bulk::approve(app, by, &all).await.unwrap();
        assert_eq!((result.approved, result.left), (0, vec![(routine.clone(), format!("source.text: {LONG}"))]));
        // The page says so before anybody presses a button, and has none to approve with.
        let caller = Caller::new(&bench).await;
        let signed = sign_in(&bench, by).await;
        let html = visitor::read(&caller, &signed.cookie, &format!("/console/approvals/{update}")).await;
        assert!(html.contains(LONG) && html.contains("value=\"break_glass\"") && !html.contains("value=\"approve\""), "{html}");
        decide(&bench, by, &routine, Decision::Reject, &bundle(&bench, &routine).await).await.unwrap();
        // In an emergency the others do not wait for one channel.
        let read = bundle(&bench, &update).await;
        decide(&bench, by, &update, Decision::BreakGlass, &read).await.unwrap();
        let seen = bench.until(&update, &["accepted", "failed"]).await;
        let failed = seen.deliveries.iter().find(|d| d.state == State::Failed).unwrap();
        assert!(failed.channel_name == "toots" && failed.reason.is_some(), "{failed:?}");
        assert_eq!(bench.sandbox.timeline("alpha").len(), 1);
        worker.stop().await.unwrap();
    }

    async fn a_disabled_channel_stops_no_approval(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, "").await;
        let worker = bench.start().await;
        let id = bench.channels.last().unwrap().clone();
        let (app, by) = (&bench.app, &bench.approver);
        channels::test(app, &bench.administrator, &id).await.unwrap();
        let mut new = post(&"a".repeat(600), None);
        (new["channels"], new["due"]) = (json!(["toots", "alpha"]), json!("2099-01-01T00:00:00Z"));
        let routine = bench.submit(new).await.id;
        fake.most.store(500, Ordering::SeqCst);
        channels::test(app, &bench.administrator, &id).await.unwrap();
        let read = bundle(&bench, &routine).await;
        assert!(decide(&bench, by, &routine, Decision::Approve, &read).await.is_err());
        let off = ChannelEdit { disabled: Some(true), ..ChannelEdit::default() };
        channels::edit(app, &bench.administrator, &id, None, off).await.unwrap();
        decide(&bench, by, &routine, Decision::Approve, &read).await.unwrap();
        assert!(fake.posts().is_empty());
        worker.stop().await.unwrap();
    }
}
