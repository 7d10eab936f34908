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

/// A status code of EC2's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub code: &'static str,
    pub meaning: Meaning,
    /// What happened.
    pub sentence: &'static str,
    /// What to do next.
    pub next: &'static str,
}

const fn status(code: &'static str, meaning: Meaning, sentence: &'static str, next: &'static str) -> Status {
    Status { code, meaning, sentence, next }
}

const SECONDS: &str = "nothing is to be done: it takes seconds";
const OTHER_POOLS: &str = "wait, or allow more: other types (-t a,b), another --zone or --region";
const NO_GROUPS: &str =
    "cloudtop asks for no such group: `cloudtop down`, then `cloudtop up`, makes a request without it";
const UP_MAKES_A_NEW_ONE: &str = "`cloudtop up` makes a new one";
const STARTED_BY_EC2: &str = "EC2 alone starts it again, when there is some: `cloudtop up` waits for that";
const LAUNCHED_ANEW: &str = "EC2 starts a new one if the request is persistent, else `cloudtop up` does";

/// EC2's status codes: those of "Get the status of a Spot Instance request" and of "State changes for a Spot request"
/// (EC2 user guide), and a few that EC2 has sent in earlier years.
pub(crate) const CODES: &[Status] = &[
    status("pending-evaluation", Meaning::Progress, "EC2 is looking at the request", SECONDS),
    status("pending-fulfillment", Meaning::Progress, "EC2 is launching the instance", SECONDS),
    status(
        "not-scheduled-yet",
        Meaning::Progress,
        "the request begins later",
        "wait until then, or give it up with `cloudtop down`",
    ),
    status("capacity-not-available", Meaning::Holding, "EC2 has no spot capacity there now", OTHER_POOLS),
    status("capacity-oversubscribed", Meaning::Holding, "too many want this spot capacity now", OTHER_POOLS),
    status(
        "price-too-low",
        Meaning::Holding,
        "the spot price is above your limit",
        "raise or drop --max-price, or wait until the price falls (`cloudtop plan` shows prices)",
    ),
    status("launch-group-constraint", Meaning::Holding, "the launch group cannot be started together now", NO_GROUPS),
    status("az-group-constraint", Meaning::Holding, "the availability zone group cannot be kept now", NO_GROUPS),
    status("placement-group-constraint", Meaning::Holding, "the placement group has no room now", NO_GROUPS),
    status(
        "constraint-not-fulfillable",
        Meaning::Holding,
        "a constraint of the request cannot be met",
        "change what EC2 names (--zone, --subnet, -t), then `cloudtop up`",
    ),
    status(
        "bad-parameters",
        Meaning::Failed,
        "EC2 refused the request's parameters",
        "change what EC2 names, then `cloudtop up`",
    ),
    status(
        "limit-exceeded",
        Meaning::Failed,
        "the account's limit of EBS volumes, or of storage in all, is reached",
        "delete volumes that are not needed (`cloudtop gc`), or have the EBS quota raised under Service Quotas",
    ),
    status(
        "system-error",
        Meaning::Failed,
        "EC2 had an error of its own",
        "run `cloudtop up` again; if it comes back, tell AWS Support",
    ),
    status("schedule-expired", Meaning::Ended, "the request ran out before it was fulfilled", UP_MAKES_A_NEW_ONE),
    status(
        "canceled-before-fulfillment",
        Meaning::Ended,
        "the request was cancelled before it was fulfilled",
        UP_MAKES_A_NEW_ONE,
    ),
    status("fulfilled", Meaning::Fulfilled, "the spot request is fulfilled", SECONDS),
    status(
        "request-canceled-and-instance-running",
        Meaning::Ended,
        "the request is cancelled, its instance still runs and bills",
        "`cloudtop down` ends it",
    ),
    status(
        "marked-for-stop",
        Meaning::Marked,
        "EC2 will stop it within two minutes",
        "save your work; then `cloudtop up` waits until EC2 starts it again",
    ),
    status(
        "marked-for-termination",
        Meaning::Marked,
        "EC2 will terminate it within two minutes",
        "save your work on the persistent volume; then `cloudtop up` brings the node back",
    ),
    status(
        "instance-stopped-by-price",
        Meaning::Interrupted,
        "EC2 stopped it: the spot price rose above the limit",
        "EC2 alone starts it again, when the price falls: `cloudtop up` waits for that",
    ),
    status("instance-stopped-no-capacity", Meaning::Interrupted, "EC2 stopped it: no spot capacity", STARTED_BY_EC2),
    status(
        "instance-stopped-by-user",
        Meaning::ByUser,
        "it was stopped by a user, or shut down from inside",
        "`cloudtop start` brings it back",
    ),
    status(
        "instance-stopped-capacity-oversubscribed",
        Meaning::Interrupted,
        "EC2 stopped it: too many want this capacity",
        STARTED_BY_EC2,
    ),
    status(
        "instance-terminated-by-price",
        Meaning::Interrupted,
        "EC2 ended it: the spot price rose above the limit",
        LAUNCHED_ANEW,
    ),
    status("instance-terminated-no-capacity", Meaning::Interrupted, "EC2 ended it: no spot capacity", LAUNCHED_ANEW),
    status(
        "instance-terminated-capacity-oversubscribed",
        Meaning::Interrupted,
        "EC2 ended it: too many want this capacity",
        LAUNCHED_ANEW,
    ),
    status(
        "instance-terminated-launch-group-constraint",
        Meaning::Interrupted,
        "EC2 ended it: its launch group could not be kept",
        LAUNCHED_ANEW,
    ),
    status(
        "instance-terminated-by-schedule",
        Meaning::Ended,
        "it was ended when its scheduled time was over",
        UP_MAKES_A_NEW_ONE,
    ),
    status(
        "instance-terminated-by-service",
        Meaning::Interrupted,
        "EC2 ended it while it was stopped",
        UP_MAKES_A_NEW_ONE,
    ),
    status("instance-terminated-by-user", Meaning::ByUser, "the instance was terminated by a user", UP_MAKES_A_NEW_ONE),
    status(
        "spot-instance-terminated-by-user",
        Meaning::ByUser,
        "the instance was terminated by a user",
        UP_MAKES_A_NEW_ONE,
    ),
    status(
        "marked-for-stop-by-experiment",
        Meaning::Marked,
        "an experiment of AWS Fault Injection Service will stop it within two minutes",
        "save your work; then `cloudtop up` waits until EC2 starts it again",
    ),
    status(
        "instance-stopped-by-experiment",
        Meaning::Interrupted,
        "an experiment of AWS Fault Injection Service stopped it",
        STARTED_BY_EC2,
    ),
    status(
        "instance-terminated-by-experiment",
        Meaning::Interrupted,
        "an experiment of AWS Fault Injection Service ended it",
        LAUNCHED_ANEW,
    ),
];

