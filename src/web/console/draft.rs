//! What stands in the composer: read from its form, from an address or from a post, and made into
//! posts, one for each language.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::fields::Fields;
use super::times;
use crate::app::channels::ChannelView;
use crate::app::posts::{NewPost, PostView};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::playbook::Text;
use crate::domain::post::{Kind, Media, PostState, Source};

/// A post, or the same one in several languages, as it was typed.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    pub kind: String,
    pub incident: String,
    pub corrects: String,
    /// The post that is out and gets these words.
    pub revises: String,
    pub brand: String,
    pub labels: String,
    /// Ids; empty: every channel of the brand that fits.
    pub channels: Vec<String>,
    /// In which zone its times are.
    pub zone: String,
    pub due: Moment,
    pub valid_until: Moment,
    /// Minutes from the due time on, `at`, or `none`.
    pub promise: String,
    pub promise_at: Moment,
    pub recurrence: String,
    pub texts: Vec<Words>,
    pub pictures: Vec<Picture>,
}

/// A local time in a form, with the instant that it stood for when it was shown.
#[derive(Debug, Clone, Default)]
pub struct Moment {
    pub typed: String,
    pub was: String,
}

/// The words in one language.
#[derive(Debug, Clone, Default)]
pub struct Words {
    pub language: String,
    pub title: String,
    pub text: String,
    /// Texts of their own, by the id of the channel.
    pub own: BTreeMap<String, String>,
}

/// A picture that was uploaded, with what it shows in each language.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    pub sha: String,
    pub mime: String,
    pub alts: BTreeMap<String, String>,
}

impl Moment {
    fn read(f: &Fields, name: &str) -> Self {
        Self { typed: f.get(name).to_owned(), was: f.get(&format!("{name}-was")).to_owned() }
    }

    /// An instant that a post has.
    pub fn of(at: Option<&str>, zone: Tz) -> Self {
        let Some(at) = at else { return Self::default() };
        Self { typed: times::field(zone, times::millis(at)), was: at.to_owned() }
    }

    /// The same time of the day on another day.
    pub fn on(mut self, day: NaiveDate) -> Self {
        let time = self.typed.split_once('T').map_or("09:00", |(_, time)| time).to_owned();
        self.typed = format!("{day}T{time}");
        self
    }

    /// What the service reads. What was not touched stays the same instant, to the second and also in
    /// an hour that comes twice.
    pub fn some(&self, zone: Tz) -> Option<String> {
        if !self.was.is_empty() && times::field(zone, times::millis(&self.was)) == self.typed {
            return Some(self.was.clone());
        }
        Some(self.typed.clone()).filter(|t| !t.is_empty())
    }
}

impl Words {
    /// Nothing yet.
    pub fn empty(language: &str) -> Self {
        Self { language: language.to_owned(), ..Self::default() }
    }

    /// Prepared words.
    pub fn prepared(language: &str, words: &Text) -> Self {
        Self { title: words.title.clone(), text: words.text.clone(), ..Self::empty(language) }
    }

    /// Whether nothing was written in this language.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.title.trim().is_empty() && self.own.is_empty()
    }

    /// The text for one channel, where it has its own.
    pub fn own_text(&self, channel: &str) -> &str {
        self.own.get(channel).map_or("", String::as_str)
    }
}

impl Picture {
    /// What it shows, in a language.
    pub fn alt(&self, language: &str) -> &str {
        self.alts.get(language).map_or("", String::as_str)
    }
}

impl Draft {
    /// From the composer's form.
    pub fn read(f: &Fields) -> Self {
        let languages = f.all("language");
        let texts = languages.iter().map(|language| {
            let own = format!("own-{language}-");
            let typed = f.0.iter().filter_map(|(name, value)| Some((name.strip_prefix(&own)?, value)));
            Words {
                language: language.clone(),
                title: f.get(&format!("title-{language}")).to_owned(),
                text: f.text(&format!("text-{language}")),
                own: typed
                    .map(|(id, text)| (id.to_owned(), text.trim().replace("\r\n", "\n")))
                    .filter(|(_, text)| !text.is_empty())
                    .collect(),
            }
        });
        let pictures = f.all("picture").into_iter().filter_map(|p| {
            let (sha, mime) = p.split_once(':')?;
            // What names no picture is none of ours.
            if sha.len() != 64 || !sha.chars().all(|c| c.is_ascii_hexdigit()) {
                return None;
            }
            let alt = |l: &String| (l.clone(), f.text(&format!("alt-{l}-{sha}")));
            let alts = languages.iter().map(alt).collect();
            Some(Picture { sha: sha.to_owned(), mime: mime.to_owned(), alts })
        });
        Self {
            kind: f.get("kind").to_owned(),
            incident: f.get("incident").to_owned(),
            corrects: f.get("corrects").to_owned(),
            revises: f.get("revises").to_owned(),
            brand: f.get("brand").to_owned(),
            labels: f.get("labels").to_owned(),
            channels: f.all("channel"),
            zone: f.get("zone").to_owned(),
            due: Moment::read(f, "due"),
            valid_until: Moment::read(f, "valid_until"),
            promise: f.get("promise").to_owned(),
            promise_at: Moment::read(f, "promise_at"),
            recurrence: f.get("recurrence").to_owned(),
            texts: texts.collect(),
            pictures: pictures.filter(|p| !f.has(&format!("drop-{}", p.sha))).collect(),
        }
    }

