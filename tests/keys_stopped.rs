//! An exchange of the instance key that stops at any step, and two calls of it at once.

use holdline::app::keys;
use holdline::app::rotation::{self, Exchange, Rotate};
use holdline::app::secrets::Keys;

use crate::keys::{SECRET, added, call, crashed, key_file, lines, log, opens, rotate, sealed, signed};
use crate::on_both;
use crate::support::{Bench, Database};

/// More than two changes of an exchange.
const MANY: usize = 120;

/// Channels whose credentials the key of the file seals; their ids.
async fn many(bench: &Bench) -> Vec<String> {
    let keys = Keys::read(&key_file(bench)).unwrap();
    let ids: Vec<String> = (0..MANY).map(|n| format!("many-{n:03}")).collect();
    let row = |id: &String| {
        let sealed = keys.seal(&format!("channel:{id}"), &SECRET.into());
        format!("('{id}', '{id}', 'webhook', 'main', '{{}}', '{sealed}', false, 0, 0, 1)")
    };
    let rows: Vec<_> = ids.iter().map(row).collect();
    let columns = "id, name, adapter, brand, settings, credential, drill, paused_until, created_at, version";
    bench.sql(&format!("insert into channels ({columns}) values {}", rows.join(", "))).await;
    ids
}

/// The sealed credentials of the channels, read by one connection.
async fn all(bench: &Bench, ids: &[String]) -> Vec<(String, String)> {
    let store = bench.look().await;
    let mut all = Vec::new();
    for id in ids {
        all.push((id.clone(), store.channel(id).await.unwrap().unwrap().credential.unwrap()));
    }
    store.close().await;
    all
}

/// How many of the channels are sealed under the key of that id.
async fn under(bench: &Bench, ids: &[String], key: &str) -> usize {
    all(bench, ids).await.iter().filter(|(_, sealed)| sealed.contains(key)).count()
}

