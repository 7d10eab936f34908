//! The ways in: within the process, over HTTP, and by ssh to a node.

pub(super) mod connector;
pub(super) mod http;
pub(super) mod ssh;
