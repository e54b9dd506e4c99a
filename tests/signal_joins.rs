//! A signal that goes on about an open incident joins it, and cards that somebody types into stay.

use channels::http::{Answer, Request};
use holdline::app::heard::NewSignal;
use holdline::app::{AppError, incidents, signals};
use holdline::domain::incident::Severity::{self, Critical, Major, Minor};
use holdline::domain::signal::SignalState;
use serde_json::{Value, json};

use crate::console::{Signed, sign_in};
use crate::on_both;
use crate::signals::{get, log, new, open, say, waiting};
use crate::support::caller::Caller;
use crate::support::{Bench, visitor};

fn severe(key: &str, severity: Severity) -> NewSignal {
    NewSignal { severity: Some(severity), ..new(key) }
}

async fn join(bench: &Bench, signal: &str, incident: &str) -> holdline::app::Result<signals::SignalView> {
    signals::join(&bench.app, &bench.operator, signal, incident).await
}

async fn severity(bench: &Bench, incident: &str) -> Severity {
    incidents::get(&bench.app, &bench.operator, incident).await.unwrap().severity
}

async fn page(caller: &Caller, signed: &Signed, path: &str) -> String {
    visitor::read(caller, &signed.cookie, path).await
}

async fn send(caller: &Caller, signed: &Signed, path: &str, form: &[(&str, &str)]) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    visitor::send(caller, &signed.cookie, "/console/me", path, &form).await
}

