//! The pictures of a signed webhook: its receiver gets them at the addresses that a call names, which are the same in
//! every attempt.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use channels::http::Request;
use channels::{Fetched, MediaRef};
use holdline::app::fetching;
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::media;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::drawn::png;

/// What the service of a bench calls itself.
const PUBLIC: &str = "http://localhost:8740";
const DAY: i64 = 24 * 3_600_000;

type Calls = Arc<Mutex<Vec<Value>>>;

/// A receiver that takes every call, and keeps what it was told.
async fn receiver() -> (String, Calls) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let calls = Calls::default();
    let kept = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                let kept = Arc::clone(&kept);
                async move {
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    kept.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                    Ok::<_, Infallible>(hyper::Response::new(Full::<Bytes>::default()))
                }
            });
            tokio::spawn(async move {
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    (url, calls)
}

/// What anybody gets there.
async fn status(caller: &Caller, address: &str) -> u16 {
    caller.http.call(Request::get(&address.replacen(PUBLIC, &caller.base, 1))).await.unwrap().status
}

/// A post with a picture on the channel, and the picture.
async fn pictured(bench: &Bench) -> (Value, Vec<u8>, MediaRef) {
    let bytes = png(20, 10);
    let kept = media::upload(&bench.app, &bench.operator, bytes.clone()).await.unwrap();
    let picture = MediaRef { sha256: kept.sha256, mime: kept.mime, alt: "A map of the branches".to_owned() };
    let source = json!({ "text": "Cards work again.", "media": [picture] });
    (json!({ "kind": "routine", "channels": ["hook"], "source": source }), bytes, picture)
}

on_both! {
    async fn the_receiver_of_a_webhook_gets_its_pictures_for_a_week(bench) {
        let mut bench = bench;
        let caller = Caller::new(&bench).await;
        let (url, calls) = receiver().await;
        let secret = Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        bench.connect_with("hook", "webhook", json!({ "url": url }), secret).await;
        let (post, bytes, picture) = pictured(&bench).await;
        let sent = bench.approved(post).await;
        let delivery = sent.deliveries[0].id.clone();
        let address = |life| {
            let (app, delivery, picture) = (bench.app.clone(), delivery.clone(), picture.clone());
            async move { fetching::addresses(&app, &delivery, &[picture], life).await.unwrap().remove(0) }
        };
        let early = address(Fetched::Named).await;
        assert_eq!(status(&caller, &early).await, 404, "nobody has the post yet");
        let worker = bench.start().await;
        bench.until(&sent.id, &["accepted"]).await;
        let told = calls.lock().unwrap()[0]["data"]["media"].clone();
        assert_eq!(told, json!([{ "sha256": picture.sha256, "mime": "image/png", "alt": picture.alt, "url": early }]));
        let got = caller.http.call(Request::get(&early.replacen(PUBLIC, &caller.base, 1))).await.unwrap();
        assert_eq!((got.status, got.header("content-type"), &got.body[..]), (200, Some("image/png"), &bytes[..]));
        // What is made for one attempt of another network leads nowhere.
        assert_eq!(status(&caller, &address(Fetched::Sending).await).await, 404);
        let (rest, mac) = early.rsplit_once('/').unwrap();
        let place = rest.strip_suffix("/0").unwrap();
        for wrong in [format!("{place}/1/{mac}"), format!("{place}/x/{mac}"), format!("{rest}/{}", "0".repeat(64))] {
            assert_eq!(status(&caller, &wrong).await, 404, "{wrong}");
        }

        let order: NewFreeze = serde_json::from_value(json!({ "reason": "outage" })).unwrap();
        let freeze = freezes::create(&bench.app, &bench.operator, &order).await.unwrap();
        assert_eq!(status(&caller, &early).await, 404, "it is frozen");
        freezes::thaw(&bench.app, &bench.approver, &freeze.id, "over").await.unwrap();
        assert_eq!(status(&caller, &early).await, 200);

        bench.app.clock().advance(6 * DAY);
        assert_eq!(address(Fetched::Named).await, early, "it is the same at any time");
        assert_eq!(status(&caller, &early).await, 200);
        bench.app.clock().advance(2 * DAY);
        assert_eq!(status(&caller, &early).await, 404, "it has ended");
        worker.stop().await.unwrap();
    }
}
