//! Whether the account could post in the room now, and how large its pictures may be.

use serde_json::Value;

use super::Matrix;
use super::answers::{self, power};
use crate::http::Request;
use crate::{Health, text};

impl Matrix {
    /// How many bytes an upload may have, if the server can be asked: at its address of today, or the older one.
    async fn most_upload(&self) -> Option<u64> {
        for address in [["client", "v1", "media", "config"].as_slice(), &["media", "v3", "config"]] {
            let request = Request::get(self.api(address).as_str()).bearer(&self.token);
            let answer = self.http.call(request).await.ok()?;
            if answer.status == 200 {
                return answer.json::<Value>().ok()?["m.upload.size"].as_u64().or(Some(u64::MAX));
            }
        }
        None
    }

    /// What is connected, or what is wrong.
    pub(super) async fn inspect(&self) -> Result<Health, String> {
        let account = self.whoami().await.map_err(|failure| failure.to_string())?;
        Ok(Health::seen_on(&text::shown(&account), None, self.inspect_room(&account)).await)
    }

    /// What the account may do in the room.
    async fn inspect_room(&self, account: &str) -> Result<Health, String> {
        let member = self.state("m.room.member", account).await?.unwrap_or_default();
        if member["membership"] != "join" {
            return Err(answers::NOT_IN.to_owned());
        }
        if self.state("m.room.tombstone", "").await?.is_some() {
            return Err("the room was replaced by another one; connect that one".to_owned());
        }
        if self.state("m.room.encryption", "").await?.is_some() {
            return Err(
                "the room is encrypted, which cannot be undone; connect one without encryption".to_owned()
            );
        }
        let levels = self.state("m.room.power_levels", "").await?.unwrap_or_default();
        let create = self.state("m.room.create", "").await?.unwrap_or_default();
        let power = power(&levels, &create, account);
        if !power.post {
            let why = "the account may not post in the room; give it the power to send messages";
            return Ok(Health::without("send", why));
        }
        self.most.keep(self.most_upload().await);
        let (account, room) = (text::shown(account), &self.room);
        let detail = if power.take_down {
            format!("posts as {account} in the room {room}")
        } else {
            format!("posts as {account} in the room {room}, and may take nothing down there")
        };
        Ok(Health::ready(detail).lacks(&[]))
    }
}
