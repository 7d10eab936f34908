//! What AWS says: whose the credentials are, the region, the network, the permissions, the role, the time.

use tokio::time::timeout;

use crate::cli::{CommandError, Exit};
use crate::cloud::doctor::{Hello, Trial, nothing_answers};
use crate::cloud::{Cloud, CloudError, Known, SurveyError, Want};
use crate::domain::call::{Launch, Tags};
use crate::domain::demand::{Arch, Demand, Requirements};
use crate::domain::doctor::{Area, Check, clock, credentials, network, permissions, quota};
use crate::domain::failure::{Class, Failure};
use crate::domain::intent::{Intent, Interruption};
use crate::domain::market::{Image, Subnet};
use crate::domain::names::Identity;
use crate::domain::observed::InstanceState;
use crate::domain::pools::Pool;
use crate::domain::quota::Purchase;
use crate::domain::tags;

use super::super::context::Context;
use super::subject::Subject;
use super::{LIMIT, in_words, within};

const REGION: &str = "region";
const ROLE: &str = "spot-role";
/// What is not looked at where AWS cannot be asked.
const ALL: [&str; 6] = [clock::NAME, REGION, network::NAME, permissions::NAME, quota::NAME, ROLE];
/// A type that every region has, where requirements name none: what is launched in a dry run has to exist.
const ANY_TYPE: &str = "m5.large";
/// A well-formed image id that is nobody's: a dry run is refused for it after the permission was looked at.
const NO_IMAGE: &str = "ami-00000000000000000";
/// A public key that nobody has the private half of.
const NO_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA doctor";

/// All checks of AWS.
pub async fn checks(context: &Context, subject: &Subject) -> Vec<Check> {
    let cloud = match &subject.cloud {
        Ok(cloud) => cloud,
        Err(error) => return not_connected(error),
    };
    let hello = timeout(LIMIT, cloud.hello()).await;
    let hello = hello.unwrap_or_else(|_elapsed| Hello { caller: Err(late("GetCallerIdentity")), date: None });
    let now = context.clock.now();
    let clock = |why| match hello.date {
        Some(_) => clock::check(now, hello.date),
        None => Check::skipped(clock::NAME, why),
    };
    let mut checks = match &hello.caller {
        Ok(caller) => {
            vec![credentials::check(&caller.arn, cloud.credentials_expire_at(), now), clock::check(now, hello.date)]
        }
        Err(failure) if nothing_answers(failure) => return all_skipped(failure, true, clock("AWS does not answer")),
        Err(failure) if failure.class == Class::Credentials => {
            return all_skipped(failure, false, clock("no valid credentials"));
        }
        Err(failure) => vec![credentials::not_told(failure, false), clock::check(now, hello.date)],
    };
    let named = subject.intent.as_ref().ok().and_then(|it| it.subnet.as_deref());
    let subnets = timeout(LIMIT, cloud.usable_subnets(named)).await;
    let subnets = subnets.unwrap_or_else(|_elapsed| Err(late("DescribeSubnets").into()));
    let (region, network, permissions, quota, role) = tokio::join!(
        within(REGION, region(cloud)),
        within(network::NAME, network(cloud, subject, &subnets)),
        within(permissions::NAME, permissions(context, cloud, subject, &subnets)),
        within(quota::NAME, quota(cloud, subject)),
        within(ROLE, role(cloud)),
    );
    checks.extend([region, network, permissions, quota, role].into_iter().flatten());
    checks
}

/// A call that did not end within [`LIMIT`].
fn late(action: &str) -> Failure {
    let message = format!("no answer came within {} s", LIMIT.as_secs());
    Failure { action: action.to_owned(), code: "Timeout".to_owned(), message, class: Class::Ambiguous }
}

/// Without a connection nothing is asked.
fn not_connected(error: &CommandError) -> Vec<Check> {
    let found = in_words(error);
    let (first, why) = if error.exit == Exit::Denied {
        (Check::wrong(credentials::NAME, Area::Access, found, credentials::MEND), "no credentials")
    } else {
        let mend = "name a region, profile and endpoint that there are: -r, --profile, --endpoint-url";
        (Check::wrong(credentials::NAME, Area::Configuration, found, mend), "no region, profile or endpoint")
    };
    std::iter::once(first).chain(ALL.map(|name| Check::skipped(name, why))).collect()
}

