use std::fs;

use super::*;
use crate::domain::secrets::SecretSource;
use crate::templates::{Node, set_variables};

const MANIFEST: &str = r#"
name = "own"
description = "a test"
user = "admin"
user_data_format = "cloud-config"
secrets = ["token"]
image.family = "debian"
[[deliver]]
path = "/etc/cluster"
source = "cluster"
owner = "etcd"
[[deliver]]
path = "/run/token"
secret = "token"
[deliver_done]
command = "restart {{ node.name }}"
"#;

fn member(index: u32, address: Option<&str>) -> Member {
    Member { node: Node { index, name: format!("core-{index}") }, address: address.map(str::to_owned) }
}

async fn gather(root: &Path, of_template: bool, own: &[SecretFile]) -> Result<Delivery, DeliveryError> {
    fs::write(root.join("template.toml"), MANIFEST).unwrap();
    fs::write(root.join("cluster"), "{% for it in cluster.members %}{{ it.address }} {% endfor %}\n").unwrap();
    let template = Template::load(root.to_str().unwrap()).unwrap();
    let context = Context {
        environment: "core".to_owned(),
        region: "us-east-1".to_owned(),
        nodes: 2,
        expires_at: None,
        idle_minutes: None,
        variables: set_variables(&template, &BTreeMap::new()).unwrap(),
        volume: None,
    };
    Delivery::gather(template, context, of_template, (own, "admin"), &root.join("private")).await
}

fn own(path: &str) -> SecretFile {
    let from = SecretSource::Command("echo mine".to_owned());
    SecretFile { path: path.to_owned(), from, mode: 0o400, owner: None }
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn a_node_gets_the_users_files_and_the_templates() {
    let root = tempfile::tempdir().unwrap();
    let delivery = gather(root.path(), true, &[own("~/.netrc")]).await.unwrap();
    let members = [member(0, Some("10.0.0.4")), member(1, Some("10.0.0.5"))];
    let package = delivery.pack(&members[1], &members, now()).unwrap();
    let seen: Vec<_> = package.parcels.iter().map(|it| (it.path.as_str(), it.owner.as_str(), it.mode)).collect();
    assert_eq!(seen, [("~/.netrc", "admin", 0o400), ("/etc/cluster", "etcd", 0o600), ("/run/token", "root", 0o600)]);
    assert_eq!(package.parcels[1].content.reveal(), b"10.0.0.4 10.0.0.5 ");
    assert_eq!(package.parcels[2].content.reveal().len(), 64);
    assert_eq!(package.done.as_deref(), Some("restart core-1"));
    assert_eq!(delivery.pack(&members[1], &members, now()).unwrap(), package);
    assert!(!format!("{delivery:?} {package:?}").contains("mine"));
}

#[tokio::test]
async fn who_names_the_members_waits_until_all_have_an_address() {
    let root = tempfile::tempdir().unwrap();
    let delivery = gather(root.path(), true, &[]).await.unwrap();
    let members = [member(0, Some("10.0.0.4")), member(1, None)];
    let waits = delivery.pack(&members[0], &members, now());
    assert!(matches!(waits, Err(Unpacked::Waits(why)) if why == "node 1 has no private address yet"));
}

#[tokio::test]
async fn without_the_templates_files_only_the_users_are_sent_and_no_secret_is_made() {
    let root = tempfile::tempdir().unwrap();
    let delivery = gather(root.path(), false, &[own("/run/secrets/x")]).await.unwrap();
    let package = delivery.pack(&member(0, None), &[member(0, None)], now()).unwrap();
    assert_eq!((package.parcels.len(), package.done), (1, None));
    assert!(!root.path().join("private").exists());
}

#[tokio::test]
async fn one_place_is_filled_by_one_of_the_two() {
    let root = tempfile::tempdir().unwrap();
    let error = gather(root.path(), true, &[own("/run/token")]).await.unwrap_err();
    assert!(matches!(&error, DeliveryError::Twice { path } if path == "/run/token"), "{error}");
}
