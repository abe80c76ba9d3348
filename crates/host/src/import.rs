//! A snapshot from outputs of `ip -j`.
