//! Tampered exports of the log: each kind of change, by forgers with more and more in their hands,
//! must be found by both verifiers; clean exports must raise no alarm.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use holdline::audit_export::{verify, write};
use holdline::domain::audit::{Entry, Stamp};
use holdline::domain::checkpoint::Signer;
use holdline::domain::tree::{Frontier, leaf_hash};

use crate::support::dice::Dice;
use crate::support::second_verifier::{self, Job};

const NAME: &str = "holdline/tamper";

/// What the forger does to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Edit,
    Delete,
    Insert,
    Reorder,
    Truncate,
    Fork,
}

/// What the forger can do besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hand {
    /// Changes the entries only.
    Entries,
    /// Recomputes every tile, but cannot sign: the old checkpoint stays.
    Tiles,
    /// Signs with a key of the same name that is not ours, and puts it into the folder.
    OtherKey,
    /// Has our key: numbers, tiles and signature are right. Only a kept checkpoint tells.
    OurKey,
}

const KINDS: [Kind; 6] = [Kind::Edit, Kind::Delete, Kind::Insert, Kind::Reorder, Kind::Truncate, Kind::Fork];
const HANDS: [Hand; 4] = [Hand::Entries, Hand::Tiles, Hand::OtherKey, Hand::OurKey];

/// A fact whose number is given when it is encoded.
#[derive(Debug, Clone)]
struct Fact {
    entry: Entry,
    stamp: Stamp,
}

fn facts(count: usize, dice: &mut Dice) -> Vec<Fact> {
    let fact = |n: usize| {
        let verb = ["post.created", "attempt.accepted", "freeze.committed"][dice.roll(3)];
        let entry = Entry::new(verb, &format!("post:{}", dice.roll(1_000))).note("n".repeat(dice.roll(80)));
        let at = 1_800_000_000_000 + i64::try_from(n).unwrap();
        Fact { entry, stamp: Stamp { at, actor: format!("p{}", dice.roll(9)), origin: "t".into() } }
    };
    (0..count).map(fact).collect()
}

fn encode(facts: &[Fact]) -> Vec<Vec<u8>> {
    facts.iter().zip(0..).map(|(f, seq)| f.entry.encode(seq, &f.stamp)).collect()
}

/// Changes the log at a place. What belongs to each fact is its number, so that a forger may give
/// new numbers (those with our key do) or leave the old ones.
fn forge(kind: Kind, log: &mut Vec<(u64, Fact)>, at: usize, dice: &mut Dice) {
    match kind {
        Kind::Edit => log[at].1.stamp.actor = "q".into(),
        Kind::Delete => drop(log.remove(at)),
        Kind::Insert => log.insert(at, (at as u64, facts(1, dice).remove(0))),
        Kind::Reorder => log.swap(at, at + 1),
        Kind::Truncate => log.truncate(at),
        Kind::Fork => {
            log.truncate(at);
            let more = facts(1 + dice.roll(300), dice);
            log.extend((at as u64..).zip(more));
        }
    }
}

fn note(signer: &Signer, leaves: &[Vec<u8>]) -> String {
    let mut tree = Frontier::default();
    for leaf in leaves {
        tree.append(leaf_hash(leaf));
    }
    signer.sign(tree.size(), &tree.root())
}

/// Every file of a folder with its bytes.
fn snapshot(root: &Path, at: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            snapshot(root, &path, into);
        } else {
            into.insert(path.strip_prefix(root).unwrap().to_owned(), std::fs::read(&path).unwrap());
        }
    }
}

fn bytes_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    snapshot(folder, folder, &mut found);
    found
}

/// The folders of a run, and what each verifier is asked.
struct Range {
    folder: tempfile::TempDir,
    ours: Signer,
    jobs: Vec<Job>,
}

