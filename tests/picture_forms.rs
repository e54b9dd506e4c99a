//! A picture in a form that a network does not take: it is said to whoever writes the post and to its approver, and not
//! only by the network when the post is due.

use holdline::app::posts::{self, NewPost};
use holdline::app::preview::preview;
use holdline::app::{AppError, approvals, media};
use holdline::domain::approval::Decision;
use serde_json::json;

use crate::approvals::{bundle, decide};
use crate::on_both;
use crate::support::drawn::gif_with;

on_both! {
    async fn a_picture_that_x_does_not_take_is_refused_before_anybody_approves(bench) {
        let kept = media::upload(&bench.app, &bench.operator, gif_with(&[])).await.unwrap();
        let picture = json!({ "sha256": kept.sha256, "mime": kept.mime, "alt": "A map of the branches" });
        let post = |channels: &[&str]| {
            let due = holdline::clock::rfc3339(bench.app.clock().now() + 3_600_000);
            let source = json!({ "text": "Cards work again.", "media": [picture] });
            json!({ "kind": "routine", "channels": channels, "source": source, "due": due })
        };
        let submitted = bench.submit(post(&["alpha"])).await.id;

        bench.sql("update channels set adapter = 'x' where name = 'alpha'").await;
        let words = "has another format than JPEG, PNG or WebP, which are all that goes to X from here";
        let message = format!("alpha: {words}");
        let sheet = approvals::sheet(&bench.app, &bench.approver, &submitted).await.unwrap();
        assert_eq!(sheet.misfits.iter().map(|p| p.message.as_str()).collect::<Vec<_>>(), [message.as_str()]);
        let read = bundle(&bench, &submitted).await;
        let refused = decide(&bench, &bench.approver, &submitted, Decision::Approve, &read).await;
        assert!(matches!(&refused, Err(AppError::Invalid(p)) if p[0].message == message), "{refused:?}");

        // A post for every channel does not leave out silently one that takes posts without pictures, too.
        for channels in [&["alpha"][..], &[]] {
            let new: NewPost = serde_json::from_value(post(channels)).unwrap();
            let shown = preview(&bench.app, &bench.operator, &new).await.unwrap();
            let alpha = shown.channels.iter().find(|c| c.name == "alpha").unwrap();
            assert_eq!(alpha.problems.iter().map(|p| p.message.as_str()).collect::<Vec<_>>(), [words]);
            let refused = posts::create(&bench.app, &bench.operator, &new).await;
            assert!(matches!(&refused, Err(AppError::Invalid(p)) if p[0].message == message), "{refused:?}");
        }
    }
}
