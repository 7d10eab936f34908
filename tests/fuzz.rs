//! Files that were damaged, and tags that strangers wrote: a clear error or a sound answer, never a panic, and a file that
//! is not understood is left as it is.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod mutate;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use cloudtop::config::Config;
use cloudtop::domain::call::{Call, Made};
use cloudtop::domain::choosing::Choosing;
use cloudtop::domain::demand::{Demand, Requirements};
use cloudtop::domain::environment::Environment;
use cloudtop::domain::failure::{Class, Failure};
use cloudtop::domain::intent::{Access, Goal, ImageFamily, ImageWish, Intent, Interruption, Kind, VolumeWish};
use cloudtop::domain::journal::{Entry, Event};
use cloudtop::domain::names::{EnvName, Identity};
use cloudtop::domain::nodes;
use cloudtop::domain::observed::{Instance, InstanceState, Observed, RequestState, SpotRequest, Volume, VolumeState};
use cloudtop::domain::phase::{Phase, Wait};
use cloudtop::domain::plan::{self, Inputs};
use cloudtop::domain::record::Record;
use cloudtop::domain::secrets::{SecretFile, SecretSource};
use cloudtop::domain::user_data::UserData;
use cloudtop::state::{Journal, Paths, StateError, Store};
use cloudtop::templates::check::{self, Around, Tools};
use jiff::Timestamp;
use mutate::bytes::{changed, config, edits};
use mutate::json::{altered, changes};
use proptest::prelude::*;
use uuid::Uuid;

const STATE_CASES: u32 = 300;
const JOURNAL_CASES: u32 = 300;
const CONFIG_CASES: u32 = 400;
const TAG_CASES: u32 = 300;
const USER_DATA_CASES: u32 = 200;

fn moment() -> Timestamp {
    "2026-11-01T08:00:00Z".parse().unwrap()
}

fn dev() -> EnvName {
    "dev".parse().unwrap()
}

fn intent(goal: Goal) -> Intent {
    Intent {
        region: "us-east-1".to_owned(),
        goal,
        kind: Kind::Cloudtop,
        nodes: 3,
        demand: Demand::Requirements(Requirements::default()),
        zone: Some("us-east-1a".to_owned()),
        spread: false,
        max_price: Some(0.25),
        on_interruption: Interruption::Stop,
        one_time: false,
        wait_for_capacity: false,
        choosing: Choosing::default(),
        image: ImageWish::Family(ImageFamily::Ubuntu),
        os: Some(ImageFamily::Debian),
        template: "cloudtop".to_owned(),
        set: BTreeMap::from([("packages".to_owned(), "git".to_owned())]),
        user_data_file: None,
        user_data: UserData::PerNode(vec!["I2Nsb3VkLWNvbmZpZwo=".to_owned(); 3]),
        access: Access {
            user: "ubuntu".to_owned(),
            port: 22,
            public_key: "ssh-ed25519 AAAA".to_owned(),
            identity_file: Some(PathBuf::from("/home/me/.ssh/id")),
            ready_command: Some("true".to_owned()),
        },
        volume: VolumeWish::Managed { gib: 100 },
        ssh_from: vec!["192.0.2.1/32".to_owned()],
        security_group: None,
        subnet: None,
        expires_at: Some(moment()),
        idle_minutes: Some(45),
        instance_profile: Some("attaches".to_owned()),
        fixed_addresses: false,
        delivers: true,
        secrets: vec![SecretFile {
            path: "~/.netrc".to_owned(),
            from: SecretSource::Env("NETRC".to_owned()),
            mode: 0o600,
            owner: None,
        }],
        snapshot_first: true,
        moving: None,
        baking: None,
        tags: BTreeMap::from([("team".to_owned(), "compilers".to_owned())]),
    }
}

/// A directory with a place for a state file.
struct Place {
    _directory: tempfile::TempDir,
    paths: Paths,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let paths = Paths::resolve(Some(&directory.path().join("state.json"))).unwrap();
        Self { _directory: directory, paths }
    }
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The bytes of a state file with an environment in it.
fn state_file() -> Vec<u8> {
    let place = Place::new();
    let environment = Environment {
        intent: intent(Goal::Running),
        profile: None,
        region_move: None,
        created_at: moment(),
        updated_at: moment(),
    };
    let store = Store::open(&place.paths, |_| ());
    block(store.update(|state| drop(state.environments.insert(dev(), environment)))).unwrap();
    fs::read(place.paths.state_file()).unwrap()
}

