//! Transcripts: what is typed and what is printed, predicted here, answered by
//! Fingerpost in memory and judged by the running kernel.
//!
//! ```text
//! $ ip route add 20.0.0.0/8 dev e0
//! $ ip route add 20.0.0.0/8 dev e1
//! ! RTNETLINK answers: File exists
//! [2]
//! # a remark
//! $ ip route show 20.0.0.0/8
//! 20.0.0.0/8 dev e0 scope link
//! ```
//!
//! Behind a command stand its standard output, its standard error with `! `
//! before each line, and its exit status in brackets unless it is 0. Blanks at
//! line ends and blank lines do not count; a tab is written as four blanks.
//! Beyond the transcript, Fingerpost's answers have to equal the kernel's byte
//! for byte.
//!
//! The kernel's side needs root (or another right to make network namespaces),
//! `unshare`, `ip` and `sysctl`, and Linux 6.18. Without them a test says so and is
//! content with the prediction, unless `FINGERPOST_REQUIRE_KERNEL=1`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs};

use fingerpost::script::{Runner, Script};
use fingerpost_engine::config::Search;
use fingerpost_engine::{Behaviour, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;
use fingerpost_testkit::normalise::normalise;
use fingerpost_testkit::process::{allowed_cpus, pinned, run};
use fingerpost_testkit::script::{Answer, Purpose, kind_of};

/// Two veth pairs, all ends up: `e0` with 10.0.0.1/24 (peer `p0`), `e1` with 10.1.0.1/24 (peer `p1`).
pub const TWO: &str = "
$ ip link set lo up
$ ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
$ ip link add e1 address 02:00:00:00:00:03 type veth peer name p1 address 02:00:00:00:00:04
$ ip link set p0 up
$ ip link set p1 up
$ ip link set e0 up
$ ip link set e1 up
$ ip addr add 10.0.0.1/24 dev e0
$ ip addr add 10.1.0.1/24 dev e1
";

/// `lo` and one veth pair, all up and without addresses: `e0` and its peer `p0`.
pub const BARE: &str = "
$ ip link set lo up
$ ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
$ ip link set p0 up
$ ip link set e0 up
";

/// Two veth pairs, all ends up, whose addresses count at once: `e0` with
/// 2001:db8:1::1/64 (peer `p0`), `e1` with 2001:db8:2::1/64 (peer `p1`).
pub const SIX: &str = "
$ sysctl -qw net.ipv6.conf.default.accept_dad=0
$ sysctl -qw net.ipv6.conf.default.router_solicitations=0
$ ip link set lo up
$ ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
$ ip link add e1 address 02:00:00:00:00:03 type veth peer name p1 address 02:00:00:00:00:04
$ ip link set p0 up
$ ip link set p1 up
$ ip link set e0 up
$ ip link set e1 up
$ ip addr add 2001:db8:1::1/64 dev e0
$ ip addr add 2001:db8:2::1/64 dev e1
";

/// One veth pair, `e0` still down and its peer `p0` up, whose IPv6 addresses count at once.
pub const QUIET6: &str = "
$ sysctl -qw net.ipv6.conf.default.accept_dad=0
$ sysctl -qw net.ipv6.conf.default.router_solicitations=0
$ ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
$ ip link set p0 up
";

/// An empty namespace.
pub const EMPTY: &str = "";

/// One conformance point: the numbers it shows, the test's name, the situation
/// it starts from, the transcript.
macro_rules! point {
    ($numbers:literal, $name:ident, $start:expr, $transcript:expr) => {
        #[test]
        fn $name() {
            $crate::support::check($numbers, stringify!($name), $start, $transcript, None);
        }
    };
}

/// A point for which the running kernel may lack something (a kind of device),
/// so that it is not asked; the fourth argument says what.
macro_rules! point_in_memory {
    ($numbers:literal, $name:ident, $start:expr, $why:literal, $transcript:expr) => {
        #[test]
        fn $name() {
            $crate::support::check($numbers, stringify!($name), $start, $transcript, Some($why));
        }
    };
}

pub(crate) use {point, point_in_memory};

/// A command and what is expected of it.
struct Step {
    command: String,
    expected: Vec<String>,
}

/// Plays a transcript in memory and, where possible and not excluded, against the kernel.
///
/// # Panics
///
/// The answers are not the predicted ones, or the kernel's and Fingerpost's differ.
pub fn check(numbers: &str, name: &str, start: &str, transcript: &str, memory_only: Option<&str>) {
    let mut steps = parse(start);
    steps.extend(parse(transcript));
    let ours = in_memory(&steps);
    let theirs = match memory_only {
        Some(why) => {
            eprintln!("{name}: in memory only: {why}");
            None
        }
        None => kernel_is_there().then(|| in_kernel(name, &steps)),
    };
    let mut faults = judge("Fingerpost", &steps, &ours);
    if let Some(theirs) = &theirs {
        faults.push_str(&judge("the kernel", &steps, theirs));
        for ((step, ours), theirs) in steps.iter().zip(&ours).zip(theirs) {
            // The kernel's side has no errno to compare: a shell sees the status only.
            let theirs = Answer { errno: ours.errno, ..theirs.clone() };
            if *ours != theirs {
                let (ours, theirs) = (shown(ours).join("\n"), shown(&theirs).join("\n"));
                faults
                    .push_str(&format!("$ {}\nFingerpost:\n{ours}\nthe kernel:\n{theirs}\n\n", step.command));
            }
        }
    }
    assert!(faults.is_empty(), "{numbers} {name}\n\n{faults}");
}

fn parse(transcript: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let indent = transcript
        .lines()
        .find(|line| !line.trim().is_empty())
        .map_or(0, |line| line.len() - line.trim_start().len());
    for line in transcript.lines() {
        let line = line.get(indent..).unwrap_or("").trim_end();
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), expected: Vec::new() });
        } else if !line.is_empty() && !line.starts_with("# ") {
            let step = steps.last_mut().expect("a transcript begins with a command");
            step.expected.push(line.to_owned());
        }
    }
    steps
}