    /// From a post that is edited, or corrected.
    pub fn of(post: &PostView, channels: &[ChannelView], now: Millis) -> Self {
        let zone: Tz = post.zone.parse().unwrap_or(Tz::UTC);
        let id_of = |name: &String| channels.iter().find(|c| c.name == *name).map(|c| c.id.clone());
        let source = &post.source;
        let own = source.per_channel.iter().filter_map(|(name, text)| Some((id_of(name)?, text.clone())));
        let picture = |m: &Media| Picture {
            sha: m.sha256.clone(),
            mime: m.mime.clone(),
            alts: [(source.language.clone(), m.alt.clone())].into(),
        };
        // A time that has passed meant: as soon as it is approved.
        let due = Some(post.due.as_str()).filter(|d| times::millis(d) > now);
        Self {
            kind: post.kind.word().to_owned(),
            incident: post.incident.clone().unwrap_or_default(),
            corrects: post.corrects.clone().unwrap_or_default(),
            revises: post.revises.clone().unwrap_or_default(),
            brand: post.brand.clone(),
            labels: post.labels.join(", "),
            channels: post.deliveries.iter().map(|d| d.channel.clone()).collect(),
            zone: post.zone.clone(),
            due: Moment::of(due, zone),
            valid_until: Moment::of(post.valid_until.as_deref(), zone),
            promise: if post.promise.is_some() { "at" } else { "none" }.to_owned(),
            promise_at: Moment::of(post.promise.as_deref(), zone),
            recurrence: post.recurrence.clone().unwrap_or_default(),
            texts: vec![Words {
                language: source.language.clone(),
                title: source.title.clone().unwrap_or_default(),
                text: source.text.clone(),
                own: own.collect(),
            }],
            pictures: source.media.iter().map(picture).collect(),
        }
    }

    /// Without the times of the post that it was made of, and without what that one corrects or changes.
    pub fn start_anew(&mut self, zone: String) {
        self.corrects = String::new();
        self.revises = String::new();
        self.due = Moment::default();
        self.valid_until = Moment::default();
        self.recurrence = String::new();
        self.promise = "none".into();
        self.promise_at = Moment::default();
        self.zone = zone;
    }

    /// The kind; routine when it is none.
    pub fn kind(&self) -> Kind {
        Kind::parse(&self.kind).unwrap_or(Kind::Routine)
    }

    /// The zone of its times.
    pub fn zone(&self) -> Tz {
        self.zone.parse().unwrap_or(Tz::UTC)
    }

    /// Whether a channel of that id is chosen.
    pub fn has(&self, channel: &str) -> bool {
        self.channels.iter().any(|c| c == channel)
    }

    /// One post for each language that has words; without any, one for the first language, so that the
    /// service says what is missing.
    pub fn posts(&self, channels: &[ChannelView], now: Millis, submit: bool) -> Vec<NewPost> {
        let mut written: Vec<&Words> = self.texts.iter().filter(|w| !w.is_empty()).collect();
        if written.is_empty() {
            written.extend(self.texts.first());
        }
        written.into_iter().map(|w| self.post(w, channels, now, submit)).collect()
    }

