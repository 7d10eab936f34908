//! Environments for tests.

use std::time::Duration;

use jiff::Timestamp;

use super::report::{EnvironmentReport, NodeReport, VolumeReport};
use crate::domain::budget::{Action, Budget, Scope, Standing};
use crate::domain::call::{Call, Launch, Tags};
use crate::domain::demand::Arch;
use crate::domain::failure::{Class, Failure};
use crate::domain::intent::{Goal, Interruption, Kind};
use crate::domain::market::{Image, TypeFacts};
use crate::domain::observed::VolumeState;
use crate::domain::phase::Phase;
use crate::domain::plan::NodeView;
use crate::domain::pools::{Choice, Pool, Ranking, Refusal, Rejection, RejectionKind};
use crate::domain::score::Score;

/// 2026-11-21T08:00:00Z.
pub(super) fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_795_248_000)
}

/// A node in a phase, with nothing of its own yet.
pub(super) fn bare(index: u32, phase: Phase, waiting_for: Option<&str>) -> NodeView {
    NodeView {
        index,
        phase,
        waiting_for: waiting_for.map(str::to_owned),
        on_demand: false,
        request_id: None,
        request_status: None,
        instance_id: None,
        instance_type: None,
        zone: None,
        public_ip: None,
        private_ip: None,
        interface_id: None,
        public_dns: None,
        launched_at: None,
        ended_at: None,
    }
}

/// A node that runs.
pub(super) fn running(index: u32, zone: &str, phase: Phase) -> NodeView {
    NodeView {
        on_demand: false,
        request_id: Some(format!("sir-0000000{index}")),
        request_status: Some("fulfilled".to_owned()),
        instance_id: Some(format!("i-0123456789abcdef{index}")),
        instance_type: Some("m7a.xlarge".to_owned()),
        zone: Some(zone.to_owned()),
        public_ip: Some(format!("203.0.113.2{index}")),
        private_ip: Some(format!("172.31.0.2{index}")),
        interface_id: None,
        public_dns: Some(format!("ec2-203-0-113-2{index}.compute-1.amazonaws.com")),
        launched_at: Some(now()),
        ended_at: None,
        ..bare(index, phase, None)
    }
}

/// A CloudTop that is ready.
pub(super) fn cloudtop() -> EnvironmentReport {
    EnvironmentReport {
        name: "dev".to_owned(),
        kind: Kind::Cloudtop,
        region: "us-east-1".to_owned(),
        goal: Goal::Running,
        nodes: vec![NodeReport {
            view: running(0, "us-east-1c", Phase::Ready),
            price_per_hour: Some(0.0731),
            said: None,
        }],
        volumes: vec![VolumeReport {
            volume_id: "vol-0123456789abcdef0".to_owned(),
            size_gib: 100,
            zone: "us-east-1c".to_owned(),
            device: Some("/dev/xvdj".to_owned()),
            state: VolumeState::InUse,
            attached_to: Some("i-0123456789abcdef0".to_owned()),
        }],
        snapshots: Vec::new(),
        volume_usd_per_month: 8.0,
        spent_this_month: Some(12.5),
        expires_at: None,
        notes: Vec::new(),
    }
}

/// A throwaway cluster in two zones, with one node still asked for.
pub(super) fn cluster() -> EnvironmentReport {
    let mut waiting = bare(
        2,
        Phase::Requested,
        Some("EC2 has no spot capacity there now (capacity-not-available, m7a.xlarge in us-west-1b)"),
    );
    waiting.request_id = Some("sir-00000002".to_owned());
    waiting.request_status = Some("capacity-not-available".to_owned());
    waiting.instance_type = Some("m7a.xlarge".to_owned());
    waiting.zone = Some("us-west-1b".to_owned());
    let nodes = [running(0, "us-west-1a", Phase::Ready), running(1, "us-west-1b", Phase::Ready), waiting];
    let prices = [Some(0.07), Some(0.08), None];
    EnvironmentReport {
        name: "core".to_owned(),
        kind: Kind::Cluster,
        region: "us-west-1".to_owned(),
        goal: Goal::Running,
        nodes: nodes
            .into_iter()
            .zip(prices)
            .map(|(view, price_per_hour)| NodeReport { view, price_per_hour, said: None })
            .collect(),
        volumes: Vec::new(),
        snapshots: Vec::new(),
        volume_usd_per_month: 0.0,
        spent_this_month: Some(0.8),
        expires_at: Some(now() + Duration::from_mins(478)),
        notes: vec!["EC2 took node 2 away".to_owned()],
    }
}

