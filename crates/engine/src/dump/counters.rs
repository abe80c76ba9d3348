//! `/proc/net/snmp`, `netstat` and `snmp6`: a namespace's counters as the kernel prints them.
//!
//! What the engine does not count is what cannot happen in it, data transfer of TCP above
//! all: its columns show 0. The columns of MPTCP are there as in a kernel that is built with it.

use std::collections::HashMap;
use std::fmt::Write;

use crate::behaviour::Behaviour;
use crate::config::Config;
use crate::control::sysctl;
use crate::counters::{Counter, Counters, Messages};

/// Columns of `snmp` that count, by line.
const IP: &str = "\
    InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests \
    OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates \
    OutTransmits";
const ICMP: &str = "\
    InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects InEchos \
    InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors OutRateLimitGlobal \
    OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps \
    OutTimestamps OutTimestampReps OutAddrMasks OutAddrMaskReps";
const TCP: &str = "\
    ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts \
    InCsumErrors";
const UDP: &str = "\
    InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors";

/// Columns of `netstat`, by line.
const TCP_EXT: &str = "\
    SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled RcvPruned OfoPruned \
    OutOfWindowIcmps LockDroppedIcmps ArpFilter TW TWRecycled TWKilled PAWSActive PAWSEstab BeyondWindow \
    TSEcrRejected PAWSOldAck PAWSTimewait DelayedACKs DelayedACKLocked DelayedACKLost ListenOverflows \
    ListenDrops TCPHPHits TCPPureAcks TCPHPAcks TCPRenoRecovery TCPSackRecovery TCPSACKReneging TCPSACKReorder \
    TCPRenoReorder TCPTSReorder TCPFullUndo TCPPartialUndo TCPDSACKUndo TCPLossUndo TCPLostRetransmit \
    TCPRenoFailures TCPSackFailures TCPLossFailures TCPFastRetrans TCPSlowStartRetrans TCPTimeouts \
    TCPLossProbes TCPLossProbeRecovery TCPRenoRecoveryFail TCPSackRecoveryFail TCPRcvCollapsed \
    TCPBacklogCoalesce TCPDSACKOldSent TCPDSACKOfoSent TCPDSACKRecv TCPDSACKOfoRecv TCPAbortOnData \
    TCPAbortOnClose TCPAbortOnMemory TCPAbortOnTimeout TCPAbortOnLinger TCPAbortFailed TCPMemoryPressures \
    TCPMemoryPressuresChrono TCPSACKDiscard TCPDSACKIgnoredOld TCPDSACKIgnoredNoUndo TCPSpuriousRTOs \
    TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPSackShifted TCPSackMerged TCPSackShiftFallback \
    TCPBacklogDrop PFMemallocDrop TCPMinTTLDrop TCPDeferAcceptDrop IPReversePathFilter TCPTimeWaitOverflow \
    TCPReqQFullDoCookies TCPReqQFullDrop TCPRetransFail TCPRcvCoalesce TCPOFOQueue TCPOFODrop TCPOFOMerge \
    TCPChallengeACK TCPSYNChallenge TCPFastOpenActive TCPFastOpenActiveFail TCPFastOpenPassive \
    TCPFastOpenPassiveFail TCPFastOpenListenOverflow TCPFastOpenCookieReqd TCPFastOpenBlackhole \
    TCPSpuriousRtxHostQueues BusyPollRxPackets TCPAutoCorking TCPFromZeroWindowAdv TCPToZeroWindowAdv \
    TCPWantZeroWindowAdv TCPSynRetrans TCPOrigDataSent TCPHystartTrainDetect TCPHystartTrainCwnd \
    TCPHystartDelayDetect TCPHystartDelayCwnd TCPACKSkippedSynRecv TCPACKSkippedPAWS TCPACKSkippedSeq \
    TCPACKSkippedFinWait2 TCPACKSkippedTimeWait TCPACKSkippedChallenge TCPWinProbe TCPKeepAlive TCPMTUPFail \
    TCPMTUPSuccess TCPDelivered TCPDeliveredCE TCPAckCompressed TCPZeroWindowDrop TCPRcvQDrop TCPWqueueTooBig \
    TCPFastOpenPassiveAltKey TcpTimeoutRehash TcpDuplicateDataRehash TCPDSACKRecvSegs TCPDSACKIgnoredDubious \
    TCPMigrateReqSuccess TCPMigrateReqFailure TCPPLBRehash TCPAORequired TCPAOBad TCPAOKeyNotFound TCPAOGood \
    TCPAODroppedIcmps";
