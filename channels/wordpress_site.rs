//! A strict WordPress in miniature, for tests: slugs are made unique as WordPress does it.
//!
//! Source: <https://developer.wordpress.org/rest-api/reference/posts/>.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::strict::{Asked, Fate, Network, Said, Strict, good};
use crate::suite::Cut;

pub const PASSWORD: &str = "hunter2 abcd efgh";

/// It is done, and its answer is lost.
pub const LOST: Fate = Fate::Broken { done: true, at: Cut::BeforeStatus };

/// A post as the site keeps it.
#[derive(Debug, Clone)]
pub struct Kept {
    pub id: usize,
    pub slug: String,
    pub status: String,
    /// Somebody gave it a date that is still to come.
    pub dated: bool,
    /// When it was changed last, in seconds.
    pub changed: usize,
}

impl Kept {
    fn shown(&self) -> Value {
        let link = format!("https://bank.example/{}", self.slug);
        let changed = format!("2026-11-28T09:{:02}:{:02}", self.changed / 60, self.changed % 60);
        json!({ "id": self.id, "status": self.status, "link": link, "slug": self.slug,
            "modified": changed })
    }
}

/// The site.
#[derive(Clone, Default)]
pub struct Site {
    posts: Vec<Kept>,
    /// Something on the site keeps the next post for an editor.
    pub moderates: bool,
    /// Each change has its own second.
    seconds: usize,
    /// How many posts were ever made.
    made: usize,
}

/// The fates of the requests up to the public step, from those of the drafts.
pub fn up_to_drafts(drafts: &[Fate]) -> Vec<Fate> {
    // A look comes before each, and one after each whose answer comes.
    let looks = |fate: &Fate| if *fate == Fate::Late { 0 } else { 1 };
    let all = drafts.iter().map(|f| [vec![Fate::Done, f.clone()], vec![Fate::Done; looks(f)]].concat());
    all.flatten().collect()
}

impl Strict<Site> {
    /// Of what waited in the queue, the drafts are done now.
    pub fn land_drafts(&self) {
        self.land_only(|asked| asked.json()["status"] == "draft");
    }

    /// An editor changes every post.
    pub fn edit(&self, change: impl Fn(&mut Kept)) {
        let site = &mut self.state().network;
        site.seconds += 1;
        for post in &mut site.posts {
            change(post);
            post.changed = site.seconds;
        }
    }

    /// An editor empties the trash.
    pub fn empty_the_trash(&self) {
        self.state().network.posts.retain(|post| post.status != "trash");
    }

    /// The ids of the posts in this state.
    pub fn ids(&self, status: &str) -> Vec<usize> {
        self.state().network.ids(status)
    }
}

/// The fields of a post that is written, beside its status.
const WRITTEN: [&str; 6] = ["content", "date_gmt", "slug", "status", "sticky", "title"];

/// What WordPress, or whoever reads its documents, would not take of a request.
fn faults_of(asked: &Asked) -> Vec<&'static str> {
    let sent = asked.json();
    let names = || sent.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let (is_post, is_get) = (asked.method == "POST", asked.method == "GET");
    let slug = sent["slug"].as_str().unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let login = format!("Basic {}", STANDARD.encode(format!("press:{PASSWORD}")));
    let most = asked.query.get("per_page").map_or(10, |n| n.parse().unwrap_or(101));
    [
        ("who asks?", asked.header("authorization") == login),
        ("no JSON", !is_post || asked.header("content-type") == "application/json" && sent.is_object()),
        ("other fields", names().all(|name| WRITTEN.contains(&name))),
        ("a status", !is_post || sent["status"] == "draft" || sent["status"] == "publish"),
        // A longer one is cut, and then it is not found.
        ("a slug", !is_post || (1..=200).contains(&slug.len()) && slug.chars().all(plain)),
        (
            "no words",
            !is_post || sent["title"].is_string() && !sent["content"].as_str().unwrap_or("").is_empty(),
        ),
        ("a draft with a date", sent["status"] != "draft" || sent.get("date_gmt").is_none()),
        ("a page of more than a hundred", (1..=100).contains(&most)),
        // What only its editors see is not in the other contexts.
        ("another context", !is_get || asked.query.get("context").is_some_and(|c| c == "edit")),
        ("the whole of each post", !is_get || asked.query.contains_key("_fields")),
    ]
    .into_iter()
    .filter_map(|(what, is_right)| (!is_right).then_some(what))
    .collect()
}

