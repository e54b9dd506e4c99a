//! How people sign in: passwords, second factors, recovery codes, failures.

use sqlx::FromRow;

use super::{Result, Store, Tx, on, read};
use crate::clock::Millis;

/// A row of `logins`.
#[derive(Debug, Clone, FromRow)]
pub struct Login {
    pub person_id: String,
    /// Argon2id in the PHC string format.
    pub password: String,
    /// The sealed secret of the second factor.
    pub totp: String,
    pub totp_step: i64,
    pub changed_at: Millis,
}

/// How many sign-ins failed lately.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct Failures {
    /// From this address for this person.
    pub pair: i64,
    /// From this address.
    pub by_origin: i64,
    /// For this person, from anywhere.
    pub by_email: i64,
}

impl Store {
    pub async fn login(&self, person: &str) -> Result<Option<Login>> {
        const SQL: &str = "select * from logins where person_id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(person).fetch_optional(c).await?))
    }
}

impl Tx {
    pub async fn failed_sign_ins(&mut self, email: &str, origin: &str, since: Millis) -> Result<Failures> {
        const SQL: &str = "select
              count(case when email = $1 and origin = $2 then 1 end) as pair,
              count(case when origin = $2 then 1 end) as by_origin,
              count(case when email = $1 then 1 end) as by_email
            from failed_sign_ins where at > $3";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(email).bind(origin).bind(since).fetch_one(c).await?))
    }

    /// The attempt has succeeded after all.
    pub async fn forgive_sign_in(&mut self, email: &str, origin: &str, at: Millis) -> Result<()> {
        const SQL: &str = "delete from failed_sign_ins where email = $1 and origin = $2 and at = $3";
        on!(self, |c| sqlx::query(SQL).bind(email).bind(origin).bind(at).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Writes how a person signs in, in place of what was there.
    pub async fn put_login(&mut self, l: &Login) -> Result<()> {
        const SQL: &str = "insert into logins (person_id, password, totp, totp_step, changed_at)
            values ($1, $2, $3, $4, $5) on conflict (person_id) do update set password = excluded.password,
              totp = excluded.totp, totp_step = excluded.totp_step, changed_at = excluded.changed_at";
        on!(self, |c| sqlx::query(SQL)
            .bind(&l.person_id)
            .bind(&l.password)
            .bind(&l.totp)
            .bind(l.totp_step)
            .bind(l.changed_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Nobody signs in as this person any more, until they join again.
    pub async fn delete_login(&mut self, person: &str) -> Result<()> {
        const CODES: &str = "delete from recovery_codes where person_id = $1";
        const SQL: &str = "delete from logins where person_id = $1";
        on!(self, |c| sqlx::query(CODES).bind(person).execute(c).await.map(drop)?);
        on!(self, |c| sqlx::query(SQL).bind(person).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Uses a time step up. Whether it was not used before: of two at once, one gets it.
    pub async fn use_totp_step(&mut self, person: &str, step: i64) -> Result<bool> {
        const SQL: &str = "update logins set totp_step = $2 where person_id = $1 and totp_step < $2";
        Ok(on!(self, |c| sqlx::query(SQL).bind(person).bind(step).execute(c).await?.rows_affected()) == 1)
    }

    /// Puts new recovery codes in the place of the old ones.
    pub async fn put_recovery_codes(&mut self, person: &str, hashes: &[String]) -> Result<()> {
        const CLEAR: &str = "delete from recovery_codes where person_id = $1";
        const SQL: &str = "insert into recovery_codes (person_id, hash) values ($1, $2)";
        on!(self, |c| sqlx::query(CLEAR).bind(person).execute(c).await.map(drop)?);
        for hash in hashes {
            on!(self, |c| sqlx::query(SQL).bind(person).bind(hash).execute(c).await.map(drop)?);
        }
        Ok(())
    }

    /// Uses a recovery code up. Whether it was there.
    pub async fn use_recovery_code(&mut self, person: &str, hash: &str) -> Result<bool> {
        const SQL: &str = "delete from recovery_codes where person_id = $1 and hash = $2";
        Ok(on!(self, |c| sqlx::query(SQL).bind(person).bind(hash).execute(c).await?.rows_affected()) == 1)
    }

    /// How many recovery codes are left.
    pub async fn count_recovery_codes(&mut self, person: &str) -> Result<i64> {
        const SQL: &str = "select count(*) from recovery_codes where person_id = $1";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(person).fetch_one(c).await?))
    }

    /// Remembers a sign-in that failed, and forgets those before `keep_from`.
    pub async fn insert_failed_sign_in(
        &mut self,
        email: &str,
        origin: &str,
        at: Millis,
        keep_from: Millis,
    ) -> Result<()> {
        const CLEAR: &str = "delete from failed_sign_ins where at < $1";
        const SQL: &str = "insert into failed_sign_ins (email, origin, at) values ($1, $2, $3)";
        on!(self, |c| sqlx::query(CLEAR).bind(keep_from).execute(c).await.map(drop)?);
        on!(self, |c| sqlx::query(SQL).bind(email).bind(origin).bind(at).execute(c).await.map(drop)?);
        Ok(())
    }
}
