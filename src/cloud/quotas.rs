//! How full a quota is: Service Quotas says what is allowed, EC2 what is used.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as sdk;

use super::{Cloud, MOST_FILTER_VALUES, failure, filter};
use crate::domain::failure::{Class, Failure};
use crate::domain::quota::{Limit, Purchase, Quota, QuotaUse, quota_of};

/// EC2's name in Service Quotas.
const SERVICE: &str = "ec2";

impl Cloud {
    /// How full the quota is that a type counts in, for the whole account in this region; `None` where AWS names no
    /// such quota.
    ///
    /// What Service Quotas does not tell (a denied permission, an endpoint without it) is no failure: the limit is
    /// [`Limit::Unknown`] then.
    ///
    /// # Errors
    /// EC2 does not tell what is in use.
    pub async fn quota_use(&self, instance_type: &str, purchase: Purchase) -> Result<Option<QuotaUse>, Failure> {
        let Some(quota) = quota_of(instance_type, purchase) else { return Ok(None) };
        let (limit, used) = tokio::join!(self.limit(quota), self.vcpus_used(quota, instance_type));
        let (used, each) = used?;
        let (region, instance_type) = (self.region.clone(), instance_type.to_owned());
        Ok(Some(QuotaUse { region, quota, limit, used, instance_type, each }))
    }

    /// The account's own value of the quota, or AWS's default.
    async fn limit(&self, quota: Quota) -> Limit {
        let applied = self.quotas.get_service_quota().service_code(SERVICE).quota_code(quota.code).send().await;
        match applied.map_err(|error| failure::of("GetServiceQuota", &error)) {
            Ok(answer) => limit_of(answer.quota().and_then(|quota| quota.value()), Limit::Applied),
            // The account never had a value of its own in this region.
            Err(failure) if failure.class == Class::Gone => self.default_limit(quota).await,
            Err(failure) => unknown(&failure),
        }
    }

    async fn default_limit(&self, quota: Quota) -> Limit {
        let call = self.quotas.get_aws_default_service_quota().service_code(SERVICE).quota_code(quota.code);
        match call.send().await.map_err(|error| failure::of("GetAWSDefaultServiceQuota", &error)) {
            Ok(answer) => limit_of(answer.quota().and_then(|quota| quota.value()), Limit::Default),
            Err(failure) => unknown(&failure),
        }
    }

    /// vCPUs that count in the quota now, and those of one instance of `asked`.
    async fn vcpus_used(&self, quota: Quota, asked: &str) -> Result<(u64, Option<u32>), Failure> {
        let (instances, open) = tokio::join!(self.instances(counting(quota.purchase)), self.open_requests(quota));
        let (instances, open) = (instances?, open?);
        let mut used = 0;
        let mut held: BTreeMap<&str, u64> = BTreeMap::new();
        for instance in instances.iter().filter(|it| is_bought(it, quota.purchase)) {
            let Some(name) = instance.instance_type().map(sdk::InstanceType::as_str) else { continue };
            if quota_of(name, quota.purchase) != Some(quota) {
                continue;
            }
            match vcpus_of(instance) {
                Some(vcpus) => used += vcpus,
                None => *held.entry(name).or_default() += 1,
            }
        }
        for name in open.iter().filter_map(requested_type).filter(|name| quota_of(name, quota.purchase) == Some(quota))
        {
            *held.entry(name).or_default() += 1;
        }
        let names: BTreeSet<&str> = held.keys().copied().chain([asked]).collect();
        let default = self.default_vcpus(&names).await?;
        let each = |name: &str| default.get(name).copied();
        used += held.iter().map(|(name, count)| u64::from(each(name).unwrap_or(0)) * count).sum::<u64>();
        Ok((used, each(asked)))
    }

    async fn open_requests(&self, quota: Quota) -> Result<Vec<sdk::SpotInstanceRequest>, Failure> {
        match quota.purchase {
            Purchase::Spot => self.requests(vec![filter("state", ["open"])]).await,
            Purchase::OnDemand => Ok(Vec::new()),
        }
    }

