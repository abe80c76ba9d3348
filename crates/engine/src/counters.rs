//! Counters of a namespace, by the names that `nstat` gives them.

use std::borrow::Cow;
use std::mem;

macro_rules! counters {
    ($($name:ident,)*) => {
        /// What Linux counts (`/proc/net/snmp`, `netstat` and `snmp6`), as far as it is counted here.
        #[allow(missing_docs, reason = "the names are the kernel's own")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Counter {
            $($name,)*
        }

        impl Counter {
            /// All of them, in the order of the kernel's files.
            pub const ALL: &[Counter] = &[$(Counter::$name,)*];

            /// The name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Counter::$name => stringify!($name),)*
                }
            }
        }
    };
}

counters! {
    IpInReceives,
    IpInHdrErrors,
    IpInAddrErrors,
    IpForwDatagrams,
    IpInUnknownProtos,
    IpInDiscards,
    IpInDelivers,
    IpOutRequests,
    IpOutDiscards,
    IpOutNoRoutes,
    IpReasmTimeout,
    IpReasmReqds,
    IpReasmOKs,
    IpReasmFails,
    IpFragOKs,
    IpFragFails,
    IpFragCreates,
    IpOutTransmits,
    IcmpInMsgs,
    IcmpInErrors,
    IcmpInCsumErrors,
    IcmpInDestUnreachs,
    IcmpInTimeExcds,
    IcmpInParmProbs,
    IcmpInSrcQuenchs,
    IcmpInRedirects,
    IcmpInEchos,
    IcmpInEchoReps,
    IcmpInTimestamps,
    IcmpInTimestampReps,
    IcmpInAddrMasks,
    IcmpInAddrMaskReps,
    IcmpOutMsgs,
    IcmpOutErrors,
    IcmpOutRateLimitGlobal,
    IcmpOutRateLimitHost,
    IcmpOutDestUnreachs,
    IcmpOutTimeExcds,
    IcmpOutParmProbs,
    IcmpOutSrcQuenchs,
    IcmpOutRedirects,
    IcmpOutEchos,
    IcmpOutEchoReps,
    IcmpOutTimestamps,
    IcmpOutTimestampReps,
    IcmpOutAddrMasks,
    IcmpOutAddrMaskReps,
    TcpActiveOpens,
    TcpPassiveOpens,
    TcpAttemptFails,
    TcpEstabResets,
    TcpCurrEstab,
    TcpInSegs,
    TcpOutSegs,
    TcpRetransSegs,
    TcpInErrs,
    TcpOutRsts,
    TcpInCsumErrors,
    UdpInDatagrams,
    UdpNoPorts,
    UdpInErrors,
    UdpOutDatagrams,
    UdpRcvbufErrors,
    UdpSndbufErrors,
    UdpInCsumErrors,
    UdpIgnoredMulti,
    UdpMemErrors,
    UdpLiteInDatagrams,
    UdpLiteNoPorts,
    UdpLiteInErrors,
    UdpLiteOutDatagrams,
    UdpLiteRcvbufErrors,
    UdpLiteSndbufErrors,
    UdpLiteInCsumErrors,
    UdpLiteIgnoredMulti,
    UdpLiteMemErrors,
    TcpExtArpFilter,
    TcpExtListenOverflows,
    TcpExtListenDrops,
    TcpExtTCPMD5Unexpected,
    TcpExtTCPAOBad,
    TcpExtTCPAOKeyNotFound,
    TcpExtIPReversePathFilter,
    IpExtInNoRoutes,
    IpExtInTruncatedPkts,
    IpExtInMcastPkts,
    IpExtOutMcastPkts,
    IpExtInBcastPkts,
    IpExtOutBcastPkts,
    IpExtInOctets,
    IpExtOutOctets,
    IpExtInMcastOctets,
    IpExtOutMcastOctets,
    IpExtInBcastOctets,
    IpExtOutBcastOctets,
    IpExtInCsumErrors,
    IpExtInNoECTPkts,
    IpExtInECT1Pkts,
    IpExtInECT0Pkts,
    IpExtInCEPkts,
    IpExtReasmOverlaps,
    Ip6InReceives,
    Ip6InHdrErrors,
    Ip6InTooBigErrors,
    Ip6InNoRoutes,
    Ip6InAddrErrors,
    Ip6InUnknownProtos,
    Ip6InTruncatedPkts,
    Ip6InDiscards,
    Ip6InDelivers,
    Ip6OutForwDatagrams,
    Ip6OutRequests,
    Ip6OutDiscards,
    Ip6OutNoRoutes,
    Ip6ReasmTimeout,
    Ip6ReasmReqds,
    Ip6ReasmOKs,
    Ip6ReasmFails,
    Ip6FragOKs,
    Ip6FragFails,
    Ip6FragCreates,
    Ip6InMcastPkts,
    Ip6OutMcastPkts,
    Ip6InOctets,
    Ip6OutOctets,
    Ip6InMcastOctets,
    Ip6OutMcastOctets,
    Ip6InBcastOctets,
    Ip6OutBcastOctets,
    Ip6InNoECTPkts,
    Ip6InECT1Pkts,
    Ip6InECT0Pkts,
    Ip6InCEPkts,
    Ip6OutTransmits,
    Icmp6InMsgs,
    Icmp6InErrors,
    Icmp6OutMsgs,
    Icmp6OutErrors,
    Icmp6InCsumErrors,
    Icmp6OutRateLimitHost,
    Icmp6InDestUnreachs,
    Icmp6InPktTooBigs,
    Icmp6InTimeExcds,
    Icmp6InParmProblems,
    Icmp6InEchos,
    Icmp6InEchoReplies,
    Icmp6InGroupMembQueries,
    Icmp6InGroupMembResponses,
    Icmp6InGroupMembReductions,
    Icmp6InRouterSolicits,
    Icmp6InRouterAdvertisements,
    Icmp6InNeighborSolicits,
    Icmp6InNeighborAdvertisements,
    Icmp6InRedirects,
    Icmp6InMLDv2Reports,
    Icmp6OutDestUnreachs,
    Icmp6OutPktTooBigs,
    Icmp6OutTimeExcds,
    Icmp6OutParmProblems,
    Icmp6OutEchos,
    Icmp6OutEchoReplies,
    Icmp6OutGroupMembQueries,
    Icmp6OutGroupMembResponses,
    Icmp6OutGroupMembReductions,
    Icmp6OutRouterSolicits,
    Icmp6OutRouterAdvertisements,
    Icmp6OutNeighborSolicits,
    Icmp6OutNeighborAdvertisements,
    Icmp6OutRedirects,
    Icmp6OutMLDv2Reports,
    Udp6InDatagrams,
    Udp6NoPorts,
    Udp6InErrors,
    Udp6OutDatagrams,
    Udp6RcvbufErrors,
    Udp6SndbufErrors,
    Udp6InCsumErrors,
    Udp6IgnoredMulti,
    Udp6MemErrors,
    UdpLite6InDatagrams,
    UdpLite6NoPorts,
    UdpLite6InErrors,
    UdpLite6OutDatagrams,
    UdpLite6RcvbufErrors,
    UdpLite6SndbufErrors,
    UdpLite6InCsumErrors,
    UdpLite6MemErrors,
}

