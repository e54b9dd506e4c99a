//! Pictures that a network fetches: by whom, when, and from which address. The network is a small fake that
//! really fetches them.

use std::time::Duration;

use channels::http::{Answer, Request};
use channels::{Fetched, MediaRef};
use holdline::app::fetching;
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::posts::{self, NewPost};
use holdline::app::{AppError, keys, media};
use serde_json::{Value, json};

use crate::keys::{added, rotate};
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::drawn::{jpeg, jpeg_with, png, segment};
use crate::support::instagram::{Instagram, TOKEN};

/// What the service of a bench calls itself.
const PUBLIC: &str = "http://localhost:8740";

async fn kept(bench: &Bench, bytes: &[u8]) -> Value {
    let kept = media::upload(&bench.app, &bench.operator, bytes.to_vec()).await.unwrap();
    json!({ "sha256": kept.sha256, "mime": kept.mime, "alt": "A map of the branches" })
}

fn post(channel: &str, pictures: &[Value]) -> Value {
    let source = json!({ "text": "Cards work again.", "media": pictures });
    json!({ "kind": "routine", "channels": [channel], "source": source })
}

/// What anybody gets there.
async fn look(caller: &Caller, address: &str) -> Answer {
    caller.http.call(Request::get(&address.replacen(PUBLIC, &caller.base, 1))).await.unwrap()
}

async fn connect(bench: &mut Bench) -> (Instagram, Caller) {
    let caller = Caller::new(bench).await;
    let fake = Instagram::start(PUBLIC, &caller.base).await;
    bench.connect_with("gram", "instagram", fake.settings(), Some(TOKEN)).await;
    (fake, caller)
}

