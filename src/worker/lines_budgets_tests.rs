use channels::quota::Counted;

use super::*;
use crate::clock::date_time;

const T: Millis = 1_764_248_520_000;

fn quota(limit: u64, left: u64, after: Millis) -> Quota {
    let resets_at = Some(date_time(T + after));
    Quota { of: Of::Account, limit: Some(limit), left, resets_at, heard_at: None, counted: Counted::Network }
}

fn owners(account: &str) -> Owners {
    let account_calls = format!("calls of {account}");
    let (app, app_calls) = ("app x".into(), "calls of app x".into());
    Owners { account: account.into(), app, account_calls, app_calls, looked_at: None }
}

fn posts(posts: &[Quota]) -> ToldOfPost {
    ToldOfPost { posts: Some(posts.to_vec()), shares: Vec::new() }
}

fn room(budgets: &Budgets, now: Millis) -> Room {
    budgets.room(&owners("us"), |_| 0, now)
}

#[test]
fn every_window_of_an_account_counts_and_the_next_answer_replaces_all() {
    let mut budgets = Budgets::new(Reserve(20));
    let (quarter, day) = (quota(100, 20, 900_000), quota(1_000, 203, 80_000_000));
    for told in [[quarter, day], [day, quarter]] {
        budgets.answered(&owners("us"), &posts(&told), true, T, T);
        assert_eq!(room(&budgets, T), Room::Wait(T + 900_000), "the short window is used up");
        assert_eq!(room(&budgets, T + 900_000), Room::Some(3), "the long one still counts");
    }
    budgets.hear_look("us", &quota(250, 0, 900_000), T + 1);
    assert_eq!(room(&budgets, T + 900_000), Room::Some(3), "a look changes nothing of it");
    budgets.answered(&owners("us"), &posts(&[quota(300, 300, 900_000)]), true, T + 2, T + 3);
    assert_eq!(room(&budgets, T + 3), Room::Some(240));
}

#[test]
fn the_limit_of_an_app_counts_for_every_channel_of_it() {
    let mut budgets = Budgets::new(Reserve(20));
    let of_app = |left, after| Quota { of: Of::App, ..quota(10_000, left, after) };
    budgets.answered(
        &owners("us"),
        &posts(&[quota(100, 90, 900_000), of_app(2_010, 80_000_999)]),
        true,
        T,
        T,
    );
    let other = |budgets: &Budgets, under_way: u64| budgets.room(&owners("them"), |_| under_way, T);
    assert_eq!(other(&budgets, 4), Room::Some(6), "it was told nothing itself");
    // The same end, by an answer of another moment.
    budgets.answered(&owners("them"), &posts(&[of_app(2_000, 80_000_004)]), true, T, T);
    assert_eq!(room(&budgets, T), Room::Wait(T + 80_000_004));
    let elsewhere = Owners { app: "app y".into(), ..owners("else") };
    assert_eq!(budgets.room(&elsewhere, |_| 0, T), Room::Open);
}

#[test]
fn who_takes_a_post_and_still_says_that_none_is_left_is_believed_as_a_look() {
    const QUARTER: Millis = 15 * 60_000;
    let mut budgets = Budgets::new(Reserve(20));
    let none = [quota(300, 0, 80_000_000)];
    for accepted in [true, false] {
        budgets.answered(&owners("us"), &posts(&none), accepted, T, T);
        assert_eq!(room(&budgets, T), Room::Wait(T + 80_000_000), "it can have been the last one");
    }
    let later = T + 60_000;
    budgets.answered(&owners("us"), &posts(&none), true, later - 1, later);
    assert_eq!(room(&budgets, later), Room::Wait(later + QUARTER));
    for minutes in [16, 17, 30, 45] {
        let now = later + minutes * 60_000;
        assert_eq!(room(&budgets, now), Room::Some(1), "{minutes}");
        budgets.answered(&owners("us"), &posts(&none), true, now - 1, now);
        assert_eq!(room(&budgets, now), Room::Some(1), "{minutes}: no answer makes it longer");
    }
}

