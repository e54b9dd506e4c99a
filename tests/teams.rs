//! What the core does with a Teams channel, whose acceptance only says that a flow has started.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use channels::UNREACHED;
use channels::http::{Answer, Request};
use holdline::app::channels::ChannelEdit;
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::held::{self, Choice, Review, Settle, Settlement};
use holdline::app::incidents::{self, NewIncident};
use holdline::app::media;
use holdline::app::posts::{self, NewPost, PostView};
use holdline::app::room;
use holdline::app::{AppError, channels as connected};
use holdline::clock::rfc3339;
use holdline::domain::delivery::State;
use serde_json::{Value, json};

use crate::console::sign_in;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::drawn;
use crate::support::scene::under_way;
use crate::support::traces::traces;
use crate::support::visitor::{read, send, text};

const PATH: &str = "/powerautomate/automations/direct/workflows/a/triggers/manual/paths/invoke";

/// A flow that answers every call so; its address.
async fn flow(status: StatusCode) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}{PATH}?sig=hunter2", listener.local_addr().unwrap());
    let routes = Router::new().route(PATH, post(move || async move { status }));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    address
}

/// What a flow was called with, and its address.
async fn listening() -> (Arc<Mutex<Vec<Value>>>, String) {
    let calls: Arc<Mutex<Vec<Value>>> = Arc::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}{PATH}?sig=hunter2", listener.local_addr().unwrap());
    let kept = Arc::clone(&calls);
    let keep = move |body: String| async move {
        kept.lock().unwrap().push(serde_json::from_str(&body).unwrap());
        StatusCode::ACCEPTED
    };
    let routes = Router::new().route(PATH, post(keep));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (calls, address)
}

/// Where this service is seen from the internet, and a look there.
const PUBLIC: &str = "https://status.bank.example";

async fn look(caller: &Caller, address: &str) -> Answer {
    let here = address.strip_prefix(PUBLIC).map(|path| format!("{}{path}", caller.base)).unwrap();
    caller.http.call(Request::get(&here)).await.unwrap()
}

async fn kept(bench: &Bench) -> Value {
    let kept = media::upload(&bench.app, &bench.operator, drawn::png(64, 48)).await.unwrap();
    json!({ "sha256": kept.sha256, "mime": kept.mime, "alt": "Open branches: \"North\"" })
}

fn illustrated(picture: &Value) -> Value {
    json!({ "kind": "routine", "channels": ["team"],
        "source": { "text": "Two branches are open.", "media": [picture] } })
}

async fn connect(bench: &mut Bench, status: StatusCode) {
    let address = flow(status).await;
    bench.connect_with("team", "teams", json!({}), Some(&address)).await;
}

async fn next_promise(bench: &Bench, incident: &str) -> Option<String> {
    incidents::get(&bench.app, &bench.operator, incident).await.unwrap().next_promise
}

async fn incident(bench: &Bench) -> String {
    let new = json!({"title": "Payments are down", "severity": "major", "freeze": false});
    let new: NewIncident = serde_json::from_value(new).unwrap();
    incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident.id
}

/// An update that is accepted on these channels, and what it promises.
async fn update(bench: &Bench, incident: &str, minutes: i64, channels: &[&str]) -> (PostView, String) {
    let promise = rfc3339(bench.app.clock().now() + minutes * 60_000);
    let new = json!({"kind": "update", "incident": incident, "channels": channels, "promise": promise,
        "source": {"text": "We know of it."}});
    let sent = bench.approved(new).await;
    (bench.until(&sent.id, &["accepted"]).await, promise)
}

async fn settle(bench: &Bench, delivery: &str, settlement: Settlement) -> holdline::app::Result<()> {
    let url = (settlement == Settlement::Published).then(|| "https://teams.example/post".to_owned());
    let settle = Settle { settlement, note: "seen in the channel".into(), url };
    held::settle(&bench.app, &bench.operator, delivery, &settle).await
}

