//! XML as a tree, for tests that look at answers.

use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::events::Event;

#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub name: String,
    pub text: String,
    pub children: Vec<Node>,
}

impl Node {
    /// The outermost element of a document.
    pub fn parse(document: &str) -> Self {
        let mut reader = Reader::from_str(document);
        let mut open = vec![Node::default()];
        let named = |name: &str| Node { name: name.to_owned(), ..Node::default() };
        loop {
            match reader.read_event().unwrap() {
                Event::Start(tag) => open.push(named(tag.name().as_ref())),
                Event::Empty(tag) => open.last_mut().unwrap().children.push(named(tag.name().as_ref())),
                Event::Text(text) => open.last_mut().unwrap().text.push_str(&text),
                Event::GeneralRef(reference) => {
                    let name: &str = &reference;
                    let text = &mut open.last_mut().unwrap().text;
                    match name.strip_prefix('#') {
                        // What EC2's own texts never have, and a user's may: a tab or an end of line.
                        Some(number) => text.push(char::from_u32(number.parse().unwrap()).unwrap()),
                        None => text.push_str(quick_xml::escape::resolve_predefined_entity(name).unwrap()),
                    }
                }
                Event::End(_) => {
                    let done = open.pop().unwrap();
                    open.last_mut().unwrap().children.push(done);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(open.len(), 1, "an element was not closed");
        open.remove(0).children.remove(0)
    }

    /// All the elements at a path.
    pub fn all(&self, path: &str) -> Vec<&Node> {
        path.split('/').fold(vec![self], |nodes, name| {
            nodes.into_iter().flat_map(|node| node.children.iter().filter(|child| child.name == name)).collect()
        })
    }

    /// The one element at a path.
    pub fn child(&self, path: &str) -> Node {
        let found = self.all(path);
        assert_eq!(found.len(), 1, "{path} in {self:?}");
        found[0].clone()
    }

    /// The texts at a path.
    pub fn texts(&self, path: &str) -> Vec<String> {
        self.all(path).into_iter().map(|node| node.text.clone()).collect()
    }

    /// The text at a path, empty if there is none.
    pub fn text(&self, path: &str) -> String {
        self.texts(path).concat()
    }

    /// The value of a tag in the `tagSet` here.
    pub fn tag(&self, key: &str) -> Option<String> {
        self.all("tagSet/item").into_iter().find(|tag| tag.text("key") == key).map(|tag| tag.text("value"))
    }

    /// The paths of all the elements below this one.
    pub fn paths(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        for child in &self.children {
            paths.insert(child.name.clone());
            paths.extend(child.paths().into_iter().map(|path| format!("{}/{path}", child.name)));
        }
        paths
    }
}
