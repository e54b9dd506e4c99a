//! Signed checkpoints: the C2SP tlog-checkpoint body inside a C2SP signed-note, with an Ed25519 key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::tree::Hash;

/// The algorithm byte of Ed25519 (C2SP signed-note, "Signatures").
const ED25519: u8 = 0x01;

/// Most signature lines of a note. The format asks for a limit that is not below 16 (C2SP
/// signed-note, "Format").
const MAX_SIGNATURES: usize = 100;

/// Signs checkpoints of one log.
pub struct Signer {
    name: String,
    key: SigningKey,
}

/// A checkpoint whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// A key that checkpoints are checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    name: String,
    key: VerifyingKey,
}

impl Signer {
    /// `name` is the key's name and the log's origin; `seed` the private key.
    pub fn new(name: &str, seed: &[u8; 32]) -> Self {
        Self { name: name.to_owned(), key: SigningKey::from_bytes(seed) }
    }

    /// The signed note for a tree of that size and root.
    pub fn sign(&self, size: u64, root: &Hash) -> String {
        let body = format!("{}\n{size}\n{}\n", self.name, B64.encode(root));
        let mut signature = key_id(&self.name, &self.key.verifying_key()).to_vec();
        signature.extend_from_slice(&self.key.sign(body.as_bytes()).to_bytes());
        format!("{body}\n\u{2014} {} {}\n", self.name, B64.encode(signature))
    }

    /// The verifier key: what an auditor keeps.
    pub fn verifier_key(&self) -> String {
        let public = self.key.verifying_key();
        let id = hex::encode(key_id(&self.name, &public));
        let mut bytes = vec![ED25519];
        bytes.extend_from_slice(public.as_bytes());
        format!("{}+{id}+{}", self.name, B64.encode(bytes))
    }
}

impl TrustedKey {
    /// Reads a verifier key.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || "the key is not NAME+ID+KEY as `holdline audit key` prints it".to_owned();
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad());
        };
        let bytes = B64.decode(key).map_err(|_| bad())?;
        let Some((&ED25519, public)) = bytes.split_first() else { return Err(bad()) };
        let public = <[u8; 32]>::try_from(public).map_err(|_| bad())?;
        let key = VerifyingKey::from_bytes(&public).map_err(|_| bad())?;
        if !is_key_name(name) {
            return Err("the key's name is empty or holds spaces".into());
        }
        if key.is_weak() {
            return Err("the key is weak: anybody can sign for it".into());
        }
        if hex::encode(key_id(name, &key)) != id {
            return Err("the key's id does not fit its name and bytes".into());
        }
        Ok(Self { name: name.to_owned(), key })
    }

    /// The key's name: the origin of the log that it signs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads a note and checks its signature by this key.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn verify(&self, note: &str) -> Result<Checkpoint, String> {
        if note.contains(|c: char| c < ' ' && c != '\n') {
            return Err("the checkpoint holds control characters".into());
        }
        // The last empty line is the border: the text may hold empty lines (C2SP signed-note, "Format").
        let border = note.rfind("\n\n").ok_or("the checkpoint has no signature")?;
        let (body, signatures) = (&note[..=border], &note[border + 2..]);
        self.verify_signature(body, signatures)?;
        parse_body(body).ok_or_else(|| "the checkpoint has no origin, size and root".into())
    }

    /// Lines of other keys are passed over; one of this key that is wrong spoils the note (C2SP
    /// signed-note, "Signatures").
    fn verify_signature(&self, body: &str, signatures: &str) -> Result<(), String> {
        let lines = signatures.strip_suffix('\n').ok_or("the checkpoint is cut off in its signatures")?;
        if lines.split('\n').count() > MAX_SIGNATURES {
            return Err(format!("the checkpoint has more than {MAX_SIGNATURES} signatures"));
        }
        let mut signed = false;
        for line in lines.split('\n') {
            let (name, id, signature) = parse_signature(line)
                .ok_or_else(|| format!("this line of the checkpoint is not a signature: {line}"))?;
            if name != self.name || id != key_id(&self.name, &self.key) {
                continue;
            }
            let signature = Signature::from_slice(&signature);
            if !signature.is_ok_and(|s| self.key.verify_strict(body.as_bytes(), &s).is_ok()) {
                return Err(format!("the signature by {} is wrong: the checkpoint was altered", self.name));
            }
            signed = true;
        }
        if signed { Ok(()) } else { Err(format!("the checkpoint is not signed by the key of {}", self.name)) }
    }
}

/// Neither empty nor with spaces or plus signs (C2SP signed-note, "Format").
fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

/// Name, key id and signature of a line, whatever its algorithm.
fn parse_signature(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, value) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = B64.decode(value).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    (is_key_name(name) && !signature.is_empty()).then(|| (name, *id, signature.to_vec()))
}

