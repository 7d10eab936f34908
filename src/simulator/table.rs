//! A table of the world, which knows which of its rows changed since they were last written down.

use std::collections::{BTreeMap, BTreeSet};

/// Rows by id.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    rows: BTreeMap<String, T>,
    changed: BTreeSet<String>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), changed: BTreeSet::new() }
    }
}

impl<T> Table<T> {
    /// A row to look at.
    pub fn get(&self, id: &str) -> Option<&T> {
        self.rows.get(id)
    }

    /// A row to change.
    pub fn edit(&mut self, id: &str) -> Option<&mut T> {
        let row = self.rows.get_mut(id)?;
        if !self.changed.contains(id) {
            self.changed.insert(id.to_owned());
        }
        Some(row)
    }

    /// Adds or replaces a row.
    pub fn put(&mut self, id: &str, row: T) {
        self.changed.insert(id.to_owned());
        self.rows.insert(id.to_owned(), row);
    }

    /// Takes a row away.
    pub fn remove(&mut self, id: &str) -> Option<T> {
        let row = self.rows.remove(id)?;
        self.changed.insert(id.to_owned());
        Some(row)
    }

    /// Takes all rows away.
    pub fn clear(&mut self) {
        self.changed.extend(std::mem::take(&mut self.rows).into_keys());
    }

    /// All rows, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &T)> {
        self.rows.iter()
    }

    /// The rows with these ids, of those that are there.
    pub fn rows_of(&self, ids: &[&str]) -> Vec<(&String, &T)> {
        ids.iter().filter_map(|id| self.rows.get_key_value(*id)).collect()
    }

    /// The id that comes last.
    pub fn last_id(&self) -> Option<&String> {
        self.rows.keys().next_back()
    }

    /// All rows without their ids.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.rows.values()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether a row changed since the last [`Table::take_changed`].
    pub fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The ids of the rows that changed, forgotten hereby.
    pub fn take_changed(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.changed)
    }

    /// A change that was read and not made here: nothing to write down.
    pub fn replay(&mut self, id: String, row: Option<T>) {
        match row {
            Some(row) => self.rows.insert(id, row),
            None => self.rows.remove(&id),
        };
    }
}
