use std::sync::Arc;

use chrono::DateTime;
use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::quota::Of;
use crate::suite::{self, Fake, Step, answer};
use crate::{Connection, Health, Pass};

/// A channel of that adapter that listens to a fake server, and its ear. The clock stands at 1,700,000,100.
async fn listen(adapter: &'static str, steps: Vec<Step>) -> (Fake, Box<dyn crate::Channel>, Arc<Ear>) {
    let fake = Fake::start(steps).await;
    let clock: Clock = Arc::new(|| DateTime::from_timestamp(1_700_000_100, 0).unwrap());
    let ear = Arc::new(Ear::new(adapter, clock.clone()));
    let http = Arc::new(suite::http().heard_by(Arc::clone(&ear)));
    let settings = json!({ "server": fake.url });
    let credential = Some(SecretString::from("hunter2"));
    let found = crate::adapter(adapter).unwrap();
    let connection = Connection { settings, credential, http, clock, public_url: None };
    let channel = (found.connect)(&connection).unwrap();
    (fake, channel, ear)
}

const ME: &str = r#"{"data":{"id":"7","username":"bank"}}"#;

#[tokio::test]
async fn the_clock_of_a_server_is_compared_and_an_impossible_one_does_no_harm() {
    for (date, skew) in [
        ("Date: Tue, 14 Nov 2023 22:15:00 GMT\r\n", Some(0)),
        ("Date: Tue, 14 Nov 2023 22:25:00 GMT\r\n", Some(600_000)),
        ("Date: Tue, 14 Nov 2023 22:14:30 GMT\r\n", Some(-30_000)),
        ("Date: Tue, 14 Nov 2023 20:00:00 GMT\r\nAge: 8100\r\n", None),
        ("Date: soon\r\n", None),
        ("Date: Thu, 99 Nov 999999 99:99:99 +9999\r\n", None),
        ("", None),
    ] {
        let (_fake, channel, ear) = listen("x", vec![answer(200, date, ME)]).await;
        assert!(channel.check().await.ready, "{date}");
        assert_eq!(ear.heard().skew_ms, skew, "{date}");
        assert_eq!(ear.heard().skew_at, skew.map(|_| (ear.clock)()), "{date}");
    }
    for date in ["Date: Sat, 31 Dec 262142 23:59:59 GMT\r\n", "Date: Sun, 01 Jan 0000 00:00:00 +2359\r\n"] {
        let reset = "x-rate-limit-remaining: 0\r\nx-rate-limit-reset: 9223372036854775807\r\n";
        let steps =
            vec![answer(200, &format!("{date}{reset}"), ME), answer(429, &format!("{date}{reset}"), "{}")];
        let (_fake, channel, ear) = listen("x", steps).await;
        assert!(channel.check().await.ready);
        assert_eq!(ear.heard().calls, None);
        assert!(channel.publish(&suite::job(), &Pass::open_for_tests()).await.is_err());
    }
}

#[tokio::test]
async fn what_is_left_is_heard_of_posts_and_of_requests_apart() {
    let told = |left: u64| {
        format!(
            "x-rate-limit-limit: 100\r\nx-rate-limit-remaining: {left}\r\nx-rate-limit-reset: 1700000700\r\n"
        )
    };
    let posted = r#"{"data":{"id":"9","text":"t"}}"#;
    let steps = vec![answer(200, &told(0), ME), answer(201, &told(41), posted)];
    let (_fake, channel, ear) = listen("x", steps).await;
    let seen: Health = channel.check().await;
    assert!(seen.ready, "few requests are left, which says nothing of posts: {seen:?}");
    assert_eq!((ear.heard().calls.map(|q| q.left), ear.news()), (Some(0), None));
    channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap();
    let news = ear.news().unwrap();
    assert_eq!((news.len(), news[0].left, news[0].limit), (1, 41, Some(100)));
    assert_eq!(ear.news(), None, "each answer is told once");
}

#[test]
fn shares_are_heard_from_every_answer_and_stay_when_an_answer_tells_none() {
    let clock: Clock = Arc::new(|| DateTime::from_timestamp(1_700_000_100, 0).unwrap());
    let note = |ear: &Ear, subject: &str, name: &'static str, used: u8| {
        let told = format!(r#"{{"call_count":{used}}}"#).parse().unwrap();
        ear.note(
            subject,
            "/v26.0/me",
            &[(crate::http::header::HeaderName::from_static(name), told)].into_iter().collect(),
        );
    };
    for adapter in ["facebook", "instagram", "threads", "whatsapp"] {
        let ear = Ear::new(adapter, clock.clone());
        note(&ear, "GET graph", "x-app-usage", 7);
        note(&ear, "POST graph", "x-page-usage", 70);
        note(&ear, "DELETE graph", "x-other", 99);
        note(&ear, "GET graph", "x-app-usage", 9);
        let left: Vec<_> = ear.heard().shares.iter().map(|share| (share.of, share.left)).collect();
        assert_eq!(left, [(Of::Account, 30), (Of::App, 91)], "{adapter}");
        assert_eq!(ear.news(), None, "it tells nothing of posts");
    }
    let other = Ear::new("x", clock);
    note(&other, "GET x", "x-app-usage", 7);
    assert_eq!(other.heard().shares, []);
}