/// A state file of these bytes is read and changed, or refused by its name and left as it is.
fn read_state(bytes: &[u8]) {
    let place = Place::new();
    let path = place.paths.state_file();
    fs::write(path, bytes).unwrap();
    let store = Store::open(&place.paths, |_| ());
    match block(store.read()) {
        Ok(state) => {
            // What is understood is written without loss: read again, it is the same.
            let owner = format!("{}-", state.owner);
            let written = block(store.update(|state| state.owner.clone_from(&owner))).unwrap();
            assert_eq!(block(Store::open(&place.paths, |_| ()).read()).unwrap(), written);
        }
        Err(error) => {
            assert_clear(&error, &path.display().to_string());
            assert!(block(store.update(|state| state.owner.clear())).is_err());
            assert_eq!(fs::read(path).unwrap(), bytes, "what is not understood is left as it is");
        }
    }
}

fn assert_clear(error: &StateError, path: &str) {
    let text = error.to_string();
    assert!(text.contains(path) && text.contains("left as it is"), "{text}");
    assert!(text.len() < 2000, "a file of any size must not become an error of that size: {} bytes", text.len());
}

#[test]
fn a_state_file_with_changed_bytes_is_read_or_refused() {
    let good = state_file();
    read_state(&good);
    proptest!(config(STATE_CASES), |(edits in edits())| read_state(&changed(&good, &edits)));
}

#[test]
fn a_state_file_with_other_values_is_read_or_refused() {
    let good: serde_json::Value = serde_json::from_slice(&state_file()).unwrap();
    proptest!(config(STATE_CASES), |(changes in changes())| {
        read_state(&serde_json::to_vec(&altered(&good, &changes)).unwrap());
    });
}

/// A journal with a line of each kind.
fn entries() -> Vec<Entry> {
    let (token, lost) = (Uuid::from_u128(7), Uuid::from_u128(8));
    let failure = Failure {
        action: "CreateVolume".to_owned(),
        code: "RequestLimitExceeded".to_owned(),
        message: "two\nlines".to_owned(),
        class: Class::Throttled,
    };
    let call = |node| Box::new(Call::Start { ids: vec![format!("i-{node}")] });
    let events = [
        Event::Began { command: "up dev".to_owned() },
        Event::Intended { token, call: call(0), reason: "it is stopped".to_owned() },
        Event::Done { token, made: Made { instances: vec!["i-0".to_owned()], ..Made::default() } },
        Event::Intended { token: lost, call: call(1), reason: "it is stopped".to_owned() },
        Event::Lost { token: lost, failure: failure.clone() },
        Event::Node {
            node: 1,
            phase: Phase::Ready,
            text: String::new(),
            instance_id: Some("i-1".to_owned()),
            request_id: Some("sir-1".to_owned()),
            status: None,
            since: None,
        },
        Event::Settled { token: lost, how: "EC2 shows it".to_owned() },
        Event::Refused { token, failure },
        Event::Ended { outcome: "done".to_owned() },
    ];
    events.map(|event| Entry { at: moment(), event }).to_vec()
}

fn journal_file() -> Vec<u8> {
    entries().iter().flat_map(|entry| [serde_json::to_vec(entry).unwrap(), vec![b'\n']].concat()).collect()
}

/// A journal of these bytes is read, remembered, planned with and written on; or refused and left as it is.
fn read_journal(bytes: &[u8]) {
    let place = Place::new();
    let path = place.paths.journal(&dev());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    let mut journal = Journal::open(&place.paths, &dev());
    let more = &entries()[..1];
    match journal.read() {
        Ok(read) => {
            let record = Record::read(&read);
            plan_all(&Observed::default(), &record);
            journal.append_all(more).unwrap();
            assert_eq!(journal.read().unwrap(), [&read[..], more].concat(), "nothing that was read is lost");
        }
        Err(error) => {
            assert_clear(&error, &path.display().to_string());
            assert!(journal.append_all(more).is_err());
            assert_eq!(fs::read(&path).unwrap(), bytes, "what is not understood is left as it is");
        }
    }
}

/// Plans for every goal.
fn plan_all(observed: &Observed, record: &Record) {
    let identity = Identity { env: dev(), owner: "me".to_owned() };
    for goal in
        [Goal::Running, Goal::Stopped, Goal::Gone { delete_volumes: false }, Goal::Gone { delete_volumes: true }]
    {
        let intent = intent(goal);
        let (wait, now) = (Wait::Running, moment());
        let _plan = plan::plan(&Inputs { identity: &identity, intent: &intent, observed, record, wait, now });
    }
}

