//! Tampered exports of the log: each kind of change, plain and by somebody who recomputes every
//! tile, must be found by Holdline and by the independent `tests/verify_audit.py`; clean ones must
//! raise no alarm.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use holdline::audit_export::{verify, write};
use holdline::domain::audit::{Entry, Stamp};
use holdline::domain::checkpoint::Signer;
use holdline::domain::tree::{Frontier, leaf_hash};

/// A small generator, so that a failing round can be repeated (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % below as u64).unwrap()
    }
}

fn entries(count: usize, dice: &mut Dice) -> Vec<Vec<u8>> {
    (0..count)
        .map(|n| {
            let stamp = Stamp {
                at: 1_800_000_000_000 + n as i64,
                actor: format!("p{}", dice.roll(9)),
                origin: "t".into(),
            };
            let verb = ["post.created", "attempt.accepted", "freeze.committed"][dice.roll(3)];
            Entry::new(verb, &format!("post:{}", dice.roll(1_000)))
                .note("n".repeat(dice.roll(80)))
                .encode(n as u64, &stamp)
        })
        .collect()
}

fn note(signer: &Signer, leaves: &[Vec<u8>]) -> String {
    let mut tree = Frontier::default();
    for leaf in leaves {
        tree.append(leaf_hash(leaf));
    }
    signer.sign(tree.size(), &tree.root())
}

/// One exported folder, and the checkpoint that the auditor kept.
struct Case {
    folder: PathBuf,
    kept: String,
}

impl Case {
    fn new(base: &Path, name: &str, leaves: &[Vec<u8>], note: &str, kept: String) -> Self {
        let folder = base.join(name);
        std::fs::create_dir(&folder).unwrap();
        write(&folder, leaves, note, &signer().verifier_key()).unwrap();
        std::fs::write(folder.with_extension("kept"), &kept).unwrap();
        Self { folder, kept }
    }

    /// Whether Holdline's own verifier finds something.
    fn found_by_holdline(&self) -> bool {
        verify(&self.folder, Some(&signer().verifier_key()), Some(&self.kept)).is_err()
    }
}

fn signer() -> Signer {
    Signer::new("holdline/tamper", &[3; 32])
}

