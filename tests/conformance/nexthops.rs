//! What next hops have to be (C-039 to C-049, T-27 to T-29).
