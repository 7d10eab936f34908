//! What can be done to the simulated EC2: typed after `cloudtop sim`, or written into a scenario for later.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::CommandError;
use crate::commands::ssh::NodeName;
use crate::simulator::{self, Act, Capacity, Deed, FaultRule, Meddling, Reason, Target, VolumeFate};

/// One deed, as a scenario writes it.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true, name = "cloudtop sim")]
struct Line {
    #[command(subcommand)]
    deed: DeedArgs,
}

/// What can be done, now or later.
#[derive(Debug, Subcommand)]
pub enum DeedArgs {
    /// EC2 takes nodes away, as it does with spot instances
    #[command(
        after_help = "Examples:\n  cloudtop sim interrupt dev/0 --notice 2m\n  cloudtop sim interrupt --zone us-east-1a"
    )]
    Interrupt(InterruptArgs),
    /// EC2 recommends to move away from spot instances, which it may take later: the nodes' metadata show it
    #[command(after_help = "Example:\n  cloudtop sim rebalance dev/0")]
    Rebalance {
        /// The environment's name, with /INDEX for one node
        #[arg(value_name = "NAME[/INDEX]")]
        node: NodeName,
    },
    /// Somebody else who uses the account changes things behind our back
    #[command(
        after_help = "Examples:\n  cloudtop sim meddle terminate dev/0\n  cloudtop sim meddle tag dev cloudtop:env=other\n  cloudtop sim meddle delete-group dev"
    )]
    Meddle {
        /// What they do.
        #[command(subcommand)]
        act: MeddleArgs,
    },
    /// Set a price, a capacity, a fault, or how the world behaves
    #[command(
        after_help = "Examples:\n  cloudtop sim set capacity us-east-1 '*' us-east-1a none --for 10m\n  cloudtop sim set fault RunInstances reset-after --nth 1\n  cloudtop sim set throttling on"
    )]
    Set {
        /// What to set.
        #[command(subcommand)]
        what: SetArgs,
    },
}

/// Which nodes, why and how.
#[derive(Debug, Args)]
pub struct InterruptArgs {
    /// The environment's name, with /INDEX for one node
    #[arg(value_name = "NAME[/INDEX]", required_unless_present = "zone")]
    node: Option<NodeName>,
    /// All that runs in this availability zone, whose it may be
    #[arg(long, conflicts_with = "node")]
    zone: Option<String>,
    /// Why
    #[arg(long, value_enum, default_value = "capacity")]
    reason: InterruptReason,
    /// How long before it happens the node is told; without it, not at all
    #[arg(long, value_name = "TIME", value_parser = duration)]
    notice: Option<Duration>,
}

/// Why EC2 interrupts.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum InterruptReason {
    /// The price rose above the limit.
    Price,
    /// EC2 needs the capacity.
    Capacity,
}

/// What somebody does.
#[derive(Debug, Subcommand)]
pub enum MeddleArgs {
    /// Terminate instances
    #[command(after_help = "Example:\n  cloudtop sim meddle terminate dev/0")]
    Terminate(Whose),
    /// Stop instances
    #[command(after_help = "Example:\n  cloudtop sim meddle stop dev")]
    Stop(Whose),
    /// Start instances
    #[command(after_help = "Example:\n  cloudtop sim meddle start dev")]
    Start(Whose),
    /// Cancel the instances' spot requests
    #[command(after_help = "Example:\n  cloudtop sim meddle cancel dev")]
    Cancel(Whose),
    /// Detach the volumes that did not come with the instances
    #[command(after_help = "Example:\n  cloudtop sim meddle detach dev/0")]
    Detach(Whose),
    /// Delete volumes that are not attached
    #[command(after_help = "Example:\n  cloudtop sim meddle delete-volume dev")]
    DeleteVolume(Whose),
    /// Delete security groups, after taking the instances out of them
    #[command(after_help = "Example:\n  cloudtop sim meddle delete-group dev")]
    DeleteGroup(Whose),
    /// Delete key pairs
    #[command(after_help = "Example:\n  cloudtop sim meddle delete-key dev")]
    DeleteKey(Whose),
    /// Give the instances a tag, or another value of it
    #[command(after_help = "Example:\n  cloudtop sim meddle tag dev cloudtop:env=other")]
    Tag {
        /// Whose.
        #[command(flatten)]
        whose: Whose,
        /// The tag
        #[arg(value_name = "KEY=VALUE")]
        tag: String,
    },
    /// Take a tag off the instances, or all of them
    #[command(after_help = "Example:\n  cloudtop sim meddle untag dev cloudtop:owner")]
    Untag {
        /// Whose.
        #[command(flatten)]
        whose: Whose,
        /// The tag's key; without it, all tags
        key: Option<String>,
    },
}

