//! Named settings: the approval policy, the set-up token, keys of the instance.

use super::{Result, Store, Tx, dialect, on, read};

const READ: &str = "select value from settings where name = $1";

impl Store {
    pub async fn setting(&self, name: &str) -> Result<Option<String>> {
        Ok(read!(self, |c| sqlx::query_scalar(READ).bind(name).fetch_optional(c).await?))
    }
}

impl Tx {
    pub async fn setting(&mut self, name: &str) -> Result<Option<String>> {
        Ok(on!(self, |c| sqlx::query_scalar(READ).bind(name).fetch_optional(c).await?))
    }

    /// The setting, which nobody changes until this change ends. Others may judge by it as well.
    pub async fn setting_to_judge_by(&mut self, name: &str) -> Result<Option<String>> {
        self.lock_setting(dialect::SETTING_SHARED, name).await?;
        self.setting(name).await
    }

    /// The setting, which nobody judges by or changes until this change ends.
    pub async fn setting_to_change(&mut self, name: &str) -> Result<Option<String>> {
        self.lock_setting(dialect::SETTING_EXCLUSIVE, name).await?;
        self.setting(name).await
    }

    async fn lock_setting(&mut self, lock: &'static str, name: &str) -> Result<()> {
        if let Self::Postgres(tx) = self {
            sqlx::query(lock).bind(name).execute(&mut *tx.inner).await?;
        }
        Ok(())
    }

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

    /// Deletes all settings whose names begin so.
    pub async fn delete_settings(&mut self, prefix: &str) -> Result<()> {
        const SQL: &str = "delete from settings where substr(name, 1, length($1)) = $1";
        on!(self, |c| sqlx::query(SQL).bind(prefix).execute(c).await.map(drop)?);
        Ok(())
    }
}
