//! The schema, version by version. A migration that was released is never changed; the next one
//! corrects it.

use rusqlite::{Connection, Result, TransactionBehavior};

/// One for each version, in order.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_waiting.sql"),
    include_str!("migrations/0003_logouts.sql"),
    include_str!("migrations/0004_companies.sql"),
];

/// The version that this code reads and writes.
pub(super) fn current() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// The version of a file; 0 for an empty one.
pub(super) fn version(connection: &Connection) -> Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a file up to date, each step in a transaction of its own, so that one that fails leaves
/// the version before it.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<()> {
    loop {
        // The version is read under the write lock: another process may be migrating too.
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = version(&step)?;
        let next = usize::try_from(done).ok().and_then(|done| migrations.get(done));
        let Some(migration) = next else { return step.commit() };
        step.execute_batch(migration)?;
        step.pragma_update(None, "user_version", done + 1)?;
        step.commit()?;
    }
}
