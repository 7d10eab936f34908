//! Documents with changed bytes.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// As many cases as a test has time for, and more where `PROPTEST_CASES` says so. Nothing is written beside the sources:
/// what once failed becomes a test with a name.
pub fn config(cases: u32) -> ProptestConfig {
    let more = std::env::var("PROPTEST_CASES").is_ok();
    let default = ProptestConfig { failure_persistence: None, max_shrink_iters: 500, ..ProptestConfig::default() };
    // The suite is the same each time; a long run is another one each time.
    if more { default } else { ProptestConfig { cases, rng_seed: RngSeed::Fixed(20_261_121), ..default } }
}

/// Pieces that readers of text stumble over.
const ODD: [&str; 24] = [
    "null",
    "-1",
    "0",
    "1e999",
    "18446744073709551616",
    "4294967295",
    "\"\"",
    "{",
    "}",
    "[",
    "]",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "\0",
    "\n",
    "=",
    "&",
    "%",
    "%ff",
    "<",
    ">",
    "<![CDATA[",
    "&#x0;",
];

/// One change of a document.
#[derive(Clone, Debug)]
pub enum Edit {
    Flip { at: u16, bits: u8 },
    Insert { at: u16, odd: usize },
    Remove { at: u16, length: u8 },
    Repeat { at: u16, length: u8 },
    End { at: u16 },
}

/// Some changes; seldom many.
pub fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        3 => (any::<u16>(), 1..=255u8).prop_map(|(at, bits)| Edit::Flip { at, bits }),
        3 => (any::<u16>(), 0..ODD.len()).prop_map(|(at, odd)| Edit::Insert { at, odd }),
        2 => (any::<u16>(), any::<u8>()).prop_map(|(at, length)| Edit::Remove { at, length }),
        2 => (any::<u16>(), any::<u8>()).prop_map(|(at, length)| Edit::Repeat { at, length }),
        1 => any::<u16>().prop_map(|at| Edit::End { at }),
    ];
    proptest::collection::vec(edit, 1..6)
}

/// The document with its changes. Places are parts of its length, in 65536ths.
pub fn changed(document: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = document.to_vec();
    let place = |at: u16, length: usize| usize::from(at) * length / 65536;
    for edit in edits {
        let whole = bytes.len();
        match edit {
            Edit::Flip { at, bits } => {
                if let Some(byte) = bytes.get_mut(place(*at, whole)) {
                    *byte ^= bits;
                }
            }
            Edit::Insert { at, odd } => {
                let at = place(*at, whole);
                bytes.splice(at..at, ODD[*odd].bytes());
            }
            Edit::Remove { at, length } => {
                let at = place(*at, whole);
                bytes.drain(at..whole.min(at + usize::from(*length)));
            }
            Edit::Repeat { at, length } => {
                let at = place(*at, whole);
                let part = bytes[at..whole.min(at + usize::from(*length))].to_vec();
                bytes.splice(at..at, part);
            }
            Edit::End { at } => bytes.truncate(place(*at, whole)),
        }
    }
    bytes
}
