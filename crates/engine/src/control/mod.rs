//! How a configuration changes: Linux's acceptance rules, in the kernel's
//! order of checks, with its consequences.

pub mod address;
pub mod event;
pub mod fib_info;
pub mod gateway;
pub mod link;
pub mod neighbour;
pub mod nexthop;
pub mod policy;
pub mod route;
pub mod rule;
pub mod sysctl;
pub mod table;