impl Range {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), ours: Signer::new(NAME, &[3; 32]), jobs: Vec::new() }
    }

    fn job(&mut self, folder: &Path, kept: Option<String>) {
        let kept = kept.map(|note| {
            let path = self.folder.path().join(format!("kept-{}", self.jobs.len()));
            std::fs::write(&path, note).unwrap();
            path
        });
        self.jobs.push(Job { folder: folder.to_owned(), key: self.ours.verifier_key(), kept });
    }

    /// A clean export, half of them with the signature of a witness that nobody here knows.
    fn clean(&mut self, round: usize, dice: &mut Dice) {
        let leaves = encode(&facts([0, 1, 2, 255, 256, 257, 300, 513, 700][dice.roll(9)], dice));
        let mut signed = note(&self.ours, &leaves);
        if round % 2 == 1 {
            let witness = Signer::new("witness.example", &[4; 32]).sign(9, &[9; 32]);
            signed += &format!("{}\n", witness.lines().last().unwrap());
        }
        let folder = self.folder.path().join(format!("clean-{round}"));
        write(&folder, &leaves, &signed, &self.ours.verifier_key()).unwrap();
        let kept = &leaves[..dice.roll(leaves.len() + 1)];
        self.job(&folder, Some(note(&self.ours, kept)));
    }

    /// A tampered export. Says whether only the kept checkpoint can tell.
    fn tampered(&mut self, round: usize, dice: &mut Dice) -> Hand {
        let (kind, hand) = (KINDS[round % KINDS.len()], HANDS[round / KINDS.len() % HANDS.len()]);
        let facts = facts([20, 255, 256, 257, 600][dice.roll(5)], dice);
        let at = dice.roll(facts.len() - 1);
        let good = encode(&facts);
        let mut log: Vec<_> = (0..).zip(facts).collect();
        forge(kind, &mut log, at, dice);
        if hand == Hand::OurKey {
            (0..).zip(&mut log).for_each(|(seq, fact)| fact.0 = seq);
        }
        let bad: Vec<_> = log.iter().map(|(seq, f)| f.entry.encode(*seq, &f.stamp)).collect();
        let (clean, folder) = (self.folder.path().join("good"), self.folder.path().join(format!("{round}")));
        let theirs = Signer::new(NAME, &[5; 32]);
        let ours = self.ours.verifier_key();
        write(&clean, &good, &note(&self.ours, &good), &ours).unwrap();
        match hand {
            Hand::Entries | Hand::Tiles => write(&folder, &bad, &note(&self.ours, &good), &ours),
            Hand::OtherKey => write(&folder, &bad, &note(&theirs, &bad), &theirs.verifier_key()),
            Hand::OurKey => write(&folder, &bad, &note(&self.ours, &bad), &ours),
        }
        .unwrap();
        if hand == Hand::Entries {
            keep_entries_only(&folder, &clean);
        }
        assert_ne!(bytes_of(&folder), bytes_of(&clean), "{kind:?} by {hand:?} at {at} changes the bytes");
        std::fs::remove_dir_all(clean).unwrap();
        // Kept at any time after the change; the other forgers must be found without one.
        let kept = at + 1 + dice.roll(good.len() - at);
        self.job(&folder, (hand == Hand::OurKey).then(|| note(&self.ours, &good[..kept])));
        hand
    }

    /// What each verifier finds: holdline, then the second one.
    fn verdicts(&self) -> Vec<[Option<String>; 2]> {
        let first = |job: &Job| {
            let kept = job.kept.as_ref().map(|path| std::fs::read_to_string(path).unwrap());
            verify(&job.folder, Some(&job.key), kept.as_deref()).err().map(|f| f.join(" "))
        };
        let second = second_verifier::verify_all(&self.jobs);
        self.jobs.iter().map(first).zip(second).map(<[_; 2]>::from).collect()
    }
}

/// The forger changed the entries and left all other files as they were.
fn keep_entries_only(folder: &Path, clean: &Path) {
    for entry in std::fs::read_dir(folder.join("tile")).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("entries") {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    for (name, bytes) in bytes_of(clean).iter().filter(|(n, _)| !n.starts_with("tile/entries")) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// How many of the verdicts are findings, by each verifier.
fn count(verdicts: &[[Option<String>; 2]]) -> [usize; 2] {
    [0, 1].map(|i| verdicts.iter().filter(|v| v[i].is_some()).count())
}

#[test]
fn two_hundred_tampered_exports_are_found_and_fifty_clean_ones_pass() {
    let (mut dice, mut clean, mut tampered) = (Dice(20_261_123), Range::new(), Range::new());
    (0..50).for_each(|round| clean.clean(round, &mut dice));
    let hands: Vec<_> = (0..200).map(|round| tampered.tampered(round, &mut dice)).collect();
    let (alarms, found) = (clean.verdicts(), tampered.verdicts());
    for (round, verdict) in found.iter().enumerate().filter(|(_, v)| v.contains(&None)) {
        eprintln!("round {round}, {:?} by {:?}: {verdict:?}", KINDS[round % 6], hands[round]);
    }
    let alarms: Vec<_> = alarms.into_iter().filter(|v| *v != [None, None]).collect();
    let [first, second] = count(&found);
    eprintln!(
        "{first} of 200 by holdline, {second} of 200 by verify_audit.py, {} of 50 alarms",
        alarms.len()
    );
    assert_eq!([first, second], [200, 200]);
    assert!(alarms.is_empty(), "{alarms:?}");

    // Without the kept checkpoint a forger with our key is not seen: the others are.
    tampered.jobs.iter_mut().for_each(|job| job.kept = None);
    let unseen = hands.iter().filter(|h| **h == Hand::OurKey).count();
    eprintln!("{unseen} of the 200 only by the kept checkpoint");
    assert_eq!(count(&tampered.verdicts()), [200 - unseen; 2]);
}

#[test]
fn a_change_of_any_file_is_found() {
    let (mut dice, mut range) = (Dice(7), Range::new());
    let leaves = encode(&facts(300, &mut dice));
    let (signed, key) = (note(&range.ours, &leaves), range.ours.verifier_key());
    let names: Vec<_> = {
        let folder = range.folder.path().join("all");
        write(&folder, &leaves, &signed, &key).unwrap();
        bytes_of(&folder).into_keys().collect()
    };
    assert_eq!(names.len(), 7, "{names:?}");
    let changes: [fn(&Path, &mut Dice); 4] = [
        |path, dice| {
            let mut bytes = std::fs::read(path).unwrap();
            let at = dice.roll(bytes.len() - 1);
            bytes[at] ^= 1;
            std::fs::write(path, bytes).unwrap();
        },
        |path, _| std::fs::remove_file(path).unwrap(),
        |path, _| std::fs::write(path.with_file_name("stray"), "more").unwrap(),
        |path, _| {
            let aside = path.ancestors().find(|p| p.ends_with("files")).unwrap().with_extension("aside");
            std::fs::rename(path, &aside).unwrap();
            std::os::unix::fs::symlink(&aside, path).unwrap();
        },
    ];
    for name in &names {
        for change in changes {
            let folder = range.folder.path().join(range.jobs.len().to_string()).join("files");
            write(&folder, &leaves, &signed, &key).unwrap();
            change(&folder.join(name), &mut dice);
            range.job(&folder, None);
        }
    }
    for (job, verdict) in range.jobs.iter().zip(range.verdicts()) {
        assert!(!verdict.contains(&None), "{}: {verdict:?}", job.folder.display());
    }
}
