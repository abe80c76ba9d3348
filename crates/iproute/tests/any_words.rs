//! Commands of random words never panic, and always end in an exit status
//! that iproute2 has.

use std::io::{BufRead, Cursor};

use fingerpost_iproute::{Env, Names, run};
use fingerpost_model::{
    AddrLabelMsg, AddrMsg, BucketFilter, Kernel, LinkMsg, NeighMsg, NetconfMsg, NexthopMsg, NsId, Op,
    Refusal, RouteFilter, RouteMsg, RouteType, RuleMsg,
};
use fingerpost_net::{Errno, Family, Rng};

/// A kernel with one device, one route and one rule, which refuses every
/// other change.
struct Simple {
    refuses: bool,
}

fn device() -> LinkMsg {
    LinkMsg { index: 2, name: Some("e0".into()), ..LinkMsg::default() }
}

fn route() -> RouteMsg {
    let mut route = RouteMsg::new(Family::V4);
    route.kind = RouteType::UNICAST;
    route.dst = "10.0.0.0/8".parse().ok();
    route.oif = Some(2);
    route
}

impl Kernel for Simple {
    fn apply(&mut self, _: NsId, _: Op) -> Result<(), Refusal> {
        self.refuses = !self.refuses;
        if self.refuses { Err(Refusal::with(Errno::EINVAL, "No")) } else { Ok(()) }
    }
    fn get_route(&mut self, _: NsId, _: &RouteMsg) -> Result<RouteMsg, Refusal> {
        Ok(route())
    }
    fn get_nexthop(&mut self, _: NsId, _: u32) -> Result<NexthopMsg, Refusal> {
        Err(Errno::ENOENT.into())
    }
    fn get_link(&mut self, _: NsId, index: u32, name: Option<&str>) -> Result<LinkMsg, Refusal> {
        if index == 2 || name == Some("e0") { Ok(device()) } else { Err(Errno::ENODEV.into()) }
    }
    fn links(&mut self, _: NsId, each: &mut dyn FnMut(&LinkMsg)) -> Result<(), Refusal> {
        each(&device());
        Ok(())
    }
    fn addresses(
        &mut self,
        _: NsId,
        _: Option<Family>,
        each: &mut dyn FnMut(&AddrMsg),
    ) -> Result<(), Refusal> {
        each(&AddrMsg::new(Family::V4, 2));
        Ok(())
    }
    fn routes(
        &mut self,
        _: NsId,
        filter: &RouteFilter,
        each: &mut dyn FnMut(&RouteMsg),
    ) -> Result<(), Refusal> {
        // Gone after the first look, so that a flush ends.
        if filter.table.is_some() && !self.refuses {
            return Ok(());
        }
        each(&route());
        Ok(())
    }
    fn rules(&mut self, _: NsId, _: Option<Family>, each: &mut dyn FnMut(&RuleMsg)) -> Result<(), Refusal> {
        each(&RuleMsg::new(Family::V4));
        Ok(())
    }
    fn nexthops(&mut self, _: NsId, _: &mut dyn FnMut(&NexthopMsg)) -> Result<(), Refusal> {
        Ok(())
    }
    fn get_nexthop_bucket(&mut self, _: NsId, _: u32, _: u16) -> Result<NexthopMsg, Refusal> {
        Err(Errno::ENOENT.into())
    }
    fn nexthop_buckets(
        &mut self,
        _: NsId,
        _: &BucketFilter,
        _: &mut dyn FnMut(&NexthopMsg),
    ) -> Result<(), Refusal> {
        Ok(())
    }
    fn neighbours(
        &mut self,
        _: NsId,
        _: Option<Family>,
        _: bool,
        each: &mut dyn FnMut(&NeighMsg),
    ) -> Result<(), Refusal> {
        each(&NeighMsg::new(Family::V4, 2));
        Ok(())
    }
    fn netconf(&mut self, _: NsId, _: Option<Family>, _: &mut dyn FnMut(&NetconfMsg)) -> Result<(), Refusal> {
        Ok(())
    }
    fn address_labels(&mut self, _: NsId, each: &mut dyn FnMut(&AddrLabelMsg)) -> Result<(), Refusal> {
        each(&AddrLabelMsg { label: Some(5), ..AddrLabelMsg::new(Family::V6) });
        Ok(())
    }
    fn read_file(&mut self, _: NsId, path: &str) -> Result<String, Errno> {
        match path {
            "/proc/net/igmp6" => Ok("2 e0 ff020000000000000000000000000001 1 0000000C 0\n3 e1 zz 1\n".into()),
            _ => Err(Errno::ENOENT),
        }
    }
    fn write_file(&mut self, _: NsId, _: &str, _: &str) -> Result<(), Errno> {
        Err(Errno::EACCES)
    }
    fn find_netns(&mut self, name: &str) -> Option<NsId> {
        (name == "one").then_some(NsId(1))
    }
    fn netns_name(&mut self, _: NsId) -> Option<String> {
        None
    }
    fn netns_id(&mut self, _: NsId, _: NsId) -> Option<i32> {
        None
    }
    fn netns_names(&mut self) -> Option<Vec<String>> {
        Some(vec!["one".into()])
    }
    fn add_netns(&mut self, _: &str) -> Result<NsId, Errno> {
        Err(Errno::EEXIST)
    }
    fn del_netns(&mut self, _: &str) -> Result<(), Errno> {
        Err(Errno::ENOENT)
    }
}