/// Codes of which EC2's own sentence alone names what is wrong.
const TOLD_BY_EC2: &[&str] = &[
    "bad-parameters",
    "limit-exceeded",
    "system-error",
    "constraint-not-fulfillable",
    "launch-group-constraint",
    "az-group-constraint",
    "placement-group-constraint",
];

fn find(code: &str) -> Option<&'static Status> {
    CODES.iter().find(|status| status.code == code)
}

/// What a status code means.
#[must_use]
pub fn meaning(code: &str) -> Meaning {
    find(code).map_or(Meaning::Unknown, |status| status.meaning)
}

/// A request's status in words, with its code and the next step. An unknown code is shown as it is, with EC2's own
/// sentence.
#[must_use]
pub fn in_words(request: &SpotRequest) -> String {
    let place = match &request.zone {
        Some(zone) => format!("{} in {zone}", request.instance_type),
        None => request.instance_type.clone(),
    };
    match find(&request.status) {
        Some(Status { code, sentence, next, .. }) if TOLD_BY_EC2.contains(code) => {
            format!("{sentence}: {} ({code}, {place}); {next}", request.message)
        }
        Some(Status { code, sentence, next, .. }) => format!("{sentence} ({code}, {place}); {next}"),
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
    use std::collections::BTreeSet;

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
            updated_at: None,
        }
    }

    #[test]
    fn an_unknown_code_is_shown_as_it_is() {
        let words = in_words(&request("brand-new-code", RequestState::Open));
        assert_eq!(words, "EC2's own sentence (brand-new-code, m5.large in us-east-1a)");
    }

    #[test]
    fn a_code_is_told_with_its_place_and_the_next_step() {
        assert_eq!(
            in_words(&request("capacity-not-available", RequestState::Open)),
            "EC2 has no spot capacity there now (capacity-not-available, m5.large in us-east-1a); \
             wait, or allow more: other types (-t a,b), another --zone or --region"
        );
        assert_eq!(
            in_words(&request("bad-parameters", RequestState::Failed)),
            "EC2 refused the request's parameters: EC2's own sentence (bad-parameters, m5.large in us-east-1a); \
             change what EC2 names, then `cloudtop up`"
        );
    }

    #[test]
    fn every_code_stands_once_and_has_a_sentence_and_a_next_step() {
        let mut seen = BTreeSet::new();
        for status in CODES {
            assert!(seen.insert(status.code), "{} stands there twice", status.code);
            assert!(status.sentence.len() > 15 && status.next.len() > 15, "{} says too little", status.code);
            assert_ne!(status.meaning, Meaning::Unknown, "{}", status.code);
        }
        for code in TOLD_BY_EC2 {
            assert!(seen.contains(code), "{code} is no code");
        }
    }

    #[test]
    fn a_stop_by_the_user_is_no_interruption() {
        assert!(!is_interrupted(&request("instance-stopped-by-user", RequestState::Disabled)));
        assert!(is_interrupted(&request("instance-stopped-no-capacity", RequestState::Disabled)));
        assert!(!is_interrupted(&request("instance-terminated-no-capacity", RequestState::Closed)));
    }
}
