//! Connecting an account by OAuth 2.0: the code with PKCE, its exchange, renewal. Its end is in `oauth_ends.rs`.
//!
//! The rules are those of RFC 6749, 7636 and 7009, by the crate `oauth2`; what a network does otherwise is in
//! [`networks`](crate::oauth_networks). No text of an error holds anything of an answer but the name of its
//! error, so that no token is shown that an answer echoes.

use std::time::Duration;

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    ExtraTokenFields, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError,
    Scope, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::http::{Http, Request, Trouble};
use crate::oauth_answers::{Asker, form, refusal, words};
pub use crate::oauth_ends::Revoked;
use crate::oauth_networks::{Network, Place, Renews, SendsSecret};

/// How long all answers to one code may take, together.
pub const REDEEMS_WITHIN: Duration = Duration::from_secs(35);
/// The longest token that is taken, in bytes.
const LONGEST: usize = 16 << 10;

/// An app that is registered at a network, and where it is used.
#[derive(Debug, Clone)]
pub struct Client {
    pub network: &'static Network,
    pub place: Place,
    pub id: String,
    pub secret: SecretString,
    /// Where the network sends the person back to.
    pub redirect: String,
}

/// What a network grants.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    pub access: SecretString,
    pub refresh: Option<SecretString>,
    /// For how long the access token is good, from now; `None`: the network does not say, or for ever.
    pub lives: Option<Duration>,
    /// What is needed and was not granted, where the network says so. The first post would fail by it.
    pub missing: Vec<String>,
    /// Whose access is one and ends at once: the team of Slack, whose bot has one token for all, or the person at
    /// Facebook, whatever their pages.
    pub team: Option<String>,
    /// What a page posts with; the access token is the person's.
    pub page: Option<SecretString>,
    /// The pages that were granted, where that of the channel was not.
    pub pages: Vec<String>,
    /// The secret address that Discord makes with the grant.
    pub webhook: Option<SecretString>,
}

impl Tokens {
    /// What a channel posts with.
    pub fn credential(&self) -> &SecretString {
        self.webhook.as_ref().or(self.page.as_ref()).unwrap_or(&self.access)
    }

    /// What to do when a person cut the grant down.
    pub fn lacks(&self, title: &str) -> Option<String> {
        let scope = self.missing.first()?;
        if self.pages.is_empty() {
            return Some(format!("{title} did not grant {scope}: connect again, and agree to all"));
        }
        let pages = self.pages.join(", ");
        Some(format!(
            "{title} did not grant {scope}, but {pages}: connect again and choose it, or enter one of these at the \
             channel"
        ))
    }
}

/// Why there are no tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The grant has ended: a person connects again.
    #[error("{0}")]
    Ended(String),
    /// The app or the question is refused; the same again is refused again.
    #[error("{0}")]
    Refused(String),
    /// Provably without effect; the same can be tried later.
    #[error("{0}")]
    Later(String),
    /// The network may have acted: an old refresh token may be used up.
    #[error("{0}")]
    Unknown(String),
}

/// Where to send a person, and what only we know of it.
#[derive(Debug)]
pub struct Start {
    pub url: String,
    /// The verifier of PKCE: to be kept sealed until the person is back.
    pub verifier: SecretString,
}

