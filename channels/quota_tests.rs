use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_764_248_520, 0).unwrap()
}

fn read(adapter: &str, headers: &[(&str, &str)]) -> Vec<Quota> {
    let headers: HashMap<_, _> = headers.iter().copied().collect();
    form(adapter).unwrap().read(|name| headers.get(name).copied(), now(), now())
}

fn quota(of: Of, limit: u64, left: u64, after: i64) -> Quota {
    let resets_at = Some(now() + TimeDelta::seconds(after));
    Quota { of, limit: Some(limit), left, resets_at, heard_at: Some(now()), counted: Counted::Network }
}

#[test]
fn each_network_is_read_in_its_own_form() {
    let soon = (now().timestamp() + 600).to_string();
    let told = [("ratelimit-limit", "5000"), ("ratelimit-remaining", "31"), ("ratelimit-reset", &*soon)];
    assert_eq!(read("bluesky", &told), [quota(Of::Account, 1_666, 10, 600)], "a post costs three points");
    let iso = (now() + TimeDelta::seconds(90)).to_rfc3339();
    for reset in [&*iso, "90", &*(now().timestamp() + 90).to_string()] {
        let told =
            [("x-ratelimit-limit", "300"), ("x-ratelimit-remaining", "7"), ("x-ratelimit-reset", reset)];
        assert_eq!(read("mastodon", &told), [quota(Of::Account, 300, 7, 90)], "{reset}");
    }
    let told = [
        ("x-rate-limit-limit", "100"),
        ("x-rate-limit-remaining", "99"),
        ("x-rate-limit-reset", &*soon),
        ("x-app-limit-24hour-limit", "10000"),
        ("x-app-limit-24hour-remaining", "12"),
        ("x-app-limit-24hour-reset", &*soon),
    ];
    assert_eq!(read("x", &told), [quota(Of::Account, 100, 99, 600), quota(Of::App, 10_000, 12, 600)]);
    for silent in ["discord", "discord_bot", "slack", "sms", "linkedin", "facebook", "threads", "teams"] {
        assert!(form(silent).is_none(), "{silent}");
    }
}

#[test]
fn a_time_of_the_server_is_measured_by_its_own_clock() {
    let theirs = now() + TimeDelta::hours(3);
    let reset = (theirs.timestamp() + 90).to_string();
    let headers = HashMap::from([("x-rate-limit-remaining", "1".to_owned()), ("x-rate-limit-reset", reset)]);
    let told = form("x").unwrap().read(|name| headers.get(name).map(String::as_str), theirs, now());
    assert_eq!(told[0].resets_at, Some(now() + TimeDelta::seconds(90)));
}

#[test]
fn only_an_answer_to_a_post_tells_of_posts() {
    let is_post = |adapter: &str, method: &str, path: &str| form(adapter).unwrap().is_post(method, path);
    assert!(is_post("x", "POST", "/2/tweets") && !is_post("x", "GET", "/2/tweets"));
    assert!(!is_post("x", "POST", "/2/media/upload"), "an upload has a limit of its own");
    assert!(is_post("mastodon", "POST", "/api/v1/statuses") && !is_post("mastodon", "POST", "/api/v2/media"));
    assert!(!is_post("mastodon", "DELETE", "/api/v1/statuses/9"));
    assert!(!is_post("bluesky", "POST", "/xrpc/com.atproto.server.createSession"));
}

#[test]
fn what_ends_at_once_or_is_too_far_away_is_not_told() {
    for reset in [
        "1764248520",
        "1764248519",
        "1764248522",
        "1764248580",
        "1764335000",
        "-1",
        "soon",
        "99999999999999999999",
        "",
    ] {
        let told = [("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", reset)];
        assert_eq!(read("x", &told), [], "{reset}");
    }
    for left in ["-1", "none", "1.5", ""] {
        let told = [("x-rate-limit-remaining", left), ("x-rate-limit-reset", "1764248640")];
        assert_eq!(read("x", &told), [], "{left}");
    }
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<u64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        (1_764_248_000_i64..1_764_500_000).prop_map(|n| n.to_string()),
        (0_u64..2_000).prop_map(|n| n.to_string()),
        "[+-]?[0-9]{1,6}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z",
        ".{0,40}",
    ]
}

proptest! {
    #[test]
    fn no_header_does_harm(limit in value(), left in value(), reset in value(), drift in any::<i32>()) {
        let theirs = now() + TimeDelta::seconds(drift.into());
        for form in &FORMS {
            let header = |name: &str| match name {
                n if n.ends_with("-limit") => Some(&*limit),
                n if n.ends_with("-remaining") => Some(&*left),
                _ => Some(&*reset),
            };
            for quota in form.read(header, theirs, now()) {
                let wait = quota.resets_at.unwrap() - now();
                prop_assert!(wait > PACE && wait <= LONGEST);
                prop_assert!(quota.limit.is_none_or(|limit| quota.left <= limit));
            }
        }
    }
}

#[test]
fn what_is_counted_here_ends_at_midnight() {
    let noon = DateTime::from_timestamp(1_764_244_800, 0).unwrap();
    assert_eq!(noon.to_rfc3339(), "2025-11-27T12:00:00+00:00");
    let quota = Quota::counted_here(100, 30, noon);
    assert_eq!((quota.left, quota.limit, quota.of), (70, Some(100), Of::App));
    assert_eq!(quota.resets_at, Some(noon + TimeDelta::hours(12)));
    assert_eq!(Quota::counted_here(100, 130, noon).left, 0);
    let kept = serde_json::to_string(&quota).unwrap();
    assert!(kept.contains(r#""counted":"here""#), "{kept}");
    let told = r#"{"of":"account","left":3}"#;
    assert_eq!(
        serde_json::from_str::<Quota>(told).unwrap().counted,
        Counted::Network,
        "as it was kept before"
    );
}
