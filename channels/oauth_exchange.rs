//! How one token becomes another at Meta's networks: by a read, with the secrets in its address.

use oauth2::basic::BasicErrorResponse;
use secrecy::{ExposeSecret, SecretString};

use crate::http::Http;
use crate::oauth::{Answered, Client, Refusal, Tokens};
use crate::oauth_answers::{ask, refusal};

impl Client {
    /// Meta's way: a token becomes one that lives longer, by a read with the secrets in its address.
    pub(crate) async fn exchange(
        &self,
        http: &Http,
        (path, kind): (&str, &str),
        old: &SecretString,
    ) -> Result<Tokens, Refusal> {
        let mut url = self.exchange_at(path)?;
        url.query_pairs_mut()
            .append_pair("grant_type", kind)
            .append_pair("client_secret", self.secret.expose_secret())
            .append_pair("access_token", old.expose_secret());
        self.given(http, &url).await
    }

    /// Where tokens become others. Instagram takes codes on a host of their own
    /// (`instagram-api-with-instagram-login/business-login`).
    pub(crate) fn exchange_at(&self, path: &str) -> Result<url::Url, Refusal> {
        let mut url = self.address(path)?;
        if url.host_str() == Some("api.instagram.com") {
            url.set_host(Some("graph.instagram.com")).map_err(|_| self.unclear())?;
        }
        Ok(url)
    }

    /// An address relative to that of tokens.
    pub(crate) fn address(&self, path: &str) -> Result<url::Url, Refusal> {
        let unread = |_| Refusal::Refused(format!("an address of {} cannot be read", self.network.title));
        url::Url::parse(&self.place.token).and_then(|u| u.join(path)).map_err(unread)
    }

    /// Reads tokens at an address that holds what they are given for.
    pub(crate) async fn given(&self, http: &Http, url: &url::Url) -> Result<Tokens, Refusal> {
        let answer = self.get(http, url, None).await?;
        let answered: Answered = serde_json::from_slice(&answer).map_err(|_| self.unclear())?;
        self.tokens(&answered)
    }

    /// Reads something, with a token if there is one: the body of an answer that accepts.
    pub(crate) async fn get(
        &self,
        http: &Http,
        url: &url::Url,
        token: Option<&SecretString>,
    ) -> Result<Vec<u8>, Refusal> {
        let mut request = oauth2::http::Request::get(url.as_str());
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {}", token.expose_secret()));
        }
        let request = request.body(Vec::new()).map_err(|_| self.unclear())?;
        let answer = ask(http, self.network.title, request).await.map_err(|t| refusal(&t))?;
        if !answer.status().is_success() {
            let named = serde_json::from_slice::<BasicErrorResponse>(answer.body()).ok();
            return Err(self.refused(named.as_ref()));
        }
        Ok(answer.into_body())
    }
}
