//! Imports of many rows: all or nothing, errors by row, and nobody waits for them.

use std::time::Duration;

use holdline::app::freezes::{self, NewFreeze};
use holdline::app::import::{Imported, Importer, MAX_ROWS};
use holdline::app::staging;
use holdline::app::{Result, audit};
use serde_json::json;

use crate::on_both;
use crate::support::Bench;

fn row(n: usize) -> String {
    let post = json!({"kind": "routine", "labels": ["import"], "source": {"text": format!("row {n}")},
        "channels": ["alpha", "beta"], "due": "2099-01-01T00:00:00Z", "submit": true});
    format!("{post}\n")
}

fn ndjson(rows: usize) -> Vec<u8> {
    (0..rows).map(row).collect::<String>().into_bytes()
}

async fn import(bench: &Bench, atomic: bool, body: &[u8]) -> Result<Imported> {
    let mut importer = Importer::new(&bench.app, &bench.operator, atomic).await?;
    for chunk in body.chunks(64 * 1024) {
        importer.feed(chunk).await?;
    }
    importer.finish().await
}

/// Posts, deliveries, and imports that are not finished.
async fn counts(bench: &Bench) -> (usize, i64, usize) {
    let look = bench.look().await;
    let (mut posts, mut filter) = (0, holdline::app::posts::PostFilter { limit: 500, ..Default::default() });
    filter.label = Some("import".into());
    loop {
        let page = look.posts(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some((last.due_at, last.id.clone()));
        posts += page.len();
    }
    let deliveries = look.count_by_state().await.unwrap().iter().map(|(_, n)| n).sum();
    let left = look.left_imports(i64::MAX).await.unwrap().len();
    look.close().await;
    (posts, deliveries, left)
}

async fn tick(bench: &Bench) {
    let clock = bench.app.clock();
    // Long enough that nobody works on it any more, and short enough that it is not forgotten.
    clock.advance(60_000);
    staging::go_on(&bench.app).await.unwrap();
}

on_both! {
    async fn all_rows_of_a_good_import_become_posts(bench) {
        let result = import(&bench, true, &ndjson(1_100)).await.unwrap();
        assert_eq!((result.created, result.failed), (1_100, 0));
        assert_eq!(counts(&bench).await, (1_100, 2_200, 0));
        let one = |verb: &str| audit::AuditFilter { verb: Some(verb.into()), limit: 1, ..Default::default() };
        let decided = audit::list(&bench.app, &bench.approver, &one("import.decided")).await.unwrap();
        assert_eq!(decided[0].entry["after"]["rows"], 1_100);
        let created = audit::list(&bench.app, &bench.approver, &one("post.created")).await.unwrap();
        assert_eq!(created[0].entry["actor"], json!(bench.operator.id));
    }

    async fn one_bad_row_at_the_end_leaves_nothing(bench) {
        let mut bytes = ndjson(900);
        bytes.extend_from_slice(b"{\"kind\": \"routine\", \"channels\": [\"nowhere\"], \"source\": {\"text\": \"x\"}}\n");
        let result = import(&bench, true, &bytes).await.unwrap();
        assert_eq!((result.created, result.failed, result.errors[0].row), (0, 1, 901));
        assert_eq!(counts(&bench).await, (0, 0, 0));
        // Row by row, the good ones are kept.
        let result = import(&bench, false, &bytes).await.unwrap();
        assert_eq!((result.created, result.failed), (900, 1));
        assert_eq!(counts(&bench).await, (900, 1_800, 0));
    }

    async fn a_decided_import_that_was_interrupted_is_finished(bench) {
        let (app, by) = (bench.app.clone(), bench.operator.clone());
        let task = tokio::spawn(async move {
            let mut importer = Importer::new(&app, &by, true).await.unwrap();
            importer.feed(&ndjson(4_000)).await.unwrap();
            importer.finish().await.unwrap()
        });
        while counts(&bench).await.0 == 0 {
            assert!(!task.is_finished());
        }
        // As when the node is killed between two changes.
        task.abort();
        let stopped = task.await;
        assert!(stopped.is_err_and(|e| e.is_cancelled()), "it was done before it was interrupted");
        let (posts, _, left) = counts(&bench).await;
        assert!(0 < posts && posts < 4_000 && left == 1, "{posts} posts, {left} imports left");
        tick(&bench).await;
        tick(&bench).await;
        assert_eq!(counts(&bench).await, (4_000, 8_000, 0));
    }

    async fn an_import_that_nobody_finished_is_thrown_away(bench) {
        let mut importer = Importer::new(&bench.app, &bench.operator, true).await.unwrap();
        importer.feed(&ndjson(600)).await.unwrap();
        drop(importer);
        assert_eq!(counts(&bench).await, (0, 0, 1));
        tick(&bench).await;
        assert_eq!(counts(&bench).await, (0, 0, 1), "its sender may be slow");
        bench.app.clock().advance(3_700_000);
        tick(&bench).await;
        assert_eq!(counts(&bench).await, (0, 0, 0));
    }

    async fn a_freeze_does_not_wait_for_an_import(bench) {
        let worker = bench.start().await;
        let (app, by) = (bench.app.clone(), bench.operator.clone());
        let bytes = ndjson(6_000);
        let task = tokio::spawn(async move {
            let mut importer = Importer::new(&app, &by, true).await.unwrap();
            importer.feed(&bytes).await.unwrap();
            importer.finish().await.unwrap()
        });
        let mut frozen = 0;
        while !task.is_finished() {
            let freeze = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
            assert!(freeze.sealed_at.is_some(), "{freeze:?}");
            freezes::thaw(&bench.app, &bench.operator, &freeze.id, "").await.unwrap();
            frozen += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(task.await.unwrap().created, 6_000);
        assert!(frozen >= 5, "only {frozen} freezes were sealed while the import ran");
        worker.stop().await.unwrap();
    }

    async fn long_rows_and_strange_ends_are_errors_of_their_rows(bench) {
        let mut bytes = row(0).into_bytes();
        bytes.extend(std::iter::repeat_n(b'x', 300 * 1024));
        bytes.extend_from_slice(b"\r\n\r\n\n");
        bytes.extend_from_slice(row(1).trim_end().as_bytes());
        let result = import(&bench, false, &bytes).await.unwrap();
        assert_eq!((result.created, result.failed, result.errors[0].row), (2, 1, 2));
        assert!(result.errors[0].problems[0].message.contains("longer than"), "{result:?}");
    }

    async fn a_row_too_many_stops_the_import_and_says_where(bench) {
        let mut bytes = b"not json\n".repeat(MAX_ROWS);
        bytes.extend_from_slice(row(1).as_bytes());
        let result = import(&bench, false, &bytes).await.unwrap();
        assert_eq!((result.created, result.failed), (0, MAX_ROWS + 1));
        let last = result.errors.last().unwrap();
        assert!(last.row == MAX_ROWS + 1 && last.problems[0].message.contains("at most"), "{last:?}");
        assert!(result.errors.len() <= 1_001);
    }
}
