//! What EC2 can be asked to do: one function an action, one file a family.

mod console;
mod cost_explorer;
mod data_feed;
mod groups;
mod iam;
mod images;
mod instance_xml;
mod instances;
mod interfaces;
mod keys;
mod launch_spec;
mod modifications;
mod network;
mod own_images;
mod power;
mod price_list;
mod prices;
mod regions;
mod requests;
mod routes;
mod run;
mod scores;
mod service_quotas;
mod snapshots;
mod sts;
mod tags;
mod types;
mod volumes;

pub(super) use own_images::publisher;

use jiff::Timestamp;

use super::catalog::{Region, find_region};
use super::chance;
use super::faults;
use super::lag;
use super::network::default_group_id;
use super::objects::{Group, Token};
use super::protocol::{Answer, Args, Dialect, Fault, Request, Xml};
use super::table::Table;
use super::throttle;
use super::world::World;

/// One request being answered.
struct Call<'a> {
    world: &'a mut World,
    request: &'a Request,
    args: Args<'a>,
    region: &'static Region,
    now: Timestamp,
}

type Action = fn(&mut Call<'_>) -> Result<Xml, Fault>;

fn find(action: &str) -> Option<Action> {
    Some(match action {
        "AddRoleToInstanceProfile" => iam::add_role,
        "AttachVolume" => volumes::attach,
        "AuthorizeSecurityGroupIngress" => groups::authorize,
        "CancelSpotInstanceRequests" => requests::cancel,
        "CopySnapshot" => snapshots::copy,
        "CreateImage" => own_images::create,
        "CreateInstanceProfile" => iam::create_profile,
        "CreateNetworkInterface" => interfaces::create,
        "CreateRole" => iam::create_role,
        "CreateSecurityGroup" => groups::create,
        "CreateSnapshot" => snapshots::create,
        "CreateTags" => tags::create,
        "CreateVolume" => volumes::create,
        "DeleteInstanceProfile" => iam::delete_profile,
        "DeleteKeyPair" => keys::delete,
        "DeleteNetworkInterface" => interfaces::delete,
        "DeleteRole" => iam::delete_role,
        "DeleteRolePolicy" => iam::delete_policy,
        "DeleteSecurityGroup" => groups::delete,
        "DeleteSnapshot" => snapshots::delete,
        "DeleteTags" => tags::delete,
        "DeleteVolume" => volumes::delete,
        "DeregisterImage" => own_images::deregister,
        "DescribeAvailabilityZones" => regions::describe_zones,
        "DescribeImages" => images::describe,
        "DescribeInstanceStatus" => instances::describe_status,
        "DescribeInstanceTypeOfferings" => types::describe_offerings,
        "DescribeInstanceTypes" => types::describe,
        "DescribeInstances" => instances::describe,
        "DescribeKeyPairs" => keys::describe,
        "DescribeNetworkInterfaces" => interfaces::describe,
        "DescribeRegions" => regions::describe,
        "DescribeRouteTables" => routes::describe,
        "DescribeSecurityGroups" => groups::describe,
        "DescribeSnapshots" => snapshots::describe,
        "DescribeSpotDatafeedSubscription" => data_feed::describe,
        "DescribeSpotInstanceRequests" => requests::describe,
        "DescribeSpotPriceHistory" => prices::describe,
        "DescribeSubnets" => network::describe_subnets,
        "DescribeTags" => tags::describe,
        "DescribeVolumes" => volumes::describe,
        "DescribeVolumesModifications" => modifications::describe,
        "DescribeVpcs" => network::describe_vpcs,
        "DetachVolume" => volumes::detach,
        "GetAWSDefaultServiceQuota" => service_quotas::get_default,
        "GetCallerIdentity" => sts::identity,
        "GetConsoleOutput" => console::output,
        "GetCostAndUsage" => cost_explorer::get_cost_and_usage,
        "GetInstanceProfile" => iam::get_profile,
        "GetObject" => data_feed::get_object,
        "GetRole" => iam::get_role,
        "GetProducts" => price_list::get_products,
        "GetRolePolicy" => iam::get_policy,
        "GetSpotPlacementScores" => scores::get,
        "GetServiceQuota" => service_quotas::get,
        "ImportKeyPair" => keys::import,
        "ListObjectsV2" => data_feed::list_objects,
        "ListServiceQuotas" => service_quotas::list,
        "ModifyNetworkInterfaceAttribute" => interfaces::modify,
        "ModifyVolume" => modifications::modify,
        "PutRolePolicy" => iam::put_policy,
        "RemoveRoleFromInstanceProfile" => iam::remove_role,
        "RequestSpotInstances" => requests::request,
        "RevokeSecurityGroupIngress" => groups::revoke,
        "RunInstances" => run::run,
        "StartInstances" => power::start,
        "StopInstances" => power::stop,
        "TerminateInstances" => power::terminate,
        _ => return None,
    })
}

/// Whether an action is EC2's own.
pub(super) fn is_ec2(action: &str) -> bool {
    service(action) == "ec2"
}

/// The service that an action belongs to, as IAM's policies name it.
pub(super) fn service(action: &str) -> &'static str {
    Dialect::of(action).service()
}

