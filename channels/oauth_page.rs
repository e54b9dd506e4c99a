//! Facebook's way to the token of a page: a person's token of hours becomes one of about 60 days, and gives that of each
//! of their pages, which has no end of its own. An account of Instagram is reached by the token of the page that it is connected
//! with (`instagram_business_account`; `instagram-platform/instagram-api-with-facebook-login/get-started` there). It ends with the person's password, task on the page, or grant.
//!
//! Facts: <https://developers.facebook.com/documentation/facebook-login/guides/access-tokens/get-long-lived>,
//! <https://developers.facebook.com/docs/pages-api/getting-started>,
//! `graph-api/reference/user/permissions`. Nothing renews the person's token; it is kept to end the grant.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::graph::is_id;
use crate::http::Http;
use crate::oauth::{Client, Refusal, Tokens, is_sent, refuses};
use crate::oauth_answers::HIDDEN;
use crate::oauth_networks::Renews;

/// A person, and what they granted.
#[derive(Deserialize)]
struct Person {
    id: String,
    permissions: Permissions,
}

#[derive(Deserialize)]
struct Permissions {
    data: Vec<Permission>,
}

#[derive(Deserialize)]
struct Permission {
    permission: String,
    status: String,
}

#[derive(Deserialize)]
struct Page {
    id: String,
    #[serde(default)]
    access_token: Option<SecretString>,
}

#[derive(Deserialize)]
struct Pages {
    data: Vec<Named>,
}

#[derive(Default, Deserialize)]
struct Paging {
    #[serde(default)]
    cursors: Cursors,
    next: Option<String>,
}

#[derive(Default, Deserialize)]
struct Cursors {
    after: Option<String>,
}

/// A page that may have an account of Instagram.
#[derive(Deserialize)]
struct Illustrated {
    id: String,
    #[serde(default)]
    instagram_business_account: Option<Account>,
}

#[derive(Deserialize)]
struct Account {
    id: String,
    #[serde(default)]
    username: String,
}

#[derive(Deserialize)]
struct Accounts {
    data: Vec<Illustrated>,
    #[serde(default)]
    paging: Paging,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    #[serde(default)]
    name: String,
}

/// How many pages are named at most.
const NAMED: usize = 5;
/// The longest name that is shown whole, in characters.
const NAME: usize = 60;
/// Pages of one answer, and most answers that are looked through.
const PAGES: usize = 100;
const MOST_ANSWERS: usize = 5;

/// The first of these by number and name, without what could be the token of the person.
fn named(all: Vec<Named>, person: &SecretString) -> Vec<String> {
    let named = |page: Named| {
        let shown = page.name.chars().filter(|c| !c.is_control()).take(NAME).collect::<String>();
        match shown.trim() {
            "" => page.id,
            _ if page.name.contains(person.expose_secret()) => page.id,
            name => format!("{} ({name})", page.id),
        }
    };
    all.into_iter().filter(|page| is_id(&page.id)).take(NAMED).map(named).collect()
}

impl Client {
    /// The tokens of a page, by a token of a person. Look at what they lack: it can be the page itself.
    ///
    /// # Errors
    /// [`Refusal`]; as long as it is not known whose token it is, nothing is to be ended by it: that would end what
    /// this person granted for other pages.
    pub(crate) async fn of_page(
        &self,
        http: &Http,
        short: &SecretString,
        page: &str,
    ) -> Result<Tokens, Refusal> {
        let mut url = self.address("access_token")?;
        url.query_pairs_mut()
            .append_pair("grant_type", "fb_exchange_token")
            .append_pair("client_id", &self.id)
            .append_pair("client_secret", self.secret.expose_secret())
            .append_pair("fb_exchange_token", short.expose_secret());
        let person = self.given(http, &url).await?;
        let mut url = self.address("../me")?;
        url.query_pairs_mut().append_pair("fields", "id,permissions{permission,status}");
        let who = self.get(http, &url, Some(&person.access)).await?;
        let who: Person = serde_json::from_slice(&who).map_err(|_| self.unclear())?;
        if !is_id(&who.id) {
            return Err(self.unclear());
        }
        let is_granted = |scope: &str| {
            let granted = |p: &Permission| p.permission == scope && p.status == "granted";
            who.permissions.data.iter().any(granted)
        };
        let missing = self.network.needed.iter().filter(|scope| !is_granted(scope));
        let missing: Vec<String> = missing.map(|scope| (*scope).to_owned()).collect();
        let known = Tokens { team: Some(who.id), missing, refresh: None, lives: None, ..person };
        if !known.missing.is_empty() {
            return Ok(known);
        }
        match self.network.renews {
            Renews::PageOfAccount => self.with_account(http, known, page).await,
            _ => self.with_page(http, known, page).await,
        }
    }

