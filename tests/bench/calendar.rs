//! What the server needs for a page of the calendar: a month, a week and a list out of ten thousand posts,
//! beside empty ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use channels::http::{Http, Policy, Request};
use chrono::{Datelike, Days, Months, NaiveDate};
use holdline::app::logins::{self, Enrolment, Ticket};
use holdline::app::people::{self, NewPerson};
use holdline::app::sessions::Caller;
use holdline::app::{App, invitations};
use holdline::clock::{Clock, date_time};
use holdline::domain::role::Role;
use holdline::service::Service;
use secrecy::ExposeSecret;

use crate::fill;
use crate::place::{Database, Place};
use crate::table::{Row, Table, Target, ms, quantile, ratio, show_ms};

/// Posts in the full month.
const POSTS: usize = 10_000;
/// The pages. Week and list begin a week into the month, where all days are full.
const VIEWS: [&str; 3] = ["month", "week", "list"];
const DAY: i64 = 86_400_000;
/// Most bytes of a page.
const MOST: usize = 200_000;

/// A served installation, and who asks it.
struct Asked {
    place: Place,
    app: App,
    node: Service,
    cookie: String,
}

/// Full and empty pages are asked for in turns, by a person who is signed in; over HTTP, with the whole page.
pub async fn measure(database: Database, rounds: usize, table: &mut Table) {
    let today = date_time(Clock::real().now()).date_naive();
    let month = today.with_day(1).unwrap() + Months::new(1);
    let (empty, full) = (asked(database, 0, month).await, asked(database, POSTS, month).await);
    let policy = Policy { allow_private: vec!["127.0.0.0/8".parse().unwrap()], ..Policy::default() };
    let http = Arc::new(Http::new(policy).unwrap());
    for view in VIEWS {
        let at = if view == "month" { month } else { month + Days::new(7) };
        let (mut before, mut after, mut bytes) = (Vec::new(), Vec::new(), 0);
        for _ in 0..rounds {
            before.push(ms(page(&http, &empty, view, at).await.0));
            let (took, size) = page(&http, &full, view, at).await;
            after.push(ms(took));
            bytes = size;
        }
        assert!(bytes < MOST, "{view}: {bytes} bytes");
        table.add(Row {
            figure: format!(
                "a {view} of the calendar: empty -> {POSTS} posts ({} kB), p50 (p99)",
                bytes / 1_000
            ),
            database: database.name(),
            baseline: show_ms(quantile(&before, 0.5)),
            measured: format!("{} ({})", show_ms(quantile(&after, 0.5)), show_ms(quantile(&after, 0.99))),
            ratio: Some(ratio(&after, &before)),
            target: Target::Shown,
        });
    }
    for it in [empty, full] {
        it.node.stop().await.unwrap();
        it.app.close().await;
        it.place.close().await;
    }
}

async fn asked(database: Database, posts: usize, month: NaiveDate) -> Asked {
    let place = Place::new(database, "http://127.0.0.1:9").await;
    let app = place.open(Clock::real()).await;
    let cookie = cookie(&app).await;
    let first = month.and_hms_opt(6, 0, 0).unwrap().and_utc().timestamp_millis();
    fill::routine(&place, &app, posts, |n| first + n % 28 * DAY + n / 28 * 120_000).await;
    let node = place.serve().await;
    Asked { place, app, node, cookie }
}

/// The session of a person with a password and a second factor.
async fn cookie(app: &App) -> String {
    let token = people::first_start(app).await.unwrap().unwrap();
    let boss = NewPerson {
        name: "Boss".into(),
        email: "boss@example.org".into(),
        roles: vec![Role::Operator, Role::Administrator],
    };
    let (_, secret) = people::set_up(app, token.expose_secret(), &boss, "bench").await.unwrap();
    let boss = people::authenticate(app, secret.expose_secret(), "bench").await.unwrap();
    let invited = invitations::to_console(app, &boss).await.unwrap();
    let offer = logins::offer(app, &boss.name).await.unwrap();
    let secret = totp_rs::Secret::try_from_base32(&offer.secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).with_account_name("bench").build().unwrap();
    let enrolment = Enrolment {
        ticket: Ticket::Invitation(invited.secret.expose_secret().to_owned()),
        password: "correct horse battery".into(),
        code: totp.generate(u64::try_from(app.clock().now() / 1_000).unwrap()).to_string(),
        offer: offer.sealed,
    };
    let from = Caller { origin: "bench".into(), agent: "bench".into() };
    logins::enrol(app, enrolment, &from).await.unwrap().0.0.expose_secret().to_owned()
}

/// How long the page takes, and how many bytes it has.
async fn page(http: &Http, it: &Asked, view: &str, at: NaiveDate) -> (Duration, usize) {
    let url = format!("http://{}/console/calendar?view={view}&at={at}", it.node.address);
    let request = Request::get(&url).header("cookie", &format!("holdline={}", it.cookie));
    let begun = Instant::now();
    let answer = http.call(request).await.unwrap();
    let took = begun.elapsed();
    assert_eq!(answer.status, 200);
    (took, answer.body.len())
}
