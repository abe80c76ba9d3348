//! What netlink checks of attributes before a request is looked at
//! (`struct nla_policy`), as far as the model's messages can break it.

use fingerpost_model::Refusal;
use fingerpost_net::Errno;

/// Longest name of a device, or label of an address, in bytes.
pub const NAME: usize = 15;

/// Longest alias of a device, in bytes.
pub const ALIAS: usize = 255;

/// Refuses a text that is too long.
pub fn text(text: Option<&String>, longest: usize) -> Result<(), Refusal> {
    match text {
        Some(text) if text.len() > longest => {
            Err(Refusal::with(Errno::ERANGE, "Attribute failed policy validation"))
        }
        _ => Ok(()),
    }
}
