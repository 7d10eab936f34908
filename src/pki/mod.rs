//! A cluster's own certificate authority, made on the user's machine. Its private key never leaves it.
//!
//! Kept in a directory of the environment's own, for its owner's eyes alone:
//!
//! | file | what |
//! |---|---|
//! | `ca.json` | the authority, with its private key |
//! | `members/NAME.json` | what a node was given, so that it is given the same again |
//! | `ca.pem`, `client.pem`, `client.key` | for the user: whom to trust, and who the user is |
//!
//! Everything is ECDSA P-256: etcd, k3s, curl and OpenSSL all take it, and a key is made in no time.
//!
//! - `authority`: making an authority, and signing with it
//! - `store`: its files

mod authority;
mod error;
mod store;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use authority::{Authority, Issued, Subject};
pub use error::PkiError;

/// How long an authority holds. An environment that gets older is made anew: its nodes trust this one alone.
pub const AUTHORITY_HOLDS: Duration = Duration::from_secs(10 * 365 * 86_400);
/// How long a certificate holds: long, because it is only renewed when the user runs a command.
pub const CERTIFICATE_HOLDS: Duration = Duration::from_secs(2 * 365 * 86_400);
/// A certificate that ends sooner than this is issued again.
pub const RENEWED_BEFORE: Duration = Duration::from_secs(90 * 86_400);
/// Certificates begin so long before they are made: a node's clock may be behind the one of the user's machine.
pub const CLOCK_SKEW: Duration = Duration::from_secs(3600);

/// The name in the user's own certificate.
const CLIENT: &str = "cloudtop";

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

/// What a node called `member`, reached at `addresses`, is given: in PEM. It is also good for `127.0.0.1`, for its own
/// name and for `localhost`.
///
/// `directory` is where the environment's authority is kept, and is made if need be. The same question has the same
/// answer, byte for byte, for as long as the certificate holds: what differs from what a node has is sent again. A
/// certificate is issued anew when the addresses change, and when it ends within [`RENEWED_BEFORE`] of `now`.
///
/// The caller holds the environment's lock: two at once would make two authorities.
///
/// # Errors
/// When the authority cannot be read, made or written, or has ended.
pub fn certificate(
    directory: &Path,
    member: &str,
    addresses: &[IpAddr],
    which: Certificate,
    now: Timestamp,
) -> Result<Vec<u8>, PkiError> {
    let authority = open(directory, now)?;
    if which == Certificate::Ca {
        return Ok(authority.certificate.into_bytes());
    }
    let issued = issued(&authority, &store::member(directory, member), &server(member, addresses), now)?;
    Ok(if which == Certificate::Key { issued.key } else { issued.certificate }.into_bytes())
}

/// The authority kept in a directory, made if there is none, with the user's own certificate beside it.
fn open(directory: &Path, now: Timestamp) -> Result<Authority, PkiError> {
    let path = store::authority(directory);
    let authority = match store::read_authority(&path)? {
        Some(authority) => authority,
        None => {
            let made = Authority::make(now)?;
            store::write(&path, &made)?;
            made
        }
    };
    if authority.not_after <= now {
        return Err(PkiError::Ended { path, at: authority.not_after });
    }
    let client = Subject { name: CLIENT.to_owned(), hosts: Vec::new(), addresses: Vec::new() };
    let client = issued(&authority, &store::client(directory), &client, now)?;
    store::export(directory, &authority, &client)?;
    Ok(authority)
}

/// What was issued before, if it still does, else a new one, written down before it is handed out.
fn issued(authority: &Authority, path: &Path, subject: &Subject, now: Timestamp) -> Result<Issued, PkiError> {
    if let Some(issued) = store::read_issued(path)?.filter(|issued| authority.stands_by(issued, subject, now)) {
        return Ok(issued);
    }
    let issued = authority.issue(subject, now)?;
    store::write(path, &issued)?;
    Ok(issued)
}

/// A member of the cluster: reached at its addresses and, from itself, at the loopback.
fn server(member: &str, addresses: &[IpAddr]) -> Subject {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut addresses: Vec<IpAddr> = addresses.iter().copied().chain([loopback]).collect();
    addresses.sort();
    addresses.dedup();
    Subject { name: member.to_owned(), hosts: vec![member.to_owned(), "localhost".to_owned()], addresses }
}

#[cfg(test)]
mod tests;
