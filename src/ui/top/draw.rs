//! The picture of a model, for whatever room there is.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::chart;
use super::model::{Model, Place};
use crate::domain::budget::{Level, Standing};
use crate::domain::money;
use crate::domain::phase::Phase;
use crate::ui::report::{EnvironmentReport, NodeReport};
use crate::ui::text::one_line;
use crate::ui::time::relative;

/// Narrower than this, only name, stage and price are shown.
const WIDE: u16 = 60;
/// Lower than this, the table is all there is.
const HIGH: u16 = 18;
/// Rows of the chart and the budgets, with their title.
const MIDDLE: u16 = 7;
/// Rows of the events, with their title.
const EVENTS: u16 = 5;

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

const KEYS: &str = "arrows select  Enter ssh  S stop  u up  d down  r look  ? help  q quit";
const KEYS_SHORT: &str = "Enter ssh  ? all keys  q quit";
const HELP: [&str; 11] = [
    "Up Down j k   select an environment or a node",
    "Home End g G  the first, the last",
    "Enter s       a shell on it (cloudtop ssh)",
    "S             stop it: only its disks bill",
    "u             start it, or bring it up",
    "d             end it: its volumes are kept",
    "r             look at EC2 now",
    "?             this",
    "q Esc Ctrl-C  leave; nothing is changed by that",
    "",
    "Any key goes back.",
];

/// Draws the whole screen.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let area = frame.area();
    let (middle, events) = if area.height < HIGH || area.width < WIDE { (0, 0) } else { below(area.height) };
    let [title, table, middle, events, trouble, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(middle),
        Constraint::Length(events),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    put(frame, title, Line::styled(heading(model, title.width), BOLD));
    put_all(frame, table, table_lines(model, table));
    let [left, right] = Layout::horizontal([Constraint::Percentage(55), Constraint::Min(1)]).areas(middle);
    put_all(frame, left, price_lines(model, left));
    put_all(frame, right, budget_lines(model, right));
    put_all(frame, events, event_lines(model, events));
    put(frame, trouble, trouble_line(model));
    put(frame, keys, key_line(model, keys.width));
    if model.help {
        let room = centred(area);
        frame.render_widget(Clear, room);
        put_all(frame, room, HELP.iter().map(|line| Line::raw(*line)).collect());
    }
}

/// Rows of the middle and of the events: a tall terminal shows more of what happened.
fn below(height: u16) -> (u16, u16) {
    let spare = height.saturating_sub(24);
    (MIDDLE + spare / 4, EVENTS + spare / 4)
}

fn put(frame: &mut Frame<'_>, room: Rect, line: Line<'_>) {
    frame.render_widget(Paragraph::new(line), room);
}

fn put_all(frame: &mut Frame<'_>, room: Rect, lines: Vec<Line<'_>>) {
    frame.render_widget(Paragraph::new(lines), room);
}

fn centred(area: Rect) -> Rect {
    let (wide, high) = (50.min(area.width), (HELP.len() as u16).min(area.height));
    Rect::new((area.width - wide) / 2, (area.height - high) / 2, wide, high)
}

/// What there is in one line, and the time.
fn heading(model: &Model, width: u16) -> String {
    let clock = model.now.map(|now| now.strftime("%H:%M:%S UTC").to_string()).unwrap_or_default();
    let (ready, all) = model.ready();
    let hour: f64 = model.environments.iter().map(EnvironmentReport::price_per_hour).sum();
    let mut parts = vec![format!("cloudtop: {ready} of {all} nodes ready"), format!("{} an hour", money::hourly(hour))];
    if let Some(spent) = model.spent {
        parts.push(format!("{} this month", money::spent(spent)));
    }
    let room = usize::from(width).saturating_sub(clock.len() + 1);
    // What does not fit is left out whole: half a number is a wrong one.
    while parts.len() > 1 && parts.join(", ").len() > room {
        parts.pop();
    }
    let text = parts.join(", ");
    if text.len() > room { text } else { format!("{text:<room$} {clock}") }
}

