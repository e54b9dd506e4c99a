//! What the gate lets through, lists and marks.

use super::*;

fn frozen_routine() -> Judge<&'static str> {
    Arc::new(|lane| (*lane == "routine").then(|| "f1".to_owned()))
}

fn admit(gate: &Arc<Gate<&'static str>>, attempt: &str, subject: &'static str) -> Pass {
    gate.admit(attempt, subject, Box::new(|| true), now())
}

#[test]
fn a_new_gate_is_closed() {
    let gate = Gate::<&str>::closed(Duration::from_secs(60));
    let pass = admit(&gate, "a", "crisis");
    assert!(matches!(pass.begin(), Err(Closed::Node(_))));
}

#[test]
fn a_freeze_stops_what_it_covers_and_lists_what_had_begun() {
    let gate = Gate::closed(Duration::from_secs(60));
    gate.open(1, Arc::new(|_| None), now());
    let (early, late, crisis) =
        (admit(&gate, "e", "routine"), admit(&gate, "l", "routine"), admit(&gate, "c", "crisis"));
    early.begin().unwrap();
    let begun = gate.close_for(2, frozen_routine());
    assert_eq!(begun.len(), 1);
    assert_eq!(begun[0].attempt, "e");
    assert_eq!(late.begin(), Err(Closed::Frozen("f1".into())));
    assert_eq!(early.begin(), Err(Closed::Frozen("f1".into())), "a second request is judged again");
    crisis.begin().unwrap();
}

#[test]
fn what_is_on_no_list_begins_only_while_nothing_covers_it() {
    let gate = Gate::closed(Duration::from_secs(60));
    let (routine, crisis) = (gate.unlisted("routine"), gate.unlisted("crisis"));
    assert!(matches!(routine.begin(), Err(Closed::Node(_))));
    gate.open(1, Arc::new(|_| None), now());
    routine.begin().unwrap();
    assert!(gate.close_for(2, frozen_routine()).is_empty());
    assert_eq!(routine.begin(), Err(Closed::Frozen("f1".into())));
    crisis.begin().unwrap();
    gate.lock().confirmed = now().saturating_sub(Duration::from_secs(61));
    assert!(matches!(crisis.begin(), Err(Closed::Stale(_))));
}

#[test]
fn a_late_answer_with_an_older_epoch_opens_nothing() {
    let gate = Gate::closed(Duration::from_secs(60));
    gate.open(2, frozen_routine(), now());
    gate.open(1, Arc::new(|_| None), now());
    assert!(admit(&gate, "a", "routine").begin().is_err());
}

#[test]
fn an_unconfirmed_gate_closes_itself() {
    let gate = Gate::closed(Duration::ZERO);
    gate.open(1, Arc::new(|_| None), now());
    std::thread::sleep(Duration::from_millis(2));
    assert!(matches!(admit(&gate, "a", "crisis").begin(), Err(Closed::Stale(_))));
}

#[test]
fn the_lease_counts_from_the_question() {
    let gate = Gate::closed(Duration::from_secs(5));
    gate.open(1, Arc::new(|_| None), now().saturating_sub(Duration::from_secs(6)));
    // A new gate counts from its own start; an old answer does not renew that.
    gate.lock().confirmed = now().saturating_sub(Duration::from_secs(6));
    assert!(matches!(admit(&gate, "a", "crisis").begin(), Err(Closed::Stale(_))));
    gate.open(1, Arc::new(|_| None), now());
    admit(&gate, "b", "crisis").begin().unwrap();
}

#[test]
fn what_waited_at_a_gate_that_was_cut_off_or_closed_begins_no_more() {
    let gate = Gate::closed(Duration::from_secs(5));
    let open = || gate.open(1, Arc::new(|_| None), now());
    open();
    let (thread, waiting) = (admit(&gate, "t", "crisis"), admit(&gate, "w", "crisis"));
    thread.begin().unwrap();
    open();
    thread.begin().unwrap();
    gate.lock().confirmed = now().saturating_sub(Duration::from_secs(6));
    open();
    assert_eq!(waiting.begin(), Err(Closed::Unknown));
    assert_eq!(thread.begin(), Err(Closed::Unknown), "nor does a second request of what had begun");
    assert_eq!(gate.in_flight().len(), 1, "its first one is under way still");
    let late = admit(&gate, "l", "crisis");
    gate.close("the database is behind");
    open();
    assert_eq!(late.begin(), Err(Closed::Unknown));
    admit(&gate, "n", "crisis").begin().unwrap();
}

