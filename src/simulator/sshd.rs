//! The ssh server of one simulated node: a real handshake, keys that are really checked, and scripted answers.
//!
//! No process is ever started and no file of the user's machine is read; what a command answers is worked out from
//! [`NodeFacts`] alone.

mod commands;
pub mod deliver;
mod disks;
mod files;
mod script;
mod services;
mod shell;
mod syntax;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use jiff::Timestamp;
use russh::keys::{PrivateKey, PublicKey, ssh_key::private::Ed25519Keypair};
use russh::server::{self, Auth, ChannelOpenHandle, Msg, PublicKeyOffer, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Pty};
use tokio::io::{AsyncRead, AsyncWrite};

use super::chance;
use deliver::Delivered;
use script::{Node, Output};
use shell::{Reply, Shell};

/// What the server knows of its node. It is a snapshot: one connection sees the node as it was when it began.
#[derive(Clone, Debug)]
pub struct NodeFacts {
    /// For example `i-0123456789abcdef0`.
    pub instance_id: String,
    /// What `hostname` answers.
    pub hostname: String,
    /// The login names that are let in. The first is the image's own and tells which system is played:
    /// `ubuntu`, `admin` (Debian), `ec2-user` (Amazon Linux) or `core` (Flatcar).
    pub users: Vec<String>,
    /// The public keys that are let in, each a line as in `authorized_keys` without options.
    pub authorized_keys: Vec<String>,
    /// The world's seed; with the instance id it makes the host key.
    pub seed: u64,
    /// For example `172.31.5.9`.
    pub private_ip: String,
    /// For example `198.51.100.7`.
    pub public_ip: String,
    /// For example `c7i.xlarge`; it gives the machine type and the number of CPUs.
    pub instance_type: String,
    /// For example `us-west-1a`.
    pub zone: String,
    /// For example `us-west-1`.
    pub region: String,
    /// When the instance was last started.
    pub launched_at: Timestamp,
    /// How far the first boot has come.
    pub cloud_init: CloudInit,
    /// Whether the data volume is mounted at `~/persistent`.
    pub volume_mounted: bool,
    /// The size of the attached data volume, if there is one.
    pub volume_gib: Option<u32>,
    /// What EC2 does to the node and when, once it has told it.
    pub notice: Option<(&'static str, Timestamp)>,
    /// Since when EC2 recommends to move to another instance.
    pub rebalance: Option<Timestamp>,
    /// The user data of the launch, decoded.
    pub user_data: Vec<u8>,
    /// What was delivered to it.
    pub delivered: Delivered,
}

/// Keeps what was delivered to a node.
pub type Keep = Arc<dyn Fn(Delivered) + Send + Sync>;

/// How far the first boot has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloudInit {
    /// User data is still being carried out.
    Running,
    /// All done, and the node is ready.
    Done,
}

/// Why a connection ended other than by the client's leave.
#[derive(Debug, thiserror::Error)]
pub enum SshdError {
    /// The client spoke no ssh, or the connection broke.
    #[error("an ssh connection to a simulated node failed")]
    Protocol(#[from] russh::Error),
}

/// Serves one connection until the client leaves. The session goes on by itself if the future is dropped.
///
/// # Errors
///
/// If the connection breaks or the peer does not speak ssh, as one does that only reads the banner. No other connection
/// is concerned.
pub async fn serve_connection<S>(stream: S, facts: NodeFacts, keep: Keep) -> Result<(), SshdError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let config = Arc::new(config(&facts));
    let handler = Connection::new(facts, keep);
    server::run_stream(config, stream, handler).await?.await
}

/// The node's host key as a line of a known-hosts file has it, `ssh-ed25519` and the key.
#[must_use]
pub fn host_public_key(seed: u64, instance_id: &str) -> String {
    const KIND: &[u8] = b"ssh-ed25519";
    let key = host_keypair(seed, instance_id).public.0;
    // RFC 4253, section 6.6: each part led by its length in four bytes; both are far below 256.
    let blob = [&[0, 0, 0, 11], KIND, &[0, 0, 0, 32], &key].concat();
    format!("ssh-ed25519 {}", base64::engine::general_purpose::STANDARD.encode(blob))
}

fn host_keypair(seed: u64, instance_id: &str) -> Ed25519Keypair {
    let mut secret = [0; 32];
    for (bytes, part) in secret.chunks_mut(8).zip(["a", "b", "c", "d"]) {
        bytes.copy_from_slice(&chance::draw(seed, &["host key", instance_id, part]).to_be_bytes());
    }
    Ed25519Keypair::from_seed(&secret)
}

