//! `cloudtop doctor`: what it finds, what it says to do, and how it ends.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use super::world::{Output, Running, World};

/// Every check, in the order in which it is told.
const ALL: [&str; 14] = [
    "configuration",
    "template",
    "state",
    "journals",
    "ssh",
    "ssh-agent",
    "ssh-key",
    "credentials",
    "clock",
    "region",
    "network",
    "permissions",
    "quota",
    "spot-role",
];

/// The check of that name.
#[track_caller]
fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["checks"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("{report:#}"))
}

/// Checks how one thing stands, and that what was found and the mend have these words.
#[track_caller]
fn assert_check(report: &Value, name: &str, result: &str, found: &str, mend: &str) {
    let check = check(report, name);
    assert_eq!(check["result"], result, "{check:#}");
    assert!(check["found"].as_str().unwrap().contains(found), "no {found:?} in {check:#}");
    assert!(check["mend"].as_str().unwrap_or_default().contains(mend), "no {mend:?} in {check:#}");
}

/// The names of the checks with that result.
fn with_result<'a>(report: &'a Value, result: &str) -> Vec<&'a str> {
    let all = report["checks"].as_array().unwrap().iter();
    all.filter(|it| it["result"] == result).map(|it| it["name"].as_str().unwrap()).collect()
}

#[track_caller]
fn report(world: &World, words: &str, code: i32) -> Value {
    world.run_with(words, &["--json", "-q"]).exits(code).json()
}

#[test]
fn a_healthy_installation_has_nothing_but_ok() {
    let world = World::new();
    let before = report(&world, "doctor", 0);
    assert_eq!(before["format_version"], 1);
    assert_eq!(with_result(&before, "ok"), ALL, "{before:#}");
    assert!(!world.state_file().exists() && !world.ssh_config().exists(), "looking makes nothing");
    world.account().assert_empty();

    world.ok("up dev -n 2 --no-volume -q", &[]);
    let after = report(&world, "doctor dev", 0);
    assert_eq!(with_result(&after, "ok"), ALL, "{after:#}");
    assert_check(&after, "state", "ok", "1 environment", "");
    assert_check(&after, "journals", "ok", "1 read", "");
    assert_check(&after, "template", "ok", "renders for 2 nodes", "");
    assert_check(&after, "quota", "ok", "of 8000 vCPUs in use, 0 more asked for", "");
    let account = world.account();
    assert_eq!(
        (account.live("instances").len(), account.live("key_pairs").len()),
        (2, 1),
        "only dry runs: {account:#?}"
    );
}

#[test]
fn people_get_a_table_that_fits_eighty_columns() {
    let world = World::new();
    world.ok("sim set setting denied", &["RunInstances,TerminateInstances"]);
    let shown = world.run("doctor").exits(6).says(&["no check takes longer than"]);
    assert!(shown.stdout.lines().all(|line| line.chars().count() <= 80), "{shown:#?}");
    let begins: Vec<&str> = shown.stdout.lines().filter_map(|line| line.get(9..)?.split(' ').next()).collect();
    assert!(ALL.iter().all(|name| begins.contains(name)), "{shown:#?}");
    assert!(shown.stdout.contains("wrong    permissions    2 of 41 actions are not allowed"), "{}", shown.stdout);
}

