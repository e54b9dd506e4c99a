//! Taking down what is out of a thread that stopped, on the pages where people meet it.

use holdline::app::freezes::{self, NewFreeze};
use holdline::app::held::{self, Settle, Settlement};
use holdline::app::posts;
use holdline::domain::role::Role;
use serde_json::json;

use crate::browser::browse;
use crate::browser_channels::people;
use crate::console::sign_in;
use crate::on_both;
use crate::support::caller::Caller;
use crate::support::visitor::{read, send, text};
use crate::support::{Bench, Database, person};
use crate::x::{Fake, connect_with, deliver, parts, told, until};

const OFFER: &str = "Take down what is out on x";
const GOES_ON: &str = "A part of it is out on x, and the rest follows by itself.";

/// A thread of which X took the first part alone. Its texts are those of no other.
async fn stopped(bench: &Bench, fake: &Fake, name: &str) -> String {
    fake.lock().unwrap().takes_no_answers = true;
    let text = parts().map(|part| format!("{name}: {part}")).join("\n---\n");
    deliver(bench, &text, "in_doubt").await
}

/// The answer to the second part is lost: both are out, and one is written down.
async fn with_both_out(bench: &Bench, fake: &Fake, delivery: &str) {
    {
        let mut fake = fake.lock().unwrap();
        fake.takes_no_answers = false;
        fake.loses = true;
    }
    let again = Settle { settlement: Settlement::TryAgain, note: "one is there".into(), url: None };
    held::settle(&bench.app, &bench.approver, delivery, &again).await.unwrap();
    let all = async || fake.lock().unwrap().posts.len() == 2 && told(bench, delivery).await.0 == "in_doubt";
    until(all).await;
    // It is not read back meanwhile.
    bench.sql(&format!("update attempts set next_read_at = null where delivery_id = '{delivery}'")).await;
}

async fn post_of(bench: &Bench, delivery: &str) -> String {
    bench.look().await.delivery(delivery).await.unwrap().unwrap().post_id
}