/// What answers hold beyond the standard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Extra {
    #[serde(default)]
    webhook: Option<Webhook>,
    #[serde(default)]
    team: Option<Team>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Webhook {
    #[serde(skip_serializing)]
    url: Option<SecretString>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Team {
    id: Option<String>,
}

impl ExtraTokenFields for Extra {}

pub(crate) type Answered = StandardTokenResponse<Extra, BasicTokenType>;
type Standard = oauth2::Client<
    BasicErrorResponse,
    Answered,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl Client {
    /// The address where a person grants access. `state` comes back with them.
    ///
    /// # Errors
    /// A sentence, when an address of the network or of ours cannot be read.
    pub fn start(&self, state: &SecretString) -> Result<Start, String> {
        let client = self.standard()?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let state = CsrfToken::new(state.expose_secret().to_owned());
        let mut request = client.authorize_url(|| state);
        if self.network.pkce {
            request = request.set_pkce_challenge(challenge);
        }
        if self.network.registers() {
            // Whoever is logged in at the server by chance chooses the account all the same
            // (https://docs.joinmastodon.org/methods/oauth/#authorize).
            request = request.add_extra_param("force_login", "true");
        }
        if self.network.chosen_by().is_some() {
            // What a person refused once is asked for again (`facebook-login/guides/advanced/manual-flow`).
            request = request.add_extra_param("auth_type", "rerequest");
        }
        let scopes = self.network.scopes();
        let (url, _) = match self.network.separator {
            ' ' => request.add_scopes(scopes.into_iter().map(|s| Scope::new(s.to_owned()))).url(),
            other => request.add_scope(Scope::new(scopes.join(&other.to_string()))).url(),
        };
        Ok(Start { url: url.into(), verifier: verifier.secret().clone().into() })
    }

    /// Exchanges the code that a person brought back for tokens, within [`REDEEMS_WITHIN`]. Look at what they lack.
    /// `page` is the page whose token is wanted, where each has one, or the account of such a page.
    ///
    /// # Errors
    /// [`Refusal`]; a code counts once.
    pub async fn redeem(
        &self,
        http: &Http,
        code: &SecretString,
        verifier: &SecretString,
        page: &str,
    ) -> Result<Tokens, Refusal> {
        within(REDEEMS_WITHIN, self.network, self.redeemed(http, code, verifier, page)).await
    }

    async fn redeemed(
        &self,
        http: &Http,
        code: &SecretString,
        verifier: &SecretString,
        page: &str,
    ) -> Result<Tokens, Refusal> {
        let client = self.standard().map_err(Refusal::Refused)?;
        let mut request = client.exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()));
        if self.network.pkce {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
        }
        let answered = request.request_async(&self.asker(http)).await;
        let tokens = self.read(answered)?;
        match self.network.renews {
            Renews::Itself { exchange, .. } => {
                let long = self.exchange(http, exchange, &tokens.access).await;
                // The code was good: there is a token by now, whatever became of the other one.
                let long = long.map_err(|why| Refusal::Unknown(why.to_string()))?;
                Ok(Tokens { missing: tokens.missing, ..long })
            }
            // The same.
            Renews::Page | Renews::PageOfAccount => self
                .of_page(http, &tokens.access, page)
                .await
                .map_err(|why| Refusal::Unknown(why.to_string())),
            Renews::ByToken | Renews::Never => Ok(tokens),
        }
    }

    /// Gets new tokens in the place of old ones, which a network may end by this.
    ///
    /// # Errors
    /// [`Refusal`]; after [`Refusal::Unknown`] the old refresh token may be used up.
    pub async fn renew(&self, http: &Http, old: &Tokens) -> Result<Tokens, Refusal> {
        let ended =
            || Refusal::Ended(format!("{} gives no new token for this one: {AGAIN}", self.network.title));
        let refresh = match (&self.network.renews, &old.refresh) {
            (Renews::Itself { renewal, .. }, _) => return self.exchange(http, *renewal, &old.access).await,
            (Renews::ByToken, Some(refresh)) => RefreshToken::new(refresh.expose_secret().to_owned()),
            (Renews::ByToken | Renews::Page | Renews::PageOfAccount | Renews::Never, _) => {
                return Err(ended());
            }
        };
        let client = self.standard().map_err(Refusal::Refused)?;
        let answered = client.exchange_refresh_token(&refresh).request_async(&self.asker(http)).await;
        let mut new = self.read(answered)?;
        // A network that does not change it gives none.
        new.refresh = new.refresh.or_else(|| old.refresh.clone());
        new.team = new.team.or_else(|| old.team.clone());
        Ok(new)
    }

    /// Registers an app of ours at a server that lets everybody do so (Mastodon); its id and secret.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn register(
        http: &Http,
        network: &'static Network,
        server: &str,
        redirect: &str,
    ) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        struct App {
            client_id: String,
            client_secret: SecretString,
        }
        let place = network.place(Some(server));
        let scopes = network.scopes().join(" ");
        let fields = [("client_name", "Holdline"), ("redirect_uris", redirect), ("scopes", &scopes)];
        let url = format!("{}/api/v1/apps", server.trim_end_matches('/'));
        let answer = http.call(form(Request::post(&url), &fields)).await.map_err(|t| refusal(&t))?;
        if !answer.is_success() {
            return Err(Refusal::Refused(words(network.title, answer.status)));
        }
        let app: App = answer.json().map_err(Refusal::Unknown)?;
        let (id, secret) = (app.client_id, app.client_secret);
        Ok(Self { network, place, id, secret, redirect: redirect.to_owned() })
    }

    fn standard(&self) -> Result<Standard, String> {
        let unread = |_| format!("an address of {} cannot be read", self.network.title);
        let client = oauth2::Client::new(ClientId::new(self.id.clone()))
            .set_client_secret(ClientSecret::new(self.secret.expose_secret().to_owned()))
            .set_auth_uri(AuthUrl::new(self.place.authorize.clone()).map_err(unread)?)
            .set_token_uri(TokenUrl::new(self.place.token.clone()).map_err(unread)?)
            .set_redirect_uri(RedirectUrl::new(self.redirect.clone()).map_err(unread)?);
        Ok(client.set_auth_type(match self.network.secret {
            SendsSecret::Header => AuthType::BasicAuth,
            SendsSecret::Body => AuthType::RequestBody,
        }))
    }

    fn asker(&self, http: &Http) -> Asker {
        Asker { http: http.clone(), title: self.network.title }
    }

    /// A form that carries who the app is.
    pub(crate) fn signed(&self, request: Request, fields: &[(&str, &str)]) -> Request {
        match self.network.secret {
            SendsSecret::Header => form(request, fields).basic(&self.id, &self.secret),
            SendsSecret::Body => {
                let ours = [("client_id", self.id.as_str()), ("client_secret", self.secret.expose_secret())];
                form(request, &[fields, ours.as_slice()].concat())
            }
        }
    }

    fn read(
        &self,
        answered: Result<Answered, RequestTokenError<Trouble, BasicErrorResponse>>,
    ) -> Result<Tokens, Refusal> {
        match answered {
            Ok(answered) => self.tokens(&answered),
            Err(RequestTokenError::Request(trouble)) => Err(refusal(&trouble)),
            Err(RequestTokenError::ServerResponse(error)) => Err(self.refused(Some(&error))),
            // What could not be read is not shown: a token can be in it.
            Err(RequestTokenError::Parse(..) | RequestTokenError::Other(_)) => Err(self.unclear()),
        }
    }

    pub(crate) fn tokens(&self, answered: &Answered) -> Result<Tokens, Refusal> {
        let secret = |text: &str| SecretString::from(text.to_owned());
        let Extra { webhook, team } = answered.extra_fields();
        let (access, refresh) = (answered.access_token().secret(), answered.refresh_token());
        let webhook = webhook.as_ref().and_then(|w| w.url.clone());
        let lengths = [
            access.len(),
            refresh.map_or(0, |t| t.secret().len()),
            webhook.as_ref().map_or(0, |w| w.expose_secret().len()),
        ];
        if !is_sent(access) || lengths.iter().any(|length| *length > LONGEST) {
            return Err(self.unclear());
        }
        // A grant that a person cut down: the first post would fail in an emergency.
        let lacks = |granted: &Vec<Scope>| {
            let granted: Vec<&str> = granted.iter().map(|s| s.as_str()).collect();
            let missing = self.network.needed.iter().filter(|s| !granted.contains(s));
            missing.map(|s| (*s).to_owned()).collect()
        };
        Ok(Tokens {
            access: secret(access),
            refresh: refresh.map(|t| secret(t.secret())),
            lives: answered.expires_in(),
            missing: answered.scopes().map(lacks).unwrap_or_default(),
            team: team.as_ref().and_then(|t| t.id.clone()).filter(|id| id.len() <= 100),
            page: None,
            pages: Vec::new(),
            webhook,
        })
    }

    pub(crate) fn refused(&self, error: Option<&BasicErrorResponse>) -> Refusal {
        let (title, code) = (self.network.title, error.map(|e| e.error().to_string()).unwrap_or_default());
        match code.as_str() {
            "invalid_grant" => Refusal::Ended(format!("{title} does not take this grant any more: {AGAIN}")),
            // So says X of a code or a refresh token that counts no more; our requests are well formed.
            "invalid_request" if self.network.name == "x" => {
                Refusal::Ended(format!("{title} does not take this grant any more: {AGAIN}"))
            }
            "invalid_client" | "unauthorized_client" => Refusal::Refused(refuses_app(title)),
            code => Refusal::Refused(refuses(title, code)),
        }
    }

    pub(crate) fn unclear(&self) -> Refusal {
        Refusal::Unknown(format!("{} gave an answer that cannot be read", self.network.title))
    }
}

