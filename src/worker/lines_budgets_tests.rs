use super::*;
use crate::clock::date_time;

const T: Millis = 1_764_248_520_000;

fn quota(limit: u64, left: u64, after: Millis) -> Quota {
    let resets_at = Some(date_time(T + after));
    Quota { of: Of::Account, limit: Some(limit), left, resets_at, heard_at: None }
}

fn owners(account: &str) -> Owners {
    Owners { account: account.into(), app: "app x".into(), looked_at: None }
}

fn room(budgets: &Budgets, now: Millis) -> Room {
    budgets.room(&owners("us"), |_| 0, now)
}

#[test]
fn every_window_of_an_account_counts_and_the_next_answer_replaces_all() {
    let mut budgets = Budgets::new(Reserve(20));
    let (quarter, day) = (quota(100, 20, 900_000), quota(1_000, 203, 80_000_000));
    for told in [[quarter, day], [day, quarter]] {
        budgets.answered(&owners("us"), &told, true, T, T);
        assert_eq!(room(&budgets, T), Room::Wait(T + 900_000), "the short window is used up");
        assert_eq!(room(&budgets, T + 900_000), Room::Some(3), "the long one still counts");
    }
    budgets.hear_look("us", &quota(250, 0, 900_000), T + 1);
    assert_eq!(room(&budgets, T + 900_000), Room::Some(3), "a look changes nothing of it");
    budgets.answered(&owners("us"), &[quota(300, 300, 900_000)], true, T + 2, T + 3);
    assert_eq!(room(&budgets, T + 3), Room::Some(240));
}

#[test]
fn the_limit_of_an_app_counts_for_every_channel_of_it() {
    let mut budgets = Budgets::new(Reserve(20));
    let of_app = |left, after| Quota { of: Of::App, ..quota(10_000, left, after) };
    budgets.answered(&owners("us"), &[quota(100, 90, 900_000), of_app(2_010, 80_000_999)], true, T, T);
    let other = |budgets: &Budgets, under_way: u64| budgets.room(&owners("them"), |_| under_way, T);
    assert_eq!(other(&budgets, 4), Room::Some(6), "it was told nothing itself");
    // The same end, by an answer of another moment.
    budgets.answered(&owners("them"), &[of_app(2_000, 80_000_004)], true, T, T);
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
        budgets.answered(&owners("us"), &none, accepted, T, T);
        assert_eq!(room(&budgets, T), Room::Wait(T + 80_000_000), "it can have been the last one");
    }
    let later = T + 60_000;
    budgets.answered(&owners("us"), &none, true, later - 1, later);
    assert_eq!(room(&budgets, later), Room::Wait(later + QUARTER));
    for minutes in [16, 17, 30, 45] {
        let now = later + minutes * 60_000;
        assert_eq!(room(&budgets, now), Room::Some(1), "{minutes}");
        budgets.answered(&owners("us"), &none, true, now - 1, now);
        assert_eq!(room(&budgets, now), Room::Some(1), "{minutes}: no answer makes it longer");
    }
}

#[test]
fn answers_that_come_in_another_order_raise_nothing() {
    let mut budgets = Budgets::new(Reserve(20));
    for left in [62, 65, 61, 64] {
        budgets.answered(&owners("us"), &[quota(300, left, 900_000)], true, T, T + 5);
    }
    assert_eq!(room(&budgets, T + 5), Room::Some(1), "61 are left");
    budgets.answered(&owners("us"), &[quota(300, 70, 900_000)], true, T + 6, T + 7);
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