#[test]
fn answers_that_come_in_another_order_raise_nothing() {
    let mut budgets = Budgets::new(Reserve(20));
    for left in [62, 65, 61, 64] {
        budgets.answered(&owners("us"), &posts(&[quota(300, left, 900_000)]), true, T, T + 5);
    }
    assert_eq!(room(&budgets, T + 5), Room::Some(1), "61 are left");
    budgets.answered(&owners("us"), &posts(&[quota(300, 70, 900_000)]), true, T + 6, T + 7);
    assert_eq!(room(&budgets, T + 7), Room::Some(10), "this one began after all of them");
}

#[test]
fn channels_of_one_account_share_its_limits_checked_or_not() {
    let of = |adapter: &str, settings: serde_json::Value, name: Option<&str>| {
        let row = Channel::for_tests(adapter, &settings);
        account(&row, &settings, "here", name.map(str::to_owned))
    };
    let user = |user: &str| serde_json::json!({ "user": user });
    assert_eq!(of("threads", user("7"), Some("@bank")), of("threads", user("7"), None));
    assert_ne!(
        of("threads", user("7"), Some("@bank")),
        of("threads", user("8"), Some("@bank")),
        "renamed since"
    );
    let login = |user: &str| serde_json::json!({ "user": user, "server": "https://graph.instagram.com" });
    assert_eq!(of("instagram", login("26"), Some("@bank")), of("instagram", login("1784"), Some("@bank")));
    assert_eq!(of("x", serde_json::json!({}), Some("@bank")), "here @bank");
    assert_eq!(of("x", serde_json::json!({}), None), "c");
}

fn shares(of: Of, left: u8, heard: Millis) -> ToldOfPost {
    let share = Share { of, left, back_at: None, heard_at: date_time(heard) };
    ToldOfPost { posts: None, shares: vec![share] }
}

const QUARTER: Millis = 15 * 60_000;

#[test]
fn a_share_of_calls_holds_routine_posts_and_one_goes_after_each_quarter() {
    let mut budgets = Budgets::new(Reserve(20));
    budgets.answered(&owners("us"), &shares(Of::Account, 21, T), true, T, T);
    assert_eq!(room(&budgets, T), Room::Some(1), "one percent above what is kept");
    budgets.answered(&owners("us"), &shares(Of::Account, 20, T + 1), true, T + 1, T + 1);
    assert_eq!(room(&budgets, T + 1), Room::Wait(T + 1 + QUARTER));
    assert_eq!(budgets.room(&owners("them"), |_| 0, T + 1), Room::Open, "it is of one account");
    let later = T + 2 + QUARTER;
    assert_eq!(room(&budgets, later), Room::Some(1));
    budgets.answered(&owners("us"), &shares(Of::Account, 9, later), true, later, later);
    assert_eq!(room(&budgets, later), Room::Wait(later + QUARTER), "the answer holds anew");
    budgets.answered(&owners("us"), &shares(Of::Account, 90, later + 1), true, later + 1, later + 1);
    assert_eq!(room(&budgets, later + 1), Room::Some(70));
}

#[test]
fn the_share_of_an_app_counts_for_all_its_accounts_and_stands_beside_their_posts() {
    let mut budgets = Budgets::new(Reserve(20));
    budgets.hear_look("us", &quota(250, 240, 900_000), T);
    budgets.answered(&owners("us"), &shares(Of::App, 12, T), true, T, T);
    for account in ["us", "them"] {
        assert_eq!(budgets.room(&owners(account), |_| 0, T), Room::Wait(T + QUARTER), "{account}");
    }
    budgets.answered(&owners("us"), &shares(Of::App, 100, T + 1), true, T + 1, T + 1);
    assert_eq!(room(&budgets, T + 1), Room::Some(80), "the posts of the account have more room than that");
    budgets.hear_look("us", &quota(250, 60, 900_000), T + 2);
    assert_eq!(room(&budgets, T + 2), Room::Some(10));
}

#[test]
fn a_share_that_was_heard_before_the_post_began_is_no_answer_to_it() {
    let mut budgets = Budgets::new(Reserve(20));
    budgets.answered(&owners("us"), &shares(Of::Account, 25, T), true, T, T);
    budgets.answered(&owners("us"), &shares(Of::Account, 25, T), true, T + 1, T + 2);
    assert_eq!(room(&budgets, T + 2), Room::Some(4), "the second one told nothing, so it took one");
}