const IP_EXT: &str = "\
    InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets OutOctets \
    InMcastOctets OutMcastOctets InBcastOctets OutBcastOctets InCsumErrors InNoECTPkts InECT1Pkts InECT0Pkts \
    InCEPkts ReasmOverlaps";
const MPTCP_EXT: &str = "\
    MPCapableSYNRX MPCapableSYNTX MPCapableSYNACKRX MPCapableACKRX MPCapableFallbackACK \
    MPCapableFallbackSYNACK MPCapableSYNTXDrop MPCapableSYNTXDisabled MPCapableEndpAttempt MPFallbackTokenInit \
    MPTCPRetrans MPJoinNoTokenFound MPJoinSynRx MPJoinSynBackupRx MPJoinSynAckRx MPJoinSynAckBackupRx \
    MPJoinSynAckHMacFailure MPJoinAckRx MPJoinAckHMacFailure MPJoinRejected MPJoinSynTx MPJoinSynTxCreatSkErr \
    MPJoinSynTxBindErr MPJoinSynTxConnectErr DSSNotMatching DSSCorruptionFallback DSSCorruptionReset \
    InfiniteMapTx InfiniteMapRx DSSNoMatchTCP DataCsumErr OFOQueueTail OFOQueue OFOMerge NoDSSInWindow \
    DuplicateData AddAddr AddAddrTx AddAddrTxDrop EchoAdd EchoAddTx EchoAddTxDrop PortAdd AddAddrDrop \
    MPJoinPortSynRx MPJoinPortSynAckRx MPJoinPortAckRx MismatchPortSynRx MismatchPortAckRx RmAddr RmAddrDrop \
    RmAddrTx RmAddrTxDrop RmSubflow MPPrioTx MPPrioRx MPFailTx MPFailRx MPFastcloseTx MPFastcloseRx MPRstTx \
    MPRstRx SubflowStale SubflowRecover SndWndShared RcvWndShared RcvWndConflictUpdate RcvWndConflict \
    MPCurrEstab Blackhole MPCapableDataFallback MD5SigFallback DssFallback SimultConnectFallback \
    FallbackFailed WinProbe";

/// Lines of `snmp6`, by group.
const IP6: &str = "\
    InReceives InHdrErrors InTooBigErrors InNoRoutes InAddrErrors InUnknownProtos InTruncatedPkts InDiscards \
    InDelivers OutForwDatagrams OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs \
    ReasmFails FragOKs FragFails FragCreates InMcastPkts OutMcastPkts InOctets OutOctets InMcastOctets \
    OutMcastOctets InBcastOctets OutBcastOctets InNoECTPkts InECT1Pkts InECT0Pkts InCEPkts OutTransmits";
const ICMP6: &str = "\
    InMsgs InErrors OutMsgs OutErrors InCsumErrors OutRateLimitHost InDestUnreachs InPktTooBigs InTimeExcds \
    InParmProblems InEchos InEchoReplies InGroupMembQueries InGroupMembResponses InGroupMembReductions \
    InRouterSolicits InRouterAdvertisements InNeighborSolicits InNeighborAdvertisements InRedirects \
    InMLDv2Reports OutDestUnreachs OutPktTooBigs OutTimeExcds OutParmProblems OutEchos OutEchoReplies \
    OutGroupMembQueries OutGroupMembResponses OutGroupMembReductions OutRouterSolicits OutRouterAdvertisements \
    OutNeighborSolicits OutNeighborAdvertisements OutRedirects OutMLDv2Reports";
const UDP6: &str = "\
    InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors";
const UDP_LITE6: &str = "\
    InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors MemErrors";

/// How many columns of `IcmpMsg` stand in one pair of lines.
const MESSAGES_A_LINE: usize = 16;

/// Counters by their names.
struct Named<'a> {
    counters: &'a Counters,
    by_name: HashMap<&'static str, Counter>,
}

impl<'a> Named<'a> {
    fn new(counters: &'a Counters) -> Self {
        let by_name = Counter::ALL.iter().map(|&counter| (counter.name(), counter)).collect();
        Named { counters, by_name }
    }

    fn get(&self, group: &str, name: &str) -> u64 {
        self.by_name.get(format!("{group}{name}").as_str()).map_or(0, |&counter| self.counters.get(counter))
    }

    /// A line of names, one of values; settings stand before what is counted.
    fn pair(
        &self,
        out: &mut String,
        group: &str,
        settings: &[(&str, i64)],
        columns: &str,
    ) -> std::fmt::Result {
        write!(out, "{group}:")?;
        settings.iter().try_for_each(|(name, _)| write!(out, " {name}"))?;
        columns.split_whitespace().try_for_each(|name| write!(out, " {name}"))?;
        write!(out, "\n{group}:")?;
        settings.iter().try_for_each(|(_, value)| write!(out, " {value}"))?;
        columns.split_whitespace().try_for_each(|name| write!(out, " {}", self.get(group, name)))?;
        out.write_char('\n')
    }

