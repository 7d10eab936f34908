//! Which key a new machine lets in, and which file ssh uses to log in with it.
//!
//! In this order: the file the user names, the ssh agent's first key that EC2 imports, `~/.ssh/id_ed25519.pub`,
//! `~/.ssh/id_rsa.pub`, and at last a key of our own. An `id_ecdsa.pub` is never tried: EC2 imports no ECDSA key.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::error::SshError;
use super::paths::SshDir;
use super::public_key::{PublicKey, PublicKeyError};
use super::run::{self, Ended, Output};
use super::{files, quote};

/// An agent or ssh-keygen that takes longer than this is asking someone something, and nobody sees it.
const PATIENCE: Duration = Duration::from_secs(10);

/// No key file comes near this many bytes; a device or a disk image would.
const MOST_BYTES: u64 = 64 * 1024;

const DEFAULT_FILES: [&str; 2] = ["id_ed25519.pub", "id_rsa.pub"];

/// Where to look for a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeySearch<'a> {
    /// The file the user named, public or private; nothing else is tried then.
    pub explicit: Option<&'a Path>,
    /// The user's `~/.ssh`.
    pub user_ssh_dir: Option<&'a Path>,
    /// The agent's socket, as in SSH_AUTH_SOCK.
    pub agent_socket: Option<&'a OsStr>,
}

/// The key that was chosen.
#[derive(Debug)]
pub struct Key {
    /// What EC2 imports.
    pub public: PublicKey,
    /// What ssh is given as IdentityFile: the private key's file, or a public key's, which makes ssh take that key from
    /// the agent and no other (a server hangs up after six wrong keys).
    pub identity_file: Option<PathBuf>,
    /// Where it was found.
    pub origin: Origin,
    /// What was found before it and could not be used.
    pub passed_over: Vec<KeyError>,
}

/// Where a key was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In a file: the one the user named, or one of `~/.ssh`.
    File(PathBuf),
    /// In the ssh agent.
    Agent,
    /// Made by an earlier run, or just now.
    Own(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Agent => f.write_str("the ssh agent"),
            Self::Own(path) => write!(f, "{}, made by cloudtop", path.display()),
        }
    }
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No such file.
    #[error("there is no key file {}; make one with `ssh-keygen -t ed25519 -f FILE`, or leave --key out", .0.display())]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("cannot read the key file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file has nothing in it.
    #[error("the key file {} is empty", .0.display())]
    Empty(PathBuf),
    /// A private key in a file whose name says that it is public. It is neither sent anywhere nor shown.
    #[error(
        "{} holds a PRIVATE key, though its name ends in .pub; rename it, and give the file with its public half \
         (`ssh-keygen -y -f FILE` prints that)", path.display()
    )]
    PrivateKey {
        /// The file.
        path: PathBuf,
    },
    /// A private key without its `.pub`, which ssh-keygen could not open either.
    #[error(
        "{} holds a PRIVATE key that ssh-keygen cannot open without help ({message}); give its public half instead: \
         `ssh-keygen -y -f {} > {}` makes that file", path.display(), path.display(), public.display()
    )]
    LockedPrivateKey {
        /// The file.
        path: PathBuf,
        /// Where its public half should be.
        public: PathBuf,
        /// ssh-keygen's last words: a passphrase is missing, others may read the file, it is damaged.
        message: String,
    },
    /// A key that is damaged, or of a kind that EC2 does not import.
    #[error("cannot use the key from {from}")]
    Unsuitable {
        /// Where it comes from: a file or the agent.
        from: String,
        /// What is wrong with it.
        source: PublicKeyError,
    },
    /// ssh-keygen did not make a key.
    #[error("ssh-keygen could not make {}: {message}", path.display())]
    NotMade {
        /// The file it was to write.
        path: PathBuf,
        /// Its last words.
        message: String,
    },
    /// ssh-keygen could not be run, or a file of ours not be written.
    #[error(transparent)]
    Ssh(#[from] SshError),
}

/// Chooses the key for new machines; makes one in `keys/` when there is none.
///
/// # Errors
/// When the file the user named cannot be used, or no key can be made.
pub async fn choose(dir: &SshDir, search: &KeySearch<'_>) -> Result<Key, KeyError> {
    if let Some(path) = search.explicit {
        return from_file(path).await;
    }
    let mut passed_over = Vec::new();
    let found = match from_agent(dir, search.agent_socket, &mut passed_over).await? {
        Some(key) => Some(key),
        None => from_defaults(search.user_ssh_dir, &mut passed_over).await,
    };
    let key = match found {
        Some(key) => key,
        None => own(dir).await?,
    };
    Ok(Key { passed_over, ..key })
}

/// Looks at a key file, public or private, as [`choose`] would; makes and changes nothing.
///
/// # Errors
/// When it cannot be used.
pub async fn examine(path: &Path) -> Result<Key, KeyError> {
    from_file(path).await
}

