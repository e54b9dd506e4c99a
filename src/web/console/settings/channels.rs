//! Channels: which are ready, connecting, changing, testing. Credentials are never shown.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Map, Value};

use super::access;
use crate::app::access::grants::{self, GrantView};
use crate::app::access::revoking::{self, RevokedView};
use crate::app::access::{connecting::WantedChannel, other_account};
use crate::app::channels::{self as verbs, ChannelEdit, ChannelView, NewChannel};
use crate::app::watches::{self, SeenView, WatchView};
use crate::app::{AppError, Result};
use crate::domain::role::Right;
use crate::web::Web;
use crate::web::console::fields::{self, Fields};
use crate::web::console::page::{Answer, go, show, show_again};
use crate::web::console::ui::{Trouble, Ui};
use crate::web::console::visit::{Posted, Visit};

#[derive(Template)]
#[template(path = "channels.html", config = "src/web/console/askama.toml")]
struct ChannelsPage {
    ui: Ui,
    trouble: Trouble,
    channels: Vec<ChannelView>,
    /// Access that is not known to have ended, for administrators.
    ends: Vec<RevokedView>,
    /// Name and title of each adapter.
    adapters: Vec<(&'static str, &'static str)>,
}

#[derive(Template)]
#[template(path = "channel_new.html", config = "src/web/console/askama.toml")]
struct NewPage {
    ui: Ui,
    form: Form,
    trouble: Trouble,
}

#[derive(Template)]
#[template(path = "channel.html", config = "src/web/console/askama.toml")]
struct ChannelPage {
    ui: Ui,
    it: ChannelView,
    /// The watch over its account, where there is one, and what was seen there that is not ours.
    watch: Option<(WatchView, Vec<SeenView>)>,
    /// The access that was granted to it.
    grant: Option<GrantView>,
    title: &'static str,
    form: Form,
    /// The channel was tested a moment ago.
    tested: bool,
    trouble: Trouble,
}

/// What is typed about a channel.
struct Form {
    adapter: &'static ::channels::Adapter,
    name: String,
    brand: String,
    settings: Vec<Field>,
    drill: bool,
}

/// One setting of the adapter with its words.
struct Field {
    name: &'static str,
    /// The name that it has in the form, and in what is said about it.
    field: String,
    label: String,
    hint: String,
    required: bool,
    /// It is several lines of text.
    lines: bool,
    value: String,
}

fn adapter(name: &str) -> Result<&'static ::channels::Adapter> {
    ::channels::adapter(name).ok_or_else(|| AppError::not_found("adapter", name))
}

/// A stored setting as it is typed: a list gets commas.
fn typed(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

impl Form {
    fn new(
        visit: &Visit,
        adapter: &'static ::channels::Adapter,
        name: &str,
        brand: &str,
        drill: bool,
        value: impl Fn(&str) -> String,
    ) -> Self {
        let settings = adapter.settings.iter().map(|s| {
            let key = format!("setting-{}-{}", adapter.name, s.name);
            let hint = visit.lang.t(&key);
            Field {
                name: s.name,
                field: format!("settings.{}", s.name),
                label: visit.lang.t(&format!("setting-{}", s.name)),
                // An adapter that the console has no words for says it itself.
                hint: if hint == key { s.help.to_owned() } else { hint },
                required: s.required,
                lines: s.name == "templates",
                value: value(s.name),
            }
        });
        Self { settings: settings.collect(), adapter, name: name.to_owned(), brand: brand.to_owned(), drill }
    }

    /// As it was typed.
    fn again(visit: &Visit, adapter: &'static ::channels::Adapter, f: &Fields) -> Self {
        let value = |name: &str| f.get(&format!("settings.{name}")).to_owned();
        let brand = f.some("brand").unwrap_or_else(|| "main".into());
        Self::new(visit, adapter, f.get("name"), &brand, f.has("drill"), value)
    }

    fn of(visit: &Visit, c: &ChannelView) -> Result<Self> {
        let value = |name: &str| typed(c.settings.get(name));
        Ok(Self::new(visit, adapter(&c.adapter)?, &c.name, &c.brand, c.drill, value))
    }

    /// The key of what its credential is called; nothing: it has none.
    fn credential(&self) -> Option<&'static str> {
        match self.adapter.name {
            "bluesky" => Some("credential-bluesky"),
            "mastodon" => Some("credential-mastodon"),
            "wordpress" => Some("credential-wordpress"),
            "email" => Some("credential-email"),
            "webhook" => Some("credential-webhook"),
            "linkedin" => Some("credential-linkedin"),
            "x" => Some("credential-x"),
            "slack" => Some("credential-slack"),
            "telegram" => Some("credential-telegram"),
            "discord" => Some("credential-discord"),
            "discord_bot" => Some("credential-discord_bot"),
            "sms" => Some("credential-sms"),
            "whatsapp" => Some("credential-whatsapp"),
            "instagram" => Some("credential-instagram"),
            "threads" => Some("credential-threads"),
            "facebook" => Some("credential-facebook"),
            "teams" => Some("credential-teams"),
            "ghost" => Some("credential-ghost"),
            "matrix" => Some("credential-matrix"),
            "buffer" => Some("credential-buffer"),
            "postiz" => Some("credential-postiz"),
            "hootsuite" => Some("credential-hootsuite"),
            "mixpost" => Some("credential-mixpost"),
            "x_ads" => Some("credential-x_ads"),
            "website" | "sandbox" => None,
            _ => Some("credential-other"),
        }
    }

    /// Whether access to its network is granted by OAuth.
    fn is_granted(&self) -> bool {
        ::channels::oauth_networks::network(self.adapter.name).is_some()
    }

    /// The logins of its network at which an app of the installation's own is registered first.
    fn apps(&self) -> Vec<&'static ::channels::oauth_networks::Network> {
        ::channels::oauth_networks::with_apps(self.adapter.name)
    }

    /// Only these can take part in drills.
    fn can_drill(&self) -> bool {
        matches!(self.adapter.name, "sandbox" | "website")
    }

    /// What is wrong with none of its fields.
    fn elsewhere(&self, trouble: &Trouble) -> Vec<String> {
        let mut shown = vec!["name", "brand", "drill"];
        shown.extend(self.settings.iter().map(|s| s.field.as_str()));
        trouble.elsewhere(&shown)
    }
}

