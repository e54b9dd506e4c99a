//! Whose an access token is: posts go to the account of the settings, whoever the token may also read.
//!
//! With Instagram Login the token is an account's, which has two numbers: `id` for one app, and `user_id`, the
//! professional account's own (<https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/get-started>;
//! `instagram-graph-api/reference/ig-user` there). Either one leads to it, so either one stands in settings.
//!
//! With Facebook Login the token is a person's, a page's or a system's, and leads to the accounts of its pages: by
//! `instagram_business_account` of each (`instagram-api-with-facebook-login/get-started` there). What no page shows may be
//! reached otherwise, through a business: then nobody says whose the token is.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::Instagram;
use crate::graph::is_id;
use crate::text;

/// The account of a token of Instagram Login.
pub(super) struct Who {
    pub(super) name: String,
    /// The professional account's first.
    pub(super) numbers: Vec<String>,
    /// Both were told: another number is another account's.
    pub(super) are_all: bool,
    /// The professional account's was.
    has_own: bool,
}

/// A page, as far as its account is read.
#[derive(Deserialize)]
struct Page {
    instagram_business_account: Option<Numbered>,
}

#[derive(Deserialize)]
struct Numbered {
    id: String,
}

impl Page {
    fn has(&self, user: &str) -> bool {
        self.instagram_business_account.as_ref().is_some_and(|account| account.id == user)
    }
}

/// Said of an answer with one of the two numbers of an account.
pub(super) const NOT_BOTH: &str = "Instagram tells one number of the account of the access token, and not whether the setting user is its other one";

/// Said of an answer without the number by which the posts of an account are known.
pub(super) const NOT_OWN: &str =
    "Instagram does not tell the professional account's own number, by which its posts are known here";

/// How long the question takes at most, which stops no channel.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 4 });

/// The field of a page that names its account.
const ACCOUNT: &[(&str, &str)] = &[("fields", "instagram_business_account{id}")];

/// A number, whether it is written as one or as text.
fn number(told: &Value) -> Option<String> {
    let text = told.as_str().map_or_else(|| told.to_string(), str::to_owned);
    Some(text).filter(|text| is_id(text))
}

impl Instagram {
    /// The account of the token, with Instagram Login.
    ///
    /// # Errors
    /// A sentence.
    pub(super) async fn who(&self) -> Result<Who, String> {
        let told = self.api.ask(&["me"], &[("fields", "id,user_id,username")]).await;
        let told: Value = told.map_err(|failure| failure.to_string())?.json()?;
        // An example of Meta's has a list around it.
        let told = if told["data"].is_array() { &told["data"][0] } else { &told };
        let mut numbers: Vec<String> =
            [&told["user_id"], &told["id"]].into_iter().filter_map(number).collect();
        let (are_all, has_own) = (numbers.len() == 2, number(&told["user_id"]).is_some());
        numbers.dedup();
        if numbers.is_empty() {
            return Err("Instagram does not name the account".to_owned());
        }
        self.numbers.keep(are_all.then(|| numbers.clone()));
        Ok(Who {
            name: text::shown(told["username"].as_str().unwrap_or_default()),
            numbers,
            are_all,
            has_own,
        })
    }

    /// All numbers of the account: the professional one's first, where a token says it.
    ///
    /// # Errors
    /// A sentence, when the token is another account's, or nobody says whose; or when the professional account's number is
    /// not told: a look by the other one would take it for another account.
    pub(super) async fn all_numbers(&self) -> Result<Vec<String>, String> {
        if !self.is_instagrams {
            return Ok(vec![self.user.clone()]);
        }
        let (numbers, are_all) = match self.numbers.get() {
            Some(numbers) => (numbers, true),
            None => {
                let who = self.who().await?;
                if !who.has_own && who.numbers.contains(&self.user) {
                    return Err(NOT_OWN.to_owned());
                }
                (who.numbers, who.are_all)
            }
        };
        if numbers.contains(&self.user) {
            return Ok(numbers);
        }
        if !are_all {
            return Err(NOT_BOTH.to_owned());
        }
        Err("the access token is that of another account".to_owned())
    }

    /// Whether a page that the token shows has this account, with Facebook Login. What cannot be read, or not soon, shows
    /// none.
    pub(super) async fn is_of_a_page(&self) -> bool {
        tokio::time::timeout(PATIENCE, self.find_page()).await.unwrap_or(false)
    }

    async fn find_page(&self) -> bool {
        let has = |pages: &[Page]| pages.iter().any(|page| page.has(&self.user));
        let pages = self.api.newest::<Page>(&["me", "accounts"], ACCOUNT, "pages_show_list", has).await;
        if pages.is_ok_and(|(pages, _)| has(&pages)) {
            return true;
        }
        // For the token of a page, this is the page.
        let own = self.api.ask(&["me"], ACCOUNT).await;
        own.ok().and_then(|answer| answer.json::<Page>().ok()).is_some_and(|page| page.has(&self.user))
    }
}
