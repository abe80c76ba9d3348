//! What the kernel shows of a configuration: rtnetlink dumps and files below
//! `/proc/net`.

pub mod address;
pub mod addrlabel;
pub mod counters;
pub mod link;
pub mod mroute;
pub mod neighbour;
pub mod netconf;
pub mod nexthop;
pub mod proc;
pub mod route;
pub mod route6;
pub mod rule;
