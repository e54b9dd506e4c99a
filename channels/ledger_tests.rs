//! The ledger of who has a post.

use std::time::Duration;

use super::*;
use crate::{Closed, Failure, Retry, Sighting};

const NUMBERS: [&str; 4] = ["+41790000001", "+41790000002", "+41790000003", "+41790000004"];

fn all() -> Vec<Recipient> {
    NUMBERS.map(|n| Recipient::new(Uuid::nil(), n, format!("…{}", &n[n.len() - 3..]))).to_vec()
}

/// The others wait.
fn ledger(marks: &[Mark]) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.begin(&all());
    all().iter().zip(marks).for_each(|(who, mark)| ledger.set(who, mark.clone()));
    ledger
}

fn has(id: &str) -> Mark {
    Mark::Has(id.to_owned())
}

fn refused(why: &str) -> Mark {
    Mark::Refused(why.to_owned())
}

/// A request at that time, by the attempt of that number.
fn open(at: i64, by: i64) -> Mark {
    Mark::Open(Open { asked: vec![Asked { at, by }], most: 1 })
}

fn again(ledger: &Ledger) -> Ledger {
    Ledger::read(judged(&ledger.written(), true).as_deref()).unwrap()
}

fn void(ledger: &Ledger, attempts: &[i64]) -> Ledger {
    Ledger::read(Some(&without(ledger.written(), attempts))).unwrap()
}

#[test]
fn what_is_written_down_is_read_and_names_nobody() {
    let ledger = ledger(&[has("SM1"), refused("opted out"), open(7, 1)]);
    let written = ledger.written();
    assert_eq!(Ledger::read(Some(&written)), Ok(ledger));
    assert!(NUMBERS.iter().all(|n| !written.contains(&n[1..9])), "{written}");
    assert_eq!(logged(&written), Some(json!({ "has": 1, "open": 1, "refused": 1, "waits": 1 })));
    assert!(is_out(&written) && has_unknown(&written) && !is_withdrawn(&written));
    assert!(is_withdrawn(&withdrawn(&written).unwrap()));
    for other in ["", "18000", "{}", "17841400000000001:18000", r#"{"ledger":[],"more":1}"#] {
        assert!(Ledger::read(Some(other)).is_err() && !is_ledger(other) && !is_out(other), "{other}");
        assert_eq!((logged(other), judged(other, true), withdrawn(other)), (None, None, None), "{other}");
        assert_eq!(without(other.to_owned(), &[1]), other);
    }
}

#[test]
fn what_was_written_down_before_pauses_did_not_count_is_read() {
    let before = format!(
        r#"{{"ledger":[{{"who":"{}","shown":"…001","is":"waits","put_off":60}}],"withdrawn":false,"laters":1}}"#,
        all()[0].tag
    );
    let mut ledger = Ledger::read(Some(&before)).unwrap();
    assert_eq!(ledger.put_off(&all()[0], 60 + 90 * 60), 90 * 60, "nobody knows when it was asked for last");
    assert_eq!(ledger.put_off(&all()[0], 60 + 150 * 60), 150 * 60, "an hour is no pause");
    assert_eq!(ledger.put_off(&all()[0], 61 + 210 * 60), 150 * 60, "more is one");
    assert_eq!(ledger.put_off(&all()[0], 61 + 220 * 60), 160 * 60);
}

#[test]
fn only_a_person_lets_it_go_once_more_and_only_when_nobody_waits() {
    let everybody = [0, 1, 2, 3];
    let next = |ledger: &Ledger| ledger.next(&all(), &everybody);
    assert_eq!(next(&ledger(&[])), everybody);
    let waits = ledger(&[has("SM1"), open(7, 1)]);
    assert_eq!((next(&waits), next(&again(&waits))), (vec![2, 3], vec![2, 3]));
    let full = ledger(&[has("SM1"), open(7, 1), refused("no"), has("SM4")]);
    assert_eq!(next(&full), Vec::<usize>::new(), "no attempt decides that by itself");
    assert_eq!(next(&again(&full)), [1]);
    assert_eq!(again(&full).next(&all(), &[]), Vec::<usize>::new(), "the network did not answer for them");
    let told = Ledger::read(judged(&again(&full).written(), false).as_deref()).unwrap();
    assert_eq!(next(&told), Vec::<usize>::new(), "not published is no leave to send it");
    let mut once_more = again(&full);
    once_more.begin(&all());
    assert_eq!(once_more.next(&all(), &[1]), [2, 1], "who was refused is asked for, too");
    let five = Recipient::new(Uuid::nil(), "+41790000005", "…005".into());
    let (mut longer, list) = (again(&full), [all(), vec![five]].concat());
    longer.begin(&list);
    assert_eq!(longer.next(&list, &[1]), [2, 4], "who came onto the list goes first");
    longer.set(&list[4], has("SM5"));
    assert!(!longer.next(&list, &[1]).contains(&1), "and that was no leave for the others");
    // It is used up by one request.
    let mut once = again(&full);
    once.ask(&all()[1], 9, 2);
    assert_eq!((next(&once), next(&again(&once))), (vec![], vec![1]));
    assert_eq!(next(&void(&once, &[2])), [1], "that request was never made");
}

