//! Routes that addresses make and take along (C-070 to C-085, T-32).
