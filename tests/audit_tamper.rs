//! Tampered exports of the log: each kind of change, plain and by somebody who recomputes every
//! tile, must be found; clean ones must raise no alarm.

use std::path::Path;

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

fn export(dir: &Path, leaves: &[Vec<u8>], note: &str, key: &str) {
    write(dir, leaves, note, key).unwrap();
}

#[test]
fn two_hundred_tampered_exports_are_found_and_fifty_clean_ones_pass() {
    let signer = Signer::new("holdline/tamper", &[3; 32]);
    let key = signer.verifier_key();
    let mut dice = Dice(20_261_123);
    let (mut found, mut alarms) = (0, 0);
    for round in 0..50 {
        let size = [1, 2, 255, 256, 257, 300, 513, 700][dice.roll(8)];
        let leaves = entries(size, &mut dice);
        let dir = tempfile::tempdir().unwrap();
        export(dir.path(), &leaves, &note(&signer, &leaves), &key);
        let kept = note(&signer, &leaves[..dice.roll(size + 1)]);
        if let Err(findings) = verify(dir.path(), Some(&key), Some(&kept)) {
            alarms += 1;
            eprintln!("clean round {round} of {size}: {findings:?}");
        }
    }
    for round in 0..200 {
        let size = [20, 255, 256, 257, 600][dice.roll(5)];
        let leaves = entries(size, &mut dice);
        let kept = note(&signer, &leaves);
        let (mut bad, at) = (leaves.clone(), dice.roll(size - 1));
        let kind = round % 6;
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
                bad[at] = Entry::new("post.created", "post:fork")
                    .encode(at as u64, &Stamp { at: 0, actor: "x".into(), origin: "t".into() })
            }
        }
        let dir = tempfile::tempdir().unwrap();
        // Every tile is recomputed. A cut or forked log is even signed with the right key: only the
        // kept checkpoint tells. The others keep the old checkpoint, as somebody without the key must.
        let signed = if kind >= 4 { note(&signer, &bad) } else { kept.clone() };
        export(dir.path(), &bad, &signed, &key);
        match verify(dir.path(), Some(&key), Some(&kept)) {
            Err(_) => found += 1,
            Ok(report) => {
                eprintln!("round {round}, kind {kind}, {size} entries: not found ({})", report.size)
            }
        }
    }
    println!("tampered: {found} of 200 found; clean: {alarms} alarms in 50");
    assert_eq!((found, alarms), (200, 0));
}

#[test]
fn a_single_byte_in_any_file_is_found() {
    let signer = Signer::new("holdline/tamper", &[3; 32]);
    let key = signer.verifier_key();
    let mut dice = Dice(7);
    let leaves = entries(300, &mut dice);
    let dir = tempfile::tempdir().unwrap();
    export(dir.path(), &leaves, &note(&signer, &leaves), &key);
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
