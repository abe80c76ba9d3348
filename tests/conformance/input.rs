//! Input decisions (C-184 to C-220).
