//! People: what they do, and what the checks must know of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdline::app::approvals::{self, NewDecision};
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::held::{self, Choice, Review, Settle, Settlement};
use holdline::app::posts::{self, NewPost};
use holdline::app::{Actor, App, Result, nodes};
use holdline::clock::{Millis, rfc3339};
use holdline::domain::approval::Decision;
use holdline::domain::delivery::State;
use serde_json::{Value, json};

use crate::chance::Chance;

/// A post as people know it.
#[derive(Debug, Clone, Default)]
pub struct Written {
    pub id: String,
    /// How often it was edited: the text tells which version it is.
    pub version: u32,
    pub new: Value,
    /// Texts that somebody may have approved, from then on.
    pub approved: Vec<(String, Millis)>,
    /// Texts whose approval somebody was told is done.
    pub told: Vec<String>,
    /// Texts that an edit has surely replaced by then.
    pub replaced: Vec<(String, Millis)>,
}

#[derive(Default)]
pub struct Record {
    pub posts: Vec<Written>,
    /// Deliveries about which somebody may have decided, from then on.
    pub decided: Vec<(String, Millis)>,
    /// Posts that are cancelled, from then on.
    pub cancelled: Vec<(String, Millis)>,
    /// Nodes that a person took off the list.
    pub forgotten: Vec<(String, Millis)>,
    /// What people were told is done, as the log must have it: what, of what, and who.
    pub told: Vec<(String, String, String)>,
    pub lines: Vec<String>,
}

/// One person at one node.
#[derive(Clone)]
pub struct Desk {
    pub app: App,
    pub operator: Actor,
    pub approver: Actor,
    pub administrator: Actor,
    pub record: Arc<Mutex<Record>>,
}

impl Desk {
    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Millis {
        self.app.clock().now()
    }

    fn say<T>(&self, what: &str, result: &Result<T>) {
        let line = match result {
            Ok(_) => what.to_owned(),
            Err(e) => format!("{what}: {e}"),
        };
        self.record().lines.push(line);
    }

    /// Somebody was told that it is done.
    fn told(&self, by: &Actor, verb: &str, subject: String) {
        self.record().told.push((verb.into(), subject, by.id.clone()));
    }

    /// Writes a post; `approve`: it is approved at once.
    pub async fn write(&self, new: Value, approve: bool) {
        let post: NewPost = serde_json::from_value(new.clone()).expect("a post");
        let made = posts::create(&self.app, &self.operator, &post).await;
        self.say(&format!("write {}", new["source"]["text"]), &made);
        let Ok(made) = made else { return };
        let written = Written { id: made.id.clone(), new, ..Written::default() };
        self.record().posts.push(written);
        self.told(&self.operator, "post.created", format!("post:{}", made.id));
        if approve {
            self.approve(&made.id).await;
        }
    }

    /// Approves what the sheet shows.
    pub async fn approve(&self, post: &str) {
        let Ok(sheet) = approvals::sheet(&self.app, &self.approver, post).await else { return };
        let now = self.now();
        let text = sheet.post.source.text;
        if let Some(written) = self.record().posts.iter_mut().find(|w| w.id == post) {
            written.approved.push((text.clone(), now));
        }
        let new = NewDecision {
            decision: Decision::Approve,
            bundle: sheet.bundle,
            comment: None,
            unready: Vec::new(),
        };
        let done = approvals::decide(&self.app, &self.approver, post, &new).await;
        self.say(&format!("approve {post}"), &done);
        if done.is_ok() {
            self.told(&self.approver, "post.approved", format!("post:{post}"));
            if let Some(written) = self.record().posts.iter_mut().find(|w| w.id == post) {
                written.told.push(text);
            }
        }
    }

    /// Gives a post other words, and perhaps has them approved.
    pub async fn edit(&self, post: usize, approve: bool) {
        let Some(old) = self.record().posts.get(post).cloned() else { return };
        let mut new = old.new.clone();
        let text = format!("post {post} v{}", old.version + 1);
        new["source"]["text"] = json!(text);
        let typed: NewPost = serde_json::from_value(new.clone()).expect("a post");
        let done = posts::edit(&self.app, &self.operator, &old.id, None, &typed).await;
        let at = self.now();
        self.say(&format!("edit {} to {text}", old.id), &done);
        if done.is_err() {
            return;
        }
        self.told(&self.operator, "post.edited", format!("post:{}", old.id));
        if let Some(written) = self.record().posts.get_mut(post) {
            let before = std::mem::replace(&mut written.new, new);
            written.replaced.push((before["source"]["text"].as_str().unwrap_or_default().to_owned(), at));
            written.version += 1;
        }
        if approve {
            self.approve(&old.id).await;
        }
    }

