//! STS: who is asking.

use super::Call;
use crate::simulator::protocol::{Answer, Fault, STS_NAMESPACE, Xml};
use crate::simulator::world::ACCOUNT;

pub(super) const ACTION: &str = "GetCallerIdentity";

/// GetCallerIdentity: one user of one account, whoever signs.
pub(super) fn identity(_: &mut Call<'_>) -> Result<Xml, Fault> {
    let mut xml = Xml::new();
    xml.text("Arn", &format!("arn:aws:iam::{ACCOUNT}:user/simulated"));
    xml.text("UserId", "AIDASIMULATEDUSER0001");
    xml.text("Account", ACCOUNT);
    Ok(xml)
}

/// The answer in the dialect of STS.
pub(super) fn success(request_id: &str, content: &Xml) -> Answer {
    let mut xml = Xml::document();
    xml.root("GetCallerIdentityResponse", STS_NAMESPACE, |xml| {
        xml.within("GetCallerIdentityResult", |xml| xml.append(content));
        xml.within("ResponseMetadata", |xml| xml.text("RequestId", request_id));
    });
    Answer { status: 200, body: xml.finish() }
}
