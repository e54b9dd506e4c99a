//! Posts.

use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow};

use super::rows::Value;
use super::{Result, Store, StoreError, Tx, dialect, listed, on, read};
use crate::clock::Millis;
use crate::domain::post::fold;

/// A row of `posts`.
#[derive(Debug, Clone, FromRow, Serialize, Deserialize)]
pub struct Post {
    pub id: String,
    pub kind: String,
    pub brand: String,
    /// JSON list.
    pub labels: String,
    /// JSON of [`crate::domain::post::Source`].
    pub source: String,
    /// What the search looks through: [`crate::domain::post::Source::words`].
    pub words: String,
    pub zone: String,
    pub recurrence: Option<String>,
    pub series_id: Option<String>,
    pub incident_id: Option<String>,
    pub author_id: String,
    /// JSON list of everybody who wrote on it.
    pub authors: String,
    pub state: String,
    pub due_at: Millis,
    pub valid_until: Option<Millis>,
    pub promise_at: Option<Millis>,
    pub corrects: Option<String>,
    /// The post that gets the words of this one in its place; never one that has such a field itself.
    #[serde(default)]
    pub revises: Option<String>,
    pub created_at: Millis,
    pub updated_at: Millis,
    pub version: i64,
}

impl Post {
    /// Everybody who wrote on it, from the first draft on.
    ///
    /// # Errors
    /// When the column holds something else.
    pub fn writers(&self) -> Result<Vec<String>> {
        serde_json::from_str(&self.authors).map_err(|e| StoreError::inconsistent("posts", &self.id, e))
    }

    /// With one more who wrote on it.
    ///
    /// # Errors
    /// When the column holds something else.
    pub fn written_by(&mut self, person: &str) -> Result<()> {
        let mut all = self.writers()?;
        if !all.iter().any(|a| a == person) {
            all.push(person.to_owned());
        }
        self.authors = serde_json::json!(all).to_string();
        Ok(())
    }
}

/// Which posts to list. Empty fields do not narrow.
#[derive(Debug, Clone, Default)]
pub struct PostFilter {
    pub kind: Option<String>,
    pub state: Option<String>,
    pub brand: Option<String>,
    pub label: Option<String>,
    pub incident: Option<String>,
    /// Part of the title or of a text, whatever its case.
    pub text: Option<String>,
    pub due_from: Option<Millis>,
    pub due_to: Option<Millis>,
    /// What waits for an approver at this time: it was submitted; or it is approved, the approval has
    /// lapsed, and something of it is held.
    pub waiting: Option<Millis>,
    /// The last row of the page before.
    pub after: Option<(Millis, String)>,
    pub limit: i64,
}

impl Store {
    /// How many posts wait for an approver: see [`PostFilter::waiting`].
    pub async fn count_for_approval(&self, now: Millis) -> Result<i64> {
        const SQL: &str = "select (select count(*) from posts where state = 'submitted')
            + (select count(distinct d.post_id) from deliveries d join posts p on p.id = d.post_id
               where d.state = 'held' and d.replaced = 0 and d.approved_until <= $1 and p.state = 'approved')";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).bind(now).fetch_one(c).await?))
    }

    /// What is approved, with an approval that has lapsed, and of which something is held.
    pub async fn lapsed(&self, now: Millis, limit: i64) -> Result<Vec<Post>> {
        const SQL: &str = "select * from posts where state = 'approved' and id in
              (select post_id from deliveries where state = 'held' and replaced = 0 and approved_until <= $1)
            order by created_at, id limit $2";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(now).bind(limit).fetch_all(c).await?))
    }

    /// What waits for approval: crisis posts first, then whoever has waited longest.
    pub async fn submitted(&self, crisis: bool, limit: i64) -> Result<Vec<Post>> {
        // One text for each, so that the index of what waits serves.
        const CRISIS: &str = "select * from posts where state = 'submitted' and kind <> 'routine'
            order by created_at, id limit $1";
        const ROUTINE: &str = "select * from posts where state = 'submitted' and kind = 'routine'
            order by created_at, id limit $1";
        let sql = if crisis { CRISIS } else { ROUTINE };
        Ok(read!(self, |c| sqlx::query_as(sql).bind(limit).fetch_all(c).await?))
    }

