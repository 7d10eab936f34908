//! The managed ssh configuration: one block of hosts an environment, between a begin and an end line.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::error::SshError;
use super::paths::SshDir;
use super::{files, quote};

const HEADER: &str =
    "# Written by cloudtop. What stands between its begin and end lines is replaced by the next run.\n";
const BEGIN: &str = "# cloudtop begin ";
const END: &str = "# cloudtop end ";

/// Seconds until ssh gives up on a TCP connection; a packet that a firewall drops is otherwise waited for two minutes.
const CONNECT_TIMEOUT: u32 = 10;

/// One host that ssh can be told by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostEntry {
    /// The ssh name: `cloudtop-dev`, or `cloudtop-core-0` in an environment of several nodes.
    pub alias: String,
    /// The environment that the host is of.
    pub environment: String,
    /// The address to connect to: a DNS name or an IP address.
    pub host_name: String,
    /// The TCP port.
    pub port: u16,
    /// The user to log in as.
    pub user: String,
    /// The key file to log in with; without one, ssh tries the agent's keys and its own defaults.
    pub identity_file: Option<PathBuf>,
    /// What the host key is pinned to: the instance id.
    pub host_key_alias: String,
    /// A command whose standard streams are the connection, as in ssh_config(5); `%h` and `%p` are the host and port.
    pub proxy_command: Option<String>,
}

/// Makes the block of `environment` hold exactly these hosts; other blocks stay as they are. No hosts, no block.
///
/// # Errors
/// [`SshError::BadValue`] before anything is written when a value cannot stand in the file, [`SshError::AliasTaken`] when
/// another environment has one of the names, [`SshError::DamagedConfig`], or an I/O error.
pub fn write_environment(dir: &SshDir, environment: &str, hosts: &[HostEntry]) -> Result<(), SshError> {
    let block = render(dir, environment, hosts)?;
    let _lock = dir.lock()?;
    let text = files::read_text(&dir.config())?;
    let blocks = blocks(dir, &text)?;
    refuse_taken(&blocks, environment, hosts)?;
    let new = match blocks.iter().find(|block| block.environment == environment) {
        Some(old) => [&text[..old.start], &block, &text[old.end..]].concat(),
        None if block.is_empty() => text.clone(),
        None if text.is_empty() => [HEADER, &block].concat(),
        None if text.ends_with('\n') => [text.as_str(), &block].concat(),
        None => [text.as_str(), "\n", &block].concat(),
    };
    if new == text {
        return Ok(());
    }
    files::replace(&dir.config(), new.as_bytes(), 0o600)
}

/// Takes the environment's block out. Nothing to take out is fine.
///
/// # Errors
/// As [`write_environment`].
pub fn remove_environment(dir: &SshDir, environment: &str) -> Result<(), SshError> {
    write_environment(dir, environment, &[])
}

/// The instance id that the host key of `alias` is pinned to, or nothing when no environment has such a host.
///
/// # Errors
/// [`SshError::DamagedConfig`] or an I/O error.
pub fn instance_of(dir: &SshDir, alias: &str) -> Result<Option<String>, SshError> {
    let text = files::read_text(&dir.config())?;
    let found = blocks(dir, &text)?.iter().find_map(|block| {
        let mut lines = block.text.lines().skip_while(|line| line.strip_prefix("Host ") != Some(alias));
        lines.find_map(|line| line.strip_prefix("    HostKeyAlias ")).map(str::to_owned)
    });
    Ok(found)
}

/// An environment's part of the file, with its begin and end lines.
struct Block<'a> {
    environment: &'a str,
    start: usize,
    end: usize,
    text: &'a str,
}

fn blocks<'a>(dir: &SshDir, text: &'a str) -> Result<Vec<Block<'a>>, SshError> {
    let damaged = |line| SshError::DamagedConfig { path: dir.config(), line };
    let mut blocks = Vec::new();
    let mut open: Option<(&str, usize, usize)> = None;
    let mut at = 0;
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        let end = at + line.len();
        if let Some(name) = line.strip_prefix(BEGIN) {
            if open.replace((name.trim_end(), at, number)).is_some() {
                return Err(damaged(number));
            }
        } else if let Some(name) = line.strip_prefix(END) {
            match open.take() {
                Some((environment, start, _)) if environment == name.trim_end() => {
                    blocks.push(Block { environment, start, end, text: &text[start..end] });
                }
                _ => return Err(damaged(number)),
            }
        }
        at = end;
    }
    match open {
        Some((_, _, number)) => Err(damaged(number)),
        None => Ok(blocks),
    }
}

