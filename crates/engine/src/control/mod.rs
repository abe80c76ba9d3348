//! How a configuration changes: Linux's acceptance rules, in the kernel's
//! order of checks, with its consequences.

pub mod addrconf;
pub mod address;
pub mod address6;
pub mod addrlabel;
pub mod advert6;
pub mod detect6;
pub mod event;
pub mod fib_info;
pub mod gateway;
pub mod gateway6;
pub(crate) mod groups6;
pub mod host6;
pub mod link;
pub mod mroute;
pub mod neighbour;
pub mod nexthop;
pub mod policy;
pub mod route;
pub mod route6;
pub mod rule;
pub mod stable_privacy;
pub mod sync6;
pub mod sysctl;
pub mod table;
pub mod table6;
