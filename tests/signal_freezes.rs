//! From a freeze to its incident: which freezes are taken along, what is frozen too, and what goes on.

use holdline::app::{freezes, incidents, signals};
use serde_json::{Value, json};

use crate::console::sign_in;
use crate::on_both;
use crate::signal_cards::{page, send, signal};
use crate::support::caller::Caller;
use crate::support::visitor::{self, hidden};

on_both! {
    async fn a_freeze_and_a_signal_become_one_incident(bench) {
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let operator = sign_in(&bench, &bench.operator).await;
        let id = signal(&bench, json!({"severity": "minor", "title": "Cards <fail>"})).await;
        let card = format!("/console/incidents/open?signal={id}");
        assert!(page(&caller, &operator, "/console").await.contains(&format!("{card}\"")), "nothing is frozen");
        let frozen = send(&caller, &operator, "/console/freeze", &[]).await;
        let freeze = frozen.header("location").unwrap().rsplit('/').next().unwrap().to_owned();
        let both = format!("adopt={freeze}&amp;signal={id}\"");
        let shown = page(&caller, &operator, &format!("/console/freezes/{freeze}")).await;
        assert!(shown.contains(&both) && shown.contains("Cards &#60;fail&#62;"), "{shown}");
        assert!(shown.contains(&format!("<li id=\"signal-{id}\">")), "{shown}");
        assert!(page(&caller, &operator, "/console").await.contains(&format!("{card}&amp;adopt={freeze}\"")));
        let form = page(&caller, &operator, &format!("{card}&adopt={freeze}")).await;
        assert_eq!((hidden(&form, "adopt"), hidden(&form, "signal")), (freeze.clone(), id.clone()));
        let sent = [("signal", id.as_str()), ("adopt", &freeze), ("title", "Cards"), ("severity", ""), ("playbook", "outage")];
        assert_eq!(send(&caller, &operator, "/console/incidents/open", &sent).await.status, 303);
        let incident = incidents::list(&bench.app, &bench.operator, true).await.unwrap().remove(0);
        let freezes = freezes::list(&bench.app, &bench.operator, true).await.unwrap();
        assert_eq!((freezes.len(), freezes[0].incident.as_deref()), (1, Some(incident.id.as_str())));
        let now = signals::get(&bench.app, &bench.operator, &id).await.unwrap();
        assert_eq!(now.incident.as_deref(), Some(incident.id.as_str()));
        // The freeze is taken now: another signal's card and form go without it.
        let other = signal(&bench, json!({"key": "other"})).await;
        assert!(!page(&caller, &operator, "/console").await.contains(&format!("adopt={freeze}")));
        assert!(!page(&caller, &operator, &format!("/console/freezes/{freeze}")).await.contains(&other));
        let late = format!("/console/incidents/open?signal={other}&adopt={freeze}");
        let late = page(&caller, &operator, &late).await;
        assert!(!late.contains("name=\"adopt\"") && late.contains("Opening an incident freezes"), "{late}");
        worker.stop().await.unwrap();
    }

    async fn a_narrow_freeze_is_not_taken_for_all(bench) {
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let operator = sign_in(&bench, &bench.operator).await;
        let id = signal(&bench, json!({})).await;
        let frozen = send(&caller, &operator, "/console/freeze", &[("labels", "promo")]).await;
        let freeze = frozen.header("location").unwrap().rsplit('/').next().unwrap().to_owned();
        assert!(!page(&caller, &operator, "/console").await.contains("adopt="), "it covers a part only");
        let path = "/console/incidents/open";
        let form = page(&caller, &operator, &format!("{path}?signal={id}")).await;
        assert!(form.contains("Only a part is frozen now (labels: promo)") && !form.contains("name=\"adopt\""), "{form}");
        // Whoever comes from that freeze takes it along, and all is frozen unless they say no.
        let asked = format!("{path}?adopt={freeze}&signal={id}");
        let form = page(&caller, &operator, &asked).await;
        assert!(hidden(&form, "adopt") == freeze && form.contains("covers only a part (labels: promo)"), "{form}");
        assert!(page(&caller, &operator, &format!("{asked}&lang=fr")).await.contains("ne couvre qu’une partie"));
        assert!(page(&caller, &operator, &format!("/console/freezes/{freeze}")).await.contains("covers only a part"));
        let all = async || {
            let freezes = freezes::list(&bench.app, &bench.operator, true).await.unwrap();
            freezes.iter().map(|f| (f.incident.is_some(), f.scope.is_everything())).collect::<Vec<_>>()
        };
        let sent = [("adopt", freeze.as_str()), ("title", "Cards"), ("playbook", "outage")];
        assert_eq!(send(&caller, &operator, path, &sent).await.status, 303);
        assert_eq!(all().await, [(true, true), (true, false)]);
        let frozen = send(&caller, &operator, "/console/freeze", &[("labels", "sale")]).await;
        let freeze = frozen.header("location").unwrap().rsplit('/').next().unwrap().to_owned();
        let sent = [("adopt", freeze.as_str()), ("title", "Sale"), ("playbook", ""), ("no_freeze", "on")];
        assert_eq!(send(&caller, &operator, path, &sent).await.status, 303);
        assert_eq!(all().await, [(true, false), (true, true), (true, false)]);
        worker.stop().await.unwrap();
    }

    async fn whoever_comes_without_a_freeze_takes_the_free_one_of_everything(bench) {
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let operator = sign_in(&bench, &bench.operator).await;
        let id = signal(&bench, json!({})).await;
        let path = "/console/incidents/open";
        let mut made = Vec::new();
        for form in [&[][..], &[("allow", "legal")][..], &[("labels", "promo")][..]] {
            let frozen = send(&caller, &operator, "/console/freeze", form).await;
            made.push(frozen.header("location").unwrap().rsplit('/').next().unwrap().to_owned());
        }
        // From the list of all signals, from what is over, after a refusal: the newest free one of everything.
        for asked in [format!("{path}?signal={id}"), format!("{path}?signal={id}&adopt=none"), path.to_owned()] {
            let form = page(&caller, &operator, &asked).await;
            assert!(hidden(&form, "adopt") == made[1] && hidden(&form, "allow") == "legal", "{asked}: {form}");
            assert!(form.contains("name=\"freeze_allowed\">") && form.contains("name=\"leave\">"), "{asked}: {form}");
        }
        let wrong = [("signal", id.as_str()), ("incident", "none"), ("times", "1")];
        let back = send(&caller, &operator, &format!("/console/signals/{id}/join"), &wrong).await;
        assert_eq!((back.status, hidden(&visitor::text(&back), "adopt")), (422, made[1].clone()));
        // Whoever comes from a part takes it and the one of everything, and the page says so.
        let form = page(&caller, &operator, &format!("{path}?signal={id}&adopt={}", made[2])).await;
        assert!(hidden(&form, "adopt") == made[2] && form.contains("so does the freeze of everything of"), "{form}");
        assert!(form.contains("name=\"no_freeze\">") && hidden(&form, "allow") == "legal", "{form}");
        let own = page(&caller, &operator, &format!("/console/freezes/{}", made[2])).await;
        assert!(own.contains("so does the freeze of everything of") && own.contains("name=\"no_freeze\">"), "{own}");
        let allow = hidden(&own, "allow");
        let sent = [("signal", id.as_str()), ("adopt", &made[2]), ("allow", &allow), ("title", "Cards"), ("playbook", "outage")];
        assert_eq!(send(&caller, &operator, path, &sent).await.status, 303);
        let incident = incidents::list(&bench.app, &bench.operator, true).await.unwrap().remove(0).id;
        let all = freezes::list(&bench.app, &bench.operator, true).await.unwrap();
        let taken = all.iter().filter(|f| f.incident.as_ref() == Some(&incident)).map(|f| f.id.clone());
        assert_eq!((all.len(), taken.collect::<Vec<_>>()), (3, vec![made[2].clone(), made[1].clone()]));
        worker.stop().await.unwrap();
    }

    async fn what_the_freeze_that_is_taken_along_allows_goes_on_and_nothing_else(bench) {
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let operator = sign_in(&bench, &bench.operator).await;
        let path = "/console/incidents/open";
        let newest = async || freezes::list(&bench.app, &bench.operator, true).await.unwrap().remove(0);
        let frozen = async |form: &[(&str, &str)]| {
            let frozen = send(&caller, &operator, "/console/freeze", form).await;
            frozen.header("location").unwrap().rsplit('/').next().unwrap().to_owned()
        };
        // One of everything but legal posts is taken as it is, unless a person freezes these too.
        for (more, allowed) in [(None, "legal"), (Some(("freeze_allowed", "on")), "")] {
            let whole = frozen(&[("allow", "legal")]).await;
            let form = page(&caller, &operator, path).await;
            assert!(form.contains("as this freeze allows: legal"), "{form}");
            assert!(page(&caller, &operator, &format!("{path}?lang=fr")).await.contains("comme ce gel le permet"));
            let (adopt, allow) = (hidden(&form, "adopt"), hidden(&form, "allow"));
            let sent = [("adopt", adopt.as_str()), ("allow", &allow), ("title", "Cards"), ("playbook", "")];
            let sent: Vec<_> = sent.into_iter().chain(more).collect();
            assert_eq!(send(&caller, &operator, path, &sent).await.status, 303);
            let made = newest().await;
            assert_eq!((made.id == whole, made.scope.allow.join(", ").as_str()), (more.is_none(), allowed));
            assert!(made.incident.is_some() && made.scope.is_whole(), "{made:?}");
        }
        // A part: what it allows is named, and goes on or not.
        for (more, allowed) in [(None, "legal, refunds"), (Some(("freeze_allowed", "on")), "")] {
            let part = frozen(&[("labels", "promo"), ("allow", "legal, refunds")]).await;
            let shown = page(&caller, &operator, &format!("/console/freezes/{part}")).await;
            assert_eq!(hidden(&shown, "allow"), "legal, refunds");
            let sent = [("adopt", part.as_str()), ("allow", "legal, refunds"), ("title", "Cards"), ("playbook", "")];
            let sent: Vec<_> = sent.into_iter().chain(more).collect();
            assert_eq!(send(&caller, &operator, path, &sent).await.status, 303);
            let made = newest().await;
            assert!(made.id != part && made.scope.is_whole(), "{made:?}");
            assert_eq!(made.scope.allow.join(", "), allowed);
        }
        // What other freezes allow, such as that of a machine or of an exercise, does not count.
        frozen(&[("labels", "promo"), ("allow", "marketing")]).await;
        let form = page(&caller, &operator, path).await;
        assert!(!form.contains("name=\"allow\"") && !form.contains("freeze_allowed"), "{form}");
        let opened: Value =
            caller.post("/incidents", &json!({"title": "Cards", "severity": "major"})).await.json().unwrap();
        assert_eq!(opened["freeze"]["scope"]["allow"], json!([]), "{opened}");
        // A reason that is too long freezes all the same, and the page says what became of it.
        let long = "x".repeat(2_001);
        let mended = send(&caller, &operator, "/console/freeze", &[("labels", "sale"), ("reason", &long)]).await;
        let to = mended.header("location").unwrap().to_owned();
        assert!(to.ends_with("?mended=1"), "{to}");
        assert!(page(&caller, &operator, &to).await.contains("it was cut or cleaned, and the freeze was made"));
        // Nobody has to take along what another person froze.
        let whole = frozen(&[]).await;
        let sent = [("adopt", whole.as_str()), ("leave", "on"), ("title", "Printers"), ("playbook", "")];
        assert_eq!(send(&caller, &operator, path, &sent).await.status, 303);
        let left = newest().await;
        assert_eq!((left.id, left.incident), (whole, None));
        worker.stop().await.unwrap();
    }
}
