//! Where a network tells shares of calls (Meta's do), or nothing, so that we count: routine posts leave a reserve, and crisis
//! posts never wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use holdline::app::channels;
use holdline::app::standing::Standing;
use serde_json::{Value, json};

use crate::on_both;
use crate::readiness::{MINUTE, of};
use crate::reserve::{crisis, routine, settled};
use crate::support::Bench;

const PAGE: &str = "100200300400500";

/// How much of its calls a page has used, in percent, and how many posts it has.
#[derive(Default)]
struct Page {
    used: AtomicU64,
    posts: AtomicU64,
}

type Told = ([(&'static str, String); 2], Json<Value>);

fn told(page: &Page, body: Value) -> Told {
    let used = page.used.load(Ordering::SeqCst);
    let app = json!({ "call_count": 3, "total_time": 1, "total_cputime": 1 });
    let case = json!({ PAGE: [{ "type": "pages", "call_count": used, "total_time": 2, "total_cputime": 2,
        "estimated_time_to_regain_access": 0 }] });
    ([("x-app-usage", app.to_string()), ("x-business-use-case-usage", case.to_string())], Json(body))
}

async fn feed(State(page): State<Arc<Page>>) -> Told {
    let n = page.posts.fetch_add(1, Ordering::SeqCst);
    told(&page, json!({ "id": format!("{PAGE}_{n}"), "permalink_url": "https://www.facebook.com/x" }))
}

async fn published(State(page): State<Arc<Page>>) -> Told {
    told(&page, json!({ "data": [], "paging": {} }))
}

async fn asked(State(page): State<Arc<Page>>) -> Told {
    told(&page, json!({ "id": PAGE, "name": "The Bank" }))
}

/// A channel `page`.
async fn page(bench: &mut Bench) -> Arc<Page> {
    let page = Arc::new(Page::default());
    let routes = Router::new()
        .route(&format!("/v26.0/{PAGE}/feed"), post(feed))
        .route(&format!("/v26.0/{PAGE}/published_posts"), get(published))
        .route("/v26.0/{id}", get(asked))
        .with_state(Arc::clone(&page));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = json!({ "server": format!("http://{}", listener.local_addr().unwrap()), "page": PAGE });
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    bench.connect_with("page", "facebook", settings, Some("EAAhunter2")).await;
    page
}

on_both! {
    async fn what_meta_says_of_its_calls_holds_routine_posts_and_not_crisis_posts(bench) {
        let mut bench = bench;
        let page = page(&mut bench).await;
        page.used.store(85, Ordering::SeqCst);
        let worker = bench.start().await;
        channels::check_due(&bench.app).await.unwrap();
        let seen = of(&bench, "page").await;
        assert_eq!((seen.account_calls_left, seen.app_calls_left), (Some(15), Some(97)), "{seen:?}");
        assert_eq!((seen.standing, seen.posts_left), (Standing::Attention, None), "{seen:?}");
        let kept = routine(&bench, "page", "kept").await;
        let reasons = settled(&bench, std::slice::from_ref(&kept), 0).await;
        assert!(reasons[0].contains("is kept for crisis posts"), "{reasons:?}");
        let update = crisis(&bench, "page").await;
        bench.until(&update.id, &["accepted"]).await;
        settled(&bench, std::slice::from_ref(&kept), 0).await;
        assert_eq!(page.posts.load(Ordering::SeqCst), 1, "the crisis post alone");
        // The answer to the next one tells that there is room.
        page.used.store(10, Ordering::SeqCst);
        let update = crisis(&bench, "page").await;
        bench.until(&update.id, &["accepted"]).await;
        bench.until(&kept.id, &["accepted"]).await;
        bench.app.clock().advance(61 * MINUTE);
        assert_eq!(of(&bench, "page").await.account_calls_left, None, "nobody knows after an hour");
        worker.stop().await.unwrap();
    }

    async fn posts_that_only_we_count_leave_a_reserve(bench) {
        bench.sandbox.set_facts("alpha", json!({ "account": "@bank", "posts_a_day": 5 }));
        let worker = bench.start().await;
        channels::check_due(&bench.app).await.unwrap();
        let seen = of(&bench, "alpha").await;
        assert_eq!((seen.posts_left, seen.posts_limit, seen.posts_counted_here), (Some(5), Some(5), true), "{seen:?}");
        for text in ["one", "two", "three"] {
            let post = routine(&bench, "alpha", text).await;
            bench.until(&post.id, &["accepted"]).await;
        }
        let kept = routine(&bench, "alpha", "four").await;
        let reasons = settled(&bench, std::slice::from_ref(&kept), 0).await;
        assert!(reasons[0].contains("is kept for crisis posts"), "two of five: {reasons:?}");
        let update = crisis(&bench, "alpha").await;
        bench.until(&update.id, &["accepted"]).await;
        let seen = channels::test(&bench.app, &bench.operator, &bench.channels[0]).await.unwrap();
        assert!(seen.health.ready, "our own count refuses nothing: {seen:?}");
        let seen = of(&bench, "alpha").await;
        assert_eq!((seen.posts_left, seen.standing), (Some(1), Standing::Attention), "{seen:?}");
        worker.stop().await.unwrap();
    }
}