    pub async fn cancel(&self, post: usize) {
        let Some(id) = self.record().posts.get(post).map(|w| w.id.clone()) else { return };
        let done = posts::cancel(&self.app, &self.operator, &id).await;
        if done.is_ok() {
            let at = self.now();
            self.record().cancelled.push((id.clone(), at));
            self.told(&self.operator, "post.cancelled", format!("post:{id}"));
        }
        self.say(&format!("cancel {id}"), &done);
    }

    pub async fn freeze(&self, scope: Value) {
        let what = format!("freeze {scope}");
        let new: NewFreeze =
            serde_json::from_value(json!({"scope": scope, "reason": "simulated"})).expect("a freeze");
        let done = freezes::create(&self.app, &self.operator, &new).await;
        self.say(&what, &done);
    }

    /// Lifts the oldest freeze, or all of them.
    pub async fn thaw(&self, all: bool) {
        let Ok(open) = freezes::list(&self.app, &self.operator, true).await else { return };
        let some = if all { open.len() } else { 1 };
        for freeze in open.into_iter().rev().take(some) {
            let done = freezes::thaw(&self.app, &self.operator, &freeze.id, "simulated").await;
            self.say(&format!("thaw {}", freeze.id), &done);
        }
    }

    /// Decides about what is held, one by one.
    pub async fn review(&self, mut chance: Chance) {
        let held = held::list(&self.app, &self.operator, State::Held, None, "", 100).await;
        for waiting in held.unwrap_or_default() {
            let (choice, at) = match chance.below(4) {
                0 => (Choice::Cancel, None),
                1 => (Choice::Reschedule, Some(rfc3339(self.now() + chance.between(300, 4_000)))),
                2 => continue,
                _ => (Choice::Release, None),
            };
            self.record().decided.push((waiting.delivery.clone(), self.now()));
            let review = Review {
                choice,
                deliveries: vec![waiting.delivery.clone()],
                label: None,
                hash: None,
                expected: None,
                at,
                zone: None,
                spread_minutes: 0,
            };
            let done = held::review(&self.app, &self.operator, &review).await;
            if done.as_ref().is_ok_and(|reviewed| reviewed.changed > 0) {
                self.told(&self.operator, "delivery.reviewed", format!("delivery:{}", waiting.delivery));
            }
            self.say(&format!("{choice:?} {}", waiting.delivery), &done);
        }
    }

    /// Takes a node off the list that says nothing.
    pub async fn forget(&self, node: &str) {
        let at = self.now();
        let done = nodes::forget(&self.app, &self.administrator, node).await;
        self.say(&format!("forget {node}"), &done);
        if done.is_ok() {
            self.record().forgotten.push((node.to_owned(), at));
        }
    }

    /// Says of doubts what is so: these are there, and `all`: the others are not and will not be.
    pub async fn settle_all(&self, there: &[String], all: bool) {
        let doubts = held::list(&self.app, &self.operator, State::InDoubt, None, "", 100).await;
        for doubt in doubts.unwrap_or_default() {
            let is_there = there.contains(&doubt.delivery);
            if is_there || all {
                self.settle(&doubt.delivery, is_there).await;
            }
        }
    }

    /// Says of a doubt what is so.
    pub async fn settle(&self, delivery: &str, is_there: bool) {
        let settlement = if is_there { Settlement::Published } else { Settlement::NotPublished };
        let settle = Settle { settlement, note: "looked at the timeline".into(), url: None };
        let done = held::settle(&self.app, &self.operator, delivery, &settle).await;
        if done.is_ok() {
            self.told(&self.operator, "doubt.settled", format!("delivery:{delivery}"));
        }
        self.say(&format!("settle {delivery}: {settlement:?}"), &done);
    }
}
