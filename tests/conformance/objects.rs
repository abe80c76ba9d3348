//! Next hops as objects (C-063 to C-069, T-30, T-31).
