//! Which attempts have begun, on the node's own disk. A crash of the process leaves the file as it was;
//! so the next process knows which permits never began, and only the others are in doubt.
//!
//! A write that has returned outlives the process, not the machine: it is not forced to the disk, or
//! every send would wait for that. So the file counts only on the machine that wrote it, as long as
//! that has not started again. It must also be the very file, not a copy; of the process that made the
//! permits; and not older than that process's last word in the database, which is a second old at
//! most. A file that fails in any of this is not believed, and every permit without an outcome is in doubt.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::UNIX_EPOCH;

/// The file inside the data folder.
pub(crate) fn file(data: &Path) -> PathBuf {
    data.join("begun")
}

/// The marks of this process.
pub(crate) struct Marks {
    file: File,
    /// Where the first mark is.
    start: u64,
    /// How many marks were made so far. Each carries its number. Read without waiting for the disk.
    count: AtomicI64,
    /// How many settled attempts still have their mark.
    settled: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Where the mark of each attempt in hand is.
    places: HashMap<String, u64>,
    /// Places of attempts that are settled, oldest first: they stay until it is sure that the outcome does.
    settled: Vec<u64>,
    /// Places that may be used again.
    free: Vec<u64>,
    /// How many places there are.
    length: u64,
}

/// The length of an attempt's id, a UUID.
const ID: usize = 36;
/// A mark: its number with 20 digits, a blank, the id, the end of the line.
const MARK: usize = 20 + 1 + ID + 1;
/// How a file that counts begins, and one that does not.
const OWNED: &str = "begun";
const DISOWNED: &str = "-----";

impl Marks {
    /// A new file without marks, in the place of the one before. It counts once it is [`Marks::own`]ed.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn create(data: &Path, incarnation: &str) -> Result<Self> {
        let (path, next) = (file(data), data.join("begun.next"));
        let file = File::create(&next)?;
        let header = format!("{DISOWNED}{}{incarnation}\n", tied(&file)?);
        file.write_all_at(header.as_bytes(), 0)?;
        std::fs::rename(next, path)?;
        let (count, settled) = (AtomicI64::new(0), AtomicUsize::new(0));
        Ok(Self { file, start: header.len() as u64, count, settled, state: Mutex::default() })
    }

    /// How many marks were made so far.
    pub fn count(&self) -> i64 {
        self.count.load(Ordering::SeqCst)
    }

    /// From now on the file counts: nothing of the processes before is without an outcome any more.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn own(&self) -> Result<()> {
        self.file.write_all_at(OWNED.as_bytes(), 0)
    }

    /// The file says no more what has begun: the database may have lost outcomes, whose marks are gone.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn disown(&self) -> Result<()> {
        self.file.write_all_at(DISOWNED.as_bytes(), 0)
    }

    /// How many settled attempts still have their mark.
    pub fn settled(&self) -> usize {
        self.settled.load(Ordering::SeqCst)
    }

    /// The marks of the oldest settled attempts may go: a database without their outcomes would be seen
    /// as one that is behind. Not now when the disk is being waited for; the next call does it.
    pub fn release(&self, settled: usize) {
        let Ok(mut state) = self.state.try_lock() else { return };
        let settled = settled.min(state.settled.len());
        let gone: Vec<_> = state.settled.drain(..settled).collect();
        state.free.extend(gone);
        self.settled.store(state.settled.len(), Ordering::SeqCst);
    }

    /// Asks the disk whether it has what was written so far: one that loses it says so here.
    ///
    /// # Errors
    /// When it does. Then the marks prove nothing.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data()
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
        if state.places.contains_key(attempt) {
            return Ok(());
        }
        let place = state.free.pop().unwrap_or(state.length);
        let mark = format!("{:020} {attempt}\n", self.count() + 1);
        if let Err(e) = self.file.write_all_at(mark.as_bytes(), self.start + place * MARK as u64) {
            if place < state.length {
                state.free.push(place);
            }
            return Err(e);
        }
        state.length = state.length.max(place + 1);
        self.count.fetch_add(1, Ordering::SeqCst);
        state.places.insert(attempt.to_owned(), place);
        Ok(())
    }

    fn settled(&self, attempt: &str) {
        let mut state = self.lock();
        if let Some(place) = state.places.remove(attempt) {
            state.settled.push(place);
            self.settled.store(state.settled.len(), Ordering::SeqCst);
        }
    }
}

/// What the process before this one left in the same file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Before {
    pub incarnation: String,
    /// That process is no more: the machine has not started again, and this process has the lock of the
    /// folder. After another start it may be another machine, and the old one may live.
    pub ended: bool,
    begun: Option<(i64, HashSet<String>)>,
}

impl Before {
    /// What that process had begun and not settled, and perhaps more, when it made at least so many
    /// marks. `None`: nobody knows.
    pub fn begun(self, least: i64) -> Option<HashSet<String>> {
        self.begun.filter(|(count, _)| *count >= least).map(|(_, begun)| begun)
    }
}

/// Reads what the process before left. `None`: there is none, or its file is not where that process wrote it.
pub(crate) fn before(data: &Path) -> Option<Before> {
    let path = file(data);
    let text = String::from_utf8(std::fs::read(&path).ok()?).ok()?;
    let (header, marks) = text.split_once('\n')?;
    let (word, header) = header.split_at_checked(OWNED.len())?;
    let (boot, file) = facts(&File::open(&path).ok()?).ok()?;
    let (then, incarnation) = header.split_once(" process ")?;
    let (then, that_file) = then.strip_prefix(" since boot ")?.split_once(", file ")?;
    if that_file.strip_suffix(',')? != file {
        return None;
    }
    let ended = boot.is_some_and(|boot| boot == then);
    let begun = (ended && word == OWNED).then(|| read(marks)).flatten();
    Some(Before { incarnation: incarnation.to_owned(), ended, begun })
}

/// The number of the last mark, and all ids.
fn read(marks: &str) -> Option<(i64, HashSet<String>)> {
    let (mut begun, mut count) = (HashSet::new(), 0);
    for mark in marks.split_terminator('\n') {
        let (number, attempt) = mark.split_once(' ').filter(|(_, id)| id.len() == ID)?;
        count = count.max(number.parse().ok()?);
        begun.insert(attempt.to_owned());
    }
    marks.len().is_multiple_of(MARK).then_some((count, begun))
}

/// What ties a file to this start of the machine, and to itself.
fn tied(file: &File) -> Result<String> {
    let (boot, file) = facts(file)?;
    Ok(format!(" since boot {}, file {file}, process ", boot.unwrap_or_else(|| "unknown".into())))
}

/// What Linux calls the present start of the machine (`random(4)`), where it can be read; and which
/// file this is, as opposed to a copy.
fn facts(file: &File) -> Result<(Option<String>, String)> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    let facts = file.metadata()?;
    let born = facts.created().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let file = format!("{}:{} born {}", facts.dev(), facts.ino(), born.map_or(0, |b| b.as_nanos()));
    Ok((boot.map(|id| id.trim().to_owned()), file))
}

#[cfg(test)]
#[path = "marks_tests.rs"]
mod tests;
