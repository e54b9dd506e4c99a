//! Signals of monitoring systems: what waits again, who may say what, what is written down.

use holdline::app::heard::{self, LOGGED_EVERY, NewSignal};
use holdline::app::signals::{self, SignalView};
use holdline::app::{Actor, AppError, audit, incidents};
use holdline::domain::incident::Severity::{self, Critical, Major, Minor};
use holdline::domain::role::Role;
use holdline::domain::signal::SignalState;
use serde_json::json;

use crate::on_both;
use crate::signals::{alert, alerts, get, log, new, notification, open, say, waiting};
use crate::support::{Bench, person};

fn severe(key: &str, severity: Severity) -> NewSignal {
    NewSignal { severity: Some(severity), ..new(key) }
}

async fn dismiss(bench: &Bench, id: &str, times: Option<i64>) -> holdline::app::Result<SignalView> {
    signals::dismiss(&bench.app, &bench.operator, id, "A test", times).await
}

async fn say_as(bench: &Bench, who: &Actor, new: &NewSignal) -> heard::Received {
    heard::receive(&bench.app, who, new).await.unwrap()
}

async fn log_size(bench: &Bench) -> i64 {
    let filter = audit::AuditFilter { limit: 1, ..audit::AuditFilter::default() };
    let entries = audit::list(&bench.app, &bench.administrator, &filter).await.unwrap();
    entries[0].entry["seq"].as_i64().unwrap()
}

