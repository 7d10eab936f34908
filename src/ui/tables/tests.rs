//! Tables, compared to the letter.

use super::super::report::NodeReport;
use super::super::samples::{self, bare, cloudtop, cluster, now};
use super::super::shapes::PlanShape;
use super::*;
use crate::domain::budget::{Scope, Standing};
use crate::domain::names::EnvName;
use crate::domain::observed::VolumeState;
use crate::domain::phase::Phase;
use crate::domain::plan::{Blocked, Plan, Status, Step};
use crate::domain::pools::Ranking;
use crate::domain::said::{Said, Tools};

#[test]
fn the_list_has_a_line_an_environment() {
    let both = [cloudtop(), cluster()];
    assert_eq!(
        list(&both, now(), None),
        "\
NAME  KIND      REGION     ZONE        NODES  PHASE      TYPE        $/HOUR  $/MONTH  SPENT  VOL GiB  EXPIRES
dev   cloudtop  us-east-1  us-east-1c    1/1  ready      m7a.xlarge  0.0731    61.36  12.50      100
core  cluster   us-west-1  2 zones       2/3  requested  m7a.xlarge  0.1500   109.50   0.80           in 7h 58m"
    );
    assert_eq!(list(&[], now(), None), "");
}

#[test]
fn a_narrow_list_leaves_out_what_can_be_done_without() {
    let both = [cloudtop(), cluster()];
    assert_eq!(
        list(&both, now(), Some(80)),
        "\
NAME  ZONE        NODES  PHASE      $/HOUR  $/MONTH  SPENT  EXPIRES
dev   us-east-1c    1/1  ready      0.0731    61.36  12.50
core  2 zones       2/3  requested  0.1500   109.50   0.80  in 7h 58m"
    );
    assert_eq!(
        list(&both[..1], now(), Some(20)),
        "\
NAME  ZONE        NODES  PHASE  $/HOUR
dev   us-east-1c    1/1  ready  0.0731"
    );
}

#[test]
fn the_lines_below_the_list_tell_the_sums_and_how_budgets_stand() {
    let both = [cloudtop(), cluster()];
    let own = Standing { scope: Scope::One(EnvName::example()), spent: 12.5, ..samples::budget() };
    assert_eq!(
        list_sums(&both, Some(14.1), &[samples::budget(), own]),
        "\
in all: $0.2231 an hour now; $14.10 this month, $0.80 of it for environments that are not listed
budget: $41.20 of $50.00 this month (82 %)
budget of dev: $12.50 of $50.00 this month (25 %)"
    );
    assert_eq!(list_sums(&both, Some(13.3), &[]), "in all: $0.2231 an hour now; $13.30 this month");
    assert_eq!(list_sums(&both[..1], None, &[]), "in all: $0.0731 an hour now");
}

#[test]
fn the_status_tells_the_price_the_volumes_and_every_node() {
    assert_eq!(
        status(&cloudtop(), now(), None),
        "\
dev: cloudtop in us-east-1, ready
goal     running
price    $0.0731 an hour, $61.36 a month, $8.00 of it for volumes
volume   vol-0123456789abcdef0  100 GiB  in-use  /dev/xvdj of i-0123456789abcdef0

NODE  PHASE  SPOT REQUEST  INSTANCE             TYPE        ZONE        PUBLIC IP     PUBLIC DNS                                $/HOUR
   0  ready  sir-00000000  i-0123456789abcdef0  m7a.xlarge  us-east-1c  203.0.113.20  ec2-203-0-113-20.compute-1.amazonaws.com  0.0731"
    );
}

#[test]
fn a_narrow_status_puts_long_cells_below_and_cuts_none() {
    assert_eq!(
        status(&cluster(), now(), Some(80)),
        "\
core: cluster in us-west-1, requested
goal     running
price    $0.1500 an hour, $109.50 a month
expires  in 7h 58m (2026-11-21T15:58:00Z)
note     EC2 took node 2 away

NODE  PHASE      SPOT REQUEST  INSTANCE             TYPE        ZONE
   0  ready      sir-00000000  i-0123456789abcdef0  m7a.xlarge  us-west-1a
    public ip: 203.0.113.20
    public dns: ec2-203-0-113-20.compute-1.amazonaws.com  $/hour: 0.0700
   1  ready      sir-00000001  i-0123456789abcdef1  m7a.xlarge  us-west-1b
    public ip: 203.0.113.21
    public dns: ec2-203-0-113-21.compute-1.amazonaws.com  $/hour: 0.0800
   2  requested  sir-00000002                       m7a.xlarge  us-west-1b
    waits for: EC2 has no spot capacity there now (capacity-not-available, m7a.xlarge in us-west-1b)"
    );
    let narrowest = status(&cloudtop(), now(), Some(1));
    for id in ["sir-00000000", "i-0123456789abcdef0", "203.0.113.20", "ec2-203-0-113-20.compute-1.amazonaws.com"] {
        assert!(narrowest.contains(id), "{id} in {narrowest}");
    }
}

#[test]
fn many_volumes_are_counted() {
    let mut report = cloudtop();
    let volume = report.volumes.remove(0);
    report.volumes = (0..1000)
        .map(|n| {
            let mut volume = volume.clone();
            volume.state = if n < 998 { VolumeState::InUse } else { VolumeState::Available };
            volume
        })
        .collect();
    let text = status(&report, now(), None);
    assert!(text.contains("\nvolumes  1000 volumes, 100000 GiB in all: 2 available, 998 in-use\n"), "{text}");
}