fn config(facts: &NodeFacts) -> server::Config {
    server::Config {
        server_id: russh::SshId::Standard("SSH-2.0-OpenSSH_simulated".into()),
        methods: MethodSet::from([MethodKind::PublicKey].as_slice()),
        // Nothing here is worth guessing at, and a test's refused login should not take a second.
        auth_rejection_time: Duration::ZERO,
        keys: vec![PrivateKey::from(host_keypair(facts.seed, &facts.instance_id))],
        inactivity_timeout: None,
        nodelay: true,
        ..server::Config::default()
    }
}

/// One client's connection: who logged in, and its open shells.
struct Connection {
    facts: Arc<NodeFacts>,
    authorized: Vec<PublicKey>,
    user: String,
    terminals: Vec<ChannelId>,
    shells: HashMap<ChannelId, Shell>,
    /// What was said so far where files are delivered.
    deliveries: HashMap<ChannelId, Vec<u8>>,
    keep: Keep,
}

impl Connection {
    fn new(facts: NodeFacts, keep: Keep) -> Self {
        let authorized = facts.authorized_keys.iter().filter_map(|line| PublicKey::from_openssh(line).ok()).collect();
        let (terminals, shells, deliveries) = (Vec::new(), HashMap::new(), HashMap::new());
        Self { facts: Arc::new(facts), authorized, user: String::new(), terminals, shells, deliveries, keep }
    }

    fn node(&self) -> Node {
        Node { facts: Arc::clone(&self.facts), user: self.user.clone() }
    }

    fn judge(&self, user: &str, key: &PublicKey) -> Auth {
        let known_key = self.authorized.iter().any(|authorized| authorized.key_data() == key.key_data());
        let known_user = self.facts.users.iter().any(|name| name == user);
        if known_key && known_user { Auth::Accept } else { Auth::reject() }
    }

    /// Sends what a shell has to say, and ends the channel if it is over.
    fn answer(&mut self, channel: ChannelId, reply: Reply, session: &mut Session) -> Result<(), SshdError> {
        match reply {
            Reply::More(output) => write(channel, output, session)?,
            Reply::Over(output) => {
                self.shells.remove(&channel);
                finish(channel, output, session)?;
            }
        }
        Ok(())
    }
}

impl server::Handler for Connection {
    type Error = SshdError;

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, SshdError> {
        Ok(self.judge(user, offer.public_key))
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, SshdError> {
        let verdict = self.judge(user, key.public_key);
        if verdict == Auth::Accept {
            user.clone_into(&mut self.user);
        }
        Ok(verdict)
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), SshdError> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(&mut self, channel: ChannelId, line: &[u8], session: &mut Session) -> Result<(), SshdError> {
        session.channel_success(channel)?;
        let line = String::from_utf8_lossy(line);
        if deliver::is_delivery(&self.node(), &line) {
            self.deliveries.insert(channel, Vec::new());
            return Ok(());
        }
        let output = script::run(&self.node(), &line, 0).output;
        let output = if self.terminals.contains(&channel) { output.for_terminal() } else { output };
        finish(channel, output, session)
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), SshdError> {
        self.terminals.push(channel);
        Ok(session.channel_success(channel)?)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), SshdError> {
        session.channel_success(channel)?;
        let shell = Shell::new(self.node(), self.terminals.contains(&channel));
        let greeting = shell.greet();
        self.shells.insert(channel, shell);
        write(channel, greeting, session)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), SshdError> {
        Ok(session.channel_failure(channel)?)
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], session: &mut Session) -> Result<(), SshdError> {
        if let Some(said) = self.deliveries.get_mut(&channel) {
            said.extend(data);
            return Ok(());
        }
        let Some(shell) = self.shells.get_mut(&channel) else { return Ok(()) };
        let reply = shell.typed(data);
        self.answer(channel, reply, session)
    }

    async fn channel_eof(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), SshdError> {
        if let Some(said) = self.deliveries.remove(&channel) {
            let (output, delivered) = deliver::take(&self.node(), &said);
            if delivered != self.facts.delivered {
                (self.keep)(delivered);
            }
            return finish(channel, output, session);
        }
        let Some(shell) = self.shells.get_mut(&channel) else { return Ok(()) };
        let reply = shell.end();
        self.answer(channel, reply, session)
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), SshdError> {
        self.shells.remove(&channel);
        self.terminals.retain(|terminal| *terminal != channel);
        Ok(())
    }
}

fn write(channel: ChannelId, output: Output, session: &mut Session) -> Result<(), SshdError> {
    const STDERR: u32 = 1;
    if !output.stdout.is_empty() {
        session.data(channel, output.stdout)?;
    }
    if !output.stderr.is_empty() {
        session.extended_data(channel, STDERR, output.stderr)?;
    }
    Ok(())
}

fn finish(channel: ChannelId, output: Output, session: &mut Session) -> Result<(), SshdError> {
    let code = output.code;
    write(channel, output, session)?;
    session.exit_status_request(channel, code)?;
    session.eof(channel)?;
    Ok(session.close(channel)?)
}
