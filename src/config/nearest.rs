//! "Did you mean": the known name that a misspelt one is nearest to.

/// The name among `names` that `word` was probably meant to be; `None` when nothing is near enough to be worth saying.
///
/// Near enough is one slip for every three letters, and at least one.
#[must_use]
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (distance(word, name), name))
        .filter(|(slips, name)| *slips <= (word.chars().count().max(name.chars().count()) / 3).max(1))
        .min()
        .map(|(_, name)| name)
}

/// Letters added, left out, changed or swapped with their neighbour (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let changed = usize::from(left[i - 1] != right[j - 1]);
            let mut slips = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + changed);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                slips = slips.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = slips;
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        let names = ["region", "template", "types", "ttl"];
        assert_eq!(nearest("tpyes", names), Some("types"));
        assert_eq!(nearest("regoin", names), Some("region"));
        assert_eq!(nearest("tmplate", names), Some("template"));
    }

    #[test]
    fn an_unrelated_word_suggests_nothing() {
        assert_eq!(nearest("colour", ["region", "template", "types"]), None);
        assert_eq!(nearest("x", []), None);
    }
}
