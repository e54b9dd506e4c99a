//! E-mail against a strict server that counts messages: a connection that breaks anywhere makes no second copy.

use super::server::Office;
use super::*;
use crate::ledger::Ledger;
use crate::strict::{self, Door, Fate, Memory};
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

/// One attempt at a post to so many people.
async fn to_many(office: &Office, people: usize, memory: &Memory) -> Result<Receipt, Failure> {
    to_many_within(office, people, memory, PATIENCE).await
}

/// The same with that patience.
async fn to_many_within(
    office: &Office,
    people: usize,
    memory: &Memory,
    patience: Patience,
) -> Result<Receipt, Failure> {
    let list: Vec<_> = (0..people).map(|n| format!("p{n}@example.test")).collect();
    let settings = json!({ "host": "127.0.0.1", "port": office.port, "security": "none", "user": "holdline",
        "from": "Bank <press@bank.example>", "to": list.join(", ") });
    let clock: Clock = Arc::new(chrono::DateTime::default);
    let credential = Some("hunter2".into());
    let connection = Connection { settings, credential, http: suite::http(), clock, public_url: None };
    let to = recipients(&list.join(", ")).unwrap();
    strict::attempt_of(&Email { patience, ..Email::new(&connection, to).unwrap() }, memory).await
}

#[tokio::test]
async fn a_server_that_is_silent_after_a_message_keeps_ten_and_no_others() {
    let soon = Duration::from_secs(3);
    let silent = || Fate::Slow(Duration::from_secs(60));
    let (office, memory) = (Office::start(&[silent()]).await, Memory::default());
    let began = std::time::Instant::now();
    let patience = Patience { message: soon, ..PATIENCE };
    let failure = to_many_within(&office, 25, &memory, patience).await.unwrap_err();
    let Failure::InDoubt { reason } = &failure else { panic!("{failure:?}") };
    assert!(reason.contains("no answer to the message within 3 s; it went to 15 of 25"), "{reason}");
    assert!(reason.contains("0 still wait, and nobody knows of 10; namely: p…@"), "{reason}");
    assert!(began.elapsed() < Duration::from_secs(40), "it goes on at once");
    let open = Ledger::read(memory.handle().as_deref()).unwrap().unknown().len();
    assert_eq!((open, office.state().taken.len()), (10, 3), "they are in doubt in the ledger");
    // Two in a row: the rest waits.
    let (office, memory) = (Office::start(&[silent(), silent()]).await, Memory::default());
    let failure = to_many_within(&office, 35, &memory, patience).await.unwrap_err();
    assert!(
        failure.to_string().contains("it went to 0 of 35, 15 still wait, and nobody knows of 20"),
        "{failure}"
    );
    // Nobody comes after the last ones, so they have all the time that is left.
    let (office, memory) = (Office::start(&[Fate::Slow(2 * soon)]).await, Memory::default());
    let note = to_many_within(&office, 5, &memory, patience).await.unwrap().note.unwrap();
    assert_eq!(note, "it went to all 5 recipients");
    let (office, memory) = (Office::start(&[silent()]).await, Memory::default());
    let whole = Patience { whole: 5 * soon, step: soon, ..patience };
    let failure = to_many_within(&office, 5, &memory, whole).await.unwrap_err();
    assert!(failure.to_string().contains("nobody knows of 5"), "{failure}");
}

#[tokio::test]
async fn a_lost_answer_leaves_ten_in_doubt_and_the_others_get_it() {
    let lost = Fate::Broken { done: true, at: Cut::BeforeStatus };
    let (office, memory) = (Office::start(&[Fate::Done, lost]).await, Memory::default());
    let failure = to_many(&office, 25, &memory).await.unwrap_err();
    let Failure::InDoubt { reason } = &failure else { panic!("{failure:?}") };
    assert!(
        reason.contains("it went to 15 of 25, 0 still wait, and nobody knows of 10; namely: p1"),
        "{reason}"
    );
    let of = |office: &Office| office.state().taken.iter().map(|taken| taken.to.len()).collect::<Vec<_>>();
    assert_eq!(of(&office), [10, 10, 5]);
    assert!(to_many(&office, 25, &memory).await.is_err());
    assert_eq!(of(&office).len(), 3, "nobody decided, so nobody gets it again");
    let judged = crate::ledger::judged(&memory.handle().unwrap(), true).unwrap();
    crate::Keeper::keep(&memory, &judged).await.unwrap();
    let note = to_many(&office, 25, &memory).await.unwrap().note.unwrap();
    assert_eq!(
        (note.as_str(), of(&office).as_slice()),
        ("it went to all 25 recipients", &[10, 10, 5, 10][..])
    );
}

#[tokio::test]
async fn after_two_lost_answers_in_a_row_the_others_wait() {
    let lost = || Fate::Broken { done: true, at: Cut::BeforeStatus };
    let (office, memory) = (Office::start(&[lost(), lost(), lost()]).await, Memory::default());
    let failure = to_many(&office, 35, &memory).await.unwrap_err();
    assert!(
        failure.to_string().contains("it went to 0 of 35, 15 still wait, and nobody knows of 20"),
        "{failure}"
    );
    assert_eq!(office.state().taken.len(), 2);
    // Nobody listens: what is without effect is the same for the others.
    let (office, memory) = (Office::start(&[Fate::Done]).await, Memory::default());
    let early = Fate::Broken { done: false, at: Cut::BeforeRead };
    let broken = Office::start(&[Fate::Done, early]).await;
    let failure = to_many(&broken, 35, &memory).await.unwrap_err();
    assert!(matches!(&failure, Failure::Rejected { retry: Retry::Later(_), .. }), "{failure:?}");
    assert!(failure.to_string().contains("it went to 10 of 35, and 25 still wait"), "{failure}");
    let note = to_many(&office, 35, &memory).await.unwrap().note.unwrap();
    assert_eq!((note.as_str(), office.state().taken.len()), ("it went to all 35 recipients", 3));
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
