//! What may be typed of what an environment should be.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::commands::choosing::ChoosingArgs;
use crate::config::{self, EnvironmentSettings, VolumeSetting};
use crate::domain::demand::Arch;
use crate::domain::intent::{ImageFamily, Interruption};

/// What an environment should be.
#[derive(Clone, Debug, Default, Args)]
pub struct WishArgs {
    /// Number of nodes
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::domain::nodes::MOST)))]
    pub nodes: Option<u32>,
    /// Instance types that will do, for example c7i.4xlarge,m7a.4xlarge
    #[arg(short = 't', long = "type", value_name = "TYPE", value_delimiter = ',', conflicts_with_all = ["cpus", "memory", "arch", "local_ssd", "gpu"])]
    pub types: Vec<String>,
    /// The least number of vCPUs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub cpus: Option<u32>,
    /// The least memory, GiB
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u32).range(1..))]
    pub memory: Option<u32>,
    /// Processor architecture
    #[arg(long, value_parser = architecture, value_name = "x86_64|arm64")]
    pub arch: Option<Arch>,
    /// Only types with local disks
    #[arg(long)]
    pub local_ssd: bool,
    /// Only types with a GPU
    #[arg(long)]
    pub gpu: bool,
    /// The only availability zone allowed
    #[arg(long, value_name = "AZ")]
    pub zone: Option<String>,
    /// Lay the nodes out over availability zones
    #[arg(long)]
    pub spread: bool,
    /// The most to pay, USD per node and hour
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    pub max_price: Option<f64>,
    /// How pools are weighed, and what happens when none will do.
    #[command(flatten)]
    pub choosing: ChoosingArgs,
    /// What EC2 does with a node that it takes away
    #[arg(long, value_parser = behaviour, value_name = "stop|hibernate|terminate")]
    pub on_interruption: Option<Interruption>,
    /// A node that was taken away does not come back
    #[arg(long)]
    pub one_time: bool,
    /// Leave the request open until there is capacity at the price
    #[arg(long)]
    pub wait_for_capacity: bool,
    /// A built-in template, or a directory (with a slash)
    #[arg(long, value_name = "NAME|DIR")]
    pub template: Option<String>,
    /// Send this user data as it is, instead of the template's
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    /// Set a variable of the template
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Operating system, where the template is made for several
    #[arg(long, value_parser = operating_system, value_name = "ubuntu|debian|amazon-linux")]
    pub os: Option<ImageFamily>,
    /// Boot this image
    #[arg(long, value_name = "ID")]
    pub ami: Option<String>,
    /// Boot this image of your own (`cloudtop image list`): its newest version, or NAME@VERSION
    #[arg(long, value_name = "NAME", conflicts_with = "ami")]
    pub image: Option<String>,
    /// Size of the persistent volume when it is made
    #[arg(long, value_name = "GIB", value_parser = volume_gib, allow_negative_numbers = true, conflicts_with_all = ["no_volume", "volume_id"])]
    pub volume: Option<u32>,
    /// No persistent volume
    #[arg(long, conflicts_with = "volume_id")]
    pub no_volume: bool,
    /// Use this volume, which you have already
    #[arg(long, value_name = "ID")]
    pub volume_id: Option<String>,
    /// Public key, or private key with its public key beside it
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Let ssh in from there [default: this machine's address]
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub allow_ssh: Vec<String>,
    /// Use this security group, which you have already
    #[arg(long, value_name = "ID")]
    pub security_group: Option<String>,
    /// Use this subnet instead of the default VPC's
    #[arg(long, value_name = "ID")]
    pub subnet: Option<String>,
    /// Launch nodes with this instance profile: with a role (`cloudtop init --self-attach` makes one); "": none
    #[arg(long, value_name = "NAME", value_parser = instance_profile)]
    pub instance_profile: Option<String>,
    /// A throwaway: it is ended after that time, for example 8h
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration)]
    pub ttl: Option<Duration>,
    /// Nodes stop themselves when nobody has used them for that time, for example 45m; 0m: never
    #[arg(long, value_name = "TIME", value_parser = config::parse_idle)]
    pub idle: Option<Duration>,
}

