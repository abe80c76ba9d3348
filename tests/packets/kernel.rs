//! The running kernel as judge: the same host in a network namespace of its own, the same
//! frames on real taps.
//!
//! Needs root, `unshare`, `taskset`, `perl`, `ip`, `nstat` and what a situation asks for; without them
//! a test says so and passes, unless `FINGERPOST_REQUIRE_KERNEL` is 1.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::process::{Command, Stdio};

use fingerpost_engine::Time;
use fingerpost_engine::path::Handled;
use fingerpost_engine::trace::Tracer;
use fingerpost_model::NsId;
use fingerpost_net::wire::{Ethernet, Header, Ipv4, Ipv6, checksum, ethertype, next};

use crate::host::Host;

/// Makes the host, holds its taps, writes frames and says what happens.
const DRIVER: &str = r#"
    use strict; use Fcntl; use Time::HiRes qw(time sleep);
    $| = 1;
    sub run { system("sh", "-e", "-c", $_[0]) == 0 or die "failed: $_[0]\n" }
    sub count { for (`nstat -az --noupdate`) { print "$_[0] $1 $2\n" if /^(\w+)\s+(\d+)/ } }
    my %taps;
    run($ENV{SETUP});
    my $flags = 0x1002;
    if ($ENV{BATCHES}) {
        # The device collects what is written until its own thread takes it.
        run("mount -t sysfs none /sys");
        $flags |= 0x10;
    }
    for my $name (split ' ', $ENV{TAPS}) {
        sysopen(my $file, "/dev/net/tun", O_RDWR | O_NONBLOCK) or die "tun: $!\n";
        ioctl($file, 0x400454ca, pack("a16 s x22", $name, $flags)) or die "$name: $!\n";
        $taps{$name} = $file;
        run("echo 1 > /sys/class/net/$name/threaded") if $ENV{BATCHES};
    }
    sub drain {
        my ($pause, $say) = @_;
        my $until = time + $pause;
        while (time < $until) {
            my $any = 0;
            for my $name (sort keys %taps) {
                while (sysread($taps{$name}, my $frame, 70000)) {
                    print "frame $name ", unpack("H*", $frame), "\n" if $say;
                    $any = 1;
                }
            }
            $until = time + $pause if $any;
            sleep 0.005;
        }
    }
    drain($ENV{QUIET}, 0);
    run($ENV{RULES});
    count("before");
    while (<STDIN>) {
        chomp;
        my ($what, $rest) = split / /, $_, 2;
        if ($what eq "sh") { run($rest) } elsif ($what eq "wait") { drain($rest / 1000, 1) } else { syswrite($taps{$what}, pack("H*", $_)) for split /,/, $rest }
        drain(0.08, 1);
    }
    count("after");
    print "said\n";
    run($ENV{TELL});
"#;

/// One thing that happens to the host.
#[derive(Clone, Debug)]
pub enum Step {
    /// A frame arrives.
    Frame(&'static str, Vec<u8>),
    /// Frames arrive at once.
    Frames(&'static str, Vec<Vec<u8>>),
    /// A command is run.
    Run(&'static str),
    /// Milliseconds pass.
    Wait(u64),
}

/// What is asked of the kernel.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Makes the host: the taps `e0` and `e1` among others.
    pub setup: &'a str,
    /// Seconds of silence to wait for before the first step.
    pub quiet: f32,
    /// Run just before the steps.
    pub rules: &'a str,
    pub steps: &'a [Step],
    /// Run at the end; its output is kept.
    pub tell: &'a str,
    /// Whether frames that arrive at once are received in batches.
    pub in_batches: bool,
}

impl<'a> Asked<'a> {
    /// What becomes of these frames on a host of IPv4.
    pub fn of(setup: &'a str, steps: &'a [Step]) -> Self {
        Asked { setup, quiet: 0.1, rules: "true", steps, tell: "true", in_batches: false }
    }
}

/// What the kernel did.
#[derive(Debug, Default)]
pub struct Did {
    /// The frames that left, by device and in order.
    pub frames: Vec<(String, Vec<u8>)>,
    /// How much counters grew.
    pub counters: BTreeMap<String, i64>,
    pub said: String,
    /// The last error that a command was told; 0 for none.
    pub told: i32,
}

/// What the kernel does, if it can be asked here.
pub fn ask(asked: &Asked<'_>) -> Option<Did> {
    let steps = asked.steps.iter().map(|step| match step {
        Step::Frame(dev, frame) => format!("{dev} {}", hex(frame)),
        Step::Frames(dev, frames) => {
            format!("{dev} {}", frames.iter().map(|frame| hex(frame)).collect::<Vec<_>>().join(","))
        }
        Step::Run(command) => format!("sh {command}"),
        Step::Wait(millis) => format!("wait {millis}"),
    });
    let mut child = Command::new("taskset");
    child
        .args(["-c", &processor(), "unshare", "--net", "--mount", "perl", "-e", DRIVER])
        .env("SETUP", asked.setup)
        .env("TAPS", "e0 e1")
        .env("BATCHES", if asked.in_batches { "1" } else { "" })
        .env("QUIET", asked.quiet.to_string())
        .env("RULES", asked.rules)
        .env("TELL", asked.tell)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let possible = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-c", "ip link && nft list ruleset"])
        .output();
    if !possible.is_ok_and(|possible| possible.status.success()) {
        let why = "skipped: the kernel cannot be asked here";
        assert_ne!(std::env::var("FINGERPOST_REQUIRE_KERNEL").as_deref(), Ok("1"), "{why}");
        eprintln!("{why}");
        return None;
    }
    let mut child = child.spawn().expect("a kernel that can be asked");
    let steps = steps.collect::<Vec<_>>().join("\n");
    child.stdin.take().expect("standard input").write_all(steps.as_bytes()).expect("steps");
    let done = child.wait_with_output().expect("an end");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{errors}");
    let mut did = Did::default();
    let text = String::from_utf8(done.stdout).expect("text");
    let (happened, said) = text.split_once("\nsaid\n").expect("an end");
    for line in happened.lines() {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["frame", dev, frame] => did.frames.push((dev.to_owned(), unhex(frame))),
            ["before", name, count] => {
                *did.counters.entry(name.to_owned()).or_default() -= count.parse::<i64>().expect("a number")
            }
            ["after", name, count] => {
                *did.counters.entry(name.to_owned()).or_default() += count.parse::<i64>().expect("a number")
            }
            ["told", errno] => did.told = errno.parse().expect("a number"),
            _ => {}
        }
    }
    did.said = said.to_owned();
    Some(did)
}

/// The processor that this thread runs on: the kernel's side stays there, for some of what
/// Linux has is one for each processor.
fn processor() -> String {
    const FIELD: usize = 36;
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    behind_name.split_whitespace().nth(FIELD).unwrap_or("0").to_owned()
}

/// What both did: the frames that left, masked and in order by device, and counters.
#[derive(Default, PartialEq)]
pub struct Both {
    pub frames: Vec<(String, Vec<u8>)>,
    pub counters: BTreeMap<String, u64>,
}

impl fmt::Debug for Both {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (dev, frame) in &self.frames {
            write!(f, "\n{dev} {} {}", frame.len(), hex(&frame[..frame.len().min(80)]))?;
        }
        write!(f, "\n{:?}\n", self.counters)
    }
}