/// Origin, size and root; what follows are extensions, each a line that is not empty (C2SP
/// tlog-checkpoint, "Note text").
fn parse_body(body: &str) -> Option<Checkpoint> {
    let mut lines = body.strip_suffix('\n')?.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let decimal = size.bytes().all(|b| b.is_ascii_digit()) && (size == "0" || !size.starts_with('0'));
    if origin.is_empty() || !decimal || lines.any(str::is_empty) {
        return None;
    }
    let root = Hash::try_from(B64.decode(root).ok()?).ok()?;
    Some(Checkpoint { origin: origin.to_owned(), size: size.parse().ok()?, root })
}

/// The first four bytes of SHA-256 over name, newline, algorithm and key.
fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([b'\n', ED25519]);
    hash.update(key.as_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    [hash[0], hash[1], hash[2], hash[3]]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_note_verifies_with_its_own_key_only() {
        let signer = Signer::new("holdline/test", &[7; 32]);
        let note = signer.sign(5, &[9; 32]);
        let key = TrustedKey::parse(&signer.verifier_key()).unwrap();
        assert_eq!(key.verify(&note).unwrap().size, 5);
        assert!(key.verify(&note.replace("\n5\n", "\n6\n")).is_err());
        let other = Signer::new("holdline/test", &[8; 32]);
        assert!(TrustedKey::parse(&other.verifier_key()).unwrap().verify(&note).is_err());
        assert!(TrustedKey::parse(&signer.verifier_key().replace("test", "best")).is_err());
    }

    /// A note over any body, as somebody with the key could sign it.
    fn signed(body: &str) -> String {
        let key = SigningKey::from_bytes(&[7; 32]);
        let mut bytes = key_id("holdline/test", &key.verifying_key()).to_vec();
        bytes.extend_from_slice(&key.sign(body.as_bytes()).to_bytes());
        format!("{body}\n\u{2014} holdline/test {}\n", B64.encode(bytes))
    }

    #[test]
    fn only_the_precise_form_is_read() {
        let key = TrustedKey::parse(&Signer::new("holdline/test", &[7; 32]).verifier_key()).unwrap();
        let root = B64.encode([9; 32]);
        for body in [format!("o\n5\n{root}\n"), format!("o\n0\n{root}\nextension\n")] {
            assert!(key.verify(&signed(&body)).is_ok(), "{body}");
        }
        for body in [
            format!("o\n+5\n{root}\n"),
            format!("o\n05\n{root}\n"),
            format!("o\n\n{root}\n"),
            format!("\n5\n{root}\n"),
            format!("o\n5\r\n{root}\n"),
            format!("o\n5\n{root}\n\nmore\n"),
            format!("o\n99999999999999999999\n{root}\n"),
            "o\n5\nAAAA\n".into(),
            "o\n5\n".into(),
        ] {
            assert!(key.verify(&signed(&body)).is_err(), "{body:?}");
        }
    }

    #[test]
    fn lines_of_other_keys_are_passed_over_and_a_wrong_one_of_ours_spoils_the_note() {
        let signer = Signer::new("holdline/test", &[7; 32]);
        let key = TrustedKey::parse(&signer.verifier_key()).unwrap();
        let note = signer.sign(5, &[9; 32]);
        let witness = format!("\u{2014} witness.example {}\n", B64.encode([1; 76]));
        assert!(key.verify(&format!("{note}{witness}")).is_ok());
        let other = signer.sign(6, &[9; 32]);
        let wrong = other.lines().last().unwrap();
        assert!(key.verify(&format!("{note}{wrong}\n")).unwrap_err().contains("altered"));
        assert!(key.verify(note.trim_end()).is_err());
        assert!(key.verify(&format!("{note}rubbish\n")).is_err());
    }

    /// The published key of the Go checksum database (Go's source, cmd/go/internal/modfetch/key.go).
    #[test]
    fn a_key_that_others_made_is_read() {
        let key = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
        assert!(TrustedKey::parse(key).is_ok());
        assert!(TrustedKey::parse(&key.replace("033de0ae", "033de0af")).is_err());
    }

    proptest! {
        #[test]
        fn a_note_that_was_changed_anywhere_does_not_verify(at in any::<prop::sample::Index>(), with in any::<char>()) {
            let signer = Signer::new("holdline/test", &[7; 32]);
            let key = TrustedKey::parse(&signer.verifier_key()).unwrap();
            let note = signer.sign(5, &[9; 32]);
            let mut changed: Vec<char> = note.chars().collect();
            let at = at.index(changed.len());
            changed[at] = with;
            let changed: String = changed.into_iter().collect();
            prop_assert!(changed == note || key.verify(&changed).is_err(), "{changed}");
        }

        #[test]
        fn whatever_is_given_as_a_note_or_a_key_is_refused_in_words(text in "(\\PC|\n|\u{2014} |\\+){0,200}") {
            let key = TrustedKey::parse(&Signer::new("holdline/test", &[7; 32]).verifier_key()).unwrap();
            prop_assert!(key.verify(&text).is_err_and(|why| !why.is_empty()));
            prop_assert!(TrustedKey::parse(&text).is_err());
        }
    }
}
