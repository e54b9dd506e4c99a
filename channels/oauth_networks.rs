//! Where each network grants access, and what it does in a way of its own. Facts and their sources are those
//! of each adapter's page.

use serde_json::Value;

use crate::{facebook, instagram, mastodon, slack, threads};

/// How an app proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendsSecret {
    /// HTTP Basic.
    Header,
    /// Fields of the form.
    Body,
}

/// How a token is renewed. Paths are relative to the address of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renews {
    /// By a refresh token, where one was given. X and Slack give a new one each time, and only that one
    /// counts; LinkedIn gives one to some apps only.
    ByToken,
    /// The access token itself: one of a day becomes one of about 60 days, which is renewed in the same way.
    Itself {
        /// Path and kind of the first exchange.
        exchange: (&'static str, &'static str),
        /// Path and kind of a renewal.
        renewal: (&'static str, &'static str),
    },
    /// The code gives the token of a person, and what posts is that of one page, which does not expire
    /// ([`crate::oauth_page`]).
    Page,
    /// The same, of the page that an account of Instagram is connected with.
    PageOfAccount,
    /// Tokens do not expire.
    Never,
}

/// How a grant is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revokes {
    /// RFC 7009.
    Standard,
    /// A call that the token itself authorises.
    Bearer,
    /// A call that takes all that the person granted the app back.
    Person,
    /// The webhook that was made with the grant is deleted: it is what posts, and outlives the token.
    Webhook,
}

/// The addresses of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where a person grants access.
    pub authorize: String,
    /// Where codes and refresh tokens become tokens.
    pub token: String,
    /// Where a grant is ended, if there is such a call.
    pub revoke: Option<String>,
}

/// How a network grants access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The adapter, or a way of its own to one ([`Network::adapter`]).
    pub name: &'static str,
    pub title: &'static str,
    /// Addresses; `{}` is the person's own server.
    authorize: &'static str,
    token: &'static str,
    revoke: Option<&'static str>,
    /// What is asked for, and without which the first post would fail.
    pub needed: &'static [&'static str],
    /// What is asked for, too: without it a channel still posts.
    pub besides: &'static [&'static str],
    /// What stands between them.
    pub separator: char,
    /// Sent only where the network takes it from an app that keeps a secret, as each of these does: X, Mastodon from 4.3 on
    /// (<https://docs.joinmastodon.org/spec/oauth/>), and Discord, which lists `S256` beside apps with a secret
    /// (<https://discord.com/.well-known/oauth-authorization-server>). Elsewhere it does harm, although an unknown parameter is
    /// to be ignored (RFC 6749, 3.1): a code is of no use there without the secret, and the state of a way back is
    /// bound to one session.
    ///
    /// - Slack takes it only from an app that has opted in, which makes it a public client, for good, whose refresh tokens
    ///   end after 30 days (<https://docs.slack.dev/authentication/using-pkce>).
    /// - LinkedIn knows it for native apps only, when it has switched it on for one (`learn.microsoft.com/linkedin/shared/authentication/authorization-code-flow-native`);
    ///   an app with a secret that sends a verifier is refused as `invalid_client` (UsefulSoftwareCo/executor, issue 2087).
    /// - Facebook knows it for `openid` only, and calls that a test
    ///   (<https://developers.facebook.com/documentation/facebook-login/guides/advanced/oidc-token>); with other permissions it
    ///   drops the challenge and then refuses the verifier (NangoHQ/nango, pull request 7156; better-auth, issue 186).
    /// - The logins of Instagram and Threads name no such parameter
    ///   (<https://developers.facebook.com/documentation/threads/get-started/get-access-tokens-and-permissions>), and are
    ///   Meta's, too.
    pub pkce: bool,
    pub secret: SendsSecret,
    pub renews: Renews,
    pub revokes: Revokes,
    /// The server that takes what is granted, where the adapter has another one of itself.
    pub server: Option<&'static str>,
    /// What a credential looks like: settings are tried with it before a person is sent away.
    pub sample: &'static str,
}

