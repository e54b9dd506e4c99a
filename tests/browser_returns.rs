//! A database that came back from a backup, in a real browser: what the screens say, and the confirmation.

use holdline::app::posts;
use holdline::domain::delivery::State;
use serde_json::json;

use crate::browser::browse;
use crate::browser_channels::people;
use crate::on_both;
use crate::returns::{closed, grow_beyond, keep_a_backup, log_size, put_the_backup_back};
use crate::support::caller::Caller;
use crate::support::start;

on_both! {
    async fn a_return_from_a_backup_is_told_on_the_screens_and_confirmed_there(bench) {
        let post = json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "once"}});
        let post = bench.approved(post).await.id;
        keep_a_backup(&bench).await;
        let worker = bench.start().await;
        bench.until(&post, &["accepted"]).await;
        tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
        worker.stop().await.unwrap();
        let remembered = log_size(&bench).await;
        put_the_backup_back(&bench).await;
        grow_beyond(&bench, remembered).await;
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        assert!(closed(&worker).await.contains("is not the one that was seen"));
        let caller = Caller::new(&bench).await;
        browse("returned", &json!({"base": caller.base, "people": people(&bench).await})).await;
        let view = posts::get(&app, &bench.operator, &post).await.unwrap();
        assert_eq!((view.deliveries[0].state, bench.sandbox.arrived()), (State::Held, 1));
        worker.stop().await.unwrap();
    }
}
