//! The environment in which an image is baked, from its launch to its end.
//!
//! Each stage is noted before it begins, so that the same command goes on with it. Only in the middle of the cleaning there
//! is no way to go on: nobody may log in any more. Then the builder is ended, and another launched.

use std::time::Duration;

use jiff::Timestamp;

use crate::cli::CommandError;
use crate::cloud::Cloud;
use crate::delivery::wire;
use crate::domain::environment::Environment;
use crate::domain::images::{self, Baking, ImageState, Make, OwnImage, Stage};
use crate::domain::intent::{Goal, ImageWish};
use crate::domain::money;
use crate::domain::names::EnvName;
use crate::domain::phase::Wait;
use crate::domain::stored::Stored;
use crate::ssh::run::Ended;
use crate::ui::images::{ImageRow, ImagesShape};
use crate::ui::report::EnvironmentReport;

use super::super::context::Context;
use super::super::ssh::{self, NodeName};
use super::super::volume::place::{Place, Task};
use super::super::work::{self, Work};
use super::super::{deliver, spending};
use super::bake::gone_wrong;
use super::shelf;

/// How long each of its launch, its stop and its end may take.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How long the cleaning may take, with the wait for the template's tools.
const CLEANED_WITHIN: Duration = Duration::from_secs(65 * 60);
/// How long a node has to write what it holds in memory.
const SYNC_WITHIN: Duration = Duration::from_secs(30);

/// A bake that is noted in the state.
pub struct Builder<'c> {
    context: &'c Context,
    place: Place,
    environment: Environment,
    baking: Baking,
}

impl<'c> Builder<'c> {
    /// A bake that begins, or goes on. The caller holds the builder's lock.
    pub async fn new(
        context: &'c Context,
        name: &EnvName,
        cloud: Cloud,
        environment: Environment,
    ) -> Result<Self, CommandError> {
        let Some(baking) = environment.intent.baking.clone() else {
            let text = format!("there is an environment `{name}`, which the builder of this image would be called");
            return Err(CommandError::usage(text).hint("use another name for the image"));
        };
        let identity = context.identity(&context.store.read().await?, name);
        let place = Place { cloud, identity, environment: Some(environment.clone()) };
        Ok(Self { context, place, environment, baking })
    }

    /// Goes on with a bake that was begun. `None`: it cannot be gone on with, and what was left of it is gone.
    pub async fn go_on(context: &'c Context, name: &EnvName, begun: Environment) -> Result<Option<Self>, CommandError> {
        let cloud = context.connect_to(&begun.intent.region, begun.profile.as_deref()).await?;
        let mut builder = Self::new(context, name, cloud, begun).await?;
        let (image, version) = (&builder.baking.image, &builder.baking.version);
        context.ui.status(&format!("going on with version {version} of {image}"));
        if builder.made().await?.is_some() {
            return Ok(Some(builder));
        }
        let over = builder.environment.intent.expires_at.is_some_and(|at| at <= context.clock.now());
        let why = match (&builder.baking.stage, builder.environment.intent.goal) {
            (Stage::Cleaning, _) => "the last run was cut off while it cleaned the builder",
            _ if over => "the builder's time is over",
            (_, Goal::Gone { .. }) => "the builder was to be ended",
            _ => return Ok(Some(builder)),
        };
        context.ui.note(&format!("{why}: it is ended, and another one launched"));
        builder.end().await?;
        Ok(None)
    }

    /// When the present life of the builder began.
    pub fn began(&self) -> Result<Option<Timestamp>, CommandError> {
        spending::life_began(self.context, self.name())
    }

    /// Goes through all stages that are left, and tells what there is then.
    pub async fn bake(mut self, keep: Option<usize>, began: Option<Timestamp>) -> Result<(), CommandError> {
        let image = match self.made().await? {
            Some(image) => image,
            None => {
                self.copy().await?;
                self.build().await?;
                self.clean().await?;
                self.image().await?
            }
        };
        self.end().await?;
        spending::tell_sum(self.context, self.name(), began.or(self.began()?));
        self.tell(&image);
        self.prune(keep.or(self.baking.keep)).await?;
        if !self.context.globals.json {
            return Ok(());
        }
        let region = self.place.cloud.region().to_owned();
        let usd_per_month = money::snapshot_list_price(&region) * f64::from(image.gib);
        let row = ImageRow { region, image, used_by: std::collections::BTreeSet::new(), usd_per_month };
        Ok(self.context.ui.json(&ImagesShape::from(std::slice::from_ref(&row)))?)
    }

    fn name(&self) -> &EnvName {
        &self.place.identity.env
    }