/// A freeze that has the doubt about this delivery on its list.
async fn freeze_with(bench: &Bench, delivery: &str) -> String {
    let freeze = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap().id;
    let flight = format!(
        "insert into flights (freeze_id, attempt_id) select '{freeze}', id from attempts
        where delivery_id = '{delivery}' and outcome = 'in_doubt'"
    );
    bench.sql(&flight).await;
    freeze
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_thread_is_taken_down_in_a_browser() {
    let mut bench = Bench::new(Database::Sqlite).await;
    let fake = connect_with(&mut bench, "on").await;
    let worker = bench.start().await;
    let caller = Caller::new(&bench).await;
    let delivery = stopped(&bench, &fake, "seen").await;
    with_both_out(&bench, &fake, &delivery).await;
    let (post, freeze) = (post_of(&bench, &delivery).await, freeze_with(&bench, &delivery).await);
    let pages = json!({"doubt": format!("/console/doubts/{delivery}"), "post": format!("/console/posts/{post}"),
        "freeze": format!("/console/freezes/{freeze}")});
    browse("half", &json!({"base": caller.base, "people": people(&bench).await, "pages": pages})).await;
    assert_eq!(
        (told(&bench, &delivery).await.0.as_str(), fake.lock().unwrap().posts.len()),
        ("retracted", 0)
    );
    worker.stop().await.unwrap();
}

on_both! {
    async fn what_is_out_of_a_stopped_thread_is_taken_down_on_each_page_that_shows_it(bench) {
        let mut bench = bench;
        let fake = connect_with(&mut bench, "on").await;
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        for page in ["doubts", "posts", "freezes"] {
            let delivery = stopped(&bench, &fake, page).await;
            with_both_out(&bench, &fake, &delivery).await;
            let id = match page {
                "doubts" => delivery.clone(),
                "posts" => post_of(&bench, &delivery).await,
                _ => freeze_with(&bench, &delivery).await,
            };
            let at = format!("/console/{page}/{id}");
            let to = format!("{at}/retract");
            let before = read(&caller, &cookie, &at).await;
            assert_eq!(before.matches("<details class=\"retract\"").count(), 1, "{before}");
            assert!(before.contains(&format!("{OFFER}…")), "{before}");
            let early = send(&caller, &cookie, &at, &to, &format!("delivery={delivery}&why=Wrong&word=yes")).await;
            assert_eq!((early.status, fake.lock().unwrap().posts.len()), (422, 2), "{}", text(&early));
            assert!(text(&early).contains(&format!("id=\"wrong-word-{delivery}\"")), "{}", text(&early));
            let form = format!("delivery={delivery}&why=Wrong+{page}&word=take+down");
            let done = send(&caller, &cookie, &at, &to, &form).await;
            assert_eq!((done.status, fake.lock().unwrap().posts.len()), (303, 0), "{}", text(&done));
            assert_eq!(told(&bench, &delivery).await.0, "retracted");
            assert!(!read(&caller, &cookie, &at).await.contains(OFFER), "nothing is left to take down");
        }
        let approver = sign_in(&bench, &bench.approver).await.cookie;
        let log = read(&caller, &approver, "/console/audit?verb=delivery.retract_asked").await;
        assert!(["doubts", "posts", "freezes"].iter().all(|page| log.contains(&format!("Wrong {page}"))), "{log}");
        worker.stop().await.unwrap();
    }

    async fn what_the_network_cannot_tell_is_for_a_person_and_only_those_who_decide_are_asked(bench) {
        let mut bench = bench;
        let fake = connect_with(&mut bench, "on").await;
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let delivery = stopped(&bench, &fake, "one").await;
        let at = format!("/console/doubts/{delivery}");
        let to = format!("{at}/retract");
        let form = format!("delivery={delivery}&why=Wrong&word=take+down");
        let reader = person(&bench.app, &bench.administrator, "reader", Role::Auditor).await;
        let reads = sign_in(&bench, &reader).await.cookie;
        assert!(!read(&caller, &reads, &at).await.contains(OFFER));
        assert_eq!(send(&caller, &reads, &at, &to, &form).await.status, 403);
        assert_eq!(fake.lock().unwrap().posts.len(), 1);
        let other = format!("delivery={}&why=Wrong&word=take+down", bench.channels[0]);
        assert_eq!(send(&caller, &cookie, &at, &to, &other).await.status, 422, "it is of another page");
        // Nobody saw the second part, so it is not said to be gone.
        let left = send(&caller, &cookie, &at, &to, &form).await;
        let html = text(&left);
        assert_eq!((left.status, fake.lock().unwrap().posts.len()), (422, 0), "{html}");
        assert!(html.contains("Still live: parts taken down: 1 of 2; look whether another one is there"), "{html}");
        assert!(html.contains("name=\"how\" value=\"by_hand\""), "{html}");
        let done = send(&caller, &cookie, &at, &to, &format!("{form}&how=by_hand")).await;
        assert_eq!((done.status, told(&bench, &delivery).await.0.as_str()), (303, "retracted"), "{}", text(&done));
        worker.stop().await.unwrap();
    }

    async fn what_goes_on_is_stopped_first_and_what_was_cancelled_is_taken_down_still(bench) {
        let mut bench = bench;
        let fake = connect_with(&mut bench, "on").await;
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let delivery = stopped(&bench, &fake, "one").await;
        let post = post_of(&bench, &delivery).await;
        let at = format!("/console/posts/{post}");
        let (to, form) = (format!("{at}/retract"), format!("delivery={delivery}&why=Wrong&word=take+down"));
        worker.stop().await.unwrap();
        let page = async |state: &str| {
            bench.sql(&format!("update deliveries set state = '{state}' where id = '{delivery}'")).await;
            read(&caller, &cookie, &at).await
        };
        for state in ["held", "expired", "failed", "in_doubt"] {
            let html = page(state).await;
            assert!(html.contains(OFFER) && !html.contains(GOES_ON), "{state}: {html}");
        }
        for state in ["claimed", "sending", "scheduled"] {
            let html = page(state).await;
            assert!(!html.contains(OFFER) && html.contains(GOES_ON), "{state}: {html}");
        }
        let early = send(&caller, &cookie, &at, &to, &form).await;
        assert!(early.status == 422 && text(&early).contains("cancel the post or freeze first"), "{}", text(&early));
        bench.sql(&format!("update attempts set outcome = 'rejected' where delivery_id = '{delivery}'")).await;
        posts::cancel(&bench.app, &bench.operator, &post).await.unwrap();
        assert!(read(&caller, &cookie, &at).await.contains(OFFER));
        let worker = bench.start().await;
        let left = send(&caller, &cookie, &at, &to, &form).await;
        assert_eq!((left.status, fake.lock().unwrap().posts.len()), (422, 0), "{}", text(&left));
        let done = send(&caller, &cookie, &at, &to, &format!("{form}&how=by_hand")).await;
        assert_eq!((done.status, told(&bench, &delivery).await.0.as_str()), (303, "cancelled"), "{}", text(&done));
        assert!(!read(&caller, &cookie, &at).await.contains(OFFER), "what is gone is not offered again");
        worker.stop().await.unwrap();
    }
}
