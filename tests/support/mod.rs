//! What the tests share that drive the engine in process.

use std::collections::BTreeMap;

use cloudtop::domain::choosing::Choosing;
use cloudtop::domain::demand::Demand;
use cloudtop::domain::intent::{Access, Goal, ImageFamily, ImageWish, Intent, Interruption, Kind, VolumeWish};
use cloudtop::domain::user_data::UserData;

pub const REGION: &str = "us-east-1";
/// A public key that nobody has the other half of.
pub const PUBLIC_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9mUqkXzYwRZ0bUOVNiqYCJ4xHqXG9Tz0Jg6Zc6mE2c test";

/// A CloudTop that should run: one node, one of two types, a volume, persistent + stop.
pub fn cloudtop_intent() -> Intent {
    Intent {
        region: REGION.to_owned(),
        goal: Goal::Running,
        kind: Kind::Cloudtop,
        nodes: 1,
        demand: Demand::Types(vec!["m5.xlarge".to_owned(), "m5a.xlarge".to_owned()]),
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
            public_key: PUBLIC_KEY.to_owned(),
            identity_file: None,
            ready_command: None,
        },
        volume: VolumeWish::Managed { gib: 100 },
        ssh_from: vec!["203.0.113.7/32".to_owned()],
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
