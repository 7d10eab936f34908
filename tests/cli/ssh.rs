//! Work on nodes over ssh: on all of them at once, with forwards, across interruptions, and what other programs are given.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::json;

use super::world::{Output, Running, World, eventually};

/// A world with a program of that name before all others on PATH: a shell script, whose `$LOG` is a file of its own.
struct Fake {
    world: World,
    path: String,
}

impl Fake {
    fn new(world: World, name: &str, script: &str) -> Self {
        let bin = world.home().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let file = bin.join(name);
        fs::write(&file, format!("#!/bin/sh\nLOG='{}'\n{script}\n", bin.join("log").display())).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        Self { world, path }
    }

    fn start(&self, args: &[&str]) -> Running {
        let mut command = self.world.command(args);
        command.env("PATH", &self.path);
        Running::new(command, args.join(" "))
    }

    fn run(&self, args: &[&str]) -> Output {
        self.start(args).finish()
    }

    /// The lines that it has written down.
    fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.world.home().join("bin/log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

fn cluster() -> World {
    let world = World::new();
    world.ok("up core -n 3 --template ./plain -q", &[]);
    world
}

/// The lines, in the order of the nodes: nodes answer in any order.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_command_runs_on_every_node_and_each_line_names_its_node() {
    let world = cluster();
    let all = world.ok("ssh core --all -- uname", &[]);
    assert_eq!(sorted(&all.stdout), ["core/0 | Linux", "core/1 | Linux", "core/2 | Linux"]);
    assert_eq!(all.stderr, "");

    let failed = world.run_with("ssh core --all --", &["echo a; echo b; cat /none"]).exits(1);
    assert_eq!(sorted(&failed.stdout)[..2], ["core/0 | a", "core/0 | b"]);
    assert!(failed.stderr.contains("core/2 | cat: /none"), "{failed:#?}");
    let failed = failed.says(&["failed on 3 of 3 nodes", "EXIT  COUNT  NODES", "   1      3  0-2"]);
    assert!(!failed.stdout.contains("cat:"), "{failed:#?}");
    world.run_with("ssh core --all --", &["exit 42"]).exits(42);
}

#[test]
fn a_node_that_does_not_run_counts_as_one_without_a_connection() {
    let world = cluster();
    world.interrupt("core/1");
    let some = world.run("ssh core --all -- uname").exits(255);
    assert_eq!(sorted(&some.stdout), ["core/0 | Linux", "core/2 | Linux"]);
    let some = some.says(&["failed on 1 of 3 nodes", " 255      1  1      does not run: it is "]);
    assert!(some.stderr.contains("   0      2  0, 2"), "{some:#?}");

    let told = world.run("ssh core --all --json -- uname").exits(255).json();
    assert_eq!((&told["name"], &told["exit_code"]), (&json!("core"), &json!(255)));
    let (first, second) = (&told["nodes"][0], &told["nodes"][1]);
    assert_eq!(first["stdout"], "Linux\n");
    assert_eq!((&first["node"], &first["exit_code"], &first["why"]), (&json!("core/0"), &json!(0), &json!(null)));
    assert!(second["exit_code"] == 255 && second["why"].as_str().unwrap().contains("does not run"), "{told:#}");

    world.ok("stop core -q", &[]);
    world.run("ssh core --all -- uname").exits(1).says(&["does not run", "cloudtop start core"]);
}

#[test]
fn what_makes_no_sense_together_is_refused_before_anything_is_looked_at() {
    let world = World::empty();
    for words in [
        "ssh core --all",
        "ssh core/1 --all -- uname",
        "ssh core --all --forward 80 -- uname",
        "ssh core --reconnect -- uname",
        "ssh core --no-shell",
        "ssh core --forward 80:db:x",
        "ssh core --forward 18080 --forward 18080:90",
        "cp a b",
        "cp core:a",
    ] {
        world.run(words).exits(2);
    }
    world.write("cloudtop.toml", "[env.dev]\nforward = [8080, \"90:a b\"]\n");
    world.run("ssh dev").exits(2).says(&["cloudtop.toml: line 2", "`90:a b` is no forward"]);
}

#[test]
fn ctrl_c_ends_the_connections_to_all_nodes() {
    let fake = Fake::new(cluster(), "ssh", "echo $$ >> $LOG; exec sleep 60");
    let running = fake.start(&["ssh", "core", "--all", "--", "sleep 60"]);
    let pids = eventually("three connections", || Some(fake.log()).filter(|pids| pids.len() == 3));
    running.signal("INT");
    running.finish().exits(130).says(&["every connection was closed"]);
    pids.iter().for_each(|pid| ends(pid));
}

/// Waits for the end of a process; whoever inherits it may take a while to take note.
fn ends(pid: &str) {
    eventually("its end", || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });
}

