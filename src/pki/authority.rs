//! Making an authority, and signing with it.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AUTHORITY_HOLDS, CERTIFICATE_HOLDS, CLOCK_SKEW, PkiError, RENEWED_BEFORE};

/// An authority, with its private key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Authority {
    /// Its name, which no other has: two of the same name and different keys could not be told apart.
    pub(super) name: String,
    /// When it ends.
    pub(super) not_after: Timestamp,
    /// In PEM.
    pub(super) certificate: String,
    key: String,
}

/// Whom a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Subject {
    /// Its common name.
    pub(super) name: String,
    /// The host names that it may be reached by as a server. Without these and addresses it is a client only.
    pub(super) hosts: Vec<String>,
    /// The addresses that it may be reached by.
    pub(super) addresses: Vec<IpAddr>,
}

/// A certificate that was issued, with its private key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Issued {
    subject: Subject,
    /// The authority's name.
    issuer: String,
    not_after: Timestamp,
    /// In PEM.
    pub(super) certificate: String,
    /// In PEM, PKCS #8.
    pub(super) key: String,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({}, until {})", self.name, self.not_after)
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issued({:?} by {}, until {})", self.subject, self.issuer, self.not_after)
    }
}

impl Authority {
    /// A new one.
    pub(super) fn make(now: Timestamp) -> Result<Self, PkiError> {
        let name = format!("cloudtop cluster {}", Uuid::now_v7());
        let unsignable = |source| PkiError::Unsignable { name: name.clone(), source };
        let not_after = now + AUTHORITY_HOLDS;
        let key = new_key().map_err(unsignable)?;
        let mut params = params(&name, now, not_after);
        // It signs members, and no further authority.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(unsignable)?.pem();
        Ok(Self { not_after, certificate, key: key.serialize_pem(), name })
    }

    /// Issues a certificate. It ends when the authority ends, if that is sooner.
    pub(super) fn issue(&self, subject: &Subject, now: Timestamp) -> Result<Issued, PkiError> {
        let unsignable = |source| PkiError::Unsignable { name: subject.name.clone(), source };
        let not_after = self.latest_end(now);
        let key = new_key().map_err(unsignable)?;
        let mut params = params(&subject.name, now, not_after);
        params.subject_alt_names = alternative_names(subject).map_err(unsignable)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // Members are each other's clients, with the certificates that they serve with.
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !params.subject_alt_names.is_empty() {
            params.extended_key_usages.insert(0, ExtendedKeyUsagePurpose::ServerAuth);
        }
        let own_key = KeyPair::from_pem(&self.key).map_err(unsignable)?;
        // Only its name and its key are looked at.
        let issuer = Issuer::new(self::params(&self.name, now, self.not_after), own_key);
        let certificate = params.signed_by(&key, &issuer).map_err(unsignable)?.pem();
        Ok(Issued {
            subject: subject.clone(),
            issuer: self.name.clone(),
            not_after,
            certificate,
            key: key.serialize_pem(),
        })
    }

    /// Whether what was issued is for this subject, by this authority, and need not be renewed yet.
    pub(super) fn stands_by(&self, issued: &Issued, subject: &Subject, now: Timestamp) -> bool {
        // What ends with the authority itself cannot be made to end later.
        let renewable = issued.not_after < self.latest_end(now);
        let near_its_end = issued.not_after <= now + RENEWED_BEFORE;
        issued.issuer == self.name && issued.subject == *subject && !(near_its_end && renewable)
    }

    fn latest_end(&self, now: Timestamp) -> Timestamp {
        self.not_after.min(now + CERTIFICATE_HOLDS)
    }
}

fn new_key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
}

/// What all certificates have in common. The serial number is left to rcgen, which takes it from the public key: that
/// is new each time.
fn params(name: &str, now: Timestamp, not_after: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    // The type of these is of a crate that is named nowhere else.
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(now - CLOCK_SKEW);
    params.not_after = epoch + since_epoch(not_after);
    params
}

fn alternative_names(subject: &Subject) -> Result<Vec<SanType>, rcgen::Error> {
    let hosts = subject.hosts.iter().map(|host| Ok(SanType::DnsName(host.as_str().try_into()?)));
    hosts.chain(subject.addresses.iter().map(|address| Ok(SanType::IpAddress(*address)))).collect()
}

fn since_epoch(at: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(at.as_second()).unwrap_or_default())
}
