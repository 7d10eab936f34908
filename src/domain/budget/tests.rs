#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn standing(spent: f64, monthly: f64, action: Action) -> Standing {
    Standing { scope: Scope::All, budget: Budget { monthly, action }, spent }
}

#[test]
fn a_budget_is_near_from_four_fifths_on_and_spent_when_all_of_it_is() {
    let level = |spent| standing(spent, 50.0, Action::Warn).level();
    assert_eq!([0.0, 39.99].map(level), [Level::Within; 2]);
    assert_eq!([40.0, 49.99].map(level), [Level::Near; 2]);
    assert_eq!([50.0, 500.0].map(level), [Level::Spent; 2]);
}

#[test]
fn a_hundred_percent_are_not_said_before_all_is_spent() {
    let words = |spent, monthly| standing(spent, monthly, Action::Warn).in_words();
    assert_eq!(words(41.2, 50.0), "$41.20 of $50.00 this month (82 %)");
    assert_eq!(words(49.999, 50.0), "$50.00 of $50.00 this month (99 %)");
    assert_eq!(words(60.0, 50.0), "$60.00 of $50.00 this month (120 %)");
    assert_eq!(words(0.0012, 0.001), "$0.0012 of $0.0010 this month (120 %)");
}

#[test]
fn only_a_spent_budget_with_stop_refuses_and_not_over_the_users_word() {
    let (warn, stop) = (Action::Warn, Action::Stop);
    let ask = |spent, action, over| before_launch(&standing(spent, 50.0, action), 5.0, over);
    assert_eq!(ask(45.0, stop, false), Answer::Fine, "just enough");
    assert_eq!(ask(45.5, stop, false), Answer::TooMuch { by_end: 50.5 });
    assert_eq!(ask(45.5, warn, false), Answer::TooMuch { by_end: 50.5 });
    assert_eq!(ask(50.0, warn, false), Answer::Spent);
    assert_eq!(ask(50.0, stop, false), Answer::Refused);
    assert_eq!(ask(50.0, stop, true), Answer::Spent);
}

#[test]
fn the_rest_of_a_month_ends_with_the_month_or_with_a_throwaways_time() {
    assert!((hours_left(at("2026-11-30T23:00:00Z")) - 1.0).abs() < 1e-9);
    assert!((hours_left(at("2026-12-01T00:00:00Z")) - 744.0).abs() < 1e-9);
    assert!((hours_left(at("2024-02-28T00:00:00Z")) - 48.0).abs() < 1e-9, "a leap year");
    let now = at("2026-11-21T12:00:00Z");
    assert!((hours_to_run(now, Some(at("2026-11-21T20:00:00Z"))) - 8.0).abs() < 1e-9);
    assert!((hours_to_run(now, Some(at("2027-01-01T00:00:00Z"))) - hours_left(now)).abs() < 1e-9);
    assert!(hours_to_run(now, Some(at("2026-11-20T00:00:00Z"))).abs() < 1e-9, "its time is over");
}

#[test]
fn volumes_cost_whether_anything_runs_or_not() {
    let ahead = Ahead { per_hour: 0.1, hours: 8.0, storage_per_month: 7.3, hours_left: 73.0 };
    assert!((ahead.usd(0.0) - (0.8 + 0.73)).abs() < 1e-9, "{}", ahead.usd(0.0));
    assert!((ahead.usd(0.2) - (0.8 + 0.73 + 14.6)).abs() < 1e-9, "what is there goes on");
}

#[test]
fn watching_stops_only_what_runs_can_be_stopped_and_was_not_allowed() {
    let spent = standing(50.0, 50.0, Action::Stop);
    let all = Watched { runs: true, can_stop: true, allowed: false };
    assert_eq!(on_watch(&spent, all), Deed::Stop);
    let tell = Deed::Tell(Level::Spent);
    for watched in
        [Watched { runs: false, ..all }, Watched { can_stop: false, ..all }, Watched { allowed: true, ..all }]
    {
        assert_eq!(on_watch(&spent, watched), tell, "{watched:?}");
    }
    assert_eq!(on_watch(&standing(50.0, 50.0, Action::Warn), all), tell);
    assert_eq!(on_watch(&standing(49.0, 50.0, Action::Stop), all), Deed::Tell(Level::Near));
    assert_eq!(on_watch(&standing(30.0, 50.0, Action::Stop), all), Deed::Nothing);
}

#[test]
fn each_level_of_a_budget_is_told_once_a_month() {
    let (now, next) = (at("2026-11-21T12:00:00Z"), at("2026-12-01T00:00:00Z"));
    let all = standing(41.0, 50.0, Action::Warn);
    let mut memory = Memory::default();
    assert!(memory.tell(&all, Level::Near, now));
    assert!(!memory.tell(&all, Level::Near, now));
    assert!(memory.tell(&all, Level::Spent, now), "more was spent");
    assert!(!memory.tell(&all, Level::Near, now), "less is no news");
    assert!(memory.tell(&Standing { scope: Scope::One("dev".parse().unwrap()), ..all.clone() }, Level::Near, now));
    assert!(memory.tell(&standing(41.0, 40.0, Action::Warn), Level::Spent, now), "another budget");
    assert!(memory.tell(&all, Level::Near, next), "another month");
    let kept: Memory = serde_json::from_str(&serde_json::to_string(&memory).unwrap()).unwrap();
    assert_eq!(kept, memory);
}

#[test]
fn the_users_word_for_more_counts_for_its_environment_and_month() {
    let (now, next) = (at("2026-11-21T12:00:00Z"), at("2026-12-01T00:00:00Z"));
    let (dev, core): (EnvName, EnvName) = ("dev".parse().unwrap(), "core".parse().unwrap());
    let mut memory = Memory::default();
    memory.allow(&dev, true, now);
    assert!(memory.is_allowed(&dev, now) && !memory.is_allowed(&core, now) && !memory.is_allowed(&dev, next));
    memory.allow(&dev, false, now);
    assert!(!memory.is_allowed(&dev, now) && memory.is_empty());
}

#[test]
fn a_stop_that_was_begun_is_finished_unless_the_user_thinks_again() {
    let now = at("2026-11-21T12:00:00Z");
    let dev: EnvName = "dev".parse().unwrap();
    let spent = standing(50.0, 50.0, Action::Stop);
    let mut memory = Memory::default();
    memory.begin_stop(&dev, now);
    assert!(memory.is_stopping(&dev, now) && !memory.is_stopping(&dev, at("2026-12-01T00:00:00Z")));
    memory.end_stop(&dev, &spent, now);
    assert!(!memory.is_stopping(&dev, now) && !memory.tell(&spent, Level::Spent, now), "it was told with the stop");
    memory.begin_stop(&dev, now);
    memory.allow(&dev, true, now);
    assert!(!memory.is_stopping(&dev, now));
}
