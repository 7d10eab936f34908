//! Words from elsewhere made fit for one line.

use dialoguer::console::{measure_text_width, truncate_str};

/// A text on one line, without escape sequences: EC2's sentences and what a node's command said may hold anything.
pub(super) fn one_line(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string();
    plain.split(|c: char| c.is_control()).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The columns that a text takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    measure_text_width(text)
}

/// `text` with spaces up to `columns`.
pub(super) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `text` cut to so many columns, by the width of its characters; what was cut off is told by dots where there is room for them.
pub(super) fn clipped(text: &str, columns: usize) -> String {
    truncate_str(text, columns, if columns < 8 { "" } else { "..." }).into_owned()
}

/// A number with its noun: `1 node`, `3 nodes`.
pub(super) fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// At most three by name, the rest by number.
pub(super) fn some_of(names: &[String]) -> String {
    match names {
        [a, b, c, rest @ ..] if !rest.is_empty() => format!("{a}, {b}, {c} and {} more", rest.len()),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_a_node_cannot_move_the_cursor() {
        assert_eq!(one_line("\u{1b}[31mno\u{1b}[0m such\r\n  file\u{7}"), "no such file");
    }

    #[test]
    fn a_text_is_cut_by_the_columns_that_it_takes() {
        assert_eq!(clipped("core/0  launching", 17), "core/0  launching");
        assert_eq!(clipped("core/0  launching", 16), "core/0  launc...");
        assert_eq!(clipped("\u{6771}\u{4eac}\u{6771}\u{4eac}\u{6771}\u{4eac}", 9), "\u{6771}\u{4eac}\u{6771}...");
        assert_eq!(clipped("\u{6771}\u{4eac}", 3), "\u{6771}");
        assert_eq!([clipped("core/0", 4), clipped("core/0", 0)], ["core", ""]);
        let red = "\u{1b}[31mfailing\u{1b}[0m here";
        assert!(width(&clipped(red, 9)) <= 9 && clipped(red, 9).contains("\u{1b}[0m"));
    }

    #[test]
    fn one_is_not_plural() {
        assert_eq!([counted(0, "node"), counted(1, "node"), counted(2, "node")], ["0 nodes", "1 node", "2 nodes"]);
    }
}
