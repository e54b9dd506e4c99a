//! Every code of the Graph APIs, their waits and their pages.

use serde_json::json;

use super::*;
use crate::http::header::{HeaderMap, HeaderName, HeaderValue};

const TOKEN: &str = "EAAhunter2";

fn answer(status: u16, headers: &[(&'static str, &str)], body: &Value) -> Answer {
    let header = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    let headers: HeaderMap = headers.iter().map(header).collect();
    Answer { status, body: body.to_string().into(), headers }
}

fn refusal(code: i64, subcode: i64) -> Value {
    json!({ "error": { "code": code, "error_subcode": subcode, "message": "no", "type": "OAuthException" } })
}

/// What a failure comes to, and its words.
fn said(failure: &Failure) -> (Option<Retry>, String) {
    match failure {
        Failure::Rejected { reason, retry } => (Some(*retry), reason.clone()),
        Failure::InDoubt { reason } => (None, reason.clone()),
        Failure::Closed { .. } => panic!("{failure:?}"),
    }
}

#[test]
fn every_code_means_something() {
    let after = |seconds| Some(Retry::After(Duration::from_secs(seconds)));
    let (connect, never) = (Some(Retry::Reconnect), Some(Retry::Never));
    let table = [
        (1, 0, None, "does not say what it did"),
        (2, 0, None, "does not say what it did"),
        (99_999, 0, None, "does not say what it did"),
        (3, 0, connect, "lacks a permission"),
        (10, 0, connect, "lacks a permission"),
        (200, 0, connect, "lacks a permission"),
        (230, 0, connect, "lacks a permission"),
        (299, 0, connect, "lacks a permission"),
        (300, 0, None, "does not say what it did"),
        (4, 0, after(60), "asks us to wait"),
        (17, 0, after(60), "asks us to wait"),
        (32, 0, after(60), "asks us to wait"),
        (341, 0, after(60), "asks us to wait"),
        (613, 0, after(60), "asks us to wait"),
        (80_001, 0, after(60), "asks us to wait"),
        (80_002, 0, after(60), "asks us to wait"),
        (24, 4_279_009, connect, "does not know it"),
        (100, 33, connect, "does not know it"),
        (803, 0, connect, "does not know it"),
        (100, 0, never, "Meta refuses the post"),
        (102, 0, connect, "access token is refused; connect"),
        (190, 0, connect, "access token is refused; connect"),
        (190, 458, connect, "access token is refused; connect"),
        (190, 459, connect, "must log in at Meta"),
        (190, 460, connect, "access token is refused; connect"),
        (190, 463, connect, "access token is refused; connect"),
        (190, 464, connect, "must log in at Meta"),
        (190, 467, connect, "access token is refused; connect"),
        (2_500, 0, connect, "access token is refused; connect"),
        (368, 0, connect, "has restricted the account"),
        (506, 0, Some(Retry::Duplicate), "same words were posted before"),
        (1, 1_390_008, connect, "posts too fast"),
        (368, 1_390_008, connect, "posts too fast"),
        (100, 1_346_003, never, "Meta refuses the post"),
        (100, 1_404_102, never, "Meta refuses the post"),
        (1, 1_404_078, connect, "has restricted the account"),
        (1, 1_404_112, connect, "has restricted the account"),
        (1, 4_854_002, connect, "has restricted the account"),
        (1, 4_279_013, connect, "has restricted the account"),
        (9, 2_207_042, after(3_600), "used up its posts of a day"),
        (4, 2_207_051, connect, "has restricted the account"),
        (25, 2_207_050, connect, "has restricted the account"),
        (36_003, 2_207_009, never, "Meta refuses the post"),
        (36_000, 2_207_004, never, "Meta refuses the post"),
        (-1, 2_207_001, None, "does not say what it did"),
        (-2, 2_207_020, None, "does not say what it did"),
        (100, 2_207_010, never, "Meta refuses the post"),
        (9_004, 2_207_052, Some(Retry::Backoff), "could not fetch a picture"),
        (36_001, 2_207_005, never, "Meta refuses the post"),
    ];
    for (code, subcode, retry, words) in table {
        let failure = failure(&answer(400, &[], &refusal(code, subcode)), TOKEN, Doing::Post);
        let (seen, reason) = said(&failure);
        assert!(seen == retry && reason.contains(words), "{code}/{subcode}: {failure:?}");
        let shown = if subcode == 0 { format!("{code}: no") } else { format!("{code}/{subcode}: no") };
        assert!(reason.ends_with(&format!("(status 400): {shown}")), "{reason}");
    }
}

#[test]
fn a_code_decides_only_with_a_status_that_proves_no_effect() {
    for status in [200, 500, 502, 503] {
        for code in [190, 100, 4, 506] {
            let failure = failure(&answer(status, &[], &refusal(code, 0)), TOKEN, Doing::Post);
            assert!(matches!(failure, Failure::InDoubt { .. }), "{status}, {code}: {failure:?}");
        }
    }
    let mut transient = refusal(100, 0);
    transient["error"]["is_transient"] = true.into();
    let failed = failure(&answer(400, &[], &transient), TOKEN, Doing::Post);
    assert!(matches!(failed, Failure::InDoubt { .. }), "{failed:?}");
    let hurry = |code, headers: &[(&'static str, &str)]| {
        said(&failure(&answer(429, headers, &refusal(code, 0)), TOKEN, Doing::Post)).0
    };
    let after = |seconds| Some(Retry::After(Duration::from_secs(seconds)));
    assert_eq!(hurry(1, &[]), after(60));
    assert_eq!(hurry(0, &[]), after(60), "without a code of its own");
    assert_eq!(hurry(4, &[("retry-after", "7")]), after(7));
}

#[test]
fn waits_are_read_in_each_form() {
    let cases = |minutes: u64, calls: u64| {
        json!({"17841": [
            {"type": "pages", "call_count": calls, "estimated_time_to_regain_access": 0},
            {"type": "instagram", "call_count": 3, "estimated_time_to_regain_access": minutes},
        ]})
        .to_string()
    };
    let waits = |name, value: &str| wait(&answer(400, &[(name, value)], &json!({})));
    let business = "x-business-use-case-usage";
    assert_eq!(waits(business, &cases(12, 3)), Some(Duration::from_mins(12)));
    assert_eq!(waits(business, &cases(u64::MAX, 3)), Some(LONGEST_WAIT));
    assert_eq!(waits(business, &cases(0, 100)), Some(FULL));
    assert_eq!(waits(business, &cases(0, 99)), None);
    for name in ["x-app-usage", "x-page-usage"] {
        for share in ["call_count", "total_time", "total_cputime"] {
            assert_eq!(waits(name, &json!({ share: 100 }).to_string()), Some(FULL), "{name} {share}");
            assert_eq!(waits(name, &json!({ share: 28.5 }).to_string()), None);
        }
        for odd in ["", "[]", "null", "{\"call_count\":\"100\"}", "{"] {
            assert_eq!(waits(name, odd), None, "{odd}");
            assert_eq!(waits(business, odd), None, "{odd}");
        }
    }
    let both = [("retry-after", "7"), ("x-app-usage", "{\"call_count\":100}")];
    assert_eq!(wait(&answer(429, &both, &json!({}))), Some(Duration::from_secs(7)));
}

#[test]
fn what_an_error_repeats_of_the_token_is_not_shown() {
    let error = |words: &str| json!({ "error": { "code": 190, "message": words, "error_user_msg": words } });
    for words in [TOKEN, "token EAAhunter2 is bad", "\u{1b}[2K"] {
        for doing in [Doing::Post, Doing::Ask, Doing::TakeDown] {
            let failure = failure(&answer(400, &[], &error(words)), TOKEN, doing);
            let told = said(&failure).1;
            assert!(told.ends_with("(status 400): 190"), "{told}");
        }
    }
}

#[test]
fn lists_go_on_by_their_cursor_alone() {
    let list = |paging: Value| answer(200, &[], &json!({ "data": [1, 2], "paging": paging }));
    let next = "https://graph.facebook.com/v26.0/1/feed?access_token=EAAhunter2&after=QVFI";
    let page = |paging| page::<u8>(&list(paging));
    assert_eq!(
        page(json!({ "cursors": { "after": "QVFI" }, "next": next })),
        Ok((vec![1, 2], Some("QVFI".into())))
    );
    assert_eq!(page(json!({ "cursors": { "after": "QVFI" } })), Ok((vec![1, 2], None)), "the last one");
    assert_eq!(page(Value::Null), Ok((vec![1, 2], None)));
    assert!(page(json!({ "next": next })).is_err(), "more, and nobody knows where");
    for body in [json!({}), json!([]), json!({ "data": {} }), json!({ "data": ["x"] })] {
        assert!(super::page::<u8>(&answer(200, &[], &body)).is_err(), "{body}");
    }
}

#[test]
fn ids_and_versions_fit_into_paths() {
    assert!(is_id("17841405822304914") && is_version("v26.0") && is_version("v1.0"));
    for odd in ["", "me", "1/2", "../1", "1?x", "12345678901234567890123456789012345678901"] {
        assert!(!is_id(odd), "{odd}");
    }
    for odd in ["", "26.0", "v26", "v26.", "v.0", "v26.0/", "v26.0.1", "../v1.0", "v1000.0"] {
        assert!(!is_version(odd), "{odd}");
    }
}
