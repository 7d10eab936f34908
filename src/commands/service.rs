//! `cloudtop watch --install` and `--uninstall`: watching as a service of the user's own.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::cli::{CommandError, Exit};
use crate::config;
use crate::domain::environment::Environment;
use crate::domain::names::EnvName;
use crate::domain::service::{Manager, Service};

use super::context::{Context, current_dir, home_dir};
use super::report;
use super::watch::WatchArgs;

/// What a service needs of the environment to find what this run finds. None of these is a secret.
const HANDED_ON: &[&str] = &[
    "PATH",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CA_BUNDLE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "HTTPS_PROXY",
    "NO_PROXY",
];

/// Where services are, and who keeps them.
struct Place {
    manager: Manager,
    directory: PathBuf,
    home: PathBuf,
}

impl Place {
    fn of_this_system() -> Result<Self, CommandError> {
        let home = home_dir().ok_or_else(|| CommandError::usage("the home directory is not known: set HOME"))?;
        let (manager, directory) = match cfg!(target_os = "macos") {
            true => (Manager::Launchd, home.join("Library").join("LaunchAgents")),
            false => {
                let config = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
                (Manager::Systemd, config.unwrap_or_else(|| home.join(".config")).join("systemd").join("user"))
            }
        };
        Ok(Self { manager, directory, home })
    }

    fn file(&self, env: &EnvName) -> PathBuf {
        self.directory.join(self.manager.file_of(env))
    }

    /// The text of a file of ours; nothing where there is none.
    fn written(&self, env: &EnvName) -> Result<Option<String>, CommandError> {
        let path = self.file(env);
        match fs::read_to_string(&path) {
            Ok(text) if Manager::is_ours(&text) => Ok(Some(text)),
            Ok(_) => {
                Err(CommandError::usage(format!("{} was not written by cloudtop: it is left alone", path.display())))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CommandError::new(Exit::Failed, format!("{} cannot be read: {error}", path.display()))),
        }
    }

    /// The environments that have a file here that may be ours.
    fn all(&self) -> Vec<EnvName> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let mut all: Vec<EnvName> =
            entries.filter_map(|entry| self.manager.env_of(entry.file_name().to_str()?)).collect();
        all.sort();
        all
    }
}

/// Runs `cloudtop watch --install`.
pub async fn install(args: &WatchArgs, context: &Context) -> Result<(), CommandError> {
    let place = Place::of_this_system()?;
    let state = context.store.read().await?;
    let lives = |it: &Environment| !report::is_over(it.intent.goal);
    let names: Vec<EnvName> = match args.names.is_empty() {
        true => state.environments.iter().filter(|(_, it)| lives(it)).map(|(name, _)| name.clone()).collect(),
        false => args.names.clone(),
    };
    if names.is_empty() {
        return Err(CommandError::new(Exit::NotFound, "there is no environment to watch")
            .hint("make one with `cloudtop up dev`, then install its watch"));
    }
    for name in &names {
        let (_, environment) = context.environment(name).await?;
        if !lives(&environment) {
            return Err(CommandError::usage(format!("`{name}` was ended: there is nothing to watch")));
        }
        install_one(args, context, &place, name, &environment).await?;
    }
    say_when_it_runs(context, place.manager).await;
    Ok(())
}

async fn install_one(
    args: &WatchArgs,
    context: &Context,
    place: &Place,
    name: &EnvName,
    environment: &Environment,
) -> Result<(), CommandError> {
    let text = place.manager.text(&service(args, context, place, name, environment)?);
    let (before, path) = (place.written(name)?, place.file(name));
    let shown = path.display();
    let is_new = before.as_ref() != Some(&text);
    if is_new {
        context.ui.status(&format!("{shown}:\n\n{text}"));
        let verb = if before.is_some() { "Replace" } else { "Write" };
        if !context.ui.confirm(&format!("{verb} {shown} and start it?"), "--yes (-y)")? {
            return Err(CommandError::silent(1));
        }
        write(&path, &text)?;
    } else {
        context.ui.status(&format!("{shown} is as it should be"));
    }
    start(place.manager, name, &path, is_new && before.is_some()).await?;
    let unit = place.manager.name_of(name);
    let log = match place.manager {
        Manager::Systemd => format!("`journalctl --user -u {unit} -f` shows what it says"),
        Manager::Launchd => format!("{} has what it says", log_file(place, name)),
    };
    context.ui.status(&format!("{name} is watched by {unit}; {log}"));
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| config::write_file(path, text))
        .map_err(|error| CommandError::new(Exit::Failed, format!("{} cannot be written: {error}", path.display())))
}

