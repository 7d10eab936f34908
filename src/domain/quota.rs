//! The quotas of an account and region that a launch may meet, in vCPUs: which it is, how full, how to have it raised.
//!
//! The groups and their quota codes are those of "Amazon EC2 instance type quotas" (Amazon EC2 documentation).

/// How instances are bought: each way has quotas of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purchase {
    /// As spot.
    Spot,
    /// On demand.
    OnDemand,
}

impl Purchase {
    /// The word in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::OnDemand => "on-demand",
        }
    }
}

/// A quota of EC2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Its code in Service Quotas, for example `L-34B43A08`.
    pub code: &'static str,
    /// Its name as AWS writes it.
    pub name: &'static str,
    /// The families that it is of, in a word or two.
    pub families: &'static str,
    /// How what it counts is bought.
    pub purchase: Purchase,
}

/// Families that share quotas: the letters that their types begin with.
struct Group {
    /// Letters of a family, up to its first digit or dash, with a digit where a generation has a quota of its own.
    prefixes: &'static [&'static str],
    families: &'static str,
    /// Code and name of the quota for spot, then of that for on-demand. Some groups are not sold as spot.
    spot: Option<(&'static str, &'static str)>,
    on_demand: (&'static str, &'static str),
}

const STANDARD: Group = Group {
    prefixes: &[],
    families: "standard (A, C, D, H, I, M, R, T, Z)",
    spot: Some(("L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests")),
    on_demand: ("L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"),
};

const P_ON_DEMAND: (&str, &str) = ("L-417A185B", "Running On-Demand P instances");

/// All groups but the standard one, in no order: no prefix is in two of them.
const GROUPS: &[Group] = &[
    Group {
        prefixes: &["dl"],
        families: "DL",
        spot: Some(("L-85EED4F7", "All DL Spot Instance Requests")),
        on_demand: ("L-6E869C2A", "Running On-Demand DL instances"),
    },
    Group {
        prefixes: &["f"],
        families: "F",
        spot: Some(("L-88CF9481", "All F Spot Instance Requests")),
        on_demand: ("L-74FC7D96", "Running On-Demand F instances"),
    },
    Group {
        prefixes: &["g", "gr", "vt"],
        families: "G and VT",
        spot: Some(("L-3819A6DF", "All G and VT Spot Instance Requests")),
        on_demand: ("L-DB2E81BA", "Running On-Demand G and VT instances"),
    },
    Group {
        prefixes: &["hpc"],
        families: "HPC",
        spot: None,
        on_demand: ("L-F7808C92", "Running On-Demand HPC instances"),
    },
    Group {
        prefixes: &["u"],
        families: "high memory",
        spot: None,
        on_demand: ("L-43DA4232", "Running On-Demand High Memory instances"),
    },
    Group {
        prefixes: &["inf"],
        families: "Inf",
        spot: Some(("L-B5D1601B", "All Inf Spot Instance Requests")),
        on_demand: ("L-1945791B", "Running On-Demand Inf instances"),
    },
    Group {
        prefixes: &["p2", "p3", "p4"],
        families: "P4, P3 and P2",
        spot: Some(("L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests")),
        on_demand: P_ON_DEMAND,
    },
    Group {
        prefixes: &["p5"],
        families: "P5",
        spot: Some(("L-C4BD4855", "All P5 Spot Instance Requests")),
        on_demand: P_ON_DEMAND,
    },
    // AWS's page names no spot quota for the generations that followed.
    Group { prefixes: &["p"], families: "P", spot: None, on_demand: P_ON_DEMAND },
    Group {
        prefixes: &["trn"],
        families: "Trn",
        spot: Some(("L-6B0D517C", "All Trn Spot Instance Requests")),
        on_demand: ("L-2C3B7624", "Running On-Demand Trn instances"),
    },
    Group {
        prefixes: &["x"],
        families: "X",
        spot: Some(("L-E3A00192", "All X Spot Instance Requests")),
        on_demand: ("L-7295265B", "Running On-Demand X instances"),
    },
];

/// The first letters of the standard group's families.
const STANDARD_LETTERS: &str = "acdhimrtz";

/// The quota that a type counts in; `None` where AWS's page names none, for example for the `mac` types.
#[must_use]
pub fn quota_of(instance_type: &str, purchase: Purchase) -> Option<Quota> {
    let group = group_of(instance_type)?;
    let (code, name) = match purchase {
        Purchase::Spot => group.spot?,
        Purchase::OnDemand => group.on_demand,
    };
    Some(Quota { code, name, families: group.families, purchase })
}

