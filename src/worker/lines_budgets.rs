//! What networks still take, by account and by app: routine posts leave the rest to crisis posts. In memory;
//! a node that starts knows what the checks have written, and hears the rest with its first posts.

use std::collections::HashMap;

use channels::quota::{Of, Quota};

use super::{Back, Line, Lines};
use crate::app::channels::Channel;
use crate::clock::{Millis, rfc3339};
use crate::domain::budget::{Budget, By, Reserve, Room, Told};
use crate::domain::post::Lane;

/// How soon a post that waits for a window looks again: what is known may have changed.
const LOOK_AGAIN: Millis = 60_000;

/// All budgets that this node knows, by whose they are.
pub(super) struct Budgets {
    reserve: Reserve,
    /// A network can tell several limits of one account, each with its own window.
    known: HashMap<String, Vec<Budget>>,
}

fn words(quota: &Quota, by: By) -> Told {
    let resets_at = quota.resets_at.map(|at| at.timestamp_millis());
    Told { limit: quota.limit, left: quota.left, resets_at, by }
}

/// What a line belongs to.
#[derive(Default)]
pub(super) struct Owners {
    adapter: String,
    account: String,
    /// The limits of apps that this channel has met. Apps have no names there: two channels that are told the
    /// same limit with the same end are of the same app.
    apps: Vec<String>,
    /// The check whose quota was heard last.
    looked_at: Option<Millis>,
}

impl Owners {
    fn all(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.account).chain(&self.apps)
    }

    /// Whose that quota is.
    fn owner(&mut self, quota: &Quota) -> String {
        if quota.of == Of::Account {
            return self.account.clone();
        }
        let ends = quota.resets_at.map(|at| at.timestamp());
        let app = format!("app {} {:?} {ends:?}", self.adapter, quota.limit);
        if !self.apps.contains(&app) {
            // An app has one limit that counts: the one that was told last.
            self.apps = vec![app.clone()];
        }
        app
    }
}

impl Budgets {
    pub fn new(reserve: Reserve) -> Self {
        Self { reserve, known: HashMap::new() }
    }

    /// The answer to a post told these limits of one owner: they are all that counts of it.
    fn hear_answer(&mut self, owner: String, told: &[&Quota], at: Millis) {
        self.forget(at);
        let budget = |q: &&Quota| Budget::hear(None, words(q, By::Post), self.reserve, at);
        let budgets = told.iter().map(budget).collect();
        self.known.insert(owner, budgets);
    }

    /// A check that asked was told this.
    fn hear_look(&mut self, owner: String, told: &Quota, at: Millis) {
        self.forget(at);
        let known = self.known.entry(owner).or_default();
        if known.iter().any(|budget| budget.is_answer_at(at)) {
            return;
        }
        *known = vec![Budget::hear(known.first().copied(), words(told, By::Look), self.reserve, at)];
    }

    /// Windows that have ended tell nothing, except for how long looks have held.
    fn forget(&mut self, at: Millis) {
        self.known.retain(|_, budgets| {
            budgets.retain(|budget| budget.counts_at(at));
            !budgets.is_empty()
        });
    }

    /// How many routine posts may begin for these owners, beside what is under way.
    fn room(&self, owners: &Owners, under_way: impl Fn(&str) -> u64, now: Millis) -> Room {
        let room = |owner: &String, b: &Budget| b.room(self.reserve, under_way(owner), now);
        let of = |owner| self.known.get(owner).into_iter().flatten().map(move |b| (owner, b));
        owners.all().flat_map(of).map(|(owner, b)| room(owner, b)).fold(Room::Open, Room::and)
    }
}

impl Line {
    /// What the row of its channel says of its account, and of what is left there.
    pub(super) fn look(&mut self, row: &Channel, budgets: &mut Budgets) {
        let health = crate::app::channels::health(row);
        let facts = health.map(|h| h.facts).unwrap_or_default();
        let settings: serde_json::Value = serde_json::from_str(&row.settings).unwrap_or_default();
        let owners = &mut self.owners;
        owners.adapter.clone_from(&row.adapter);
        owners.account = match facts.account {
            // The same name on another server is somebody else.
            Some(account) => format!("{} {} {account}", row.adapter, settings["server"]),
            None => row.id.clone(),
        };
        if let (Some(posts), Some(at)) =
            (facts.posts, row.checked_at.filter(|_| row.checked_at > owners.looked_at))
        {
            owners.looked_at = row.checked_at;
            let owner = owners.owner(&posts);
            budgets.hear_look(owner, &posts, at);
        }
    }
}

/// Rooms that are given out together: what one line gets, another of the same owner does not.
pub(super) struct Shares<'a> {
    budgets: &'a Budgets,
    under_way: HashMap<String, u64>,
    now: Millis,
}

