//! The calendar: months, weeks and lists of posts. What is held keeps its place.

use askama::Template;
use axum::extract::{RawQuery, State};
use chrono::{Datelike, Days, Months, NaiveDate};

use super::fields::{self, Fields};
use super::page::{Answer, show};
use super::ui::Ui;
use super::visit::Visit;
use super::{pictures, times};
use crate::app::calendar::{self, Day, HeldBy, Look, Narrow, Slot};
use crate::app::channels::{self, ChannelView};
use crate::clock::Millis;
use crate::domain::Word;
use crate::web::Web;

/// Posts of a day that the month shows.
const IN_MONTH: i64 = 3;
/// Posts of a day that the week shows.
const IN_WEEK: i64 = 25;
/// Posts of one page of the list.
const IN_LIST: i64 = 50;
/// Days of the list, unless one is asked for.
const LISTED: u64 = 31;

/// How the posts are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Month,
    Week,
    List,
}

impl Word for View {
    const WORDS: &'static [(&'static str, Self)] =
        &[("month", Self::Month), ("week", Self::Week), ("list", Self::List)];
}

#[derive(Template)]
#[template(path = "calendar.html", config = "src/web/console/askama.toml")]
struct CalendarPage {
    ui: Ui,
    asked: Asked,
    today: NaiveDate,
    channels: Vec<ChannelView>,
    /// Of the month or week.
    days: Vec<Day>,
    /// Of the list.
    slots: Vec<Slot>,
    /// Where the list goes on.
    next: Option<String>,
}

/// What the address asks for.
struct Asked {
    view: View,
    at: NaiveDate,
    /// Days of the list.
    days: u64,
    label: String,
    channel: String,
    after: Option<(Millis, String)>,
}

impl Asked {
    fn read(f: &Fields, today: NaiveDate) -> Self {
        // Far from now there is nothing, and the arithmetic of dates ends somewhere.
        let near = |d: &NaiveDate| (1970..=2200).contains(&d.year());
        let after = f.get("after").split_once('~').and_then(|(due, id)| Some((due.parse().ok()?, id.into())));
        Self {
            view: View::parse(f.get("view")).unwrap_or(View::Month),
            at: f.get("at").parse().ok().filter(near).unwrap_or(today),
            days: if f.get("days") == "1" { 1 } else { LISTED },
            label: f.get("label").to_owned(),
            channel: f.get("channel").to_owned(),
            after,
        }
    }

    fn narrow(&self) -> Narrow {
        let some = |text: &String| Some(text.clone()).filter(|t| !t.is_empty());
        Narrow { channel: some(&self.channel), label: some(&self.label) }
    }

    /// First day and number of days of the page: whole weeks.
    fn span(&self) -> (NaiveDate, u64) {
        let monday = |d: NaiveDate| d - Days::new(u64::from(d.weekday().num_days_from_monday()));
        match self.view {
            View::Month => {
                let first = self.at.with_day(1).unwrap_or(self.at);
                let last = first + Months::new(1) - Days::new(1);
                let start = monday(first);
                let weeks = (last - start).num_days() / 7 + 1;
                (start, u64::try_from(weeks).unwrap_or(5) * 7)
            }
            View::Week => (monday(self.at), 7),
            View::List => (self.at, self.days),
        }
    }

    /// The same page at another day.
    fn beside(&self, forward: bool) -> NaiveDate {
        let first = self.at.with_day(1).unwrap_or(self.at);
        match (self.view, forward) {
            (View::Month, true) => first + Months::new(1),
            (View::Month, false) => first - Months::new(1),
            (View::Week, true) => self.at + Days::new(7),
            (View::Week, false) => self.at - Days::new(7),
            (View::List, true) => self.at + Days::new(self.days),
            (View::List, false) => self.at - Days::new(self.days),
        }
    }

    fn link(&self, view: View, at: NaiveDate, days: u64) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("view", view.word()).append_pair("at", &at.to_string());
        if view == View::List && days == 1 {
            query.append_pair("days", "1");
        }
        for (name, value) in [("label", &self.label), ("channel", &self.channel)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        format!("/console/calendar?{}", query.finish())
    }
}

/// `GET /console/calendar?view=month|week|list&at=DAY&label=LABEL&channel=ID`.
pub async fn screen(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let (app, by) = (&web.app, visit.by()?);
    let ui = visit.ui(&web).await?;
    let today = times::local(ui.now, ui.zone).date_naive();
    let asked = Asked::read(&fields::of_query(query.as_deref()), today);
    let ((first, days), narrow) = (asked.span(), asked.narrow());
    let (mut shown, mut slots, mut next) = (Vec::new(), Vec::new(), None);
    match asked.view {
        View::List => {
            let span = (first, days);
            slots = calendar::page(app, by, ui.zone, span, asked.after.clone(), IN_LIST + 1, &narrow).await?;
            if i64::try_from(slots.len()).unwrap_or(0) > IN_LIST {
                slots.pop();
                // The cursor of the API: due time and id of the last row.
                let link = asked.link(View::List, asked.at, days);
                next = slots.last().map(|s| format!("{link}&after={}~{}", times::millis(&s.due), s.id));
            }
        }
        view => {
            let most = if view == View::Month { IN_MONTH } else { IN_WEEK };
            shown = calendar::days(app, by, ui.zone, first, days, most, &narrow).await?;
        }
    }
    let channels = channels::list(app, by).await?;
    show(&CalendarPage { ui, asked, today, channels, days: shown, slots, next })
}

impl CalendarPage {
    fn is(&self, view: &str) -> bool {
        self.asked.view.word() == view
    }

