//! Aligned columns without lines around them.
//!
//! On a terminal that is too narrow, columns that can be done without are left out, and long ones go below their row;
//! no cell is ever cut or wrapped, for ids are there to be copied.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::super::text::width;

/// What stands between two columns.
const GAP: usize = 2;

/// A column.
#[derive(Clone, Copy)]
pub(in crate::ui) struct Column {
    title: &'static str,
    right: bool,
    when_narrow: WhenNarrow,
}

/// What becomes of a column where not all fit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhenNarrow {
    Keep,
    /// It is left out, the lowest number first.
    Drop(u8),
    /// It is put into a line below its row.
    Below,
}

impl Column {
    /// A column of words that is always there.
    pub(in crate::ui) const fn new(title: &'static str) -> Self {
        Self { title, right: false, when_narrow: WhenNarrow::Keep }
    }

    /// Numbers: aligned to the right.
    pub(in crate::ui) const fn right(self) -> Self {
        Self { right: true, ..self }
    }

    /// Left out where there is no room, those with a lower number first.
    pub(in crate::ui) const fn dropped(self, rank: u8) -> Self {
        Self { when_narrow: WhenNarrow::Drop(rank), ..self }
    }

    /// Put below its row where there is no room.
    pub(in crate::ui) const fn below(self) -> Self {
        Self { when_narrow: WhenNarrow::Below, ..self }
    }
}

/// A table; columns with nothing in them are left out. `columns_wide` is what it should fit into.
pub(in crate::ui) fn render(columns: &[Column], rows: &[Vec<String>], columns_wide: Option<usize>) -> String {
    let wide = |place: usize| rows.iter().map(|row| width(&row[place])).max().unwrap_or(0);
    let mut kept: Vec<usize> = (0..columns.len()).filter(|&place| wide(place) > 0).collect();
    let needed = |kept: &[usize]| {
        let cells: usize = kept.iter().map(|&place| wide(place).max(width(columns[place].title))).sum();
        cells + GAP * kept.len().saturating_sub(1)
    };
    let mut below = Vec::new();
    let room = columns_wide.unwrap_or(usize::MAX);
    if needed(&kept) > room {
        (below, kept) = kept.iter().partition(|&&place| columns[place].when_narrow == WhenNarrow::Below);
    }
    while needed(&kept) > room {
        let Some(least) = least_needed(columns, &kept) else { break };
        kept.remove(least);
    }
    let lines = aligned(columns, rows, &kept);
    with_below(&lines, columns, rows, &below, room)
}

/// The place in `kept` of the column that can be done without best.
fn least_needed(columns: &[Column], kept: &[usize]) -> Option<usize> {
    let droppable = kept.iter().enumerate().filter_map(|(at, &place)| match columns[place].when_narrow {
        WhenNarrow::Drop(rank) => Some((rank, at)),
        _ => None,
    });
    droppable.min().map(|(_, at)| at)
}

/// The head's line and one line a row.
fn aligned(columns: &[Column], rows: &[Vec<String>], kept: &[usize]) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    table.set_header(kept.iter().map(|&place| columns[place].title));
    table.add_rows(rows.iter().map(|row| kept.iter().map(|&place| row[place].as_str())));
    for (at, &place) in kept.iter().enumerate() {
        let Some(column) = table.column_mut(at) else { continue };
        column.set_padding((0, if at + 1 == kept.len() { 0 } else { 2 }));
        column.set_cell_alignment(if columns[place].right { CellAlignment::Right } else { CellAlignment::Left });
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// The lines, each row followed by its cells that had no room in it.
fn with_below(lines: &[String], columns: &[Column], rows: &[Vec<String>], below: &[usize], room: usize) -> String {
    const INDENT: &str = "    ";
    let mut text: Vec<String> = lines.iter().take(1).cloned().collect();
    for (line, row) in lines.iter().skip(1).zip(rows) {
        text.push(line.clone());
        let mut under = String::new();
        for &place in below.iter().filter(|&&place| !row[place].is_empty()) {
            let part = format!("{}: {}", columns[place].title.to_lowercase(), row[place]);
            if !under.is_empty() && INDENT.len() + width(&under) + GAP + width(&part) > room {
                text.push(format!("{INDENT}{}", std::mem::take(&mut under)));
            }
            under = if under.is_empty() { part } else { format!("{under}  {part}") };
        }
        if !under.is_empty() {
            text.push(format!("{INDENT}{under}"));
        }
    }
    text.join("\n")
}
