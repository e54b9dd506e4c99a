//! The console in French: what the service itself says is French there, and English everywhere else.

use channels::http::{Answer, Request};
use holdline::app::channels as app_channels;
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::{Actor, posts};
use serde_json::json;

use crate::console::sign_in;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;

/// Somebody at a browser that asks for a language.
struct Reader {
    caller: Caller,
    cookie: String,
    language: &'static str,
}

impl Reader {
    async fn new(bench: &Bench, who: &Actor) -> Self {
        let signed = sign_in(bench, who).await;
        Self {
            caller: Caller::new(bench).await,
            cookie: format!("holdline={}", signed.cookie),
            language: "fr",
        }
    }

    async fn call(&self, request: Request) -> Answer {
        let request = request.header("cookie", &self.cookie).header("accept-language", self.language);
        self.caller.http.call(request.header("sec-fetch-site", "same-origin")).await.unwrap()
    }

    async fn read(&self, path: &str) -> String {
        let answer = self.call(Request::get(&format!("{}{path}", self.caller.base))).await;
        assert_eq!(answer.status, 200, "{path}");
        plain(&answer)
    }

    /// Sends a form of a page, and returns the status with the page that comes back.
    async fn send(&self, page: &str, path: &str, form: &str) -> (u16, String) {
        let page = self.read(page).await;
        let start = page.find("name=\"csrf\" value=\"").unwrap() + 19;
        let csrf = page[start..].split('"').next().unwrap();
        let request = Request::post(&format!("{}{path}", self.caller.base));
        let body = format!("csrf={csrf}&{form}").into_bytes();
        let answer = self.call(request.body("application/x-www-form-urlencoded", body)).await;
        (answer.status, plain(&answer))
    }
}

/// The page with plain spaces, which can be seen.
fn plain(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap().replace(['\u{a0}', '\u{202f}'], " ")
}

/// What stands in the main part of a page.
fn main_of(page: &str) -> &str {
    &page[page.find("<main").unwrap()..page.find("</main>").unwrap()]
}

on_both! {
    async fn a_form_is_refused_in_french_and_keeps_what_was_typed(bench) {
        let mut reader = Reader::new(&bench, &bench.administrator).await;
        let form = "name=Ana+Sousa&email=operator%40example.org&role=approver";
        let add = ("/console/settings/people", "/console/settings/people/add");
        let (status, page) = reader.send(add.0, add.1, form).await;
        assert_eq!(status, 422);
        let french = "Cette adresse est déjà celle d’une autre personne ; une personne désactivée peut être réactivée.";
        assert!(page.contains(french), "{page}");
        assert!(page.contains("value=\"Ana Sousa\"") && page.contains("operator@example.org"), "{page}");
        assert!(!main_of(&page).contains("this address") && !main_of(&page).contains("<span lang=\"en\""), "{page}");
        // A refusal that is about no field: the last administrator.
        let path = format!("/console/settings/people/{}", bench.administrator.id);
        let (status, page) = reader.send(add.0, &format!("{path}/disable"), "word=D%C3%89SACTIVER").await;
        assert_eq!(status, 422);
        assert!(page.contains("Personne ne se désactive soi-même ; demandez à un autre administrateur."), "{page}");
        reader.language = "en";
        let (_, page) = reader.send(add.0, add.1, form).await;
        assert!(page.contains("this address is taken by another person; one who is disabled can be enabled again"));
    }

    async fn what_is_held_says_why_in_french(bench) {
        let worker = bench.start().await;
        freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
        let post = bench.approved(json!({"kind": "routine", "source": {"text": "The summer offer"}})).await;
        bench.until(&post.id, &["held"]).await;
        let mut reader = Reader::new(&bench, &bench.operator).await;
        for path in ["/console/held".to_owned(), format!("/console/posts/{}", post.id)] {
            let page = reader.read(&path).await;
            assert!(page.contains("un gel était en vigueur à son heure"), "{page}");
            assert!(!main_of(&page).contains("<span lang=\"en\""), "{page}");
        }
        reader.language = "en";
        assert!(reader.read("/console/held").await.contains("a freeze was in force when its time came"));
        // What is stored and what the API says stays English.
        let view = posts::get(&bench.app, &bench.operator, &post.id).await.unwrap();
        assert_eq!(view.deliveries[0].reason.as_deref(), Some("a freeze was in force when its time came"));
        // Its time cannot be in the past; the whole page comes back in French.
        reader.language = "fr";
        let form = format!("delivery={}&choice=reschedule&at=2020-01-01T10%3A00&zone=UTC", view.deliveries[0].id);
        let (status, page) = reader.send("/console/held", "/console/held/review", &form).await;
        assert_eq!(status, 422, "{page}");
        assert!(page.contains("Donnez une heure à venir ; une publication retenue n’est jamais envoyée"), "{page}");
        worker.stop().await.unwrap();
    }

    async fn a_channel_says_in_french_how_it_is(bench) {
        let mut bench = bench;
        bench.connect("lost", "sandbox", json!({"url": "http://127.0.0.1:1/timelines/lost"})).await;
        let worker = bench.start().await;
        let reader = Reader::new(&bench, &bench.administrator).await;
        for id in [&bench.channels[0], bench.channels.last().unwrap()] {
            app_channels::test(&bench.app, &bench.administrator, id).await.unwrap();
        }
        let page = reader.read("/console/settings/channels").await;
        assert!(page.contains("le fil répond"), "{page}");
        // The words of the system stay inside.
        assert!(page.contains("GET 127.0.0.1 : connexion impossible : "), "{page}");
        assert!(!main_of(&page).contains("<span lang=\"en\""), "{page}");
        assert!(page.contains("Webhook signé") && !page.contains("Signed webhook"), "{page}");
        worker.stop().await.unwrap();
    }
}
