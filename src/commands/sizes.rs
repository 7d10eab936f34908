//! How large the futures of whole commands are.
//!
//! Unoptimised code moves a future over the stack wherever it is made, awaited or put on the heap. When those of commands
//! had 80 KiB, whole commands overflowed the 2 MiB of a test's thread.

use super::*;

/// The most that a command's future may take, bytes. The SDK's own, for one call, take 10 KiB.
const MOST: usize = 20 * 1024;

fn size<'a, A: 'a, F: Future>(_: fn(&'a A, &'a Context) -> F) -> usize {
    size_of::<F>()
}

#[test]
fn the_future_of_no_command_is_large_for_what_is_large_in_it_is_on_the_heap() {
    let sizes = [
        ("up", size(up::run)),
        ("plan", size(plan::run)),
        ("stop", size(stop::run)),
        ("start", size(start::run)),
        ("down", size(down::run)),
        ("watch", size(watch::run)),
        ("recover", size(recover::run)),
        ("gc", size(gc::run)),
        ("volume", size(volume::run)),
        ("ssh", size(ssh::run)),
        ("prices", size(prices::run)),
        ("cost", size(cost::run)),
        ("doctor", size(doctor::run)),
        ("init", size(init::run)),
    ];
    let large: Vec<_> = sizes.iter().filter(|(_, size)| *size > MOST).collect();
    assert!(large.is_empty(), "use Box::pin where the largest part is awaited: {large:?}");
}
