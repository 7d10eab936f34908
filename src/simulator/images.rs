//! The public images of the simulated regions.
//!
//! Names follow their publishers' schemes, with the variants beside them (minimal, daily, backports, Pro, EKS, other
//! channels and a build that was withdrawn) that a search which is too wide would take for the newest.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;

use super::{catalog, chance};

const IMAGES_CSV: &str = include_str!("data/images.csv");

/// One image of one region, as DescribeImages tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// `ami-0` and sixteen hexadecimal digits, of this region alone.
    pub id: String,
    /// The publisher's name for it.
    pub name: String,
    /// The publisher's account.
    pub owner_id: String,
    /// `amazon` for Amazon and the publishers it has verified.
    pub owner_alias: Option<String>,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// When it was registered.
    pub creation_date: Timestamp,
    /// When it is or was deprecated; none if that was not set. A deprecated image is listed only to those who ask for it.
    pub deprecation_time: Option<Timestamp>,
    /// For example `/dev/sda1`.
    pub root_device_name: String,
    /// The snapshot of its root disk.
    pub root_snapshot_id: String,
    /// The size of its root disk in GiB.
    pub root_gib: u32,
    /// The publisher's words.
    pub description: String,
    /// `available`, but for the account's own while they are made and when they failed.
    pub state: String,
    /// What only images of the account's own have.
    pub own: Option<Own>,
}

/// What images of the account's own have beside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The instance that it was made from.
    pub instance: String,
    /// The image that that was launched from.
    pub source: String,
    /// Whether its root disk is encrypted.
    pub encrypted: bool,
    /// Its disks beside the root: device, GiB, whether it is encrypted, snapshot.
    pub more: Vec<(String, u32, bool, String)>,
}

/// All images of a region; empty for a region that does not exist.
#[must_use]
pub fn images(region: &str) -> Vec<Image> {
    if catalog::find_region(region).is_none() {
        return Vec::new();
    }
    published().iter().map(|image| in_region(region, image)).collect()
}

/// The image with that id in that region.
#[must_use]
pub fn find_image(region: &str, id: &str) -> Option<Image> {
    catalog::find_region(region)?;
    let found = published().iter().find(|image| image_id(region, &image.name) == id)?;
    Some(in_region(region, found))
}

/// What all regions have in common; the ids are empty here.
fn published() -> &'static [Image] {
    static PUBLISHED: LazyLock<Vec<Image>> = LazyLock::new(|| data_lines().filter_map(parse).collect());
    &PUBLISHED
}

fn in_region(region: &str, image: &Image) -> Image {
    Image {
        id: image_id(region, &image.name),
        root_snapshot_id: chance::id("snap", 0, &[region, &image.name]),
        ..image.clone()
    }
}

fn image_id(region: &str, name: &str) -> String {
    chance::id("ami", 0, &[region, name])
}

fn data_lines() -> impl Iterator<Item = &'static str> {
    IMAGES_CSV.lines().filter(|line| !line.starts_with('#')).skip(1)
}

fn parse(line: &str) -> Option<Image> {
    let mut fields = line.split('|');
    let mut next = || fields.next();
    let owner_id = next()?.to_owned();
    let owner_alias = next().map(|alias| (!alias.is_empty()).then(|| alias.to_owned()))?;
    let name = next()?.to_owned();
    let architecture = next()?.to_owned();
    let creation_date = next()?.parse().ok()?;
    let deprecation_time = match next()? {
        "" => None,
        time => Some(time.parse().ok()?),
    };
    let root_device_name = next()?.to_owned();
    let root_gib = next()?.parse().ok()?;
    let description = next()?.to_owned();
    Some(Image {
        id: String::new(),
        name,
        owner_id,
        owner_alias,
        architecture,
        creation_date,
        deprecation_time,
        root_device_name,
        root_snapshot_id: String::new(),
        root_gib,
        description,
        state: "available".to_owned(),
        own: None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_line_is_read() {
        assert_eq!(published().len(), data_lines().count());
    }

    #[test]
    fn ids_are_those_of_one_region_and_stay() {
        let all = images("us-west-1");
        let ids: HashSet<_> = all.iter().map(|image| image.id.clone()).collect();
        assert_eq!(ids.len(), all.len());
        assert_eq!(images("us-west-1"), all);
        assert!(images("us-west-2").iter().all(|image| !ids.contains(&image.id)));
        assert!(all.iter().all(|image| image.id.len() == 21 && image.root_snapshot_id.len() == 22));
        assert_eq!(images("us-moon-1"), []);
    }

    #[test]
    fn an_image_is_found_by_its_id_in_its_own_region_only() {
        let image = images("eu-west-1").pop().unwrap();
        assert_eq!(find_image("eu-west-1", &image.id), Some(image.clone()));
        assert_eq!(find_image("eu-west-2", &image.id), None);
    }

    #[test]
    fn each_publisher_has_both_architectures_and_a_deprecated_and_a_lasting_image() {
        let all = images("us-east-1");
        for owner in ["099720109477", "136693071363", "137112412989", "075585003325", "125523088429"] {
            let theirs: Vec<_> = all.iter().filter(|image| image.owner_id == owner).collect();
            for architecture in ["x86_64", "arm64"] {
                let of_kind = || theirs.iter().filter(|image| image.architecture == architecture);
                assert!(of_kind().any(|image| image.deprecation_time.is_none()), "{owner} {architecture}");
                assert!(of_kind().any(|image| image.deprecation_time.is_some()), "{owner} {architecture}");
            }
        }
    }

    #[test]
    fn the_newest_noble_build_was_withdrawn() {
        let prefix = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-";
        let all = images("us-east-1");
        let newest =
            all.iter().filter(|image| image.name.starts_with(prefix)).max_by_key(|image| image.creation_date).unwrap();
        let end = newest.deprecation_time.unwrap();
        assert!(end.duration_since(newest.creation_date).as_hours() <= 24);
    }
}