    /// The posts of an incident, newest first.
    pub async fn incident_posts(&self, incident: &str, limit: i64) -> Result<Vec<Post>> {
        const SQL: &str = "select * from posts where incident_id = $1 order by due_at desc, id desc limit $2";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(incident).bind(limit).fetch_all(c).await?))
    }

    pub async fn post(&self, id: &str) -> Result<Option<Post>> {
        const SQL: &str = "select * from posts where id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }

    pub async fn posts(&self, f: &PostFilter) -> Result<Vec<Post>> {
        const SQL: &str = "select p.* from posts p
            where (cast($1 as text) is null or p.kind = $1)
              and (cast($2 as text) is null or p.state = $2)
              and (cast($3 as text) is null or p.brand = $3)
              and (cast($4 as text) is null or exists
                   (select 1 from post_labels l where l.label = $4 and l.post_id = p.id))
              and (cast($5 as text) is null or p.incident_id = $5)
              and (cast($6 as text) is null or p.words like $6 escape '!')
              and p.due_at >= $7 and p.due_at < $8
              and (p.due_at > $9 or (p.due_at = $9 and p.id > $10))
              and (cast($12 as bigint) is null or p.state = 'submitted'
                   or (p.state = 'approved' and p.id in (select d.post_id from deliveries d
                     where d.state = 'held' and d.replaced = 0 and d.approved_until <= $12)))
            order by p.due_at, p.id limit $11";
        let pattern = f.text.as_ref().map(|t| format!("%{}%", escape_like(&fold(t))));
        let (after_due, after_id) = f.after.clone().unwrap_or((Millis::MIN, String::new()));
        Ok(read!(self, |c| sqlx::query_as(SQL)
            .bind(&f.kind)
            .bind(&f.state)
            .bind(&f.brand)
            .bind(&f.label)
            .bind(&f.incident)
            .bind(&pattern)
            .bind(f.due_from.unwrap_or(Millis::MIN))
            .bind(f.due_to.unwrap_or(Millis::MAX))
            .bind(after_due)
            .bind(&after_id)
            .bind(f.limit.clamp(1, 500))
            .bind(f.waiting)
            .fetch_all(c)
            .await?))
    }

    /// The newest posts of every recurrence that are approved: from these the next ones are computed.
    pub async fn recurring(&self, due_before: Millis, limit: i64) -> Result<Vec<Post>> {
        const SQL: &str = "select * from posts where recurrence is not null and state = 'approved'
              and due_at < $1 order by due_at, id limit $2";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(due_before).bind(limit).fetch_all(c).await?))
    }
}

impl Tx {
    pub async fn post(&mut self, id: &str) -> Result<Option<Post>> {
        const SQL: [&str; 2] =
            ["select * from posts where id = $1", "select * from posts where id = $1 for update"];
        let sql = SQL[self.dialect()];
        Ok(on!(self, |c| sqlx::query_as(sql).bind(id).fetch_optional(c).await?))
    }

