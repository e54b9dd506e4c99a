//! The console: signing in, large months, its words. What a browser sees is in `browser.rs`.

use std::collections::BTreeSet;

use channels::http::Request;
use holdline::app::import::Importer;
use holdline::app::invitations;
use holdline::app::logins::{self, Enrolment, Ticket};
use holdline::app::sessions::{self, Caller as From, SignIn};
use holdline::app::{Actor, AppError, posts};
use holdline::domain::post::PostState;
use holdline::web::console::words::Lang;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;

/// What a signed-in person has.
pub struct Signed {
    pub cookie: String,
    /// The secret of the second factor, in base 32.
    secret: String,
    /// Recovery codes.
    codes: Vec<String>,
}

impl Signed {
    /// The code that the authenticator shows at that time.
    fn code(&self, now: i64) -> String {
        totp(&self.secret, u64::try_from(now / 1_000).unwrap())
    }
}

fn totp(secret: &str, at: u64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).with_account_name("x").build().unwrap();
    totp.generate(at).to_string()
}

/// Joins the console with a password and a second factor.
pub async fn sign_in(bench: &Bench, who: &Actor) -> Signed {
    let app = &bench.app;
    let invited = invitations::to_console(app, who).await.unwrap();
    let offer = logins::offer(app, &who.name).await.unwrap();
    let now = u64::try_from(app.clock().now() / 1_000).unwrap();
    let enrolment = Enrolment {
        ticket: Ticket::Invitation(invited.secret.expose_secret().to_owned()),
        password: "correct horse battery".into(),
        offer: offer.sealed,
        // One step back: the next sign-in of the test uses the present one.
        code: totp(&offer.secret, now - 30),
    };
    let from = From { origin: "test".into(), agent: "test".into() };
    let (cookie, codes) = logins::enrol(app, enrolment, &from).await.unwrap();
    assert_eq!(codes.len(), 8);
    Signed { cookie: cookie.0.expose_secret().to_owned(), secret: offer.secret, codes }
}

/// One more session of somebody who joined so; its cookie.
pub async fn sign_in_again(bench: &Bench, email: &str, signed: &Signed) -> String {
    let from = From { origin: "elsewhere".into(), agent: "test".into() };
    let typed = typed(email, "correct horse battery", signed.codes[0].clone());
    sessions::sign_in(&bench.app, typed, &from).await.unwrap().0.expose_secret().to_owned()
}

/// What was typed to sign in.
fn typed(email: &str, password: &str, code: String) -> SignIn {
    SignIn { email: email.into(), password: password.into(), code }
}

