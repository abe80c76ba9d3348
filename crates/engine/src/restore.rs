//! Snapshots into a world.
/// x
pub enum RestoreError {}
