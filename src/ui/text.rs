//! Words from elsewhere made fit for one line.

use dialoguer::console::measure_text_width;

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
    fn one_is_not_plural() {
        assert_eq!([counted(0, "node"), counted(1, "node"), counted(2, "node")], ["0 nodes", "1 node", "2 nodes"]);
    }
}
