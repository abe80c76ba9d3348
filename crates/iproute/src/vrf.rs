//! `ip vrf`.

use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::Args;

/// Runs the command.
pub(crate) fn run(_ctx: &mut Ctx<'_>, _args: Args<'_>) -> Done {
    Err(Failure::unsupported("\"ip vrf\""))
}

/// The table of the VRF device with this name; `None` if it is no VRF (`ipvrf_get_table`).
pub(crate) fn table_of(_ctx: &mut Ctx<'_>, _name: &str) -> Option<u32> {
    None
}

/// Whether the device with this name is a VRF (`name_is_vrf`).
pub(crate) fn is_vrf(_ctx: &mut Ctx<'_>, _name: &str) -> bool {
    false
}