    /// Locks and returns posts, in the order of their ids. Whoever locks several posts does it so.
    pub async fn posts(&mut self, ids: &[String]) -> Result<Vec<Post>> {
        let list = dialect::list(1, dialect::padded(ids.len()));
        let lock = dialect::FOR_UPDATE[self.dialect()];
        let sql = format!("select * from posts where id in ({list}) order by id{lock}");
        Ok(on!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), ids).fetch_all(c).await?))
    }

    /// Writes posts and their labels, many at a time.
    pub async fn insert_posts(&mut self, posts: &[(Post, Vec<String>)]) -> Result<()> {
        const SQL: &str = "insert into posts (id, kind, brand, labels, source, words, zone, recurrence,
              series_id, incident_id, author_id, authors, state, due_at, valid_until, promise_at, corrects, created_at,
              updated_at, version, revises) {rows}";
        const LABELS: &str = "insert into post_labels (label, post_id) select * from ({rows}) as v where true
            on conflict (label, post_id) do nothing";
        let rows: Vec<[Value<'_>; 21]> = posts
            .iter()
            .map(|(p, _)| {
                [
                    (&p.id).into(),
                    (&p.kind).into(),
                    (&p.brand).into(),
                    (&p.labels).into(),
                    (&p.source).into(),
                    (&p.words).into(),
                    (&p.zone).into(),
                    (&p.recurrence).into(),
                    (&p.series_id).into(),
                    (&p.incident_id).into(),
                    (&p.author_id).into(),
                    (&p.authors).into(),
                    (&p.state).into(),
                    p.due_at.into(),
                    p.valid_until.into(),
                    p.promise_at.into(),
                    (&p.corrects).into(),
                    p.created_at.into(),
                    p.updated_at.into(),
                    p.version.into(),
                    (&p.revises).into(),
                ]
            })
            .collect();
        self.run_rows(SQL, &rows).await?;
        let labels: Vec<[Value<'_>; 2]> =
            posts.iter().flat_map(|(p, ls)| ls.iter().map(|l| [l.into(), (&p.id).into()])).collect();
        self.run_rows(LABELS, &labels).await?;
        Ok(())
    }

    /// Writes an edited post; its labels are replaced.
    pub async fn update_post(&mut self, p: &Post, labels: &[String]) -> Result<()> {
        const SQL: &str = "update posts set brand = $2, labels = $3, source = $4, zone = $5, recurrence = $6,
              state = $7, due_at = $8, valid_until = $9, promise_at = $10, updated_at = $11, corrects = $12,
              authors = $13, words = $14, version = version + 1,
              submitted_at = case when $7 = 'submitted' and state <> 'submitted' then $11 else submitted_at end
            where id = $1";
        const CLEAR: &str = "delete from post_labels where post_id = $1";
        const LABEL: &str = "insert into post_labels (label, post_id) values ($1, $2)
            on conflict (label, post_id) do nothing";
        on!(self, |c| sqlx::query(SQL)
            .bind(&p.id)
            .bind(&p.brand)
            .bind(&p.labels)
            .bind(&p.source)
            .bind(&p.zone)
            .bind(&p.recurrence)
            .bind(&p.state)
            .bind(p.due_at)
            .bind(p.valid_until)
            .bind(p.promise_at)
            .bind(p.updated_at)
            .bind(&p.corrects)
            .bind(&p.authors)
            .bind(&p.words)
            .execute(c)
            .await
            .map(drop)?);
        on!(self, |c| sqlx::query(CLEAR).bind(&p.id).execute(c).await.map(drop)?);
        for label in labels {
            on!(self, |c| sqlx::query(LABEL).bind(label).bind(&p.id).execute(c).await.map(drop)?);
        }
        Ok(())
    }

    /// Locks and returns the updates and tips of an incident that wait for approval or for their time.
    pub async fn unsent_of(&mut self, incident: &str) -> Result<Vec<Post>> {
        const SQL: &str = "select * from posts where incident_id = $1 and (kind = 'update' or kind = 'tip')
              and (state = 'submitted' or state = 'approved') order by id";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(incident).fetch_all(c).await?))
    }

    /// Locks the deliveries of those, as everywhere in the order of their ids. SQLite has one writer.
    pub async fn lock_unsent_of(&mut self, incident: &str) -> Result<()> {
        const SQL: &str = "select d.id from deliveries d join posts p on p.id = d.post_id
            where p.incident_id = $1 and (p.kind = 'update' or p.kind = 'tip') and p.state = 'approved'
              and d.replaced = 0 order by d.id for update of d";
        if let Self::Postgres(tx) = self {
            sqlx::query(SQL).bind(incident).execute(&mut *tx.inner).await?;
        }
        Ok(())
    }

    /// What is being sent, or is in doubt, is not tried again after this.
    pub async fn end_tries(&mut self, post: &str, at: Millis) -> Result<u64> {
        const SQL: &str = "update deliveries set valid_until = $2
            where post_id = $1 and (state = 'sending' or state = 'in_doubt')
              and (valid_until is null or valid_until > $2)";
        Ok(on!(self, |c| sqlx::query(SQL).bind(post).bind(at).execute(c).await?.rows_affected()))
    }

    pub async fn set_post_state(&mut self, id: &str, state: &str, at: Millis) -> Result<()> {
        const SQL: &str = "update posts set state = $2, updated_at = $3, version = version + 1,
              submitted_at = case when $2 = 'submitted' then $3 else submitted_at end,
              approved_at = case when $2 = 'approved' then coalesce(approved_at, $3) else approved_at end
            where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).bind(state).bind(at).execute(c).await.map(drop)?);
        Ok(())
    }

    /// The recurrence goes on with the newer post; this one keeps its own time only.
    pub async fn end_recurrence(&mut self, id: &str) -> Result<bool> {
        const SQL: &str = "update posts set recurrence = null where id = $1 and recurrence is not null";
        Ok(on!(self, |c| sqlx::query(SQL).bind(id).execute(c).await?.rows_affected()) == 1)
    }
}

/// `!` escapes what `like` would read as a pattern.
fn escape_like(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}