on_both! {
    async fn a_flow_that_has_started_keeps_no_promise(bench) {
        let mut bench = bench;
        connect(&mut bench, StatusCode::ACCEPTED).await;
        let incident = incident(&bench).await;
        let worker = bench.start().await;
        let before = next_promise(&bench, &incident).await;
        let (sent, promise) = update(&bench, &incident, 60, &["team"]).await;
        assert_ne!(before, Some(promise));
        assert!(sent.deliveries[0].started_only, "{sent:?}");
        assert_eq!(next_promise(&bench, &incident).await, before);
        let room = room::read(&bench.app, &bench.operator, &incident).await.unwrap();
        assert_eq!(room.last_word, None, "nothing is known to be out");
        // Beside another channel, that one keeps it, whichever comes first.
        let (sent, promise) = update(&bench, &incident, 70, &["team", "alpha"]).await;
        assert_eq!(sent.deliveries.iter().filter(|d| d.started_only).count(), 1);
        assert_eq!(next_promise(&bench, &incident).await, Some(promise));
        worker.stop().await.unwrap();
    }

    async fn a_person_says_what_became_of_a_start(bench) {
        let mut bench = bench;
        connect(&mut bench, StatusCode::ACCEPTED).await;
        let incident = incident(&bench).await;
        let worker = bench.start().await;
        let before = next_promise(&bench, &incident).await;
        let delivery = async |post: &str| {
            holdline::app::posts::get(&bench.app, &bench.operator, post).await.unwrap().deliveries.remove(0)
        };
        // Not there: it keeps no promise, and is sent again only when a person releases it.
        let (lost, promise) = update(&bench, &incident, 60, &["team"]).await;
        let id = &lost.deliveries[0].id;
        let again = settle(&bench, id, Settlement::TryAgain).await;
        assert!(matches!(&again, Err(AppError::Conflict(why)) if why.contains("can still appear")), "{again:?}");
        settle(&bench, id, Settlement::NotPublished).await.unwrap();
        let failed = delivery(&lost.id).await;
        assert_eq!((failed.state, failed.started_only), (State::Failed, false));
        assert_eq!(next_promise(&bench, &incident).await, before);
        let review = Review { choice: Choice::Release, deliveries: vec![id.clone()], label: None, hash: None,
            expected: None, at: None, zone: None, spread_minutes: 0 };
        assert_eq!(held::review(&bench.app, &bench.operator, &review).await.unwrap().changed, 1);
        assert!(bench.until(&lost.id, &["accepted"]).await.deliveries[0].started_only);
        let attempts = bench.look().await.attempts(id).await.unwrap();
        let outcomes: Vec<_> = attempts.iter().filter_map(|a| a.outcome.as_deref()).collect();
        assert_eq!(outcomes, ["rejected", "accepted"]);
        assert_eq!(next_promise(&bench, &incident).await, before);
        // Seen: the promise is kept, and there is nothing more to say.
        settle(&bench, id, Settlement::Published).await.unwrap();
        let seen = delivery(&lost.id).await;
        assert_eq!((seen.state, seen.started_only, seen.reason), (State::Accepted, false, None));
        assert_eq!(seen.url.as_deref(), Some("https://teams.example/post"));
        assert_eq!(next_promise(&bench, &incident).await, Some(promise));
        let twice = settle(&bench, id, Settlement::NotPublished).await;
        assert!(matches!(&twice, Err(AppError::Conflict(why)) if why.contains("only started")), "{twice:?}");
        // What another channel has accepted is no start.
        let (sent, _) = update(&bench, &incident, 80, &["alpha"]).await;
        let refused = settle(&bench, &sent.deliveries[0].id, Settlement::NotPublished).await;
        assert!(matches!(refused, Err(AppError::Conflict(_))), "{refused:?}");
        worker.stop().await.unwrap();
    }

    async fn the_console_shows_a_start_apart_and_settles_it(bench) {
        let mut bench = bench;
        connect(&mut bench, StatusCode::ACCEPTED).await;
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let new = json!({"kind": "routine", "channels": ["team"], "source": {"text": "Half price today"}});
        let sent = bench.approved(new).await;
        let id = bench.until(&sent.id, &["accepted"]).await.deliveries.remove(0).id;
        let freeze = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap().id;
        under_way(&bench, &sent.id, &freeze).await;
        let desk = format!("/console/doubts/{id}");
        let pages = [format!("/console/freezes/{freeze}"), format!("/console/posts/{}", sent.id), desk.clone()];
        let (started, accepted) = ("<span class=\"state wait\">started, not confirmed</span>", "<span class=\"state good\">accepted</span>");
        for page in &pages {
            let html = read(&caller, &cookie, page).await;
            assert!(html.contains(started) && !html.contains(accepted), "{page}: {html}");
            assert!(html.contains(&desk), "{page} leads to the desk: {html}");
        }
        let html = read(&caller, &cookie, &desk).await;
        assert!(html.contains("value=\"not_published\"") && !html.contains("value=\"try_again\""), "{html}");
        let form = "settlement=published&note=Seen+in+the+channel&url=";
        let done = send(&caller, &cookie, &desk, &format!("{desk}/settle"), form).await;
        assert_eq!(done.status, 303, "{}", text(&done));
        for page in &pages {
            let html = read(&caller, &cookie, page).await;
            assert!(html.contains(accepted) && !html.contains(started), "{page}: {html}");
        }
        worker.stop().await.unwrap();
    }

    async fn the_address_is_nowhere_in_the_open(bench) {
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let new = |address: &str| json!({"name": "crisis-team", "adapter": "teams", "settings": {}, "credential": address});
        let create = async |key: &str, address: &str| {
            let request = Request::post(&caller.url("/channels")).header("idempotency-key", key);
            caller.administer(request.json(&new(address))).await
        };
        // A faulty one is named by its field, and is not kept either.
        let refused = create("k1", "https://team.example/hunter2").await;
        let told: Value = refused.json().unwrap();
        assert_eq!((refused.status, &told["errors"][0]["field"]), (422, &json!("credential")), "{told}");
        let made = create("k2", &flow(StatusCode::ACCEPTED).await).await;
        assert_eq!(made.status, 201, "{}", text(&made));
        assert!(!text(&made).contains("hunter2") && !told.to_string().contains("hunter2"));
        assert!(!traces(&bench, "crisis-team").await.is_empty(), "what is in the open is found");
        assert_eq!(traces(&bench, "hunter2").await, Vec::<String>::new());
        worker.stop().await.unwrap();
    }

    async fn a_picture_is_seen_for_as_long_as_its_post_is_there(bench) {
        let mut bench = bench;
        bench.app = bench.again_at(PUBLIC).await;
        let (calls, address) = listening().await;
        bench.connect_with("team", "teams", json!({}), Some(&address)).await;
        let (worker, caller) = (bench.start().await, Caller::new(&bench).await);
        let picture = kept(&bench).await;
        let sent = bench.approved(illustrated(&picture)).await;
        let id = bench.until(&sent.id, &["accepted"]).await.deliveries.remove(0).id;
        let call = calls.lock().unwrap().remove(0);
        let shown = call["attachments"][0]["content"]["body"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&shown["type"], &shown["altText"]), (&json!("Image"), &picture["alt"]), "{call}");
        let url = shown["url"].as_str().unwrap().to_owned();
        // Whoever opens Teams next month sees it, too, and a freeze takes nothing from what was out before.
        freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
        bench.app.clock().advance(60 * 24 * 3_600_000);
        let seen = look(&caller, &url).await;
        assert_eq!((seen.status, &seen.body[..]), (200, &drawn::png(64, 48)[..]));
        assert_eq!(seen.header("content-type"), Some("image/png"));
        assert_eq!(seen.header("cache-control"), Some("public, max-age=86400"));
        // Nobody guesses an address, and none leads to a picture of another post.
        let (rest, mac) = url.rsplit_once('/').unwrap();
        let other = media::upload(&bench.app, &bench.operator, drawn::png(20, 10)).await.unwrap().sha256;
        for wrong in [format!("{rest}/{}", "0".repeat(64)), url.replace(picture["sha256"].as_str().unwrap(), &other),
            format!("{}/{mac}", rest.rsplit_once('/').unwrap().0), rest.to_owned()] {
            assert_eq!(look(&caller, &wrong).await.status, 404, "{wrong}");
        }
        bench.sql("update deliveries set state = 'in_doubt'").await;
        assert_eq!(look(&caller, &url).await.status, 200, "it may be there");
        bench.sql("update deliveries set state = 'sending'").await;
        assert_eq!(look(&caller, &url).await.status, 404, "a freeze covers what is not out yet");
        bench.sql("update deliveries set state = 'accepted'").await;
        // A person did not find the post.
        settle(&bench, &id, Settlement::NotPublished).await.unwrap();
        assert_eq!(look(&caller, &url).await.status, 404, "the post is not there");
        worker.stop().await.unwrap();
    }

    async fn without_a_public_address_a_post_with_pictures_is_refused_before_anybody_approves(bench) {
        let mut bench = bench;
        connect(&mut bench, StatusCode::ACCEPTED).await;
        let new: NewPost = serde_json::from_value(illustrated(&kept(&bench).await)).unwrap();
        let refused = posts::create(&bench.app, &bench.operator, &new).await;
        let message = format!("team: {UNREACHED}");
        assert!(matches!(&refused, Err(AppError::Invalid(p)) if p[0].message == message), "{refused:?}");
        bench.app = bench.again_at(PUBLIC).await;
        posts::create(&bench.app, &bench.operator, &new).await.unwrap();
    }

    async fn the_address_can_be_replaced_beside_a_doubt(bench) {
        let mut bench = bench;
        connect(&mut bench, StatusCode::BAD_GATEWAY).await;
        let worker = bench.start().await;
        let new = json!({"kind": "routine", "channels": ["team"], "source": {"text": "Cards work again."}});
        let sent = bench.approved(new).await;
        bench.until(&sent.id, &["in_doubt"]).await;
        let id = bench.channels.last().unwrap();
        let other = flow(StatusCode::ACCEPTED).await;
        let edit = ChannelEdit { credential: Some(other.into()), ..ChannelEdit::default() };
        let view = connected::edit(&bench.app, &bench.administrator, id, None, edit).await.unwrap();
        assert!(view.has_credential, "{view:?}");
        assert_eq!(traces(&bench, "hunter2").await, Vec::<String>::new());
        worker.stop().await.unwrap();
    }
}
