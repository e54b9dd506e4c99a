//! Instance keys as the lines of their file.

use secrecy::SecretString;
use sha2::{Digest, Sha256};

/// One instance key: 32 bytes. Its id is no secret.
#[derive(Clone)]
pub(super) struct InstanceKey {
    pub bytes: [u8; 32],
    pub id: String,
}

impl InstanceKey {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        let mut id = Sha256::new();
        id.update(b"holdline instance key id");
        id.update(bytes);
        Self { bytes, id: hex::encode(&id.finalize()[..6]) }
    }

    /// As a line of the file.
    pub(super) fn line(&self) -> String {
        hex::encode(self.bytes) + "\n"
    }
}

/// The key of a line: 64 hexadecimal characters.
fn key_of(line: &str) -> Option<InstanceKey> {
    hex::decode(line.trim()).ok().and_then(|b| <[u8; 32]>::try_from(b).ok()).map(InstanceKey::new)
}

const NO_KEY: &str = "the instance key must be 64 hexadecimal characters";

/// The keys of a text: one on a line; empty lines and those after `#` are left out.
pub(super) fn keys_of(text: &str) -> Result<Vec<InstanceKey>, String> {
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines.map(|line| key_of(line).ok_or_else(|| NO_KEY.to_owned())).collect()
}

/// The keys of a file, which has one at least.
pub(super) fn parse(text: &str) -> Result<Vec<InstanceKey>, String> {
    keys_of(text).and_then(|keys| if keys.is_empty() { Err(NO_KEY.into()) } else { Ok(keys) })
}

/// The text and these lines after it.
pub(super) fn with_lines(text: &str, lines: &str) -> SecretString {
    let between = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{between}{lines}").into()
}

/// The text without the lines of that key; all others stay as they are.
pub(super) fn without(text: &str, id: &str) -> SecretString {
    let stays = |line: &&str| key_of(line).is_none_or(|k| k.id != id);
    text.split_inclusive('\n').filter(stays).collect::<String>().into()
}
