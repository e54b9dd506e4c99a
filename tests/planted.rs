//! Recognisable tokens go through all that OAuth does here, errors that echo them included; they are in no
//! log, error, answer, entry of the log or table.

use std::io::Write;
use std::sync::{Arc, Mutex};

use channels::http::Request;
use holdline::app::access::connecting::{self, Back, NewStart};
use holdline::app::access::renewals;
use holdline::app::audit;
use holdline::store::audit::AuditFilter;
use secrecy::ExposeSecret;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::console::{sign_in, sign_in_again};
use crate::grant_pages::{Facebook, PAGES};
use crate::grants::beat;
use crate::support::caller::Caller;
use crate::support::network::{Fate, Network};
use crate::support::traces::traces;
use crate::support::visitor::{read, send, text};
use crate::support::{Bench, Database};

/// What is logged, at every level.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Begins in the console; the page that leads to the network.
async fn begin(caller: &Caller, cookie: &str, net: &Network, name: &str) -> String {
    let form = format!("adapter=x&name={name}&brand=main&settings.server={}&grant=yes", net.url);
    let page = "/console/settings/channels/new?adapter=x";
    text(&send(caller, cookie, page, "/console/settings/channels/new", &form).await)
}

fn state_of(page: &str) -> String {
    let at = page.find("state=hlo_").expect("a state in the link") + 6;
    page[at..at + 68].to_owned()
}

/// Comes back from the network: the status, where to, and the page.
async fn come_back(caller: &Caller, cookie: &str, query: &str) -> (u16, String) {
    let url = format!("{}/console/settings/channels/connected?{query}", caller.base);
    let answer = caller.http.call(Request::get(&url).header("cookie", &format!("holdline={cookie}"))).await;
    let answer = answer.unwrap();
    let to = answer.header("location").unwrap_or_default().to_owned();
    (answer.status, format!("{to} {}", text(&answer)))
}

/// The other networks, as far as this one plays them: lost, refused, given, renewed. All that is said of it.
async fn other_networks(bench: &Bench, net: &Network, states: &mut Vec<String>) -> String {
    let mut said = String::new();
    let webhook = format!("{}/api/webhooks/77/planted-access-webhook", net.url);
    let slack = "xoxb-planted-access-slack";
    let settings = |more: &[(&str, &str)]| {
        let mut all = json!({ "server": net.url });
        more.iter().for_each(|(name, value)| all[*name] = json!(value));
        all
    };
    for (adapter, settings, more) in [
        ("linkedin", settings(&[("organization", "4711")]), vec![]),
        ("threads", settings(&[("user", "17")]), vec![]),
        ("instagram", settings(&[("user", "17841400000000001")]), vec![]),
        (
            "discord",
            json!({}),
            vec![("scope", json!("webhook.incoming")), ("webhook", json!({ "url": webhook }))],
        ),
        (
            "slack",
            settings(&[("channel", "C024BE91L")]),
            vec![
                ("scope", json!("chat:write,metadata.message:read")),
                ("team", json!({ "id": "T7" })),
                ("access_token", json!(slack)),
            ],
        ),
    ] {
        net.enter_app_of(bench, adapter, "planted-secret-one").await;
        net.known().more = more;
        for fate in [Some(Fate::DoneBut(400)), Some(Fate::DoneBut(503)), Some(Fate::Refused(401)), None] {
            let new = json!({ "name": adapter, "adapter": adapter, "brand": "main", "settings": settings });
            let wanted = NewStart { new: Some(serde_json::from_value(new).unwrap()), ..NewStart::default() };
            let begun = connecting::start(&bench.app, &bench.administrator, "here", wanted).await.unwrap();
            let state = state_of(&begun.url);
            let (back, code) = (state.clone().into(), "planted-code".to_owned().into());
            let back = Back { state: back, code: Some(code), ..Back::default() };
            states.push(state);
            net.known().fates.extend(fate);
            let made = connecting::finish(&bench.app, &bench.administrator, "here", back).await;
            assert_eq!(made.is_ok(), fate.is_none(), "{adapter}: {made:?}");
            said += &format!("{made:?} {:?}", made.as_ref().map_err(ToString::to_string));
        }
        bench.sql("update grants set renew_at = 1 where tokens is not null").await;
        net.known().fates.push_back(Fate::DoneBut(400));
        for _ in 0..2 {
            renewals::due(&bench.app).await.unwrap();
        }
        net.known().fates.clear();
    }
    bench.sql("update grants set renew_at = null").await;
    net.known().more.clear();
    said
}