/// ssh takes the first block that fits, so a second environment with the same name would silently lead to the wrong
/// machine: node 0 of a cluster `core` and an environment `core-0` are both `cloudtop-core-0`.
fn refuse_taken(blocks: &[Block<'_>], environment: &str, hosts: &[HostEntry]) -> Result<(), SshError> {
    for block in blocks.iter().filter(|block| block.environment != environment) {
        for alias in block.text.lines().filter_map(|line| line.strip_prefix("Host ")) {
            if hosts.iter().any(|host| host.alias == alias) {
                return Err(SshError::AliasTaken { alias: alias.to_owned(), owner: block.environment.to_owned() });
            }
        }
    }
    Ok(())
}

fn render(dir: &SshDir, environment: &str, hosts: &[HostEntry]) -> Result<String, SshError> {
    quote::word("environment", environment)?;
    if hosts.is_empty() {
        return Ok(String::new());
    }
    let mut block = format!("{BEGIN}{environment}\n");
    for host in hosts {
        if host.environment != environment {
            return Err(SshError::BadValue {
                field: "environment",
                value: host.environment.clone(),
                reason: "the host is of another environment than the block",
            });
        }
        block.push_str(&render_host(dir, host)?);
    }
    block.extend([END, environment, "\n"]);
    Ok(block)
}

/// One host. `accept-new` takes a key at first sight and refuses a changed one; the system-wide known hosts and the
/// check by address know nothing of instance ids. `ERROR` keeps ssh from saying on every new instance that it learnt a key.
fn render_host(dir: &SshDir, host: &HostEntry) -> Result<String, SshError> {
    if host.port == 0 {
        return Err(SshError::BadValue { field: "port", value: "0".to_owned(), reason: "no port has this number" });
    }
    let mut text = format!("Host {}\n", quote::word("ssh name", &host.alias)?);
    let mut option = |name: &str, value: &str| {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "    {name} {value}");
    };
    option("HostName", quote::host_name(&host.host_name)?);
    option("Port", &host.port.to_string());
    option("User", quote::word("user", &host.user)?);
    if let Some(file) = &host.identity_file {
        option("IdentityFile", &quote::path("key file", file)?);
        option("IdentitiesOnly", "yes");
    }
    option("HostKeyAlias", quote::word("instance id", &host.host_key_alias)?);
    option("UserKnownHostsFile", &quote::path("known_hosts file", &dir.known_hosts())?);
    option("GlobalKnownHostsFile", "none");
    option("HashKnownHosts", "no");
    option("StrictHostKeyChecking", "accept-new");
    option("CheckHostIP", "no");
    option("ServerAliveInterval", "15");
    option("ServerAliveCountMax", "4");
    option("ConnectTimeout", &CONNECT_TIMEOUT.to_string());
    option("ForwardAgent", "no");
    option("LogLevel", "ERROR");
    if let Some(command) = &host.proxy_command {
        option("ProxyCommand", quote::proxy_command(command)?);
    }
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn host(environment: &str, alias: &str, instance: &str) -> HostEntry {
        HostEntry {
            alias: alias.to_owned(),
            environment: environment.to_owned(),
            host_name: "203.0.113.7".to_owned(),
            port: 22,
            user: "ubuntu".to_owned(),
            identity_file: None,
            host_key_alias: instance.to_owned(),
            proxy_command: None,
        }
    }

    fn dir() -> (tempfile::TempDir, SshDir) {
        let root = tempfile::tempdir().unwrap();
        let dir = SshDir::new(root.path()).unwrap();
        (root, dir)
    }

    #[test]
    fn an_environments_block_is_replaced_and_the_others_stay() {
        let (_root, dir) = dir();
        write_environment(&dir, "dev", &[host("dev", "cloudtop-dev", "i-1")]).unwrap();
        let core = [host("core", "cloudtop-core-0", "i-2"), host("core", "cloudtop-core-1", "i-3")];
        write_environment(&dir, "core", &core).unwrap();
        write_environment(&dir, "dev", &[host("dev", "cloudtop-dev", "i-4")]).unwrap();
        assert_eq!(instance_of(&dir, "cloudtop-dev").unwrap().as_deref(), Some("i-4"));
        assert_eq!(instance_of(&dir, "cloudtop-core-1").unwrap().as_deref(), Some("i-3"));
        assert_eq!(instance_of(&dir, "cloudtop-core").unwrap(), None);
        assert_eq!(fs::metadata(dir.config()).unwrap().permissions().mode() & 0o777, 0o600);

        remove_environment(&dir, "core").unwrap();
        remove_environment(&dir, "core").unwrap();
        let text = fs::read_to_string(dir.config()).unwrap();
        assert!(!text.contains("core") && text.contains("i-4") && text.starts_with(HEADER), "{text}");
    }

    #[test]
    fn lines_outside_the_blocks_are_kept() {
        let (_root, dir) = dir();
        fs::write(dir.config(), "Host mine\n    User me").unwrap();
        write_environment(&dir, "dev", &[host("dev", "cloudtop-dev", "i-1")]).unwrap();
        remove_environment(&dir, "dev").unwrap();
        assert_eq!(fs::read_to_string(dir.config()).unwrap(), "Host mine\n    User me\n");
    }

    #[test]
    fn writers_at_the_same_time_lose_nothing() {
        let (_root, dir) = dir();
        std::thread::scope(|scope| {
            for n in 0..16 {
                let dir = &dir;
                scope.spawn(move || {
                    let (name, alias) = (format!("e{n}"), format!("cloudtop-e{n}"));
                    write_environment(dir, &name, &[host(&name, &alias, "i-1")]).unwrap();
                });
            }
        });
        for n in 0..16 {
            assert!(instance_of(&dir, &format!("cloudtop-e{n}")).unwrap().is_some(), "{n}");
        }
    }

    #[test]
    fn a_value_that_would_leave_its_line_is_refused_and_nothing_is_written() {
        let (_root, dir) = dir();
        let good = host("dev", "cloudtop-dev", "i-1");
        let bad = [
            HostEntry { alias: "*".to_owned(), ..good.clone() },
            HostEntry { host_name: "a\nProxyCommand evil".to_owned(), ..good.clone() },
            HostEntry { user: "me\n".to_owned(), ..good.clone() },
            HostEntry { port: 0, ..good.clone() },
            HostEntry { identity_file: Some("/k\"\nHost *".into()), ..good.clone() },
            HostEntry { host_key_alias: String::new(), ..good.clone() },
            HostEntry { proxy_command: Some("nc %h %p\nHost *".to_owned()), ..good.clone() },
            HostEntry { environment: "other".to_owned(), ..good },
        ];
        for host in bad {
            let result = write_environment(&dir, "dev", std::slice::from_ref(&host));
            assert!(matches!(result, Err(SshError::BadValue { .. })), "{host:?}");
        }
        assert!(!dir.config().exists());
    }

    #[test]
    fn a_name_of_another_environment_is_refused() {
        let (_root, dir) = dir();
        write_environment(&dir, "core", &[host("core", "cloudtop-core-0", "i-1")]).unwrap();
        let result = write_environment(&dir, "core-0", &[host("core-0", "cloudtop-core-0", "i-2")]);
        assert!(matches!(result, Err(SshError::AliasTaken { owner, .. }) if owner == "core"));
    }

    #[test]
    fn a_block_without_its_end_is_reported_with_its_line_and_left_alone() {
        let (_root, dir) = dir();
        for (text, at) in [("\n# cloudtop begin dev\nHost x\n", 2), ("# cloudtop end dev\n", 1)] {
            fs::write(dir.config(), text).unwrap();
            let result = write_environment(&dir, "dev", &[host("dev", "cloudtop-dev", "i-1")]);
            assert!(matches!(result, Err(SshError::DamagedConfig { line, .. }) if line == at), "{text}");
            assert_eq!(fs::read_to_string(dir.config()).unwrap(), text);
        }
    }
}
