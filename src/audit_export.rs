//! The audit log as a folder that anybody can verify offline: C2SP tlog-tiles, with the checkpoint
//! and the verifier key beside them.
//!
//! Layout: `checkpoint`, `key`, `tile/entries/<N>` (entries behind two bytes of length, 256 a
//! bundle), `tile/<L>/<N>` (256 hashes of 32 bytes), partial ones as `<N>.p/<W>`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::domain::audit::read_leaf;
use crate::domain::checkpoint::{Checkpoint, TrustedKey};
use crate::domain::tree::{Frontier, Hash, leaf_hash, node_hash};

/// Where the signed checkpoint is.
const CHECKPOINT: &str = "checkpoint";

/// Where the verifier key is.
const KEY: &str = "key";

/// Hashes or entries in a full tile or bundle.
const WIDTH: usize = 256;

/// What a verification saw.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub size: u64,
    pub root: String,
    pub origin: String,
    pub first: Option<String>,
    pub last: Option<String>,
    /// How many entries of each verb.
    pub verbs: BTreeMap<String, u64>,
    /// The key came from the export itself: it proves nothing until it is compared with one from
    /// elsewhere.
    pub key_from_export: bool,
    /// A kept checkpoint was given, and the log goes on from it.
    pub continues_kept: bool,
}

/// Writes the folder, which must be new or empty: tiles of an earlier export would not belong to
/// this one. `leaves` are the entries up to the checkpoint's size.
///
/// # Errors
/// The file system's own, a folder that is not empty, and an entry that is too long for a bundle.
pub fn write(dir: &Path, leaves: &[Vec<u8>], note: &str, key: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    if std::fs::read_dir(dir)?.next().is_some() {
        let words = format!("{} is not empty: choose a new folder", dir.display());
        return Err(std::io::Error::new(std::io::ErrorKind::AlreadyExists, words));
    }
    for (path, bytes) in files(leaves)? {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(dir))?;
        std::fs::write(path, bytes)?;
    }
    std::fs::write(dir.join(KEY), format!("{key}\n"))?;
    std::fs::write(dir.join(CHECKPOINT), note)
}

/// Writes the log into a new folder that only we can read, verifies it there as an auditor would, and
/// takes the folder away again.
///
/// # Errors
/// Every finding, as sentences; also when the folder cannot be written.
pub fn verify_a_copy(
    dir: &Path,
    leaves: &[Vec<u8>],
    note: &str,
    key: &str,
    kept: Option<&str>,
) -> Result<Report, Vec<String>> {
    use std::os::unix::fs::DirBuilderExt;
    let words = |e: std::io::Error| vec![format!("{}: {e}", dir.display())];
    std::fs::DirBuilder::new().mode(0o700).create(dir).map_err(words)?;
    let result = write(dir, leaves, note, key).map_err(words).and_then(|()| verify(dir, Some(key), kept));
    if let Err(e) = std::fs::remove_dir_all(dir) {
        tracing::warn!(error = %e, folder = %dir.display(), "cannot take the folder away");
    }
    result
}

/// The folder that [`write`] makes, as one archive (POSIX ustar).
///
/// # Errors
/// As [`write`].
pub fn tar(leaves: &[Vec<u8>], note: &str, key: &str) -> std::io::Result<Vec<u8>> {
    const BLOCK: usize = 512;
    let mut all = files(leaves)?;
    all.insert(KEY.into(), format!("{key}\n").into_bytes());
    all.insert(CHECKPOINT.into(), note.as_bytes().to_vec());
    let mut out = Vec::new();
    for (path, bytes) in &all {
        let mut head = [0_u8; BLOCK];
        let size = format!("{:011o}", bytes.len());
        let name = format!("holdline-audit/{}", path.display());
        for (at, text) in [
            (0, name.as_str()),
            (100, "0000644"),
            (108, "0000000"),
            (116, "0000000"),
            (124, &size),
            (136, "00000000000"),
            // The sum is made with blanks in its own place.
            (148, "        "),
            (156, "0"),
            (257, "ustar"),
            (263, "00"),
        ] {
            head[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        let sum: u32 = head.iter().copied().map(u32::from).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&head);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    Ok(out)
}

/// Every tile and bundle of a log, by its path.
fn files(leaves: &[Vec<u8>]) -> std::io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut out = BTreeMap::new();
    for (n, bundle) in leaves.chunks(WIDTH).enumerate() {
        let mut bytes = Vec::new();
        for leaf in bundle {
            let length = u16::try_from(leaf.len()).map_err(std::io::Error::other)?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(leaf);
        }
        out.insert(tile_path("entries", n, bundle.len()), bytes);
    }
    let mut hashes: Vec<Hash> = leaves.iter().map(|l| leaf_hash(l)).collect();
    let mut level = 0;
    while !hashes.is_empty() {
        for (n, tile) in hashes.chunks(WIDTH).enumerate() {
            out.insert(tile_path(&level.to_string(), n, tile.len()), tile.concat());
        }
        hashes = hashes.chunks_exact(WIDTH).map(subtree).collect();
        level += 1;
    }
    Ok(out)
}

/// The root of a complete subtree.
fn subtree(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            node_hash(&subtree(left), &subtree(right))
        }
    }
}

