//! The screen as it is drawn, and what keys do.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::draw::draw;
use super::*;
use crate::domain::intent::Goal;
use crate::domain::phase::Phase;
use crate::domain::price_history::PriceHistory;
use crate::ui::samples;

fn model() -> Model {
    let now = samples::now();
    let mut model = Model { now: Some(now), spent: Some(13.3), unicode: true, ..Model::default() };
    let event = Happening { at: now, env: "core".to_owned(), text: "node 1 ready".to_owned() };
    model.take(vec![samples::cluster(), samples::cloudtop()], vec![event], now);
    model.budgets = vec![samples::budget()];
    model.prices = vec![PriceHistory {
        instance_type: "m7a.xlarge".to_owned(),
        zone: "us-west-1a".to_owned(),
        now: 0.09,
        since: now,
        min: 0.06,
        median: 0.07,
        max: 0.09,
        points: (0..60).map(|at| 0.06 + f64::from(at) * 0.0005).collect(),
    }];
    model
}

fn drawn(model: &Model, columns: u16, lines: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    terminal.draw(|frame| draw(frame, model)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..lines).map(|y| line(y).trim_end().to_owned()).collect()
}

fn has(lines: &[String], text: &str) -> bool {
    lines.iter().any(|line| line.contains(text))
}

#[test]
fn all_is_seen_in_80_by_24() {
    let lines = drawn(&model(), 80, 24);
    for text in [
        "cloudtop: 3 of 4 nodes ready, $0.2231 an hour, $13.30 this month",
        "> core             requested    3 nodes        us-west-1",
        "    /2             requested    m7a.xlarge     us-west-1b",
        "  dev              ready        1 node         us-east-1",
        "PRICE m7a.xlarge us-west-1a, 24 hours",
        "$0.0900",
        "SPENT this month",
        "EVENTS",
        "core: node 1 ready",
        "q quit",
    ] {
        assert!(has(&lines, text), "{text} in:\n{}", lines.join("\n"));
    }
    assert!(lines[0].ends_with(" UTC"), "{}", lines[0]);
}

#[test]
fn a_large_terminal_shows_more_and_a_narrow_one_the_table_alone() {
    assert!(has(&drawn(&model(), 120, 40), "EC2 has no spot capacity there now"));
    let narrow = drawn(&model(), 40, 12);
    assert!(has(&narrow, "> core             requested     $0.1500"), "{}", narrow.join("\n"));
    assert!(!has(&narrow, "EVENTS") && has(&narrow, "q quit"), "{}", narrow.join("\n"));
    // Nothing panics where there is no room at all.
    for (columns, lines) in [(1, 1), (3, 2), (61, 18), (200, 5), (10, 60)] {
        drawn(&Model { help: true, ..model() }, columns, lines);
    }
}

#[test]
fn without_utf_8_every_letter_is_ascii() {
    let lines = drawn(&Model { unicode: false, ..model() }, 80, 24);
    assert!(lines.iter().all(|line| line.is_ascii()), "{}", lines.join("\n"));
    assert!(has(&lines, "**") && has(&lines, "[###"), "{}", lines.join("\n"));
    assert!(has(&drawn(&model(), 80, 24), "\u{2588}"));
}

#[test]
fn colour_is_used_only_where_it_is_wanted() {
    let coloured = |colours| {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| draw(frame, &Model { colours, ..model() })).unwrap();
        let cells = terminal.backend().buffer().content().to_vec();
        cells.iter().any(|cell| cell.fg != ratatui::style::Color::Reset)
    };
    assert!(coloured(true) && !coloured(false));
}

#[test]
fn the_selected_row_is_seen_however_many_there_are() {
    let mut model = model();
    model.environments[0].nodes = (0..1000)
        .map(|index| crate::ui::report::NodeReport {
            view: samples::bare(index, Phase::Ready, None),
            price_per_hour: None,
            said: None,
        })
        .collect();
    model.press(Key::Last);
    assert!(has(&drawn(&model, 80, 24), ">   /0"));
    model.press(Key::Up);
    model.press(Key::Up);
    assert!(has(&drawn(&model, 80, 24), ">   /999"));
    model.press(Key::First);
    assert!(has(&drawn(&model, 80, 24), "> core"));
}

#[test]
fn keys_move_the_selection_which_outlives_a_look() {
    let mut model = model();
    for key in [Key::Down, Key::Char('j'), Key::Char('k')] {
        assert_eq!(model.press(key), None);
    }
    assert_eq!(model.place().unwrap().to_string(), "core/0");
    model.take(vec![samples::cloudtop(), samples::cluster()], Vec::new(), samples::now());
    assert_eq!(model.place().unwrap().to_string(), "core/0");
    model.environments[1].nodes.clear();
    assert_eq!(model.place().unwrap().to_string(), "core");
}

#[test]
fn a_shell_needs_no_question_and_a_change_does() {
    let mut model = model();
    let place = |env: &str, node| Place { env: env.to_owned(), node };
    assert_eq!(model.press(Key::Enter), Some(Wish::Ssh(place("core", Some(0)))));
    model.press(Key::Last);
    assert_eq!(model.press(Key::Char('s')), Some(Wish::Ssh(place("dev", None))));
    for (key, verb) in [('S', Verb::Stop), ('u', Verb::Up), ('d', Verb::Down)] {
        let deed = Deed { verb, env: "dev".to_owned() };
        assert_eq!(model.press(Key::Char(key)), None);
        assert!(has(&drawn(&model, 80, 24), &deed.question()));
        assert_eq!(model.press(Key::Char('n')), None);
        assert_eq!(model.asking, None);
        model.press(Key::Char(key));
        assert_eq!(model.press(Key::Char('y')), Some(Wish::Do(deed)));
    }
    model.environments[1].goal = Goal::Stopped;
    model.press(Key::Char('u'));
    assert_eq!(model.asking.as_ref().map(|it| it.verb), Some(Verb::Start));
    assert_eq!(model.press(Key::Quit), Some(Wish::Quit), "Ctrl-C leaves, whatever is asked");
}

#[test]
fn escape_leaves_the_question_first_and_then_the_screen() {
    let mut model = model();
    model.press(Key::Char('d'));
    assert_eq!(model.press(Key::Escape), None);
    model.press(Key::Char('?'));
    assert!(has(&drawn(&model, 80, 24), "Any key goes back."));
    assert_eq!(model.press(Key::Escape), None);
    assert_eq!(model.press(Key::Escape), Some(Wish::Quit));
}

#[test]
fn a_stage_that_changed_between_looks_is_an_event_once() {
    let (mut model, now) = (model(), samples::now());
    let mut taken = samples::cloudtop();
    taken.nodes[0].view.phase = Phase::Interrupted;
    taken.nodes[0].view.waiting_for = Some("EC2 took it".to_owned());
    model.take(vec![samples::cluster(), taken.clone()], Vec::new(), now);
    model.take(vec![samples::cluster(), taken], Vec::new(), now);
    let texts: Vec<&str> = model.events.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(texts.iter().filter(|it| **it == "node 0 interrupted: EC2 took it").count(), 1, "{texts:?}");
}

#[test]
fn what_goes_wrong_is_in_a_line() {
    let lines =
        drawn(&Model { trouble: Some("EC2 throttles us; the next look is in 40s".to_owned()), ..model() }, 80, 24);
    assert!(has(&lines, "EC2 throttles us"));
    assert!(has(&drawn(&Model::default(), 80, 24), "waiting: EC2 is asked what there is"));
}
