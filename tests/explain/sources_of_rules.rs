//! Rules of IPv6 that look at what `ip` has no words for: the source that a packet
//! without one would get, and flow labels.

use fingerpost::explain::RuleVerdict;
use fingerpost_model::{Change, Kernel, NlFlags, NsId, Op, RuleAction, RuleFlags, RuleMsg, TableId};
use fingerpost_net::Family;

use crate::host::{Host, decision, lookup, rule};
use crate::kernel::apart;

const TWO_WAYS: &str = "
ip link set lo up
ip link add eth0 type dummy
ip link add eth1 type dummy
ip link set eth0 up
ip link set eth1 up
ip addr add 2001:db8:1::10/64 dev eth0 nodad
ip addr add 2001:db8:2::10/64 dev eth1 nodad
ip -6 route add default via 2001:db8:1::1 dev eth0
ip -6 route add default via 2001:db8:2::1 dev eth1 table 100
ip -6 route add unreachable default table 101
ip -6 route add throw default table 102
";

/// A rule to a table, changed by a closure.
fn add_rule(host: &mut Host, pref: u32, table: u32, change: impl FnOnce(&mut RuleMsg)) {
    let mut msg = RuleMsg {
        priority: Some(pref),
        action: RuleAction::TO_TABLE,
        table: TableId(table),
        ..RuleMsg::new(Family::V6)
    };
    change(&mut msg);
    let op = Op { flags: NlFlags::CREATE | NlFlags::EXCL, change: Change::NewRule(msg) };
    host.world.apply(NsId(0), op).expect("a rule");
}

/// `from PREFIX` of a rule that waits for the packet's source.
fn waits(prefix: &str) -> impl FnOnce(&mut RuleMsg) {
    let prefix = prefix.parse().expect("a prefix");
    move |msg| (msg.src, msg.flags) = (Some(prefix), RuleFlags::FIND_SOURCE)
}

#[test]
fn c301_a_rule_that_waits_is_for_the_source_that_the_packet_would_get() {
    let mut host = Host::new(TWO_WAYS);
    add_rule(&mut host, 100, 100, waits("2001:db8:2::/64"));
    let found = host.ask("2001:4860::1");
    assert_eq!(found.outcome.dev.as_deref(), Some("eth1"));
    assert_eq!(found.outcome.source.as_deref(), Some("2001:db8:2::10"));
    let (pref, verdict, _) = decision(lookup(&found, "output"));
    assert_eq!((pref, verdict), (100, RuleVerdict::Found));
    let detail = rule(lookup(&found, "output"), 100).detail.clone().unwrap_or_default();
    assert!(detail.contains("gets a source that the rule is for"), "{detail}");
    // With a source the rule is as any other.
    assert_eq!(host.ask("2001:4860::1 from 2001:db8:1::10").outcome.dev.as_deref(), Some("eth0"));
    assert_eq!(host.ask("2001:4860::1 from 2001:db8:2::10").outcome.dev.as_deref(), Some("eth1"));
}

#[test]
fn c301_an_error_of_a_rule_for_another_source_does_not_count() {
    let mut host = Host::new(TWO_WAYS);
    add_rule(&mut host, 100, 101, waits("2001:db8:9::/64"));
    let found = host.ask("2001:4860::1");
    assert_eq!(found.outcome.dev.as_deref(), Some("eth0"));
    let report = rule(lookup(&found, "output"), 100);
    assert_eq!(report.verdict, RuleVerdict::Suppressed);
    let detail = report.detail.clone().unwrap_or_default();
    assert!(detail.contains("for others"), "{detail}");
    // What answers with an error leads through loopback: any address can be its source.
    add_rule(&mut host, 90, 101, waits("2001:db8::/32"));
    assert_eq!(host.ask("2001:4860::1").outcome.errno_name, Some("EHOSTUNREACH"));
}

#[test]
fn c301_a_source_found_on_the_way_is_kept_for_routes_by_source() {
    let mut host = Host::new(TWO_WAYS);
    // The throw route gives the packet its source and sends it on to main, where
    // a route by that source is longer than the default one of eth0's.
    add_rule(&mut host, 100, 102, waits("2001:db8::/32"));
    host.run("ip -6 route add 2001:4860::/32 from 2001:db8::/32 via 2001:db8:2::1 dev eth1");
    assert_eq!(host.ask("2001:4860::1").outcome.dev.as_deref(), Some("eth1"));
    // A rule by source still meets a packet that came without.
    host.run("ip -6 rule add pref 110 from 2001:db8::/32 unreachable");
    assert_eq!(host.ask("2001:4860::1").outcome.dev.as_deref(), Some("eth1"));
}