/// `tile/<level>/x001/234` and `.p/<width>` for a partial one.
fn tile_path(level: &str, n: usize, width: usize) -> PathBuf {
    let mut path = PathBuf::from("tile").join(level);
    let mut parts = vec![format!("{:03}", n % 1_000)];
    let mut rest = n / 1_000;
    while rest > 0 {
        parts.push(format!("x{:03}", rest % 1_000));
        rest /= 1_000;
    }
    if width < WIDTH {
        let last = parts.remove(0);
        parts.insert(0, format!("{last}.p/{width}"));
    }
    path.extend(parts.iter().rev());
    path
}

/// Verifies a folder. `trusted` is the verifier key that the auditor holds; `kept` an older
/// checkpoint of the same log.
///
/// # Errors
/// Every finding, as sentences.
pub fn verify(dir: &Path, trusted: Option<&str>, kept: Option<&str>) -> Result<Report, Vec<String>> {
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).map_err(|e| vec![format!("{name}: {e}")]);
    let note = read(CHECKPOINT)?;
    let own_key = read(KEY)?;
    let key = TrustedKey::parse(trusted.unwrap_or(&own_key)).map_err(|e| vec![e])?;
    let checkpoint = key.verify(&note).map_err(|e| vec![e])?;
    let kept =
        kept.map(|k| key.verify(k)).transpose().map_err(|e| vec![format!("the kept checkpoint: {e}")])?;
    let mut findings = Vec::new();
    if TrustedKey::parse(&own_key).as_ref() != Ok(&key) {
        findings.push("the key in the folder is not the one that you trust".into());
    }
    if checkpoint.origin != key.name() {
        findings.push(format!("the checkpoint is of {}, the key of {}", checkpoint.origin, key.name()));
    }
    let leaves = match leaves(dir, checkpoint.size) {
        Ok(leaves) => leaves,
        Err(e) => return Err([findings, vec![e]].concat()),
    };
    compare(dir, &leaves, &mut findings);
    let mut report = Report {
        size: checkpoint.size,
        root: hex::encode(checkpoint.root),
        origin: checkpoint.origin.clone(),
        first: None,
        last: None,
        verbs: BTreeMap::new(),
        key_from_export: trusted.is_none(),
        continues_kept: kept.is_some(),
    };
    hash_all(&leaves, &checkpoint, kept.as_ref(), &mut report, &mut findings);
    if findings.is_empty() { Ok(report) } else { Err(findings) }
}

/// Reads the entries that the checkpoint counts.
fn leaves(dir: &Path, size: u64) -> Result<Vec<Vec<u8>>, String> {
    let size = usize::try_from(size).map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    for n in 0..size.div_ceil(WIDTH) {
        let width = (size - n * WIDTH).min(WIDTH);
        let path = tile_path("entries", n, width);
        let bytes = std::fs::read(dir.join(&path)).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut rest = bytes.as_slice();
        for i in 0..width {
            let short = || format!("{}: entry {i} is cut off", path.display());
            let (length, tail) = rest.split_first_chunk::<2>().ok_or_else(short)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let entry = tail.get(..length).ok_or_else(short)?;
            out.push(entry.to_vec());
            rest = &tail[length..];
        }
        if !rest.is_empty() {
            return Err(format!("{}: there are bytes after the last entry", path.display()));
        }
    }
    Ok(out)
}

/// Compares the files that are there with those that the entries make.
fn compare(dir: &Path, leaves: &[Vec<u8>], findings: &mut Vec<String>) {
    let wanted = match files(leaves) {
        Ok(files) => files,
        Err(e) => return findings.push(e.to_string()),
    };
    for (path, bytes) in &wanted {
        match std::fs::read(dir.join(path)) {
            Err(e) => findings.push(format!("{}: {e}", path.display())),
            Ok(found) if found != *bytes => {
                findings.push(format!("{}: does not fit the entries", path.display()))
            }
            Ok(_) => {}
        }
    }
    let mut found = BTreeSet::new();
    if let Err(e) = walk(dir, &mut found) {
        findings.push(format!("the folder cannot be read: {e}"));
    }
    for path in found {
        let short = path.strip_prefix(dir).unwrap_or(&path);
        let known = wanted.contains_key(short) || [CHECKPOINT, KEY].iter().any(|n| Path::new(n) == short);
        if !known {
            findings.push(format!("{}: does not belong to this log", short.display()));
        } else if !path.symlink_metadata().is_ok_and(|m| m.is_file()) {
            findings.push(format!("{}: is not a plain file", short.display()));
        }
    }
}

