//! `ip link`, `address`, `neigh`, `nexthop`, `netns`, `vrf` and `tuntap`
//! against recordings of iproute2 6.1.0.
//!
//! Each file in `recorded/` is a session: for each command what the kernel
//! held before it (in the model's JSON), the requests that iproute2 sent and
//! what the kernel answered, and what iproute2 printed. `link`, `bridge`,
//! `address`, `neigh`, `nexthop`, `netns`, `vrf_none` and `tuntap` were
//! recorded on Linux 6.18, `vrf_vlan_macvlan` on user-mode Linux 7.2. The
//! kernel of these tests gives the recorded state and answers, and holds each
//! request against the recorded one. Those for tun devices, which are ioctls,
//! were written down by hand.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufRead, Cursor};
use std::path::Path;

use fingerpost_iproute::{Env, Names, run};
use fingerpost_model::{
    AddrMsg, BucketFilter, Change, Kernel, LinkMsg, NeighMsg, NetconfMsg, NexthopMsg, NsId, Op, Refusal,
    RouteFilter, RouteMsg, RuleMsg,
};
use fingerpost_net::{Errno, Family};
use serde_json::{Value, json};

/// What one namespace held.
#[derive(Clone, Default)]
struct State {
    links: Vec<LinkMsg>,
    addresses: Vec<AddrMsg>,
    neighbours: Vec<NeighMsg>,
    proxies: Vec<NeighMsg>,
    nexthops: Vec<NexthopMsg>,
}

impl State {
    fn read(state: &Value, objects: &[Value]) -> State {
        macro_rules! all {
            ($key:literal) => {{
                let places = state[$key].as_array().map(Vec::as_slice).unwrap_or_default();
                let object = |at: &Value| objects[at.as_u64().unwrap() as usize].clone();
                places.iter().map(|at| serde_json::from_value(object(at)).unwrap()).collect()
            }};
        }
        State {
            links: all!("links"),
            addresses: all!("addresses"),
            neighbours: all!("neighbours"),
            proxies: all!("proxies"),
            nexthops: all!("nexthops"),
        }
    }
}

/// A kernel that answers from a recording.
struct Recorded {
    spaces: Vec<(String, State)>,
    requests: VecDeque<Value>,
    complaints: String,
}

impl Recorded {
    fn state(&mut self, ns: NsId) -> &mut State {
        &mut self.spaces[ns.0 as usize].1
    }

    /// Takes away what a deletion took away, so that a flush comes to its end.
    fn forget(&mut self, ns: NsId, change: &Change) {
        let state = self.state(ns);
        match change {
            Change::DelAddress(m) => state.addresses.retain(|a| a.index != m.index || a.local != m.local),
            Change::DelNexthop(m) => state.nexthops.retain(|n| n.id != m.id),
            Change::DelNeighbour(m) => {
                state.neighbours.retain(|n| n.index != m.index || n.dst != m.dst);
                state.proxies.retain(|n| n.index != m.index || n.dst != m.dst);
            }
            _ => {}
        }
    }
}

/// The verb, and whether the message is the recorded one.
fn same(change: &Change, recorded: &Value) -> (&'static str, bool) {
    macro_rules! is {
        ($m:expr) => {
            serde_json::from_value(recorded.clone()).is_ok_and(|recorded| *$m == recorded)
        };
    }
    match change {
        Change::NewLink(m) => ("NewLink", is!(m)),
        Change::DelLink(m) => ("DelLink", is!(m)),
        Change::NewAddress(m) => ("NewAddress", is!(m)),
        Change::DelAddress(m) => ("DelAddress", is!(m)),
        Change::NewNeighbour(m) => ("NewNeighbour", is!(m)),
        Change::DelNeighbour(m) => {
            // How long ago it was used went on counting.
            let mut recorded = recorded.clone();
            recorded.as_object_mut().map(|fields| fields.remove("cacheinfo"));
            let m = NeighMsg { cacheinfo: None, ..m.clone() };
            ("DelNeighbour", serde_json::from_value(recorded).is_ok_and(|recorded| m == recorded))
        }
        Change::NewNexthop(m) => ("NewNexthop", is!(m)),
        Change::DelNexthop(m) => ("DelNexthop", is!(m)),
        Change::NewTun { name, mode, multi_queue } => {
            let found = json!({ "name": name, "mode": mode, "multi_queue": multi_queue });
            ("NewTun", found == *recorded)
        }
        Change::DelTun { name, mode } => ("DelTun", json!({ "name": name, "mode": mode }) == *recorded),
        _ => ("", false),
    }
}

