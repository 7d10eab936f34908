//! Every call and every fault of every row, and what came of each.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::check;
use super::network::Fault;
use super::scenario::{Aside, Scenario, Wanted};
use super::world::{Ended, Snapshot, World};

/// One cell.
#[derive(Clone, Copy)]
struct Case<'a> {
    row: &'a Scenario,
    from: &'a Snapshot,
    number: usize,
    fault: Fault,
}

/// What came of one.
pub struct Verdict {
    row: &'static str,
    number: usize,
    action: String,
    fault: Fault,
    differences: Vec<String>,
    transcript: String,
}

/// What came of all.
pub struct Sweep {
    rows: Vec<(&'static str, usize)>,
    verdicts: Vec<Verdict>,
}

/// How much of the matrix is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Whole,
    /// A fifth: each call with one or two of the faults, in turns.
    Sample,
}

/// What the user asks for by the environment: with nothing, a sample of everything; with `SWEEP=all`, everything; with
/// `SWEEP=stop`, everything of the rows that have this in their names.
pub fn asked_for() -> (Extent, String) {
    match std::env::var("SWEEP") {
        Ok(all) if all == "all" => (Extent::Whole, String::new()),
        Ok(part) => (Extent::Whole, part),
        Err(_) => (Extent::Sample, String::new()),
    }
}

impl Extent {
    /// Whether it has a fault of a call of a row, all by their numbers.
    pub fn takes(self, row: usize, number: usize, fault: usize) -> bool {
        self == Self::Whole || (row + number + fault).is_multiple_of(5)
    }
}

/// Sweeps rows, on as many threads as the machine has processors.
pub fn sweep(rows: &[&'static Scenario], extent: Extent) -> Sweep {
    let counted: Vec<(Snapshot, usize)> = on_all_processors(rows, |row| {
        let from = alone(|| begin(row));
        let calls = alone(|| count(row, &from));
        (from, calls)
    });
    let mut cases = Vec::new();
    for (place, (row, (from, calls))) in rows.iter().zip(&counted).enumerate() {
        for number in 0..*calls {
            let taken = (0..).zip(Fault::ALL).filter(|(at, _)| extent.takes(place, number, *at));
            cases.extend(taken.map(|(_, fault)| Case { row, from, number, fault }));
        }
    }
    let verdicts = on_all_processors(&cases, |case| alone(|| judge(*case)));
    Sweep { rows: rows.iter().zip(&counted).map(|(row, (_, calls))| (row.name, *calls)).collect(), verdicts }
}

/// Does the same for all, some at a time; the results are in their order.
fn on_all_processors<T: Sync, R: Send>(all: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (next, results) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((at, it)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, all.get(at)?)))
                {
                    let result = each(it);
                    results.lock().unwrap().insert(at, result);
                }
            });
        }
    });
    results.into_inner().unwrap().into_values().collect()
}

/// The futures of whole commands, unoptimised, are too deep for a thread's usual 2 MiB. The program's own has 8.
const STACK: usize = 32 << 20;

/// A runtime of its own, with a clock that goes on when nothing else can.
pub fn alone<F: Future<Output: Send>>(work: impl FnOnce() -> F + Send) -> F::Output {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async { work().await })
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run).unwrap();
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The world that the command starts in.
async fn begin(row: &Scenario) -> Snapshot {
    let world = World::empty();
    if let Err(error) = row.begin(&world).await {
        panic!("{}, before: {error}\n{}", row.name, world.transcript());
    }
    world.snapshot()
}

/// How many calls the command makes when nothing goes wrong, which must end well, too.
async fn count(row: &Scenario, from: &Snapshot) -> usize {
    let world = World::again(from);
    world.network.arm(row.calls, None);
    let ended = world.ok(row.command).await;
    let calls = world.network.mend().len();
    let mut differences: Vec<String> = ended.err().into_iter().collect();
    differences.extend(finish_and_compare(row, &world).await);
    differences.extend(finish(&row.wanted, &world).await);
    assert!(differences.is_empty(), "{}, undisturbed: {differences:#?}\n{}", row.name, world.transcript());
    calls
}

