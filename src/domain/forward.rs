//! Ports of this machine that lead to a node, or to what a node can reach.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// The host where none is named: the node itself. By name, so that a service that listens on `::1` alone is found too.
const THE_NODE: &str = "localhost";

/// One port of this machine, bound to 127.0.0.1, and where its connections end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The port of this machine.
    pub local: u16,
    /// The host as the node knows it; `localhost` is the node itself.
    pub host: String,
    /// The port there.
    pub port: u16,
}

/// Why a text names no forward.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no forward: write a port, 8080, or where it leads as well: 8080:3000 (a port of the node), 5432:db:5432 \
     (a host that the node reaches); ports are 1 to 65535"
)]
pub struct BadForward(String);

impl FromStr for Forward {
    type Err = BadForward;

    fn from_str(text: &str) -> Result<Self, BadForward> {
        let bad = || BadForward(text.to_owned());
        let (local, rest) = text.split_once(':').map_or((text, None), |(local, rest)| (local, Some(rest)));
        let local = port(local).ok_or_else(bad)?;
        let (host, port) = match rest {
            None => (THE_NODE, local),
            Some(rest) => there(rest, local).ok_or_else(bad)?,
        };
        Ok(Self { local, host: host.to_owned(), port })
    }
}

/// A port, a host, or both; an IPv6 address stands in brackets, as ssh has it.
fn there(text: &str, local: u16) -> Option<(&str, u16)> {
    if let Some(port) = port(text) {
        return Some((THE_NODE, port));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, number)) if !number.ends_with(']') => (host, port(number)?),
        _ => (text, local),
    };
    is_host(host).then_some((host, port))
}

fn port(text: &str) -> Option<u16> {
    // `parse` takes a plus sign, and zero is no port to connect to.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?.filter(|port| *port > 0)
}

fn is_host(text: &str) -> bool {
    if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        // Roughly: ssh and the node judge what is between the brackets; it must only not end its place in ssh's own words.
        return address.contains(':')
            && address.chars().all(|letter| letter.is_ascii_hexdigit() || ":.".contains(letter));
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(plain)
}

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.local, self.host, self.port)
    }
}

impl<'de> Deserialize<'de> for Forward {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a port, or a text such as \"5432:db:5432\"")]
        enum Written {
            Port(i64),
            Text(String),
        }
        let text = match Written::deserialize(input)? {
            Written::Port(port) => port.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(de::Error::custom)
    }
}

/// The first port of this machine that two of the forwards want.
#[must_use]
pub fn wanted_twice(forwards: &[Forward]) -> Option<u16> {
    let again = |(at, it): &(usize, &Forward)| forwards.iter().take(*at).any(|other| other.local == it.local);
    forwards.iter().enumerate().find(again).map(|(_, it)| it.local)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_port_leads_to_the_node_itself_unless_more_is_said() {
        for (text, meant) in [
            ("8080", "8080:localhost:8080"),
            ("8080:3000", "8080:localhost:3000"),
            ("5432:db", "5432:db:5432"),
            ("5432:db.internal:5433", "5432:db.internal:5433"),
            ("80:[::1]", "80:[::1]:80"),
            ("80:[fd00::2]:8080", "80:[fd00::2]:8080"),
        ] {
            let forward: Forward = text.parse().unwrap();
            assert_eq!(forward.to_string(), meant);
            assert_eq!(forward.to_string().parse(), Ok(forward), "{text}");
        }
    }

    #[test]
    fn what_ssh_would_read_otherwise_is_no_forward() {
        for text in [
            "",
            "0",
            "+80",
            "65536",
            "http",
            ":80",
            "80:",
            "80:db:",
            "80:db:0",
            "80:-x:1",
            "80:a b:1",
            "80:[x]:1",
            "80:a:b:1",
            "0.0.0.0:80:db:1",
        ] {
            assert_eq!(text.parse::<Forward>(), Err(BadForward(text.to_owned())));
        }
    }

    #[test]
    fn two_forwards_cannot_begin_at_one_port() {
        let forwards = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Forward>>();
        assert_eq!(wanted_twice(&forwards(&["80", "81:80", "80:db"])), Some(80));
        assert_eq!(wanted_twice(&forwards(&["80", "81:80"])), None);
    }
}
