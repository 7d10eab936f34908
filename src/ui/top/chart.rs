//! A line of prices in a few rows: in braille, whose dots are eight a letter, or in ASCII.

/// The rows of a picture of `points`, `columns` by `rows` letters, the highest price at the top. None without points or room.
pub(super) fn rows(points: &[f64], columns: usize, rows: usize, unicode: bool) -> Vec<String> {
    if points.is_empty() || columns == 0 || rows == 0 {
        return Vec::new();
    }
    let (across, down) = if unicode { (2, 4) } else { (1, 1) };
    let (wide, high) = (columns * across, rows * down);
    let heights = heights(points, wide, high);
    let mut dots = vec![vec![false; wide]; high];
    for (column, height) in heights.iter().enumerate() {
        // A jump is drawn as a line, from where the price was.
        let from = column.checked_sub(1).map_or(*height, |before| heights[before]);
        for row in from.min(*height)..=from.max(*height) {
            dots[high - 1 - row][column] = true;
        }
    }
    let letter = |row: usize, column: usize| {
        let is = |x: usize, y: usize| dots[row * down + y][column * across + x];
        if unicode {
            braille(is)
        } else if is(0, 0) {
            '*'
        } else {
            ' '
        }
    };
    (0..rows).map(|row| (0..columns).map(|column| letter(row, column)).collect()).collect()
}

/// How high each column's price lies, in dots from the bottom. A price that stands still lies in the middle.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "between 0 and the height of a terminal"
)]
fn heights(points: &[f64], wide: usize, high: usize) -> Vec<usize> {
    let lowest = points.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = points.iter().copied().fold(0.0, f64::max);
    let height = |price: f64| match highest > lowest {
        true => ((price - lowest) / (highest - lowest) * (high - 1) as f64).round() as usize,
        false => high / 2,
    };
    let point = |column: usize| points[column * (points.len() - 1) / (wide - 1).max(1)];
    (0..wide).map(|column| height(point(column)).min(high - 1)).collect()
}

/// The letter of two by four dots, as Unicode numbers them.
fn braille(is: impl Fn(usize, usize) -> bool) -> char {
    const BITS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
    let mut code = 0x2800;
    for (y, row) in BITS.iter().enumerate() {
        for (x, bit) in row.iter().enumerate() {
            if is(x, y) {
                code |= bit;
            }
        }
    }
    char::from_u32(code).unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_that_rises_goes_from_the_bottom_to_the_top() {
        let points: Vec<f64> = (0..60).map(f64::from).collect();
        assert_eq!(rows(&points, 4, 4, false), ["   *", "  **", " ** ", "**  "]);
        let braille = rows(&points, 2, 1, true);
        assert!(braille[0].chars().all(|it| ('\u{2801}'..='\u{28ff}').contains(&it)), "{braille:?}");
    }

    #[test]
    fn a_price_that_stands_still_and_one_that_is_not_known_are_no_trouble() {
        assert_eq!(rows(&[0.5; 3], 3, 3, false), ["   ", "***", "   "]);
        assert_eq!(rows(&[0.0], 1, 1, false), ["*"]);
        assert!(rows(&[], 10, 4, true).is_empty() && rows(&[1.0], 0, 4, true).is_empty());
    }
}
