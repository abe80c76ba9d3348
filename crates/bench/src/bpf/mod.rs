//! The kernel's own lookups, without netlink around them: a BPF program calls
//! the helper `bpf_fib_lookup` for each of many questions and leaves the
//! answers in a map.
//!
//! What the helper decides is less than what `RTM_GETROUTE` answers. An output
//! lookup is bound to a device, as by `oif`; either way the device has to
//! forward. A destination of this host is one that is not forwarded, and so is
//! a link-local or multicast one of IPv6. The source of a received packet is
//! not checked (`rp_filter`), and no decision is cached. A gateway that is the
//! destination itself cannot be told from none.

mod program;
mod system;

use std::io;
use std::mem::offset_of;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use fingerpost_net::{Family, Ip};

use crate::process::thread_cpu;
use program::PER_RUN;
use system::Array;

/// Which way the packets go that are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way<I> {
    /// Made here, to leave by a device.
    Output {
        /// The device's index.
        dev: u32,
    },
    /// Received.
    Input {
        /// The index of the device that they come in by.
        dev: u32,
        /// Who sent them.
        from: I,
    },
}

/// How a lookup ended: `BPF_FIB_LKUP_RET_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome(pub u32);

impl Outcome {
    /// The packet is forwarded.
    pub const FORWARDED: Outcome = Outcome(0);
    /// The device does not forward, so that nothing was looked up.
    pub const FORWARDING_DISABLED: Outcome = Outcome(5);
}

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How the lookup ended; the rest has a meaning only if the packet is forwarded.
    pub outcome: Outcome,
    /// By which device it leaves.
    pub dev: u32,
    /// By which gateway, unless that is the destination itself.
    pub gateway: Option<IpAddr>,
    /// From which address, where that was asked.
    pub source: Option<IpAddr>,
}

impl Answer {
    /// Whether the packet is forwarded.
    pub fn is_forwarded(&self) -> bool {
        self.outcome == Outcome::FORWARDED
    }
}

/// A loaded program and its array of questions.
pub struct FibLookups {
    program: OwnedFd,
    cursor: Array<u32>,
    slots: Array<Slot>,
    questions: Vec<Slot>,
    picks_source: bool,
}

impl FibLookups {
    /// Questions for UDP packets to each of `keys`. The network namespace is
    /// the one of the thread that asks. `picks_source` has a source address
    /// chosen for each as well.
    ///
    /// # Errors
    ///
    /// BPF cannot be had: it takes root and a kernel whose helper knows what is asked (tried on 6.18).
    pub fn new<I: Ip>(keys: &[I], way: Way<I>, picks_source: bool) -> io::Result<Self> {
        let (flags, dev, from) = match way {
            Way::Output { dev } => (LOOKUP_OUTPUT, dev, I::ZERO),
            Way::Input { dev, from } => (0, dev, from),
        };
        let flags = flags | LOOKUP_SKIP_NEIGH | if picks_source { LOOKUP_SOURCE } else { 0 };
        let questions: Vec<Slot> = keys.iter().map(|&to| Slot::question(to, from, dev)).collect();
        let (cursor, slots) = (Array::new(1)?, Array::new(questions.len().max(1))?);
        let program = system::load(&program::lookups(cursor.fd(), slots.fd(), flags))?;
        Ok(FibLookups { program, cursor, slots, questions, picks_source })
    }

    /// Asks all questions: CPU nanoseconds for each, the program's loop
    /// included, and the answers in the order of the keys.
    ///
    /// # Errors
    ///
    /// There is no such device, or it does not forward; or BPF fails.
    pub fn ask(&mut self) -> io::Result<(f64, Vec<Answer>)> {
        // Answers stand where the questions were.
        self.slots.write(&self.questions)?;
        self.cursor.write(&[0])?;
        let before = thread_cpu()?;
        system::run(&self.program, self.questions.len().div_ceil(PER_RUN))?;
        let time = thread_cpu()? - before;
        let done = self.cursor.read()?[0];
        if done as usize != self.questions.len() {
            return Err(io::Error::other(format!("the program stopped at question {done}")));
        }
        let slots = self.slots.read()?;
        let pairs = self.questions.iter().zip(&slots);
        let answers: Vec<Answer> = pairs
            .map(|(question, slot)| slot.answer(question, self.picks_source))
            .collect::<Result<_, _>>()?;
        Ok((time.as_nanos() as f64 / answers.len().max(1) as f64, answers))
    }
}

const LOOKUP_OUTPUT: u32 = 1 << 1;
const LOOKUP_SKIP_NEIGH: u32 = 1 << 2;
const LOOKUP_SOURCE: u32 = 1 << 4;

