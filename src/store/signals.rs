//! Signals of monitoring systems.

use sqlx::{AssertSqlSafe, FromRow};

use super::{Result, Store, Tx, dialect, listed, on, read};
use crate::clock::Millis;

/// A row of `signals`.
#[derive(Debug, Clone, FromRow)]
pub struct Signal {
    pub id: String,
    /// Who said it: only they count it or end it.
    pub said_by: String,
    pub source: String,
    pub key: String,
    /// What the key is about, whichever occurrence of it.
    pub thing: String,
    pub title: String,
    pub detail: Option<String>,
    pub url: Option<String>,
    pub severity: Option<String>,
    /// The key of a prepared plan.
    pub playbook: Option<String>,
    pub state: String,
    pub first_seen_at: Millis,
    pub last_seen_at: Millis,
    /// How often it was said.
    pub times: i64,
    /// What `times` was when the title or the severity changed last.
    pub worded: i64,
    /// When the log was told of it last.
    pub logged_at: Millis,
    /// The worst severity that the log was told of.
    pub loudest: Option<String>,
    /// When the monitoring system said that it is over.
    pub ended_at: Option<Millis>,
    pub decided_at: Option<Millis>,
    pub decided_by: Option<String>,
    pub note: Option<String>,
    pub incident_id: Option<String>,
    /// How bad that incident was when this joined it; nothing: it was opened from this.
    pub incident_was: Option<String>,
    /// The call that said it last was refused for others of it.
    pub refused: bool,
}

/// What a person decided.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    pub state: &'a str,
    pub at: Millis,
    pub by: &'a str,
    pub note: Option<&'a str>,
    pub incident: Option<&'a str>,
    /// How bad that incident was, when the signal joins it.
    pub incident_was: Option<&'a str>,
}

impl Store {
    /// Newest first.
    pub async fn signals(&self, waiting_only: bool, limit: i64) -> Result<Vec<Signal>> {
        const SQL: &str = "select * from signals where state = 'waiting' or $1 = false
            order by first_seen_at desc, id desc limit $2";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(waiting_only).bind(limit).fetch_all(c).await?))
    }

    /// What waits: the worst first, then the newest.
    pub async fn waiting_signals(&self, limit: i64) -> Result<Vec<Signal>> {
        const SQL: &str = "select * from signals where state = 'waiting'
            order by case severity when 'critical' then 0 when 'major' then 1 when 'minor' then 2 else 3 end,
              first_seen_at desc, id desc limit $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(limit).fetch_all(c).await?))
    }

    /// What ended after that moment before anybody decided, and was not said again: the newest first.
    pub async fn ended_signals(&self, after: Millis, limit: i64) -> Result<Vec<Signal>> {
        const SQL: &str = "select * from signals e where state = 'ended' and ended_at > $1
              and not exists (select 1 from signals n where n.said_by = e.said_by and n.source = e.source
                and n.key = e.key and n.first_seen_at >= e.first_seen_at and n.id > e.id)
            order by ended_at desc, id desc limit $2";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(after).bind(limit).fetch_all(c).await?))
    }

    pub async fn signal(&self, id: &str) -> Result<Option<Signal>> {
        const SQL: &str = "select * from signals where id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }

    /// Those that belong to the incident, as they came to it.
    pub async fn signals_of_incident(&self, incident: &str) -> Result<Vec<Signal>> {
        Ok(read!(self, |c| sqlx::query_as(OF_INCIDENT).bind(incident).fetch_all(c).await?))
    }

    /// How many wait of each sender and source.
    pub async fn waiting_signals_by_source(&self) -> Result<Vec<(String, String, i64)>> {
        Ok(read!(self, |c| sqlx::query_as(BY_SOURCE).fetch_all(c).await?))
    }

    /// Those of these ids, in any state.
    pub async fn signals_of(&self, ids: &[&str]) -> Result<Vec<Signal>> {
        const SQL: &str = "select * from signals where id in ({ids})";
        let sql = SQL.replace("{ids}", &dialect::list(1, dialect::padded(ids.len())));
        Ok(read!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), ids).fetch_all(c).await?))
    }

    /// What waits and is about a thing of the same sender and source that belongs to an incident which
    /// is open still: the signal, and the id and title of each such incident, the newest one last.
    pub async fn joinable_signals(&self) -> Result<Vec<(String, String, String)>> {
        Ok(read!(self, |c| sqlx::query_as(JOINABLE).fetch_all(c).await?))
    }
}

/// `cross join`, so that SQLite begins with the few incidents that are open and the few signals that wait,
/// however many occurrences each thing had.
const JOINABLE: &str = "select w.id, i.id, i.title from incidents i cross join signals w
    where i.state = 'open' and i.drill = false and w.state = 'waiting' and w.thing <> ''
      and exists (select 1 from signals o where o.said_by = w.said_by and o.source = w.source
        and o.thing = w.thing and o.incident_id = i.id and o.state = 'opened')
    order by i.id";

const OF_INCIDENT: &str = "select * from signals where incident_id = $1 order by decided_at, id limit 500";

const BY_SOURCE: &str =
    "select said_by, source, count(*) from signals where state = 'waiting' group by said_by, source";

