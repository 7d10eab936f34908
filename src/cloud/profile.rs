//! The profile in `~/.aws/config` and `~/.aws/credentials`, and the region that it, or the environment, names.

use aws_config::profile::{ProfileSet, load};

use super::connect::{CloudError, Settings};

/// What was found of the profile.
pub(super) struct Profile {
    /// Its name.
    pub(super) name: String,
    /// The region that it names.
    pub(super) region: Option<String>,
}

impl Profile {
    /// Reads the profile files (`AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` move them).
    ///
    /// # Errors
    /// A file that cannot be read or parsed; a profile that was asked for (`--profile`, `AWS_PROFILE`) and is in
    /// neither.
    pub(super) async fn read(wanted: Option<&str>) -> Result<Self, CloudError> {
        let wanted = wanted.map(|name| name.to_owned().into());
        // The SDK keeps the names of the first three types to itself; their defaults are the real system and paths.
        let set = load(&Default::default(), &Default::default(), &Default::default(), wanted)
            .await
            .map_err(|source| CloudError::ProfileFile { source: Box::new(source) })?;
        Self::of(&set)
    }

    fn of(set: &ProfileSet) -> Result<Self, CloudError> {
        let name = set.selected_profile().to_owned();
        // Nobody need have a profile named default.
        if name != "default" && set.get_profile(&name).is_none() {
            let mut known: Vec<&str> = set.profiles().collect();
            known.sort_unstable();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(CloudError::ProfileUnknown { profile: name, known });
        }
        Ok(Self { region: set.get("region").map(str::to_owned), name })
    }
}

/// The names of all profiles, in order; none where the files cannot be read, which a connection then says.
pub async fn profile_names() -> Vec<String> {
    let loaded = load(&Default::default(), &Default::default(), &Default::default(), None).await;
    let mut names: Vec<String> = loaded.iter().flat_map(ProfileSet::profiles).map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// The region: flag, then environment, then profile.
///
/// # Errors
/// None is named, or what is named is not a region's name.
pub(super) fn region(settings: &Settings, profile: Option<&Profile>) -> Result<String, CloudError> {
    let environment = || {
        ["AWS_REGION", "AWS_DEFAULT_REGION"]
            .iter()
            .find_map(|key| std::env::var(key).ok().filter(|name| !name.is_empty()))
    };
    let from_profile = || profile.and_then(|profile| profile.region.clone());
    let region = settings.region.clone().or_else(environment).or_else(from_profile);
    let Some(region) = region else {
        let profile = profile.map_or("default", |profile| &profile.name).to_owned();
        return Err(CloudError::RegionMissing { profile });
    };
    if looks_like_a_region(&region) { Ok(region) } else { Err(CloudError::RegionMalformed { region }) }
}

/// Whether a text has the shape of a region's name: `us-east-1`, `us-gov-west-1`, `ap-southeast-7`. It becomes part of
/// a host name, so anything else must not get through.
fn looks_like_a_region(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    let [area, middle @ .., number] = words.as_slice() else { return false };
    let letters = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    letters(area)
        && !middle.is_empty()
        && middle.iter().all(letters)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_a_region_s_shape_are_let_through() {
        for good in ["us-east-1", "us-gov-west-1", "ap-southeast-7", "us-iso-east-1", "eusc-de-east-1"] {
            assert!(looks_like_a_region(good), "{good}");
        }
        for bad in ["", "us-east-1a", "us-east", "US-EAST-1", "moon", "us-1", "us--1", "us-east-1.evil.example/", "-"] {
            assert!(!looks_like_a_region(bad), "{bad}");
        }
    }

    #[test]
    fn the_flag_wins_over_the_profile() {
        let profile = Profile { name: "work".to_owned(), region: Some("eu-west-1".to_owned()) };
        let flag = Settings { region: Some("us-west-2".to_owned()), ..Settings::default() };
        assert_eq!(region(&flag, Some(&profile)).unwrap(), "us-west-2");
    }
}
