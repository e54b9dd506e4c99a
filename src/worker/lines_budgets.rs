//! What networks still take, by account and by app: routine posts leave the rest to crisis posts. In memory;
//! a node that starts knows what the checks have written, and hears the rest with its first posts.

use std::collections::{BTreeMap, HashMap, HashSet};

use channels::place;
use channels::quota::{Of, Quota};
use channels::shares::Share;

use super::{Back, Line, Lines};
use crate::app::channels::Channel;
use crate::clock::{Millis, date_time, rfc3339};
use crate::domain::budget::{Budget, By, Reserve, Room, Told};
use crate::domain::post::Lane;

/// Ends of one window differ by less: networks write them in seconds, by their own clocks.
const SAME_END: Millis = 60_000;

/// How soon what was permitted and is kept looks again: then it is given back like the others.
const LOOK_AGAIN: Millis = 60_000;

/// All budgets that this node knows, by whose they are.
pub(super) struct Budgets {
    reserve: Reserve,
    /// A network can tell several limits of one account, each with its own window.
    known: HashMap<String, Vec<Budget>>,
    /// Those who were told that nothing is left when a post was taken all the same: what their answers tell
    /// counts no more than a look.
    doubted: HashSet<String>,
}

fn words(quota: &Quota, by: By) -> Told {
    let resets_at = quota.resets_at.map(|at| at.timestamp_millis());
    Told { limit: quota.limit, left: quota.left, resets_at, by }
}

/// What a line belongs to.
#[derive(Default)]
pub(super) struct Owners {
    account: String,
    /// Apps have no names there: all channels of a network on one server count as of one app.
    app: String,
    /// The calls that the network answers to the account and to its app are limits of their own. An app of Meta has one
    /// for all of Meta's networks on one server.
    account_calls: String,
    app_calls: String,
    /// The check whose quota was heard last.
    looked_at: Option<Millis>,
}

impl Owners {
    fn all(&self) -> [&String; 4] {
        [&self.account, &self.app, &self.account_calls, &self.app_calls]
    }

    /// Whose calls those are.
    fn caller(&self, of: Of) -> &String {
        if of == Of::Account { &self.account_calls } else { &self.app_calls }
    }

    /// Whose that limit is.
    fn owner(&self, of: Of) -> &String {
        if of == Of::Account { &self.account } else { &self.app }
    }
}

/// What the answers to one post told.
pub(crate) struct ToldOfPost {
    /// Nothing: nothing of posts.
    pub posts: Option<Vec<Quota>>,
    /// What is known of shares, whenever that was told.
    pub shares: Vec<Share>,
}

impl Budgets {
    pub fn new(reserve: Reserve) -> Self {
        Self { reserve, known: HashMap::new(), doubted: HashSet::new() }
    }

    /// A post for these owners that began at `began` was answered: what the answer told.
    fn answered(&mut self, owners: &Owners, told: &ToldOfPost, accepted: bool, began: Millis, now: Millis) {
        let posts = told.posts.as_deref().unwrap_or_default();
        let mut silent = Vec::new();
        for of in [Of::Account, Of::App] {
            let told_of: Vec<&Quota> = posts.iter().filter(|quota| quota.of == of).collect();
            if !told_of.is_empty() {
                self.hear_answer(owners.owner(of), &told_of, accepted, began, now);
            } else if posts.is_empty() {
                silent.push(owners.owner(of));
            }
            let heard = |share: &&Share| share.of == of && share.heard_at >= date_time(began);
            match told.shares.iter().find(heard) {
                Some(share) => self.hear_share(owners.caller(of), share, true, now),
                None => silent.push(owners.caller(of)),
            }
        }
        for owner in silent {
            let Some(known) = self.known.get_mut(owner) else { continue };
            *known = known.iter().filter_map(|b| b.posted(accepted, self.reserve, now)).collect();
        }
    }

    /// A share of calls was told, in the answer to a post or to a check. What one post takes of it nobody knows, and its
    /// window slides: so it holds as a look does, and the answer to a post holds anew.
    fn hear_share(&mut self, owner: &str, share: &Share, answered: bool, at: Millis) {
        self.forget(at);
        let before = self.known.get(owner).and_then(|known| known.first().copied()).filter(|_| !answered);
        let resets_at = share.back_at.map(|at| at.timestamp_millis());
        let told = Told { limit: Some(100), left: share.left.into(), resets_at, by: By::Look };
        self.known.insert(owner.to_owned(), vec![Budget::hear(before, told, self.reserve, at)]);
    }

    /// The answer to a post told these limits of one owner: they are all that counts of it.
    fn hear_answer(&mut self, owner: &str, told: &[&Quota], accepted: bool, began: Millis, at: Millis) {
        self.forget(at);
        let before = self.known.remove(owner).unwrap_or_default();
        if accepted && before.iter().any(|budget| budget.is_proved_wrong(began, at)) {
            self.doubted.insert(owner.to_owned());
        }
        let by = if self.doubted.contains(owner) { By::Look } else { By::Post };
        let budget = |q: &&Quota| {
            let same = before.iter().copied().find(|budget| budget.is_of(q.limit));
            let left = same.map_or(q.left, |budget| budget.least(q.left, began, at));
            let look = same.filter(|budget| !budget.is_answer_at(at));
            Budget::hear(look, Told { left, ..words(q, by) }, self.reserve, at)
        };
        let budgets = told.iter().map(budget).collect();
        self.known.insert(owner.to_owned(), budgets);
    }

