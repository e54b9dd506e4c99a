use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_764_248_520, 0).unwrap()
}

fn told(headers: &[(&str, &str)]) -> Vec<Share> {
    let headers: HashMap<_, _> = headers.iter().copied().collect();
    read(|name| headers.get(name).copied(), now())
}

fn share(of: Of, left: u8) -> Share {
    Share { of, left, back_at: None, heard_at: now() }
}

const APP: (&str, &str) = ("x-app-usage", r#"{"call_count":28,"total_time":25,"total_cputime":61}"#);
const PAGE: (&str, &str) = ("x-page-usage", r#"{"call_count":81,"total_time":0,"total_cputime":0}"#);

#[test]
fn the_worst_share_of_each_counts() {
    assert_eq!(told(&[]), []);
    assert_eq!(told(&[APP]), [share(Of::App, 39)]);
    assert_eq!(told(&[PAGE, APP]), [share(Of::Account, 19), share(Of::App, 39)]);
    let case = r#"{"1002":[{"type":"pages","call_count":9,"total_cputime":95,"total_time":1,
        "estimated_time_to_regain_access":0}],"1003":[{"type":"pages","call_count":2}]}"#;
    let case = ("x-business-use-case-usage", case);
    assert_eq!(told(&[PAGE, case]), [share(Of::Account, 5)]);
    assert_eq!(told(&[case]), [share(Of::Account, 5)]);
}

#[test]
fn what_is_used_up_says_when_it_comes_back() {
    let full = |minutes: &str| {
        format!(
            r#"{{"1002":[{{"type":"pages","call_count":112.5,"estimated_time_to_regain_access":{minutes}}}]}}"#
        )
    };
    let back_at = |minutes: &str| told(&[("x-business-use-case-usage", &full(minutes))])[0].back_at;
    assert_eq!(back_at("19"), Some(now() + TimeDelta::minutes(19)));
    assert_eq!(back_at("18446744073709551615"), None);
    assert_eq!(back_at("99999999"), Some(now() + LONGEST));
    assert_eq!(told(&[("x-business-use-case-usage", &full("19"))])[0].left, 0);
}

#[test]
fn a_part_of_a_percent_is_used() {
    let left = |used: &str| told(&[("x-app-usage", &format!(r#"{{"call_count":{used}}}"#))])[0].left;
    assert_eq!((left("0"), left("0.1"), left("99.5"), left("-3")), (100, 99, 0, 100));
}

#[test]
fn it_says_nothing_after_the_window_of_an_app() {
    let share = share(Of::App, 1);
    assert!(share.counts_at(now() + TimeDelta::hours(1)));
    assert!(!share.counts_at(now() + TimeDelta::hours(1) + TimeDelta::seconds(1)));
}

proptest! {
    #[test]
    fn nothing_in_a_header_does_harm(one in ".{0,60}", other in r#"\{("a":)?\[?\{?("call_count":)?-?[0-9e]{0,9}\}?\]?\}"#) {
        for text in [&one, &other] {
            let all = told(&[("x-app-usage", text), ("x-page-usage", text), ("x-business-use-case-usage", text)]);
            prop_assert!(all.len() <= 2 && all.iter().all(|share| share.left <= 100));
        }
    }
}
