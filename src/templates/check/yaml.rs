//! YAML with its places, read the way cloud-init reads it.
//!
//! cloud-init reads with PyYAML, which is YAML 1.1: `yes` is a boolean and `0755` is octal. saphyr is YAML 1.2, so values
//! without quotes are read here, from the source.

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};

use super::finding::Place;

/// Deeper than anybody nests by hand; reading goes as deep as the text does, and a stack has an end.
const DEEPEST: usize = 100;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub at: Place,
    pub kind: Kind,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Flag(bool),
    /// A number, a date or whatever else YAML 1.1 makes of a word without quotes, as it is written.
    Number(String),
    Text {
        text: String,
        /// Of a literal block (`|`): where its first line begins.
        block: Option<Place>,
    },
    List(Vec<Node>),
    Table(Vec<(Node, Node)>),
}

/// Why a text cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub at: Place,
    pub message: String,
    /// Whether it is a key that is there twice.
    pub duplicate: bool,
}

impl Node {
    /// The text, where it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// A text, or a number or switch as it is written.
    pub(super) fn word(&self) -> Option<String> {
        match &self.kind {
            Kind::Text { text, .. } | Kind::Number(text) => Some(text.clone()),
            Kind::Flag(on) => Some(on.to_string()),
            _ => None,
        }
    }

