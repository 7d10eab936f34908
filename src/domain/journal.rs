//! What is written down before and after each call, so that a run that was killed anywhere can be finished.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::call::{Call, Made};
use super::failure::Failure;
use super::phase::Phase;

/// One line of an environment's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A command began to work on the environment.
    Began {
        /// The command as typed, without secrets.
        command: String,
    },
    /// A call is about to be sent.
    Intended {
        /// Its client token, and its name in the lines that follow.
        token: Uuid,
        /// The call.
        call: Box<Call>,
        /// Why.
        reason: String,
    },
    /// It succeeded.
    Done {
        /// The call's token.
        token: Uuid,
        /// What it made.
        made: Made,
    },
    /// It was refused and did nothing.
    Refused {
        /// The call's token.
        token: Uuid,
        /// Why.
        failure: Failure,
    },
    /// No answer was understood: it may have taken effect.
    Lost {
        /// The call's token.
        token: Uuid,
        /// What is known of why.
        failure: Failure,
    },
    /// A call whose answer was lost is known not to have taken effect, or what it made was found by its tags.
    Settled {
        /// The call's token.
        token: Uuid,
        /// How that is known.
        how: String,
    },
    /// A node is in another phase than before, or what it waits for has changed.
    Node {
        /// The node.
        node: u32,
        /// The phase that it is in now.
        phase: Phase,
        /// What it waits for, in words.
        text: String,
        /// Its instance.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance_id: Option<String>,
        /// Its spot request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
        /// EC2's status code of the request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
        /// Since when, where EC2 tells: of an instance that is there when it was last started, of one that is not when it
        /// was stopped, ended or taken away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// The command ended.
    Ended {
        /// In words, with what it found.
        outcome: String,
    },
    /// From here on the environment is in another region: what was written before is of the old one.
    Moved {
        /// The region that it is in now.
        region: String,
    },
    /// Nothing of the environment is left, or its volumes alone: what was written before is history.
    Closed {
        /// The persistent volumes that are kept, by node. They pin the zone of the next life, also while a list leaves
        /// them out.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        volumes: BTreeMap<u32, String>,
    },
}