on_both! {
    async fn a_code_counts_once_and_guessing_is_slow(bench) {
        let (app, from) = (&bench.app, From { origin: "192.0.2.7".into(), agent: "test".into() });
        let signed = sign_in(&bench, &bench.operator).await;
        let (email, right) = ("operator@example.org", "correct horse battery");
        let code = signed.code(app.clock().now());
        let first = sessions::sign_in(app, typed(email, right, code.clone()), &from).await.unwrap();
        let again = sessions::sign_in(app, typed(email, right, code), &from).await;
        assert!(matches!(again, Err(AppError::Unauthorized(_))), "the same code twice: {again:?}");
        // A fresh secret each time: nobody can hand somebody a session beforehand.
        assert_ne!(first.0.expose_secret(), signed.cookie);
        let recovery = sessions::sign_in(app, typed(email, right, signed.codes[0].clone()), &from).await;
        recovery.unwrap();
        let twice = sessions::sign_in(app, typed(email, right, signed.codes[0].clone()), &from).await;
        assert!(matches!(twice, Err(AppError::Unauthorized(_))), "a recovery code twice");
        for _ in 0..3 {
            let wrong = sessions::sign_in(app, typed(email, "wrong wrong wrong", "000000".into()), &from).await;
            assert!(matches!(wrong, Err(AppError::Unauthorized(_))), "{wrong:?}");
        }
        let slow = sessions::sign_in(app, typed(email, right, signed.codes[1].clone()), &from).await;
        assert!(matches!(slow, Err(AppError::Conflict(_))), "five failures, and then even the right words wait");
        let elsewhere = From { origin: "198.51.100.1".into(), agent: "test".into() };
        sessions::sign_in(app, typed(email, right, signed.codes[1].clone()), &elsewhere).await.unwrap();
        app.clock().advance(16 * 60_000);
        sessions::sign_in(app, typed(email, right, signed.codes[2].clone()), &from).await.unwrap();
    }

    async fn a_session_ends_and_an_approval_asks_for_a_fresh_code(bench) {
        let app = &bench.app;
        let signed = sign_in(&bench, &bench.approver).await;
        let caller = Caller::new(&bench).await;
        let post = bench.submit(json!({"kind": "routine", "source": {"text": "words"}})).await;
        let cookie = format!("holdline={}", signed.cookie);
        let get = |path: String| caller.http.call(Request::get(&format!("{}{path}", caller.base)).header("cookie", &cookie));
        let page = String::from_utf8(get(format!("/console/approvals/{}", post.id)).await.unwrap().body.to_vec()).unwrap();
        let value = |name: &str| {
            let at = page.find(&format!("name=\"{name}\" value=\"")).unwrap() + name.len() + 15;
            page[at..].split('"').next().unwrap().to_owned()
        };
        let (csrf, bundle) = (value("csrf"), value(&format!("bundle-{}", post.id)));
        let decide = |csrf: &str, from: &str| {
            let form = format!("csrf={csrf}&decision=approve&bundle-{}={bundle}", post.id);
            let url = format!("{}/console/approvals/{}/decide", caller.base, post.id);
            let request = Request::post(&url).header("cookie", &cookie).header("sec-fetch-site", from);
            caller.http.call(request.body("application/x-www-form-urlencoded", form.into_bytes()))
        };
        let state = || async { posts::get(app, &bench.operator, &post.id).await.unwrap().state };
        assert_eq!(decide(&csrf, "cross-site").await.unwrap().status, 403);
        let lost = decide("another", "same-origin").await.unwrap();
        assert!(lost.status == 403 && String::from_utf8_lossy(&lost.body).contains(&bundle), "it comes back to be sent");
        assert_eq!(state().await, PostState::Submitted);
        app.clock().advance(16 * 60_000);
        let asked = decide(&csrf, "same-origin").await.unwrap();
        let back = String::from_utf8_lossy(&asked.body).into_owned();
        assert!(asked.status == 403 && back.contains("prove-code") && back.contains(&bundle), "{back}");
        assert_eq!(state().await, PostState::Submitted);
        let look = || async { sessions::look(app, &signed.cookie, "test", true).await.unwrap() };
        sessions::prove(app, &look().await.unwrap(), &signed.codes[0]).await.unwrap();
        assert_eq!(decide(&csrf, "same-origin").await.unwrap().status, 303);
        assert_eq!(state().await, PostState::Approved);
        let id = look().await.unwrap().session;
        sessions::end(app, &bench.approver, &id).await.unwrap();
        assert!(look().await.is_none());
        assert_eq!(get("/console".into()).await.unwrap().status, 303);
    }

    async fn ten_thousand_posts_in_a_month_are_a_small_page(bench) {
        let signed = sign_in(&bench, &bench.operator).await;
        let mut importer = Importer::new(&bench.app, &bench.operator, true).await.unwrap();
        let now = bench.app.clock().now();
        for n in 0..10_000_i64 {
            let due = holdline::clock::rfc3339(now + 60_000 + n % 28 * 86_400_000);
            let row = json!({"kind": "routine", "labels": ["month"], "due": due, "channels": ["alpha"],
                "source": {"text": format!("Offer {n}: <b>everything</b> for the garden, the house and the pond")}});
            importer.feed(format!("{row}\n").as_bytes()).await.unwrap();
        }
        assert_eq!(importer.finish().await.unwrap().created, 10_000);
        let caller = Caller::new(&bench).await;
        for path in ["month", "week", "list"] {
            let url = format!("{}/console/calendar?view={path}", caller.base);
            let request = Request::get(&url).header("cookie", &format!("holdline={}", signed.cookie));
            let begun = std::time::Instant::now();
            let answer = caller.http.call(request).await.unwrap();
            eprintln!("{path}: {} bytes in {:?}", answer.body.len(), begun.elapsed());
            assert!(answer.status == 200 && answer.body.len() < 200_000, "{path}: {} bytes", answer.body.len());
        }
    }
}

/// Every key that a template or the code names is there in both languages, and none is left over.
#[test]
fn the_words_are_complete_in_both_languages() {
    let folder = format!("{}/src/web/console", env!("CARGO_MANIFEST_DIR"));
    let keys = |language: &str| -> BTreeSet<String> {
        let files = std::fs::read_dir(format!("{folder}/locales/{language}")).unwrap();
        let texts = files.map(|f| std::fs::read_to_string(f.unwrap().path()).unwrap());
        texts
            .flat_map(|t| {
                t.lines().filter_map(|l| l.split_once(" =").map(|(k, _)| k.to_owned())).collect::<Vec<_>>()
            })
            .filter(|k| k.starts_with(|c: char| c.is_ascii_lowercase()))
            .collect()
    };
    let (en, fr) = (keys("en"), keys("fr"));
    // In English the service's own sentences are shown.
    let own = |k: &&String| !k.starts_with("wrong-");
    let missing: Vec<_> = en.symmetric_difference(&fr).filter(own).collect();
    assert!(missing.is_empty(), "in one language only: {missing:?}");
    let mut named = BTreeSet::new();
    let mut sources = Vec::new();
    for sub in ["", "/templates"] {
        for file in std::fs::read_dir(format!("{folder}{sub}")).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                sources.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    for text in &sources {
        for call in ["ui.t(\"", "ui.n(\"", "ui.with(\"", "lang.t(\"", "lang.with(\""] {
            for (at, _) in text.match_indices(call) {
                let rest = &text[at + call.len()..];
                named.insert(rest[..rest.find('"').unwrap()].to_owned());
            }
        }
    }
    let unknown: Vec<_> = named.iter().filter(|k| !en.contains(*k)).collect();
    assert!(unknown.is_empty(), "named and nowhere: {unknown:?}");
    assert_eq!(Lang::En.t("no such key"), "no such key");
}
