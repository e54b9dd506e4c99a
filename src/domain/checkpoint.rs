//! Signed checkpoints: the C2SP tlog-checkpoint body inside a C2SP signed-note, with an Ed25519 key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::tree::Hash;

/// The algorithm byte of Ed25519 (C2SP signed-note, "Signatures").
const ED25519: u8 = 0x01;

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
        if hex::encode(key_id(name, &key)) != id {
            return Err("the key's id does not fit its name and bytes".into());
        }
        Ok(Self { name: name.to_owned(), key })
    }

    /// Reads a note and checks its signature by this key.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn verify(&self, note: &str) -> Result<Checkpoint, String> {
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err("the checkpoint holds control characters".into());
        }
        // The signatures follow the last empty line (C2SP signed-note, "Format").
        let border = note.rfind("\n\n").ok_or("the checkpoint has no signature")?;
        let (body, signatures) = (&note[..=border], &note[border + 2..]);
        self.check_signatures(body, signatures)?;
        read_body(body).ok_or_else(|| "the checkpoint has no origin, size and root".into())
    }

    /// Lines of other keys are passed over; a wrong one of this key spoils the note.
    fn check_signatures(&self, body: &str, signatures: &str) -> Result<(), String> {
        let mut signed = false;
        for line in signatures.lines() {
            let bad = || "a line of the checkpoint is not a signature".to_owned();
            let (name, value) =
                line.strip_prefix("\u{2014} ").and_then(|l| l.split_once(' ')).ok_or_else(bad)?;
            let bytes = B64.decode(value).map_err(|_| bad())?;
            let (id, signature) = bytes.split_first_chunk::<4>().ok_or_else(bad)?;
            if name != self.name || *id != key_id(&self.name, &self.key) {
                continue;
            }
            let signature = Signature::from_slice(signature).map_err(|_| bad())?;
            let good = self.key.verify_strict(body.as_bytes(), &signature).is_ok();
            signed = good.then_some(true).ok_or("the signature of the checkpoint is wrong")?;
        }
        if signed { Ok(()) } else { Err(format!("the checkpoint is not signed by {}", self.name)) }
    }
}

/// Origin, size and root: the first three lines of a checkpoint (C2SP tlog-checkpoint).
fn read_body(body: &str) -> Option<Checkpoint> {
    let mut lines = body.lines();
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    if origin.is_empty() || lines.any(str::is_empty) || (size != "0" && size.starts_with(['0', '+'])) {
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

    #[test]
    fn other_keys_are_passed_over_and_broken_lines_are_not() {
        let signer = Signer::new("holdline/test", &[7; 32]);
        let note = signer.sign(5, &[9; 32]);
        let key = TrustedKey::parse(&signer.verifier_key()).unwrap();
        let witness = Signer::new("witness", &[8; 32]).sign(5, &[9; 32]);
        let line = witness.rsplit("\n\n").next().unwrap();
        assert_eq!(key.verify(&format!("{note}{line}")).unwrap().size, 5);
        assert!(key.verify(&format!("{note}nonsense\n")).is_err());
        assert!(key.verify(&note.replace("\n5\n", "\n05\n")).is_err());
        assert!(key.verify(&note.replace("\n5\n", "\n5\r\n")).is_err());
        // A signed text of its own before ours is not what this key signed.
        assert!(key.verify(&format!("evil\n9\nAAAA\n\n{note}")).is_err());
    }
}
