//! Numbers of the places where lookups end; those of routes come after these.

use fingerpost_net::Errno;

/// It turns on more than is known here.
pub(super) const ASK: u32 = 0;
/// The tables have nothing: the next rule is tried.
pub(super) const PASS: u32 = 1;
/// No route, or a rule `unreachable`.
pub(super) const UNREACHABLE: u32 = 2;
/// A rule `prohibit`.
pub(super) const PROHIBITED: u32 = 3;
/// A rule `blackhole`.
pub(super) const INVALID: u32 = 4;
/// A device that does not forward; of IPv4.
pub(super) const NOT_FORWARDED: u32 = 5;

/// The errors of the places from [`UNREACHABLE`] on.
pub(super) const ERRORS: [Errno; 4] = [Errno::ENETUNREACH, Errno::EACCES, Errno::EINVAL, Errno::EHOSTUNREACH];
