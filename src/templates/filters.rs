//! How values are written where they land: as JSON in YAML and Ignition, as one word in a shell line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::user_data::gzip;

/// A value as JSON that YAML 1.1 and 1.2 read as the same value.
///
/// JSON may hold characters that YAML readers refuse (control characters above ASCII, byte order marks, U+FFFE) or
/// take for line ends (U+0085, U+2028, U+2029): they are escaped.
pub(super) fn json(value: &Value) -> Result<String, Error> {
    let text = serde_json::to_string(&plain(value)?)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, "cannot be written as JSON").with_source(error))?;
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                safe.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            _ => safe.push(letter),
        }
    }
    Ok(safe)
}

fn plain(value: &Value) -> Result<serde_json::Value, Error> {
    use serde_json::Value as Json;
    Ok(match value.kind() {
        ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => match i64::try_from(value.clone()) {
            Ok(number) => Json::from(number),
            Err(_) => Json::from(f64::try_from(value.clone())?),
        },
        ValueKind::String => Json::from(value.as_str().unwrap_or_default()),
        ValueKind::Seq | ValueKind::Iterable => {
            Json::Array(value.try_iter()?.map(|item| plain(&item)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let mut object = serde_json::Map::new();
            for key in value.try_iter()? {
                let member = plain(&value.get_item(&key)?)?;
                object.insert(key.to_string(), member);
            }
            Json::Object(object)
        }
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        other => {
            return Err(Error::new(ErrorKind::BadSerialization, format!("a value of type {other} cannot be written")));
        }
    })
}

/// A value as one word of a POSIX shell line; a list as one word for each item.
pub(super) fn shell(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            Ok(value.try_iter()?.map(|item| shell(&item)).collect::<Result<Vec<_>, _>>()?.join(" "))
        }
        ValueKind::None => Ok(shell_word("")),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::String | ValueKind::Number | ValueKind::Bool => Ok(shell_word(&value.to_string())),
        other => {
            Err(Error::new(ErrorKind::BadSerialization, format!("a value of type {other} is no word for a shell")))
        }
    }
}

/// A value as it is, for a file that may be of any kind. What would not stay in its line, and what a reader would not
/// know how to take, is refused; the words name no value, for it may be a secret.
pub(super) fn bare(value: &Value) -> Result<String, Error> {
    let wrong = |why: &str| Err(Error::new(ErrorKind::BadSerialization, why.to_owned()));
    match value.kind() {
        ValueKind::String | ValueKind::Number | ValueKind::Bool => {
            let text = value.to_string();
            if text.chars().any(char::is_control) {
                return wrong(
                    "a value holds a line break or another control character: write `| safe`, `| sh` or `| tojson`",
                );
            }
            Ok(text)
        }
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => wrong("there is no value here; ask first, with {% if %}"),
        _ => wrong("a list or a table cannot be written as it is: use `| join(\",\")`, `| sh` or `| tojson`"),
    }
}

fn shell_word(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=@%+,".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A text as the `source` of a file in Ignition: a data URL.
pub(super) fn data_url(value: &Value) -> Result<String, Error> {
    Ok(format!("data:;base64,{}", STANDARD.encode(text(value)?)))
}

/// A script without the lines that are comments alone, but for the first, which names its interpreter: where each byte
/// counts. It knows nothing of here-documents.
pub(super) fn uncommented(value: &Value) -> Result<String, Error> {
    let is_comment = |line: &str| line.trim_start().starts_with('#') && !line.starts_with("#!");
    Ok(text(value)?.split_inclusive('\n').filter(|line| !is_comment(line)).collect())
}

/// A text as the `source` of a file in Ignition, its letters left as they are: for a config that is compressed as a whole,
/// since base64 does not compress well. RFC 2397, with the unreserved characters of RFC 2396.
pub(super) fn plain_data_url(value: &Value) -> Result<String, Error> {
    let mut url = "data:,".to_owned();
    for byte in text(value)?.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => {
                url.push(char::from(byte));
            }
            _ => url += &format!("%{byte:02X}"),
        }
    }
    Ok(url)
}

/// A text as the `source` of a file in Ignition whose `compression` is `gzip`: user data has a limit of 16 KiB, and Ignition's
/// own text cannot be compressed as a whole.
pub(super) fn gzip_data_url(value: &Value) -> Result<String, Error> {
    let packed = gzip(text(value)?.as_bytes())
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, "cannot be compressed").with_source(error))?;
    Ok(format!("data:;base64,{}", STANDARD.encode(packed)))
}

/// A text as a YAML block scalar whose lines stand `indent` spaces in: readable, unlike the same text as JSON.
///
/// A text that a block scalar cannot hold as it is (leading space or blank line, no or several newlines at the end,
/// characters that YAML forbids) becomes JSON instead, so that what YAML reads is always the text.
pub(super) fn block(value: &Value, indent: usize) -> Result<String, Error> {
    let text = text(value)?;
    let printable =
        |letter: char| matches!(letter, '\n' | '\t' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{2030}'..='\u{d7ff}');
    let first_line_is_text = text.chars().next().is_some_and(|first| !first.is_whitespace());
    let one_newline_ends_it = text.ends_with('\n') && !text.ends_with("\n\n");
    if indent == 0 || !first_line_is_text || !one_newline_ends_it || !text.chars().all(printable) {
        return json(&Value::from(text));
    }
    let margin = " ".repeat(indent);
    let lines = text.lines().map(|line| if line.is_empty() { String::new() } else { format!("{margin}{line}") });
    Ok(format!("|\n{}", lines.collect::<Vec<_>>().join("\n")))
}

fn text(value: &Value) -> Result<&str, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let wrong = || Error::new(ErrorKind::InvalidOperation, format!("a text is needed here, not a {}", value.kind()));
    value.as_str().ok_or_else(wrong)
}
