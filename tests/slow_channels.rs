//! A channel that hangs or asks us to wait, with a long backlog, delays nobody else.

use std::time::{Duration, Instant};

use holdline::app::import::Importer;
use holdline::app::incidents;
use holdline::app::permits::{self, Rooms};
use holdline::app::sending::{self, Outcome};
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
        assert!(bench.sandbox.arrived() < BACKLOG, "the other channel hangs still");
        worker.vanish();
    }
    async fn a_channel_that_asks_us_to_wait_delays_no_other(bench) {
        const BACKLOG: usize = 300;
        bench.sandbox.fault("alpha", Fault::TooMany { seconds: 60 }, 10_000);
        backlog(&bench, BACKLOG, "alpha").await;
        let worker = bench.start().await;
        while bench.sandbox.arrived() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // The clock stands still: its minute does not pass meanwhile.
        let began = Instant::now();
        backlog(&bench, 40, "beta").await;
        while bench.sandbox.timeline("beta").len() < 40 {
            assert!(began.elapsed() < Duration::from_secs(30), "the other channel waits, too");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let asked = bench.sandbox.arrivals().iter().filter(|a| a.timeline == "alpha").count();
        assert!(asked <= 16, "what was under way when it said so, and nothing after it: {asked}");
        assert!(bench.sandbox.timeline("alpha").is_empty());
        bench.sandbox.clear_faults();
        bench.app.clock().advance(61_000);
        while bench.sandbox.timeline("alpha").len() < BACKLOG {
            assert!(began.elapsed() < Duration::from_secs(60), "its own posts go out after its wait");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        worker.stop().await.unwrap();
    }
    async fn a_channel_that_hangs_or_fails_delays_no_doubt_of_another(bench) {
        let mut bench = bench;
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        bench.connect("silent", "sandbox", json!({ "url": url })).await;
        let mut rooms = Rooms::default();
        for channel in &bench.channels {
            rooms.set(channel, 9);
        }
        let mut doubts = Vec::new();
        for channel in ["silent", "silent", "silent", "silent", "beta", "beta"] {
            let post = json!({"kind": "routine", "channels": [channel], "source": {"text": "x"}});
            bench.approved(post).await;
            let permit = permits::claim(&bench.app, 9, 9, &mut rooms).await.unwrap().permits.remove(0);
            let doubt = Outcome::InDoubt { reason: "cut".into(), readable: true };
            sending::settle(&bench.app, &[(permit.clone(), doubt)], |_| true).await.unwrap();
            doubts.push(permit);
        }
        // What cannot be read keeps nobody.
        bench.sql(&format!("update attempts set body = '?' where id = '{}'", doubts[4].attempt)).await;
        bench.app.clock().advance(6_000);
        let (worker, begun) = (bench.start().await, Instant::now());
        let look = bench.look().await;
        while look.attempts(&doubts[5].delivery).await.unwrap()[0].reads == 0 {
            assert!(begun.elapsed() < Duration::from_secs(4), "it waits for a read that hangs for 5 s");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        worker.vanish();
    }
}