/// The command that watches, with absolute paths: a service has another directory and another environment.
fn service(
    args: &WatchArgs,
    context: &Context,
    place: &Place,
    name: &EnvName,
    environment: &Environment,
) -> Result<Service, CommandError> {
    let globals = &context.globals;
    let named = globals.profile.clone().or_else(|| environment.profile.clone());
    if !globals.simulated() {
        refuse_secrets(named.is_some())?;
    }
    let program = env::current_exe()
        .map_err(|error| CommandError::new(Exit::Failed, format!("cannot find out where this program is: {error}")))?;
    let mut command = vec![in_text(program.as_os_str())?, "--no-input".to_owned()];
    let mut option = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            command.extend([flag.to_owned(), value]);
        }
    };
    option("--state", globals.state.as_ref().map(|_| in_text(context.paths.state_file().as_os_str())).transpose()?);
    option("--config", configuration(context)?.map(|path| in_text(path.as_os_str())).transpose()?);
    option("--region", globals.region.clone());
    option("--profile", globals.profile.clone());
    option("--endpoint-url", globals.endpoint_url.clone());
    if globals.simulated() {
        command.push("--sim".to_owned());
    }
    command.extend(["watch", name.as_str(), "--every"].map(str::to_owned));
    command.push(format!("{}s", args.every.as_secs().max(1)));
    if args.desktop {
        command.push("--desktop".to_owned());
    }
    if place.manager == Manager::Launchd {
        command.push("--times".to_owned());
    }
    let variables = HANDED_ON.iter().filter_map(|name| Some(((*name).to_owned(), env::var(name).ok()?)));
    // A proxy's password is a secret.
    let is_secret = |name: &str, value: &str| name.ends_with("PROXY") && value.contains('@');
    let variables = variables.filter(|(name, value)| !(value.is_empty() || is_secret(name, value)));
    Ok(Service { env: name.clone(), command, variables: variables.collect(), log: log_file(place, name) })
}

/// The file of the project where this is run in, unless another was named. The user's own is found anywhere.
fn configuration(context: &Context) -> Result<Option<PathBuf>, CommandError> {
    let cwd = current_dir()?;
    let named = context.globals.config.as_ref().map(|path| cwd.join(path));
    Ok(named.or_else(|| Some(cwd.join("cloudtop.toml")).filter(|path| path.exists())))
}

fn in_text(path: &OsStr) -> Result<String, CommandError> {
    let text = path.to_str().filter(|text| !text.contains(['\n', '\r']));
    text.map(str::to_owned)
        .ok_or_else(|| CommandError::usage(format!("{} cannot stand in a file of text", path.display())))
}

fn log_file(place: &Place, name: &EnvName) -> String {
    let log = place.home.join("Library").join("Logs").join(format!("cloudtop-watch-{name}.log"));
    log.to_string_lossy().into_owned()
}

/// Credentials that are in this shell's environment alone: no service has them, and a file is no place for them. They are
/// asked before all others, unless a profile is named.
fn refuse_secrets(profile_is_named: bool) -> Result<(), CommandError> {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if profile_is_named || !is_set("AWS_ACCESS_KEY_ID") {
        return Ok(());
    }
    let text = "the credentials are in this shell's environment alone (AWS_ACCESS_KEY_ID): a service would not have them, \
                and its file is no place for them";
    Err(CommandError::new(Exit::Denied, text)
        .hint("put them into a profile with `aws configure --profile NAME`, or use `aws configure sso`")
        .hint("then name it: `cloudtop --profile NAME watch --install`"))
}

