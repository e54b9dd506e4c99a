//! Connected channels.

use sqlx::{AssertSqlSafe, FromRow};

use super::rows::Value;
use super::{Result, Store, Tx, dialect, listed, on, read};
use crate::clock::Millis;

/// A row of `channels`.
#[derive(Debug, Clone, FromRow)]
pub struct Channel {
    pub id: String,
    pub name: String,
    pub adapter: String,
    pub brand: String,
    /// JSON, as the adapter names them.
    pub settings: String,
    /// Sealed; only the sender opens it.
    pub credential: Option<String>,
    /// Belongs to drills: sandbox only.
    pub drill: bool,
    pub disabled_at: Option<Millis>,
    pub paused_until: Millis,
    /// JSON of the last health check.
    pub health: Option<String>,
    pub checked_at: Option<Millis>,
    /// When a post last went out there, to the minute.
    pub posted_at: Option<Millis>,
    /// The account that a check saw in the place of the channel's own: nothing is sent there.
    pub other_account: Option<String>,
    /// What the network calls that account for ever.
    pub other_account_id: Option<String>,
    /// It was seen by a credential before the one that is in now.
    pub other_is_former: bool,
    pub created_at: Millis,
    pub version: i64,
}

/// A delivery that is being sent, or is in doubt.
#[derive(Debug, Clone, FromRow)]
pub struct Flying {
    pub id: String,
    pub post_id: String,
    pub state: String,
}

/// Apart, so that each looks into its index: what has the network's id, and what a person called
/// published, which has none.
const ACCEPTED_ON: &str = "select exists (select 1 from deliveries
        where channel_id = $1 and remote_id is not null and state = 'accepted')
      or exists (select 1 from attempts a join deliveries d on d.id = a.delivery_id
        where a.outcome = 'accepted' and a.remote_id is null and d.channel_id = $1 and d.state = 'accepted')";

impl Store {
    /// How many posts went out since then on all channels of an adapter.
    pub async fn count_posted(&self, adapter: &str, since: Millis) -> Result<i64> {
        const SQL: &str = "select count(*) from deliveries d join channels c on c.id = d.channel_id
            where c.adapter = $1 and d.remote_id is not null and d.settled_at >= $2";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).bind(adapter).bind(since).fetch_one(c).await?))
    }

    pub async fn channels(&self) -> Result<Vec<Channel>> {
        const SQL: &str = "select * from channels order by name";
        Ok(read!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }

    pub async fn channel(&self, id: &str) -> Result<Option<Channel>> {
        const SQL: &str = "select * from channels where id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }
}

impl Tx {
    /// What people call a channel.
    pub async fn channel_name(&mut self, id: &str) -> Result<Option<String>> {
        const SQL: &str = "select name from channels where id = $1";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(id).fetch_optional(c).await?))
    }