impl<'a> Shares<'a> {
    pub fn new(lines: &HashMap<String, Line>, budgets: &'a Budgets, now: Millis) -> Self {
        let mut under_way = HashMap::new();
        if !budgets.known.is_empty() {
            for line in lines.values() {
                for owner in line.owners.all().filter(|owner| budgets.known.contains_key(*owner)) {
                    *under_way.entry(owner.clone()).or_default() += line.busy as u64;
                }
            }
        }
        Self { budgets, under_way, now }
    }

    fn room(&self, line: &Line) -> Room {
        let under_way = |owner: &str| self.under_way.get(owner).copied().unwrap_or_default();
        self.budgets.room(&line.owners, under_way, self.now)
    }

    /// How many of these routine posts may begin on the line.
    pub fn give(&mut self, line: &Line, wanted: usize) -> usize {
        if self.budgets.known.is_empty() {
            return wanted;
        }
        let given = self.room(line).most(wanted);
        for owner in line.owners.all() {
            if let Some(under_way) = self.under_way.get_mut(owner) {
                *under_way += given as u64;
            }
        }
        given
    }

    /// Until when the line's routine posts wait, and why.
    pub fn wait(&self, line: &Line) -> Option<Back> {
        match self.room(line) {
            Room::Wait(until) => Some(kept(until, self.now)),
            Room::Some(_) | Room::Open => None,
        }
    }
}

fn kept(until: Millis, now: Millis) -> Back {
    let why = format!("what the network still takes until {} is kept for crisis posts", rfc3339(until));
    Back { until: until.min(now + LOOK_AGAIN), why }
}

impl Lines {
    /// A post was answered: what the answer told of posts, if it told any.
    pub fn answered(&self, channel: &str, told: Option<Vec<Quota>>, accepted: bool, now: Millis) {
        let mut state = self.lock();
        let Some(line) = state.get_mut(channel) else { return };
        let mut budgets = self.budgets();
        let told = told.unwrap_or_default();
        let mut by_owner: HashMap<String, Vec<&Quota>> = HashMap::new();
        for quota in &told {
            by_owner.entry(line.owners.owner(quota)).or_default().push(quota);
        }
        for (owner, told) in by_owner {
            budgets.hear_answer(owner, &told, now);
        }
        let reserve = budgets.reserve;
        if told.is_empty() && !budgets.known.is_empty() {
            for owner in line.owners.all() {
                let Some(known) = budgets.known.get_mut(owner) else { continue };
                *known = known.iter().filter_map(|b| b.posted(accepted, reserve, now)).collect();
            }
        }
    }

    /// Whether a post that is permitted waits all the same: what is left was found to be for crisis posts.
    pub fn kept(&self, channel: &str, lane: Lane, now: Millis) -> Option<Back> {
        if lane == Lane::Crisis {
            return None;
        }
        let state = self.lock();
        let budgets = self.budgets();
        let known = state.get(channel)?.owners.all().filter_map(|owner| budgets.known.get(owner)).flatten();
        let until = known.filter_map(|budget| budget.spent(budgets.reserve, now)).max()?;
        Some(kept(until, now))
    }

    pub(super) fn budgets(&self) -> std::sync::MutexGuard<'_, Budgets> {
        self.budgets.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::date_time;

    const T: Millis = 1_764_248_520_000;

    fn quota(limit: u64, left: u64, after: Millis) -> Quota {
        Quota { of: Of::Account, limit: Some(limit), left, resets_at: Some(date_time(T + after)) }
    }

    fn room(budgets: &Budgets, now: Millis) -> Room {
        let owners = Owners { account: "us".into(), ..Owners::default() };
        budgets.room(&owners, |_| 0, now)
    }

    #[test]
    fn every_window_of_an_account_counts_and_the_next_answer_replaces_all() {
        let mut budgets = Budgets::new(Reserve(20));
        let (quarter, day) = (quota(100, 20, 900_000), quota(1_000, 203, 80_000_000));
        for told in [[&quarter, &day], [&day, &quarter]] {
            budgets.hear_answer("us".into(), &told, T);
            assert_eq!(room(&budgets, T), Room::Wait(T + 900_000), "the short window is used up");
            assert_eq!(room(&budgets, T + 900_000), Room::Some(3), "the long one still counts");
        }
        budgets.hear_look("us".into(), &quota(250, 0, 900_000), T + 1);
        assert_eq!(room(&budgets, T + 900_000), Room::Some(3), "a look changes nothing of it");
        budgets.hear_answer("us".into(), &[&quota(300, 300, 900_000)], T + 2);
        assert_eq!(room(&budgets, T + 2), Room::Some(240));
    }
}