    /// The vCPUs of types. By a filter: by name, the answer fails whole when one type is not known in the region.
    async fn default_vcpus(&self, names: &BTreeSet<&str>) -> Result<BTreeMap<String, u32>, Failure> {
        let names: Vec<&str> = names.iter().copied().collect();
        let mut vcpus = BTreeMap::new();
        for chunk in names.chunks(MOST_FILTER_VALUES) {
            let filters = vec![filter("instance-type", chunk.iter().copied())];
            let pages = self.ec2.describe_instance_types().set_filters(Some(filters)).into_paginator();
            let found: Result<Vec<_>, _> = pages.items().send().collect().await;
            let found = found.map_err(|error| failure::of("DescribeInstanceTypes", &error))?;
            vcpus.extend(found.iter().filter_map(|info| {
                let default = info.v_cpu_info().and_then(sdk::VCpuInfo::default_v_cpus)?;
                Some((info.instance_type()?.as_str().to_owned(), u32::try_from(default).ok()?))
            }));
        }
        Ok(vcpus)
    }
}

/// Why a limit could not be asked for. What else answers there may have sent a whole page.
fn unknown(failure: &Failure) -> Limit {
    Limit::Unknown(match failure.class {
        Class::Denied => format!("these credentials may not call servicequotas:{}", failure.action),
        _ => format!("{}: {}", failure.action, failure.code),
    })
}

fn limit_of(value: Option<f64>, of: impl Fn(u64) -> Limit) -> Limit {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of vCPUs; `as` saturates")]
    let whole = |value: f64| value as u64;
    value.map_or_else(|| Limit::Unknown("Service Quotas gave no value".to_owned()), |value| of(whole(value)))
}

/// The instances that may count. EC2 does not say when one that is stopping ceases to; until it is stopped it is
/// counted here. There is no filter for what is not spot.
fn counting(purchase: Purchase) -> Vec<sdk::Filter> {
    let states = filter("instance-state-name", ["pending", "running", "stopping"]);
    match purchase {
        Purchase::Spot => vec![states, filter("instance-lifecycle", ["spot"])],
        Purchase::OnDemand => vec![states],
    }
}

fn is_bought(instance: &sdk::Instance, purchase: Purchase) -> bool {
    let lifecycle = instance.instance_lifecycle();
    match purchase {
        Purchase::Spot => lifecycle == Some(&sdk::InstanceLifecycleType::Spot),
        // Scheduled instances and capacity blocks have a lifecycle of their own, and other quotas.
        Purchase::OnDemand => lifecycle.is_none(),
    }
}

/// An instance's own vCPUs: fewer than its type's where it was launched with CPU options.
fn vcpus_of(instance: &sdk::Instance) -> Option<u64> {
    let options = instance.cpu_options()?;
    u64::try_from(options.core_count()? * options.threads_per_core()?).ok().filter(|vcpus| *vcpus > 0)
}

fn requested_type(request: &sdk::SpotInstanceRequest) -> Option<&str> {
    request.launch_specification()?.instance_type().map(sdk::InstanceType::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_counts_with_its_own_vcpus() {
        let options = |cores, threads| sdk::CpuOptions::builder().core_count(cores).threads_per_core(threads).build();
        let instance = |options| sdk::Instance::builder().set_cpu_options(options).build();
        assert_eq!(vcpus_of(&instance(Some(options(4, 1)))), Some(4));
        assert_eq!(vcpus_of(&instance(None)), None);
    }

    #[test]
    fn spot_and_on_demand_are_told_apart_by_the_lifecycle() {
        let spot = sdk::Instance::builder().instance_lifecycle(sdk::InstanceLifecycleType::Spot).build();
        let plain = sdk::Instance::builder().build();
        assert!(is_bought(&spot, Purchase::Spot) && !is_bought(&spot, Purchase::OnDemand));
        assert!(is_bought(&plain, Purchase::OnDemand) && !is_bought(&plain, Purchase::Spot));
    }

    #[test]
    fn a_quota_without_a_value_is_not_known() {
        assert_eq!(limit_of(Some(5.0), Limit::Applied), Limit::Applied(5));
        assert!(matches!(limit_of(None, Limit::Applied), Limit::Unknown(_)));
    }
}
