//! Bytes to messages and back: rtnetlink.
