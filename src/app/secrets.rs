//! Sealing of credentials: a data key per record, wrapped by the instance key, bound to the
//! record's id as associated data. The instance key stays outside the database.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::key_lines::InstanceKey;
pub use super::key_ring::Keys;

/// Why a secret cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the stored secret is damaged")]
    Damaged,
    #[error("the secret was sealed with another instance key (it names {named}, this is {ours})")]
    OtherKey { named: String, ours: String },
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    /// Id of the instance key. It stands first: `store/sealed.rs` looks for it there.
    key: String,
    /// The data key, wrapped: nonce and ciphertext.
    wrapped: String,
    /// The secret: nonce and ciphertext.
    sealed: String,
}

/// The id of the instance key under which something is sealed.
///
/// # Errors
/// [`SealError::Damaged`].
pub(super) fn named(stored: &str) -> Result<String, SealError> {
    serde_json::from_str::<Sealed>(stored).map(|s| s.key).map_err(|_| SealError::Damaged)
}

impl Keys {
    /// A key for another purpose, derived from the instance key of that id.
    ///
    /// # Errors
    /// When that key is not known.
    pub(super) fn derive(&self, id: &str, purpose: &str) -> Result<[u8; 32], SealError> {
        let mut hash = Sha256::new();
        hash.update(b"holdline derived key\0");
        hash.update(purpose.as_bytes());
        hash.update([0]);
        hash.update(self.key(id)?.bytes);
        Ok(hash.finalize().into())
    }

    /// Seals a secret for the record of that id, under the first key.
    pub fn seal(&self, record: &str, secret: &SecretString) -> String {
        sealed(&self.first(), record, secret)
    }

    /// Seals a secret for the record of that id, under the key of that id.
    ///
    /// # Errors
    /// [`SealError::OtherKey`] when that key is not known.
    pub(super) fn seal_under(
        &self,
        id: &str,
        record: &str,
        secret: &SecretString,
    ) -> Result<String, SealError> {
        Ok(sealed(&self.key(id)?, record, secret))
    }

    /// Opens a secret of the record of that id.
    ///
    /// # Errors
    /// [`SealError`] when the key is another one, the record is another one, or a byte is wrong.
    pub fn open(&self, record: &str, stored: &str) -> Result<SecretString, SealError> {
        self.unsealed(record, stored).map(|(_, _, secret)| secret)
    }

    /// The same secret, its data key wrapped by the key of that id. It is opened once to be sure.
    ///
    /// # Errors
    /// As [`Keys::open`]; [`SealError::OtherKey`] also when the other key is not known.
    pub(super) fn rewrap(&self, id: &str, record: &str, stored: &str) -> Result<String, SealError> {
        let (mut sealed, data_key, _) = self.unsealed(record, stored)?;
        let key = self.key(id)?;
        sealed.wrapped = encrypt(&key.bytes, record, &data_key);
        sealed.key = key.id;
        Ok(text(&sealed))
    }

    /// What is stored, its data key, and the secret.
    fn unsealed(&self, record: &str, stored: &str) -> Result<(Sealed, [u8; 32], SecretString), SealError> {
        let sealed: Sealed = serde_json::from_str(stored).map_err(|_| SealError::Damaged)?;
        let data_key = decrypt(&self.key(&sealed.key)?.bytes, record, &sealed.wrapped)?;
        let data_key = <[u8; 32]>::try_from(data_key).map_err(|_| SealError::Damaged)?;
        let plain = decrypt(&data_key, record, &sealed.sealed)?;
        let secret = String::from_utf8(plain).map_err(|_| SealError::Damaged)?;
        Ok((sealed, data_key, secret.into()))
    }
}

fn sealed(key: &InstanceKey, record: &str, secret: &SecretString) -> String {
    let data_key: [u8; 32] = rand::random();
    text(&Sealed {
        key: key.id.clone(),
        wrapped: encrypt(&key.bytes, record, &data_key),
        sealed: encrypt(&data_key, record, secret.expose_secret().as_bytes()),
    })
}

fn text(sealed: &Sealed) -> String {
    serde_json::to_string(sealed).expect("three strings always serialise")
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
}
