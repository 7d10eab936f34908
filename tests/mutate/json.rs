//! JSON documents with changed values.

use proptest::prelude::*;
use serde_json::Value;

/// One change of a JSON document that leaves it JSON: a value of another kind, a key too many, one too few.
#[derive(Clone, Debug)]
pub struct Change {
    at: u16,
    what: usize,
}

const KINDS: usize = 12;

/// Some such changes.
pub fn changes() -> impl Strategy<Value = Vec<Change>> {
    proptest::collection::vec((any::<u16>(), 0..KINDS).prop_map(|(at, what)| Change { at, what }), 1..4)
}

/// The document with its changes.
pub fn altered(document: &Value, changes: &[Change]) -> Value {
    let mut document = document.clone();
    for Change { at, what } in changes {
        let mut left = usize::from(*at) * count(&document) / 65536;
        if let Some(value) = nth(&mut document, &mut left) {
            alter(value, *what);
        }
    }
    document
}

fn alter(value: &mut Value, what: usize) {
    *value = match what {
        0 => Value::Null,
        1 => (-1).into(),
        2 => u64::MAX.into(),
        3 => 1e300.into(),
        4 => "".into(),
        5 => "2026-13-45T99:00:00Z".into(),
        6 => "x".repeat(70_000).into(),
        7 => Value::Array(Vec::new()),
        8 => (0..100).fold(Value::Null, |inner, _| Value::Array(vec![inner])),
        9 => true.into(),
        _ => {
            match value {
                Value::Object(map) if what == 10 => drop(map.insert("not_known_here".to_owned(), Value::from(7))),
                Value::Object(map) => {
                    let first = map.keys().next().cloned();
                    first.and_then(|key| map.remove(&key));
                }
                _ => {}
            }
            return;
        }
    };
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

fn nth<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Value::Object(map) => map.values_mut().find_map(|item| nth(item, left)),
        _ => None,
    }
}
