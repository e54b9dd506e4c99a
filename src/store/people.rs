//! People and their tokens.

use sqlx::{AssertSqlSafe, FromRow};

use super::{Result, Store, Tx, dialect, on, read};
use crate::clock::Millis;

/// A row of `people`.
#[derive(Debug, Clone, FromRow)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub email: String,
    pub roles: String,
    pub created_at: Millis,
    pub disabled_at: Option<Millis>,
}

/// A row of `tokens`. The token itself is not kept.
#[derive(Debug, Clone, FromRow)]
pub struct Token {
    pub id: String,
    pub person_id: String,
    pub label: String,
    pub hash: String,
    /// Roles that the token is limited to, separated by commas.
    pub scopes: String,
    pub created_at: Millis,
    pub expires_at: Option<Millis>,
    pub revoked_at: Option<Millis>,
}

/// A row of `invitations`. The secret itself is not kept.
#[derive(Debug, Clone, FromRow)]
pub struct Invitation {
    pub person_id: String,
    pub hash: String,
    pub invited_by: String,
    pub created_at: Millis,
    pub expires_at: Millis,
}

impl Store {
    pub async fn people(&self) -> Result<Vec<Person>> {
        const SQL: &str = "select * from people order by created_at, id";
        Ok(read!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }

    pub async fn person(&self, id: &str) -> Result<Option<Person>> {
        const SQL: &str = "select * from people where id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }

    pub async fn person_by_email(&self, email: &str) -> Result<Option<Person>> {
        const SQL: &str = "select * from people where email = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(email).fetch_optional(c).await?))
    }

    pub async fn invitation_by_hash(&self, hash: &str) -> Result<Option<Invitation>> {
        const SQL: &str = "select * from invitations where hash = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(hash).fetch_optional(c).await?))
    }

    pub async fn tokens(&self, person: &str) -> Result<Vec<Token>> {
        const SQL: &str = "select * from tokens where person_id = $1 order by created_at, id";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(person).fetch_all(c).await?))
    }

    pub async fn token_by_hash(&self, hash: &str) -> Result<Option<Token>> {
        const SQL: &str = "select * from tokens where hash = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(hash).fetch_optional(c).await?))
    }
}

impl Tx {
    /// Locks and returns everybody: of two who change people at once, the second sees what the first did.
    pub async fn people(&mut self) -> Result<Vec<Person>> {
        const SQL: &str = "select * from people order by id";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).fetch_all(c).await?))
    }

    pub async fn insert_person(&mut self, p: &Person) -> Result<()> {
        const SQL: &str =
            "insert into people (id, name, email, roles, created_at) values ($1, $2, $3, $4, $5)";
        on!(self, |c| sqlx::query(SQL)
            .bind(&p.id)
            .bind(&p.name)
            .bind(&p.email)
            .bind(&p.roles)
            .bind(p.created_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    pub async fn update_person(&mut self, p: &Person) -> Result<()> {
        const SQL: &str = "update people set name = $2, roles = $3, disabled_at = $4 where id = $1";
        on!(self, |c| sqlx::query(SQL)
            .bind(&p.id)
            .bind(&p.name)
            .bind(&p.roles)
            .bind(p.disabled_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Everybody, as this change sees them. Nobody waits for it.
    pub async fn everybody(&mut self) -> Result<Vec<Person>> {
        const SQL: &str = "select * from people order by created_at, id";
        Ok(on!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }

    pub async fn person(&mut self, id: &str) -> Result<Option<Person>> {
        const SQL: &str = "select * from people where id = $1";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }

    /// Revokes every token of a person; how many they were.
    pub async fn revoke_tokens(&mut self, person: &str, at: Millis) -> Result<u64> {
        const SQL: &str = "update tokens set revoked_at = $2 where person_id = $1 and revoked_at is null";
        Ok(on!(self, |c| sqlx::query(SQL).bind(person).bind(at).execute(c).await?.rows_affected()))
    }

    /// Writes an invitation in place of the person's earlier one.
    pub async fn put_invitation(&mut self, i: &Invitation) -> Result<()> {
        const SQL: &str = "insert into invitations (person_id, hash, invited_by, created_at, expires_at)
            values ($1, $2, $3, $4, $5) on conflict (person_id) do update set hash = excluded.hash,
              invited_by = excluded.invited_by, created_at = excluded.created_at,
              expires_at = excluded.expires_at";
        on!(self, |c| sqlx::query(SQL)
            .bind(&i.person_id)
            .bind(&i.hash)
            .bind(&i.invited_by)
            .bind(i.created_at)
            .bind(i.expires_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Takes an invitation back that was not used.
    pub async fn delete_invitation(&mut self, person: &str) -> Result<()> {
        const SQL: &str = "delete from invitations where person_id = $1";
        on!(self, |c| sqlx::query(SQL).bind(person).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Uses an invitation up; the person it was for. Of two at once, one gets it.
    pub async fn take_invitation(&mut self, hash: &str, now: Millis) -> Result<Option<String>> {
        const SQL: &str = "delete from invitations where hash = $1 and expires_at > $2 returning person_id";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(hash).bind(now).fetch_optional(c).await?))
    }

    pub async fn count_people(&mut self) -> Result<i64> {
        const SQL: &str = "select count(*) from people";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).fetch_one(c).await?))
    }

    pub async fn insert_token(&mut self, t: &Token) -> Result<()> {
        const SQL: &str = "insert into tokens (id, person_id, label, hash, scopes, created_at, expires_at)
            values ($1, $2, $3, $4, $5, $6, $7)";
        on!(self, |c| sqlx::query(SQL)
            .bind(&t.id)
            .bind(&t.person_id)
            .bind(&t.label)
            .bind(&t.hash)
            .bind(&t.scopes)
            .bind(t.created_at)
            .bind(t.expires_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Whether a token of that id was there and not yet revoked.
    pub async fn revoke_token(&mut self, id: &str, at: Millis) -> Result<bool> {
        const SQL: &str = "update tokens set revoked_at = $2 where id = $1 and revoked_at is null";
        Ok(on!(self, |c| sqlx::query(SQL).bind(id).bind(at).execute(c).await?.rows_affected()) == 1)
    }
}