    /// A line each.
    fn lines(&self, out: &mut String, group: &str, names: &str) -> std::fmt::Result {
        names
            .split_whitespace()
            .try_for_each(|name| line(out, &format!("{group}{name}"), self.get(group, name)))
    }
}

fn line(out: &mut String, name: &str, value: u64) -> std::fmt::Result {
    writeln!(out, "{name:<32}\t{value}")
}

/// `/proc/net/snmp` (`snmp_seq_show`).
pub fn snmp(
    config: &Config,
    counters: &Counters,
    behaviour: &Behaviour,
    out: &mut String,
) -> std::fmt::Result {
    let named = Named::new(counters);
    let forwarding = if config.sysctl.all.forwarding != 0 { 1 } else { 2 };
    let ttl = sysctl::number_of(config, "ip_default_ttl");
    named.pair(out, "Ip", &[("Forwarding", forwarding), ("DefaultTTL", ttl)], IP)?;
    named.pair(out, "Icmp", &[], ICMP)?;
    let of_type = |messages, word: &'static str| {
        counters.messages(messages).map(move |(kind, count)| (format!("{word}Type{kind}"), count))
    };
    let seen: Vec<(String, u64)> =
        of_type(Messages::In4, "In").chain(of_type(Messages::Out4, "Out")).collect();
    for some in seen.chunks(MESSAGES_A_LINE) {
        out.push_str("IcmpMsg:");
        some.iter().try_for_each(|(name, _)| write!(out, " {name}"))?;
        out.push_str("\nIcmpMsg:");
        some.iter().try_for_each(|(_, count)| write!(out, " {count}"))?;
        out.push('\n');
    }
    // RFC 2012: Van Jacobson's algorithm, in milliseconds, no limit.
    let tcp = [("RtoAlgorithm", 1), ("RtoMin", 200), ("RtoMax", 120_000), ("MaxConn", -1)];
    named.pair(out, "Tcp", &tcp, TCP)?;
    named.pair(out, "Udp", &[], UDP)?;
    match behaviour.udp_lite {
        true => named.pair(out, "UdpLite", &[], UDP),
        false => Ok(()),
    }
}

/// `/proc/net/netstat` (`netstat_seq_show`).
pub fn netstat(counters: &Counters, out: &mut String) -> std::fmt::Result {
    let named = Named::new(counters);
    named.pair(out, "TcpExt", &[], TCP_EXT)?;
    named.pair(out, "IpExt", &[], IP_EXT)?;
    named.pair(out, "MPTcpExt", &[], MPTCP_EXT)
}

/// `/proc/net/snmp6` (`snmp6_seq_show`).
pub fn snmp6(counters: &Counters, behaviour: &Behaviour, out: &mut String) -> std::fmt::Result {
    let named = Named::new(counters);
    named.lines(out, "Ip6", IP6)?;
    named.lines(out, "Icmp6", ICMP6)?;
    for (messages, word) in [(Messages::In6, "In"), (Messages::Out6, "Out")] {
        for (kind, count) in counters.messages(messages) {
            line(out, &format!("Icmp6{word}Type{kind}"), count)?;
        }
    }
    named.lines(out, "Udp6", UDP6)?;
    match behaviour.udp_lite {
        true => named.lines(out, "UdpLite6", UDP_LITE6),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_counted_is_shown() {
        let columns: &[(&str, &str)] = &[
            ("Ip", IP),
            ("Icmp", ICMP),
            ("Tcp", TCP),
            ("Udp", UDP),
            ("UdpLite", UDP),
            ("TcpExt", TCP_EXT),
            ("IpExt", IP_EXT),
            ("Ip6", IP6),
            ("Icmp6", ICMP6),
            ("Udp6", UDP6),
            ("UdpLite6", UDP_LITE6),
        ];
        let shown: Vec<String> = columns
            .iter()
            .flat_map(|(group, names)| names.split_whitespace().map(move |name| format!("{group}{name}")))
            .collect();
        for counter in Counter::ALL {
            assert!(shown.iter().any(|name| name == counter.name()), "{counter:?}");
        }
    }

    #[test]
    fn messages_take_a_new_line_after_sixteen() {
        let mut counters = Counters::default();
        (0..17).for_each(|kind| counters.message(Messages::In4, kind));
        let mut text = String::new();
        snmp(&Config::default(), &counters, &Behaviour::default(), &mut text).expect("writes");
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("IcmpMsg:")).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[2..], ["IcmpMsg: InType16", "IcmpMsg: 1"]);
    }
}
