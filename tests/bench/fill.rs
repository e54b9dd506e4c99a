//! Queues of any size. The rows and their audit entries are written by the store's own functions,
//! in large changes; what people do before that (import, submit, approve) is left out.

use std::collections::HashMap;
use std::time::Instant;

use channels::Rendition;
use holdline::app::App;
use holdline::clock::Millis;
use holdline::domain::Word;
use holdline::domain::audit::{Entry, Stamp};
use holdline::domain::post::Kind;
use holdline::store::Store;
use holdline::store::deliveries::Delivery;
use holdline::store::posts::Post;
use serde_json::json;

use crate::place::{Place, run};

/// Posts in one change.
const BATCH: usize = 2_000;

/// Approved routine posts, one delivery each, spread over the channels.
pub async fn routine(place: &Place, app: &App, count: usize, due: impl Fn(i64) -> Millis) {
    let began = Instant::now();
    posts(place, app, count, Kind::Routine, due).await;
    if count >= 100_000 {
        eprintln!("{}: {count} posts queued in {:.0?}", place.database.name(), began.elapsed());
    }
    if let Some(url) = &place.url {
        // As the server's own housekeeping would have done by now; it must not run in the middle.
        run(url, "vacuum analyze".into()).await;
        run(url, "checkpoint".into()).await;
    }
}

/// Approved crisis updates, one delivery each, due now.
pub async fn crisis(place: &Place, app: &App, count: usize) {
    let now = app.clock().now();
    posts(place, app, count, Kind::Update, |_| now).await;
}

async fn posts(place: &Place, app: &App, count: usize, kind: Kind, due: impl Fn(i64) -> Millis) {
    let store = place.store().await;
    let stamp = Stamp { at: app.clock().now(), actor: place.by.id.clone(), origin: "bench".into() };
    let mut next = 0;
    while next < count {
        let last = (next + BATCH).min(count);
        let (mut posts, mut rows, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for n in next..last {
            let (post, row) = one(place, app, n, kind, due(i64::try_from(n).unwrap()));
            let subject = format!("post:{}", post.id);
            entries.push(Entry::new("post.created", &subject).after(&json!({
                "kind": post.kind, "labels": [label(n)], "due": post.due_at,
                "renditions": [[row.channel_id, row.content_hash]],
            })));
            posts.push((post, vec![label(n)]));
            rows.push(row);
        }
        let mut tx = store.begin().await.unwrap();
        tx.insert_posts(&posts).await.unwrap();
        tx.insert_deliveries(&rows).await.unwrap();
        tx.commit(&stamp, &entries, 0).await.unwrap();
        next = last;
    }
    store.close().await;
}

fn label(n: usize) -> String {
    format!("campaign-{}", n % 40)
}

/// A post of some 200 characters for the n-th channel in turn.
fn one(place: &Place, app: &App, n: usize, kind: Kind, due: Millis) -> (Post, Delivery) {
    let text = format!(
        "Post {n}: the spring account comes with a card that pays back one percent of every purchase until the \
         end of June. Ask in your branch or open it in the app; it takes four minutes, and the first year is free."
    );
    let now = app.clock().now();
    let rendition =
        Rendition { title: None, text, more: Vec::new(), language: "en".into(), media: Vec::new() };
    let body = String::from_utf8(rendition.canonical()).unwrap();
    let post = Post {
        id: app.clock().id(),
        kind: kind.word().into(),
        brand: "main".into(),
        labels: json!([label(n)]).to_string(),
        source: json!({"text": rendition.text, "language": "en"}).to_string(),
        words: holdline::domain::post::fold(&rendition.text),
        zone: "UTC".into(),
        recurrence: None,
        series_id: None,
        incident_id: (kind != Kind::Routine).then(|| place.incident.clone()),
        author_id: place.by.id.clone(),
        authors: json!([place.by.id]).to_string(),
        state: "approved".into(),
        due_at: due,
        valid_until: None,
        promise_at: None,
        corrects: None,
        revises: None,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let hash = rendition.content_hash();
    let row = Delivery {
        id: app.clock().id(),
        post_id: post.id.clone(),
        channel_id: place.channels[n % place.channels.len()].clone(),
        lane: kind.lane().number(),
        state: "scheduled".into(),
        ready_at: due,
        due_at: due,
        valid_until: None,
        rendition: body,
        content_hash: hash.clone(),
        approved_hash: Some(hash),
        approved_until: Some(due.max(now) + 1_000 * 86_400_000),
        attempts: 0,
        permits: 0,
        replaced: 0,
        claimed_by: None,
        freeze_id: None,
        reason: None,
        remote_id: None,
        remote_url: None,
        settled_at: None,
        created_at: now,
        started: 0,
    };
    (post, row)
}

/// When each delivery of the place is due, by its id, which is the key that receivers see.
pub async fn due_times(place: &Place) -> HashMap<String, Millis> {
    const SQL: &str = "select id, due_at from deliveries";
    let rows: Vec<(String, Millis)> = match place.store().await {
        Store::Sqlite { read, .. } => sqlx::query_as(SQL).fetch_all(&read).await.unwrap(),
        Store::Postgres { pool, .. } => sqlx::query_as(SQL).fetch_all(&pool).await.unwrap(),
    };
    rows.into_iter().collect()
}