impl Kernel for Recorded {
    fn apply(&mut self, ns: NsId, op: Op) -> Result<(), Refusal> {
        let Some(recorded) = self.requests.pop_front() else {
            let _ = writeln!(self.complaints, "  a request too many: {op:?}");
            return Ok(());
        };
        let (verb, same) = same(&op.change, &recorded["msg"]);
        let flags = recorded["flags"].as_u64() == Some(op.flags.0.into());
        if !same || !flags || recorded["verb"] != verb {
            let _ = writeln!(self.complaints, "  request {op:?}\n     not {recorded}");
        }
        let text = recorded["text"].as_str().map(str::to_string);
        match recorded["errno"].as_i64() {
            Some(errno) => Err(Refusal { errno: Errno(errno as i32), text }),
            None => {
                self.forget(ns, &op.change);
                Ok(())
            }
        }
    }

    fn get_route(&mut self, _: NsId, _: &RouteMsg) -> Result<RouteMsg, Refusal> {
        Err(Errno::ENETUNREACH.into())
    }

    fn get_nexthop(&mut self, ns: NsId, id: u32) -> Result<NexthopMsg, Refusal> {
        let found = self.state(ns).nexthops.iter().find(|n| n.id == id);
        found.cloned().ok_or(Errno::ENOENT.into())
    }

    fn get_link(&mut self, ns: NsId, index: u32, name: Option<&str>) -> Result<LinkMsg, Refusal> {
        let fits = |l: &&LinkMsg| match name {
            Some(name) => l.name.as_deref() == Some(name) || l.altnames.iter().any(|n| n == name),
            None => l.index == index,
        };
        self.state(ns).links.iter().find(fits).cloned().ok_or(Errno::ENODEV.into())
    }

    fn links(&mut self, ns: NsId, each: &mut dyn FnMut(&LinkMsg)) -> Result<(), Refusal> {
        self.state(ns).links.iter().for_each(each);
        Ok(())
    }

    fn addresses(
        &mut self,
        ns: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&AddrMsg),
    ) -> Result<(), Refusal> {
        let wanted = |a: &&AddrMsg| family.is_none_or(|f| f == a.family);
        self.state(ns).addresses.iter().filter(wanted).for_each(each);
        Ok(())
    }

    fn routes(&mut self, _: NsId, _: &RouteFilter, _: &mut dyn FnMut(&RouteMsg)) -> Result<(), Refusal> {
        Ok(())
    }

    fn rules(&mut self, _: NsId, _: Option<Family>, _: &mut dyn FnMut(&RuleMsg)) -> Result<(), Refusal> {
        Ok(())
    }

    fn nexthops(&mut self, ns: NsId, each: &mut dyn FnMut(&NexthopMsg)) -> Result<(), Refusal> {
        self.state(ns).nexthops.iter().for_each(each);
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
        ns: NsId,
        family: Option<Family>,
        proxy: bool,
        each: &mut dyn FnMut(&NeighMsg),
    ) -> Result<(), Refusal> {
        let state = self.state(ns);
        let list = if proxy { &state.proxies } else { &state.neighbours };
        list.iter().filter(|n| family.is_none_or(|f| f == n.family)).for_each(each);
        Ok(())
    }

    fn netconf(&mut self, _: NsId, _: Option<Family>, _: &mut dyn FnMut(&NetconfMsg)) -> Result<(), Refusal> {
        Ok(())
    }

    fn read_file(&mut self, _: NsId, _: &str) -> Result<String, Errno> {
        Err(Errno::ENOENT)
    }

    fn write_file(&mut self, _: NsId, _: &str, _: &str) -> Result<(), Errno> {
        Err(Errno::ENOENT)
    }

    fn find_netns(&mut self, name: &str) -> Option<NsId> {
        let at = self.spaces.iter().skip(1).position(|(named, _)| named == name)?;
        Some(NsId(at as u32 + 1))
    }

    fn netns_name(&mut self, ns: NsId) -> Option<String> {
        self.spaces.get(ns.0 as usize).map(|(name, _)| name.clone()).filter(|name| !name.is_empty())
    }

    fn netns_id(&mut self, ns: NsId, other: NsId) -> Option<i32> {
        // The recordings hold no ids of their own: the ends of a pair tell.
        let far = self.state(other).links.clone();
        self.state(ns).links.iter().find_map(|near| {
            let id = near.link_netnsid?;
            let pair = |l: &LinkMsg| {
                Some(l.index) == near.link && l.link == Some(near.index) && l.link_netnsid.is_some()
            };
            far.iter().any(pair).then_some(id)
        })
    }

    fn netns_names(&mut self) -> Option<Vec<String>> {
        let names: Vec<String> = self.spaces.iter().skip(1).map(|(name, _)| name.clone()).collect();
        (!names.is_empty()).then_some(names)
    }

    fn add_netns(&mut self, name: &str) -> Result<NsId, Errno> {
        match self.find_netns(name) {
            Some(_) => Err(Errno::EEXIST),
            None => Ok(NsId(self.spaces.len() as u32)),
        }
    }

    fn del_netns(&mut self, name: &str) -> Result<(), Errno> {
        self.find_netns(name).map(|_| ()).ok_or(Errno::ENOENT)
    }
}

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n";
const GROUP: &str = "root:x:0:\ntty:x:5:\n";