    /// Writes into the state how far it is.
    pub async fn note(&self) -> Result<(), CommandError> {
        let (name, mut environment) = (self.name().clone(), self.environment.clone());
        environment.intent.baking = Some(self.baking.clone());
        environment.updated_at = self.context.clock.now();
        self.context
            .store
            .update(|state| {
                state.environments.insert(name, environment);
            })
            .await?;
        Ok(())
    }

    async fn stage(&mut self, stage: Stage, goal: Goal) -> Result<(), CommandError> {
        self.baking.stage = stage;
        self.environment.intent.goal = goal;
        self.note().await
    }

    async fn seen(&self) -> Result<Stored, CommandError> {
        let Place { cloud, identity, .. } = &self.place;
        Ok(cloud.own_images(&identity.owner, Some(identity)).await?)
    }

    /// The image, where it is there already.
    async fn made(&self) -> Result<Option<OwnImage>, CommandError> {
        let name = self.make("", false, &[], &self.environment.intent.all_tags()).ami_name();
        let is_it = |it: &OwnImage| it.ami_name == name && it.state == ImageState::Available;
        Ok(self.seen().await?.images.into_iter().find(is_it))
    }

    fn make<'a>(
        &'a self,
        instance_id: &'a str,
        raw: bool,
        without: &'a [String],
        own_tags: &'a crate::domain::call::Tags,
    ) -> Make<'a> {
        Make { baking: &self.baking, identity: &self.place.identity, instance_id, raw, without, own_tags }
    }

    /// Makes an image of an instance, and waits until it is there.
    async fn make_of(&self, instance_id: &str, raw: bool) -> Result<OwnImage, CommandError> {
        let Some(without) = self.place.cloud.disks_beside_the_root(instance_id).await? else {
            return Err(self.wrong(format!("{instance_id} is not there any more")));
        };
        let own_tags = self.environment.intent.all_tags();
        let make = self.make(instance_id, raw, &without, &own_tags);
        let task = Task { images: true, ..Task::new(format!("image bake {}", self.baking.image)) };
        self.place.work(self.context, task, |at| make.next(at)).await
    }

    /// Copies the machine that the image is to be of, while it runs.
    async fn copy(&mut self) -> Result<(), CommandError> {
        let (Stage::Copying, Some(from)) = (&self.baking.stage, &self.baking.from) else { return Ok(()) };
        let node: NodeName =
            format!("{from}/0").parse().map_err(|error: ssh::NodeNameError| CommandError::usage(error.to_string()))?;
        let found = ssh::find(self.context, &node).await?;
        let told = match found.capture("sync", SYNC_WITHIN).await {
            Ok(output) if output.status == Ended::Exited(0) => "it has written what it held in memory",
            _ => "it could not be asked to write what it holds in memory",
        };
        self.context.ui.status(&format!(
            "{from} is copied as it is, and runs on: {told}; what is half written now is as after a power cut"
        ));
        let raw = self.make_of(&found.instance, true).await?;
        self.environment.intent.image = ImageWish::Id(raw.id);
        self.stage(Stage::Building, Goal::Running).await
    }

    /// Carries out what is noted, with hints that lead back here.
    async fn carry_out(&self, verb: &str, wait: Wait) -> Result<EnvironmentReport, CommandError> {
        let (name, image) = (self.name(), &self.baking.image);
        let delivery = deliver::gather(self.context, &self.place.identity, &self.environment.intent).await?;
        let work = Work {
            cloud: &self.place.cloud,
            identity: &self.place.identity,
            environment: &self.environment,
            verb,
            wait,
            timeout: Some(PATIENCE),
            patient: false,
            market: None,
            delivery,
        };
        let (theirs, ours) =
            (format!("go on with `cloudtop {verb} {name}`"), format!("go on with `cloudtop image bake {image}`"));
        work::carry_out(self.context, work).await.map_err(|mut error| {
            error.hints = error.hints.iter().map(|hint| hint.replace(&theirs, &ours)).collect();
            error
        })
    }

    /// Launches the builder, and waits until it is set up.
    async fn build(&mut self) -> Result<(), CommandError> {
        if self.baking.stage != Stage::Building {
            return Ok(());
        }
        self.environment.intent.goal = Goal::Running;
        let report = self.carry_out("up", Wait::Ready).await?;
        spending::tell(self.context, &report);
        Ok(())
    }

    /// Takes from the builder what is its own, and stops it at once.
    async fn clean(&mut self) -> Result<(), CommandError> {
        if self.baking.stage == Stage::Building {
            self.stage(Stage::Cleaning, Goal::Running).await?;
            let node: NodeName = self
                .name()
                .as_str()
                .parse()
                .map_err(|error: ssh::NodeNameError| CommandError::usage(error.to_string()))?;
            let looked = ssh::look(self.context, self.name()).await?;
            let launched_at = looked.view(&node).and_then(|view| view.launched_at);
            let found = looked.node(&node)?;
            self.ask_to_clean(&found).await?;
            let stage = Stage::Clean { instance_id: found.instance.clone(), launched_at };
            self.stage(stage, Goal::Stopped).await?;
        }
        let report = self.carry_out("stop", Wait::None).await?;
        let Stage::Clean { instance_id, launched_at } = &self.baking.stage else { return Ok(()) };
        let same = report.nodes.first().map(|it| (it.view.instance_id.as_ref(), it.view.launched_at));
        if same == Some((Some(instance_id), *launched_at)) {
            return Ok(());
        }
        let text = format!("{instance_id} was started again after it was cleaned, or is gone");
        self.stage(Stage::Cleaning, Goal::Stopped).await?;
        Err(self.wrong(text))
    }

    async fn ask_to_clean(&mut self, found: &ssh::Found) -> Result<(), CommandError> {
        let command = wire::command(&self.environment.intent.access.user);
        let own_tools = self.baking.from.is_none();
        let input = wire::cleaning(&self.baking.secrets, own_tools);
        self.context.ui.status("keys, secrets, identity and logs are taken from the builder");
        let output = found.feed(&command, input, CLEANED_WITHIN).await?;
        let last = output.stdout.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
        match output.status {
            Ended::Exited(0) if last == wire::CLEAN => Ok(()),
            Ended::Exited(wire::TOOLS_FAILED) => {
                // Nothing was taken away: it can be mended there.
                self.stage(Stage::Building, Goal::Running).await?;
                Err(self.wrong(format!("the builder is not as it should be: {last}")))
            }
            Ended::Exited(_) => Err(self.wrong(format!("the builder could not be cleaned: {last}"))),
            _ => Err(self.wrong(format!("the builder could not be reached: {}", output.stderr.trim()))),
        }
    }

    fn wrong(&self, text: String) -> CommandError {
        gone_wrong(text, &self.baking.image, self.name())
    }

    async fn image(&self) -> Result<OwnImage, CommandError> {
        let Stage::Clean { instance_id, .. } = &self.baking.stage else {
            return Err(self.wrong("the builder is not clean".to_owned()));
        };
        self.make_of(instance_id, false).await
    }

    /// Deletes the copy of the machine, ends the builder, and forgets it.
    async fn end(&mut self) -> Result<(), CommandError> {
        let seen = self.seen().await?;
        let raw: Vec<&OwnImage> = seen.images.iter().filter(|it| it.is_raw()).collect();
        self.remove(&images::with_snapshots(&raw)).await?;
        self.environment.intent.goal = Goal::Gone { delete_volumes: false };
        self.note().await?;
        self.carry_out("down", Wait::None).await?;
        self.context
            .store
            .update(|state| {
                state.environments.remove(&self.place.identity.env);
            })
            .await?;
        Ok(self.context.paths.remove_private(self.name())?)
    }

    async fn remove(&self, ids: &[String]) -> Result<(), CommandError> {
        if ids.is_empty() {
            return Ok(());
        }
        let task = Task { images: true, ..Task::new(format!("image bake {}", self.baking.image)) };
        self.place.work(self.context, task, |at| images::remove(ids, at)).await
    }

    fn tell(&self, image: &OwnImage) {
        let (name, gib) = (&self.baking.image, image.gib);
        let usd = money::amount(money::snapshot_list_price(self.place.cloud.region()) * f64::from(gib));
        self.context.ui.status(&format!(
            "{} is version {} of {name}: {gib} GiB, at most {usd} a month; `cloudtop up NAME --image {name}` boots it",
            image.id,
            image.version()
        ));
    }

    /// Older versions that nothing uses go.
    async fn prune(&self, keep: Option<usize>) -> Result<(), CommandError> {
        let Some(keep) = keep else { return Ok(()) };
        let state = self.context.store.read().await?;
        let stored = self.seen().await?;
        let used = shelf::used(&self.place.cloud, &state, &stored.images).await?;
        let used = used.into_keys().collect();
        for old in images::to_prune(&stored.images, self.baking.image.as_str(), keep, &used) {
            self.remove(&images::with_snapshots(&[old])).await?;
            self.context.ui.status(&format!(
                "{}, version {} of {}, is deleted: the newest {keep} and those in use are kept",
                old.id,
                old.version(),
                self.baking.image
            ));
        }
        Ok(())
    }
}
