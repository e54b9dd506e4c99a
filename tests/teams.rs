//! What the core does with a Teams channel, whose acceptance only says that a flow has started.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use holdline::app::channels::{self, ChannelEdit};
use holdline::app::incidents::{self, NewIncident};
use holdline::clock::rfc3339;
use holdline::domain::incident::Severity;
use serde_json::json;

use crate::on_both;
use crate::support::Bench;

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

on_both! {
    async fn a_flow_that_has_started_keeps_no_promise(bench) {
        let mut bench = bench;
        connect(&mut bench, StatusCode::ACCEPTED).await;
        let new = NewIncident {
            title: "Payments are down".into(),
            severity: Severity::Major,
            drill: false,
            freeze: false,
            scope: Default::default(),
            promise: None,
            playbook: None,
            adopt: None,
            freeze_too: false,
            signal: None,
        };
        let incident = incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident.id;
        let worker = bench.start().await;
        let promise = rfc3339(bench.app.clock().now() + 3_600_000);
        let update = |channels: &[&str]| json!({"kind": "update", "incident": incident, "channels": channels,
            "promise": promise, "source": {"text": "We know of it."}});
        let before = next_promise(&bench, &incident).await;
        assert_ne!(before, Some(promise.clone()));
        let sent = bench.approved(update(&["team"])).await;
        let sent = bench.until(&sent.id, &["accepted"]).await;
        assert!(sent.deliveries[0].started_only, "{sent:?}");
        assert_eq!(next_promise(&bench, &incident).await, before);
        // Beside another channel, that one keeps it, whichever comes first.
        let sent = bench.approved(update(&["team", "alpha"])).await;
        let sent = bench.until(&sent.id, &["accepted", "accepted"]).await;
        assert_eq!(sent.deliveries.iter().filter(|d| d.started_only).count(), 1);
        assert_eq!(next_promise(&bench, &incident).await, Some(promise));
        worker.stop().await.unwrap();
    }

    async fn the_address_is_sealed_and_can_be_replaced_beside_a_doubt(bench) {
        let mut bench = bench;
        connect(&mut bench, StatusCode::BAD_GATEWAY).await;
        let worker = bench.start().await;
        let new = json!({"kind": "routine", "channels": ["team"], "source": {"text": "Cards work again."}});
        let sent = bench.approved(new).await;
        bench.until(&sent.id, &["in_doubt"]).await;
        let id = bench.channels.last().unwrap();
        let other = flow(StatusCode::ACCEPTED).await;
        let edit = ChannelEdit { credential: Some(other.into()), ..ChannelEdit::default() };
        let view = channels::edit(&bench.app, &bench.administrator, id, None, edit).await.unwrap();
        assert!(view.has_credential, "{view:?}");
        assert!(!serde_json::to_string(&view).unwrap().contains("hunter2"), "{view:?}");
        worker.stop().await.unwrap();
    }
}
