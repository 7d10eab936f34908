//! What shells offer while a line is typed: asked as their scripts ask, and by the real shells where they are installed.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::world::World;

/// What bash's script asks when the last of these words is completed.
fn offered(world: &World, words: &[&str]) -> Vec<String> {
    let index = (words.len() - 1).to_string();
    let mut command = world.command(&["--"]);
    command.args(words).env("COMPLETE", "bash").env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_INDEX", index);
    let ended = command.output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{words:?}: {ended:?}");
    String::from_utf8(ended.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn two_environments() -> World {
    let world = World::new();
    world.ok("up dev --template ./plain --wait none -q", &[]);
    world.ok("up core -n 3 -t m5.large --template ./plain --wait none -q", &[]);
    world
}

#[test]
fn names_come_from_the_state_and_the_configuration() {
    let world = two_environments();
    world.write("cloudtop.toml", "[env.staging]\ntypes = [\"c7i.xlarge\"]\nregion = \"eu-west-1\"\n");
    assert_eq!(offered(&world, &["cloudtop", "status", "d"]), ["dev"]);
    assert_eq!(offered(&world, &["cloudtop", "ssh", "co"]), ["core", "core/0", "core/1", "core/2"]);
    assert_eq!(offered(&world, &["cloudtop", "ssh", "core/1"]), ["core/1"]);
    assert_eq!(offered(&world, &["cloudtop", "cp", "d"]), ["dev:"]);
    assert_eq!(offered(&world, &["cloudtop", "cp", "clo"]), ["cloudtop.toml"]);
    assert_eq!(offered(&world, &["cloudtop", "cp", "cloudtop.toml", "core/2"]), ["core/2:"]);
    // What is not made yet can be made, and not stopped.
    assert_eq!(offered(&world, &["cloudtop", "up", "st"]), ["staging"]);
    assert_eq!(offered(&world, &["cloudtop", "stop", "st"]), [""; 0]);
    assert_eq!(offered(&world, &["cloudtop", "up", "x", "--type", ""]), ["c7i.xlarge", "m5.large"]);
    assert_eq!(offered(&world, &["cloudtop", "up", "x", "-r", ""]), ["eu-west-1", "us-east-1"]);
    assert_eq!(offered(&world, &["cloudtop", "up", "x", "--template", "do"]), ["docker"]);
    assert_eq!(offered(&world, &["cloudtop", "up", "x", "--template", "./p"]), ["./plain/"]);
    assert_eq!(offered(&world, &["cloudtop", "up", "x", "--on-interruption", ""]), ["hibernate", "stop", "terminate"]);
    assert_eq!(offered(&world, &["cloudtop", "up", "x", "--key", "pl"]), ["plain/"]);
    assert_eq!(offered(&world, &["cloudtop", "sta"]), ["start", "status"]);
    assert!(offered(&world, &["cloudtop", "up", "--max"]).contains(&"--max-price".to_owned()));
}

#[test]
fn options_that_are_typed_already_lead_to_other_files() {
    let world = two_environments();
    let elsewhere = world.cwd().join("other.json");
    fs::copy(world.state_file(), &elsewhere).unwrap();
    fs::remove_file(world.state_file()).unwrap();
    assert_eq!(offered(&world, &["cloudtop", "ssh", "d"]), [""; 0]);
    assert_eq!(offered(&world, &["cloudtop", "--state", "other.json", "ssh", "d"]), ["dev"]);
    assert_eq!(offered(&world, &["cloudtop", "ssh", "--state=other.json", "d"]), ["dev"]);
}

#[test]
fn profiles_are_offered_by_name_and_nothing_else_of_the_aws_files() {
    let world = World::empty();
    let aws = world.home().join(".aws");
    fs::create_dir(&aws).unwrap();
    fs::write(aws.join("config"), "[default]\nregion = eu-north-1\n[profile work]\n[sso-session corp]\n").unwrap();
    fs::write(aws.join("credentials"), "[old]\naws_secret_access_key = hunter2\n").unwrap();
    assert_eq!(offered(&world, &["cloudtop", "up", "x", "--profile", ""]), ["default", "old", "work"]);
    assert_eq!(offered(&world, &["cloudtop", "up", "x", "--region", ""]), ["eu-north-1"]);
}

#[test]
fn damaged_files_offer_nothing_and_say_nothing() {
    let world = World::empty();
    fs::write(world.state_file(), "{\"format_version\":").unwrap();
    world.write("cloudtop.toml", "nodes = = 1");
    assert_eq!(offered(&world, &["cloudtop", "up", "d"]), [""; 0]);
    assert_eq!(offered(&world, &["cloudtop", "ssh", "d"]), [""; 0]);
    assert_eq!(offered(&world, &["cloudtop", "up", "x", "-r", ""]), [""; 0]);
    assert_eq!(fs::read_to_string(world.state_file()).unwrap(), "{\"format_version\":");
}

#[test]
fn nobody_waits_for_a_lock() {
    let world = two_environments();
    let lock = world.state_file().with_file_name("state.lock");
    let mut holder = Command::new("flock").arg(&lock).args(["sleep", "60"]).spawn().unwrap();
    let began = std::time::Instant::now();
    assert_eq!(offered(&world, &["cloudtop", "ssh", "d"]), ["dev"]);
    let took = began.elapsed();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
}

/// A directory with the program under its name, and the script of a shell in a file.
fn installed(world: &World, shell: &str) -> String {
    let bin = world.cwd().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let _there = symlink(env!("CARGO_BIN_EXE_cloudtop"), bin.join("cloudtop"));
    let script = world.ok("completions", &[shell]).stdout;
    assert!(script.contains("COMPLETE=\"") || script.contains("COMPLETE="), "{script}");
    world.write("script", script);
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

/// What a shell prints that runs a text; `None`: it is not installed here.
fn shell(world: &World, program: &[&str], text: &str) -> Option<String> {
    match Command::new(program[0]).args(["-c", "true"]).status() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        there => assert!(there.unwrap().success()),
    }
    let path = installed(world, program[0]);
    // A shell that is shown nothing to complete would wait for it without end.
    let mut command = Command::new("timeout");
    world.enclose(&mut command);
    command.arg("60").args(program).arg("-c").arg(text).env("PATH", path).env("CLOUDTOP_SIM", "1");
    let ended = command.output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
    Some(String::from_utf8(ended.stdout).unwrap())
}

#[test]
fn bash_completes_with_the_script() {
    let world = two_environments();
    let text = "source ./script; COMP_WORDS=(cloudtop ssh co); COMP_CWORD=2; COMP_TYPE=9; \
        _clap_complete_cloudtop cloudtop co ssh; printf '%s\\n' \"${COMPREPLY[@]}\"; complete -p cloudtop";
    let said = shell(&world, &["bash", "--norc"], text).unwrap();
    assert!(said.starts_with("core\ncore/0\ncore/1\ncore/2\n"), "{said}");
    assert!(said.contains("-F _clap_complete_cloudtop cloudtop"), "{said}");
}

#[test]
fn fish_completes_with_the_script() {
    let world = two_environments();
    if let Some(said) = shell(&world, &["fish", "--no-config"], "source ./script; complete -C 'cloudtop ssh co'") {
        assert!(said.starts_with("core\tus-east-1, 3 nodes\ncore/0\n"), "{said}");
    }
}

/// zsh completes only at its line editor: it is given a terminal, and a key to press once it has drawn its prompt.
const ZSH: &str = r#"zmodload zsh/zpty; zpty z zsh -f -i
zpty -w z 'autoload -U compinit; compinit -u -D; source ./script; PS1="AT""WORK> "'
zpty -r z out '*ATWORK> *'
zpty -w -n z $'cloudtop status de\t'
zpty -r z out '*status dev*'
zpty -d z; print -r -- $out"#;

#[test]
fn zsh_completes_with_the_script() {
    let world = two_environments();
    if let Some(said) = shell(&world, &["zsh", "-f"], ZSH) {
        assert!(said.contains("status dev"), "{said}");
    }
}
