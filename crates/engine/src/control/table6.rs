//! IPv6 tables: making them.

use fingerpost_model::TableId;

use crate::config::{Fib6, Table6};

/// Makes a table if it does not exist (`fib6_new_table`); gives back its id,
/// main's for 0.
pub fn ensure_table(fib: &mut Fib6, id: TableId) -> TableId {
    let id = if id == TableId::UNSPEC { TableId::MAIN } else { id };
    if fib.table(id).is_none() {
        // Dumps walk 256 buckets by id & 255; a new table heads its bucket.
        let bucket = |id: TableId| id.0 & 255;
        let at = fib.tables.partition_point(|table| bucket(table.id) < bucket(id));
        fib.tables.insert(at, Table6::new(id));
    }
    id
}
