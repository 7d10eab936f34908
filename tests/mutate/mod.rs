//! Documents that were valid and are so no more, or not quite: random bytes alone never get past the first check.

pub mod bytes;
pub mod json;
