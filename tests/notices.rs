//! Mails to approvers, through the real mail server that `tests/run` starts.

use std::sync::Arc;
use std::time::Duration;

use holdline::app::approvals::{self, NewDecision};
use holdline::app::audit::{self, AuditFilter};
use holdline::app::hub::Topic;
use holdline::app::posts::{self, NewPost};
use holdline::app::sessions::{self, Preference};
use holdline::app::{incidents, notices};
use holdline::domain::approval::Decision;
use holdline::domain::role::Role;
use holdline::worker::mailer::Mailing;
use serde_json::{Value, json};

use crate::on_both;
use crate::real_channels::{in_the_mail, peer, unique, word};
use crate::support::{Bench, http, person};

/// The mailer of a node, with the real mail server.
pub fn mailing(bench: &Bench, server: &Value) -> Mailing {
    let settings = json!({
        "host": server["host"], "port": server["port"], "security": "none", "user": server["user"],
        "from": "Holdline <holdline@bank.example>",
    });
    let password = word(server, "password").to_owned().into();
    Mailing::start(bench.app.clone(), Arc::new(http()), settings, Some(password)).unwrap()
}

async fn incident(bench: &Bench, title: &str) -> String {
    let new = json!({ "title": title, "severity": "major", "freeze": false });
    let new = serde_json::from_value(new).unwrap();
    incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident.id
}

/// What the log says of the mails.
pub async fn told(bench: &Bench, verb: &str) -> Vec<Value> {
    let filter = AuditFilter { verb: Some(verb.into()), limit: 100, ..AuditFilter::default() };
    let entries = audit::list(&bench.app, &bench.administrator, &filter).await.unwrap();
    entries.into_iter().map(|e| e.entry).collect()
}

/// Waits until the log says so of that many; the clock goes on meanwhile, and the mailer is woken.
async fn until(bench: &Bench, verb: &str, count: usize, step: i64) -> Vec<Value> {
    for _ in 0..200 {
        let seen = told(bench, verb).await;
        if seen.len() >= count {
            return seen;
        }
        bench.app.clock().advance(step);
        // A node counts as alive again with its next heartbeat.
        tokio::time::sleep(Duration::from_millis(if step == 0 { 100 } else { 1_300 })).await;
        bench.app.hub().poke(Topic::Notices);
    }
    panic!("the log has no {count} entries {verb}: {:?}", told(bench, "notice.").await);
}

