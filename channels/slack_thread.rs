//! A post in parts: the first is a message of the channel, and the others stand in its thread, in the order of their times.
//! Each carries the delivery's key, and those in the thread their number besides, so that another try goes on where one
//! stopped.
//!
//! Sources: <https://docs.slack.dev/reference/methods/chat.postMessage> (`thread_ts` is that of the first message and never of
//! another one in the thread) and `conversations.replies` there.

use super::kept::Kept;
use super::{EVENT, MOST_PAGES, Message, NOT_OURS, PAGE, Slack, Who, is_ts, parts, post};
use crate::http::Request;
use crate::keeper::{ELSEWHERE, TakenDown, kept, next_part, rest, rest_of};
use crate::message::Doing;
use crate::{Failure, Job, Pass, Receipt, Retraction, Sighting};

fn is_of_a_message(id: &str) -> bool {
    parts(id).is_some()
}

impl Message {
    /// Whether it is the bot's, and that part of the delivery: 0 is the first.
    pub(super) fn is_part(&self, job: &Job, n: usize, bot: &str) -> bool {
        let Some(key) = self.metadata.as_ref().filter(|m| m["event_type"] == EVENT) else { return false };
        let payload = &key["event_payload"];
        // Another bot could have copied it.
        self.bot_id.as_deref() == Some(bot)
            && payload["delivery"] == job.delivery.to_string()
            && payload["part"].as_u64().unwrap_or_default() == n as u64
    }
}

impl Message {
    /// Whether it does not say which delivery it is of.
    fn is_nameless(&self) -> bool {
        self.metadata.as_ref().is_none_or(|m| m["event_type"] != EVENT)
    }
}

impl Slack {
    /// Publishes what is not out yet.
    pub(super) async fn publish_parts(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let (mut ids, of) = kept(job, is_of_a_message);
        let out = ids.len();
        // The first part has the pictures.
        let (files, pictures) = match out {
            0 => self.upload(job, pass).await?,
            _ => (Vec::new(), Kept::of(job).map(|kept| kept.written()).unwrap_or_default()),
        };
        let followed = self.follow(job, &mut ids, of).await;
        followed.map_err(|reason| Failure::InDoubt { reason }.partly(out, of))?;
        let out = ids.len();
        while ids.len() < of {
            let n = ids.len();
            if n > out {
                rest().await;
            }
            let sent = self.send_part(job, n, ids.first(), &files, pass).await;
            ids.push(sent.map_err(|failure| failure.partly(n, of))?);
            let parts = ids.iter().map(String::as_str);
            let before = [pictures.as_str()].into_iter().filter(|p| !p.is_empty());
            pass.keep_parts(before.chain(parts), of).await?;
        }
        // Only its link needs to know more.
        let who = self.known.learn(async { self.ask().await.ok().map(|(who, _)| who) }).await;
        Ok(self.receipt_of(&ids[0], who.as_ref()))
    }

    /// The id of a part that was sent.
    async fn send_part(
        &self,
        job: &Job,
        n: usize,
        first: Option<&String>,
        files: &[String],
        pass: &Pass,
    ) -> Result<String, Failure> {
        let (channel, thread) = match first.and_then(|id| parts(id)) {
            Some((channel, ts)) => (channel, Some(ts)),
            None => (self.channel.as_str(), None),
        };
        let content = post::content(job, n, (channel, thread), if n == 0 { files } else { &[] });
        let answer = self.say(&content, pass).await?;
        let told = self.accepted(&answer, Doing::Post)?;
        match told["ts"].as_str().filter(|ts| is_ts(ts)) {
            Some(ts) => Ok(self.receipt(told["channel"].as_str(), ts, None).remote_id),
            None => Err(Failure::InDoubt { reason: "the answer names no post".to_owned() }),
        }
    }

    fn receipt_of(&self, id: &str, who: Option<&Who>) -> Receipt {
        parts(id).map_or_else(
            || Receipt { remote_id: id.to_owned(), url: None, note: None },
            |(channel, ts)| self.receipt(Some(channel), ts, who),
        )
    }

    /// Adds the parts that are out after those of `ids`, as far as Slack shows them.
    async fn follow(&self, job: &Job, ids: &mut Vec<String>, of: usize) -> Result<(), String> {
        let Some((channel, first)) = ids.first().filter(|_| ids.len() < of).and_then(|id| parts(id)) else {
            return Ok(());
        };
        if channel != self.channel {
            return Err(ELSEWHERE.to_owned());
        }
        let (channel, first) = (channel.to_owned(), first.to_owned());
        let bot = self.who().await?.bot_id;
        let replies = self.answers_to(&channel, &first).await?;
        while ids.len() < of {
            let same = replies.iter().filter(|m| m.is_part(job, ids.len(), &bot) && is_ts(&m.ts));
            let same = same.map(|m| format!("{channel}:{}", m.ts)).collect();
            // Without the permission for it, Slack leaves the key out and says nothing.
            let is_known = |m: &&Message| m.ts == first || ids.iter().any(|id| id.ends_with(&m.ts));
            let nameless = replies.iter().filter(|m| m.bot_id.as_ref() == Some(&bot) && m.is_nameless());
            let others = nameless.filter(|m| !is_known(m)).count();
            let Some(id) = next_part(same, others)? else { return Ok(()) };
            ids.push(id);
        }
        Ok(())
    }

