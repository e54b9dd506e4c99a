//! Recipients whom a mail server asks to come back later.

use super::*;

/// An attempt of that number at what is remembered, to these, at that minute, against a new server. It is of no incident.
async fn try_at(
    memory: &Memory,
    when: (i64, i64),
    to: &str,
    script: Script,
) -> (Server, Result<Receipt, Failure>) {
    try_of(None, memory, when, to, script).await
}

/// The same of this incident.
async fn try_of(
    incident: Option<&str>,
    memory: &Memory,
    (number, minute): (i64, i64),
    to: &str,
    script: Script,
) -> (Server, Result<Receipt, Failure>) {
    let server = Server::start(script).await;
    let mut settings = server.settings();
    settings["to"] = to.into();
    let clock: Clock = Arc::new(move || chrono::DateTime::default() + chrono::TimeDelta::minutes(minute));
    let email = Email { clock, ..email(settings) };
    let pass = Pass::open_for_tests().kept_by(Arc::new(memory.clone()));
    let incident = incident.map(str::to_owned);
    let job = Job { number, incident, rendition: job().rendition, ..memory.job() };
    let result = email.publish(&job, &pass).await;
    (server, result)
}

const LATER: Script = &[("RCPT TO:<a@", "451 4.7.1 <a@example.test>: greylisted")];

#[tokio::test]
async fn who_is_asked_to_come_back_later_is_tried_again_alone_for_a_day() {
    const TWO: &str = "a@example.test, b@example.test";
    let (memory, before) = (Memory::default(), Memory::default());
    let (mut number, mut minute) = (1, 0);
    let note = loop {
        let (server, result) = try_at(&memory, (number, minute), TWO, LATER).await;
        assert_eq!(server.heard_message(), number == 1, "who has it is sent it no more");
        assert_eq!(named(&server).len(), if number == 1 { 2 } else { 1 });
        let (reason, wait) = match result {
            Ok(receipt) => break receipt.note.unwrap(),
            Err(Failure::Rejected { reason, retry: Retry::Later(wait) }) => (reason, wait),
            Err(other) => panic!("{other:?}"),
        };
        let who = "it went to 1 of 2, and 1 still wait, 1 of them put off; namely: a…@example.test";
        assert!(reason.contains("greylisted") && reason.ends_with(who), "{reason}");
        assert!(!reason.contains("a@example.test"), "{reason}");
        assert_eq!(
            wait.as_secs(),
            60 * u64::try_from(number.min(30)).unwrap(),
            "ever later, and twice an hour"
        );
        crate::Keeper::keep(&before, &memory.handle().unwrap()).await.unwrap();
        (number, minute) = (number + 1, minute + number.min(30));
    };
    assert_eq!((number, minute), (64, 1_455), "the first time after a day is the last");
    assert!(note.contains("NOT to 1") && note.contains("Write to them yourself"), "an end: {note}");
    let (server, result) = try_at(&before, (number, minute), TWO, &[]).await;
    assert_eq!(result.unwrap().note.unwrap(), "it went to all 2 recipients");
    assert_eq!((named(&server), server.heard_message()), (vec!["RCPT TO:<a@example.test>".to_owned()], true));
    // What goes wrong otherwise has an end, too, and being asked to come later is none of it.
    let memory = Memory::default();
    try_again(&memory, 1, LATER).await.1.unwrap_err();
    let away: Script = &[("AUTH", "454 4.7.0 later")];
    let twentieth = try_again(&memory, 20, away).await.1;
    assert!(matches!(twentieth, Err(Failure::Rejected { retry: Retry::Later(_), .. })), "{twentieth:?}");
    let last = try_again(&memory, 21, away).await.1;
    assert!(matches!(last, Err(Failure::InDoubt { .. })), "a person reads why: {last:?}");
}

#[tokio::test]
async fn each_recipient_has_a_day_of_their_own() {
    const BOTH: Script = &[("RCPT TO:<a@", "451 4.7.1 no"), ("RCPT TO:<b@", "451 4.7.1 no")];
    let memory = Memory::default();
    for number in 1..=49 {
        let minute = (number - 1) * 30;
        let to = if minute < 1_200 { "a@example.test" } else { "a@example.test, b@example.test" };
        let result = try_at(&memory, (number, minute), to, BOTH).await.1;
        assert!(
            matches!(result, Err(Failure::Rejected { retry: Retry::Later(_), .. })),
            "{number}: {result:?}"
        );
    }
    let two = "a@example.test, b@example.test";
    let note =
        try_at(&memory, (50, 1_460), two, &[("RCPT TO:<a@", "451 4.7.1 no")]).await.1.unwrap().note.unwrap();
    assert!(note.starts_with("it went to 1 of 2, NOT to 1; namely: a…@example.test"), "{note}");
}

#[tokio::test]
async fn what_tells_of_an_incident_is_tried_for_two_hours() {
    let memory = Memory::default();
    for (number, minute) in [(1, 0), (2, 60), (3, 119)] {
        let result = try_of(Some("incident-1"), &memory, (number, minute), "a@example.test", LATER).await.1;
        assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Later(_), .. })), "{result:?}");
    }
    let over = try_of(Some("incident-1"), &memory, (4, 120), "a@example.test", LATER).await.1;
    let Err(Failure::Rejected { reason, retry: Retry::Never }) = &over else { panic!("{over:?}") };
    assert!(reason.contains("Write to them yourself"), "{reason}");
}

#[tokio::test]
async fn the_time_of_a_freeze_does_not_count() {
    let memory = Memory::default();
    // An hour before it and 50 minutes after it, between which nobody was asked for a day.
    for (number, minute) in [(1, 0), (2, 30), (3, 60), (4, 1_500), (5, 1_550)] {
        let result = try_of(Some("incident-1"), &memory, (number, minute), "a@example.test", LATER).await.1;
        assert!(
            matches!(result, Err(Failure::Rejected { retry: Retry::Later(_), .. })),
            "{number}: {result:?}"
        );
    }
    let over = try_of(Some("incident-1"), &memory, (6, 1_560), "a@example.test", LATER).await.1;
    assert!(matches!(&over, Err(Failure::Rejected { retry: Retry::Never, .. })), "{over:?}");
}

#[tokio::test]
async fn who_was_put_off_comes_after_those_who_had_no_turn() {
    const THREE: &str = "a@example.test, b@example.test, c@example.test";
    let memory = Memory::default();
    try_at(&memory, (1, 0), "a@example.test", LATER).await.1.unwrap_err();
    let (server, result) = try_at(&memory, (2, 1), THREE, &[]).await;
    assert_eq!(result.unwrap().note.unwrap(), "it went to all 3 recipients");
    let order = ["b", "c", "a"].map(|who| format!("RCPT TO:<{who}@example.test>"));
    assert_eq!(named(&server), order);
}