/// An answer in the transcript's form.
fn shown(answer: &Answer) -> Vec<String> {
    let plain = |line: &str| line.replace('\t', "    ").trim_end().to_owned();
    let mut lines: Vec<String> = answer.stdout.lines().map(plain).filter(|line| !line.is_empty()).collect();
    let errors = answer.stderr.lines().map(plain).filter(|line| !line.is_empty());
    lines.extend(errors.map(|line| format!("! {line}")));
    if answer.status != 0 {
        lines.push(format!("[{}]", answer.status));
    }
    lines
}

fn judge(side: &str, steps: &[Step], answers: &[Answer]) -> String {
    let differs = |(step, answer): (&Step, &Answer)| step.expected != shown(answer);
    if !steps.iter().zip(answers).any(differs) {
        return String::new();
    }
    let mut text = format!("{side} says (> marks what differs):\n");
    for (step, answer) in steps.iter().zip(answers) {
        let mark = if differs((step, answer)) { ">" } else { " " };
        text.push_str(&format!("{mark} $ {}\n", step.command));
        shown(answer).iter().for_each(|line| text.push_str(&format!("{mark} {line}\n")));
    }
    text.push('\n');
    text
}

/// The answers of a world, whichever structure it searches.
fn in_memory(steps: &[Step]) -> Vec<Answer> {
    let answers = in_world(steps, Search::LcTrie);
    assert_eq!(in_world(steps, Search::Compiled), answers, "the compiled table answers otherwise");
    answers
}

fn in_world(steps: &[Step], search: Search) -> Vec<Answer> {
    let mut world = World::new(1, Behaviour::default());
    world.set_search(search);
    let names = Names::default();
    let mut runner = Runner { world: &mut world, ns: NsId(0), names: &names };
    let answer = |step: &Step| {
        let script =
            Script::parse(&step.command).unwrap_or_else(|error| panic!("{}: {error:?}", step.command));
        let [command] = script.commands() else { panic!("{}: one command a line", step.command) };
        let outcome = runner.run(&command.words);
        let mut answer =
            Answer { status: outcome.status, errno: None, stdout: outcome.stdout, stderr: outcome.stderr };
        normalise(&step.command, &mut answer);
        answer
    };
    steps.iter().map(answer).collect()
}

/// The release that the transcripts are predictions of.
const RELEASE: &str = "6.18";

/// Whether a kernel can be asked: namespaces can be made here, and its release
/// is the predicted one. Where a kernel is required, the lack of rights is a
/// failure, and a kernel of another release is asked all the same.
pub fn kernel_is_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(|| {
        let required = env::var("FINGERPOST_REQUIRE_KERNEL").as_deref() == Ok("1");
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let predicted = release.trim().strip_prefix(RELEASE);
        if !required && predicted.is_none_or(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            eprintln!(
                "the kernel is not asked: these are predictions of {RELEASE}, not of {}",
                release.trim()
            );
            return false;
        }
        let ready = Command::new("unshare")
            .args(["--net", "sh", "-c", "ip link set lo up && command -v sysctl"])
            .output()
            .is_ok_and(|output| output.status.success());
        if !ready {
            let why = "no network namespace can be made here, or ip or sysctl is missing";
            assert!(!required, "{why}");
            eprintln!("the kernel is not asked: {why}");
        }
        ready
    })
}

/// Runs the commands in a fresh namespace, by one shell, on one CPU (T-17).
fn in_kernel(name: &str, steps: &[Step]) -> Vec<Answer> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let cpus = allowed_cpus();
    let cpu = cpus.get(TURN.fetch_add(1, Ordering::Relaxed) % cpus.len().max(1)).copied();
    let directory = directory(name);
    let named = steps.iter().any(|step| step.command.contains("netns"));
    let mut command = pinned(cpu, "unshare");
    command.arg("--net").args(named.then_some("--mount")).args(["sh", "-s"]).env("LC_ALL", "C");
    let done = run(&mut command, &shell_script(steps, &directory, named), Duration::from_secs(120));
    let done = done.expect("a namespace with a shell");
    assert_eq!((done.status, done.stderr.as_str()), (0, ""), "the shell");
    let answers = steps.iter().enumerate().map(|(at, step)| {
        let read = |what: &str| {
            let bytes = fs::read(directory.join(format!("{at}.{what}"))).expect("the shell has written it");
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let status = read("status").trim().parse().expect("a status");
        let mut answer = Answer { status, errno: None, stdout: read("out"), stderr: read("err") };
        normalise(&step.command, &mut answer);
        answer
    });
    let answers = answers.collect();
    let _ = fs::remove_dir_all(&directory);
    answers
}

