//! A post that is out gets other words in its place.

use channels::http::Request;
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::held::{self, Choice, Review};
use holdline::app::incidents::{self, NewIncident};
use holdline::app::posts::{self, NewPost, PostView};
use holdline::app::{settle, site, take_downs};
use holdline::domain::delivery::State;
use holdline::sandbox::Fault;
use holdline::store::audit::AuditFilter;
use serde_json::{Value, json};

use crate::commands::run;
use crate::console::sign_in;
use crate::on_both;
use crate::real_channels::{get, only, picture};
use crate::support::caller::Caller;
use crate::support::visitor::read;
use crate::support::{Bench, http};

pub async fn view(bench: &Bench, post: &str) -> PostView {
    posts::get(&bench.app, &bench.operator, post).await.unwrap()
}

/// The state of each delivery, by the name of its channel.
pub async fn states(bench: &Bench, post: &str) -> Vec<(String, String)> {
    let word = |v: Value| v.as_str().unwrap().to_owned();
    let all = view(bench, post).await.deliveries;
    let mut all: Vec<_> =
        all.into_iter().map(|d| (d.channel_name, word(serde_json::to_value(d.state).unwrap()))).collect();
    all.sort();
    all
}

/// By the name of its channel: whose words each delivery has, and why not the newest.
async fn words_of(bench: &Bench, post: &str) -> Vec<(Option<String>, Option<String>)> {
    let mut all = view(bench, post).await.deliveries;
    all.sort_by(|a, b| a.channel_name.cmp(&b.channel_name));
    all.into_iter().map(|d| (d.words_of, d.words_kept)).collect()
}

/// Why such a post is not taken.
async fn refused(bench: &Bench, post: Value) -> String {
    let new: NewPost = serde_json::from_value(post).unwrap();
    posts::create(&bench.app, &bench.operator, &new).await.unwrap_err().in_full()
}

pub fn routine(text: &str) -> Value {
    json!({ "kind": "routine", "channels": ["alpha"], "source": { "text": text } })
}

/// Other words for a routine post.
pub fn change(post: &str, text: &str) -> Value {
    json!({ "kind": "routine", "revises": post, "source": { "text": text } })
}

pub fn on_alpha(bench: &Bench) -> Vec<String> {
    bench.sandbox.timeline("alpha").into_iter().map(|p| p.text).collect()
}