    pub async fn insert_channel(&mut self, ch: &Channel) -> Result<()> {
        const SQL: &str = "insert into channels
              (id, name, adapter, brand, settings, credential, drill, paused_until, created_at, version)
            values ($1, $2, $3, $4, $5, $6, $7, 0, $8, 1)";
        on!(self, |c| sqlx::query(SQL)
            .bind(&ch.id)
            .bind(&ch.name)
            .bind(&ch.adapter)
            .bind(&ch.brand)
            .bind(&ch.settings)
            .bind(&ch.credential)
            .bind(ch.drill)
            .bind(ch.created_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Writes what may change, when the version is still the one that was read; whether it was.
    pub async fn update_channel(&mut self, ch: &Channel) -> Result<bool> {
        const SQL: &str = "update channels set name = $2, brand = $3, settings = $4, credential = $5,
              disabled_at = $6, health = $8, checked_at = $9, other_account = $10,
              other_account_id = $11, other_is_former = $12, version = version + 1
            where id = $1 and version = $7";
        let rows = on!(self, |c| sqlx::query(SQL)
            .bind(&ch.id)
            .bind(&ch.name)
            .bind(&ch.brand)
            .bind(&ch.settings)
            .bind(&ch.credential)
            .bind(ch.disabled_at)
            .bind(ch.version)
            .bind(&ch.health)
            .bind(ch.checked_at)
            .bind(&ch.other_account)
            .bind(&ch.other_account_id)
            .bind(ch.other_is_former)
            .execute(c)
            .await?
            .rows_affected());
        Ok(rows == 1)
    }

    /// How many deliveries on the channel are being sent or are in doubt.
    pub async fn under_way_on(&mut self, id: &str) -> Result<i64> {
        // Apart, so that each looks into the index of its own state.
        const SQL: &str =
            "select (select count(*) from deliveries where state = 'sending' and channel_id = $1)
            + (select count(*) from deliveries where state = 'in_doubt' and channel_id = $1)";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(id).fetch_one(c).await?))
    }

    /// The deliveries on the channel that are being sent or are in doubt.
    pub async fn flying_on(&mut self, id: &str) -> Result<Vec<Flying>> {
        const SQL: &str =
            "select id, post_id, state from deliveries where state = 'sending' and channel_id = $1
            union all
            select id, post_id, state from deliveries where state = 'in_doubt' and channel_id = $1
            order by id limit 1000";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(id).fetch_all(c).await?))
    }

    /// Whether a post is out on the channel.
    pub async fn has_accepted_on(&mut self, id: &str) -> Result<bool> {
        Ok(on!(self, |c| sqlx::query_scalar(ACCEPTED_ON).bind(id).fetch_one(c).await?))
    }

    /// Whether a post is out on the channel, on its way, or approved for it.
    pub async fn has_posts_on(&mut self, id: &str) -> Result<bool> {
        const SQL: &str = "select exists (select 1 from deliveries where channel_id = $1
            and state in ('scheduled', 'claimed', 'held', 'sending', 'in_doubt', 'accepted'))";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(id).fetch_one(c).await?))
    }

    /// Nothing is tried on this channel before `until`.
    pub async fn pause_channel(&mut self, id: &str, until: Millis) -> Result<()> {
        const SQL: &str = "update channels set paused_until = $2 where id = $1 and paused_until < $2";
        on!(self, |c| sqlx::query(SQL).bind(id).bind(until).execute(c).await.map(drop)?);
        Ok(())
    }

    /// What is due on these channels and was given back because a budget keeps the rest for crisis posts is
    /// looked at now. A budget keeps nothing for longer than a day.
    pub async fn wake_kept(&mut self, channels: &[String], now: Millis) -> Result<()> {
        const SQL: &str = "update deliveries set ready_at = $1, reason = null where id in (select id from deliveries
            where state = 'scheduled' and lane = 0 and ready_at > $1 and ready_at <= $2 and due_at <= $1
              and reason like 'what the network still takes until %' and channel_id in ({ids}) order by id{lock})";
        let sql = SQL.replace("{ids}", &dialect::list(3, dialect::padded(channels.len())));
        let sql = sql.replace("{lock}", dialect::FOR_UPDATE[self.dialect()]);
        on!(self, |c| listed!(sqlx::query(AssertSqlSafe(sql)).bind(now).bind(now + 86_400_000), channels)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The row, kept from others until this change ends.
    pub async fn channel_for_update(&mut self, id: &str) -> Result<Option<Channel>> {
        const SQL: &str = "update channels set version = version where id = $1 returning *";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }

    /// Posts went out on these channels, which are locked in the order of their ids.
    pub async fn note_posts(&mut self, ids: &[String], at: Millis) -> Result<()> {
        const SQL: &str = "with v (id, posted) as ({rows}) update channels set posted_at = v.posted from v
            where channels.id = v.id and (channels.posted_at is null or channels.posted_at < v.posted)";
        if ids.len() > 1 {
            let list = dialect::list(1, dialect::padded(ids.len()));
            let lock = dialect::FOR_CHANGE[self.dialect()];
            let sql = format!("select id from channels where id in ({list}) order by id{lock}");
            on!(self, |c| listed!(sqlx::query(AssertSqlSafe(sql)), ids).execute(c).await.map(drop)?);
        }
        let rows: Vec<[Value<'_>; 2]> = ids.iter().map(|id| [id.into(), at.into()]).collect();
        self.run_rows(SQL, &rows).await
    }

    /// What the last check saw counts no more.
    pub async fn forget_check(&mut self, id: &str) -> Result<()> {
        const SQL: &str = "update channels set checked_at = null where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Marks a channel whose credential leads to another account, or takes the mark back. Its version is another one, so
    /// that nothing begins that was permitted before.
    pub async fn mark_account(&mut self, id: &str, name: Option<&str>, number: Option<&str>) -> Result<()> {
        const SQL: &str =
            "update channels set other_account = $2, other_account_id = $3, other_is_former = false,
              version = version + 1
            where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).bind(name).bind(number).execute(c).await.map(drop)?);
        Ok(())
    }

    /// What is due on the channel and waits for a reason that begins so is looked at now.
    pub async fn wake_because(&mut self, id: &str, because: &str, now: Millis) -> Result<()> {
        const SQL: &str = "update deliveries set ready_at = $2, reason = null where id in (select id from deliveries
            where state = 'scheduled' and channel_id = $1 and ready_at > $2 and due_at <= $2 and reason like $3
            order by id{lock})";
        let sql = SQL.replace("{lock}", dialect::FOR_UPDATE[self.dialect()]);
        let like = format!("{because}%");
        on!(self, |c| {
            let query = sqlx::query(AssertSqlSafe(sql)).bind(id).bind(now).bind(like);
            query.execute(c).await.map(drop)?
        });
        Ok(())
    }

    pub async fn set_health(&mut self, id: &str, health: &str, at: Millis) -> Result<()> {
        const SQL: &str = "update channels set health = $2, checked_at = $3 where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).bind(health).bind(at).execute(c).await.map(drop)?);
        Ok(())
    }
}

#[cfg(test)]
impl Channel {
    /// A channel that was never checked.
    pub fn for_tests(adapter: &str, settings: &serde_json::Value) -> Self {
        Self {
            id: "c".into(),
            name: "c".into(),
            adapter: adapter.into(),
            brand: "main".into(),
            settings: settings.to_string(),
            credential: None,
            drill: false,
            disabled_at: None,
            paused_until: 0,
            health: None,
            checked_at: None,
            posted_at: None,
            other_account: None,
            other_account_id: None,
            other_is_former: false,
            created_at: 0,
            version: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::rows::tests::walked;

    #[tokio::test]
    async fn what_is_out_on_a_channel_is_looked_up() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::sqlite(&folder.path().join("plan.db")).await.unwrap();
        // What people called published is little, and has an index of its own.
        let walked = walked(&store, ACCEPTED_ON).await;
        let few = |w: &String| w.contains("attempts_without_id") || w.contains("CONSTANT ROW");
        assert!(walked.iter().all(few), "{walked:?}");
    }
}
