//! The file of the instance keys: changed whole, by one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, ErrorKind, Read, Result as Io, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

/// More bytes than any file of keys has.
const LARGEST: u64 = 64 * 1024;
/// How long a change waits for another process that changes the same file.
const WAITS: Duration = Duration::from_secs(5);
/// What is said when it is not read or written in time.
pub(super) const SILENT: &str = "the key file does not answer";
/// How the name of a file ends that takes the place of the other.
const NEW: &str = ".new";

/// Why the file cannot be read.
#[derive(Debug)]
pub(super) struct Unread {
    /// A sentence with the path.
    pub why: String,
    /// Whether another start would read nothing either. Otherwise nobody can tell now.
    pub lost: bool,
}

impl Unread {
    fn new(file: &Path, e: &Error) -> Self {
        use ErrorKind::{InvalidData, NotADirectory, NotFound, PermissionDenied};
        let lost = matches!(e.kind(), NotFound | NotADirectory | PermissionDenied | InvalidData);
        Self { why: format!("cannot read {}: {e}", file.display()), lost }
    }
}

/// What the file holds. It may be a pipe, which can be read once.
///
/// # Errors
/// Also when it is larger than any file of keys: what is written back would be cut.
pub(super) fn read(file: &Path) -> Result<SecretString, Unread> {
    let mut text = String::new();
    let read = File::open(file).and_then(|f| f.take(LARGEST + 1).read_to_string(&mut text));
    let size = read.map_err(|e| Unread::new(file, &e))?;
    if size as u64 > LARGEST {
        let why = format!("{} has more than {LARGEST} bytes: it is no file of keys", file.display());
        return Err(Unread { why, lost: true });
    }
    Ok(text.into())
}

/// As [`read`], at any later time: of a pipe nothing more would come.
///
/// # Errors
/// As [`read`]; also when it is no regular file.
pub(super) fn read_again(file: &Path) -> Result<SecretString, Unread> {
    let facts = std::fs::metadata(file).map_err(|e| Unread::new(file, &e))?;
    if !facts.is_file() {
        let why = format!("{} is no regular file: it is read at the start only", file.display());
        return Err(Unread { why, lost: false });
    }
    read(file)
}

/// Changes the file: `to` gets what it holds, or nothing when there is none, and answers with what it is to
/// hold, or with nothing to leave it. No other process changes it meanwhile. After a crash the file is the old
/// one or the new one, whole.
///
/// # Errors
/// A sentence with the path, or that of `to`; then the file is as it was.
pub(super) fn change(
    file: &Path,
    to: impl FnOnce(Option<&str>) -> Result<Option<SecretString>, String>,
) -> Result<(), String> {
    let refused = |e: Error| format!("cannot write the key file {}: {e}", file.display());
    // Where a link leads: a link would be replaced by a file. One that leads nowhere is a mount that is missing.
    let there = is_there(file).map_err(refused)?;
    let file = if there { file.canonicalize().map_err(refused)? } else { file.to_owned() };
    let _lock = lock(&file).map_err(refused)?;
    let before =
        if is_there(&file).map_err(refused)? { Some(read_again(&file).map_err(|e| e.why)?) } else { None };
    let Some(text) = to(before.as_ref().map(ExposeSecret::expose_secret))? else { return Ok(()) };
    sweep(&file).and_then(|()| put(&file, &text)).map_err(refused)
}

/// Whether the name is taken, also by a link that leads nowhere.
///
/// # Errors
/// When nobody can tell.
pub(super) fn is_there(file: &Path) -> Io<bool> {
    match file.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// The lock of the file, which stands beside it and stays: the file itself is replaced.
fn lock(file: &Path) -> Io<File> {
    let lock =
        File::options().create(true).truncate(false).write(true).mode(0o600).open(beside(file, ".lock"))?;
    let until = Instant::now() + WAITS;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => return Err(Error::other("another process changes it")),
            Err(TryLockError::Error(e)) => return Err(e),
        }
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut path = file.to_owned().into_os_string();
    path.push(ending);
    path.into()
}