/// Whether a header takes a token: another one would fail at every send.
pub(crate) fn is_sent(token: &str) -> bool {
    !token.is_empty() && token.len() <= LONGEST && token.chars().all(|c| c.is_ascii_graphic())
}

/// What comes of answers that may take so long together.
async fn within(
    limit: Duration,
    network: &Network,
    given: impl Future<Output = Result<Tokens, Refusal>>,
) -> Result<Tokens, Refusal> {
    let slow = |_| Err(Refusal::Unknown(format!("{} was too slow to answer", network.title)));
    tokio::time::timeout(limit, given).await.unwrap_or_else(slow)
}

/// What people read where the app itself is refused.
pub(crate) fn refuses_app(title: &str) -> String {
    format!("{title} refuses the app: check its id and its secret")
}

/// What people read of a refusal. Of what the network says only the name of an error is repeated.
pub fn refuses(title: &str, error: &str) -> String {
    let is_name =
        (1..=40).contains(&error.len()) && error.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    match is_name {
        true => format!("{title} refuses the connection: {error}"),
        false => format!("{title} refuses the connection"),
    }
}

const AGAIN: &str = "connect the channel again";

#[path = "oauth_exchange.rs"]
mod exchange;
#[path = "oauth_page.rs"]
mod page;

#[cfg(test)]
#[path = "oauth_meta_tests.rs"]
mod meta_tests;
#[cfg(test)]
#[path = "oauth_tests.rs"]
mod tests;
