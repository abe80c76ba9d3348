//! The trie against the running kernel: the same history of changes in a
//! network namespace must give the same `/proc/net/fib_trie` and
//! `/proc/net/fib_triestat`, byte for byte (C-010, C-021, C-022).
//!
//! `FINGERPOST_SEEDS` sets the number of random histories.
//!
//! Needs root, `unshare`, `ip` and the `ifb` device type; says so and passes
//! where they are missing, unless `FINGERPOST_REQUIRE_KERNEL=1`.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use fingerpost_fib::{Alias, AliasText, LcTrie, TrieStats};
use fingerpost_net::{Prefix, Rng};

const MAIN: u32 = 254;
const LOCAL: u32 = 255;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Route {
    len: u8,
    table: u32,
    dscp: u8,
    metric: u32,
    kind: u8,
    scope: u8,
    device: u8,
}

impl Alias for Route {
    fn prefix_len(&self) -> u8 {
        self.len
    }
}

impl Route {
    /// Sorts as a leaf does (C-010).
    fn rank(&self) -> impl Ord {
        use std::cmp::Reverse;
        (Reverse(self.len), Reverse(self.table), Reverse(self.dscp), self.metric)
    }

    /// Whether it goes when this device goes down.
    fn is_on(&self, device: u8) -> bool {
        self.kind < 6 && self.scope < 254 && self.device == device
    }

    fn text(&self) -> AliasText {
        AliasText { scope: self.scope, kind: self.kind, dscp: self.dscp }
    }

    /// `ip route` arguments that name exactly this route.
    fn command(&self, addr: Ipv4Addr) -> String {
        let kind = ["", "unicast", "local", "", "", "", "blackhole", "unreachable", "prohibit", "throw"];
        let mut line = format!("{} {addr}/{} table {}", kind[usize::from(self.kind)], self.len, self.table);
        if self.kind < 6 {
            write!(line, " dev ifb{} scope {}", self.device, self.scope).unwrap();
        }
        write!(line, " tos {:#x} metric {}", self.dscp, self.metric).unwrap();
        line
    }
}

/// The tables of a namespace, and the script that makes them there.
#[derive(Default)]
struct Namespace {
    tries: BTreeMap<u32, LcTrie<Ipv4Addr, Route>>,
    /// Main and local have their own tries.
    unmerged: bool,
    /// Tables that exist, used or not.
    tables: BTreeSet<u32>,
    batch: String,
    script: String,
    expected: Vec<String>,
}

const MARK: &str = "--mark--";

impl Namespace {
    fn new() -> Self {
        let script = "set -e\nfor d in ifb0 ifb1; do ip link add $d type ifb; ip link set $d up; done\n";
        Namespace { script: script.into(), ..Namespace::default() }
    }

    /// The trie that a table is in.
    fn place(&self, table: u32) -> u32 {
        if table == LOCAL && !self.unmerged { MAIN } else { table }
    }

    fn trie(&mut self, table: u32) -> &mut LcTrie<Ipv4Addr, Route> {
        self.tables.insert(table);
        self.tries.entry(self.place(table)).or_default()
    }

    fn has(&self, prefix: Prefix<Ipv4Addr>, route: &Route) -> bool {
        let leaf = self.tries.get(&self.place(route.table)).map_or(&[][..], |t| t.leaf(prefix.addr()));
        let key = |r: &Route| (r.len, r.table, r.dscp, r.metric);
        leaf.iter().any(|r| key(r) == key(route))
    }

    fn add(&mut self, addr: Ipv4Addr, route: Route) {
        let trie = self.trie(route.table);
        let index = trie.leaf(addr).partition_point(|r| r.rank() < route.rank());
        trie.insert(addr, index, route);
        writeln!(self.batch, "route add {}", route.command(addr)).unwrap();
    }

    fn delete(&mut self, addr: Ipv4Addr, route: Route) {
        let trie = self.trie(route.table);
        let index = trie.leaf(addr).iter().position(|r| *r == route).unwrap();
        trie.remove(addr, index).unwrap();
        writeln!(self.batch, "route del {}", route.command(addr)).unwrap();
    }