impl Network {
    /// The adapter whose channels have what is granted.
    pub fn adapter(&self) -> &'static str {
        if self.name == INSTAGRAM_BY_FACEBOOK { "instagram" } else { self.name }
    }

    /// The setting that names the page or the account, where a person grants access to several.
    pub fn chosen_by(&self) -> Option<&'static str> {
        match self.renews {
            Renews::Page => Some("page"),
            Renews::PageOfAccount => Some("user"),
            _ => None,
        }
    }

    /// Whether an app of ours is registered without a person, at each server.
    pub fn registers(&self) -> bool {
        self.authorize.starts_with("{}")
    }

    /// Whether the end of one token can be that of all tokens of an app and an account, or a team: so it is at Slack
    /// (<https://docs.slack.dev/reference/methods/auth.revoke>), and what LinkedIn and Meta do is not known.
    pub fn ends_together(&self) -> bool {
        matches!(self.name, "linkedin" | "slack" | "threads")
    }

    /// Whether a grant that lives has all that is needed, although no check can ask for it: one that lacks something is
    /// refused when it comes back, and an answer that names nothing grants what was asked for (RFC 6749, 5.1). A right that
    /// is taken back later is told by the first post only.
    pub fn keeps_rights(&self) -> bool {
        self.name == "x"
    }

    /// All that is asked for.
    pub fn scopes(&self) -> Vec<&'static str> {
        [self.needed, self.besides].concat()
    }

    /// Whether a channel on that server takes what is granted: Instagram's login and Facebook's give tokens for one
    /// server each.
    pub fn takes(&self, server: &str) -> bool {
        match (self.server, self.name) {
            (None, _) => true,
            (_, INSTAGRAM_BY_FACEBOOK) => !is_at(server, "instagram.com"),
            _ => url::Url::parse(server).is_ok_and(|url| url.has_host()) && !is_at(server, "facebook.com"),
        }
    }

    /// The addresses; of a network of many servers those of one.
    pub fn place(&self, server: Option<&str>) -> Place {
        let server = server.unwrap_or_default().trim_end_matches('/');
        let at = |address: &str| address.replace("{}", server);
        Place { authorize: at(self.authorize), token: at(self.token), revoke: self.revoke.map(at) }
    }
}

/// The network of that name, if access to it is granted by OAuth.
pub fn network(name: &str) -> Option<&'static Network> {
    ALL.iter().find(|n| n.name == name)
}

/// The network that a channel of these settings is connected at: an account of Instagram by one of two logins.
pub fn of_channel(adapter: &str, settings: &Value) -> Option<&'static Network> {
    let of = |name: &str| settings[name].as_str().map_or("", str::trim);
    // Without a server it is Facebook's.
    let is_facebooks =
        of("login") == "facebook" || of("server").is_empty() || is_at(of("server"), "facebook.com");
    network(if adapter == "instagram" && is_facebooks { INSTAGRAM_BY_FACEBOOK } else { adapter })
}

/// The logins at which channels of an adapter are connected, and an app is registered by a person first.
pub fn with_apps(adapter: &str) -> Vec<&'static Network> {
    ALL.iter().filter(|network| network.adapter() == adapter && !network.registers()).collect()
}

/// The way to an account of Instagram by a login at Facebook.
const INSTAGRAM_BY_FACEBOOK: &str = "instagram_facebook";

/// Whether an address is at that domain or below it.
fn is_at(address: &str, domain: &str) -> bool {
    let host = url::Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| format!(".{host}").ends_with(&format!(".{domain}")))
}

