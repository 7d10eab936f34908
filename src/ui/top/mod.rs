//! A screen of its own, drawn over and over: what there is, live.

mod chart;
mod draw;
mod model;
mod screen;
#[cfg(test)]
mod tests;

pub use model::{Deed, Happening, Key, Model, Place, Verb, Wish};
pub use screen::Screen;
pub(super) use screen::leave;