/// The helper's parameters (`struct bpf_fib_lookup`), which it overwrites with what it found, and what it returned.
#[repr(C)]
#[derive(Clone, Copy)]
struct Slot {
    family: u8,
    protocol: u8,
    ports: [u8; 4],
    length_or_mtu: u16,
    dev: u32,
    tos_or_metric: u32,
    source: [u8; 16],
    destination_or_gateway: [u8; 16],
    table_or_vlan: u32,
    link_addresses: [u8; 12],
    returned: i32,
    /// Up to a multiple of eight bytes, as the kernel keeps elements.
    rest: u32,
}

/// Bytes of the helper's parameters, and hence where the program puts what it returned.
const PARAMETERS: usize = offset_of!(Slot, returned);
const _: () = assert!(PARAMETERS == 64 && size_of::<Slot>() == 72);
const UDP: u8 = 17;

impl Slot {
    const EMPTY: Slot = Slot {
        family: 0,
        protocol: 0,
        ports: [0; 4],
        length_or_mtu: 0,
        dev: 0,
        tos_or_metric: 0,
        source: [0; 16],
        destination_or_gateway: [0; 16],
        table_or_vlan: 0,
        link_addresses: [0; 12],
        returned: 0,
        rest: 0,
    };

    fn question<I: Ip>(to: I, from: I, dev: u32) -> Slot {
        Slot {
            family: I::FAMILY.number(),
            protocol: UDP,
            dev,
            source: from.to_key().to_be_bytes(),
            destination_or_gateway: to.to_key().to_be_bytes(),
            ..Slot::EMPTY
        }
    }

    fn answer(&self, question: &Slot, picks_source: bool) -> io::Result<Answer> {
        let outcome = match u32::try_from(self.returned) {
            Ok(outcome) => Outcome(outcome),
            Err(_) => return Err(io::Error::from_raw_os_error(self.returned.wrapping_neg())),
        };
        if outcome == Outcome::FORWARDING_DISABLED {
            return Err(io::Error::other(format!("device {} does not forward", question.dev)));
        }
        let is_other =
            (self.family, self.destination_or_gateway) != (question.family, question.destination_or_gateway);
        Ok(Answer {
            outcome,
            dev: self.dev,
            gateway: is_other.then(|| address(self.family, self.destination_or_gateway)).flatten(),
            source: picks_source.then(|| address(question.family, self.source)).flatten(),
        })
    }
}