/// Has the manager read the file, and start it now and at each login.
async fn start(manager: Manager, name: &EnvName, path: &Path, again: bool) -> Result<(), CommandError> {
    let unit = manager.name_of(name);
    match manager {
        Manager::Systemd => {
            ask("systemctl", &["--user", "daemon-reload"]).await?;
            ask("systemctl", &["--user", "enable", "--now", &unit]).await?;
            if again {
                ask("systemctl", &["--user", "restart", &unit]).await?;
            }
            Ok(())
        }
        Manager::Launchd => {
            let domain = gui_domain().await?;
            // One that is loaded cannot be loaded; one that is not cannot be taken out.
            let _ = ask("launchctl", &["bootout", &format!("{domain}/{unit}")]).await;
            ask("launchctl", &["bootstrap", &domain, &path.to_string_lossy()]).await.map(drop)
        }
    }
}

/// The domain of a user's agents: `gui/501`.
async fn gui_domain() -> Result<String, CommandError> {
    Ok(format!("gui/{}", ask("id", &["-u"]).await?.trim()))
}

/// Runs a program of the system's. What it says, or an error with what to type.
async fn ask(program: &str, arguments: &[&str]) -> Result<String, CommandError> {
    let line = format!("{program} {}", arguments.join(" "));
    let done = Command::new(program).args(arguments).kill_on_drop(true).output().await;
    let why = match done {
        Ok(output) if output.status.success() => return Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            if said.is_empty() { output.status.to_string() } else { said }
        }
        Err(error) => error.to_string(),
    };
    Err(CommandError::new(Exit::Failed, format!("`{line}` failed: {why}"))
        .hint(format!("what was written stays; once that is mended, type: {line}"))
        .hint("or watch in a terminal that stays, for example in tmux: `cloudtop watch NAME`"))
}

/// A watch runs where this machine runs, and while it does.
async fn say_when_it_runs(context: &Context, manager: Manager) {
    context.ui.note("it watches while this machine is on: not while a laptop sleeps");
    if manager == Manager::Launchd {
        return context.ui.note("it runs while you are logged in");
    }
    let user = env::var("USER").unwrap_or_default();
    let lingers = ask("loginctl", &["show-user", &user, "--property=Linger"]).await;
    if !lingers.is_ok_and(|said| said.trim() == "Linger=yes") {
        context.ui.note("it runs while you are logged in; `loginctl enable-linger` lets it run without");
    }
}

/// Runs `cloudtop watch --uninstall`.
pub async fn uninstall(args: &WatchArgs, context: &Context) -> Result<(), CommandError> {
    let place = Place::of_this_system()?;
    let names = if args.names.is_empty() { place.all() } else { args.names.clone() };
    if names.is_empty() {
        context.ui.status("no watch is installed");
    }
    for name in &names {
        if place.written(name)?.is_none() {
            context.ui.status(&format!("no watch of {name} is installed"));
            continue;
        }
        uninstall_one(context, &place, name).await?;
    }
    Ok(())
}

/// Stops it, then removes its file. Where it cannot be stopped, the file goes all the same: it would come back otherwise.
async fn uninstall_one(context: &Context, place: &Place, name: &EnvName) -> Result<(), CommandError> {
    let (unit, path) = (place.manager.name_of(name), place.file(name));
    let stopped = match place.manager {
        Manager::Systemd => ask("systemctl", &["--user", "disable", "--now", &unit]).await,
        Manager::Launchd => ask("launchctl", &["bootout", &format!("{}/{unit}", gui_domain().await?)]).await,
    };
    fs::remove_file(&path)
        .map_err(|error| CommandError::new(Exit::Failed, format!("{} cannot be removed: {error}", path.display())))?;
    if let Err(error) = stopped {
        context.ui.warn(&format!("it may still run until you log out: {error}"));
    }
    if place.manager == Manager::Systemd
        && let Err(error) = ask("systemctl", &["--user", "daemon-reload"]).await
    {
        context.ui.warn(&error.to_string());
    }
    context.ui.status(&format!("{} is removed; nothing of {name} was changed by that", path.display()));
    Ok(())
}
