//! What people ask for, and the type that they would have named.

use std::fmt;

use cloudtop::domain::demand::{Arch, Demand, Requirements};

/// A request, with the usual type for it.
#[derive(Clone, Debug)]
pub struct Request {
    pub wanted: Requirements,
    /// What one would take without looking; the first that the history has.
    pub usual: &'static [&'static str],
}

/// The requests that are judged.
pub fn all() -> Vec<Request> {
    let x86 = |cpus, memory_gib, usual| Request { wanted: wanted(cpus, memory_gib), usual };
    let with_disks =
        |request: Request| Request { wanted: Requirements { local_ssd: true, ..request.wanted }, ..request };
    let arm = |request: Request| Request { wanted: Requirements { arch: Arch::Arm64, ..request.wanted }, ..request };
    vec![
        x86(2, 8, &["m5.large"]),
        x86(4, 16, &["m5.xlarge"]),
        x86(8, 32, &["m5.2xlarge", "m5a.2xlarge"]),
        x86(16, 64, &["m5.4xlarge"]),
        x86(32, 128, &["m5.8xlarge"]),
        x86(8, 16, &["c5.2xlarge"]),
        x86(16, 32, &["c5.4xlarge"]),
        x86(4, 32, &["r5.xlarge"]),
        x86(8, 64, &["r5.2xlarge"]),
        with_disks(x86(4, 16, &["m5d.xlarge"])),
        with_disks(x86(16, 64, &["m5d.4xlarge"])),
        arm(x86(4, 16, &["m6g.xlarge"])),
    ]
}

fn wanted(cpus: u32, memory_gib: u32) -> Requirements {
    Requirements { cpus, memory_gib, ..Requirements::default() }
}

impl Request {
    /// As `up` is told it.
    pub fn demand(&self) -> Demand {
        Demand::Requirements(self.wanted.clone())
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} vCPU, {} GiB", self.wanted.cpus, self.wanted.memory_gib)?;
        if self.wanted.local_ssd {
            f.write_str(", local disks")?;
        }
        if self.wanted.arch != Arch::X86_64 {
            write!(f, ", {}", self.wanted.arch.as_str())?;
        }
        Ok(())
    }
}
