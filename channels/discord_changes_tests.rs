//! New words for posts of a webhook, against the strict server.

use super::*;
use crate::strict::{Changes, changes};

impl Api {
    /// The webhook's own post where it is now, and in no other channel.
    fn own(&mut self, id: &str) -> Option<&mut (String, Value, &'static str)> {
        let place = self.place();
        self.posts.iter_mut().find(|(kept, _, of)| kept == id && *of == place)
    }

    fn told(post: Option<&mut (String, Value, &'static str)>) -> Said {
        let Some((id, sent, place)) = post else { return wrong(404, 10_008, "Unknown Message") };
        let content = sent["content"].as_str().unwrap().trim();
        good(json!({ "id": id, "channel_id": place, "webhook_id": "77", "type": 0, "content": content }))
    }

    pub(super) fn show(&mut self, id: &str) -> Said {
        Self::told(self.own(id))
    }

    pub(super) fn change(&mut self, id: &str, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let (new, _) = match posted(asked, &["allowed_mentions", "content", "flags"], faults) {
            Ok(posted) => posted,
            Err(refusal) => return refusal,
        };
        if new.get("attachments").is_some() {
            faults.push("what a change names takes the place of the pictures".to_owned());
        }
        if asked.query.contains_key("wait") {
            faults.push("a change is always waited for".to_owned());
        }
        if let Some((_, sent, _)) = self.own(id) {
            sent["content"] = new["content"].clone();
        }
        Self::told(self.own(id))
    }
}

fn posts() -> Changes<Api> {
    let says = |api: &Api| api.posts.iter().map(|p| p.1["content"].as_str().unwrap().to_owned()).collect();
    Changes { network: Api::default(), connect: to, says, before: 0, readable: true, pictures: None }
}

#[tokio::test]
async fn however_a_change_breaks_what_is_known_of_it_is_true() {
    changes(posts()).await;
}

#[tokio::test]
async fn new_words_leave_pictures_where_they_are() {
    changes(Changes {
        pictures: Some(|api: &Api| {
            api.posts.iter().map(|p| p.1["attachments"].as_array().map_or(0, Vec::len)).sum()
        }),
        ..posts()
    })
    .await;
}

#[tokio::test]
async fn a_post_before_a_move_keeps_its_words_and_is_not_said_to_be_gone() {
    let (server, channel) = open(&[]).await;
    let (old, new) = (suite::revised("").before, suite::job().rendition);
    let job = Job { rendition: old.clone(), ..suite::job() };
    let id = channel.publish(&job, &Pass::open_for_tests()).await.unwrap().remote_id;
    server.state().network.moved = Some("8");
    let said = strict::change(&*channel, &id).await;
    assert!(
        matches!(&said, Err(Failure::Rejected { reason, retry: Retry::Never }) if reason.contains("was moved")),
        "{said:?}"
    );
    assert!(matches!(
        channel.read_revised(&suite::changed(&id), &suite::revised(&id)).await,
        Sighting::Unknown(_)
    ));
    assert_eq!((posts().says)(&server.state().network), [old.text]);
    server.state().network.moved = None;
    strict::change(&*channel, &id).await.unwrap();
    assert_eq!((posts().says)(&server.state().network), [new.text]);
}
