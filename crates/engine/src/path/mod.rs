//! A packet's way through the network layer.

pub mod options;
pub mod reassemble;