/// Every quota there is, spot first, each once.
#[must_use]
pub fn all() -> Vec<Quota> {
    let groups = || std::iter::once(&STANDARD).chain(GROUPS);
    let of = |purchase, families, (code, name)| Quota { code, name, families, purchase };
    let spot = groups().filter_map(|group| Some(of(Purchase::Spot, group.families, group.spot?)));
    let on_demand = groups().map(|group| of(Purchase::OnDemand, group.families, group.on_demand));
    let mut all: Vec<Quota> = Vec::new();
    for quota in spot.chain(on_demand) {
        if !all.iter().any(|known| known.code == quota.code) {
            all.push(quota);
        }
    }
    all
}

fn group_of(instance_type: &str) -> Option<&'static Group> {
    let letters_end = instance_type.find(|c: char| !c.is_ascii_lowercase())?;
    let letters = &instance_type[..letters_end];
    let generation = instance_type.get(..=letters_end)?;
    let has = |prefix: &str| GROUPS.iter().find(|group| group.prefixes.contains(&prefix));
    let standard = || {
        let is_standard = letters != "mac" && letters.starts_with(|first| STANDARD_LETTERS.contains(first));
        is_standard.then_some(&STANDARD)
    };
    has(generation).or_else(|| has(letters)).or_else(standard)
}

/// What a quota allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The account's own value, vCPUs.
    Applied(u64),
    /// AWS's default, vCPUs: the account has no value of its own.
    Default(u64),
    /// It could not be asked for; why.
    Unknown(String),
}

impl Limit {
    /// The vCPUs, where they are known.
    #[must_use]
    pub fn vcpus(&self) -> Option<u64> {
        match self {
            Self::Applied(vcpus) | Self::Default(vcpus) => Some(*vcpus),
            Self::Unknown(_) => None,
        }
    }
}

/// How full a quota is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    /// The region.
    pub region: String,
    /// The quota.
    pub quota: Quota,
    /// What it allows.
    pub limit: Limit,
    /// vCPUs of the whole account that count in it now, open spot requests too.
    pub used: u64,
    /// The instance type that was asked about.
    pub instance_type: String,
    /// vCPUs of one instance of that type; `None` where EC2 does not know the type.
    pub each: Option<u32>,
}

impl QuotaUse {
    /// vCPUs that so many instances of the type take.
    #[must_use]
    pub fn asked(&self, instances: u64) -> Option<u64> {
        self.each.map(|each| u64::from(each) * instances)
    }

    /// Whether so many more instances fit; `None` where that is not known.
    #[must_use]
    pub fn has_room_for(&self, instances: u64) -> Option<bool> {
        Some(self.used + self.asked(instances)? <= self.limit.vcpus()?)
    }

    /// The limit, what is used and what so many instances would take, in a sentence.
    #[must_use]
    pub fn in_words(&self, instances: u64) -> String {
        let (quota, purchase) = (self.quota, self.quota.purchase.as_str());
        let limit = match &self.limit {
            Limit::Applied(vcpus) => format!("the limit is {vcpus} vCPUs"),
            Limit::Default(vcpus) => format!("the limit is AWS's default of {vcpus} vCPUs"),
            Limit::Unknown(why) => format!("the limit could not be asked for ({why})"),
        };
        let asked = match self.asked(instances) {
            Some(vcpus) => format!("{instances} x {} asks for {vcpus} more", self.instance_type),
            None => format!("{instances} x {} asks for more", self.instance_type),
        };
        let open = if quota.purchase == Purchase::Spot { " (open spot requests count)" } else { "" };
        format!(
            "the {purchase} quota of the {} families in {}, {} \"{}\": {limit}, {} are in use{open}, and {asked}",
            quota.families, self.region, quota.code, quota.name, self.used
        )
    }

