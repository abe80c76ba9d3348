//! Tables: making them, splitting local from main, and the one generation
//! counter that ends cached decisions.

use fingerpost_model::TableId;

use crate::config::{Fib, Table, Trie};

/// The position in [`Fib::tables`] of a table, which is made if it does not
/// exist (`fib_new_table`, C-004). Table 0 is main (C-002).
///
/// Until rules are changed, local is a second view on main's trie (C-006).
pub fn ensure_table(fib: &mut Fib, id: TableId) -> usize {
    let id = if id == TableId::UNSPEC { TableId::MAIN } else { id };
    if let Some(at) = position(fib, id) {
        return at;
    }
    let trie = if id == TableId::LOCAL && !fib.has_custom_rules {
        let main = ensure_table(fib, TableId::MAIN);
        fib.tables[main].trie
    } else {
        fib.tries.push(Trie::new(fib.search));
        fib.tries.len() - 1
    };
    // Dumps walk 256 buckets by id & 255; a new table heads its bucket.
    let bucket = |id: TableId| id.0 & 255;
    let at = fib.tables.partition_point(|table| bucket(table.id) < bucket(id));
    fib.tables.insert(at, Table { id, trie, defaults: 0 });
    at
}

/// The position in [`Fib::tables`] of a table that exists.
pub fn position(fib: &Fib, id: TableId) -> Option<usize> {
    fib.tables.iter().position(|table| table.id == id)
}

/// Gives local a trie of its own and marks the rules as changed, for good
/// (`fib_unmerge`, C-009, C-123).
pub fn unmerge(fib: &mut Fib) {
    fib.has_custom_rules = true;
    let (Some(local), Some(main)) = (position(fib, TableId::LOCAL), position(fib, TableId::MAIN)) else {
        return;
    };
    let shared = fib.tables[local].trie;
    if shared != fib.tables[main].trie {
        return;
    }
    let own = fib.tries[shared].unmerge(|alias| alias.table == TableId::LOCAL);
    fib.tries.push(own);
    fib.tables[local].trie = fib.tries.len() - 1;
}

/// Ends all cached decisions (`rt_cache_flush`, C-145).
pub fn bump(fib: &mut Fib) {
    fib.generation += 1;
}

/// The lowest id from 1 on that no table has (`fib_empty_table`, C-098).
pub fn empty_table_id(fib: &Fib) -> TableId {
    (1..).map(TableId).find(|&id| position(fib, id).is_none()).unwrap_or(TableId::UNSPEC)
}
