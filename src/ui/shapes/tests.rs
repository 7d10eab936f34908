//! The fields that scripts rely on.

use super::super::samples;
use super::*;

#[test]
fn an_environment_has_the_fields_that_scripts_rely_on() -> Result<(), serde_json::Error> {
    let report = samples::cloudtop();
    assert_eq!(
        serde_json::to_string_pretty(&EnvironmentShape::from(&report))?,
        r#"{
  "format_version": 1,
  "name": "dev",
  "kind": "cloudtop",
  "region": "us-east-1",
  "zone": "us-east-1c",
  "goal": "running",
  "phase": "ready",
  "nodes": [
    {
      "index": 0,
      "phase": "ready",
      "market": "spot",
      "spot_request_id": "sir-00000000",
      "spot_status": "fulfilled",
      "instance_id": "i-0123456789abcdef0",
      "instance_type": "m7a.xlarge",
      "zone": "us-east-1c",
      "public_ip": "203.0.113.20",
      "private_ip": "172.31.0.20",
      "interface_id": null,
      "public_dns": "ec2-203-0-113-20.compute-1.amazonaws.com",
      "launched_at": "2026-11-21T08:00:00Z",
      "price_per_hour": 0.0731,
      "waiting_for": null,
      "said": null,
      "unanswered": null
    }
  ],
  "volumes": [
    {
      "volume_id": "vol-0123456789abcdef0",
      "size_gib": 100,
      "zone": "us-east-1c",
      "device": "/dev/xvdj",
      "state": "in-use",
      "attached_to": "i-0123456789abcdef0"
    }
  ],
  "price_per_hour": 0.0731,
  "price_per_month": 61.363,
  "volume_price_per_month": 8.0,
  "spent_this_month": 12.5,
  "expires_at": null,
  "notes": []
}"#
    );
    Ok(())
}

#[test]
fn a_list_holds_whole_environments() -> Result<(), serde_json::Error> {
    let reports = [samples::cloudtop(), samples::cluster()];
    let list = serde_json::to_value(ListShape::new(&reports, Some(14.0), &[samples::budget()]))?;
    assert_eq!(list["format_version"], 1);
    assert_eq!((&list["price_per_hour"], &list["spent_this_month"]), (&0.2231.into(), &14.0.into()));
    let budget = serde_json::json!({"name": null, "monthly": 50.0, "action": "warn", "spent_this_month": 41.2});
    assert_eq!(list["budgets"], serde_json::json!([budget]));
    assert_eq!(list["environments"][0], serde_json::to_value(EnvironmentShape::from(&reports[0]))?);
    assert_eq!(list["environments"][1]["zone"], serde_json::Value::Null);
    assert_eq!(list["environments"][1]["expires_at"], "2026-11-21T15:58:00Z");
    assert_eq!(list["environments"][1]["nodes"][2]["spot_status"], "capacity-not-available");
    Ok(())
}

#[test]
fn a_sum_has_no_meaningless_tail() {
    assert_eq!(rounded(0.1 + 0.2).to_string(), "0.3");
    assert_eq!(rounded(0.000_123_4).to_string(), "0.000123");
}