/// Answers one request from the world as it is now, or refuses it when it is to be refused.
pub(super) fn answer(world: &mut World, request: &Request, now: Timestamp, refusal: Option<Fault>) -> Answer {
    let action = request.action();
    let id = request_id(world, action, now);
    let dialect = Dialect::of(action);
    match act(world, request, now, refusal) {
        Ok(content) => dialect.success(action, &id, content),
        Err(fault) => dialect.fault(&fault, &id),
    }
}

fn act(world: &mut World, request: &Request, now: Timestamp, refusal: Option<Fault>) -> Result<Xml, Fault> {
    if request.access_key.is_none() {
        return Err(
            Fault::new("MissingAuthenticationToken", "Request is missing Authentication Token").with_status(403)
        );
    }
    addressed(request)?;
    let name = request.action();
    world.count_call(name);
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    if is_ec2(name) {
        throttle::admit(world, request, now)?;
    }
    if world.settings().denied.iter().any(|denied| faults::covers(denied, name)) {
        return Err(faults::denied(world, request, now));
    }
    perform(world, request, now)
}

/// Does what is asked, whoever asks.
pub(super) fn perform(world: &mut World, request: &Request, now: Timestamp) -> Result<Xml, Fault> {
    let (action, region) = addressed(request)?;
    let args = request.args();
    if args.flag("DryRun")? {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Fault::new("DryRunOperation", message).with_status(412));
    }
    ensure_default_group(world, region, now);
    let turned = if faults::is_read(request.action()) { lag::turn_back(world, now) } else { Vec::new() };
    let answer = action(&mut Call { world, request, args, region, now });
    lag::turn_forth(world, turned);
    answer
}

/// The action that is asked for, and the region it is asked of.
fn addressed(request: &Request) -> Result<(Action, &'static Region), Fault> {
    let name = request.action();
    let unknown = || Fault::new("InvalidAction", format!("The action {name} is not valid for this web service."));
    let action = find(name).ok_or_else(unknown)?;
    // EC2 knows no account in a region that the account has not opted in to.
    let stranger =
        || Fault::new("AuthFailure", "AWS was not able to validate the provided access credentials").with_status(401);
    let region = find_region(&request.region).filter(|region| region.opt_in_status != "not-opted-in");
    Ok((action, region.ok_or_else(stranger)?))
}

fn request_id(world: &World, action: &str, now: Timestamp) -> String {
    let parts = [action, &now.to_string(), &world.calls.get(action).copied().unwrap_or(0).to_string()];
    let high = chance::draw(world.seed(), &parts);
    uuid::Uuid::from_u64_pair(high, chance::draw(high, &parts)).to_string()
}

