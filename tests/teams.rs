//! What the core does with a Teams channel, whose acceptance only says that a flow has started.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use channels::http::Request;
use holdline::app::channels::ChannelEdit;
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::held::{self, Choice, Review, Settle, Settlement};
use holdline::app::incidents::{self, NewIncident};
use holdline::app::posts::PostView;
use holdline::app::room;
use holdline::app::{AppError, channels as connected};
use holdline::clock::rfc3339;
use holdline::domain::delivery::State;
use serde_json::{Value, json};

use crate::console::sign_in;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
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
