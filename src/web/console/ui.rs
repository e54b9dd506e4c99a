//! What every page knows: the reader's language, theme and zone, and the state of the house.

use chrono_tz::Tz;
use fluent_templates::fluent_bundle::FluentValue;

use super::assets::{ASSETS, Assets};
use super::times;
pub use super::trouble::Trouble;
use super::visit::Visit;
use super::words::Lang;
use crate::app::overview::{self, Overview, Standing};
use crate::app::{Actor, Result, reasons};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::delivery::State;
use crate::domain::post::PostState;
use crate::domain::role::{Right, Role};
use crate::web::Web;

/// What every page shows around its own content.
pub struct Ui {
    pub lang: Lang,
    pub theme: String,
    pub zone: Tz,
    pub nonce: String,
    pub csrf: String,
    /// Path and query of this page.
    pub path: String,
    pub me: Option<Actor>,
    /// The state of the house; nothing: nobody is signed in.
    pub overview: Option<Overview>,
    pub now: Millis,
}

/// What can be shown as a number.
pub trait Number {
    /// Its value; what is too large is the largest.
    fn whole(&self) -> i64;
}

impl Number for i64 {
    fn whole(&self) -> i64 {
        *self
    }
}

impl Number for u8 {
    fn whole(&self) -> i64 {
        i64::from(*self)
    }
}

impl Number for usize {
    fn whole(&self) -> i64 {
        i64::try_from(*self).unwrap_or(i64::MAX)
    }
}

impl<N: Number> Number for &N {
    fn whole(&self) -> i64 {
        (*self).whole()
    }
}

impl Ui {
    /// For a visit; with the state of the house when somebody is signed in.
    pub async fn of(web: &Web, visit: &Visit) -> Result<Self> {
        let mut ui = Self::bare(visit);
        ui.now = web.app.clock().now();
        if let Some(signed) = &visit.signed
            && signed.by.may(Right::Read)
        {
            ui.overview = Some(overview::read(&web.app, &signed.by).await?);
        }
        Ok(ui)
    }

    /// Without asking the database.
    pub fn bare(visit: &Visit) -> Self {
        let signed = visit.signed.as_ref();
        Self {
            lang: visit.lang,
            theme: signed.map_or("auto", |s| &s.theme).to_owned(),
            zone: signed.and_then(|s| s.zone.parse().ok()).unwrap_or(Tz::UTC),
            nonce: visit.nonce.clone(),
            csrf: visit.csrf.clone(),
            path: visit.path.clone(),
            me: signed.map(|s| s.by.clone()),
            overview: None,
            now: 0,
        }
    }

    /// The words of a key.
    pub fn t(&self, key: &str) -> String {
        self.lang.t(key)
    }

    /// The words of a key with a number, in the right plural.
    pub fn n(&self, key: &str, n: impl Number) -> String {
        let n = n.whole();
        self.lang.with(key, &[("n", FluentValue::from(n)), ("shown", self.number(n).into())])
    }

    /// The words of a key with a text placed in them.
    pub fn with(&self, key: &str, name: &'static str, value: impl AsRef<str>) -> String {
        self.lang.with(key, &[(name, value.as_ref().into())])
    }

    /// A number as people of this language write it.
    pub fn number(&self, n: impl Number) -> String {
        let n = n.whole();
        let digits = n.unsigned_abs().to_string();
        let mark = if self.lang == Lang::En { "," } else { "\u{202f}" };
        let groups: Vec<&str> = {
            let first = digits.len() % 3;
            let (head, rest) = digits.split_at(first);
            let rest = rest.as_bytes().chunks(3).map(|c| std::str::from_utf8(c).unwrap_or_default());
            std::iter::once(head).filter(|h| !h.is_empty()).chain(rest).collect()
        };
        format!("{}{}", if n < 0 { "-" } else { "" }, groups.join(mark))
    }

    /// The word of a kind, a state, a severity or a role: `kind-update`, `state-in-doubt`.
    pub fn word<W: Word>(&self, prefix: &str, word: &W) -> String {
        self.t(&format!("{prefix}-{}", word.word().replace('_', "-")))
    }

    /// The same, for a word that is text already.
    pub fn named(&self, prefix: &str, word: &str) -> String {
        self.t(&format!("{prefix}-{}", word.replace('_', "-")))
    }

    /// The word of a role.
    pub fn role(&self, role: &Role) -> String {
        self.word("role", role)
    }

    /// What a role is for.
    pub fn role_hint(&self, role: &Role) -> String {
        self.word("person-role", role)
    }

    /// What the label of a field says that wants the word of that key.
    pub fn type_word(&self, key: &str) -> String {
        self.with("desk-type-word", "word", self.t(key))
    }

    /// Whether the reader may.
    pub fn may(&self, right: &str) -> bool {
        let right = match right {
            "read" => Right::Read,
            "audit" => Right::Audit,
            "write" => Right::Write,
            "freeze" => Right::Freeze,
            "decide" => Right::Decide,
            "approve" => Right::Approve,
            "administer" => Right::Administer,
            _ => return false,
        };
        self.me.as_ref().is_some_and(|me| me.may(right))
    }

    /// An instant (RFC 3339) in the reader's zone.
    pub fn at(&self, at: &str) -> String {
        times::absolute(self.lang, self.zone, times::millis(at))
    }

    /// The same, to the millisecond.
    pub fn exact(&self, at: &str) -> String {
        times::exact(self.lang, self.zone, times::millis(at))
    }

    /// How long ago, or until when.
    pub fn ago(&self, at: &str) -> String {
        times::relative(self.lang, self.now, times::millis(at))
    }

