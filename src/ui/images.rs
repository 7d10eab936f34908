//! Images of one's own, for people and for scripts.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::tables::grid::{Column, render};
use super::text::one_line;
use super::time::short;
use crate::domain::images::OwnImage;
use crate::domain::money;

/// An image with its price, and who uses it.
#[derive(Clone, Debug)]
pub struct ImageRow {
    /// The region.
    pub region: String,
    /// The image.
    pub image: OwnImage,
    /// Names of environments.
    pub used_by: BTreeSet<String>,
    /// What its snapshots cost at most, USD a month.
    pub usd_per_month: f64,
}

const COLUMNS: [Column; 10] = [
    Column::new("IMAGE"),
    Column::new("VERSION"),
    Column::new("ID"),
    Column::new("STATE"),
    Column::new("AGE").right(),
    Column::new("GiB").right(),
    Column::new("$/MONTH").right(),
    Column::new("SYSTEM").dropped(2),
    Column::new("MADE FROM").dropped(1),
    Column::new("USED BY"),
];

/// The table of `cloudtop image list`; nothing where there is none.
#[must_use]
pub fn images(rows: &[ImageRow], now: Timestamp, width: Option<usize>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let cells = rows.iter().map(|row| {
        let image = &row.image;
        let users: Vec<&str> = row.used_by.iter().map(String::as_str).collect();
        vec![
            one_line(image.name()),
            one_line(image.version()),
            image.id.clone(),
            state(image),
            image.created_at.map(|at| short(now.duration_since(at).unsigned_abs())).unwrap_or_default(),
            image.gib.to_string(),
            format!("at most {}", money::amount(row.usd_per_month).replace('$', "")),
            image.os().map(|os| os.as_str().to_owned()).unwrap_or_default(),
            one_line(&made_from(image)),
            one_line(&users.join(", ")),
        ]
    });
    render(&COLUMNS, &cells.collect::<Vec<_>>(), width)
}

fn state(image: &OwnImage) -> String {
    match image.is_raw() {
        true => format!("{}, not cleaned", image.state.as_str()),
        false => image.state.as_str().to_owned(),
    }
}

fn made_from(image: &OwnImage) -> String {
    let template = image.template().map(|it| format!("template {it}")).unwrap_or_default();
    image.from().map_or(template, str::to_owned)
}

/// The answer of `cloudtop image list --json` and of `cloudtop image bake --json`.
#[derive(Debug, Serialize)]
pub struct ImagesShape<'a> {
    format_version: u32,
    images: Vec<ImageShape<'a>>,
    price_per_month_at_most: f64,
}

#[derive(Debug, Serialize)]
struct ImageShape<'a> {
    image_id: &'a str,
    name: &'a str,
    version: &'a str,
    region: &'a str,
    state: &'static str,
    /// Whether nodes can be launched from it.
    usable: bool,
    made_at: Option<Timestamp>,
    size_gib: u32,
    snapshots: &'a [String],
    architecture: Option<&'static str>,
    system: Option<&'static str>,
    template: Option<&'a str>,
    /// The environment that it was made from, where it was made from one.
    made_from: Option<&'a str>,
    used_by: Vec<&'a str>,
    price_per_month_at_most: f64,
}

impl<'a> From<&'a [ImageRow]> for ImagesShape<'a> {
    fn from(rows: &'a [ImageRow]) -> Self {
        Self {
            format_version: 1,
            images: rows.iter().map(ImageShape::from).collect(),
            price_per_month_at_most: rows.iter().map(|row| row.usd_per_month).sum(),
        }
    }
}

impl<'a> From<&'a ImageRow> for ImageShape<'a> {
    fn from(row: &'a ImageRow) -> Self {
        let image = &row.image;
        Self {
            image_id: &image.id,
            name: image.name(),
            version: image.version(),
            region: &row.region,
            state: image.state.as_str(),
            usable: image.is_usable(),
            made_at: image.created_at,
            size_gib: image.gib,
            snapshots: &image.snapshots,
            architecture: image.arch.map(|arch| arch.as_str()),
            system: image.os().map(|os| os.as_str()),
            template: image.template(),
            made_from: image.from(),
            used_by: row.used_by.iter().map(String::as_str).collect(),
            price_per_month_at_most: row.usd_per_month,
        }
    }
}