/// All networks that are connected by OAuth.
pub const ALL: &[Network] = &[
    Network {
        name: "discord",
        title: "Discord",
        authorize: "https://discord.com/oauth2/authorize",
        token: "https://discord.com/api/oauth2/token",
        revoke: None,
        needed: &["webhook.incoming"],
        besides: &[],
        separator: ' ',
        pkce: true,
        secret: SendsSecret::Header,
        // What posts is the webhook, which stays until somebody deletes it.
        renews: Renews::Never,
        revokes: Revokes::Webhook,
        server: None,
        sample: "https://discord.com/api/webhooks/1/sample",
    },
    Network {
        name: "facebook",
        title: "Facebook",
        authorize: "https://www.facebook.com/v26.0/dialog/oauth",
        token: "https://graph.facebook.com/v26.0/oauth/access_token",
        revoke: Some("https://graph.facebook.com/v26.0/me/permissions"),
        needed: facebook::NEEDED,
        besides: &[],
        separator: ',',
        pkce: false,
        secret: SendsSecret::Body,
        renews: Renews::Page,
        revokes: Revokes::Person,
        server: None,
        sample: "sample",
    },
    Network {
        name: "instagram",
        title: "Instagram",
        authorize: "https://www.instagram.com/oauth/authorize",
        token: "https://api.instagram.com/oauth/access_token",
        revoke: None,
        needed: instagram::NEEDED,
        besides: &[],
        separator: ',',
        pkce: false,
        secret: SendsSecret::Body,
        renews: Renews::Itself {
            exchange: ("/access_token", "ig_exchange_token"),
            renewal: ("/refresh_access_token", "ig_refresh_token"),
        },
        revokes: Revokes::Standard,
        server: Some(instagram::LOGIN_SERVER),
        sample: "sample",
    },
    Network {
        name: INSTAGRAM_BY_FACEBOOK,
        title: "Instagram (Facebook Login)",
        authorize: "https://www.facebook.com/v26.0/dialog/oauth",
        token: "https://graph.facebook.com/v26.0/oauth/access_token",
        revoke: Some("https://graph.facebook.com/v26.0/me/permissions"),
        needed: instagram::NEEDED_AT_FACEBOOK,
        besides: instagram::BESIDES_AT_FACEBOOK,
        separator: ',',
        pkce: false,
        secret: SendsSecret::Body,
        renews: Renews::PageOfAccount,
        revokes: Revokes::Person,
        server: Some(instagram::SERVER),
        sample: "sample",
    },
    Network {
        name: "linkedin",
        title: "LinkedIn",
        authorize: "https://www.linkedin.com/oauth/v2/authorization",
        token: "https://www.linkedin.com/oauth/v2/accessToken",
        revoke: None,
        needed: &["w_organization_social", "r_organization_social", "rw_organization_admin"],
        besides: &[],
        separator: ' ',
        pkce: false,
        secret: SendsSecret::Body,
        renews: Renews::ByToken,
        revokes: Revokes::Standard,
        server: None,
        sample: "sample",
    },
    Network {
        name: "mastodon",
        title: "Mastodon",
        authorize: "{}/oauth/authorize",
        token: "{}/oauth/token",
        revoke: Some("{}/oauth/revoke"),
        needed: mastodon::NEEDED,
        besides: mastodon::BESIDES,
        separator: ' ',
        pkce: true,
        secret: SendsSecret::Body,
        renews: Renews::Never,
        revokes: Revokes::Standard,
        server: None,
        sample: "sample",
    },
    Network {
        name: "slack",
        title: "Slack",
        authorize: "https://slack.com/oauth/v2/authorize",
        token: "https://slack.com/api/oauth.v2.access",
        revoke: Some("https://slack.com/api/auth.revoke"),
        needed: slack::NEEDED,
        besides: slack::BESIDES,
        separator: ',',
        pkce: false,
        secret: SendsSecret::Header,
        renews: Renews::ByToken,
        revokes: Revokes::Bearer,
        server: None,
        sample: "xoxb-sample",
    },
    Network {
        name: "threads",
        title: "Threads",
        authorize: "https://www.threads.net/oauth/authorize",
        token: "https://graph.threads.net/oauth/access_token",
        revoke: None,
        needed: threads::NEEDED,
        besides: threads::BESIDES,
        separator: ',',
        pkce: false,
        secret: SendsSecret::Body,
        renews: Renews::Itself {
            exchange: ("/access_token", "th_exchange_token"),
            renewal: ("/refresh_access_token", "th_refresh_token"),
        },
        revokes: Revokes::Standard,
        server: None,
        sample: "sample",
    },
    Network {
        name: "x",
        title: "X",
        authorize: "https://x.com/i/oauth2/authorize",
        token: "https://api.x.com/2/oauth2/token",
        revoke: Some("https://api.x.com/2/oauth2/revoke"),
        needed: &["tweet.read", "tweet.write", "users.read", "media.write", "offline.access"],
        besides: &[],
        separator: ' ',
        pkce: true,
        secret: SendsSecret::Header,
        renews: Renews::ByToken,
        revokes: Revokes::Standard,
        server: None,
        sample: "sample",
    },
];
