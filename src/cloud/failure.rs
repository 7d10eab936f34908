//! What the SDK says went wrong, as a [`Failure`].

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::dns::ResolveDnsError;
use aws_smithy_runtime_api::http::Response;

use super::codes;
use crate::domain::failure::{Class, Failure};

/// Our code for a host name that could not be looked up: nothing was sent.
pub(super) const UNKNOWN_HOST: &str = "UnknownHost";

/// How much of an answer that cannot be read is shown, characters.
const SHOWN_OF_BODY: usize = 160;

/// The failure that an SDK error stands for.
pub(super) fn of<E>(action: &str, error: &SdkError<E, Response>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    tracing::debug!(action, error = %DisplayErrorContext(error), "call failed");
    let (code, message, class) = match error {
        SdkError::ServiceError(context) => answered(action, context.err(), context.raw()),
        SdkError::ResponseError(context) => unreadable(context.raw()),
        SdkError::TimeoutError(_) => ours("Timeout", "EC2 did not answer in time".to_owned()),
        _ => unanswered(error),
    };
    Failure { action: action.to_owned(), code, message, class }
}

/// A failure that we found ourselves, in a code of EC2's.
pub(super) fn refused(action: &str, code: &str, message: String) -> Failure {
    Failure { action: action.to_owned(), code: code.to_owned(), message, class: Class::BadRequest }
}

/// A failure of a call whose task was cancelled with the program's runtime: nothing is known of its answer.
pub(super) fn interrupted(action: &str, error: &(dyn Error + 'static)) -> Failure {
    let (code, message, class) = ours("NoAnswer", chain(error));
    Failure { action: action.to_owned(), code, message, class }
}

/// EC2 answered with an error.
fn answered(action: &str, error: &impl ProvideErrorMetadata, raw: &Response) -> (String, String, Class) {
    let Some(code) = error.code() else { return unreadable(raw) };
    let otherwise = if raw.status().is_server_error() { Class::Ambiguous } else { Class::Unknown };
    let class = codes::class(action, code).unwrap_or(otherwise);
    let message = error.message().unwrap_or("EC2 gave no reason");
    // UnauthorizedOperation carries a kilobyte of ciphertext that only `aws sts decode-authorization-message` reads.
    let message = message.split_once(" Encoded authorization failure message").map_or(message, |(text, _)| text);
    (code.to_owned(), message.to_owned(), class)
}

/// Something answered, but not as EC2 does: a proxy, a load balancer, a server that lacks the action.
fn unreadable(raw: &Response) -> (String, String, Class) {
    let body = String::from_utf8_lossy(raw.body().bytes().unwrap_or_default());
    let words: Vec<&str> = body.split_whitespace().collect();
    let beginning: String = words.join(" ").chars().take(SHOWN_OF_BODY).collect();
    let status = raw.status();
    let message = match beginning.as_str() {
        "" => format!("HTTP {}, with nothing in it", status.as_u16()),
        text => format!("HTTP {}, and an answer that cannot be read: {text}", status.as_u16()),
    };
    // A 4xx says that the call was turned away; anything else may have happened after it took effect.
    let class = if status.is_client_error() { Class::Unknown } else { Class::Ambiguous };
    ("UnreadableAnswer".to_owned(), message, class)
}

/// No answer at all.
fn unanswered(error: &(dyn Error + 'static)) -> (String, String, Class) {
    if find::<CredentialsError>(error).is_some() {
        return ("NoCredentials".to_owned(), chain(error), Class::Credentials);
    }
    if let Some(source) = find::<ResolveDnsError>(error).and_then(Error::source) {
        return ours(UNKNOWN_HOST, chain(source));
    }
    // The SDK's own words at the top, "dispatch failure", say nothing.
    ours("NoAnswer", chain(error.source().unwrap_or(error)))
}

fn ours(code: &str, message: String) -> (String, String, Class) {
    (code.to_owned(), message, Class::Ambiguous)
}

/// An error's causes in one line. The SDK's own Display stops at "dispatch failure".
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

/// The cause of a type, wherever it is in the chain.
pub(super) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref::<T>())
}

/// An error and its causes. An `io::Error` names what it wraps by `get_ref`; its `source` leaves that out.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> + 'a {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use aws_sdk_ec2::error::ErrorMetadata;
    use aws_sdk_ec2::operation::run_instances::RunInstancesError;
    use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn answer(status: u16, body: &'static str) -> Response {
        Response::new(status.try_into().unwrap(), SdkBody::from(body))
    }

    fn service_error(meta: ErrorMetadata, raw: Response) -> SdkError<RunInstancesError, Response> {
        SdkError::service_error(RunInstancesError::generic(meta), raw)
    }

    #[test]
    fn a_capacity_code_sent_as_http_500_is_a_refusal_not_a_riddle() {
        let meta = ErrorMetadata::builder().code("InsufficientInstanceCapacity").message("none left").build();
        let failure = of("RunInstances", &service_error(meta, answer(500, "<Response/>")));
        assert_eq!(failure.class, Class::Capacity);
        assert_eq!(failure.to_string(), "RunInstances: none left (InsufficientInstanceCapacity)");
    }

    #[test]
    fn an_unknown_code_is_ambiguous_only_when_the_server_was_ill() {
        let meta = || ErrorMetadata::builder().code("Odd").build();
        assert_eq!(of("RunInstances", &service_error(meta(), answer(503, ""))).class, Class::Ambiguous);
        assert_eq!(of("RunInstances", &service_error(meta(), answer(400, ""))).class, Class::Unknown);
    }

    #[test]
    fn an_html_page_is_shown_by_its_beginning() {
        let error =
            service_error(ErrorMetadata::builder().build(), answer(500, "<!doctype html>\n<title>Oops</title>"));
        let failure = of("RunInstances", &error);
        assert_eq!(failure.class, Class::Ambiguous);
        assert_eq!(failure.code, "UnreadableAnswer");
        assert_eq!(failure.message, "HTTP 500, and an answer that cannot be read: <!doctype html> <title>Oops</title>");
    }

    #[test]
    fn a_host_that_cannot_be_looked_up_is_told_apart() {
        let dns = ResolveDnsError::new(std::io::Error::other("no such host"));
        let error: SdkError<RunInstancesError, Response> =
            SdkError::dispatch_failure(ConnectorError::io(std::io::Error::other(dns).into()));
        let failure = of("RunInstances", &error);
        assert_eq!((failure.code.as_str(), failure.class), (UNKNOWN_HOST, Class::Ambiguous));
        assert!(failure.message.contains("no such host"), "{}", failure.message);
    }

    #[test]
    fn missing_credentials_are_found_deep_in_the_chain() {
        let error: SdkError<RunInstancesError, Response> =
            SdkError::construction_failure(CredentialsError::not_loaded("no providers"));
        assert_eq!(of("RunInstances", &error).class, Class::Credentials);
    }

    #[test]
    fn the_ciphertext_of_a_denial_is_left_out() {
        let text = "You are not authorized to perform this operation. Encoded authorization failure message: AbCd";
        let meta = ErrorMetadata::builder().code("UnauthorizedOperation").message(text).build();
        let failure = of("RunInstances", &service_error(meta, answer(403, "")));
        assert_eq!(failure.message, "You are not authorized to perform this operation.");
        assert_eq!(failure.class, Class::Denied);
    }
}
