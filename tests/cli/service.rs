//! `watch` as a service: real files, a systemd that writes down what it is told, and the command that the file has.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use cloudtop::domain::service::{Manager, Service};

use super::world::{Output, Running, World};

/// A world in which `dev` runs, and in which systemd does what it is told.
fn served() -> World {
    let world = World::new();
    world.ok("up dev -q", &[]);
    systemd(&world, "exit 0");
    world
}

/// Puts a `systemctl` and a `loginctl` before those of the system, if it has any; the first ends with a line of shell.
fn systemd(world: &World, end: &str) {
    program(world, "systemctl", &format!("echo \"$@\" >> {}/asked\n{end}", world.home().display()));
    program(world, "loginctl", "echo Linger=no");
}

fn program(world: &World, name: &str, script: &str) {
    let directory = world.home().join("bin");
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What systemd was asked, and is not asked again.
fn asked(world: &World) -> Vec<String> {
    let path = world.home().join("asked");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let _ = fs::remove_file(path);
    text.lines().map(str::to_owned).collect()
}

fn path_of(world: &World) -> String {
    format!("{}:{}", world.home().join("bin").display(), std::env::var("PATH").unwrap())
}

/// Runs the program where the programs above are found.
fn run(world: &World, words: &str) -> Output {
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut command = world.command(&words);
    command.env("PATH", path_of(world));
    Running::new(command, words.join(" ")).finish()
}

fn unit_file(world: &World) -> PathBuf {
    world.home().join(".config/systemd/user/cloudtop-watch-dev.service")
}

/// The words in quotes behind a key of a unit; none has a quote in it here.
fn words(unit: &str, key: &str) -> Vec<String> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2).map(|it| it.replace("%%", "%"))).collect()
}

const START: [&str; 2] = ["--user daemon-reload", "--user enable --now cloudtop-watch-dev.service"];

#[test]
fn a_service_is_shown_written_started_changed_and_removed() {
    let world = served();
    let unasked = run(&world, "watch --install dev").exits(2).says(&["--yes (-y)", "ExecStart=", "[Install]"]);
    assert!(!unit_file(&world).exists() && asked(&world).is_empty(), "{unasked:#?}");

    run(&world, "watch --install -y").exits(0).says(&[
        "dev is watched by cloudtop-watch-dev.service",
        "journalctl --user -u cloudtop-watch-dev.service -f",
        "not while a laptop sleeps",
        "loginctl enable-linger",
    ]);
    assert_eq!(asked(&world), START);
    run(&world, "watch --install dev -y").exits(0).says(&["is as it should be"]);
    assert_eq!(asked(&world), START, "what is as it should be is not started anew");
    run(&world, "watch --install dev --every 1m --desktop -y").exits(0).says(&["\"60s\" \"--desktop\""]);
    assert_eq!(asked(&world)[2], "--user restart cloudtop-watch-dev.service");

    let other = unit_file(&world).with_file_name("other.service");
    fs::write(&other, "[Service]\n").unwrap();
    run(&world, "watch --uninstall").exits(0).says(&["is removed", "nothing of dev was changed"]);
    assert_eq!(asked(&world), ["--user disable --now cloudtop-watch-dev.service", "--user daemon-reload"]);
    assert!(!unit_file(&world).exists() && other.exists());
    run(&world, "watch --uninstall dev").exits(0).says(&["no watch of dev is installed"]);
    run(&world, "watch --uninstall").exits(0).says(&["no watch is installed"]);
    world.account().assert_one_cloudtop();
}

/// As systemd does it: from another directory, with nothing of the environment but what the file has.
#[test]
fn what_the_service_starts_watches_until_it_is_told_to_end() {
    let world = served();
    world.write("cloudtop.toml", "[env.dev.notify]\ncommand = [\"true\"]\n");
    run(&world, "watch --install dev --every 1s -y").exits(0);
    let unit = fs::read_to_string(unit_file(&world)).unwrap();
    let command = words(&unit, "ExecStart");
    assert!(command.iter().any(|it| *it == world.cwd().join("cloudtop.toml").to_string_lossy()), "{command:?}");
    world.interrupt("dev");
    let mut watch = Command::new(&command[0]);
    watch.args(&command[1..]).env_clear().env("HOME", world.home()).current_dir("/");
    watch.envs(words(&unit, "Environment").iter().map(|pair| pair.split_once('=').unwrap()));
    let mut watch = Running::new(watch, "the service".to_owned());
    watch.wait_for("every node is ready");
    watch.signal("TERM");
    let ended = watch.finish().exits(143);
    assert!(unit.contains("SuccessExitStatus=130 143\n") && !ended.stderr.contains("error"), "{ended:#?}");

    // After these systemd does not start it again: each needs the user.
    assert!(unit.contains("RestartPreventExitStatus=2 3\n"), "{unit}");
    world.write("cloudtop.toml", "[env.dev.notify]\ncommand = 1\n");
    world.run("watch dev").exits(2);
    world.write("cloudtop.toml", "");
    world.run("watch nothing").exits(3);
}

