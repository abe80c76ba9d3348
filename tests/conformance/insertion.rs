//! Insertion, replacement, deletion, refusals, metrics (C-023 to C-038).
