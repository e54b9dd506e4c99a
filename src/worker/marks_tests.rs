//! What the marks say after a crash, and when they say nothing.

use channels::gate::Marks as _;
use tempfile::TempDir;

use super::*;
use crate::clock::Clock;

fn owned(data: &Path) -> Marks {
    let marks = Marks::create(data, "first").unwrap();
    marks.own().unwrap();
    marks
}

fn ids<const N: usize>() -> [String; N] {
    std::array::from_fn(|_| Clock::real().id())
}

fn begun(data: &Path, least: i64) -> Option<HashSet<String>> {
    before(data).and_then(|b| b.begun(least))
}

#[test]
fn what_has_begun_is_found_again_and_places_are_used_again_once_the_outcome_is_safe() {
    let folder = TempDir::new().unwrap();
    let marks = owned(folder.path());
    let [a, b, c, d, e] = ids();
    for id in [&a, &b, &c] {
        marks.mark(id).unwrap();
        marks.mark(id).unwrap();
    }
    channels::gate::Marks::settled(&marks, &b);
    channels::gate::Marks::settled(&marks, "never marked");
    marks.mark(&d).unwrap();
    assert_eq!((marks.count(), Marks::settled(&marks)), (4, 1), "a second mark of the same is none");
    let all = [&a, &b, &c, &d].map(String::clone);
    assert_eq!(begun(folder.path(), 4), Some(HashSet::from(all)), "its outcome might get lost");
    let length = || std::fs::metadata(file(folder.path())).unwrap().len();
    let before_reuse = length();
    marks.release(9);
    marks.mark(&e).unwrap();
    assert_eq!(length(), before_reuse, "it has the place of what was settled");
    assert_eq!(begun(folder.path(), 5), Some(HashSet::from([a, c, d, e])));
}

#[test]
fn a_file_that_may_be_wrong_proves_nothing() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    let marks = owned(data);
    let [a] = ids();
    marks.mark(&a).unwrap();
    assert_eq!(begun(data, 1), Some(HashSet::from([a])));
    assert_eq!(begun(data, 2), None, "older than the word in the database");
    let file = file(data);
    let text = std::fs::read_to_string(&file).unwrap();
    // Written in place, so that it stays the same file.
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write(&text[..text.len() - 5]);
    assert_eq!(begun(data, 1), None, "cut off");
    write(&text.replacen("boot ", "boot 0", 1));
    let old = before(data).unwrap();
    assert!(!old.ended, "it may be another machine");
    assert_eq!(
        (old.incarnation.clone().as_str(), old.begun(1)),
        ("first", None),
        "the machine has started again"
    );
    write(&text);
    assert!(begun(data, 1).is_some());
    let copy = data.join("copy");
    std::fs::copy(&file, &copy).unwrap();
    std::fs::rename(&copy, &file).unwrap();
    assert_eq!(before(data), None, "a copy");
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    assert_eq!(before(data), None, "something else");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(before(data), None, "not there");
}

#[test]
fn a_file_counts_only_while_it_is_owned() {
    let folder = TempDir::new().unwrap();
    let marks = Marks::create(folder.path(), "first").unwrap();
    let [a] = ids();
    marks.mark(&a).unwrap();
    assert_eq!(begun(folder.path(), 0), None);
    marks.own().unwrap();
    assert_eq!(begun(folder.path(), 0), Some(HashSet::from([a])));
    marks.disown().unwrap();
    let old = before(folder.path()).unwrap();
    assert!(old.ended);
    assert_eq!(
        (old.incarnation.clone().as_str(), old.begun(0)),
        ("first", None),
        "that process is no more all the same"
    );
}

#[test]
fn what_is_no_attempt_cannot_be_marked() {
    let folder = TempDir::new().unwrap();
    let marks = owned(folder.path());
    assert!(marks.mark("short").is_err());
    assert_eq!(begun(folder.path(), 0), Some(HashSet::new()));
}
