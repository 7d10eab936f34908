#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;

use super::super::set_variables;
use super::*;

const HEAD: &str = r#"
name = "own"
description = "a test"
user = "admin"
user_data_format = "cloud-config"
secrets = ["token"]
image.family = "debian"
[variables.words]
type = "list"
default = ["a b", "c"]
description = "words"
"#;

struct Own {
    root: tempfile::TempDir,
    template: Template,
}

fn load(deliver: &str, file: &str) -> Result<Own, TemplateError> {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("template.toml"), format!("{HEAD}{deliver}")).unwrap();
    fs::write(root.path().join("user-data"), "#cloud-config\n").unwrap();
    fs::write(root.path().join("file"), file).unwrap();
    let template = Template::load(root.path().to_str().unwrap())?;
    Ok(Own { root, template })
}

fn member(index: u32, address: Option<&str>) -> Member {
    let node = Node { index, name: format!("core-{index}") };
    Member { node, address: address.map(str::to_owned) }
}

fn rendered(file: &str) -> Result<Rendered, TemplateError> {
    let own = load("[[deliver]]\npath = \"/etc/x\"\nsource = \"file\"\n", file).unwrap();
    assert!(own.root.path().exists() && own.template.delivers());
    let context = Context {
        environment: "core".to_owned(),
        region: "us-east-1".to_owned(),
        nodes: 2,
        expires_at: None,
        idle_minutes: None,
        variables: set_variables(&own.template, &BTreeMap::new()).unwrap(),
        volume: None,
    };
    let members = [member(0, Some("10.0.0.4")), member(1, Some("10.0.0.5"))];
    let secrets = BTreeMap::from([("token".to_owned(), "s3cret".to_owned())]);
    own.template.render_delivered(
        "file",
        &context,
        Receiver { member: &members[1], members: &members, secrets: &secrets },
    )
}

fn text(file: &str) -> String {
    rendered(file).unwrap().text
}

fn complaint(file: &str) -> String {
    rendered(file).map(|it| it.text).unwrap_err().to_string()
}

#[test]
fn a_delivered_file_knows_the_cluster_its_node_and_the_secrets_and_writes_them_bare() {
    let file = "TOKEN={{ secrets.token }}\nME={{ node.name }} {{ node.address }} {{ node.index }} {{ env.name }}\n\
        ALL={% for it in cluster.members %}{{ it.name }}=https://{{ it.address }}:2380{% if not loop.last %},{% endif %}{% endfor %};\n\
        ADDRESSES={{ cluster.members | map(attribute=\"address\") | join(\",\") }}\nWORDS={{ vars.words | sh }}\n";
    assert_eq!(
        text(file),
        "TOKEN=s3cret\nME=core-1 10.0.0.5 1 core\nALL=core-0=https://10.0.0.4:2380,core-1=https://10.0.0.5:2380;\n\
         ADDRESSES=10.0.0.4,10.0.0.5\nWORDS='a b' c\n"
    );
}

#[test]
fn only_who_looks_at_the_members_depends_on_all_of_them() {
    assert!(rendered("{{ cluster.members | length }}").unwrap().names_members);
    assert!(!rendered("{{ node.address }} {{ secrets.token }}").unwrap().names_members);
}

#[test]
fn what_would_not_stay_in_its_line_is_refused_unless_asked_for() {
    let said = complaint("{{ \"a\\nb\" }}");
    assert!(said.contains("file, line 1") && said.contains("| safe"), "{said}");
    assert_eq!(text("{{ \"a\\nb\" | safe }} {{ \"a\\nb\" | tojson }}"), "a\nb \"a\\nb\"");
    assert!(complaint("{{ vars.words }}").contains("join"));
    assert!(complaint("{{ env.expires_at }}").contains("{% if %}"));
}

#[test]
fn a_name_that_is_not_there_is_named_and_no_secret_is_shown() {
    let said = complaint("{{ secrets.tokne }}");
    assert!(said.contains("`secrets.tokne` is not defined") && said.contains("secrets.token"), "{said}");
    assert!(!complaint("{{ secrets.token.x }}{{ secrets.token | block(\"x\") }}").contains("s3cret"));
}

#[test]
fn user_data_knows_nothing_of_what_is_delivered() {
    let own = load("", "").unwrap();
    for name in ["secrets.token", "cluster.members", "node.address"] {
        fs::write(own.root.path().join("user-data"), format!("#cloud-config\n# {{{{ {name} }}}}\n")).unwrap();
        let context = Context {
            environment: "core".to_owned(),
            region: "us-east-1".to_owned(),
            nodes: 1,
            expires_at: None,
            idle_minutes: None,
            variables: set_variables(&own.template, &BTreeMap::new()).unwrap(),
            volume: None,
        };
        assert!(own.template.render(&context, &member(0, None).node).is_err(), "{name}");
    }
}

#[test]
fn a_delivery_that_contradicts_itself_is_refused_with_its_path() {
    for (deliver, words) in [
        ("path = \"/etc/x\"", "`source`, `certificate` and `secret`"),
        ("path = \"/etc/x\"\nsource = \"a\"\nsecret = \"token\"", "`source`, `certificate` and `secret`"),
        ("path = \"/etc/x\"\nsecret = \"other\"", "secrets = [\"other\"]"),
        ("path = \"etc/x\"\nsecret = \"token\"", "begin it with /"),
        ("path = \"~/x\"\nsecret = \"token\"", "must begin with /"),
        ("path = \"/etc/x\"\nsecret = \"token\"\nmode = \"4755\"", "octal"),
        ("path = \"/etc/x\"\nsecret = \"token\"\nowner = \"a b\"", "USER:GROUP"),
        ("path = \"/etc/x\"\nsecret = \"token\"\n[[deliver]]\npath = \"/etc/x\"\nsecret = \"token\"", "twice"),
        ("path = \"/etc/x\"\ncertificate = \"root\"", "`ca`"),
        ("path = \"/etc/x\"\ncontent = \"x\"", "content"),
    ] {
        let error = load(&format!("[[deliver]]\n{deliver}\n"), "").err().unwrap().to_string();
        assert!(error.contains(words), "{deliver}: {error}");
    }
}

#[test]
fn what_is_not_said_is_roots_and_private() {
    let own = load(
        "[[deliver]]\npath = \"/etc/a\"\ncertificate = \"key\"\n\
         [[deliver]]\npath = \"/run/b\"\nsecret = \"token\"\nowner = \"etcd\"\nmode = \"0640\"\n",
        "",
    );
    let deliver = own.unwrap().template.manifest.deliver;
    assert_eq!((deliver[0].owner(), deliver[0].mode()), ("root", 0o600));
    assert_eq!(deliver[0].content(), Some(Content::Certificate(Certificate::Key)));
    assert_eq!((deliver[1].owner(), deliver[1].mode()), ("etcd", 0o640));
}
