//! Where in the database a word stands, whatever the table.

use sqlx::Row;

use super::Bench;

/// The tables of a PostgreSQL that hold the word, or the files of an SQLite.
pub async fn traces(bench: &Bench, word: &str) -> Vec<String> {
    let Some(url) = bench.url() else { return files(bench, word) };
    let db = sqlx::PgPool::connect(url).await.unwrap();
    let tables = sqlx::query("select tablename from pg_tables where schemaname = 'public' order by 1");
    let mut found = Vec::new();
    for row in tables.fetch_all(&db).await.unwrap() {
        let table: String = row.get(0);
        // Bytes are shown in hexadecimal digits.
        let sql = format!(
            "select exists (select 1 from {table} t where t::text like '%' || $1 || '%'
               or t::text like '%' || encode(convert_to($1, 'UTF8'), 'hex') || '%')"
        );
        if sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(word).fetch_one(&db).await.unwrap() {
            found.push(table);
        }
    }
    db.close().await;
    found
}

fn files(bench: &Bench, word: &str) -> Vec<String> {
    let all = std::fs::read_dir(bench.folder()).unwrap().map(|entry| entry.unwrap());
    let database = all.filter(|f| f.file_name().to_string_lossy().starts_with("holdline.db"));
    let holds = |bytes: Vec<u8>| bytes.windows(word.len()).any(|w| w == word.as_bytes());
    let found = database.filter(|f| holds(std::fs::read(f.path()).unwrap()));
    found.map(|f| f.file_name().to_string_lossy().into_owned()).collect()
}
