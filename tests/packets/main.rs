//! Packets through a host: what enters, what leaves, what is counted.

mod forward;
mod host;
