//! What `cloudtop doctor` found.

use super::super::text::{one_line, padded, width};
use crate::domain::doctor::Check;

/// Where what was found begins: behind the verdict and the name.
const INDENT: usize = 24;
const VERDICT: usize = 9;
/// The width where stdout is no terminal: this is prose, and scripts take the JSON.
const WIDTH: usize = 80;

/// One entry a check: its verdict, its name, what was found, and below that the mend.
#[must_use]
pub fn doctor(checks: &[Check], wide: Option<usize>) -> String {
    let room = wide.unwrap_or(WIDTH).saturating_sub(INDENT).max(20);
    checks.iter().flat_map(|check| entry(check, room)).collect::<Vec<_>>().join("\n")
}

fn entry(check: &Check, room: usize) -> Vec<String> {
    let head = format!("{}{}", padded(check.verdict.as_str(), VERDICT), check.name);
    let mut texts = folded(&one_line(&check.found), room);
    if let Some(mend) = &check.mend {
        texts.extend(folded(&format!("mend: {}", one_line(mend)), room));
    }
    let heads = std::iter::once(head).chain(std::iter::repeat(String::new()));
    texts.iter().zip(heads).map(|(text, head)| format!("{}{text}", padded(&head, INDENT))).collect()
}

/// The text in lines of at most `room` columns, as far as its words allow. What stands between backticks is there to be
/// copied, and stays on one line.
fn folded(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words(text) {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(&word) <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// Words, where a command between two backticks is one. A policy's statement is JSON, in which line ends do no harm.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for piece in text.split(' ') {
        match words.last_mut() {
            Some(word) if open => {
                word.push(' ');
                word.push_str(piece);
            }
            _ => words.push(piece.to_owned()),
        }
        let marks = piece.matches('`').count() % 2 == 1;
        open = if open { !marks } else { marks && piece.starts_with('`') && !piece.starts_with("`{") };
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::doctor::Area;

    #[test]
    fn what_was_found_is_folded_and_commands_stay_whole() {
        let checks = [
            Check::ok("clock", "within 1 s of AWS's"),
            Check::wrong(
                "network",
                Area::Other,
                "subnet-1 (us-east-1a) has no route out, so that nothing there can be reached",
                "`aws ec2 create-route --route-table-id RTB --gateway-id IGW`, or use another",
            ),
        ];
        let expected = "\
ok       clock          within 1 s of AWS's
wrong    network        subnet-1 (us-east-1a) has no route out, so that nothing
                        there can be reached
                        mend:
                        `aws ec2 create-route --route-table-id RTB --gateway-id IGW`,
                        or use another";
        assert_eq!(doctor(&checks, None), expected);
    }
}
