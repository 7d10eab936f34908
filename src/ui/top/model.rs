//! What is shown, and what keys do to it. No terminal here, and no clock.

use jiff::Timestamp;

use crate::domain::budget::Standing;
use crate::domain::intent::Goal;
use crate::domain::phase::Phase;
use crate::domain::price_history::PriceHistory;
use crate::ui::report::EnvironmentReport;

/// All that is shown.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The time; `None` before the first look.
    pub now: Option<Timestamp>,
    /// When EC2 was looked at last.
    pub looked_at: Option<Timestamp>,
    /// What there is, by name.
    pub environments: Vec<EnvironmentReport>,
    /// USD of this month, all environments together.
    pub spent: Option<f64>,
    /// How the budgets stand.
    pub budgets: Vec<Standing>,
    /// What has happened, the newest first.
    pub events: Vec<Happening>,
    /// What the pools in use have cost in the last 24 hours.
    pub prices: Vec<PriceHistory>,
    /// What went wrong in the last look.
    pub trouble: Option<String>,
    /// What keys are about.
    pub selected: Option<Place>,
    /// What waits for a yes.
    pub asking: Option<Deed>,
    /// Whether all keys are told.
    pub help: bool,
    /// Whether colours are used.
    pub colours: bool,
    /// Whether the terminal shows more than ASCII.
    pub unicode: bool,
    /// Whether every question is answered with yes.
    pub yes: bool,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// The environment.
    pub env: String,
    /// What, in words.
    pub text: String,
}

/// An environment, or one of its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The environment.
    pub env: String,
    /// The node's index; `None`: the environment.
    pub node: Option<u32>,
}

impl std::fmt::Display for Place {
    /// As it is typed: `dev`, `core/2`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.node {
            Some(node) => write!(f, "{}/{node}", self.env),
            None => f.write_str(&self.env),
        }
    }
}

/// A command that changes an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `stop`.
    Stop,
    /// `start`.
    Start,
    /// `up`.
    Up,
    /// `down`.
    Down,
}

impl Verb {
    /// As it is typed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// What it does, for the question before it.
    fn effect(self) -> &'static str {
        match self {
            Self::Stop => "disks are kept",
            Self::Start | Self::Up => "it costs money by the hour",
            Self::Down => "instances end, volumes are kept",
        }
    }
}

/// What is to be done to an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// What.
    pub verb: Verb,
    /// To which.
    pub env: String,
}

impl Deed {
    /// The question.
    #[must_use]
    pub fn question(&self) -> String {
        format!("{} {}? ({}) y/n", self.verb.as_str(), self.env, self.verb.effect())
    }
}

/// A key, whatever terminal it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// The first row.
    First,
    /// The last row.
    Last,
    /// The key for "do it".
    Enter,
    /// The key for "leave it".
    Escape,
    /// Ctrl-C.
    Quit,
    /// A letter.
    Char(char),
    /// One that means nothing here.
    Other,
}

/// What the user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To leave.
    Quit,
    /// To look at EC2 now.
    Look,
    /// A shell.
    Ssh(Place),
    /// A change, asked for and granted.
    Do(Deed),
}

impl Model {
    /// Every row: each environment, and its nodes below it.
    #[must_use]
    pub fn rows(&self) -> Vec<Place> {
        let of_one = |it: &EnvironmentReport| {
            let place = |node| Place { env: it.name.clone(), node };
            let nodes = it.nodes.iter().map(|node| Some(node.view.index));
            std::iter::once(None).chain(nodes).map(place).collect::<Vec<_>>()
        };
        self.environments.iter().flat_map(of_one).collect()
    }

    /// The row that is selected.
    #[must_use]
    pub fn row(&self) -> usize {
        let rows = self.rows();
        let exact = rows.iter().position(|row| Some(row) == self.selected.as_ref());
        // A node that is gone leaves the selection on its environment.
        let near = || rows.iter().position(|row| self.selected.as_ref().is_some_and(|it| it.env == row.env));
        exact.or_else(near).unwrap_or(0)
    }