    /// A check that asked was told this.
    fn hear_look(&mut self, owner: &str, told: &Quota, at: Millis) {
        self.forget(at);
        let known = self.known.entry(owner.to_owned()).or_default();
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

    fn of<'a>(&'a self, owners: &'a Owners) -> impl Iterator<Item = (&'a String, &'a Budget)> {
        let of = |owner| self.known.get(owner).into_iter().flatten().map(move |b| (owner, b));
        owners.all().into_iter().flat_map(of)
    }

    /// How many routine posts may begin for these owners, beside what is under way.
    fn room(&self, owners: &Owners, under_way: impl Fn(&str) -> u64, now: Millis) -> Room {
        let room = |(owner, b): (&String, &Budget)| b.room(self.reserve, under_way(owner), now);
        self.of(owners).map(room).fold(Room::Open, Room::and)
    }

    /// Until when these owners' routine posts wait.
    fn until(&self, owners: &Owners, now: Millis) -> Option<Millis> {
        self.of(owners).filter_map(|(_, budget)| budget.spent(self.reserve, now)).max()
    }
}

/// Whose the limits of an account are. A channel that no check has seen yet has no name, and its account's number all the
/// same. Where an account has two, its name is the one thing that channels have in common.
fn account(row: &Channel, settings: &serde_json::Value, place: &str, name: Option<String>) -> String {
    let number = place::number(&row.adapter, settings);
    let is_one = !place::has_two_numbers(&row.adapter, settings, settings);
    match (number, name) {
        (Some(number), name) if is_one || name.is_none() => format!("{place} number {number}"),
        (_, Some(name)) => format!("{place} {name}"),
        _ => row.id.clone(),
    }
}

impl Line {
    /// What the row of its channel says of its account, and of what is left there.
    pub(super) fn look(&mut self, row: &Channel, budgets: &mut Budgets) {
        let health = crate::app::channels::health(row);
        let facts = health.map(|h| h.facts).unwrap_or_default();
        let settings: serde_json::Value = serde_json::from_str(&row.settings).unwrap_or_default();
        // The same name on another server is somebody else.
        let place = format!("{} {}", row.adapter, place::plain(&row.adapter, &settings)["server"]);
        let owners = &mut self.owners;
        owners.account = account(row, &settings, &place, facts.account);
        owners.app = format!("app {place}");
        owners.account_calls = format!("calls:{}", owners.account);
        let server = place::server(&row.adapter, &settings).map(String::from);
        owners.app_calls = format!("app_calls:{}", server.unwrap_or_default());
        let Some(at) = row.checked_at.filter(|_| row.checked_at > owners.looked_at) else { return };
        owners.looked_at = row.checked_at;
        if let Some(posts) = facts.posts {
            budgets.hear_look(owners.owner(posts.of), &posts, at);
        }
        for share in facts.shares.iter().filter(|share| share.counts_at(date_time(at))) {
            budgets.hear_share(owners.caller(share.of), share, false, at);
        }
    }

    /// Until when its routine posts wait for the sake of crisis posts, and why.
    pub(super) fn kept(&self, budgets: &Budgets, now: Millis) -> Option<Back> {
        budgets.until(&self.owners, now).map(|until| {
            let why =
                format!("what the network still takes until {} is kept for crisis posts", rfc3339(until));
            Back { until, why }
        })
    }
}

/// Rooms that are given out together: what one line gets, another of the same owner does not.
pub(super) struct Shares<'a> {
    budgets: &'a Budgets,
    under_way: HashMap<String, u64>,
    now: Millis,
}

impl<'a> Shares<'a> {
    pub fn new(lines: &BTreeMap<String, Line>, budgets: &'a Budgets, now: Millis) -> Self {
        let mut under_way = HashMap::new();
        if !budgets.known.is_empty() {
            for line in lines.values() {
                for owner in line.owners.all().into_iter().filter(|owner| budgets.known.contains_key(*owner))
                {
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
}

impl Lines {
    /// A post that began at `began` was answered: what the answers told.
    pub fn answered(&self, channel: &str, told: &ToldOfPost, accepted: bool, began: Millis) {
        let (state, now) = (self.lock(), self.app.clock().now());
        let Some(line) = state.get(channel) else { return };
        self.budgets().answered(&line.owners, told, accepted, began, now);
    }

    /// Whether a post that is permitted waits all the same: what is left was found to be for crisis posts.
    pub fn kept(&self, channel: &str, lane: Lane, now: Millis) -> Option<Back> {
        if lane == Lane::Crisis {
            return None;
        }
        let kept = self.lock().get(channel)?.kept(&self.budgets(), now)?;
        Some(Back { until: kept.until.min(now + LOOK_AGAIN), ..kept })
    }

    /// The channels whose posts were given back for longer than they have to wait by what is known now.
    pub fn freed(&self, now: Millis) -> Vec<String> {
        let (state, budgets) = (self.lock(), self.budgets());
        let is_freed = |line: &Line| {
            let until = budgets.until(&line.owners, now).unwrap_or(now);
            line.kept_until > until.saturating_add(SAME_END)
        };
        state.iter().filter(|(_, line)| is_freed(line)).map(|(id, _)| id.clone()).collect()
    }

    /// Nothing of these channels waits in the queue for longer than it has to.
    pub fn woken(&self, channels: &[String]) {
        let mut state = self.lock();
        for channel in channels {
            if let Some(line) = state.get_mut(channel) {
                line.kept_until = 0;
            }
        }
    }

    pub(super) fn budgets(&self) -> std::sync::MutexGuard<'_, Budgets> {
        self.budgets.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "lines_budgets_tests.rs"]
mod tests;
