//! What the console's pages say and keep: typed words after a refusal, times of other days, what is
//! different from the last text.

use holdline::app::approvals::{self, NewDecision};
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::incidents::{self, IncidentView};
use holdline::app::nodes;
use holdline::app::permits::{self, Rooms};
use holdline::domain::approval::Decision;
use holdline::domain::role::Role;
use serde_json::json;

use crate::console::{sign_in, sign_in_again};
use crate::on_both;
use crate::support::caller::Caller;
use crate::support::visitor::{read, send, text};
use crate::support::{Bench, person};

async fn incident(bench: &Bench) -> IncidentView {
    let new = json!({"title": "Cards fail", "severity": "major", "playbook": "outage", "freeze": false});
    let new = serde_json::from_value(new).unwrap();
    incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident
}

on_both! {
    async fn an_incident_that_should_not_freeze_still_should_not_after_a_mistake(bench) {
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let page = "/console/incidents/open";
        let long = "x".repeat(201);
        let refused = send(&caller, &cookie, page, page, &format!("title={long}&severity=minor&no_freeze=on")).await;
        assert_eq!(refused.status, 422);
        let html = text(&refused);
        assert!(html.contains("name=\"no_freeze\" checked") && html.contains(&long), "{html}");
        let html = text(&send(&caller, &cookie, page, page, &format!("title={long}")).await);
        assert!(html.contains("name=\"no_freeze\">"), "{html}");
    }

    async fn the_room_keeps_what_was_typed(bench) {
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let id = incident(&bench).await.id;
        let page = format!("/console/incidents/{id}");
        let act = format!("{page}/act");
        let try_it = |form: &'static str| send(&caller, &cookie, &page, &act, form);
        let refused = try_it("do=promise&at=2026-02-30T10%3A00").await;
        assert_eq!(refused.status, 422);
        let html = text(&refused);
        assert!(html.contains("name=\"at\" value=\"2026-02-30T10:00\""), "{html}");
        assert!(html.contains("id=\"wrong-at\"") && html.contains("aria-describedby=\"wrong-at\""), "{html}");
        let refused = try_it("do=resolve&comment=All+is+well&word=no").await;
        assert_eq!(refused.status, 422);
        let html = text(&refused);
        assert!(html.contains("<details open>") && html.contains("value=\"All is well\""), "{html}");
        // Somebody else was first: what was typed stands where it can still be kept.
        incidents::resolve(&bench.app, &bench.operator, &id, None, "over").await.unwrap();
        let late = try_it("do=resolve&comment=All+is+well&word=resolve").await;
        assert_eq!(late.status, 422);
        assert!(text(&late).contains("All is well</textarea>"), "{}", text(&late));
        // What is wrong with a form that is gone is told all the same, and what was typed is there.
        let late = text(&try_it("do=promise&at=2026-02-30T10%3A00").await);
        assert!(late.contains("role=\"alert\"") && late.contains("<li>Time: "), "{late}");
        assert!(late.contains("<p class=\"words\">2026-02-30T10:00</p>"), "{late}");
        let late = text(&try_it("do=resolve&comment=All+is+well&word=no").await);
        assert!(late.contains("<li>The word to type: This is not the word") && late.contains("All is well"), "{late}");
        let long = "x".repeat(2_001);
        let form = format!("do=resolve&comment={long}&word=resolve");
        let late = text(&send(&caller, &cookie, &page, &act, &form).await);
        assert!(late.contains("<li>Comment: write at most 2000 characters") && late.contains(&long), "{late}");
    }

    async fn a_comment_stays_when_another_approver_was_first(bench) {
        let caller = Caller::new(&bench).await;
        let other = person(&bench.app, &bench.administrator, "other", Role::Approver).await;
        let signed = sign_in(&bench, &other).await;
        let id = incident(&bench).await.id;
        let mut posts = Vec::new();
        for _ in 0..2 {
            let tip = json!({"kind": "tip", "incident": id, "source": {"text": "Pay in cash"}});
            posts.push(bench.submit(tip).await.id);
        }
        let bundle = approvals::sheet(&bench.app, &other, &posts[0]).await.unwrap().bundle;
        let first = async |decision, post: &str| {
            let bundle = approvals::sheet(&bench.app, &bench.approver, post).await.unwrap().bundle;
            let new = NewDecision { decision, bundle, comment: Some("mine".into()), unready: Vec::new() };
            approvals::decide(&bench.app, &bench.approver, post, &new).await.unwrap();
        };
        first(Decision::Reject, &posts[0]).await;
        let page = format!("/console/approvals/{}", posts[0]);
        for decision in ["reject", "approve", "break_glass"] {
            let form = format!("bundle-{}={bundle}&decision={decision}&comment=Say+%3Cwhy%3E", posts[0]);
            let late = send(&caller, &signed.cookie, &page, &format!("{page}/decide"), &form).await;
            let html = text(&late);
            assert!(late.status == 422 && html.contains("<p class=\"words\">Say &#60;why&#62;</p>"), "{html}");
        }
        // The review of a broken glass.
        first(Decision::BreakGlass, &posts[1]).await;
        let third = person(&bench.app, &bench.administrator, "third", Role::Approver).await;
        let owed = approvals::reviews_owed(&bench.app, &third).await.unwrap().remove(0).id;
        approvals::review(&bench.app, &third, &owed, "was right").await.unwrap();
        let to = "/console/approvals/review";
        let late = send(&caller, &signed.cookie, &page, to, &format!("approval={owed}&comment=It+was+right")).await;
        let html = text(&late);
        assert!(late.status == 422 && html.contains("<p class=\"words\">It was right</p>"), "{html}");
        assert!(html.contains("somebody else has reviewed this already"), "{html}");
        let late = send(&caller, &signed.cookie, &page, &format!("{to}?lang=fr"), &format!("approval={owed}&comment=x")).await;
        assert!(text(&late).contains("d’autre a déjà relu ce texte"), "{}", text(&late));
    }

    async fn messages_call_fields_as_the_forms_do(bench) {
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let page = "/console/incidents/open";
        let form = "title=T&adopt=none&signal=none";
        let html = text(&send(&caller, &cookie, page, page, form).await);
        assert!(html.contains("<li>The signal: there is no signal none"), "{html}");
        let html = text(&send(&caller, &cookie, page, page, "title=T&adopt=none").await);
        assert!(html.contains("<li>The freeze to go on with: it is not in force any more"), "{html}");
        let french = format!("{page}?lang=fr");
        let html = text(&send(&caller, &cookie, page, &french, "title=T&adopt=none").await);
        assert!(html.contains("<li>Le gel à reprendre\u{a0}: il n’est plus en vigueur"), "{html}");
    }

    async fn the_clock_of_the_strip_is_announced_to_nobody(bench) {
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        incident(&bench).await;
        let html = read(&caller, &cookie, "/console/strip").await;
        let said = html.split("role=\"status\"").nth(1).unwrap().split("</div>").next().unwrap();
        assert!(said.contains("Incident") && !said.contains("class=\"since\""), "{said}");
        assert!(html.contains("class=\"since\"") && html.contains("class=\"ago\""), "{html}");
    }

    async fn buttons_of_two_sessions_and_two_doubts_are_told_apart(bench) {
        let caller = Caller::new(&bench).await;
        let signed = sign_in(&bench, &bench.operator).await;
        let cookie = sign_in_again(&bench, "operator@example.org", &signed).await;
        let html = read(&caller, &cookie, "/console/me").await;
        let described = |html: &str, id: &str| {
            let ids: Vec<_> = html.split(&format!("aria-describedby=\"{id}")).skip(1).collect();
            ids.iter().map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let sessions = described(&html, "session-");
        assert!(sessions.len() == 2 && sessions[0] != sessions[1], "{sessions:?}");
        assert!(html.contains(&format!("id=\"session-{}\"", sessions[0])), "{html}");
        for _ in 0..2 {
            bench.approved(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "The same"}})).await;
        }
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 2);
        assert_eq!(permits::claim(&bench.app, 10, 10, &mut rooms).await.unwrap().permits.len(), 2);
        nodes::recover(&bench.app, None).await.unwrap();
        let html = read(&caller, &cookie, "/console/doubts").await;
        let doubts = described(&html, "doubt-");
        assert!(doubts.len() >= 2 && doubts[0] != doubts[doubts.len() - 1], "{doubts:?}");
        let first = doubts[0].split(' ').next().unwrap();
        assert!(html.contains(&format!("<h2 id=\"doubt-{first}\">")), "{html}");
    }

    async fn the_matrix_shows_each_copy_with_words_and_where_it_leads(bench) {
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let id = incident(&bench).await.id;
        let post = json!({"kind": "update", "incident": id, "channels": ["alpha", "site"],
            "source": {"title": "Cards <b>\"fail\"</b> & more", "text": "Words"}});
        let out = bench.approved(post).await;
        bench.until(&out.id, &["accepted"]).await;
        let mine = json!({"kind": "tip", "incident": id, "channels": ["beta"], "source": {"text": "Pay in cash"}});
        let waits = bench.submit(mine).await;
        let html = read(&caller, &cookie, &format!("/console/incidents/{id}")).await;
        let begin = html.find("<svg class=\"matrix").unwrap();
        let svg = &html[begin..html.find("<ul class=\"legend\">").unwrap()];
        assert!(svg.contains("2 texts on 3 channels: accepted 2, draft 1</desc>"), "{svg}");
        assert!(svg.contains("Cards &lt;b&gt;&quot;fail&quot;&lt;/b&gt; &amp; more, alpha: accepted ") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains(&format!("href=\"/console/posts/{}\" aria-label=\"Pay in cash, beta: draft\"", waits.id)), "{svg}");
        assert!(svg.contains(&format!("href=\"/console/approvals/{}\"", waits.id)), "{svg}");
        assert_eq!((svg.matches("<a class=\"good\"").count(), svg.matches("never").count()), (2, 3), "{svg}");
        // What went out everywhere in one minute is one line, unless the minute ended in between.
        assert!(html.contains("alpha, site: Cards ") || html.matches(": Cards ").count() == 2, "{html}");
        worker.stop().await.unwrap();
    }

    async fn a_text_for_one_channel_stays_in_its_open_tab(bench) {
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let (page, beta) = ("/console/compose", &bench.channels[1]);
        let empty = read(&caller, &cookie, page).await;
        assert!(empty.matches("<details name=\"own\">").count() >= 3, "a tab for each channel: {empty}");
        let form = format!("kind=routine&language=en&text-en=All&own-en-{beta}=Only+here&brand=main&do=preview");
        let html = text(&send(&caller, &cookie, page, page, &form).await);
        let open: Vec<_> = html.split("<details name=\"own\" open>").collect();
        assert_eq!(open.len(), 2, "{html}");
        let tab = open[1].split("</details>").next().unwrap();
        assert!(tab.contains("<summary>beta") && tab.contains(">Only here</textarea>"), "{tab}");
    }

    async fn why_a_freeze_may_be_lifted_is_not_lost(bench) {
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let freeze = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap().id;
        let page = format!("/console/freezes/{freeze}");
        freezes::thaw(&bench.app, &bench.operator, &freeze, "first").await.unwrap();
        let late = send(&caller, &cookie, &page, &format!("{page}/thaw"), "note=The+cause+is+mended").await;
        assert_eq!(late.status, 422);
        assert!(text(&late).contains("The cause is mended"), "{}", text(&late));
    }

    async fn the_room_says_whether_approvers_get_a_mail(bench) {
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let id = incident(&bench).await.id;
        let post = bench.submit(json!({"kind": "update", "incident": id,
            "source": {"title": "Cards fail", "text": "Cards fail at the moment."}})).await;
        let page = format!("/console/incidents/{id}?sent={}", post.id);
        let html = read(&caller, &cookie, &page).await;
        assert!(html.contains("Give this link") && !html.contains("told by mail"), "{html}");
        // What counts is what was written down, on whichever node; not whether this one has a mail server.
        bench.app.set_mails();
        assert!(read(&caller, &cookie, &page).await.contains("Give this link"));
        let told = bench.submit(json!({"kind": "update", "incident": id,
            "source": {"title": "Cards fail", "text": "We look into it."}})).await;
        let page = format!("/console/incidents/{id}?sent={}", told.id);
        let html = read(&caller, &cookie, &page).await;
        assert!(html.contains("told by mail") && !html.contains("Give this link"), "{html}");
        bench.approve(&told.id).await;
        let html = read(&caller, &cookie, &page).await;
        assert!(!html.contains("told by mail") && !html.contains("Give this link"), "it waits no more: {html}");
    }

    async fn the_room_says_which_day_it_was(bench) {
        let caller = Caller::new(&bench).await;
        let room = format!("/console/incidents/{}", incident(&bench).await.id);
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let day = |html: &str| html.matches("class=\"far\"").count();
        let today = read(&caller, &cookie, &room).await;
        bench.app.clock().advance(25 * 3_600_000);
        let cookie = sign_in(&bench, &bench.approver).await.cookie;
        let later = read(&caller, &cookie, &room).await;
        assert!(day(&later) > day(&today), "{later}");
        assert!(later.contains(" UTC</time>"), "{later}");
    }

    async fn an_approver_sees_both_differences_and_the_titles(bench) {
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.approver).await.cookie;
        let id = incident(&bench).await.id;
        let update = |title: &str, text: &str| json!({"kind": "update", "incident": id, "channels": ["alpha"],
            "source": {"title": title, "text": text}});
        let first = bench.submit(update("Cards fail", "Cards fail at the moment.")).await;
        let sheet = |post: &str| format!("/console/approvals/{post}");
        let html = read(&caller, &cookie, &sheet(&first.id)).await;
        assert_eq!(html.matches("class=\"diff\"").count(), 1, "{html}");
        assert!(html.contains("from the plan’s first words"), "{html}");
        bench.approve(&first.id).await;
        let second = bench.submit(update("Cards work", "Cards work again.")).await;
        let html = read(&caller, &cookie, &sheet(&second.id)).await;
        assert_eq!(html.matches("class=\"diff\"").count(), 2, "{html}");
        assert!(html.contains("from the last approved text") && html.contains("from the plan’s first words"));
        assert!(html.contains("<b>Cards <del>fail</del><ins>work</ins></b>"), "{html}");
    }
}
