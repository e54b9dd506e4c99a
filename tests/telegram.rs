//! What the core does with pictures for Telegram, which has no place for their words.

use holdline::app::posts::{self, NewPost};
use holdline::app::preview::{self, Measure};
use holdline::app::{AppError, approvals, media};
use serde_json::{Value, json};

use crate::console::sign_in;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::drawn::png;
use crate::support::visitor;

/// A post with a picture, or without.
fn post(text: &str, pictures: &[Value]) -> Value {
    json!({ "kind": "routine", "channels": ["tg", "alpha"], "source": { "text": text, "media": pictures } })
}

fn typed(post: Value) -> NewPost {
    serde_json::from_value(post).unwrap()
}

async fn picture(bench: &Bench) -> Value {
    let kept = media::upload(&bench.app, &bench.operator, png(20, 10)).await.unwrap();
    json!({ "sha256": kept.sha256, "mime": kept.mime, "alt": "Open branches" })
}

on_both! {
    async fn whoever_approves_pictures_for_telegram_is_told_that_nobody_reads_their_words_there(bench) {
        let mut bench = bench;
        let settings = json!({ "chat": "@bank", "server": "http://127.0.0.1:1" });
        bench.connect_with("tg", "telegram", settings, Some("123456:hunter2-hunter2_hunter2")).await;
        let caller = Caller::new(&bench).await;
        let told = "tg: Telegram has no place for the words of a picture";
        let signed = sign_in(&bench, &bench.approver).await;
        for (pictures, times) in [(vec![], 0), (vec![picture(&bench).await], 1)] {
            let sent = bench.submit(post("Two branches are open.", &pictures)).await;
            let sheet = approvals::sheet(&bench.app, &bench.approver, &sent.id).await.unwrap();
            assert_eq!(sheet.unsaid.iter().filter(|p| p.message.starts_with(told)).count(), times);
            assert_eq!((sheet.unsaid.len(), sheet.misfits.len()), (times, 0), "of no other channel");
            let html = visitor::read(&caller, &signed.cookie, &format!("/console/approvals/{}", sent.id)).await;
            assert_eq!(html.matches(told).count(), times, "{html}");
        }
    }

    async fn words_that_are_longer_than_a_caption_are_for_their_author_to_shorten(bench) {
        let mut bench = bench;
        let settings = json!({ "chat": "@bank", "server": "http://127.0.0.1:1" });
        bench.connect_with("tg", "telegram", settings, Some("123456:hunter2-hunter2_hunter2")).await;
        let (picture, long) = (picture(&bench).await, "a".repeat(1_025));
        let refused = posts::create(&bench.app, &bench.operator, &typed(post(&long, std::slice::from_ref(&picture)))).await;
        let Err(AppError::Invalid(problems)) = refused else { panic!("{refused:?}") };
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].message, "tg: is 1 too long beside pictures; the limit is 1024");
        let seen = preview::preview(&bench.app, &bench.operator, &typed(post(&long, &[picture]))).await.unwrap();
        let measured = |name: &str| -> Measure { seen.channels.iter().find(|c| c.name == name).unwrap().text };
        assert_eq!((measured("tg").limit, measured("tg").is_over()), (Some(1_024), true));
        posts::create(&bench.app, &bench.operator, &typed(post(&long, &[]))).await.unwrap();
    }

    async fn an_album_with_more_than_one_request_carries_is_for_its_author_to_shrink(bench) {
        let mut bench = bench;
        let settings = json!({ "chat": "@bank", "server": "http://127.0.0.1:1" });
        bench.connect_with("tg", "telegram", settings, Some("123456:hunter2-hunter2_hunter2")).await;
        let (mut pictures, mut bytes) = (Vec::new(), 0);
        for n in 0..7 {
            let kept = media::upload(&bench.app, &bench.operator, png(5_000 + 8 * n, 4_900)).await.unwrap();
            bytes += kept.bytes;
            pictures.push(json!({ "sha256": kept.sha256, "mime": kept.mime, "alt": "Open branches" }));
        }
        let to = |pictures: &[Value]| {
            let source = json!({ "text": "Open", "media": pictures });
            typed(json!({ "kind": "routine", "channels": ["tg"], "source": source }))
        };
        let refused = posts::create(&bench.app, &bench.operator, &to(&pictures)).await;
        let Err(AppError::Invalid(problems)) = refused else { panic!("{refused:?}") };
        let told = format!("have {bytes} bytes together; tg takes at most 20971520: make them smaller, or send fewer");
        assert_eq!(problems.iter().map(|p| (&*p.field, &*p.message)).collect::<Vec<_>>(), [("source.media", &*told)]);
        posts::create(&bench.app, &bench.operator, &to(&pictures[..6])).await.unwrap();
    }
}
