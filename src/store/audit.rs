//! The audit log's rows.

use ::channels::planted::{Planted, planted, unlogged};
use sqlx::FromRow;

use super::rows::{Rows, Value};
use super::{Result, Store, StoreError, Tx, on, read};
use crate::clock::Millis;
use crate::domain::audit::{Entry, Stamp};
use crate::domain::tree::{Frontier, Hash, leaf_hash};

/// A row of `audit`, as lists show it.
#[derive(Debug, Clone, FromRow)]
pub struct AuditRow {
    pub seq: i64,
    pub at: Millis,
    pub actor: String,
    pub verb: String,
    pub subject: String,
    /// The leaf: the entry's canonical JSON.
    pub entry: Vec<u8>,
}

/// Which entries to list.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub actor: Option<String>,
    /// A verb or the beginning of one, such as `freeze.`.
    pub verb: Option<String>,
    pub subject: Option<String>,
    pub from: Option<Millis>,
    pub to: Option<Millis>,
    /// Only entries before this number: lists run backwards.
    pub before: Option<i64>,
    pub limit: i64,
}

/// A signed checkpoint.
#[derive(Debug, Clone, FromRow)]
pub struct CheckpointRow {
    pub size: i64,
    pub note: String,
    pub signed_at: Millis,
}

impl Store {
    pub async fn audit(&self, f: &AuditFilter) -> Result<Vec<AuditRow>> {
        const SQL: &str = "select seq, at, actor, verb, subject, entry from audit
            where seq < $1 and (cast($2 as text) is null or actor = $2)
              and (cast($3 as text) is null or substr(verb, 1, length($3)) = $3)
              and (cast($4 as text) is null or subject = $4) and at >= $5 and at < $6
            order by seq desc limit $7";
        Ok(read!(self, |c| sqlx::query_as(SQL)
            .bind(f.before.unwrap_or(i64::MAX))
            .bind(&f.actor)
            .bind(&f.verb)
            .bind(&f.subject)
            .bind(f.from.unwrap_or(Millis::MIN))
            .bind(f.to.unwrap_or(Millis::MAX))
            .bind(f.limit.clamp(1, 500))
            .fetch_all(c)
            .await?))
    }

    /// The leaves from `first` on, in order: for exports and tiles.
    pub async fn leaves(&self, first: i64, limit: i64) -> Result<Vec<Vec<u8>>> {
        const SQL: &str = "select entry from audit where seq >= $1 order by seq limit $2";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).bind(first).bind(limit).fetch_all(c).await?))
    }

    /// The size and root of the log now.
    pub async fn audit_root(&self) -> Result<(i64, Hash)> {
        const SQL: &str = "select size, frontier from audit_head where id = 1";
        let (size, peaks): (i64, Vec<u8>) = read!(self, |c| sqlx::query_as(SQL).fetch_one(c).await?);
        Ok((size, frontier(size, &peaks)?.root()))
    }

    /// The newest checkpoint.
    pub async fn checkpoint(&self) -> Result<Option<CheckpointRow>> {
        const SQL: &str = "select * from checkpoints order by size desc limit 1";
        Ok(read!(self, |c| sqlx::query_as(SQL).fetch_optional(c).await?))
    }
}

