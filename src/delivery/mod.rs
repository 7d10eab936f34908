//! What nodes get over ssh once they are up, and never in user data: files of a template, certificates, secrets.

mod secret;

pub use secret::Secret;