on_both! {
    async fn what_is_worse_than_the_dismissed_waits_again(bench) {
        let mild = say(&bench, &severe("disk", Minor)).await;
        dismiss(&bench, &mild.id, None).await.unwrap();
        let same = say(&bench, &NewSignal { title: "Other words".into(), ..severe("disk", Minor) }).await;
        assert_eq!((same.id.as_str(), same.times, same.state), (mild.id.as_str(), 2, SignalState::Dismissed));
        assert_eq!(same.title, mild.title, "the words beside a decision stay");
        let worse = say(&bench, &severe("disk", Critical)).await;
        assert!(worse.id != mild.id && worse.state == SignalState::Waiting, "{worse:?}");
        let kept = get(&bench, &mild.id).await;
        assert_eq!((kept.severity, kept.note.as_deref()), (Some(Minor), Some("A test")));
        dismiss(&bench, &worse.id, None).await.unwrap();
        // Milder and as bad again changes nothing: that was decided about.
        for severity in [Major, Critical] {
            assert_eq!(say(&bench, &severe("disk", severity)).await.id, worse.id);
        }
        assert_eq!((waiting(&bench).await, get(&bench, &worse.id).await.severity), (0, Some(Critical)));
    }

    async fn an_alert_that_becomes_worse_waits_again(bench) {
        let mut mild = alert("f1", "firing", "2026-11-27T13:00:00Z");
        mild["labels"]["severity"] = json!("warning");
        let first = alerts(&bench, notification("firing", &[mild.clone()])).await.unwrap().signals.remove(0);
        dismiss(&bench, &first.id, None).await.unwrap();
        assert_eq!(alerts(&bench, notification("firing", &[mild.clone()])).await.unwrap().counted, 1);
        mild["labels"]["severity"] = json!("page");
        let done = alerts(&bench, notification("firing", &[mild])).await.unwrap();
        assert_eq!((done.added, done.signals[0].severity, waiting(&bench).await), (1, Some(Critical), 1));
    }

    async fn what_still_comes_after_its_incident_waits_again(bench) {
        let firing = notification("firing", &[alert("f1", "firing", "2026-11-27T13:00:00Z")]);
        let first = alerts(&bench, firing.clone()).await.unwrap().signals.remove(0);
        let incident = open(&bench, &first.id).await.unwrap().incident;
        assert_eq!(alerts(&bench, firing.clone()).await.unwrap().counted, 1, "it is worked on");
        incidents::resolve(&bench.app, &bench.operator, &incident.id, None, "done").await.unwrap();
        let again = alerts(&bench, firing).await.unwrap();
        assert_eq!((again.added, again.counted, waiting(&bench).await), (1, 0, 1));
        assert_eq!(get(&bench, &first.id).await.incident.as_deref(), Some(incident.id.as_str()));
    }

    async fn only_who_said_a_signal_counts_and_ends_it(bench) {
        let monitor = person(&bench.app, &bench.administrator, "monitor", Role::Integrator).await;
        let other = person(&bench.app, &bench.administrator, "other", Role::Integrator).await;
        let mine = say_as(&bench, &monitor, &severe("disk", Critical)).await.signals.remove(0);
        assert_eq!(mine.said_by, monitor.id);
        let over = NewSignal { resolved: true, ..new("disk") };
        let done = say_as(&bench, &other, &over).await;
        assert_eq!((done.ended, done.unknown), (0, 1), "another's is not ended");
        let theirs = say_as(&bench, &other, &NewSignal { title: "All is well".into(), ..new("disk") }).await;
        assert_eq!((theirs.added, theirs.counted, waiting(&bench).await), (1, 0, 2));
        let kept = get(&bench, &mine.id).await;
        assert_eq!((kept.title.as_str(), kept.times, kept.severity), (mine.title.as_str(), 1, Some(Critical)));
        assert_eq!(say_as(&bench, &monitor, &over).await.signals[0].id, mine.id);
        assert_eq!(waiting(&bench).await, 1);
    }

    async fn a_dismissal_counts_for_what_was_read(bench) {
        let read = say(&bench, &severe("disk", Minor)).await;
        say(&bench, &severe("disk", Minor)).await;
        say(&bench, &severe("disk", Critical)).await;
        for times in [1, 2] {
            let refused = dismiss(&bench, &read.id, Some(times)).await;
            assert!(matches!(&refused, Err(AppError::Conflict(w)) if w.contains("has changed")), "{refused:?}");
        }
        let renamed = say(&bench, &NewSignal { title: "Both disks".into(), ..severe("disk", Critical) }).await;
        assert!(dismiss(&bench, &read.id, Some(3)).await.is_err(), "the title is another");
        assert_eq!((renamed.times, get(&bench, &read.id).await.state), (4, SignalState::Waiting));
        say(&bench, &NewSignal { title: "Both disks".into(), ..severe("disk", Critical) }).await;
        let done = dismiss(&bench, &read.id, Some(4)).await.unwrap();
        assert_eq!((done.state, done.times), (SignalState::Dismissed, 5), "said again in the same words");
    }

    async fn the_log_is_told_of_a_repetition_once_a_minute(bench) {
        say(&bench, &severe("disk", Minor)).await;
        let before = log_size(&bench).await;
        for n in 2..=30 {
            let said = say(&bench, &severe("disk", Minor)).await;
            assert_eq!(said.times, n);
        }
        assert_eq!(log_size(&bench).await, before, "the count alone goes on");
        bench.app.clock().advance(LOGGED_EVERY);
        for _ in 0..5 {
            say(&bench, &severe("disk", Minor)).await;
        }
        assert_eq!(log(&bench, "signal.repeated").await.len(), 1);
        let worse = say(&bench, &severe("disk", Critical)).await;
        for severity in [Minor, Critical, Minor, Critical] {
            say(&bench, &severe("disk", severity)).await;
        }
        assert_eq!(log(&bench, "signal.repeated").await.len(), 2, "what is worse than ever is told at once, and once");
        dismiss(&bench, &worse.id, None).await.unwrap();
        let before = log_size(&bench).await;
        for _ in 0..5 {
            say(&bench, &severe("disk", Critical)).await;
        }
        assert_eq!((log_size(&bench).await, get(&bench, &worse.id).await.times), (before, 45));
    }

    async fn the_worst_comes_first_and_what_ended_is_seen_for_a_day(bench) {
        for (key, severity) in [("a", Some(Minor)), ("b", None), ("c", Some(Critical)), ("d", Some(Major)), ("e", Some(Minor))] {
            say(&bench, &NewSignal { severity, ..new(key) }).await;
            bench.app.clock().advance(10);
        }
        let (cards, shares) = signals::waiting(&bench.app, &bench.operator, 4).await.unwrap();
        assert_eq!((cards.iter().map(|s| s.key.as_str()).collect::<Vec<_>>(), shares.all()), (vec!["c", "d", "e", "a"], 5));
        for key in ["a", "c"] {
            say(&bench, &NewSignal { resolved: true, ..new(key) }).await;
            bench.app.clock().advance(10);
        }
        let over = async || {
            let over = signals::over(&bench.app, &bench.operator).await.unwrap();
            over.into_iter().map(|s| s.key).collect::<Vec<_>>()
        };
        assert_eq!(over().await, ["c", "a"]);
        say(&bench, &new("a")).await;
        assert_eq!(over().await, ["c"], "what came back waits again");
        bench.app.clock().advance(24 * 3_600_000);
        assert_eq!(over().await, Vec::<String>::new());
    }
}
