//! A strict authorization server in miniature, for tests: the way of each network as its documents have it, written down a
//! second time, beside `oauth_networks.rs`. A token that it gave can be looked for in every text.

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::oauth_server_answers::{refused, shown, told};
use crate::strict::{Asked, Network, Said, good};

pub const APP: &str = "the-app";
pub const SECRET: &str = "hunter2-secret";
pub const REDIRECT: &str = "https://holdline.example/console/settings/channels/connected";
pub const STATE: &str = "a-state";
/// The page of Facebook, and the account of Instagram that it is connected with.
pub const PAGE: &str = "100200300400500";
pub const ACCOUNT: &str = "17841400000000001";

/// What becomes of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// A refresh token renews it, and counts once.
    Rotates,
    /// A refresh token renews it, and stays.
    Stays,
    /// It has no end.
    Lasts,
    /// One of a day becomes one of 60 days, which renews itself; the words of both exchanges.
    Grows(&'static str, &'static str),
    /// A person's becomes one of 60 days, which gives that of a page.
    Page,
}

/// How a person's grant is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// RFC 7009, by the app.
    Form,
    /// Each token by itself.
    Bearer,
    /// The permissions of the person are deleted.
    Permissions,
    Webhook,
    /// No call does that.
    None,
}

/// What the documents of a network say.
#[derive(Debug)]
pub struct Rules {
    pub name: &'static str,
    /// What is asked for, as it stands in the address.
    pub scope: &'static str,
    /// A challenge is expected (RFC 7636); elsewhere it does harm.
    pub pkce: bool,
    /// The secret comes in the header; elsewhere in the form.
    pub header: bool,
    pub life: Life,
    pub end: End,
}

const fn rules(name: &'static str, scope: &'static str, life: Life, end: End) -> Rules {
    Rules { name, scope, pkce: false, header: false, life, end }
}

/// Every network, by its documents: the pages that `oauth_networks.rs` and the adapters name.
pub const RULES: &[Rules] = &[
    Rules { pkce: true, header: true, ..rules("discord", "webhook.incoming", Life::Lasts, End::Webhook) },
    rules(
        "facebook",
        "pages_show_list,pages_manage_posts,pages_read_engagement",
        Life::Page,
        End::Permissions,
    ),
    rules(
        "instagram",
        "instagram_business_basic,instagram_business_content_publish",
        Life::Grows("ig_exchange_token", "ig_refresh_token"),
        End::None,
    ),
    rules(
        "instagram_facebook",
        "instagram_basic,instagram_content_publish,pages_show_list,pages_read_engagement,instagram_manage_contents",
        Life::Page,
        End::Permissions,
    ),
    rules(
        "linkedin",
        "w_organization_social r_organization_social rw_organization_admin",
        Life::Stays,
        End::None,
    ),
    Rules {
        pkce: true,
        ..rules(
            "mastodon",
            "read:accounts read:statuses write:statuses write:media write:accounts",
            Life::Lasts,
            End::Form,
        )
    },
    Rules {
        header: true,
        ..rules(
            "slack",
            "chat:write,metadata.message:read,channels:history,groups:history,pins:write,files:write",
            Life::Rotates,
            End::Bearer,
        )
    },
    rules(
        "threads",
        "threads_basic,threads_content_publish,threads_delete,threads_manage_replies,threads_read_replies",
        Life::Grows("th_exchange_token", "th_refresh_token"),
        End::None,
    ),
    Rules {
        pkce: true,
        header: true,
        ..rules("x", "tweet.read tweet.write users.read media.write offline.access", Life::Rotates, End::Form)
    },
];

/// A code, as the person brought it back.
#[derive(Debug, Clone, Default)]
struct Code {
    challenge: Option<String>,
    is_used: bool,
}

/// The server of one network.
#[derive(Clone)]
pub struct Desk {
    pub rules: &'static Rules,
    /// Where it is, once it has begun.
    pub base: String,
    codes: HashMap<String, Code>,
    /// Access tokens that are good, and the secrets of webhooks that are there.
    pub live: HashSet<String>,
    /// Refresh tokens that are good.
    pub refresh: HashSet<String>,
    made: usize,
}

impl Desk {
    pub fn new(rules: &'static Rules) -> Self {
        let (codes, base) = (HashMap::new(), String::new());
        Self { rules, base, codes, live: HashSet::new(), refresh: HashSet::new(), made: 0 }
    }