#[test]
fn who_was_skipped_comes_after_those_whose_turn_has_not_come_and_keeps_nobody_waiting() {
    let mixed = ledger(&[Mark::Skipped, has("b"), open(7, 1)]);
    assert_eq!(mixed.next(&all(), &[2]), [3, 0]);
    assert_eq!(again(&mixed).next(&all(), &[2]), [3, 0], "one has not had their turn");
    let over = ledger(&[Mark::Skipped, has("b"), open(7, 1), has("d")]);
    assert_eq!(again(&over).next(&all(), &[2]), [0, 2]);
    let why = over.sighting(&all(), None);
    assert!(matches!(&why, Sighting::Unknown(why) if why.contains("sends it once more")), "{why:?}");
    // What passes by itself does not help those who were skipped.
    let wait = Failure::Rejected { reason: "no".to_owned(), retry: Retry::Backoff };
    let skipped = ledger(&[Mark::Skipped, has("b"), has("c"), has("d")]);
    let reason = "no; it went to 3 of 4, and 1 still wait".to_owned();
    assert_eq!(skipped.outcome(&all(), Some(wait), true, 1), Err(Failure::InDoubt { reason }));
    assert!(
        matches!(skipped.sighting(&all(), None), Sighting::Unknown(why) if why.contains("doubles nothing"))
    );
}

#[test]
fn a_request_of_an_attempt_that_never_began_was_never_made() {
    let ledger = ledger(&[has("SM1"), open(7, 1), open(9, 2)]);
    let after = void(&ledger, &[2]);
    assert_eq!((after.unknown(), after.waiting(&all())), (vec!["…002"], vec![2, 3]));
    // A person has judged the first attempt, which is called without effect since.
    assert_eq!(void(&again(&ledger), &[1, 2]).unknown(), ["…002", "…003"]);
    let mut ended = ledger;
    ended.end();
    assert_eq!(void(&ended, &[1, 2]), ended);
}

#[test]
fn an_attempt_begins_with_the_list_as_it_is() {
    let failed = Mark::Failed("the phone is off".to_owned());
    let mut ledger = ledger(&[refused("no"), open(7, 1), failed.clone()]);
    let list =
        [all()[0].clone(), all()[2].clone(), Recipient::new(Uuid::nil(), "+41790000005", "…005".into())];
    ledger.begin(&list);
    let marks = list.iter().map(|who| ledger.mark(who).cloned()).collect::<Vec<_>>();
    assert_eq!(marks, [Some(Mark::Waits), Some(failed), Some(Mark::Waits)]);
    assert_eq!((ledger.unknown(), ledger.mark(&all()[3])), (vec!["…002"], None));
}

#[test]
fn a_message_can_be_of_a_request_that_was_under_way() {
    let mut ledger = ledger(&[open(1_000, 1)]);
    ledger.ask(&all()[0], 5_000, 2);
    let Some(Mark::Open(open)) = ledger.mark(&all()[0]) else { panic!() };
    for (made, is_covered) in [(939, false), (940, true), (1_080, true), (1_081, false), (4_940, true)] {
        assert_eq!(open.covers(made), is_covered, "{made}");
    }
}

#[test]
fn the_outcome_says_who_has_it() {
    let note =
        |marks: &[Mark]| ledger(marks).outcome(&all(), None, true, 1).map(|r| (r.remote_id, r.note.unwrap()));
    let told = |id: &str, note: &str| Ok((id.to_owned(), note.to_owned()));
    assert_eq!(note(&[has("a"), has("b"), has("c"), has("d")]), told("a", "it went to all 4 recipients"));
    assert_eq!(
        note(&[refused("opted out"), has("b"), has("c"), refused("opted out")]),
        told("b", "it went to 2 of 4, NOT to 2; namely: …001, …004: opted out")
    );
    assert_eq!(
        note(&[refused("opted out"), has("b"), has("c"), Mark::Failed("no number".to_owned())]),
        told("b", "it went to 2 of 4, NOT to 2; namely: …001 (opted out), …004 (no number)")
    );
    let nobody = vec![refused("no"); 4];
    let reason = "it went to nobody; namely: …001, …002, …003, …004: no".to_owned();
    assert_eq!(note(&nobody), Err(Failure::Rejected { reason, retry: Retry::Never }));
}

#[test]
fn who_came_back_is_named_also_where_nobody_knows_of_others() {
    let named = |marks: &[Mark]| note(&ledger(marks).written(), false).unwrap();
    let failed = || Mark::Failed("no mailbox".to_owned());
    assert_eq!(
        named(&[failed(), open(7, 0), has("c"), has("d")]),
        format!(
            "it went to 2 of 4, NOT to 1, 0 still wait, and nobody knows of 1; namely: …001 (no mailbox), …002 ({})",
            words::NOBODY_KNOWS
        )
    );
    // The others never had their turn: it is out with nobody.
    let nobody = "it went to 0 of 4, NOT to 1, 3 still wait, and nobody knows of 0; namely: …001: no mailbox";
    assert_eq!(named(&[failed()]), nobody);
}

