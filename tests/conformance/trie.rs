//! The trie: order inside a leaf, matching, its text (C-010 to C-022).