    fn post(&self, words: &Words, channels: &[ChannelView], now: Millis, submit: bool) -> NewPost {
        let zone = self.zone();
        let some = |text: &String| Some(text.clone()).filter(|t| !t.is_empty());
        let name_of = |id: &String| channels.iter().find(|c| c.id == *id).map(|c| c.name.clone());
        let chosen = |id: &String| self.channels.is_empty() || self.channels.contains(id);
        let own = words.own.iter().filter(|(id, _)| chosen(id));
        let media = self.pictures.iter().map(|p| Media {
            sha256: p.sha.clone(),
            mime: p.mime.clone(),
            alt: p.alt(&words.language).to_owned(),
        });
        NewPost {
            kind: self.kind(),
            brand: self.brand.clone(),
            labels: split(&self.labels),
            source: Source {
                title: some(&words.title),
                text: words.text.clone(),
                language: words.language.clone(),
                per_channel: own.filter_map(|(id, text)| Some((name_of(id)?, text.clone()))).collect(),
                media: media.collect(),
            },
            channels: self.channels.clone(),
            due: self.due.some(zone),
            zone: self.zone.clone(),
            recurrence: some(&self.recurrence),
            valid_until: self.valid_until.some(zone),
            incident: some(&self.incident),
            promise: self.promised(now),
            corrects: some(&self.corrects),
            revises: some(&self.revises),
            submit,
        }
    }

    /// The promised time: so long after the post goes out, or a time that was typed.
    fn promised(&self, now: Millis) -> Option<String> {
        let zone = self.zone();
        match self.promise.as_str() {
            "at" => self.promise_at.some(zone),
            minutes => {
                let minutes: Millis = minutes.parse().ok()?;
                let due = self.due.some(zone).and_then(|d| crate::domain::times::parse(&d, &self.zone).ok());
                Some(rfc3339(due.unwrap_or(now).max(now) + minutes * 60_000))
            }
        }
    }
}

/// The post as it is, for a change of a part of it.
pub fn unchanged(post: &PostView) -> NewPost {
    NewPost {
        kind: post.kind,
        brand: post.brand.clone(),
        labels: post.labels.clone(),
        source: post.source.clone(),
        channels: post.deliveries.iter().map(|d| d.channel.clone()).collect(),
        due: Some(post.due.clone()),
        zone: post.zone.clone(),
        recurrence: post.recurrence.clone(),
        valid_until: post.valid_until.clone(),
        incident: post.incident.clone(),
        promise: post.promise.clone(),
        corrects: post.corrects.clone(),
        revises: post.revises.clone(),
        // What was handed over, or approved, waits for approval of its new form.
        submit: post.state != PostState::Draft,
    }
}

fn split(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        Fields(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn each_language_with_words_is_one_post() {
        let (kept, dropped) = ("ab".repeat(32), "cd".repeat(32));
        let [kept_picture, dropped_picture] = [&kept, &dropped].map(|sha| format!("{sha}:image/png"));
        let (alt, drop) = (format!("alt-fr-{kept}"), format!("drop-{dropped}"));
        let f = fields(&[
            ("kind", "update"),
            ("zone", "Europe/Paris"),
            ("due", "2026-12-01T09:00"),
            ("promise", "60"),
            ("labels", "a, b"),
            ("language", "en"),
            ("language", "fr"),
            ("text-en", "One"),
            ("text-fr", "Un"),
            ("picture", &kept_picture),
            (&alt, "une carte"),
            ("picture", &dropped_picture),
            // It names no picture at all.
            ("picture", "ab:image/png"),
            (&drop, "on"),
        ]);
        let posts = Draft::read(&f).posts(&[], 0, true);
        let seen: Vec<_> =
            posts.iter().map(|p| (p.source.language.as_str(), p.source.text.as_str())).collect();
        assert_eq!(seen, [("en", "One"), ("fr", "Un")]);
        assert_eq!(posts[0].promise.as_deref(), Some("2026-12-01T09:00:00.000Z"), "an hour after 8:00 UTC");
        assert_eq!(posts[1].source.media.len(), 1);
        assert_eq!(
            (posts[1].source.media[0].alt.as_str(), posts[0].source.media[0].alt.as_str()),
            ("une carte", "")
        );
        let none = fields(&[("language", "en"), ("language", "fr")]);
        assert_eq!(Draft::read(&none).posts(&[], 0, false).len(), 1);
    }

    #[test]
    fn an_untouched_time_stays_the_same_instant() {
        let paris = chrono_tz::Europe::Paris;
        // The second of the two half past two.
        let at = "2026-10-25T01:30:12.000Z";
        let m = Moment::of(Some(at), paris);
        assert_eq!(m.typed, "2026-10-25T02:30");
        assert_eq!(m.some(paris).as_deref(), Some(at));
        let moved = Moment { typed: "2026-10-25T12:00".into(), ..m };
        assert_eq!(moved.some(paris).as_deref(), Some("2026-10-25T12:00"));
    }
}
