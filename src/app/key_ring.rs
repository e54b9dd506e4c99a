//! The instance keys that a process knows, and the file that they are kept in.

use std::path::{Path, PathBuf};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use super::key_file;
use super::key_lines::{InstanceKey, keys_of, parse, with_lines, without};
use super::secrets::SealError;
use crate::clock::Millis;

/// How long a key that is used no more still opens: what was sealed for a form comes back within this time.
const LEAVES_AFTER: Millis = 3_600_000;
/// How long a look at the file waits for the one before it, which may hang.
const WAITS: Duration = Duration::from_secs(10);

/// The instance keys that this process knows: one, or two while one takes the place of the other. They
/// never print themselves. Clones share what is known.
#[derive(Clone)]
pub struct Keys(Arc<Ring>);

struct Ring {
    /// Where they are kept; none for keys that only live in memory.
    file: Option<PathBuf>,
    /// Held while the file is looked at or changed. Who seals or opens does not wait for it.
    disk: Mutex<()>,
    known: RwLock<Known>,
    /// What somebody was told of last.
    told: Mutex<String>,
}

#[derive(Default)]
struct Known {
    keys: Vec<InstanceKey>,
    /// Ids of what the file held when it was read last.
    in_file: Vec<String>,
    /// Ids of those that are used no more, and until when they still open.
    leaving: Vec<(String, Millis)>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.ids().join(", "))
    }
}

impl Keys {
    fn with(file: Option<PathBuf>, keys: Vec<InstanceKey>) -> Self {
        let in_file = keys.iter().map(|k| k.id.clone()).collect();
        Self(Arc::new(Ring {
            file,
            disk: Mutex::default(),
            known: RwLock::new(Known { keys, in_file, leaving: Vec::new() }),
            told: Mutex::default(),
        }))
    }

    /// A key from random bytes, in memory only.
    pub fn random() -> Self {
        Self::with(None, vec![InstanceKey::new(rand::random())])
    }

    /// Makes a key and its file.
    ///
    /// # Errors
    /// In words, when the file cannot be written, or there is something of that name.
    pub fn create(file: &Path) -> Result<Self, String> {
        let key = InstanceKey::new(rand::random());
        key_file::change(file, |before| match before {
            None => Ok(Some(key.line().into())),
            Some(_) => Err(format!("{} is there already", file.display())),
        })?;
        Ok(Self::with(Some(file.to_owned()), vec![key]))
    }

    /// Reads the file: a key on each line.
    ///
    /// # Errors
    /// A sentence that says what the file must hold, or that it cannot be read.
    pub fn read(file: &Path) -> Result<Self, String> {
        let text = key_file::read(file).map_err(|e| e.why)?;
        let keys = parse(text.expose_secret()).map_err(|e| format!("{}: {e}", file.display()))?;
        Ok(Self::with(Some(file.to_owned()), keys))
    }

    /// Looks at the file again: a key that was added is known from now on. One that is gone from it, or gone
    /// with it, is still known to this process, and no longer among [`Keys::ids`].
    ///
    /// # Errors
    /// A sentence, when the file cannot be read, or does not answer; what is known stays.
    pub fn refresh(&self) -> Result<(), String> {
        let Some(file) = &self.0.file else { return Ok(()) };
        let _turn = self.turn(WAITS)?;
        self.learn(file)
    }

    /// The right to look at the file. A look that hangs holds it, and the others end.
    fn turn(&self, waits: Duration) -> Result<MutexGuard<'_, ()>, String> {
        let until = Instant::now() + waits;
        loop {
            match self.0.disk.try_lock() {
                Ok(turn) => return Ok(turn),
                Err(TryLockError::Poisoned(turn)) => return Ok(turn.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return Err(key_file::SILENT.into()),
            }
        }
    }

    fn learn(&self, file: &Path) -> Result<(), String> {
        let now = match key_file::read_again(file) {
            Ok(text) => parse(text.expose_secret()).map_err(|e| format!("{}: {e}", file.display())),
            Err(unread) if unread.lost => Err(unread.why),
            // Nobody can tell what it holds: the look before counts.
            Err(unread) => return Err(unread.why),
        };
        let mut known = self.write();
        known.in_file = now.iter().flatten().map(|k| k.id.clone()).collect();
        for key in now? {
            if known.keys.iter().all(|k| k.id != key.id) {
                known.keys.push(key);
            }
        }
        Ok(())
    }

    /// Ids of the keys that another start of this node would know.
    pub fn ids(&self) -> Vec<String> {
        self.lock().in_file.clone()
    }

    /// Ids of all that are known, be it in memory only.
    pub(super) fn known(&self) -> Vec<String> {
        self.lock().keys.iter().map(|k| k.id.clone()).collect()
    }

