//! What is asked of X Ads.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::XAds;
use super::answers::refusal;
use super::post::{Post, can_be_like, can_be_of, is_id, same};
use super::signature::written;
use crate::http::{Answer, Request};
use crate::planner::{self, NO_POST, ODD};
use crate::remade::NOT_THERE;
use crate::scheduler::{Kept, Scheduled, Standing, TOO_MUCH};
use crate::{Failure, Pass};

/// The version of the API, in each address.
const VERSION: &str = "12";
/// Posts of one page of the list, which is the most, and most pages: it holds those that are out, too.
const EACH: &str = "200";
const PAGES: usize = 100;
const FORM: &str = "application/x-www-form-urlencoded";

const NO_ID: &str = "this is the id of no post of X Ads";
const NOT_IT: &str = "the answer is not about the post";

/// The fields of a request.
pub(super) type Fields<'a> = [(&'a str, &'a str)];

/// An answer.
#[derive(Deserialize)]
struct Told<T> {
    data: Option<T>,
    #[serde(default)]
    next_cursor: Option<String>,
}

/// What was read of the list.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Each post once, wherever it stands.
    pub posts: Vec<Post>,
    ids: HashSet<String>,
    /// What cannot be read as a post.
    odd: Vec<Value>,
}

impl Seen {
    fn add(&mut self, whole: Value) {
        match Post::read(whole.clone()) {
            Ok(post) if self.ids.insert(post.id().to_owned()) => self.posts.push(post),
            Ok(_) => {}
            Err(_) => self.odd.push(whole),
        }
    }

    /// What is on the schedule.
    pub fn planned(&self) -> planner::Seen<Vec<Scheduled>> {
        let unseen = (!self.odd.is_empty()).then_some(ODD);
        let mut planned = planner::Seen { all: Vec::new(), unseen };
        self.posts.iter().for_each(|post| planned.add(post.standing()));
        planned
    }
}

impl XAds {
    fn at(&self, path: &[&str], query: &Fields<'_>) -> Url {
        let mut url = self.server.clone();
        url.set_path(&format!("/{VERSION}/accounts/{}", [&[self.account.as_str()], path].concat().join("/")));
        url.set_query((!query.is_empty()).then(|| written(query)).as_deref());
        url
    }

    pub(super) fn scheduled(&self, id: &str) -> Url {
        self.at(&["scheduled_tweets", id], &[])
    }

    pub(super) fn all_scheduled(&self) -> Url {
        self.at(&["scheduled_tweets"], &[])
    }

