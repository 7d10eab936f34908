//! How often a type's spot instances are interrupted: the bands that AWS's Spot Instance Advisor publishes.
//!
//! A band is of a region and a type, never of a zone, and tells of the month before the data were made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many of the instances of a type were interrupted in the month before, in per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// Fewer than 5 %.
    Under5,
    /// 5 to 10 %.
    To10,
    /// 10 to 15 %.
    To15,
    /// 15 to 20 %.
    To20,
    /// More than 20 %.
    Over20,
}

impl Band {
    /// All of them, in the order of the Advisor's numbers.
    pub const ALL: [Self; 5] = [Self::Under5, Self::To10, Self::To15, Self::To20, Self::Over20];

    /// The Advisor's own label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Under5 => "<5%",
            Self::To10 => "5-10%",
            Self::To15 => "10-15%",
            Self::To20 => "15-20%",
            Self::Over20 => ">20%",
        }
    }
}

/// What the Advisor says of the Linux instances of all regions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advisor {
    /// By region, then by instance type.
    regions: BTreeMap<String, BTreeMap<String, Band>>,
}

/// The Advisor's file, as far as it is of use. Its savings are left out: they are of a month, and the price list and the
/// price now tell more exactly.
#[derive(Deserialize)]
struct File {
    spot_advisor: BTreeMap<String, BTreeMap<String, BTreeMap<String, Row>>>,
}

#[derive(Deserialize)]
struct Row {
    r: u8,
}

impl Advisor {
    /// Reads the file that the Advisor's page is made of (`spot-advisor-data.json`). A number that stands for no band is
    /// left out.
    ///
    /// # Errors
    /// It is not that file.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        let file: File = serde_json::from_slice(json)?;
        let regions = file.spot_advisor.into_iter().filter_map(|(region, mut systems)| {
            let types = systems.remove("Linux")?.into_iter();
            let types = types.filter_map(|(name, row)| Some((name, *Band::ALL.get(usize::from(row.r))?)));
            Some((region, types.collect()))
        });
        Ok(Self { regions: regions.collect() })
    }

    /// The bands of all types of a region.
    #[must_use]
    pub fn bands_in(&self, region: &str) -> BTreeMap<String, Band> {
        self.regions.get(region).cloned().unwrap_or_default()
    }

    /// The band of a type in a region; `None` where the Advisor does not say.
    #[must_use]
    pub fn band(&self, region: &str, instance_type: &str) -> Option<Band> {
        self.regions.get(region)?.get(instance_type).copied()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_band_is_of_a_region_and_of_linux() {
        let text = br#"{"ranges": [{"index": 0, "label": "<5%", "dots": 0, "max": 5}], "global_rate": "<10%",
            "instance_types": {"m5.large": {"emr": true, "cores": 2, "ram_gb": 8.0}},
            "spot_advisor": {"us-east-1": {"Linux": {"m5.large": {"s": -62, "r": 3}, "x.odd": {"s": 1, "r": 9}},
                                           "Windows": {"m5.large": {"s": 46, "r": 4}, "c5.large": {"s": 46, "r": 4}}},
                             "eu-west-1": {"Windows": {"m5.large": {"s": 46, "r": 4}}}}}"#;
        let advisor = Advisor::parse(text).unwrap();
        assert_eq!(advisor.band("us-east-1", "m5.large"), Some(Band::To20));
        assert_eq!(advisor.band("us-east-1", "c5.large"), None);
        assert_eq!(advisor.band("us-east-1", "x.odd"), None);
        assert_eq!(advisor.band("eu-west-1", "m5.large"), None);
        assert!(Advisor::parse(b"{}").is_err());
        assert!(Advisor::parse(b"<html>").is_err());
    }

    #[test]
    fn bands_are_in_order() {
        assert!(Band::ALL.is_sorted());
        assert_eq!(Band::ALL.map(Band::as_str), ["<5%", "5-10%", "10-15%", "15-20%", ">20%"]);
    }
}