/// Where AWS cannot be asked, the clock may still be known.
fn all_skipped(failure: &Failure, unreachable: bool, clock: Check) -> Vec<Check> {
    let why = if unreachable { "AWS does not answer" } else { "no valid credentials" };
    let rest = ALL.iter().skip(1).map(|name| Check::skipped(name, why));
    [credentials::not_told(failure, unreachable), clock].into_iter().chain(rest).collect()
}

async fn region(cloud: &Cloud) -> Vec<Check> {
    let name = cloud.region();
    vec![match cloud.regions().await {
        Ok(known) if known.iter().any(|it| it == name) => Check::ok(REGION, format!("{name} is enabled")),
        Ok(known) => {
            let error = CloudError::RegionUnknown { region: name.to_owned(), known: known.join(", ") };
            let mend = format!("use another with -r, or `aws account enable-region --region-name {name}`");
            Check::wrong(REGION, Area::Configuration, error.to_string(), mend)
        }
        Err(failure) => untold(REGION, &failure),
    }]
}

/// The verdict where a call failed that should tell.
fn untold(name: &'static str, failure: &Failure) -> Check {
    let mend = match failure.class {
        Class::Denied => {
            let statements = permissions::statements(&[format!("ec2:{}", failure.action)]).join(", ");
            format!("add to the caller's policy: `{statements}`")
        }
        _ => "run `cloudtop doctor` again".to_owned(),
    };
    Check::warning(name, format!("it could not be told: {failure}"), mend)
}

async fn network(cloud: &Cloud, subject: &Subject, subnets: &Result<Vec<Subnet>, SurveyError>) -> Vec<Check> {
    let intent = subject.intent.as_ref().ok();
    let found = match subnets {
        Ok(found) => found,
        Err(SurveyError::Call(failure)) => return vec![untold(network::NAME, failure)],
        Err(error) => {
            return vec![Check::wrong(
                network::NAME,
                Area::Configuration,
                error.to_string(),
                "name one that there is: `aws ec2 describe-subnets` lists them",
            )];
        }
    };
    let zone = intent.and_then(|it| it.zone.as_ref());
    let usable: Vec<Subnet> =
        found.iter().filter(|subnet| zone.is_none_or(|zone| *zone == subnet.zone)).cloned().collect();
    let Some(first) = usable.first() else {
        return vec![match cloud.default_vpc().await {
            Ok(vpc) => network::no_default_subnet(cloud.region(), vpc.as_deref()),
            Err(failure) => untold(network::NAME, &failure),
        }];
    };
    vec![match cloud.route_tables(&first.vpc_id).await {
        Ok(tables) => {
            let named = intent.is_some_and(|it| it.subnet.is_some());
            network::check(&usable, &tables, named, intent.map_or(1, |it| it.nodes))
        }
        Err(failure) => untold(network::NAME, &failure),
    }]
}

async fn permissions(
    context: &Context,
    cloud: &Cloud,
    subject: &Subject,
    subnets: &Result<Vec<Subnet>, SurveyError>,
) -> Vec<Check> {
    let intent = subject.intent.as_ref().ok();
    let subnet = subnets.as_ref().ok().and_then(|it| it.first());
    let image = match intent {
        Some(intent) => cloud.some_image(&intent.image, context.clock.now()).await,
        None => None,
    };
    let identity = subject.identity();
    let image = image.unwrap_or_else(no_image);
    let trial = Trial {
        launch: launch(intent, subnet, image, cloud.region(), &identity),
        vpc_id: subnet.map_or("vpc-00000000000000000", |it| it.vpc_id.as_str()).to_owned(),
        public_key: NO_KEY.to_owned(),
        identity,
    };
    permissions::check(&cloud.try_actions(&trial).await)
}

