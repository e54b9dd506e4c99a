//! What the verbs ask of the networks.

use ::channels::Retraction;
use ::channels::health::Account;
use ::channels::ledger::Word;
use ::channels::oauth::{Client, Refusal, Revoked, Tokens};
use ::channels::oauth_networks::Network;
use async_trait::async_trait;
use secrecy::SecretString;

use super::{Result, channels};
use crate::clock::Millis;

/// What became of taking a post down.
pub struct Removal {
    pub result: Retraction,
    /// What the network said meanwhile of single recipients.
    pub words: Vec<Word>,
}

impl From<Retraction> for Removal {
    fn from(result: Retraction) -> Self {
        Self { result, words: Vec::new() }
    }
}

/// What only the sender can do, because only it opens credentials and talks to networks.
#[async_trait]
pub trait Networks: Send + Sync {
    /// Whether a channel could be opened with these settings, without talking to the network.
    ///
    /// # Errors
    /// A sentence that names the setting and the remedy.
    fn try_open(
        &self,
        adapter: &str,
        settings: &serde_json::Value,
        credential: Option<SecretString>,
    ) -> std::result::Result<(), String>;
    /// Asks the network whether a post would be accepted now.
    async fn check(&self, channel: &str) -> Result<channels::HealthView>;
    /// Takes an accepted post down.
    async fn retract(&self, delivery: &str) -> Result<Removal>;
    /// Keeps an accepted post at the top of its account, page or room, or lets it go.
    async fn pin(&self, delivery: &str, up: bool) -> Result<::channels::Pinned>;
    /// Reads back an attempt in doubt at once.
    async fn read_back(&self, delivery: &str) -> Result<()>;
    /// Whether this node's database is the one to go on with, as far as it knows: its gate is open.
    fn may_judge(&self) -> bool;
    /// Whether this process has the attempt in hand: permitted, and its outcome is not written yet.
    fn has_in_hand(&self, attempt: &str) -> bool;
    /// Registers an app of ours at a server that lets everybody do so.
    async fn register(
        &self,
        network: &'static Network,
        server: &str,
        redirect: &str,
    ) -> std::result::Result<Client, Refusal>;
    /// Exchanges the code that a person brought back for tokens; `page`: of that page, where each has its own.
    async fn redeem(
        &self,
        client: &Client,
        code: &SecretString,
        verifier: &SecretString,
        page: &str,
    ) -> std::result::Result<Tokens, Refusal>;
    /// Whose account a credential leads to, as its network names it. No post is made.
    ///
    /// # Errors
    /// A sentence, when the network does not say.
    async fn account(
        &self,
        adapter: &str,
        settings: &serde_json::Value,
        credential: SecretString,
    ) -> std::result::Result<Account, String>;
    /// Gets new tokens in the place of old ones.
    async fn renew(&self, client: &Client, old: &Tokens) -> std::result::Result<Tokens, Refusal>;
    /// Ends a grant at the network.
    async fn revoke(&self, client: &Client, tokens: &Tokens) -> Revoked;
    /// The account of a channel and its newest posts, or that its network cannot be asked, or why it could not be read.
    /// Nothing: the channel is not at this version any more, so nobody looked.
    async fn watch(
        &self,
        channel: &str,
        version: i64,
        since: Millis,
    ) -> Option<std::result::Result<Option<::channels::watch::Account>, String>>;
}
