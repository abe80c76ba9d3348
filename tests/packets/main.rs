//! Packets through a host: what enters, what leaves, what is counted.

mod arp;
mod both;
mod bulk;
mod counters;
mod deliver;
mod errors;
mod forward;
mod host;
mod kernel;
mod multicast;
mod receive;
mod six;
mod sockets;
mod tcp;
mod teach;
mod vlan;
mod vrf;
