//! Counters of a namespace, by the names that `nstat` gives them.

use std::borrow::Cow;

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

const COUNT: usize = Counter::ALL.len();
/// Messages of a family by type: received, sent.
const KINDS: usize = 256;

/// The values of all counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    values: [u64; COUNT],
    /// `IcmpMsgInType…`, `IcmpMsgOutType…`, `Icmp6InType…`, `Icmp6OutType…`.
    messages: Box<[[u64; KINDS]; 4]>,
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
        Counters { values: [0; COUNT], messages: Box::new([[0; KINDS]; 4]) }
    }
}

impl Counters {
    /// Counts one.
    #[inline]
    pub fn count(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts so many.
    #[inline]
    pub fn add(&mut self, counter: Counter, count: u64) {
        self.values[counter as usize] += count;
    }

    /// Counts an ICMP message of a type.
    pub fn message(&mut self, messages: Messages, kind: u8) {
        self.messages[messages as usize][usize::from(kind)] += 1;
    }

    /// The value.
    pub fn get(&self, counter: Counter) -> u64 {
        self.values[counter as usize]
    }

    /// The messages of a kind that were counted, by type, ascending.
    pub fn messages(&self, messages: Messages) -> impl Iterator<Item = (u8, u64)> + '_ {
        let kinds = (0..=u8::MAX).zip(self.messages[messages as usize]);
        kinds.filter(|&(_, count)| count != 0)
    }

    /// All that are not zero, in the order of the kernel's files, ICMP types last.
    pub fn nonzero(&self) -> impl Iterator<Item = (Cow<'static, str>, u64)> + '_ {
        let named = Counter::ALL.iter().map(|&counter| (Cow::Borrowed(counter.name()), self.get(counter)));
        let typed = self.messages.iter().zip(Messages::NAMES).flat_map(|(kinds, name)| {
            let used = (0..).zip(kinds).filter(|&(_, &count)| count != 0);
            used.map(move |(kind, &count): (u32, _)| (Cow::Owned(format!("{name}{kind}")), count))
        });
        named.chain(typed).filter(|&(_, count)| count != 0)
    }

    /// Tells what has been counted since these values, in the order of
    /// [`Counters::nonzero`], and makes them the present ones.
    pub fn take_news(&self, since: &mut Counters, mut each: impl FnMut(Cow<'static, str>, u64)) {
        for ((&counter, now), before) in Counter::ALL.iter().zip(self.values).zip(&mut since.values) {
            if now != *before {
                each(Cow::Borrowed(counter.name()), now - std::mem::replace(before, now));
            }
        }
        let kinds = self.messages.iter().zip(since.messages.iter_mut()).zip(Messages::NAMES);
        for ((kinds, before), name) in kinds.filter(|((kinds, before), _)| kinds != before) {
            for (kind, (&now, before)) in kinds.iter().zip(before).enumerate() {
                if now != *before {
                    each(Cow::Owned(format!("{name}{kind}")), now - std::mem::replace(before, now));
                }
            }
        }
    }

    /// What has been counted since these values.
    #[must_use]
    pub fn since(&self, before: &Counters) -> Counters {
        let mut delta = self.clone();
        delta.values.iter_mut().zip(before.values).for_each(|(value, before)| *value -= before);
        let kinds = delta.messages.iter_mut().zip(before.messages.iter());
        kinds.for_each(|(kinds, before)| {
            kinds.iter_mut().zip(before).for_each(|(value, before)| *value -= before)
        });
        delta
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_since() {
        let mut counters = Counters::default();
        counters.count(Counter::IpInReceives);
        let before = counters.clone();
        counters.add(Counter::IpExtInOctets, 84);
        counters.message(Messages::In4, 8);
        let since = counters.since(&before);
        let names: Vec<(String, u64)> =
            since.nonzero().map(|(name, count)| (name.into_owned(), count)).collect();
        assert_eq!(names, [("IpExtInOctets".to_owned(), 84), ("IcmpMsgInType8".to_owned(), 1)]);
        assert_eq!(counters.nonzero().count(), 3);
        let (mut seen, mut news) = (before, Vec::new());
        counters.take_news(&mut seen, |name, count| news.push((name.into_owned(), count)));
        assert_eq!(news, names);
        assert_eq!(seen, counters);
    }
}
