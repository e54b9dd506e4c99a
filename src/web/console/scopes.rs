//! What a freeze covers, in words.

use super::ui::Ui;
use crate::app::channels::ChannelView;
use crate::domain::freeze::Scope;

/// The lists of a scope, or that it is all routine posts. Channels stand there by name.
pub fn words(ui: &Ui, s: &Scope, channels: &[ChannelView]) -> String {
    let name = |id: &String| {
        let known = channels.iter().find(|c| c.id == *id);
        known.map_or_else(|| id.clone(), |c| c.name.clone())
    };
    let lists = [
        ("scope-brands", s.brands.clone()),
        ("scope-channels", s.channels.iter().map(name).collect()),
        ("scope-labels", s.labels.clone()),
        ("scope-allow", s.allow.clone()),
    ];
    let mut parts: Vec<String> = lists
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(key, list)| ui.with(key, "list", list.join(", ")))
        .collect();
    if s.is_everything() {
        parts.push(ui.t("scope-everything"));
    }
    if s.crisis_too {
        parts.push(ui.t("scope-crisis-too"));
    }
    parts.join("; ")
}
