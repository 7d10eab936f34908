//! What tests plan with.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::choosing::Choosing;
use crate::domain::demand::{Arch, Demand};
use crate::domain::intent::{Access, Goal, ImageFamily, ImageWish, Intent, Interruption, Kind, VolumeWish};
use crate::domain::market::{Image, Market, Published, SpotPrice, Subnet, TypeFacts};
use crate::domain::names::Identity;
use crate::domain::user_data::UserData;

/// The zones of the region.
pub const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
/// The types on offer, the cheaper first.
pub const TYPES: [&str; 2] = ["m5.xlarge", "m6i.xlarge"];
/// This machine's address.
pub const HOME: &str = "192.0.2.1/32";

/// Seconds after the beginning of the tests' time.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000).unwrap() + SignedDuration::from_secs(seconds)
}

pub fn identity() -> Identity {
    Identity { env: "dev".parse().unwrap(), owner: "0199aaaa-0000-7000-8000-00000000000a".to_owned() }
}

/// A CloudTop: one node, a managed volume, persistent + stop.
pub fn intent() -> Intent {
    Intent {
        region: "us-east-1".to_owned(),
        goal: Goal::Running,
        kind: Kind::Cloudtop,
        nodes: 1,
        demand: Demand::Types(TYPES.map(str::to_owned).to_vec()),
        zone: None,
        spread: false,
        max_price: None,
        on_interruption: Interruption::Stop,
        one_time: false,
        wait_for_capacity: false,
        choosing: Choosing::default(),
        image: ImageWish::Family(ImageFamily::Ubuntu),
        os: None,
        template: "cloudtop".to_owned(),
        set: BTreeMap::new(),
        user_data_file: None,
        user_data: UserData::Shared("I2Nsb3VkLWNvbmZpZwo=".to_owned()),
        access: Access {
            user: "ubuntu".to_owned(),
            port: 22,
            public_key: "ssh-ed25519 AAAA dev".to_owned(),
            identity_file: None,
            ready_command: None,
        },
        volume: VolumeWish::Managed { gib: 100 },
        ssh_from: vec![HOME.to_owned()],
        security_group: None,
        subnet: None,
        expires_at: None,
        idle_minutes: None,
        instance_profile: None,
        fixed_addresses: false,
        delivers: false,
        secrets: Vec::new(),
        snapshot_first: false,
        moving: None,
        baking: None,
        tags: BTreeMap::new(),
    }
}

pub fn type_facts(name: &str) -> TypeFacts {
    TypeFacts {
        name: name.to_owned(),
        vcpus: 4,
        memory_mib: 16 * 1024,
        archs: vec![Arch::X86_64],
        spot: true,
        current_generation: true,
        burstable: false,
        bare_metal: false,
        local_disk_gb: 0,
        local_disks: 0,
        local_nvme: false,
        hibernation: true,
        gpus: 0,
    }
}

/// Both types in all zones. The first type and the first zone are the cheapest: $0.05, then a cent more a zone, and
/// ten cents more for the second type.
pub fn market(now: Timestamp) -> Market {
    let image = Image {
        id: "ami-1".to_owned(),
        name: "ubuntu".to_owned(),
        arch: Arch::X86_64,
        root_device: "/dev/sda1".to_owned(),
        root_gib: 8,
    };
    let pools =
        || (0_u8..).zip(TYPES).flat_map(|(t, name)| (0_u8..).zip(ZONES).map(move |(z, zone)| (t, name, z, zone)));
    Market {
        surveyed_at: now,
        types: TYPES.map(type_facts).to_vec(),
        offered: pools().map(|(_, name, _, zone)| (name.to_owned(), zone.to_owned())).collect(),
        prices: pools()
            .map(|(t, name, z, zone)| SpotPrice {
                instance_type: name.to_owned(),
                zone: zone.to_owned(),
                usd_per_hour: 0.05 + 0.1 * f64::from(t) + 0.01 * f64::from(z),
                since: now,
            })
            .collect(),
        subnets: ZONES
            .map(|zone| Subnet {
                id: format!("subnet-{zone}"),
                zone: zone.to_owned(),
                vpc_id: "vpc-1".to_owned(),
                free_addresses: 250,
                public_addresses: true,
            })
            .to_vec(),
        images: BTreeMap::from([(Arch::X86_64, image)]),
        key_present: false,
        published: Published::default(),
    }
}