    /// Whether it is known, be it in memory only.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.lock().keys.iter().any(|k| k.id == id)
    }

    /// Changes the file, and learns what it holds then, changed or not.
    fn change(
        &self,
        to: impl FnOnce(Option<&str>) -> Result<Option<SecretString>, String>,
    ) -> Result<(), String> {
        let Some(file) = &self.0.file else { return Err("this process keeps its key in no file".into()) };
        let _turn = self.turn(WAITS)?;
        let changed = key_file::change(file, to);
        let learned = self.learn(file);
        changed.and(learned)
    }

    /// Makes another key and adds it to the file, unless one is there that is not among `used`. The id of
    /// the one that was made.
    ///
    /// # Errors
    /// In words, when the file cannot be written or holds something else: then nothing has changed.
    pub(super) fn add_new(&self, used: &[String]) -> Result<Option<String>, String> {
        let mut made = None;
        self.change(|before| {
            let before = before.ok_or("the key file is gone")?;
            if parse(before)?.iter().any(|k| !used.contains(&k.id)) {
                return Ok(None);
            }
            let key = InstanceKey::new(rand::random());
            let text = with_lines(before, &key.line());
            made = Some(key.id);
            Ok(Some(text))
        })?;
        Ok(made)
    }

    /// Writes keys that this process knows back into the file, when they are not there; their ids. They are in
    /// use again.
    ///
    /// # Errors
    /// In words, when the file cannot be written or holds something else: then nothing has changed.
    pub(super) fn write_back(&self, ids: &[String]) -> Result<Vec<String>, String> {
        let mut keys = self.lock().keys.clone();
        keys.retain(|k| ids.contains(&k.id));
        self.change(|before| {
            let before = before.unwrap_or_default();
            let there = keys_of(before)?;
            keys.retain(|k| there.iter().all(|t| t.id != k.id));
            let lines: String = keys.iter().map(InstanceKey::line).collect();
            Ok((!keys.is_empty()).then(|| with_lines(before, &lines)))
        })
        .map_err(|why| {
            format!(
                "{why}. If the key file cannot be read or is damaged, move it away without stopping this service, \
                 and run `holdline keys save` again"
            )
        })?;
        self.write().leaving.retain(|(id, _)| !ids.contains(id));
        Ok(keys.into_iter().map(|k| k.id).collect())
    }

    /// Takes a key that is used no more out of the file, where `seals` must be. Here it still opens for an
    /// hour. Whether something was done.
    ///
    /// # Errors
    /// In words, when the file cannot be written, or the key that seals is not in it: then nothing has changed.
    pub(super) fn forget(&self, id: &str, seals: &str, now: Millis) -> Result<bool, String> {
        let (in_file, leaves) = {
            let known = self.lock();
            (known.in_file.iter().any(|k| k == id), known.leaving.iter().any(|(l, _)| l == id))
        };
        if id == seals || !self.knows(id) || leaves && !in_file {
            return Ok(false);
        }
        if in_file && self.0.file.is_some() {
            self.change(|before| {
                let before = before.unwrap_or_default();
                if parse(before)?.iter().all(|k| k.id != seals) {
                    return Err("the key that seals is not in the key file".into());
                }
                Ok(Some(without(before, id)))
            })?;
        }
        let mut known = self.write();
        known.in_file.retain(|k| k != id);
        known.leaving.retain(|(l, _)| l != id);
        known.leaving.push((id.to_owned(), now + LEAVES_AFTER));
        Ok(true)
    }

    /// Forgets what has been used no more for an hour. What is `needed` is in use again: a database whose last
    /// changes were lost names an earlier key.
    pub(super) fn drop_left(&self, needed: &[String], now: Millis) {
        let mut known = self.write();
        let Known { keys, in_file, leaving } = &mut *known;
        leaving.retain(|(id, until)| {
            if needed.contains(id) {
                return false;
            }
            let over = *until <= now && !in_file.contains(id);
            if over {
                keys.retain(|k| k.id != *id);
            }
            !over
        });
    }

    /// Whether nobody was told of this yet, as the last thing.
    pub(super) fn tell(&self, what: &str) -> bool {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        let new = *told != what;
        what.clone_into(&mut told);
        new
    }

    /// The first key that this process read.
    pub(super) fn first(&self) -> InstanceKey {
        self.lock().keys[0].clone()
    }

    /// The key of that id.
    ///
    /// # Errors
    /// [`SealError::OtherKey`] when it is not known.
    pub(super) fn key(&self, id: &str) -> Result<InstanceKey, SealError> {
        let known = self.lock();
        let key = known.keys.iter().find(|k| k.id == id).cloned();
        let ours = || known.keys.iter().map(|k| k.id.as_str()).collect::<Vec<_>>().join(", ");
        key.ok_or_else(|| SealError::OtherKey { named: id.to_owned(), ours: ours() })
    }

    fn lock(&self) -> RwLockReadGuard<'_, Known> {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::secrets::named;

    #[test]
    fn keys_do_not_print_themselves() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("instance.key");
        let keys = Keys::create(&file).unwrap();
        assert!(Keys::create(&file).unwrap_err().contains("there already"));
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!format!("{keys:?}").contains(text.trim()) && text.trim().len() == 64);
        assert_eq!(format!("{:?}", Keys::read(&file).unwrap()), format!("{keys:?}"));
    }

    #[test]
    fn a_second_key_wraps_the_same_secret_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("instance.key");
        let keys = Keys::create(&file).unwrap();
        let other = Keys::read(&file).unwrap();
        let old = keys.ids().remove(0);
        let stored = keys.seal("channel:1", &"hunter2".to_owned().into());
        // A comment, and no newline at the end.
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("# of the press office\n{}", text.trim())).unwrap();
        let new = keys.add_new(std::slice::from_ref(&old)).unwrap().unwrap();
        assert_eq!(other.add_new(std::slice::from_ref(&old)).unwrap(), None, "one is there already");
        let wrapped = keys.rewrap(&new, "channel:1", &stored).unwrap();
        assert_eq!(named(&wrapped).unwrap(), new);
        assert!(keys.rewrap(&new, "channel:2", &stored).is_err(), "bound to its record");
        assert_eq!(other.open("channel:1", &wrapped).unwrap().expose_secret(), "hunter2");
        assert!(!keys.forget(&new, &new, 0).unwrap(), "the one that seals stays");
        assert!(keys.forget(&old, "another", 0).is_err(), "the one that seals is not there");
        assert!(keys.forget(&old, &new, 0).unwrap() && !keys.forget(&old, &new, 5).unwrap());
        assert_eq!(Keys::read(&file).unwrap().ids(), std::slice::from_ref(&new));
        let new_line = std::fs::read_to_string(&file).unwrap();
        assert!(new_line.starts_with("# of the press office\n"));
        keys.drop_left(&[], LEAVES_AFTER - 1);
        assert!(keys.open("channel:1", &stored).is_ok(), "what is on its way comes back");
        let needed = std::slice::from_ref(&old);
        keys.drop_left(needed, LEAVES_AFTER);
        keys.drop_left(&[], LEAVES_AFTER);
        assert!(keys.open("channel:1", &stored).is_ok(), "it was in use again");
        assert!(keys.forget(&old, &new, 0).unwrap());
        assert_eq!(keys.write_back(needed).unwrap(), needed);
        std::fs::write(&file, new_line).unwrap();
        keys.refresh().unwrap();
        keys.drop_left(&[], LEAVES_AFTER);
        assert!(keys.open("channel:1", &stored).is_ok(), "it was written back");
        assert!(keys.forget(&old, &new, 0).unwrap());
        keys.drop_left(&[], LEAVES_AFTER);
        assert!(matches!(keys.open("channel:1", &stored), Err(SealError::OtherKey { .. })));
        assert!(keys.open("channel:1", &wrapped).is_ok());
    }

    #[test]
    fn a_damaged_file_takes_nothing_from_memory_and_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("instance.key");
        let keys = Keys::create(&file).unwrap();
        let (ids, stored) = (keys.ids(), keys.seal("a", &"b".to_owned().into()));
        for text in ["", "# none\n", "abc\n"] {
            std::fs::write(&file, text).unwrap();
            assert!(keys.refresh().unwrap_err().contains("64 hexadecimal"));
            assert!(keys.open("a", &stored).is_ok() && keys.ids().is_empty(), "it is in memory alone");
            assert!(keys.add_new(&ids).is_err() && std::fs::read_to_string(&file).unwrap() == text);
        }
        let refused = keys.write_back(&ids).unwrap_err();
        assert!(refused.contains("move it away"), "nothing is added to what is no key: {refused}");
        std::fs::write(&file, "# none\n").unwrap();
        assert_eq!(keys.write_back(&ids).unwrap(), ids);
        std::fs::remove_file(&file).unwrap();
        assert!(keys.refresh().is_err() && keys.ids().is_empty());
        assert_eq!(keys.write_back(&ids).unwrap(), ids);
        assert!(keys.write_back(&ids).unwrap().is_empty() && Keys::read(&file).unwrap().ids() == ids);
        // Nobody can tell what it holds: what was seen last counts. One that hangs takes no second thread.
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert!(keys.refresh().is_err() && keys.ids() == ids);
        let _hangs = keys.turn(Duration::ZERO).unwrap();
        assert_eq!(keys.turn(Duration::ZERO).unwrap_err(), key_file::SILENT);
    }
}
