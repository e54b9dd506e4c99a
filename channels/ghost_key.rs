//! The admin key of a Ghost site, and the tokens that it signs. Pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::json;

/// Seconds for which a token lives; Ghost takes no more.
const LIFE: i64 = 300;

/// `id:secret`, both in hexadecimal.
pub(super) struct Key {
    id: String,
    secret: SecretSlice<u8>,
    written: SecretString,
}

impl Key {
    /// Reads it as Ghost shows it.
    pub fn read(text: &SecretString) -> Result<Self, String> {
        let parts = text.expose_secret().trim().split_once(':');
        let parts = parts.and_then(|(id, secret)| Some((id, secret, hex::decode(secret).ok()?)));
        let (id, written, secret) =
            parts.filter(|(id, _, secret)| super::post::is_id(id) && secret.len() == 32).ok_or(
                "the admin key has two parts with a colon between them; copy it whole from the integration",
            )?;
        Ok(Self { id: id.to_owned(), secret: secret.into(), written: written.into() })
    }

    /// A token for the time now, in Unix seconds (RFC 7519, signed with HS256).
    pub fn token(&self, now: i64) -> SecretString {
        let head = json!({ "alg": "HS256", "kid": self.id, "typ": "JWT" });
        let claims = json!({ "aud": "/admin/", "exp": now + LIFE, "iat": now });
        let encoded = |part: serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encoded(head), encoded(claims));
        // A key of any length is taken (RFC 2104).
        let signature = Hmac::<sha2::Sha256>::new_from_slice(self.secret.expose_secret()).map(|mut mac| {
            mac.update(signed.as_bytes());
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
        });
        format!("{signed}.{}", signature.unwrap_or_default()).into()
    }

    /// What no words may hold.
    pub fn secrets(&self) -> [&str; 2] {
        [self.written.expose_secret(), &self.id]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6489b1a3c0c4d2a1b3e5f701";

    #[test]
    fn a_token_is_what_another_library_makes() {
        // Python 3.11: hmac, hashlib and base64 over the same two parts, the keys of the objects sorted.
        let key = Key::read(&format!("{ID}:{}", "0b".repeat(32)).into()).unwrap();
        assert_eq!(key.token(1_700_000_000).expose_secret(), EXPECTED);
    }

    const EXPECTED: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjY0ODliMWEzYzBjNGQyYTFiM2U1ZjcwMSIsInR5cCI6IkpXVCJ9.eyJhdWQiOiIvYWRtaW4vIiwiZXhwIjoxNzAwMDAwMzAwLCJpYXQiOjE3MDAwMDAwMDB9.tUEgM3qSdiK-I2GPixx37XgD3LCNlO71PDppXZlxq44";

    #[test]
    fn faulty_keys_are_described_and_not_repeated() {
        for faulty in [
            "",
            ID,
            "hunter2:hunter2",
            &format!("{ID}:{}", "0b".repeat(31)),
            &format!("x{}:{}", &ID[1..], "0b".repeat(32)),
        ] {
            let error = Key::read(&faulty.into()).err().unwrap();
            assert!(error.contains("copy it whole") && !error.contains("hunter2"), "{error}");
        }
        assert!(Key::read(&format!(" {ID}:{}\n", "0b".repeat(32)).into()).is_ok());
    }
}
