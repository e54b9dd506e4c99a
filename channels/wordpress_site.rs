//! A strict WordPress in miniature, for tests: slugs are made unique as WordPress does it, and what is
//! written can arrive late or lose its answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::suite::{self, Step};

/// What becomes of a request that writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Done,
    /// It is done, and its answer is lost.
    Lost,
    /// It waits in the server's queue until [`Site::land`], and its answer is lost.
    Late,
    /// It is done, and what was late lands just before it.
    AfterLate,
}

/// A post as the site keeps it.
#[derive(Debug, Clone)]
pub struct Kept {
    pub id: usize,
    pub slug: String,
    pub status: String,
    /// Somebody gave it a date that is still to come.
    pub dated: bool,
}

impl Kept {
    fn shown(&self) -> Value {
        let link = format!("https://bank.example/{}", self.slug);
        json!({ "id": self.id, "status": self.status, "link": link, "slug": self.slug })
    }
}

#[derive(Default)]
struct State {
    posts: Vec<Kept>,
    fates: VecDeque<Fate>,
    late: Vec<(String, Value)>,
}

/// The site.
pub struct Site {
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Site {
    /// Starts it. The fates are those of the requests that write, in their order; then all are done.
    pub async fn start(fates: &[Fate]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State { fates: fates.iter().copied().collect(), ..State::default() };
        let site = Self { url, state: Arc::new(Mutex::new(state)) };
        let state = Arc::clone(&site.state);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(converse(socket, Arc::clone(&state)));
            }
        });
        site
    }

    /// What waited in the queue is done now.
    pub fn land(&self) {
        self.state.lock().unwrap().land();
    }

    /// Of what waited in the queue, the drafts are done now.
    pub fn land_drafts(&self) {
        let mut state = self.state.lock().unwrap();
        let late = std::mem::take(&mut state.late);
        let (drafts, others) = late.into_iter().partition(|(_, content)| content["status"] == "draft");
        state.late = drafts;
        state.land();
        state.late = others;
    }

    /// An editor changes every post.
    pub fn edit(&self, change: impl Fn(&mut Kept)) {
        self.state.lock().unwrap().posts.iter_mut().for_each(change);
    }

    /// The ids of the posts in this state.
    pub fn ids(&self, status: &str) -> Vec<usize> {
        let state = self.state.lock().unwrap();
        state.posts.iter().filter(|p| p.status == status).map(|p| p.id).collect()
    }
}

async fn converse(mut socket: TcpStream, state: Arc<Mutex<State>>) {
    let mut request = Vec::new();
    suite::read_request(&mut socket, true, |bytes| request.extend_from_slice(bytes)).await;
    let request = String::from_utf8(request).unwrap();
    let (head, content) = request.split_once("\r\n\r\n").unwrap();
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let url = Url::parse("http://site").unwrap().join(target).unwrap();
    let said = state.lock().unwrap().answer(method, &url, content);
    let Some((status, body)) = said else { return };
    let Step::Answer(raw) = suite::answer(status, "Connection: close\r\n", &body.to_string()) else { return };
    let _ = socket.write_all(raw.as_bytes()).await;
}

impl State {
    /// The answer, unless it is lost.
    fn answer(&mut self, method: &str, url: &Url, content: &str) -> Option<(u16, Value)> {
        if method == "GET" {
            return Some((200, self.look(url)));
        }
        if method == "DELETE" {
            return Some(self.trash(url.path()));
        }
        let fate = self.fates.pop_front().unwrap_or(Fate::Done);
        let content = serde_json::from_str(content).unwrap();
        if fate == Fate::Late {
            self.late.push((url.path().to_owned(), content));
            return None;
        }
        if fate == Fate::AfterLate {
            self.land();
        }
        let shown = self.write(url.path(), &content);
        (fate != Fate::Lost).then_some((200, shown))
    }

    fn land(&mut self) {
        for (path, content) in std::mem::take(&mut self.late) {
            self.write(&path, &content);
        }
    }

    /// `GET /posts?slug=A,B&status=C,D`.
    fn look(&self, url: &Url) -> Value {
        let asked = |name: &str| -> Vec<String> {
            let value = url.query_pairs().find(|(n, _)| n == name).unwrap().1;
            value.split(',').map(str::to_owned).collect()
        };
        let (slugs, statuses) = (asked("slug"), asked("status"));
        let found = self.posts.iter().filter(|p| slugs.contains(&p.slug) && statuses.contains(&p.status));
        // The newest first, as WordPress does.
        found.rev().map(Kept::shown).collect()
    }

    fn place(&self, path: &str) -> Option<usize> {
        self.posts.iter().position(|p| path == format!("/wp-json/wp/v2/posts/{}", p.id))
    }

    fn write(&mut self, path: &str, content: &Value) -> Value {
        let at = self.place(path).unwrap_or_else(|| {
            assert_eq!(path, "/wp-json/wp/v2/posts");
            let id = self.posts.len() + 7;
            self.posts.push(Kept { id, slug: String::new(), status: String::new(), dated: false });
            self.posts.len() - 1
        });
        let (id, wanted) = (self.posts[at].id, content["slug"].as_str().unwrap().to_owned());
        let taken = |slug: &String| self.posts.iter().any(|p| p.id != id && p.slug == *slug);
        let others = (2..).map(|n| format!("{wanted}-{n}"));
        let slug = std::iter::once(wanted.clone()).chain(others).find(|slug| !taken(slug)).unwrap();
        let post = &mut self.posts[at];
        post.slug = slug;
        post.status = content["status"].as_str().unwrap().to_owned();
        // A null date is that of the request; one that is not mentioned stays.
        post.dated &= content.get("date_gmt") != Some(&Value::Null);
        if post.dated && post.status == "publish" {
            post.status = "future".to_owned();
        }
        post.shown()
    }

    fn trash(&mut self, path: &str) -> (u16, Value) {
        let Some(at) = self.place(path) else { return (404, json!({ "code": "rest_post_invalid_id" })) };
        if self.posts[at].status == "trash" {
            return (410, json!({ "code": "rest_already_trashed" }));
        }
        self.posts[at].status = "trash".to_owned();
        self.posts[at].slug.push_str("__trashed");
        (200, self.posts[at].shown())
    }
}