    /// A person agrees at that address: the code that they bring back. The address must be as the documents have it.
    pub fn agree(&mut self, address: &str) -> String {
        let url = Url::parse(address).unwrap();
        let mut asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked.len(), url.query_pairs().count(), "each once: {address}");
        let mut take = |name: &str| asked.remove(name).unwrap_or_default();
        assert_eq!(
            [take("response_type"), take("client_id"), take("redirect_uri"), take("state"), take("scope")],
            ["code", APP, REDIRECT, STATE, self.rules.scope],
            "{address}"
        );
        let (challenge, method) = (take("code_challenge"), take("code_challenge_method"));
        match self.rules.pkce {
            true => assert_eq!((challenge.len(), method.as_str()), (43, "S256"), "{address}"),
            false => assert_eq!((challenge.as_str(), method.as_str()), ("", ""), "{address}"),
        }
        match self.rules.name {
            "mastodon" => assert_eq!(take("force_login"), "true"),
            "facebook" | "instagram_facebook" => assert_eq!(take("auth_type"), "rerequest"),
            _ => {}
        }
        assert!(asked.is_empty(), "nothing else: {asked:?}");
        let code = self.secret("code");
        let challenge = self.rules.pkce.then_some(challenge);
        self.codes.insert(code.clone(), Code { challenge, is_used: false });
        code
    }

    /// A new secret, which can be told from all others and found in a text.
    fn secret(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("hunter2-{kind}-{}", self.made)
    }

    /// New tokens in the form of the network.
    fn give(&mut self) -> Said {
        let access = self.secret("access");
        self.live.insert(access.clone());
        let refresh = matches!(self.rules.life, Life::Rotates | Life::Stays).then(|| self.secret("refresh"));
        if self.rules.life == Life::Rotates {
            self.refresh.clear();
        }
        self.refresh.extend(refresh.clone());
        let webhook = (self.rules.end == End::Webhook).then(|| self.secret("webhook"));
        self.live.extend(webhook.clone());
        let webhook = webhook.map(|secret| format!("{}/{secret}", self.base));
        good(told(self.rules, &access, refresh.as_deref(), webhook.as_deref()))
    }

    /// Whether the app has proved who it is, in the one way that this network takes.
    fn knows(&self, asked: &Asked, form: &mut HashMap<String, String>, faults: &mut Vec<String>) -> bool {
        let ours = format!("Basic {}", STANDARD.encode(format!("{APP}:{SECRET}")));
        let header = asked.header("authorization");
        let (id, secret) = (form.remove("client_id"), form.remove("client_secret"));
        if self.rules.header {
            if secret.is_some() {
                faults.push("the secret is in the form as well".to_owned());
            }
            return header == ours;
        }
        if !header.is_empty() {
            faults.push("a header that nobody asked for".to_owned());
        }
        id.as_deref() == Some(APP) && secret.as_deref() == Some(SECRET)
    }

    /// A code or a refresh token becomes tokens.
    fn token(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let mut form = asked.form(faults);
        if asked.header("accept") != "application/json" {
            faults.push("what comes back is to be JSON".to_owned());
        }
        if !self.knows(asked, &mut form, faults) {
            return refused(self.rules, "invalid_client");
        }
        let mut take = |name: &str| form.remove(name).unwrap_or_default();
        let said = match take("grant_type").as_str() {
            "authorization_code" => {
                let (code, redirect, verifier) = (take("code"), take("redirect_uri"), take("code_verifier"));
                self.redeem(&code, &redirect, &verifier)
            }
            "refresh_token" => {
                let refresh = take("refresh_token");
                self.renew(&refresh)
            }
            other => {
                faults.push(format!("a grant of the type {other}"));
                refused(self.rules, "unsupported_grant_type")
            }
        };
        if !form.is_empty() {
            faults.push(format!("more than the network knows: {:?}", form.keys()));
        }
        said
    }

    fn redeem(&mut self, code: &str, redirect: &str, verifier: &str) -> Said {
        // Verifiers do harm where no challenge was taken.
        if !self.rules.pkce && !verifier.is_empty() {
            return refused(self.rules, "invalid_client");
        }
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let known = self.codes.get_mut(code).filter(|code| !code.is_used && redirect == REDIRECT);
        let Some(code) = known.filter(|code| code.challenge.as_ref().is_none_or(|c| *c == hash)) else {
            return refused(self.rules, "invalid_grant");
        };
        code.is_used = true;
        self.give()
    }

    fn renew(&mut self, refresh: &str) -> Said {
        match self.rules.life {
            Life::Rotates if self.refresh.remove(refresh) => self.give(),
            Life::Stays if self.refresh.contains(refresh) => self.give(),
            _ => refused(self.rules, "invalid_grant"),
        }
    }

    /// A token becomes one that lives longer, by a read.
    fn grow(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let mut query = asked.query.clone();
        let mut take = |name: &str| query.remove(name).unwrap_or_default();
        let (kind, secret) = (take("grant_type"), take("client_secret"));
        let first = asked.path != "/refresh_access_token";
        let (wanted, old) = match self.rules.life {
            Life::Grows(exchange, _) if first => (exchange, take("access_token")),
            Life::Grows(_, renewal) => (renewal, take("access_token")),
            _ => {
                if take("client_id") != APP {
                    faults.push("without the app".to_owned());
                }
                ("fb_exchange_token", take("fb_exchange_token"))
            }
        };
        if kind != wanted || !query.is_empty() {
            faults.push(format!("{kind} at {}, with {:?}", asked.path, query.keys()));
        }
        // A renewal needs no secret, which does no harm.
        if first && secret != SECRET {
            return refused(self.rules, "invalid_client");
        }
        if !self.live.contains(&old) {
            return refused(self.rules, "invalid_grant");
        }
        let new = self.secret("long");
        self.live.insert(new.clone());
        good(json!({ "access_token": new, "token_type": "bearer", "expires_in": 5_183_944 }))
    }

    /// Who asks, by the token in the header.
    fn by(&self, asked: &Asked) -> Option<String> {
        let token = asked.header("authorization").strip_prefix("Bearer ")?.to_owned();
        (self.live.contains(&token) || self.refresh.contains(&token)).then_some(token)
    }

    /// What a person sees of their pages.
    fn read(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if self.by(asked).is_none() {
            return refused(self.rules, "invalid_grant");
        }
        if asked.query.contains_key("access_token") {
            faults.push("a token in an address".to_owned());
        }
        let token = self.secret("page");
        let said = shown(self.rules, asked, &token);
        if said.1["access_token"].is_string() {
            self.live.insert(token);
        }
        if said.1.is_null() {
            faults.push(format!("nobody asks for {} {:?}", asked.path, asked.query));
        }
        (said.0, String::new(), said.1)
    }

    /// Ends what was granted.
    fn end(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        match self.rules.end {
            End::Form => {
                let mut form = asked.form(faults);
                if !self.knows(asked, &mut form, faults) {
                    return refused(self.rules, "invalid_client");
                }
                let token = form.remove("token").unwrap_or_default();
                if !form.is_empty() {
                    faults.push(format!("more than RFC 7009 knows: {:?}", form.keys()));
                }
                // Of a token that is not known the answer is the same (RFC 7009, 2.2).
                self.live.remove(&token);
                self.refresh.remove(&token);
                good(if self.rules.name == "x" { json!({ "revoked": true }) } else { json!({}) })
            }
            End::Bearer => match self.by(asked) {
                Some(token) => {
                    self.live.remove(&token);
                    self.refresh.remove(&token);
                    good(json!({ "ok": true, "revoked": true }))
                }
                None => good(json!({ "ok": false, "error": "token_revoked" })),
            },
            End::Permissions if self.by(asked).is_some() => {
                self.live.clear();
                good(json!({ "success": true }))
            }
            End::Permissions => refused(self.rules, "invalid_grant"),
            End::Webhook | End::None => {
                faults.push("there is no such call".to_owned());
                good(Value::Null)
            }
        }
    }
}

impl Network for Desk {
    /// What becomes a token.
    fn makes(method: &str, path: &str) -> bool {
        method == "POST" && path.ends_with("token")
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        match (asked.method.as_str(), asked.path.as_str()) {
            ("POST", "/token" | "/oauth/access_token") => self.token(asked, faults),
            ("GET", "/access_token" | "/refresh_access_token" | "/oauth/access_token") => {
                self.grow(asked, faults)
            }
            ("POST", "/revoke") if self.rules.end != End::Permissions => self.end(asked, faults),
            ("DELETE", "/revoke") if self.rules.end == End::Permissions => self.end(asked, faults),
            ("DELETE", webhook) if self.rules.end == End::Webhook => {
                match self.live.remove(webhook.trim_start_matches('/')) {
                    true => (204, String::new(), Value::Null),
                    false => (404, String::new(), json!({ "message": "Unknown Webhook", "code": 10_015 })),
                }
            }
            ("GET", _) if self.rules.life == Life::Page => self.read(asked, faults),
            (method, path) => {
                faults.push(format!("{method} {path}"));
                good(Value::Null)
            }
        }
    }
}
