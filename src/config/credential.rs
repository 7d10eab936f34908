//! Keys that look like credentials. `cloudtop.toml` is made to be shared; a secret in it is one that is lost.

use toml::{Table, Value};

/// Where credentials belong instead.
pub(super) const PLACE: &str = "Take it out. AWS credentials belong into ~/.aws (`aws configure`, `aws sso login`) and are \
    chosen by the key `profile`; what a node needs goes there over ssh, from a file, a variable or a command that \
    [secrets] names (docs/secrets.md)";

/// What names of credentials have in them.
const WORDS: &[&str] = &[
    "accesskey",
    "apikey",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "sessionkey",
    "token",
];

/// The credential that a key which nothing reads is, or has below it; `secrets` itself is a key that is read.
pub(super) fn of(written: &Table, path: &[String]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let value = rest.iter().fold(written.get(first), |value, step| value?.get(step));
    // The tables above it may be named as one likes: [env.secret-project].
    within(&path.join("."), path.last()?, value)
}

fn within(key: &str, last: &str, value: Option<&Value>) -> Option<String> {
    if looks_like(last) {
        return Some(key.to_owned());
    }
    let below = value.and_then(Value::as_table).into_iter().flatten();
    below.into_iter().find_map(|(name, value)| within(&format!("{key}.{name}"), name, Some(value)))
}

/// Whether a key is called like a credential.
fn looks_like(key: &str) -> bool {
    let plain: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    WORDS.iter().any(|word| plain.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn refused(text: &str) -> Option<String> {
        let place = tempfile::tempdir().ok()?;
        std::fs::write(place.path().join("cloudtop.toml"), text).ok()?;
        Config::load(None, place.path(), None, None).err().map(|error| error.to_string())
    }

    #[test]
    fn a_credential_in_the_file_is_refused_with_its_place_and_its_line() {
        for key in ["secret_access_key", "AWS_ACCESS_KEY_ID", "aws-session-token", "password", "github_token", "apiKey"]
        {
            assert!(looks_like(key), "{key}");
            let said = refused(&format!("nodes = 1\n[env.dev]\n{key} = \"hunter2\"\n")).unwrap_or_default();
            assert!(said.contains(&format!("cloudtop.toml:3: `env.dev.{key}` looks like a credential")), "{said}");
            assert!(said.contains("~/.aws") && said.contains("[secrets]") && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_credential_below_a_table_that_nothing_reads_is_one_too() {
        let said = refused("[aws.keys]\nid = 1\naccess_key = \"hunter2\"\n").unwrap_or_default();
        assert!(said.contains("cloudtop.toml:1: `aws.keys.access_key`") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn a_slip_and_a_setting_are_no_credentials() {
        for text in [
            "secret = {}\n",
            "[env.secret-token]\ncolour = 1\n",
            "key = \"k.pub\"\n",
            "colour = 1\n",
            "[secrets]\n\"~/.token\" = { env = \"TOKEN\" }\n",
        ] {
            assert_eq!(refused(text), None, "{text}");
        }
    }
}