fn table_lines(model: &Model, room: Rect) -> Vec<Line<'static>> {
    let wide = room.width >= WIDE;
    let head = if wide {
        format!("  {:<16} {:<12} {:<14} {:<14} {:>9}  {}", "NAME", "STAGE", "TYPE", "ZONE", "$/HOUR", "")
    } else {
        format!("  {:<16} {:<12} {:>8}", "NAME", "STAGE", "$/HOUR")
    };
    let rows = model.rows();
    let high = usize::from(room.height).saturating_sub(1);
    let selected = model.row();
    // The selected row is always seen.
    let first = (selected + 1).saturating_sub(high);
    let shown = rows.iter().enumerate().skip(first).take(high);
    let mut lines = vec![Line::styled(head, BOLD)];
    lines.extend(shown.map(|(at, place)| row_line(model, place, at == selected, wide)));
    if rows.is_empty() {
        let text = match model.looked_at {
            Some(_) => "  there are no environments: make one with `cloudtop up NAME`",
            None => "  waiting: EC2 is asked what there is",
        };
        lines.push(Line::raw(text));
    }
    lines
}

fn row_line(model: &Model, place: &Place, selected: bool, wide: bool) -> Line<'static> {
    let Some(report) = model.environments.iter().find(|it| it.name == place.env) else { return Line::default() };
    let node = place.node.and_then(|index| report.nodes.iter().find(|it| it.view.index == index));
    let mark = if selected { ">" } else { " " };
    let (name, phase, price) = match node {
        Some(node) => (format!("  /{}", node.view.index), node.view.phase, node.price_per_hour),
        None => (report.name.clone(), report.phase(), Some(report.price_per_hour())),
    };
    let price = price.map(money::hourly).unwrap_or_default();
    let before = format!("{mark} {name:<16.16} ");
    let stage = format!("{:<12}", phase.as_str());
    let rest = match (wide, node) {
        (false, _) => format!(" {price:>8}"),
        (true, Some(node)) => node_cells(node, &price),
        (true, None) => environment_cells(model, report, &price),
    };
    let mut stage_style = Style::new();
    if model.colours {
        stage_style = stage_style.fg(colour(phase));
    }
    let whole = if selected { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
    Line::from(vec![Span::raw(before), Span::styled(stage, stage_style), Span::raw(rest)]).style(whole)
}

fn node_cells(node: &NodeReport, price: &str) -> String {
    let view = &node.view;
    let kind = view.instance_type.as_deref().unwrap_or_default();
    let zone = view.zone.as_deref().unwrap_or_default();
    let on_demand = if view.on_demand { "ON-DEMAND " } else { "" };
    let waits = view.waiting_for.as_deref().map(one_line).unwrap_or_default();
    format!(" {kind:<14.14} {zone:<14.14} {price:>9}  {on_demand}{waits}")
}

fn environment_cells(model: &Model, report: &EnvironmentReport, price: &str) -> String {
    let nodes = if report.nodes.len() == 1 { "1 node".to_owned() } else { format!("{} nodes", report.nodes.len()) };
    let ends = match (report.expires_at, model.now) {
        (Some(at), Some(now)) => format!("ends {}", relative(at, now)),
        _ => report.notes.first().map(|note| one_line(note)).unwrap_or_default(),
    };
    format!(" {nodes:<14.14} {:<14.14} {price:>9}  {ends}", report.region)
}

/// A second sign beside the word, which says it all.
fn colour(phase: Phase) -> Color {
    match phase {
        Phase::Ready => Color::Green,
        Phase::Interrupted => Color::Red,
        Phase::Gone | Phase::Absent | Phase::Stopped => Color::DarkGray,
        _ => Color::Yellow,
    }
}

