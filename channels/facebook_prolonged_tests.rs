//! What is held on a page and nobody knows about, and what an older version held.

use super::*;

#[tokio::test]
async fn what_nobody_knows_is_not_called_held_once_its_date_is_over() {
    for moved in [true, false] {
        let (server, channel, passed) = open(Page::with(&[3 * DAY]), &[]).await;
        let schedule = channel.scheduler().unwrap();
        let post = listed(&*channel).await.remove(0);
        let unknown = kept(&post, GONE);
        if moved {
            schedule.prolong(&unknown).await;
        }
        later(&server, &passed, 30 * DAY);
        let writes = || server.state().requests.iter().filter(|r| !r.starts_with("GET")).count();
        let before = writes();
        assert_eq!(schedule.prolong(&unknown).await, Prolonged::Left(OVERDUE.to_owned()), "{moved}");
        assert_eq!(writes(), before, "what may be public is not touched");
        server.state().network.posts[0]["is_published"] = true.into();
        assert!(matches!(schedule.prolong(&unknown).await, Prolonged::Out(_)));
    }
}

#[tokio::test]
async fn a_hold_from_before_marks_told_who_sees_a_post_is_the_same_by_now() {
    let targeted = |countries: &str| json!({ "geo_locations": { "countries": [countries] } });
    for now_seen_by in ["CH", "DE"] {
        let (server, channel, passed) = open(Page::with(&[3 * DAY]), &[]).await;
        server.state().network.posts[0]["targeting"] = targeted("CH");
        let schedule = channel.scheduler().unwrap();
        let post = listed(&*channel).await.remove(0);
        let until = held_until(&mark(hold(&*channel, &post).await)).unwrap();
        let before = crate::dated::dated(until, &json!([post.snapshot["post"], []]));
        let held = kept(&post, &before);
        server.state().network.posts[0]["targeting"] = targeted(now_seen_by);
        let (at, is_ours) = (now() + TimeDelta::days(1), now_seen_by == "CH");
        let back = schedule.restore(&held, at, &Pass::open_for_tests()).await;
        assert_eq!(back == Back::Scheduled(post.remote_id.clone()), is_ours, "{back:?}");
        assert_eq!(back == Back::Changed(CHANGED.to_owned()), !is_ours, "{back:?}");
        server.state().network.posts[0]["scheduled_publish_time"] = until.timestamp().into();
        later(&server, &passed, 23 * DAY);
        assert!(matches!(schedule.prolong(&held).await, Prolonged::Held { .. }));
        // A request to move it on whose answer nobody saw.
        let gone = schedule.discard(&held).await;
        assert_eq!(gone == Discarded::Done, is_ours, "{gone:?}");
    }
}
