//! The client against a raw socket.

use super::*;
use crate::suite::{CUTS, Cut, Fake, Step, answer, closed_pass, http};
use std::pin::Pin;
use std::task::{Context, Poll};

fn post(fake: &Fake) -> Request {
    Request::post(&fake.url).json(&"content")
}

#[tokio::test]
async fn an_open_gate_sends_with_a_length_and_no_chunks() {
    let fake = Fake::start(vec![answer(201, "X-A: b\r\n", "{\"id\":7}")]).await;
    let answer = http().send(post(&fake), &Pass::open_for_tests()).await.unwrap();
    assert_eq!((answer.status, answer.header("x-a")), (201, Some("b")));
    assert_eq!(answer.json::<serde_json::Value>().unwrap()["id"], 7);
    let head = fake.requests()[0].to_lowercase();
    assert!(head.contains("content-length: 9\r\n") && !head.contains("transfer-encoding"), "{head}");
    assert_eq!(fake.content(0), "\"content\"");
}

#[tokio::test]
async fn a_closed_gate_lets_no_byte_out() {
    let fake = Fake::start(vec![answer(200, "", "{}")]).await;
    let http = http();
    let trouble = http.send(post(&fake), &closed_pass()).await.unwrap_err();
    assert!(matches!(trouble, Trouble::Closed(Closed::Node(_))), "{trouble:?}");
    assert_eq!(fake.requests().len(), 0, "a fresh connection stays silent");
    http.call(Request::get(&fake.url)).await.unwrap();
    http.send(post(&fake), &closed_pass()).await.unwrap_err();
    http.call(Request::get(&fake.url)).await.unwrap();
    let heads = fake.requests();
    assert!(heads.len() == 2 && heads.iter().all(|r| r.starts_with("GET ")), "{heads:?}");
}

#[tokio::test]
async fn an_empty_body_passes_the_gate_too() {
    let fake = Fake::start(vec![answer(200, "", "{}")]).await;
    let request = || Request::post(&fake.url);
    let trouble = http().send(request(), &closed_pass()).await.unwrap_err();
    assert!(matches!(trouble, Trouble::Closed(_)), "{trouble:?}");
    assert_eq!(fake.requests().len(), 0);
    http().send(request(), &Pass::open_for_tests()).await.unwrap();
    assert!(fake.requests()[0].to_lowercase().contains("content-length: 0\r\n"));
}

#[tokio::test]
async fn a_refused_connection_is_not_sent_and_every_other_cut_is_lost() {
    for cut in CUTS {
        let fake = Fake::start(vec![Step::Cut(cut)]).await;
        let trouble = http().send(post(&fake), &Pass::open_for_tests()).await.unwrap_err();
        let not_sent = matches!(trouble, Trouble::NotSent(_));
        assert_eq!(not_sent, cut == Cut::BeforeConnect, "{cut:?}: {trouble:?}");
        assert!(not_sent || matches!(trouble, Trouble::Lost(_)), "{cut:?}: {trouble:?}");
    }
}

#[tokio::test]
async fn silence_is_lost_after_the_timeout() {
    let fake = Fake::start(vec![Step::Silence(Duration::from_secs(10))]).await;
    let trouble = http().send(post(&fake), &Pass::open_for_tests()).await.unwrap_err();
    assert_eq!(trouble, Trouble::Lost("POST 127.0.0.1: no full answer in time".into()));
}