fn missing() -> Said {
    (404, String::new(), json!({ "code": "rest_post_invalid_id", "message": format!("no, {PASSWORD}") }))
}

impl Network for Site {
    /// Only the public step does.
    fn makes(method: &str, path: &str) -> bool {
        method == "POST" && path.contains("/posts/")
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let wrong = faults_of(asked).into_iter();
        faults.extend(wrong.map(|what| format!("{what}: {} {}", asked.method, asked.path)));
        match asked.method.as_str() {
            "GET" if asked.path.ends_with("/posts") => good(self.look(asked)),
            "GET" => self.place(&asked.path).map_or_else(missing, |at| good(self.posts[at].shown())),
            "DELETE" => self.trash(&asked.path),
            "POST" => self.write(&asked.path, &asked.json()),
            _ => (404, String::new(), json!({ "code": "rest_no_route" })),
        }
    }
}

impl Site {
    pub fn ids(&self, status: &str) -> Vec<usize> {
        self.posts.iter().filter(|p| p.status == status).map(|p| p.id).collect()
    }

    pub fn public(&self) -> usize {
        self.ids("publish").len()
    }

    /// `GET /posts?slug=A,B&status=C,D`.
    fn look(&self, asked: &Asked) -> Value {
        let named = |name: &str| -> Vec<&str> {
            asked.query.get(name).into_iter().flat_map(|value| value.split(',')).collect()
        };
        let (slugs, statuses) = (named("slug"), named("status"));
        let is_meant = |p: &&Kept| slugs.contains(&&*p.slug) && statuses.contains(&&*p.status);
        // The newest first, as WordPress does.
        self.posts.iter().filter(is_meant).rev().map(Kept::shown).collect()
    }

    fn place(&self, path: &str) -> Option<usize> {
        self.posts.iter().position(|p| path == format!("/wp-json/wp/v2/posts/{}", p.id))
    }

    fn write(&mut self, path: &str, content: &Value) -> Said {
        let at = match self.place(path) {
            Some(at) => at,
            None if !path.ends_with("/wp-json/wp/v2/posts") => return missing(),
            None => {
                // A number is given once.
                let id = self.made + 7;
                self.made += 1;
                let (slug, status) = (String::new(), String::new());
                self.posts.push(Kept { id, slug, status, dated: false, changed: 0 });
                self.posts.len() - 1
            }
        };
        let (id, wanted) = (self.posts[at].id, content["slug"].as_str().unwrap_or_default().to_owned());
        let taken = |slug: &String| self.posts.iter().any(|p| p.id != id && p.slug == *slug);
        let others = (2..).map(|n| format!("{wanted}-{n}"));
        let slug = std::iter::once(wanted.clone()).chain(others).find(|slug| !taken(slug)).unwrap();
        self.seconds += 1;
        let post = &mut self.posts[at];
        post.changed = self.seconds;
        post.slug = slug;
        post.status = content["status"].as_str().unwrap_or_default().to_owned();
        // A null date is that of the request; one that is not mentioned stays.
        post.dated &= content.get("date_gmt") != Some(&Value::Null);
        if post.dated && post.status == "publish" {
            post.status = "future".to_owned();
        }
        if self.moderates && post.status == "publish" {
            self.moderates = false;
            post.status = "pending".to_owned();
        }
        good(post.shown())
    }

    fn trash(&mut self, path: &str) -> Said {
        let Some(at) = self.place(path) else { return missing() };
        if self.posts[at].status == "trash" {
            return (410, String::new(), json!({ "code": "rest_already_trashed" }));
        }
        self.seconds += 1;
        self.posts[at].changed = self.seconds;
        self.posts[at].status = "trash".to_owned();
        self.posts[at].slug.push_str("__trashed");
        good(self.posts[at].shown())
    }
}