/// Messages of a family and direction, by type.
const KINDS: usize = 256;
/// The counters of [`Counter::ALL`], behind them the messages of each of [`Messages`].
const SLOTS: usize = Counter::ALL.len() + Messages::NAMES.len() * KINDS;
/// Bits of a word.
const BITS: usize = u64::BITS as usize;
/// Words with a bit for each counter: a word has one for each of these.
const WORDS: usize = SLOTS.div_ceil(BITS);
const _: () = assert!(WORDS <= BITS);

/// What is counted under a name: a counter, or ICMP messages of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counted(u16);

impl Counted {
    /// The name.
    pub fn name(self) -> Cow<'static, str> {
        match self.place().checked_sub(Counter::ALL.len()) {
            None => Cow::Borrowed(Counter::ALL[self.place()].name()),
            Some(place) => Cow::Owned(format!("{}{}", Messages::NAMES[place / KINDS], place % KINDS)),
        }
    }

    /// Its place among all, in the order of the kernel's files, ICMP types last.
    pub fn place(self) -> usize {
        self.0.into()
    }
}

/// The values of all counters, and which of them are news.
#[derive(Clone, Debug)]
pub struct Counters {
    values: Box<[u64; SLOTS]>,
    /// The values as they were when news was last taken.
    told: Box<[u64; SLOTS]>,
    /// Which have moved since, a bit each: few of many do at a packet.
    moved: [u64; WORDS],
    /// Which words of these are not zero, a bit each.
    words: u64,
}