on_both! {
    async fn a_picture_is_fetched_while_its_post_goes_out_and_no_longer(bench) {
        let mut bench = bench;
        let (fake, caller) = connect(&mut bench).await;
        let worker = bench.start().await;
        let picture = kept(&bench, &jpeg()).await;
        let sent = bench.approved(post("gram", &[picture])).await;
        let out = bench.until(&sent.id, &["accepted"]).await;
        let url = out.deliveries[0].url.clone().unwrap();
        assert!(url.starts_with("https://www.instagram.com/p/"), "{url}");
        let fetched = fake.fetched();
        assert_eq!((fetched.len(), fake.posts()), (1, 1));
        assert_eq!((fetched[0].status, fetched[0].mime.as_str(), &fetched[0].bytes[..]), (200, "image/jpeg", &jpeg()[..]));
        assert_eq!(look(&caller, &fetched[0].address).await.status, 404, "it is out");
        worker.stop().await.unwrap();
    }

    async fn a_freeze_ends_the_address_of_what_it_covers(bench) {
        let mut bench = bench;
        let (fake, caller) = connect(&mut bench).await;
        fake.hold();
        let worker = bench.start().await;
        let picture = kept(&bench, &jpeg()).await;
        let frozen = bench.approved(post("gram", &[picture])).await;
        for _ in 0..600 {
            if !fake.fetched().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let address = fake.fetched()[0].address.clone();
        assert_eq!(look(&caller, &address).await.status, 200, "it is under way");
        let all: NewFreeze = serde_json::from_value(json!({ "reason": "outage" })).unwrap();
        freezes::create(&bench.app, &bench.operator, &all).await.unwrap();
        assert_eq!(look(&caller, &address).await.status, 404, "it is frozen");
        fake.go_on();
        bench.until(&frozen.id, &["held"]).await;
        assert_eq!(fake.posts(), 0);
        worker.stop().await.unwrap();
    }

    async fn an_address_leads_somewhere_only_while_its_delivery_is_under_way_on_such_a_network(bench) {
        let mut bench = bench;
        let (_fake, caller) = connect(&mut bench).await;
        let (own, other) = (kept(&bench, &jpeg()).await, kept(&bench, &jpeg_with(&segment(0xDD, &[0, 0]), &[])).await);
        let sent = bench.approved(post("gram", std::slice::from_ref(&own))).await;
        let delivery = sent.deliveries[0].id.clone();
        let named = |picture: &Value| MediaRef {
            sha256: picture["sha256"].as_str().unwrap().to_owned(),
            mime: "image/jpeg".to_owned(),
            alt: String::new(),
        };
        let addresses = fetching::addresses(&bench.app, &delivery, &[named(&own), named(&other)], Fetched::Sending).await.unwrap();
        let [address, foreign] = addresses.as_slice() else { panic!("{addresses:?}") };
        assert_eq!(look(&caller, address).await.status, 404, "nothing is under way");
        bench.sql("update deliveries set state = 'sending'").await;
        let answer = look(&caller, address).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &jpeg()[..]));
        for (name, value) in [
            ("content-type", "image/jpeg"),
            ("content-length", &jpeg().len().to_string()),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-robots-tag", "noindex"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
        assert_eq!(look(&caller, foreign).await.status, 404, "the post has another picture");
        // Each part of the address counts, and none of them lists anything.
        let (rest, mac) = address.rsplit_once('/').unwrap();
        let (place, until) = rest.rsplit_once('/').unwrap();
        let sha256 = own["sha256"].as_str().unwrap();
        let later = until.parse::<i64>().unwrap() + 1;
        for wrong in [
            format!("{rest}/{}", "0".repeat(64)),
            format!("{rest}/{}", &mac[..62]),
            format!("{rest}/x"),
            format!("{place}/{later}/{mac}"),
            format!("{place}/soon/{mac}"),
            address.replace(sha256, other["sha256"].as_str().unwrap()),
            address.replace(&delivery, "00000000-0000-7000-8000-000000000000"),
            rest.to_owned(),
            place.to_owned(),
            format!("{PUBLIC}/media"),
            format!("{PUBLIC}/media/{sha256}"),
        ] {
            assert_eq!(look(&caller, &wrong).await.status, 404, "{wrong}");
        }
        // Another instance key takes the place of the one that the address was made with.
        keys::check(&bench.app).await.unwrap();
        let new = added(&bench).await;
        assert_eq!(rotate(&bench, Some(&new)).await.seals, new);
        assert_eq!(look(&caller, address).await.status, 200);
        bench.sql("update channels set adapter = 'sandbox' where name = 'gram'").await;
        assert_eq!(look(&caller, address).await.status, 404, "another network fetches nothing");
        bench.sql("update channels set adapter = 'instagram' where name = 'gram'").await;
        bench.app.clock().advance(170_000);
        assert_eq!(look(&caller, address).await.status, 200);
        bench.app.clock().advance(10_000);
        assert_eq!(look(&caller, address).await.status, 404, "it has ended");
    }

    async fn a_post_for_every_channel_goes_without_those_that_need_a_picture(bench) {
        let mut bench = bench;
        connect(&mut bench).await;
        let png = kept(&bench, &png(20, 10)).await;
        for (pictures, with) in [(vec![], false), (vec![png], false), (vec![kept(&bench, &jpeg()).await], true)] {
            let new = NewPost { channels: Vec::new(), ..serde_json::from_value(post("gram", &pictures)).unwrap() };
            let seen = posts::preview(&bench.app, &bench.operator, &new).await.unwrap();
            assert_eq!(seen.left_out, if with { vec![] } else { vec!["gram".to_owned()] });
            let made = posts::create(&bench.app, &bench.operator, &new).await.unwrap();
            assert_eq!(made.deliveries.iter().any(|d| d.channel_name == "gram"), with, "{:?}", made.deliveries);
            assert!(made.deliveries.len() > usize::from(with), "the others get it");
        }
    }

    async fn what_instagram_does_not_take_is_refused_before_anybody_approves(bench) {
        let mut bench = bench;
        connect(&mut bench).await;
        let png = kept(&bench, &png(10, 10)).await;
        let mut wide = jpeg();
        let at = wide.windows(5).position(|frame| frame == [8, 0, 8, 0, 15]).unwrap();
        wide[at + 4] = 16;
        let wide = kept(&bench, &wide).await;
        let tags = "#a ".repeat(6);
        let mut many = post("gram", &[kept(&bench, &jpeg()).await]);
        many["source"]["text"] = tags.into();
        for (new, field, words) in [
            (post("gram", &[]), "source.media", "without a picture"),
            (post("gram", &[png]), "source.media", "save it as JPEG"),
            (post("gram", std::slice::from_ref(&wide)), "source.media", "16 by 8 pixels; Instagram takes pictures between"),
            (many, "source.text", "6 hashtags"),
        ] {
            let new: NewPost = serde_json::from_value(new).unwrap();
            let refused = posts::create(&bench.app, &bench.operator, &new).await.unwrap_err();
            let AppError::Invalid(problems) = &refused else { panic!("{refused:?}") };
            let said = format!("{problems:?}");
            assert!(said.contains(field) && said.contains(words), "{said}");
        }
        let all = NewPost { channels: Vec::new(), ..serde_json::from_value(post("gram", &[wide])).unwrap() };
        let seen = posts::preview(&bench.app, &bench.operator, &all).await.unwrap();
        assert_eq!((seen.left_out, seen.problems.len()), (vec!["gram".to_owned()], 0), "the others get it");
    }
}
