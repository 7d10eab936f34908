//! What an example plans from, put together by hand.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::call::{Call, Made};
use crate::domain::failure::{Class, Failure};
use crate::domain::intent::Intent;
use crate::domain::journal::{Entry, Event};
use crate::domain::observed::{
    Attachment, Instance, InstanceState, Observed, RequestState, SecurityGroup, SpotRequest, Volume, VolumeState,
};
use crate::domain::phase::Wait;
use crate::domain::plan::{self, Inputs, Plan};
use crate::domain::record::Record;

use super::fixture::{self, HOME, TYPES, ZONES, at};

/// An environment at one moment.
pub struct Scene {
    pub intent: Intent,
    pub observed: Observed,
    pub journal: Vec<Entry>,
    pub now: Timestamp,
}

impl Scene {
    /// Nothing is there but the key and the group; prices are known.
    pub fn new(intent: Intent) -> Self {
        let mut market = fixture::market(at(0));
        market.key_present = true;
        let group = SecurityGroup {
            id: "sg-1".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            ssh_from: vec![HOME.to_owned()],
            open_to_itself: true,
        };
        let observed = Observed { groups: vec![group], market: Some(market), ..Observed::default() };
        Self { intent, observed, journal: Vec::new(), now: at(1_000) }
    }

    /// A node's instance with its request, both in these states.
    pub fn node(mut self, node: u32, state: InstanceState, request: RequestState, status: &str) -> Self {
        self.observed.instances.push(instance(node, state));
        let request = SpotRequest { instance_id: Some(format!("i-{node}")), ..request_of(node, request, status) };
        self.observed.requests.push(request);
        self
    }

    /// A node that runs.
    pub fn running(self, node: u32) -> Self {
        self.node(node, InstanceState::Running, RequestState::Active, "fulfilled")
    }

    /// A node's volume, free or on an instance.
    pub fn volume(mut self, node: u32, zone: &str, on: Option<&str>) -> Self {
        let attachment = on.map(|instance| Attachment {
            instance_id: instance.to_owned(),
            device: plan::VOLUME_DEVICE.to_owned(),
            attached: true,
        });
        self.observed.volumes.push(Volume {
            id: format!("vol-{node}"),
            node_tag: Some(node.to_string()),
            gib: 100,
            zone: zone.to_owned(),
            state: if attachment.is_some() { VolumeState::InUse } else { VolumeState::Available },
            replaces: None,
            attachment,
        });
        self
    }

    /// Writes down a call, and what came of it if anything did.
    pub fn call(&mut self, token: u64, seconds: i64, call: &Call, answer: Option<Result<Made, Class>>) {
        let token = Uuid::from_u64_pair(9, token);
        let mut write = |event: Event| self.journal.push(Entry { at: at(seconds), event });
        write(Event::Intended { token, call: Box::new(call.clone()), reason: String::new() });
        match answer {
            Some(Ok(made)) => write(Event::Done { token, made }),
            Some(Err(class)) => {
                let (action, code) = (call.action().to_owned(), format!("{class:?}"));
                write(Event::Refused { token, failure: Failure { action, code, message: "no".to_owned(), class } });
            }
            None => {}
        }
    }

    /// All that a plan proposes is refused so.
    pub fn refuse_all(&mut self, seconds: i64, class: Class) {
        for (place, step) in (0..).zip(self.plan().steps) {
            self.call(1_000 * u64::try_from(seconds).unwrap() + place, seconds, &step.call, Some(Err(class)));
        }
    }

    pub fn record(&self) -> Record {
        let mut record = Record::read(&self.journal);
        record.absorb(&self.observed, self.now);
        record
    }

    pub fn plan(&self) -> Plan {
        self.plan_with(&self.record())
    }

    pub fn plan_with(&self, record: &Record) -> Plan {
        plan::plan(&Inputs {
            identity: &fixture::identity(),
            intent: &self.intent,
            observed: &self.observed,
            record,
            wait: Wait::Running,
            now: self.now,
        })
    }

    /// The calls of the plan, in words.
    pub fn calls(&self) -> Vec<String> {
        self.plan().steps.iter().map(|step| step.call.to_string()).collect()
    }

    /// What a node waits for.
    pub fn waits_for(&self, node: u32) -> String {
        let view = self.plan().nodes.into_iter().find(|view| view.index == node);
        view.and_then(|view| view.waiting_for).unwrap_or_default()
    }
}

/// An instance of a node, in the cheapest pool.
pub fn instance(node: u32, state: InstanceState) -> Instance {
    Instance {
        id: format!("i-{node}"),
        node_tag: Some(node.to_string()),
        launch_index: 0,
        state,
        state_reason: None,
        instance_type: TYPES[0].to_owned(),
        zone: ZONES[0].to_owned(),
        request_id: Some(format!("sir-{node}")),
        on_demand: false,
        public_ip: None,
        private_ip: None,
        public_dns: None,
        launched_at: Some(at(0)),
        ended_at: None,
        volume_ids: Vec::new(),
    }
}

/// A node's request that has no instance.
pub fn request_of(node: u32, state: RequestState, status: &str) -> SpotRequest {
    SpotRequest {
        id: format!("sir-{node}"),
        node_tag: Some(node.to_string()),
        state,
        status: status.to_owned(),
        message: String::new(),
        instance_id: None,
        instance_type: TYPES[0].to_owned(),
        zone: Some(ZONES[0].to_owned()),
        persistent: true,
        created_at: Some(at(0)),
        updated_at: None,
    }
}