#[test]
fn flow_labels_of_questions_meet_rules() {
    let mut host = Host::new(TWO_WAYS);
    add_rule(&mut host, 100, 100, |msg| (msg.flowlabel, msg.flowlabel_mask) = (Some(0x12340), Some(0xffff0)));
    let labelled = host.ask("2001:4860::1 flowlabel 0x12345");
    assert_eq!(labelled.outcome.dev.as_deref(), Some("eth1"));
    assert_eq!(labelled.question, "2001:4860::1 flowlabel 0x12345");
    assert_eq!(lookup(&labelled, "output").key.flowlabel, 0x12345);
    let other = host.ask("2001:4860::1 flowlabel 0x12355");
    assert_eq!(other.outcome.dev.as_deref(), Some("eth0"));
    let report = rule(lookup(&other, "output"), 100);
    assert_eq!((report.selector, report.flow_value.as_deref()), (Some("flowlabel"), Some("0x12355")));
    assert_eq!(host.ask("2001:4860::1").outcome.dev.as_deref(), Some("eth0"));
    let received = host.ask("2001:4860::1 from 2001:db8:1::9 iif eth0 flowlabel 0x12340");
    assert_eq!(rule(lookup(&received, "input"), 100).verdict, RuleVerdict::Found);
}

/// The same, and more, with the running kernel as judge.
#[test]
fn c301_the_kernel_agrees_on_rules_that_wait_and_on_flow_labels() {
    let script = "
ip link set lo up
ip link add eth0 type veth peer name p0
ip link add eth1 type veth peer name p1
for dev in eth0 p0 eth1 p1; do ip link set $dev addrgenmode none; ip link set $dev up; done
ip addr add 2001:db8:1::10/64 dev eth0 nodad
ip addr add 2001:db8:2::10/64 dev eth1 nodad
ip -6 route add default via 2001:db8:1::1 dev eth0
ip -6 route add default via 2001:db8:2::1 dev eth1 table 100
ip -6 route add unreachable default table 101
ip -6 route add throw default table 102
ip -6 route add 2001:4860::/32 from 2001:db8::/32 via 2001:db8:2::1 dev eth1
ip -6 route add 2001:db8:ff00::/40 dev eth1 src 2001:db8:1::10 table 100
export PYTHONDONTWRITEBYTECODE=1
ask() {
    for to in 2001:4860::1 2001:4861::1 2001:db8:ff00::1 2001:db8:1::5 fe80::1%eth1 ff02::1%eth0; do
        for from in '' 'from 2001:db8:1::10' 'from 2001:db8:2::10' 'from 2001:db8:7::1'; do
            for more in '' 'oif eth0' 'oif eth1' 'flowlabel 0x12345' 'iif eth0'; do
                echo \"\\\"$to $from $more\\\"\"
            done
        done
    done | $F explain --verify - >> answers || true
}
cd /run
ask
python3 $PY/rule.py 100 100 from 2001:db8:2::/64 flags 0x10000
ask
python3 $PY/rule.py 90 101 from 2001:db8:9::/64 flags 0x10000
ask
python3 $PY/rule.py 80 102 from 2001:db8::/32 flags 0x10000
ask
python3 $PY/rule.py 70 100 from 2001:db8:1::/64 flags 0x10002
ask
python3 $PY/rule.py 60 100 flowlabel 0x12340/0xffff0 suppress 0
ask
python3 $PY/rule.py 50 101 from 2001:db8::/32 flags 0x10000
ask
cat answers
";
    let Some(answers) = apart(&["python3", "ip"], &[], script) else { return };
    let mut agreed = 0;
    for line in answers.lines() {
        let answer: serde_json::Value = serde_json::from_str(line).expect("JSON");
        // Of a question whose words contradict each other there is no answer.
        let Some(verified) = answer.get("verified") else { continue };
        assert_eq!(verified, "agrees", "{}: {verified}", answer["question"]);
        agreed += 1;
    }
    assert!(agreed > 500, "{agreed} answers");
}
