//! What a bot may do in a channel of Discord. Pure.
//!
//! Facts: <https://docs.discord.com/developers/topics/permissions>: those of the roles of a member together,
//! then what the channel takes and gives, to everybody, to roles and to the member, in this order.

use serde::Deserialize;

/// Everything, whatever the channel says.
const ADMINISTRATOR: u128 = 1 << 3;
pub(crate) const VIEW_CHANNEL: u128 = 1 << 10;
pub(crate) const SEND_MESSAGES: u128 = 1 << 11;
pub(crate) const ATTACH_FILES: u128 = 1 << 15;
pub(crate) const READ_MESSAGE_HISTORY: u128 = 1 << 16;
pub(crate) const SEND_MESSAGES_IN_THREADS: u128 = 1 << 38;

/// A role of the server.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Role {
    id: String,
    /// A number as text.
    permissions: String,
}

/// What a channel gives and takes.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Overwrite {
    /// Of a role or a member.
    id: String,
    allow: String,
    deny: String,
}

/// Whose permissions are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    pub id: &'a str,
    pub roles: &'a [String],
    /// The server, whose id is that of the role that everybody has.
    pub guild: &'a str,
}

impl Member<'_> {
    /// What the member may do in a channel with these overwrites. What cannot be read gives nothing.
    pub(crate) fn rights(&self, roles: &[Role], overwrites: &[Overwrite]) -> u128 {
        let has = |id: &str| id == self.guild || self.roles.iter().any(|role| role == id);
        let base = roles.iter().filter(|role| has(&role.id)).fold(0, |all, r| all | bits(&r.permissions));
        if base & ADMINISTRATOR != 0 {
            return u128::MAX;
        }
        let steps: [&dyn Fn(&str) -> bool; 3] = [
            &|id| id == self.guild,
            &|id| id != self.guild && self.roles.iter().any(|role| role == id),
            &|id| id == self.id,
        ];
        steps.iter().fold(base, |rights, concerns| {
            let of_step = overwrites.iter().filter(|o| concerns(&o.id));
            let (deny, allow) =
                of_step.fold((0, 0), |(deny, allow), o| (deny | bits(&o.deny), allow | bits(&o.allow)));
            rights & !deny | allow
        })
    }
}

fn bits(text: &str) -> u128 {
    text.parse().unwrap_or_default()
}

/// The first permission that is missing, as Discord's settings name it.
pub(crate) fn lacks(rights: u128, is_thread: bool) -> Option<&'static str> {
    let send = match is_thread {
        true => (SEND_MESSAGES_IN_THREADS, "Send Messages in Threads"),
        false => (SEND_MESSAGES, "Send Messages"),
    };
    let needed = [(VIEW_CHANNEL, "View Channel"), send, (READ_MESSAGE_HISTORY, "Read Message History")];
    needed.into_iter().find(|(bit, _)| rights & bit == 0).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rights(own: &[&str], overwrites: serde_json::Value) -> u128 {
        let role = |id: &str, bits: u128| Role { id: id.to_owned(), permissions: bits.to_string() };
        let all = [
            role("5", VIEW_CHANNEL | READ_MESSAGE_HISTORY),
            role("7", SEND_MESSAGES),
            role("8", ADMINISTRATOR),
        ];
        let own: Vec<String> = own.iter().map(|id| (*id).to_owned()).collect();
        let member = Member { id: "2", roles: &own, guild: "5" };
        member.rights(&all, &serde_json::from_value::<Vec<Overwrite>>(overwrites).unwrap())
    }

    #[test]
    fn what_a_channel_says_counts_in_its_order() {
        let deny =
            |id: &str, bits: u128| json!({ "id": id, "type": 0, "allow": "0", "deny": bits.to_string() });
        let allow =
            |id: &str, bits: u128| json!({ "id": id, "type": 0, "allow": bits.to_string(), "deny": "0" });
        let lacks = |own: &[&str], all: serde_json::Value| lacks(rights(own, all), false);
        assert_eq!(lacks(&["7"], json!([])), None);
        assert_eq!(lacks(&[], json!([])), Some("Send Messages"));
        assert_eq!(lacks(&["7"], json!([deny("5", VIEW_CHANNEL)])), Some("View Channel"));
        // A role takes nothing from another role, and what a member is given counts last.
        assert_eq!(lacks(&["7"], json!([allow("7", VIEW_CHANNEL), deny("5", VIEW_CHANNEL)])), None);
        let two = json!([deny("7", SEND_MESSAGES), allow("9", SEND_MESSAGES)]);
        assert_eq!(lacks(&["7"], two.clone()), Some("Send Messages"));
        assert_eq!(lacks(&["7", "9"], two), None);
        let own = json!([allow("2", SEND_MESSAGES), deny("7", SEND_MESSAGES)]);
        assert_eq!(lacks(&["7"], own), None);
        let own = json!([deny("2", READ_MESSAGE_HISTORY)]);
        assert_eq!(lacks(&["7"], own), Some("Read Message History"));
        assert_eq!(lacks(&["8"], json!([deny("2", SEND_MESSAGES)])), None, "an administrator");
        assert_eq!(super::lacks(rights(&["7"], json!([])), true), Some("Send Messages in Threads"));
    }
}
