//! A signal that goes on about an open incident joins it, and cards that somebody types into stay.

use channels::http::{Answer, Request};
use holdline::app::heard::NewSignal;
use holdline::app::room::{self, What};
use holdline::app::{AppError, incidents, signals};
use holdline::domain::incident::Severity::{self, Critical, Major, Minor};
use holdline::domain::signal::SignalState;
use serde_json::{Value, json};

use crate::console::{Signed, sign_in};
use crate::on_both;
use crate::signals::{alert, alerts, get, log, new, notification, open, say, waiting};
use crate::support::caller::Caller;
use crate::support::{Bench, visitor};

fn severe(key: &str, severity: Severity) -> NewSignal {
    NewSignal { severity: Some(severity), ..new(key) }
}

async fn join(bench: &Bench, signal: &str, incident: &str) -> holdline::app::Result<signals::SignalView> {
    signals::join(&bench.app, &bench.operator, signal, incident, None).await
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

    async fn a_join_counts_for_what_was_read(bench) {
        let caller = Caller::new(&bench).await;
        let operator = sign_in(&bench, &bench.operator).await;
        let incident = open(&bench, &say(&bench, &severe("cards", Minor)).await.id).await.unwrap().incident.id;
        let read = say(&bench, &severe("disk", Minor)).await;
        say(&bench, &severe("disk", Minor)).await;
        say(&bench, &NewSignal { title: "All disks".into(), ..severe("disk", Critical) }).await;
        let join = async |times| signals::join(&bench.app, &bench.operator, &read.id, &incident, times).await;
        for times in [1, 2] {
            let refused = join(Some(times)).await;
            assert!(matches!(&refused, Err(AppError::Conflict(w)) if w.contains("has changed")), "{refused:?}");
        }
        let answer = caller.post(&format!("/signals/{}/join", read.id), &json!({"incident": incident, "times": 2})).await;
        assert_eq!((answer.status, severity(&bench, &incident).await, waiting(&bench).await), (409, Major, 1));
        // The form says what was read, and keeps what was typed.
        let path = format!("/console/signals/{}/join", read.id);
        let form = [("incident", incident.as_str()), ("title", "A long <title>"), ("severity", "minor"), ("no_freeze", "on")];
        let refused = send(&caller, &operator, &path, &[&form[..], &[("times", "2"), ("signal", &read.id)]].concat()).await;
        let html = visitor::text(&refused);
        assert!(refused.status == 422 && html.contains("what this signal says has changed"), "{html}");
        assert!(html.contains("value=\"A long &#60;title&#62;\"") && html.contains("<option value=\"minor\" selected>"), "{html}");
        assert!(html.contains("name=\"no_freeze\" checked") && html.contains("All disks"), "{html}");
        assert_eq!(visitor::hidden(&html, "times"), "3");
        assert_eq!(send(&caller, &operator, &path, &form).await.status, 422, "of what was read?");
        // Said again in the same words.
        say(&bench, &NewSignal { title: "All disks".into(), ..severe("disk", Critical) }).await;
        join(Some(3)).await.unwrap();
        assert_eq!(severity(&bench, &incident).await, Critical);
    }

    async fn the_room_tells_who_joined_a_signal_and_that_it_is_worse_since(bench) {
        let caller = Caller::new(&bench).await;
        let operator = sign_in(&bench, &bench.operator).await;
        let incident = open(&bench, &say(&bench, &severe("cards", Minor)).await.id).await.unwrap().incident.id;
        let opened = room::read(&bench.app, &bench.operator, &incident).await.unwrap().timeline;
        assert_eq!(opened.len(), 1, "it was opened from a signal, which is no other happening: {opened:?}");
        for (key, level) in [("disk", Critical), ("fan", Minor)] {
            bench.app.clock().advance(60_000);
            let signal = say(&bench, &NewSignal { title: format!("<{key}>"), ..severe(key, level) }).await;
            assert!(!signal.joined && join(&bench, &signal.id, &incident).await.unwrap().joined);
        }
        let told = room::read(&bench.app, &bench.operator, &incident).await.unwrap().timeline;
        let told: Vec<_> = told.iter().map(|h| (h.what, h.about.as_str(), h.who.as_deref())).collect();
        let by = Some("operator");
        assert_eq!(told[..3], [(What::Joined, "<fan>", by), (What::Raised, "critical", by), (What::Joined, "<disk>", by)]);
        let page = page(&caller, &operator, &format!("/console/incidents/{incident}?lang=fr")).await;
        for words in ["Signal rattaché", "&#60;disk&#62;", "Gravité relevée", "<span class=\"words\">critique</span>"] {
            assert!(page.contains(words), "{words}: {page}");
        }
    }

    async fn an_alert_that_starts_anew_has_the_button_that_joins_it(bench) {
        let caller = Caller::new(&bench).await;
        let operator = sign_in(&bench, &bench.operator).await;
        let at = |hour: u8| format!("2026-11-27T{hour}:00:00Z");
        let fires = |name: &str, hour| notification("firing", &[alert(name, "firing", &at(hour))]);
        let first = alerts(&bench, fires("f1", 13)).await.unwrap().signals.remove(0);
        let incident = open(&bench, &first.id).await.unwrap().incident.id;
        alerts(&bench, notification("resolved", &[alert("f1", "resolved", &at(13))])).await.unwrap();
        let again = alerts(&bench, fires("f1", 14)).await.unwrap().signals.remove(0);
        let other = alerts(&bench, fires("f2", 14)).await.unwrap().signals.remove(0);
        assert!(again.key != first.key && again.id != first.id);
        let found = signals::joinable(&bench.app, &bench.operator).await.unwrap();
        assert_eq!(found.get(&again.id).map(|(id, _)| id), Some(&incident));
        assert!(!found.contains_key(&other.id), "another alert of the same rule is another thing");
        let seen = page(&caller, &operator, "/console").await;
        assert!(seen.contains(&format!("/console/signals/{}/join", again.id)), "{seen}");
        // Who may not decide has no such button.
        let administrator = sign_in(&bench, &bench.administrator).await;
        for path in ["/console".to_owned(), format!("/console/incidents/open?signal={}", again.id)] {
            assert!(!page(&caller, &administrator, &path).await.contains("/join\""), "{path}");
        }
        // What joined is a thing of the incident, too.
        join(&bench, &other.id, &incident).await.unwrap();
        let third = alerts(&bench, fires("f2", 15)).await.unwrap().signals.remove(0);
        assert!(signals::joinable(&bench.app, &bench.operator).await.unwrap().contains_key(&third.id));
        let twice = join(&bench, &other.id, &incident).await;
        assert!(matches!(&twice, Err(AppError::Conflict(w)) if w.contains("was joined to an incident before")), "{twice:?}");
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
        let done = send(&caller, &operator, &path, &[("incident", &incident), ("times", "1")]).await;
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
