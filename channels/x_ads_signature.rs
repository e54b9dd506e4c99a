//! The signature of a request by OAuth 1.0a, with HMAC-SHA1.
//!
//! Facts: RFC 5849, sections 3.3 to 3.6; X's `fundamentals/authentication/oauth-1-0a/creating-a-signature`. What stands
//! in the query and in a form is signed with the rest. The crates that do it stand on older versions of `hmac` and
//! `sha1` than the rest of this one (`oauth1-request` 0.6), or bring a client of their own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use url::Url;

const FOUR: &str =
    "the credential: write the API key, its secret, the access token and its secret, with blanks between";

/// The keys of an app and of a user of it.
pub(super) struct Keys {
    app: SecretString,
    app_secret: SecretString,
    token: SecretString,
    token_secret: SecretString,
}

impl Keys {
    /// Reads the four words of a credential.
    ///
    /// # Errors
    /// A sentence that says what to write, and repeats nothing.
    pub fn read(credential: &SecretString) -> Result<Self, String> {
        let words: Vec<&str> = credential.expose_secret().split_whitespace().collect();
        let [app, app_secret, token, token_secret] = words.as_slice() else { return Err(FOUR.to_owned()) };
        if words.iter().any(|word| !word.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))) {
            return Err(FOUR.to_owned());
        }
        let own = |word: &str| SecretString::from(word.to_owned());
        Ok(Self {
            app: own(app),
            app_secret: own(app_secret),
            token: own(token),
            token_secret: own(token_secret),
        })
    }

    /// What no error may show.
    pub fn all(&self) -> [&str; 4] {
        [&self.app, &self.app_secret, &self.token, &self.token_secret].map(ExposeSecret::expose_secret)
    }

    /// The number of the user whose token it is: X writes it before the first `-`.
    pub fn user(&self) -> Option<&str> {
        let (user, _) = self.token.expose_secret().split_once('-')?;
        super::post::is_id(user).then_some(user)
    }

    /// What follows the word `OAuth` in the header `Authorization`. The nonce is one that no other request has.
    pub fn sign(
        &self,
        method: &str,
        url: &Url,
        form: &[(&str, &str)],
        nonce: &str,
        at: DateTime<Utc>,
    ) -> SecretString {
        let [app, _, token, _] = self.all();
        let time = at.timestamp().to_string();
        let own = [
            ("oauth_consumer_key", app),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", &time),
            ("oauth_token", token),
            ("oauth_version", "1.0"),
        ];
        let signature = self.signature(&base(method, url, &[form, &own].concat()));
        let all = own.into_iter().chain([("oauth_signature", signature.as_str())]);
        let all: Vec<_> = all.map(|(name, value)| format!("{name}=\"{}\"", encoded(value))).collect();
        all.join(", ").into()
    }

    fn signature(&self, base: &str) -> String {
        let [_, app_secret, _, token_secret] = self.all();
        let key = format!("{}&{}", encoded(app_secret), encoded(token_secret));
        // A key may have any length.
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key.as_bytes()) else { return String::new() };
        mac.update(base.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

/// What is signed: the method, the address, and all parameters in their order, those of the query with the others.
fn base(method: &str, url: &Url, others: &[(&str, &str)]) -> String {
    let mut address = url.clone();
    address.set_query(None);
    address.set_fragment(None);
    let mut all: Vec<_> = url.query_pairs().map(|(name, value)| (encoded(&name), encoded(&value))).collect();
    all.extend(others.iter().map(|(name, value)| (encoded(name), encoded(value))));
    all.sort();
    let all: Vec<_> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{method}&{}&{}", encoded(address.as_str()), encoded(&all.join("&")))
}

/// The parameters as a form or a query.
pub(super) fn written(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Everything but the letters, digits and marks that RFC 3986 does not reserve, by its bytes.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(words: &str) -> Keys {
        Keys::read(&words.to_owned().into()).unwrap()
    }

    #[test]
    fn what_is_signed_is_put_together_as_the_rfc_shows() {
        let url = "http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b".parse().unwrap();
        let others = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
            ("c2", ""),
            ("a3", "2 q"),
        ];
        let expected = "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D\
                        %26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26\
                        oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7";
        assert_eq!(base("POST", &url, &others), expected);
    }

    #[test]
    fn a_signature_is_the_one_that_the_rfc_shows() {
        let keys = keys("dpf43f3p2l4k3l03 kd94hf93k423kf44 nnch734d00sl2jdk pfkkdhi9sl3r4s00");
        let url = "http://photos.example.net/photos?file=vacation.jpg&size=original".parse().unwrap();
        let others = [
            ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
            ("oauth_token", "nnch734d00sl2jdk"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131202"),
            ("oauth_nonce", "chapoH"),
        ];
        assert_eq!(keys.signature(&base("GET", &url, &others)), "MdpQcU8iPSUjWoN/UDMsK2sui9I=");
    }

    #[test]
    fn a_header_is_the_one_that_x_shows() {
        let keys = keys(
            "xvz1evFS4wEEPTGEFPHBog kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw \
             370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
        );
        let url = "https://api.x.com/1.1/statuses/update.json?include_entities=true".parse().unwrap();
        let form = [("status", "Hello Ladies + Gentlemen, a signed OAuth request!")];
        let at = DateTime::from_timestamp(1_318_622_958, 0).unwrap();
        let header = keys.sign("POST", &url, &form, "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", at);
        let header = header.expose_secret();
        assert!(header.contains("oauth_signature=\"Ls93hJiZbQ3akF3HF3x1Bz8%2FzU4%3D\""), "{header}");
        assert!(header.contains("oauth_timestamp=\"1318622958\"") && !header.contains("kAcSOq"), "{header}");
        assert_eq!(
            written(&form),
            "status=Hello%20Ladies%20%2B%20Gentlemen%2C%20a%20signed%20OAuth%20request%21"
        );
    }

    #[test]
    fn a_credential_has_four_words_and_is_not_repeated() {
        for bad in ["", "hunter2", "a b c", "a b c d hunter2", "a b hunter2\" d", "a,b,c,hunter2"] {
            let why = Keys::read(&bad.to_owned().into()).err().unwrap();
            assert!(why == FOUR && !why.contains("hunter2"), "{bad}: {why}");
        }
        assert_eq!(keys(" a b\n7-c\td\n").all(), ["a", "b", "7-c", "d"]);
    }
}
