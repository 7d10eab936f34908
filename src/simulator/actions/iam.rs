//! IAM: the one role that EC2 needs for spot.

use super::Call;
use crate::simulator::protocol::{Fault, Xml};
use crate::simulator::world::ACCOUNT;

/// The service-linked role of spot.
const SPOT_ROLE: &str = "AWSServiceRoleForEC2Spot";
/// When it was made: before the world began.
const CREATED: &str = "2026-01-02T03:04:05Z";
/// Who may take it on, in the form in which IAM gives policies: percent-encoded (RFC 3986).
const TRUST: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22spot.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";

/// GetRole: spot's, if the account has it; there are no others.
pub(super) fn get_role(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let name = call.args.need("RoleName")?;
    if name != SPOT_ROLE || !call.world.settings().spot_role {
        let message = format!("The role with name {name} cannot be found.");
        return Err(Fault::new("NoSuchEntity", message).with_status(404));
    }
    let path = "/aws-service-role/spot.amazonaws.com/";
    let mut xml = Xml::new();
    xml.within("Role", |xml| {
        xml.text("Path", path);
        xml.text("RoleName", name);
        xml.text("RoleId", "AROASIMULATEDROLE0001");
        xml.text("Arn", &format!("arn:aws:iam::{ACCOUNT}:role{path}{name}"));
        xml.text("CreateDate", CREATED);
        xml.text("AssumeRolePolicyDocument", TRUST);
        xml.text("Description", "Default EC2 Spot Service Linked Role");
        xml.show("MaxSessionDuration", 3600);
    });
    Ok(xml)
}
