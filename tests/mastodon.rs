//! What the core does with a Mastodon account: its limits, its content warning, and posts that are
//! known by their words alone. The server is a small fake.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use holdline::app::channels::{self, ChannelEdit};
use holdline::app::{AppError, doubts, held, posts};
use holdline::clock::{Clock, rfc3339};
use holdline::worker::Worker;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::on_both;
use crate::support::Bench;

/// What becomes of a new post.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Good,
    /// It is not made, and the answer is 500.
    Deaf,
    /// It is made, and the answer is 500.
    Lost,
    /// It is made, and the answer waits.
    Slow,
}

#[derive(Clone)]
pub struct Fake {
    state: Arc<Mutex<(Vec<Value>, Mode)>>,
    clock: Clock,
    slow: Arc<Semaphore>,
    /// The keys of the requests that make a post, and how often the server was asked what it is.
    keys: Arc<Mutex<Vec<String>>>,
    asked: Arc<AtomicUsize>,
    pub most: Arc<AtomicUsize>,
    url: String,
}

impl Fake {
    fn is(&self, mode: Mode) {
        self.state.lock().unwrap().1 = mode;
    }

    /// A post that nobody here sent, or that came of a scheduled one.
    pub fn add(&self, html: &str) {
        let mut state = self.state.lock().unwrap();
        let id = (1_000 + state.0.len()).to_string();
        state.0.push(json!({ "id": id, "content": html, "created_at": rfc3339(self.clock.now()),
            "visibility": "public" }));
    }

    pub fn posts(&self) -> Vec<Value> {
        self.state.lock().unwrap().0.clone()
    }
}

async fn make(
    State(fake): State<Fake>,
    headers: HeaderMap,
    Json(mut sent): Json<Value>,
) -> (StatusCode, Json<Value>) {
    fake.keys.lock().unwrap().push(headers["idempotency-key"].to_str().unwrap().to_owned());
    if sent["status"].as_str().unwrap().chars().count() > fake.most.load(Ordering::SeqCst) {
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": "too long" })));
    }
    let mode = {
        let mut state = fake.state.lock().unwrap();
        if state.1 != Mode::Deaf {
            sent["id"] = (state.0.len() + 1).to_string().into();
            sent["created_at"] = rfc3339(fake.clock.now()).into();
            state.0.push(sent.clone());
        }
        state.1
    };
    match mode {
        Mode::Good => {}
        Mode::Slow => drop(fake.slow.acquire().await.unwrap()),
        Mode::Deaf | Mode::Lost => {
            return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": "x" })));
        }
    }
    (StatusCode::OK, Json(sent))
}

async fn instance(State(fake): State<Fake>) -> Json<Value> {
    fake.asked.fetch_add(1, Ordering::SeqCst);
    let slow = fake.state.lock().unwrap().1 == Mode::Slow;
    if slow {
        drop(fake.slow.acquire().await.unwrap());
    }
    let most = fake.most.load(Ordering::SeqCst);
    Json(json!({ "version": "4.3.2", "configuration": { "statuses": { "max_characters": most } } }))
}

