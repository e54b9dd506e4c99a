//! Incidents.

use sqlx::{AssertSqlSafe, FromRow};

use super::{Result, Store, Tx, dialect, listed, on, read};
use crate::clock::Millis;

/// A row of `incidents`.
#[derive(Debug, Clone, FromRow)]
pub struct Incident {
    pub id: String,
    pub slug: String,
    pub title: String,
    pub severity: String,
    pub drill: bool,
    pub state: String,
    pub opened_at: Millis,
    pub resolved_at: Option<Millis>,
    pub next_promise_at: Option<Millis>,
    pub overdue_since: Option<Millis>,
    pub opened_by: String,
    pub version: i64,
    /// The key of its prepared plan.
    pub playbook: Option<String>,
}

impl Store {
    pub async fn incidents(&self, open_only: bool) -> Result<Vec<Incident>> {
        const SQL: &str = "select * from incidents where state = 'open' or $1 = false
            order by opened_at desc limit 500";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(open_only).fetch_all(c).await?))
    }

    pub async fn incident(&self, id: &str) -> Result<Option<Incident>> {
        const SQL: &str = "select * from incidents where id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }

    pub async fn incident_by_slug(&self, slug: &str) -> Result<Option<Incident>> {
        const SQL: &str = "select * from incidents where slug = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(slug).fetch_optional(c).await?))
    }
}

impl Tx {
    /// The row, kept from others until this change ends. Whoever locks posts too locks this first.
    pub async fn incident(&mut self, id: &str) -> Result<Option<Incident>> {
        const SQL: &str = "select * from incidents where id = $1";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(c).await?))
    }

    /// What the posts of these deliveries promise (incident, post, time), oldest post first, when
    /// nothing of the post is out yet and no newer post that promised something is. What has only started
    /// is not out.
    pub async fn promised_by(&mut self, deliveries: &[&str]) -> Result<Vec<(String, String, Millis)>> {
        const SQL: &str = "select distinct p.incident_id, p.id, p.promise_at, p.due_at
            from deliveries d join posts p on p.id = d.post_id
            where d.id in ({ids}) and p.promise_at is not null and p.incident_id is not null
              and not exists (select 1 from deliveries o where o.post_id = p.id
                and (o.state = 'accepted' or o.state = 'retracted') and o.started = 0)
              and not exists (select 1 from posts n join deliveries o on o.post_id = n.id
                where n.incident_id = p.incident_id and n.promise_at is not null
                  and (n.due_at > p.due_at or (n.due_at = p.due_at and n.id > p.id))
                  and (o.state = 'accepted' or o.state = 'retracted') and o.started = 0)
            order by p.incident_id, p.due_at, p.id";
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        let sql = SQL.replace("{ids}", &dialect::list(1, dialect::padded(deliveries.len())));
        let rows: Vec<(String, String, Millis, Millis)> =
            on!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), deliveries).fetch_all(c).await?);
        Ok(rows.into_iter().map(|(incident, post, at, _)| (incident, post, at)).collect())
    }

    pub async fn insert_incident(&mut self, i: &Incident) -> Result<()> {
        const SQL: &str = "insert into incidents
              (id, slug, title, severity, drill, state, opened_at, next_promise_at, opened_by, version, playbook)
            values ($1, $2, $3, $4, $5, 'open', $6, $7, $8, 1, $9)";
        on!(self, |c| sqlx::query(SQL)
            .bind(&i.id)
            .bind(&i.slug)
            .bind(&i.title)
            .bind(&i.severity)
            .bind(i.drill)
            .bind(i.opened_at)
            .bind(i.next_promise_at)
            .bind(&i.opened_by)
            .bind(&i.playbook)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Whether the incident was open.
    pub async fn resolve_incident(&mut self, id: &str, at: Millis) -> Result<bool> {
        const SQL: &str = "update incidents set state = 'resolved', resolved_at = $2, next_promise_at = null,
              overdue_since = null, version = version + 1
            where id = $1 and state = 'open'";
        Ok(on!(self, |c| sqlx::query(SQL).bind(id).bind(at).execute(c).await?.rows_affected()) == 1)
    }

    /// How bad it is from now on.
    pub async fn set_severity(&mut self, id: &str, severity: &str) -> Result<()> {
        const SQL: &str = "update incidents set severity = $2, version = version + 1 where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).bind(severity).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Sets the time of the next promised update; an overdue mark is taken away.
    pub async fn promise(&mut self, id: &str, at: Option<Millis>) -> Result<()> {
        const SQL: &str = "update incidents set next_promise_at = $2, overdue_since = null,
              version = version + 1 where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).bind(at).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Marks open incidents whose promise has passed; returns their ids.
    pub async fn mark_overdue(&mut self, now: Millis) -> Result<Vec<String>> {
        const SQL: &str = "update incidents set overdue_since = $1
            where state = 'open' and overdue_since is null and next_promise_at <= $1 returning id";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(now).fetch_all(c).await?))
    }
}