/// What is meddled with.
#[derive(Debug, Args)]
pub struct Whose {
    /// An environment, a node of it, or the id of anything in the account
    #[arg(value_name = "NAME[/INDEX]|ID")]
    target: String,
}

/// What to set.
#[derive(Debug, Subcommand)]
pub enum SetArgs {
    /// The spot price of a pool
    #[command(after_help = "Example:\n  cloudtop sim set price us-east-1 m7a.xlarge us-east-1a 0.25")]
    Price {
        /// The region
        region: String,
        /// The instance type
        instance_type: String,
        /// The availability zone, or `*`
        zone: String,
        /// USD per hour, or `market`
        price: String,
    },
    /// How much of a pool there is
    #[command(after_help = "Example:\n  cloudtop sim set capacity us-east-1 '*' us-east-1a none --for 10m")]
    Capacity {
        /// The region
        region: String,
        /// The instance type, or `*`
        instance_type: String,
        /// The availability zone, or `*`
        zone: String,
        /// `none`, `no-spot` (on demand alone), `available`, or a number of instances
        capacity: String,
        /// After how long there is enough again
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        lasts: Option<Duration>,
    },
    /// Have calls go wrong
    #[command(after_help = FAULT_HELP)]
    Fault(FaultArgs),
    /// Volumes that stay `detaching`, or that are in another zone
    #[command(after_help = "Example:\n  cloudtop sim set volume dev stuck")]
    Volume {
        /// Whose.
        #[command(flatten)]
        whose: Whose,
        /// `stuck`, `free`, or an availability zone
        fate: String,
    },
    /// EC2's request throttling
    #[command(after_help = "Example:\n  cloudtop sim set throttling 0.1")]
    Throttling {
        /// `on`, `off`, or what EC2's buckets are multiplied by: 0.1 for a tenth
        factor: String,
    },
    /// A setting: see docs/simulator.md
    #[command(after_help = "Example:\n  cloudtop sim set setting speed 20")]
    Setting {
        /// Its name, for example `speed`
        name: String,
        /// Its value
        value: String,
    },
}

const FAULT_HELP: &str = "Faults:
  throttle                     RequestLimitExceeded
  error [STATUS] CODE [TEXT]   an error of EC2's, with its usual status and message if left out
  denied                       UnauthorizedOperation, as EC2 words it
  expired                      the credentials have expired
  refuse                       connection refused
  reset-before, reset-after    the connection breaks before the call has an effect, or after: the answer is lost
  hang-before, hang-after      no answer ever, without the effect or with it
  late TIME                    the effect at once, the answer late
  truncate                     the effect, and half of the answer
  none                         takes the rules about these actions away

Examples:
  cloudtop sim set fault RunInstances reset-after --nth 1
  cloudtop sim set fault writes error 500 InternalError --chance 0.05
  cloudtop sim set fault 'Describe*' late 3s --first 4
  cloudtop sim set fault '*' refuse --after 10s --for 30s
  cloudtop sim set fault '*' none";

/// A rule of calls that go wrong.
#[derive(Debug, Args)]
pub struct FaultArgs {
    /// Names of actions, parted by commas; `*` and `?` as in file names; `reads` or `writes`
    actions: String,
    /// What happens to them
    #[arg(required = true, num_args = 1.., value_name = "FAULT")]
    fault: Vec<String>,
    /// Only the call with this number, counted from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    nth: Option<u64>,
    /// Only the first calls
    #[arg(long, value_name = "N", conflicts_with = "nth")]
    first: Option<u64>,
    /// Only this share of the calls, drawn from the seed: 0.2, or 20%
    #[arg(long, value_name = "SHARE", value_parser = share)]
    chance: Option<f64>,
    /// Not before this time has passed
    #[arg(long, value_name = "TIME", value_parser = duration)]
    after: Option<Duration>,
    /// For this long and no longer
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    lasts: Option<Duration>,
}

/// Reads a deed as a scenario writes it: what is typed after `cloudtop sim`.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn parse(words: &str) -> Result<Deed, String> {
    let line = Line::try_parse_from(words.split_whitespace()).map_err(|error| first_line(&error))?;
    line.deed.deed().map_err(|error| error.to_string())
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.trim().trim_start_matches("error: ").to_owned()
}

impl DeedArgs {
    /// The deed that was asked for.
    pub fn deed(self) -> Result<Deed, CommandError> {
        match self {
            Self::Interrupt(args) => Ok(args.deed()),
            Self::Rebalance { node } => Ok(Deed::Rebalance(environment(&node))),
            Self::Meddle { act } => act.deed(),
            Self::Set { what } => what.deed(),
        }
    }
}