/// The price of the selected pool over a day.
fn price_lines(model: &Model, room: Rect) -> Vec<Line<'static>> {
    if room.height == 0 {
        return Vec::new();
    }
    let Some(history) = model.history() else {
        let text = "  no spot pool is selected, or its prices are not known yet";
        return vec![Line::styled("PRICE, 24 hours", BOLD), Line::raw(text)];
    };
    let title = format!("PRICE {} {}, 24 hours", history.instance_type, history.zone);
    let (top, bottom) = (money::hourly(history.max), money::hourly(history.min));
    let margin = top.len().max(bottom.len());
    let (columns, high) = (usize::from(room.width).saturating_sub(margin + 3), usize::from(room.height) - 1);
    let picture = chart::rows(&history.points, columns, high, model.unicode);
    let mut lines = vec![Line::styled(title, BOLD)];
    lines.extend(picture.into_iter().enumerate().map(|(row, text)| {
        let label = match row {
            0 => top.as_str(),
            row if row + 1 == high => bottom.as_str(),
            _ => "",
        };
        Line::raw(format!("{label:>margin$} {text}"))
    }));
    lines
}

/// What was spent, against budgets where there are some.
fn budget_lines(model: &Model, room: Rect) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled("SPENT this month", BOLD)];
    let width = usize::from(room.width);
    for standing in &model.budgets {
        let style = match standing.level() {
            Level::Within => Style::new(),
            Level::Near if model.colours => Style::new().fg(Color::Yellow),
            Level::Spent if model.colours => Style::new().fg(Color::Red),
            Level::Near | Level::Spent => BOLD,
        };
        let (used, most) = (money::spent(standing.spent), money::spent(standing.budget.monthly));
        let whose = standing.scope.env().map_or("all", |env| env.as_str());
        let word = match standing.level() {
            Level::Within => "",
            Level::Near => " NEAR",
            Level::Spent => " SPENT",
        };
        lines.push(Line::styled(format!("{whose:.12}: {used} of {most}{word}"), style));
        lines.push(Line::raw(bar(standing, width, model.unicode)));
    }
    for report in &model.environments {
        if let Some(spent) = report.spent_this_month {
            lines.push(Line::raw(format!("{:<16.16} {:>9}", report.name, money::spent(spent))));
        }
    }
    if model.budgets.is_empty() {
        lines.push(Line::raw("no budget is set"));
    }
    lines
}

/// How much of a budget is used, as a bar with its percents beside it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a terminal's width"
)]
fn bar(standing: &Standing, width: usize, unicode: bool) -> String {
    let percent = format!(" {} %", (standing.share() * 100.0).floor());
    let room = width.saturating_sub(percent.len() + 3).min(30);
    let used = (standing.share().clamp(0.0, 1.0) * room as f64).floor() as usize;
    let (full, empty) = if unicode { ("\u{2588}", "\u{2591}") } else { ("#", ".") };
    format!("[{}{}]{percent}", full.repeat(used), empty.repeat(room - used))
}

fn event_lines(model: &Model, room: Rect) -> Vec<Line<'static>> {
    if room.height == 0 {
        return Vec::new();
    }
    let mut lines = vec![Line::styled("EVENTS", BOLD)];
    let shown = model.events.iter().take(usize::from(room.height) - 1);
    lines.extend(shown.map(|it| {
        let today = model.now.is_some_and(|now| now.strftime("%F").to_string() == it.at.strftime("%F").to_string());
        let at = it.at.strftime(if today { "%H:%M:%S" } else { "%m-%d %H:%M" });
        Line::raw(format!("{at} {}: {}", it.env, one_line(&it.text)))
    }));
    if model.events.is_empty() {
        lines.push(Line::raw("nothing yet"));
    }
    lines
}

fn trouble_line(model: &Model) -> Line<'static> {
    let Some(text) = &model.trouble else {
        let ago = model.looked_at.zip(model.now).map(|(at, now)| format!("EC2 was looked at {}", relative(at, now)));
        return Line::raw(ago.unwrap_or_default());
    };
    let style = if model.colours { BOLD.fg(Color::Red) } else { BOLD };
    Line::styled(one_line(text), style)
}

/// The question, or which keys there are.
fn key_line(model: &Model, width: u16) -> Line<'static> {
    if let Some(deed) = &model.asking {
        return Line::styled(deed.question(), BOLD);
    }
    Line::raw(if width >= 75 { KEYS } else { KEYS_SHORT })
}
