//! Sealing of credentials: a data key per record, wrapped by the instance key, bound to the
//! record's id as associated data. The instance key stays outside the database.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Why a secret cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the stored secret is damaged")]
    Damaged,
    #[error("the secret was sealed with another instance key (it names {named}, this is {ours})")]
    OtherKey { named: String, ours: String },
}

/// The instance key: 32 bytes. It never prints itself.
#[derive(Clone)]
pub struct Keys {
    key: [u8; 32],
    id: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.id)
    }
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    /// Id of the instance key.
    key: String,
    /// The data key, wrapped: nonce and ciphertext.
    wrapped: String,
    /// The secret: nonce and ciphertext.
    sealed: String,
}

impl Keys {
    pub fn new(key: [u8; 32]) -> Self {
        let mut id = Sha256::new();
        id.update(b"holdline instance key id");
        id.update(key);
        Self { key, id: hex::encode(&id.finalize()[..6]) }
    }

    /// A key from random bytes.
    pub fn random() -> Self {
        Self::new(rand::random())
    }

    /// The 32 bytes in hex: what the key file holds.
    pub fn to_hex(&self) -> SecretString {
        hex::encode(self.key).into()
    }

    /// Reads what [`Keys::to_hex`] wrote.
    ///
    /// # Errors
    /// A sentence that says what the file must hold.
    pub fn from_hex(text: &str) -> Result<Self, String> {
        let bytes = hex::decode(text.trim()).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
        bytes.map(Self::new).ok_or_else(|| "the instance key must be 64 hexadecimal characters".to_owned())
    }

    /// A key for another purpose, derived from this one: the audit log's signing seed.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"holdline derived key\0");
        hash.update(purpose.as_bytes());
        hash.update([0]);
        hash.update(self.key);
        hash.finalize().into()
    }

    /// Seals a secret for the record of that id.
    pub fn seal(&self, record: &str, secret: &SecretString) -> String {
        let data_key: [u8; 32] = rand::random();
        let sealed = Sealed {
            key: self.id.clone(),
            wrapped: encrypt(&self.key, record, &data_key),
            sealed: encrypt(&data_key, record, secret.expose_secret().as_bytes()),
        };
        serde_json::to_string(&sealed).expect("three strings always serialise")
    }

    /// Opens a secret of the record of that id.
    ///
    /// # Errors
    /// [`SealError`] when the key is another one, the record is another one, or a byte is wrong.
    pub fn open(&self, record: &str, stored: &str) -> Result<SecretString, SealError> {
        let sealed: Sealed = serde_json::from_str(stored).map_err(|_| SealError::Damaged)?;
        if sealed.key != self.id {
            return Err(SealError::OtherKey { named: sealed.key, ours: self.id.clone() });
        }
        let data_key = decrypt(&self.key, record, &sealed.wrapped)?;
        let data_key = <[u8; 32]>::try_from(data_key).map_err(|_| SealError::Damaged)?;
        let plain = decrypt(&data_key, record, &sealed.sealed)?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| SealError::Damaged)
    }
}

fn encrypt(key: &[u8; 32], record: &str, plain: &[u8]) -> String {
    let nonce: [u8; 24] = rand::random();
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let payload = Payload { msg: plain, aad: record.as_bytes() };
    let mut out = nonce.to_vec();
    out.extend(cipher.encrypt(&XNonce::from(nonce), payload).expect("a short message always encrypts"));
    B64.encode(out)
}

fn decrypt(key: &[u8; 32], record: &str, stored: &str) -> Result<Vec<u8>, SealError> {
    let bytes = B64.decode(stored).map_err(|_| SealError::Damaged)?;
    let (nonce, ciphertext) = bytes.split_first_chunk::<24>().ok_or(SealError::Damaged)?;
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let payload = Payload { msg: ciphertext, aad: record.as_bytes() };
    cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_for_its_own_record_only() {
        let keys = Keys::random();
        let stored = keys.seal("channel:1", &"hunter2".to_owned().into());
        assert!(!stored.contains("hunter2"));
        assert_eq!(keys.open("channel:1", &stored).unwrap().expose_secret(), "hunter2");
        assert_eq!(keys.open("channel:2", &stored).unwrap_err(), SealError::Damaged);
        assert!(matches!(Keys::random().open("channel:1", &stored), Err(SealError::OtherKey { .. })));
    }

    #[test]
    fn keys_do_not_print_themselves() {
        let keys = Keys::random();
        assert!(!format!("{keys:?}").contains(keys.to_hex().expose_secret()));
        assert_eq!(
            format!("{:?}", Keys::from_hex(keys.to_hex().expose_secret()).unwrap()),
            format!("{keys:?}")
        );
    }
}
