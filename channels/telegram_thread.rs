//! A post in parts: each is a reply to the one before, and the numbers of those that are out are written down. A bot cannot read
//! a chat, so a part whose answer was lost is for a person: another try goes on after what is written down.
//!
//! Source: <https://core.telegram.org/bots/api#replyparameters>. A reply to a message that is gone is refused.

use super::{Chat, Telegram, parts, plain};
use crate::keeper::{ELSEWHERE, TakenDown, are_all, kept, rest};
use crate::{Failure, Job, Pass, Receipt, Retraction};

fn is_of_a_message(id: &str) -> bool {
    parts(id).is_some()
}

/// The number of the message that has the words: of several pictures it is the first.
fn number(id: &str) -> Option<i64> {
    parts(id)?.2.first().copied()
}

impl Telegram {
    /// Publishes what is not out yet.
    pub(super) async fn publish_parts(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let (mut ids, of) = kept(job, is_of_a_message);
        let (mut first, out) = (None, ids.len());
        if let Some(last) = ids.last().filter(|_| out < of) {
            self.goes_on(last).await.map_err(|reason| Failure::InDoubt { reason }.partly(out, of))?;
        }
        while ids.len() < of {
            let n = ids.len();
            if n > out {
                rest().await;
            }
            let after = ids.last().and_then(|id| number(id));
            let receipt = self.say(job, (n, after), pass).await.map_err(|failure| failure.partly(n, of))?;
            ids.push(receipt.remote_id.clone());
            pass.keep_parts(ids.iter().map(String::as_str), of).await?;
            first.get_or_insert(receipt);
        }
        // What an earlier attempt sent has its number, and the link that went with it is not written down.
        let whole = || Receipt { remote_id: ids[0].clone(), url: None, note: None };
        Ok(first.filter(|receipt| receipt.remote_id == ids[0]).unwrap_or_else(whole))
    }

    /// Whether a thread with that part goes on in the chat of the settings: elsewhere its number is a stranger's message.
    async fn goes_on(&self, part: &str) -> Result<(), String> {
        let (bot, chat, _) = parts(part).ok_or(ELSEWHERE)?;
        let named = plain(&self.chat);
        let here = match named.parse() {
            Ok(number) => number,
            Err(_) => self.ask::<Chat>("getChat", &[("chat_id", named)]).await?.id,
        };
        if bot == self.bot() && chat == here { Ok(()) } else { Err(ELSEWHERE.to_owned()) }
    }

    /// Takes down the parts, the last one first.
    pub(super) async fn take_down_parts(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        let (ids, of) = kept(job, is_of_a_message);
        if ids.is_empty() {
            let done = self.take_down(remote_id).await;
            if of == 1 || remote_id.is_none() {
                return done;
            }
            let mut down = TakenDown::of(of);
            down.part(0, Ok(done));
            return down.told(are_all(1, of));
        }
        let mut down = TakenDown::of(of);
        for (n, id) in ids.iter().enumerate().rev() {
            down.part(n, Ok(self.take_down(Some(id)).await));
        }
        down.told(are_all(ids.len(), of))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ADAPTER;
    use super::super::server::Api;
    use super::super::tests::to;
    use crate::strict::{Threads, threads};
    use crate::{MediaRef, Rendition, fit, suite};

    #[test]
    fn pictures_make_a_caption_of_the_first_part_alone() {
        let problems = |post: &Rendition| fit::check(post, &ADAPTER.limits).len();
        let picture = MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt: "A map".into() };
        let mut post = Rendition { media: vec![picture], ..suite::job().rendition };
        post.more = vec!["a".repeat(4_096)];
        assert_eq!(problems(&post), 0);
        post.text = "a".repeat(1_025);
        assert_eq!(problems(&post), 1);
    }

    #[tokio::test]
    async fn wherever_a_thread_breaks_each_part_is_there_once_at_most() {
        let shows = |api: &Api| {
            let numbers: Vec<i64> = api.posts.iter().map(|(number, _)| *number).collect();
            let answers: Vec<_> = numbers.iter().map(|number| api.answers.get(number).copied()).collect();
            let expected = std::iter::once(None).chain(numbers.iter().map(|number| Some(*number)));
            assert_eq!(answers, expected.take(numbers.len()).collect::<Vec<_>>());
            api.posts.iter().map(|(_, words)| words.clone()).collect()
        };
        threads(Threads { network: Api::new(), connect: to, shows, readable: false }).await;
    }
}
