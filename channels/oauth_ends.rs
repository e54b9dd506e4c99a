//! The end of a grant at its network, and what proves it.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::http::{Answer, Http, Request};
use crate::oauth::{Client, Tokens};
use crate::oauth_answers::words;
use crate::oauth_networks::Revokes;

/// What is proved of a revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// The network says that the tokens are good no more.
    Gone,
    /// Not known to be revoked: why.
    NotKnown(String),
}

impl Client {
    /// Whether there is a call that ends the grant.
    pub fn can_revoke(&self, tokens: &Tokens) -> bool {
        self.place.revoke.is_some() || self.network.revokes == Revokes::Webhook && tokens.webhook.is_some()
    }

    /// Ends the grant at the network. The answer is [`Revoked::Gone`] only when the network says so.
    pub async fn revoke(&self, http: &Http, tokens: &Tokens) -> Revoked {
        let title = self.network.title;
        let by_hand =
            |why: &str| Revoked::NotKnown(format!("{why}; end the access in the settings of {title}"));
        let url = match (&self.place.revoke, &tokens.webhook) {
            (_, Some(webhook)) if self.network.revokes == Revokes::Webhook => webhook.expose_secret(),
            (Some(url), _) => url.as_str(),
            _ => return by_hand(&format!("{title} has no call that ends a grant")),
        };
        let of = |token: &SecretString| match self.network.revokes {
            Revokes::Standard => {
                let fields = [("token", token.expose_secret())];
                self.signed(Request::post(url), &fields)
            }
            Revokes::Bearer => Request::post(url).bearer(token),
            Revokes::Person => Request::delete(url).bearer(token),
            Revokes::Webhook => Request::delete(url),
        };
        // The refresh token first: where it ends the grant, the other one ends with it.
        let refresh = tokens.refresh.iter().filter(|_| self.network.revokes != Revokes::Webhook);
        let mut trouble = None;
        for token in refresh.chain([&tokens.access]) {
            let said = match http.call(of(token)).await {
                Err(trouble) => Err(trouble.to_string()),
                Ok(answer) => self.ended(&answer),
            };
            trouble = trouble.or(said.err());
            // At Slack each token ends by itself.
            if trouble.is_some() && self.network.revokes != Revokes::Bearer {
                break;
            }
        }
        trouble.map_or(Revoked::Gone, |why| by_hand(&why))
    }

    /// Whether an answer says that the token is good no more; otherwise what it says.
    fn ended(&self, answer: &Answer) -> Result<(), String> {
        let title = self.network.title;
        let gone = match self.network.revokes {
            Revokes::Standard => answer.is_success() && !denies(answer),
            Revokes::Bearer => answer.is_success() && says_gone(answer),
            Revokes::Person => answer.is_success() && says_success(answer),
            Revokes::Webhook => answer.is_success() || is_no_webhook(answer),
        };
        match gone {
            true => Ok(()),
            false if answer.is_success() => Err(format!("{title} does not end the grant")),
            false => Err(words(title, answer.status)),
        }
    }
}

/// RFC 7009 knows no body; X says in it what it did.
fn denies(answer: &Answer) -> bool {
    let said: Value = answer.json().unwrap_or_default();
    said.get("revoked").is_some_and(|revoked| *revoked != true)
}

/// Meta says so in the body (`graph-api/reference/user/permissions`).
fn says_success(answer: &Answer) -> bool {
    answer.json::<Value>().is_ok_and(|said| said["success"] == true)
}

/// Slack says in the body what it did to this one token (<https://docs.slack.dev/authentication/using-token-rotation>),
/// and of one that was good no more before, that it was not.
fn says_gone(answer: &Answer) -> bool {
    let said: Value = answer.json().unwrap_or_default();
    let error = said["error"].as_str();
    let before = matches!(error, Some("token_revoked" | "token_expired" | "account_inactive"));
    said["ok"] == true && said["revoked"] == true || said["ok"] == false && before
}

/// Discord names a webhook that is not there by a number
/// (<https://discord.com/developers/docs/topics/opcodes-and-status-codes>).
fn is_no_webhook(answer: &Answer) -> bool {
    answer.status == 404 && answer.json::<Value>().is_ok_and(|said| said["code"] == 10_015)
}
