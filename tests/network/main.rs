//! Several hosts and what pings print between them: transcripts that Fingerpost's virtual
//! network and real namespaces have to repeat, times aside.
//!
//! Behind a command (`$ `) stand its standard output, its standard error with `! ` before
//! each line, and its exit status in brackets unless it is 0; `# ` begins a remark. Blanks at
//! line ends and blank lines do not count; a tab is written as four blanks. Beyond the
//! transcript, both sides' answers have to be equal byte for byte.
//!
//! The kernel's side needs root, `unshare`, `ip`, `sysctl`, and iputils' `ping`. Without them
//! a test says so and is content with the transcript, unless `FINGERPOST_REQUIRE_KERNEL=1`.

use std::process::Command;
use std::sync::OnceLock;

use fingerpost::script::Runner;
use fingerpost_engine::network::Condition;
use fingerpost_engine::{Behaviour, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;
use fingerpost_testkit::network::sides;
use fingerpost_testkit::script::Answer;

/// The release of iputils whose ping is modelled.
const PING: &str = "20221126";

macro_rules! transcripts {
    ($($name:ident,)*) => {
        $(#[test]
        fn $name() {
            check(include_str!(concat!(stringify!($name), ".txt")));
        })*
    };
}

transcripts! {
    bridge,
    options,
    redirect,
    refusals,
    three_hosts,
}

/// A link that loses frames, by its seed: every run prints the same.
#[test]
fn a_lossy_link_loses_the_same_each_time() {
    let answers = |seed: u64| {
        let mut world = World::new(seed, Behaviour::default());
        let run = |world: &mut World, line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            Runner { world, ns: NsId(0), names: &Names::default() }.run(&words)
        };
        for line in [
            "ip netns add far",
            "ip link add e0 type veth peer name f0 netns far",
            "ip link set e0 up",
            "ip -n far link set f0 up",
            "ip addr add 10.0.0.1/24 dev e0",
            "ip -n far addr add 10.0.0.2/24 dev f0",
            "ping -c 1 10.0.0.2",
        ] {
            assert_eq!(run(&mut world, line).status, 0, "{line}");
        }
        let dev = world.ns(NsId(0)).unwrap().config.links.find("e0").unwrap().index();
        world.network.set_condition((NsId(0), dev), Condition { delay: 15, loss: 250 });
        run(&mut world, "ping -i 0.5 -c 40 10.0.0.2").stdout
    };
    let first = answers(1);
    assert_eq!(first, answers(1));
    assert_ne!(first, answers(2));
    assert!(
        first.contains("icmp_seq=1 ttl=64 time=15.0 ms") || first.contains("icmp_seq=2 ttl=64 time=15.0 ms")
    );
    let loss: f64 =
        first.split_once("received, ").and_then(|(_, rest)| rest.split_once('%')).unwrap().0.parse().unwrap();
    assert!((10.0..45.0).contains(&loss), "{first}");
}

#[test]
fn what_a_ping_meets_that_is_not_modelled_is_said_instead() {
    let mut world = World::new(1, Behaviour::default());
    let mut run = |line: &str| {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Runner { world: &mut world, ns: NsId(0), names: &Names::default() }.run(&words)
    };
    for line in [
        "ip netns add far",
        "ip link add br0 type bridge vlan_filtering 1",
        "ip link add e0 type veth peer name f0 netns far",
        "ip link set e0 master br0 up",
        "ip link set br0 up",
        "ip -n far link set f0 up",
        "ip addr add 10.0.0.1/24 dev br0",
        "ip -n far addr add 10.0.0.2/24 dev f0",
    ] {
        assert_eq!(run(line).status, 0, "{line}");
    }
    let outcome = run("ping -c 1 10.0.0.2");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (3, ""));
    assert!(outcome.stderr.contains("VLAN filtering of bridges"), "{}", outcome.stderr);
}

/// A command and what is expected of it.
struct Step<'a> {
    command: &'a str,
    expected: Vec<&'a str>,
}

fn check(transcript: &str) {
    let steps = parse(transcript);
    let lines: Vec<String> = steps.iter().map(|step| step.command.to_owned()).collect();
    let ours = sides::ours(&lines).expect("commands of scripts");
    judge("Fingerpost", &steps, &ours);
    if kernel_is_there() {
        let theirs = sides::theirs(&lines).expect("namespaces");
        judge("the kernel", &steps, &theirs);
        for ((line, ours), theirs) in lines.iter().zip(&ours).zip(&theirs) {
            assert_eq!(ours, theirs, "{line}");
        }
    }
}

fn parse(transcript: &str) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for line in transcript.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => steps.push(Step { command, expected: Vec::new() }),
            None if line.starts_with("# ") => {}
            None => steps.last_mut().expect("a transcript begins with a command").expected.push(line),
        }
    }
    steps
}

fn judge(side: &str, steps: &[Step<'_>], answers: &[Answer]) {
    for (step, answer) in steps.iter().zip(answers) {
        let shown = shown(answer);
        assert_eq!(shown.join("\n"), step.expected.join("\n"), "{side} says of `{}`", step.command);
    }
    assert_eq!(steps.len(), answers.len(), "{side} answers each line");
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

/// Whether namespaces can be made here, with the ping that is modelled.
fn kernel_is_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(|| {
        let required = std::env::var("FINGERPOST_REQUIRE_KERNEL").as_deref() == Ok("1");
        let run = |program: &str, args: &[&str]| Command::new(program).args(args).output();
        let version = run("ping", &["-V"]).map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let ready =
            run("unshare", &["--net", "--mount", "sh", "-c", "ip link set lo up && command -v sysctl"]);
        let why = match (version, ready) {
            (Ok(version), _) if !version.contains(PING) => {
                format!("this is another ping: {}", version.trim())
            }
            (Ok(_), Ok(output)) if output.status.success() => return true,
            _ => "no network namespace can be made here, or ping, ip or sysctl is missing".to_owned(),
        };
        assert!(!required, "{why}");
        eprintln!("the kernel is not asked: {why}");
        false
    })
}
