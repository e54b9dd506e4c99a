//! Named settings: the approval policy, the set-up token, keys of the instance.

use super::{Result, Store, Tx, on, read};

impl Store {
    pub async fn setting(&self, name: &str) -> Result<Option<String>> {
        const SQL: &str = "select value from settings where name = $1";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).bind(name).fetch_optional(c).await?))
    }
}

impl Tx {
    pub async fn set_setting(&mut self, name: &str, value: &str) -> Result<()> {
        const SQL: &str = "insert into settings (name, value) values ($1, $2)
            on conflict (name) do update set value = excluded.value";
        on!(self, |c| sqlx::query(SQL).bind(name).bind(value).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Writes the setting only when it is not there; whether it did.
    pub async fn set_setting_once(&mut self, name: &str, value: &str) -> Result<bool> {
        const SQL: &str = "insert into settings (name, value) values ($1, $2) on conflict (name) do nothing";
        Ok(on!(self, |c| sqlx::query(SQL).bind(name).bind(value).execute(c).await?.rows_affected()) == 1)
    }

    pub async fn delete_setting(&mut self, name: &str) -> Result<()> {
        const SQL: &str = "delete from settings where name = $1";
        on!(self, |c| sqlx::query(SQL).bind(name).execute(c).await.map(drop)?);
        Ok(())
    }
}