#[tokio::test]
async fn a_long_answer_is_cut_off() {
    let fake = Fake::start(vec![answer(200, "", &"x".repeat(70_000))]).await;
    let trouble = http().send(post(&fake), &Pass::open_for_tests()).await.unwrap_err();
    assert!(matches!(trouble, Trouble::Lost(ref why) if why.contains("65536")), "{trouble:?}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let target = Fake::start(vec![answer(200, "", "{}")]).await;
    let fake = Fake::start(vec![answer(307, &format!("Location: {}\r\n", target.url), "")]).await;
    let answer = http().send(post(&fake), &Pass::open_for_tests()).await.unwrap();
    assert_eq!(answer.status, 307);
    assert_eq!(target.requests().len(), 0);
}

#[tokio::test]
async fn private_addresses_and_plain_http_are_refused() {
    let fake = Fake::start(vec![answer(200, "", "{}")]).await;
    let port = fake.url.rsplit_once(':').unwrap().1.to_owned();
    let strict = Http::new(Policy::default()).unwrap();
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/");
            let trouble = strict.call(Request::get(&url)).await.unwrap_err();
            assert!(matches!(trouble, Trouble::NotSent(_)), "{url}: {trouble:?}");
            assert!(matches!(strict.reach(&url).await, Err(Trouble::NotSent(_))), "{url}");
        }
    }
    assert_eq!(fake.requests().len(), 0);
    let plain = strict.call(Request::get("http://1.1.1.1/")).await.unwrap_err();
    assert!(plain.to_string().contains("use https://"), "{plain}");
    http().reach(&fake.url).await.unwrap();
    let named = Request::get(&format!("http://localhost:{port}/"));
    assert_eq!(http().call(named).await.unwrap().status, 200, "an allowed network, by name");
}

#[tokio::test]
async fn no_error_holds_a_secret() {
    let secret = secrecy::SecretString::from("hunter2");
    let mut urls = vec!["https://hunter2:hunter2@example.org/".to_owned(), "hunter2 not a url".to_owned()];
    urls.push("ftp://example.org/hunter2".to_owned());
    for cut in CUTS {
        let fake = Fake::start(vec![Step::Cut(cut)]).await;
        urls.push(format!("{}/hunter2?key=hunter2#hunter2", fake.url));
    }
    for url in urls {
        let request = Request::post(&url).bearer(&secret).json(&"hunter2");
        let trouble = http().send(request, &Pass::open_for_tests()).await.unwrap_err();
        assert!(!format!("{trouble:?} {trouble}").contains("hunter2"), "{trouble:?}");
    }
}

#[tokio::test]
async fn a_send_that_was_given_up_cannot_begin_later() {
    use http_body::Body;
    let watch = Watch(Arc::new(Mutex::new(Seen::Nothing)));
    let bytes = Some(Bytes::from_static(b"content"));
    let mut body = Gated { bytes, pass: Pass::open_for_tests(), seen: Arc::clone(&watch.0) };
    drop(watch);
    let mut context = Context::from_waker(std::task::Waker::noop());
    let frame = Pin::new(&mut body).poll_frame(&mut context);
    assert!(matches!(frame, Poll::Ready(Some(Err(Closed::Unknown)))));
}

#[tokio::test]
async fn a_client_that_may_reach_listed_networks_only_reaches_no_other() {
    let allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    let http = Http::new(Policy { allow_private, public: false, ..Policy::default() }).unwrap();
    for url in ["https://1.1.1.1/", "https://[2606:4700::1]/", "http://1.1.1.1/"] {
        assert!(http.check(url).is_err(), "{url}");
        let trouble = http.send(Request::post(url).json(&"content"), &Pass::open_for_tests()).await;
        assert!(matches!(trouble, Err(Trouble::NotSent(_))), "{url}: {trouble:?}");
    }
    let addresses = http.addresses("1.1.1.1", 465, true).await;
    assert!(addresses.is_err_and(|why| why.contains("outside")));
    let fake = Fake::start(vec![answer(200, "", "{}")]).await;
    http.send(post(&fake), &Pass::open_for_tests()).await.unwrap();
}

#[test]
fn a_request_with_much_has_more_time_and_never_that_of_its_sender() {
    let time = |bytes| super::paced(Duration::from_secs(20), bytes).as_secs();
    assert_eq!([time(0), time(1), time(1 << 20), time(20 << 20)], [20, 20, 24, 100]);
    assert_eq!(time(usize::MAX), 100);
}