fn open(path: &str) -> Result<Box<dyn BufRead>, Errno> {
    match path {
        "/etc/passwd" => Ok(Box::new(Cursor::new(PASSWD))),
        "/etc/group" => Ok(Box::new(Cursor::new(GROUP))),
        _ => Err(Errno::ENOENT),
    }
}

/// Replays a session and tells what differs.
fn replay(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(file);
    let session: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let list = |key: &str| session[key].as_array().unwrap().clone();
    let (objects, states, runs) = (list("objects"), list("states"), list("runs"));
    assert!(!runs.is_empty());
    let mut differences = String::new();
    for recorded in &runs {
        let words =
            |v: &Value| v.as_array().unwrap().iter().map(|w| w.as_str().unwrap().to_string()).collect();
        let args: Vec<String> = words(&recorded["args"]);
        let state = &states[recorded["state"].as_u64().unwrap() as usize];
        let mut spaces = vec![(String::new(), State::read(state, &objects))];
        for space in state["namespaces"].as_array().into_iter().flatten() {
            let name = space["name"].as_str().unwrap().to_string();
            spaces.push((name, State::read(&space["state"], &objects)));
        }
        let requests = recorded["ops"].as_array().cloned().unwrap_or_default().into();
        let mut kernel = Recorded { spaces, requests, complaints: String::new() };
        let env = Env { open: &open, exec: None };
        let outcome = run(&args, &mut kernel, NsId(0), &Names::default(), &env);
        let mut wrong = kernel.complaints;
        for request in &kernel.requests {
            let _ = writeln!(wrong, "  not sent: {request}");
        }
        compare(recorded, &outcome, &mut wrong);
        if !wrong.is_empty() {
            let _ = write!(differences, "ip {}\n{wrong}", args.join(" "));
        }
    }
    assert!(differences.is_empty(), "\n{differences}");
}