/// A pool that will do.
pub(super) fn choice(instance_type: &str, zone: &str, price: f64) -> Choice {
    Choice {
        pool: pool(instance_type, zone),
        price,
        facts: TypeFacts {
            name: instance_type.to_owned(),
            vcpus: 4,
            memory_mib: 16_384,
            archs: vec![Arch::X86_64],
            spot: true,
            current_generation: true,
            burstable: false,
            bare_metal: false,
            local_disk_gb: 0,
            local_disks: 0,
            local_nvme: false,
            hibernation: false,
            gpus: 0,
        },
        image: image(),
        in_part: false,
        score: Score::spot(price, None, 4, 30),
        band: None,
        max_price: None,
        on_demand: false,
    }
}

fn pool(instance_type: &str, zone: &str) -> Pool {
    Pool { instance_type: instance_type.to_owned(), zone: zone.to_owned(), subnet: None }
}

fn image() -> Image {
    Image {
        id: "ami-0123".to_owned(),
        name: "ubuntu".to_owned(),
        arch: Arch::X86_64,
        root_device: "/dev/sda1".to_owned(),
        root_gib: 8,
    }
}

/// Two pools that will do and a few that will not.
pub(super) fn ranking() -> Ranking {
    let reject = |what: &str, kind, why: &str| Rejection { what: what.to_owned(), why: why.to_owned(), kind };
    let mut rejections = vec![
        reject("m7a.xlarge in us-east-1a", RejectionKind::Price, "its price $0.0900 is above the limit of $0.0800"),
        reject(
            "m5.xlarge in us-east-1a",
            RejectionKind::Refused,
            "RunInstances: none left (InsufficientInstanceCapacity)",
        ),
        reject(
            "m5.xlarge in us-east-1b",
            RejectionKind::Refused,
            "RunInstances: none left (InsufficientInstanceCapacity)",
        ),
    ];
    rejections
        .extend((0..412).map(|n| reject(&format!("t{n}.small"), RejectionKind::Unsuitable, "fewer than 4 vCPUs")));
    rejections.push(reject("m7g.xlarge", RejectionKind::Unsuitable, "it is not x86_64"));
    Ranking {
        choices: vec![choice("m7a.xlarge", "us-east-1c", 0.0731), choice("m6a.xlarge", "us-east-1a", 0.0758)],
        rejections,
        refusals: vec![refusal("us-east-1a"), refusal("us-east-1b")],
        least_dear: Some(0.09),
        laid_out: Vec::new(),
    }
}

fn refusal(zone: &str) -> Refusal {
    let failure = Failure {
        action: "RunInstances".to_owned(),
        code: "InsufficientInstanceCapacity".to_owned(),
        message: "none left".to_owned(),
        class: Class::Capacity,
    };
    Refusal { pool: pool("m5.xlarge", zone), at: now(), at_least: 1, failure, on_demand: false }
}

/// A launch of one node.
pub(super) fn launch() -> Call {
    Call::Launch(Launch {
        nodes: vec![0],
        at_least: 1,
        pool: pool("m7a.xlarge", "us-east-1c"),
        price: 0.0731,
        on_demand: false,
        image: image(),
        root_gib: 20,
        key_name: "cloudtop/dev".to_owned(),
        group_id: "sg-1".to_owned(),
        interface_id: None,
        user_data: String::new(),
        on_interruption: Interruption::Stop,
        one_time: false,
        max_price: None,
        valid_until: None,
        ephemeral_disks: 0,
        shutdown_terminates: false,
        instance_profile: None,
        tags: Tags::new(),
    })
}

/// A budget of which four fifths are spent.
pub(super) fn budget() -> Standing {
    Standing { scope: Scope::All, budget: Budget { monthly: 50.0, action: Action::Warn }, spent: 41.2 }
}
