//! Spot status codes in words: what happened, and what to do next.

use super::observed::{RequestState, SpotRequest};

/// What a status code means for a node that should be running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// EC2 is on its way; wait.
    Progress,
    /// EC2 cannot fulfil it now: another pool might.
    Holding,
    /// The instance is there.
    Fulfilled,
    /// EC2 has given its two-minute notice.
    Marked,
    /// EC2 took the node away, and only EC2 brings it back.
    Interrupted,
    /// The user stopped or ended it.
    ByUser,
    /// It will never be fulfilled.
    Failed,
    /// It is over.
    Ended,
    /// A code that is not known here.
    Unknown,
}

/// A status code's meaning and sentence.
struct Row(&'static str, Meaning, &'static str);

/// EC2's status codes (EC2 user guide, "Spot request status").
const CODES: &[Row] = &[
    Row("pending-evaluation", Meaning::Progress, "EC2 is looking at the request"),
    Row("pending-fulfillment", Meaning::Progress, "EC2 is launching the instance"),
    Row("not-scheduled-yet", Meaning::Progress, "the request begins later"),
    Row("capacity-not-available", Meaning::Holding, "EC2 has no spot capacity there now"),
    Row("price-too-low", Meaning::Holding, "the spot price is above your limit: raise or drop --max-price"),
    Row("launch-group-constraint", Meaning::Holding, "the launch group cannot be started together now"),
    Row("az-group-constraint", Meaning::Holding, "the availability zone group cannot be kept now"),
    Row("placement-group-constraint", Meaning::Holding, "the placement group has no room now"),
    Row("constraint-not-fulfillable", Meaning::Holding, "a constraint of the request cannot be met now"),
    Row("bad-parameters", Meaning::Failed, "EC2 refused the request's parameters"),
    Row("system-error", Meaning::Failed, "EC2 had an error of its own: run `up` again"),
    Row("schedule-expired", Meaning::Ended, "the request ran out before it was fulfilled"),
    Row("canceled-before-fulfillment", Meaning::Ended, "the request was cancelled before it was fulfilled"),
    Row("fulfilled", Meaning::Fulfilled, "the spot request is fulfilled"),
    Row(
        "request-canceled-and-instance-running",
        Meaning::Ended,
        "the request is cancelled, its instance still runs and bills",
    ),
    Row("marked-for-stop", Meaning::Marked, "EC2 will stop it within two minutes"),
    Row("marked-for-termination", Meaning::Marked, "EC2 will terminate it within two minutes"),
    Row(
        "instance-stopped-by-price",
        Meaning::Interrupted,
        "EC2 stopped it: the spot price rose above the limit; EC2 starts it again when the price falls",
    ),
    Row(
        "instance-stopped-no-capacity",
        Meaning::Interrupted,
        "EC2 stopped it: no spot capacity; EC2 starts it again when there is some",
    ),
    Row("instance-stopped-by-user", Meaning::ByUser, "stopped by you: `start` brings it back"),
    Row(
        "instance-stopped-capacity-oversubscribed",
        Meaning::Interrupted,
        "EC2 stopped it: too many want this capacity; EC2 starts it again when there is some",
    ),
    Row(
        "instance-terminated-by-price",
        Meaning::Interrupted,
        "EC2 ended it: the spot price rose above the limit; a new one is launched when the price falls",
    ),
    Row(
        "instance-terminated-no-capacity",
        Meaning::Interrupted,
        "EC2 ended it: no spot capacity; a new one is launched when there is some",
    ),
    Row(
        "instance-terminated-capacity-oversubscribed",
        Meaning::Interrupted,
        "EC2 ended it: too many want this capacity; a new one is launched when there is some",
    ),
    Row(
        "instance-terminated-launch-group-constraint",
        Meaning::Interrupted,
        "EC2 ended it: its launch group could not be kept",
    ),
    Row("instance-terminated-by-schedule", Meaning::Ended, "it was ended when its time was over"),
    Row("instance-terminated-by-service", Meaning::Interrupted, "an AWS service ended it"),
    Row("instance-terminated-by-user", Meaning::ByUser, "the instance was terminated by a user"),
    Row("spot-instance-terminated-by-user", Meaning::ByUser, "the instance was terminated by a user"),
];

/// What a status code means.
#[must_use]
pub fn meaning(code: &str) -> Meaning {
    CODES.iter().find(|row| row.0 == code).map_or(Meaning::Unknown, |row| row.1)
}

/// A request's status in words, with its code. An unknown code is shown as it is, with EC2's own sentence.
#[must_use]
pub fn in_words(request: &SpotRequest) -> String {
    let place = match &request.zone {
        Some(zone) => format!("{} in {zone}", request.instance_type),
        None => request.instance_type.clone(),
    };
    match CODES.iter().find(|row| row.0 == request.status) {
        Some(Row(code, Meaning::Failed, words)) => format!("{words}: {} ({code}, {place})", request.message),
        Some(Row(code, _, words)) => format!("{words} ({code}, {place})"),
        None => format!("{} ({}, {place})", request.message, request.status),
    }
}

/// Whether the request is cancelled and EC2 says that its instance runs on.
#[must_use]
pub fn leaves_instance(request: &SpotRequest) -> bool {
    request.state == RequestState::Cancelled && request.status == "request-canceled-and-instance-running"
}

/// Whether EC2 took the request's node away and will bring it back by itself.
#[must_use]
pub fn is_interrupted(request: &SpotRequest) -> bool {
    matches!(request.state, RequestState::Open | RequestState::Disabled)
        && meaning(&request.status) == Meaning::Interrupted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(status: &str, state: RequestState) -> SpotRequest {
        SpotRequest {
            id: "sir-1".to_owned(),
            node_tag: None,
            state,
            status: status.to_owned(),
            message: "EC2's own sentence".to_owned(),
            instance_id: None,
            instance_type: "m5.large".to_owned(),
            zone: Some("us-east-1a".to_owned()),
            persistent: true,
            created_at: None,
        }
    }

    #[test]
    fn an_unknown_code_is_shown_as_it_is() {
        let words = in_words(&request("brand-new-code", RequestState::Open));
        assert_eq!(words, "EC2's own sentence (brand-new-code, m5.large in us-east-1a)");
    }

    #[test]
    fn a_stop_by_the_user_is_no_interruption() {
        assert!(!is_interrupted(&request("instance-stopped-by-user", RequestState::Disabled)));
        assert!(is_interrupted(&request("instance-stopped-no-capacity", RequestState::Disabled)));
        assert!(!is_interrupted(&request("instance-terminated-no-capacity", RequestState::Closed)));
    }
}
