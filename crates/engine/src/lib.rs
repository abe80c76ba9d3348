//! What Linux does with a configuration: changes, lookups and decisions.