#[test]
fn a_journal_with_changed_bytes_is_read_as_far_as_it_goes_or_refused() {
    let good = journal_file();
    read_journal(&good);
    proptest!(config(JOURNAL_CASES), |(edits in edits())| read_journal(&changed(&good, &edits)));
}

#[test]
fn a_journal_whose_lines_say_other_things_is_read_or_refused() {
    let good = entries();
    proptest!(config(JOURNAL_CASES), |(line in 0..good.len(), changes in changes(), torn in any::<u16>())| {
        let mut lines: Vec<_> = good.iter().map(|entry| serde_json::to_value(entry).unwrap()).collect();
        lines[line] = altered(&lines[line], &changes);
        let mut bytes: Vec<u8> =
            lines.iter().flat_map(|line| [serde_json::to_vec(line).unwrap(), vec![b'\n']].concat()).collect();
        // One in two is torn somewhere, too.
        bytes.truncate(bytes.len().min(usize::from(torn) * bytes.len() / 32768));
        read_journal(&bytes);
    });
}

/// The examples that users copy.
fn configuration() -> Vec<String> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md")).unwrap();
    let blocks = text.split("```toml\n").skip(1);
    blocks.filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

#[test]
fn a_configuration_with_changed_bytes_is_read_or_refused_with_its_name() {
    let good = configuration();
    assert!(!good.is_empty());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cloudtop.toml");
    proptest!(config(CONFIG_CASES), |(which in 0..good.len(), edits in edits())| {
        fs::write(&path, changed(good[which].as_bytes(), &edits)).unwrap();
        match Config::load(None, directory.path(), None, None) {
            Ok(config) => {
                for name in config.environment_names().into_iter().chain(["dev"]) {
                    drop(config.environment(name));
                }
                prop_assert!(config.unknown.iter().all(|it| it.to_string().contains("unknown key")));
            }
            Err(error) => prop_assert!(error.to_string().contains("cloudtop.toml"), "{error}"),
        }
    });
}

/// What somebody else may have written into the tag that names nodes.
fn strange_tag() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        Just(Some(String::new())),
        (any::<u32>(), any::<u32>()).prop_map(|(a, b)| Some(format!("{a}-{b}"))),
        any::<u32>().prop_map(|a| Some(a.to_string())),
        (0..5u32, 0..1000u32).prop_map(|(a, b)| Some(format!("{a}-{b}"))),
        "[0-9,\\-]{0,40}".prop_map(Some),
        "\\PC{0,20}".prop_map(Some),
        Just(Some("0-4294967295,0-4294967295".to_owned())),
        Just(Some("99999999999999999999".to_owned())),
    ]
}

fn instance(id: usize, node_tag: Option<String>, launch_index: u32, state: InstanceState) -> Instance {
    Instance {
        id: format!("i-{id}"),
        node_tag,
        launch_index,
        state,
        state_reason: None,
        instance_type: "m5.large".to_owned(),
        zone: "us-east-1a".to_owned(),
        request_id: (!id.is_multiple_of(3)).then(|| format!("sir-{id}")),
        on_demand: id.is_multiple_of(3),
        public_ip: None,
        private_ip: None,
        public_dns: None,
        launched_at: Some(moment()),
        ended_at: None,
        volume_ids: vec![format!("vol-root-{id}")],
    }
}

fn request(id: usize, node_tag: Option<String>, state: RequestState) -> SpotRequest {
    SpotRequest {
        id: format!("sir-{id}"),
        node_tag,
        state,
        status: "fulfilled".to_owned(),
        message: String::new(),
        instance_id: (!id.is_multiple_of(2)).then(|| format!("i-{id}")),
        instance_type: "m5.large".to_owned(),
        zone: None,
        persistent: true,
        created_at: moment().checked_sub(jiff::SignedDuration::from_mins(i64::try_from(id).unwrap() * 4)).ok(),
        updated_at: None,
    }
}

fn volume(id: usize, node_tag: Option<String>) -> Volume {
    let (gib, zone) = (8, "us-east-1a".to_owned());
    Volume {
        id: format!("vol-{id}"),
        node_tag,
        gib,
        zone,
        state: VolumeState::Available,
        replaces: None,
        attachment: None,
    }
}

