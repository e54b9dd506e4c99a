//! Signals over HTTP: the webhook of Alertmanager, the command line's routes, the cards of the console.

use channels::http::{Answer, Request};
use holdline::app::people::{self, NewPerson, NewToken};
use holdline::app::{Actor, freezes, heard, incidents, invitations, signals};
use holdline::domain::role::Role;
use holdline::domain::signal::SignalState;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::console::{Signed, sign_in};
use crate::on_both;
use crate::signals::{alert, notification};
use crate::support::caller::Caller;
use crate::support::visitor::{self, hidden};
use crate::support::{Bench, person};

/// A token of that person, with some of their roles.
async fn token(bench: &Bench, who: &Actor, roles: Vec<Role>) -> SecretString {
    let new = NewToken { label: "monitoring".into(), roles, days: None };
    people::create_token(&bench.app, who, &who.id, &new).await.unwrap().1
}

pub async fn page(caller: &Caller, signed: &Signed, path: &str) -> String {
    visitor::read(caller, &signed.cookie, path).await
}

pub async fn send(caller: &Caller, signed: &Signed, path: &str, form: &[(&str, &str)]) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    visitor::send(caller, &signed.cookie, "/console/me", path, &form).await
}

/// A signal with these words, from a monitoring system.
pub async fn signal(bench: &Bench, more: Value) -> String {
    let mut new = json!({"source": "probe", "key": "cards", "title": "Card payments fail"});
    new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let new = serde_json::from_value(new).unwrap();
    heard::receive(&bench.app, &bench.operator, &new).await.unwrap().signals.remove(0).id
}

