//! Why there is no certificate.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::state::StateError;

/// Why there is no certificate. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file of the authority's cannot be read, written or deleted.
    #[error(transparent)]
    State(#[from] StateError),
    /// What is kept of the authority is not one.
    #[error(
        "the cluster's certificate authority {} is damaged ({detail}): put it back from a backup, or move it aside, and \
         all nodes get certificates of a new one", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; never what is in it.
        detail: String,
    },
    /// The authority has ended, and with it whatever it has issued.
    #[error(
        "the cluster's certificate authority {} ended at {at}: move it aside, and all nodes get certificates of a new one",
        path.display()
    )]
    Ended {
        /// Its file.
        path: PathBuf,
        /// When.
        at: Timestamp,
    },
    /// A certificate cannot be made of this.
    #[error("no certificate can be made for `{name}`")]
    Unsignable {
        /// Whom it was for.
        name: String,
        /// The reason.
        source: rcgen::Error,
    },
}
