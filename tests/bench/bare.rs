//! The loop that deliveries are compared with: it claims in batches, posts, and writes outcomes in
//! batches. No permit, no approval, no audit, no gate.

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use channels::http::{Http, Policy, Request};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Executor};
use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc};

use crate::place::{self, CHANNELS, Database};
use crate::sink::Sink;

/// Jobs in one claim.
const CLAIM: usize = 200;
/// Most outcomes in one change.
const OUTCOMES: usize = 500;
/// Requests at once: as many as Holdline makes, four for each channel.
const AT_ONCE: usize = 4 * CHANNELS;

/// One queue of its own, with the same durability.
enum Queue {
    Sqlite { pool: SqlitePool, _folder: TempDir },
    Postgres(PgPool, String),
}

type Job = (String, String, String);

/// Posts so many; how many a second.
pub async fn round(database: Database, sink: &Sink, jobs: usize) -> f64 {
    let queue = Arc::new(Queue::fresh(database, jobs).await);
    let policy = Policy { allow_private: vec!["127.0.0.0/8".parse().unwrap()], ..Policy::default() };
    let http = Arc::new(Http::new(policy).unwrap());
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let (done, mut outcomes) = mpsc::channel::<(String, u16)>(4_096);
    let began = Instant::now();
    let writer = {
        let queue = Arc::clone(&queue);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while outcomes.recv_many(&mut batch, OUTCOMES).await > 0 {
                assert!(batch.iter().all(|(_, status)| *status == 200));
                queue.settle(batch.drain(..).map(|(id, _)| id).collect()).await;
            }
        })
    };
    loop {
        let batch = queue.claim().await;
        if batch.is_empty() {
            break;
        }
        for (id, channel, body) in batch {
            let slot = Arc::clone(&slots).acquire_owned().await.unwrap();
            let (http, done) = (Arc::clone(&http), done.clone());
            let request = Request::post(&format!("{}/{channel}", sink.url))
                .header("webhook-id", &id)
                .body("application/json", body.into_bytes());
            tokio::spawn(async move {
                let answer = http.call(request).await.unwrap();
                done.send((id, answer.status)).await.unwrap();
                drop(slot);
            });
        }
    }
    drop(done);
    writer.await.unwrap();
    let took = began.elapsed();
    assert_eq!(sink.take().len(), jobs);
    queue.close().await;
    jobs as f64 / took.as_secs_f64()
}

impl Queue {
    /// A table of jobs that are all due.
    async fn fresh(database: Database, jobs: usize) -> Self {
        let queue = match database {
            Database::Sqlite => {
                let folder = TempDir::new().unwrap();
                let options = SqliteConnectOptions::from_str("sqlite:")
                    .unwrap()
                    .filename(folder.path().join("bare.db"))
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(Duration::from_secs(10));
                let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options);
                Self::Sqlite { pool: pool.await.unwrap(), _folder: folder }
            }
            Database::Postgres => {
                let url = place::fresh_postgres().await;
                Self::Postgres(PgPoolOptions::new().max_connections(4).connect(&url).await.unwrap(), url)
            }
        };
        queue.run("create table jobs (id text primary key, channel text not null, body text not null, state text not null, due_at bigint not null, settled_at bigint)".into()).await;
        queue.run("create index jobs_due on jobs (due_at, id) where state = 'scheduled'".into()).await;
        queue
            .run(format!(
                "with recursive n (i) as (select 1 union all select i + 1 from n where i < {jobs})
                 insert into jobs (id, channel, body, state, due_at)
                 select 'job-' || i, cast(i % {CHANNELS} as text), '{}', 'scheduled', i from n",
                "x".repeat(380)
            ))
            .await;
        if let Self::Postgres(..) = queue {
            queue.run("vacuum analyze".into()).await;
            queue.run("checkpoint".into()).await;
        }
        queue
    }

    async fn run(&self, sql: String) {
        match self {
            Self::Sqlite { pool, .. } => drop(pool.execute(AssertSqlSafe(sql)).await.unwrap()),
            Self::Postgres(pool, _) => drop(pool.execute(AssertSqlSafe(sql)).await.unwrap()),
        }
    }

    async fn claim(&self) -> Vec<Job> {
        const SQL: [&str; 2] = [
            "update jobs set state = 'claimed' where id in (select id from jobs
               where state = 'scheduled' order by due_at, id limit $1) returning id, channel, body",
            "update jobs set state = 'claimed' where id in (select id from jobs
               where state = 'scheduled' order by due_at, id limit $1 for update skip locked)
             returning id, channel, body",
        ];
        let limit = i64::try_from(CLAIM).unwrap();
        match self {
            Self::Sqlite { pool, .. } => sqlx::query_as(SQL[0]).bind(limit).fetch_all(pool).await.unwrap(),
            Self::Postgres(pool, _) => sqlx::query_as(SQL[1]).bind(limit).fetch_all(pool).await.unwrap(),
        }
    }

    async fn settle(&self, ids: Vec<String>) {
        const SQL: [&str; 2] = [
            "update jobs set state = 'accepted', settled_at = 1 where id in (select value from json_each($1))",
            "update jobs set state = 'accepted', settled_at = 1 where id = any($1)",
        ];
        let changed = match self {
            Self::Sqlite { pool, .. } => {
                let ids = serde_json::to_string(&ids).unwrap();
                sqlx::query(SQL[0]).bind(ids).execute(pool).await.unwrap().rows_affected()
            }
            Self::Postgres(pool, _) => {
                sqlx::query(SQL[1]).bind(&ids).execute(pool).await.unwrap().rows_affected()
            }
        };
        assert_eq!(usize::try_from(changed).unwrap(), ids.len());
    }

    async fn close(&self) {
        match self {
            Self::Sqlite { pool, .. } => pool.close().await,
            Self::Postgres(pool, url) => {
                pool.close().await;
                place::drop_postgres(url).await;
            }
        }
    }
}