async fn from_file(path: &Path) -> Result<Key, KeyError> {
    let path = std::path::absolute(path).map_err(|source| KeyError::Unreadable { path: path.to_owned(), source })?;
    quote::path("key file", &path)?;
    let text = read(&path)?;
    let is_private = text.contains("PRIVATE KEY");
    let public = if is_private { public_half(&path).await? } else { parse(&text, &path)? };
    let identity_file = if is_private { path.clone() } else { private_beside(&path).unwrap_or_else(|| path.clone()) };
    Ok(Key { public, identity_file: Some(identity_file), origin: Origin::File(path), passed_over: Vec::new() })
}

/// The public half of a private key: from the `.pub` beside it, else from ssh-keygen, which can read it as long as it has
/// no passphrase. A private key in a file called `.pub` is a mistake that is not helped along.
async fn public_half(path: &Path) -> Result<PublicKey, KeyError> {
    if path.extension().is_some_and(|extension| extension == "pub") {
        return Err(KeyError::PrivateKey { path: path.to_owned() });
    }
    let beside = with_pub(path);
    if beside.exists() {
        let text = read(&beside)?;
        if text.contains("PRIVATE KEY") {
            return Err(KeyError::PrivateKey { path: beside });
        }
        return parse(&text, &beside);
    }
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-y", "-P", "", "-f"]).arg(path);
    let output = run::finish(keygen, "ssh-keygen", "ssh-keygen", PATIENCE).await?;
    if output.status == Ended::Exited(0) {
        return parse(&output.stdout, path);
    }
    Err(KeyError::LockedPrivateKey { path: path.to_owned(), public: beside, message: last_words(&output) })
}

/// Asks the agent; no agent, no keys in it and no answer are the same here. The chosen key's public half is kept in
/// `keys/`, under a name of its own so that environments made with another key keep theirs.
async fn from_agent(
    dir: &SshDir,
    socket: Option<&OsStr>,
    passed_over: &mut Vec<KeyError>,
) -> Result<Option<Key>, KeyError> {
    let Some(socket) = socket.filter(|socket| !socket.is_empty()) else { return Ok(None) };
    let mut list = Command::new("ssh-add");
    list.arg("-L").env("SSH_AUTH_SOCK", socket);
    let output = match run::finish(list, "ssh-add", "ssh-add -L", PATIENCE).await {
        Ok(output) if output.status == Ended::Exited(0) => output,
        Ok(_) => return Ok(None),
        Err(error) => {
            passed_over.push(error.into());
            return Ok(None);
        }
    };
    for line in output.stdout.lines() {
        match PublicKey::parse(line) {
            Ok(public) => {
                let file = dir.keys().join(agent_file_name(&public));
                files::replace(&file, format!("{}\n", public.to_openssh()).as_bytes(), 0o600)?;
                let passed_over = Vec::new();
                return Ok(Some(Key { public, identity_file: Some(file), origin: Origin::Agent, passed_over }));
            }
            Err(source) => passed_over.push(KeyError::Unsuitable { from: "the ssh agent".to_owned(), source }),
        }
    }
    Ok(None)
}

/// The end of a key's text is its own; the beginning is the same in every key of the kind.
fn agent_file_name(public: &PublicKey) -> String {
    let text = public.blob_base64.trim_end_matches('=').replace('/', "_").replace('+', "-");
    format!("agent-{}.pub", &text[text.len().saturating_sub(22)..])
}

async fn from_defaults(user_ssh_dir: Option<&Path>, passed_over: &mut Vec<KeyError>) -> Option<Key> {
    for name in DEFAULT_FILES {
        match from_file(&user_ssh_dir?.join(name)).await {
            Ok(key) => return Some(key),
            Err(KeyError::Missing(_)) => {}
            Err(error) => passed_over.push(error),
        }
    }
    None
}

/// The key of our own, made once: ed25519, without a passphrase because runs without a terminal use it too.
async fn own(dir: &SshDir) -> Result<Key, KeyError> {
    let path = dir.keys().join("id_ed25519");
    let _lock = dir.lock()?;
    if !path.exists() {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "cloudtop", "-f"]).arg(&path);
        let output = run::finish(keygen, "ssh-keygen", "ssh-keygen", PATIENCE).await?;
        if output.status != Ended::Exited(0) {
            return Err(KeyError::NotMade { path, message: last_words(&output) });
        }
    }
    let key = from_file(&path).await?;
    Ok(Key { origin: Origin::Own(path), ..key })
}

fn read(path: &Path) -> Result<String, KeyError> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes)).map_err(|source| {
        match source.kind() {
            ErrorKind::NotFound => KeyError::Missing(path.to_owned()),
            _ => KeyError::Unreadable { path: path.to_owned(), source },
        }
    })?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if text.trim().is_empty() {
        return Err(KeyError::Empty(path.to_owned()));
    }
    Ok(text)
}

fn last_words(output: &Output) -> String {
    output.stderr.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it gave no reason").to_owned()
}

fn parse(text: &str, path: &Path) -> Result<PublicKey, KeyError> {
    PublicKey::parse(text).map_err(|source| KeyError::Unsuitable { from: path.display().to_string(), source })
}

fn with_pub(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

fn private_beside(path: &Path) -> Option<PathBuf> {
    let private = (path.extension()? == "pub").then(|| path.with_extension(""))?;
    fs::exists(&private).ok()?.then_some(private)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