on_both! {
    async fn an_approver_gets_one_mail_with_a_link_to_both_texts(bench) {
        let server = peer("smtp");
        let worker = bench.start().await;
        let mailing = mailing(&bench, &server);
        let french = Preference { language: "fr".into(), theme: "auto".into(), zone: "Europe/Paris".into() };
        sessions::prefer(&bench.app, &bench.approver, &french).await.unwrap();
        let title = unique("Cartes");
        let incident = incident(&bench, &title).await;
        let update = |text: &str| json!({ "kind": "update", "incident": incident, "source": { "text": text } });
        let one = bench.submit(update("Cards do not work.")).await;
        let two = bench.submit(update("Les cartes ne fonctionnent pas.")).await;
        bench.submit(json!({ "kind": "routine", "source": { "text": "Buy" } })).await;
        let sent = until(&bench, "notice.sent", 2, 0).await;
        assert!(sent.iter().all(|e| e["after"]["person"] == bench.approver.id.as_str()), "{sent:?}");
        let kept = in_the_mail(&server, &title).await;
        assert_eq!(kept.len(), 1, "one mail for both texts, and none to their author: {kept:?}");
        assert_eq!(kept[0]["to"], json!(["approver@example.org"]));
        let link = format!("http://localhost:8740/console/approvals/{}?with={}", one.id, two.id);
        assert!(kept[0]["text"].as_str().unwrap().contains(&link), "{kept:?}");
        let headers = &kept[0]["headers"];
        assert_eq!(headers["subject"], format!("À valider\u{a0}: 2 textes – {title}"));
        assert_eq!(headers["content-language"], "fr");
        assert_eq!(notices::next_try(&bench.app).await.unwrap(), None, "nothing is left to send");
        mailing.stop().await;
        worker.stop().await.unwrap();
    }

    async fn a_mail_that_is_refused_is_given_up_after_ten_tries(bench) {
        let server = peer("smtp");
        let refused = person(&bench.app, &bench.administrator, "tempfail", Role::Approver).await;
        let worker = bench.start().await;
        let mailing = mailing(&bench, &server);
        let incident = incident(&bench, &unique("Cards")).await;
        bench.submit(json!({ "kind": "update", "incident": incident, "source": { "text": "Down." } })).await;
        // The other approver hears of it all the same.
        until(&bench, "notice.sent", 1, 0).await;
        let failed = until(&bench, "notice.failed", 1, 1_900_000).await;
        assert_eq!(failed[0]["after"]["person"], refused.id.as_str());
        assert!(failed[0]["after"]["tries"].as_i64() >= Some(10), "{failed:?}");
        assert!(failed[0]["note"].as_str().unwrap().contains("451"), "{failed:?}");
        assert_eq!(told(&bench, "notice.sent").await.len(), 1);
        mailing.stop().await;
        worker.stop().await.unwrap();
    }

    async fn what_was_decided_meanwhile_is_not_asked_any_more(bench) {
        let server = peer("smtp");
        let mailing = mailing(&bench, &server);
        let title = unique("Cards");
        let incident = incident(&bench, &title).await;
        let post = json!({ "kind": "update", "incident": incident, "source": { "text": "Down." } });
        let post = bench.submit(post).await;
        assert!(notices::next_try(&bench.app).await.unwrap().is_some());
        // Until the node is there, no mail is sent.
        bench.approve(&post.id).await;
        let worker = bench.start().await;
        for _ in 0..100 {
            if notices::next_try(&bench.app).await.unwrap().is_none() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            bench.app.hub().poke(Topic::Notices);
        }
        assert_eq!(notices::next_try(&bench.app).await.unwrap(), None);
        assert!(in_the_mail(&server, &title).await.is_empty());
        mailing.stop().await;
        worker.stop().await.unwrap();
    }

    async fn approvers_were_told_of_what_was_submitted_last(bench) {
        let (app, by) = (&bench.app, &bench.operator);
        // Another node, without a mail server.
        let silent = bench.again().await;
        let incident = incident(&bench, "Cards").await;
        let told = async |id: &str| notices::told(app, by, &[id]).await.unwrap();
        let written = bench.submit(json!({ "kind": "tip", "incident": incident, "source": { "text": "Pay in cash." } })).await;
        assert!(!told(&written.id).await, "there was no mail server then");
        app.set_mails();
        let tip = json!({ "kind": "tip", "incident": incident, "source": { "text": "Pay in cash." } });
        let post = bench.submit(tip.clone()).await;
        assert!(told(&post.id).await);
        let mut other: NewPost = serde_json::from_value(tip).unwrap();
        other.submit = true;
        app.clock().advance(1_000);
        posts::edit(app, by, &post.id, None, &other).await.unwrap();
        assert!(told(&post.id).await, "other words behind the same link");
        for (edited, node, is_told) in [(false, &silent, false), (false, app, true), (true, &silent, false), (true, app, true)] {
            let bundle = approvals::sheet(app, by, &post.id).await.unwrap().bundle;
            let no = NewDecision { decision: Decision::Reject, bundle, comment: Some("Say where".into()), unready: Vec::new() };
            approvals::decide(app, &bench.approver, &post.id, &no).await.unwrap();
            app.clock().advance(1_000);
            if edited {
                posts::edit(node, by, &post.id, None, &other).await.unwrap();
            } else {
                posts::submit(node, by, &post.id).await.unwrap();
            }
            assert_eq!(told(&post.id).await, is_told, "edited: {edited}");
        }
    }

    async fn without_a_mail_server_no_notice_is_written(bench) {
        let incident = incident(&bench, "Cards").await;
        bench.submit(json!({ "kind": "update", "incident": incident, "source": { "text": "Down." } })).await;
        assert_eq!(notices::next_try(&bench.app).await.unwrap(), None);
    }
}
