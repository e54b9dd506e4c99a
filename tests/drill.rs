//! The whole drill, with few posts: it holds, and shows what it did.

use std::sync::Mutex;

use holdline::drill::{self, Plan};

#[tokio::test(flavor = "multi_thread")]
async fn the_drill_holds_and_tells_it() {
    let said = Mutex::new(String::new());
    let say = |words: &str| {
        let mut said = said.lock().unwrap();
        said.push_str(words);
        said.push('\n');
    };
    let held = drill::run(&Plan { posts: 120, stay: false }, say).await.unwrap();
    let said = said.into_inner().unwrap();
    assert!(held, "{said}");
    for words in
        ["FREEZE committed", "FREEZE sealed", "under way on", "in doubt", "correction", "faster clock"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(drill::run(&Plan { posts: 5, stay: false }, |_| {}).await.is_err(), "too few to show anything");
}
