//! Packets through a host: what enters, what leaves, what is counted.

mod arp;
mod bulk;
mod deliver;
mod errors;
mod forward;
mod hooks;
mod host;
mod kernel;
mod log;
mod neighbours;
mod receive;
mod six;
mod teach;
