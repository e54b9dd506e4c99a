//! The end of a grant at its network, and what proves it.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::graph::is_id;
use crate::http::{Answer, Http, Request};
use crate::oauth::{Client, Tokens, refuses_app};
use crate::oauth_answers::{is_app_refused, words};
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
        if self.network.revokes == Revokes::Person {
            let said = self.take_back(http, url, tokens).await;
            return said.map_or_else(|why| by_hand(&why), |()| Revoked::Gone);
        }
        let of = |token: &SecretString| match self.network.revokes {
            Revokes::Standard => {
                let fields = [("token", token.expose_secret())];
                self.signed(Request::post(url), &fields)
            }
            Revokes::Bearer => Request::post(url).bearer(token),
            Revokes::Person | Revokes::Webhook => Request::delete(url),
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

    /// Takes back all that a person granted the app, by their token; where that is good no more, since it ended after 60
    /// days or with another page, by the app's own.
    ///
    /// Facts: <https://developers.facebook.com/docs/graph-api/reference/user/permissions>,
    /// <https://developers.facebook.com/documentation/facebook-login/guides/access-tokens>.
    async fn take_back(&self, http: &Http, url: &str, tokens: &Tokens) -> Result<(), String> {
        let call = async |url: &str, token: &SecretString| {
            http.call(Request::delete(url).bearer(token)).await.map_err(|trouble| trouble.to_string())
        };
        let answer = call(url, &tokens.access).await?;
        let said = self.ended(&answer);
        let person = tokens.team.as_deref().filter(|id| is_id(id) && is_token_refused(&answer));
        let (Err(_), Some(person), Some(place)) = (&said, person, url.strip_suffix("/me/permissions")) else {
            return said;
        };
        let ours = SecretString::from(format!("{}|{}", self.id, self.secret.expose_secret()));
        let answer = call(&format!("{place}/{person}/permissions"), &ours).await?;
        let is_ours_refused = |said: &Value| is_app_refused(&said["error"]) || said["error"]["code"] == 190;
        self.ended(&answer).map_err(|why| match answer.json::<Value>().is_ok_and(|s| is_ours_refused(&s)) {
            true => refuses_app(self.network.title),
            false => why,
        })
    }

    /// Whether an answer says that the token is good no more; otherwise what it says.
    fn ended(&self, answer: &Answer) -> Result<(), String> {
        let title = self.network.title;
        let gone = match self.network.revokes {
            Revokes::Standard => answer.is_success() && !denies(answer),
            Revokes::Bearer => answer.is_success() && says_gone(answer),
            Revokes::Person => answer.is_success() && says_success(answer) || is_not_installed(answer),
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

/// Meta's number for a token that is good no more.
fn is_token_refused(answer: &Answer) -> bool {
    answer.json::<Value>().is_ok_and(|said| matches!(said["error"]["code"].as_i64(), Some(102 | 190)))
}

/// Meta says that the person has not granted the app anything, or took it back
/// (<https://developers.facebook.com/docs/graph-api/guides/error-handling>).
fn is_not_installed(answer: &Answer) -> bool {
    is_token_refused(answer) && answer.json::<Value>().is_ok_and(|said| said["error"]["error_subcode"] == 458)
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
