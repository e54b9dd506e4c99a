//! Threads of several parts whose first part has pictures, on a strict Threads.

use std::sync::{Arc, Mutex};

use super::server::{Api, USER};
use super::tests::open;
use super::thread_tests::{all, deliver, shown, thread};
use super::*;
use crate::Keeper;
use crate::graph::fetched::illustrated::{Illustrated, with};
use crate::strict::{self, Fate, Memory, Strict};

async fn illustrated(count: usize, fates: &[Fate]) -> (Strict<Api>, Box<dyn Channel>) {
    let (server, channel) = open(Api::new(), fates).await;
    (server, Illustrated::of(count, channel))
}

/// How many pictures each post has, in the order of publication.
fn pictures(server: &Strict<Api>) -> Vec<usize> {
    server.state().network.pictures.iter().map(Vec::len).collect()
}

/// Keeps all that was ever written down.
#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

#[async_trait]
impl Keeper for Diary {
    async fn keep(&self, handle: &str) -> Result<(), String> {
        self.0.lock().unwrap().push(handle.replace(&format!("{USER}:"), ""));
        Ok(())
    }
}

#[tokio::test]
async fn the_first_part_has_the_pictures_and_each_step_is_written_down() {
    let container = |n: usize| format!("180000000000000{n:02}");
    let post = |n: usize| format!("1790000000000000{n}");
    for (count, all_of_one) in [(1, 1), (2, 3)] {
        let (server, channel) = open(Api::new(), &[]).await;
        let diary = Arc::new(Diary::default());
        let pass = Pass::open_for_tests().kept_by(diary.clone());
        channel.publish(&with(&thread(&Memory::default()), count), &pass).await.unwrap();
        assert_eq!(shown(&server), (all(), true));
        assert_eq!(pictures(&server), [count, 0, 0]);
        let single = [format!("+{}", container(1)), format!("+{},{}", container(1), container(2))];
        let mut expected: Vec<String> = if count > 1 { single.to_vec() } else { Vec::new() };
        let mut out = String::new();
        for n in 0..3 {
            expected.push(format!("{out}~{}", container(all_of_one + n)));
            out.push_str(&post(n + 1));
            expected.push(out.clone());
            out.push(' ');
        }
        assert_eq!(*diary.0.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn wherever_a_publication_breaks_the_pictures_are_there_once_and_with_the_first_part() {
    for (count, nth) in [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)] {
        for fate in strict::misfortunes() {
            let fates: Vec<Fate> = std::iter::repeat_n(Fate::Done, nth).chain([fate.clone()]).collect();
            let (server, channel) = illustrated(count, &fates).await;
            let memory = Memory::default();
            let settled = deliver(&*channel, &memory).await;
            // Nobody tells the number of the first part when its answer is lost: nothing is sent after it.
            let is_lost = matches!(&fate, Fate::Slow(_) | Fate::DoneBut(_) | Fate::Broken { done: true, .. });
            let whole = if nth == 0 && is_lost { 1 } else { 3 };
            assert_eq!(shown(&server), (all()[..whole].to_vec(), true), "{count}, {fate:?} at {nth}");
            assert_eq!(pictures(&server), [count, 0, 0][..whole], "{count}, {fate:?} at {nth}");
            assert_eq!(settled.is_some(), whole == 3, "{count}, {fate:?} at {nth}: {settled:?}");
        }
    }
}

#[tokio::test]
async fn wherever_a_preparation_breaks_the_pictures_are_there_once_and_with_the_first_part() {
    // The quota; each picture, its state, and all of them together; then the other parts.
    for (count, steps) in [(1, 7), (2, 11)] {
        for nth in 0..steps {
            for fate in strict::misfortunes().into_iter().filter(|fate| !matches!(fate, Fate::Slow(_))) {
                let (server, channel) = illustrated(count, &[]).await;
                server.state().others = std::iter::repeat_n(Fate::Done, nth).chain([fate.clone()]).collect();
                let memory = Memory::default();
                assert!(deliver(&*channel, &memory).await.is_some(), "{count}, {fate:?} at {nth}");
                assert_eq!(shown(&server), (all(), true), "{count}, {fate:?} at {nth}");
                assert_eq!(pictures(&server), [count, 0, 0], "{count}, {fate:?} at {nth}");
            }
        }
    }
}

#[tokio::test]
async fn a_later_part_takes_no_picture() {
    let job = with(&thread(&Memory::default()), 2);
    let later = thread::part(&job, 1);
    assert!(later.rendition.media.is_empty() && later.media.is_empty() && later.media_urls.is_empty());
    assert_eq!(thread::part(&job, 0).media_urls, job.media_urls);
}
