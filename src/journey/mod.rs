//! A packet's whole life on a host in memory (`explain --packet`).
//!
//! A packet is made of words (`made`), of hexadecimal digits (`hex`), or taken out of a
//! capture; the engine receives it, or a socket sends it (`deed`), time may pass (`run`), and
//! the events become a
//! [`Journey`] (`build`): plain data with all names resolved, which [`text`] and JSON render.
//! Lookups are `explain`'s. Nothing is decided here.

mod build;
mod decode;
mod deed;
mod fate;
mod hex;
mod made;
mod report;
mod run;
pub mod text;

pub use deed::{Arrival, Deed, Listener, Sending};
pub use hex::bytes_of;
pub use made::{Carried, Link, SPORT, Words, framed, message};
pub use report::{Journey, Moment, PacketReport, Side, StageReport, Step};
pub use run::journey;
