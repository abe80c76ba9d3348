//! What one would not expect (T-1 to T-26).