impl InterruptArgs {
    fn deed(self) -> Deed {
        let target = match (self.node, self.zone) {
            (Some(node), _) => environment(&node),
            (None, zone) => Target::Zone(zone.unwrap_or_default()),
        };
        let reason = match self.reason {
            InterruptReason::Price => Reason::Price,
            InterruptReason::Capacity => Reason::Capacity,
        };
        Deed::Interrupt { target, reason, notice: self.notice.unwrap_or_default() }
    }
}

impl MeddleArgs {
    fn deed(self) -> Result<Deed, CommandError> {
        let (act, whose) = match self {
            Self::Terminate(whose) => (Act::Terminate, whose),
            Self::Stop(whose) => (Act::Stop, whose),
            Self::Start(whose) => (Act::Start, whose),
            Self::Cancel(whose) => (Act::Cancel, whose),
            Self::Detach(whose) => (Act::Detach, whose),
            Self::DeleteVolume(whose) => (Act::DeleteVolume, whose),
            Self::DeleteGroup(whose) => (Act::DeleteGroup, whose),
            Self::DeleteKey(whose) => (Act::DeleteKey, whose),
            Self::Tag { whose, tag } => {
                let Some((key, value)) = tag.split_once('=') else {
                    return Err(CommandError::usage("a tag is written KEY=VALUE"));
                };
                (Act::Tag { key: key.to_owned(), value: value.to_owned() }, whose)
            }
            Self::Untag { whose, key } => (Act::Untag { key }, whose),
        };
        Ok(Deed::Meddle(Meddling { act, target: whose.target()? }))
    }
}

impl Whose {
    /// Ids have a kind's prefix and eight letters or digits at least; no environment is likely to be named so.
    fn target(&self) -> Result<Target, CommandError> {
        let is_id = self.target.split_once('-').is_some_and(|(kind, rest)| {
            ["i", "sir", "vol", "sg", "key", "eni"].contains(&kind)
                && rest.len() >= 8
                && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        if is_id {
            return Ok(Target::Instances(vec![self.target.clone()]));
        }
        let node: NodeName = self.target.parse().map_err(|error| CommandError::usage(format!("{error}")))?;
        Ok(environment(&node))
    }
}

fn environment(node: &NodeName) -> Target {
    Target::Environment { name: node.env().to_string(), node: node.index() }
}

impl SetArgs {
    fn deed(self) -> Result<Deed, CommandError> {
        Ok(match self {
            Self::Price { region, instance_type, zone, price } => {
                Deed::Price { region, instance_type, zone, price: read_price(&price)? }
            }
            Self::Capacity { region, instance_type, zone, capacity, lasts } => {
                Deed::Capacity { region, instance_type, zone, capacity: read_capacity(&capacity)?, lasts }
            }
            Self::Volume { whose, fate } => Deed::Volume { target: whose.target()?, fate: read_fate(fate) },
            Self::Fault(args) => return args.deed(),
            Self::Throttling { factor } => Deed::Setting { name: "throttling".to_owned(), value: factor },
            Self::Setting { name, value } => Deed::Setting { name, value },
        })
    }
}

impl FaultArgs {
    fn deed(self) -> Result<Deed, CommandError> {
        let fault = self.fault.join(" ");
        if fault == "none" {
            return Ok(Deed::NoFault(self.actions));
        }
        Ok(Deed::Fault(FaultRule {
            actions: self.actions,
            trouble: fault.parse()?,
            nth: self.nth,
            first: self.first,
            chance: self.chance,
            after: self.after.unwrap_or_default(),
            lasts: self.lasts,
        }))
    }
}

fn read_price(text: &str) -> Result<Option<f64>, CommandError> {
    let price = || text.parse().map_err(|_| CommandError::usage("a price is a number of USD per hour, or `market`"));
    if text == "market" { Ok(None) } else { price().map(Some) }
}

fn read_fate(text: String) -> VolumeFate {
    match text.as_str() {
        "stuck" => VolumeFate::Stuck,
        "free" => VolumeFate::Free,
        _ => VolumeFate::Zone(text),
    }
}

fn read_capacity(text: &str) -> Result<Capacity, CommandError> {
    match text {
        "none" => Ok(Capacity::None),
        "no-spot" => Ok(Capacity::NoSpot),
        "available" => Ok(Capacity::Available),
        text => match text.parse() {
            Ok(count) => Ok(Capacity::Count(count)),
            Err(_) => Err(CommandError::usage("a capacity is `none`, `no-spot`, `available` or a number")),
        },
    }
}

/// A time: seconds, or with a unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    simulator::parse_duration(text).ok_or_else(|| "expected seconds, or a duration such as 200ms or 2m".to_owned())
}

/// A share of calls: `0.2` or `20%`.
pub fn share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse().map(|percent: f64| percent / 100.0),
        None => text.parse(),
    };
    share
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a share such as 0.2 or 20%".to_owned())
}
