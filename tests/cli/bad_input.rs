//! What is wrong is said before anything is made.

use std::process::Command;
use std::time::{Duration, Instant};

use super::world::{Output, Running, World};

/// Runs a command that is to be refused with an exit code and words, and looks whether it made anything.
#[track_caller]
fn refused(world: &World, command: &str, code: i32, says: &[&str]) {
    let ended = world.run(command).exits(code).says(says);
    assert_eq!(ended.stdout, "", "{command}");
    world.assert_nothing_was_made();
}

#[test]
fn values_that_cannot_be_are_wrong_usage() {
    let world = World::new();
    let long = format!("up {}", "a".repeat(300));
    let cases: [(&str, &[&str]); 20] = [
        ("up dev -t m99.huge", &["m99.huge", "us-east-1"]),
        ("up dev -r mars-north-1", &["mars-north-1"]),
        ("up dev -n 0", &["--nodes", "0"]),
        ("up dev -n -1", &["-1"]),
        ("up dev -n many", &["--nodes", "many"]),
        ("up dev --volume -5", &["-5", "65536"]),
        ("up dev --volume 0", &["65536"]),
        ("up dev --volume 99999", &["65536"]),
        ("up dev --set nosuch=1", &["nosuch", "packages"]),
        ("up dev --set nosuch", &["KEY=VALUE"]),
        ("up a/b", &["a/b", "lower-case"]),
        (&long, &["300 characters", "40"]),
        ("up dev --volume-id vol-0123456789abcdef0 -n 2", &["one volume", "several nodes"]),
        ("up dev --frobnicate", &["--frobnicate"]),
        ("frobnicate", &["frobnicate"]),
        ("up dev --max-price -1", &["--max-price"]),
        ("up dev --zone us-west-2a -r us-east-1", &["us-west-2a", "us-east-1"]),
        ("up dev --cpus 100000", &["--cpus"]),
        ("up dev --ttl soon", &["--ttl", "8h"]),
        ("up dev --allow-ssh everywhere", &["everywhere"]),
    ];
    for (command, says) in cases {
        refused(&world, command, 2, says);
    }
}

#[test]
fn things_that_are_not_there_are_not_found() {
    let world = World::new();
    let hint: &[&str] = &["there is no environment `never`", "cloudtop up never"];
    for verb in ["status", "stop", "start", "down", "ssh", "watch"] {
        refused(&world, &format!("{verb} never"), 3, hint);
    }
    refused(&world, "down never --delete-volumes -y", 3, hint);
    refused(&world, "up dev --template nosuch", 3, &["`nosuch`", "cloudtop, coreos, docker, etcd"]);
    refused(&world, "up dev --template ./nosuch", 3, &["./nosuch", "template.toml"]);
    refused(&world, "up dev --volume-id vol-0123456789abcdef0", 3, &["vol-0123456789abcdef0"]);
    world.ok("up dev --template ./plain -q", &[]);
    world.run("up dev --template cloudtpo").exits(3).says(&["did you mean `cloudtop`?"]);
    world.run("status dve").exits(3).says(&["did you mean `dev`?"]);
}

#[test]
fn a_template_with_an_undefined_variable_names_its_place() {
    let world = World::new();
    world.write(
        "mine/template.toml",
        "name = \"mine\"\ndescription = \"x\"\nuser = \"ubuntu\"\nuser_data_format = \"cloud-config\"\ngzip = true\nboot = \"cloud-init\"\npersistent_volume = false\n[ready]\ncommand = \"true\"\n[image]\nfamily = \"ubuntu\"\n",
    );
    world.write("mine/user-data", "#cloud-config\nhostname: {{ node.name }}\nnothing: {{ nosuch }}\n");
    refused(&world, "up dev --template ./mine", 2, &["nosuch", "line 3", "user-data"]);
}

#[test]
fn broken_configuration_names_its_file_and_line() {
    let world = World::new();
    world.write("cloudtop.toml", "[defaults]\nregion = \"us-east-1\"\nnodes = = 3\n");
    let ended = world.run("up dev").exits(2).says(&["cloudtop.toml", "line 3", "nodes = = 3"]);
    assert_eq!(ended.stdout, "");
    std::fs::remove_file(world.cwd().join("cloudtop.toml")).unwrap();
    world.assert_nothing_was_made();
    world.run("up dev --config nosuch.toml").exits(2).says(&["nosuch.toml"]);
}

#[test]
fn a_private_key_is_never_taken_for_a_public_one() {
    let world = World::new();
    let mut keygen = Command::new("ssh-keygen");
    world.enclose(&mut keygen);
    let made = keygen.args(["-q", "-t", "ed25519", "-N", "", "-f", "mine"]).status().unwrap();
    assert!(made.success());
    std::fs::copy(world.cwd().join("mine"), world.cwd().join("secret.pub")).unwrap();
    refused(&world, "up dev --key secret.pub", 2, &["PRIVATE", "secret.pub"]);
    world.write("empty.pub", "");
    refused(&world, "up dev --key empty.pub", 2, &["empty.pub"]);
    refused(&world, "up dev --key nosuch.pub", 2, &["nosuch.pub"]);
    world.ok("up dev --key mine.pub --template ./plain -q", &[]);
    assert_eq!(world.ok("ssh dev -- uname", &[]).stdout, "Linux\n");
}

#[test]
fn user_data_that_is_too_large_is_refused_with_its_size() {
    let world = World::new();
    // Text without repetition, which gzip cannot make small either: hexadecimal digits of a square's remainders.
    let mut text = String::from("#cloud-config\n");
    let mut number: u64 = 1;
    while text.len() < 60 * 1024 {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("# {:08x}\n", number >> 32));
    }
    world.write("large", &text);
    world.write("twenty", &text[..20 * 1024]);
    refused(&world, "up dev --template ./plain --user-data twenty", 2, &["20480 bytes", "16384"]);
    refused(&world, "up dev --user-data large", 2, &["16384"]);
    world.run("up dev --user-data twenty --dry-run").exits(0);
}

fn without_simulator(world: &World, words: &str) -> (Output, Duration) {
    let args: Vec<&str> = words.split_whitespace().collect();
    let started = Instant::now();
    let ended = Running::new(world.real(&args), words.to_owned()).finish();
    (ended, started.elapsed())
}

#[test]
fn without_credentials_it_says_at_once_where_it_looked() {
    let world = World::empty();
    for words in ["up dev -r us-east-1", "recover -r us-east-1", "gc -r us-east-1"] {
        let (ended, took) = without_simulator(&world, words);
        let ended = ended.exits(6);
        ended.says(&["AWS_ACCESS_KEY_ID", "~/.aws/credentials", "instance metadata", "aws sso login"]);
        assert!(took < Duration::from_secs(10), "{words} took {took:?}");
    }
    let (list, _) = without_simulator(&world, "list --json");
    assert_eq!(list.exits(0).json()["environments"], serde_json::json!([]));
}

#[test]
fn without_a_region_it_says_how_to_name_one() {
    let world = World::empty();
    let (ended, _) = without_simulator(&world, "up dev");
    ended.exits(2).says(&["-r us-east-1", "AWS_REGION"]);
}

#[test]
fn help_and_version_answer_on_stdout() {
    let world = World::empty();
    assert!(world.ok("--version", &[]).stdout.starts_with("cloudtop "));
    for words in ["--help", "up --help", "sim set --help", "help down"] {
        let help = world.ok(words, &[]);
        assert!(help.stdout.contains("Usage:") && help.stderr.is_empty(), "{help:#?}");
    }
    assert!(world.ok("down --help", &[]).stdout.contains("cloudtop down dev"));
}