#[test]
fn the_nodes_are_told_with_all_that_reaches_them() {
    assert_eq!(
        nodes(&cluster(), None),
        "\
NODE  SPOT REQUEST  INSTANCE             PUBLIC IP     PUBLIC DNS
   0  sir-00000000  i-0123456789abcdef0  203.0.113.20  ec2-203-0-113-20.compute-1.amazonaws.com
   1  sir-00000001  i-0123456789abcdef1  203.0.113.21  ec2-203-0-113-21.compute-1.amazonaws.com
   2  sir-00000002"
    );
}

fn sample_plan() -> Plan {
    Plan {
        steps: vec![Step { call: samples::launch(), token: None, reason: "node 0 has no instance".to_owned() }],
        nodes: vec![bare(0, Phase::Absent, Some("a launch"))],
        settled: Vec::new(),
        status: Status::Working,
        ranking: Some(samples::ranking()),
        waiting_for: vec!["sg-1 to be listed".to_owned()],
    }
}

#[test]
fn the_plan_tells_what_it_chose_from_and_why() {
    assert_eq!(
        plan("dev", &sample_plan(), Some(80)),
        "\
Pools that will do, cheapest first; prices are for one node:
TYPE        ZONE        VCPUS  MEMORY GiB  $/HOUR  $/MONTH
m7a.xlarge  us-east-1c      4          16  0.0731    53.36
m6a.xlarge  us-east-1a      4          16  0.0758    55.33

m7a.xlarge in us-east-1c at $0.0731 an hour is cheapest; next is m6a.xlarge in us-east-1a at $0.0758.

Turned down:
  EC2 has no capacity for this type in that zone now (InsufficientInstanceCapacity): m5.xlarge in us-east-1a, us-east-1b. EC2: none left
  m7a.xlarge in us-east-1a: its price $0.0900 is above the limit of $0.0800
  412 types: fewer than 4 vCPUs
  m7g.xlarge: it is not x86_64

dev: what is to be done now:
  launch node 0 as m7a.xlarge in us-east-1c with ami-0123 by RunInstances
    because node 0 has no instance

Waited for:
  sg-1 to be listed
  node 0 (absent): a launch"
    );
}

#[test]
fn a_long_choice_is_cut_with_its_dearest_price() {
    let choices = (0..47).map(|n| samples::choice("m7a.xlarge", "us-east-1c", 0.05 + f64::from(n) / 100.0)).collect();
    let long = Plan { ranking: Some(Ranking { choices, ..Ranking::default() }), ..sample_plan() };
    let text = plan("dev", &long, None);
    assert_eq!(text.matches("m7a.xlarge  us-east-1c").count(), 10, "{text}");
    assert!(text.contains("\nand 37 more, up to $0.5100 an hour\n"), "{text}");
}

#[test]
fn nothing_to_do_is_said() {
    let done = Plan {
        steps: Vec::new(),
        nodes: vec![bare(0, Phase::Ready, None)],
        settled: Vec::new(),
        status: Status::Done,
        ranking: None,
        waiting_for: Vec::new(),
    };
    assert_eq!(plan("dev", &done, None), "dev: nothing is to be done now.");
}

#[test]
fn a_plan_that_no_pool_serves_tells_each_refusal() -> Result<(), serde_json::Error> {
    let ranking = Ranking { choices: Vec::new(), ..samples::ranking() };
    let dry = Plan {
        steps: Vec::new(),
        nodes: Vec::new(),
        waiting_for: Vec::new(),
        ranking: None,
        status: Status::Blocked(Blocked::NoPool(ranking)),
        ..sample_plan()
    };
    let text = plan("dev", &dry, None);
    assert!(text.starts_with("Turned down:\n  EC2 has no capacity for this type in that zone now (I"), "{text}");
    assert!(text.ends_with("\n\nIt cannot go on: no pool will do."), "{text}");
    let shape = serde_json::to_value(PlanShape::new("dev", &dry))?;
    assert_eq!(shape["status"], "blocked");
    assert_eq!(shape["turned_down"][0]["what"], "m7a.xlarge in us-east-1a");
    Ok(())
}

#[test]
fn a_word_from_elsewhere_cannot_break_a_row() {
    let mut report = cloudtop();
    report.nodes[0].view.waiting_for = Some("one\ntwo \u{1b}[2Jthree".to_owned());
    let text = status(&report, now(), None);
    assert!(text.ends_with("  0.0731  one two three"), "{text}");
}

#[test]
fn of_many_nodes_those_alone_are_quoted_that_have_trouble() {
    let mut report = cloudtop();
    let node = report.nodes.remove(0);
    let quiet = Said { volume: Some("mounted".to_owned()), ..Said::default() };
    let tools = Tools { failed: vec!["setup: exit code 1".to_owned()], ..Tools::default() };
    let troubled = Said { tools: Some(tools), ..quiet.clone() };
    report.nodes = (0..11)
        .map(|index| {
            let said = match index {
                3 => Err("no answer".to_owned()),
                7 => Ok(troubled.clone()),
                _ => Ok(quiet.clone()),
            };
            NodeReport { view: bare(index, Phase::Ready, None), said: Some(said), ..node.clone() }
        })
        .collect();
    let text = status(&report, now(), None);
    let told =
        "\n\nnode 3 does not answer: no answer\n\nnode 7 says:\n  volume mounted\n  tools  failed: setup: exit code 1";
    assert!(text.ends_with(told), "{text}");
    report.nodes.truncate(3);
    assert_eq!(status(&report, now(), None).matches(" says:\n  volume mounted").count(), 3);
}
