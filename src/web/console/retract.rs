//! Taking one copy down, on the page of its post and on that of a freeze: with a reason that a person
//! writes, and a typed word.

use super::fields::Fields;
use super::ui::{Trouble, Ui};
use super::visit::Visit;
use crate::app::held::{self, Settle, Settlement};
use crate::app::take_downs::{self, TakenDown};
use crate::web::Web;

/// The form of one delivery that was refused, with what was typed.
#[derive(Debug, Clone, Default)]
pub struct Refused {
    delivery: String,
    why: String,
    word: String,
    /// The network was asked, and could not take it down.
    still_live: bool,
    pub trouble: Trouble,
}

/// What stands in the form for every copy of a post.
pub const ALL: &str = "all";

/// Takes down what the form names, when it is one of `mine`, or takes a person's word that it was taken down by hand; every
/// copy of `post`, when it names that. Nothing: it is gone.
///
/// # Errors
/// What cannot be mended in the form.
pub async fn take_down(
    web: &Web,
    visit: &Visit,
    fields: &Fields,
    mine: &[&str],
    post: Option<&str>,
) -> crate::app::Result<Option<Refused>> {
    let (delivery, why) = (fields.get("delivery").to_owned(), fields.text("why"));
    let mut trouble = Trouble::default();
    let mut still_live = fields.get("how") == "by_hand";
    let post = post.filter(|_| delivery == ALL);
    if post.is_none() && !mine.contains(&delivery.as_str()) {
        trouble.general.push(visit.lang.t("retract-not-here"));
    }
    if why.is_empty() {
        trouble.fields.push(("why".into(), visit.lang.t("retract-why-needed")));
    }
    if let Err(wrong) = visit.typed(fields, "retract-word") {
        trouble.fields.extend(wrong.fields);
    }
    if let (true, Some(post)) = (trouble.is_empty(), post) {
        match take_downs::all(&web.app, visit.by()?, post, &why).await {
            Ok(copies) if copies.iter().all(|copy| copy.gone) => return Ok(None),
            Ok(copies) => {
                let said = |copy: TakenDown| {
                    let reason = Ui::bare(visit).say(&copy.reason?);
                    let words = [("name", copy.channel_name.into()), ("reason", reason.into())];
                    Some(visit.lang.with("retract-still-live-on", &words))
                };
                trouble.general.extend(copies.into_iter().filter_map(said));
            }
            Err(e) => trouble = Trouble::mendable(e)?.renamed("comment", "why"),
        }
    } else if trouble.is_empty() {
        let done = if still_live {
            let word = Settle { settlement: Settlement::TakenDown, note: why.clone(), url: None };
            let settled = held::settle(&web.app, visit.by()?, &delivery, &word).await;
            settled.map(|()| ::channels::Retraction::Gone)
        } else {
            held::retract(&web.app, visit.by()?, &delivery, &why).await
        };
        match done {
            Ok(::channels::Retraction::Gone) => return Ok(None),
            Ok(::channels::Retraction::StillLive(reason)) => {
                still_live = true;
                let reason = Ui::bare(visit).say(&reason);
                trouble.general.push(visit.lang.with("retract-still-live", &[("reason", reason.into())]));
            }
            Err(e) => trouble = Trouble::mendable(e)?.renamed("comment", "why").renamed("note", "why"),
        }
    }
    Ok(Some(Refused { delivery, why, word: fields.get("word").to_owned(), still_live, trouble }))
}

impl Refused {
    /// Whether it is the form of that delivery.
    pub fn is(&self, delivery: &str) -> bool {
        self.delivery == delivery
    }

    /// Whether the network could not take that one down, so that a person can say that they did.
    pub fn is_still_live(&self, delivery: &str) -> bool {
        self.still_live && self.is(delivery) && delivery != ALL
    }

    /// What was typed as the reason for that delivery.
    pub fn why(&self, delivery: &str) -> &str {
        if self.is(delivery) { &self.why } else { "" }
    }

    /// What was typed as the word for that delivery.
    pub fn word(&self, delivery: &str) -> &str {
        if self.is(delivery) { &self.word } else { "" }
    }

    /// What is wrong with a field of that delivery's form.
    pub fn wrong(&self, delivery: &str, field: &str) -> Vec<&str> {
        if self.is(delivery) { self.trouble.at(field) } else { Vec::new() }
    }

    /// What is wrong with the whole.
    pub fn whole(&self) -> Vec<String> {
        self.trouble.elsewhere(&["why", "word"])
    }
}