/// ICMP messages that are counted by type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messages {
    /// Received, IPv4.
    In4,
    /// Sent, IPv4.
    Out4,
    /// Received, IPv6.
    In6,
    /// Sent, IPv6.
    Out6,
}

impl Messages {
    const NAMES: [&str; 4] = ["IcmpMsgInType", "IcmpMsgOutType", "Icmp6InType", "Icmp6OutType"];
}

impl Default for Counters {
    fn default() -> Self {
        let (values, told) = (Box::new([0; SLOTS]), Box::new([0; SLOTS]));
        Counters { values, told, moved: [0; WORDS], words: 0 }
    }
}

/// Equal counters count the same, whatever was told of it.
impl PartialEq for Counters {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl Eq for Counters {}

impl Counters {
    /// Counts one.
    #[inline]
    pub fn count(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts so many.
    #[inline]
    pub fn add(&mut self, counter: Counter, count: u64) {
        self.move_by(counter as usize, count);
    }

    /// Counts an ICMP message of a type.
    pub fn message(&mut self, messages: Messages, kind: u8) {
        self.move_by(first_of(messages) + usize::from(kind), 1);
    }

    #[inline]
    fn move_by(&mut self, slot: usize, count: u64) {
        self.values[slot] += count;
        self.moved[slot / BITS] |= 1 << (slot % BITS);
        self.words |= 1 << (slot / BITS);
    }

    /// The value.
    pub fn get(&self, counter: Counter) -> u64 {
        self.values[counter as usize]
    }

    /// The messages of a kind that were counted, by type, ascending.
    pub fn messages(&self, messages: Messages) -> impl Iterator<Item = (u8, u64)> + '_ {
        let kinds = (0..=u8::MAX).zip(self.values[first_of(messages)..].iter().copied());
        kinds.filter(|&(_, count)| count != 0)
    }

    /// All that are not zero, in the order of the kernel's files, ICMP types last.
    pub fn nonzero(&self) -> impl Iterator<Item = (Cow<'static, str>, u64)> + '_ {
        let used = self.values.iter().enumerate().filter(|&(_, &count)| count != 0);
        used.map(|(slot, &count)| (Counted(slot as u16).name(), count))
    }

    /// Tells what has been counted since this was called last, or ever, in the order of
    /// [`Counters::nonzero`].
    pub fn take_news(&mut self, mut each: impl FnMut(Counted, u64)) {
        for word in ones(mem::take(&mut self.words)) {
            for bit in ones(mem::take(&mut self.moved[word])) {
                let slot = word * BITS + bit;
                let now = self.values[slot];
                match now - mem::replace(&mut self.told[slot], now) {
                    0 => {}
                    count => each(Counted(slot as u16), count),
                }
            }
        }
    }
}

/// The places of the ones in a word.
fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let next = (word != 0).then(|| word.trailing_zeros() as usize);
        word &= word.wrapping_sub(1);
        next
    })
}

/// Where the messages of a kind begin.
fn first_of(messages: Messages) -> usize {
    Counter::ALL.len() + messages as usize * KINDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_is_what_was_counted_since() {
        let mut counters = Counters::default();
        let news = |counters: &mut Counters| {
            let mut news = Vec::new();
            counters.take_news(|what, count| news.push((what.name().into_owned(), count)));
            news
        };
        counters.count(Counter::IpInReceives);
        counters.message(Messages::In4, 8);
        let first = [("IpInReceives".to_owned(), 1), ("IcmpMsgInType8".to_owned(), 1)];
        assert_eq!(news(&mut counters), first);
        counters.message(Messages::Out6, 255);
        counters.message(Messages::In4, 8);
        counters.add(Counter::IpExtInOctets, 84);
        counters.add(Counter::IpExtOutOctets, 0);
        counters.add(Counter::IpExtInOctets, 16);
        let since = [("IpExtInOctets", 100), ("IcmpMsgInType8", 1), ("Icmp6OutType255", 1)];
        assert_eq!(news(&mut counters), since.map(|(name, count)| (name.to_owned(), count)));
        assert_eq!(news(&mut counters), []);
        assert_eq!(counters.nonzero().count(), 4);
        assert_eq!(counters.get(Counter::IpExtInOctets), 100);
        assert_eq!(counters.messages(Messages::In4).collect::<Vec<_>>(), [(8, 2)]);
        assert_eq!(counters.messages(Messages::Out6).collect::<Vec<_>>(), [(255, 1)]);
    }
}
