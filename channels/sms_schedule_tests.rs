//! What is scheduled at Twilio, against a strict one.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::server::{ACCOUNT, SENDER, SERVICE, Twilio};
use super::tests::{CREDENTIAL, NUMBERS, doubt};
use super::*;
use crate::Gate;
use crate::planner_trials::{end, first, kept, mark};
use crate::schedule_trials::Trial;
use crate::scheduler::{Back, Discarded, Standing, TOO_MUCH};
use crate::strict::{Fate, Memory, Strict};
use crate::suite::{self, CUTS};

/// What the suite's clock says.
const NOW: i64 = 1_700_000_100;
/// When the messages of these tests were made: a day before.
const MADE: i64 = NOW - 86_400;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn settings(url: &str) -> Value {
    json!({ "server": url, "account": ACCOUNT, "messaging_service": SERVICE, "to": NUMBERS[0] })
}

/// So many messages that are scheduled, the newest first; each a minute after the one before.
fn planned(count: i64) -> Twilio {
    let mut twilio = Twilio::new();
    for n in 0..count {
        twilio.schedule(NUMBERS[1], &format!("Sale {n}"), MADE + 60 * n);
    }
    twilio
}

async fn open(twilio: Twilio, fates: &[Fate]) -> (Strict<Twilio>, Box<dyn Channel>) {
    let server = Strict::start(twilio, fates).await;
    let channel = suite::connect(&ADAPTER, settings(&server.url), Some(CREDENTIAL)).unwrap();
    (server, channel)
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_hold_or_a_restore_nothing_is_lost_or_doubled() {
    let trial = Trial {
        network: planned(1),
        connect: |url| suite::connect(&ADAPTER, settings(url), Some(CREDENTIAL)).unwrap(),
        on: |twilio| twilio.in_state("scheduled"),
        at: at(120),
        secret: "hunter2",
        rests: true,
    };
    trial.run().await;
}

#[tokio::test]
async fn what_the_sender_has_scheduled_is_listed_to_the_last_page() {
    let mut twilio = planned(5);
    twilio.other(NUMBERS[1], "sent long ago", MADE);
    twilio.messages[2]["messaging_service_sid"] = "MG00000000000000000000000000000009".into();
    twilio.messages[3]["status"] = "canceled".into();
    let (server, channel) = open(twilio, &[]).await;
    let all = channel.scheduler().unwrap().list().await.unwrap();
    let words: Vec<_> = all.items.iter().map(|i| i.words.as_str()).collect();
    assert_eq!(words, ["…02: Sale 4", "…02: Sale 1", "…02: Sale 0"]);
    let others = "scheduled at Twilio by other senders of this account, and not held: 1";
    assert_eq!(all.unseen.as_deref(), Some(others), "people know what goes out all the same");
    assert_eq!(all.items[2].due.timestamp(), MADE + 300, "the earliest that Twilio takes");
    assert!(!format!("{:?}", all.items).contains("9000000"), "no number is kept");
    assert_eq!(server.state().requests.len(), 3);
    // A sender without a service.
    server.state().network.messages[0]["status"] = "scheduled".into();
    let mut settings = settings(&server.url);
    settings.as_object_mut().unwrap().remove("messaging_service");
    settings["from"] = SENDER.into();
    let by_number = suite::connect(&ADAPTER, settings, Some(CREDENTIAL)).unwrap();
    assert_eq!(first(&*by_number).await.words, "…02: sent long ago");
}

#[tokio::test]
async fn a_list_ends_early_only_where_it_is_seen_to_be_in_order() {
    let mut twilio = planned(2);
    for n in 0..6 {
        twilio.messages.push(twilio.messages[0].clone());
        twilio.messages.last_mut().unwrap()["sid"] = format!("SM{:032x}", 100 + n).into();
        let made = DateTime::from_timestamp(NOW - (40 + n) * 86_400, 0).unwrap();
        let old = twilio.messages.last_mut().unwrap();
        (old["status"], old["date_created"]) = ("delivered".into(), made.to_rfc2822().into());
    }
    let (server, channel) = open(twilio, &[]).await;
    let schedule = channel.scheduler().unwrap();
    assert_eq!(schedule.list().await.unwrap().items.len(), 2);
    assert_eq!(server.state().requests.len(), 2, "what follows is older than anything scheduled can be");
    // What is not sent yet stands last: that is seen to its end.
    server.state().network.messages.rotate_left(2);
    // Where one that was cancelled stands says nothing about these.
    server.state().network.messages[0]["status"] = "canceled".into();
    assert_eq!(schedule.list().await.unwrap().items.len(), 2, "it is read to its end");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_hides_nothing_else() {
    let mut twilio = planned(3);
    twilio.messages[1]["status"] = "postponed".into();
    let (server, channel) = open(twilio, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap();
    assert_eq!(all.items.len(), 2);
    assert!(all.unseen.unwrap().contains("cannot be read"));
    let asked = server.state().requests.len();
    for elsewhere in ["http://169.254.169.254/x.json?PageSize=2&Page=0", "/2010-04-01/x.json", "//[", ""] {
        server.state().network.goes_on = Some(elsewhere);
        let all = schedule.list().await.unwrap();
        assert_eq!((all.items.len(), all.unseen.is_some()), (1, true), "{elsewhere}");
    }
    // A place in the list is all that is believed of it, and one that brings nothing new ends it.
    assert_eq!(server.state().requests.len(), asked + 5);
}

#[tokio::test]
async fn a_cancellation_that_goes_wrong_is_never_taken_for_a_hold() {
    let said = r#"{"code":20003,"message":"Authenticate hunter2"}"#;
    let mut fates = vec![
        (Fate::Refused(400, "", said), "left"),
        (Fate::Refused(401, "", said), "left"),
        (Fate::Refused(429, "Retry-After: 7\r\n", said), "later"),
        (Fate::Refused(503, "", said), "doubt"),
        (Fate::DoneBut(500), "doubt"),
        (Fate::Late, "doubt"),
    ];
    let broken = |from: usize, done| CUTS[from..].iter().map(move |at| Fate::Broken { done, at: *at });
    fates.extend(broken(3, true).chain(broken(1, false)).map(|fate| (fate, "doubt")));
    for (fate, expected) in fates {
        let (server, channel) = open(planned(1), std::slice::from_ref(&fate)).await;
        let schedule = channel.scheduler().unwrap();
        let post = first(&*channel).await;
        let stop = schedule.hold(&post).await;
        let seen = format!("{fate:?}: {stop:?}");
        assert!(!seen.contains("hunter2 ") && !format!("{stop:?}").contains("hunter2"), "{seen}");
        assert_eq!(end(&stop), expected, "{seen}");
        if expected == "later" {
            assert!(schedule.spare().is_err() && end(&schedule.hold(&post).await) == "later");
            assert_eq!(server.state().requests.len(), 2, "nothing is asked before the wait is over");
        }
        if expected == "doubt" {
            let is_on = server.state().network.in_state("scheduled") == 1;
            assert_eq!(matches!(schedule.read(&post).await, Standing::Scheduled(_)), is_on, "{seen}");
        }
    }
}

#[tokio::test]
async fn what_is_scheduled_is_cancelled_and_made_again_once() {
    let (server, channel) = open(planned(1), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let mark = mark(schedule.hold(&post).await);
    assert_eq!(server.state().network.in_state("scheduled"), 0);
    let caution = schedule.caution(&post.snapshot, &mark).unwrap();
    assert!(caution.contains("new message") && caution.contains("earliest possible"), "{caution}");
    let mut kept = kept(&post, &mark);
    assert_eq!(schedule.restored(&kept, at(60)).await, Ok(None));
    let closed = Gate::closed(Duration::from_secs(60)).unlisted("routine");
    assert!(matches!(schedule.restore(&kept, at(60), &closed).await, Back::Left(_)));
    let far = schedule.restore(&kept, at(36 * 24 * 60), &Pass::open_for_tests()).await;
    assert!(matches!(far, Back::Left(_)), "{far:?}");
    assert_eq!(server.state().network.messages.len(), 1);
    let made = Back::Scheduled("SM00000000000000000000000000000002".to_owned());
    assert_eq!(schedule.restore(&kept, at(60), &Pass::open_for_tests()).await, made);
    assert_eq!(schedule.restored(&kept, at(60)).await, Ok(Some(made)));
    let again = schedule.restore(&kept, at(60), &Pass::open_for_tests()).await;
    assert!(matches!(again, Back::Changed(_)), "{again:?}");
    let message = server.state().network.messages[0].clone();
    assert_eq!((&message["to"], &message["body"]), (&json!(NUMBERS[1]), &json!("Sale 0")));
    // The same words to the same number were put back for another one: those are not this one.
    kept.taken.push("SM00000000000000000000000000000002".to_owned());
    assert_eq!(schedule.restored(&kept, at(60)).await, Ok(None));
    assert!(matches!(schedule.discard(&kept).await, Discarded::Done));
}

#[tokio::test]
async fn a_restore_whose_answer_is_lost_makes_no_second_message() {
    for fate in [Fate::DoneBut(500), Fate::Broken { done: true, at: CUTS[4] }, Fate::Late] {
        let (server, channel) = open(planned(1), &[Fate::Done, fate.clone()]).await;
        let schedule = channel.scheduler().unwrap();
        let post = first(&*channel).await;
        let kept = kept(&post, &mark(schedule.hold(&post).await));
        let did = schedule.restore(&kept, at(60), &Pass::open_for_tests()).await;
        assert!(matches!(did, Back::Doubt(_)), "{fate:?}: {did:?}");
        server.land();
        let seen = schedule.restored(&kept, at(60)).await;
        assert!(matches!(seen, Ok(Some(Back::Scheduled(_)))), "{fate:?}: {seen:?}");
        assert_eq!(server.state().network.in_state("scheduled"), 1, "{fate:?}");
    }
}

#[tokio::test]
async fn what_it_sends_instead_of_scheduling_is_told() {
    let (server, channel) = open(planned(1), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let kept = kept(&post, &mark(schedule.hold(&post).await));
    server.state().network.hasty = true;
    let did = schedule.restore(&kept, at(60), &Pass::open_for_tests()).await;
    assert!(matches!(did, Back::Out(_)), "{did:?}");
}

#[tokio::test]
async fn what_cannot_be_made_again_is_cancelled_and_told() {
    let mut twilio = planned(3);
    twilio.messages[0]["num_media"] = "1".into();
    twilio.messages[1]["to"] = "whatsapp:+41790000002".into();
    twilio.messages[2]["body"] = "".into();
    let (server, channel) = open(twilio, &[]).await;
    let schedule = channel.scheduler().unwrap();
    for post in schedule.list().await.unwrap().items {
        let mark = mark(schedule.hold(&post).await);
        let caution = schedule.caution(&post.snapshot, &mark).unwrap();
        assert!(caution.contains("by hand"), "{caution}");
        let did = schedule.restore(&kept(&post, &mark), at(60), &Pass::open_for_tests()).await;
        assert!(matches!(did, Back::Left(_)), "{did:?}");
    }
    assert_eq!(server.state().network.in_state("canceled"), 3);
}

#[tokio::test]
async fn what_is_out_or_was_cancelled_by_somebody_is_not_held() {
    // What an earlier request of ours did is settled by the next look, which does not show it.
    for (status, expected) in [("sent", "out"), ("undelivered", "out"), ("canceled", "left")] {
        let (server, channel) = open(planned(1), &[]).await;
        let post = first(&*channel).await;
        server.state().network.messages[0]["status"] = status.into();
        let stop = channel.scheduler().unwrap().hold(&post).await;
        assert_eq!(end(&stop), expected, "{stop:?}");
    }
    let (server, channel) = open(planned(1), &[]).await;
    let post = first(&*channel).await;
    server.state().network.messages.clear();
    let stop = channel.scheduler().unwrap().hold(&post).await;
    assert_eq!(end(&stop), "gone", "{stop:?}");
    // Refused twice, nothing was done.
    let no = || Fate::Refused(401, "", r#"{"code":20003,"message":"x"}"#);
    let (server, channel) = open(planned(1), &[no()]).await;
    let post = first(&*channel).await;
    server.state().others.push_back(no());
    let stop = channel.scheduler().unwrap().hold(&post).await;
    assert_eq!(end(&stop), "left", "{stop:?}");
    // Somebody else's answer says nothing about the message.
    let (server, channel) = open(planned(1), &[]).await;
    let post = first(&*channel).await;
    server.state().others.push_back(Fate::Refused(404, "", "<html>not here</html>"));
    assert!(matches!(channel.scheduler().unwrap().read(&post).await, Standing::Unknown(_)));
}

#[tokio::test]
async fn what_twilio_would_send_at_once_or_shows_no_more_is_not_made() {
    for (field, value, why) in [
        ("messaging_service_sid", Value::Null, "at once"),
        ("body", json!(""), "changed"),
        ("to", json!("+4179XXXXXXX"), "show its words"),
    ] {
        let (server, channel) = open(planned(1), &[]).await;
        let schedule = channel.scheduler().unwrap();
        let post = first(&*channel).await;
        let mut kept = kept(&post, &mark(schedule.hold(&post).await));
        server.state().network.messages[0][field] = value;
        if field == "messaging_service_sid" {
            // As a number without a service would be held.
            let Standing::Held { mark } = schedule.read(&post).await else { panic!() };
            kept.mark = mark;
        }
        let (Back::Left(said) | Back::Changed(said)) =
            schedule.restore(&kept, at(60), &Pass::open_for_tests()).await
        else {
            panic!("{field}")
        };
        assert!(said.contains(why), "{field}: {said}");
        assert_eq!(server.state().network.messages.len(), 1, "{field}");
    }
}

#[tokio::test]
async fn of_reminders_with_the_same_words_each_is_made_again() {
    let mut twilio = Twilio::new();
    for n in 0..3 {
        twilio.schedule(NUMBERS[1], "Your bill is there", MADE + n);
    }
    twilio.messages[2]["status"] = "delivered".into();
    let (server, channel) = open(twilio, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let mut all = Vec::new();
    for post in schedule.list().await.unwrap().items {
        all.push(kept(&post, &mark(schedule.hold(&post).await)));
    }
    let mut taken = Vec::new();
    for mut post in all {
        post.taken.clone_from(&taken);
        let did = schedule.restore(&post, at(60), &Pass::open_for_tests()).await;
        let Back::Scheduled(id) = did else { panic!("{did:?}") };
        taken.push(id);
    }
    assert_eq!((server.state().network.in_state("scheduled"), taken.len()), (2, 2));
}

#[tokio::test]
async fn a_list_that_breaks_off_is_told_and_read_again() {
    let (server, channel) = open(planned(3), &[]).await;
    let schedule = channel.scheduler().unwrap();
    server.state().others.extend([Fate::Done, Fate::DoneBut(500)]);
    let part = schedule.list_under(4).await.unwrap();
    assert_eq!((part.items.len(), part.unseen.is_some()), (2, true));
    assert_eq!(schedule.list_under(4).await.unwrap().items.len(), 3);
    // Longer than a look reads.
    let (_server, channel) = open(planned(100), &[]).await;
    let part = channel.scheduler().unwrap().list().await.unwrap();
    assert_eq!((part.items.len(), part.unseen.as_deref()), (80, Some(TOO_MUCH)));
}

#[tokio::test]
async fn a_number_in_the_words_is_not_kept() {
    let mut twilio = Twilio::new();
    twilio.schedule(NUMBERS[1], &format!("Call +41 44 000 00 01 {}", "x".repeat(100)), MADE);
    let (_server, channel) = open(twilio, &[]).await;
    let post = first(&*channel).await;
    assert!(post.words.starts_with("…02: Call +·· ·· ··· ·· ·· xx"), "{}", post.words);
    assert!(post.words.chars().count() <= 65);
}

#[tokio::test]
async fn what_somebody_scheduled_settles_no_doubt_about_a_post() {
    let (server, channel) = open(Twilio::new(), &[Fate::Broken { done: false, at: CUTS[2] }]).await;
    let memory = Memory::default();
    let job = memory.job();
    server.state().network.schedule(NUMBERS[0], &job.rendition.text, NOW);
    doubt(channel.publish(&job, &Pass::open_for_tests()).await);
    let seen = channel.read_back(&memory.job()).await;
    assert!(!matches!(seen, Sighting::Found(_)), "{seen:?}");
}
