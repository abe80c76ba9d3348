//! Packets through a host: what enters, what leaves, what is counted.

mod arp;
mod both;
mod bridge;
mod bulk;
mod commands;
mod counters;
mod deliver;
mod errors;
mod forward;
mod hooks;
mod host;
mod kernel;
mod legs;
mod log;
mod multicast;
mod neighbours;
mod network;
mod options;
mod receive;
mod six;
mod sockets;
mod tcp;
mod teach;
mod vlan;
mod vrf;