/// The settings that were typed, over those that there are.
fn settings(adapter: &::channels::Adapter, before: Option<&Value>, f: &Fields) -> Value {
    let mut out: Map<String, Value> = before.and_then(Value::as_object).cloned().unwrap_or_default();
    for s in adapter.settings {
        let value = f.text(&format!("settings.{}", s.name));
        if typed(out.get(s.name)) == value && !value.is_empty() {
            continue;
        }
        if value.is_empty() {
            out.remove(s.name);
        } else {
            out.insert(s.name.to_owned(), value.into());
        }
    }
    Value::Object(out)
}

/// `GET /console/settings/channels`.
pub async fn screen(State(web): State<Web>, visit: Visit) -> Answer {
    show(&list(&web, &visit, Trouble::default()).await?)
}

async fn list(web: &Web, visit: &Visit, trouble: Trouble) -> Result<ChannelsPage> {
    Ok(ChannelsPage {
        channels: verbs::list(&web.app, visit.by()?).await?,
        ends: match visit.by()?.may(Right::Administer) {
            true => revoking::list(&web.app, visit.by()?).await?,
            false => Vec::new(),
        },
        ui: visit.ui(web).await?,
        trouble,
        adapters: ::channels::ALL.iter().map(|a| (a.name, a.title)).collect(),
    })
}

/// The list, with what was wrong in its form.
pub(super) async fn list_again(web: &Web, visit: &Visit, trouble: Trouble) -> Answer {
    show_again(&list(web, visit, trouble).await?)
}

/// The page of a channel, with what was wrong in one of its forms.
pub(super) async fn one_again(web: &Web, visit: &Visit, id: &str, trouble: Trouble) -> Answer {
    let it = verbs::get(&web.app, visit.by()?, id).await?;
    let form = Form::of(visit, &it)?;
    show_again(&page(web, visit, it, form, false, trouble).await?)
}

/// `GET /console/settings/channels/new?adapter=`.
pub async fn new_form(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let f = fields::of_query(query.as_deref());
    let form = Form::again(&visit, adapter(f.get("adapter"))?, &f);
    show(&NewPage { ui: visit.ui(&web).await?, form, trouble: Trouble::default() })
}

/// Connects a channel, and tests it at once.
pub async fn connect(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let adapter = adapter(fields.get("adapter"))?;
    let new = NewChannel {
        name: fields.get("name").to_owned(),
        adapter: adapter.name.to_owned(),
        brand: fields.some("brand").unwrap_or_else(|| "main".into()),
        settings: settings(adapter, None, &fields),
        credential: Some(fields.raw("credential")).filter(|c| !c.is_empty()).map(Into::into),
        drill: fields.has("drill"),
    };
    let by = visit.by()?;
    if fields.has("grant") {
        let NewChannel { name, adapter, brand, settings, .. } = new;
        let wanted = WantedChannel { name, adapter, brand, settings };
        return match access::begin_new(&web, &visit, wanted).await? {
            Ok(page) => Ok(page),
            Err(trouble) => new_again(&web, &visit, &fields, trouble).await,
        };
    }
    match verbs::create(&web.app, by, new).await {
        Ok(channel) => {
            // A channel that is not ready is connected all the same; its page says what is wrong.
            if let Err(e) = verbs::test(&web.app, by, &channel.id).await {
                tracing::warn!(error = %e, channel = channel.id, "a new channel was not tested");
            }
            go(&format!("/console/settings/channels/{}?tested=yes", channel.id))
        }
        Err(e) => new_again(&web, &visit, &fields, Trouble::mendable(e)?).await,
    }
}