/// What the second verifier says of each case, in one run of it.
fn found_by_python(cases: &[Case]) -> Vec<bool> {
    let home = std::env::var("PEER_HOME").unwrap_or_else(|_| {
        let home = std::env::var("HOME").unwrap_or_else(|_| "/var/tmp".into());
        format!("{home}/.cache/holdline-peers")
    });
    let python = Path::new(&home).join("audit-venv/bin/python");
    assert!(python.exists(), "{} is missing: run bash tests/peers/audit/install.sh", python.display());
    let mut run = Command::new(python)
        .args(["tests/verify_audit.py", "--batch", "--key", &signer().verifier_key()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let list: String = cases
        .iter()
        .map(|c| format!("{}\t{}\n", c.folder.display(), c.folder.with_extension("kept").display()))
        .collect();
    run.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    let said = String::from_utf8(run.wait_with_output().unwrap().stdout).unwrap();
    let found = |line: &str| match line.split_once(": ") {
        Some(("found", _)) => true,
        Some(("ok", _)) => false,
        _ => panic!("not a verdict: {line}"),
    };
    let verdicts: Vec<_> = said.lines().map(found).collect();
    assert_eq!(verdicts.len(), cases.len(), "one verdict for each folder");
    verdicts
}

/// Changes the entries as a tamperer of that kind would.
fn tamper(kind: usize, leaves: &[Vec<u8>], dice: &mut Dice) -> Vec<Vec<u8>> {
    let (mut bad, at) = (leaves.to_vec(), dice.roll(leaves.len() - 1));
    match kind {
        0 => {
            let text = String::from_utf8(bad[at].clone()).unwrap();
            bad[at] = text.replace("\"actor\":\"p", "\"actor\":\"q").into_bytes();
        }
        1 => drop(bad.remove(at)),
        2 => bad.insert(at, leaves[at].clone()),
        3 => bad.swap(at, at + 1),
        4 => bad.truncate(at),
        _ => {
            let stamp = Stamp { at: 0, actor: "x".into(), origin: "t".into() };
            bad[at] = Entry::new("post.created", "post:fork").encode(at as u64, &stamp);
        }
    }
    assert_ne!(bad, leaves, "kind {kind} changed nothing");
    bad
}

/// Six kinds of change, each by somebody careful, who computes every tile again, and by somebody
/// careless. Who is careful and has the right key can sign a cut or forked log: only the kept
/// checkpoint tells.
fn tampered(base: &Path, round: usize, dice: &mut Dice) -> Case {
    let size = [20, 255, 256, 257, 600][dice.roll(5)];
    let leaves = entries(size, dice);
    let kept = note(&signer(), &leaves);
    let (kind, careful) = (round % 6, (round / 6).is_multiple_of(2));
    let bad = tamper(kind, &leaves, dice);
    let signed = match (kind, careful) {
        (4 | 5, true) => note(&signer(), &bad),
        (4 | 5, false) => note(&Signer::new("holdline/tamper", &[4; 32]), &bad),
        _ => kept.clone(),
    };
    let case = Case::new(base, &format!("bad{round}"), &bad, &signed, kept);
    if kind < 4 && !careful {
        // The hashes of the true log stay beside the changed entries.
        let true_log = Case::new(base, &format!("true{round}"), &leaves, &signed, String::new());
        std::fs::remove_dir_all(case.folder.join("tile/0")).unwrap();
        std::fs::rename(true_log.folder.join("tile/0"), case.folder.join("tile/0")).unwrap();
    }
    case
}

#[test]
fn both_verifiers_find_two_hundred_tampered_exports_and_pass_fifty_clean_ones() {
    let base = tempfile::tempdir().unwrap();
    let mut dice = Dice(20_261_123);
    let mut cases = Vec::new();
    for round in 0..50 {
        let size = [1, 2, 255, 256, 257, 300, 513, 700][dice.roll(8)];
        let leaves = entries(size, &mut dice);
        let kept = note(&signer(), &leaves[..dice.roll(size + 1)]);
        let name = format!("clean{round}");
        cases.push(Case::new(base.path(), &name, &leaves, &note(&signer(), &leaves), kept));
    }
    cases.extend((0..200).map(|round| tampered(base.path(), round, &mut dice)));
    let ours: Vec<_> = cases.iter().map(Case::found_by_holdline).collect();
    let theirs = found_by_python(&cases);
    for (n, case) in cases.iter().enumerate().filter(|(n, _)| (ours[*n], theirs[*n]) != (*n >= 50, *n >= 50))
    {
        eprintln!("{}: holdline {}, python {}", case.folder.display(), ours[n], theirs[n]);
    }
    let count = |found: &[bool]| {
        (found[50..].iter().filter(|f| **f).count(), found[..50].iter().filter(|f| **f).count())
    };
    let (ours, theirs) = (count(&ours), count(&theirs));
    eprintln!("tampered, of 200: {} found by holdline, {} by verify_audit.py", ours.0, theirs.0);
    eprintln!("clean, of 50: {} alarms by holdline, {} by verify_audit.py", ours.1, theirs.1);
    assert_eq!((ours, theirs), ((200, 0), (200, 0)));
}

#[test]
fn a_single_byte_in_any_file_is_found() {
    let (signer, key) = (signer(), signer().verifier_key());
    let mut dice = Dice(7);
    let leaves = entries(300, &mut dice);
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &leaves, &note(&signer, &leaves), &key).unwrap();
    for name in ["checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000"] {
        let path = dir.path().join(name);
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        let at = dice.roll(bad.len() - 1);
        bad[at] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(verify(dir.path(), Some(&key), None).is_err(), "{name} at {at}");
        std::fs::write(&path, &good).unwrap();
    }
    verify(dir.path(), Some(&key), None).unwrap();
}
