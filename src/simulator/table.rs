//! A table of the world, which knows which of its rows changed since they were last written down.

use std::collections::{BTreeMap, BTreeSet};

/// Rows by id.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    rows: BTreeMap<String, T>,
    changed: BTreeSet<String>,
    /// The rows that changed, as they were before.
    before: BTreeMap<String, Option<T>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), changed: BTreeSet::new(), before: BTreeMap::new() }
    }
}

impl<T: Clone> Table<T> {
    /// A row to change.
    pub fn edit(&mut self, id: &str) -> Option<&mut T> {
        let row = self.rows.get_mut(id)?;
        if !self.changed.contains(id) {
            self.changed.insert(id.to_owned());
        }
        if !self.before.contains_key(id) {
            self.before.insert(id.to_owned(), Some(row.clone()));
        }
        Some(row)
    }

    /// Adds or replaces a row.
    pub fn put(&mut self, id: &str, row: T) {
        self.changed.insert(id.to_owned());
        let before = self.rows.insert(id.to_owned(), row);
        self.before.entry(id.to_owned()).or_insert(before);
    }

    /// Takes a row away.
    pub fn remove(&mut self, id: &str) -> Option<T> {
        let row = self.rows.remove(id)?;
        self.changed.insert(id.to_owned());
        self.before.entry(id.to_owned()).or_insert_with(|| Some(row.clone()));
        Some(row)
    }
}

impl<T> Table<T> {
    /// A row to look at.
    pub fn get(&self, id: &str) -> Option<&T> {
        self.rows.get(id)
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
        self.before.clear();
        std::mem::take(&mut self.changed)
    }

    /// The rows that changed since the last time, as they were then; `None`: there was none.
    pub fn take_before(&mut self) -> BTreeMap<String, Option<T>> {
        std::mem::take(&mut self.before)
    }

    /// Puts another row, or none, in a row's place, which is answered: nothing to write down.
    pub fn swap(&mut self, id: &str, row: Option<T>) -> Option<T> {
        match row {
            Some(row) => self.rows.insert(id.to_owned(), row),
            None => self.rows.remove(id),
        }
    }

    /// A change that was read and not made here: nothing to write down.
    pub fn replay(&mut self, id: String, row: Option<T>) {
        match row {
            Some(row) => self.rows.insert(id, row),
            None => self.rows.remove(&id),
        };
    }
}
