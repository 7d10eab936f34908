//! What nodes get over ssh: a template's files, random secrets, and the user's own.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::world::{Output, Running, World};

const MANIFEST: &str = r#"
name = "own"
description = "a test"
user = "ubuntu"
user_data_format = "cloud-config"
secrets = ["token"]
image.family = "ubuntu"
[ready]
command = "test -s /etc/own/members || echo 'there are no members yet'; test -s /etc/own/members"
[[deliver]]
path = "/etc/own/members"
source = "members"
mode = "0644"
[[deliver]]
path = "/run/own/token"
secret = "token"
owner = "OWNER"
[deliver_done]
command = "DONE"
"#;

/// A template of the user's own in `./own`.
fn template(world: &World, owner: &str, done: &str) {
    world.write("own/template.toml", MANIFEST.replace("OWNER", owner).replace("DONE", done));
    world.write("own/user-data", "#cloud-config\nusers: [default, {name: keeper}]\n");
    world.write("own/members", "{% for it in cluster.members %}{{ it.name }} {{ it.address }};{% endfor %}");
}

fn on_node(world: &World, node: &str, command: &str) -> String {
    world.ok(&format!("ssh {node} -- {command}"), &[]).stdout
}

/// All files below a directory that hold a text.
fn holding(directory: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(holding(&entry, text));
        } else if String::from_utf8_lossy(&fs::read(&entry).unwrap()).contains(text) {
            found.push(entry.display().to_string());
        }
    }
    found
}

#[test]
fn a_cluster_gets_its_files_before_it_is_ready_and_keeps_one_secret() {
    let world = World::new();
    template(&world, "keeper", "systemctl restart own");
    world.ok("up core -n 3 --template ./own", &[]);
    let status = world.json("status core");
    let members: String = (0..3)
        .map(|index| format!("core-{index} {};", status["nodes"][index]["private_ip"].as_str().unwrap()))
        .collect();
    let tokens: BTreeSet<String> = (0..3)
        .map(|index| {
            assert_eq!(on_node(&world, &format!("core/{index}"), "cat /etc/own/members"), members);
            on_node(&world, &format!("core/{index}"), "sudo cat /run/own/token")
        })
        .collect();
    let token = tokens.first().unwrap();
    assert!(tokens.len() == 1 && token.len() == 64, "{tokens:?}");
    assert_eq!(on_node(&world, "core/0", "stat -c %a:%U /run/own/token"), "600:keeper\n");
    assert_eq!(on_node(&world, "core/0", "stat -c %a:%U /etc/own/members"), "644:root\n");

    // What lay in memory is gone after a stop, and comes again.
    world.ok("stop core -q", &[]);
    world.ok("start core -q", &[]);
    assert_eq!(on_node(&world, "core/2", "sudo cat /run/own/token"), *token);

    let kept = world.state_file().with_file_name("state.json.d").join("private/core/secrets/token");
    assert_eq!(fs::read_to_string(&kept).unwrap(), *token);
    let directory = world.state_file().parent().unwrap().to_owned();
    assert_eq!(holding(&directory, token), [kept.display().to_string()]);
    world.ok("down core -q", &[]);
    assert!(!kept.exists(), "an environment's secrets end with it");
}

#[test]
fn the_users_secrets_reach_the_node_and_nothing_else() {
    let world = World::new();
    world.write("netrc", "password hunter2\n");
    world.write(
        "cloudtop.toml",
        "[secrets]\n\"~/.netrc\" = { file = \"netrc\" }\n\
         \"/run/secrets/gh\" = { env = \"GH_TOKEN\", mode = \"0440\" }\n\"~/.aws/config\" = { command = \"cat netrc\" }\n",
    );
    let up = |more: &[&str], token: &str| -> Output {
        let args: Vec<&str> = ["up", "dev", "-vv"].iter().chain(more).copied().collect();
        let mut command = world.command(&args);
        if !token.is_empty() {
            command.env("GH_TOKEN", token);
        }
        Running::new(command, args.join(" ")).finish()
    };
    up(&[], "").exits(2).says(&["/run/secrets/gh", "GH_TOKEN is not set", "[secrets]"]);
    world.assert_nothing_was_made();

    let first = up(&[], "gho-1234").exits(0);
    assert_eq!(on_node(&world, "dev", "cat ~/.netrc"), "password hunter2\n");
    assert_eq!(on_node(&world, "dev", "cat ~/.aws/config"), "password hunter2");
    assert_eq!(on_node(&world, "dev", "cat /run/secrets/gh"), "gho-1234");
    assert_eq!(on_node(&world, "dev", "stat -c %a:%U /run/secrets/gh"), "440:ubuntu\n");
    let directory = world.state_file().parent().unwrap().to_owned();
    for secret in ["hunter2", "gho-1234"] {
        assert!(!first.stderr.contains(secret) && !first.stdout.contains(secret), "{first:#?}");
        let found = holding(&directory, secret);
        assert!(found.iter().all(|file| file.ends_with("cwd/netrc")), "{found:?}");
    }

    // What has changed is sent by the next `up`, though the node was ready.
    up(&[], "gho-5678").exits(0);
    assert_eq!(on_node(&world, "dev", "cat /run/secrets/gh"), "gho-5678");
}

#[test]
fn what_a_node_cannot_take_ends_the_run_in_its_own_words() {
    let world = World::new();
    template(&world, "nosuchuser", "true");
    world.run("up core -n 2 --template ./own").exits(1).says(&["cannot take its files", "no user nosuchuser"]);
    world.ok("down core -q", &[]);
    template(&world, "keeper", "echo etcd is not well; false");
    world.run("up core -n 1 --template ./own").exits(1).says(&["again and again", "etcd is not well"]);
}
