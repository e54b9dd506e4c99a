//! A post among the pins of the room.

use serde_json::{Value, json};

use super::{Matrix, is_event, is_room};
use crate::NOT_OURS;
use crate::http::Request;
use crate::message::Doing;

/// The state that lists them, the last one on top.
const PINNED: &str = "m.room.pinned_events";

impl Matrix {
    /// The whole list is written anew; what others have pinned stays in it.
    ///
    /// Source: <https://spec.matrix.org/latest/client-server-api/#mroompinned_events>.
    pub(super) async fn keep_on_top(&self, remote_id: &str, up: bool) -> Result<(), String> {
        let parts = remote_id.split_once(' ').filter(|(room, event)| is_room(room) && is_event(event));
        let (room, event) = parts.filter(|(room, _)| *room == self.room).ok_or(NOT_OURS)?;
        let state = self.state(PINNED, "").await?.unwrap_or_default();
        let mut pinned = state["pinned"].as_array().cloned().unwrap_or_default();
        if pinned.iter().any(|p| p == event) == up {
            return Ok(());
        }
        pinned.retain(|p| p != event);
        if up {
            pinned.push(Value::from(event));
        }
        let url = self.in_room(room, &["state", PINNED, ""]);
        let request = Request::put(url.as_str()).bearer(&self.token).json(&json!({ "pinned": pinned }));
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        if answer.status != 200 {
            return Err(self.failure(&answer, Doing::Pin).to_string());
        }
        // Who wrote the list at the same time has the last word.
        let state = self.state(PINNED, "").await?.unwrap_or_default();
        match state["pinned"].as_array().is_some_and(|all| all.iter().any(|p| p == event)) == up {
            true => Ok(()),
            false => Err("somebody changed the pins at the same time; try again".to_owned()),
        }
    }
}
