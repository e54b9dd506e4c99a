//! Pictures of the public page: with their words, at an address that leads somewhere only while the page shows them.

use channels::Retraction;
use channels::http::{Answer, Request};
use holdline::app::held;
use holdline::app::incidents::{self, IncidentView, NewIncident};
use holdline::app::media;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::drawn;

fn a_map() -> Vec<u8> {
    drawn::png(640, 480)
}

/// A photo that lies on its side.
fn a_card() -> Vec<u8> {
    drawn::jpeg_with(&drawn::segment(0xE1, &[b"Exif\0\0", &drawn::exif(6)[..]].concat()), &[])
}

async fn incident(bench: &Bench, drill: bool) -> IncidentView {
    let new = json!({"title": "Cards", "severity": "major", "freeze": false, "drill": drill});
    let new: NewIncident = serde_json::from_value(new).unwrap();
    incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident
}

async fn kept(bench: &Bench, bytes: &[u8], alt: &str) -> Value {
    let kept = media::upload(&bench.app, &bench.operator, bytes.to_vec()).await.unwrap();
    json!({ "sha256": kept.sha256, "mime": kept.mime, "alt": alt })
}

async fn get(caller: &Caller, path: &str) -> Answer {
    caller.http.call(Request::get(&format!("{}{path}", caller.base))).await.unwrap()
}

async fn page(caller: &Caller, incident: &IncidentView) -> String {
    String::from_utf8_lossy(&get(caller, &format!("/incidents/{}", incident.slug)).await.body).into_owned()
}

/// Where the page has a picture for a delivery.
fn at(delivery: &str, picture: &Value) -> String {
    format!("/pictures/{delivery}/{}", picture["sha256"].as_str().unwrap())
}

on_both! {
    async fn a_picture_is_public_with_its_words_and_only_while_the_page_shows_it(bench) {
        let (worker, caller) = (bench.start().await, Caller::new(&bench).await);
        let incident = incident(&bench, false).await;
        let map = kept(&bench, &a_map(), "Open branches: \"North\" & <South>").await;
        let card = kept(&bench, &a_card(), "A card").await;
        let update = json!({"kind": "update", "incident": incident.id, "channels": ["site"],
            "source": {"text": "Two branches are open.", "media": [map, card]}});
        let post = bench.submit(update).await;
        let delivery = post.deliveries[0].id.clone();
        let address = at(&delivery, &map);
        // Nobody but the team sees what is not approved.
        assert_eq!(get(&caller, &address).await.status, 404);
        bench.approve(&post.id).await;
        bench.until(&post.id, &["accepted"]).await;

        let shown = page(&caller, &incident).await;
        let image = format!("<img src=\"{address}\" alt=\"Open branches: &#34;North&#34; &#38; &#60;South&#62;\" \
            loading=\"lazy\" decoding=\"async\" width=\"640\" height=\"480\">");
        assert!(shown.contains(&image), "{shown}");
        let upright = format!("<img src=\"{}\" alt=\"A card\" loading=\"lazy\" decoding=\"async\" \
            width=\"8\" height=\"15\">", at(&delivery, &card));
        assert!(shown.contains(&upright), "{shown}");
        let told: Value = get(&caller, &format!("/incidents/{}.json", incident.slug)).await.json().unwrap();
        let told = &told["entries"][0]["pictures"][0];
        assert_eq!(told["url"], format!("{}{address}", bench.app.public_url()));
        assert_eq!((&told["alt"], &told["width"], &told["mime"]), (&map["alt"], &json!(640), &json!("image/png")));

        let answer = get(&caller, &address).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &a_map()[..]));
        for (name, value) in [("content-type", "image/png"), ("x-content-type-options", "nosniff"),
            ("cache-control", "public, max-age=86400, s-maxage=15, must-revalidate")] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
        assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        let mark = answer.header("etag").unwrap().to_owned();
        let again = Request::get(&format!("{}{address}", caller.base)).header("if-none-match", &format!("\"a\", W/{mark}"));
        // Whoever has it is answered before a byte is read: here they are others by now.
        let before = media::get(&bench.app, &bench.operator, map["sha256"].as_str().unwrap()).await.unwrap().bytes;
        let swap = format!("update media set bytes = (select bytes from media m where m.sha256 = {}) where sha256 = {}",
            card["sha256"].to_string().replace('"', "'"), map["sha256"].to_string().replace('"', "'"));
        bench.sql(&swap).await;
        let again = caller.http.call(again).await.unwrap();
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert_eq!((get(&caller, &address).await.status, before), (500, a_map()), "damaged bytes are not shown");

        // A picture that is kept here and not in this text has no address there.
        let other = kept(&bench, &drawn::gif_with(&[]), "Another").await;
        for path in [at(&delivery, &other), at("nowhere", &map), format!("/pictures/{delivery}/x\"y")] {
            assert_eq!(get(&caller, &path).await.status, 404, "{path}");
        }
        let gone = held::retract(&bench.app, &bench.operator, &delivery, "wrong map").await.unwrap();
        assert_eq!(gone, Retraction::Gone);
        let known = Request::get(&format!("{}{address}", caller.base)).header("if-none-match", &mark);
        for answer in [get(&caller, &address).await, caller.http.call(known).await.unwrap()] {
            assert_eq!((answer.status, answer.header("cache-control")), (404, Some("no-store")));
        }
        worker.stop().await.unwrap();
    }

    async fn new_words_bring_their_own_pictures(bench) {
        let (worker, caller) = (bench.start().await, Caller::new(&bench).await);
        let incident = incident(&bench, false).await;
        let (map, card) = (kept(&bench, &a_map(), "The old map").await, kept(&bench, &a_card(), "The new map").await);
        let first = bench.approved(json!({"kind": "update", "incident": incident.id, "channels": ["site"],
            "source": {"text": "Two branches are open.", "media": [map]}})).await;
        bench.until(&first.id, &["accepted"]).await;
        let delivery = first.deliveries[0].id.clone();
        // The same words beside another picture are a change, too.
        for (text, picture, old) in [("Three are open.", &card, &map), ("Three are open.", &map, &card)] {
            let words = json!({"kind": "update", "revises": first.id, "source": {"text": text, "media": [picture]}});
            let second = bench.submit(words).await;
            assert!(second.unrevised.is_empty(), "{:?}", second.unrevised);
            assert_eq!(get(&caller, &at(&delivery, picture)).await.status, 404);
            bench.approve(&second.id).await;
            bench.until(&second.id, &["accepted"]).await;
            let shown = page(&caller, &incident).await;
            assert!(shown.contains(picture["alt"].as_str().unwrap()) && shown.contains(text), "{shown}");
            assert!(!shown.contains(old["alt"].as_str().unwrap()), "{shown}");
            assert_eq!(get(&caller, &at(&delivery, picture)).await.status, 200);
            assert_eq!(get(&caller, &at(&delivery, old)).await.status, 404);
        }
        worker.stop().await.unwrap();
    }
}
