//! What the public sees: the page in two languages, the banner, and a drill that cannot be mistaken.

use channels::Retraction;
use channels::http::{Answer, Request};
use holdline::app::channels::{self as app_channels, NewChannel};
use holdline::app::held::{self, Settle, Settlement};
use holdline::app::incidents::{self, NewIncident};
use holdline::app::permits::{self, Rooms};
use holdline::app::sending::{self, Outcome};
use holdline::app::{posts, site};
use holdline::domain::delivery::State;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;

async fn incident(bench: &Bench, drill: bool) -> incidents::IncidentView {
    let new = json!({"title": "Internal words", "severity": "major", "freeze": false, "drill": drill});
    let new: NewIncident = serde_json::from_value(new).unwrap();
    incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident
}

async fn get(caller: &Caller, path: &str, language: &str) -> (Answer, String) {
    let request = Request::get(&format!("{}{path}", caller.base)).header("accept-language", language);
    let answer = caller.http.call(request).await.unwrap();
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    (answer, text)
}

on_both! {
    async fn the_page_shows_approved_words_and_runs_none(bench) {
        let (worker, caller) = (bench.start().await, Caller::new(&bench).await);
        let incident = incident(&bench, false).await;
        let post = bench.approved(json!({"kind": "update", "incident": incident.id, "channels": ["site"],
            "source": {"title": "Cards <fail>", "language": "en-GB",
                "text": "<script>alert(1)</script> see https://bank.example/?a=\"b\" or javascript://x"}})).await;
        bench.until(&post.id, &["accepted"]).await;
        let path = format!("/incidents/{}", incident.slug);
        let (answer, page) = get(&caller, &path, "fr-CH,en;q=0.5").await;
        assert_eq!(answer.status, 200);
        assert!(page.contains("<html lang=\"fr\">") && page.contains("<h1 lang=\"en-GB\">Cards &#60;fail&#62;</h1>"), "{page}");
        assert!(!page.contains("<script") && !page.contains("href=\"javascript") && !page.contains("Internal"), "{page}");
        assert!(page.contains("href=\"https://bank.example/?a=\""), "{page}");
        assert!(!page.contains("class=\"exercise\""), "{page}");
        assert_eq!(answer.header("cache-control"), Some("public, max-age=15"));
        assert_eq!(answer.header("vary"), Some("accept-language"));
        assert!(answer.header("content-security-policy").unwrap().contains("default-src 'none'"));
        let (index, words) = get(&caller, "/", "en").await;
        assert!(index.status == 200 && words.contains("<h2 lang=\"en-GB\">"), "{words}");
        let (banner, _) = get(&caller, "/banner.json", "en").await;
        assert_eq!(banner.header("access-control-allow-origin"), Some("*"));
        let banner: Value = banner.json().unwrap();
        assert_eq!(banner["incidents"][0]["url"], incident.url);
        assert_eq!(banner["incidents"][0]["language"], "en-GB");
        worker.stop().await.unwrap();
    }

    async fn what_a_person_saw_on_the_page_is_taken_off_it_and_what_never_was_there_is_not(bench) {
        let incident = incident(&bench, false).await;
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[3], 9);
        for there in [true, false] {
            let post = bench.approved(json!({"kind": "update", "incident": incident.id, "channels": ["site"],
                "source": {"text": "We work on it."}})).await;
            let permit = permits::claim(&bench.app, 9, 9, &mut rooms).await.unwrap().permits.remove(0);
            if there {
                bench.sql(&format!("insert into site_entries (delivery_id, incident_id, kind, text, language,
                    published_at) values ('{}', '{}', 'update', 'We work on it.', 'en', 1)", permit.delivery,
                    incident.id)).await;
            }
            let doubt = Outcome::InDoubt { reason: "cut".into(), readable: false };
            sending::settle(&bench.app, &[(permit.clone(), doubt)], |_| true).await.unwrap();
            let seen = Settle { settlement: Settlement::Published, note: "I saw it".into(),
                url: Some(incident.url.clone()) };
            held::settle(&bench.app, &bench.operator, &permit.delivery, &seen).await.unwrap();
            let shown = posts::get(&bench.app, &bench.operator, &post.id).await.unwrap();
            assert_eq!(shown.deliveries[0].url.as_ref(), Some(&incident.url));
            let worker = bench.start().await;
            for _ in 0..2 {
                let result = held::retract(&bench.app, &bench.operator, &permit.delivery, "wrong").await.unwrap();
                assert_eq!(result == Retraction::Gone, there, "{result:?}");
            }
            let shown = posts::get(&bench.app, &bench.operator, &post.id).await.unwrap();
            let state = if there { State::Retracted } else { State::Accepted };
            assert_eq!(shown.deliveries[0].state, state);
            assert!(site::page(&bench.app, &incident.slug).await.unwrap().entries.is_empty());
            worker.stop().await.unwrap();
        }
    }

    async fn a_reader_who_is_lost_gets_a_page_and_the_api_is_kept_nowhere(bench) {
        let caller = Caller::new(&bench).await;
        let (answer, page) = get(&caller, "/incidents/nowhere", "fr").await;
        assert_eq!(answer.status, 404);
        assert!(page.contains("<html lang=\"fr\">") && page.contains("n’existe pas"), "{page}");
        let (answer, _) = get(&caller, "/incidents/nowhere.json", "fr").await;
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/problem+json")));
        let me = caller.call(Request::get(&caller.url("/me"))).await;
        assert_eq!(me.header("cache-control"), Some("no-store"));
    }

    async fn the_page_of_a_drill_says_so_and_is_in_no_list(bench) {
        let new = NewChannel { name: "practice page".into(), adapter: "website".into(), brand: "main".into(),
            settings: Value::Null, credential: None, drill: true };
        app_channels::create(&bench.app, &bench.administrator, new).await.unwrap();
        let (worker, caller) = (bench.start().await, Caller::new(&bench).await);
        let incident = incident(&bench, true).await;
        let post = bench.approved(json!({"kind": "update", "incident": incident.id,
            "source": {"title": "Cards fail", "text": "Your money is safe."}})).await;
        bench.until(&post.id, &["accepted"]).await;
        let path = format!("/incidents/{}", incident.slug);
        for (language, words) in [("en", "EXERCISE. This is a drill"), ("fr", "EXERCICE. Ceci est une simulation")] {
            let (_, page) = get(&caller, &path, language).await;
            assert!(page.contains("class=\"exercise\"") && page.contains(words), "{page}");
            assert!(page.contains("EXERCISE EXERCISE EXERCISE") && page.contains("noindex"), "{page}");
        }
        let (_, index) = get(&caller, "/", "en").await;
        let (banner, _) = get(&caller, "/banner.json", "en").await;
        assert!(!index.contains("Cards fail"), "{index}");
        assert_eq!(banner.json::<Value>().unwrap()["active"], false);
        worker.stop().await.unwrap();
    }
}
