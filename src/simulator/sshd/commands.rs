//! The commands that a simulated node answers.

use super::script::{self, Node, Output};
use super::{cloudtop, disks, files, services};

/// What the interactive shell says of itself.
pub(super) const HELP: &str = "\
true false exit echo printf test [ sh bash command which sudo env timeout
uname hostname whoami id pwd nproc uptime ls cat stat mountpoint findmnt df lsblk sync
cloud-init systemctl journalctl etcd etcdctl docker curl (of 127.0.0.1:2379/health) help
";

const NAMES: [&str; 41] = [
    ":",
    "true",
    "false",
    "exit",
    "echo",
    "printf",
    "test",
    "[",
    "sh",
    "bash",
    "command",
    "which",
    "sudo",
    "env",
    "timeout",
    "uname",
    "hostname",
    "whoami",
    "id",
    "pwd",
    "nproc",
    "uptime",
    "ls",
    "cat",
    "stat",
    "mountpoint",
    "findmnt",
    "df",
    "lsblk",
    "sync",
    "cloud-init",
    "systemctl",
    "journalctl",
    "etcd",
    "k3s",
    "etcdctl",
    "docker",
    "curl",
    "interrupt",
    "idle",
    "help",
];

/// Answers one command; `status` is what the one before it ended with.
pub(super) fn answer(node: &Node, words: &[String], status: u32) -> Output {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (root, words) = unwrapped(&words);
    // Nothing left: an assignment, or a line of redirections only.
    let Some((path, arguments)) = words.split_first() else { return Output::default() };
    let name = path.rsplit_once('/').map_or(*path, |(_, name)| name);
    let user = if root { "root" } else { &node.user };
    match name {
        "true" | ":" => Output::default(),
        "false" => Output::code(1),
        "echo" => echo(arguments),
        "printf" => printf(arguments),
        "test" | "[" => files::test(node, name, arguments),
        "sh" | "bash" => shell(node, arguments, status),
        "command" | "which" => which(arguments),
        "uname" => uname(node, arguments),
        "hostname" => hostname(node, arguments),
        "whoami" => line(user),
        "id" => id(user, arguments),
        "pwd" => line(&node.home()),
        "nproc" => line(&disks::type_info(node).map_or(1, |info| info.vcpus).to_string()),
        "uptime" => uptime(node, arguments),
        "ls" => files::ls(node, arguments),
        "cat" => files::cat(node, arguments),
        "stat" => files::stat(node, arguments),
        "mountpoint" => disks::mountpoint(node, arguments),
        "findmnt" => disks::findmnt(node, arguments),
        "df" => disks::df(node, arguments),
        "lsblk" => disks::lsblk(node, arguments),
        "sync" => Output::default(),
        // Flatcar has none: its user data is carried out by Ignition or coreos-cloudinit.
        "cloud-init" if !is_flatcar(node) => services::cloud_init(node, arguments),
        "systemctl" => services::systemctl(node, arguments),
        "journalctl" => cloudtop::journalctl(node, arguments),
        "etcd" => services::etcd(node, arguments),
        "k3s" => services::k3s(node, arguments),
        "etcdctl" => services::etcdctl(node, arguments),
        "docker" => services::docker(node, arguments),
        "interrupt" => services::interrupt(arguments),
        "idle" => cloudtop::idle(node, arguments),
        "curl" => services::curl(node, arguments),
        "help" => Output::text(HELP),
        _ => Output::failure(
            127,
            format_args!("{path}: not found (this node is simulated: it answers only scripted commands)"),
        ),
    }
}

/// A line of output.
pub(super) fn line(text: &str) -> Output {
    Output::text(format!("{text}\n"))
}

/// The complaint about an option that has no scripted answer.
pub(super) fn unscripted(name: &str, arguments: &[&str]) -> Output {
    let arguments = arguments.join(" ");
    Output::failure(2, format_args!("{name}: this node is simulated: it has no scripted answer to: {name} {arguments}"))
}

/// Whether the node plays Flatcar, told by the image's login name.
pub(super) fn is_flatcar(node: &Node) -> bool {
    node.facts.users.first().is_some_and(|user| user == "core")
}

/// The words without assignments and without commands that only run another; true if one of them was `sudo`.
fn unwrapped<'a, 'b>(mut words: &'b [&'a str]) -> (bool, &'b [&'a str]) {
    let mut root = false;
    while let [first, rest @ ..] = words {
        match *first {
            "sudo" => {
                root = true;
                words = without_options(rest, &["-u", "-g"]);
            }
            "timeout" => words = without_options(rest, &["-s", "-k"]).get(1..).unwrap_or_default(),
            "command" if rest.first().is_none_or(|option| !option.starts_with('-')) => words = rest,
            "env" | "nohup" | "exec" => words = rest,
            assignment if is_assignment(assignment) => words = rest,
            _ => break,
        }
    }
    (root, words)
}

fn without_options<'a, 'b>(mut words: &'b [&'a str], with_value: &[&str]) -> &'b [&'a str] {
    while let [option, rest @ ..] = words {
        if !option.starts_with('-') {
            break;
        }
        words = if with_value.contains(option) { rest.get(1..).unwrap_or_default() } else { rest };
        if *option == "--" {
            break;
        }
    }
    words
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    })
}

