//! Service Quotas: those of EC2 that count vCPUs, with the world's own numbers.

use serde_json::{Value, json};

use super::Call;
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Fault, Xml};
use crate::simulator::world::ACCOUNT;

/// One quota.
struct Quota {
    code: &'static str,
    /// The group of families, as the world has it.
    group: &'static str,
    name: &'static str,
    /// AWS's default, vCPUs.
    default: u64,
}

const fn quota(code: &'static str, group: &'static str, name: &'static str, default: u64) -> Quota {
    Quota { code, group, name, default }
}

/// Codes in their order, with names and defaults as on AWS's page "Amazon EC2 instance type quotas".
const QUOTAS: [Quota; 19] = [
    quota("L-1216C47A", "standard", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5),
    quota("L-1945791B", "inf", "Running On-Demand Inf instances", 0),
    quota("L-2C3B7624", "trn", "Running On-Demand Trn instances", 0),
    quota("L-34B43A08", "standard", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 5),
    quota("L-3819A6DF", "g-vt", "All G and VT Spot Instance Requests", 0),
    quota("L-417A185B", "p", "Running On-Demand P instances", 0),
    quota("L-43DA4232", "high-memory", "Running On-Demand High Memory instances", 0),
    quota("L-6B0D517C", "trn", "All Trn Spot Instance Requests", 0),
    quota("L-6E869C2A", "dl", "Running On-Demand DL instances", 0),
    quota("L-7212CCBC", "p", "All P4, P3 and P2 Spot Instance Requests", 0),
    quota("L-7295265B", "x", "Running On-Demand X instances", 0),
    quota("L-74FC7D96", "f", "Running On-Demand F instances", 0),
    quota("L-85EED4F7", "dl", "All DL Spot Instance Requests", 0),
    quota("L-88CF9481", "f", "All F Spot Instance Requests", 0),
    quota("L-B5D1601B", "inf", "All Inf Spot Instance Requests", 0),
    quota("L-C4BD4855", "p5", "All P5 Spot Instance Requests", 0),
    quota("L-DB2E81BA", "g-vt", "Running On-Demand G and VT instances", 0),
    quota("L-E3A00192", "x", "All X Spot Instance Requests", 0),
    quota("L-F7808C92", "hpc", "Running On-Demand HPC instances", 0),
];

/// GetServiceQuota: the account's own value.
pub(super) fn get(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let quota = find(call)?;
    Ok(document(&json!({ "Quota": applied(call, quota) })))
}

/// GetAWSDefaultServiceQuota: what an account has that never asked for more.
pub(super) fn get_default(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let quota = find(call)?;
    Ok(document(&json!({ "Quota": shape(call, quota, quota.default, "") })))
}

/// ListServiceQuotas of EC2, by page.
pub(super) fn list(call: &mut Call<'_>) -> Result<Xml, Fault> {
    check_service(call)?;
    let page = Page::read(&call.args, 1..=100)?;
    let wanted = call.args.get("QuotaCode");
    let quotas = QUOTAS.iter().filter(|quota| wanted.is_none_or(|code| code == quota.code));
    let (shown, next) = page.cut(quotas, |quota| quota.code);
    let shown: Vec<Value> = shown.into_iter().map(|quota| applied(call, quota)).collect();
    let mut answer = json!({ "Quotas": shown });
    if let Some(token) = next {
        answer["NextToken"] = Value::from(token);
    }
    Ok(document(&answer))
}

fn find(call: &Call<'_>) -> Result<&'static Quota, Fault> {
    check_service(call)?;
    let code = call.args.need("QuotaCode")?;
    QUOTAS.iter().find(|quota| quota.code == code).ok_or_else(missing)
}

fn check_service(call: &Call<'_>) -> Result<(), Fault> {
    if call.args.need("ServiceCode")? == "ec2" { Ok(()) } else { Err(missing()) }
}

fn missing() -> Fault {
    Fault::new("NoSuchResourceException", "The request failed because the specified resource does not exist.")
}

fn applied(call: &Call<'_>, quota: &Quota) -> Value {
    let spot = quota.name.ends_with("Spot Instance Requests");
    shape(call, quota, call.world.settings().quota(quota.group, spot), ACCOUNT)
}

fn shape(call: &Call<'_>, quota: &Quota, vcpus: u64, account: &str) -> Value {
    json!({
        "ServiceCode": "ec2",
        "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
        "QuotaArn": format!("arn:aws:servicequotas:{}:{account}:ec2/{}", call.region_name(), quota.code),
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": vcpus as f64,
        "Unit": "None",
        "Adjustable": true,
        "GlobalQuota": false,
        "QuotaAppliedAtLevel": "ACCOUNT",
    })
}

fn document(value: &Value) -> Xml {
    Xml::verbatim(value.to_string())
}
