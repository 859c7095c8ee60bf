//! A table of things that have an id outside (a number the caller chose) and an index inside (a place in a vector).

use std::collections::HashMap;

/// Indexes are reused after a removal; ids must be unique while their entries exist.
pub struct Table<T> {
    slots: Vec<Option<(u64, T)>>,
    free: Vec<u32>,
    by_id: HashMap<u64, u32>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), by_id: HashMap::new() }
    }
}

impl<T> Table<T> {
    /// Adds an entry; `None` if the id exists already.
    pub fn insert(&mut self, id: u64, entry: T) -> Option<u32> {
        if self.by_id.contains_key(&id) {
            return None;
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.slots[index as usize] = Some((id, entry));
        self.by_id.insert(id, index);
        Some(index)
    }

    /// Takes an entry out, with the index it had.
    pub fn remove(&mut self, id: u64) -> Option<(u32, T)> {
        let index = self.by_id.remove(&id)?;
        let (_, entry) = self.slots[index as usize].take()?;
        self.free.push(index);
        Some((index, entry))
    }

    /// The index of an id.
    #[must_use]
    pub fn index(&self, id: u64) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    /// The id at an index.
    #[must_use]
    pub fn id(&self, index: u32) -> Option<u64> {
        self.slots.get(index as usize)?.as_ref().map(|(id, _)| *id)
    }

    /// The entry at an index.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<&T> {
        self.slots.get(index as usize)?.as_ref().map(|(_, entry)| entry)
    }

    /// The entry at an index, to change.
    #[must_use]
    pub fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.slots.get_mut(index as usize)?.as_mut().map(|(_, entry)| entry)
    }

    /// The entry of an id, to change.
    #[must_use]
    pub fn by_id_mut(&mut self, id: u64) -> Option<&mut T> {
        self.get_mut(self.index(id)?)
    }

    /// All entries as index, id, entry.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| slot.as_ref().map(|(id, e)| (index as u32, *id, e)))
    }

    /// All entries to change, as index, id, entry.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, u64, &mut T)> {
        let slots = self.slots.iter_mut().enumerate();
        slots.filter_map(|(index, slot)| slot.as_mut().map(|(id, e)| (index as u32, *id, e)))
    }

    /// All indexes are below this.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_reused_and_an_id_is_not_doubled() {
        let mut table = Table::default();
        assert_eq!(table.insert(7, 'a'), Some(0));
        assert_eq!(table.insert(7, 'b'), None);
        assert_eq!(table.remove(7), Some((0, 'a')));
        assert_eq!(table.insert(8, 'c'), Some(0));
        assert_eq!(table.index(7), None);
        assert_eq!(table.id(0), Some(8));
    }
}
