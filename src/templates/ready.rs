//! The question whether a node is ready, and its answer.
//!
//! The question is one line of POSIX shell: `cloud-init status --long; echo 'ready check:'; CHECK`. Every part always
//! runs. What cloud-init says is read from the output and decides first: its exit status is 0 while it is still
//! running and 2 when it finished with recoverable errors (cloud-init's documentation, "exported errors").

/// Parts cloud-init's words from the check's in the output.
const MARK: &str = "ready check:";
/// Asks whether cloud-init is done, without the template's own check; [`read_answer`] reads the answer.
pub const BOOT_QUESTION: &str = "cloud-init status --long";

/// What a node's answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It is ready.
    Ready {
        /// cloud-init finished and has something to complain about; in its words.
        complaint: Option<String>,
    },
    /// Not yet, and what it waits for.
    Waiting(String),
    /// It will not be: cloud-init gave up; in its words.
    Failed(String),
}

/// The question. `None`: there is nothing to ask.
pub(super) fn question(asks_cloud_init: bool, check: &str) -> Option<String> {
    match (asks_cloud_init, check.trim()) {
        (true, "") => Some(BOOT_QUESTION.to_owned()),
        (true, check) => Some(format!("{BOOT_QUESTION}; echo '{MARK}'; {check}")),
        (false, "") => None,
        (false, check) => Some(format!("echo '{MARK}'; {check}")),
    }
}

/// Reads the answer to [`super::Template::ready_command`]: the exit status and standard output of the line.
///
/// The words are those of `cloud-init status --long`: `status:` is `not run` (22.4) or `not started`, `running`,
/// `done`, `error` or `disabled`; since 23.4 `extended_status: degraded done` is a finish with recoverable errors.
#[must_use]
pub fn read_answer(exit_status: i32, stdout: &str) -> Readiness {
    let (boot, check) = match stdout.split_once(MARK) {
        Some((boot, check)) => (boot, Some(check)),
        None => (stdout, None),
    };
    match value(boot, "status:") {
        Some("error") => return Readiness::Failed(format!("cloud-init failed: {}", errors(boot))),
        Some("done" | "disabled" | "degraded done") => {}
        Some(status) => return Readiness::Waiting(format!("cloud-init is {status}")),
        None if boot.trim().is_empty() && check.is_some() => {}
        None => return Readiness::Waiting(format!("cloud-init does not say its status (exit status {exit_status})")),
    }
    let Some(check) = check else { return Readiness::Ready { complaint: complaint(boot) } };
    if exit_status == 0 {
        return Readiness::Ready { complaint: complaint(boot) };
    }
    let last = check.lines().map(str::trim).rfind(|line| !line.is_empty());
    Readiness::Waiting(last.map_or_else(|| format!("the ready check exits with {exit_status}"), str::to_owned))
}

/// Why a template's check cannot be part of the line, if it cannot.
pub(super) fn check_is_one_line(command: &str) -> Result<(), String> {
    if command.trim().contains('\n') {
        return Err("ready.command must be one line: put `;` or `&&` between commands".to_owned());
    }
    if command.contains('#') {
        return Err("ready.command must have no `#`: a comment would hide what follows it".to_owned());
    }
    Ok(())
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim)
}

fn complaint(boot: &str) -> Option<String> {
    let degraded = value(boot, "extended_status:").is_some_and(|status| status.contains("degraded"))
        || value(boot, "status:").is_some_and(|status| status.contains("degraded"));
    degraded.then(|| items(boot, "recoverable_errors:").unwrap_or_else(|| "see /var/log/cloud-init.log".to_owned()))
}

fn errors(boot: &str) -> String {
    let detail = || {
        let lines = boot.lines().skip_while(|line| !line.starts_with("detail:"));
        lines.map(|line| line.trim_start_matches("detail:").trim()).find(|line| !line.is_empty()).map(str::to_owned)
    };
    items(boot, "errors:").or_else(detail).unwrap_or_else(|| "see /var/log/cloud-init.log on the node".to_owned())
}

