//! Device names: what is valid, what is taken, and templates such as `dummy%d`.

use std::collections::BTreeSet;

use fingerpost_model::{LinkMsg, Refusal};
use fingerpost_net::Errno;

use crate::config::Links;

/// Longest name in bytes (`IFNAMSIZ - 1`).
const MAX_LEN: usize = 15;
/// How many names a template can make.
const MAX_NUMBERED: u32 = 32768;
/// `ENFILE`.
const ENFILE: Errno = Errno(23);

/// Whether it can be a name at all (`dev_valid_name`).
pub(super) fn is_valid(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_LEN
        && name != "."
        && name != ".."
        && !name.bytes().any(|b| b == b'/' || b == b':' || b.is_ascii_whitespace() || b == 0x0b)
}

/// Whether settings have a place of their own by this name (`sysctl_dev_name_is_allowed`).
pub(super) fn is_reserved(name: &str) -> bool {
    matches!(name, "all" | "default")
}

/// Whether a device has it as its name or as an alternative name.
pub(super) fn is_taken(links: &Links, name: &str) -> bool {
    links.iter().any(|link| has_name(&link.msg, name))
}

/// Whether it is the device's name or an alternative name.
pub(super) fn has_name(msg: &LinkMsg, name: &str) -> bool {
    msg.name.as_deref() == Some(name) || msg.altnames.iter().any(|alt| alt == name)
}

/// The name to use for a wanted one, numbered if it is a template
/// (`dev_prep_valid_name`); `taken` is the error when it is in use.
pub(super) fn prepare(links: &Links, wanted: &str, taken: Errno) -> Result<String, Refusal> {
    if !is_valid(wanted) {
        return Err(Refusal::new(Errno::EINVAL));
    }
    if wanted.contains('%') {
        return number(links, wanted);
    }
    if is_taken(links, wanted) {
        return Err(Refusal::new(taken));
    }
    Ok(wanted.to_string())
}

/// The template with its lowest free number (`__dev_alloc_name`).
fn number(links: &Links, template: &str) -> Result<String, Refusal> {
    let Some((before, after)) =
        template.split_once("%d").filter(|(b, a)| !b.contains('%') && !a.contains('%'))
    else {
        return Err(Refusal::new(Errno::EINVAL));
    };
    let names = links.iter().flat_map(|link| link.msg.name.iter().chain(&link.msg.altnames));
    let used: BTreeSet<u32> = names
        .filter_map(|name| {
            let digits = name.strip_prefix(before)?.strip_suffix(after)?;
            let number: u32 = digits.parse().ok()?;
            (number.to_string() == digits).then_some(number)
        })
        .collect();
    match (0..MAX_NUMBERED).find(|n| !used.contains(n)) {
        Some(n) => {
            let mut name = format!("{before}{n}{after}");
            name.truncate(MAX_LEN);
            Ok(name)
        }
        None => Err(Refusal::new(ENFILE)),
    }
}
