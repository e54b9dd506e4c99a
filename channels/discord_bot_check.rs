//! Whether the bot could post now: its token, its channel, its permissions.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::Bot;
use crate::discord_answers::is_id;
use crate::discord_rights::{ATTACH_FILES, Member, Overwrite, Role, lacks};
use crate::{Health, text};

/// Kinds of channels, by Discord's numbers: text, announcements; threads of announcements, public and private
/// ones.
const CHANNELS: [u64; 2] = [0, ANNOUNCEMENTS];
/// Servers that follow it get a message only once it is published there
/// (<https://docs.discord.com/developers/resources/message>, crosspost). Holdline does not do that: what was published
/// to others is not known to go with a take-down, and nobody tried it.
const ANNOUNCEMENTS: u64 = 5;
const THREADS: [u64; 3] = [10, 11, 12];

/// A channel or thread.
#[derive(Deserialize)]
struct Place {
    #[serde(rename = "type")]
    kind: u64,
    guild_id: Option<String>,
    name: Option<String>,
    /// The channel of a thread.
    parent_id: Option<String>,
    #[serde(default)]
    permission_overwrites: Vec<Overwrite>,
    thread_metadata: Option<Thread>,
}

#[derive(Deserialize)]
struct Thread {
    #[serde(default)]
    locked: bool,
}

/// The bot as a member of the server.
#[derive(Deserialize)]
struct Membership {
    roles: Vec<String>,
    communication_disabled_until: Option<DateTime<Utc>>,
}

impl Bot {
    /// What a check sees.
    pub(super) async fn inspect(&self) -> Result<Health, String> {
        let me = self.ask_me().await?;
        let place: Place = self.ask(&self.url(&["channels", &self.channel])).await?;
        let is_thread = THREADS.contains(&place.kind);
        let guild = place.guild_id.as_deref().filter(|id| is_id(id));
        let Some(guild) = guild.filter(|_| is_thread || CHANNELS.contains(&place.kind)) else {
            return Err(
                "the channel is no text or announcement channel of a server; give another one".to_owned()
            );
        };
        self.guild.keep(Some(guild.to_owned()));
        if place.thread_metadata.as_ref().is_some_and(|thread| thread.locked) {
            return Err("the thread is locked; unlock it, or give another channel".to_owned());
        }
        let rights = self.rights(&me.id, guild, &place).await?;
        if let Some(lacking) = lacks(rights, is_thread) {
            let why = format!("the bot lacks the permission {lacking} in the channel; give it");
            return Ok(Health::without(lacking, why));
        }
        let name = text::shown(&me.username);
        let channel = text::shown(place.name.as_deref().unwrap_or_default());
        let seen = format!("Posts as the bot {name} in the channel {channel}.");
        let seen = match place.kind {
            ANNOUNCEMENTS => {
                format!("{seen} Its followers get a post only once somebody publishes it there.")
            }
            _ => seen,
        };
        let seen = match rights & ATTACH_FILES {
            0 => format!("{seen} Pictures will be refused: the bot lacks the permission Attach Files."),
            _ => seen,
        };
        Ok(Health::ready(seen).lacks(&[]))
    }

    /// What the bot may do in the place, or in the channel that a thread is of.
    async fn rights(&self, me: &str, guild: &str, place: &Place) -> Result<u128, String> {
        let parent = place.parent_id.as_deref().filter(|id| is_id(id) && THREADS.contains(&place.kind));
        let of_parent: Option<Place> = match parent {
            Some(parent) => Some(self.ask(&self.url(&["channels", parent])).await?),
            None => None,
        };
        let roles: Vec<Role> = self.ask(&self.url(&["guilds", guild, "roles"])).await?;
        let member: Membership = self.ask(&self.url(&["guilds", guild, "members", me])).await?;
        let now = (self.clock)();
        if member.communication_disabled_until.is_some_and(|until| until > now) {
            return Err("the server has the bot in a timeout; end it there".to_owned());
        }
        let overwrites = &of_parent.as_ref().unwrap_or(place).permission_overwrites;
        Ok(Member { id: me, roles: &member.roles, guild }.rights(&roles, overwrites))
    }
}
