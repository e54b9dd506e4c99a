//! The website as a channel whose database refuses, or whose answer is lost: an entry is there once, and what is known of it
//! is true.

use holdline::app::incidents::{self, IncidentView, NewIncident};
use holdline::app::posts::PostView;
use holdline::app::site::{self, PageEntry};
use serde_json::{Value, json};

use crate::on_both;
use crate::revisions::view;
use crate::support::Bench;

async fn incident(bench: &Bench) -> IncidentView {
    let new = json!({"title": "Cards", "severity": "major", "freeze": false});
    let new: NewIncident = serde_json::from_value(new).unwrap();
    incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident
}

fn update(incident: &IncidentView, text: &str) -> Value {
    json!({"kind": "update", "incident": incident.id, "channels": ["site"], "source": {"text": text}})
}

/// What the page shows.
async fn entries(bench: &Bench, incident: &IncidentView) -> Vec<PageEntry> {
    site::page(&bench.app, &incident.slug).await.unwrap().entries
}

/// The database refuses such changes of the page's entries, as one whose disk is full.
async fn refuse(bench: &Bench, what: &str) {
    if bench.url().is_none() {
        let trigger = format!(
            "create trigger full before {what} on site_entries begin select raise(abort, 'disk full'); end"
        );
        return bench.sql(&trigger).await;
    }
    let function = "create or replace function full_disk() returns trigger language plpgsql as
        $$ begin raise exception 'disk full'; end $$";
    let trigger = format!(
        "create trigger full_disk before {what} on site_entries for each row execute function full_disk()"
    );
    bench.meddle(&[function, &trigger]).await;
}

async fn take(bench: &Bench) {
    let drop =
        if bench.url().is_some() { "drop trigger full_disk on site_entries" } else { "drop trigger full" };
    bench.sql(drop).await;
}

/// It is in doubt, and then read back; what was not there is tried again.
async fn ends(bench: &Bench, post: &PostView) -> PostView {
    bench.app.clock().advance(6_000);
    bench.until(&post.id, &["scheduled", "claimed", "accepted"]).await;
    bench.app.clock().advance(20_000);
    bench.until(&post.id, &["accepted"]).await
}

on_both! {
    async fn what_the_database_refuses_is_not_on_the_page_and_comes_there_once_it_is_taken(bench) {
        let (worker, incident) = (bench.start().await, incident(&bench).await);
        refuse(&bench, "insert").await;
        let first = bench.approved(update(&incident, "Cards are slow.")).await;
        bench.until(&first.id, &["in_doubt"]).await;
        assert!(entries(&bench, &incident).await.is_empty());
        take(&bench).await;
        let delivery = ends(&bench, &first).await.deliveries.remove(0);
        let shown = entries(&bench, &incident).await;
        assert_eq!((shown.len(), shown[0].text.as_str(), delivery.attempts), (1, "Cards are slow.", 2));
        assert!(delivery.url.is_some_and(|url| url.ends_with(&format!("#{}", delivery.id))));
        // New words are refused as well, and the old ones stay until they are taken.
        refuse(&bench, "update").await;
        let mut words = update(&incident, "Cards work.");
        words["revises"] = json!(first.id);
        let second = bench.approved(words).await;
        bench.until(&second.id, &["in_doubt"]).await;
        assert_eq!(entries(&bench, &incident).await[0].text, "Cards are slow.");
        take(&bench).await;
        ends(&bench, &second).await;
        let shown = entries(&bench, &incident).await;
        assert_eq!((shown.len(), shown[0].text.as_str()), (1, "Cards work."));
        assert!(shown[0].corrected_at.is_some());
        worker.stop().await.unwrap();
    }

    async fn an_entry_whose_answer_was_lost_is_found_on_the_page(bench) {
        let (worker, incident) = (bench.start().await, incident(&bench).await);
        refuse(&bench, "insert").await;
        let post = bench.approved(update(&incident, "Cards are slow.")).await;
        let delivery = bench.until(&post.id, &["in_doubt"]).await.deliveries.remove(0);
        take(&bench).await;
        // As if the database had taken it, and only its answer had failed.
        bench.sql(&format!(
            "insert into site_entries (delivery_id, incident_id, kind, text, language, published_at)
             values ('{}', '{}', 'update', 'Cards are slow.', 'en', 1)", delivery.id, incident.id
        )).await;
        bench.app.clock().advance(6_000);
        let found = bench.until(&post.id, &["accepted"]).await.deliveries.remove(0);
        assert_eq!((found.attempts, entries(&bench, &incident).await.len()), (1, 1), "read back, and not sent again");
        assert_eq!(view(&bench, &post.id).await.deliveries[0].url, found.url);
        assert!(found.url.is_some_and(|url| url.ends_with(&format!("#{}", delivery.id))));
        worker.stop().await.unwrap();
    }
}
