//! STS: who is asking.

use super::Call;
use crate::simulator::protocol::{Fault, Xml};
use crate::simulator::world::ACCOUNT;

/// GetCallerIdentity: one user of one account, whoever signs.
pub(super) fn identity(_: &mut Call<'_>) -> Result<Xml, Fault> {
    let mut xml = Xml::new();
    xml.text("Arn", &format!("arn:aws:iam::{ACCOUNT}:user/simulated"));
    xml.text("UserId", "AIDASIMULATEDUSER0001");
    xml.text("Account", ACCOUNT);
    Ok(xml)
}
