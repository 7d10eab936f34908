//! One file on its way to a node.

use super::Secret;

/// A file for a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Where it goes: an absolute path, or one that begins with `~/`.
    pub path: String,
    /// Its permissions.
    pub mode: u32,
    /// Whose it is, as `chown` takes it.
    pub owner: String,
    /// What is in it.
    pub content: Secret,
    /// Whether it is of the template, whose command is run when it has changed.
    pub of_template: bool,
}

impl Parcel {
    /// Tells one state of the file from another, with its owner and permissions. It protects nothing: a node keeps it where
    /// root alone reads it, beside the file itself.
    #[must_use]
    pub fn digest(&self) -> String {
        // FNV-1a with 128 bits (draft-eastlake-fnv, section 5).
        const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        let terms = format!("{:o} {}\n", self.mode, self.owner);
        let bytes = terms.as_bytes().iter().chain(self.content.reveal());
        let hash = bytes.fold(BASIS, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME));
        format!("{hash:032x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_changes_with_content_owner_and_permissions_and_with_nothing_else() {
        let parcel = Parcel {
            path: "/etc/x".to_owned(),
            mode: 0o600,
            owner: "root".to_owned(),
            content: Secret::new("a"),
            of_template: true,
        };
        let digest = parcel.digest();
        assert_eq!(digest.len(), 32);
        let others = [
            Parcel { content: Secret::new("b"), ..parcel.clone() },
            Parcel { mode: 0o640, ..parcel.clone() },
            Parcel { owner: "etcd".to_owned(), ..parcel.clone() },
        ];
        assert!(others.iter().all(|other| other.digest() != digest));
        assert_eq!(Parcel { path: "/etc/y".to_owned(), of_template: false, ..parcel }.digest(), digest);
    }
}