on_both! {
    async fn it_goes_on_after_a_stop_at_any_step(bench) {
        let mut bench = bench;
        keys::check(&bench.app).await.unwrap();
        let ids = many(&bench).await;
        let by = bench.administrator.clone();
        let new = added(&bench).await;
        // Stopped after the change that begins.
        assert!(rotation::begin(&crashed(&bench).await, &by, &new).await.unwrap());
        let app = crashed(&bench).await;
        assert_eq!(under(&bench, &ids, &new).await, 0);
        // What is written from now on is under the new key.
        let written = signed(&mut bench, "written meanwhile").await;
        assert!(sealed(&bench, &written).await.contains(&new));
        // Stopped between two changes.
        let mut exchange = Exchange::under_way(&app).await.unwrap().unwrap();
        assert!(exchange.wrap(&app, &by).await.unwrap());
        assert_eq!(under(&bench, &ids, &new).await, 50);
        drop(exchange);
        let app = crashed(&bench).await;
        let shown = keys::show(&app, &by).await.unwrap();
        assert!(shown.from.is_some() && shown.remedy.is_some(), "{shown:?}");
        rotation::tidy(&app).await.unwrap();
        assert_eq!(lines(&key_file(&bench)).len(), 2, "the old key stays");
        let mut exchange = Exchange::under_way(&app).await.unwrap().unwrap();
        while exchange.wrap(&app, &by).await.unwrap() {}
        // Stopped before the old key leaves the file.
        assert!(exchange.finish(&app, &by).await.unwrap().is_none());
        assert_eq!((under(&bench, &ids, &new).await, lines(&key_file(&bench)).len()), (MANY, 2));
        let app = crashed(&bench).await;
        let done = call(&app, &bench, Some(&new)).await.unwrap();
        assert!(done.remedy.is_none() && done.seals == new, "{done:?}");
        let fresh = Keys::read(&key_file(&bench)).unwrap();
        assert_eq!(fresh.ids(), [new]);
        for (id, sealed) in all(&bench, &ids).await {
            assert!(opens(&fresh, &id, &sealed), "{id}");
        }
        let (count, _) = log(&bench).await;
        assert_eq!((count("keys.wrapped_anew"), count("keys.rotated")), (MANY, 1));
    }

    async fn two_calls_at_once_do_it_once(bench) {
        keys::check(&bench.app).await.unwrap();
        let ids = many(&bench).await;
        let new = added(&bench).await;
        let other = crashed(&bench).await;
        let (one, two) = tokio::join!(call(&bench.app, &bench, Some(&new)), call(&other, &bench, Some(&new)));
        for done in [one.unwrap(), two.unwrap()] {
            assert_eq!(done.seals, new, "{done:?}");
        }
        let done = rotate(&bench, Some(&new)).await;
        assert!(done.remedy.is_none() && done.from.is_none(), "{done:?}");
        assert_eq!((under(&bench, &ids, &new).await, lines(&key_file(&bench)).len()), (MANY, 1));
        let (count, _) = log(&bench).await;
        let told = (count("keys.rotation_began"), count("keys.wrapped_anew"), count("keys.rotated"));
        assert_eq!(told, (1, MANY, 1));
    }

    async fn a_call_that_was_overtaken_does_nothing_more(bench) {
        keys::check(&bench.app).await.unwrap();
        let ids = many(&bench).await;
        let by = bench.administrator.clone();
        let second = added(&bench).await;
        rotation::begin(&bench.app, &by, &second).await.unwrap();
        let mut slow = Exchange::under_way(&bench.app).await.unwrap().unwrap();
        assert!(slow.wrap(&bench.app, &by).await.unwrap());
        // Others finish it, and are in the middle of the next one.
        assert!(rotate(&bench, None).await.remedy.is_none());
        let third = added(&bench).await;
        assert!(rotation::begin(&bench.app, &by, &third).await.unwrap());
        let mut next = Exchange::under_way(&bench.app).await.unwrap().unwrap();
        assert!(next.wrap(&bench.app, &by).await.unwrap());
        assert!(!slow.wrap(&bench.app, &by).await.unwrap(), "it wraps nothing under a key whose time is over");
        assert!(slow.finish(&bench.app, &by).await.unwrap().is_none());
        assert_eq!((under(&bench, &ids, &third).await, under(&bench, &ids, &second).await), (50, MANY - 50));
        let shown = keys::show(&bench.app, &by).await.unwrap();
        assert_eq!((shown.seals, shown.from), (third.clone(), Some(second)), "the next one is still under way");
        let done = rotation::rotate(&bench.app, &by, &Rotate { to: Some(third.clone()) }).await.unwrap();
        assert!(done.remedy.is_none() && done.seals == third, "{done:?}");
        let fresh = Keys::read(&key_file(&bench)).unwrap();
        for (id, sealed) in all(&bench, &ids).await {
            assert!(opens(&fresh, &id, &sealed), "{id}");
        }
    }
}

/// A service makes a key at the first start of all, and at no other.
#[tokio::test]
async fn no_key_is_made_where_one_was() {
    let bench = Bench::new(Database::Sqlite).await;
    keys::check(&bench.app).await.unwrap();
    let file = key_file(&bench);
    bench.app.close().await;
    let serve = async || {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_holdline"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(bench.folder()).kill_on_drop(true);
        let ended = tokio::time::timeout(std::time::Duration::from_secs(60), command.output()).await;
        let ended = ended.expect("it is refused").unwrap();
        assert!(!ended.status.success());
        String::from_utf8_lossy(&ended.stderr).into_owned()
    };
    std::fs::remove_file(&file).unwrap();
    let why = serve().await;
    assert!(why.contains("bring it back from your backups") && !file.exists(), "{why}");
    std::os::unix::fs::symlink(bench.folder().join("not-mounted"), &file).unwrap();
    let why = serve().await;
    assert!(why.contains("cannot read") && file.is_symlink(), "{why}");
}
