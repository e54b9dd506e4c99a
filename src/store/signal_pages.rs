//! All signals, from one place of their order to the next: what waits, the worst first, then the newest;
//! after it what is decided or over, the newest first.

use sqlx::AssertSqlSafe;

use super::signals::Signal;
use super::{Result, Store, read};

/// The rank of what does not wait. What waits has a smaller one, by its severity.
pub const OVER: i64 = 4;
/// Later than every id: ids are written in hexadecimal.
pub const NEWEST: &str = "g";

/// Which way to read from a place; the place itself is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To what stands after it.
    On,
    /// To what stands before it; the nearest comes first.
    Back,
}

impl Store {
    /// What waits, from there on.
    pub async fn waiting_from(&self, rank: i64, id: &str, way: Way, limit: i64) -> Result<Vec<Signal>> {
        const SQL: &str = "select * from (select s.*, case severity
                when 'critical' then 0 when 'major' then 1 when 'minor' then 2 else 3 end as place
              from signals s where state = 'waiting') w
            where place {after} $1 or (place = $1 and id {older} $2)
            order by place {up}, id {down} limit $3";
        let sql = directed(SQL, way);
        Ok(read!(self, |c| sqlx::query_as(AssertSqlSafe(sql))
            .bind(rank)
            .bind(id)
            .bind(limit)
            .fetch_all(c)
            .await?))
    }

    /// What does not wait, from that id on.
    pub async fn decided_from(&self, id: &str, way: Way, limit: i64) -> Result<Vec<Signal>> {
        const SQL: &str = "select * from signals where state <> 'waiting' and id {older} $1
            order by id {down} limit $2";
        let sql = directed(SQL, way);
        Ok(read!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(id).bind(limit).fetch_all(c).await?))
    }
}

/// The statement for that way.
fn directed(sql: &str, way: Way) -> String {
    let (after, older, up, down) = match way {
        Way::On => (">", "<", "asc", "desc"),
        Way::Back => ("<", ">", "desc", "asc"),
    };
    let words = [("{after}", after), ("{older}", older), ("{up}", up), ("{down}", down)];
    words.iter().fold(sql.to_owned(), |sql, (mark, word)| sql.replace(mark, word))
}