#[test]
fn forwards_come_from_flags_and_for_a_shell_from_the_file() {
    let fake = Fake::new(World::new(), "ssh", "echo \"$@\" >> $LOG");
    let world = &fake.world;
    world.ok("up dev --template ./plain -q", &[]);
    world.write("cloudtop.toml", "[env.dev]\nforward = [18081, \"15432:db:5432\"]\nforward_agent = true\n");
    fake.run(&["ssh", "dev", "--forward", "18082:90"]).exits(0);
    fake.run(&["ssh", "dev", "--", "uname"]).exits(0);
    let told = fake.run(&["ssh", "dev", "-N", "--forward", "18081:db"]).exits(0);
    told.says(&["127.0.0.1:18081 leads to db:18081", "127.0.0.1:15432 leads to db:5432"]);
    let log = fake.log();
    let own = "-L 127.0.0.1:18082:localhost:90 -L 127.0.0.1:18081:localhost:18081 -L 127.0.0.1:15432:db:5432";
    assert!(log[0].contains(own) && log[0].contains("ExitOnForwardFailure=yes -A cloudtop-dev"), "{log:#?}");
    assert!(!log[1].contains("-L") && log[1].contains("-A cloudtop-dev -- uname"), "{log:#?}");
    assert!(log[2].contains(" -N ") && !log[2].contains("18081:localhost"), "what is typed wins: {log:#?}");

    fs::remove_file(world.cwd().join("cloudtop.toml")).unwrap();
    fake.run(&["ssh", "dev"]).exits(0);
    assert!(!fake.log()[3].contains("-A") && !fake.log()[3].contains("-L"), "{:#?}", fake.log());
}

