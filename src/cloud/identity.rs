//! Whose credentials these are.

use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput;

use super::{Cloud, failure};
use crate::domain::failure::Failure;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account's twelve digits.
    pub account: String,
    /// The user or role.
    pub arn: String,
}

impl Cloud {
    /// Asks STS whose the credentials are. Needs no permission, so it fails only when they are bad.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn who(&self) -> Result<Caller, Failure> {
        let answer =
            self.sts.get_caller_identity().send().await.map_err(|error| failure::of("GetCallerIdentity", &error))?;
        Ok(Caller::from(&answer))
    }
}

impl From<&GetCallerIdentityOutput> for Caller {
    fn from(answer: &GetCallerIdentityOutput) -> Self {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Self { account: text(answer.account()), arn: text(answer.arn()) }
    }
}
