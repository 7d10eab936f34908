//! A public key in OpenSSH's one-line form, checked for what EC2 imports.
//!
//! ImportKeyPair takes ED25519 and RSA keys, and of RSA the lengths 1024, 2048 and 4096 (Amazon EC2 User Guide, "Create
//! a key pair"). It answers InvalidKey.Format to ECDSA, DSA and security keys without saying why, so they are told here.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const RSA_BITS: [usize; 3] = [1024, 2048, 4096];

/// The kinds of key that EC2 imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `ssh-ed25519`.
    Ed25519,
    /// `ssh-rsa`.
    Rsa,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::Rsa => "ssh-rsa",
        })
    }
}

/// A public key that EC2 takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Its kind.
    pub algorithm: Algorithm,
    /// The key itself, as in the second column of a `.pub` file.
    pub blob_base64: String,
    /// What stands behind the key; it may be empty.
    pub comment: String,
}

/// Why a text is no public key that EC2 takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// More than one line.
    #[error("it has several lines; a public key is one line such as `ssh-ed25519 AAAA... you@home`")]
    SeveralLines,
    /// No line of a public key at all.
    #[error("it is not a public key; one looks like `ssh-ed25519 AAAA... you@home`")]
    NotAKey,
    /// A good key of a kind that EC2 does not import.
    #[error("EC2 does not import {0} keys, only ssh-ed25519 and ssh-rsa; make one with `ssh-keygen -t ed25519`")]
    NotImported(String),
    /// An RSA key of a length that EC2 does not import.
    #[error("EC2 imports RSA keys of 1024, 2048 and 4096 bits, not of {0}; make one with `ssh-keygen -t ed25519`")]
    RsaLength(usize),
    /// The second column cannot be decoded, or is not a key of the kind that the first one says.
    #[error("its second column is not a complete {0} key; it may have been cut when it was copied")]
    DamagedBlob(Algorithm),
}

impl PublicKey {
    /// Reads one line of the form `algorithm blob comment`.
    ///
    /// # Errors
    /// When it is not a key, or not one that EC2 imports.
    pub fn parse(text: &str) -> Result<Self, PublicKeyError> {
        let line = text.trim();
        if line.contains(['\n', '\r']) {
            return Err(PublicKeyError::SeveralLines);
        }
        let mut columns = line.splitn(3, [' ', '\t']);
        let (Some(name), Some(blob)) = (columns.next(), columns.next()) else { return Err(PublicKeyError::NotAKey) };
        let comment = columns.next().unwrap_or_default().trim();
        if comment.chars().any(char::is_control) {
            return Err(PublicKeyError::NotAKey);
        }
        let algorithm = algorithm(name)?;
        check_blob(algorithm, blob)?;
        Ok(Self { algorithm, blob_base64: blob.to_owned(), comment: comment.to_owned() })
    }

    /// The one-line form, without a line end.
    #[must_use]
    pub fn to_openssh(&self) -> String {
        format!("{} {} {}", self.algorithm, self.blob_base64, self.comment).trim_end().to_owned()
    }

    /// Whether both are the same key, whatever their comments. EC2 gives a stored key's text when asked with
    /// IncludePublicKey, with its own comment.
    #[must_use]
    pub fn same_key(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.blob_base64 == other.blob_base64
    }
}

fn algorithm(name: &str) -> Result<Algorithm, PublicKeyError> {
    match name {
        "ssh-ed25519" => Ok(Algorithm::Ed25519),
        "ssh-rsa" => Ok(Algorithm::Rsa),
        "ssh-dss" => Err(PublicKeyError::NotImported(name.to_owned())),
        _ if name.starts_with("ecdsa-sha2-") || name.starts_with("sk-") => {
            Err(PublicKeyError::NotImported(name.to_owned()))
        }
        _ => Err(PublicKeyError::NotAKey),
    }
}

