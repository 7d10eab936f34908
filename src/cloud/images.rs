//! Which image a node boots: the newest of a family, found anew for each launch and never pinned.
//!
//! Every publisher has daily, minimal, testing and deprecated builds beside its releases, under similar names. EC2's
//! name filter narrows the list; the exact scheme is checked here.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as sdk;
use jiff::Timestamp;

use super::survey::SurveyError;
use super::{Cloud, convert, failure, filter};
use crate::domain::demand::Arch;
use crate::domain::failure::Failure;
use crate::domain::intent::{ImageFamily, ImageWish};
use crate::domain::market::Image;

/// The largest page of DescribeImages.
const PAGE: i32 = 1000;

/// How a publisher names its images.
struct Scheme {
    owner: &'static str,
    patterns: &'static [&'static str],
}

fn scheme(family: ImageFamily) -> Scheme {
    match family {
        // Canonical, "Find Ubuntu images on AWS": .../ubuntu-noble-24.04-amd64-server-20260923
        ImageFamily::Ubuntu => {
            Scheme { owner: "099720109477", patterns: &["ubuntu/images/hvm-ssd-gp3/ubuntu-*.04-*-server-*"] }
        }
        // Debian wiki, "Cloud/AmazonEC2Image": debian-13-amd64-20260914-2601; backports have a word more.
        ImageFamily::Debian => Scheme { owner: "136693071363", patterns: &["debian-13-amd64-*", "debian-13-arm64-*"] },
        // Amazon Linux 2023 user guide: al2023-ami-2023.12.20260918.0-kernel-6.18-x86_64
        ImageFamily::AmazonLinux => Scheme { owner: "amazon", patterns: &["al2023-ami-2023.*-kernel-*"] },
        // Flatcar's documentation, "Running Flatcar on AWS EC2": Flatcar-stable-4593.2.5-hvm
        ImageFamily::Flatcar => Scheme { owner: "075585003325", patterns: &["Flatcar-stable-*-hvm"] },
        // Fedora CoreOS documentation, "Versioning": fedora-coreos-44.20260817.3.2-x86_64, the 3 being stable.
        ImageFamily::FedoraCoreos => Scheme { owner: "125523088429", patterns: &["fedora-coreos-*.*.3.*-*"] },
    }
}

/// The release that a name stands for, larger for newer; `None` where the family's scheme does not fit. Families whose
/// age alone decides are all of release 0.
fn release(family: ImageFamily, name: &str) -> Option<u32> {
    match family {
        ImageFamily::Ubuntu => {
            let rest = name.strip_prefix("ubuntu/images/hvm-ssd-gp3/ubuntu-")?;
            let words: Vec<&str> = rest.split('-').collect();
            let &[_, version, _, "server", _] = words.as_slice() else { return None };
            let year: u32 = version.strip_suffix(".04")?.parse().ok()?;
            // Long-term support: April of an even year.
            year.is_multiple_of(2).then_some(year)
        }
        ImageFamily::FedoraCoreos => {
            let version = name.strip_prefix("fedora-coreos-")?;
            (version.split('.').nth(2) == Some("3")).then_some(0)
        }
        ImageFamily::Debian | ImageFamily::AmazonLinux | ImageFamily::Flatcar => Some(0),
    }
}

impl Cloud {
    /// The image for each architecture that there is one for.
    pub(super) async fn images(&self, wish: &ImageWish, now: Timestamp) -> Result<BTreeMap<Arch, Image>, SurveyError> {
        match wish {
            ImageWish::Id(id) => self.image_by_id(id).await,
            ImageWish::Family(family) => {
                let found = self.published(*family).await?;
                let newest = newest(*family, &found, now);
                if newest.is_empty() {
                    return Err(SurveyError::NoImage { family: *family, region: self.region.clone() });
                }
                Ok(newest)
            }
        }
    }

    async fn published(&self, family: ImageFamily) -> Result<Vec<sdk::Image>, Failure> {
        let scheme = scheme(family);
        let call = self
            .ec2
            .describe_images()
            .owners(scheme.owner)
            .filters(filter("name", scheme.patterns.iter().copied()))
            .filters(filter("architecture", [Arch::X86_64.as_str(), Arch::Arm64.as_str()]))
            .filters(filter("root-device-type", ["ebs"]))
            .filters(filter("virtualization-type", ["hvm"]))
            .filters(filter("state", ["available"]))
            .include_deprecated(false);
        let found: Result<Vec<_>, _> = call.into_paginator().page_size(PAGE).items().send().collect().await;
        found.map_err(|error| failure::of("DescribeImages", &error))
    }

    async fn image_by_id(&self, id: &str) -> Result<BTreeMap<Arch, Image>, SurveyError> {
        let answer = self.ec2.describe_images().image_ids(id).send().await;
        let answer = answer.map_err(|error| failure::of("DescribeImages", &error));
        let unknown = || SurveyError::UnknownImage { id: id.to_owned(), region: self.region.clone() };
        let found = match answer {
            Ok(answer) => answer.images.unwrap_or_default(),
            Err(failure) if failure.code.starts_with("InvalidAMIID") => return Err(unknown()),
            Err(failure) => return Err(failure.into()),
        };
        let first = found.first().ok_or_else(unknown)?;
        let image = convert::image(first).ok_or_else(|| SurveyError::UnusableImage { id: id.to_owned() })?;
        Ok(BTreeMap::from([(image.arch, image)]))
    }
}

