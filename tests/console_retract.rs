//! Taking copies down from the page of their post and from that of a freeze.

use holdline::app::freezes::{self, NewFreeze};
use holdline::domain::delivery::State;
use serde_json::json;

use crate::commands::run;
use crate::console::sign_in;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::scene::under_way;
use crate::support::visitor::{read, send, text};

/// A post that is out on every channel, and was under way when a freeze came; the post and the freeze.
pub async fn out_under_a_freeze(bench: &Bench) -> (String, String) {
    let post = bench.approved(json!({"kind": "routine", "source": {"text": "Half price today"}})).await;
    bench.until(&post.id, &["accepted"]).await;
    let freeze = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap().id;
    under_way(bench, &post.id, &freeze).await;
    (post.id, freeze)
}

async fn states(bench: &Bench, post: &str) -> Vec<State> {
    let all = holdline::app::posts::get(&bench.app, &bench.operator, post).await.unwrap().deliveries;
    all.iter().map(|d| d.state).collect()
}

on_both! {
    async fn a_copy_is_taken_down_with_a_reason_and_a_typed_word(bench) {
        let node = bench.start().await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let (post, freeze) = out_under_a_freeze(&bench).await;
        let other = bench.submit(json!({"kind": "routine", "source": {"text": "Another"}})).await;
        let shown = || async { holdline::app::posts::get(&bench.app, &bench.operator, &post).await.unwrap().deliveries };
        let copies = shown().await;
        let down = || async { shown().await.iter().filter(|d| d.state == State::Retracted).count() };
        for (n, page) in [format!("/console/freezes/{freeze}"), format!("/console/posts/{post}")].into_iter().enumerate() {
            let before = read(&caller, &cookie, &page).await;
            // The page of the post has one for all of them, too.
            let forms = copies.len() - n + usize::from(page.contains("/posts/"));
            assert_eq!(before.matches("<details class=\"retract\"").count(), forms, "{before}");
            assert!(before.contains("Half price today") && !before.contains("hx-morph-skip open"), "{before}");
            let id = &copies[n].id;
            let to = format!("{page}/retract");
            let try_it = |form: String| {
                let (caller, cookie, page, to) = (&caller, &cookie, &page, &to);
                async move { send(caller, cookie, page, to, &form).await }
            };
            let click = try_it(format!("delivery={id}")).await;
            assert_eq!((click.status, down().await), (422, n), "one click is not enough: {}", text(&click));
            let html = text(&try_it(format!("delivery={id}&why=Wrong+price&word=yes")).await);
            assert!(html.contains("value=\"Wrong price\"") && html.contains("value=\"yes\""), "{html}");
            assert!(html.contains("hx-morph-skip open") && html.contains(&format!("id=\"wrong-word-{id}\"")), "{html}");
            let html = text(&try_it(format!("delivery={id}&why=+&word=take+down")).await);
            assert!(html.contains(&format!("id=\"wrong-why-{id}\"")) && html.contains("value=\"take down\""), "{html}");
            let strange = format!("delivery={}&why=Wrong+price&word=take+down", other.deliveries[0].id);
            let strange = try_it(strange).await;
            assert!(strange.status == 422 && text(&strange).contains("no such delivery"), "{}", text(&strange));
            assert_eq!(down().await, n);
            let done = try_it(format!("delivery={id}&why=Wrong+price+{n}&word=Take+down")).await;
            assert_eq!((done.status, down().await), (303, n + 1), "{}", text(&done));
        }
        let approver = sign_in(&bench, &bench.approver).await.cookie;
        let log = read(&caller, &approver, "/console/audit?verb=delivery.retract_asked").await;
        assert!(log.contains("Wrong price 0") && log.contains("Wrong price 1"), "{log}");
        let channel = &copies[2].channel;
        let away = ["channels", "edit", channel, "--set", "url=http://127.0.0.1:1/x"];
        assert_eq!(run(&caller, &caller.administrator, &away).await.0, Some(6), "it is not ready");
        let page = format!("/console/freezes/{freeze}");
        let form = format!("delivery={}&why=Too+late&word=take+down", copies[2].id);
        let live = text(&send(&caller, &cookie, &page, &format!("{page}/retract"), &form).await);
        assert!(live.contains("Still live: ") && live.contains("value=\"Too late\""), "{live}");
        // Somebody takes it down there by hand, and says so: with a reason and the word, as for the network.
        assert!(live.contains("name=\"how\" value=\"by_hand\""), "{live}");
        let by_hand = async |form: &str| {
            let form = format!("delivery={}&how=by_hand&{form}", copies[2].id);
            send(&caller, &cookie, &page, &format!("{page}/retract"), &form).await
        };
        let click = text(&by_hand("why=Deleted+there&word=yes").await);
        assert!(click.contains("value=\"by_hand\"") && down().await == 2, "{click}");
        let done = by_hand("why=Deleted+there&word=take+down").await;
        assert_eq!((done.status, down().await), (303, 3), "{}", text(&done));
        let log = read(&caller, &approver, "/console/audit?verb=retraction.settled").await;
        assert!(log.contains("Deleted there"), "{log}");
        node.stop().await.unwrap();
    }

    async fn every_copy_is_taken_down_in_one_action(bench) {
        let node = bench.start().await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let out = |text: &str| json!({"kind": "routine", "channels": ["alpha", "beta"], "source": {"text": text}});
        let post = bench.approved(out("Half price today")).await;
        bench.until(&post.id, &["accepted", "accepted"]).await;
        let page = format!("/console/posts/{}", post.id);
        let to = format!("{page}/retract");
        let before = read(&caller, &cookie, &page).await;
        assert!(before.contains("Take it down from all channels"), "{before}");
        let click = send(&caller, &cookie, &page, &to, "delivery=all&why=Wrong+price&word=yes").await;
        assert_eq!(click.status, 422, "{}", text(&click));
        let done = send(&caller, &cookie, &page, &to, "delivery=all&why=Wrong+price&word=take+down").await;
        assert_eq!(done.status, 303, "{}", text(&done));
        assert_eq!(states(&bench, &post.id).await, [State::Retracted, State::Retracted]);
        // Where one stays, the others are gone all the same, and it is named.
        let post = bench.approved(out("Half price again")).await;
        bench.until(&post.id, &["accepted", "accepted"]).await;
        let beta = post.deliveries.iter().find(|d| d.channel_name == "beta").unwrap().channel.clone();
        let away = ["channels", "edit", &beta, "--set", "url=http://127.0.0.1:1/x"];
        run(&caller, &caller.administrator, &away).await;
        let told = run(&caller, &caller.operator, &["retract", "--post", &post.id, "--comment", "x"]).await;
        assert!(told.0 != Some(0) && told.1.contains("beta") && told.1.contains("alpha"), "{told:?}");
        let after = states(&bench, &post.id).await;
        assert_eq!(after.iter().filter(|s| **s == State::Retracted).count(), 1, "{after:?}");
        let page = format!("/console/posts/{}", post.id);
        let form = "delivery=all&why=Wrong+price&word=take+down";
        let live = text(&send(&caller, &cookie, &page, &format!("{page}/retract"), form).await);
        assert!(live.contains("Still live on beta: "), "{live}");
        node.stop().await.unwrap();
    }

    async fn the_button_that_lifts_a_freeze_says_what_waits(bench) {
        let node = bench.start().await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let freeze = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap().id;
        let page = format!("/console/freezes/{freeze}");
        assert!(read(&caller, &cookie, &page).await.contains("Lift the freeze (nothing was held until now)"));
        let post = bench.approved(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "x"}})).await;
        bench.until(&post.id, &["held"]).await;
        assert!(read(&caller, &cookie, &page).await.contains(">Lift the freeze and review 1 held post</button>"));
        node.stop().await.unwrap();
    }
}
