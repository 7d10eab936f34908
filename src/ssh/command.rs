//! The command lines given to ssh.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use super::paths::SshDir;
use crate::domain::forward::Forward;

/// Whether ssh asks for a terminal on the far side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tty {
    /// As ssh does by itself: for a shell at a terminal, not for a command.
    #[default]
    Auto,
    /// Always, even where standard input is no terminal (`-tt`).
    Force,
    /// Never (`-T`).
    Never,
}

/// How one connection differs from what the managed configuration says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshOptions {
    /// Fail instead of asking for a passphrase or a password.
    pub batch: bool,
    /// How long ssh tries to connect, in whole seconds and at least one.
    pub connect_timeout: Option<Duration>,
    /// Whether to ask for a terminal.
    pub tty: Tty,
    /// Reach the host here, instead of where its entry says.
    pub via: Option<SocketAddr>,
    /// Ports of this machine that lead there.
    pub forwards: Vec<Forward>,
    /// Give up when one of the forwards cannot be made (`ExitOnForwardFailure`), instead of going on without it.
    pub all_forwards: bool,
    /// Let the host use the user's ssh agent (`-A`): whoever is root there can use its keys while the connection lasts.
    pub agent: bool,
    /// Neither a command nor a shell (`-N`): the forwards alone.
    pub no_shell: bool,
}

/// The argument vector, program name first, that connects to `alias` and runs `command` there, or a shell when empty.
///
/// The managed configuration is the only one read (`-F`), so what the user's own says about `Host *` cannot change a
/// readiness check. The words of the command are what ssh makes of them: joined with spaces and given to the remote
/// user's shell, which splits and expands them again.
#[must_use]
pub fn ssh_argv(dir: &SshDir, alias: &str, options: &SshOptions, command: &[String]) -> Vec<OsString> {
    let mut argv = vec![OsString::from("ssh"), OsString::from("-F"), dir.config().into_os_string()];
    if options.batch {
        argv.extend(["-o", "BatchMode=yes"].map(OsString::from));
    }
    if let Some(timeout) = options.connect_timeout {
        argv.extend([OsString::from("-o"), OsString::from(format!("ConnectTimeout={}", timeout.as_secs().max(1)))]);
    }
    if let Some(address) = options.via {
        // The first value that ssh reads for a setting wins, so these stand before the file's.
        let (host, port) = (address.ip(), address.port());
        let settings = [format!("HostName={host}"), format!("Port={port}"), "ProxyCommand=none".to_owned()];
        argv.extend(settings.into_iter().flat_map(|setting| [OsString::from("-o"), OsString::from(setting)]));
    }
    for forward in &options.forwards {
        // The address is named, because `GatewayPorts yes` in the system's configuration would open the port to others.
        argv.extend([OsString::from("-L"), OsString::from(format!("127.0.0.1:{forward}"))]);
    }
    if options.all_forwards {
        argv.extend(["-o", "ExitOnForwardFailure=yes"].map(OsString::from));
    }
    argv.extend(options.agent.then(|| OsString::from("-A")));
    argv.extend(options.no_shell.then(|| OsString::from("-N")));
    match options.tty {
        Tty::Auto => {}
        Tty::Force => argv.push(OsString::from("-tt")),
        Tty::Never => argv.push(OsString::from("-T")),
    }
    argv.push(OsString::from(alias));
    if !command.is_empty() {
        // ssh looks for options after the host too; a command may begin with a dash.
        argv.push(OsString::from("--"));
        argv.extend(command.iter().map(OsString::from));
    }
    argv
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn argv(options: &SshOptions, command: &[&str]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let dir = SshDir::new(root.path()).unwrap();
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let argv = ssh_argv(&dir, "cloudtop-dev", options, &command);
        assert_eq!(argv[2], dir.config());
        argv.into_iter().skip(3).map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn a_shell_needs_only_the_name() {
        assert_eq!(argv(&SshOptions::default(), &[]), ["cloudtop-dev"]);
    }

    #[test]
    fn a_command_that_begins_with_a_dash_is_no_option() {
        assert_eq!(argv(&SshOptions::default(), &["-v", "a b"]), ["cloudtop-dev", "--", "-v", "a b"]);
    }

    #[test]
    fn options_stand_before_the_name() {
        let options = SshOptions {
            batch: true,
            connect_timeout: Some(Duration::from_millis(300)),
            tty: Tty::Never,
            ..SshOptions::default()
        };
        assert_eq!(argv(&options, &[]), ["-o", "BatchMode=yes", "-o", "ConnectTimeout=1", "-T", "cloudtop-dev"]);
        assert_eq!(argv(&SshOptions { tty: Tty::Force, ..SshOptions::default() }, &[]), ["-tt", "cloudtop-dev"]);
    }

    #[test]
    fn forwards_begin_at_this_machine_alone_and_the_agent_is_lent_only_when_asked() {
        let forwards = vec!["8080".parse().unwrap(), "5432:db:5433".parse().unwrap()];
        let options = SshOptions { forwards, all_forwards: true, agent: true, no_shell: true, ..SshOptions::default() };
        let first = ["-L", "127.0.0.1:8080:localhost:8080", "-L", "127.0.0.1:5432:db:5433"];
        let argv = argv(&options, &[]);
        assert_eq!(argv[..4], first);
        assert_eq!(argv[4..], ["-o", "ExitOnForwardFailure=yes", "-A", "-N", "cloudtop-dev"]);
    }
}