async fn new_again(web: &Web, visit: &Visit, fields: &Fields, trouble: Trouble) -> Answer {
    let form = Form::again(visit, adapter(fields.get("adapter"))?, fields);
    show_again(&NewPage { ui: visit.ui(web).await?, form, trouble })
}

/// `GET /console/settings/channels/{id}`.
pub async fn one(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let f = fields::of_query(query.as_deref());
    let it = verbs::get(&web.app, visit.by()?, &id).await?;
    let form = Form::of(&visit, &it)?;
    show(&page(&web, &visit, it, form, f.has("tested"), Trouble::default()).await?)
}

async fn page(
    web: &Web,
    visit: &Visit,
    it: ChannelView,
    form: Form,
    tested: bool,
    trouble: Trouble,
) -> Result<ChannelPage> {
    let watch = watches::of_channel(&web.app, visit.by()?, &it.id).await?;
    let grant = grants::of_channel(&web.app, visit.by()?, &it.id).await?;
    let (ui, title) = (visit.ui(web).await?, form.adapter.title);
    Ok(ChannelPage { ui, title, it, watch, grant, form, tested, trouble })
}

impl ChannelPage {
    fn may_change(&self) -> bool {
        self.ui.me.as_ref().is_some_and(|me| me.may(Right::Administer))
    }

    fn may_confirm(&self) -> bool {
        other_account::may_confirm(&self.it.adapter)
    }
}

/// Asks the network whether a post would be accepted now.
pub async fn test(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let visit = posted.visit;
    match verbs::test(&web.app, visit.by()?, &id).await {
        Ok(_) => go(&format!("/console/settings/channels/{id}?tested=yes")),
        Err(e) => one_again(&web, &visit, &id, Trouble::mendable(e)?).await,
    }
}

/// Changes a channel.
pub async fn edit(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let by = visit.by()?;
    let mut it = verbs::get(&web.app, by, &id).await?;
    let adapter = adapter(&it.adapter)?;
    let settings = settings(adapter, Some(&it.settings), &fields);
    let edit = ChannelEdit {
        name: Some(fields.get("name").to_owned()),
        brand: fields.some("brand"),
        settings: Some(settings).filter(|s| *s != it.settings),
        credential: Some(fields.raw("credential")).filter(|c| !c.is_empty()).map(Into::into),
        disabled: None,
    };
    let version = fields.get("version").parse().ok();
    match verbs::edit(&web.app, by, &id, version, edit).await {
        Ok(_) => go(&format!("/console/settings/channels/{id}")),
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            it.version = version.unwrap_or(it.version);
            let form = Form::again(&visit, adapter, &fields);
            show_again(&page(&web, &visit, it, form, false, trouble).await?)
        }
    }
}

/// Disables a channel, or enables it again.
pub async fn switch(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let by = visit.by()?;
    let disabled = fields.get("disabled") == "yes";
    let word = if disabled { visit.typed(&fields, "channel-disable-word") } else { Ok(()) };
    let trouble = match word {
        Ok(()) => {
            let edit = ChannelEdit { disabled: Some(disabled), ..ChannelEdit::default() };
            match verbs::edit(&web.app, by, &id, None, edit).await {
                Ok(_) => return go(&format!("/console/settings/channels/{id}")),
                Err(e) => Trouble::mendable(e)?,
            }
        }
        Err(trouble) => trouble,
    };
    one_again(&web, &visit, &id, trouble).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_name_in_both_languages() {
        use crate::web::console::{sentences, words::Lang};
        for (adapter, lang) in ::channels::ALL.iter().flat_map(|a| Lang::ALL.map(|lang| (a, lang))) {
            for s in adapter.settings {
                let (name, hint) =
                    (format!("setting-{}", s.name), format!("setting-{}-{}", adapter.name, s.name));
                assert_ne!(lang.t(&name), name, "{}", adapter.name);
                let french = sentences::french(s.help, &|_, _| None);
                assert!(lang == Lang::En || lang.t(&hint) != hint || french.is_some(), "{hint}: {}", s.help);
            }
        }
    }

    #[test]
    fn a_form_changes_what_was_typed_and_nothing_else() {
        let email = ::channels::adapter("email").unwrap();
        let before =
            serde_json::json!({ "host": "mail.example", "port": 25, "to": ["a@x.example", "b@x.example"] });
        let fields = |pairs: &[(&str, &str)]| {
            Fields(pairs.iter().map(|(n, v)| (format!("settings.{n}"), (*v).to_owned())).collect())
        };
        let same = [("host", "mail.example"), ("port", "25"), ("to", "a@x.example, b@x.example")];
        assert_eq!(settings(email, Some(&before), &fields(&same)), before);
        let changed = settings(email, Some(&before), &fields(&[("host", "m2.example"), ("port", "")]));
        assert_eq!(changed, serde_json::json!({ "host": "m2.example" }));
    }
}
