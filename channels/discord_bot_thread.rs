//! A post in parts: each is a reply to the one before, and the ids of those that are out are written down. A reply to a known
//! message is found among the bot's own, so that another try goes on where one stopped.
//!
//! Source: <https://docs.discord.com/developers/resources/message> (`message_reference`; a reply needs the permission to
//! read the history, which the check asks for). A reply to a message that is gone is refused.

use serde_json::json;

use super::{Bot, nonce};
use crate::discord_answers::is_id;
use crate::discord_post::{Message, content, filled};
use crate::http::Request;
use crate::keeper::{ELSEWHERE, TakenDown, kept, next_part, rest, rest_of};
use crate::message::Doing;
use crate::{Failure, Job, NOT_OURS, Pass, Receipt, Retraction, Sighting};

/// Channel and id of a message that a receipt names.
pub(super) fn parts(remote_id: &str) -> Option<(&str, &str)> {
    remote_id.split_once(':').filter(|(channel, id)| is_id(channel) && is_id(id))
}

fn is_of_a_message(id: &str) -> bool {
    parts(id).is_some()
}

impl Bot {
    /// Publishes what is not out yet.
    pub(super) async fn publish_parts(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let (mut ids, of) = kept(job, is_of_a_message);
        let out = ids.len();
        let followed = self.follow(job, &mut ids, of).await;
        followed.map_err(|reason| Failure::InDoubt { reason }.partly(out, of))?;
        let out = ids.len();
        while ids.len() < of {
            let n = ids.len();
            if n > out {
                rest().await;
            }
            let sent = self.send_part(job, n, ids.last(), pass).await;
            let message = sent.map_err(|failure| failure.partly(n, of))?;
            ids.push(Self::receipt(&message, None).remote_id);
            pass.keep_parts(ids.iter().map(String::as_str), of).await?;
        }
        self.receipt_of(&ids[0]).await.map_err(|reason| Failure::InDoubt { reason })
    }

    async fn send_part(
        &self,
        job: &Job,
        n: usize,
        after: Option<&String>,
        pass: &Pass,
    ) -> Result<Message, Failure> {
        let part = job.rendition.part(n);
        let mut content = content(&part);
        content["nonce"] = nonce(job, n).into();
        content["enforce_nonce"] = true.into();
        if let Some((_, id)) = after.and_then(|id| parts(id)) {
            content["message_reference"] = json!({ "message_id": id, "fail_if_not_exists": true });
        }
        let request = self.signed(Request::post(self.url(&["channels", &self.channel, "messages"]).as_str()));
        let media = if n == 0 { &job.media[..] } else { &[] };
        let request = filled(request, &content, &part, media);
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Post));
        }
        match answer.json::<Message>() {
            Ok(message) if message.is_named() => Ok(message),
            Ok(_) => Err(Failure::InDoubt { reason: "the answer names no post".to_owned() }),
            Err(reason) => Err(Failure::InDoubt { reason }),
        }
    }

    /// The receipt of a message that is out.
    async fn receipt_of(&self, id: &str) -> Result<Receipt, String> {
        let (channel, id) = parts(id).ok_or(NOT_OURS)?;
        let message = Message { id: id.to_owned(), channel_id: channel.to_owned() };
        Ok(Self::receipt(&message, self.server_of_channel().await))
    }

    /// Adds the parts that are out after those of `ids`, as far as Discord shows them.
    async fn follow(&self, job: &Job, ids: &mut Vec<String>, of: usize) -> Result<(), String> {
        let Some((channel, known)) = ids.last().filter(|_| ids.len() < of).and_then(|id| parts(id)) else {
            return Ok(());
        };
        if channel != self.channel {
            return Err(ELSEWHERE.to_owned());
        }
        // Not by time: an attempt can begin long after the one whose answer was lost.
        let own = self.own_since(known.parse().map_err(|_| NOT_OURS)?).await?;
        while let Some((_, last)) = ids.last().filter(|_| ids.len() < of).and_then(|id| parts(id)) {
            let wanted = job.rendition.part(ids.len());
            let (same, others): (Vec<_>, Vec<_>) =
                own.iter().filter(|seen| seen.answers(last)).partition(|seen| seen.says(&wanted));
            let same = same.into_iter().map(|seen| Self::receipt(&seen.named, None).remote_id).collect();
            let Some(id) = next_part(same, others.len())? else { return Ok(()) };
            ids.push(id);
        }
        Ok(())
    }

    /// Looks for the post, whole or in parts.
    pub(super) async fn look(&self, job: &Job) -> Result<Sighting, String> {
        let (mut ids, of) = kept(job, is_of_a_message);
        if ids.is_empty() {
            return Ok(match self.find(job).await? {
                // Its id is not written down, so another try would not go on after it.
                Sighting::Found(_) if of > 1 => Sighting::unnamed(of),
                seen => seen,
            });
        }
        self.follow(job, &mut ids, of).await?;
        if ids.len() < of {
            return Ok(Sighting::stopped(ids.len(), of));
        }
        self.receipt_of(&ids[0]).await.map(Sighting::Found)
    }

    /// Deletes the parts, the last one first, so that no reply stands without what it answers.
    pub(super) async fn delete_parts(
        &self,
        job: &Job,
        remote_id: Option<&str>,
    ) -> Result<Retraction, String> {
        let (mut ids, of) = kept(job, is_of_a_message);
        if ids.is_empty() {
            ids.push(remote_id.ok_or(NOT_OURS)?.to_owned());
        }
        let followed = self.follow(job, &mut ids, of).await;
        let mut down = TakenDown::of(of);
        for (n, id) in ids.iter().enumerate().rev() {
            down.part(n, self.delete(id).await);
        }
        Ok(down.told(rest_of(followed, ids.len(), of)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::server::{Api, BOT};
    use super::super::tests::to;
    use crate::strict::{Threads, threads};

    #[tokio::test]
    async fn wherever_a_thread_breaks_each_part_is_there_once_at_most() {
        let shows = |api: &Api| {
            let own: Vec<_> = api.messages.iter().filter(|m| m["author"]["id"] == BOT).collect();
            assert!(own.windows(2).all(|two| two[1]["message_reference"]["message_id"] == two[0]["id"]));
            own.iter().map(|m| m["content"].as_str().unwrap().to_owned()).collect()
        };
        // Also where the few minutes of a nonce are over.
        for remembers in [true, false] {
            let network = Api { remembers, ..Api::new() };
            threads(Threads { network, connect: to, shows, readable: true }).await;
        }
    }
}