/// Holds an outcome against the recorded one. Help is worded differently; what
/// is not supported must say so.
fn compare(recorded: &Value, outcome: &fingerpost_iproute::Outcome, wrong: &mut String) {
    let (mut stdout, mut stderr) = (outcome.stdout.clone(), outcome.stderr.clone());
    let text = |key: &str| recorded[key].as_str().unwrap_or_default().to_string();
    if recorded["unsupported"] == true {
        if !stderr.starts_with("fingerpost: ") || !stderr.ends_with(" is not supported\n") {
            let _ = writeln!(wrong, "  does not say that it is not supported: {stderr:?}");
        }
        stderr.clear();
    }
    if recorded["usage"] == true {
        if !stdout.contains("Usage: ") && !stderr.contains("Usage: ") {
            let _ = writeln!(wrong, "  has no help");
        }
        for text in [&mut stdout, &mut stderr] {
            let end = text.find("Usage: ").unwrap_or(text.len());
            text.truncate(end);
        }
    }
    if recorded["status"].as_i64() != Some(outcome.status.into()) {
        let _ = writeln!(wrong, "  status {} not {}", outcome.status, recorded["status"]);
    }
    for (name, found, expected) in [("stdout", stdout, text("stdout")), ("stderr", stderr, text("stderr"))] {
        if found != expected {
            let same = found.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
            let from = |text: &str| {
                let start = (0..=same.saturating_sub(60)).rev().find(|&at| text.is_char_boundary(at));
                text.get(start.unwrap_or(0)..).unwrap_or_default().chars().take(200).collect::<String>()
            };
            let _ = writeln!(wrong, "  {name}\n     {:?}\n not {:?}", from(&found), from(&expected));
        }
    }
    let errno =
        recorded["ops"].as_array().and_then(|ops| ops.iter().rev().find_map(|op| op["errno"].as_i64()));
    if errno.is_some() && errno != outcome.errno.map(|e| e.0.into()) {
        let _ = writeln!(wrong, "  errno {:?} not {errno:?}", outcome.errno);
    }
}

#[test]
fn links_as_recorded() {
    replay("link.json");
}

#[test]
fn bridges_and_ports_as_recorded() {
    replay("bridge.json");
}

#[test]
fn addresses_as_recorded() {
    replay("address.json");
}

#[test]
fn neighbours_as_recorded() {
    replay("neigh.json");
}

#[test]
fn nexthop_objects_as_recorded() {
    replay("nexthop.json");
}

#[test]
fn namespaces_as_recorded() {
    replay("netns.json");
}

#[test]
fn no_vrf_as_recorded() {
    replay("vrf_none.json");
}

#[test]
fn vrf_vlan_and_macvlan_as_recorded() {
    replay("vrf_vlan_macvlan.json");
}

#[test]
fn tun_and_tap_as_recorded() {
    replay("tuntap.json");
}

/// Runs `ip ARGS` on what the kernel held before a recorded command.
fn run_before(file: &str, recorded: &[&str], args: &[&str], batch: &'static str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(file);
    let session: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let runs = session["runs"].as_array().unwrap();
    let state = runs.iter().find(|r| r["args"] == json!(recorded)).unwrap()["state"].as_u64().unwrap();
    let state = State::read(&session["states"][state as usize], session["objects"].as_array().unwrap());
    let spaces = vec![(String::new(), state)];
    let mut kernel = Recorded { spaces, requests: VecDeque::new(), complaints: String::new() };
    let open = |_: &str| -> Result<Box<dyn BufRead>, Errno> { Ok(Box::new(Cursor::new(batch))) };
    let outcome = run(args, &mut kernel, NsId(0), &Names::default(), &Env { open: &open, exec: None });
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    outcome.stdout
}

#[test]
fn a_batch_keeps_the_filter_of_nexthop_objects() {
    let show = |args: &[&str], batch| run_before("nexthop.json", &["nexthop", "show", "groups"], args, batch);
    let groups = show(&["nexthop", "show", "groups"], "");
    assert_ne!(groups, show(&["nexthop", "show"], ""));
    assert_eq!(show(&["-batch", "f"], "nexthop show groups\nnexthop show\n"), format!("{groups}{groups}"));
}

#[test]
fn a_batch_lists_addresses_as_links_after_links() {
    let show = |args: &[&str], batch| run_before("address.json", &["addr", "show", "v0"], args, batch);
    let (links, link) = (show(&["link"], ""), show(&["link", "show", "dev", "v0"], ""));
    assert_ne!(link, show(&["addr", "show", "dev", "v0"], ""));
    assert_eq!(show(&["-batch", "f"], "link\naddr show dev v0\n"), format!("{links}{link}"));
}