/// The newest image of a family for each architecture.
fn newest(family: ImageFamily, found: &[sdk::Image], now: Timestamp) -> BTreeMap<Arch, Image> {
    // Two kernels of one Amazon Linux release are registered at the same time: the name decides, the newer kernel wins.
    let age = |from: &sdk::Image| {
        let name = from.name().unwrap_or_default();
        Some((release(family, name)?, from.creation_date().unwrap_or_default().to_owned(), name.to_owned()))
    };
    let mut ranked: Vec<_> = found
        .iter()
        .filter(|from| !is_deprecated(from, now))
        .filter_map(|from| Some((age(from)?, convert::image(from)?)))
        .collect();
    ranked.sort_by(|(a, _), (b, _)| a.cmp(b));
    // Later ones overwrite earlier ones.
    ranked.into_iter().map(|(_, image)| (image.arch, image)).collect()
}

/// EC2 lists an account's own images even when they are deprecated.
fn is_deprecated(image: &sdk::Image, now: Timestamp) -> bool {
    image.deprecation_time().and_then(|at| at.parse::<Timestamp>().ok()).is_some_and(|at| at <= now)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn image(name: &str, created: &str) -> sdk::Image {
        let arch = if name.contains("arm64") || name.contains("aarch64") { "arm64" } else { "x86_64" };
        sdk::Image::builder()
            .image_id(format!("ami-{name}"))
            .name(name)
            .architecture(arch.into())
            .creation_date(format!("{created}T00:00:00.000Z"))
            .root_device_name("/dev/xvda")
            .build()
    }

    fn chosen(family: ImageFamily, images: &[(&str, &str)]) -> Vec<String> {
        let found: Vec<_> = images.iter().map(|(name, created)| image(name, created)).collect();
        let now = "2026-11-21T00:00:00Z".parse().unwrap();
        newest(family, &found, now).into_values().map(|image| image.name).collect()
    }

    #[test]
    fn ubuntu_is_the_newest_long_term_release() {
        let images = [
            ("ubuntu/images/hvm-ssd-gp3/ubuntu-resolute-26.04-amd64-server-20261003", "2026-10-03"),
            ("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261014", "2026-10-14"),
            ("ubuntu/images/hvm-ssd-gp3/ubuntu-plucky-25.04-amd64-server-20261015", "2026-10-15"),
            ("ubuntu/images/hvm-ssd-gp3/ubuntu-resolute-26.04-amd64-server-20260916", "2026-09-16"),
            ("ubuntu/images/hvm-ssd-gp3/ubuntu-resolute-26.04-arm64-server-20261003", "2026-10-03"),
            ("ubuntu-minimal/images/hvm-ssd-gp3/ubuntu-resolute-26.04-amd64-minimal-20261020", "2026-10-20"),
        ];
        assert_eq!(
            chosen(ImageFamily::Ubuntu, &images),
            [
                "ubuntu/images/hvm-ssd-gp3/ubuntu-resolute-26.04-amd64-server-20261003",
                "ubuntu/images/hvm-ssd-gp3/ubuntu-resolute-26.04-arm64-server-20261003",
            ]
        );
    }

    #[test]
    fn fedora_coreos_is_of_the_stable_stream() {
        let images = [
            ("fedora-coreos-44.20260817.3.2-x86_64", "2026-08-17"),
            ("fedora-coreos-44.20260914.2.0-x86_64", "2026-09-14"),
            ("fedora-coreos-43.20260217.3.1-x86_64", "2026-02-17"),
        ];
        assert_eq!(chosen(ImageFamily::FedoraCoreos, &images), ["fedora-coreos-44.20260817.3.2-x86_64"]);
    }

    #[test]
    fn of_two_kernels_registered_at_once_the_newer_is_taken_every_time() {
        let images = [
            ("al2023-ami-2023.12.20260918.0-kernel-6.18-x86_64", "2026-09-18"),
            ("al2023-ami-2023.12.20260918.0-kernel-6.1-x86_64", "2026-09-18"),
            ("al2023-ami-2023.12.20260918.0-kernel-6.12-x86_64", "2026-09-18"),
        ];
        assert_eq!(chosen(ImageFamily::AmazonLinux, &images), ["al2023-ami-2023.12.20260918.0-kernel-6.18-x86_64"]);
    }

    #[test]
    fn a_deprecated_image_of_one_s_own_is_passed_over() {
        let old = image("debian-13-amd64-20260914-2601", "2026-09-14");
        let old = sdk::Image::builder()
            .image_id("ami-1")
            .set_name(old.name)
            .set_architecture(old.architecture)
            .set_root_device_name(old.root_device_name)
            .deprecation_time("2026-10-15T08:15:00.000Z")
            .build();
        let at = |time: &str| newest(ImageFamily::Debian, std::slice::from_ref(&old), time.parse().unwrap()).len();
        assert_eq!(at("2026-10-14T00:00:00Z"), 1);
        assert_eq!(at("2026-10-16T00:00:00Z"), 0);
    }
}
