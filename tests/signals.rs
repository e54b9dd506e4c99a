//! Signals of monitoring systems: received, counted, ended, dismissed, opened.

use holdline::app::audit::{self, AuditFilter};
use holdline::app::heard::{self, NewSignal};
use holdline::app::incidents::{self, NewIncident, Opened};
use holdline::app::signals::{self, SignalView};
use holdline::app::{AppError, Result};
use holdline::domain::alertmanager::Notification;
use holdline::domain::role::Role;
use holdline::domain::signal::{SAME, SignalState};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Bench, person};

pub fn new(key: &str) -> NewSignal {
    NewSignal {
        source: "probe".into(),
        key: key.into(),
        title: format!("{key} is wrong"),
        ..NewSignal::default()
    }
}

/// Says it, as a monitoring system does; what it became.
pub async fn say(bench: &Bench, new: &NewSignal) -> SignalView {
    let done = heard::receive(&bench.app, &bench.operator, new).await.unwrap();
    done.signals.into_iter().next().unwrap()
}

pub async fn get(bench: &Bench, id: &str) -> SignalView {
    signals::get(&bench.app, &bench.operator, id).await.unwrap()
}

pub async fn waiting(bench: &Bench) -> usize {
    signals::list(&bench.app, &bench.operator, true).await.unwrap().len()
}

pub async fn open(bench: &Bench, signal: &str) -> Result<Opened> {
    let new = json!({"title": "Down", "severity": "major", "freeze": false, "signal": signal});
    let new: NewIncident = serde_json::from_value(new).unwrap();
    incidents::open(&bench.app, &bench.operator, &new).await
}

/// The verbs of the log that begin so, oldest first.
pub async fn log(bench: &Bench, verb: &str) -> Vec<String> {
    let filter = AuditFilter { verb: Some(verb.into()), limit: 500, ..AuditFilter::default() };
    let entries = audit::list(&bench.app, &bench.administrator, &filter).await.unwrap();
    let mut verbs: Vec<_> =
        entries.iter().map(|e| (e.entry["seq"].as_i64(), e.entry["verb"].to_string())).collect();
    verbs.sort();
    verbs.into_iter().map(|(_, v)| v.trim_matches('"').to_owned()).collect()
}

fn fields(e: AppError) -> Vec<String> {
    let AppError::Invalid(problems) = e else { panic!("{e:?}") };
    problems.into_iter().map(|p| p.field).collect()
}

/// What Alertmanager sends about so many alerts.
pub fn notification(status: &str, alerts: &[Value]) -> Value {
    json!({
        "version": "4", "groupKey": "{}:{alertname=\"CardPaymentsFail\"}", "truncatedAlerts": 0, "status": status,
        "receiver": "holdline", "groupLabels": {"alertname": "CardPaymentsFail"},
        "commonLabels": {"alertname": "CardPaymentsFail", "severity": "critical", "playbook": "outage"},
        "commonAnnotations": {}, "externalURL": "https://alerts.bank.example", "notification_reason": "new",
        "alerts": alerts,
    })
}

pub fn alert(fingerprint: &str, status: &str, starts: &str) -> Value {
    json!({
        "status": status, "fingerprint": fingerprint, "startsAt": starts, "endsAt": "0001-01-01T00:00:00Z",
        "labels": {"alertname": "CardPaymentsFail", "severity": "critical", "playbook": "outage", "shop": fingerprint},
        "annotations": {"summary": "Card payments fail", "description": "Half of them are refused."},
        "generatorURL": "https://metrics.bank.example/graph?g0.expr=up",
    })
}

pub async fn alerts(bench: &Bench, payload: Value) -> Result<heard::Received> {
    let payload: Notification = serde_json::from_value(payload).unwrap();
    heard::receive_alerts(&bench.app, &bench.operator, &payload).await
}

