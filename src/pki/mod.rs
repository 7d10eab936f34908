//! A cluster's own certificate authority, made on the user's machine. Its key never leaves it.

use std::net::IpAddr;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;

/// What a node can be given of the authority's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certificate {
    /// The authority's own certificate, which says whom to trust; the same for all nodes.
    Ca,
    /// The node's certificate, for being a server and a client.
    Certificate,
    /// The private key of the node's certificate.
    Key,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// Nobody issues certificates here.
    #[error("this version of cloudtop issues no certificates")]
    Unissued,
}

/// What a node called `member`, reached at `addresses`, is given: in PEM.
///
/// `directory` is where the environment's authority is kept, for its owner's eyes alone; it is made if need be. The same
/// question has the same answer, byte for byte, for as long as the certificate holds: what differs from what a node has
/// is sent again, and the services that read it are restarted.
///
/// # Errors
/// When the authority cannot be read, made or written.
pub fn certificate(
    directory: &Path,
    member: &str,
    addresses: &[IpAddr],
    which: Certificate,
    now: Timestamp,
) -> Result<Vec<u8>, PkiError> {
    let _ = (directory, member, addresses, which, now);
    Err(PkiError::Unissued)
}
