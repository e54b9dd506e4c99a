//! Access that people granted to channels: what is kept of it, and what is shown.

use std::time::Duration;

use ::channels::oauth::{Client, Tokens, refuses};
use ::channels::oauth_networks::{self, Network, Place, Renews, Revokes};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::app::channels::HealthView;
use crate::app::people::hash;
use crate::app::{Actor, App, AppError, Result, keys};
use crate::clock::{Millis, date_time, rfc3339};
use crate::domain::role::Right;
use crate::store::Tx;
use crate::store::grants::{Grant, OauthApp};

/// How long tokens are kept at least, whatever the network says of their life.
const SOONEST: Millis = 60_000;

/// The access that a channel has, without its tokens.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct GrantView {
    pub channel: String,
    /// The app at the network that it was granted to.
    pub app: String,
    /// Who granted it here.
    pub granted_by: String,
    pub granted_at: String,
    pub renewed_at: String,
    /// When the present token expires; nothing: never, or the network does not say.
    pub expires_at: Option<String>,
    /// When it is renewed next; nothing: it is not.
    pub renew_at: Option<String>,
    /// Why it is not renewed, or what is known of its end.
    pub trouble: Option<String>,
    /// When it was ended here.
    pub ended_at: Option<String>,
    /// Whether the network is known to have ended it.
    pub revoked: Option<bool>,
}

/// Tokens as they are sealed.
#[derive(Deserialize)]
struct Kept {
    access: SecretString,
    refresh: Option<SecretString>,
    webhook: Option<SecretString>,
    #[serde(default)]
    team: Option<String>,
    #[serde(default)]
    page: Option<SecretString>,
}

/// The associated data of the tokens of a channel.
pub(in crate::app) fn record(channel: &str) -> String {
    format!("grant:{channel}")
}

/// The associated data of the secret of an app.
pub(in crate::app) fn app_record(id: &str) -> String {
    format!("oauth_app:{id}")
}

pub(super) fn view(g: Grant) -> GrantView {
    GrantView {
        channel: g.channel_id,
        app: g.app_id,
        granted_by: g.granted_by,
        granted_at: rfc3339(g.granted_at),
        renewed_at: rfc3339(g.renewed_at),
        expires_at: g.expires_at.map(rfc3339),
        renew_at: g.renew_at.map(rfc3339),
        trouble: g.trouble,
        ended_at: g.ended_at.map(rfc3339),
        revoked: None,
    }
}

/// The access that was granted to a channel, if it was.
///
/// # Errors
/// When the actor may not read.
pub async fn of_channel(app: &App, by: &Actor, channel: &str) -> Result<Option<GrantView>> {
    by.need(Right::Read)?;
    let Some(seen) = app.store().grant(channel).await?.map(view) else { return Ok(None) };
    let open = app.store().open_ends().await?.iter().any(|e| e.channel_id == channel);
    let revoked = seen.ended_at.as_ref().map(|_| !open);
    Ok(Some(GrantView { revoked, ..seen }))
}

/// What a check saw, with what is known of the access: one that ends by itself is told of before, and one that
/// is not renewed as long as its token works. Without either a channel is ready only when it can be used.
pub(in crate::app) fn judge(seen: &mut HealthView, adapter: &str, grant: &Grant, now: Millis) {
    let (lives, renews) = (grant.tokens.is_some(), grant.renew_at.is_some());
    let expired = grant.expires_at.is_some_and(|at| at <= now);
    if lives {
        let told = grant.expires_at.map(date_time).or(seen.facts.expires_at);
        seen.facts.expires_at = told.filter(|_| !renews);
        if oauth_networks::network(adapter).is_some_and(Network::keeps_rights) {
            seen.facts.missing = Some(Vec::new());
        }
    }
    match &grant.trouble {
        Some(why) if !lives || !renews || expired => {
            (seen.ready, seen.detail) = (false, why.clone());
            // It says what to do, and when it ends does not matter any more.
            seen.facts.expires_at = None;
        }
        Some(why) => seen.facts.not_renewed = Some(why.clone()),
        None => {}
    }
}

/// The network of an adapter.
///
/// # Errors
/// When it is not connected by OAuth.
pub(super) fn network(adapter: &str) -> Result<&'static Network> {
    oauth_networks::network(adapter).ok_or_else(not_granted)
}

/// The network that a channel of these settings is connected at.
///
/// # Errors
/// When it is not connected by OAuth.
pub(super) fn network_of(adapter: &str, settings: &Value) -> Result<&'static Network> {
    oauth_networks::of_channel(adapter, settings).ok_or_else(not_granted)
}

fn not_granted() -> AppError {
    AppError::field("adapter", "access to this network is not granted by OAuth; give a credential")
}