#[test]
fn ctrl_c_ends_forwards_without_a_shell_and_says_so() {
    let fake = Fake::new(World::new(), "ssh", "echo $$ >> $LOG; exec sleep 60");
    fake.world.ok("up dev --template ./plain -q", &[]);
    let running = fake.start(&["ssh", "dev", "-N", "--forward", "18083:db"]);
    let pid = eventually("ssh", || fake.log().first().cloned());
    running.signal("INT");
    running.finish().exits(130).says(&["interrupted: the forwards are closed; dev runs on"]);
    ends(&pid);
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_asked_of_ec2() {
    let fake = Fake::new(World::new(), "ssh", "echo \"$@\" >> $LOG");
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let words = format!("port {port} of this machine is taken");
    fake.run(&["ssh", "dev", "--forward", &port]).exits(1).says(&[&words, "--forward OTHER:localhost:"]);

    // One of the file is left out: another session may have it already.
    fake.world.ok("up dev --template ./plain -q", &[]);
    fake.world.write("cloudtop.toml", format!("forward = [{port}]\n"));
    fake.run(&["ssh", "dev"]).exits(0).says(&["warning:", &words, "left out"]);
    assert!(!fake.log()[0].contains("-L"));
}

#[test]
fn ssh_waits_for_a_node_that_ec2_took_away_and_says_so() {
    let world = World::new();
    world.ok("up dev --template ./plain -q", &[]);
    world.interrupt("dev");
    world.run("ssh dev -- uname").exits(1).says(&["does not run: it is interrupted"]);
    let waited = world.ok("ssh dev --wait -- uname", &[]).says(&["waiting for dev: it is interrupted (EC2 stopped it"]);
    assert_eq!(waited.stdout, "Linux\n");
    world.ok("stop dev -q", &[]);
    world.run("ssh dev --wait -- uname").exits(1).says(&["cloudtop start dev"]);
}

#[test]
fn a_node_that_runs_and_does_not_answer_yet_is_told_with_the_way_to_wait() {
    let world = World::new();
    // It runs at once, and its ssh server comes up only later.
    world.ok("sim set setting boot 10h", &[]);
    world.ok("up dev --template ./plain --wait running -q", &[]);
    world.run("ssh dev -- uname").exits(255).says(&["dev does not answer over ssh: ", "cloudtop ssh dev --wait"]);
    let all = world.run("ssh dev --all -- uname").exits(255);
    all.says(&["failed on 1 of 1 nodes", " 255      1  0      ssh: no connection: "]);
}

#[test]
fn a_lost_shell_comes_back_and_a_lost_node_is_told() {
    let script = format!(
        "case \"$*\" in *' true') exec /usr/bin/ssh \"$@\";; esac\necho \"$@\" >> $LOG\n\
         [ $(wc -l < $LOG) = 2 ] && exit 7\n'{}' --sim sim interrupt dev >&2\nexit 255",
        env!("CARGO_BIN_EXE_cloudtop")
    );
    let fake = Fake::new(World::new(), "ssh", &script);
    fake.world.ok("up dev --template ./plain -q", &[]);
    fake.world.ok("sim set setting capacity-return 80s", &[]);
    let back = fake.run(&["ssh", "dev", "--reconnect"]).exits(7);
    back.says(&["the connection to dev is lost", "waiting for dev: it is "]);
    assert_eq!(fake.log().len(), 2);

    let lost = fake.run(&["ssh", "dev"]).exits(255);
    lost.says(&["node 0 of `dev` does not run", "cloudtop ssh dev --reconnect"]);
}

#[test]
fn plain_ssh_reaches_the_node_after_it_was_stopped_and_started() {
    let world = World::new();
    world.ok("up dev --template ./plain -q", &[]);
    let address = |world: &World| world.json("status dev")["nodes"][0]["public_ip"].as_str().unwrap().to_owned();
    let before = address(&world);
    world.ok("stop dev -q", &[]);
    world.ok("start dev -q", &[]);
    let after = address(&world);
    assert_ne!(before, after);
    let config = fs::read_to_string(world.ssh_config()).unwrap();
    assert!(config.contains(&after) && !config.contains(&before), "{config}");
    let mut ssh = Command::new("ssh");
    world.enclose(&mut ssh);
    let output = ssh.arg("-F").arg(world.ssh_config()).args(["cloudtop-dev", "uname"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Linux\n", "{output:?}");
}

#[test]
fn copies_are_scps_with_the_nodes_own_entries() {
    let fake = Fake::new(cluster(), "scp", "for word; do echo \"<$word>\" >> $LOG; done; exit 3");
    fake.run(&["cp", "a b:c", "core/2:x y", "core:"]).exits(3);
    let words = fake.log();
    assert_eq!(words[0], "<-F>");
    assert!(words[1].ends_with("/ssh/config>"), "{words:#?}");
    let rest = ["<-r>", "<-3>", "<-->", "<./a b:c>", "<cloudtop-core.2:x y>", "<cloudtop-core.0:>"];
    assert_eq!(words[2..], rest);

    fake.world.run("cp plain core/1:").exits(255).says(&["a simulated node has no files"]);
    fake.world.run("cp plain core/7:").exits(3).says(&["has no node 7"]);
}

#[test]
fn vs_code_is_given_the_host_and_a_whole_path() {
    let fake = Fake::new(World::new(), "code", "echo \"$@\" >> $LOG");
    fake.world.ok("up dev -q", &[]);
    fake.run(&["code", "dev"]).exits(2).says(&[".ssh/config: add cloudtop's Include line", "cloudtop ssh --setup"]);
    assert!(fake.log().is_empty() && !fake.world.home().join(".ssh").exists());

    fake.run(&["code", "dev", "-y"]).exits(0);
    assert!(fs::read_to_string(fake.world.home().join(".ssh/config")).unwrap().contains("Include "));
    fake.run(&["code", "dev/0", "~/a b"]).exits(0);
    let log = fake.log();
    let host = "--remote ssh-remote+cloudtop-dev";
    assert_eq!(log, [format!("{host} /home/ubuntu/persistent"), format!("{host} /home/ubuntu/a b")]);

    let missing = fake.world.run("code dev").exits(1);
    missing.says(&["cannot start VS Code", "install it so that `code` is on PATH"]);
    fake.world.ok("stop dev -q", &[]);
    fake.run(&["code", "dev"]).exits(1).says(&["does not run", "cloudtop start dev"]);
}

#[test]
fn docker_gets_a_context_once_and_loses_it_by_word_alone() {
    let script = "[ $2 = inspect ] || echo \"$@\" >> $LOG\ncase $2 in create) echo \"${5#host=}\" > $LOG.host;;\n\
                  rm) rm $LOG.host;; inspect) cat $LOG.host 2>/dev/null || exit 1;; esac";
    let fake = Fake::new(World::new(), "docker", script);
    fake.world.ok("up box -q", &[]);
    let create = "context create cloudtop-box --docker host=ssh://cloudtop-box";
    assert_eq!(fake.run(&["docker-context", "box", "--print"]).exits(0).stdout, format!("docker {create}\n"));
    fake.run(&["docker-context", "box"]).exits(2).says(&["docker finds nodes through", "cloudtop ssh --setup"]);
    assert!(fake.log().is_empty(), "{:?}", fake.log());

    fake.run(&["docker-context", "box", "-y"]).exits(0).says(&[&format!("docker {create}")]);
    assert!(fs::read_to_string(fake.world.home().join(".ssh/config")).unwrap().contains("Include "));
    fake.run(&["docker-context", "box"]).exits(0).says(&["already"]);
    assert_eq!(fake.log(), [create]);

    fake.world.ok("down box --delete-volumes -y -q", &[]);
    fake.run(&["docker-context", "box"]).exits(3);
    fake.run(&["docker-context", "box", "--rm"]).exits(0).says(&["docker context rm cloudtop-box"]);
    fake.run(&["docker-context", "box", "--rm"]).exits(0).says(&["docker has no context cloudtop-box"]);
    assert_eq!(fake.log(), [create, "context rm cloudtop-box"]);
}

#[test]
fn a_docker_context_of_somebody_else_is_left_alone() {
    let fake = Fake::new(cluster(), "docker", "[ $2 = inspect ] && echo ssh://elsewhere || echo \"$@\" >> $LOG");
    for more in [&["-y"][..], &["--rm"]] {
        let refused = fake.run(&[&["docker-context", "core/2"], more].concat()).exits(1);
        refused.says(&["context cloudtop-core.2 leads to ssh://elsewhere: it is left as it is"]);
    }
    assert!(fake.log().is_empty(), "{:?}", fake.log());
    fake.run(&["docker-context", "core/3"]).exits(3).says(&["has no node 3"]);
}

#[test]
fn without_docker_the_command_is_told() {
    let world = World::new();
    world.ok("up box -q", &[]);
    let mut command = world.command(&["docker-context", "box", "-y"]);
    command.env("PATH", world.home());
    let missing = Running::new(command, "docker-context".to_owned()).finish().exits(1);
    missing.says(&["cannot start docker", "docker context create cloudtop-box --docker host=ssh://cloudtop-box"]);
}