#[test]
fn a_gate_that_was_shut_opens_no_more_and_keeps_its_reason() {
    let gate = Gate::closed(Duration::from_secs(5));
    let open = || gate.open(1, Arc::new(|_| None), now());
    open();
    let waiting = admit(&gate, "w", "crisis");
    gate.shut("a part is gone");
    open();
    gate.close("another reason");
    assert_eq!(waiting.begin(), Err(Closed::Node("a part is gone".into())));
    assert_eq!(admit(&gate, "n", "crisis").begin(), Err(Closed::Node("a part is gone".into())));
}

#[test]
fn what_was_permitted_before_the_gate_was_cut_off_or_closed_is_admitted_too_late() {
    let gate = Gate::closed(Duration::from_secs(5));
    let open = || gate.open(1, Arc::new(|_| None), now());
    let admit = |attempt, asked| gate.admit(attempt, "crisis", Box::new(|| true), asked);
    // Two moments that the clock tells apart.
    let asked = || (now(), std::thread::sleep(Duration::from_millis(2))).0;
    open();
    let before = asked();
    open();
    admit("a", before).begin().unwrap();
    gate.lock().confirmed = now().saturating_sub(Duration::from_secs(6));
    open();
    assert_eq!(admit("b", before).begin(), Err(Closed::Unknown));
    let between = asked();
    gate.close("the database is behind");
    open();
    assert_eq!(admit("c", between).begin(), Err(Closed::Unknown));
    admit("d", now()).begin().unwrap();
}

#[derive(Default)]
struct Noted(Mutex<Vec<String>>);

impl Marks for Noted {
    fn mark(&self, attempt: &str) -> std::io::Result<()> {
        if attempt == "refused" {
            return Err(std::io::Error::other("the disk is full"));
        }
        self.0.lock().unwrap().push(format!("+{attempt}"));
        Ok(())
    }

    fn settled(&self, attempt: &str) {
        self.0.lock().unwrap().push(format!("-{attempt}"));
    }
}

#[test]
fn what_begins_is_marked_once_and_nothing_else_is() {
    let gate = Gate::closed(Duration::from_secs(60));
    gate.open(1, frozen_routine(), now());
    let noted = Arc::new(Noted::default());
    gate.keep_marks(noted.clone());
    let pass = admit(&gate, "a", "crisis");
    pass.begin().unwrap();
    pass.begin().unwrap();
    gate.settle("a");
    assert!(admit(&gate, "f", "routine").begin().is_err());
    assert_eq!(*noted.0.lock().unwrap(), ["+a", "-a"]);
    let refused = admit(&gate, "refused", "crisis").begin();
    assert_eq!(refused, Err(Closed::Unmarked("the disk is full".into())));
    assert!(!gate.has_begun("refused"));
}

#[test]
fn the_gate_is_read_once_more_after_the_mark() {
    /// A disk that is slower than the lease.
    struct Slow;
    impl Marks for Slow {
        fn mark(&self, _: &str) -> std::io::Result<()> {
            std::thread::sleep(Duration::from_millis(30));
            Ok(())
        }
        fn settled(&self, _: &str) {}
    }
    let gate = Gate::closed(Duration::from_millis(20));
    gate.keep_marks(Arc::new(Slow));
    gate.open(1, frozen_routine(), now());
    assert!(matches!(admit(&gate, "a", "crisis").begin(), Err(Closed::Stale(_))));
    assert!(!gate.has_begun("a"));
}

#[test]
fn nothing_starts_late_but_what_has_started_goes_on() {
    let gate = Gate::closed(Duration::from_secs(60));
    gate.open(1, Arc::new(|_| None), now());
    let late = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let clock = Arc::clone(&late);
    let in_time: InTime = Box::new(move || !clock.load(std::sync::atomic::Ordering::SeqCst));
    let thread = gate.admit("thread", "crisis", in_time, now());
    thread.begin().unwrap();
    late.store(true, std::sync::atomic::Ordering::SeqCst);
    thread.begin().unwrap();
    let gone = gate.admit("late", "crisis", Box::new(|| false), now());
    assert_eq!(gone.begin(), Err(Closed::Late));
    assert!(!gate.has_begun("late"));
}
