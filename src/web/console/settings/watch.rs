//! Posts on our accounts that nobody here sent, and the accounts that are looked at for them.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;

use crate::app::channels;
use crate::app::signals::{self, SignalView};
use crate::app::watches::{self, SeenView, WatchList};
use crate::domain::signal::SignalState;
use crate::web::Web;
use crate::web::console::page::{Answer, show};
use crate::web::console::ui::Ui;
use crate::web::console::visit::Visit;

#[derive(Template)]
#[template(path = "watch.html", config = "src/web/console/askama.toml")]
struct WatchPage {
    ui: Ui,
    list: WatchList,
    /// Names of channels by their ids.
    names: HashMap<String, String>,
    /// The alarms that the posts have raised.
    alarms: HashMap<String, SignalView>,
}

/// `GET /console/settings/watch`.
pub async fn screen(State(web): State<Web>, visit: Visit) -> Answer {
    let (app, by) = (&web.app, visit.by()?);
    let list = watches::list(app, by).await?;
    let ids: Vec<&str> = list.posts.iter().filter_map(|p| p.signal.as_deref()).collect();
    let alarms = signals::some(app, by, &ids).await?.into_iter().map(|s| (s.id.clone(), s)).collect();
    let names = channels::list(app, by).await?.into_iter().map(|c| (c.id, c.name)).collect();
    show(&WatchPage { ui: visit.ui(&web).await?, list, names, alarms })
}

impl WatchPage {
    fn name<'a>(&'a self, channel: &'a str) -> &'a str {
        self.names.get(channel).map_or(channel, String::as_str)
    }

    /// The alarm that a post has raised.
    fn alarm(&self, post: &SeenView) -> Option<&SignalView> {
        self.alarms.get(post.signal.as_ref()?)
    }

    /// Whether an incident can be opened from it.
    fn is_open(alarm: &SignalView) -> bool {
        matches!(alarm.state, SignalState::Waiting | SignalState::Ended)
    }
}
