//! IAM: making the role and the instance profile with which nodes attach their own volumes, and taking them away.
//!
//! Each step is the same done once or twice, so that a run that was broken off is finished by another.

use std::time::Duration;

use aws_sdk_iam::types::Tag;

use super::{Cloud, failure};
use crate::domain::failure::{Class, Failure};
use crate::domain::{self_attach, tags};

/// How often a role is added to a profile that was made a moment ago: IAM's parts learn of each other within seconds.
const TRIES: u32 = 6;
/// How long between two tries.
const BETWEEN_TRIES: Duration = Duration::from_secs(2);

impl Cloud {
    /// Makes the role, its policy and its instance profile, as far as they are not there, and brings the policy up to
    /// date.
    ///
    /// # Errors
    /// IAM's refusal; what was made until then stays, and the next call goes on from there.
    pub async fn make_self_attach(&self, owner: &str) -> Result<(), Failure> {
        let name = self_attach::name(owner);
        let made = self
            .iam
            .create_role()
            .role_name(&name)
            .path(self_attach::PATH)
            .description("Lets nodes of cloudtop attach their own volumes")
            .assume_role_policy_document(self_attach::trust(self.region()))
            .tags(owned(owner)?)
            .send()
            .await;
        unless_there(made.map_err(|error| failure::of("CreateRole", &error)))?;
        self.ensure_own(&name).await?;
        let policy = self_attach::policy(owner, self.region());
        let put = self.iam.put_role_policy().role_name(&name).policy_name(self_attach::POLICY_NAME);
        let put = put.policy_document(policy).send().await;
        put.map_err(|error| failure::of("PutRolePolicy", &error))?;
        let profile = self.iam.create_instance_profile().instance_profile_name(&name).path(self_attach::PATH);
        let made = profile.tags(owned(owner)?).send().await;
        unless_there(made.map_err(|error| failure::of("CreateInstanceProfile", &error)))?;
        self.add_role(&name).await
    }

    /// Takes the instance profile, the policy and the role away, as far as they are there.
    ///
    /// # Errors
    /// IAM's refusal, for example of a role that somebody gave other policies.
    pub async fn remove_self_attach(&self, owner: &str) -> Result<(), Failure> {
        let name = self_attach::name(owner);
        if !self.has_self_attach(owner).await? {
            return Ok(());
        }
        self.ensure_own(&name).await?;
        let taken = self.iam.remove_role_from_instance_profile().instance_profile_name(&name).role_name(&name);
        unless_gone(taken.send().await.map_err(|error| failure::of("RemoveRoleFromInstanceProfile", &error)))?;
        let deleted = self.iam.delete_instance_profile().instance_profile_name(&name).send().await;
        unless_gone(deleted.map_err(|error| failure::of("DeleteInstanceProfile", &error)))?;
        let deleted = self.iam.delete_role_policy().role_name(&name).policy_name(self_attach::POLICY_NAME);
        unless_gone(deleted.send().await.map_err(|error| failure::of("DeleteRolePolicy", &error)))?;
        let deleted = self.iam.delete_role().role_name(&name).send().await;
        unless_gone(deleted.map_err(|error| failure::of("DeleteRole", &error)))
    }

    /// Whether anything is there that [`Cloud::make_self_attach`] makes: the role is its first part and the last to go.
    ///
    /// # Errors
    /// It cannot be told.
    pub async fn has_self_attach(&self, owner: &str) -> Result<bool, Failure> {
        Ok(self.path_of(&self_attach::name(owner)).await?.is_some())
    }

    /// Refuses to touch a role of that name that is not ours.
    async fn ensure_own(&self, name: &str) -> Result<(), Failure> {
        match self.path_of(name).await? {
            Some(path) if path != self_attach::PATH => {
                let message = format!("the role {name} is at {path}, so cloudtop has not made it and leaves it alone");
                Err(failure::refused("GetRole", "EntityAlreadyExists", message))
            }
            // A role that was made a moment ago may not be shown yet.
            _ => Ok(()),
        }
    }

    async fn path_of(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.iam.get_role().role_name(name).send().await.map_err(|error| failure::of("GetRole", &error)) {
            Ok(answer) => Ok(answer.role().map(|role| role.path().to_owned())),
            Err(failure) if failure.class == Class::Gone => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Puts the role into the profile, which takes one alone.
    async fn add_role(&self, name: &str) -> Result<(), Failure> {
        let mut tries = 1;
        loop {
            if self.profile_has_role(name).await? {
                return Ok(());
            }
            let added = self.iam.add_role_to_instance_profile().instance_profile_name(name).role_name(name);
            match added.send().await.map_err(|error| failure::of("AddRoleToInstanceProfile", &error)) {
                Err(failure) if failure.class == Class::Gone && tries < TRIES => {}
                answer => return answer.map(|_| ()),
            }
            tries += 1;
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }

    async fn profile_has_role(&self, name: &str) -> Result<bool, Failure> {
        let answer = self.iam.get_instance_profile().instance_profile_name(name).send().await;
        match answer.map_err(|error| failure::of("GetInstanceProfile", &error)) {
            Ok(answer) => {
                let profile = answer.instance_profile();
                Ok(profile.is_some_and(|profile| profile.roles().iter().any(|role| role.role_name() == name)))
            }
            Err(failure) if failure.class == Class::Gone => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

/// The tag that says whose it is.
fn owned(owner: &str) -> Result<Tag, Failure> {
    let built = Tag::builder().key(tags::OWNER).value(owner).build();
    built.map_err(|error| failure::refused("CreateRole", "InvalidInput", error.to_string()))
}

fn unless_there<T>(answer: Result<T, Failure>) -> Result<(), Failure> {
    passing_over(answer, Class::Exists)
}

fn unless_gone<T>(answer: Result<T, Failure>) -> Result<(), Failure> {
    passing_over(answer, Class::Gone)
}

fn passing_over<T>(answer: Result<T, Failure>, class: Class) -> Result<(), Failure> {
    match answer {
        Err(failure) if failure.class != class => Err(failure),
        _ => Ok(()),
    }
}
