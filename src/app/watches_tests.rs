use ::channels::watch::{List, Seen, Told};
use secrecy::ExposeSecret;

use super::*;
use crate::app::{channels as verbs, people};
use crate::clock::{Clock, date_time};

/// What a look saw of an account with that number: posts, each made at that time.
fn account(number: &str, also: &[&str], posts: &[(&str, Millis)]) -> Account {
    let seen = |(id, at): &(&str, Millis)| Seen {
        id: format!("{number}:{id}"),
        at: Some(date_time(*at)),
        url: None,
        words: format!("post {id}"),
    };
    let lists = vec![List { posts: posts.iter().map(seen).collect(), told: Told::ByTime }];
    let also = also.iter().map(|number| format!("instagram {number}")).collect();
    Account { id: format!("instagram {number}"), also, shown: "@bank".into(), lists, more: false }
}

#[tokio::test]
async fn a_post_that_nobody_here_made_is_seen_also_when_the_account_has_another_number_now() {
    let folder = tempfile::TempDir::new().unwrap();
    let app = App::for_tests(folder.path(), Clock::real()).await;
    let token = people::first_start(&app).await.unwrap().unwrap();
    let boss = serde_json::json!({"name": "Boss", "email": "b@example.org", "roles": ["administrator"]});
    let boss = serde_json::from_value(boss).unwrap();
    let (_, secret) = people::set_up(&app, token.expose_secret(), &boss, "test").await.unwrap();
    let by = people::authenticate(&app, secret.expose_secret(), "test").await.unwrap();
    let settings = serde_json::json!({"server": "https://graph.instagram.com", "user": "26"});
    let new = serde_json::json!({"name": "gram", "adapter": "instagram", "brand": "main", "settings": settings,
        "credential": "IGAAhunter2"});
    let id = verbs::create(&app, &by, serde_json::from_value(new).unwrap()).await.unwrap().id;
    let channel = app.store().channel(&id).await.unwrap().unwrap();
    let (now, minute) = (app.now(), 60_000);
    let states = async || {
        let all = app.store().foreign_posts(10).await.unwrap();
        all.into_iter().map(|p| (p.account, p.remote_id, p.state)).collect::<Vec<_>>()
    };
    // An older version knew the account by the number of the settings.
    let before = [("1", now - 60 * minute), ("2", now - 30 * minute)];
    note(&app, &channel, account("26", &[], &before), now - 20 * minute).await.unwrap();
    assert_eq!(states().await, []);
    // This one knows it by its own number. Somebody has posted meanwhile.
    let after = [before[0], before[1], ("3", now - minute)];
    note(&app, &channel, account("1784", &["26"], &after), now).await.unwrap();
    let foreign = |number: &str| (format!("instagram {number}"), format!("{number}:3"), "foreign".to_owned());
    assert_eq!(states().await, [foreign("1784")], "the others are known");
    let watch = app.store().watch(&id).await.unwrap().unwrap();
    assert_eq!((watch.account.as_str(), watch.since), ("instagram 1784", now - 20 * minute));
    note(&app, &channel, account("1784", &["26"], &after), now + 5 * minute).await.unwrap();
    assert_eq!(states().await, [foreign("1784")], "it is told once");
}