pub(in crate::commands) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("use KEY=VALUE".to_owned()),
    }
}

pub(in crate::commands) fn architecture(text: &str) -> Result<Arch, String> {
    let all = [Arch::X86_64, Arch::Arm64];
    all.into_iter().find(|arch| arch.as_str() == text).ok_or_else(|| "use x86_64 or arm64".to_owned())
}

pub(in crate::commands) fn operating_system(text: &str) -> Result<ImageFamily, String> {
    ImageFamily::named(text).ok_or_else(|| "use ubuntu, debian or amazon-linux".to_owned())
}

fn behaviour(text: &str) -> Result<Interruption, String> {
    let all = [Interruption::Stop, Interruption::Hibernate, Interruption::Terminate];
    all.into_iter().find(|it| it.as_str() == text).ok_or_else(|| "use stop, hibernate or terminate".to_owned())
}

pub(in crate::commands) fn volume_gib(text: &str) -> Result<u32, String> {
    let gib = text.parse::<i64>().map_err(|_| "use a whole number of GiB, for example 100".to_owned())?;
    config::check_volume_gib(gib).map_err(|error| error.to_string())
}

/// The names that IAM takes for instance profiles (IAM API reference, CreateInstanceProfile). An empty one takes away what
/// was asked for before.
fn instance_profile(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if text.len() <= 128 && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("use the name of an instance profile, not its ARN: up to 128 letters, digits and _+=,.@-".to_owned())
}

impl WishArgs {
    /// The flags as settings; what was not given is `None`.
    pub fn settings(&self) -> EnvironmentSettings {
        let switch = |on: bool| on.then_some(true);
        let list = |values: &Vec<String>| (!values.is_empty()).then(|| values.clone());
        let volume = self.volume.map(VolumeSetting::Gib).or(self.no_volume.then_some(VolumeSetting::Without));
        self.choosing.add_to(EnvironmentSettings {
            types: list(&self.types),
            cpus: self.cpus,
            memory: self.memory,
            arch: self.arch,
            local_ssd: switch(self.local_ssd),
            gpu: switch(self.gpu),
            zone: self.zone.clone(),
            max_price: self.max_price,
            on_interruption: self.on_interruption,
            one_time: switch(self.one_time),
            template: self.template.clone(),
            user_data: self.user_data.clone(),
            set: self.set.iter().cloned().collect(),
            os: self.os,
            ami: self.ami.clone(),
            image: self.image.clone(),
            volume,
            volume_id: self.volume_id.clone(),
            key: self.key.clone(),
            allow_ssh: list(&self.allow_ssh),
            security_group: self.security_group.clone(),
            subnet: self.subnet.clone(),
            ttl: self.ttl,
            idle: self.idle,
            nodes: self.nodes,
            spread: switch(self.spread),
            wait_for_capacity: switch(self.wait_for_capacity),
            instance_profile: self.instance_profile.clone(),
            ..EnvironmentSettings::default()
        })
    }

    /// The flags over the configuration. Naming types by flag sets the configuration's requirements aside, and the
    /// other way round: they answer the same question.
    pub fn over(&self, mut configured: EnvironmentSettings) -> EnvironmentSettings {
        let flags = self.settings();
        if flags.types.is_some() {
            (configured.cpus, configured.memory, configured.arch) = (None, None, None);
            (configured.local_ssd, configured.gpu) = (None, None);
        }
        if has_requirements(&flags) {
            configured.types = None;
        }
        if flags.volume.is_some() {
            configured.volume_id = None;
        }
        if flags.volume_id.is_some() {
            configured.volume = None;
        }
        if flags.template.is_some() {
            configured.user_data = None;
        }
        flags.over(configured)
    }
}

/// Whether machines are described, rather than named.
pub(super) fn has_requirements(settings: &EnvironmentSettings) -> bool {
    let EnvironmentSettings { cpus, memory, arch, local_ssd, gpu, .. } = settings;
    cpus.is_some() || memory.is_some() || arch.is_some() || local_ssd.is_some() || gpu.is_some()
}
