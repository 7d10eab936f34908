//! Which instance types will do.

use serde::{Deserialize, Serialize};

use super::market::TypeFacts;

/// What the user wants of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Demand {
    /// These types, by name.
    Types(Vec<String>),
    /// Any current type that has at least this much.
    Requirements(Requirements),
}

/// The least that a machine must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirements {
    /// vCPUs.
    pub cpus: u32,
    /// Memory, GiB.
    pub memory_gib: u32,
    /// Processor architecture.
    pub arch: Arch,
    /// Whether it must have instance store.
    pub local_ssd: bool,
    /// Whether it must have a GPU.
    #[serde(default)]
    pub gpu: bool,
}

impl Default for Requirements {
    /// A machine that compiles things without costing much: 4 vCPUs, 16 GiB.
    fn default() -> Self {
        Self { cpus: 4, memory_gib: 16, arch: Arch::X86_64, local_ssd: false, gpu: false }
    }
}

/// A processor architecture that images are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arch {
    /// 64-bit Intel and AMD.
    X86_64,
    /// 64-bit Arm (Graviton).
    Arm64,
}

impl Arch {
    /// EC2's own word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

impl Demand {
    /// Whether a type will do, or else why not.
    ///
    /// # Errors
    /// The reason, in words for the user.
    pub fn accepts(&self, facts: &TypeFacts) -> Result<(), String> {
        if !facts.spot {
            return Err("EC2 does not offer it as spot".to_owned());
        }
        match self {
            Self::Types(names) if names.contains(&facts.name) => Ok(()),
            Self::Types(_) => Err("not among the types asked for".to_owned()),
            Self::Requirements(wanted) => wanted.accepts(facts),
        }
    }
}

impl Requirements {
    fn accepts(&self, facts: &TypeFacts) -> Result<(), String> {
        if facts.vcpus < self.cpus {
            return Err(format!("fewer than {} vCPUs", self.cpus));
        }
        if facts.memory_mib < u64::from(self.memory_gib) * 1024 {
            return Err(format!("less than {} GiB of memory", self.memory_gib));
        }
        if !facts.archs.contains(&self.arch) {
            return Err(format!("it is not {}", self.arch.as_str()));
        }
        if self.local_ssd && facts.local_disk_gb == 0 {
            return Err("it has no local disks".to_owned());
        }
        if self.gpu && facts.gpus == 0 {
            return Err("it has no GPU".to_owned());
        }
        if !facts.current_generation {
            return Err("it is of a previous generation: name it with --type if you want it".to_owned());
        }
        if facts.burstable {
            return Err("its processor is burstable: name it with --type if you want it".to_owned());
        }
        if facts.bare_metal {
            return Err("it is bare metal: name it with --type if you want it".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::domain::plan::fixture::type_facts;

    /// Why a type that is as in the fixture but for `change` will not do.
    fn why(demand: &Demand, change: impl FnOnce(&mut TypeFacts)) -> Option<String> {
        let mut facts = type_facts("m5.xlarge");
        change(&mut facts);
        demand.accepts(&facts).err()
    }

    #[test]
    fn a_type_must_have_at_least_what_is_wanted() {
        let demand = Demand::Requirements(Requirements::default());
        assert_eq!(why(&demand, |_| ()), None);
        assert_eq!(why(&demand, |it| it.vcpus = 2).unwrap(), "fewer than 4 vCPUs");
        assert_eq!(why(&demand, |it| it.memory_mib = 16 * 1024 - 512).unwrap(), "less than 16 GiB of memory");
        assert_eq!(why(&demand, |it| it.archs = vec![Arch::Arm64]).unwrap(), "it is not x86_64");
        assert_eq!(why(&demand, |it| it.spot = false).unwrap(), "EC2 does not offer it as spot");
        let with_disks = Demand::Requirements(Requirements { local_ssd: true, ..Requirements::default() });
        assert_eq!(why(&with_disks, |_| ()).unwrap(), "it has no local disks");
        assert_eq!(why(&with_disks, |it| it.local_disk_gb = 75), None);
        let with_gpu = Demand::Requirements(Requirements { gpu: true, ..Requirements::default() });
        assert_eq!(why(&with_gpu, |_| ()).unwrap(), "it has no GPU");
        assert_eq!(why(&with_gpu, |it| it.gpus = 1), None);
        assert_eq!(why(&demand, |it| it.gpus = 1), None, "more than was asked for is no reason");
    }

    #[test]
    fn requirements_that_were_written_before_there_was_a_word_for_gpus_are_read() {
        let old = r#"{"cpus": 4, "memory_gib": 16, "arch": "x86_64", "local_ssd": false}"#;
        assert_eq!(serde_json::from_str::<Requirements>(old).unwrap(), Requirements::default());
    }

    #[test]
    fn odd_types_are_taken_only_by_name() {
        let changes: [fn(&mut TypeFacts); 3] =
            [|it| it.current_generation = false, |it| it.burstable = true, |it| it.bare_metal = true];
        for change in changes {
            let by_requirements = why(&Demand::Requirements(Requirements::default()), change);
            assert!(by_requirements.unwrap().contains("name it with --type"));
            assert_eq!(why(&Demand::Types(vec!["m5.xlarge".to_owned()]), change), None);
        }
        let other = Demand::Types(vec!["c5.large".to_owned()]);
        assert_eq!(why(&other, |_| ()).unwrap(), "not among the types asked for");
    }
}