/// A directory for the files of one test's run.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a directory of this test's own");
    path
}

/// Settings that a new namespace takes over from the machine's first one,
/// where distributions and container engines change them, with the values that
/// the kernel itself begins with. `ip_forward` comes first, since it sets others.
const SETTINGS: [(&str, &str); 12] = [
    ("ip_forward", "0"),
    ("conf/DEV/accept_redirects", "1"),
    ("conf/DEV/secure_redirects", "1"),
    ("conf/DEV/send_redirects", "1"),
    ("conf/DEV/rp_filter", "0"),
    ("conf/DEV/promote_secondaries", "0"),
    ("conf/DEV/log_martians", "0"),
    ("conf/DEV/src_valid_mark", "0"),
    ("conf/DEV/route_localnet", "0"),
    ("conf/DEV/ignore_routes_with_linkdown", "0"),
    ("conf/all/accept_source_route", "0"),
    ("conf/default/accept_source_route", "1"),
];

/// Shell commands that bring [`SETTINGS`] about, touching only what differs.
fn initial_settings() -> String {
    let mut script = String::from(
        "setting() {\n\
         read -r value <\"/proc/sys/net/ipv4/$1\"\n\
         [ \"$value\" = \"$2\" ] || echo \"$2\" >\"/proc/sys/net/ipv4/$1\"\n\
         }\n",
    );
    for (name, value) in SETTINGS {
        let devices: &[&str] = if name.contains("DEV") { &["default", "all", "lo"] } else { &[""] };
        for device in devices {
            script.push_str(&format!("setting {} {value}\n", name.replace("DEV", device)));
        }
    }
    script
}

/// Waits until every address of IPv6 that is no longer tentative has its local
/// route and nothing changes, or for about a second: some never get one.
const SETTLE_ADDRESSES: &str = r#"settle_addresses() {
sleep 0.05
before=
for look in 1 2 3 4 5 6 7 8 9 10 11 12; do
now=$(cat /proc/net/if_inet6 /proc/net/ipv6_route)
missing=$(echo "$now" | awk '
NF == 6 { address[$1 " " $6] = $5 }
NF == 10 && $2 == "80" && $9 ~ /^8/ { route[$1 " " $10] = 1 }
END {
for (key in address) {
tentative = index("4567cdef", substr(address[key], length(address[key]) - 1, 1))
if (tentative || !(key in route)) missing++
}
print missing + 0
}')
[ "$missing" = 0 ] && [ "$now" = "$before" ] && return
before=$now
sleep 0.02
done
}
"#;

/// The steps as a shell script that leaves three files for each.
///
/// After changes of links it asks for each link by name, which makes the kernel
/// finish carrier events that it has queued (T-34). Where realms are used it
/// lets the grace period end in which a freed one still counts (T-22). What IPv6
/// does about addresses comes from a queue (T-47), which is given time as well, and
/// before asking, which would change the order of events.
fn shell_script(steps: &[Step], directory: &Path, named: bool) -> String {
    let mut script = String::from(
        "settle() {\n\
         for round in 1 2; do\n\
         sed -n 's/^ *\\([^ :]*\\):.*/link show dev \\1/p' /proc/net/dev | ip -force -batch - >/dev/null 2>&1\n\
         done\n\
         }\n",
    );
    script.push_str(SETTLE_ADDRESSES);
    script.push_str(&initial_settings());
    if named {
        script.push_str("mkdir -p /run/netns && mount -t tmpfs none /run/netns || exit 1\n");
    }
    let realms = steps.iter().any(|step| step.command.contains("realm"));
    let six = steps.iter().any(|step| step.command.contains("ipv6") || step.command.contains("-6"));
    let mut changed = false;
    for (at, step) in steps.iter().enumerate() {
        let kind = kind_of(&step.command);
        if realms && changed && kind.purpose == Purpose::Question {
            script.push_str("sleep 0.1\n");
            changed = false;
        }
        changed |= kind.purpose == Purpose::Change;
        let file = format!("'{}/{at}.", directory.display());
        let command = &step.command;
        script.push_str(&format!("{command} >{file}out' 2>{file}err' </dev/null\necho $? >{file}status'\n"));
        if six && kind.purpose == Purpose::Change && !command.contains("route ") {
            script.push_str("settle_addresses\n");
        }
        if kind.purpose == Purpose::Change && (command.contains("link ") || command.contains("tuntap")) {
            script.push_str("settle\n");
        }
    }
    script.push_str("exit 0\n");
    script
}