    /// The token of the page that the account is connected with; what is lacking where there is none, with the accounts
    /// that there are.
    async fn with_account(&self, http: &Http, person: Tokens, account: &str) -> Result<Tokens, Refusal> {
        let (mut others, mut after) = (Vec::new(), None::<String>);
        for _ in 0..MOST_ANSWERS {
            let mut url = self.address("../me/accounts")?;
            url.query_pairs_mut()
                .append_pair("fields", "id,instagram_business_account{id,username}")
                .append_pair("limit", &PAGES.to_string());
            if let Some(after) = &after {
                url.query_pairs_mut().append_pair("after", after);
            }
            let told = self.get(http, &url, Some(&person.access)).await?;
            let told: Accounts = serde_json::from_slice(&told).map_err(|_| self.unclear())?;
            for page in told.data {
                let Some(found) = page.instagram_business_account.filter(|found| is_id(&found.id)) else {
                    continue;
                };
                if found.id != account {
                    others.push(Named { id: found.id, name: found.username });
                    continue;
                }
                return self.with_page(http, person, &page.id).await;
            }
            // By its cursor: an address of an answer could lead anywhere.
            after = told.paging.next.and(told.paging.cursors.after);
            if after.is_none() {
                let pages = named(others, &person.access);
                return Ok(Tokens { missing: vec![format!("the account {account}")], pages, ..person });
            }
        }
        Err(Refusal::Refused(format!("{} lists too many pages to find the account", self.network.title)))
    }

    /// What is read of a refusal that shows nothing: Meta's code 100, and 10 and 200 to 299 for what may not be seen.
    fn hidden(&self) -> String {
        refuses(self.network.title, HIDDEN)
    }

    /// What is lacking where the page is, with the pages that the person chose in its place, if that can be read.
    async fn lacks_page(&self, http: &Http, person: Tokens, page: &str) -> Tokens {
        let pages = self.pages(http, &person.access).await.unwrap_or_default();
        Tokens { missing: vec![format!("the page {page}")], pages, ..person }
    }

    /// The pages that a person chose: <https://developers.facebook.com/docs/graph-api/reference/user/accounts/>.
    async fn pages(&self, http: &Http, person: &SecretString) -> Result<Vec<String>, Refusal> {
        let mut url = self.address("../me/accounts")?;
        url.query_pairs_mut().append_pair("fields", "id,name").append_pair("limit", &NAMED.to_string());
        let told = self.get(http, &url, Some(person)).await?;
        let told: Pages = serde_json::from_slice(&told).map_err(|_| self.unclear())?;
        Ok(named(told.data, person))
    }

    async fn with_page(&self, http: &Http, person: Tokens, page: &str) -> Result<Tokens, Refusal> {
        if !is_id(page) {
            return Ok(self.lacks_page(http, person, page).await);
        }
        let mut url = self.address(&format!("../{page}"))?;
        url.query_pairs_mut().append_pair("fields", "id,access_token");
        let told = match self.get(http, &url, Some(&person.access)).await {
            Ok(told) => told,
            // A page that the person did not choose is not shown to the app. Any other refusal says nothing of that.
            Err(Refusal::Refused(why)) if why == self.hidden() => {
                return Ok(self.lacks_page(http, person, page).await);
            }
            Err(other) => return Err(other),
        };
        let told: Page = serde_json::from_slice(&told).map_err(|_| self.unclear())?;
        if told.id != page {
            return Err(self.unclear());
        }
        match told.access_token {
            Some(token) if is_sent(token.expose_secret()) => Ok(Tokens { page: Some(token), ..person }),
            Some(_) => Err(self.unclear()),
            None => Ok(self.lacks_page(http, person, page).await),
        }
    }
}

#[cfg(test)]
#[path = "oauth_instagram_tests.rs"]
mod instagram_tests;