#[test]
fn what_systemd_refuses_is_said_with_what_to_type() {
    let world = served();
    systemd(&world, "echo 'Failed to connect to bus' >&2; exit 1");
    run(&world, "watch --install dev -y").exits(1).says(&[
        "`systemctl --user daemon-reload` failed: Failed to connect to bus",
        "once that is mended, type: systemctl --user daemon-reload",
        "cloudtop watch NAME",
    ]);
    assert!(unit_file(&world).exists(), "what was written stays");
    run(&world, "watch --uninstall dev").exits(0).says(&["it may still run until you log out", "is removed"]);
}

#[test]
fn nothing_is_installed_that_could_not_run() {
    let world = served();
    run(&world, "watch --install nothing -y").exits(3);
    run(&world, "watch dev other").exits(2).says(&["one environment", "--install"]);
    run(&world, "watch").exits(2);
    fs::create_dir_all(unit_file(&world).parent().unwrap()).unwrap();
    fs::write(unit_file(&world), "[Service]\nExecStart=/bin/true\n").unwrap();
    run(&world, "watch --install dev -y").exits(2).says(&["was not written by cloudtop: it is left alone"]);
    run(&world, "watch --uninstall dev").exits(2);
    assert!(asked(&world).is_empty());
    world.ok("down dev -q", &[]);
    run(&world, "watch --install dev -y").exits(2).says(&["was ended"]);
    run(&world, "watch --install -y").exits(3).says(&["no environment to watch"]);
}

/// The state is that of simulated environments; nothing asks AWS for them here.
#[test]
fn secrets_of_the_environment_are_not_written_into_a_file() {
    let world = served();
    let mut command = world.real(&["watch", "--install", "dev", "-y"]);
    command.env("PATH", path_of(&world)).env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "hush");
    let refused = Running::new(command, "watch --install".to_owned()).finish();
    refused.exits(6).says(&["AWS_ACCESS_KEY_ID", "aws configure --profile NAME", "--profile NAME watch --install"]);
    assert!(!unit_file(&world).exists());

    let mut command = world.real(&["--profile", "work", "watch", "--install", "dev", "-y"]);
    command.env("PATH", path_of(&world)).env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "hush");
    command.env("HTTPS_PROXY", "http://me:hush@proxy").env("AWS_CONFIG_FILE", "/c");
    Running::new(command, "watch --install".to_owned()).finish().exits(0);
    let unit = fs::read_to_string(unit_file(&world)).unwrap();
    assert!(unit.contains("\"--profile\" \"work\"") && unit.contains("AWS_CONFIG_FILE=/c"), "{unit}");
    assert!(!unit.contains("hush") && !unit.contains("AKIA"), "{unit}");
}

fn awkward() -> Service {
    Service {
        env: "dev".parse().unwrap(),
        command: ["/bin/true", "--state", "/home/a$b/100% \"x\\/ü", "watch", "dev"].map(str::to_owned).into(),
        variables: vec![("AWS_PROFILE".to_owned(), "a b<%&".to_owned())],
        log: "/Users/a&b/x.log".to_owned(),
    }
}

/// What reads the file has the last word, where it is there to be asked.
#[test]
fn systemd_itself_finds_nothing_wrong_with_the_unit() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("cloudtop-watch-dev.service");
    fs::write(&path, Manager::Systemd.text(&awkward())).unwrap();
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--user", "--man=no"]).arg(&path).env("XDG_RUNTIME_DIR", place.path());
    let Ok(said) = verify.output() else { return };
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    // systemd before 254 does not know these two, and goes on without them.
    let ours = said.lines().filter(|line| line.contains("cloudtop-watch-dev"));
    let wrong: Vec<&str> =
        ours.filter(|line| !line.contains("RestartSteps") && !line.contains("RestartMaxDelaySec")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_reader_of_property_lists_finds_every_word_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("cloudtop.watch.dev.plist");
    fs::write(&path, Manager::Launchd.text(&awkward())).unwrap();
    let script = "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    let Ok(read) = Command::new("python3").args(["-c", script]).arg(&path).output() else { return };
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let read: serde_json::Value = serde_json::from_slice(&read.stdout).unwrap();
    assert_eq!(read["Label"], "cloudtop.watch.dev");
    assert_eq!(read["ProgramArguments"], serde_json::json!(awkward().command));
    assert_eq!(read["EnvironmentVariables"]["AWS_PROFILE"], "a b<%&");
    assert_eq!((&read["KeepAlive"]["SuccessfulExit"], &read["RunAtLoad"]), (&false.into(), &true.into()));
    assert_eq!(read["StandardErrorPath"], "/Users/a&b/x.log");
}
