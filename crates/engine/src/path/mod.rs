//! A packet's way through the network layer.

pub mod fragment;
pub mod options;
pub mod reassemble;
