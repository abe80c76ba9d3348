//! Policy rules (C-091 to C-126).
