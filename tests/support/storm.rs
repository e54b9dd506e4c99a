//! A storm of signals: all places are taken, and each screen that a signal leads to has something to show.

use holdline::app::heard::{self, NewSignal};
use holdline::app::shares::{MOST_WAITING, OF_SENDER, OF_SOURCE};
use holdline::app::{Actor, freezes, incidents, people, signals};
use holdline::domain::incident::Severity::{self, Critical, Major, Minor};
use holdline::domain::role::Role;
use serde_json::{Value, json};

use super::{Bench, person, scene};

/// Says it; its id.
async fn say(bench: &Bench, who: &Actor, source: &str, new: NewSignal) -> String {
    let new = NewSignal { source: source.into(), ..new };
    heard::receive(&bench.app, who, &new).await.unwrap().signals.remove(0).id
}

fn new(key: &str, title: &str, severity: Option<Severity>) -> NewSignal {
    NewSignal { key: key.into(), title: title.into(), severity, ..NewSignal::default() }
}

/// Takes the places of that source, up to so many.
async fn fill(bench: &Bench, who: &Actor, source: &str, places: std::ops::Range<i64>) {
    for n in places {
        let severity = [None, Some(Minor), Some(Major)][usize::try_from(n % 3).unwrap()];
        let title = format!("Terminal {n:03} in the branch does not answer");
        say(bench, who, source, new(&format!("terminal {n}"), &title, severity)).await;
    }
}

async fn opened(bench: &Bench, new: Value) -> String {
    let new = serde_json::from_value(new).unwrap();
    incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident.id
}

/// Plays it. The worker must run.
pub async fn blow(bench: &mut Bench) -> Value {
    scene::name_all(bench).await;
    let bench = &*bench;
    let (app, operator) = (&bench.app, &bench.operator);
    let monitoring = person(app, &bench.administrator, "Monitoring", Role::Integrator).await;
    let jobs = person(app, &bench.administrator, "Backups", Role::Integrator).await;
    let past = json!({"title": "The branches were closed", "severity": "minor", "freeze": false});
    let past = opened(bench, past).await;
    incidents::resolve(app, operator, &past, None, "They are open again").await.unwrap();
    // Opened from what was mild; now it is worse.
    let cards = || new("cards", "Card payments are refused in many shops", Some(Minor));
    let signal = say(bench, &monitoring, "alertmanager", cards()).await;
    opened(
        bench,
        json!({"title": "Card payments fail", "severity": "minor", "freeze": false, "signal": signal}),
    )
    .await;
    let worse = NewSignal {
        severity: Some(Critical),
        detail: Some("Region west, since a quarter of an hour.\nHalf of all payments.".into()),
        url: Some("https://metrics.bank.example/graph".into()),
        playbook: Some("outage".into()),
        ..cards()
    };
    let worse = say(bench, &monitoring, "alertmanager", worse).await;
    for (key, title) in [("queue", "The queue of transfers grows"), ("disk", "A disk is nearly full")] {
        say(bench, &monitoring, "alertmanager", new(key, title, Some(Major))).await;
        let over = NewSignal { resolved: true, ..new(key, "", None) };
        say(bench, &monitoring, "alertmanager", over).await;
    }
    let known = say(bench, &jobs, "backup", new("nightly", "The nightly backup failed", Some(Minor))).await;
    let why = "The disk of the backup machine was exchanged this morning, and the first copy takes longer than the \
        night. The second one has begun; nothing is lost.\nIf it fails again tomorrow, call the people of the data \
        centre: their number is in the handbook, on the page about the storage.";
    signals::dismiss(app, operator, &known, why, None).await.unwrap();
    let test = say(bench, &jobs, "backup", new("test", "A test of the alarm", None)).await;
    signals::dismiss(app, operator, &test, "Only a test", None).await.unwrap();
    let freeze = json!({"scope": {"labels": ["spring"], "channels": [bench.channels[0]], "allow": ["legal"]},
        "reason": "Until we know more"});
    let freeze = freezes::create(app, operator, &serde_json::from_value(freeze).unwrap()).await.unwrap().id;
    fill(bench, &monitoring, "alertmanager", 1..OF_SOURCE).await;
    fill(bench, &monitoring, "blackbox", OF_SOURCE..OF_SENDER).await;
    fill(bench, &jobs, "backup", OF_SENDER..MOST_WAITING).await;
    let mut tokens = Vec::new();
    for label in ["Nightly import", "The monitoring of the data centre in the north"] {
        let token = json!({"label": label, "days": 90});
        let token = serde_json::from_value(token).unwrap();
        tokens.push(people::create_token(app, operator, &operator.id, &token).await.unwrap().0.id);
    }
    people::revoke_token(app, operator, &operator.id, &tokens[0]).await.unwrap();
    json!({"past": past, "worse": worse, "known": known, "freeze": freeze, "revoked": tokens[0]})
}
