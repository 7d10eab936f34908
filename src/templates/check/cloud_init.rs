//! The installed cloud-init's own opinion of a cloud-config: `cloud-init schema`.

use std::io::Write as _;
use std::process::{Command, Output};

use super::{Check, rules};

/// Asks it, where that is wanted and it is there, and passes its words on.
pub(super) fn ask(check: &mut Check<'_>, text: &str) {
    if !check.tools.cloud_init {
        return;
    }
    let Some(output) = run(text) else {
        return check.not_looked_into("cloud-init's own schema: cloud-init is not installed here");
    };
    let words = [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).trim().to_owned()).join("\n");
    let words = words.trim().to_owned();
    if output.status.success() {
        if words.to_ascii_lowercase().contains("deprecat") {
            check.say(rules::DEPRECATED, None, words, "");
        }
    } else if words.contains("Invalid") || words.contains("invalid") {
        check.say(rules::CLOUD_INIT, None, words, "");
    } else {
        check.not_looked_into(format!("cloud-init's own schema: it says {words:?}"));
    }
}

fn run(text: &str) -> Option<Output> {
    let mut file = tempfile::Builder::new().prefix("cloudtop-").suffix(".yaml").tempfile().ok()?;
    file.write_all(text.as_bytes()).ok()?;
    Command::new("cloud-init").args(["schema", "--config-file"]).arg(file.path()).output().ok()
}