on_both! {
    async fn what_becomes_worse_joins_the_open_incident_and_raises_it(bench) {
        let first = say(&bench, &severe("disk", Minor)).await;
        let incident = open(&bench, &first.id).await.unwrap().incident.id;
        let worse = say(&bench, &severe("disk", Critical)).await;
        assert!(worse.id != first.id && waiting(&bench).await == 1);
        let found = signals::joinable(&bench.app, &bench.operator).await.unwrap();
        assert_eq!(found.get(&worse.id), Some(&(incident.clone(), "Down".to_owned())));
        let joined = join(&bench, &worse.id, &incident).await.unwrap();
        assert_eq!((joined.state, joined.incident.as_ref()), (SignalState::Opened, Some(&incident)));
        assert_eq!((severity(&bench, &incident).await, waiting(&bench).await), (Critical, 0));
        assert_eq!(log(&bench, "incident.").await, ["incident.opened", "incident.raised"]);
        assert_eq!(say(&bench, &severe("disk", Critical)).await.id, worse.id, "it is worked on");
        // Another thing that is milder joins it too, and lowers nothing.
        let other = say(&bench, &severe("memory", Major)).await;
        assert!(signals::joinable(&bench.app, &bench.operator).await.unwrap().is_empty());
        join(&bench, &other.id, &incident).await.unwrap();
        assert_eq!((severity(&bench, &incident).await, log(&bench, "incident.raised").await.len()), (Critical, 1));
        let twice = join(&bench, &other.id, &incident).await;
        assert!(matches!(twice, Err(AppError::Conflict(_))), "{twice:?}");
    }

    async fn an_alarm_joins_no_exercise(bench) {
        let exercise = json!({"title": "Practice", "severity": "minor", "drill": true, "freeze": false});
        let exercise = serde_json::from_value(exercise).unwrap();
        let incident = incidents::open(&bench.app, &bench.operator, &exercise).await.unwrap().incident.id;
        let alarm = say(&bench, &severe("cards", Critical)).await;
        let refused = join(&bench, &alarm.id, &incident).await;
        assert!(matches!(&refused, Err(AppError::Conflict(why)) if why.contains("exercise")), "{refused:?}");
        assert_eq!((severity(&bench, &incident).await, waiting(&bench).await), (Minor, 1));
    }

    async fn only_an_open_incident_is_joined(bench) {
        let first = say(&bench, &new("disk")).await;
        let incident = open(&bench, &first.id).await.unwrap().incident.id;
        let other = say(&bench, &severe("memory", Critical)).await;
        let none = join(&bench, &other.id, "none").await;
        assert!(matches!(&none, Err(AppError::Invalid(p)) if p[0].field == "incident"), "{none:?}");
        assert!(matches!(join(&bench, "none", &incident).await, Err(AppError::NotFound { .. })));
        incidents::resolve(&bench.app, &bench.operator, &incident, None, "done").await.unwrap();
        let late = join(&bench, &other.id, &incident).await;
        assert!(matches!(&late, Err(AppError::Conflict(w)) if w.contains("resolved")), "{late:?}");
        assert_eq!((get(&bench, &other.id).await.state, severity(&bench, &incident).await), (SignalState::Waiting, Major));
    }

    async fn a_worse_card_has_the_button_that_joins_it(bench) {
        let caller = Caller::new(&bench).await;
        let operator = sign_in(&bench, &bench.operator).await;
        let first = say(&bench, &severe("disk", Minor)).await;
        let incident = open(&bench, &first.id).await.unwrap().incident.id;
        let worse = say(&bench, &severe("disk", Critical)).await;
        let path = format!("/console/signals/{}/join", worse.id);
        let seen = page(&caller, &operator, "/console").await;
        assert!(seen.contains(&path) && seen.contains("Join it to “Down”"), "{seen}");
        let form = page(&caller, &operator, &format!("/console/incidents/open?signal={}", worse.id)).await;
        assert!(form.contains(&path) && form.contains("an incident that is open already"), "{form}");
        let refused = send(&caller, &operator, &path, &[("incident", "none")]).await;
        let words = visitor::text(&refused);
        assert!(refused.status == 422 && words.contains("there is no incident none"), "{words}");
        let done = send(&caller, &operator, &path, &[("incident", &incident)]).await;
        assert_eq!((done.status, done.header("location")), (303, Some(format!("/console/incidents/{incident}").as_str())));
        assert_eq!(severity(&bench, &incident).await, Critical);
        // Over the API.
        let other = say(&bench, &new("memory")).await;
        let url = caller.url(&format!("/signals/{}/join", other.id));
        for replayed in [None, Some("true")] {
            let request = Request::post(&url).header("idempotency-key", "once").json(&json!({"incident": incident}));
            let answer = caller.call(request).await;
            assert_eq!((answer.status, answer.header("idempotency-replayed")), (200, replayed));
            assert_eq!(answer.json::<Value>().unwrap()["incident"], json!(incident));
        }
    }

    async fn a_card_that_is_typed_into_stays(bench) {
        let caller = Caller::new(&bench).await;
        let approver = sign_in(&bench, &bench.approver).await;
        let mild = say(&bench, &severe("mild", Minor)).await;
        for n in 0..26 {
            say(&bench, &severe(&format!("k{n}"), Major)).await;
        }
        let card = format!("/console/signals/{}/dismiss", mild.id);
        let seen = page(&caller, &approver, "/console").await;
        assert!(!seen.contains(&card) && seen.contains("2 more signals wait"), "{seen}");
        assert!(seen.contains("hx-include=\"#live input[name=keep]\"") && seen.contains("name=\"keep\""), "{seen}");
        let kept = page(&caller, &approver, &format!("/console?lang=fr&keep={}&keep=none", mild.id)).await;
        assert!(kept.contains(&card) && kept.contains("hx-get=\"/console?lang=fr\""), "{kept}");
        assert!(kept.contains("1 autre signal attend"), "{kept}");
        // Somebody else was first: the note is still there.
        signals::dismiss(&bench.app, &bench.operator, &mild.id, "A test", None).await.unwrap();
        let late = send(&caller, &approver, &card, &[("note", "The probe is broken"), ("times", "1")]).await;
        let back = visitor::text(&late);
        assert!(late.status == 422 && back.contains("value=\"The probe is broken\""), "{back}");
        assert!(back.contains("does not wait any more. What you typed is still here"), "{back}");
        let kept = page(&caller, &approver, &format!("/console?keep={}", mild.id)).await;
        assert!(kept.contains(&card) && kept.contains("does not wait any more"), "{kept}");
    }

    async fn what_ended_is_opened_from_the_page_and_the_list_has_all(bench) {
        let caller = Caller::new(&bench).await;
        let operator = sign_in(&bench, &bench.operator).await;
        let over = say(&bench, &severe("disk", Minor)).await;
        say(&bench, &NewSignal { resolved: true, ..new("disk") }).await;
        let opened = say(&bench, &severe("memory", Major)).await;
        let incident = open(&bench, &opened.id).await.unwrap().incident.id;
        let dismissed = say(&bench, &new("fan")).await;
        signals::dismiss(&bench.app, &bench.operator, &dismissed.id, "Only <dust>", None).await.unwrap();
        let link = format!("/console/incidents/open?signal={}\"", over.id);
        assert!(page(&caller, &operator, "/console").await.contains(&link));
        let list = page(&caller, &operator, "/console/signals").await;
        assert!(list.contains(&link) && list.contains(&format!("/console/incidents/{incident}\"")), "{list}");
        assert!(list.contains("Only &#60;dust&#62;") && !list.contains(&format!("signal={}", dismissed.id)), "{list}");
        let french = page(&caller, &operator, "/console/signals?lang=fr").await;
        assert!(french.contains("Signaux de la surveillance") && french.contains("écarté"), "{french}");
        let form = page(&caller, &operator, &link.replace('"', "")).await;
        assert_eq!(visitor::hidden(&form, "signal"), over.id);
        let sent = [("signal", over.id.as_str()), ("title", "Disk"), ("no_freeze", "on")];
        assert_eq!(send(&caller, &operator, "/console/incidents/open", &sent).await.status, 303);
    }
}