/// The app, with its secret open.
pub(super) fn client(app: &App, row: &OauthApp) -> Result<Client> {
    let secret = app.keys().open(&app_record(&row.id), &row.secret);
    Ok(Client {
        network: network(&row.adapter)?,
        place: Place {
            authorize: row.authorize_url.clone(),
            token: row.token_url.clone(),
            revoke: row.revoke_url.clone(),
        },
        id: row.client_id.clone(),
        secret: secret.map_err(|e| AppError::Conflict(e.to_string()))?,
        redirect: redirect_to(app, row),
    })
}

/// The app of that id, with its secret open.
pub(super) async fn client_by_id(app: &App, id: &str) -> Result<Client> {
    let row = app.store().oauth_app(id).await?;
    client(app, &row.ok_or_else(|| AppError::not_found("app", id))?)
}

/// Where networks send people back to.
pub(super) fn redirect(app: &App) -> String {
    format!("{}/console/settings/channels/connected", app.public_url())
}

/// The same for an app at one of many servers: what comes back there was asked of that server. One that is not
/// honest could otherwise send people on to another, and be given what that one grants.
pub(super) fn redirect_of(app: &App, id: &str) -> String {
    format!("{}/{id}", redirect(app))
}

/// Where the network of an app sends people back to: a server that Holdline registered itself at, to where it
/// was told then.
pub(super) fn redirect_to(app: &App, row: &OauthApp) -> String {
    let registers = oauth_networks::network(&row.adapter).is_some_and(Network::registers);
    if registers { row.redirect.clone() } else { redirect(app) }
}

/// The tokens of a grant.
///
/// # Errors
/// When they were ended here, or cannot be opened.
pub(super) fn tokens(app: &App, grant: &Grant) -> Result<Tokens> {
    let ended = || AppError::Conflict("the access was ended".into());
    open(app, &grant.channel_id, grant.tokens.as_deref().ok_or_else(ended)?)
}

/// Tokens that were sealed for a channel.
///
/// # Errors
/// When they cannot be opened.
pub(super) fn open(app: &App, channel: &str, sealed: &str) -> Result<Tokens> {
    let opened = app.keys().open(&record(channel), sealed);
    let opened = opened.map_err(|e| AppError::Conflict(e.to_string()))?;
    // Its error would show what it read.
    let kept: Kept = serde_json::from_str(opened.expose_secret())
        .map_err(|_| AppError::Conflict("the stored secret is damaged".into()))?;
    let Kept { access, refresh, webhook, team, page } = kept;
    Ok(Tokens { access, refresh, webhook, team, page, ..Tokens::default() })
}

/// Whether these are the very same tokens.
pub(super) fn are_same(one: &Tokens, other: &Tokens) -> bool {
    fn of(tokens: &Tokens) -> [Option<&str>; 4] {
        let access = Some(&tokens.access);
        let all = [access, tokens.refresh.as_ref(), tokens.webhook.as_ref(), tokens.page.as_ref()];
        all.map(|token| token.map(|t| t.expose_secret()))
    }
    of(one) == of(other)
}

/// Seals tokens, in the change that writes them.
pub(super) async fn seal(app: &App, tx: &mut Tx, channel: &str, tokens: &Tokens) -> Result<String> {
    let open = |secret: &Option<SecretString>| secret.as_ref().map(|s| s.expose_secret().to_owned());
    let json = serde_json::json!({
        "access": tokens.access.expose_secret(),
        "refresh": open(&tokens.refresh),
        "webhook": open(&tokens.webhook),
        "team": tokens.team,
        "page": open(&tokens.page),
    });
    keys::seal(app, tx, &record(channel), &json.to_string().into()).await
}

/// Digest of what ends together at the network: a server may give the same token to one account twice, a team of
/// Slack has one bot, which is deactivated with any token of its (<https://docs.slack.dev/reference/methods/auth.revoke>),
/// also where these are renewed, and a person at Facebook takes all back at once.
pub(super) fn shared(client: &Client, tokens: &Tokens) -> String {
    let what = match &tokens.team {
        Some(team) => format!("team {team}"),
        None => format!("token {}", tokens.credential().expose_secret()),
    };
    // Facebook's ids of people are those of one app, whatever the version in its addresses, and whatever it is for.
    let place = if client.network.revokes == Revokes::Person { "facebook" } else { &client.place.token };
    hash(&format!("{place} {} {what}", client.id))
}

/// When what posts expires, of tokens that were given now, and when it is renewed: after four fifths of its life.
/// A webhook is there until somebody deletes it, and a page's token has no end, whatever becomes of the token beside.
pub(super) fn times(network: &Network, tokens: &Tokens, now: Millis) -> (Option<Millis>, Option<Millis>) {
    let lives = tokens.lives.filter(|_| tokens.webhook.is_none() && tokens.page.is_none());
    let Some(lives) = lives.map(millis) else { return (None, None) };
    let renews = match network.renews {
        Renews::Never | Renews::Page | Renews::PageOfAccount => false,
        Renews::Itself { .. } => true,
        Renews::ByToken => tokens.refresh.is_some(),
    };
    (Some(now + lives), renews.then(|| now + (lives / 5 * 4).max(SOONEST)))
}

