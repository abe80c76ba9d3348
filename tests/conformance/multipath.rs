//! Several hops: weights, bounds, hashes (C-050 to C-062).