#[test]
fn whatever_strangers_write_into_tags_is_planned_with_in_no_time() {
    let states = [InstanceState::Pending, InstanceState::Running, InstanceState::Stopped, InstanceState::Terminated];
    let of_requests = [RequestState::Open, RequestState::Active, RequestState::Disabled, RequestState::Cancelled];
    let instances = proptest::collection::vec((strange_tag(), any::<u32>(), 0..states.len()), 0..6);
    let requests = proptest::collection::vec((strange_tag(), 0..of_requests.len()), 0..6);
    let volumes = proptest::collection::vec(strange_tag(), 0..4);
    proptest!(config(TAG_CASES), |(instances in instances, requests in requests, volumes in volumes)| {
        let mut observed = Observed::default();
        for (id, (tag, index, state)) in instances.into_iter().enumerate() {
            observed.instances.push(instance(id, tag, index, states[state]));
        }
        for (id, (tag, state)) in requests.into_iter().enumerate() {
            observed.requests.push(request(id, tag, of_requests[state]));
        }
        observed.volumes.extend(volumes.into_iter().enumerate().map(|(id, tag)| volume(id, tag)));
        let mut record = Record::default();
        record.absorb(&observed, moment());
        plan_all(&observed, &record);
    });
}

#[test]
fn any_set_of_nodes_survives_its_tag_and_no_tag_takes_all_memory() {
    proptest!(config(TAG_CASES), |(set in proptest::collection::btree_set(any::<u32>(), 1..60), tag in "[0-9,\\-]{0,60}", at in any::<u32>())| {
        let set: Vec<u32> = set.into_iter().collect();
        let fits = nodes::fitting(&set);
        prop_assert!(!fits.is_empty() && nodes::to_tag(fits).len() <= 256);
        prop_assert_eq!(nodes::all(&nodes::to_tag(fits)), fits.to_vec());
        for (place, node) in (0..).zip(fits) {
            prop_assert_eq!(nodes::at(&nodes::to_tag(fits), place), if fits.len() == 1 { Some(fits[0]) } else { Some(*node) });
        }
        prop_assert!(nodes::all(&tag).len() <= 100_000);
        let _any = nodes::at(&tag, at);
    });
}

/// User data of each kind that is looked into.
const USER_DATA: [&str; 4] = [
    "#cloud-config\nhostname: x\nusers:\n  - {name: eve, passwd: $6$a$b}\nwrite_files:\n  - path: /etc/systemd/system/x.service\n    permissions: 0644\n    content: |\n      [Service]\n      ExecStart=/x \\\n        y\n  - {path: /y, encoding: gz+b64, content: H4sIAAAA}\nruncmd:\n  - [a, 'b']\n  - >-\n    c\n    d\nmounts:\n  - [/dev/xvdb, /x, ext4, defaults]\n",
    "#cloud-config\ncoreos:\n  units:\n    - name: x.service\n      drop-ins:\n        - {name: a.conf, content: \"[Service]\\nUser=x\\n\"}\n",
    "{\"ignition\": {\"version\": \"3.3.0\"}, \"storage\": {\"files\": [{\"path\": \"/x\", \"mode\": 420, \"contents\": {\"source\": \"data:;base64,IyEvYmluL3NoCg==\"}}]}}",
    "Content-Type: multipart/mixed; boundary=b\nMIME-Version: 1.0\n\n--b\nContent-Type: text/cloud-config\n\n#cloud-config\nhostname: x\n--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\nls\n--b--\n",
];

/// Looks at user data; every place that is told is in it.
fn look_over(bytes: &[u8]) {
    // No shells: nothing here is a script of anybody's.
    let report = check::user_data("boot", bytes, &Around::default(), &mut Tools::default());
    for finding in report.findings {
        assert!(finding.place.is_none_or(|it| it.line >= 1 && it.column >= 1), "{finding}");
    }
}

#[test]
fn user_data_of_any_bytes_is_looked_over() {
    for good in USER_DATA {
        look_over(good.as_bytes());
    }
    proptest!(config(USER_DATA_CASES), |(which in 0..USER_DATA.len(), edits in edits(), any in proptest::collection::vec(any::<u8>(), 0..300))| {
        look_over(&changed(USER_DATA[which].as_bytes(), &edits));
        look_over(&any);
        look_over(&[b"#cloud-config\n", any.as_slice()].concat());
        look_over(&[b"{\"ignition\": ", any.as_slice()].concat());
    });
}

#[test]
fn yaml_of_any_characters_is_looked_over() {
    proptest!(config(USER_DATA_CASES), |(lines in "([ ]{0,3}[-?:]?[ ]?[a-z\\[\\]{}&*!|>'\",#%@`]{0,6}:?[ ]?[a-z0-9|>&*\\[{\"']{0,4}\n){0,12}")| {
        look_over(format!("#cloud-config\n{lines}").as_bytes());
    });
}
