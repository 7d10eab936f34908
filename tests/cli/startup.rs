//! What a start does not do: whoever asks for what this machine knows by itself waits for nothing else.

use std::process::Command;

use super::world::{Output, Running, World};

/// The program, with AWS files and roots of trust that cannot be read: whoever makes a connection fails.
fn without_account(world: &World, args: &[&str]) -> Command {
    world.write("broken", "[never closed\n");
    let mut command = world.real(args);
    for file in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "SSL_CERT_FILE"] {
        command.env(file, world.cwd().join("broken"));
    }
    command
}

fn run(world: &World, words: &str) -> Output {
    let args: Vec<&str> = words.split_whitespace().collect();
    Running::new(without_account(world, &args), words.to_owned()).finish()
}

#[test]
fn what_needs_no_account_reads_nothing_of_it() {
    let world = World::empty();
    for words in
        ["--version", "--help", "", "list", "list --json", "history", "template list", "completions bash", "man"]
    {
        run(&world, words).exits(0);
    }
    run(&world, "status dev").exits(3);
    run(&world, "ssh dev").exits(3);
    // To see that a connection would have shown itself.
    run(&world, "recover -r us-east-1 --no-input").exits(2).says(&["profile files"]);
}

#[test]
fn a_shell_that_asks_for_names_is_answered_without_an_account() {
    let world = World::new();
    world.ok("up dev --template ./plain -q", &[]);
    let mut command = without_account(&world, &["--", "cloudtop", "ssh", ""]);
    command.env("CLOUDTOP_SIM", "1").env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "2");
    command.env("_CLAP_COMPLETE_COMP_TYPE", "9").env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_SPACE", "true");
    let ended = Running::new(command, "completion".to_owned()).finish().exits(0);
    assert!(ended.stdout.lines().any(|line| line == "dev"), "{ended:#?}");
}
