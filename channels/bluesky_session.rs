//! Logging in to Bluesky.

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;

use super::answers::{error_name, no_effect};
use super::record::ends;
use super::{Bluesky, Session};
use crate::http::{Answer, Request};
use crate::{Failure, Health, Retry};

/// Seconds before its end at which a session is renewed.
const RENEW_BEFORE: i64 = 300;
/// Seconds after a refused log-in in which only a post tries another.
const LOGIN_REST: i64 = 600;

impl Bluesky {
    /// The session, renewed or made anew. Nothing of it has an effect that the public can see.
    pub(super) async fn session(&self) -> Result<Session, Failure> {
        let mut kept = self.session.lock().await;
        let renew_at = (self.clock)().timestamp() + RENEW_BEFORE;
        if let Some(session) = kept.as_ref().filter(|s| ends(&s.access_jwt) > renew_at) {
            return Ok(session.clone());
        }
        if let Some(old) = kept.take().filter(|s| ends(&s.refresh_jwt) > renew_at) {
            let url = self.method("com.atproto.server.refreshSession");
            let answer = self.http.call(Request::post(url.as_str()).bearer(&old.refresh_jwt)).await;
            if let Some(session) = answer.ok().filter(Answer::is_success).and_then(|a| a.json().ok()) {
                return Ok(kept.insert(session).clone());
            }
        }
        let url = self.method("com.atproto.server.createSession");
        let login = json!({ "identifier": self.account, "password": self.password.expose_secret() });
        let answer = self.http.call(Request::post(url.as_str()).json(&login)).await.map_err(no_effect)?;
        if !answer.is_success() {
            let failure = self.login_failure(&answer);
            if matches!(failure, Failure::Rejected { retry: Retry::Reconnect, .. }) {
                *self.refused.lock().await = Some(((self.clock)().timestamp(), failure.clone()));
            }
            return Err(failure);
        }
        let session = answer.json().map_err(|reason| Failure::Rejected { reason, retry: Retry::Backoff })?;
        Ok(kept.insert(session).clone())
    }

    /// The session, for what can wait: a server counts log-ins, refused ones too (300 a day), and posts need
    /// theirs.
    pub(super) async fn spare_session(&self) -> Result<Session, Failure> {
        let refused = self.refused.lock().await.clone();
        match refused.filter(|(at, _)| (self.clock)().timestamp() - at < LOGIN_REST) {
            Some((_, failure)) if self.session.lock().await.is_none() => Err(failure),
            _ => self.session().await,
        }
    }

    /// What the server says of the account of the session.
    pub(super) async fn inspect(&self, session: &Session) -> Result<Health, String> {
        #[derive(Deserialize)]
        struct Account {
            handle: String,
            #[serde(default = "yes")]
            active: bool,
        }

        let url = self.method("com.atproto.server.getSession");
        let asked = self.http.call(Request::get(url.as_str()).bearer(&session.access_jwt)).await;
        let answer = asked.map_err(|trouble| trouble.to_string())?;
        if !answer.is_success() {
            return Err(self.failure(&answer).await.to_string());
        }
        let told: Account = answer.json()?;
        let name = format!("@{}", told.handle);
        if !told.active {
            return Err(format!("the account @{} is not active", told.handle));
        }
        Ok(Health::ready(format!("logged in as {name}")).of(&name).by_id(&session.did))
    }

    fn login_failure(&self, answer: &Answer) -> Failure {
        let (reason, retry) = match answer.status {
            400 | 401 | 403 => ("the account or its app password is refused", Retry::Reconnect),
            429 => ("the server asks us to wait before logging in", self.wait(answer)),
            _ => ("the server cannot log us in now", Retry::Backoff),
        };
        Failure::Rejected { reason: format!("{reason} ({})", error_name(answer)), retry }
    }
}

fn yes() -> bool {
    true
}
