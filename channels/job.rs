//! What an adapter is to send, or to look for.

use chrono::{DateTime, Utc};

#[cfg(doc)]
use crate::{Pass, ledger};
use crate::{Rendition, Revised};

/// One attempt, as an adapter sees it.
#[derive(Debug, Clone)]
pub struct Job {
    /// The delivery's id (UUIDv7). Own ids on the network are derived from it, so that every
    /// attempt at one delivery uses the same.
    pub delivery: uuid::Uuid,
    /// The delivery's creation time: part of the record on networks that store one.
    pub created_at: DateTime<Utc>,
    /// When this attempt was permitted; for a read, the first one at the delivery. No copy is older.
    pub permitted_at: DateTime<Utc>,
    /// Opaque and stable over all attempts at one delivery.
    pub idempotency_key: String,
    /// `routine`, `update`, `tip`, `notice` or `correction`.
    pub kind: String,
    /// The incident this belongs to, for channels that show one.
    pub incident: Option<String>,
    pub rendition: Rendition,
    /// When the post's approval ends, if it does: nothing of it leaves later.
    pub valid_until: Option<DateTime<Utc>>,
    /// Which attempt at the delivery this is; for a read, the one that is read back.
    pub number: i64,
    /// The post that gets these words; nothing: they are a post of their own.
    pub revises: Option<Revised>,
    /// What an earlier attempt with these very words wrote down with [`Pass::keep`], if one did.
    pub handle: Option<String>,
    /// What is written down of other deliveries with the same words on the same account, where the handle is a
    /// [`ledger`] that needs to know.
    pub others: Vec<Other>,
    /// The bytes of `rendition.media`, in the same order, already checked against their hashes.
    pub media: Vec<Vec<u8>>,
    /// Where the network can fetch these bytes, in the same order, while this attempt is under way, or longer where it is
    /// told by their addresses ([`crate::Fetched::Named`]). Whoever has one of these addresses can, so no error
    /// shows them. Empty for a read.
    pub media_urls: Vec<String>,
}

/// What is written down of another delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    pub delivery: uuid::Uuid,
    pub handle: String,
}