const WORDS: &str = "-4 -6 -j -p -d -s -o -br -N -0 -n -force -b - -- -c=x ip address addr a link l route r rule \
ru neigh n nexthop nh netns vrf tuntap tap help add del delete change replace append prepend test show list get \
flush set save restore identify pids exec from to via dev oif iif table main local all cache default any proto \
kernel static scope host global type unicast blackhole throw metric 0 1 5 255 256 65536 4294967295 4294967296 -1 \
0x10 10 10.0.0.1 10.0.0.0/8 10.0.0.0/33 1.2.3 ::1 2001:db8::/32 0/0 e0 e1 lo if2 nope mtu lock 1400 rtt 1s 5ms \
rto_min hoplimit features ecn congctl cubic nexthop weight onlink realms 1/2 /3 4/ encap mpls ip ip6 seg6 xfrm id \
dst src tos ttl segs mode inline encap 1/2/3 a,b if_id nhid group 1,2/3,5/ blackhole fdb resilient buckets pref \
priority fwmark 1/0xff uidrange 0-5 ipproto tcp sport 80 80-90 80/0xff dport dscp 8/0x3f AF11 not l3mdev goto nop \
suppress_prefixlength sup_group tun_id protocol root match exact mark uid fibmatch connected notify vrf as \
ttl-propagate enabled expires name up down master nomaster address 02:00:00:00:00:01 broadcast brd + - peer label \
scope valid_lft preferred_lft forever 10sec txqueuelen alias type veth dummy bridge vlan macvlan vxlan id mode \
lladdr nud permanent reachable probe proxy router statistics tun multi_queue user addrlabel prefix label token netconf é \" ' \\ #";

#[test]
fn commands_of_random_words_end_with_a_status() {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut rng = Rng::new(2024);
    let names = Names::default();
    let mut seen = std::collections::BTreeMap::new();
    for round in 0..40_000 {
        let count = rng.below(12) as usize;
        let objects = [
            "route",
            "rule",
            "link",
            "address",
            "neigh",
            "nexthop",
            "netns",
            "vrf",
            "tuntap",
            "addrlabel",
            "token",
            "netconf",
            "maddress",
        ];
        let mut args: Vec<&str> = Vec::new();
        if rng.below(4) > 0 {
            args.extend(rng.pick(&objects));
        }
        args.extend((0..count).filter_map(|_| rng.pick(&words).copied()));
        let batch = args.join(" ");
        let open = |_: &str| -> Result<Box<dyn BufRead>, Errno> {
            Ok(Box::new(Cursor::new(format!("{batch}\n{batch}").into_bytes())))
        };
        let env = Env { open: &open, exec: None };
        let mut kernel = Simple { refuses: false };
        let args = if round % 5 == 0 { vec!["-force", "-b", "-"] } else { args };
        let outcome = run(&args, &mut kernel, NsId(0), &names, &env);
        assert!([0, 1, 2, 22, 254, 255].contains(&outcome.status), "{args:?} {batch}: {outcome:?}");
        *seen.entry(outcome.status).or_insert(0) += 1;
    }
    assert!(seen.len() >= 4, "{seen:?}");
}