/// Has a host and the kernel do the same, which has to be the same; what each step came to
/// here, and what the kernel said at its end.
#[track_caller]
pub fn same(host: &mut Host, asked: &Asked<'_>) -> (Both, Vec<Handled>, Option<String>) {
    let (mut handled, mut emitted) = (Vec::new(), Vec::new());
    for step in asked.steps {
        let mut take = |host: &mut Host, dev: &str, frame: &[u8]| {
            handled.push(host.frame(dev, frame));
            emitted.extend(handled.iter().next_back().map(|done| done.emitted.clone()).unwrap_or_default());
        };
        match step {
            Step::Frame(dev, frame) => take(host, dev, frame),
            Step::Frames(dev, frames) => frames.iter().for_each(|frame| take(host, dev, frame)),
            Step::Run(command) => host.run(command),
            Step::Wait(_) => {}
        }
        let millis = if let Step::Wait(millis) = step { *millis } else { 0 };
        let until = Time(host.world.now.0 + millis);
        let later = host.world.run_until(until, &mut Tracer::off());
        emitted.extend(later.into_iter().map(|(_, _, frame)| frame));
    }
    let ns = host.world.ns(NsId(0)).unwrap();
    let name = |dev: u32| ns.config.links.get(dev).unwrap().name().to_owned();
    let mut ours = Both {
        frames: emitted.iter().map(|frame| (name(frame.dev), masked(&frame.bytes))).collect(),
        counters: ns.state.counters.nonzero().map(|(name, count)| (name.to_string(), count)).collect(),
    };
    ours.frames.sort_by(|a, b| a.0.cmp(&b.0));
    let Some(mut did) = ask(asked) else { return (ours, handled, None) };
    let mut theirs = both_of(&did);
    // On a busy machine the kernel does some work late.
    for _ in 0..2 {
        if ours == theirs {
            break;
        }
        did = ask(asked).expect("it could be asked before");
        theirs = both_of(&did);
    }
    assert_eq!(ours, theirs, "here, and in the kernel");
    (ours, handled, Some(did.said))
}

/// What the kernel did that is compared.
fn both_of(did: &Did) -> Both {
    let is_known = |name: &str| name == "TcpExtIPReversePathFilter" || !name.starts_with("TcpExt");
    let grew = did.counters.iter().filter(|(name, grown)| **grown != 0 && is_known(name));
    let mut theirs = Both {
        frames: did.frames.iter().map(|(dev, frame)| (dev.clone(), masked(frame))).collect(),
        counters: grew.map(|(name, grown)| (name.clone(), *grown as u64)).collect(),
    };
    theirs.frames.sort_by(|a, b| a.0.cmp(&b.0));
    theirs
}

/// A frame without what is random in the kernel: ids of IPv4 packets, and with them the
/// header's checksum, which has to be right, and ids of IPv6 fragments.
pub fn masked(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let is_four = Ethernet::read(&frame).is_some_and(|link| link.ethertype.get() == ethertype::IPV4);
    let packet = frame.get_mut(Ethernet::LEN..).unwrap_or_default();
    let len = Ipv4::read(packet).map_or(0, Ipv4::header_len);
    if is_four && let Some(whole) = packet.get(..len) {
        assert_eq!(checksum(whole), 0, "a header's checksum: {whole:02x?}");
        if let Some(header) = Ipv4::edit(packet) {
            header.id.set(0);
            header.checksum.set(0);
        }
    }
    let is_six = Ethernet::read(&frame).is_some_and(|link| link.ethertype.get() == ethertype::IPV6);
    if is_six && frame.get(Ethernet::LEN + Ipv6::NEXT_AT) == Some(&next::FRAGMENT) {
        let id = Ethernet::LEN + Ipv6::LEN + 4;
        frame.get_mut(id..id + 4).into_iter().for_each(|id| id.fill(0));
    }
    frame
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(digit).collect()
}
