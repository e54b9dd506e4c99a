//! Both verifiers read checkpoints and entries by the same rules, to the letter of the format.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use ed25519_dalek::{Signer as _, SigningKey};
use holdline::audit_export::{verify, write};
use holdline::domain::checkpoint::Signer;
use holdline::domain::tree::{Frontier, leaf_hash};
use sha2::{Digest, Sha256};

use crate::support::second_verifier::{Job, run, verify_all};

const NAME: &str = "holdline/forms";

/// A signature line over any text, by a key with this name and seed.
fn line(text: &str, name: &str, seed: u8) -> String {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let public = key.verifying_key();
    let id = Sha256::new().chain_update(name).chain_update(b"\n\x01").chain_update(public.as_bytes());
    let mut bytes = id.finalize()[..4].to_vec();
    bytes.extend_from_slice(&key.sign(text.as_bytes()).to_bytes());
    format!("\u{2014} {name} {}\n", B64.encode(bytes))
}

fn signed(text: &str) -> String {
    format!("{text}\n{}", line(text, NAME, 3))
}

/// The text of the checkpoint of no entries.
fn text() -> String {
    format!("{NAME}\n0\n{}\n", B64.encode(Sha256::digest([])))
}

/// Whether each export is found by holdline and by the second verifier.
fn findings(exports: &[(Vec<Vec<u8>>, String)]) -> Vec<[bool; 2]> {
    let folder = tempfile::tempdir().unwrap();
    let key = Signer::new(NAME, &[3; 32]).verifier_key();
    let job = |(i, (leaves, note)): (usize, &(Vec<Vec<u8>>, String))| {
        let folder = folder.path().join(i.to_string());
        write(&folder, leaves, note, &key).unwrap();
        Job { folder, key: key.clone(), kept: None }
    };
    let jobs: Vec<_> = exports.iter().enumerate().map(job).collect();
    let first = jobs.iter().map(|job| verify(&job.folder, Some(&key), None).is_err());
    first.zip(verify_all(&jobs)).map(|(first, second)| [first, second.is_some()]).collect()
}

fn assert_notes(notes: &[String], found: bool) {
    let exports: Vec<_> = notes.iter().map(|note| (Vec::new(), note.clone())).collect();
    for (note, verdict) in notes.iter().zip(findings(&exports)) {
        assert_eq!(verdict, [found; 2], "holdline, verify_audit.py: {note:?}");
    }
}

#[test]
fn both_accept_every_note_that_the_format_allows() {
    let good = text();
    let extended = format!("{good}an extension\n");
    let others: String = (10..110).map(|seed| line(&good, "witness.example", seed)).take(99).collect();
    let ours = line(&good, NAME, 3);
    assert_notes(
        &[
            signed(&good),
            signed(&extended),
            format!("{good}\n{others}{ours}"),
            format!("{good}\n{ours}{ours}"),
            // The same name with another id, and a signature of an algorithm that is not known here.
            format!("{good}\n{}{ours}", line(&good, NAME, 4)),
            format!("{good}\n{ours}\u{2014} witness.example {}\n", B64.encode([7; 2_500])),
        ],
        false,
    );
}

#[test]
fn both_refuse_every_note_that_departs_from_the_format() {
    let good = text();
    let root = B64.encode(Sha256::digest([]));
    let (ours, whole) = (line(&good, NAME, 3), signed(&good));
    let loose = ours.replace("=\n", "\n");
    let others: String = (10..110).map(|seed| line(&good, "witness.example", seed)).collect();
    let mut notes: Vec<_> = [
        format!("{NAME}\n00\n{root}\n"),
        format!("{NAME}\n+0\n{root}\n"),
        format!("{NAME}\n-0\n{root}\n"),
        format!("{NAME}\n 0\n{root}\n"),
        format!("{NAME}\n\u{660}\n{root}\n"),
        format!("{NAME}\n18446744073709551616\n{root}\n"),
        format!("{NAME}\n\n{root}\n"),
        format!("{NAME}\n0\n"),
        format!("{NAME}\n0\n{}\n", root.trim_end_matches('=')),
        format!("{NAME}\n0\n{} \n", root),
        format!("{NAME}\n0\n{}\n", B64.encode([0; 31])),
        format!("{NAME}\n0\n{root}\n\nmore\n"),
        format!("{NAME}\n0\n{root}\n\n"),
        format!("{NAME}\r\n0\r\n{root}\r\n"),
        format!("{NAME}\n0\n{root}\na\ttab\n"),
        format!("\n0\n{root}\n"),
        format!("another/log\n0\n{root}\n"),
    ]
    .iter()
    .map(|text| signed(text))
    .collect();
    notes.extend([
        String::new(),
        good.clone(),
        format!("{good}\n"),
        whole.trim_end().to_owned(),
        format!("{whole}\n"),
        format!("{whole}rubbish\n"),
        format!("{whole}\u{2014} witness.example\n"),
        format!("{whole}\u{2014}  {}\n", B64.encode([7; 70])),
        format!("{whole}\u{2014} a+b {}\n", B64.encode([7; 70])),
        format!("{whole}\u{2014} a\u{a0}b {}\n", B64.encode([7; 70])),
        format!("{whole}\u{2014} witness.example {}\n", B64.encode([7; 4])),
        // The last bits of the last character are not zero.
        format!("{whole}\u{2014} witness.example {}\n", B64.encode([7; 70]).replace("Bw==", "Bx==")),
        format!("{whole}- witness.example {}\n", B64.encode([7; 70])),
        whole.replace("\u{2014} ", "\u{2014}  "),
        whole.replace('\n', "\r\n"),
        format!("{good}\n{loose}"),
        format!("{good}\n{ours}{}", line("another text\n", NAME, 3)),
        format!("{good}\n{}", line("another text\n", NAME, 3)),
        format!("{good}\n{}", line(&good, NAME, 4)),
        format!("{good}\n{}", line(&good, "holdline/other", 3)),
        format!("{good}\n{others}{ours}"),
    ]);
    assert_notes(&notes, true);
}

