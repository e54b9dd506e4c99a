//! E-mail against a strict server that counts messages: a connection that breaks anywhere makes no second copy.

use super::server::Office;
use super::*;
use crate::strict::{self, Door, Fate};
use crate::suite::{CUTS, Cut};

fn to(port: u16) -> Box<dyn Channel> {
    let settings = json!({ "host": "127.0.0.1", "port": port, "security": "none", "user": "holdline",
        "from": "Bank <press@bank.example>", "to": "a@example.test, b@example.test" });
    suite::connect(&ADAPTER, settings, Some("hunter2")).unwrap()
}

#[tokio::test]
async fn wherever_a_connection_breaks_each_has_one_copy_at_most() {
    let broken = |at| [false, true].map(|done| Fate::Broken { done, at });
    let is_real = |fate: &Fate| {
        // What was not read whole cannot have been done.
        !matches!(fate, Fate::Broken { done: true, at: Cut::BeforeRead | Cut::MidRequest })
    };
    let points = CUTS.into_iter().filter(|cut| *cut != Cut::BeforeConnect).flat_map(broken).filter(is_real);
    for fate in points.chain([Fate::Done]) {
        let office = Office::start(std::slice::from_ref(&fate)).await;
        let settled = strict::deliver(&*to(office.port)).await;
        let taken = office.state().taken.clone();
        if fate == Fate::Done {
            assert_eq!((taken.len(), taken[0].to.len()), (1, 2));
            assert!(settled.is_some() && taken[0].text.contains("Message-ID: <01936d3c-"), "{settled:?}");
            continue;
        }
        strict::is_settled(&fate, taken.len(), settled.as_ref(), false);
        // Before the message is whole, a break is known to be one.
        let early = matches!(fate, Fate::Broken { at: Cut::BeforeRead, .. });
        assert_eq!(settled.is_some(), early, "{fate:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_has_no_effect() {
    let door = Door::new("127.0.0.1:0", 0).await;
    let opener = door.opener();
    let office = Office::behind(door, &[]);
    let channel = to(office.port);
    let result = strict::attempt(&*channel).await;
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Backoff, .. })), "{result:?}");
    opener.notify_one();
    while TcpStream::connect(("127.0.0.1", office.port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(strict::deliver(&*channel).await.is_some());
    assert_eq!(office.state().taken.len(), 1);
}
