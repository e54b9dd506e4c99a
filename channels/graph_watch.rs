//! What an account of Meta's shows, for the watch: the newest of a list, page by page.

use serde::de::DeserializeOwned;

use super::Api;
use crate::graph::{self, Meaning};

/// Items of one page, and most pages of one look.
const EACH: &str = "100";
const PAGES: usize = 5;

/// How far a list was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// There is nothing behind it.
    End,
    /// What is behind is older than was asked for.
    Enough,
    /// There is more that may be new.
    More,
}

impl Api {
    /// The newest of a list, until there are enough of them. `needs` names the permissions of this list.
    ///
    /// # Errors
    /// A sentence; without the permission it says which one to grant.
    pub(crate) async fn newest<T: DeserializeOwned>(
        &self,
        parts: &[&str],
        query: &[(&str, &str)],
        needs: &str,
        are_enough: impl Fn(&[T]) -> bool,
    ) -> Result<(Vec<T>, Reach), String> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let mut query = [query, &[("limit", EACH)]].concat();
            query.extend(cursor.as_deref().map(|after| ("after", after)));
            let answer = self.call(parts, &query).await.map_err(|failure| failure.to_string())?;
            if graph::said(&answer) == Some(Meaning::Permission) {
                let what = format!(
                    "the access token may not read the account's posts; grant it {needs}, then connect the \
                     account again"
                );
                return Err(answer.refused(&what, self.words(&answer, "/error/message").as_deref()));
            }
            let answer = self.told(answer).map_err(|failure| failure.to_string())?;
            let (page, next) = graph::page(&answer)?;
            all.extend(page);
            match next {
                None => return Ok((all, Reach::End)),
                Some(_) if are_enough(&all) => return Ok((all, Reach::Enough)),
                next => cursor = next,
            }
        }
        Ok((all, Reach::More))
    }
}