/// One cell of the matrix.
async fn judge(case: Case<'_>) -> Verdict {
    let world = World::again(case.from);
    let mut action = String::new();
    let differences = match disturbed(case, &world, &mut action).await {
        Ok(differences) => differences,
        Err(error) => vec![error],
    };
    let Case { row, number, fault, .. } = case;
    Verdict { row: row.name, number, action, fault, differences, transcript: world.transcript() }
}

async fn disturbed(case: Case<'_>, world: &World, action: &mut String) -> Result<Vec<String>, String> {
    let Case { row, number, fault, .. } = case;
    world.network.arm(row.calls, Some((number, fault)));
    let ended = world.run(row.command).await;
    let calls = world.network.mend();
    *action = calls.get(number).cloned().ok_or_else(|| format!("there were only {} calls", calls.len()))?;
    let mut differences = Vec::new();
    match ended {
        Ended::Killed if fault.kills() => {}
        Ended::Killed => differences.push("it was killed".to_owned()),
        // A run that only looks may give up when it cannot; one that changes something goes on by itself.
        Ended::ByItself(Err(error)) if !action.starts_with("Describe") => {
            differences.push(format!("it did not go on by itself: {error}"));
        }
        Ended::ByItself(_) => {}
    }
    differences.extend(finish_and_compare(row, world).await);
    differences.extend(finish(&row.wanted, world).await);
    Ok(differences)
}

/// Lets the next runs finish, and looks at what there is.
async fn finish_and_compare(row: &Scenario, world: &World) -> Vec<String> {
    for line in row.next_runs() {
        if let Err(error) = world.ok(line).await {
            return vec![error];
        }
    }
    check::differences(world, &row.wanted).await
}

/// Ends it all: nothing may be left.
pub async fn finish(wanted: &Wanted, world: &World) -> Vec<String> {
    let line = format!("down {} --delete-volumes", wanted.env);
    if let Err(error) = world.ok(&line).await {
        return vec![error];
    }
    check::leftovers(world, wanted.aside != Aside::Never)
}

impl Sweep {
    /// How many runs it was.
    pub fn size(&self) -> usize {
        self.verdicts.len()
    }

    pub fn failures(&self) -> Vec<&Verdict> {
        self.verdicts.iter().filter(|it| !it.differences.is_empty()).collect()
    }

    /// By command and fault: how many ended well, of how many.
    pub fn table(&self) -> String {
        let mut text = format!("{:22} {:>5}", "command", "calls");
        for fault in Fault::ALL {
            let _ = write!(text, " {fault:>16}");
        }
        for (row, calls) in &self.rows {
            let _ = write!(text, "\n{row:22} {calls:>5}");
            for fault in Fault::ALL {
                let of = self.verdicts.iter().filter(|it| it.row == *row && it.fault == fault);
                let (all, well) =
                    of.fold((0, 0), |(all, well), it| (all + 1, well + usize::from(it.differences.is_empty())));
                let _ = write!(text, " {:>16}", format!("{well}/{all}"));
            }
        }
        let failed = self.failures().len();
        let _ = write!(text, "\n{} runs, {} ended well, {failed} did not", self.size(), self.size() - failed);
        text
    }

    /// Every failure, and of the first what was said.
    pub fn report(&self) -> String {
        let failures = self.failures();
        let mut text = String::new();
        for it in &failures {
            let _ = writeln!(
                text,
                "{}: call {} ({}), {}: {}",
                it.row,
                it.number,
                it.action,
                it.fault.to_string().trim(),
                it.differences.join("; ")
            );
        }
        if let Some(first) = failures.first() {
            let _ = writeln!(text, "\nThe first of them:\n{}", first.transcript);
        }
        text
    }
}
