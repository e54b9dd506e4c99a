//! What an incident that is opened does with the freezes in force, as its forms say it.

use super::fields::Fields;
use super::scopes;
use super::ui::Ui;
use crate::app::channels::ChannelView;
use crate::app::freezes::FreezeView;
use crate::domain::freeze::Scope;

pub(super) struct Stops {
    /// A freeze that becomes the incident's.
    pub adopt: Option<FreezeView>,
    /// What is frozen now, in words, when that is only a part.
    pub part: Option<String>,
    /// That the freeze covers a part, and the one of everything is taken along.
    pub both: Option<String>,
    /// Labels of what goes on, because what is taken along allows it.
    pub goes_on: Vec<String>,
    /// Ticked: leaves it at the part, or freezes nothing.
    pub no_freeze: bool,
    /// Ticked: freezes what would go on.
    pub freeze_allowed: bool,
    /// Ticked: takes no freeze along and makes none.
    pub leave: bool,
}

impl Stops {
    /// As the form that names a freeze would have it. A freeze that is lifted by now, or has an incident,
    /// is left out, so that the form can be sent; without one, the newest free freeze of everything is taken.
    pub fn of(ui: &Ui, channels: &[ChannelView], named: &str, typed: &Fields) -> Self {
        let in_force = ui.overview.as_ref().map_or(&[][..], |o| &o.freezes);
        let named = in_force.iter().find(|z| z.id == named && z.incident.is_none());
        let free = ui.overview.as_ref().and_then(|o| o.free());
        let adopt = named.or(free);
        let parts = adopt.map_or(in_force, std::slice::from_ref);
        let is_part = !parts.is_empty() && !parts.iter().any(|z| z.scope.is_whole());
        let part = is_part.then(|| {
            let words: Vec<_> = parts.iter().map(|z| scopes::words(ui, &z.scope, channels)).collect();
            words.join(" + ")
        });
        // Who comes from a part takes along what is frozen as a whole.
        let along = free.filter(|_| is_part && adopt.is_some());
        let both = part.clone().zip(along).map(|(scope, whole)| {
            let time = ui.at(&whole.committed_at);
            ui.lang.with("open-adopts-both", &[("scope", scope.into()), ("time", time.into())])
        });
        Self {
            goes_on: along.or(adopt).map(|z| z.scope.allow.clone()).unwrap_or_default(),
            adopt: adopt.cloned(),
            part,
            both,
            no_freeze: typed.has("no_freeze"),
            freeze_allowed: typed.has("freeze_allowed"),
            leave: typed.has("leave"),
        }
    }

    /// Everything but what the form said goes on.
    pub fn scope(sent: &Fields) -> Scope {
        let allow = if sent.has("freeze_allowed") { Vec::new() } else { sent.list("allow") };
        Scope { allow, ..Scope::default() }
    }
}
