//! Snapshots: there are none, and that can be asked.

use super::Call;
use crate::simulator::protocol::page::Page;
use crate::simulator::protocol::{Fault, Xml};

/// DescribeSnapshots.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    call.args.filters(&["owner-id", "snapshot-id", "status", "tag-key", "volume-id"])?;
    Page::read(&call.args, 5..=1000)?;
    let mut xml = Xml::new();
    xml.empty("snapshotSet");
    Ok(xml)
}