async fn list(State(fake): State<Fake>) -> (HeaderMap, Json<Vec<Value>>) {
    let now = chrono::DateTime::from_timestamp_millis(fake.clock.now()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("date", now.format("%a, %d %b %Y %H:%M:%S GMT").to_string().parse().unwrap());
    // Newest first.
    (headers, Json(fake.posts().into_iter().rev().collect()))
}

async fn source(State(fake): State<Fake>, Path(id): Path<String>) -> Json<Value> {
    let post = fake.posts().into_iter().find(|p| p["id"] == id.as_str()).unwrap();
    Json(json!({ "text": post["status"], "spoiler_text": post["spoiler_text"].as_str().unwrap_or_default() }))
}

async fn delete(State(fake): State<Fake>, Path(id): Path<String>) -> Json<Value> {
    fake.state.lock().unwrap().0.retain(|p| p["id"] != id.as_str());
    Json(json!({ "id": id }))
}

/// Starts the fake and connects the channel `toots`.
pub async fn connect(bench: &mut Bench, warning: &str) -> Fake {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let fake = Fake {
        state: Arc::default(),
        clock: bench.app.clock().clone(),
        slow: Arc::new(Semaphore::new(0)),
        keys: Arc::default(),
        asked: Arc::default(),
        most: Arc::new(AtomicUsize::new(700)),
        url: format!("http://{}", listener.local_addr().unwrap()),
    };
    let told = |value: Value| get(move || async move { Json(value) });
    let routes = Router::new()
        .route("/api/v2/instance", get(instance))
        .route("/api/v1/accounts/verify_credentials", told(json!({ "id": "7", "acct": "bank" })))
        .route("/api/v1/statuses", axum::routing::post(make))
        .route("/api/v1/statuses/{id}", axum::routing::delete(delete))
        .route("/api/v1/statuses/{id}/source", get(source))
        .route("/api/v1/accounts/7/statuses", get(list))
        .with_state(fake.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let settings = json!({ "server": fake.url, "warning": warning });
    bench.connect_with("toots", "mastodon", settings, Some("hunter2-token")).await;
    fake
}

pub fn post(text: &str, title: Option<&str>) -> Value {
    let source = json!({ "text": text, "title": title });
    json!({ "kind": "routine", "channels": ["toots"], "source": source })
}

const WORDS: &str = "Cards work again.";

/// Sends the words, which end in a state; their delivery.
async fn deliver(bench: &Bench, channel: &str, state: &str) -> String {
    let mut new = post(WORDS, None);
    new["channels"] = json!([channel]);
    let sent = bench.approved(new).await;
    bench.until(&sent.id, &[state]).await.deliveries.remove(0).id
}

/// Reads a doubt back by hand; what was seen.
async fn seen(bench: &Bench, delivery: &str) -> (String, String) {
    doubts::read_back(&bench.app, &bench.approver, delivery).await.unwrap();
    let doubt = doubts::get(&bench.app, &bench.approver, delivery).await.unwrap();
    let state = serde_json::to_value(doubt.state).unwrap().as_str().unwrap().to_owned();
    (state, doubt.attempt.and_then(|a| a.detail).unwrap_or_default())
}

async fn settle(bench: &Bench, delivery: &str, settlement: &str) {
    let settle = serde_json::from_value(json!({ "settlement": settlement, "note": "seen" })).unwrap();
    held::settle(&bench.app, &bench.approver, delivery, &settle).await.unwrap();
}

const RIVAL: &str = "read back: another delivery with the same words may have made the post that is there";
const TAKEN: &str = "read back: the post that is there belongs to another delivery";

/// A bench whose first delivery of the words was lost without a trace.
async fn with_a_doubt(bench: &mut Bench) -> (Fake, Worker, String) {
    let fake = connect(bench, "").await;
    let worker = bench.start().await;
    fake.is(Mode::Deaf);
    let lost = deliver(bench, "toots", "in_doubt").await;
    (fake, worker, lost)
}

on_both! {
    async fn an_account_of_mastodon_tells_its_own_limits(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, "title").await;
        let worker = bench.start().await;
        let id = bench.channels.last().unwrap().clone();
        let (app, by) = (&bench.app, &bench.administrator);
        // Before the first check, too, a title is the warning.
        let new = serde_json::from_value(post(WORDS, Some("Cards"))).unwrap();
        let first = posts::preview(app, &bench.operator, &new).await.unwrap().channels.remove(0);
        assert_eq!((first.rendition.title.as_deref(), first.text.limit), (Some("Cards"), Some(500)));
        let seen = channels::test(app, by, &id).await.unwrap();
        assert_eq!(seen.health.detail, "logged in as @bank; Mastodon 4.3.2, 700 characters");
        // Another token is another check, and the same account: its limits stay.
        let edit = ChannelEdit { credential: Some("hunter2-other".into()), ..ChannelEdit::default() };
        let changed = channels::edit(app, by, &id, None, edit).await.unwrap();
        assert!(changed.health.is_none());
        let text = format!("{} https://bank.example.org/a/long/way/to/the/page/with/the/news", "a".repeat(660));
        let preview = |title: Option<&'static str>| {
            let new = serde_json::from_value(post(&text, title)).unwrap();
            let bench = &bench;
            async move { posts::preview(&bench.app, &bench.operator, &new).await.unwrap().channels.remove(0) }
        };
        let fits = preview(None).await;
        assert_eq!((fits.text.count, fits.text.limit, fits.problems.len()), (684, Some(700), 0));
        let warned = preview(Some("Cards do not work abroad")).await;
        assert_eq!(warned.rendition.title.as_deref(), Some("Cards do not work abroad"));
        assert_eq!((warned.text.count, warned.problems.len()), (708, 1));
        let sent = bench.approved(post("Cards work again.", Some("Cards"))).await;
        bench.until(&sent.id, &["accepted"]).await;
        let kept = fake.posts().remove(0);
        assert_eq!((&kept["spoiler_text"], &kept["status"]), (&json!("Cards"), &json!("Cards work again.")));
        worker.stop().await.unwrap();
    }

    async fn the_same_words_of_another_delivery_are_not_taken_for_this_one(bench) {
        let mut bench = bench;
        let (fake, worker, lost) = with_a_doubt(&mut bench).await;
        let (state, detail) = seen(&bench, &lost).await;
        let nothing = "read back: no post with these words is there, which proves nothing here";
        assert_eq!((state.as_str(), detail.as_str()), ("in_doubt", nothing));
        // The same account under another name.
        let again = json!({ "server": format!("{}/@bank", fake.url) });
        bench.connect_with("again", "mastodon", again, Some("hunter2-token")).await;
        fake.is(Mode::Good);
        deliver(&bench, "again", "accepted").await;
        assert_eq!(seen(&bench, &lost).await, ("in_doubt".into(), TAKEN.into()));
        assert_eq!(fake.posts().len(), 1, "nothing is sent again");
        // A person saw some post; what is taken down is not the other's.
        settle(&bench, &lost, "published").await;
        let kept = held::retract(&bench.app, &bench.approver, &lost, "wrong").await.unwrap();
        assert!(format!("{kept:?}").contains("belongs to another delivery"), "{kept:?}");
        assert_eq!(fake.posts().len(), 1);
        worker.stop().await.unwrap();
    }

    async fn a_post_may_be_that_of_a_delivery_which_is_being_sent(bench) {
        let mut bench = bench;
        let (fake, worker, lost) = with_a_doubt(&mut bench).await;
        fake.is(Mode::Slow);
        let slow = deliver(&bench, "toots", "sending").await;
        while fake.posts().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(seen(&bench, &lost).await, ("in_doubt".into(), RIVAL.into()));
        fake.slow.add_permits(1);
        let post = doubts::get(&bench.app, &bench.approver, &slow).await.unwrap().post;
        bench.until(&post, &["accepted"]).await;
        assert_eq!(seen(&bench, &lost).await, ("in_doubt".into(), TAKEN.into()));
        worker.stop().await.unwrap();
    }

    async fn a_post_may_be_that_of_a_delivery_which_a_person_settled(bench) {
        let mut bench = bench;
        let (fake, worker, lost) = with_a_doubt(&mut bench).await;
        fake.is(Mode::Lost);
        let there = deliver(&bench, "toots", "in_doubt").await;
        assert_eq!(seen(&bench, &lost).await.1, RIVAL);
        settle(&bench, &there, "published").await;
        assert_eq!(seen(&bench, &lost).await, ("in_doubt".into(), RIVAL.into()));
        // It is nobody's any more when the person says that nothing of this one is out.
        settle(&bench, &lost, "not_published").await;
        let gone = held::retract(&bench.app, &bench.approver, &there, "wrong").await.unwrap();
        assert_eq!((gone, fake.posts().len()), (::channels::Retraction::Gone, 0));
        worker.stop().await.unwrap();
    }

    async fn two_that_read_at_once_do_not_both_take_one_post(bench) {
        let mut bench = bench;
        let (fake, worker, lost) = with_a_doubt(&mut bench).await;
        fake.is(Mode::Lost);
        let there = deliver(&bench, "toots", "in_doubt").await;
        let (one, other) = tokio::join!(seen(&bench, &lost), seen(&bench, &there));
        assert_eq!((one.1.as_str(), other.1.as_str()), (RIVAL, RIVAL));
        // Once one of them is out of it, the post is the other's.
        settle(&bench, &lost, "not_published").await;
        assert_eq!(seen(&bench, &there).await.0, "accepted");
        worker.stop().await.unwrap();
    }

    async fn the_post_of_an_earlier_attempt_is_found(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, "").await;
        let worker = bench.start().await;
        fake.is(Mode::Lost);
        let twice = deliver(&bench, "toots", "in_doubt").await;
        worker.stop().await.unwrap();
        // Long enough that the second attempt cannot have made it.
        bench.app.clock().advance(3_600_000);
        fake.is(Mode::Deaf);
        settle(&bench, &twice, "try_again").await;
        let worker = bench.start().await;
        let post = doubts::get(&bench.app, &bench.approver, &twice).await.unwrap().post;
        for _ in 0..400 {
            let now = doubts::get(&bench.app, &bench.approver, &twice).await.unwrap();
            if now.attempt.is_some_and(|a| a.number == 2 && a.settled.is_some()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let (state, detail) = seen(&bench, &twice).await;
        assert_eq!(state, "accepted", "{detail}");
        assert_eq!((fake.posts().len(), bench.until(&post, &["accepted"]).await.deliveries.len()), (1, 1));
        let keys = fake.keys.lock().unwrap().clone();
        assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
        worker.stop().await.unwrap();
    }

    async fn a_channel_with_posts_out_keeps_its_server(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, "").await;
        let worker = bench.start().await;
        let id = bench.channels.last().unwrap().clone();
        let edit = |settings: Value| {
            let (app, by, id) = (&bench.app, &bench.administrator, &id);
            let edit = json!({ "settings": settings, "credential": "hunter2-token" });
            async move { channels::edit(app, by, id, None, serde_json::from_value(edit).unwrap()).await }
        };
        let elsewhere = json!({ "server": "https://other.example.org" });
        edit(elsewhere.clone()).await.expect("nothing is out");
        edit(json!({ "server": fake.url, "visibility": "private" })).await.unwrap();
        deliver(&bench, "toots", "accepted").await;
        for refused in [elsewhere, json!({ "server": fake.url })] {
            let result = edit(refused).await;
            assert!(matches!(&result, Err(AppError::Conflict(why)) if why.contains("another channel")), "{result:?}");
        }
        edit(json!({ "server": fake.url, "visibility": "private", "warning": "title" })).await.unwrap();
        worker.stop().await.unwrap();
    }

    async fn a_check_of_an_older_connection_is_not_kept(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, "").await;
        let worker = bench.start().await;
        let id = bench.channels.last().unwrap().clone();
        let (app, by) = (&bench.app, &bench.administrator);
        fake.is(Mode::Slow);
        let meanwhile = async {
            while fake.asked.load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            // The check waits for its answer; whose the new credential is, is told at once.
            fake.is(Mode::Good);
            let edit = ChannelEdit { credential: Some("hunter2-other".into()), ..ChannelEdit::default() };
            channels::edit(app, by, &id, None, edit).await.unwrap();
            fake.slow.add_permits(1);
        };
        let (seen, ()) = tokio::join!(channels::test(app, by, &id), meanwhile);
        assert!(seen.unwrap().health.ready);
        assert!(channels::get(app, by, &id).await.unwrap().health.is_none());
        worker.stop().await.unwrap();
    }
}