on_both! {
    async fn what_is_said_again_is_counted_and_what_is_over_ends(bench) {
        let first = say(&bench, &new("disk")).await;
        assert_eq!((first.state, first.times, waiting(&bench).await), (SignalState::Waiting, 1, 1));
        bench.app.clock().advance(60_000);
        let worse = NewSignal { title: "Worse".into(), ..new("disk") };
        let again = say(&bench, &worse).await;
        assert_eq!((again.id.as_str(), again.times, again.title.as_str()), (first.id.as_str(), 2, "Worse"));
        assert!(again.first_seen_at == first.first_seen_at && again.last_seen_at > first.last_seen_at);
        say(&bench, &new("memory")).await;
        assert_eq!(waiting(&bench).await, 2);
        let over = NewSignal { resolved: true, title: String::new(), ..new("disk") };
        let ended = say(&bench, &over).await;
        assert_eq!((ended.state, ended.id.as_str(), ended.title.as_str()), (SignalState::Ended, first.id.as_str(), "Worse"));
        let twice = heard::receive(&bench.app, &bench.operator, &over).await.unwrap();
        assert_eq!((twice.unknown, twice.signals.len()), (1, 0));
        let anew = say(&bench, &new("disk")).await;
        assert!(anew.id != first.id && anew.times == 1 && waiting(&bench).await == 2);
        assert_eq!(log(&bench, "signal.").await, ["signal.received", "signal.repeated", "signal.received",
            "signal.ended", "signal.received"]);
        let freezes = holdline::app::freezes::list(&bench.app, &bench.operator, false).await.unwrap();
        assert!(freezes.is_empty(), "a signal freezes nothing");
    }

    async fn a_dismissed_one_waits_again_only_as_something_new(bench) {
        let signal = say(&bench, &new("disk")).await;
        for note in ["", "  ", &"x".repeat(2_001), "a\u{202e}b"] {
            let refused = signals::dismiss(&bench.app, &bench.operator, &signal.id, note, None).await.unwrap_err();
            assert_eq!(fields(refused), ["note"]);
        }
        let done = signals::dismiss(&bench.app, &bench.operator, &signal.id, " A test ", None).await.unwrap();
        assert_eq!((done.state, done.note.as_deref()), (SignalState::Dismissed, Some("A test")));
        assert_eq!(done.decided_by.as_deref(), Some(bench.operator.id.as_str()));
        let twice = signals::dismiss(&bench.app, &bench.operator, &signal.id, "x", None).await;
        assert!(matches!(twice, Err(AppError::Conflict(_))), "{twice:?}");
        assert!(matches!(open(&bench, &signal.id).await, Err(AppError::Conflict(_))));
        assert_eq!(say(&bench, &new("disk")).await.id, signal.id, "it goes on and was decided about");
        assert_eq!(waiting(&bench).await, 0);
        bench.app.clock().advance(SAME);
        assert_ne!(say(&bench, &new("disk")).await.id, signal.id, "a day later it is something new");
        assert_eq!(log(&bench, "signal.dismissed").await.len(), 1);
    }

    async fn an_incident_marks_its_signal_in_the_same_change(bench) {
        let signal = say(&bench, &new("disk")).await;
        let opened = open(&bench, &signal.id).await.unwrap().incident;
        let now = get(&bench, &signal.id).await;
        assert_eq!((now.state, now.incident.as_deref()), (SignalState::Opened, Some(opened.id.as_str())));
        // A second one is told where it is worked on, and nothing of it is kept.
        let twice = open(&bench, &signal.id).await.unwrap_err().to_string();
        assert!(twice.contains(&opened.id), "{twice}");
        assert_eq!(fields(open(&bench, "none").await.unwrap_err()), ["signal"]);
        assert_eq!(incidents::list(&bench.app, &bench.operator, false).await.unwrap().len(), 1);
        assert_eq!(say(&bench, &new("disk")).await.id, signal.id);
        let over = say(&bench, &NewSignal { resolved: true, ..new("disk") }).await;
        assert!(over.state == SignalState::Opened && over.ended_at.is_some(), "{over:?}");
        let other = say(&bench, &new("memory")).await;
        say(&bench, &NewSignal { resolved: true, ..new("memory") }).await;
        open(&bench, &other.id).await.unwrap();
        assert_eq!(log(&bench, "signal.opened").await.len(), 2, "also what ended meanwhile");
    }

    async fn what_is_said_at_once_on_several_connections_is_one(bench) {
        let disk = new("disk");
        let said = (0..8).map(|_| heard::receive(&bench.app, &bench.operator, &disk));
        for done in futures::future::join_all(said).await {
            assert_eq!(done.unwrap().signals.len(), 1);
        }
        let kept = signals::list(&bench.app, &bench.operator, false).await.unwrap();
        assert_eq!((kept.len(), kept[0].times), (1, 8), "{kept:?}");
        let opened = futures::future::join_all((0..4).map(|_| open(&bench, &kept[0].id))).await;
        assert_eq!(opened.iter().filter(|o| o.is_ok()).count(), 1, "{opened:?}");
        assert_eq!(incidents::list(&bench.app, &bench.operator, false).await.unwrap().len(), 1);
        let log = log(&bench, "signal.").await;
        assert_eq!(log.iter().filter(|v| *v == "signal.received").count(), 1, "{log:?}");
    }

    async fn only_those_who_may_say_and_decide(bench) {
        let app = &bench.app;
        let auditor = person(app, &bench.administrator, "auditor", Role::Auditor).await;
        let monitor = person(app, &bench.administrator, "monitor", Role::Integrator).await;
        let forbidden = |r: Result<()>| assert!(matches!(r, Err(AppError::Forbidden(_))), "{r:?}");
        forbidden(heard::receive(app, &auditor, &new("disk")).await.map(drop));
        let payload: Notification = serde_json::from_value(notification("firing", &[])).unwrap();
        forbidden(heard::receive_alerts(app, &auditor, &payload).await.map(drop));
        let signal = heard::receive(app, &monitor, &new("disk")).await.unwrap().signals.remove(0);
        for who in [&auditor, &monitor, &bench.administrator] {
            forbidden(signals::dismiss(app, who, &signal.id, "x", None).await.map(drop));
        }
        assert_eq!(signals::list(app, &auditor, true).await.unwrap().len(), 1);
        signals::dismiss(app, &bench.approver, &signal.id, "x", None).await.unwrap();
    }

    async fn limits_and_hostile_words_name_the_field(bench) {
        let long = |n| "é".repeat(n);
        for (field, wrong) in [
            ("source", NewSignal { source: " ".into(), ..new("k") }),
            ("source", NewSignal { source: long(61), ..new("k") }),
            ("key", NewSignal { key: "  ".into(), ..new("k") }),
            ("key", NewSignal { key: long(201), ..new("k") }),
            ("title", NewSignal { title: "a\u{1b}[2Jb".into(), ..new("k") }),
            ("title", NewSignal { title: String::new(), ..new("k") }),
            ("detail", NewSignal { detail: Some(long(2_001)), ..new("k") }),
            ("detail", NewSignal { detail: Some("a\u{202e}b".into()), ..new("k") }),
            ("url", NewSignal { url: Some("javascript:alert(1)".into()), ..new("k") }),
            ("url", NewSignal { url: Some(format!("https://{}", long(1_000))), ..new("k") }),
            ("playbook", NewSignal { playbook: Some("none".into()), ..new("k") }),
        ] {
            let refused = heard::receive(&bench.app, &bench.operator, &wrong).await.unwrap_err();
            let named = fields(refused);
            assert_eq!(named, [field]);
        }
        let good = NewSignal { detail: Some("a\n\tb".into()), url: Some("https://m.example/x".into()), ..new("'; drop table signals; --") };
        assert_eq!(say(&bench, &good).await.detail.as_deref(), Some("a\n\tb"));
        assert_eq!(waiting(&bench).await, 1);
    }

    async fn an_alert_is_not_lost_because_of_its_words(bench) {
        let mut hostile = alert("f1", "firing", "2026-11-27T13:00:00Z");
        hostile["annotations"] = json!({"summary": format!("\u{202e}<b>{}\u{7}", "x".repeat(300)),
            "description": "y".repeat(9_000)});
        hostile["generatorURL"] = json!("javascript:alert(1)");
        let done = alerts(&bench, notification("firing", &[hostile])).await.unwrap();
        let kept = &done.signals[0];
        assert!(kept.title.starts_with("<b>xxx") && kept.title.chars().count() == 200, "{}", kept.title);
        assert!(kept.detail.as_ref().unwrap().chars().count() == 2_000 && kept.url.is_none(), "{kept:?}");
        let refused = alerts(&bench, json!({"version": "3", "alerts": []})).await.unwrap_err();
        assert_eq!(fields(refused), ["version"]);
    }
}
