//! A channel that hangs with a long backlog delays nobody else.

use std::time::{Duration, Instant};

use holdline::app::import::Importer;
use holdline::app::incidents;
use holdline::sandbox::Fault;
use serde_json::json;

use crate::on_both;
use crate::support::Bench;

async fn backlog(bench: &Bench, count: usize, channel: &str) {
    let mut importer = Importer::new(&bench.app, &bench.operator, true).await.unwrap();
    for n in 0..count {
        let row = json!({"kind": "routine", "labels": ["backlog"], "submit": true, "channels": [channel],
            "source": {"text": format!("{n}")}});
        importer.feed(format!("{row}\n").as_bytes()).await.unwrap();
    }
    assert_eq!(importer.finish().await.unwrap().created, count);
    assert_eq!(bench.approve_all("backlog").await, count);
}

on_both! {
    async fn crisis_and_routine_posts_go_past_a_channel_that_hangs(bench) {
        const BACKLOG: usize = 1_400;
        bench.sandbox.fault("alpha", Fault::Late { ms: 60_000 }, BACKLOG);
        backlog(&bench, BACKLOG, "alpha").await;
        let new = json!({"title": "Payments are down", "severity": "minor", "freeze": false});
        let new = serde_json::from_value(new).unwrap();
        let incident = incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident;
        let worker = bench.start().await;
        // Its line is full by then, and its sends hang until they time out after 5 s.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let routine = bench.approved(json!({"kind": "routine", "channels": ["beta"], "source": {"text": "r"}}));
        let routine = routine.await;
        let crisis = bench.approved(json!({"kind": "update", "incident": incident.id, "channels": ["beta"],
            "source": {"text": "We are working on it."}, "promise": "2199-01-01T00:00:00Z"})).await;
        let approved = Instant::now();
        bench.until(&crisis.id, &["accepted"]).await;
        let took = approved.elapsed();
        assert!(took < Duration::from_secs(4), "the crisis post took {took:?}: less than one send that hangs");
        bench.until(&routine.id, &["accepted"]).await;
        assert!(bench.sandbox.arrivals().len() < BACKLOG, "the other channel hangs still");
        worker.vanish();
    }
}
