//! What is on this machine: configuration, template, state, journals, and OpenSSH with its keys.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::config::Config;
use crate::domain::doctor::{Area, Check};
use crate::domain::names::EnvName;
use crate::ssh::keys::{self, Key};
use crate::ssh::system::{self, Agent};
use crate::ssh::{KeyError, PublicKey};
use crate::state::StateError;

use super::super::context::Context;
use super::subject::Subject;
use super::{in_words, within};

/// No key file comes near this many bytes; a device or a disk image would.
const MOST_BYTES: u64 = 64 * 1024;

/// All checks of this machine.
pub async fn checks(context: &Context, subject: &Subject) -> Vec<Check> {
    let mut checks = vec![configuration(subject), template(subject), state(context, subject), journals(context)];
    let (ssh, keys) = tokio::join!(within("ssh", ssh()), within("ssh-key", agent_and_key(context, subject)));
    checks.extend(ssh);
    checks.extend(keys);
    checks
}

fn configuration(subject: &Subject) -> Check {
    const NAME: &str = "configuration";
    let config = match &subject.config {
        Ok(config) => config,
        Err(error) => {
            let mend = "correct that line; docs/configuration.md has every key";
            return Check::wrong(NAME, Area::Configuration, in_words(error), mend);
        }
    };
    if config.unknown.is_empty() {
        return Check::ok(NAME, files(config));
    }
    let unknown: Vec<String> = config.unknown.iter().map(ToString::to_string).collect();
    Check::warning(NAME, unknown.join("; "), "correct or remove these keys: nothing reads them")
}

fn files(config: &Config) -> String {
    let files: Vec<String> = config.files.iter().map(|path| path.display().to_string()).collect();
    match files.is_empty() {
        true => "there is no cloudtop.toml: the defaults count".to_owned(),
        false => format!("{}: every key is known", files.join(" and ")),
    }
}

/// The user data of every node, rendered as `up` does, with everything else that can be wrong with settings.
fn template(subject: &Subject) -> Check {
    const NAME: &str = "template";
    match &subject.intent {
        Ok(intent) => Check::ok(NAME, format!("`{}` renders for {}", intent.template, counted(intent.nodes, "node"))),
        Err(error) => {
            let mend = "correct the settings; `cloudtop template show NAME` has the template's variables";
            Check::wrong(NAME, Area::Configuration, error.clone(), mend)
        }
    }
}

/// A number with its noun: `1 node`, `3 nodes`.
fn counted(number: impl Into<u64>, noun: &str) -> String {
    let number = number.into();
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn state(context: &Context, subject: &Subject) -> Check {
    const NAME: &str = "state";
    let file = context.paths.state_file();
    let state = match &subject.state {
        Ok(state) => state,
        Err(error) => return Check::wrong(NAME, Area::State, in_words(error), mend_of(error)),
    };
    if let Err((directory, error)) = writable(file) {
        let found = format!("{} cannot be written to: {error}", directory.display());
        let mend = format!("`chmod u+rwx {}`, or name another file with --state", directory.display());
        return Check::wrong(NAME, Area::State, found, mend);
    }
    match file.exists() {
        true => {
            Check::ok(NAME, format!("{}: {}", file.display(), counted(state.environments.len() as u64, "environment")))
        }
        false => Check::ok(NAME, format!("{} is not there yet: there are no environments", file.display())),
    }
}

fn mend_of(error: &StateError) -> String {
    match error {
        StateError::Damaged { path, .. } => {
            format!("`mv {0} {0}.damaged` and then `cloudtop recover`", path.display())
        }
        StateError::DamagedJournal { path, .. } => format!("`mv {0} {0}.damaged`", path.display()),
        StateError::Newer { .. } => "use the newer cloudtop that wrote it".to_owned(),
        StateError::Locked { .. } => "let the other cloudtop finish, or end it".to_owned(),
        StateError::Io { path, .. } => format!("look at `ls -l {}`; it must be yours", path.display()),
        StateError::NotAFile { .. } | StateError::NoHome => "name a state file with --state".to_owned(),
    }
}

/// Whether files can be made where the state is kept, or where its directory would be made.
fn writable(file: &Path) -> Result<(), (&Path, std::io::Error)> {
    let there = file.ancestors().skip(1).find(|directory| directory.exists()).unwrap_or(Path::new("/"));
    // A file without a name: nobody sees it.
    tempfile::tempfile_in(there).map(drop).map_err(|error| (there, error))
}

fn journals(context: &Context) -> Check {
    const NAME: &str = "journals";
    let names = journal_names(context);
    let mut entries = 0;
    for name in &names {
        match context.journal(name).read() {
            Ok(read) => entries += read.len(),
            Err(error) => return Check::wrong(NAME, Area::State, in_words(&error), mend_of(&error)),
        }
    }
    match names.len() {
        0 => Check::ok(NAME, "there are none yet"),
        count => Check::ok(NAME, format!("{count} read, {entries} entries")),
    }
}

fn journal_names(context: &Context) -> Vec<EnvName> {
    let Some(directory) = context.paths.journal(&EnvName::example()).parent().and_then(|it| fs::read_dir(it).ok())
    else {
        return Vec::new();
    };
    let name = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".jsonl")?.parse().ok();
    directory.flatten().filter_map(name).collect()
}

