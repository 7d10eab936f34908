//! A writer for the plain XML that EC2 answers: elements without attributes, lists of `<item>`.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use jiff::Timestamp;

/// XML being written.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct Xml {
    text: String,
}

impl Xml {
    /// A fragment: no declaration.
    pub fn new() -> Self {
        Self::default()
    }

    /// A document with its declaration.
    pub fn document() -> Self {
        Self { text: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") }
    }

    /// A document of another kind, as it is: for the services that answer in JSON.
    pub fn verbatim(text: String) -> Self {
        Self { text }
    }

    /// The text written.
    pub fn finish(self) -> String {
        self.text
    }

    /// Adds a fragment.
    pub fn append(&mut self, other: &Xml) {
        self.text.push_str(&other.text);
    }

    /// The outermost element, with its namespace.
    pub fn root(&mut self, name: &str, namespace: &str, content: impl FnOnce(&mut Self)) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push_str(" xmlns=\"");
        self.text.push_str(namespace);
        self.text.push_str("\">");
        content(self);
        self.close(name);
    }

    /// An element with elements in it.
    pub fn within(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.open(name);
        content(self);
        self.close(name);
    }

    /// A list: one `<item>` for each.
    pub fn list<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut Self, T)) {
        self.open(name);
        for item in items {
            self.open("item");
            each(self, item);
            self.close("item");
        }
        self.close(name);
    }

    /// A list of plain values.
    pub fn values<T: AsRef<str>>(&mut self, name: &str, items: impl IntoIterator<Item = T>) {
        self.open(name);
        for item in items {
            self.text("item", item.as_ref());
        }
        self.close(name);
    }

    /// An element with text, escaped.
    pub fn text(&mut self, name: &str, value: &str) {
        self.open(name);
        self.text.push_str(&escaped(value));
        self.close(name);
    }

    /// An element with text, when there is some.
    pub fn some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// An element with a number or a truth value.
    pub fn show(&mut self, name: &str, value: impl Display) {
        self.open(name);
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
        self.close(name);
    }

    /// An element with an instant, in whole seconds as EC2 writes them.
    pub fn time(&mut self, name: &str, at: Timestamp) {
        self.open(name);
        let _ = write!(self.text, "{}", at.strftime("%Y-%m-%dT%H:%M:%S.000Z"));
        self.close(name);
    }

    /// An element with nothing in it.
    pub fn empty(&mut self, name: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push_str("/>");
    }

    fn open(&mut self, name: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push('>');
    }

    fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }
}

/// The value as XML text. Characters that XML 1.0 cannot carry at all become spaces: tags and descriptions come from users.
fn escaped(value: &str) -> Cow<'_, str> {
    let forbidden = |c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'/' | b'.' | b' ' | b':' | b'_'))
    {
        return Cow::Borrowed(value);
    }
    if value.contains(forbidden) {
        return Cow::Owned(quick_xml::escape::escape(value.replace(forbidden, " ")).into_owned());
    }
    quick_xml::escape::escape(value)
}

#[cfg(test)]
mod tests {
    use super::Xml;

    #[test]
    fn text_from_users_is_escaped_and_never_breaks_the_document() {
        let mut xml = Xml::new();
        xml.text("value", "a<b & \"c\"\u{1}d");
        assert_eq!(xml.finish(), "<value>a&lt;b &amp; &quot;c&quot; d</value>");
    }

    #[test]
    fn lists_are_items() {
        let mut xml = Xml::new();
        xml.values("fooSet", ["1", "2"]);
        assert_eq!(xml.finish(), "<fooSet><item>1</item><item>2</item></fooSet>");
    }
}
