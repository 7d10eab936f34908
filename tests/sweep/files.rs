//! A kill inside a write: the journal's last line is torn, a new file is there and not yet in its place.
//!
//! A write is over in an instant, and the sweep's kills come between writes. So what a kill inside one leaves is made
//! here from what the moments before and after it leave.

use std::fs;

use super::check;
use super::matrix::{alone, asked_for, finish};
use super::network::{Calls, Fault};
use super::scenario::{Wanted, running, stopped};
use super::world::{Ended, World};

const JOURNAL: &str = "state.json.d/journal/dev.jsonl";
const STATE: &str = "state.json";
const OWNER: &str = "state.json.d/owner";

/// The calls of `up` that change something.
const CALLS_OF_UP: usize = 7;

/// What the disk may hold of what was not written to its end.
type Tear = fn(&[u8]) -> Vec<u8>;

const TEARS: [(&str, Tear); 8] = [
    ("nothing", |_| Vec::new()),
    ("its first byte", |text| text[..1].to_vec()),
    ("half of it", |text| text[..text.len() / 2].to_vec()),
    ("all but its last byte", |text| text[..text.len() - 1].to_vec()),
    ("all but its end of line", <[u8]>::to_vec),
    ("zeros", |text| vec![0; text.len()]),
    ("zeros and an end of line", |text| [vec![0; text.len()], b"\n".to_vec()].concat()),
    ("half of it and an end of line", |text| [&text[..text.len() / 2], b"\n"].concat()),
];

/// The tears to try at a call.
fn taken(number: usize) -> impl Iterator<Item = (&'static str, Tear)> {
    let (extent, _) = asked_for();
    (0..).zip(TEARS).filter(move |(at, _)| extent.takes(0, number, *at)).map(|(_, tear)| tear)
}

/// Runs `up` until it is killed at a call.
async fn killed_up(world: &World, number: usize, fault: Fault) {
    world.network.arm(Calls::Changing, Some((number, fault)));
    assert!(matches!(world.run("up dev").await, Ended::Killed), "{}", world.transcript());
    world.network.mend();
}

/// The next run finishes, there is what should be, and nothing is left when it is ended.
#[track_caller]
fn assert_finished(world: &World, what: &str, found: Result<Vec<String>, String>) {
    let differences = found.unwrap_or_else(|error| vec![error]);
    assert!(differences.is_empty(), "{what}: {differences:#?}\n{}", world.transcript());
}

async fn finished(world: &World, lines: &[&str], wanted: &Wanted) -> Result<Vec<String>, String> {
    for line in lines {
        world.ok(line).await?;
    }
    let mut differences = check::differences(world, wanted).await;
    differences.extend(finish(wanted, world).await);
    Ok(differences)
}

#[test]
fn an_answer_that_was_half_written_down_is_found_out_again() {
    let answer = br#"{"at":"2026-11-02T10:00:09Z","event":{"done":{"token":"0199f000-0000-7000-8000-000000000001","made":{"instances":["i-1"]}}}}"#;
    for number in 0..CALLS_OF_UP {
        for (what, tear) in taken(number) {
            alone(|| async move {
                let world = World::empty();
                killed_up(&world, number, Fault::KilledAfter).await;
                let journal = fs::read(world.file(JOURNAL)).unwrap();
                fs::write(world.file(JOURNAL), [journal, tear(answer)].concat()).unwrap();
                let found = finished(&world, &["up dev"], &running("dev", 1)).await;
                assert_finished(&world, &format!("of the answer to call {number} there is {what}"), found);
            });
        }
    }
}

#[test]
fn an_intention_that_was_half_written_down_was_not_acted_on() {
    for number in 0..CALLS_OF_UP {
        for (what, tear) in taken(number) {
            alone(|| async move {
                let world = World::empty();
                killed_up(&world, number, Fault::KilledBefore).await;
                let journal = fs::read(world.file(JOURNAL)).unwrap();
                let last = journal[..journal.len() - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let (before, line) = journal.split_at(last);
                let line = line.strip_suffix(b"\n").unwrap();
                fs::write(world.file(JOURNAL), [before, &tear(line)].concat()).unwrap();
                let found = finished(&world, &["up dev"], &running("dev", 1)).await;
                assert_finished(&world, &format!("of the intention of call {number} there is {what}"), found);
            });
        }
    }
}

#[test]
fn a_first_state_file_that_was_not_put_in_its_place_is_written_again() {
    for (what, tear) in TEARS {
        for file in [OWNER, STATE] {
            alone(|| async move {
                let world = World::empty();
                killed_up(&world, 0, Fault::KilledBefore).await;
                let whole = fs::read(world.file(file)).unwrap();
                let rest = tear(whole.trim_ascii_end());
                // The id comes first, then the state, then the journal.
                fs::remove_file(world.file(JOURNAL)).unwrap();
                fs::remove_file(world.file(STATE)).unwrap();
                if file == OWNER {
                    fs::remove_file(world.file(OWNER)).unwrap();
                }
                fs::write(world.file(&format!("{file}.tmp")), rest).unwrap();
                let found = finished(&world, &["up dev"], &running("dev", 1)).await;
                assert_finished(&world, &format!("of the new {file} there is {what}"), found);
            });
        }
    }
}

#[test]
fn a_new_state_that_was_not_put_in_its_place_leaves_the_old_one() {
    for (what, tear) in TEARS {
        alone(|| async move {
            let world = World::empty();
            world.ok("up dev").await.unwrap();
            let old = fs::read(world.file(STATE)).unwrap();
            let journal = fs::read(world.file(JOURNAL)).unwrap();
            world.network.arm(Calls::Changing, Some((0, Fault::KilledBefore)));
            assert!(matches!(world.run("stop dev").await, Ended::Killed));
            world.network.mend();
            let new = fs::read(world.file(STATE)).unwrap();
            let rest = tear(new.trim_ascii_end());
            fs::write(world.file(STATE), &old).unwrap();
            fs::write(world.file(JOURNAL), &journal).unwrap();
            fs::write(world.file("state.json.tmp"), rest).unwrap();
            world.ok("status dev --no-ask").await.unwrap();
            let found = finished(&world, &["stop dev"], &stopped("dev", 1)).await;
            assert_finished(&world, &format!("of the new state there is {what}"), found);
        });
    }
}

#[test]
fn an_end_that_the_state_was_not_told_of_is_told_again() {
    for next in ["down dev", "down dev --delete-volumes", "gc --end", "recover"] {
        alone(|| async move {
            let world = World::empty();
            world.ok("up dev").await.unwrap();
            let before = fs::read(world.file(STATE)).unwrap();
            world.ok("down dev --delete-volumes").await.unwrap();
            // The journal says that it is over; the state still says that it runs.
            fs::write(world.file(STATE), before).unwrap();
            world.ok(next).await.unwrap();
            world.ok("down dev --delete-volumes").await.unwrap();
            assert_eq!(check::leftovers(&world, false), [""; 0], "{}", world.transcript());
        });
    }
}

#[test]
fn a_recovered_state_that_was_not_put_in_its_place_is_recovered_again() {
    for (what, tear) in TEARS {
        alone(|| async move {
            let world = World::empty();
            world.ok("up dev").await.unwrap();
            let whole = fs::read(world.file(STATE)).unwrap();
            fs::remove_file(world.file(STATE)).unwrap();
            let rest = tear(whole.trim_ascii_end());
            fs::write(world.file("state.json.tmp"), rest).unwrap();
            let found = finished(&world, &["recover", "up dev"], &running("dev", 1)).await;
            assert_finished(&world, &format!("of the recovered state there is {what}"), found);
        });
    }
}
