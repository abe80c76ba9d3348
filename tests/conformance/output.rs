//! Output decisions (C-127 to C-162).