    /// The command that asks AWS for room for so many instances more, and the page that does the same.
    #[must_use]
    pub fn how_to_raise(&self, instances: u64) -> String {
        let (code, region) = (self.quota.code, &self.region);
        let wanted = self.used + self.asked(instances).unwrap_or(1);
        // What is in use can be less than EC2 counts: never ask for no more than there is.
        let wanted = wanted.max(self.limit.vcpus().map_or(0, |limit| limit + self.asked(instances).unwrap_or(1)));
        format!(
            "have the quota raised: `aws service-quotas request-service-quota-increase --service-code ec2 \
             --quota-code {code} --desired-value {wanted} --region {region}`, or on \
             https://{region}.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/{code}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(instance_type: &str) -> (Option<&'static str>, Option<&'static str>) {
        let code = |purchase| quota_of(instance_type, purchase).map(|quota| quota.code);
        (code(Purchase::Spot), code(Purchase::OnDemand))
    }

    fn usage(limit: Limit, used: u64) -> QuotaUse {
        let instance_type = "m7a.xlarge".to_owned();
        let quota = quota_of(&instance_type, Purchase::Spot).unwrap_or(all()[0]);
        QuotaUse { region: "us-east-1".to_owned(), quota, limit, used, instance_type, each: Some(4) }
    }

    #[test]
    fn each_family_counts_in_the_quota_of_its_letters() {
        let standard = (Some("L-34B43A08"), Some("L-1216C47A"));
        for name in ["a1.large", "c7i-flex.large", "d3en.xlarge", "im4gn.large", "m5.large", "r8gd.large", "z1d.large"]
        {
            assert_eq!(codes(name), standard, "{name}");
        }
        assert_eq!(codes("g6e.xlarge"), (Some("L-3819A6DF"), Some("L-DB2E81BA")));
        assert_eq!(codes("gr6.4xlarge"), codes("vt1.3xlarge"));
        assert_eq!(codes("dl1.24xlarge").0, Some("L-85EED4F7"));
        assert_eq!(codes("x2idn.16xlarge").0, Some("L-E3A00192"));
        assert_eq!(codes("trn1n.32xlarge").0, Some("L-6B0D517C"));
        assert_eq!(codes("inf2.xlarge").0, Some("L-B5D1601B"));
        assert_eq!(codes("f2.6xlarge").0, Some("L-88CF9481"));
    }

    #[test]
    fn a_generation_of_p_has_a_spot_quota_of_its_own_and_shares_the_other() {
        assert_eq!(codes("p4d.24xlarge"), (Some("L-7212CCBC"), Some("L-417A185B")));
        assert_eq!(codes("p5en.48xlarge"), (Some("L-C4BD4855"), Some("L-417A185B")));
        assert_eq!(codes("p6-b200.48xlarge"), (None, Some("L-417A185B")));
    }

    #[test]
    fn what_is_not_sold_as_spot_has_no_spot_quota() {
        assert_eq!(codes("u-6tb1.metal"), (None, Some("L-43DA4232")));
        assert_eq!(codes("u7i-12tb.224xlarge"), codes("u-6tb1.metal"));
        assert_eq!(codes("hpc7a.96xlarge"), (None, Some("L-F7808C92")));
        assert_eq!(codes("mac2.metal"), (None, None));
        assert_eq!(codes("quux"), (None, None));
    }

    #[test]
    fn no_quota_is_listed_twice() {
        assert_eq!(all().iter().filter(|quota| quota.purchase == Purchase::Spot).count(), 9);
        assert_eq!(all().iter().filter(|quota| quota.purchase == Purchase::OnDemand).count(), 10);
    }

    #[test]
    fn a_full_quota_is_told_with_its_limit_use_and_the_way_to_raise_it() {
        let full = usage(Limit::Applied(8), 6);
        assert_eq!(full.has_room_for(1), Some(false));
        assert_eq!(usage(Limit::Applied(8), 4).has_room_for(1), Some(true));
        assert_eq!(
            full.in_words(2),
            "the spot quota of the standard (A, C, D, H, I, M, R, T, Z) families in us-east-1, L-34B43A08 \
             \"All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests\": the limit is 8 vCPUs, 6 are in use \
             (open spot requests count), and 2 x m7a.xlarge asks for 8 more"
        );
        let raise = full.how_to_raise(2);
        assert!(raise.contains("--service-code ec2 --quota-code L-34B43A08 --desired-value 16 --region us-east-1`"));
        assert!(raise.contains("https://us-east-1.console.aws.amazon.com/servicequotas/"), "{raise}");
    }

    #[test]
    fn a_limit_that_could_not_be_asked_for_says_why_and_is_no_verdict() {
        let unknown = usage(Limit::Unknown("not allowed".to_owned()), 6);
        assert_eq!(unknown.has_room_for(1), None);
        assert!(unknown.in_words(1).contains("the limit could not be asked for (not allowed), 6 are in use"));
        assert!(unknown.how_to_raise(1).contains("--desired-value 10 "));
    }
}
