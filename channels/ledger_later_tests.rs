//! What a network's later word changes.

use super::super::{Asked, Open, is_ledger, logged, note};
use super::*;

const NUMBERS: [&str; 3] = ["+41790000001", "+41790000002", "+41790000003"];

fn who(n: usize) -> Recipient {
    Recipient::new(Uuid::nil(), NUMBERS[n], format!("…00{}", n + 1))
}

/// The first with that mark; the second has it.
fn ledger(first: Mark) -> String {
    let mut ledger = Ledger::default();
    ledger.set(&who(0), first);
    ledger.set(&who(1), Mark::Has("m.2".to_owned()));
    ledger.written()
}

fn open(requests: i64) -> Mark {
    Mark::Open(Open { asked: (1..=requests).map(|by| Asked { at: 7, by }).collect(), most: 1 })
}

fn has(id: &str) -> Mark {
    Mark::Has(id.to_owned())
}

fn word(n: usize, message: &str, fate: Fate) -> Word {
    let of = Named { delivery: Uuid::nil(), attempt: 1, who: who(n).tag };
    Word { of, message: message.to_owned(), fate }
}

fn failed() -> Fate {
    Fate::Failed("the phone is off".to_owned())
}

/// What the first is after a word about message `m.1`; nothing: as before.
fn first(before: Mark, fate: Fate) -> Option<Mark> {
    let after = after(&ledger(before), &[word(0, "m.1", fate)])?;
    Ledger::read(Some(&after)).unwrap().mark(&who(0)).cloned()
}

#[test]
fn a_name_is_read_as_it_is_written_and_nothing_else_is() {
    let named = word(0, "m.1", Fate::Taken).of;
    let text = named.to_string();
    assert_eq!(Named::read(&text), Some(named));
    assert!(text.len() <= 512 && !text.contains("4179"), "{text}");
    let [delivery, tag] = [&text[..36], &text[39..]];
    for other in [
        String::new(),
        format!("{text}."),
        text.to_uppercase(),
        format!("{}.1.{tag}", delivery.replace('-', "")),
        format!("{delivery}.01.{tag}"),
        format!("{delivery}.+1.{tag}"),
        format!("{delivery}.1.{}", &tag[1..]),
        format!("{delivery}.{tag}"),
    ] {
        assert_eq!(Named::read(&other), None, "{other}");
    }
}

#[test]
fn who_is_named_has_it_whatever_was_known_of_them() {
    let refused = || Mark::Refused("opted out".to_owned());
    for before in [open(1), open(2), Mark::Waits, Mark::Skipped, refused()] {
        assert_eq!(first(before.clone(), Fate::Taken), Some(has("m.1")), "{before:?}");
        assert_eq!(first(before.clone(), Fate::Arrived), Some(has("m.1")), "{before:?}");
    }
    assert_eq!(first(has("m.1"), Fate::Taken), None, "it was known");
    assert_eq!(first(Mark::Failed("x".to_owned()), Fate::Taken), None, "it is known to be worse");
    assert_eq!(first(Mark::Failed("x".to_owned()), Fate::Arrived), Some(has("m.1")), "another phone has it");
}

#[test]
fn a_failure_counts_against_the_only_message_that_they_can_have() {
    let gone = Some(Mark::Failed("the phone is off".to_owned()));
    assert_eq!(first(open(1), failed()), gone);
    assert_eq!(first(has("m.1"), failed()), gone);
    assert_eq!(first(has("m.0"), failed()), None, "another message may have arrived");
    assert_eq!(first(open(2), failed()), None, "the other request may have");
    for before in [Mark::Waits, Mark::Skipped, Mark::Refused("x".to_owned()), Mark::Failed("x".to_owned())] {
        assert_eq!(first(before.clone(), failed()), None, "{before:?}");
    }
}

#[test]
fn words_come_twice_and_in_any_order_and_what_arrived_stays_so() {
    let of = |fate| word(0, "m.1", fate);
    let read = after(&ledger(open(1)), &[of(Fate::Arrived)]).unwrap();
    for later in [Fate::Arrived, Fate::Taken, failed()] {
        assert_eq!(after(&read, &[of(later.clone())]), None, "{later:?}");
    }
    let mut all = vec![of(Fate::Taken), of(Fate::Arrived), of(failed())];
    for _ in 0..3 {
        all.rotate_left(1);
        assert_eq!(after(&ledger(open(1)), &all), Some(read.clone()), "{all:?}");
    }
    assert_eq!(
        note(&read, false).as_deref(),
        Some("it arrived for 1 so far, as the network says; it went to all 2 recipients")
    );
    assert_eq!(logged(&read).unwrap()["arrived"], 1);
    assert!(is_over(&read));
    for left in [open(1), Mark::Waits, Mark::Skipped] {
        assert!(!is_over(&ledger(left)));
    }
}

#[test]
fn a_word_about_nobody_of_the_list_changes_nothing() {
    let ledger = ledger(open(1));
    assert_eq!(after(&ledger, &[word(2, "m.3", Fate::Taken)]), None);
    assert!(names(&ledger, &who(0).tag) && !names(&ledger, &who(2).tag));
    for other in ["", "18000", "{}"] {
        assert_eq!(after(other, &[word(0, "m.1", Fate::Taken)]), None, "{other}");
        assert!(!names(other, &who(0).tag) && !is_ledger(other) && !is_over(other));
    }
}
