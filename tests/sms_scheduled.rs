//! Text messages that somebody scheduled at Twilio: a freeze cancels them, and a person has them made again.

use chrono::DateTime;
use holdline::app::freezes;
use holdline::app::sweeps::{Choice, SweepView};
use holdline::domain::freeze::Scope;
use holdline::domain::sweep::Stand;
use serde_json::json;

use crate::on_both;
use crate::support::twilio::Fake;
use crate::sweeps::{MINUTE, all, decide_on, freeze_on, until};

const SERVICE: &str = "MG00000000000000000000000000000001";
const OTHERS: &str = "MG00000000000000000000000000000002";

fn states(fake: &Fake) -> Vec<String> {
    fake.messages(|all| all.iter().map(|m| m["status"].as_str().unwrap().to_owned()).collect())
}

on_both! {
    async fn a_campaign_shows_how_far_it_is_held_and_a_wait_ends_the_pass(bench) {
        let mut bench = bench;
        let fake = Fake::start(bench.app.clock().clone()).await;
        let mut settings = fake.settings(&["+41790000001"]);
        settings.as_object_mut().unwrap().remove("from");
        settings["messaging_service"] = SERVICE.into();
        bench.connect_with("phones", "sms", settings, Some("hunter2")).await;
        let now = bench.app.clock().now();
        let made = |n: i64| DateTime::from_timestamp_millis(now - (100 - n) * MINUTE).unwrap().to_rfc2822();
        fake.messages(|all| for n in 0..60 {
            all.push(json!({ "sid": format!("SM{n:032x}"), "to": format!("+41790000{n:03}"), "from": null,
                "messaging_service_sid": SERVICE, "body": "Sale", "status": "scheduled", "num_media": "0",
                "direction": "outbound-api", "date_created": made(n) }));
        });
        fake.answers.forget_permits(fake.answers.available_permits() - 25);
        let worker = bench.start().await;
        let app = bench.app.clone();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        let count = |s: &SweepView, stand: Stand| s.posts.iter().filter(|p| p.state == stand).count();
        let seen = until(&app, &frozen.id, |s| count(s, Stand::Held) == 25).await;
        let look = seen.channels.iter().find(|c| c.channel_name == "phones").unwrap();
        assert!(look.looked_at.is_some() && look.listed == Some(60), "the look goes on, and is shown: {look:?}");
        // Asked to wait, it goes through no other message.
        fake.slows_down();
        fake.answers.add_permits(1_000);
        until(&app, &frozen.id, |s| count(s, Stand::CouldNot) > 0).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let seen = freezes::get(&app, &frozen.id).await.unwrap().sweep.unwrap();
        // Of those that were asked for at once.
        assert_eq!((count(&seen, Stand::Held), count(&seen, Stand::CouldNot), count(&seen, Stand::Found)), (25, 7, 28));
        worker.stop().await.unwrap();
    }

    async fn a_freeze_cancels_what_the_sender_has_scheduled_and_a_person_has_it_made_again(bench) {
        let mut bench = bench;
        let fake = Fake::start(bench.app.clock().clone()).await;
        let mut settings = fake.settings(&["+41790000001"]);
        settings.as_object_mut().unwrap().remove("from");
        settings["messaging_service"] = SERVICE.into();
        bench.connect_with("phones", "sms", settings, Some("hunter2")).await;
        let now = bench.app.clock().now();
        let made = |n: i64| DateTime::from_timestamp_millis(now - (60 - n) * MINUTE).unwrap().to_rfc2822();
        fake.messages(|all| for (n, service) in [(0, SERVICE), (1, SERVICE), (2, OTHERS)] {
            all.push(json!({ "sid": format!("SM{n:032x}"), "to": format!("+4179000001{n}"), "from": null,
                "messaging_service_sid": service, "body": "Sale", "status": "scheduled", "num_media": "0",
                "direction": "outbound-api", "date_created": made(n) }));
        });
        let worker = bench.start().await;
        let app = bench.app.clone();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        let seen = until(&app, &frozen.id, all(Stand::Held, 2)).await;
        assert_eq!(states(&fake), ["canceled", "canceled", "scheduled"], "another sender's is not the channel's");
        let words: Vec<_> = seen.posts.iter().map(|p| p.words.as_str()).collect();
        assert_eq!(words, ["…10: Sale", "…11: Sale"]);
        let why = seen.posts[0].reason.as_deref().unwrap();
        assert!(why.contains("new message") && why.contains("earliest possible"), "{why}");
        let shown = format!("{seen:?}");
        assert!(!shown.contains("9000001"), "no number is kept: {shown}");
        freezes::thaw(&app, &bench.approver, &frozen.id, "over").await.unwrap();
        assert_eq!(states(&fake).len(), 3, "a thaw makes nothing by itself");
        assert_eq!(decide_on(&app, &bench, Choice::Restore, &[&seen.posts[0]], 60).await, Vec::new());
        assert_eq!(decide_on(&app, &bench, Choice::Drop, &[&seen.posts[1]], 60).await, Vec::new());
        until(&app, &frozen.id, |s| {
            s.posts.iter().all(|p| matches!(p.state, Stand::Restored | Stand::Dropped))
        }).await;
        assert_eq!(states(&fake), ["canceled", "canceled", "scheduled", "scheduled"]);
        let made = fake.messages(|all| all[3].clone());
        assert_eq!((&made["to"], &made["body"]), (&json!("+41790000010"), &json!("Sale")));
        worker.stop().await.unwrap();
    }
}