/// Removes what crashes have left beside the file: keys are in it.
fn sweep(file: &Path) -> Io<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_left = |other: &str| {
        let middle = other.strip_prefix(&name).and_then(|o| o.strip_prefix('.')?.strip_suffix(NEW));
        middle.is_some_and(|m| m.len() == 16 && m.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    for other in folder(file).read_dir()? {
        let other = other?;
        if is_left(&other.file_name().to_string_lossy()) {
            std::fs::remove_file(other.path())?;
        }
    }
    Ok(())
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Puts the text in the place of what the file holds.
fn put(file: &Path, text: &SecretString) -> Io<()> {
    let new = beside(file, &format!(".{}{NEW}", hex::encode(rand::random::<[u8; 8]>())));
    if let Err(e) = fill(&new, file, text).and_then(|()| std::fs::rename(&new, file)) {
        return Err(match std::fs::remove_file(&new) {
            Err(left) if left.kind() != ErrorKind::NotFound => Error::other(format!(
                "{e}; and {}, which holds keys, cannot be removed: {left}",
                new.display()
            )),
            _ => e,
        });
    }
    // It is done: whoever reads the file reads the new one.
    if let Err(e) = File::open(folder(file)).and_then(|f| f.sync_all()) {
        tracing::warn!(error = %e, "the key file is written; a power cut in the next seconds may take that back");
    }
    Ok(())
}

/// A new file with the text, which the same people can read as the old one; the owner alone when there is none.
fn fill(new: &Path, old: &Path, text: &SecretString) -> Io<()> {
    let mut out = OpenOptions::new().create_new(true).write(true).mode(0o600).open(new)?;
    if is_there(old)? {
        let (before, made) = (old.metadata()?, out.metadata()?);
        if (before.uid(), before.gid()) != (made.uid(), made.gid()) {
            fchown(&out, Some(before.uid()), Some(before.gid()))?;
        }
        out.set_permissions(std::fs::Permissions::from_mode(before.mode() & 0o777))?;
    }
    out.write_all(text.expose_secret().as_bytes())?;
    out.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            folder.read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_is_not_replaced_leaves_no_keys_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("instance.key");
        let text = |text: &str| Ok(Some(SecretString::from(text)));
        change(&file, |before| text(before.unwrap_or("first\n"))).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::fs::write(folder.path().join("instance.key.0123456789abcdef.new"), "left by a crash").unwrap();
        std::fs::write(folder.path().join("instance.key.of-mine.new"), "somebody's own").unwrap();
        change(&file, |before| text(&format!("{}second\n", before.unwrap()))).unwrap();
        assert_eq!(read_again(&file).unwrap().expose_secret(), "first\nsecond\n");
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o640, "who may read it stays");
        let left = ["instance.key", "instance.key.lock", "instance.key.of-mine.new"];
        assert_eq!(names(folder.path()), left);
        assert!(change(&file, |_| Err("no".into())).is_err());
        // A folder in its place cannot be replaced.
        let blocked = folder.path().join("blocked");
        std::fs::create_dir(&blocked).unwrap();
        assert!(put(&blocked, &"secret".into()).is_err());
        assert_eq!(names(folder.path()).len(), 4, "nothing new is left: {:?}", names(folder.path()));
    }

    #[test]
    fn nothing_is_read_from_a_pipe_again_and_no_link_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (link, pipe) = (folder.path().join("link"), folder.path().join("pipe"));
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).unwrap();
        assert!(is_there(&link).unwrap() && change(&link, |_| Ok(Some("new".into()))).is_err());
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let unread = read_again(&pipe).unwrap_err();
        assert!(unread.why.contains("no regular file") && !unread.lost);
        assert!(change(&pipe, |_| Ok(None)).is_err());
        let real = folder.path().join("real");
        std::fs::write(&real, "old").unwrap();
        assert!(read_again(&link).unwrap_err().lost, "it leads nowhere");
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        change(&link, |_| Ok(Some("new".into()))).unwrap();
        assert!(link.is_symlink() && std::fs::read_to_string(&real).unwrap() == "new");
        // Nothing is cut when it is written.
        let long = "#\n".repeat(32 * 1024);
        std::fs::write(&real, &long).unwrap();
        assert_eq!(read_again(&real).unwrap().expose_secret().len(), long.len());
        std::fs::write(&real, format!("{long}#")).unwrap();
        assert!(change(&real, |_| Ok(Some("new".into()))).unwrap_err().contains("more than 65536 bytes"));
        assert_eq!(real.metadata().unwrap().len(), 65_537);
    }

    #[test]
    fn changes_at_the_same_time_lose_no_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("instance.key");
        let add = |n: usize| {
            change(&file, |before| Ok(Some(format!("{}{n}\n", before.unwrap_or_default()).into()))).unwrap();
        };
        std::thread::scope(|threads| {
            for n in 0..8 {
                threads.spawn(move || add(n));
            }
        });
        let text = read_again(&file).unwrap();
        let mut lines: Vec<_> = text.expose_secret().lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    }
}
