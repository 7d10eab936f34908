//! A disk that takes no more: each write that fails is told with its file, and the next run finishes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::world::{Output, Running, World};

const PUBLIC_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9mUqkXzYwRZ0bUOVNiqYCJ4xHqXG9Tz0Jg6Zc6mE2c test\n";
const UP: &str = "up dev -r us-east-1 -t m5.large --volume 20 --key key.pub --allow-ssh 192.0.2.1/32 --wait running";
/// Whom root becomes: nothing is forbidden to root.
const NOBODY: u32 = 65_534;
/// What `ulimit -f` counts in.
const BLOCK: u64 = 512;

/// A machine that talks to a simulated EC2 in another process, so that its own files are all that can fail.
struct Site {
    world: World,
    ec2: World,
    server: Child,
    url: String,
    program: PathBuf,
}

impl Site {
    fn new() -> Self {
        let (world, ec2) = (World::empty(), World::empty());
        ec2.ok("sim set setting speed 100", &[]);
        let mut server =
            ec2.command(&["sim", "serve", "--port", "0"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut url).unwrap();
        world.write("key.pub", PUBLIC_KEY);
        let program = world.cwd().join("cloudtop");
        let built = env!("CARGO_BIN_EXE_cloudtop");
        fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
        let site = Self { url: url.trim().to_owned(), world, ec2, server, program };
        if site.is_root() {
            for path in [site.root(), site.world.home(), site.world.cwd()] {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        site
    }

    fn root(&self) -> PathBuf {
        self.world.state_file().parent().unwrap().to_owned()
    }

    fn is_root(&self) -> bool {
        fs::metadata("/proc/self").unwrap().uid() == 0
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    fn journal(&self) -> PathBuf {
        self.file("state.json.d/journal/dev.jsonl")
    }

    fn finish(&self, mut command: Command, name: &str) -> Output {
        self.world.enclose(&mut command);
        command.env("AWS_ENDPOINT_URL", &self.url);
        command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "example");
        if self.is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        Running::new(command, name.to_owned()).finish()
    }

    fn run(&self, words: &str) -> Output {
        let mut command = Command::new(&self.program);
        command.args(words.split_whitespace());
        self.finish(command, words)
    }

    /// No file may become longer than so many blocks, as on a disk that is full by then.
    fn run_within(&self, blocks: u64, words: &str) -> Output {
        let mut command = Command::new("sh");
        // Without the trap the first write too many would kill the program.
        command.arg("-c").arg("trap '' XFSZ; ulimit -f $0 && exec \"$@\"").arg(blocks.to_string());
        command.arg(&self.program).args(words.split_whitespace());
        self.finish(command, words)
    }

    fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.file(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Ends it all.
    fn assert_ends_with_nothing(&self) {
        self.run("down dev --delete-volumes -y").exits(0);
        self.ec2.account().assert_empty();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_full_disk_is_told_with_its_file_and_the_next_run_finishes() {
    let site = Site::new();
    site.run(UP).exits(0);
    let blocks = |path: PathBuf| fs::metadata(path).unwrap().len() / BLOCK;
    let (state, journal) = (blocks(site.world.state_file()), blocks(site.journal()));
    site.assert_ends_with_nothing();
    let mut full = Vec::new();
    // The journal holds what the state does, and more.
    let longer = [1, 2, 3].map(|part| state + 1 + (journal - state) * part / 4);
    for limit in [0, state].into_iter().chain(longer) {
        let _ = fs::remove_file(site.journal());
        let ended = site.run_within(limit, UP);
        if ended.code != 0 {
            full.push(ended.exits(1).says(&["cannot ", "check that", "has room"]).stderr);
        }
        site.run(UP).exits(0);
        site.ec2.account().assert_one_cloudtop();
        site.assert_ends_with_nothing();
    }
    for file in ["state.json.tmp", "journal/dev.jsonl"] {
        assert!(full.iter().any(|said| said.contains(file)), "no write of {file} failed: {full:#?}");
    }
}

#[test]
fn a_directory_that_cannot_be_written_to_stops_a_run_before_it_changes_anything() {
    let site = Site::new();
    fs::set_permissions(site.root(), fs::Permissions::from_mode(0o555)).unwrap();
    site.run(UP).exits(1).says(&["cannot make the directory", "state.json.d", "--state"]);
    site.ec2.account().assert_empty();
    fs::set_permissions(site.root(), fs::Permissions::from_mode(0o755)).unwrap();
    site.run(UP).exits(0);

    fs::set_permissions(site.root(), fs::Permissions::from_mode(0o555)).unwrap();
    site.run("stop dev").exits(1).says(&["cannot ", "state."]);
    assert_eq!(site.ec2.account().live("instances")[0]["state"], "running");
    fs::set_permissions(site.root(), fs::Permissions::from_mode(0o755)).unwrap();
    site.run("stop dev").exits(0);

    // The state takes the new goal, and the journal nothing.
    site.set_mode("state.json.d/journal/dev.jsonl", 0o444);
    site.run("down dev").exits(1).says(&["cannot ", "journal/dev.jsonl", "would not know"]);
    assert_eq!(site.ec2.account().live("instances")[0]["state"], "stopped");
    site.set_mode("state.json.d/journal/dev.jsonl", 0o600);
    site.run("down dev").exits(0);
    site.assert_ends_with_nothing();
}