/// The `- ` items below a heading, up to the next line of the outermost level that is a key of the report.
fn items(boot: &str, heading: &str) -> Option<String> {
    let below = boot.lines().skip_while(|line| !line.starts_with(heading)).skip(1);
    let own = below.take_while(|line| !line.starts_with(|first: char| first.is_ascii_lowercase()));
    let items: Vec<_> = own.filter_map(|line| line.trim().strip_prefix("- ")).collect();
    if items.is_empty() { None } else { Some(items.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DONE: &str = "status: done\nextended_status: done\nboot_status_code: enabled-by-generator\n\
        detail: DataSourceEc2Local\nerrors: []\nrecoverable_errors: {}\n";
    const DEGRADED: &str = "status: done\nextended_status: degraded done\ndetail: DataSourceEc2Local\nerrors: []\n\
        recoverable_errors:\nWARNING:\n\t- Failed at merging in cloud config part\n\t- Unknown key\n";
    const ERROR: &str = "status: error\nextended_status: error - done\ndetail: DataSourceEc2Local\nerrors:\n\
        \t- ('scripts_user', RuntimeError('Runparts: 1 failures'))\nrecoverable_errors:\nWARNING:\n\t- other\n";
    const OLD_ERROR: &str = "status: error\nboot_status_code: enabled-by-generator\ndetail:\nno datasource found\n";

    fn ready() -> Readiness {
        Readiness::Ready { complaint: None }
    }

    fn checked(boot: &str, check: &str) -> String {
        format!("{boot}{MARK}\n{check}")
    }

    #[test]
    fn the_question_holds_only_what_there_is_to_ask() {
        assert_eq!(question(false, " "), None);
        assert_eq!(question(true, "").as_deref(), Some("cloud-init status --long"));
        assert_eq!(question(false, "test -e /x").as_deref(), Some("echo 'ready check:'; test -e /x"));
        let both = question(true, "test -e /x");
        assert_eq!(both.as_deref(), Some("cloud-init status --long; echo 'ready check:'; test -e /x"));
    }

    #[test]
    fn done_is_ready_when_the_check_agrees() {
        assert_eq!(read_answer(0, DONE), ready());
        assert_eq!(read_answer(0, &checked(DONE, "")), ready());
        assert_eq!(read_answer(1, &checked(DONE, "a\nno volume yet\n\n")), Readiness::Waiting("no volume yet".into()));
        let silent = Readiness::Waiting("the ready check exits with 7".into());
        assert_eq!(read_answer(7, &checked(DONE, "")), silent);
    }

    #[test]
    fn a_check_that_passes_early_does_not_end_the_wait_for_cloud_init() {
        for status in ["not run", "not started", "running"] {
            let answer = read_answer(0, &checked(&format!("status: {status}\ndetail: x\n"), "fine\n"));
            assert_eq!(answer, Readiness::Waiting(format!("cloud-init is {status}")));
        }
    }

    #[test]
    fn a_degraded_boot_is_ready_with_its_complaint_and_still_checked() {
        let complaint = Some("Failed at merging in cloud config part; Unknown key".to_owned());
        assert_eq!(read_answer(2, DEGRADED), Readiness::Ready { complaint: complaint.clone() });
        assert_eq!(read_answer(0, &checked(DEGRADED, "")), Readiness::Ready { complaint });
        assert_eq!(read_answer(1, &checked(DEGRADED, "no volume\n")), Readiness::Waiting("no volume".into()));
    }

    #[test]
    fn a_failed_boot_is_failed_in_its_own_words() {
        let words = "cloud-init failed: ('scripts_user', RuntimeError('Runparts: 1 failures'))".to_owned();
        assert_eq!(read_answer(0, &checked(ERROR, "fine\n")), Readiness::Failed(words));
        let words = "cloud-init failed: no datasource found".to_owned();
        assert_eq!(read_answer(1, OLD_ERROR), Readiness::Failed(words));
    }

    #[test]
    fn silence_of_cloud_init_is_not_taken_for_done() {
        assert_eq!(
            read_answer(127, "sh: cloud-init: not found\n"),
            Readiness::Waiting("cloud-init does not say its status (exit status 127)".into())
        );
        assert!(matches!(read_answer(0, ""), Readiness::Waiting(_)));
    }

    #[test]
    fn without_cloud_init_the_check_alone_decides() {
        assert_eq!(read_answer(0, "ready check:\n"), ready());
        assert_eq!(read_answer(3, "ready check:\ndocker\n"), Readiness::Waiting("docker".into()));
    }

    #[test]
    fn a_check_of_several_lines_or_with_a_comment_is_refused() {
        assert!(check_is_one_line("test -e /a\ntest -e /b").is_err());
        assert!(check_is_one_line("test -e /a # b").is_err());
        assert_eq!(check_is_one_line("\ntest -e /a\n"), Ok(()));
    }
}
