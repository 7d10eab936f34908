//! Which failed calls the SDK may send again by itself.
//!
//! The SDK repeats throttled calls, lost answers and 5xx. That is right for every call made here: describes read;
//! launches, spot requests and volumes carry a client token of ours, the same in each attempt, so EC2 makes one thing;
//! all other calls do the same twice, or refuse a second time by name (`InvalidGroup.Duplicate`, `VolumeInUse`), and
//! that refusal is understood. One thing must not be repeated: a refusal for want of capacity, which EC2 sends as
//! HTTP 500 and the SDK takes for an illness. Four tries at a dry pool cost seconds that the next pool could have had.

use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::operation::create_volume::CreateVolumeError;
use aws_sdk_ec2::operation::request_spot_instances::RequestSpotInstancesError;
use aws_sdk_ec2::operation::run_instances::RunInstancesError;
use aws_sdk_ec2::operation::start_instances::StartInstancesError;
use aws_smithy_runtime_api::client::interceptors::context::{Error, InterceptorContext};
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority};

use super::codes;
use crate::domain::failure::Class;

/// Forbids a second try after a refusal for want of capacity.
#[derive(Debug)]
pub(super) struct CapacityIsFinal;

impl ClassifyRetry for CapacityIsFinal {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(|result| result.err()).and_then(|err| err.as_operation_error());
        match error.and_then(refusal) {
            Some(Class::Capacity) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "capacity is final"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

/// The class of an error of a call that takes capacity.
fn refusal(error: &Error) -> Option<Class> {
    let run = error.downcast_ref::<RunInstancesError>().and_then(ProvideErrorMetadata::code);
    let request = error.downcast_ref::<RequestSpotInstancesError>().and_then(ProvideErrorMetadata::code);
    let start = error.downcast_ref::<StartInstancesError>().and_then(ProvideErrorMetadata::code);
    let volume = error.downcast_ref::<CreateVolumeError>().and_then(ProvideErrorMetadata::code);
    codes::class("RunInstances", run.or(request).or(start).or(volume)?)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::error::ErrorMetadata;

    use super::*;

    fn run_instances(code: &str) -> Error {
        Error::erase(RunInstancesError::generic(ErrorMetadata::builder().code(code).build()))
    }

    #[test]
    fn only_a_want_of_capacity_is_final() {
        assert_eq!(refusal(&run_instances("InsufficientInstanceCapacity")), Some(Class::Capacity));
        assert_eq!(refusal(&run_instances("RequestLimitExceeded")), Some(Class::Throttled));
        assert_eq!(refusal(&run_instances("InternalError")), Some(Class::Ambiguous));
    }
}