impl Tx {
    /// The row, kept from others until this change ends.
    pub async fn signal(&mut self, id: &str) -> Result<Option<Signal>> {
        const SQL: &str = "select * from signals where id = $1";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(c).await?))
    }

    /// The newest one of that actor, source and key, kept from others until this change ends.
    pub async fn newest_signal(&mut self, by: &str, source: &str, key: &str) -> Result<Option<Signal>> {
        const SQL: &str = "select * from signals where said_by = $1 and source = $2 and key = $3
            order by first_seen_at desc, id desc limit 1";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql))
            .bind(by)
            .bind(source)
            .bind(key)
            .fetch_optional(c)
            .await?))
    }

    /// Whether that incident is resolved. It is not kept from others.
    pub async fn is_resolved(&mut self, incident: &str) -> Result<bool> {
        const SQL: &str = "select count(*) from incidents where id = $1 and state = 'resolved'";
        let found: i64 = on!(self, |c| sqlx::query_scalar(SQL).bind(incident).fetch_one(c).await?);
        Ok(found > 0)
    }

    /// How many wait of each sender and source.
    pub async fn waiting_signals_by_source(&mut self) -> Result<Vec<(String, String, i64)>> {
        Ok(on!(self, |c| sqlx::query_as(BY_SOURCE).fetch_all(c).await?))
    }

    /// Notes whether the call that said these was refused for others of it.
    pub async fn mark_refused(&mut self, ids: &[&str], refused: bool) -> Result<()> {
        const SQL: &str = "update signals set refused = {refused} where id in ({ids})";
        if ids.is_empty() {
            return Ok(());
        }
        let n = dialect::padded(ids.len());
        let sql = SQL.replace("{ids}", &dialect::list(1, n)).replace("{refused}", &format!("${}", n + 1));
        on!(self, |c| listed!(sqlx::query(AssertSqlSafe(sql)), ids)
            .bind(refused)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Adds a waiting one, and returns it; or the one that another change added at this moment, kept
    /// from others.
    pub async fn insert_signal(&mut self, s: &Signal) -> Result<Signal> {
        const SQL: &str =
            "insert into signals (id, said_by, source, key, title, detail, url, severity, playbook, state,
              first_seen_at, last_seen_at, times, worded, logged_at, loudest, thing)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', $10, $10, 1, 1, $10, $8, $11)
            on conflict (said_by, source, key) where state = 'waiting'
              do update set last_seen_at = excluded.last_seen_at
            returning *";
        Ok(on!(self, |c| sqlx::query_as(SQL)
            .bind(&s.id)
            .bind(&s.said_by)
            .bind(&s.source)
            .bind(&s.key)
            .bind(&s.title)
            .bind(&s.detail)
            .bind(&s.url)
            .bind(&s.severity)
            .bind(&s.playbook)
            .bind(s.first_seen_at)
            .bind(&s.thing)
            .fetch_one(c)
            .await?))
    }

    /// A waiting one, as it was said last.
    pub async fn set_signal(&mut self, s: &Signal) -> Result<()> {
        const SQL: &str =
            "update signals set title = $2, detail = $3, url = $4, severity = $5, playbook = $6,
              last_seen_at = $7, times = $8, worded = $9, logged_at = $10, loudest = $11
            where id = $1";
        on!(self, |c| sqlx::query(SQL)
            .bind(&s.id)
            .bind(&s.title)
            .bind(&s.detail)
            .bind(&s.url)
            .bind(&s.severity)
            .bind(&s.playbook)
            .bind(s.last_seen_at)
            .bind(s.times)
            .bind(s.worded)
            .bind(s.logged_at)
            .bind(&s.loudest)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The monitoring system says that it is over. What was decided stays so.
    pub async fn end_signal(&mut self, id: &str, at: Millis) -> Result<()> {
        const SQL: &str = "update signals set ended_at = $2, last_seen_at = $2, logged_at = $2,
              state = case when state = 'waiting' then 'ended' else state end where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).bind(at).execute(c).await.map(drop)?);
        Ok(())
    }

    pub async fn decide_signal(&mut self, id: &str, d: &Decided<'_>) -> Result<()> {
        const SQL: &str = "update signals set state = $2, decided_at = $3, decided_by = $4, note = $5,
              incident_id = $6, incident_was = $7 where id = $1";
        on!(self, |c| sqlx::query(SQL)
            .bind(id)
            .bind(d.state)
            .bind(d.at)
            .bind(d.by)
            .bind(d.note)
            .bind(d.incident)
            .bind(d.incident_was)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::rows::tests::walked;

    #[tokio::test]
    async fn what_belongs_to_an_incident_is_looked_up() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::sqlite(&folder.path().join("plan.db")).await.unwrap();
        assert_eq!(walked(&store, OF_INCIDENT).await, Vec::<String>::new());
        // Few are open and few wait, and these are found by their indexes.
        let walked = walked(&store, JOINABLE).await;
        let few = |w: &String| w.contains("incidents_open") || w.contains("signals_waiting");
        assert!(walked.iter().all(few), "{walked:?}");
    }
}