    /// Makes a request; through the gate, when it puts a post back. The answer has any status.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn ask(
        &self,
        request: Request,
        form: &Fields<'_>,
        pass: Option<&Pass>,
    ) -> Result<Answer, Failure> {
        let url = Url::parse(&request.url).map_err(|_| planner::no_effect(NO_ID))?;
        // Whoever repeats one is refused.
        let nonce = hex::encode(rand::random::<[u8; 16]>());
        let signed = self.keys.sign(request.method.as_str(), &url, form, &nonce, self.api.now());
        let request = request.authorised("OAuth", &signed);
        let is_read = request.method == "GET";
        let request = if form.is_empty() { request } else { request.body(FORM, written(form).into_bytes()) };
        match pass {
            Some(_) => self.restores.ask(request, pass).await,
            None if is_read => self.api.ask(request, None).await,
            None => self.holds.ask(request, None).await,
        }
    }

    /// An answer that accepts.
    ///
    /// # Errors
    /// What another one means.
    pub(super) fn accepted(&self, answer: Answer) -> Result<Answer, Failure> {
        match refusal(&answer, &self.keys.all()) {
            Some(failure) => Err(failure),
            None => self.api.accepted(answer, None),
        }
    }

    /// Asks for something of the account that must be there.
    pub(super) async fn get(&self, path: &[&str]) -> Result<Value, String> {
        let request = Request::get(self.at(path, &[]).as_str());
        let answer = self.ask(request, &[], None).await.and_then(|answer| self.accepted(answer));
        let told: Told<Value> = answer.map_err(|why| why.to_string())?.json()?;
        told.data.ok_or_else(|| NO_POST.to_owned())
    }

    /// Where a post stands now, whatever was done with it.
    pub(super) async fn stands(&self, id: &str) -> Standing {
        let look = async {
            if !is_id(id) {
                return Err(NO_ID.to_owned());
            }
            let asked = self.ask(Request::get(self.scheduled(id).as_str()), &[], None).await;
            let answer = asked.map_err(|why| why.to_string())?;
            if answer.status == 404 {
                return self.missing(id).await;
            }
            let answer = self.accepted(answer).map_err(|why| why.to_string())?;
            let post = Post::read(answer.json::<Told<Value>>()?.data.unwrap_or_default())?;
            if post.id() == id { Ok(post.standing()) } else { Err(NOT_IT.to_owned()) }
        };
        look.await.unwrap_or_else(Standing::Unknown)
    }

    /// Where a post stands that was not found. A refusal can mean the account or the address, too, so the whole list tells.
    async fn missing(&self, id: &str) -> Result<Standing, String> {
        let seen = self.whole_list().await?;
        if let Some(post) = seen.posts.iter().find(|post| post.id() == id) {
            return Ok(post.standing());
        }
        if seen.odd.iter().any(|odd| can_be_of(odd, id)) {
            return Err(ODD.to_owned());
        }
        Ok(Standing::Gone(NOT_THERE.to_owned()))
    }

    /// One page of the list, and where the next one begins.
    pub(super) async fn page(
        &self,
        count: &str,
        cursor: Option<&str>,
    ) -> Result<(Vec<Value>, Option<String>), String> {
        let user = self.user.as_deref().map(|user| ("user_id", user));
        let query: Vec<_> =
            [("count", count)].into_iter().chain(user).chain(cursor.map(|at| ("cursor", at))).collect();
        let request = Request::get(self.at(&["scheduled_tweets"], &query).as_str());
        let answer = self.ask(request, &[], None).await.and_then(|answer| self.accepted(answer));
        let told: Told<Vec<Value>> = answer.map_err(|why| why.to_string())?.json()?;
        Ok((told.data.ok_or(NO_POST)?, told.next_cursor.filter(|next| !next.is_empty())))
    }

    /// Reads the list to its end. Nobody says in which order it is, so what is out is read, too.
    pub(super) async fn list_into(&self, seen: &mut Seen) -> Result<(), String> {
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES {
            let (page, next) = self.page(EACH, cursor.as_deref()).await?;
            page.into_iter().for_each(|whole| seen.add(whole));
            match next {
                None => return Ok(()),
                next if next == cursor => break,
                next => cursor = next,
            }
        }
        Err(TOO_MUCH.to_owned())
    }

    async fn whole_list(&self) -> Result<Seen, String> {
        let mut seen = Seen::default();
        planner::in_time(self.list_into(&mut seen)).await?;
        Ok(seen)
    }

    /// Those that are like a post which was deleted, wherever they stand: perhaps that post, made again.
    pub(super) async fn like(&self, kept: &Kept) -> Result<Vec<Post>, String> {
        let seen = self.whole_list().await?;
        if seen.odd.iter().any(|odd| can_be_like(odd, &kept.snapshot)) {
            return Err(ODD.to_owned());
        }
        let is_like = |post: &Post| {
            let is_it = same(&post.snapshot(), &kept.snapshot) && post.id() != kept.remote_id;
            is_it && !kept.taken.iter().any(|id| id == post.id())
        };
        Ok(seen.posts.into_iter().filter(is_like).collect())
    }
}

/// The id that an answer gives to a post which was made.
pub(super) fn made(answer: &Answer) -> Option<String> {
    let post = Post::read(answer.json::<Told<Value>>().ok()?.data?).ok()?;
    Some(post.id().to_owned())
}
