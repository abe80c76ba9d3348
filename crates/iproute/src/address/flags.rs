//! Address flags and their words.

use fingerpost_model::{AddrMsg, IfaFlags};
use fingerpost_net::Family;

use crate::output::Output;

/// What is to be known of a flag's word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    /// The word.
    pub name: &'static str,
    /// The flag.
    pub flag: IfaFlags,
    /// The kernel alone sets it.
    pub read_only: bool,
    /// It is for IPv6 only.
    pub v6_only: bool,
}

const fn word(name: &'static str, flag: IfaFlags, read_only: bool, v6_only: bool) -> Word {
    Word { name, flag, read_only, v6_only }
}

/// The words in the order in which flags are printed.
const WORDS: [Word; 13] = [
    word("secondary", IfaFlags::SECONDARY, true, false),
    word("temporary", IfaFlags::SECONDARY, true, false),
    word("nodad", IfaFlags::NODAD, false, true),
    word("optimistic", IfaFlags::OPTIMISTIC, false, true),
    word("dadfailed", IfaFlags::DADFAILED, true, true),
    word("home", IfaFlags::HOMEADDRESS, false, true),
    word("deprecated", IfaFlags::DEPRECATED, true, true),
    word("tentative", IfaFlags::TENTATIVE, true, true),
    word("permanent", IfaFlags::PERMANENT, true, true),
    word("mngtmpaddr", IfaFlags::MANAGETEMPADDR, false, true),
    word("noprefixroute", IfaFlags::NOPREFIXROUTE, false, false),
    word("autojoin", IfaFlags::MCAUTOJOIN, false, false),
    word("stable-privacy", IfaFlags::STABLE_PRIVACY, true, true),
];

/// The flag with this name.
pub(crate) fn find(name: &str) -> Option<Word> {
    WORDS.into_iter().find(|w| w.name == name)
}

/// What a word of a listing asks for: a flag, and whether it is wanted. A dash
/// before it asks for the opposite; `dynamic` is not permanent, `primary` not
/// secondary.
pub(crate) fn filter(text: &str) -> Option<(IfaFlags, bool)> {
    let (name, wanted) = match text.strip_prefix('-') {
        Some(name) => (name, false),
        None => (text, true),
    };
    match name {
        "dynamic" => Some((IfaFlags::PERMANENT, !wanted)),
        "primary" => Some((IfaFlags::SECONDARY, !wanted)),
        _ => find(name).map(|w| (w.flag, wanted)),
    }
}

/// Prints an address's flags (`print_ifa_flags`).
pub(crate) fn print(out: &mut Output<'_>, m: &AddrMsg) {
    let mut left = m.flags;
    for word in WORDS {
        let set = left.any(word.flag);
        if word.flag == IfaFlags::PERMANENT {
            if !set {
                out.flag("dynamic", true, "dynamic ");
            }
        } else if set && word.flag == IfaFlags::SECONDARY && m.family == Family::V6 {
            out.flag("temporary", true, "temporary ");
        } else if set {
            out.fp_fmt(format_args!("{} ", word.name));
            if out.is_json() {
                out.json_bool(word.name, true);
            }
        }
        left = left.without(word.flag);
    }
    if left.0 != 0 {
        if out.is_json() {
            out.json_str("ifa_flags", &format!("{:02x}", left.0));
        } else {
            out.fp_fmt(format_args!("flags {:02x} ", left.0));
        }
    }
}