/// Everything below a folder that is not a folder itself. Links are not followed.
fn walk(dir: &Path, found: &mut BTreeSet<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), found)?;
        } else {
            found.insert(entry.path());
        }
    }
    Ok(())
}

/// The root, the form of the entries, and the kept checkpoint.
fn hash_all(
    leaves: &[Vec<u8>],
    checkpoint: &Checkpoint,
    kept: Option<&Checkpoint>,
    report: &mut Report,
    findings: &mut Vec<String>,
) {
    if let Some(kept) = kept {
        if kept.origin != checkpoint.origin {
            findings.push(format!("the kept checkpoint is of another log: {}", kept.origin));
        }
        if kept.size > checkpoint.size {
            findings
                .push(format!("the log was cut: it had {} entries and has {}", kept.size, checkpoint.size));
        }
    }
    let mut tree = Frontier::default();
    let check_kept = |tree: &Frontier, findings: &mut Vec<String>| {
        if let Some(kept) = kept.filter(|k| k.size == tree.size() && k.root != tree.root()) {
            findings.push(format!("the log was rewritten before entry {}: it is a fork", kept.size));
        }
    };
    check_kept(&tree, findings);
    for (i, leaf) in leaves.iter().enumerate() {
        tree.append(leaf_hash(leaf));
        check_kept(&tree, findings);
        match read_leaf(leaf, i as u64) {
            Err(e) => findings.push(e),
            Ok(facts) => {
                report.first.get_or_insert_with(|| facts.at.clone());
                report.last = Some(facts.at);
                *report.verbs.entry(facts.verb).or_default() += 1;
            }
        }
    }
    if tree.root() != checkpoint.root {
        findings.push("the entries do not lead to the root that was signed".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(tile_path("0", 1_234_067, 256), PathBuf::from("tile/0/x001/x234/067"));
        assert_eq!(tile_path("entries", 5, 7), PathBuf::from("tile/entries/005.p/7"));
    }

    #[test]
    fn an_archive_holds_whole_blocks_and_right_sums() {
        let tar = tar(&[b"{}".to_vec()], "note", "key").unwrap();
        assert_eq!(tar.len() % 512, 0);
        let mut names = Vec::new();
        let mut rest = tar.as_slice();
        while rest[0] != 0 {
            let head = &rest[..512];
            let text =
                |from: usize, to: usize| std::str::from_utf8(&head[from..to]).unwrap().trim_matches('\0');
            let octal = |t: &str| usize::from_str_radix(t.trim_matches(['\0', ' ']), 8).unwrap();
            let sum: usize = head
                .iter()
                .enumerate()
                .map(|(i, b)| if (148..156).contains(&i) { 32 } else { usize::from(*b) })
                .sum();
            assert_eq!(octal(text(148, 156)), sum);
            names.push(text(0, 100).to_owned());
            rest = &rest[512 + octal(text(124, 136)).next_multiple_of(512)..];
        }
        let wanted = ["checkpoint", "key", "tile/0/000.p/1", "tile/entries/000.p/1"];
        assert_eq!(names, wanted.map(|n| format!("holdline-audit/{n}")));
    }

    /// The worked example of C2SP tlog-tiles, "Partial Tiles".
    #[test]
    fn a_log_of_seventy_thousand_has_the_tiles_of_the_specification() {
        let leaves: Vec<_> = (0_u32..70_000).map(|n| n.to_be_bytes().to_vec()).collect();
        let files = files(&leaves).unwrap();
        let lengths = |level: &str| -> Vec<usize> {
            let below = PathBuf::from("tile").join(level);
            files.iter().filter(|(p, _)| p.starts_with(&below)).map(|(_, b)| b.len() / 32).collect()
        };
        assert_eq!(lengths("0"), [vec![256; 273], vec![112]].concat());
        assert_eq!(lengths("1"), [256, 17]);
        assert_eq!(lengths("2"), [1]);
        assert!(files.contains_key(Path::new("tile/entries/273.p/112")));
        assert_eq!(files.keys().filter(|p| p.starts_with("tile/entries")).count(), 274);
    }
}