#[test]
fn the_log_gets_numbers_only() {
    let doubt = ledger(&[has("a"), open(7, 1), refused("opted out")]).outcome(&all(), None, true, 1);
    let said = doubt.unwrap_err().to_string();
    assert!(said.contains("…002"), "{said}");
    let numbers = "in doubt: it went to 1 of 4, 1 still wait, and nobody knows of 1";
    assert_eq!(public(&said), numbers);
    let receipt =
        ledger(&[has("a"), refused("opted out"), has("c"), has("d")]).outcome(&all(), None, true, 1);
    assert_eq!(public(&receipt.unwrap().note.unwrap()), "it went to 3 of 4, NOT to 1");
    assert_eq!(public("the server refuses the content"), "the server refuses the content");
}

#[test]
fn a_stop_that_passes_leaves_the_rest_to_the_next_attempt() {
    let stop = |retry| Failure::Rejected { reason: "no".to_owned(), retry };
    let failed =
        |marks: &[Mark], stop: Failure, kept| ledger(marks).outcome(&all(), Some(stop), kept, 2).unwrap_err();
    let said = "no; it went to 1 of 4, and 3 still wait";
    let rest = |wait: u64| Failure::Rejected {
        reason: said.to_owned(),
        retry: Retry::Later(Duration::from_secs(wait)),
    };
    let doubt = |reason: &str| Failure::InDoubt { reason: reason.to_owned() };
    for retry in [Retry::Backoff, Retry::After(Duration::from_secs(7)), Retry::Reconnect] {
        assert_eq!(failed(&[], stop(retry), true), stop(retry));
        assert_eq!(failed(&[refused("no")], stop(retry), true), stop(retry));
        assert_eq!(failed(&[has("a")], stop(retry), false), doubt(said), "nobody wrote down who has it");
    }
    assert_eq!(failed(&[has("a")], stop(Retry::Backoff), true), rest(120));
    assert_eq!(failed(&[has("a")], stop(Retry::After(Duration::from_secs(7))), true), rest(120));
    assert_eq!(failed(&[has("a")], stop(Retry::After(Duration::from_secs(700))), true), rest(700));
    assert_eq!(failed(&[has("a")], stop(Retry::Reconnect), true), doubt(said), "a person mends that");
    let unknown = "no; it went to 1 of 4, 2 still wait, and nobody knows of 1; namely: …002";
    assert_eq!(failed(&[has("a"), open(7, 1)], stop(Retry::Backoff), true), doubt(unknown));
    let closed = |why: Closed, partly| Failure::Closed { why, partly };
    let (frozen, node) = (Closed::Frozen("f".to_owned()), Closed::Node("it stops".to_owned()));
    assert_eq!(failed(&[], closed(node.clone(), false), true), closed(node.clone(), false));
    assert_eq!(failed(&[has("a")], closed(frozen.clone(), false), true), closed(frozen, true));
    assert_eq!(failed(&[open(7, 1)], closed(node.clone(), false), true), closed(node.clone(), true));
    let on = failed(&[has("a")], closed(node, false), true);
    assert!(matches!(on, Failure::Rejected { retry: Retry::Later(_), .. }), "{on:?}");
}

#[test]
fn a_look_settles_what_is_known_and_leaves_the_rest_to_a_person() {
    let look = |marks: &[Mark]| ledger(marks).sighting(&all(), None);
    assert_eq!(Ledger::default().sighting(&all(), None), Sighting::Absent);
    let found = look(&[has("a"), refused("no"), has("c"), has("d")]);
    assert!(matches!(&found, Sighting::Found(r) if r.remote_id == "a" && r.note.is_some()), "{found:?}");
    let why = |sighting| match sighting {
        Sighting::Unknown(why) => why,
        other => panic!("{other:?}"),
    };
    let goes_on = "it went to 1 of 4, 2 still wait, and nobody knows of 1; another try goes on with them and \
         doubles nothing; namely: …002";
    assert_eq!(why(look(&[has("a"), open(7, 1)])), goes_on);
    let full = ledger(&[has("a"), open(7, 1), has("c"), has("d")]);
    assert!(why(full.sighting(&all(), None)).contains("sends it once more"));
    assert!(why(full.sighting(&all(), Some("no answer".to_owned()))).starts_with("no answer; it went to 3"));
    // Whoever left the list cannot be asked for, and is told.
    let Sighting::Found(receipt) = full.sighting(&[&all()[..1], &all()[2..]].concat(), None) else {
        panic!()
    };
    let note = "it went to 3 of 4, NOT to 0, left the list in doubt: 1; namely: …002: nobody knows";
    assert_eq!(receipt.note.as_deref(), Some(note));
    // What was taken down is never said to have gone to all.
    let down = Ledger { withdrawn: true, ..ledger(&[has("a"), has("b"), has("c"), has("d")]) };
    assert!(why(down.sighting(&all(), None)).contains("wanted it taken down"));
}