impl Tx {
    pub async fn insert_checkpoint(&mut self, row: &CheckpointRow) -> Result<()> {
        const SQL: &str = "insert into checkpoints (size, note, signed_at) values ($1, $2, $3)
            on conflict (size) do update set note = excluded.note, signed_at = excluded.signed_at";
        on!(self, |c| sqlx::query(SQL)
            .bind(row.size)
            .bind(&row.note)
            .bind(row.signed_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }
}

/// Where a commit left the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its size.
    pub size: i64,
    /// The hash of its last leaf.
    pub leaf: Vec<u8>,
    /// The hash of the last leaf of a log of the size that was asked for.
    pub leaf_asked: Option<Vec<u8>>,
}

/// Most entries that are encoded between two statements: while a change is idle its server counts the time, and this
/// one is held by whoever else has something to write down.
const STEP: usize = 5_000;

/// Appends the entries to the log and its tree; where that leaves it, if there is anything to append. The
/// head row is taken last of all rows of a change and held until the commit, so that the numbers have no gap.
pub(super) async fn append(
    tx: &mut Tx,
    stamp: &Stamp,
    entries: &[Entry],
    asked: i64,
) -> Result<Option<Head>> {
    const LOCK: &str = "update audit_head set size = size where id = 1 returning size, frontier,
      (select leaf_hash from audit where seq = $1 - 1)";
    let entries: Vec<_> = entries.iter().filter(|e| !unlogged(e.verb())).collect();
    if entries.is_empty() {
        return Ok(None);
    }
    let (mut size, peaks, leaf_asked): (i64, Vec<u8>, Option<Vec<u8>>) =
        on!(tx, |c| sqlx::query_as(LOCK).bind(asked).fetch_one(c).await?);
    let (mut tree, mut leaf) = (frontier(size, &peaks)?, Vec::new());
    for step in entries.chunks(STEP) {
        (size, leaf) = append_step(tx, stamp, step, size, &mut tree).await?;
    }
    Ok(Some(Head { size, leaf, leaf_asked }))
}

/// Appends some of them to a log of that size: its size then, and the hash of its last leaf.
async fn append_step(
    tx: &mut Tx,
    stamp: &Stamp,
    entries: &[&Entry],
    size: i64,
    tree: &mut Frontier,
) -> Result<(i64, Vec<u8>)> {
    const ROWS: &str = "insert into audit (seq, at, actor, verb, subject, entry, leaf_hash) {rows}";
    const NODES: &str = "insert into audit_nodes (level, idx, hash) {rows}";
    const HEAD: &str = "with v (size, frontier) as ({rows})
        update audit_head set size = v.size, frontier = v.frontier from v where audit_head.id = 1";
    let (mut rows, mut nodes) = (Vec::with_capacity(entries.len()), Vec::new());
    for (seq, entry) in (size..).zip(entries.iter().copied()) {
        let said = if planted(Planted::LogCountsFromOne) { seq + 1 } else { seq };
        let bytes = entry.encode(u64::try_from(said).unwrap_or_default(), stamp);
        let leaf = leaf_hash(&bytes);
        let other = if planted(Planted::TreeHasOtherLeaves) { leaf_hash(b"") } else { leaf };
        nodes.extend(tree.append(other));
        rows.push((seq, entry, bytes, leaf));
    }
    let leaves: Vec<[Value<'_>; 7]> = rows
        .iter()
        .map(|(seq, entry, bytes, leaf)| {
            [
                (*seq).into(),
                stamp.at.into(),
                (&stamp.actor).into(),
                entry.verb().into(),
                entry.subject().into(),
                bytes.as_slice().into(),
                leaf.as_slice().into(),
            ]
        })
        .collect();
    let nodes: Vec<[Value<'_>; 3]> = nodes
        .iter()
        .map(|(level, index, hash)| {
            let index = i64::try_from(*index).unwrap_or(i64::MAX);
            [i64::from(*level).into(), index.into(), hash.as_slice().into()]
        })
        .collect();
    let (size, peaks) = (size + i64::try_from(entries.len()).unwrap_or(i64::MAX), tree.encode());
    let head = [[size.into(), peaks.as_slice().into()]];
    tx.run_together(&[Rows::new(ROWS, &leaves), Rows::new(NODES, &nodes), Rows::new(HEAD, &head)]).await?;
    Ok((size, rows.last().map(|(_, _, _, leaf)| leaf.to_vec()).unwrap_or_default()))
}

fn frontier(size: i64, peaks: &[u8]) -> Result<Frontier> {
    let size = u64::try_from(size).map_err(|e| StoreError::inconsistent("audit_head", "1", e))?;
    Frontier::decode(size, peaks).map_err(|e| StoreError::inconsistent("audit_head", "1", e))
}
