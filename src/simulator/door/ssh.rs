//! ssh to simulated nodes, on loopback or over a pipe.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::simulator::actions;
use crate::simulator::network::private_name;
use crate::simulator::objects::{Attachment, AttachmentState, Instance, InstanceState, Launch, Volume};
use crate::simulator::spot;
use crate::simulator::sshd::{self, CloudInit, NodeFacts};
use crate::simulator::world::World;
use crate::simulator::{Simulator, SimulatorError};

/// A listener on loopback for one node. It closes when this is dropped.
#[derive(Debug)]
pub struct SshListener {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for SshListener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// When the ssh server of an instance answers that runs since `since`.
pub(in crate::simulator) fn booted(world: &World, since: Timestamp) -> Timestamp {
    since.checked_add(world.settings().span(world.settings().boot)).unwrap_or(Timestamp::MAX)
}

/// When its cloud-init is done.
pub(in crate::simulator) fn configured(world: &World, since: Timestamp) -> Timestamp {
    booted(world, since).checked_add(world.settings().span(world.settings().cloud_init)).unwrap_or(Timestamp::MAX)
}

impl Simulator {
    /// What a node's ssh server knows now; none if the node does not answer: it has not booted, is stopped, or never was.
    ///
    /// # Errors
    ///
    /// [`SimulatorError`] if the world cannot be read.
    pub fn node_facts(&self, instance_id: &str) -> Result<Option<NodeFacts>, SimulatorError> {
        self.transact(|world, now| facts(world, instance_id, now))
    }

    /// Opens a listener on loopback that answers for a node as long as the guard lives. Whoever connects while the node is
    /// down finds the connection closed.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if the node does not answer now.
    pub async fn ssh_listener(&self, instance_id: &str) -> io::Result<SshListener> {
        self.reachable(instance_id)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (simulator, instance_id) = (self.clone(), instance_id.to_owned());
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (simulator, instance_id) = (simulator.clone(), instance_id.clone());
                connections.spawn(async move {
                    if let Err(error) = simulator.serve_ssh(&instance_id, stream).await {
                        tracing::debug!(%error, "an ssh connection to a simulated node ended");
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(SshListener { address, task })
    }

    /// Answers one ssh connection for a node, over a socket or over the pipe of a ProxyCommand.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if the node does not answer now; otherwise what broke the connection.
    pub async fn serve_ssh<S>(&self, instance_id: &str, stream: S) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let facts = self.reachable(instance_id)?;
        let (simulator, id) = (self.clone(), instance_id.to_owned());
        let keep = move |delivered| {
            let kept = simulator.transact(|world, _| {
                if let Some(instance) = world.instances.edit(&id) {
                    instance.delivered = delivered;
                }
            });
            if let Err(error) = kept {
                tracing::debug!(%error, "what was delivered to a simulated node is lost");
            }
        };
        sshd::serve_connection(stream, facts, Arc::new(keep)).await.map_err(io::Error::other)
    }

    fn reachable(&self, instance_id: &str) -> io::Result<NodeFacts> {
        self.node_facts(instance_id).map_err(io::Error::other)?.ok_or_else(|| {
            let message =
                format!("{instance_id} does not answer ssh: it has not booted yet, is stopped or does not exist");
            io::Error::new(io::ErrorKind::ConnectionRefused, message)
        })
    }
}

fn facts(world: &World, id: &str, now: Timestamp) -> Option<NodeFacts> {
    let instance = world.instances.get(id).filter(|instance| instance.state == InstanceState::Running)?;
    let since = instance.running_since.filter(|since| booted(world, *since) <= now)?;
    let launch = world.launches.get(&instance.launch)?;
    let data = data_volume(world, instance);
    let done = configured(world, since) <= now;
    let name = private_name(&instance.region, instance.private_ip);
    Some(NodeFacts {
        instance_id: id.to_owned(),
        hostname: name.split('.').next().unwrap_or_default().to_owned(),
        users: users(world, launch),
        authorized_keys: launch.public_key.iter().cloned().collect(),
        seed: world.seed(),
        private_ip: instance.private_ip.to_string(),
        public_ip: instance.public_ip.map(|address| address.to_string()).unwrap_or_default(),
        instance_type: launch.instance_type.clone(),
        zone: instance.zone.clone(),
        region: instance.region.clone(),
        launched_at: instance.launched,
        cloud_init: if done { CloudInit::Done } else { CloudInit::Running },
        volume_mounted: done && data.is_some(),
        volume_gib: data.map(|volume| volume.size),
        notice: instance.notice.as_ref().map(|notice| (spot::behaviour(world, instance), notice.at)),
        rebalance: instance.rebalance,
        user_data: launch.user_data.as_deref().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default(),
        delivered: instance.delivered.clone(),
    })
}

/// The first attached volume that did not come with the launch.
fn data_volume<'w>(world: &'w World, instance: &Instance) -> Option<&'w Volume> {
    let volumes = instance.volumes.iter().filter_map(|id| world.volumes.get(id));
    let stays = |it: &Attachment| it.state == AttachmentState::Attached && !it.delete_on_termination;
    let mut attached = volumes.filter(|volume| volume.attachment.as_ref().is_some_and(stays));
    attached.next()
}

/// The login name that the image's publisher set up.
fn users(world: &World, launch: &Launch) -> Vec<String> {
    let name = match actions::publisher(world, &launch.region, &launch.image).as_str() {
        "099720109477" => "ubuntu",
        "136693071363" => "admin",
        "075585003325" | "125523088429" => "core",
        _ => "ec2-user",
    };
    vec![name.to_owned()]
}
