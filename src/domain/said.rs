//! What a node says of itself: the few files that the templates' scripts keep in `/run/cloudtop`.

/// The line for a node's shell that asks for all of it at once. A node that lacks a script lacks its file.
pub const QUESTION: &str = "echo '== volume'; cat /run/cloudtop/volume 2>/dev/null; \
     echo '== interruption'; cat /run/cloudtop/interruption 2>/dev/null; \
     echo '== idle'; cat /run/cloudtop/idle 2>/dev/null; \
     echo '== tools'; cat /run/cloudtop/tools 2>/dev/null; true";

/// What a node says of itself; `None` of what it has no script for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// How its persistent volume stands.
    pub volume: Option<String>,
    /// How far it is with being taken away.
    pub interruption: Option<String>,
    /// Whether it takes itself for unused.
    pub idle: Option<String>,
    /// What came of the user's own tools.
    pub tools: Option<Tools>,
}

/// What came of the user's own tools: dotfiles, repositories, downloads, scripts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    /// The item that is being worked on; `None`: all have had their turn.
    pub item: Option<String>,
    /// When it began, RFC 3339.
    pub started: Option<String>,
    /// When it was over, RFC 3339.
    pub ended: Option<String>,
    /// How many items are as they should be.
    pub ok: usize,
    /// Items that hold something of the user's and were not touched, and why.
    pub left: Vec<String>,
    /// Items that failed, and why.
    pub failed: Vec<String>,
}

impl Said {
    /// Reads the answer to [`QUESTION`].
    #[must_use]
    pub fn read(answer: &str) -> Self {
        let part = |name: &str| {
            let lines = answer.lines().skip_while(|line| line.strip_prefix("== ") != Some(name)).skip(1);
            let text = lines.take_while(|line| !line.starts_with("== ")).collect::<Vec<_>>().join("\n");
            (!text.trim().is_empty()).then_some(text)
        };
        Self {
            volume: part("volume"),
            interruption: part("interruption"),
            idle: part("idle"),
            tools: part("tools").map(|text| Tools::read(&text)),
        }
    }

    /// Whether it says anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Tools {
    fn read(text: &str) -> Self {
        let mut tools = Self::default();
        for (key, rest) in text.lines().filter_map(|line| line.split_once(' ')) {
            let rest = rest.to_owned();
            match key {
                "item" => tools.item = Some(rest),
                "started" => tools.started = Some(rest),
                "ended" => tools.ended = Some(rest),
                "ok" => tools.ok += 1,
                "left" => tools.left.push(rest),
                "failed" => tools.failed.push(rest),
                _ => {}
            }
        }
        tools
    }

    /// All of it in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut words = Vec::new();
        if let Some(item) = &self.item {
            words.push(format!("at work on {item}"));
        }
        if self.ok > 0 || (words.is_empty() && self.left.is_empty() && self.failed.is_empty()) {
            words.push(format!("{} done", self.ok));
        }
        words.extend(self.left.iter().map(|it| format!("left alone: {it}")));
        words.extend(self.failed.iter().map(|it| format!("failed: {it}")));
        words.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_what_stands_below_its_heading() {
        let said = Said::read(
            "== volume\n/dev/nvme1n1 is mounted at /data\n== interruption\n== idle\nin use: it has just started\n\
             == tools\nstate done\nstarted 2026-11-21T12:00:00Z\nended 2026-11-21T12:01:00Z\nexit 1\n\
             ok repository a: cloned\nleft repository b: it has changes of yours: not pulled\n\
             failed download c: curl: (22) 404\n",
        );
        assert_eq!(said.volume.as_deref(), Some("/dev/nvme1n1 is mounted at /data"));
        assert_eq!((said.interruption, said.idle.as_deref()), (None, Some("in use: it has just started")));
        let words = said.tools.map(|tools| tools.in_words());
        assert_eq!(
            words.as_deref(),
            Some(
                "1 done; left alone: repository b: it has changes of yours: not pulled; failed: download c: curl: (22) 404"
            )
        );
    }

    #[test]
    fn tools_at_work_say_on_what() {
        let tools = Tools::read("state running\nstarted 2026-11-21T12:00:00Z\nitem dotfiles x\n");
        assert_eq!((tools.in_words().as_str(), tools.ended), ("at work on dotfiles x", None));
        assert_eq!(Tools::read("state done\n").in_words(), "0 done");
    }

    #[test]
    fn a_node_without_our_scripts_says_nothing() {
        assert!(Said::read("== volume\n== interruption\n== idle\n== tools\n").is_empty());
        assert!(Said::read("This account is not available.\n").is_empty());
    }
}
