//! Putting together what a node gets.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{DeliveryError, Parcel, Secret, kept, sources};
use crate::domain::secrets::SecretFile;
use crate::pki;
use crate::templates::{Boot, Content, Context, Deliver, Member, Receiver, Template};

/// Where the environment's random secrets lie in its private directory.
const SECRETS: &str = "secrets";
/// Where its certificate authority lies in it.
const PKI: &str = "pki";

/// What a run delivers to the nodes of an environment.
pub struct Delivery {
    template: Template,
    context: Context,
    /// Whether the template's own files are part of it.
    of_template: bool,
    /// The environment's random secrets.
    secrets: BTreeMap<String, String>,
    /// The user's own files.
    own: Vec<Parcel>,
    /// The environment's certificate authority.
    pki: PathBuf,
}

/// What a node gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The files.
    pub parcels: Vec<Parcel>,
    /// What is run after a change of the template's.
    pub done: Option<String>,
}

/// What keeps a package from being made.
#[derive(Debug)]
pub enum Unpacked {
    /// Something is not known yet; in words.
    Waits(String),
    /// It never can be.
    Wrong(DeliveryError),
}

impl<E: Into<DeliveryError>> From<E> for Unpacked {
    fn from(error: E) -> Self {
        Self::Wrong(error.into())
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("template", &self.template.label())
            .field("own", &self.own)
            .finish_non_exhaustive()
    }
}

impl Delivery {
    /// Gathers what does not depend on a node: reads the user's own files, of which nobody says whose they are with the login
    /// name whose they are then, and makes the environment's secrets that are missing. `directory` is where those are kept;
    /// the caller holds the environment's lock.
    ///
    /// # Errors
    /// What cannot be had, before anything is made in EC2.
    pub async fn gather(
        template: Template,
        context: Context,
        of_template: bool,
        (own, login): (&[SecretFile], &str),
        directory: &Path,
    ) -> Result<Self, DeliveryError> {
        let own = sources::read(own, login).await?;
        let deliver = template.manifest.deliver.iter().filter(|_| of_template);
        if let Some(path) = deliver.map(|it| &it.path).find(|path| own.iter().any(|it| it.path == **path)) {
            return Err(DeliveryError::Twice { path: path.clone() });
        }
        let names: &[String] = if of_template { &template.manifest.secrets } else { &[] };
        let secrets = kept::secrets(&directory.join(SECRETS), names)?;
        let pki = directory.join(PKI);
        Ok(Self { template, context, of_template, secrets, own, pki })
    }

    /// Whether nodes are asked for the end of cloud-init first: owners of files may come with its packages.
    #[must_use]
    pub fn waits_for_cloud_init(&self) -> bool {
        self.template.manifest.boot() == Boot::CloudInit
    }

    /// What a node gets.
    ///
    /// # Errors
    /// [`Unpacked::Waits`] while an address that a file needs is not known.
    pub fn pack(&self, member: &Member, members: &[Member], now: Timestamp) -> Result<Package, Unpacked> {
        let mut parcels = self.own.clone();
        let files: &[Deliver] = if self.of_template { &self.template.manifest.deliver } else { &[] };
        for file in files {
            parcels.push(Parcel {
                path: file.path.clone(),
                mode: file.mode(),
                owner: file.owner().to_owned(),
                content: Secret::new(self.content(file, member, members, now)?),
                of_template: true,
            });
        }
        if let Some(large) = parcels.iter().find(|it| it.content.reveal().len() > sources::MOST) {
            let (path, size) = (large.path.clone(), large.content.reveal().len());
            return Err(DeliveryError::TooLarge { path, size, most: sources::MOST }.into());
        }
        let done = if files.is_empty() { None } else { self.template.deliver_done(&self.context, &member.node)? };
        Ok(Package { parcels, done })
    }

    fn content(
        &self,
        file: &Deliver,
        member: &Member,
        members: &[Member],
        now: Timestamp,
    ) -> Result<Vec<u8>, Unpacked> {
        let waits = |it: &Member| Unpacked::Waits(format!("node {} has no private address yet", it.node.index));
        match file.content() {
            Some(Content::Source(source)) => {
                let receiver = Receiver { member, members, secrets: &self.secrets };
                let rendered = self.template.render_delivered(source, &self.context, receiver)?;
                match members.iter().find(|it| it.address.is_none()) {
                    Some(other) if rendered.names_members => Err(waits(other)),
                    _ if member.address.is_none() => Err(waits(member)),
                    _ => Ok(rendered.text.into_bytes()),
                }
            }
            Some(Content::Certificate(which)) => {
                let address: IpAddr = member.address.as_deref().and_then(|it| it.parse().ok()).ok_or(waits(member))?;
                Ok(pki::certificate(&self.pki, &member.node.name, &[address], which, now)?)
            }
            Some(Content::Secret(name)) => Ok(self.secrets.get(name).cloned().unwrap_or_default().into_bytes()),
            // The manifest was checked when it was read.
            None => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
