//! The tables of a trace: waiting, moving, and the best possible.

use super::figures::{Figures, per_cent, table};
use super::moves::{self, Course, Habit, hours};
use super::rows;
use super::trace::Trace;

/// After how many minutes without a node it looks elsewhere.
const AFTER: [i64; 5] = [0, 10, 30, 60, 240];
/// Minutes that a volume may take: one of which little has changed since its last snapshot, or a large one's first.
const MOVINGS: [i64; 4] = [5, 15, 60, 180];
const MONTH_HOURS: f64 = 730.0;

/// All tables of a trace, for a volume that takes so many minutes to be moved.
pub fn of(name: &str, trace: &Trace, moving: i64) -> String {
    let from = trace.ticks.first().map(|tick| tick.at).unwrap_or_default();
    let from = jiff::Timestamp::from_second(from).map(|it| it.strftime("%F").to_string()).unwrap_or_default();
    let name = if name.is_empty() { "one type" } else { name };
    [
        format!(
            "{name}: {} zones, looked at {} times in {:.1} days from {from}; a volume takes {moving} minutes to be moved.\n",
            trace.zones.len(),
            trace.ticks.len(),
            hours(trace.seconds()) / 24.0
        ),
        format!("### To stay and wait, by zone\n\n{}", of_zones(trace)),
        format!("### How long a lost zone stays away\n\n{}", of_absences(trace, moving)),
        format!("### To wait and then to move, from each zone in turn\n\n{}", of_habits(trace, moving)),
        format!("### Up, by how long a volume takes to another zone of its region\n\n{}", of_movings(trace)),
    ]
    .join("\n")
}

fn of_zones(trace: &Trace) -> String {
    let stays = Habit { after: None, moving: 0 };
    let rows = (0..trace.zones.len()).map(|zone| {
        let course = moves::run(trace, zone, stays);
        let absences = Figures::of(trace.absences(zone).into_iter().map(hours));
        vec![
            trace.zones[zone].clone(),
            up(trace, &course),
            format!("{:.0}", f64::from(course.losses) * MONTH_HOURS / hours(trace.seconds())),
            time(absences.percentile(50)),
            time(absences.percentile(90)),
            time(Some(hours(course.longest_wait))),
            dollars(course.per_useful_hour()),
        ]
    });
    let header = ["zone", "up", "losses a month", "median wait", "90 % of waits", "longest wait", "per hour of use"];
    table(&header, &rows.collect::<Vec<_>>())
}

/// What who has waited for a time may expect of waiting on.
fn of_absences(trace: &Trace, moving: i64) -> String {
    let absences: Vec<i64> = (0..trace.zones.len()).flat_map(|zone| trace.absences(zone)).collect();
    let rows = AFTER.map(|after| {
        let left: Vec<i64> = absences.iter().map(|it| it - after * 60).filter(|left| *left >= 0).collect();
        let within = |minutes: i64| {
            let back = left.iter().filter(|left| **left <= minutes * 60).count();
            per_cent((!left.is_empty()).then(|| back as f64 / left.len() as f64))
        };
        let figures = Figures::of(left.iter().copied().map(hours));
        vec![
            format!("{after} min"),
            left.len().to_string(),
            within(moving),
            within(60),
            within(240),
            time(figures.percentile(50)),
            time(figures.mean()),
        ]
    });
    let next = format!("back in the next {moving} min");
    let header = [
        "waited for",
        "absences as long",
        &next,
        "in the next hour",
        "in the next 4 h",
        "median of the rest",
        "mean of the rest",
    ];
    table(&header, &rows)
}

fn of_habits(trace: &Trace, moving: i64) -> String {
    let regions = regions(trace);
    let mut rows = Vec::new();
    for region in &regions {
        of_group(&mut rows, region, &trace.only(|zone| rows::region(zone) == *region), moving);
    }
    if regions.len() > 1 {
        of_group(&mut rows, &format!("all {} zones", trace.zones.len()), trace, moving);
    }
    let header = [
        "among",
        "habit",
        "up: mean (least to most)",
        "losses a month",
        "moves a month",
        "longest wait",
        "per hour of use",
    ];
    table(&header, &rows)
}