/// Every region's default VPC comes with a group that nobody made.
fn ensure_default_group(world: &mut World, region: &Region, now: Timestamp) {
    let id = default_group_id(&region.name);
    if world.groups.get(&id).is_none() {
        let group = Group {
            region: region.name.clone(),
            name: "default".to_owned(),
            description: "default VPC security group".to_owned(),
            rules: Vec::new(),
            created: now,
            visible: now,
            tags: super::objects::Tags::new(),
        };
        world.groups.put(&id, group);
    }
}

impl Call<'_> {
    fn region_name(&self) -> &'static str {
        &self.region.name
    }

    /// Whether the zone is one of this region's.
    fn has_zone(&self, zone: &str) -> bool {
        self.region.zones.iter().any(|known| known.name == zone)
    }

    /// What an earlier call with the same ClientToken made. The same token with other parameters is refused.
    fn made_before(&self) -> Result<Option<Vec<String>>, Fault> {
        let Some(key) = self.token_key()? else { return Ok(None) };
        let Some(token) = self.world.tokens.get(&key) else { return Ok(None) };
        if token.fingerprint == self.request.fingerprint() {
            return Ok(Some(token.made.clone()));
        }
        let message =
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).";
        Err(Fault::new("IdempotentParameterMismatch", message))
    }

    /// Notes what this call made for its ClientToken.
    fn remember(&mut self, made: &[String]) -> Result<(), Fault> {
        if let Some(key) = self.token_key()? {
            let token = Token { fingerprint: self.request.fingerprint(), made: made.to_vec() };
            self.world.tokens.put(&key, token);
        }
        Ok(())
    }

    fn token_key(&self) -> Result<Option<String>, Fault> {
        let Some(token) = self.args.get("ClientToken") else { return Ok(None) };
        if token.len() > 64 || !token.is_ascii() {
            return Err(Fault::value("The client token may have up to 64 ASCII characters."));
        }
        Ok(Some(format!("{}/{}/{token}", self.region.name, self.request.action())))
    }
}

/// The rows that a describe is about: those of the ids given, all of which must be there and seen, or every seen one.
fn pick<'w, T>(
    table: &'w Table<T>,
    ids: &[&str],
    seen: impl Fn(&T) -> bool,
    missing: impl Fn(&[&str]) -> Fault,
) -> Result<Vec<(&'w String, &'w T)>, Fault> {
    if ids.is_empty() {
        return Ok(table.iter().filter(|(_, row)| seen(row)).collect());
    }
    let absent: Vec<&str> = ids.iter().filter(|id| !table.get(id).is_some_and(&seen)).copied().collect();
    if !absent.is_empty() {
        return Err(missing(&absent));
    }
    let mut wanted = ids.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    Ok(table.rows_of(&wanted))
}

/// Whether an id has its kind's form: the prefix, a dash and hexadecimal digits.
fn check_id(id: &str, prefix: &str, code: &'static str) -> Result<(), Fault> {
    let digits = id.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    let well_formed = digits
        .is_some_and(|digits| matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if well_formed { Ok(()) } else { Err(Fault::malformed(code, id, prefix)) }
}

/// `<return>true</return>`, the whole answer of many actions.
fn done() -> Xml {
    let mut xml = Xml::new();
    xml.show("return", true);
    xml
}

/// The tags of an object as describes show them: nothing for an object without any, as in recorded answers.
fn tag_set(xml: &mut Xml, tags: &super::objects::Tags) {
    if !tags.is_empty() {
        tag_set_even_empty(xml, tags);
    }
}

/// The tags of a spot request or an interface, whose set is there even when it is empty.
fn tag_set_even_empty(xml: &mut Xml, tags: &super::objects::Tags) {
    xml.list("tagSet", tags, |xml, (key, value)| {
        xml.text("key", key);
        xml.text("value", value);
    });
}
