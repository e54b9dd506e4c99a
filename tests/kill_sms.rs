//! `kill -9` of a real `serve` process in the middle of a list of numbers, in the attempt that goes on after a person
//! said so: what nobody decided is not sent once more, and whose turn had not come gets it.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use holdline::app::channels::NewChannel;
use holdline::app::held::{self, Settle, Settlement};
use holdline::clock::Clock;
use holdline::domain::delivery::State;

use crate::kill::Victim;
use crate::support::Database;
use crate::support::twilio::Fake;

const NUMBERS: [&str; 5] = ["+41790000001", "+41790000002", "+41790000003", "+41790000004", "+41790000005"];

/// The delivery that is in doubt, once there is one and the network has so many messages.
async fn in_doubt(victim: &Victim, fake: &Fake, messages: usize) -> String {
    let (app, until) = (victim.open().await, Instant::now() + Duration::from_secs(90));
    loop {
        let sent: usize = NUMBERS.iter().map(|number| fake.sent_to(number)).sum();
        let all = held::list(&app, victim.approver(), State::InDoubt, None, "", 10).await.unwrap();
        if let Some(first) = all.into_iter().next().filter(|_| sent >= messages) {
            app.close().await;
            return first.delivery;
        }
        assert!(Instant::now() < until, "nothing is in doubt; {sent} messages");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn killed(database: Database) {
    let fake = Fake::start(Clock::real()).await;
    let channel = NewChannel {
        name: "phones".into(),
        adapter: "sms".into(),
        brand: "main".into(),
        settings: fake.settings(&NUMBERS),
        credential: Some("hunter2".into()),
        drill: false,
    };
    let victim = Victim::with(database, vec![channel]).await;
    let app = victim.open().await;
    victim.post(&app, 0).await;
    app.close().await;
    // Three answers in a row are lost, and the last number is not tried.
    fake.loses(&NUMBERS[1..4]);
    let mut child = victim.serve(None);
    let delivery = in_doubt(&victim, &fake, 4).await;
    child.kill().await.unwrap();
    let app = victim.open().await;
    let word = Settle { settlement: Settlement::TryAgain, note: "the last one".into(), url: None };
    held::settle(&app, victim.approver(), &delivery, &word).await.unwrap();
    app.close().await;
    // The next attempt has written down that the last one is open, and no request has left.
    let mut child = victim.serve(Some(("HOLDLINE_KILL_AT", "kept:1")));
    let status = tokio::time::timeout(Duration::from_secs(90), child.wait()).await.unwrap().unwrap();
    assert_eq!(status.signal(), Some(9), "{database:?}: {status:?}");
    assert_eq!(fake.sent_to(NUMBERS[4]), 0, "{database:?}");
    let mut child = victim.serve(None);
    in_doubt(&victim, &fake, 5).await;
    child.kill().await.unwrap();
    assert_eq!(NUMBERS.map(|number| fake.sent_to(number)), [1; 5], "{database:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_killed_before_a_request_decides_nothing_for_people_on_sqlite() {
    killed(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_killed_before_a_request_decides_nothing_for_people_on_postgres() {
    killed(Database::Postgres).await;
}
