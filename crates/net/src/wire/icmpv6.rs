//! ICMPv6, and neighbour discovery in it.

/// Types and codes of ICMPv6 (RFC 4443), whose header is [`super::Icmp`].
pub mod icmp6 {
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 1;
    /// Packet too big.
    pub const TOO_BIG: u8 = 2;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 3;
    /// Parameter problem.
    pub const PARAMETER: u8 = 4;
    /// Types from here on are no errors.
    pub const INFORMATIONAL: u8 = 128;
    /// Echo request.
    pub const ECHO: u8 = 128;
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 129;
    /// A multicast router asks who listens.
    pub const LISTENER_QUERY: u8 = 130;
    /// A listener answers.
    pub const LISTENER_REPORT: u8 = 131;
    /// A listener has gone.
    pub const LISTENER_DONE: u8 = 132;
    /// A listener tells all that it listens to (MLDv2).
    pub const LISTENER_REPORT_2: u8 = 143;
    /// Extended echo request (RFC 8335).
    pub const EXTENDED_ECHO: u8 = 160;
    /// Extended echo reply.
    pub const EXTENDED_ECHO_REPLY: u8 = 161;

    /// Codes of [`UNREACHABLE`]: no route.
    pub const NO_ROUTE: u8 = 0;
    /// Forbidden.
    pub const PROHIBITED: u8 = 1;
    /// The source's scope ends here.
    pub const BEYOND_SCOPE: u8 = 2;
    /// The neighbour does not answer.
    pub const ADDRESS: u8 = 3;
    /// No socket.
    pub const PORT: u8 = 4;
    /// Code of [`TIME_EXCEEDED`]: no hops left.
    pub const HOP_LIMIT: u8 = 0;
    /// The time for the other fragments to come.
    pub const REASSEMBLY: u8 = 1;
    /// Codes of [`PARAMETER`]: a field of a header.
    pub const FIELD: u8 = 0;
    /// The next header is not known.
    pub const NEXT_HEADER: u8 = 1;
    /// The option is not known.
    pub const OPTION: u8 = 2;
    /// The first fragment has not all headers (RFC 7112).
    pub const INCOMPLETE_CHAIN: u8 = 3;
}

/// Neighbour discovery (RFC 4861).
pub mod nd {
    /// Router solicitation.
    pub const ROUTER_SOLICIT: u8 = 133;
    /// Router advertisement.
    pub const ROUTER_ADVERT: u8 = 134;
    /// Neighbour solicitation.
    pub const SOLICIT: u8 = 135;
    /// Neighbour advertisement.
    pub const ADVERT: u8 = 136;
    /// Redirect.
    pub const REDIRECT: u8 = 137;

    /// Flags of an advertisement, in the first byte after the checksum: a router.
    pub const ROUTER: u8 = 0x80;
    /// It answers a solicitation.
    pub const SOLICITED: u8 = 0x40;
    /// It takes the place of what is known.
    pub const OVERRIDE: u8 = 0x20;

    /// Options: the sender's link-layer address.
    pub const SOURCE_ADDRESS: u8 = 1;
    /// The target's link-layer address.
    pub const TARGET_ADDRESS: u8 = 2;
    /// A prefix of the link.
    pub const PREFIX: u8 = 3;
    /// The packet that a redirect is about.
    pub const REDIRECTED: u8 = 4;
    /// The link's MTU.
    pub const MTU: u8 = 5;
    /// What tells an own solicitation from another's.
    pub const NONCE: u8 = 14;
    /// A prefix that a router is a good way to (RFC 4191).
    pub const ROUTE: u8 = 24;
}