async fn story(database: Database) {
    let lines = Lines::default();
    let every = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone());
    // One thread does all of it, so that all of it is seen.
    let _logs = tracing::subscriber::set_default(every.finish());
    let bench = Bench::new(database).await;
    let worker = bench.start().await;
    let net = Network::start(&bench).await;
    net.connect(&bench, net.on_mastodon("mastodon")).await;
    let caller = Caller::new(&bench).await;
    let signed = sign_in(&bench, &bench.administrator).await;
    let cookie = signed.cookie.clone();
    let mut states = Vec::new();
    let mut answers = other_networks(&bench, &net, &mut states).await;
    for fate in [Fate::DoneBut(503), Fate::DoneBut(400), Fate::Refused(401)] {
        states.push(state_of(&begin(&caller, &cookie, &net, "x").await));
        net.known().fates.push_back(fate);
        let back = format!("state={}&code=planted-code", states.last().unwrap());
        let (status, told) = come_back(&caller, &cookie, &back).await;
        assert_eq!(status, 409, "{told}");
        answers += &told.replace(&format!("/connected?{}", back.replace('&', "&#38;")), "");
    }
    states.push(state_of(&begin(&caller, &cookie, &net, "x").await));
    let back = format!("state={}&code=planted-code", states.last().unwrap());
    let (status, to) = come_back(&caller, &cookie, &back).await;
    assert_eq!(status, 303, "{to}");
    let channel = to.split(['/', '?', ' ']).nth(4).unwrap().to_owned();
    answers += &to;
    net.known().access.clear();
    let new = json!({ "kind": "routine", "channels": ["x"], "source": { "text": "Hello" } });
    let sent = bench.approved(new).await;
    bench.until(&sent.id, &["scheduled", "sending"]).await;
    for fate in [None, Some(Fate::DoneBut(400)), Some(Fate::Refused(401))] {
        bench.app.clock().advance(2 * 3_600_000);
        beat(&bench.app).await;
        net.known().fates.extend(fate);
        renewals::due(&bench.app).await.unwrap();
    }
    // The session has ended by now.
    let cookie = sign_in_again(&bench, "admin@example.org", &signed).await;
    let page = format!("/console/settings/channels/{channel}");
    for path in [page.as_str(), "/console/settings/channels", "/console/audit"] {
        answers += &read(&caller, &cookie, path).await;
    }
    for path in [format!("/channels/{channel}/grant"), format!("/channels/{channel}"), "/oauth/apps".into()] {
        answers += &text(&caller.administer(Request::get(&caller.url(&path))).await);
    }
    for fate in [Fate::DoneBut(500), Fate::Refused(400)] {
        net.known().fates.push_back(fate);
    }
    let revoke = Request::post(&caller.url("/channels/revoke-all")).json(&json!({}));
    answers += &text(&caller.administer(revoke).await);
    worker.stop().await.unwrap();
    let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
    for entry in audit::list(&bench.app, &bench.administrator, &filter).await.unwrap() {
        answers += &entry.entry.to_string();
    }
    let logged = lines.text();
    assert!(logged.contains("TRACE") && logged.contains("the access of a channel is not renewed"));
    let verifiers = net.known().verifiers.clone();
    assert!(verifiers.len() == 9 && verifiers.iter().all(|v| v.len() > 40), "{verifiers:?}");
    let words = ["planted-access", "planted-refresh", "planted-secret", "planted-code"].map(str::to_owned);
    for word in words.into_iter().chain(states).chain(verifiers) {
        assert!(!answers.contains(&word), "{word} is in an answer: {}", around(&answers, &word));
        assert!(!logged.contains(&word), "{word} is in the log: {}", around(&logged, &word));
        assert_eq!(traces(&bench, &word).await, Vec::<String>::new(), "{word} is in the database");
    }
}

/// The words before and after the first place.
pub fn around(text: &str, word: &str) -> String {
    let at = text.find(word).unwrap_or_default();
    String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(300)..(at + 300).min(text.len())]).into_owned()
}

/// Pages of Facebook: the tokens of a day, of weeks and of the page, which its errors repeat.
async fn pages(database: Database) {
    let lines = Lines::default();
    let every = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone());
    let _logs = tracing::subscriber::set_default(every.finish());
    let bench = Bench::new(database).await;
    let worker = bench.start().await;
    let net = Facebook::start(&bench).await;
    let mut answers = String::new();
    net.hide(PAGES[1]);
    for (name, page) in [("page", PAGES[0]), ("hidden", PAGES[1])] {
        let made = net.connect(&bench, name, page).await;
        assert_eq!(made.is_ok(), name == "page", "{made:?}");
        answers += &format!("{made:?} ");
        answers += &made.map_or_else(|e| e.in_full(), |_| String::new());
    }
    crate::grants::deliver(&bench, "page", "Open today", "accepted").await;
    bench.sql("update grants set renew_at = 1 where tokens is not null").await;
    answers += &format!("{:?}", renewals::due(&bench.app).await);
    let caller = Caller::new(&bench).await;
    for path in ["/channels", "/readiness", "/oauth/apps", "/audit?limit=500"] {
        answers += &text(&caller.administer(Request::get(&caller.url(path))).await);
    }
    let revoke = Request::post(&caller.url("/channels/revoke-all")).json(&json!({}));
    answers += &text(&caller.administer(revoke).await);
    worker.stop().await.unwrap();
    let logged = lines.text();
    assert!(logged.contains("TRACE") && answers.contains("100200300400501"), "{answers}");
    for word in ["planted-short", "planted-long", "planted-page", "planted-secret", "planted-code"] {
        assert!(!answers.contains(word), "{word} is in an answer: {}", around(&answers, word));
        assert!(!logged.contains(word), "{word} is in the log: {}", around(&logged, word));
        assert_eq!(traces(&bench, word).await, Vec::<String>::new(), "{word} is in the database");
    }
}

#[tokio::test]
async fn no_token_of_a_page_is_anywhere_on_sqlite() {
    pages(Database::Sqlite).await;
}

#[tokio::test]
async fn no_token_of_a_page_is_anywhere_on_postgres() {
    pages(Database::Postgres).await;
}

#[tokio::test]
async fn no_token_is_anywhere_on_sqlite() {
    story(Database::Sqlite).await;
}

#[tokio::test]
async fn no_token_is_anywhere_on_postgres() {
    story(Database::Postgres).await;
}

#[tokio::test]
async fn a_panic_shows_no_token() {
    let bench = Bench::new(Database::Sqlite).await;
    let worker = bench.start().await;
    let net = Network::start(&bench).await;
    let back = net.begin(&bench, "here", net.wanted("x")).await;
    let state = back.state.expose_secret().to_owned();
    let fault = tokio::spawn(async move { panic!("{back:?}") }).await.unwrap_err().into_panic();
    let said = fault.downcast_ref::<String>().unwrap();
    assert!(!said.contains(&state) && !said.contains("planted"), "{said}");
    worker.stop().await.unwrap();
}