async fn ssh() -> Vec<Check> {
    const NAME: &str = "ssh";
    vec![match system::version().await {
        Ok(version) if version.starts_with("OpenSSH") => Check::ok(NAME, version),
        Ok(other) => {
            Check::warning(NAME, format!("the ssh on PATH is {other:?}, not OpenSSH"), "install the OpenSSH client")
        }
        Err(error) => Check::wrong(
            NAME,
            Area::Other,
            in_words(&error),
            "install the OpenSSH client: `apt install openssh-client`",
        ),
    }]
}

async fn agent_and_key(context: &Context, subject: &Subject) -> Vec<Check> {
    const NAME: &str = "ssh-agent";
    let socket = std::env::var_os("SSH_AUTH_SOCK");
    let agent = system::agent(socket.as_deref()).await;
    let held: &[PublicKey] = match &agent {
        Ok(Agent::Holds(keys, _)) => keys,
        _ => &[],
    };
    let key = key(context, subject, held).await;
    let agent = match agent {
        Ok(Agent::Absent) => Check::ok(NAME, "none (SSH_AUTH_SOCK is not set): keys are taken from files"),
        Ok(Agent::Silent) => {
            let mend = "start one with `eval $(ssh-agent)` and `ssh-add`, or `unset SSH_AUTH_SOCK`";
            Check::warning(NAME, "SSH_AUTH_SOCK is set, and no agent answers there", mend)
        }
        Ok(Agent::Holds(keys, others)) => {
            Check::ok(NAME, format!("{} keys that EC2 imports, {others} that it does not", keys.len()))
        }
        Err(error) => Check::warning(NAME, in_words(&error), "install the OpenSSH client, which has ssh-add"),
    };
    vec![agent, key]
}

/// The key that is configured, or was used for the environment.
async fn key(context: &Context, subject: &Subject, held: &[PublicKey]) -> Check {
    const NAME: &str = "ssh-key";
    let used = subject.known.as_ref().map(|it| &it.intent.access);
    let configured = subject.settings.key.clone().or_else(|| used?.identity_file.clone());
    let Some(path) = configured else {
        return match used.and_then(|access| PublicKey::parse(&access.public_key).ok()) {
            Some(public) if held.iter().any(|key| key.same_key(&public)) => Check::ok(NAME, "the agent has it"),
            Some(_) => Check::wrong(
                NAME,
                Area::Configuration,
                "the environment was made with a key of the agent, which has it no more",
                "`ssh-add FILE` with the private key that it was made with",
            ),
            None if context.globals.simulated() => Check::ok(NAME, "none is configured: simulated nodes get one"),
            None => Check::ok(NAME, "none is configured: `up` takes the agent's, that of ~/.ssh, or makes one"),
        };
    };
    if let Some(mode) = open_to_others(&path) {
        let found = format!("others may read {} (mode {mode:04o}): ssh will not use it", path.display());
        return Check::wrong(NAME, Area::Configuration, found, format!("`chmod 600 {}`", path.display()));
    }
    match keys::examine(&path).await {
        Ok(key) => usable(NAME, &path, &key, held),
        Err(error) => Check::wrong(NAME, Area::Configuration, in_words(&error), mend_of_key(&error, &path)),
    }
}

/// The mode of a private key that others may read. A public one may be read by all.
fn open_to_others(path: &Path) -> Option<u32> {
    let facts = fs::metadata(path).ok().filter(|facts| facts.is_file() && facts.len() <= MOST_BYTES)?;
    let private = fs::read_to_string(path).is_ok_and(|text| text.contains("PRIVATE KEY"));
    let mode = facts.permissions().mode() & 0o7777;
    (private && mode & 0o077 != 0).then_some(mode)
}

fn usable(name: &'static str, path: &Path, key: &Key, held: &[PublicKey]) -> Check {
    let file = path.display();
    let kind = key.public.algorithm;
    let private = key.identity_file.as_deref().filter(|file| file.extension().is_none_or(|it| it != "pub"));
    if let Some(mode) = private.and_then(open_to_others) {
        let found = format!("others may read the private half of {file} (mode {mode:04o}): ssh will not use it");
        let mend = format!("`chmod 600 {}`", private.unwrap_or(path).display());
        return Check::wrong(name, Area::Configuration, found, mend);
    }
    if private.is_some() {
        return Check::ok(name, format!("{file}, {kind}"));
    }
    if held.iter().any(|other| other.same_key(&key.public)) {
        return Check::ok(name, format!("{file}, {kind}; the agent has its private half"));
    }
    let found = format!("the private half of {file} is neither beside it nor in the agent");
    Check::wrong(name, Area::Configuration, found, "`ssh-add FILE` with it, or put it beside, without the .pub")
}

fn mend_of_key(error: &KeyError, path: &Path) -> String {
    match error {
        KeyError::Missing(_) => format!("`ssh-keygen -t ed25519 -f {}`, or take `key` out", path.display()),
        KeyError::Unreadable { .. } => format!("`chmod u+r {}`", path.display()),
        _ => "name another key: `ssh-keygen -t ed25519 -f FILE` makes one that EC2 takes".to_owned(),
    }
}
