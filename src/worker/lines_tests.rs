use channels::http::Policy;
use secrecy::ExposeSecret;

use super::*;
use crate::app::{channels as verbs, people};
use crate::clock::Clock;

#[tokio::test]
async fn a_pause_that_is_not_written_yet_outlives_a_reload() {
    let folder = tempfile::TempDir::new().unwrap();
    let app = App::for_tests(folder.path(), Clock::real()).await;
    let token = people::first_start(&app).await.unwrap().unwrap();
    let boss = serde_json::json!({"name": "Boss", "email": "b@example.org", "roles": ["administrator"]});
    let boss = serde_json::from_value(boss).unwrap();
    let (_, secret) = people::set_up(&app, token.expose_secret(), &boss, "test").await.unwrap();
    let by = people::authenticate(&app, secret.expose_secret(), "test").await.unwrap();
    let new = serde_json::json!({"name": "alpha", "adapter": "website", "brand": "main"});
    let channel = verbs::create(&app, &by, serde_json::from_value(new).unwrap()).await.unwrap().id;
    let lines = Lines::new(app.clone(), Arc::new(Http::new(Policy::default()).unwrap()), Reserve(20));
    lines.reload().await.unwrap();
    let until = app.clock().now() + 60_000;
    lines.pause(&channel, until);
    lines.reload().await.unwrap();
    assert_eq!(lines.paused_until(&channel), until);
}
