//! `watch` as a service of the user's own: what systemd and launchd are told. Pure texts, so that those of both are tested
//! wherever the tests run.

use super::names::EnvName;

/// What our files say of themselves: a file without it is not ours to change. It stands in comments, and XML has no two
/// dashes in one.
const MARK: &str = "Written by `cloudtop watch`";
/// Exit codes after which systemd does not start it again: wrong configuration, and an environment that is not there. Both
/// need the user first.
const NOT_AGAIN: &str = "2 3";

/// A watch that is to run by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// What is watched.
    pub env: EnvName,
    /// The program and its arguments. No shell reads them.
    pub command: Vec<String>,
    /// What it is given of the environment; nothing secret, for the file is no place for that.
    pub variables: Vec<(String, String)>,
    /// The file that launchd has it write to; systemd has a journal.
    pub log: String,
}

/// Who keeps services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// systemd's manager of one user.
    Systemd,
    /// launchd's agents of one user.
    Launchd,
}

impl Manager {
    /// What it calls the watch of an environment.
    #[must_use]
    pub fn name_of(self, env: &EnvName) -> String {
        match self {
            Self::Systemd => format!("cloudtop-watch-{env}.service"),
            Self::Launchd => format!("cloudtop.watch.{env}"),
        }
    }

    /// The name of its file.
    #[must_use]
    pub fn file_of(self, env: &EnvName) -> String {
        match self {
            Self::Systemd => self.name_of(env),
            Self::Launchd => format!("{}.plist", self.name_of(env)),
        }
    }

    /// The environment of a file of this name, where it may be one of ours.
    #[must_use]
    pub fn env_of(self, file: &str) -> Option<EnvName> {
        let name = match self {
            Self::Systemd => file.strip_prefix("cloudtop-watch-")?.strip_suffix(".service")?,
            Self::Launchd => file.strip_prefix("cloudtop.watch.")?.strip_suffix(".plist")?,
        };
        name.parse().ok()
    }

    /// Whether a text was written by this program.
    #[must_use]
    pub fn is_ours(text: &str) -> bool {
        text.lines().take(2).any(|line| line.contains(MARK))
    }

    /// The text of its file.
    #[must_use]
    pub fn text(self, service: &Service) -> String {
        match self {
            Self::Systemd => unit(service),
            Self::Launchd => plist(service),
        }
    }
}

/// A unit for systemd.
///
/// `RestartSteps` and `RestartMaxDelaySec` are of systemd 254; an older one ignores them with a line in its log, and starts
/// again after `RestartSec` each time. A shell on a node belongs to nobody but the watch: `mixed` lets it end by itself
/// what it has begun.
fn unit(service: &Service) -> String {
    let env = &service.env;
    let command: Vec<String> = service.command.iter().map(|word| unit_word(word, true)).collect();
    let variables: String = service
        .variables
        .iter()
        .map(|(name, value)| format!("Environment={}\n", unit_word(&format!("{name}={value}"), false)))
        .collect();
    format!(
        "# {MARK}: `cloudtop watch --uninstall {env}` removes it.\n\
         [Unit]\n\
         Description=cloudtop watches {env}\n\
         StartLimitIntervalSec=0\n\
         \n\
         [Service]\n\
         Type=exec\n\
         ExecStart={}\n\
         {variables}\
         Restart=on-failure\n\
         RestartSec=15\n\
         RestartSteps=6\n\
         RestartMaxDelaySec=10min\n\
         RestartPreventExitStatus={NOT_AGAIN}\n\
         SuccessExitStatus=130 143\n\
         KillMode=mixed\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        command.join(" ")
    )
}

/// A word in quotes: systemd reads escapes in them, `%` as the beginning of a specifier, and in a command `$` as a variable.
fn unit_word(word: &str, in_command: bool) -> String {
    let mut text = String::from("\"");
    for symbol in word.chars() {
        match symbol {
            '"' | '\\' => text.extend(['\\', symbol]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '%' => text.push_str("%%"),
            '$' if in_command => text.push_str("$$"),
            _ => text.push(symbol),
        }
    }
    text.push('"');
    text
}

/// A property list for launchd. It knows no exit codes but success: whatever fails is started again, five minutes after it
/// was started at the earliest.
fn plist(service: &Service) -> String {
    let env = &service.env;
    let words: String = service.command.iter().map(|word| format!("    <string>{}</string>\n", xml(word))).collect();
    let pair = |(name, value): &(String, String)| {
        format!("    <key>{}</key>\n    <string>{}</string>\n", xml(name), xml(value))
    };
    let variables: String = service.variables.iter().map(pair).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!-- {} -->\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n\
         <dict>\n\
         \x20 <key>Label</key>\n  <string>{}</string>\n\
         \x20 <key>ProgramArguments</key>\n  <array>\n{words}  </array>\n\
         \x20 <key>EnvironmentVariables</key>\n  <dict>\n{variables}  </dict>\n\
         \x20 <key>RunAtLoad</key>\n  <true/>\n\
         \x20 <key>KeepAlive</key>\n  <dict>\n    <key>SuccessfulExit</key>\n    <false/>\n  </dict>\n\
         \x20 <key>ThrottleInterval</key>\n  <integer>300</integer>\n\
         \x20 <key>ProcessType</key>\n  <string>Background</string>\n\
         \x20 <key>StandardErrorPath</key>\n  <string>{}</string>\n\
         </dict>\n\
         </plist>\n",
        MARK,
        xml(&Manager::Launchd.name_of(env)),
        xml(&service.log),
    )
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn service() -> Service {
        Service {
            env: "dev".parse().unwrap(),
            command: ["/opt/my tools/cloudtop", "--state", "/home/a$b/100%\"x\\", "watch", "dev"]
                .map(str::to_owned)
                .into(),
            variables: vec![("AWS_PROFILE".to_owned(), "a b%$".to_owned())],
            log: "/Users/a&b/Library/Logs/x.log".to_owned(),
        }
    }

    #[test]
    fn a_unit_gives_every_word_as_it_is() {
        let text = unit(&service());
        let line = "ExecStart=\"/opt/my tools/cloudtop\" \"--state\" \"/home/a$$b/100%%\\\"x\\\\\" \"watch\" \"dev\"\n";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("Environment=\"AWS_PROFILE=a b%%$\"\n"), "{text}");
        assert!(text.starts_with(&format!("# {MARK}")), "{text}");
    }

    #[test]
    fn a_property_list_gives_every_word_as_it_is() {
        let text = plist(&service());
        for words in
            ["<string>cloudtop.watch.dev</string>", "100%\"x\\</string>", "/Users/a&amp;b/", "<string>a b%$</string>"]
        {
            assert!(text.contains(words), "no {words:?} in {text}");
        }
        let comment = text.split("<!--").nth(1).and_then(|rest| rest.split("-->").next()).unwrap();
        assert!(!comment.contains("--"), "XML has no two dashes in a comment: {comment}");
    }

    #[test]
    fn the_name_of_a_file_tells_its_environment() {
        for manager in [Manager::Systemd, Manager::Launchd] {
            let env: EnvName = "my-dev".parse().unwrap();
            assert_eq!(manager.env_of(&manager.file_of(&env)), Some(env));
            assert_eq!(manager.env_of("other.service"), None);
        }
    }
}