#[test]
fn denied_actions_are_named_with_the_statements_to_add() {
    let world = World::new();
    world.ok("sim set setting denied", &["TerminateInstances,DescribeImages"]);
    let told = report(&world, "doctor", 6);
    assert_eq!(with_result(&told, "wrong"), ["permissions"]);
    assert_check(
        &told,
        "permissions",
        "wrong",
        "ec2:DescribeImages, ec2:TerminateInstances",
        r#"["ec2:DescribeImages"]"#,
    );
    assert_check(&told, "permissions", "wrong", "2 of 41", r#"{"Null":{"aws:ResourceTag/cloudtop:env":"false"}}"#);
}

#[test]
fn what_only_the_doctor_asks_for_is_a_warning_when_it_is_denied() {
    let world = World::new();
    world.ok("sim set setting denied", &["GetRole,GetServiceQuota,DescribeRouteTables"]);
    let told = report(&world, "doctor", 0);
    assert_eq!(with_result(&told, "warning"), ["network", "quota", "spot-role"], "{told:#}");
    assert_check(&told, "network", "warning", "UnauthorizedOperation", "ec2:DescribeRouteTables");
    assert_check(&told, "quota", "warning", "the limit is not known", "servicequotas:GetServiceQuota");
    assert_check(&told, "spot-role", "warning", "cannot be told", "iam:GetRole");
}

#[test]
fn without_credentials_this_machine_is_looked_at_all_the_same() {
    let world = World::new();
    let mut command = world.real(&["doctor", "--json", "-q"]);
    command.env("AWS_REGION", "us-east-1");
    let told = Running::new(command, "doctor".to_owned()).finish().exits(6).json();
    assert_eq!(with_result(&told, "ok"), ALL[..7]);
    assert_check(&told, "credentials", "wrong", "no AWS credentials were found", "aws configure");
    assert_eq!(with_result(&told, "skipped"), ALL[8..]);
    assert_check(&told, "permissions", "skipped", "not looked at: no credentials", "");
}

#[test]
fn without_a_network_it_says_so_at_once() {
    let world = World::new();
    // A port that nobody listens on: it was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let told = on_endpoint(&world, port).exits(1).json();
    assert_check(&told, "credentials", "wrong", "AWS cannot be asked", "--endpoint-url");
    assert_eq!(with_result(&told, "skipped"), ALL[8..]);
    assert_check(&told, "clock", "skipped", "not looked at: AWS does not answer", "");
}

/// Runs the doctor with made-up credentials on an endpoint of this machine.
fn on_endpoint(world: &World, port: u16) -> Output {
    let url = format!("http://127.0.0.1:{port}");
    let mut command = world.real(&["doctor", "--json", "-q", "-r", "us-east-1", "--endpoint-url", &url]);
    command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "nothing");
    Running::new(command, "doctor".to_owned()).finish()
}

#[test]
fn a_clock_that_is_wrong_is_told_even_where_the_call_is_refused_for_it() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // The thread ends with the test's process.
    std::thread::spawn(move || listener.incoming().flatten().for_each(refuse));
    let told = on_endpoint(&world, port).exits(6).json();
    assert_check(&told, "credentials", "wrong", "SignatureDoesNotMatch", "look at the clock");
    assert_check(&told, "clock", "wrong", "hours ahead of AWS's", "NTP");
    assert_eq!(with_result(&told, "skipped"), ALL[9..]);
}

/// Answers one request as STS does in the year 2020.
fn refuse(mut stream: TcpStream) {
    let _request = stream.read(&mut [0; 4096]);
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code>\
<Message>Signature not yet current</Message></Error><RequestId>1</RequestId></ErrorResponse>";
    let head =
        "HTTP/1.1 403 Forbidden\r\nDate: Wed, 01 Jan 2020 00:00:00 GMT\r\nContent-Type: text/xml\r\nConnection: close";
    let _gone = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
}

#[test]
fn a_key_that_ssh_would_not_use_is_told_with_the_command_that_mends_it() {
    let world = World::new();
    let file = world.cwd().join("own");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status().unwrap();
    assert!(made.success());
    world.write("cloudtop.toml", "key = \"own\"\n");
    assert_check(&report(&world, "doctor", 0), "ssh-key", "ok", "ssh-ed25519", "");

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_check(&report(&world, "doctor", 2), "ssh-key", "wrong", "(mode 0644)", "chmod 600");

    fs::remove_file(&file).unwrap();
    assert_check(&report(&world, "doctor", 2), "ssh-key", "wrong", "there is no key file", "ssh-keygen -t ed25519 -f");

    world.write("cloudtop.toml", "key = \"own.pub\"\n");
    assert_check(&report(&world, "doctor", 2), "ssh-key", "wrong", "neither beside it nor in the agent", "ssh-add");
}