    /// The device goes down, which flushes its routes, and up again.
    ///
    /// Not the routes of scope host: their next hop's scope is nowhere.
    fn bounce(&mut self, device: u8) {
        self.run_batch();
        writeln!(self.script, "ip link set ifb{device} down; ip link set ifb{device} up").unwrap();
        if !self.tries.values().any(|t| t.iter().any(|(_, r)| r.is_on(device))) {
            return;
        }
        // Each table is flushed in the order of its hash bucket.
        let mut tables: Vec<u32> = self.tables.iter().copied().collect();
        tables.sort_by_key(|t| t % 256);
        for table in tables {
            self.trie(table).flush(|_, r| r.table == table && r.is_on(device));
        }
    }

    /// A rule is added: local leaves main's trie (C-009).
    fn unmerge(&mut self) {
        self.run_batch();
        self.script.push_str("ip rule add pref 100 to 192.0.2.1 lookup 100\n");
        if self.unmerged || !self.tables.contains(&LOCAL) {
            self.unmerged = true;
            return;
        }
        self.unmerged = true;
        let local = self.tries.entry(MAIN).or_default().unmerge(|r| r.table == LOCAL);
        self.tries.insert(LOCAL, local);
    }

    fn run_batch(&mut self) {
        if !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            write!(self.script, "ip -batch - <<END\n{batch}END\n").unwrap();
        }
    }

    /// What the kernel should show now.
    fn checkpoint(&mut self) {
        self.run_batch();
        writeln!(self.script, "cat /proc/net/fib_trie /proc/net/fib_triestat; echo {MARK}").unwrap();
        let mut tables: Vec<u32> = self.tables.iter().copied().collect();
        tables.sort_by_key(|t| t % 256);
        let title = |table: u32| match table {
            MAIN => "Main:\n".to_string(),
            LOCAL => "Local:\n".to_string(),
            other => format!("Id {}:\n", other as i32),
        };
        let (mut shape, mut stats) = (String::new(), TrieStats::HEADER.to_string());
        for table in tables {
            let trie = self.trie(table);
            if !trie.is_empty() {
                shape += &title(table);
                trie.write_fib_trie(&mut shape, Route::text).unwrap();
            }
            write!(stats, "{}{}", title(table), trie.stats()).unwrap();
        }
        self.expected.push(shape + &stats);
    }

    /// Runs the script in a fresh namespace and compares every checkpoint.
    fn compare(mut self, what: &str) {
        self.run_batch();
        let mut child = Command::new("unshare")
            .args(["-n", "sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("unshare has run before");
        // The shell reads its script bit by bit and writes while it reads.
        let mut stdin = child.stdin.take().unwrap();
        let script = self.script.clone();
        let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let written = writer.join().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what}: {errors}");
        assert!(errors.is_empty() && written.is_ok(), "{what}: {errors} {written:?}");

        let shown = String::from_utf8(output.stdout).unwrap();
        let mark = format!("{MARK}\n");
        let mut shown = shown.split(mark.as_str());
        for (number, expected) in self.expected.iter().enumerate() {
            let shown = shown.next().unwrap_or("");
            if let Some((line, (ours, kernel))) =
                expected.lines().zip(shown.lines()).enumerate().find(|(_, (a, b))| a != b)
            {
                panic!("{what}, checkpoint {number}, line {line}: ours {ours:?}, the kernel's {kernel:?}");
            }
            assert_eq!(expected.len(), shown.len(), "{what}, checkpoint {number}: length");
        }
        assert_eq!(shown.next(), Some(""), "{what}: no checkpoint is left");
    }
}

/// Whether a namespace with ifb devices can be made here.
fn kernel_is_there() -> bool {
    let tried = Command::new("unshare").args(["-n", "ip", "link", "add", "ifb9", "type", "ifb"]).output();
    if matches!(&tried, Ok(output) if output.status.success()) {
        return true;
    }
    let required = std::env::var_os("FINGERPOST_REQUIRE_KERNEL").is_some_and(|v| v == "1");
    assert!(!required, "a network namespace with ifb devices is required: {tried:?}");
    eprintln!("skipped: cannot make a network namespace with ifb devices here");
    false
}