    /// The same day in another view: the view's word, and its address.
    fn views(&self) -> Vec<(&'static str, String)> {
        let link =
            |(word, view): &(&'static str, View)| (*word, self.asked.link(*view, self.asked.at, LISTED));
        View::WORDS.iter().map(link).collect()
    }

    fn beside(&self, forward: bool) -> String {
        self.asked.link(self.asked.view, self.asked.beside(forward), self.asked.days)
    }

    fn now(&self) -> String {
        self.asked.link(self.asked.view, self.today, self.asked.days)
    }

    /// All posts of a day.
    fn list_of(&self, day: &Day) -> String {
        self.asked.link(View::List, day.date, 1)
    }

    /// `November 2026`, or the days from and to.
    fn heading(&self) -> String {
        let (first, days) = self.asked.span();
        match self.asked.view {
            View::Month => times::month(self.ui.lang, self.asked.at.year(), self.asked.at.month0()),
            _ if days == 1 => self.date(&first),
            _ => format!("{} – {}", self.date(&first), self.date(&(first + Days::new(days - 1)))),
        }
    }

    /// `Fri 27 Nov`.
    fn date(&self, day: &NaiveDate) -> String {
        times::day(self.ui.lang, self.ui.zone, crate::domain::times::midnight(self.ui.zone, *day))
    }

    /// The day of a row of the list, where it is another one than that of the row before.
    fn new_day(&self, at: &usize) -> Option<String> {
        let day = |n: usize| self.slots.get(n).map(|s| self.ui.day(&s.due));
        let this = day(*at);
        if *at > 0 && this == day(at - 1) { None } else { this }
    }

    /// The classes of a day.
    fn day_class(&self, day: &Day) -> String {
        let outside = self.asked.view == View::Month && day.date.month() != self.asked.at.month();
        let all = [(day.date == self.today, "today"), (outside, "outside"), (day.total() == 0, "nothing")];
        let kept: Vec<&str> = all.into_iter().filter(|(is, _)| *is).map(|(_, class)| class).collect();
        kept.join(" ")
    }

    fn is_today(&self, day: &Day) -> bool {
        day.date == self.today
    }

    /// The posts of a day as a bar; the words say the same.
    fn bar(&self, day: &Day) -> String {
        let parts: Vec<(&str, i64)> = Look::WORDS.iter().map(|(w, l)| (*w, day.count(*l))).collect();
        let words = parts.iter().filter(|(_, n)| *n > 0);
        let words: Vec<String> = words
            .map(|(w, n)| format!("{} {}", self.ui.number(*n), self.ui.t(&format!("look-{w}"))))
            .collect();
        let longest = self.days.iter().map(Day::total).max().unwrap_or(0);
        pictures::stack(&parts, longest, &words.join(", "))
    }

    fn held(&self, day: &Day) -> i64 {
        day.count(Look::Held)
    }

    /// How many posts of the day are not shown here.
    fn more(&self, day: &Day) -> i64 {
        day.total() - i64::try_from(day.first.len()).unwrap_or(0)
    }

    fn is_held(&self, slot: &Slot) -> bool {
        slot.look == Look::Held
    }

    /// Why a post stays where it is.
    fn held_words(&self, slot: &Slot) -> String {
        match &slot.held_by {
            Some(HeldBy::Incident(title)) => self.ui.with("calendar-held-by", "what", title),
            Some(HeldBy::Freeze(at)) => self.ui.with("calendar-held-freeze", "at", self.ui.at(at)),
            Some(HeldBy::Reason(why)) => self.ui.with("calendar-held-why", "why", self.ui.say(why)),
            None => self.ui.t("look-held"),
        }
    }

    fn lock(&self, slot: &Slot) -> String {
        pictures::lock(&self.held_words(slot))
    }

    /// What is read of a post: its title, or its first words.
    fn words(&self, slot: &Slot) -> String {
        self.ui.excerpt(slot.title.as_deref().unwrap_or(&slot.text))
    }

    /// Whether the reader may give it another time.
    fn can_move(&self, slot: &Slot) -> bool {
        match slot.look {
            Look::Held => self.ui.may("decide"),
            Look::Draft | Look::Submitted | Look::Planned => self.ui.may("write"),
            Look::Trouble | Look::Out => false,
        }
    }

    fn class(&self, slot: &Slot) -> &'static str {
        match slot.look {
            Look::Out => "good",
            Look::Trouble => "bad",
            Look::Held => "hold",
            Look::Planned | Look::Submitted => "wait",
            Look::Draft => "none",
        }
    }

    fn is_narrow(&self) -> bool {
        !self.asked.label.is_empty() || !self.asked.channel.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Asked {
        Asked::read(&fields::of_query(Some(query)), NaiveDate::from_ymd_opt(2026, 11, 27).unwrap())
    }

    #[test]
    fn a_month_is_whole_weeks() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        assert_eq!(asked("").span(), (day(2026, 10, 26), 42));
        assert_eq!(asked("at=2027-02-10").span(), (day(2027, 2, 1), 28));
        assert_eq!(asked("view=week&at=2026-11-29").span(), (day(2026, 11, 23), 7));
        assert_eq!(asked("view=list&at=2026-11-29&days=1").span(), (day(2026, 11, 29), 1));
        assert_eq!(asked("at=99999-01-01").at, day(2026, 11, 27));
        assert_eq!(asked("at=2026-01-31").beside(true), day(2026, 2, 1));
    }

    #[test]
    fn what_narrows_the_calendar_stays_in_its_links() {
        let a = asked("label=a%26b&channel=c");
        assert_eq!(
            a.link(View::Week, a.at, LISTED),
            "/console/calendar?view=week&at=2026-11-27&label=a%26b&channel=c"
        );
    }
}
