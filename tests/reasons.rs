//! Reasons, comments and notes beside decisions: as long as one limit says, whoever calls.

use channels::http::Request;
use holdline::app::approvals::{self, NewDecision};
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::held::{self, Settle, Settlement};
use holdline::app::reasons::LONGEST;
use holdline::app::{AppError, Result, incidents, nodes, signals};
use holdline::domain::approval::Decision;
use serde_json::{Value, json};

use crate::console::sign_in;
use crate::on_both;
use crate::signals::{new, say};
use crate::support::caller::Caller;
use crate::support::visitor::{read, send, text};

fn refused<T: std::fmt::Debug>(done: Result<T>, field: &str) {
    assert!(
        matches!(&done, Err(AppError::Invalid(p)) if p.len() == 1 && p[0].field == field),
        "{field}: {done:?}"
    );
}

on_both! {
    async fn a_reason_that_is_too_long_or_hostile_is_refused_everywhere(bench) {
        let (app, by) = (&bench.app, &bench.operator);
        let freeze = freezes::create(app, by, &NewFreeze::default()).await.unwrap().id;
        let incident = json!({"title": "Down", "severity": "major", "freeze": false});
        let incident = incidents::open(app, by, &serde_json::from_value(incident).unwrap()).await.unwrap().incident.id;
        let signal = say(&bench, &new("disk")).await.id;
        let post = bench.submit(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "x"}})).await;
        let bundle = approvals::sheet(app, &bench.approver, &post.id).await.unwrap().bundle;
        for text in ["é".repeat(LONGEST + 1), "a\u{202e}b".into(), "a\u{1b}[2J".into()] {
            refused(freezes::thaw(app, by, &freeze, &text).await, "comment");
            refused(incidents::resolve(app, by, &incident, None, &text).await, "comment");
            refused(signals::dismiss(app, by, &signal, &text, None).await, "note");
            refused(held::retract(app, by, &post.deliveries[0].id, &text).await, "comment");
            let settle = Settle { settlement: Settlement::NotPublished, note: text.clone(), url: None };
            refused(held::settle(app, by, &post.deliveries[0].id, &settle).await, "note");
            refused(nodes::confirm(app, &bench.administrator, &text).await, "comment");
            let decision = NewDecision { decision: Decision::Reject, bundle: bundle.clone(), comment: Some(text.clone()), unready: Vec::new() };
            refused(approvals::decide(app, &bench.approver, &post.id, &decision).await, "comment");
            refused(approvals::review(app, &bench.approver, "any", &text).await, "comment");
        }
        let longest = "é".repeat(LONGEST);
        signals::dismiss(app, by, &signal, &longest, None).await.unwrap();
        freezes::thaw(app, by, &freeze, "line\r\nline").await.unwrap();
        incidents::resolve(app, by, &incident, None, &longest).await.unwrap();
    }

    async fn a_freeze_is_not_refused_for_the_words_of_its_reason(bench) {
        let caller = Caller::new(&bench).await;
        let long = "é".repeat(LONGEST + 1);
        let cut = format!("{}…", "é".repeat(LONGEST - 1));
        for (said, kept, mended) in [(long.as_str(), cut.as_str(), true), ("a\u{202e}b\u{1b}[2J", "ab [2J", true),
            ("a\0b", "a b", true), ("line\r\nline", "line\nline", false), ("", "", false)] {
            let answer = caller.post("/freezes", &json!({"reason": said})).await;
            let frozen: Value = answer.json().unwrap();
            assert_eq!((answer.status, &frozen["reason"]), (201, &json!(kept)));
            assert_eq!(frozen["reason_mended"].as_bool().unwrap_or(false), mended, "{kept}");
            let now = freezes::get(&bench.app, frozen["id"].as_str().unwrap()).await.unwrap();
            assert!(now.reason == kept && now.thawed_at.is_none(), "{now:?}");
        }
        // Elsewhere in the order it is refused: it could cover something else.
        let wrong = json!({"reason": "a\0b", "scope": {"labels": ["promo\0"]}});
        assert_eq!(caller.post("/freezes", &wrong).await.status, 422);
        // The same from a person.
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let form = format!("reason={}", "x".repeat(LONGEST + 9));
        let done = send(&caller, &cookie, "/console/freeze", "/console/freeze", &form).await;
        assert_eq!(done.status, 303);
        let newest = freezes::list(&bench.app, &bench.operator, true).await.unwrap().remove(0);
        assert!(newest.reason.ends_with("xx…") && newest.reason.chars().count() == LONGEST);
    }

    async fn the_answer_names_the_field_and_the_page_has_the_same_limit(bench) {
        let caller = Caller::new(&bench).await;
        let freeze = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap().id;
        let long = "x".repeat(LONGEST + 1);
        let url = caller.url(&format!("/freezes/{freeze}/thaw"));
        let answer = caller.call(Request::post(&url).json(&json!({"comment": long}))).await;
        let problem: Value = answer.json().unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (422, Some("application/problem+json")));
        assert_eq!(problem["errors"], json!([{"field": "comment", "message": "write at most 2000 characters"}]));
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let page = format!("/console/freezes/{freeze}");
        assert!(read(&caller, &cookie, &page).await.contains("maxlength=\"2000\""));
        let html = text(&send(&caller, &cookie, &page, &format!("{page}/thaw"), &format!("note={long}")).await);
        assert!(html.contains("id=\"wrong-comment\"") && html.contains(&long), "{html}");
        let to = format!("{page}/thaw?lang=fr");
        let html = text(&send(&caller, &cookie, &page, &to, &format!("note={long}")).await);
        assert!(html.contains("Écrivez au plus 2000 caractères."), "{html}");
    }
}