on_both! {
    async fn words_change_wherever_the_network_can_and_the_answer_says_where_not(bench) {
        let (worker, caller) = (bench.start().await, Caller::new(&bench).await);
        let new: NewIncident =
            serde_json::from_value(json!({"title": "Cards", "severity": "major", "freeze": false})).unwrap();
        let incident = incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident;
        let first = bench.approved(json!({"kind": "update", "incident": incident.id, "labels": ["cards"],
            "channels": ["alpha", "gamma", "site"], "source": {"title": "Cards", "text": "Cards fail since 8."}})).await;
        let out = bench.until(&first.id, &["accepted"; 3]).await;
        assert!(out.revisions.is_empty() && out.unrevised.is_empty());
        let gamma = out.deliveries.iter().find(|d| d.channel_name == "gamma").unwrap().channel.clone();
        bench.sql(&format!("update channels set adapter = 'bluesky' where id = '{gamma}'")).await;
        let words = |text: &str| json!({"kind": "update", "revises": first.id, "source": {"title": "Cards", "text": text}});
        let second = bench.submit(words("Cards fail since 9.")).await;
        assert_eq!((second.revises.as_ref(), second.promise.as_ref(), second.incident.as_ref()),
            (Some(&first.id), None, Some(&incident.id)));
        let why = "Bluesky cannot change a post: take it down, or send a correction";
        assert_eq!(second.unrevised.iter().map(|u| (u.channel_name.as_str(), u.reason.as_str())).collect::<Vec<_>>(),
            [("gamma", why)]);
        let of = AuditFilter { verb: Some("post.created".into()), subject: Some(format!("post:{}", second.id)), limit: 9,
            ..AuditFilter::default() };
        let told = bench.look().await.audit(&of).await.unwrap().remove(0);
        assert!(String::from_utf8_lossy(&told.entry).contains(why), "the log knows why gamma keeps its words");
        let cookie = sign_in(&bench, &bench.approver).await.cookie;
        assert!(read(&caller, &cookie, &format!("/console/approvals/{}", second.id)).await.contains(why));
        // What only waits for its approval has changed nothing.
        assert!(view(&bench, &first.id).await.revisions.is_empty());
        // One change at a time; and nothing is changed before somebody else has approved it.
        let other = refused(&bench, words("Cards fail since 10.")).await;
        assert!(other.contains("another change of its words is not settled yet"), "{other}");
        assert_eq!(on_alpha(&bench), ["Cards fail since 8."]);
        bench.approve(&second.id).await;
        bench.until(&second.id, &["accepted"; 2]).await;
        assert_eq!(on_alpha(&bench), ["Cards fail since 9."]);
        let page = site::page(&bench.app, &incident.slug).await.unwrap();
        assert_eq!(page.entries.len(), 1);
        let entry = &page.entries[0];
        assert_eq!((entry.text.as_str(), entry.next_update.as_ref()), ("Cards fail since 9.", first.promise.as_ref()));
        assert!(entry.corrected_at.is_some() && page.next_update == first.promise, "{page:?}");
        let public = get(&format!("{}/incidents/{}", caller.base, incident.slug)).await;
        assert!(String::from_utf8_lossy(&public.body).contains("Corrected at"));
        assert_eq!(view(&bench, &first.id).await.revisions, std::slice::from_ref(&second.id));
        assert_eq!(words_of(&bench, &first.id).await, [(Some(second.id.clone()), None), (None, Some(why.into())),
            (Some(second.id.clone()), None)]);
        // Words of words are words of the post, and also after its incident is over.
        incidents::resolve(&bench.app, &bench.operator, &incident.id, None, "over").await.unwrap();
        let third = json!({"kind": "update", "revises": second.id, "channels": ["alpha"],
            "source": {"text": "Cards failed from 9 to 10."}});
        let third = bench.approved(third).await;
        bench.until(&third.id, &["accepted"]).await;
        assert_eq!((on_alpha(&bench), third.revises.as_ref()), (vec!["Cards failed from 9 to 10.".to_owned()], Some(&first.id)));
        assert!(third.unrevised.iter().any(|u| u.channel_name == "site" && u.reason.contains("left out")), "{third:?}");
        let left = "it was left out of this change".to_owned();
        assert_eq!(words_of(&bench, &first.id).await, [(Some(third.id.clone()), None), (None, Some(why.into())),
            (Some(second.id.clone()), Some(left))]);
        assert!(read(&caller, &cookie, &format!("/console/posts/{}", first.id)).await.contains("Not the newest words"));
        let gone = take_downs::all(&bench.app, &bench.approver, &third.id, "wrong").await.unwrap();
        assert!(gone.len() == 1 && gone[0].gone, "{gone:?}");
        assert_eq!((on_alpha(&bench).len(), site::page(&bench.app, &incident.slug).await.unwrap().entries.len()), (0, 1));
        let is = |name: &str, state: &str| (name.to_owned(), state.to_owned());
        assert_eq!(states(&bench, &second.id).await, [is("alpha", "retracted"), is("site", "accepted")]);
        assert_eq!(states(&bench, &first.id).await,
            [is("alpha", "retracted"), is("gamma", "accepted"), is("site", "accepted")]);
        let left = refused(&bench, json!({"kind": "update", "revises": first.id, "channels": ["alpha", "gamma", "beta"],
            "source": {"text": "x"}})).await;
        for why in ["alpha: the post is not out there", &format!("gamma: {why}"), "did not go to \"beta\""] {
            assert!(left.contains(why), "{left}");
        }
        worker.stop().await.unwrap();
    }

    async fn what_cannot_be_changed_is_refused_with_the_reason(bench) {
        let worker = bench.start().await;
        let post = bench.approved(routine("The summer offer")).await;
        bench.until(&post.id, &["accepted"]).await;
        let with = |field: &str, value: Value| {
            let mut new = change(&post.id, "x");
            new[field] = value;
            new
        };
        for (field, value, why) in [
            ("revises", json!("nothing"), "there is no post nothing"),
            ("kind", json!("tip"), "must be routine"),
            ("brand", json!("other"), "must be main"),
            ("promise", json!("2099-01-01T00:00:00Z"), "stays as it is"),
            ("recurrence", json!("0 9 * * *"), "stays as it is"),
            ("corrects", json!(post.id), "stays as it is"),
            // What a freeze lets go on by a label.
            ("labels", json!(["legal"]), "must be those of the post"),
            ("incident", json!("i"), "is not that of the post"),
        ] {
            let said = refused(&bench, with(field, value)).await;
            assert!(said.contains(why), "{field}: {said}");
        }
        let same = refused(&bench, change(&post.id, "The summer offer")).await;
        assert!(same.contains("alpha: it has these very words there already"), "{same}");
        let both = [change(&post.id, "x"), change(&post.id, "y")].map(|new| serde_json::from_value(new).unwrap());
        let both = posts::create_all(&bench.app, &bench.operator, &both).await.unwrap_err().in_full();
        assert!(both.contains("one change of its words at a time"), "{both}");
        let mut pictured = change(&post.id, "x");
        pictured["source"]["media"] = json!([picture(&bench).await]);
        assert!(refused(&bench, pictured.clone()).await.contains("Sandbox cannot add pictures"));
        let mut post = routine("With a map");
        post["source"]["media"] = pictured["source"]["media"].clone();
        let post = bench.approved(post).await;
        bench.until(&post.id, &["accepted"]).await;
        assert!(refused(&bench, change(&post.id, "x")).await.contains("and not the pictures"));
        // Beside the same pictures the words change, and what the timeline shows of the pictures stays.
        let mut words = change(&post.id, "With a better map");
        words["source"]["media"] = pictured["source"]["media"].clone();
        let words = bench.approved(words).await;
        bench.until(&words.id, &["accepted"]).await;
        let shown = bench.sandbox.timeline("alpha").into_iter().filter(|p| !p.media.is_empty()).collect::<Vec<_>>();
        assert_eq!((shown.len(), shown[0].text.as_str()), (1, "With a better map"));
        assert_eq!(serde_json::to_value(&shown[0].media).unwrap(), pictured["source"]["media"]);
        worker.stop().await.unwrap();
    }

    async fn a_freeze_holds_new_words_and_a_lost_answer_is_settled_by_reading_the_post(bench) {
        let worker = bench.start().await;
        let mut first = routine("one");
        first["labels"] = json!(["offer"]);
        let post = bench.approved(first).await;
        bench.until(&post.id, &["accepted"]).await;
        // By a label that the change does not name: it is that of the post.
        let offers: NewFreeze = serde_json::from_value(json!({ "scope": { "labels": ["offer"] } })).unwrap();
        let freeze = freezes::create(&bench.app, &bench.operator, &offers).await.unwrap();
        let two = bench.approved(change(&post.id, "two")).await;
        assert_eq!(two.labels, ["offer"]);
        let held = bench.until(&two.id, &["held"]).await;
        assert_eq!((on_alpha(&bench), bench.sandbox.arrived()), (vec!["one".to_owned()], 1));
        freezes::thaw(&bench.app, &bench.approver, &freeze.id, "over").await.unwrap();
        let release = Review { choice: Choice::Release, deliveries: vec![only(&held).id.clone()], label: None,
            hash: None, expected: None, at: None, zone: None, spread_minutes: 0 };
        assert_eq!(held::review(&bench.app, &bench.operator, &release).await.unwrap().changed, 1);
        bench.until(&two.id, &["accepted"]).await;
        assert_eq!(on_alpha(&bench), ["two"]);
        // It was done, and nothing more is sent.
        bench.sandbox.fault("alpha", Fault::CutAfterAccept, 1);
        let three = bench.approved(change(&post.id, "three")).await;
        bench.until(&three.id, &["in_doubt"]).await;
        bench.app.clock().advance(6_000);
        assert_eq!(only(&bench.until(&three.id, &["accepted"]).await).attempts, 1);
        assert_eq!((on_alpha(&bench), bench.sandbox.arrived()), (vec!["three".to_owned()], 3));
        // It was not done: the same words go again, after a second look. The first request may be on its way.
        bench.sandbox.fault("alpha", Fault::CutBeforeRead, 1);
        let four = bench.approved(change(&post.id, "four")).await;
        let doubt = only(&bench.until(&four.id, &["in_doubt"]).await).id.clone();
        bench.app.clock().advance(6_000);
        let store = bench.look().await;
        let looked = async || {
            let last = store.attempts(&doubt).await.unwrap().pop().unwrap();
            last.reads > 0 || last.outcome.as_deref() != Some("in_doubt")
        };
        while !looked().await {
            tokio::task::yield_now().await;
        }
        let once = view(&bench, &four.id).await;
        assert_eq!(only(&once).state, State::InDoubt, "one look settles nothing: {once:?}");
        bench.app.clock().advance(30_000);
        bench.until(&four.id, &["scheduled"]).await;
        bench.app.clock().advance(6_000);
        bench.until(&four.id, &["accepted"]).await;
        assert_eq!((on_alpha(&bench), bench.sandbox.arrived()), (vec!["four".to_owned()], 4));
        // Somebody took the post down: nothing is posted anew, whether that is seen before or afterwards.
        let there = bench.sandbox.timeline("alpha").remove(0).id;
        let url = format!("{}/posts/{there}", bench.sandbox.url("alpha"));
        bench.sandbox.fault("alpha", Fault::CutAfterAccept, 1);
        let five = bench.approved(change(&post.id, "five")).await;
        bench.until(&five.id, &["in_doubt"]).await;
        http().call(Request::delete(&url)).await.unwrap();
        bench.app.clock().advance(6_000);
        let gone = bench.until(&five.id, &["failed"]).await;
        assert!(only(&gone).reason.as_deref().unwrap().contains("not there any more"), "{gone:?}");
        let six = bench.approved(change(&post.id, "six")).await;
        let gone = bench.until(&six.id, &["failed"]).await;
        assert!(only(&gone).reason.as_deref().unwrap().contains("not there any more"), "{gone:?}");
        assert!(on_alpha(&bench).is_empty());
        worker.stop().await.unwrap();
    }

    async fn changes_of_one_post_go_one_after_the_other_and_older_words_never_after_newer_ones(bench) {
        let worker = bench.start().await;
        let post = bench.approved(routine("one")).await;
        bench.until(&post.id, &["accepted"]).await;
        let put = async |post: &str, state: &str| {
            bench.sql(&format!("update deliveries set state = '{state}' where post_id = '{post}'")).await;
        };
        let later = holdline::clock::rfc3339(bench.app.clock().now() + 3_600_000);
        let due = |text: &str| {
            let mut new = change(&post.id, text);
            new["due"] = json!(later);
            new
        };
        // Only one can be open, so the others are put back behind the service's back.
        let older = bench.approved(due("two")).await;
        put(&older.id, "failed").await;
        bench.sandbox.fault("alpha", Fault::CutAfterAccept, 1);
        let doubtful = bench.approved(change(&post.id, "three")).await;
        let doubt = only(&bench.until(&doubtful.id, &["in_doubt"]).await).id.clone();
        // What has failed is not scheduled again beside another one.
        let id = only(&view(&bench, &older.id).await).id.clone();
        let again = Review { choice: Choice::Reschedule, deliveries: vec![id], label: None, hash: None,
            expected: None, at: Some(later.clone()), zone: None, spread_minutes: 0 };
        let left = held::review(&bench.app, &bench.operator, &again).await.unwrap();
        assert!(left.changed == 0 && left.left[0].1.contains("another change of its words"), "{left:?}");
        // No look settles the doubt.
        bench.sql(&format!("update attempts set next_read_at = null where delivery_id = '{doubt}'")).await;
        put(&doubtful.id, "failed").await;
        let newer = bench.approved(due("four")).await;
        put(&doubtful.id, "in_doubt").await;
        put(&older.id, "scheduled").await;
        bench.app.clock().advance(3_700_000);
        let never = bench.until(&older.id, &["cancelled"]).await;
        assert_eq!(only(&never).reason.as_deref(), Some("newer words for the post are approved"));
        let mut waits = view(&bench, &newer.id).await;
        while only(&waits).reason.is_none() {
            tokio::task::yield_now().await;
            waits = view(&bench, &newer.id).await;
        }
        let why = only(&waits).reason.clone().unwrap();
        assert_eq!(why, "another change of the same post is not settled yet", "{waits:?}");
        assert_eq!(on_alpha(&bench), ["three"]);
        let seen = serde_json::from_value(json!({ "settlement": "published", "note": "seen" })).unwrap();
        settle::settle(&bench.app, &bench.approver, &doubt, &seen).await.unwrap();
        bench.app.clock().advance(6_000);
        bench.until(&newer.id, &["accepted"]).await;
        put(&older.id, "scheduled").await;
        bench.app.clock().advance(1_000);
        let never = bench.until(&older.id, &["cancelled"]).await;
        assert_eq!(only(&never).reason.as_deref(), Some("newer words for the post are approved"));
        assert_eq!(on_alpha(&bench), ["four"]);
        worker.stop().await.unwrap();
    }

    async fn people_change_words_from_the_page_of_a_post_and_from_the_command_line(bench) {
        let (worker, caller) = (bench.start().await, Caller::new(&bench).await);
        let mut new = routine("Half <price> today");
        new["labels"] = json!(["offer"]);
        let post = bench.approved(new).await;
        bench.until(&post.id, &["accepted"]).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let page = read(&caller, &cookie, &format!("/console/posts/{}", post.id)).await;
        let to = format!("/console/compose?revises={}", post.id);
        assert!(page.contains(&format!("href=\"{to}\">Change the words")), "{page}");
        let form = read(&caller, &cookie, &to).await;
        assert!(form.contains(&format!("name=\"revises\" value=\"{}\"", post.id)), "{form}");
        assert!(form.contains("Half &#60;price&#62; today</textarea>") && !form.contains("name=\"recurrence\""), "{form}");
        assert!(!form.contains("value=\"tip\"") && form.contains("value=\"offer\""), "{form}");
        let words = ["--json", "posts", "add", "--revises", &post.id, "--text", "Half price on Monday"];
        let (code, made, errors) = run(&caller, &caller.operator, &words).await;
        assert_eq!(code, Some(0), "{errors}");
        let made: Value = serde_json::from_str(&made).unwrap();
        assert_eq!((&made["kind"], &made["labels"], &made["revises"]), (&json!("routine"), &json!(["offer"]), &json!(post.id)));
        let id = made["id"].as_str().unwrap();
        let approver = sign_in(&bench, &bench.approver).await.cookie;
        let sheet = read(&caller, &approver, &format!("/console/approvals/{id}")).await;
        assert!(sheet.contains("What changes in the words that are out") && sheet.contains(&format!("/console/posts/{}", post.id)), "{sheet}");
        bench.approve(id).await;
        bench.until(id, &["accepted"]).await;
        assert_eq!(on_alpha(&bench), ["Half price on Monday"]);
        let page = read(&caller, &cookie, &format!("/console/posts/{id}")).await;
        assert!(page.contains("This changes the words of"), "{page}");
        // The next change begins with what is out now.
        assert!(read(&caller, &cookie, &to).await.contains("Half price on Monday</textarea>"));
        let mut third = change(&post.id, "Half price on Tuesday");
        third["source"]["title"] = json!("Offer");
        third["source"]["per_channel"] = json!({ "alpha": "Tuesday" });
        let third = bench.approved(third).await;
        bench.until(&third.id, &["accepted"]).await;
        assert_eq!(on_alpha(&bench), ["Tuesday"]);
        let form = read(&caller, &cookie, &format!("/console/compose?kind=correction&corrects={}", post.id)).await;
        assert!(form.contains("Half price on Tuesday</textarea>"), "a correction begins with what is out: {form}");
        // A text of one channel would go out once more: it is given anew, or dropped.
        let words = ["--json", "posts", "add", "--revises", &post.id, "--text", "On Wednesday", "--draft"];
        let (code, _, errors) = run(&caller, &caller.operator, &words).await;
        assert!(code != Some(0) && errors.contains("texts of their own: alpha"), "{errors}");
        for (own, kept) in [("alpha=", Value::Null), ("alpha=Wednesday", json!({ "alpha": "Wednesday" }))] {
            let words = [&words[..], &["--text-for", own]].concat();
            let (_, made, errors) = run(&caller, &caller.operator, &words).await;
            let made: Value = serde_json::from_str(&made).expect(&errors);
            assert_eq!((&made["source"]["title"], &made["source"]["per_channel"]), (&json!("Offer"), &kept));
            posts::cancel(&bench.app, &bench.operator, made["id"].as_str().unwrap()).await.unwrap();
        }
        worker.stop().await.unwrap();
    }
}