    /// What was said in the thread of that message.
    async fn answers_to(&self, channel: &str, first: &str) -> Result<Vec<Message>, String> {
        let (mut all, mut cursor) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let mut url = self.method("conversations.replies");
            url.query_pairs_mut()
                .append_pair("channel", channel)
                .append_pair("ts", first)
                .append_pair("oldest", first)
                .append_pair("include_all_metadata", "true")
                .append_pair("limit", &PAGE.to_string())
                .extend_pairs(cursor.iter().map(|cursor: &String| ("cursor", cursor)));
            let (told, _) = self.call(Request::get(url.as_str()).bearer(&self.token)).await?;
            let page: Vec<Message> = serde_json::from_value(told["messages"].clone())
                .map_err(|_| "the answer holds no messages".to_owned())?;
            all.extend(page);
            let next = told["response_metadata"]["next_cursor"].as_str().filter(|c| !c.is_empty());
            if next.is_none() {
                return Ok(all);
            }
            cursor = next.map(str::to_owned);
        }
        Err("the thread has had too many messages since to look through; see there yourself what is out, and settle it by that".to_owned())
    }

    /// Looks for the post, whole or in parts.
    pub(super) async fn look(&self, job: &Job) -> Sighting {
        let (mut ids, of) = kept(job, is_of_a_message);
        if ids.is_empty() {
            return match self.find(job).await {
                // Its id is not written down, so another try would not go on after it.
                Ok(Some(_)) if of > 1 => Sighting::unnamed(of),
                Ok(Some(receipt)) => Sighting::Found(receipt),
                Ok(None) => Sighting::Absent,
                Err(why) => Sighting::Unknown(why),
            };
        }
        match self.follow(job, &mut ids, of).await {
            Err(why) => Sighting::Unknown(why),
            Ok(()) if ids.len() == of => Sighting::Found(self.receipt_of(&ids[0], self.known.get().as_ref())),
            Ok(()) => Sighting::stopped(ids.len(), of),
        }
    }

    /// Deletes the parts, the last one first, so that no part stands in the thread of a message that is gone; and then the
    /// pictures, which Slack keeps otherwise.
    pub(super) async fn delete_parts(
        &self,
        job: &Job,
        remote_id: Option<&str>,
    ) -> Result<Retraction, String> {
        let (mut ids, of) = kept(job, is_of_a_message);
        if ids.is_empty() {
            ids.extend(match remote_id {
                Some(id) => Some(id.to_owned()),
                None => self.find(job).await?.map(|found| found.remote_id),
            });
        }
        let first = ids.first().map(|id| parts(id).ok_or(NOT_OURS)).transpose()?;
        // Of older posts the message alone names them.
        let files = self.files_of(job, first).await;
        if first.is_none() {
            // No message was found; what a person saw may be one.
            self.delete_files(job, files).await;
            return Err(NOT_OURS.to_owned());
        }
        let followed = self.follow(job, &mut ids, of).await;
        let mut down = TakenDown::of(of);
        for (n, id) in ids.iter().enumerate().skip(1).rev() {
            down.part(n, self.delete(id).await);
        }
        let first = self.delete(&ids[0]).await;
        let is_gone = first == Ok(Retraction::Gone);
        down.part(0, first);
        if is_gone {
            down.besides(self.delete_files(job, files).await);
        }
        Ok(down.told(rest_of(followed, ids.len(), of)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::server::Api;
    use super::super::tests::to;
    use crate::strict::{Threads, threads};

    #[tokio::test]
    async fn wherever_a_thread_breaks_each_part_is_there_once_at_most() {
        let shows = |api: &Api| {
            let first = api.messages.first().map(|m| m["ts"].clone());
            let below = |m: &&Value| Some(&m["thread_ts"]) == first.as_ref();
            assert!(api.messages.len() <= 1 && api.replies.iter().all(|m| below(&m)));
            let all = api.messages.iter().chain(&api.replies);
            all.map(|m| m["text"].as_str().unwrap().to_owned()).collect()
        };
        threads(Threads { network: Api::new(), connect: to, shows, readable: true }).await;
    }
}