/// A launch as `up` would ask for.
fn launch(intent: Option<&Intent>, subnet: Option<&Subnet>, image: Image, region: &str, identity: &Identity) -> Launch {
    let instance_type = match intent.map(|it| &it.demand) {
        Some(Demand::Types(names)) => names.first().cloned(),
        Some(Demand::Requirements(_)) | None => None,
    };
    let zone = subnet.map_or_else(|| format!("{region}a"), |it| it.zone.clone());
    Launch {
        nodes: vec![0],
        at_least: 1,
        pool: Pool {
            instance_type: instance_type.unwrap_or_else(|| ANY_TYPE.to_owned()),
            zone,
            subnet: intent.and_then(|it| it.subnet.clone()),
        },
        price: 0.0,
        on_demand: false,
        root_gib: image.root_gib.max(8),
        image,
        key_name: identity.resource_name(),
        tags: tags::of_nodes(identity, &Tags::new(), "0"),
        group_id: String::new(),
        interface_id: None,
        user_data: String::new(),
        on_interruption: Interruption::Stop,
        one_time: false,
        max_price: None,
        valid_until: None,
        ephemeral_disks: 0,
        shutdown_terminates: false,
        instance_profile: None,
    }
}

fn no_image() -> Image {
    Image {
        id: NO_IMAGE.to_owned(),
        name: String::new(),
        arch: Arch::X86_64,
        root_device: "/dev/xvda".to_owned(),
        root_gib: 8,
    }
}

/// The quotas that what is asked for can meet. Without a valid wish, those of the default one.
async fn quota(cloud: &Cloud, subject: &Subject) -> Vec<Check> {
    let intent = subject.intent.as_ref().ok();
    let demand = intent.map_or_else(|| Demand::Requirements(Requirements::default()), |it| it.demand.clone());
    let running = match running(cloud, subject).await {
        Ok(running) => running,
        Err(failure) => return vec![untold(quota::NAME, &failure)],
    };
    let missing = u64::from(intent.map_or(1, |it| it.nodes)).saturating_sub(running);
    let mut quotas = Vec::new();
    for name in quota::types_to_ask_for(&demand) {
        match cloud.quota_use(&name, Purchase::Spot).await {
            Ok(found) => quotas.extend(found.map(|it| quota::as_asked(it, &demand))),
            Err(failure) => return vec![untold(quota::NAME, &failure)],
        }
    }
    vec![quota::check(&quotas, missing)]
}

/// How many nodes of the environment count in a quota already: they are not asked for again.
async fn running(cloud: &Cloud, subject: &Subject) -> Result<u64, Failure> {
    let Some(known) = &subject.known else { return Ok(0) };
    let observed = cloud
        .observe(
            &subject.identity(),
            &Known {
                request_ids: &[],
                instance_ids: &[],
                existing_volume: None,
                ssh_port: known.intent.access.port,
                want: Want { volumes: false, interfaces: false, snapshots: false, keys: false, groups: false },
            },
        )
        .await?;
    let counts = |state| matches!(state, InstanceState::Pending | InstanceState::Running | InstanceState::Stopping);
    let count = observed.instances.iter().filter(|it| counts(it.state)).count();
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}

async fn role(cloud: &Cloud) -> Vec<Check> {
    const CREATE: &str = "`aws iam create-service-linked-role --aws-service-name spot.amazonaws.com`";
    vec![match cloud.has_spot_role().await {
        Ok(true) => Check::ok(ROLE, "AWSServiceRoleForEC2Spot is there"),
        Ok(false) => Check::warning(
            ROLE,
            "there is no role AWSServiceRoleForEC2Spot; EC2 makes it at the first request, if the caller may",
            CREATE,
        ),
        Err(failure) if failure.class == Class::Denied => {
            let statements = permissions::statements(&["iam:GetRole".to_owned()]).join(", ");
            let found = "iam:GetRole is not allowed, so whether AWSServiceRoleForEC2Spot is there cannot be told";
            Check::warning(ROLE, found, format!("none is needed if spot works; to look, allow `{statements}`"))
        }
        Err(failure) => untold(ROLE, &failure),
    }]
}