/// The export of one entry, all hashes and the signature right.
fn export_of(entry: &[u8]) -> (Vec<Vec<u8>>, String) {
    let mut tree = Frontier::default();
    tree.append(leaf_hash(entry));
    (vec![entry.to_vec()], Signer::new(NAME, &[3; 32]).sign(1, &tree.root()))
}

#[test]
fn both_read_entries_by_the_same_rules() {
    let good = r#"{"actor":"p1","after":{"a":[1.5,null]},"at":"2027-01-15T08:00:00.000Z","origin":"t","seq":0,"subject":"post:1","verb":"post.created"}"#;
    let digest = format!(r#"{{"bytes":70000,"sha256":"{}"}}"#, "ab".repeat(32));
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to).into_bytes()
    };
    let fine = [good.into(), with("\"p1\"", &digest), with(",\"seq\"", ",\"note\":\"why\",\"seq\"")];
    let wrong = [
        b"no JSON".to_vec(),
        b"[]".to_vec(),
        b"\xff".to_vec(),
        with("\"seq\":0", "\"seq\":1"),
        with("\"seq\":0", "\"seq\":\"0\""),
        with("\"seq\":0", "\"seq\":0.0"),
        with("\"seq\":0", "\"seq\":false"),
        with("\"seq\":0", "\"seq\":0,\"seq\":0"),
        with("\"seq\":0", "\"seq\":0,\"more\":1"),
        with(",\"seq\":0", ""),
        with(",\"verb\":\"post.created\"", ""),
        with("null", "NaN"),
        with("\"p1\"", "1"),
        with("\"p1\"", "\"\\ud800\""),
        with("\"p1\"", &digest.replace("ab", "AB")),
        with("\"p1\"", &digest.replace("70000", "7")),
        with(".000Z", "Z"),
        with(".000Z", ".000+00:00"),
        with("-15T", "-32T"),
        with("\"post.created\"}", "\"post.created\"} {}"),
    ];
    for (entries, found) in [(&fine[..], false), (&wrong[..], true)] {
        let exports: Vec<_> = entries.iter().map(|entry| export_of(entry)).collect();
        for (entry, verdict) in entries.iter().zip(findings(&exports)) {
            let entry = String::from_utf8_lossy(entry);
            assert_eq!(verdict, [found; 2], "holdline, verify_audit.py: {entry}");
        }
    }
}

#[test]
fn the_second_verifier_says_what_it_found_in_its_status() {
    let folder = tempfile::tempdir().unwrap();
    let (good, kept) = (folder.path().join("good"), folder.path().join("kept"));
    let key = Signer::new(NAME, &[3; 32]).verifier_key();
    write(&good, &[], &signed(&text()), &key).unwrap();
    let (good, kept_name) = (good.to_str().unwrap(), kept.to_str().unwrap());
    std::fs::write(&kept, Signer::new(NAME, &[3; 32]).sign(5, &[9; 32])).unwrap();
    let status = |words: &[&str]| run(words, String::new());
    let (clean, said) = status(&[good, "--key", &key]);
    assert_eq!((clean, said.lines().count()), (0, 1), "{said}");
    let key_file = format!("{good}/key");
    assert_eq!(status(&[good, "--key", &key_file]).0, 0);
    let (found, said) = status(&[good, "--key", &key, "--checkpoint", kept_name]);
    assert_eq!(found, 1);
    assert!(said.contains("The log was cut"), "{said}");
    for wrong in [&[good][..], &[good, "--key", "no key"], &["nowhere", "--key", &key]] {
        assert_eq!(status(wrong).0, 2, "{wrong:?}");
    }
}
