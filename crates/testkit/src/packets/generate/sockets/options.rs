//! Options of sockets that Linux takes.

use fingerpost_net::{Family, Rng};

use crate::packets::call::Setting;
use crate::packets::generate::{one, weighted};

/// What the choice of an option turns on.
pub struct Choice {
    /// The socket's family.
    pub family: Family,
    /// Whether it is one of IPv6 on a host of IPv4: it has options of its own for either.
    pub is_mapped: bool,
    /// Whether it is one of UDP.
    pub is_udp: bool,
    /// Whether it has no address yet.
    pub is_new: bool,
    /// Whether a device binds it.
    pub is_bound_to_device: bool,
    /// The devices.
    pub devices: Vec<String>,
}

/// An option that a socket may be given.
pub fn random(rng: &mut Rng, choice: &Choice) -> Setting {
    let six = choice.family == Family::V6;
    let dev = rng.pick(&choice.devices).cloned().unwrap_or_else(|| "lo".to_owned());
    let on = rng.chance(4, 5);
    if choice.is_mapped {
        return match rng.below(7) {
            0 | 1 => Setting::Mark(1),
            2 => Setting::Device(Some(dev)),
            3 => Setting::DontRoute(on),
            4 => Setting::Transparent(on),
            5 => Setting::FreeBind(on),
            _ => Setting::Broadcast(on),
        };
    }
    match weighted(
        rng,
        &[
            (3, 0),
            (4, 1),
            (2, 2),
            (2, 3),
            (1, 4),
            (1, 5),
            (3, 6),
            (3, 7),
            (5, 8),
            (3, 9),
            (2, 10),
            (1, 11),
            (1, 12),
            (5, 13),
            (1, 14),
            (1, 15),
            (1, 16),
        ],
    ) {
        0 => Setting::Mark(one(rng, &[1, 2, 0])),
        1 if rng.chance(1, 8) => Setting::Device(None),
        1 => Setting::Device(Some(dev)),
        2 => Setting::Tos(one(rng, &[0x10, 0xb8, 0x08, 0x03, 0])),
        3 => Setting::Ttl(one(rng, &[1, 2, 9, 255])),
        4 => Setting::MulticastTtl(one(rng, &[0, 1, 3])),
        5 => Setting::MulticastLoop(rng.chance(1, 3)),
        6 if !choice.is_bound_to_device => Setting::MulticastDevice(dev, None),
        7 if !choice.is_bound_to_device => Setting::UnicastDevice(dev),
        8 => Setting::Discovery(rng.below(6) as u8),
        9 => Setting::Broadcast(on),
        10 => Setting::DontRoute(on),
        11 => Setting::Transparent(on),
        12 => Setting::FreeBind(on),
        14 if choice.is_new => Setting::ReuseAddress(on),
        15 if choice.is_new && six && choice.is_udp => Setting::V6Only(on),
        16 if !choice.is_udp && !six => Setting::WithHeader(on),
        // To stop it throws away what is queued.
        _ => Setting::ReportsErrors(true),
    }
}