/// The blob is a row of strings, each with its length in four bytes before it (RFC 4253 6.6, RFC 8709 4).
fn check_blob(algorithm: Algorithm, blob: &str) -> Result<(), PublicKeyError> {
    let damaged = || PublicKeyError::DamagedBlob(algorithm);
    let bytes = STANDARD.decode(blob).map_err(|_| damaged())?;
    let fields = strings(&bytes).ok_or_else(damaged)?;
    let name = algorithm.to_string();
    match (algorithm, fields.as_slice()) {
        (Algorithm::Ed25519, [kind, key]) if *kind == name.as_bytes() && key.len() == 32 => Ok(()),
        (Algorithm::Rsa, [kind, _exponent, modulus]) if *kind == name.as_bytes() => match bits(modulus) {
            length if RSA_BITS.contains(&length) => Ok(()),
            length => Err(PublicKeyError::RsaLength(length)),
        },
        _ => Err(damaged()),
    }
}

fn strings(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut strings = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (string, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        strings.push(string);
        bytes = rest;
    }
    Some(strings)
}

/// The length of a number written with its highest byte first, which may have zeros before it.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros).map_or(0, |first| (number.len() - zeros) * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn blob(fields: &[&[u8]]) -> String {
        let mut bytes = Vec::new();
        for field in fields {
            bytes.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(field);
        }
        STANDARD.encode(bytes)
    }

    fn rsa(bits: usize) -> String {
        let mut modulus = vec![0u8];
        modulus.resize(bits / 8 + 1, 0xc1);
        format!("ssh-rsa {}", blob(&[b"ssh-rsa", &[1, 0, 1], &modulus]))
    }

    fn ed25519() -> String {
        format!("ssh-ed25519 {}", blob(&[b"ssh-ed25519", &[7; 32]]))
    }

    #[test]
    fn a_key_is_read_and_written_as_it_was() {
        for line in [format!("{} me@home of mine", ed25519()), ed25519(), rsa(1024), rsa(2048), rsa(4096)] {
            assert_eq!(PublicKey::parse(&format!(" {line}\r\n")).unwrap().to_openssh(), line);
        }
    }

    #[test]
    fn the_comment_does_not_make_another_key() {
        let one = PublicKey::parse(&format!("{} a", ed25519())).unwrap();
        assert!(one.same_key(&PublicKey::parse(&format!("{} b", ed25519())).unwrap()));
        assert!(!one.same_key(&PublicKey::parse(&rsa(2048)).unwrap()));
    }

    #[test]
    fn keys_that_ec2_does_not_import_are_named() {
        for name in ["ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com", "ssh-dss"] {
            let error = PublicKey::parse(&format!("{name} AAAA")).unwrap_err();
            assert_eq!(error, PublicKeyError::NotImported(name.to_owned()));
        }
        assert_eq!(PublicKey::parse(&rsa(3072)), Err(PublicKeyError::RsaLength(3072)));
    }

    #[test]
    fn a_cut_or_swapped_blob_is_noticed() {
        let whole = ed25519();
        let swapped = format!("ssh-ed25519 {}", rsa(2048).trim_start_matches("ssh-rsa "));
        let short = format!("ssh-ed25519 {}", blob(&[b"ssh-ed25519", &[7; 31]]));
        for text in [&whole[..whole.len() - 4], "ssh-ed25519 !!!!", "ssh-ed25519 AAAA", &swapped, &short] {
            assert_eq!(PublicKey::parse(text), Err(PublicKeyError::DamagedBlob(Algorithm::Ed25519)), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_is_said_to_be_none() {
        for text in ["", "hello", "hello world", "ssh-ed25519"] {
            assert_eq!(PublicKey::parse(text), Err(PublicKeyError::NotAKey), "{text:?}");
        }
        assert_eq!(PublicKey::parse(&format!("{}\n{}", ed25519(), rsa(2048))), Err(PublicKeyError::SeveralLines));
    }
}