fn random_route(rng: &mut Rng, tables: &[u32], lens: (u64, u64), bits: u32) -> (Prefix<Ipv4Addr>, Route) {
    let len = (lens.0 + rng.below(lens.1 - lens.0 + 1)) as u8;
    let base = 0x0a00_0000u32;
    let addr = if rng.chance(1, 30) {
        rng.next_u32() & 0x7fff_ffff
    } else {
        base | rng.next_u32() >> (32 - bits) << 4
    };
    let prefix = Prefix::containing(Ipv4Addr::from_bits(addr), len).unwrap();
    let table = *rng.pick(tables).unwrap();
    let kind = if rng.chance(1, 5) { 6 + rng.below(4) as u8 } else { 1 };
    let kind = if table == LOCAL { 2 } else { kind };
    let scope = match kind {
        1 => *rng.pick(&[253, 253, 253, 0, 77, 200]).unwrap(),
        2 => 254,
        _ => 0,
    };
    let dscp = if rng.chance(1, 6) { *rng.pick(&[0x04, 0x10, 0xb8, 0x1c]).unwrap() } else { 0 };
    let metric = if rng.chance(1, 4) { rng.below(4) as u32 } else { 0 };
    (prefix, Route { len, table, dscp, metric, kind, scope, device: rng.below(2) as u8 })
}

/// C-010, C-021, C-022: adds, deletes and link flaps, in four tables of which
/// two share a trie until the rules are touched (C-009).
#[test]
fn random_histories_give_the_kernels_shape() {
    if !kernel_is_there() {
        return;
    }
    let seeds: u64 = std::env::var("FINGERPOST_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(12);
    for seed in 0..seeds {
        let mut rng = Rng::new(seed);
        let mut ns = Namespace::new();
        let tables: &[u32] =
            [&[MAIN][..], &[MAIN, LOCAL], &[MAIN, 77, u32::MAX - 2, LOCAL]][seed as usize % 3];
        let lens = [(8, 32), (20, 28), (24, 24), (0, 32)][seed as usize % 4];
        let bits = [8, 12, 16, 20][seed as usize / 3 % 4];
        let mut held = Vec::new();
        for step in 0..3000u32 {
            // Growing for a while, then shrinking, and again.
            let deletes = if step / 500 % 2 == 0 { 15 } else { 75 };
            if !held.is_empty() && rng.chance(deletes, 100) {
                let (prefix, route): (Prefix<Ipv4Addr>, Route) =
                    held.swap_remove(rng.below(held.len() as u64) as usize);
                ns.delete(prefix.addr(), route);
            } else {
                let (prefix, route) = random_route(&mut rng, tables, lens, bits);
                if !ns.has(prefix, &route) {
                    ns.add(prefix.addr(), route);
                    held.push((prefix, route));
                }
            }
            if step % 1300 == 1200 {
                let device = rng.below(2) as u8;
                ns.bounce(device);
                held.retain(|(_, r)| !r.is_on(device));
                ns.checkpoint();
            }
            if step == 2000 && rng.chance(1, 2) {
                ns.unmerge();
                ns.checkpoint();
            }
            if step % 150 == 149 {
                ns.checkpoint();
            }
        }
        ns.compare(&format!("seed {seed}"));
    }
}

/// C-021, C-022: thousands of routes, so that nodes grow by several steps at
/// once, in rising, falling and random order, and are then thinned out.
#[test]
fn large_tables_give_the_kernels_shape() {
    if !kernel_is_there() {
        return;
    }
    for order in 0..3 {
        let mut rng = Rng::new(100 + order);
        let mut ns = Namespace::new();
        let mut routes: BTreeSet<Prefix<Ipv4Addr>> = BTreeSet::new();
        for net in 0..4000u32 {
            routes.insert(Prefix::containing(Ipv4Addr::from_bits(0x1400_0000 + (net << 8)), 24).unwrap());
            let len = 8 + rng.below(25) as u8;
            let addr = Ipv4Addr::from_bits(rng.next_u32() & 0x7fff_ffff);
            routes.insert(Prefix::containing(addr, len).unwrap());
        }
        let mut routes: Vec<_> = routes.into_iter().collect();
        match order {
            0 => {}
            1 => routes.reverse(),
            _ => (1..routes.len()).for_each(|i| routes.swap(i, rng.below(i as u64 + 1) as usize)),
        }
        let route = |prefix: Prefix<_>| Route {
            len: prefix.len(),
            table: MAIN,
            dscp: 0,
            metric: 0,
            kind: 1,
            scope: 253,
            device: (prefix.len() % 2),
        };
        for part in routes.chunks(1000) {
            part.iter().for_each(|p| ns.add(p.addr(), route(*p)));
            ns.checkpoint();
        }
        for part in routes[..6000].chunks(2000) {
            part.iter().for_each(|p| ns.delete(p.addr(), route(*p)));
            ns.checkpoint();
        }
        ns.bounce(0);
        ns.checkpoint();
        ns.compare(&format!("order {order}"));
    }
}
