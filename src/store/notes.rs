//! Notes of an incident, and the steps of its plan that are done.

use sqlx::FromRow;

use super::{Result, Store, Tx, on, read};
use crate::clock::Millis;

/// A row of `incident_notes`.
#[derive(Debug, Clone, FromRow)]
pub struct Note {
    pub id: String,
    pub incident_id: String,
    pub person_id: String,
    pub text: String,
    pub created_at: Millis,
}

/// A row of `incident_steps`: a step that is done.
#[derive(Debug, Clone, FromRow)]
pub struct StepDone {
    pub incident_id: String,
    pub step: String,
    pub done_at: Millis,
    pub done_by: String,
}

impl Store {
    /// The notes of an incident, newest first.
    pub async fn notes(&self, incident: &str) -> Result<Vec<Note>> {
        const SQL: &str = "select * from incident_notes where incident_id = $1
            order by created_at desc, id desc limit 500";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(incident).fetch_all(c).await?))
    }

    pub async fn steps_done(&self, incident: &str) -> Result<Vec<StepDone>> {
        const SQL: &str = "select * from incident_steps where incident_id = $1 order by done_at, step";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(incident).fetch_all(c).await?))
    }
}

impl Tx {
    pub async fn insert_note(&mut self, n: &Note) -> Result<()> {
        const SQL: &str = "insert into incident_notes (id, incident_id, person_id, text, created_at)
            values ($1, $2, $3, $4, $5)";
        on!(self, |c| sqlx::query(SQL)
            .bind(&n.id)
            .bind(&n.incident_id)
            .bind(&n.person_id)
            .bind(&n.text)
            .bind(n.created_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Marks a step as done. Whether it was not before.
    pub async fn insert_step_done(&mut self, s: &StepDone) -> Result<bool> {
        const SQL: &str = "insert into incident_steps (incident_id, step, done_at, done_by)
            values ($1, $2, $3, $4) on conflict (incident_id, step) do nothing";
        let rows = on!(self, |c| sqlx::query(SQL)
            .bind(&s.incident_id)
            .bind(&s.step)
            .bind(s.done_at)
            .bind(&s.done_by)
            .execute(c)
            .await?
            .rows_affected());
        Ok(rows == 1)
    }

    /// Takes the mark off a step. Whether it was there.
    pub async fn delete_step_done(&mut self, incident: &str, step: &str) -> Result<bool> {
        const SQL: &str = "delete from incident_steps where incident_id = $1 and step = $2";
        let rows =
            on!(self, |c| sqlx::query(SQL).bind(incident).bind(step).execute(c).await?.rows_affected());
        Ok(rows == 1)
    }
}