    /// The entries, where it is a table.
    pub(super) fn table(&self) -> Option<&[(Node, Node)]> {
        match &self.kind {
            Kind::Table(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, where it is a list.
    pub(super) fn list(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The value of a key, where it is a table that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.table()?.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// What it is, in words.
    pub(super) fn in_words(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Flag(_) => "true or false",
            Kind::Number(_) => "a number or a date",
            Kind::Text { .. } => "a text",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a mapping",
        }
    }
}

/// Reads the first document. `None`: there is nothing but comments.
pub(super) fn read(text: &str) -> Result<Option<Node>, Fault> {
    if let Some(line) = text.lines().position(|line| markers(line) > DEEPEST) {
        let message = "nested too deeply to be looked into".to_owned();
        return Err(Fault { at: Place::line(line + 1), message, duplicate: false });
    }
    let documents = MarkedYaml::load_from_str(text).map_err(|error| Fault {
        at: Place { line: error.marker().line(), column: error.marker().col() + 1 },
        duplicate: error.info().starts_with("duplicated key"),
        message: error.info().to_owned(),
    })?;
    let source: Vec<char> = text.chars().collect();
    documents
        .first()
        .map(|document| convert(document, &source))
        .transpose()
        .map(|node| node.filter(|node| !(documents.len() == 1 && node.kind == Kind::Null)))
}

/// How many levels one line opens by itself: `- - - x`.
fn markers(line: &str) -> usize {
    let marks = |word: &&str| matches!(*word, "-" | "?" | ":") || word.starts_with(['!', '&']);
    line.split_ascii_whitespace().take_while(marks).count()
}

fn convert(node: &MarkedYaml<'_>, source: &[char]) -> Result<Node, Fault> {
    let start = node.span.start;
    let at = Place { line: start.line().max(1), column: start.col() + 1 };
    let kind = match &node.data {
        YamlData::Sequence(items) => {
            Kind::List(items.iter().map(|item| convert(item, source)).collect::<Result<_, _>>()?)
        }
        YamlData::Mapping(entries) => {
            let mut table = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let key = convert(key, source)?;
                if matches!(key.kind, Kind::Table(_) | Kind::List(_)) {
                    let message = format!("{} cannot be a key", key.in_words());
                    return Err(Fault { at: key.at, message, duplicate: false });
                }
                table.push((key, convert(value, source)?));
            }
            Kind::Table(table)
        }
        YamlData::Tagged(_, inner) => return Ok(Node { at, ..convert(inner, source)? }),
        YamlData::Value(Scalar::String(text)) => scalar(text, start.index(), at, source),
        YamlData::Value(_) => plain(&written(node, source)),
        YamlData::Representation(text, ..) => Kind::Text { text: text.to_string(), block: None },
        // A value that its own tag does not fit, such as `!!binary`; what it is like is not known.
        YamlData::BadValue | YamlData::Alias(_) => plain(""),
    };
    Ok(Node { at, kind })
}

fn written(node: &MarkedYaml<'_>, source: &[char]) -> String {
    let (start, end) = (node.span.start.index(), node.span.end.index());
    source.get(start..end).map(|part| part.iter().collect()).unwrap_or_default()
}

fn scalar(text: &str, start: usize, at: Place, source: &[char]) -> Kind {
    let as_text = |block| Kind::Text { text: text.to_owned(), block };
    match block_indicator(start, source) {
        Some('|') => {
            // The place is that of the first line with something in it.
            let blank = text.chars().take_while(|letter| *letter == '\n').count();
            return as_text(Some(Place { line: at.line.saturating_sub(blank).max(1), ..at }));
        }
        Some(_) => return as_text(None),
        None => {}
    }
    match source.get(start) {
        // An alias is where it is used, and its text elsewhere.
        Some('"' | '\'' | '*' | '&' | '!') => as_text(None),
        _ => match plain(text) {
            Kind::Text { .. } => as_text(None),
            kind => kind,
        },
    }
}

/// The `|` or `>` of a block scalar whose content begins at `start`.
fn block_indicator(start: usize, source: &[char]) -> Option<char> {
    let before = source.get(..start)?;
    let end = before.iter().rposition(|letter| !letter.is_whitespace())?;
    if !before[end..].contains(&'\n') {
        return None;
    }
    let line_start = before[..=end].iter().rposition(|letter| *letter == '\n').map_or(0, |at| at + 1);
    let line: String = before[line_start..=end].iter().collect();
    // A comment may follow the indicator; a line that is a comment is none.
    let head = line.split(" #").next().unwrap_or_default().trim();
    let head = head.trim_end_matches(|letter: char| letter.is_ascii_digit() || "+-".contains(letter));
    let mark = head.chars().last().filter(|last| matches!(last, '|' | '>'))?;
    let space = head[..head.len() - 1].chars().last().is_none_or(char::is_whitespace);
    (space && !head.starts_with('#')).then_some(mark)
}

/// What YAML 1.1 makes of a word without quotes.
fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Kind::Flag(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Kind::Flag(false),
        _ => {}
    }
    let digits = text.trim_start_matches(['+', '-']).replace('_', "");
    let radix = |prefix: &str, radix| digits.strip_prefix(prefix).is_some_and(|rest| all_digits(rest, radix));
    let integer = all_digits(&digits, 10) || radix("0x", 16) || radix("0b", 2);
    // Octal with an eight is a text, and so is the `0o` of YAML 1.2.
    let text_after_all =
        digits.len() > 1 && digits.starts_with('0') && all_digits(&digits, 10) && !all_digits(&digits, 8);
    let float = digits.contains('.') && !digits.contains(['i', 'n', 'N', 'I']) && digits.parse::<f64>().is_ok();
    let sexagesimal = digits.contains(':')
        && digits.split(':').enumerate().all(|(at, part)| all_digits(part, 10) && (at == 0 || part.len() <= 2));
    if (integer && !text_after_all) || float || sexagesimal || is_date(text) {
        return Kind::Number(text.to_owned());
    }
    Kind::Text { text: text.to_owned(), block: None }
}

fn all_digits(text: &str, radix: u32) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_digit(radix))
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == 3 && [4, 2, 2].iter().zip(&parts).all(|(length, part)| part.len() == *length && all_digits(part, 10))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn at(line: usize, column: usize) -> Place {
        Place { line, column }
    }

    #[test]
    fn values_are_what_yaml_1_1_makes_of_them() {
        let node =
            read("a: 0755\nb: '0755'\nc: yes\nd: 089\ne: 0o755\nf: 1.5\ng: 2020-01-01\nh:\ni: ~\nj: n\nk: 22:30\n")
                .unwrap()
                .unwrap();
        let kind = |key| &node.get(key).unwrap().kind;
        assert_eq!(kind("a"), &Kind::Number("0755".to_owned()));
        assert_eq!(kind("b"), &Kind::Text { text: "0755".to_owned(), block: None });
        assert_eq!(kind("c"), &Kind::Flag(true));
        for text in ["d", "e", "j"] {
            assert!(matches!(kind(text), Kind::Text { .. }), "{text}");
        }
        for number in ["f", "g", "k"] {
            assert!(matches!(kind(number), Kind::Number(_)), "{number}");
        }
        assert_eq!((kind("h"), kind("i")), (&Kind::Null, &Kind::Null));
    }

    #[test]
    fn the_lines_of_a_block_can_be_found_again() {
        let node =
            read("# |\na: plain\nb: |\n\n  one\n    two\nc: >-\n  x\n  y\nd: |2 # why\n   z\n").unwrap().unwrap();
        let block = |key| match &node.get(key).unwrap().kind {
            Kind::Text { block, .. } => *block,
            _ => None,
        };
        assert_eq!((block("a"), block("c")), (None, None));
        assert_eq!(block("b").unwrap().line, 4);
        assert_eq!(block("d").unwrap().line, 11);
        assert_eq!(node.get("a").unwrap().at, at(2, 4));
    }

    #[test]
    fn faults_have_their_places() {
        let fault = read("a: 1\nb: [x\n").unwrap_err();
        assert!(fault.at.line >= 2 && !fault.duplicate, "{fault:?}");
        let fault = read("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!((fault.at, fault.duplicate), (at(3, 1), true));
        assert_eq!(read("a: {{ x }}\n").unwrap_err().at.line, 1);
        assert_eq!(read("# only a comment\n"), Ok(None));
        assert!(read(&"- ".repeat(5000)).unwrap_err().message.contains("deeply"));
    }
}
