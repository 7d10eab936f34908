//! IAM: the role that EC2 needs for spot, and the roles and instance profiles that an account makes.
//!
//! What a policy says is kept and not acted on. IAM is one for all regions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Call;
use super::tags::check_count;
use crate::simulator::faults::covers;
use crate::simulator::objects::{Profile, Role, Tags};
use crate::simulator::protocol::{Args, Fault, Xml};
use crate::simulator::world::{ACCOUNT, World};

/// The service-linked role of spot.
const SPOT_ROLE: &str = "AWSServiceRoleForEC2Spot";
/// When it was made: before the world began.
const CREATED: &str = "2026-01-02T03:04:05Z";
/// Who may take it on.
const SPOT_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"spot.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn no_such(what: &str, name: &str) -> Fault {
    Fault::new("NoSuchEntity", format!("The {what} with name {name} cannot be found.")).with_status(404)
}

fn exists(what: &str, name: &str) -> Fault {
    Fault::new("EntityAlreadyExists", format!("{what} with name {name} already exists.")).with_status(409)
}

/// GetRole.
pub(super) fn get_role(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let name = call.args.need("RoleName")?;
    let mut xml = Xml::new();
    if name == SPOT_ROLE && call.world.settings().spot_role {
        let role = Role {
            path: "/aws-service-role/spot.amazonaws.com/".to_owned(),
            description: Some("Default EC2 Spot Service Linked Role".to_owned()),
            trust: SPOT_TRUST.to_owned(),
            policies: BTreeMap::new(),
            created: CREATED.parse().unwrap_or(call.now),
            tags: Tags::new(),
        };
        xml.within("Role", |xml| write_role(xml, name, &role));
        return Ok(xml);
    }
    let role = call.world.roles.get(name).ok_or_else(|| no_such("role", name))?;
    xml.within("Role", |xml| write_role(xml, name, role));
    Ok(xml)
}

/// CreateRole.
pub(super) fn create_role(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let name = call.args.need("RoleName")?;
    let trust = document(&call.args, "AssumeRolePolicyDocument")?;
    if call.world.roles.get(name).is_some() {
        return Err(exists("Role", name));
    }
    let role = Role {
        path: call.args.get("Path").unwrap_or("/").to_owned(),
        description: call.args.get("Description").map(str::to_owned),
        trust,
        policies: BTreeMap::new(),
        created: call.now,
        tags: tags(&call.args)?,
    };
    call.world.roles.put(name, role.clone());
    let mut xml = Xml::new();
    xml.within("Role", |xml| write_role(xml, name, &role));
    Ok(xml)
}

/// DeleteRole: of one that has no policy and is in no profile.
pub(super) fn delete_role(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let name = call.args.need("RoleName")?;
    let role = call.world.roles.get(name).ok_or_else(|| no_such("role", name))?;
    let conflict = |message: &str| Fault::new("DeleteConflict", message).with_status(409);
    if !role.policies.is_empty() {
        return Err(conflict("Cannot delete entity, must delete policies first."));
    }
    if call.world.profiles.iter().any(|(_, profile)| profile.role.as_deref() == Some(name)) {
        return Err(conflict("Cannot delete entity, must remove roles from instance profile first."));
    }
    call.world.roles.remove(name);
    Ok(Xml::new())
}

/// PutRolePolicy: a new inline policy, or in the place of one of that name.
pub(super) fn put_policy(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let (name, policy) = (call.args.need("RoleName")?, call.args.need("PolicyName")?);
    let document = document(&call.args, "PolicyDocument")?;
    let role = call.world.roles.edit(name).ok_or_else(|| no_such("role", name))?;
    role.policies.insert(policy.to_owned(), document);
    Ok(Xml::new())
}

/// GetRolePolicy.
pub(super) fn get_policy(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let (name, policy) = (call.args.need("RoleName")?, call.args.need("PolicyName")?);
    let role = call.world.roles.get(name).ok_or_else(|| no_such("role", name))?;
    let document = role.policies.get(policy).ok_or_else(|| no_such("role policy", policy))?;
    let mut xml = Xml::new();
    xml.text("RoleName", name);
    xml.text("PolicyName", policy);
    xml.text("PolicyDocument", &encoded(document));
    Ok(xml)
}

/// DeleteRolePolicy.
pub(super) fn delete_policy(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let (name, policy) = (call.args.need("RoleName")?, call.args.need("PolicyName")?);
    let role = call.world.roles.edit(name).ok_or_else(|| no_such("role", name))?;
    role.policies.remove(policy).map(|_| Xml::new()).ok_or_else(|| no_such("role policy", policy))
}

/// CreateInstanceProfile.
pub(super) fn create_profile(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let name = call.args.need("InstanceProfileName")?;
    if call.world.profiles.get(name).is_some() {
        return Err(exists("Instance Profile", name));
    }
    let profile = Profile {
        path: call.args.get("Path").unwrap_or("/").to_owned(),
        role: None,
        created: call.now,
        tags: tags(&call.args)?,
    };
    call.world.profiles.put(name, profile.clone());
    Ok(shown(call.world, name, &profile))
}

/// GetInstanceProfile.
pub(super) fn get_profile(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let name = call.args.need("InstanceProfileName")?;
    let profile = call.world.profiles.get(name).ok_or_else(|| no_such("instance profile", name))?;
    Ok(shown(call.world, name, profile))
}

