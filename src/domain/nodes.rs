//! Sets of node indexes as one tag value.
//!
//! One `RunInstances` call makes many nodes and can only give them all the same tags. So the call tags them with the
//! whole set ("0-999"), and a node is the set's element at the instance's launch index. That holds even when the
//! answer was lost, before anybody has tagged the nodes one by one.

/// The most nodes that an environment can have.
pub const MOST: u32 = 10_000;
/// The longest value that EC2 takes for a tag.
const MAX_TAG_VALUE: usize = 256;
/// More nodes than any launch asks for.
const MOST_NODES: usize = 100_000;

/// Writes a set of indexes: ascending, runs as `first-last`.
#[must_use]
pub fn to_tag(nodes: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &node in nodes {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(node) => *last = node,
            _ => runs.push((node, node)),
        }
    }
    let words: Vec<String> = runs
        .iter()
        .map(|&(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    words.join(",")
}

/// The index at a place in a set that [`to_tag`] wrote. `None` where the tag is not such a set or is shorter.
#[must_use]
pub fn at(tag: &str, place: u32) -> Option<u32> {
    if let Ok(single) = tag.parse() {
        return Some(single);
    }
    let mut left = place;
    for word in tag.split(',') {
        let (first, last) = match word.split_once('-') {
            Some((first, last)) => (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?),
            None => (word.parse().ok()?, word.parse().ok()?),
        };
        let length = last.checked_sub(first)?.checked_add(1)?;
        if left < length {
            return first.checked_add(left);
        }
        left -= length;
    }
    None
}

/// All indexes of a set that [`to_tag`] wrote, as far as it is one.
#[must_use]
pub fn all(tag: &str) -> Vec<u32> {
    let run = |word: &str| -> Option<std::ops::RangeInclusive<u32>> {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    // No launch has more: a tag that somebody else wrote must not take all memory.
    tag.split(',').map_while(run).flatten().take(MOST_NODES).collect()
}

/// How many indexes a set that [`to_tag`] wrote has, as far as it is one.
#[must_use]
pub fn count(tag: &str) -> u64 {
    let run = |word: &str| -> Option<u64> {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        Some(u64::from(last.checked_sub(first)?) + 1)
    };
    tag.split(',').map_while(run).sum()
}

/// The longest beginning of `nodes` whose tag EC2 still takes.
#[must_use]
pub fn fitting(nodes: &[u32]) -> &[u32] {
    let mut end = nodes.len();
    while to_tag(&nodes[..end]).len() > MAX_TAG_VALUE {
        end /= 2;
    }
    &nodes[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_gives_the_index_that_was_written() {
        for nodes in [vec![0], vec![7], vec![0, 1, 2], vec![1, 4], vec![0, 2, 3, 4, 9, 11, 12], (0..1000).collect()] {
            let tag = to_tag(&nodes);
            for (place, &node) in (0..).zip(&nodes) {
                assert_eq!(at(&tag, place), Some(node), "{tag} at {place}");
            }
            assert_eq!(all(&tag), nodes);
            assert_eq!(count(&tag), nodes.len() as u64);
        }
        assert_eq!(count("0-4294967295,7"), (1 << 32) + 1);
        assert_eq!((count("nonsense"), count(""), count("5-3")), (0, 0, 0));
        assert_eq!(to_tag(&[0, 1, 2, 5]), "0-2,5");
        assert_eq!(at("0-2,5", 4), None);
        assert_eq!(at("nonsense", 0), None);
    }

    #[test]
    fn a_set_too_long_for_a_tag_is_cut() {
        let odd: Vec<u32> = (0..1000).map(|n| n * 2 + 1).collect();
        let part = fitting(&odd);
        assert!(!part.is_empty() && to_tag(part).len() <= MAX_TAG_VALUE);
    }
}
