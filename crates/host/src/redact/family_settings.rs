//! What a device's message says of IP on it (`IFLA_AF_SPEC`), without what identifies.
//!
//! Of IPv6 the flags and the way in which it makes addresses stay, since these
//! decide; the token, settings and counters go (the settings stand in the
//! snapshot as lines of their own). Of IPv4 nothing stays.

use fingerpost_model::Attr;
use fingerpost_model::attr::{TYPE, nested, put};

const AF_SPEC: u16 = 26;
const INET6: u16 = 10;
/// `IFLA_INET6_FLAGS` and `IFLA_INET6_ADDR_GEN_MODE`.
const KEPT: [u16; 2] = [1, 8];

/// What stays of a device's undecoded attributes.
pub(super) fn kept(attributes: &[Attr]) -> Vec<Attr> {
    let specs = attributes.iter().filter(|attr| attr.kind & TYPE == AF_SPEC);
    specs
        .filter_map(|spec| {
            let (kind, inet6) = nested(&spec.data).find(|(kind, _)| kind & TYPE == INET6)?;
            let mut inner = Vec::new();
            for (kind, data) in nested(inet6).filter(|(kind, _)| KEPT.contains(&(kind & TYPE))) {
                put(&mut inner, kind, data);
            }
            let mut data = Vec::new();
            put(&mut data, kind, &inner);
            Some(Attr { kind: spec.kind, data })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attr(kind: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, kind, data);
        bytes
    }

    #[test]
    fn flags_and_mode_stay_and_the_token_goes() {
        let (flags, token, mode) = (attr(1, &[1, 2, 3, 4]), attr(7, &[9; 16]), attr(8, &[1]));
        let inet6 = attr(INET6 | 0x8000, &[flags.clone(), token, mode.clone()].concat());
        let spec = Attr { kind: AF_SPEC, data: [attr(2, &[7; 4]), inet6].concat() };
        let data = attr(INET6 | 0x8000, &[flags, mode].concat());
        assert_eq!(kept(&[Attr { kind: 99, data: vec![1] }, spec]), [Attr { kind: AF_SPEC, data }]);
        let four_alone = Attr { kind: AF_SPEC, data: attr(2, &[7; 4]) };
        let broken = Attr { kind: AF_SPEC, data: vec![9, 0, 10, 0, 1] };
        assert_eq!(kept(&[four_alone, broken]), []);
    }
}
