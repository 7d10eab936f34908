#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod builtin;
mod faults;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;

use super::*;
use crate::domain::intent::ImageFamily;

const MANIFEST: &str = r#"
name = "own"
description = "a test"
user = "ubuntu"
user_data_format = "cloud-config"
gzip = true
boot = "cloud-init"
persistent_volume = false
volume_mount = "/data"
[image]
family = "debian"
[ready]
command = "{% if volume %}test -e {{ vars.word }}{% endif %}"
[variables.word]
type = "string"
default = "x"
description = "a word"
[variables.count]
type = "integer"
default = 3
description = "a number"
[variables.fast]
type = "boolean"
default = false
description = "a switch"
[variables.items]
type = "list"
default = ["a", "b"]
description = "things"
"#;

/// A template of the user's own in a directory.
struct Own(tempfile::TempDir);

impl Own {
    fn new(manifest: &str, user_data: &str) -> Self {
        let own = Self(tempfile::tempdir().unwrap());
        own.put("template.toml", manifest);
        own.put("user-data", user_data);
        own
    }

    fn put(&self, file: &str, text: &str) {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn load(&self) -> Result<Template, TemplateError> {
        Template::load(self.0.path().to_str().unwrap())
    }
}

fn node(index: u32) -> Node {
    Node { index, name: format!("core-{index}"), ssh_host: format!("cloudtop-core.{index}") }
}

fn context(template: &Template, set: &[(&str, &str)]) -> Context {
    let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Context {
        environment: "dev".to_owned(),
        region: "us-east-1".to_owned(),
        nodes: 1,
        expires_at: None,
        idle_minutes: None,
        self_attach: false,
        installation: "a1b2c3".to_owned(),
        variables: set_variables(template, &set).unwrap(),
        volume: None,
    }
}

fn with_everything(template: &Template) -> Context {
    Context {
        expires_at: Some("2026-11-21T15:30:00Z".parse().unwrap()),
        idle_minutes: Some(45),
        volume: Some(Volume {
            device: "/dev/sdj".to_owned(),
            gib: Some(20),
            id: Some("vol-0123456789abcdef0".to_owned()),
        }),
        ..context(template, &[])
    }
}

fn rendered(user_data: &str, set: &[(&str, &str)]) -> Result<String, TemplateError> {
    let template = Own::new(MANIFEST, user_data);
    let loaded = template.load().unwrap();
    let raw = loaded.render(&context(&loaded, set), &node(0))?.raw;
    Ok(String::from_utf8(raw).unwrap())
}

fn complaint(user_data: &str) -> String {
    rendered(user_data, &[]).unwrap_err().to_string()
}

#[test]
fn no_value_of_a_variable_can_leave_its_place() {
    for evil in [
        "a\nruncmd: [reboot]",
        "a # b",
        "\"; reboot; \"",
        "'",
        "{{ env.name }}",
        "a: b",
        "\u{85}\u{2028}\u{feff}\u{7f}",
        "\\",
        "",
        "yes",
        "\t\r\0",
        "é漢😀",
    ] {
        let text = rendered("a: {{ vars.word }}\nb: 1\n", &[("word", evil)]).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        let value: String = serde_json::from_str(first.strip_prefix("a: ").unwrap()).unwrap();
        assert_eq!((value.as_str(), rest), (evil, "b: 1\n"));
        let forbidden = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{feff}');
        assert!(!first.contains(forbidden), "{first:?}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_a_variable_holds_it_is_read_back(value: String) {
        let text = rendered("a: {{ vars.word }}\nb: 1\n", &[("word", &value)]).unwrap();
        let first = text.strip_suffix("\nb: 1\n").and_then(|text| text.strip_prefix("a: ")).unwrap();
        proptest::prop_assert!(!first.contains('\n'));
        proptest::prop_assert_eq!(serde_json::from_str::<String>(first).unwrap(), value);
    }
}

#[test]
fn a_value_in_the_ready_check_is_one_word_of_it() {
    let own = Own::new(MANIFEST, "");
    let template = own.load().unwrap();
    for (value, word) in
        [("/a/b", "/a/b"), ("a b; reboot", "'a b; reboot'"), ("it's $HOME", r"'it'\''s $HOME'"), ("", "''")]
    {
        let mut context = context(&template, &[("word", value)]);
        assert_eq!(template.ready_command(&context, &node(0)).unwrap().as_deref(), Some("cloud-init status --long"));
        context.volume = Some(Volume { device: "/dev/sdj".to_owned(), gib: None, id: None });
        let question = template.ready_command(&context, &node(0)).unwrap().unwrap();
        assert_eq!(question, format!("cloud-init status --long; echo 'ready check:'; test -e {word}"));
    }
}

#[test]
fn values_keep_their_types() {
    let text = "{{ vars.word }} {{ vars.count }} {{ vars.fast }} {{ vars.items }} {{ volume }} {{ env.nodes + 1 }}";
    let set = [("count", "-7"), ("fast", "true"), ("items", "git, tmux,")];
    assert_eq!(rendered(text, &set).unwrap(), r#""x" -7 true ["git","tmux"] null 2"#);
    assert_eq!(rendered("{{ {'a': [1, 1.5]} }} {{ vars.word|tojson }}", &[]).unwrap(), r#"{"a":[1,1.5]} "x""#);
}

#[test]
fn text_becomes_a_block_only_where_yaml_would_read_it_back() {
    let block = |text: &str| {
        let own = Own::new(MANIFEST, "a:\n  b: {{ file('part') | block(4) }}\n");
        own.put("part", text);
        let template = own.load().unwrap();
        String::from_utf8(template.render(&context(&template, &[]), &node(0)).unwrap().raw).unwrap()
    };
    assert_eq!(block("#!/bin/sh\n\n  x: # y\n"), "a:\n  b: |\n    #!/bin/sh\n\n      x: # y\n");
    assert_eq!(block(" indented\n"), "a:\n  b: \" indented\\n\"\n");
    assert_eq!(block("no newline"), "a:\n  b: \"no newline\"\n");
    assert_eq!(block("two\n\n"), "a:\n  b: \"two\\n\\n\"\n");
    assert_eq!(block("dos\r\n"), "a:\n  b: \"dos\\r\\n\"\n");
    assert_eq!(block(""), "a:\n  b: \"\"\n");
}

#[test]
fn user_data_is_per_node_when_the_template_looks_at_the_node() {
    let own = Own::new(MANIFEST, "h: {{ node.name }}\ni: {% include 'part' %}");
    own.put("part", "{{ node.index }}");
    let template = own.load().unwrap();
    let user_data = template.render(&context(&template, &[]), &node(2)).unwrap();
    assert_eq!((user_data.raw.as_slice(), user_data.per_node), (b"h: \"core-2\"\ni: 2".as_slice(), true));

    own.put("user-data", "i: {% include 'part' %}");
    assert!(template.render(&context(&template, &[]), &node(0)).unwrap().per_node, "parts count too");
    own.put("user-data", "{# node.name #}node: {{ env.nodes }}");
    assert!(!template.render(&context(&template, &[]), &node(0)).unwrap().per_node);
}