/// An address from its leading bytes.
fn address(family: u8, bytes: [u8; 16]) -> Option<IpAddr> {
    let key = u128::from_be_bytes(bytes);
    Family::from_number(family).map(|family| match family {
        Family::V4 => IpAddr::V4(Ip::from_key(key)),
        Family::V6 => IpAddr::V6(Ip::from_key(key)),
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::process::{Command, Stdio};

    use fingerpost_host::{Live, Target};
    use fingerpost_model::{Kernel, NsId};
    use fingerpost_net::{Prefix, Rng};

    use super::*;
    use crate::process::{self, Scratch};
    use crate::{kernel, load, table};

    const INSIDE: &str = "FINGERPOST_TEST_INSIDE";
    const ROUTES: usize = 20_000;
    const KEYS: usize = 5_000;

    #[test]
    fn ipv4_is_answered_as_by_getroute() {
        in_namespace("bpf::tests::ipv4_is_answered_as_by_getroute", || {
            let rules = [
                "rule add pref 50 iif lo to 32.0.0.0/3 blackhole",
                "rule add pref 51 iif in0 to 64.0.0.0/3 prohibit",
                "rule add pref 52 from 100.65.0.2 to 96.0.0.0/3 unreachable",
                "rule add pref 53 ipproto udp to 128.0.0.0/3 blackhole",
            ];
            compare_all(Ipv4Addr::new(100, 65, 0, 2), rules);
        });
    }

    #[test]
    fn ipv6_is_answered_as_by_getroute() {
        in_namespace("bpf::tests::ipv6_is_answered_as_by_getroute", || {
            let rules = [
                "-6 rule add pref 50 iif lo to 2400::/12 blackhole",
                "-6 rule add pref 51 iif in0 to 2600::/12 prohibit",
                "-6 rule add pref 52 from fd00:65::2 to 2800::/12 unreachable",
                "-6 rule add pref 53 ipproto udp to 2a00::/12 blackhole",
            ];
            compare_all(Ipv6Addr::new(0xfd00, 0x65, 0, 0, 0, 0, 0, 2), rules);
        });
    }

    /// Compares on a table: without rules, and with some that look at the whole question.
    fn compare_all<I: Ip>(from: I, rules: [&str; 4]) {
        let routes = table::synthetic::<I>(1, ROUTES);
        let scratch = Scratch::new().expect("a directory");
        let batch = scratch.path().join("table.batch");
        table::write_batch(&routes, &batch).expect("can be written");
        let figures = load::in_kernel(I::FAMILY, &batch, false).expect("is taken");
        assert!(figures.routes >= routes.len(), "{} of {}", figures.routes, routes.len());
        compare(&keys(&routes), from);
        for rule in table::rules(I::FAMILY).iter().chain(&rules) {
            process::run("ip", &rule.split_whitespace().collect::<Vec<_>>()).expect("is taken");
        }
        compare(&keys(&routes), from);
    }

    #[test]
    fn what_is_refused_is_told() {
        in_namespace("bpf::tests::what_is_refused_is_told", || {
            let key = [Ipv4Addr::new(192, 0, 2, 1)];
            let way = Way::Output { dev: 77 };
            let error = FibLookups::new(&key, way, false).expect("loads").ask().expect_err("no device");
            assert_eq!(error.raw_os_error(), Some(libc::ENODEV), "{error}");
            let way = Way::Output { dev: 1 };
            let error = FibLookups::new(&key, way, false).expect("loads").ask().expect_err("is no router");
            assert_eq!(error.to_string(), "device 1 does not forward");
            let (_, answers) =
                FibLookups::new::<Ipv4Addr>(&[], way, false).expect("loads").ask().expect("none");
            assert!(answers.is_empty());
            assert!(system::load(&[0]).expect_err("is no program").to_string().contains("a BPF program: "));
        });
    }

    /// Addresses in prefixes, and about as many anywhere.
    fn keys<I: Ip>(routes: &[table::Route<I>]) -> Vec<I> {
        let mut rng = Rng::new(3);
        let anywhere = std::iter::repeat_with(|| table::host(Prefix::DEFAULT, &mut rng));
        let own = ["100.64.0.9", "100.65.0.9", "100.64.255.254", "127.0.0.1", "224.0.0.1", "0.0.0.0"];
        let own6 = ["fd00:64::9", "fd00:65::9", "fd00:64::ffff:fffe", "::1", "ff02::1"];
        let special =
            own.iter().chain(&own6).filter_map(|text| I::from_ip(text.parse().expect("an address")));
        table::keys(routes, KEYS, 7).into_iter().chain(anywhere.take(KEYS)).chain(special).collect()
    }

    /// Asks both for each key, each way, with and without a source.
    fn compare<I: Ip>(keys: &[I], from: I) {
        let mut live = Live::open(&Target::Current).expect("a socket");
        let mut index = |name| live.get_link(NsId(0), 0, Some(name)).expect("is there").index;
        let (out, iif) = (index("out0"), index("in0"));
        for way in [Way::Output { dev: out }, Way::Input { dev: iif, from }] {
            let questions: Vec<_> = keys.iter().map(|&key| kernel::question(key, way).request()).collect();
            let netlink = live.route_get_all(&questions).expect("answers");
            for picks_source in [false, true] {
                let mut lookups = FibLookups::new(keys, way, picks_source).expect("BPF");
                let (time, answers) = lookups.ask().expect("answers");
                assert!(time > 0.0);
                kernel::same(keys, way, &netlink, &answers).expect("the same");
                let (_, again) = lookups.ask().expect("answers");
                assert_eq!(again, answers, "the questions are there again");
                let forwarded = answers.iter().filter(|answer| answer.is_forwarded()).count();
                assert!(forwarded > keys.len() / 10, "{forwarded} of {} {way:?}", keys.len());
                assert!(forwarded < keys.len(), "some have no route");
                assert!(answers.iter().all(|a| !a.is_forwarded() || a.source.is_some() == picks_source));
                let mut wrong = answers;
                wrong[0].dev += 1;
                assert!(!wrong[0].is_forwarded() || kernel::same(keys, way, &netlink, &wrong).is_err());
            }
        }
    }

    /// Runs `body` in a fresh network namespace, in this program again. `test` is the calling test's name.
    fn in_namespace(test: &str, body: impl FnOnce()) {
        if std::env::var_os(INSIDE).is_some() {
            return body();
        }
        let can =
            process::can_unshare() && FibLookups::new::<Ipv4Addr>(&[], Way::Output { dev: 1 }, true).is_ok();
        if !can {
            let reason = "no network namespace or no BPF can be had here (it takes root, unshare and ip)";
            assert!(std::env::var_os("FINGERPOST_REQUIRE_KERNEL").is_none_or(|v| v != "1"), "{reason}");
            eprintln!("{test}: skipped: {reason}");
            return;
        }
        let own = std::env::current_exe().expect("this program has a path");
        let status = Command::new("unshare")
            .args(["--net", "--mount"])
            .arg(own)
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(INSIDE, "1")
            .stdout(Stdio::null())
            .status()
            .expect("unshare was there before");
        assert!(status.success(), "{test} failed inside its namespace");
    }
}
