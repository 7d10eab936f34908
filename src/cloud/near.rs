//! Names near to one that does not exist.

use std::cmp::Reverse;

/// How many are offered.
const OFFERED: usize = 3;

/// The names that are most like `wanted`, most like first. Those that share nothing with it are not offered.
pub(super) fn names<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let most = wanted.len().div_ceil(2);
    let mut ranked: Vec<_> =
        known.map(|name| (distance(wanted, name), Reverse(common_beginning(wanted, name)), name)).collect();
    ranked.retain(|(distance, _, _)| *distance <= most);
    ranked.sort_unstable();
    ranked.into_iter().take(OFFERED).map(|(_, _, name)| name.to_owned()).collect()
}

/// How many letters are the same from the beginning: of two types that are as near, that of the same family is meant.
fn common_beginning(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

/// How many letters must be put in, taken out or changed (Levenshtein's distance).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let known = ["c5.large", "m5.large", "m5.xlarge", "c7i.4xlarge", "t3.micro"];
        assert_eq!(names("m5.lage", known.into_iter()), ["m5.large", "m5.xlarge", "c5.large"]);
        assert_eq!(names("c7.4xlarge", known.into_iter())[0], "c7i.4xlarge");
        assert!(names("zzz", known.into_iter()).is_empty());
    }

    #[test]
    fn distances_are_counted_in_letters() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
