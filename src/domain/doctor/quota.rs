//! Whether what is asked for fits into the account's quotas.

use super::{Area, Check, permissions};
use crate::domain::demand::Demand;
use crate::domain::quota::{Limit, Purchase, QuotaUse, quota_of};

/// The check's name.
pub const NAME: &str = "quota";

/// The type whose quota counts where requirements name no type: nearly all that meet them are in its group.
const STANDARD: &str = "m5.large";

/// One type for each quota that a demand can meet.
#[must_use]
pub fn types_to_ask_for(demand: &Demand) -> Vec<String> {
    let Demand::Types(names) = demand else { return vec![STANDARD.to_owned()] };
    let mut asked: Vec<(&str, &String)> = Vec::new();
    for name in names {
        let Some(quota) = quota_of(name, Purchase::Spot) else { continue };
        if asked.iter().all(|(code, _)| *code != quota.code) {
            asked.push((quota.code, name));
        }
    }
    asked.into_iter().map(|(_, name)| name.clone()).collect()
}

/// How full a quota is, for what is asked: requirements ask for vCPUs and not for the type that stands for them.
#[must_use]
pub fn as_asked(found: QuotaUse, demand: &Demand) -> QuotaUse {
    match demand {
        Demand::Types(_) => found,
        Demand::Requirements(least) => {
            QuotaUse { instance_type: format!("a type of {} vCPUs", least.cpus), each: Some(least.cpus), ..found }
        }
    }
}

/// The verdict, where `missing` nodes are still to be launched.
#[must_use]
pub fn check(quotas: &[QuotaUse], missing: u64) -> Check {
    let lines = |wanted: Option<bool>| {
        let of = quotas.iter().filter(|it| it.has_room_for(missing) == wanted);
        of.map(|it| line(it, missing)).collect::<Vec<_>>().join("; ")
    };
    let (full, fits, unknown) = (lines(Some(false)), lines(Some(true)), lines(None));
    let first_full = quotas.iter().find(|it| it.has_room_for(missing) == Some(false));
    match first_full {
        Some(first) if fits.is_empty() && unknown.is_empty() => {
            Check::wrong(NAME, Area::Access, full, mend(first, missing))
        }
        Some(first) => {
            let all = [full, fits, unknown].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
            Check::warning(NAME, all.join("; "), mend(first, missing))
        }
        None if !unknown.is_empty() => {
            let statement = permissions::statements(&["servicequotas:GetServiceQuota".to_owned()]).join(", ");
            Check::warning(
                NAME,
                unknown,
                format!("none is needed unless launches are refused; to look, allow `{statement}`"),
            )
        }
        None if fits.is_empty() => Check::ok(NAME, "AWS names no spot quota for these types"),
        None => Check::ok(NAME, fits),
    }
}

fn mend(full: &QuotaUse, missing: u64) -> String {
    format!("{}; or ask for smaller or fewer nodes", full.how_to_raise(missing))
}

fn line(it: &QuotaUse, missing: u64) -> String {
    let (used, quota) = (it.used, format!("spot, {} ({})", it.quota.families, it.quota.code));
    let asked = it.asked(missing).map_or_else(|| "an unknown number".to_owned(), |vcpus| vcpus.to_string());
    match &it.limit {
        Limit::Applied(vcpus) => format!("{quota}: {used} of {vcpus} vCPUs in use, {asked} more asked for"),
        Limit::Default(vcpus) => {
            format!("{quota}: {used} of {vcpus} vCPUs (AWS's default) in use, {asked} more asked for")
        }
        // What a server without it answers is a page of HTML.
        Limit::Unknown(why) if why.contains("UnreadableAnswer") => {
            format!("{quota}: the limit is not known, for this endpoint has no Service Quotas of EC2")
        }
        Limit::Unknown(why) => format!("{quota}: the limit is not known: {why}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::domain::demand::Requirements;
    use crate::domain::doctor::Verdict;

    fn usage(instance_type: &str, limit: Limit, used: u64) -> QuotaUse {
        QuotaUse {
            region: "us-east-1".to_owned(),
            quota: quota_of(instance_type, Purchase::Spot).unwrap(),
            limit,
            used,
            instance_type: instance_type.to_owned(),
            each: Some(4),
        }
    }

    #[test]
    fn each_quota_is_asked_for_once() {
        let names = ["m5.large", "c7i.xlarge", "g5.xlarge", "mac2.metal"].map(str::to_owned).to_vec();
        assert_eq!(types_to_ask_for(&Demand::Types(names)), ["m5.large", "g5.xlarge"]);
        assert_eq!(types_to_ask_for(&Demand::Requirements(Requirements::default())), ["m5.large"]);
    }

    #[test]
    fn requirements_ask_for_their_own_vcpus() {
        let demand = Demand::Requirements(Requirements { cpus: 16, ..Requirements::default() });
        let asked = as_asked(usage("m5.large", Limit::Applied(8), 0), &demand);
        assert_eq!(asked.asked(2), Some(32));
        assert_eq!(check(&[asked], 2).verdict, Verdict::Wrong(Area::Access));
    }

    #[test]
    fn a_quota_without_room_is_wrong_with_the_command_that_raises_it() {
        let full = check(&[usage("m5.xlarge", Limit::Applied(8), 6)], 1);
        assert_eq!(full.verdict, Verdict::Wrong(Area::Access));
        assert!(full.found.contains("(L-34B43A08): 6 of 8 vCPUs in use, 4 more asked for"), "{full:?}");
        assert!(full.mend.unwrap().contains("request-service-quota-increase"));
        let fine = check(&[usage("m5.xlarge", Limit::Default(10), 6)], 1);
        assert_eq!(fine.verdict, Verdict::Ok);
        assert_eq!(check(&[usage("m5.xlarge", Limit::Applied(8), 8)], 0).verdict, Verdict::Ok);
    }

    #[test]
    fn another_group_with_room_makes_it_a_warning_and_an_unknown_limit_is_one() {
        let full = usage("g5.xlarge", Limit::Applied(0), 0);
        let room = usage("m5.xlarge", Limit::Applied(99), 0);
        let some = check(&[full.clone(), room], 1);
        assert_eq!(some.verdict, Verdict::Warning);
        assert!(some.mend.unwrap().contains("L-3819A6DF"));
        let unknown = check(&[usage("m5.xlarge", Limit::Unknown("not there".to_owned()), 3)], 1);
        assert_eq!(unknown.verdict, Verdict::Warning);
        assert!(unknown.found.contains("the limit is not known: not there"), "{unknown:?}");
        let page = "GetServiceQuota: HTTP 500, and an answer that cannot be read: <html> (UnreadableAnswer)";
        let elsewhere = check(&[usage("m5.xlarge", Limit::Unknown(page.to_owned()), 3)], 1);
        assert!(elsewhere.found.ends_with("this endpoint has no Service Quotas of EC2"), "{elsewhere:?}");
        assert_eq!(check(&[], 1).verdict, Verdict::Ok);
    }
}