on_both! {
    async fn the_webhook_of_alertmanager_becomes_signals(bench) {
        let caller = Caller::new(&bench).await;
        let monitor = person(&bench.app, &bench.administrator, "monitor", Role::Integrator).await;
        let token = token(&bench, &monitor, vec![Role::Integrator]).await;
        let url = caller.url("/signals/alertmanager");
        let post = async |payload: &Value| {
            let request = Request::post(&url).bearer(&token).json(payload);
            let answer = caller.http.call(request).await.unwrap();
            (answer.status, answer.json::<Value>().unwrap())
        };
        let began = "2026-11-27T13:00:00.123456789Z";
        let two = [alert("a1b2c3d4e5f60718", "firing", began), alert("b1b2c3d4e5f60718", "firing", began)];
        let (status, done) = post(&notification("firing", &two)).await;
        assert_eq!((status, &done["added"]), (200, &json!(2)), "{done}");
        let one = &done["signals"][0];
        for (field, value) in [("source", "alertmanager"), ("title", "Card payments fail"), ("severity", "critical"),
            ("detail", "Half of them are refused."), ("playbook", "outage"), ("state", "waiting"),
            ("url", "https://metrics.bank.example/graph?g0.expr=up")] {
            assert_eq!(one[field], value, "{one}");
        }
        // Sent again with every repeat_interval, and once more when it is over.
        let half = [two[0].clone(), alert("b1b2c3d4e5f60718", "resolved", began)];
        let (_, done) = post(&notification("firing", &half)).await;
        assert_eq!((&done["counted"], &done["ended"]), (&json!(1), &json!(1)), "{done}");
        // The same in Grafana's form.
        let mut grafana = notification("firing", &[alert("c6eadffa33fcdf37", "firing", "2026-11-27T14:00:00+01:00")]);
        for (field, value) in [("version", json!("1")), ("orgId", json!(1)), ("state", json!("alerting")),
            ("title", json!("[FIRING:1]")), ("message", json!("**Firing**"))] {
            grafana[field] = value;
        }
        grafana["alerts"][0]["values"] = json!({"B": 44.2});
        let (status, done) = post(&grafana).await;
        assert_eq!((status, &done["signals"][0]["source"]), (200, &json!("grafana")), "{done}");
        let (status, problem) = post(&json!({"version": "4"})).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("alerts")), "{problem}");
        let (status, problem) = post(&json!({"alerts": []})).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("body")), "{problem}");
        assert!(freezes::list(&bench.app, &bench.operator, false).await.unwrap().is_empty());
        assert!(incidents::list(&bench.app, &bench.operator, false).await.unwrap().is_empty());
    }

    async fn signals_are_said_listed_and_dismissed_over_the_api(bench) {
        let caller = Caller::new(&bench).await;
        let said = json!({"source": "probe", "key": "cards", "title": "Down", "severity": "minor"});
        let done: Value = caller.post("/signals", &said).await.json().unwrap();
        let id = done["signals"][0]["id"].as_str().unwrap().to_owned();
        let unknown = caller.post("/signals", &json!({"source": "p", "key": "k", "title": "t", "more": 1})).await;
        assert_eq!(unknown.status, 422, "our own form is read strictly");
        // A token without the role says nothing, also when its owner could.
        let both = NewPerson { name: "Both".into(), email: "both@example.org".into(),
            roles: vec![Role::Operator, Role::Auditor] };
        let invited = people::create(&bench.app, &bench.administrator, &both).await.unwrap();
        let secret = invitations::accept(&bench.app, invited.secret.expose_secret(), "test").await.unwrap().1;
        let both = people::authenticate(&bench.app, secret.expose_secret(), "test").await.unwrap();
        for (roles, status) in [(vec![Role::Auditor], 403), (vec![Role::Operator], 200)] {
            let token = token(&bench, &both, roles).await;
            let request = Request::post(&caller.url("/signals")).bearer(&token).json(&said);
            assert_eq!(caller.http.call(request).await.unwrap().status, status);
        }
        let list = async |query: &str| {
            let answer = caller.call(Request::get(&caller.url(&format!("/signals{query}")))).await;
            answer.json::<Vec<Value>>().unwrap()
        };
        assert_eq!(list("?waiting=true").await.len(), 2, "another's same key is another signal");
        let dismiss = format!("/signals/{id}/dismiss");
        let problem = caller.post(&dismiss, &json!({"note": " "})).await;
        assert_eq!((problem.status, problem.header("content-type")), (422, Some("application/problem+json")));
        let worse = json!({"source": "probe", "key": "cards", "title": "Down", "severity": "critical"});
        assert_eq!(caller.post("/signals", &worse).await.status, 200);
        assert_eq!(caller.post(&dismiss, &json!({"note": "A test", "times": 1})).await.status, 409, "it is worse now");
        assert_eq!(caller.post(&dismiss, &json!({"note": "A test", "times": 2})).await.status, 200);
        assert_eq!(caller.post(&dismiss, &json!({"note": "A test"})).await.status, 409);
        assert_eq!(caller.post("/signals/none/dismiss", &json!({"note": "x"})).await.status, 404);
        assert_eq!((list("?waiting=true").await.len(), list("").await[1]["note"].as_str()), (1, Some("A test")));
        let opened = json!({"title": "Down", "severity": "minor", "freeze": false, "signal": id});
        assert_eq!(caller.post("/incidents", &opened).await.status, 409);
    }

    async fn a_card_leads_to_the_filled_form_and_the_incident_freezes(bench) {
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let operator = sign_in(&bench, &bench.operator).await;
        let id = signal(&bench, json!({"severity": "critical", "playbook": "outage", "title": "<b>Cards</b> & \"more\"",
            "detail": "<script>alert(1)</script>", "url": "https://m.example/?a=1&b=\"><i>"})).await;
        let now = page(&caller, &operator, "/console").await;
        for raw in ["<b>Cards", "<script>alert", "\"><i>"] {
            assert!(!now.contains(raw), "{raw}");
        }
        assert!(now.contains("rel=\"noopener noreferrer\"") && now.contains("href=\"https://m.example/?a=1&#38;b=&#34;"), "{now}");
        let form = format!("/console/incidents/open?signal={id}");
        assert!(now.contains(&form) && now.contains(&format!("/console/signals/{id}/dismiss")));
        let open = page(&caller, &operator, &form).await;
        assert!(!open.contains("<b>Cards") && !open.contains("<script>alert"));
        assert_eq!((hidden(&open, "signal"), hidden(&open, "playbook")), (id.clone(), "outage".into()));
        assert_eq!(hidden(&open, "title"), "&#60;b&#62;Cards&#60;/b&#62; &#38; &#34;more&#34;");
        assert!(open.contains("<option value=\"\">The worse of the two: signal (critical)"), "{open}");
        let wrong = "x".repeat(201);
        let sent = [("signal", id.as_str()), ("title", &wrong), ("severity", "minor"), ("playbook", "outage")];
        let refused = send(&caller, &operator, "/console/incidents/open", &sent).await;
        let back = String::from_utf8(refused.body.to_vec()).unwrap();
        assert_eq!((refused.status, hidden(&back, "signal"), hidden(&back, "title")), (422, id.clone(), wrong.clone()));
        assert!(back.contains("<option value=\"minor\" selected>"), "what was typed stays");
        let sent = [("signal", id.as_str()), ("title", "Cards"), ("severity", "critical"), ("playbook", "outage")];
        let opened = send(&caller, &operator, "/console/incidents/open", &sent).await;
        assert_eq!(opened.status, 303);
        let incident = incidents::list(&bench.app, &bench.operator, true).await.unwrap().remove(0);
        assert_eq!((incident.title.as_str(), incident.playbook.as_deref()), ("Cards", Some("outage")));
        assert_eq!(freezes::list(&bench.app, &bench.operator, true).await.unwrap().len(), 1);
        let now = signals::get(&bench.app, &bench.operator, &id).await.unwrap();
        assert_eq!((now.state, now.incident.as_deref()), (SignalState::Opened, Some(incident.id.as_str())));
        assert!(!page(&caller, &operator, "/console").await.contains(&form));
        // Whoever comes later is led to the incident, and can still open another one.
        let late = page(&caller, &operator, &form).await;
        assert!(late.contains(&format!("/console/incidents/{}\"", incident.id)) && !late.contains("name=\"signal\""));
        let late = send(&caller, &operator, "/console/incidents/open", &sent).await;
        assert!(late.status == 422 && !String::from_utf8_lossy(&late.body).contains("name=\"signal\""));
        worker.stop().await.unwrap();
    }

    async fn a_card_is_dismissed_with_a_note_and_what_was_typed_stays(bench) {
        let caller = Caller::new(&bench).await;
        let approver = sign_in(&bench, &bench.approver).await;
        let id = signal(&bench, json!({})).await;
        let other = signal(&bench, json!({"key": "other"})).await;
        let path = format!("/console/signals/{id}/dismiss");
        let long = format!("<i>{}", "y".repeat(2_000));
        let refused = send(&caller, &approver, &path, &[("note", &long)]).await;
        let back = String::from_utf8(refused.body.to_vec()).unwrap();
        assert_eq!(refused.status, 422);
        assert!(back.contains(&long.replace("<i>", "&#60;i&#62;")) && back.contains("id=\"wrong-note\""), "{back}");
        assert!(back.contains("hx-get=\"/console\"") && back.matches("id=\"wrong-note\"").count() == 1);
        assert_eq!(send(&caller, &approver, &path, &[("note", "A test")]).await.status, 422, "of what was read?");
        assert_eq!(send(&caller, &approver, &path, &[("note", "A test"), ("times", "1")]).await.status, 303);
        let now = page(&caller, &approver, "/console").await;
        assert!(!now.contains(&path) && now.contains(&other));
        let late = send(&caller, &approver, &path, &[("note", "Again"), ("times", "1")]).await;
        let back = visitor::text(&late);
        assert!(late.status == 422 && back.contains("does not wait any more: it is dismissed"), "{back}");
        // The card says so aloud, keeps the words and has nothing to press.
        assert!(back.contains("role=\"status\">This signal does not wait any more") && back.contains("value=\"Again\""));
        assert!(!back.contains(&format!("<button form=\"dismiss-{id}\"")) && back.contains(&format!("<button form=\"dismiss-{other}\"")));
        let request = Request::post(&format!("{}{path}", caller.base))
            .header("cookie", &format!("holdline={}", approver.cookie))
            .header("sec-fetch-site", "same-origin")
            .body("application/x-www-form-urlencoded", b"note=x".to_vec());
        assert_eq!(caller.http.call(request).await.unwrap().status, 403, "without the form's own word");
    }

    async fn who_only_reads_has_no_buttons_and_many_cards_say_how_many_more(bench) {
        let caller = Caller::new(&bench).await;
        let auditor = person(&bench.app, &bench.administrator, "auditor", Role::Auditor).await;
        let auditor = sign_in(&bench, &auditor).await;
        for n in 0..27 {
            signal(&bench, json!({"key": format!("k{n}"), "title": format!("Probe {n} fails")})).await;
        }
        let seen = page(&caller, &auditor, "/console").await;
        assert!(seen.contains("Probe 26 fails") && !seen.contains("Probe 1 fails"));
        assert!(seen.contains("2 more signals wait") && seen.contains("said once"), "{seen}");
        assert!(!seen.contains("/dismiss") && !seen.contains("incidents/open"));
        let french = page(&caller, &auditor, "/console?lang=fr").await;
        assert!(french.contains("2 autres signaux attendent") && french.contains("signalé 1 fois"), "{french}");
        // An administrator opens incidents and decides nothing.
        let administrator = sign_in(&bench, &bench.administrator).await;
        let seen = page(&caller, &administrator, "/console").await;
        assert!(!seen.contains("/dismiss") && seen.contains("incidents/open?signal="));
    }

    async fn a_card_says_who_and_a_late_dismissal_keeps_the_note(bench) {
        let caller = Caller::new(&bench).await;
        let approver = sign_in(&bench, &bench.approver).await;
        let monitor = person(&bench.app, &bench.administrator, "night-watch", Role::Integrator).await;
        let say = async |key: &str, more: Value| {
            let mut new = json!({"source": "probe", "key": key, "title": format!("{key} fails"), "severity": "minor"});
            new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let new = serde_json::from_value(new).unwrap();
            heard::receive(&bench.app, &monitor, &new).await.unwrap().signals.remove(0).id
        };
        let id = say("cards", json!({})).await;
        let seen = page(&caller, &approver, "/console").await;
        assert!(seen.contains("said by night-watch"), "{seen}");
        let described = format!("aria-describedby=\"signal-title-{id}\"");
        assert!(seen.matches(&described).count() >= 3 && seen.contains(&format!("<b id=\"signal-title-{id}\">")));
        let read = hidden(&seen, "times");
        for n in 0..26 {
            say(&format!("k{n}"), json!({"severity": "major"})).await;
        }
        say("cards", json!({"title": "Cards are copied"})).await;
        let path = format!("/console/signals/{id}/dismiss");
        let refused = send(&caller, &approver, &path, &[("note", "Only a test"), ("times", &read)]).await;
        let back = String::from_utf8(refused.body.to_vec()).unwrap();
        assert_eq!((refused.status, hidden(&back, "note"), hidden(&back, "times")), (422, "Only a test".into(), "2".into()));
        assert!(back.contains("what this signal says has changed") && back.contains("Cards are copied"), "{back}");
        let long = send(&caller, &approver, &path, &[("note", &"x".repeat(2_001)), ("times", "2")]).await;
        let tied = format!("aria-invalid=\"true\" aria-describedby=\"wrong-note signal-title-{id}\"");
        assert!(String::from_utf8_lossy(&long.body).contains(&tied));
        assert_eq!(send(&caller, &approver, &path, &[("note", "Only a test"), ("times", "2")]).await.status, 303);
        let gone = say("k0", json!({"resolved": true})).await;
        let seen = page(&caller, &approver, "/console").await;
        assert!(seen.contains(&format!("<li class=\"hint\" id=\"signal-over-{gone}\">")));
        assert!(seen.contains("nobody had decided") && !seen.contains("Cards are copied"), "{seen}");
        assert!(page(&caller, &approver, "/console?lang=fr").await.contains("personne n’avait décidé"));
    }

    async fn the_worse_of_what_was_read_and_what_is_said_now_counts(bench) {
        let caller = Caller::new(&bench).await;
        let operator = sign_in(&bench, &bench.operator).await;
        let path = "/console/incidents/open";
        assert!(page(&caller, &operator, path).await.contains("As the plan says; without a plan: major"));
        for (n, (read, now)) in [("critical", "minor"), ("minor", "critical")].into_iter().enumerate() {
            let key = format!("k{n}");
            let id = signal(&bench, json!({"severity": read, "key": key})).await;
            let form = page(&caller, &operator, &format!("{path}?signal={id}")).await;
            assert_eq!(hidden(&form, "shown"), read);
            signal(&bench, json!({"severity": now, "key": key})).await;
            let wrong = [("signal", id.as_str()), ("shown", read), ("title", &"x".repeat(201)), ("no_freeze", "on")];
            let back = send(&caller, &operator, path, &wrong).await;
            assert_eq!(hidden(&visitor::text(&back), "shown"), "critical", "what was read is not forgotten");
            let sent = [("signal", id.as_str()), ("shown", read), ("title", "T"), ("no_freeze", "on")];
            assert_eq!(send(&caller, &operator, path, &sent).await.status, 303);
            let newest = incidents::list(&bench.app, &bench.operator, true).await.unwrap().remove(0);
            assert_eq!(serde_json::to_value(newest.severity).unwrap(), "critical");
        }
    }

    async fn a_signal_lowers_no_plan_and_the_buttons_say_what_comes(bench) {
        let caller = Caller::new(&bench).await;
        let operator = sign_in(&bench, &bench.operator).await;
        for (n, (said, chosen, plan, then)) in [("minor", "", "outage", "major"), ("critical", "", "outage", "critical"),
            ("major", "", "recall", "critical"), ("minor", "", "", "minor"), ("critical", "minor", "outage", "minor")]
            .into_iter().enumerate() {
            let id = signal(&bench, json!({"severity": said, "key": format!("k{n}")})).await;
            let form = page(&caller, &operator, &format!("/console/incidents/open?signal={id}")).await;
            assert!(!form.contains("\" selected>"), "nothing is chosen before somebody chooses");
            if chosen.is_empty() && !plan.is_empty() {
                let button = form.split(&format!("value=\"{plan}\"")).nth(1).unwrap().split("</button>").next().unwrap();
                assert!(button.contains(&format!("<span class=\"hint\">{then} ·")), "{button}");
            }
            let sent = [("signal", id.as_str()), ("title", "T"), ("severity", chosen), ("playbook", plan), ("no_freeze", "on")];
            assert_eq!(send(&caller, &operator, "/console/incidents/open", &sent).await.status, 303);
            let newest = incidents::list(&bench.app, &bench.operator, true).await.unwrap().remove(0);
            assert_eq!(serde_json::to_value(newest.severity).unwrap(), then, "{said} {chosen} {plan}");
        }
    }
}
