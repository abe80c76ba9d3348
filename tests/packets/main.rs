//! Packets through a host: what enters, what leaves, what is counted.

mod arp;
mod bulk;
mod deliver;
mod errors;
mod forward;
mod host;
mod receive;
mod six;
mod sockets;
mod tcp;
mod teach;