#[test]
fn an_agent_that_does_not_answer_is_a_warning() {
    let world = World::new();
    let mut command = world.command(&["doctor", "--json", "-q"]);
    command.env("SSH_AUTH_SOCK", world.cwd().join("nobody"));
    let told = Running::new(command, "doctor".to_owned()).finish().exits(0).json();
    assert_check(&told, "ssh-agent", "warning", "no agent answers", "ssh-agent");
}

#[test]
fn damaged_state_and_journals_are_told_and_left_as_they_are() {
    let world = World::new();
    world.ok("up dev -q", &[]);
    let journal = world.state_file().with_file_name("state.json.d").join("journal/dev.jsonl");
    let lines = fs::read_to_string(&journal).unwrap();
    let broken = format!("{{\"neither\": \"entry\"}}\n{lines}");
    fs::write(&journal, &broken).unwrap();
    assert_check(&report(&world, "doctor dev", 7), "journals", "wrong", "is damaged at line 1", "mv ");
    assert_eq!(fs::read_to_string(&journal).unwrap(), broken);

    fs::write(world.state_file(), "{").unwrap();
    // The worst counts: a wrong permission beside it does not hide the state.
    world.ok("sim set setting denied", &["StopInstances"]);
    let told = report(&world, "doctor", 7);
    assert_check(&told, "state", "wrong", "is damaged at line 1", "cloudtop recover");
    assert_check(&told, "permissions", "wrong", "ec2:StopInstances", "");
    assert_eq!(fs::read_to_string(world.state_file()).unwrap(), "{");
}

#[test]
fn a_configuration_that_cannot_be_used_ends_with_two_and_the_rest_is_looked_at() {
    let world = World::new();
    world.write("cloudtop.toml", "regoin = \"us-west-2\"\n");
    assert_check(&report(&world, "doctor", 0), "configuration", "warning", "did you mean `region`?", "remove");
    world.write("cloudtop.toml", "max_price = \"cheap\"\n");
    let told = report(&world, "doctor", 2);
    assert_check(&told, "configuration", "wrong", "cloudtop.toml", "docs/configuration.md");
    assert_check(&told, "permissions", "ok", "all 41 actions", "");
    world.write("cloudtop.toml", "template = \"nosuch\"\n");
    assert_check(&report(&world, "doctor", 2), "template", "wrong", "nosuch", "template show");
}

#[test]
fn a_quota_that_is_too_small_is_told_with_the_command_that_raises_it() {
    let world = World::new();
    world.ok("sim set setting spot-vcpus 8", &[]);
    world.write("cloudtop.toml", "types = [\"c7i.2xlarge\"]\n[env.big]\nnodes = 3\n");
    assert_check(&report(&world, "doctor", 0), "quota", "ok", "0 of 8 vCPUs in use, 8 more asked for", "");
    let told = report(&world, "doctor big", 6);
    assert_check(&told, "quota", "wrong", "0 of 8 vCPUs in use, 24 more asked for", "--quota-code L-34B43A08");
}

#[test]
fn a_missing_role_is_a_warning_with_the_command_that_makes_it() {
    let world = World::new();
    world.ok("sim set setting spot-role missing", &[]);
    let mend = "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com";
    assert_check(&report(&world, "doctor", 0), "spot-role", "warning", "AWSServiceRoleForEC2Spot", mend);
}

#[test]
fn a_subnet_that_is_not_there_and_a_region_that_is_not_enabled_are_told() {
    let world = World::new();
    world.write("cloudtop.toml", "subnet = \"subnet-0123456789abcdef0\"\n");
    assert_check(&report(&world, "doctor", 2), "network", "wrong", "there is no subnet", "describe-subnets");
    world.write("cloudtop.toml", "region = \"us-nowhere-1\"\n");
    let told = report(&world, "doctor", 1);
    assert_check(&told, "credentials", "wrong", "AWS cannot be asked", "");
}
