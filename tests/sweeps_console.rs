//! What is held inside networks, in the console and on the command line.

use holdline::app::freezes::{self, NewFreeze};
use holdline::app::sweeps;
use holdline::clock::rfc3339;
use holdline::domain::sweep::Stand;

use crate::commands::run;
use crate::console::sign_in;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::schedule::Schedule;
use crate::support::visitor::{read, send, text};
use crate::sweeps::{MINUTE, until};

/// Two posts that a freeze holds inside a network; the freeze.
pub async fn hold(bench: &mut Bench) -> (Schedule, holdline::worker::Worker, String) {
    let network = Schedule::connect(bench).await;
    network.add("Spring sale", 24 * 60);
    network.add("Autumn sale", 48 * 60);
    let worker = bench.start().await;
    let frozen = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap().id;
    let held = |s: &sweeps::SweepView| {
        let looked = s.channels.iter().all(|c| c.looked_at.is_some());
        looked && s.posts.len() == 2 && s.posts.iter().all(|p| p.state == Stand::Held)
    };
    until(&bench.app, &frozen, held).await;
    (network, worker, frozen)
}

async fn held(bench: &Bench) -> Vec<String> {
    let held = sweeps::list(&bench.app, &bench.operator, Some(Stand::Held)).await.unwrap();
    held.into_iter().map(|p| p.id).collect()
}

on_both! {
    async fn the_console_puts_back_and_drops_what_is_held_inside_a_network(bench) {
        let mut bench = bench;
        let (network, worker, freeze) = hold(&mut bench).await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let page = read(&caller, &cookie, &format!("/console/freezes/{freeze}")).await;
        assert!(page.contains("Spring sale") && page.contains("2 posts were on the schedule."), "{page}");
        assert!(read(&caller, &cookie, "/console/held").await.contains("2 posts are held inside networks"));
        let ids = held(&bench).await;
        let whole = read(&caller, &cookie, &format!("/console/swept/{}", ids[0])).await;
        assert!(whole.contains("Spring sale") && whole.contains("visibility"), "the whole snapshot: {whole}");
        assert!(page.contains(&format!("/console/swept/{}", ids[0])), "the freeze leads there");
        let decide = |form: String| {
            let (caller, cookie) = (&caller, &cookie);
            async move { send(caller, cookie, "/console/swept", "/console/swept/review", &form).await }
        };
        let year = &rfc3339(bench.app.clock().now() + 400 * 24 * 60 * MINUTE)[..4];
        let restore = format!("post={}&choice=restore&at={year}-12-31T10%3A00&zone=Europe%2FParis&spread=5", ids[0]);
        let frozen = text(&decide(restore.clone()).await);
        assert!(frozen.contains("a freeze in force covers it; thaw first") && !frozen.contains("done-well"), "{frozen}");
        freezes::thaw(&bench.app, &bench.approver, &freeze, "over").await.unwrap();
        let past = decide(restore.replace(&format!("at={year}"), "at=2020")).await;
        assert_eq!(past.status, 422);
        let html = text(&past);
        assert!(html.contains("at least ten minutes ahead") && html.contains("value=\"2020-12-31T10:00\""), "{html}");
        assert!(html.contains(&format!("value=\"{}\" form=\"restore\" checked", ids[0])), "the tick stays: {html}");
        let untyped = decide(format!("post={}&choice=drop&word=no", ids[1])).await;
        assert_eq!((untyped.status, held(&bench).await.len()), (422, 2));
        assert_eq!(decide(restore).await.status, 303);
        assert_eq!(decide(format!("post={}&choice=drop&word=drop", ids[1])).await.status, 303);
        let done = |s: &sweeps::SweepView| s.posts.iter().all(|p| matches!(p.state, Stand::Restored | Stand::Dropped));
        until(&bench.app, &freeze, done).await;
        let shown = network.shown();
        assert_eq!((shown.len(), shown[0].0.as_str()), (1, "Spring sale"));
        worker.stop().await.unwrap();
    }

    async fn the_command_line_lists_and_decides_about_what_is_held_inside_a_network(bench) {
        let mut bench = bench;
        let (network, worker, freeze) = hold(&mut bench).await;
        let caller = Caller::new(&bench).await;
        let operator = &caller.operator;
        let (code, out, errors) = run(&caller, operator, &["freezes", "show", &freeze]).await;
        assert!(code == Some(0) && out.contains("Spring sale") && out.contains("toots"), "{out}{errors}");
        let (code, out, errors) = run(&caller, operator, &["swept", "list", "--state", "held"]).await;
        assert!(code == Some(0) && out.contains("Autumn sale"), "{out}{errors}");
        let id = held(&bench).await.remove(0);
        let (code, out, errors) = run(&caller, operator, &["swept", "show", &id]).await;
        assert!(code == Some(0) && out.contains("visibility"), "{out}{errors}");
        let at = rfc3339(bench.app.clock().now() + 24 * 60 * MINUTE);
        let restore = ["swept", "review", "restore", &id, "--at", &at];
        let (code, out, errors) = run(&caller, operator, &restore).await;
        assert!(code != Some(0) && out.contains("a freeze in force covers it"), "{code:?} {out}{errors}");
        freezes::thaw(&bench.app, &bench.approver, &freeze, "over").await.unwrap();
        let (code, out, errors) = run(&caller, operator, &restore).await;
        assert_eq!(code, Some(0), "{out}{errors}");
        until(&bench.app, &freeze, |s| s.posts.iter().any(|p| p.state == Stand::Restored)).await;
        assert_eq!(network.shown().len(), 2);
        worker.stop().await.unwrap();
    }
}
