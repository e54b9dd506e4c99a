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
        assert!(
            reason.contains("greylisted") && reason.ends_with("it went to 1 of 2, and 1 still wait"),
            "{reason}"
        );
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
    for (number, (minute, to)) in
        (1..).zip([(0, "a@example.test"), (1_200, "a@example.test, b@example.test")])
    {
        let result = try_at(&memory, (number, minute), to, BOTH).await.1;
        assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Later(_), .. })), "{result:?}");
    }
    let two = "a@example.test, b@example.test";
    let result = try_at(&memory, (3, 1_450), two, BOTH).await.1;
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Later(_), .. })), "{result:?}");
    let note =
        try_at(&memory, (4, 1_460), two, &[("RCPT TO:<a@", "451 4.7.1 no")]).await.1.unwrap().note.unwrap();
    assert!(note.starts_with("it went to 1 of 2, NOT to 1; namely: a…@example.test"), "{note}");
}

#[tokio::test]
async fn what_tells_of_an_incident_is_tried_for_two_hours() {
    let memory = Memory::default();
    for (number, minute) in [(1, 0), (2, 119)] {
        let result = try_of(Some("incident-1"), &memory, (number, minute), "a@example.test", LATER).await.1;
        assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Later(_), .. })), "{result:?}");
    }
    let over = try_of(Some("incident-1"), &memory, (3, 120), "a@example.test", LATER).await.1;
    let Err(Failure::Rejected { reason, retry: Retry::Never }) = &over else { panic!("{over:?}") };
    assert!(reason.contains("Write to them yourself"), "{reason}");
}
