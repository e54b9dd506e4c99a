//! Another instance key takes the place of the one that seals: what is sealed stays readable, whatever
//! interrupts it, and the log keeps its signing key.

use std::path::{Path, PathBuf};

use holdline::app::channels::{self, ChannelEdit};
use holdline::app::keys::{self, KeysView};
use holdline::app::rotation::{self, Rotate};
use holdline::app::secrets::Keys;
use holdline::app::{App, AppError, audit, logins, nodes};
use holdline::store::audit::AuditFilter;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::console::sign_in;
use crate::on_both;
use crate::support::{Bench, Database, start};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub fn key_file(bench: &Bench) -> PathBuf {
    bench.folder().join("instance.key")
}

pub fn lines(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

/// Connects a channel with a credential; its id.
pub async fn signed(bench: &mut Bench, name: &str) -> String {
    let url = bench.sandbox.url(name);
    bench.connect_with(name, "webhook", json!({ "url": url }), Some(SECRET)).await;
    bench.channels.last().unwrap().clone()
}

pub async fn sealed(bench: &Bench, channel: &str) -> String {
    bench.look().await.channel(channel).await.unwrap().unwrap().credential.unwrap()
}

pub fn opens(keys: &Keys, channel: &str, sealed: &str) -> bool {
    keys.open(&format!("channel:{channel}"), sealed).is_ok_and(|s| s.expose_secret() == SECRET)
}

pub async fn call(app: &App, bench: &Bench, to: Option<&str>) -> Result<KeysView, AppError> {
    rotation::rotate(app, &bench.administrator, &Rotate { to: to.map(str::to_owned) }).await
}

pub async fn rotate(bench: &Bench, to: Option<&str>) -> KeysView {
    call(&bench.app, bench, to).await.unwrap()
}

/// Adds a key to the file, which nothing depends on yet; its id.
pub async fn added(bench: &Bench) -> String {
    let first = rotate(bench, None).await;
    assert!(first.remedy.is_some() && first.from.is_none(), "{first:?}");
    first.next.unwrap()
}

/// The same node after a crash, with the keys of its file.
pub async fn crashed(bench: &Bench) -> App {
    let held = Keys::read(&key_file(bench)).unwrap();
    let app = App::new(bench.look().await, bench.app.clock().clone(), held, "node-a", "http://localhost");
    keys::check(&app).await.unwrap();
    app
}

async fn log_key(bench: &Bench) -> String {
    let checkpoint = audit::checkpoint_if_grown(&bench.app).await.unwrap();
    checkpoint.expect("the log has grown").key
}

/// How often the log has each verb about keys, and all that it says.
pub async fn log(bench: &Bench) -> (impl Fn(&str) -> usize, String) {
    let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
    let log = audit::list(&bench.app, &bench.administrator, &filter).await.unwrap();
    let said = format!("{:?}", log.iter().map(|e| e.entry.to_string()).collect::<Vec<_>>());
    (move |verb: &str| log.iter().filter(|e| e.entry["verb"] == verb).count(), said)
}

on_both! {
    async fn nothing_depends_on_a_key_before_it_is_named(bench) {
        let mut bench = bench;
        let channel = signed(&mut bench, "one").await;
        keys::check(&bench.app).await.unwrap();
        let (old_file, before) = (lines(&key_file(&bench)), sealed(&bench, &channel).await);
        let old = keys::show(&bench.app, &bench.administrator).await.unwrap();
        assert!(old.remedy.is_none() && old.next.is_none(), "{old:?}");
        let first = rotate(&bench, None).await;
        let new = first.next.clone().unwrap();
        assert!(first.seals == old.seals && first.from.is_none() && first.missing.is_empty(), "{first:?}");
        let remedy = first.remedy.unwrap();
        assert!(remedy.contains("to your backups") && remedy.contains(&format!("--to {new}")), "{remedy}");
        assert!(remedy.contains("was made now"), "{remedy}");
        // As after a crash, and again and again: no third key, and nothing is sealed anew.
        let again = crashed(&bench).await;
        let there = call(&again, &bench, None).await.unwrap();
        assert_eq!(there.next.as_ref(), Some(&new));
        let remedy = there.remedy.unwrap();
        assert!(remedy.contains("was in the key file already: it is new only if") && remedy.contains("number 1 in it"), "{remedy}");
        assert_eq!(keys::show(&bench.app, &bench.administrator).await.unwrap().next.as_ref(), Some(&new));
        assert_eq!((lines(&key_file(&bench)).len(), sealed(&bench, &channel).await), (2, before.clone()));
        // The file is put back as it was where it comes from: nothing is lost.
        let both = std::fs::read_to_string(key_file(&bench)).unwrap();
        std::fs::write(key_file(&bench), format!("{}\n", old_file[0])).unwrap();
        let why = call(&bench.app, &bench, Some(&new)).await.unwrap_err().to_string();
        assert!(why.contains("no line of the key file"), "{why}");
        assert_ne!(added(&bench).await, new, "a key that somebody may have read is not taken again");
        assert_eq!(sealed(&bench, &channel).await, before);
        std::fs::write(key_file(&bench), both).unwrap();
        let done = rotate(&bench, Some(&new)).await;
        assert!(done.remedy.is_none() && done.seals == new && lines(&key_file(&bench)).len() == 1, "{done:?}");
        // The answer was lost.
        let twice = rotate(&bench, Some(&new)).await;
        assert!(twice.remedy.is_none() && twice.seals == new && twice.next.is_none(), "{twice:?}");
        let (count, _) = log(&bench).await;
        assert_eq!((count("keys.add_began"), count("keys.added")), (2, 2));
        assert_eq!((count("keys.rotation_began"), count("keys.rotated")), (1, 1));
        // The old key comes back into the file: it is not taken again, and leaves again.
        std::fs::write(key_file(&bench), format!("{}{}\n", std::fs::read_to_string(key_file(&bench)).unwrap(), old_file[0])).unwrap();
        assert!(call(&bench.app, &bench, Some(&old.seals)).await.unwrap_err().to_string().contains("used before"));
        rotation::tidy(&bench.app).await.unwrap();
        assert_eq!(Keys::read(&key_file(&bench)).unwrap().ids(), [new]);
    }

    async fn everything_opens_with_the_new_key_alone_and_the_log_keeps_its_own(bench) {
        let mut bench = bench;
        let channel = signed(&mut bench, "one").await;
        let signs = log_key(&bench).await;
        sign_in(&bench, &bench.operator).await;
        keys::check(&bench.app).await.unwrap();
        let (old_file, before) = (lines(&key_file(&bench)), sealed(&bench, &channel).await);
        let version = channels::get(&bench.app, &bench.operator, &channel).await.unwrap().version;
        let offer = logins::offer(&bench.app, "somebody").await.unwrap();
        let done = rotate(&bench, Some(&added(&bench).await)).await;
        assert!(done.remedy.is_none() && done.from.is_none(), "{done:?}");
        let new_file = lines(&key_file(&bench));
        assert!(new_file.len() == 1 && new_file != old_file, "the old key is gone from the file");
        let (fresh, after) = (Keys::read(&key_file(&bench)).unwrap(), sealed(&bench, &channel).await);
        assert!(opens(&fresh, &channel, &after) && !opens(&fresh, &channel, &before));
        assert_eq!(channels::get(&bench.app, &bench.operator, &channel).await.unwrap().version, version);
        let login = bench.look().await.login(&bench.operator.id).await.unwrap().unwrap();
        let record = format!("second factor:{}", bench.operator.id);
        assert!(fresh.open(&record, &login.totp).is_ok());
        crashed(&bench).await;
        assert_eq!(log_key(&bench).await, signs, "the log's signing key is pinned");
        // An offer that somebody has before them is good for an hour; a new one names the new key.
        assert!(logins::offer_again(&bench.app, &offer.sealed, "somebody").is_ok());
        assert!(logins::offer(&bench.app, "somebody").await.unwrap().sealed.contains(&done.seals));
        bench.app.clock().advance(3_600_001);
        rotation::tidy(&bench.app).await.unwrap();
        assert!(logins::offer_again(&bench.app, &offer.sealed, "somebody").is_err());
        let twice = rotate(&bench, Some(&added(&bench).await)).await;
        assert!(twice.remedy.is_none() && twice.seals != done.seals);
        let (count, said) = log(&bench).await;
        let shown = format!("{done:?} {twice:?} {said}");
        for secret in old_file.iter().chain(&new_file).chain(&lines(&key_file(&bench))) {
            assert!(!shown.contains(secret.as_str()), "the log and the answers hold no key");
        }
        assert_eq!((count("keys.rotation_began"), count("keys.rotated"), count("keys.wrapped_anew")), (2, 2, 4));
    }

    async fn what_cannot_be_opened_keeps_the_old_key_until_it_is_mended(bench) {
        let mut bench = bench;
        let (good, bad) = (signed(&mut bench, "good").await, signed(&mut bench, "bad").await);
        keys::check(&bench.app).await.unwrap();
        let (before, theirs) = (sealed(&bench, &good).await, sealed(&bench, &bad).await);
        // The credential of another record: it names the key and does not open.
        bench.sql(&format!("update channels set credential = '{before}' where id = '{bad}'")).await;
        let new = added(&bench).await;
        let stuck = rotate(&bench, Some(&new)).await;
        assert_eq!(stuck.stuck, [format!("channel:{bad}")]);
        assert!(stuck.remedy.is_some() && stuck.from.is_some());
        assert_eq!(lines(&key_file(&bench)).len(), 2, "the old key stays");
        rotation::tidy(&bench.app).await.unwrap();
        assert_eq!(lines(&key_file(&bench)).len(), 2);
        // As if somebody had read this channel before it was wrapped anew, and changes it now.
        bench.sql(&format!("update channels set credential = '{before}' where id = '{good}'")).await;
        let edit = ChannelEdit { name: Some("better".into()), ..ChannelEdit::default() };
        channels::edit(&bench.app, &bench.administrator, &good, None, edit).await.unwrap();
        assert!(sealed(&bench, &good).await.contains(&stuck.seals), "nothing is written under the old key");
        bench.sql(&format!("update channels set credential = '{theirs}' where id = '{bad}'")).await;
        // As after a crash: another process goes on, with the keys of the file.
        let again = crashed(&bench).await;
        let other = call(&again, &bench, Some("another")).await.unwrap_err().to_string();
        assert!(other.contains("is not finished"), "{other}");
        let done = call(&again, &bench, None).await.unwrap();
        assert!(done.remedy.is_none() && done.seals == stuck.seals, "the exchange goes on: {done:?}");
        let fresh = Keys::read(&key_file(&bench)).unwrap();
        assert_eq!(fresh.ids(), [done.seals]);
        for channel in [&good, &bad] {
            assert!(opens(&fresh, channel, &sealed(&bench, channel).await));
        }
    }

    async fn a_file_that_cannot_be_written_changes_nothing(bench) {
        let mut bench = bench;
        let channel = signed(&mut bench, "one").await;
        keys::check(&bench.app).await.unwrap();
        let (file, before) = (lines(&key_file(&bench)), sealed(&bench, &channel).await);
        // A folder in the place of its lock.
        let beside = bench.folder().join("instance.key.lock");
        std::fs::remove_file(&beside).unwrap();
        std::fs::create_dir(&beside).unwrap();
        let why = call(&bench.app, &bench, None).await.unwrap_err().to_string();
        assert!(why.contains("cannot write the key file") && why.contains("openssl rand -hex 32"), "{why}");
        let (count, _) = log(&bench).await;
        assert_eq!((count("keys.add_began"), count("keys.added")), (1, 0));
        assert_eq!((lines(&key_file(&bench)), sealed(&bench, &channel).await), (file.clone(), before));
        // Mounted for reading, with a second line that somebody has added: the old one stays, and it says so.
        let second = "5a".repeat(32);
        std::fs::write(key_file(&bench), format!("{}\n{second}\n", file[0])).unwrap();
        let next = added(&bench).await;
        let done = rotate(&bench, Some(&next)).await;
        assert!(done.seals == next && done.remedy.is_some_and(|r| r.contains("take the old key")));
        std::fs::write(key_file(&bench), format!("{second}\n")).unwrap();
        assert!(opens(&Keys::read(&key_file(&bench)).unwrap(), &channel, &sealed(&bench, &channel).await));
        std::fs::remove_dir(&beside).unwrap();
    }

    async fn a_key_file_that_was_put_back_is_said_aloud_and_can_be_written_again(bench) {
        let mut bench = bench;
        let channel = signed(&mut bench, "one").await;
        keys::check(&bench.app).await.unwrap();
        let worker = bench.start().await;
        let old_text = std::fs::read_to_string(key_file(&bench)).unwrap();
        let new = added(&bench).await;
        rotate(&bench, Some(&new)).await;
        // A node of an earlier release says nothing of its keys.
        let row = "'early', 'early', 0, 0, 0, 'e', 0, ''";
        let columns = "id, name, started_at, last_seen_at, acked_epoch, incarnation, begun, keys";
        bench.sql(&format!("insert into nodes ({columns}) values ({row})")).await;
        assert!(!nodes::ready(&bench.app).await.unwrap().unwrap().contains("key file"));
        bench.sql("delete from nodes where id = 'early'").await;
        std::fs::write(key_file(&bench), format!("# rendered by a tool\n{old_text}")).unwrap();
        let lost = keys::show(&bench.app, &bench.administrator).await.unwrap();
        assert!(lost.missing == ["a"] && lost.remedy.unwrap().contains("holdline keys save"));
        let care = nodes::ready(&bench.app).await.unwrap().unwrap();
        assert!(care.ends_with("the key file needs care, see `holdline keys show`"), "{care}");
        // The old key is the last one in the file: nobody is told to take it out.
        let again = rotate(&bench, Some(&new)).await.remedy.unwrap();
        assert!(again.contains("holdline keys save") && !again.contains("take the old key"), "{again}");
        let why = rotation::tidy(&bench.app).await.unwrap_err().to_string();
        assert!(why.contains("is not in the key file") && !why.contains("take the old key"), "{why}");
        assert!(keys::save(&bench.app, &bench.operator).await.is_err());
        let saved = keys::save(&bench.app, &bench.administrator).await.unwrap();
        assert!(saved.missing.is_empty() && saved.remedy.is_none(), "{saved:?}");
        assert_eq!(lines(&key_file(&bench)).len(), 3, "a comment, the old key, and the one that seals");
        rotation::tidy(&bench.app).await.unwrap();
        let text = std::fs::read_to_string(key_file(&bench)).unwrap();
        assert!(text.starts_with("# rendered by a tool\n") && !text.contains(old_text.trim()));
        let fresh = Keys::read(&key_file(&bench)).unwrap();
        assert!(fresh.ids() == [new.clone()] && opens(&fresh, &channel, &sealed(&bench, &channel).await));
        // A file that is empty, or gone, has no key.
        for gone in [false, true] {
            if gone {
                std::fs::remove_file(key_file(&bench)).unwrap();
            } else {
                std::fs::write(key_file(&bench), "").unwrap();
            }
            let lost = keys::show(&bench.app, &bench.administrator).await.unwrap();
            assert!(lost.missing == ["a"] && lost.remedy.unwrap().contains("holdline keys save"));
            assert!(nodes::ready(&bench.app).await.unwrap().unwrap().contains("needs care"));
            let saved = keys::save(&bench.app, &bench.administrator).await.unwrap();
            assert!(saved.missing.is_empty() && Keys::read(&key_file(&bench)).unwrap().ids() == [new.clone()]);
        }
        keys::save(&bench.app, &bench.administrator).await.unwrap();
        let (count, _) = log(&bench).await;
        assert_eq!((count("keys.write_back_began"), count("keys.written_back")), (3, 3));
        worker.stop().await.unwrap();
    }

    async fn a_database_that_lost_its_last_changes_finds_the_earlier_key(bench) {
        let mut bench = bench;
        let channel = signed(&mut bench, "one").await;
        keys::check(&bench.app).await.unwrap();
        let before = sealed(&bench, &channel).await;
        let kept = bench.look().await.setting("instance_key_check").await.unwrap().unwrap();
        let old = keys::show(&bench.app, &bench.administrator).await.unwrap().seals;
        let new = added(&bench).await;
        assert!(rotate(&bench, Some(&new)).await.remedy.is_none());
        // The process goes on with a copy of the database from before.
        bench.sql(&format!("update settings set value = '{kept}' where name = 'instance_key_check'")).await;
        bench.sql("delete from settings where name = 'instance_keys_retired'").await;
        bench.sql(&format!("update channels set credential = '{before}' where id = '{channel}'")).await;
        for _ in 0..2 {
            bench.app.clock().advance(3_600_001);
            rotation::tidy(&bench.app).await.unwrap();
        }
        let saved = keys::save(&bench.app, &bench.administrator).await.unwrap();
        assert!(saved.seals == old && saved.missing.is_empty(), "{saved:?}");
        assert!(opens(&Keys::read(&key_file(&bench)).unwrap(), &channel, &before));
    }

    async fn only_administrators_touch_the_keys(bench) {
        keys::check(&bench.app).await.unwrap();
        assert!(rotation::rotate(&bench.app, &bench.operator, &Rotate::default()).await.is_err());
        assert!(keys::show(&bench.app, &bench.approver).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_seals_that_a_node_does_not_know() {
    let mut bench = Bench::new(Database::Postgres).await;
    let channel = signed(&mut bench, "one").await;
    keys::check(&bench.app).await.unwrap();
    let worker = bench.start().await;
    let folder = tempfile::TempDir::new().unwrap();
    let theirs = folder.path().join("instance.key");
    std::fs::copy(key_file(&bench), &theirs).unwrap();
    let late_file = folder.path().join("late.key");
    std::fs::copy(key_file(&bench), &late_file).unwrap();
    let (clock, stranger) = (bench.app.clock().clone(), Keys::read(&late_file).unwrap());
    let held = Keys::read(&theirs).unwrap();
    let app = App::new(bench.look().await, clock.clone(), held, "node-b", "http://localhost");
    let node = start(&app, "b", folder.path()).await;
    let before = sealed(&bench, &channel).await;
    let waits = rotate(&bench, None).await;
    assert_eq!(waits.missing, ["b"]);
    let new = waits.next.clone().unwrap();
    let remedy = waits.remedy.unwrap();
    assert!(remedy.contains("b lacks it") && remedy.contains("holdline gate forget"), "{remedy}");
    assert_eq!(rotate(&bench, Some(&new)).await.seals, waits.seals, "a node lacks it");
    assert_eq!(sealed(&bench, &channel).await, before, "nothing is sealed anew yet");
    std::fs::copy(key_file(&bench), &theirs).unwrap();
    let mut done = rotate(&bench, Some(&new)).await;
    for _ in 0..100 {
        if done.remedy.is_none() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        done = rotate(&bench, Some(&new)).await;
    }
    assert_eq!(done.seals, new, "{done:?}");
    assert_eq!((lines(&key_file(&bench)).len(), lines(&theirs).len()), (1, 2));
    rotation::tidy(&app).await.unwrap();
    assert_eq!(lines(&theirs), lines(&key_file(&bench)));
    let after = sealed(&bench, &channel).await;
    assert!(opens(&Keys::read(&theirs).unwrap(), &channel, &after));
    // One that comes back with the old key alone is refused, and destroys nothing.
    let late = App::new(bench.look().await, clock, stranger, "node-c", "http://localhost");
    assert!(keys::check(&late).await.unwrap_err().to_string().contains("instance.key"));
    rotation::tidy(&late).await.unwrap();
    assert_eq!(sealed(&bench, &channel).await, after);
    // One that looked before the exchange and took its place on the list afterwards sends nothing.
    let third = folder.path().join("c");
    std::fs::create_dir(&third).unwrap();
    let late_node = start(&late, "c", &third).await;
    let why = nodes::ready(&late).await.unwrap().unwrap_err();
    assert!(why.contains("Give this node the key file"), "{why}");
    std::fs::copy(key_file(&bench), &late_file).unwrap();
    for _ in 0..100 {
        if nodes::ready(&late).await.unwrap().is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(nodes::ready(&late).await.unwrap().is_ok(), "it opens with the key");
    late_node.stop().await.unwrap();
    node.stop().await.unwrap();
    worker.stop().await.unwrap();
}