    /// What is selected, where there is anything.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.rows().into_iter().nth(self.row())
    }

    /// The environment that is selected, or one of whose nodes is.
    #[must_use]
    pub fn environment(&self) -> Option<&EnvironmentReport> {
        let place = self.place()?;
        self.environments.iter().find(|it| it.name == place.env)
    }

    /// The prices of the pool of the selected node, or of the environment's first that has a pool.
    #[must_use]
    pub fn history(&self) -> Option<&PriceHistory> {
        let node = self.place()?.node;
        let nodes = self.environment()?.nodes.iter().map(|it| &it.view);
        let view =
            nodes.filter(|it| node.is_none_or(|index| it.index == index)).find(|it| it.instance_type.is_some())?;
        self.prices
            .iter()
            .find(|it| Some(&it.instance_type) == view.instance_type.as_ref() && Some(&it.zone) == view.zone.as_ref())
    }

    /// Takes in a key.
    pub fn press(&mut self, key: Key) -> Option<Wish> {
        if key == Key::Quit {
            return Some(Wish::Quit);
        }
        if let Some(deed) = self.asking.take() {
            return matches!(key, Key::Char('y' | 'Y')).then_some(Wish::Do(deed));
        }
        if std::mem::take(&mut self.help) {
            return None;
        }
        let last = self.rows().len().saturating_sub(1);
        match key {
            Key::Char('q') | Key::Escape => return Some(Wish::Quit),
            Key::Char('r') => return Some(Wish::Look),
            Key::Char('?') => self.help = true,
            Key::Up | Key::Char('k') => self.select(self.row().saturating_sub(1)),
            Key::Down | Key::Char('j') => self.select((self.row() + 1).min(last)),
            Key::First | Key::Char('g') => self.select(0),
            Key::Last | Key::Char('G') => self.select(last),
            Key::Enter | Key::Char('s') => return self.shell(),
            Key::Char('S') => return self.ask(Verb::Stop),
            Key::Char('d') => return self.ask(Verb::Down),
            Key::Char('u') => {
                let stopped = self.environment().is_some_and(|it| it.goal == Goal::Stopped);
                return self.ask(if stopped { Verb::Start } else { Verb::Up });
            }
            _ => {}
        }
        None
    }

    fn select(&mut self, row: usize) {
        self.selected = self.rows().into_iter().nth(row);
    }

    /// A shell on the selected node: an environment stands for its only one, or its first.
    fn shell(&self) -> Option<Wish> {
        let Place { env, node } = self.place()?;
        let several = self.environment()?.nodes.len() > 1;
        Some(Wish::Ssh(Place { env, node: several.then_some(node.unwrap_or(0)) }))
    }

    fn ask(&mut self, verb: Verb) -> Option<Wish> {
        let deed = Deed { verb, env: self.place()?.env };
        if self.yes {
            return Some(Wish::Do(deed));
        }
        self.asking = Some(deed);
        None
    }

    /// Takes in a look at what there is: what changed without a run of ours that wrote it down is an event, too.
    pub fn take(&mut self, environments: Vec<EnvironmentReport>, events: Vec<Happening>, now: Timestamp) {
        let seen: Vec<Happening> = changes(&self.environments, &environments, now).collect();
        let known = |it: &Happening| events.iter().any(|event| event.env == it.env && event.text == it.text);
        let older = std::mem::take(&mut self.events).into_iter().filter(|it| !known(it));
        let mut all: Vec<Happening> = seen.into_iter().filter(|it| !known(it)).chain(older).collect();
        all.extend(events);
        all.sort_by_key(|it| std::cmp::Reverse(it.at));
        all.truncate(MOST_EVENTS);
        self.events = all;
        self.environments = environments;
        self.looked_at = Some(now);
    }

    /// How many nodes are ready, and how many there are.
    #[must_use]
    pub fn ready(&self) -> (usize, usize) {
        let nodes = || self.environments.iter().flat_map(|it| &it.nodes);
        (nodes().filter(|node| node.view.phase == Phase::Ready).count(), nodes().count())
    }
}

/// More than the tallest terminal shows.
const MOST_EVENTS: usize = 100;

/// Nodes that came into another stage between two looks.
fn changes<'a>(
    before: &'a [EnvironmentReport],
    after: &'a [EnvironmentReport],
    at: Timestamp,
) -> impl Iterator<Item = Happening> + 'a {
    let pairs = after.iter().filter_map(|now| Some((before.iter().find(|it| it.name == now.name)?, now)));
    pairs.flat_map(move |(was, now)| {
        let changed = now.nodes.iter().filter(|node| {
            let old = was.nodes.iter().find(|it| it.view.index == node.view.index);
            old.is_none_or(|old| old.view.phase != node.view.phase)
        });
        changed.map(move |node| {
            let why = node.view.waiting_for.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let text = format!("node {} {}{why}", node.view.index, node.view.phase.as_str());
            Happening { at, env: now.name.clone(), text }
        })
    })
}