fn echo(arguments: &[&str]) -> Output {
    let options = arguments.iter().take_while(|word| matches!(**word, "-n" | "-e" | "-ne" | "-en")).count();
    let (options, words) = arguments.split_at(options);
    let has = |letter| options.iter().any(|option| option.contains(letter));
    let text = words.join(" ");
    let text = if has('e') { unescaped(&text) } else { text };
    if has('n') { Output::text(text) } else { line(&text) }
}

/// `printf`, with `%s`, `%d` and `%%`; the format is used again while arguments are left.
fn printf(arguments: &[&str]) -> Output {
    let Some((format, words)) = arguments.split_first() else {
        return Output::failure(2, "printf: usage: printf FORMAT [ARGUMENT...]");
    };
    let format = unescaped(format);
    let (mut words, mut text) = (words.iter(), String::new());
    loop {
        let before = words.len();
        let mut symbols = format.chars();
        while let Some(symbol) = symbols.next() {
            match (symbol, if symbol == '%' { symbols.next() } else { None }) {
                ('%', Some('%')) => text.push('%'),
                ('%', Some('s')) => text.push_str(words.next().copied().unwrap_or_default()),
                ('%', Some('d')) => text.push_str(words.next().copied().unwrap_or("0")),
                ('%', _) => return unscripted("printf", arguments),
                _ => text.push(symbol),
            }
        }
        if words.len() == 0 || words.len() == before {
            return Output::text(text);
        }
    }
}

fn unescaped(text: &str) -> String {
    let (mut out, mut symbols) = (String::new(), text.chars());
    while let Some(symbol) = symbols.next() {
        match (symbol, if symbol == '\\' { symbols.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some('r')) => out.push('\r'),
            ('\\', Some('\\')) => out.push('\\'),
            ('\\', other) => {
                out.push('\\');
                out.extend(other);
            }
            _ => out.push(symbol),
        }
    }
    out
}

/// `sh -c LINE`, also with options before it, as in `bash -lc`.
fn shell(node: &Node, arguments: &[&str], status: u32) -> Output {
    match arguments {
        [options @ .., flag, text]
            if flag.starts_with('-') && flag.ends_with('c') && options.iter().all(|option| option.starts_with('-')) =>
        {
            script::run(node, text, status).output
        }
        // It holds writes to the volume until it is told to end. There is nothing that writes.
        [_, _, "cloudtop-freeze", _] => Output::text("frozen\nthawed\n"),
        // It mounts the volume, or lets a file system grow that is mounted already.
        ["/opt/cloudtop/volume"] => Output::default(),
        _ => unscripted("sh", arguments),
    }
}

fn which(arguments: &[&str]) -> Output {
    let wanted = arguments.iter().filter(|word| !word.starts_with('-'));
    let (mut output, mut found) = (Output::default(), true);
    for name in wanted {
        if NAMES.contains(name) {
            output.stdout.extend(format!("/usr/bin/{name}\n").bytes());
        } else {
            found = false;
        }
    }
    Output { code: u32::from(!found), ..output }
}

fn uname(node: &Node, arguments: &[&str]) -> Output {
    let arm = node.machine() == "aarch64";
    // Kernels as the images of autumn 2026 have them.
    let release = match node.facts.users.first().map(String::as_str) {
        Some("admin") if arm => "6.12.57+deb13-cloud-arm64",
        Some("admin") => "6.12.57+deb13-cloud-amd64",
        Some("ec2-user") if arm => "6.1.158-178.288.amzn2023.aarch64",
        Some("ec2-user") => "6.1.158-178.288.amzn2023.x86_64",
        Some("core") => "6.12.102-flatcar",
        _ => "7.0.0-1012-aws",
    };
    let parts = [
        ('s', "Linux"),
        ('n', node.facts.hostname.as_str()),
        ('r', release),
        ('v', "#1 SMP (simulated)"),
        ('m', node.machine()),
        ('o', "GNU/Linux"),
    ];
    let mut letters: String = arguments.iter().map(|option| option.trim_start_matches('-')).collect();
    if letters.is_empty() {
        letters.push('s');
    }
    if letters.chars().any(|letter| letter != 'a' && !parts.iter().any(|(known, _)| *known == letter)) {
        return unscripted("uname", arguments);
    }
    let shown = |letter: char| letters.contains('a') || letters.contains(letter);
    let words: Vec<&str> = parts.iter().filter(|(letter, _)| shown(*letter)).map(|(_, word)| *word).collect();
    line(&words.join(" "))
}

fn hostname(node: &Node, arguments: &[&str]) -> Output {
    match arguments {
        [] | ["-s" | "-f" | "--fqdn"] => line(&node.facts.hostname),
        ["-I" | "-i"] => line(&node.facts.private_ip),
        _ => unscripted("hostname", arguments),
    }
}

fn id(user: &str, arguments: &[&str]) -> Output {
    let number = if user == "root" { 0 } else { 1000 };
    match arguments {
        [] => line(&format!("uid={number}({user}) gid={number}({user}) groups={number}({user})")),
        ["-u" | "-g"] => line(&number.to_string()),
        ["-un" | "-nu" | "-gn" | "-ng"] | ["-u", "-n"] => line(user),
        _ => unscripted("id", arguments),
    }
}

fn uptime(node: &Node, arguments: &[&str]) -> Output {
    let since = node.facts.launched_at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    match arguments {
        [] => line(&format!("up since {since} UTC (simulated)")),
        ["-s" | "--since"] => line(&since),
        _ => unscripted("uptime", arguments),
    }
}