fn regions(trace: &Trace) -> Vec<&str> {
    let mut regions: Vec<&str> = trace.zones.iter().map(|zone| rows::region(zone)).collect();
    regions.dedup();
    regions
}

/// The mean of all zones, each of which moves within its region.
fn of_movings(trace: &Trace) -> String {
    let of_region = |region: &&str| trace.only(|zone| rows::region(zone) == *region);
    let regions: Vec<Trace> = regions(trace).iter().map(of_region).collect();
    let rows = habits().map(|after| {
        let cells = MOVINGS.map(|moving| {
            let ups =
                regions.iter().flat_map(|trace| courses(trace, after, moving).into_iter().map(|it| share(trace, &it)));
            per_cent(Figures::of(ups).mean())
        });
        std::iter::once(words(after)).chain(cells).collect()
    });
    let header = MOVINGS.map(|it| format!("{it} min"));
    let header: Vec<&str> = std::iter::once("habit").chain(header.iter().map(String::as_str)).collect();
    table(&header, &rows.collect::<Vec<_>>())
}

/// To stay, and to move after each of the times.
fn habits() -> impl Iterator<Item = Option<i64>> {
    std::iter::once(None).chain(AFTER.map(Some))
}

fn words(after: Option<i64>) -> String {
    after.map_or("stay".to_owned(), |it| format!("move after {it} min"))
}

/// What a habit comes to from each zone.
fn courses(trace: &Trace, after: Option<i64>, moving: i64) -> Vec<Course> {
    let habit = Habit { after: after.map(|it| it * 60), moving: moving * 60 };
    (0..trace.zones.len()).map(|home| moves::run(trace, home, habit)).collect()
}

/// The habits among some zones, one of which a node begins in.
fn of_group(rows: &mut Vec<Vec<String>>, name: &str, trace: &Trace, moving: i64) {
    for after in habits() {
        rows.push(row(name, &words(after), trace, &courses(trace, after, moving)));
    }
    rows.push(row(name, "the best possible", trace, &[moves::best(trace)]));
}

fn row(among: &str, habit: &str, trace: &Trace, courses: &[Course]) -> Vec<String> {
    let ups = Figures::of(courses.iter().map(|it| share(trace, it)));
    let a_month = |count: fn(&Course) -> u32| {
        let counts = Figures::of(courses.iter().map(|it| f64::from(count(it))));
        format!("{:.0}", counts.mean().unwrap_or_default() * MONTH_HOURS / hours(trace.seconds()))
    };
    let up = match (courses.len(), ups.least(), ups.most()) {
        (2.., Some(least), Some(most)) => {
            format!("{} ({:.0} to {:.0} %)", per_cent(ups.mean()), least * 100.0, most * 100.0)
        }
        _ => per_cent(ups.mean()),
    };
    vec![
        among.to_owned(),
        habit.to_owned(),
        up,
        a_month(|it| it.losses),
        a_month(|it| it.moves),
        time(Figures::of(courses.iter().map(|it| hours(it.longest_wait))).most()),
        dollars(Figures::of(courses.iter().filter_map(Course::per_useful_hour)).mean()),
    ]
}

fn share(trace: &Trace, course: &Course) -> f64 {
    course.useful as f64 / trace.seconds() as f64
}

fn up(trace: &Trace, course: &Course) -> String {
    per_cent(Some(share(trace, course)))
}

fn dollars(usd: Option<f64>) -> String {
    usd.map_or("-".to_owned(), |usd| format!("${usd:.3}"))
}

/// Hours as people say them.
fn time(hours: Option<f64>) -> String {
    match hours {
        None => "-".to_owned(),
        Some(hours) if hours < 2.0 => format!("{:.0} min", hours * 60.0),
        Some(hours) if hours < 100.0 => format!("{hours:.1} h"),
        Some(hours) => format!("{:.1} d", hours / 24.0),
    }
}
