//! Snapshots whose addresses are others.
