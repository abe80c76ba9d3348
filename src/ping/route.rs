//! The options of IPv4 that `ping` prints behind an answer: the recorded route.

use std::fmt::Write;
use std::net::Ipv4Addr;

/// `IPOPT_NOOP`, `IPOPT_RR`.
const NOP: u8 = 1;
const RECORD: u8 = 7;
/// The smallest pointer of an option (`IPOPT_MINOFF`).
const FIRST: usize = 4;

/// The route that was printed last: one that is the same is not repeated.
#[derive(Debug, Default)]
pub struct Last(Vec<u8>);

impl Last {
    /// Prints the options of an answer's header.
    pub fn print(&mut self, options: &[u8], out: &mut String) {
        let mut rest = options;
        while let Some((&kind, after)) = rest.split_first() {
            match kind {
                0 => return,
                NOP => {
                    out.push_str("\nNOP");
                    rest = after;
                    continue;
                }
                _ => {}
            }
            let len = after.first().map_or(0, |&len| usize::from(len));
            let (true, Some(option)) = (len >= 2, rest.get(..len)) else { return };
            match kind {
                RECORD => self.route(option, out),
                _ => {
                    let _ = write!(out, "\nunknown option {kind:x}");
                }
            }
            rest = &rest[len..];
        }
    }

    fn route(&mut self, option: &[u8], out: &mut String) {
        let filled = option.get(2).map_or(0, |&pointer| usize::from(pointer)).min(option.len());
        let Some(filled) = filled.checked_sub(FIRST).filter(|&filled| filled > 0) else { return };
        let Some(addresses) = option.get(3..3 + filled) else { return };
        if self.0 == addresses {
            return out.push_str("\t(same route)");
        }
        self.0 = addresses.to_vec();
        out.push_str("\nRR: ");
        for address in addresses.chunks_exact(4) {
            let address = Ipv4Addr::new(address[0], address[1], address[2], address[3]);
            let _ = writeln!(out, "\t{address}");
        }
    }
}