/// DeleteInstanceProfile: of one that has no role.
pub(super) fn delete_profile(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let name = call.args.need("InstanceProfileName")?;
    let profile = call.world.profiles.get(name).ok_or_else(|| no_such("instance profile", name))?;
    if profile.role.is_some() {
        let message = "Cannot delete entity, must remove roles from instance profile first.";
        return Err(Fault::new("DeleteConflict", message).with_status(409));
    }
    call.world.profiles.remove(name);
    Ok(Xml::new())
}

/// AddRoleToInstanceProfile: a profile has one role at most.
pub(super) fn add_role(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let (name, role) = (call.args.need("InstanceProfileName")?, call.args.need("RoleName")?);
    call.world.roles.get(role).ok_or_else(|| no_such("role", role))?;
    let profile = call.world.profiles.edit(name).ok_or_else(|| no_such("instance profile", name))?;
    if profile.role.is_some() {
        let message = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
        return Err(Fault::new("LimitExceeded", message).with_status(409));
    }
    profile.role = Some(role.to_owned());
    Ok(Xml::new())
}

/// RemoveRoleFromInstanceProfile.
pub(super) fn remove_role(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let (name, role) = (call.args.need("InstanceProfileName")?, call.args.need("RoleName")?);
    let profile = call.world.profiles.edit(name).ok_or_else(|| no_such("instance profile", name))?;
    profile.role.take_if(|has| has == role).map(|_| Xml::new()).ok_or_else(|| no_such("role", role))
}

/// The instance profile of a launch: one that is there, whose role the caller may pass on.
pub(super) fn profile_of_launch(call: &Call<'_>, args: &Args<'_>) -> Result<Option<String>, Fault> {
    let (parameter, given) = match (args.get("Arn"), args.get("Name")) {
        (Some(arn), _) => ("iamInstanceProfile.arn", arn),
        (None, Some(name)) => ("iamInstanceProfile.name", name),
        (None, None) => return Ok(None),
    };
    let name = given.rsplit('/').next().unwrap_or(given);
    let Some(profile) = call.world.profiles.get(name) else {
        let message =
            format!("Value ({given}) for parameter {parameter} is invalid. Invalid IAM Instance Profile name");
        return Err(Fault::value(message));
    };
    if call.world.settings().denied.iter().any(|denied| covers(denied, "PassRole")) {
        let role = profile.role.as_deref().unwrap_or_default();
        let path = call.world.roles.get(role).map_or("/", |role| &role.path);
        let message = format!(
            "You are not authorized to perform this operation. User: arn:aws:iam::{ACCOUNT}:user/simulated is not \
             authorized to perform: iam:PassRole on resource: arn:aws:iam::{ACCOUNT}:role{path}{role} because no \
             identity-based policy allows the iam:PassRole action"
        );
        return Err(Fault::new("UnauthorizedOperation", message).with_status(403));
    }
    Ok(Some(given.to_owned()))
}

/// A policy as it was given: it must be JSON at least.
fn document(args: &Args<'_>, name: &str) -> Result<String, Fault> {
    let text = args.need(name)?;
    let is_object = serde_json::from_str(text).is_ok_and(|value: serde_json::Value| value.is_object());
    let malformed = || Fault::new("MalformedPolicyDocument", "This policy contains invalid Json");
    is_object.then(|| text.to_owned()).ok_or_else(malformed)
}

fn tags(args: &Args<'_>) -> Result<Tags, Fault> {
    let given = args.under("Tags").items("member").into_iter();
    let tags = given.map(|tag| Ok((tag.need("Key")?.to_owned(), tag.given("Value").unwrap_or_default().to_owned())));
    let tags = tags.collect::<Result<Tags, Fault>>()?;
    check_count(&tags)?;
    Ok(tags)
}

/// A policy as IAM gives it: percent-encoded (RFC 3986).
fn encoded(document: &str) -> String {
    document.bytes().fold(String::with_capacity(document.len() * 2), |mut text, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(char::from(byte)),
            // Writing into a text does not fail.
            _ => _ = write!(text, "%{byte:02X}"),
        }
        text
    })
}

fn write_role(xml: &mut Xml, name: &str, role: &Role) {
    xml.text("Path", &role.path);
    xml.text("RoleName", name);
    xml.text("RoleId", "AROASIMULATEDROLE0001");
    xml.text("Arn", &format!("arn:aws:iam::{ACCOUNT}:role{}{name}", role.path));
    xml.text("CreateDate", &role.created.to_string());
    xml.text("AssumeRolePolicyDocument", &encoded(&role.trust));
    if let Some(description) = &role.description {
        xml.text("Description", description);
    }
    xml.show("MaxSessionDuration", 3600);
    write_tags(xml, &role.tags);
}

fn write_tags(xml: &mut Xml, tags: &Tags) {
    if tags.is_empty() {
        return;
    }
    xml.within("Tags", |xml| {
        for (key, value) in tags {
            xml.within("member", |xml| {
                xml.text("Key", key);
                xml.text("Value", value);
            });
        }
    });
}

fn shown(world: &World, name: &str, profile: &Profile) -> Xml {
    let mut xml = Xml::new();
    xml.within("InstanceProfile", |xml| {
        xml.text("Path", &profile.path);
        xml.text("InstanceProfileName", name);
        xml.text("InstanceProfileId", "AIPASIMULATEDPROFILE1");
        xml.text("Arn", &format!("arn:aws:iam::{ACCOUNT}:instance-profile{}{name}", profile.path));
        xml.text("CreateDate", &profile.created.to_string());
        xml.within("Roles", |xml| {
            if let Some((name, role)) = profile.role.as_ref().and_then(|name| Some((name, world.roles.get(name)?))) {
                xml.within("member", |xml| write_role(xml, name, role));
            }
        });
        write_tags(xml, &profile.tags);
    });
    xml
}
