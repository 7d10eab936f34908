//! How a command ended on each of several nodes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::tables::grid::{self, Column};
use super::text::one_line;
use crate::domain::nodes;

/// One node, and how the command ended there.
#[derive(Clone, Debug, Serialize)]
pub struct NodeExit {
    /// The node's index.
    pub index: u32,
    /// As the user names it: `core/1`.
    pub node: String,
    /// The command's own exit code; 255 where there was no connection, 128 and the number of a signal that ended ssh.
    pub exit_code: u8,
    /// Why it did not run there, or was cut off. `None`: the exit code is the command's.
    pub why: Option<String>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error, with ssh's own complaints.
    pub stderr: String,
}

/// All of them as JSON.
#[derive(Debug, Serialize)]
pub struct Shape<'a> {
    format_version: u32,
    name: &'a str,
    exit_code: u8,
    nodes: &'a [NodeExit],
}

impl<'a> Shape<'a> {
    /// Of an environment's nodes.
    #[must_use]
    pub fn new(name: &'a str, nodes: &'a [NodeExit]) -> Self {
        Self { format_version: 1, name, exit_code: highest(nodes), nodes }
    }
}

/// The highest exit code.
#[must_use]
pub fn highest(nodes: &[NodeExit]) -> u8 {
    nodes.iter().map(|node| node.exit_code).max().unwrap_or(0)
}

/// A row for each way in which it ended, with the nodes where it ended so: a thousand nodes end in a few ways.
#[must_use]
pub fn table(exits: &[NodeExit], width: Option<usize>) -> String {
    let mut ways: BTreeMap<(u8, &str), Vec<u32>> = BTreeMap::new();
    for exit in exits {
        ways.entry((exit.exit_code, exit.why.as_deref().unwrap_or_default())).or_default().push(exit.index);
    }
    let rows = ways.into_iter().map(|((code, why), indexes)| {
        vec![code.to_string(), indexes.len().to_string(), nodes::to_tag(&indexes).replace(',', ", "), one_line(why)]
    });
    let columns =
        [Column::new("EXIT").right(), Column::new("COUNT").right(), Column::new("NODES"), Column::new("WHY").below()];
    grid::render(&columns, &rows.collect::<Vec<_>>(), width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_ended_alike_share_a_row() {
        let exit = |index: u32, exit_code: u8, why: Option<&str>| NodeExit {
            index,
            node: format!("core/{index}"),
            exit_code,
            why: why.map(str::to_owned),
            stdout: String::new(),
            stderr: String::new(),
        };
        let exits =
            [exit(0, 0, None), exit(1, 2, None), exit(2, 0, None), exit(3, 0, None), exit(4, 255, Some("gone"))];
        assert_eq!(
            table(&exits, None),
            "EXIT  COUNT  NODES   WHY\n   0      3  0, 2-3\n   2      1  1\n 255      1  4       gone"
        );
        assert_eq!(highest(&exits), 255);
    }
}
