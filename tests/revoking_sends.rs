//! Posts that are under way when access ends.

use std::time::Duration;

use holdline::app::access::revoking;
use serde_json::json;

use crate::on_both;
use crate::support::network::Network;

/// Waits until a post has arrived, whose answer waits.
async fn first_arrives(net: &Network) {
    for _ in 0..400 {
        if !net.known().posts.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no post arrives");
}

on_both! {
    async fn what_a_node_remembers_of_a_channel_begins_nothing(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let channel = net.connect(&bench, net.wanted("x")).await;
        net.posts.acquire().await.unwrap().forget();
        let post = |text: &str| json!({ "kind": "routine", "channels": ["x"], "source": { "text": text } });
        bench.approved(post("On its way")).await;
        first_arrives(&net).await;
        let waits = bench.approved(post("Permitted")).await;
        bench.until(&waits.id, &["sending"]).await;
        // Elsewhere its access has ended, and this node has not heard of it.
        let ends = "update channels set version = version + 1, credential = null, disabled_at = 1";
        bench.sql(&format!("{ends} where id = '{}'", channel.id)).await;
        net.posts.add_permits(1);
        bench.until(&waits.id, &["scheduled"]).await;
        assert_eq!(net.known().posts, ["On its way"]);
        worker.stop().await.unwrap();
    }

    async fn what_was_under_way_is_listed_and_nothing_begins_afterwards(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let channel = net.connect(&bench, net.wanted("x")).await;
        net.posts.acquire().await.unwrap().forget();
        let post = |text: &str| json!({ "kind": "routine", "channels": ["x"], "source": { "text": text } });
        let sent = bench.approved(post("On its way")).await;
        first_arrives(&net).await;
        // Permitted, and waiting for the first one to end.
        let waits = bench.approved(post("Permitted")).await;
        bench.until(&waits.id, &["sending"]).await;
        let ended = revoking::revoke(&bench.app, &bench.administrator, &channel.id).await.unwrap();
        let mut listed: Vec<_> = ended.under_way.iter().map(|u| u.post.clone()).collect();
        listed.sort();
        assert_eq!(listed, [sent.id.clone(), waits.id.clone()]);
        net.posts.add_permits(1);
        bench.until(&sent.id, &["accepted"]).await;
        bench.until(&waits.id, &["scheduled"]).await;
        assert_eq!(net.known().posts, ["On its way"]);
        worker.stop().await.unwrap();
    }
}