    /// `14:02`, in the reader's zone.
    pub fn clock(&self, at: &str) -> String {
        times::clock(self.zone, times::millis(at))
    }

    /// `14:02` for today; another day with its date and zone.
    pub fn near(&self, at: &str) -> String {
        times::near(self.lang, self.zone, self.now, times::millis(at))
    }

    /// Whether it is on the reader's present day.
    pub fn is_today(&self, at: &str) -> bool {
        times::is_same_day(self.zone, self.now, times::millis(at))
    }

    /// `Fri 27 Nov`, in the reader's zone.
    pub fn day(&self, at: &str) -> String {
        times::day(self.lang, self.zone, times::millis(at))
    }

    /// The screens of the navigation, with the key of each name. Those that need a right are left out
    /// for whoever has it not.
    pub fn screens(&self) -> Vec<(&'static str, &'static str)> {
        let all = [
            ("/console", "nav-now", "read"),
            ("/console/calendar", "nav-calendar", "read"),
            ("/console/compose", "nav-compose", "write"),
            ("/console/approvals", "nav-approvals", "read"),
            ("/console/incidents", "nav-incidents", "read"),
            ("/console/held", "nav-held", "read"),
            ("/console/doubts", "nav-doubts", "read"),
            ("/console/audit", "nav-audit", "audit"),
            ("/console/settings", "nav-settings", "read"),
        ];
        all.into_iter().filter(|(_, _, right)| self.may(right)).map(|(path, key, _)| (path, key)).collect()
    }

    /// How many things wait on that screen.
    pub fn badge(&self, path: &str) -> i64 {
        let Some(o) = &self.overview else { return 0 };
        match path {
            "/console/approvals" => o.submitted,
            "/console/held" => o.held,
            "/console/doubts" => o.in_doubt,
            _ => 0,
        }
    }

    /// Whether the navigation marks that screen.
    pub fn is_at(&self, path: &str) -> bool {
        if path == "/console" { self.path.split('?').next() == Some(path) } else { self.is_here(path) }
    }

    fn standing(&self) -> Standing {
        self.overview.as_ref().map_or(Standing::Normal, |o| o.standing)
    }

    /// The words of the strip.
    pub fn standing_key(&self) -> &'static str {
        let frozen = self.overview.as_ref().is_some_and(Overview::is_frozen);
        match self.standing() {
            Standing::Normal => "standing-normal",
            Standing::Frozen => "standing-frozen",
            Standing::Incident if frozen => "standing-incident-frozen",
            Standing::Incident => "standing-incident",
            Standing::Stopped => "standing-stopped",
            Standing::ThawReview => "standing-thaw",
        }
    }

    /// The colour of the strip.
    pub fn standing_class(&self) -> &'static str {
        match self.standing() {
            Standing::Normal => "is-normal",
            Standing::Frozen => "is-frozen",
            Standing::Incident | Standing::Stopped => "is-incident",
            Standing::ThawReview => "is-thaw",
        }
    }

    /// The sign of the strip, beside its colour and words.
    pub fn standing_icon(&self) -> &'static str {
        match self.standing() {
            Standing::Normal => "●",
            Standing::Frozen => "❄",
            Standing::Incident => "▲",
            Standing::Stopped => "■",
            Standing::ThawReview => "◐",
        }
    }

    /// This page in another language, with all else that its address says.
    pub fn in_language(&self, tag: &str) -> String {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "lang");
        let mut out = form_urlencoded::Serializer::new(String::new());
        let query = out.extend_pairs(kept).append_pair("lang", tag).finish();
        format!("{path}?{query}")
    }

    /// Path and query of this page, without that field of the query.
    pub fn without(&self, field: &str) -> String {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != field);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// What the pages load.
    pub fn assets(&self) -> &'static Assets {
        &ASSETS
    }

    /// Most characters of a reason.
    pub fn longest_reason(&self) -> usize {
        reasons::LONGEST
    }

    /// The first words of a text.
    pub fn excerpt(&self, text: &str) -> String {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = line.chars().take(90).collect();
        if short.len() < line.len() { format!("{short}…") } else { short }
    }

    /// How long after the first instant the second one was: `13 ms later`.
    pub fn after(&self, first: &str, second: &str) -> String {
        let ms = times::millis(second) - times::millis(first);
        self.lang.with("later", &[("ms", FluentValue::from(ms))])
    }

    /// The colour of a post's state.
    pub fn post_class(&self, state: &PostState) -> &'static str {
        match state {
            PostState::Approved => "good",
            PostState::Submitted => "wait",
            PostState::Draft | PostState::Cancelled => "none",
        }
    }

    /// The colour of a delivery's state.
    fn state_class(&self, state: &State) -> &'static str {
        match state {
            State::Accepted => "good",
            State::InDoubt | State::Failed => "bad",
            State::Held => "hold",
            State::Sending | State::Claimed | State::Scheduled => "wait",
            State::Draft | State::Expired | State::Cancelled | State::Retracted => "none",
        }
    }

    /// Where a delivery stands, in a word that says when no more than a start is known.
    pub fn stand(&self, state: &State, started_only: &bool) -> String {
        if *started_only { self.t("state-started-only") } else { self.word("state", state) }
    }

    /// The class of that word.
    pub fn stand_class(&self, state: &State, started_only: &bool) -> &'static str {
        if *started_only { "wait" } else { self.state_class(state) }
    }

    /// Whether this page is below that path: for the navigation.
    pub fn is_here(&self, path: &str) -> bool {
        let here = self.path.split('?').next().unwrap_or_default();
        here == path || here.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
    }
}