/// A life, of ten years at most.
fn millis(life: Duration) -> Millis {
    Millis::try_from(life.as_millis()).unwrap_or(Millis::MAX).min(10 * 365 * 86_400_000)
}

/// What a network says instead of a code, as far as it is a name.
pub(super) fn refused(title: &str, error: Option<&str>) -> String {
    match error.unwrap_or_default() {
        "access_denied" => format!("access was not granted at {title}"),
        error => refuses(title, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_network_says_only_a_name_is_repeated() {
        assert_eq!(refused("X", Some("access_denied")), "access was not granted at X");
        assert_eq!(refused("X", Some("server_error")), "X refuses the connection: server_error");
        for odd in ["", "<script>", "A", "token hunter2", &"a".repeat(41)] {
            assert_eq!(refused("X", Some(odd)), "X refuses the connection");
        }
    }

    #[test]
    fn a_token_is_renewed_before_its_end() {
        let tokens = |lives, refresh: Option<&str>| Tokens {
            access: "a".to_owned().into(),
            refresh: refresh.map(|r| r.to_owned().into()),
            lives,
            ..Tokens::default()
        };
        let (two_hours, x) = (Some(Duration::from_secs(7_200)), network("x").unwrap());
        assert_eq!(times(x, &tokens(two_hours, Some("r")), 1_000), (Some(7_201_000), Some(5_761_000)));
        assert_eq!(times(x, &tokens(two_hours, None), 0), (Some(7_200_000), None), "nothing renews it");
        assert_eq!(times(x, &tokens(None, Some("r")), 0), (None, None));
        let threads = network("threads").unwrap();
        assert_eq!(times(threads, &tokens(two_hours, None), 0).1, Some(5_760_000), "it renews itself");
        let (ends, _) = times(x, &tokens(Some(Duration::MAX), Some("r")), 0);
        assert_eq!(ends, Some(315_360_000_000));
        let odd = Some(Duration::ZERO);
        assert_eq!(times(x, &tokens(odd, Some("r")), 1_000), (Some(1_000), Some(61_000)), "not at each tick");
        let week =
            Tokens { webhook: Some("w".to_owned().into()), ..tokens(Some(Duration::from_hours(168)), None) };
        assert_eq!(
            times(network("discord").unwrap(), &week, 0),
            (None, None),
            "the webhook outlives its token"
        );
        assert!(network("email").is_err());
    }

    fn grant(
        renew_at: Option<Millis>,
        expires_at: Option<Millis>,
        trouble: Option<&str>,
        tokens: Option<&str>,
    ) -> Grant {
        Grant {
            channel_id: "c".into(),
            app_id: "a".into(),
            tokens: tokens.map(str::to_owned),
            generation: 1,
            granted_by: "p".into(),
            granted_at: 0,
            renewed_at: 0,
            expires_at,
            renew_at,
            failures: 0,
            trouble: trouble.map(str::to_owned),
            lease: None,
            lease_until: 0,
            lost: false,
            shared: String::new(),
            ended_at: None,
        }
    }

    #[test]
    fn an_access_that_ends_by_itself_is_told_of_and_one_that_is_renewed_is_not() {
        let judged = |renew_at, expires_at, trouble: Option<&str>, tokens: Option<&str>| {
            let grant = grant(renew_at, expires_at, trouble, tokens);
            let (limits, facts) = (None, ::channels::Facts::default());
            let mut seen = HealthView { ready: true, detail: "well".into(), limits, facts };
            judge(&mut seen, "slack", &grant, 1_000);
            (seen.ready, seen.facts.expires_at.map(|at| at.timestamp_millis()), seen.facts.not_renewed)
        };
        let (kept, why) = (Some("sealed"), Some("told".to_owned()));
        assert_eq!(judged(Some(1_500), Some(2_000), None, kept), (true, None, None));
        assert_eq!(judged(None, Some(2_000), None, kept), (true, Some(2_000), None));
        assert_eq!(judged(Some(1_500), Some(2_000), Some("told"), kept), (true, None, why));
        assert_eq!(judged(Some(1_500), Some(1_000), Some("told"), kept), (false, None, None), "expired");
        assert!(!judged(None, Some(2_000), Some("told"), kept).0, "a person connects again");
        assert!(!judged(None, None, Some("told"), None).0, "ended here");
    }

    #[test]
    fn an_access_granted_at_x_has_all_that_is_needed_while_it_lives() {
        let missing = |adapter: &str, tokens: Option<&str>| {
            let (limits, facts) = (None, ::channels::Facts::default());
            let mut seen = HealthView { ready: true, detail: "well".into(), limits, facts };
            judge(&mut seen, adapter, &grant(Some(1_500), Some(2_000), None, tokens), 1_000);
            seen.facts.missing
        };
        assert_eq!(missing("x", Some("sealed")), Some(Vec::new()));
        assert_eq!((missing("x", None), missing("threads", Some("sealed"))), (None, None), "nobody knows");
    }
}
