//! Which attempts have begun, on the node's own disk. A crash of the process leaves the file as it was;
//! so the next process knows which permits never began, and only the others are in doubt.
//!
//! A write that has returned outlives the process, not the machine: it is not forced to the disk, or
//! every send would wait for that. So the file counts only on the machine that wrote it, as long as
//! that has not started again. It must also be the very file, not a copy; of the process whose place the
//! new one takes; and not older than that process's last word in the database. A file that fails in
//! any of this is not believed, and every permit without an outcome is in doubt.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// The file inside the data folder.
pub(crate) fn file(data: &Path) -> PathBuf {
    data.join("begun")
}

/// The marks of this process.
pub(crate) struct Marks {
    file: File,
    header: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many marks were made so far. Each carries its number.
    count: i64,
    /// Where the mark of each attempt in hand is.
    places: HashMap<String, u64>,
    /// Places of attempts that are settled.
    free: Vec<u64>,
}

/// The length of an attempt's id, a UUID.
const ID: usize = 36;
/// A mark: its number with 20 digits, a blank, the id, the end of the line.
const MARK: usize = 20 + 1 + ID + 1;

impl Marks {
    /// A new file without marks, in the place of the one before. It counts once it is [`Marks::own`]ed.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn create(data: &Path, incarnation: &str) -> Result<Self> {
        let (path, next) = (file(data), data.join("begun.next"));
        let file = File::create(&next)?;
        let header = header(&file, incarnation)?;
        let marks = Self { file, header, state: Mutex::default() };
        marks.disown()?;
        std::fs::rename(next, path)?;
        Ok(marks)
    }

    /// How many marks were made so far.
    pub fn count(&self) -> i64 {
        self.lock().count
    }

    /// From now on the file counts: nothing of the processes before is without an outcome any more.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn own(&self) -> Result<()> {
        self.file.write_all_at(self.header.as_bytes(), 0)
    }

    /// The file proves nothing any more: the database may have lost outcomes, whose marks are gone.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn disown(&self) -> Result<()> {
        self.file.write_all_at("-".repeat(self.header.len()).as_bytes(), 0)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl channels::gate::Marks for Marks {
    fn mark(&self, attempt: &str) -> Result<()> {
        if attempt.len() != ID {
            return Err(Error::new(ErrorKind::InvalidInput, format!("not the id of an attempt: {attempt}")));
        }
        let mut state = self.lock();
        let new = state.places.len() + state.free.len();
        let place = state.free.pop().unwrap_or(new as u64);
        let mark = format!("{:020} {attempt}\n", state.count + 1);
        let at = self.header.len() as u64 + place * MARK as u64;
        if let Err(e) = self.file.write_all_at(mark.as_bytes(), at) {
            state.free.push(place);
            return Err(e);
        }
        state.count += 1;
        state.places.insert(attempt.to_owned(), place);
        Ok(())
    }

    fn settled(&self, attempt: &str) {
        let mut state = self.lock();
        if let Some(place) = state.places.remove(attempt) {
            state.free.push(place);
        }
    }
}

/// What the process of that incarnation had begun and not settled, and perhaps more; it made at least
/// so many marks. `None`: nobody knows.
pub(crate) fn begun(data: &Path, incarnation: &str, least: i64) -> Option<HashSet<String>> {
    boot()?;
    let path = file(data);
    let text = std::fs::read_to_string(&path).ok()?;
    let marks = text.strip_prefix(&header(&File::open(&path).ok()?, incarnation).ok()?)?;
    let (mut begun, mut count) = (HashSet::new(), 0);
    for mark in marks.split_terminator('\n') {
        let (number, attempt) = mark.split_once(' ').filter(|(_, id)| id.len() == ID)?;
        count = count.max(number.parse().ok()?);
        begun.insert(attempt.to_owned());
    }
    (marks.len() % MARK == 0 && count >= least).then_some(begun)
}

/// What ties the file to this start of this machine, to itself, and to the process that writes it.
fn header(file: &File, incarnation: &str) -> Result<String> {
    let (boot, inode) = (boot().unwrap_or_else(|| "unknown".into()), file.metadata()?.ino());
    Ok(format!("begun since boot {boot}, file {inode}, process {incarnation}\n"))
}

/// What Linux calls the present start of the machine (`random(4)`); `None` where it cannot be read.
fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use channels::gate::Marks as _;

    use super::*;
    use crate::clock::Clock;

    fn owned(data: &Path, incarnation: &str) -> Marks {
        let marks = Marks::create(data, incarnation).unwrap();
        marks.own().unwrap();
        marks
    }

    fn ids<const N: usize>() -> [String; N] {
        std::array::from_fn(|_| Clock::real().id())
    }

    #[test]
    fn what_has_begun_is_found_again_and_places_are_used_again() {
        let folder = tempfile::TempDir::new().unwrap();
        let marks = owned(folder.path(), "first");
        let [a, b, c, d] = ids();
        for id in [&a, &b, &c] {
            marks.mark(id).unwrap();
        }
        marks.settled(&b);
        marks.settled("never marked");
        marks.mark(&d).unwrap();
        assert_eq!(marks.count(), 4);
        let found = begun(folder.path(), "first", 4).unwrap();
        assert_eq!(found, HashSet::from([a, d, c]), "the place of what was settled is taken by the next");
        assert!(std::fs::metadata(file(folder.path())).unwrap().len() < 400);
    }

    #[test]
    fn a_file_that_may_be_wrong_proves_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let marks = owned(folder.path(), "first");
        let [a] = ids();
        marks.mark(&a).unwrap();
        let found = |least| begun(folder.path(), "first", least);
        assert_eq!(found(1), Some(HashSet::from([a])));
        assert_eq!(begun(folder.path(), "another", 0), None, "of another process");
        assert_eq!(found(2), None, "older than the word in the database");
        let file = file(folder.path());
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, &text[..text.len() - 5]).unwrap();
        assert_eq!(found(1), None, "cut off");
        std::fs::write(&file, text.replacen("boot ", "boot 0", 1)).unwrap();
        assert_eq!(found(1), None, "from before the machine started again");
        std::fs::write(&file, &text).unwrap();
        assert!(found(1).is_some());
        let copy = folder.path().join("copy");
        std::fs::copy(&file, &copy).unwrap();
        std::fs::rename(&copy, &file).unwrap();
        assert_eq!(found(1), None, "a copy");
        drop(marks);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(found(0), None, "not there");
    }

    #[test]
    fn a_file_counts_only_while_it_is_owned() {
        let folder = tempfile::TempDir::new().unwrap();
        let marks = Marks::create(folder.path(), "first").unwrap();
        let [a] = ids();
        marks.mark(&a).unwrap();
        let found = || begun(folder.path(), "first", 0);
        assert_eq!(found(), None);
        marks.own().unwrap();
        assert_eq!(found(), Some(HashSet::from([a])));
        marks.disown().unwrap();
        assert_eq!(found(), None);
    }

    #[test]
    fn what_is_no_attempt_cannot_be_marked() {
        let folder = tempfile::TempDir::new().unwrap();
        let marks = owned(folder.path(), "first");
        assert!(marks.mark("short").is_err());
        assert_eq!(begun(folder.path(), "first", 0), Some(HashSet::new()));
    }
}
