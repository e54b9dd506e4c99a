//! Mails to people of the team: written in the change that causes them, sent afterwards.

use sqlx::{AssertSqlSafe, FromRow};

use super::rows::Value;
use super::{Result, Store, Tx, dialect, listed, on, read};
use crate::clock::Millis;

/// A row of `notices`.
#[derive(Debug, Clone, FromRow)]
pub struct Notice {
    pub id: String,
    pub person_id: String,
    /// Why they are told: `approval`, `channel_not_ready`, `channel_well_again`.
    pub kind: String,
    /// What it is about: the id of a post or of a channel.
    pub subject: String,
    pub created_at: Millis,
    /// How often it was taken in hand.
    pub tries: i64,
    /// Nothing: it needs no further try.
    pub next_try_at: Option<Millis>,
    pub sent_at: Option<Millis>,
    pub error: Option<String>,
}

const COUNT: &str = "select count(*) from posts p
      join notices n on n.subject = p.id and n.created_at >= coalesce(p.submitted_at, p.created_at)
    where p.id in ({ids}) and (n.sent_at is not null or n.next_try_at is not null)";

impl Store {
    /// When the next mail is to be tried.
    pub async fn next_notice(&self) -> Result<Option<Millis>> {
        const SQL: &str = "select min(next_try_at) from notices where next_try_at is not null";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).fetch_one(c).await?))
    }

    /// How many mails about these were sent, or are to be, since they were submitted last.
    pub async fn count_notices(&self, subjects: &[&str]) -> Result<i64> {
        let sql = COUNT.replace("{ids}", &dialect::list(1, dialect::padded(subjects.len())));
        Ok(read!(self, |c| listed!(sqlx::query_scalar(AssertSqlSafe(sql)), subjects).fetch_one(c).await?))
    }

    /// The last one about it that was sent to that person.
    pub async fn last_sent_notice(&self, person: &str, subject: &str) -> Result<Option<Notice>> {
        const SQL: &str =
            "select * from notices where subject = $1 and person_id = $2 and sent_at is not null
            order by sent_at desc, created_at desc limit 1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(subject).bind(person).fetch_optional(c).await?))
    }
}

impl Tx {
    pub async fn insert_notices(&mut self, rows: &[Notice]) -> Result<()> {
        const SQL: &str = "insert into notices (id, person_id, kind, subject, created_at, tries, next_try_at)
            {rows}";
        let rows: Vec<[Value<'_>; 7]> = rows
            .iter()
            .map(|n| {
                [
                    (&n.id).into(),
                    (&n.person_id).into(),
                    (&n.kind).into(),
                    (&n.subject).into(),
                    n.created_at.into(),
                    n.tries.into(),
                    n.next_try_at.into(),
                ]
            })
            .collect();
        self.run_rows(SQL, &rows).await
    }

    /// Takes due mails in hand until `until`. The outer condition is looked at again when another
    /// node was faster: each is taken by one.
    pub async fn take_notices(&mut self, now: Millis, until: Millis, limit: i64) -> Result<Vec<Notice>> {
        const SQL: &str = "update notices set next_try_at = $2, tries = tries + 1
            where next_try_at <= $1 and id in (select id from notices where next_try_at <= $1
              order by person_id, next_try_at limit $3) returning *";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(now).bind(until).bind(limit).fetch_all(c).await?))
    }

    /// Notes what became of a try: sent, not needed, given up, or to be tried again at `next`.
    pub async fn settle_notice(
        &mut self,
        id: &str,
        sent: Option<Millis>,
        next: Option<Millis>,
        error: Option<&str>,
    ) -> Result<()> {
        const SQL: &str = "update notices set sent_at = $2, next_try_at = $3, error = $4 where id = $1";
        on!(self, |c| sqlx::query(SQL)
            .bind(id)
            .bind(sent)
            .bind(next)
            .bind(error)
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
    async fn the_mails_of_a_post_are_looked_up() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::sqlite(&folder.path().join("plan.db")).await.unwrap();
        for posts in [1, 16] {
            let sql = COUNT.replace("{ids}", &dialect::list(1, posts));
            assert_eq!(walked(&store, &sql).await, Vec::<String>::new());
        }
    }
}
