//! The running kernel, nft and getaddrinfo as judges of explanations.
//!
//! Each test makes a network namespace, sets it up with the real `ip`, and asks
//! both. Without the privilege, or without nft or python3, the tests say so and
//! pass; with `FINGERPOST_REQUIRE_KERNEL=1` a missing privilege is a failure.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Runs a shell script in a namespace; files named `*.json` hold these inputs,
/// below `/run` of its own. `None`, with the reason said, where that cannot be.
pub(crate) fn apart(tools: &[&str], inputs: &[(&str, String)], script: &str) -> Option<String> {
    for tool in tools {
        let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output();
        if !found.is_ok_and(|found| found.status.success()) {
            let why = format!("skipped: there is no {tool} here");
            assert_ne!(std::env::var("FINGERPOST_REQUIRE_KERNEL").as_deref(), Ok("1"), "{why}");
            eprintln!("{why}");
            return None;
        }
    }
    let possible = Command::new("unshare").args(["--net", "--mount", "true"]).output();
    if !possible.as_ref().is_ok_and(|done| done.status.success()) {
        let why = format!("skipped: no network namespace can be made here: {possible:?}");
        assert_ne!(std::env::var("FINGERPOST_REQUIRE_KERNEL").as_deref(), Ok("1"), "{why}");
        eprintln!("{why}");
        return None;
    }
    let mut text = String::from("mount -t tmpfs none /run\n");
    for (name, input) in inputs {
        let _ = write!(text, "cat > /run/{name} <<'END'\n{input}\nEND\n");
    }
    text += script;
    let mut child = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-e"])
        .env("F", env!("CARGO_BIN_EXE_fingerpost"))
        .env("PY", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/explain/kernel"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    child.stdin.take().expect("standard input").write_all(text.as_bytes()).expect("a script");
    let done = child.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "the script failed: {said}");
    Some(String::from_utf8(done.stdout).expect("text"))
}

/// Two links with their other ends in the same namespace.
const LINKS: &str = "
sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
ip link set lo up
ip link add eth0 type veth peer name p0
ip link add eth1 type veth peer name p1
for dev in eth0 p0 eth1 p1; do ip link set $dev up; done
";

const ADDRESSES: &str = "
ip addr add 2001:db8:1::10/64 dev eth0 nodad
ip addr add fd00:1::10/64 dev eth0 nodad
ip addr add 2001:db8:2::10/64 dev eth1 nodad
ip addr add 2001:db8:2::99/64 dev eth1 nodad preferred_lft 0
ip addr add 10.1.0.10/24 dev eth0
ip addr add 10.2.0.10/24 dev eth1
sleep 2.5
";

const ROUTES: &str = "
ip -6 route add default via fe80::1 dev eth0
ip -6 route add 2001:db8:99::/48 via fe80::9 dev eth1
ip -6 route add 2001:db8:77::/48 via fe80::9 dev eth1 from 2001:db8:1::/64
ip -6 route add 2001:db8:88::/48 dev eth0 metric 10
ip -6 route add 2001:db8:88::/48 dev eth1 metric 20
ip -6 route add 2001:db8:89::/48 via fe80::4 dev eth0
ip -6 route append 2001:db8:89::/48 dev eth1
ip -6 neigh add fe80::4 dev eth0 nud failed
ip -6 route add unreachable 2001:db8:50::/48
ip -6 route add blackhole 2001:db8:51::/48
ip -6 route add prohibit 2001:db8:52::/48
ip -6 route add throw 2001:db8:53::/48
ip -6 rule add pref 100 fwmark 1 lookup 100
ip -6 route add default dev eth1 table 100
ip -6 rule add pref 200 to 2001:db8:60::/48 unreachable
ip -6 rule add pref 201 to 2001:db8:61::/48 blackhole
ip -6 rule add pref 202 from 2001:db8:1::10 to 2001:db8:62::/48 lookup 100
ip route add default via 10.1.0.1
ip route add 20.0.0.0/8 via 10.2.0.1
ip route add 21.0.0.0/8 nexthop via 10.1.0.1 nexthop via 10.2.0.1
ip route add unreachable 22.0.0.0/8
ip route add blackhole 23.0.0.0/8
ip route add local 24.0.0.0/8 dev lo
ip rule add pref 100 fwmark 1 lookup 100
ip route add default dev eth1 table 100
";

/// Places in the IPv6 configuration above.
const SIX: [&str; 19] = [
    "2001:db8:1::5",
    "2001:db8:2::5",
    "2001:db8:99::5",
    "2001:db8:77::5",
    "2001:db8:88::5",
    "2001:db8:89::5",
    "2001:db8:50::5",
    "2001:db8:51::5",
    "2001:db8:52::5",
    "2001:db8:53::5",
    "2001:db8:60::5",
    "2001:db8:61::5",
    "2001:db8:62::5",
    "2001:4860::1",
    "fe80::5",
    "2001:db8:1::10",
    "2001:db8:2::10",
    "2001:db8:1::",
    "::",
];
const SIX_TO: [&str; 8] = [
    "2001:db8:1::10",
    "2001:db8:2::10",
    "2001:4860::7",
    "ff02::5",
    "fe80::7",
    "ff0e::1",
    "2001:db8:1::",
    "2001:db8:50::5",
];
/// Places in the IPv4 configuration.
const FOUR: [&str; 13] = [
    "10.1.0.5",
    "10.2.0.5",
    "20.0.0.5",
    "21.0.0.5",
    "22.0.0.5",
    "23.0.0.5",
    "24.0.0.5",
    "8.8.8.8",
    "10.1.0.10",
    "10.2.0.10",
    "10.1.0.255",
    "0.0.0.0",
    "169.254.1.1",
];
const FOUR_TO: [&str; 7] =
    ["10.1.0.10", "8.8.4.4", "224.0.0.5", "239.1.1.1", "255.255.255.255", "10.1.0.255", "24.0.0.5"];

#[test]
fn fib_is_what_nft_sees() {
    let mut expressions: Vec<String> = [
        "saddr . iif oif missing",
        "saddr . mark . iif oif missing",
        "saddr oif missing",
        "saddr oifname eth1",
        "saddr . mark oifname eth1",
        "daddr . iif oif exists",
    ]
    .map(String::from)
    .to_vec();
    let kinds =
        ["local", "unicast", "multicast", "anycast", "broadcast", "blackhole", "unreachable", "prohibit"];
    for key in ["daddr", "daddr . iif", "saddr", "saddr . mark . iif"] {
        expressions.extend(kinds.iter().map(|kind| format!("{key} type {kind}")));
    }
    compare_firewalls(&["nft", "python3", "ip"], "fib.py", "", &expressions);
}

#[test]
fn rpfilter_is_what_iptables_sees() {
    let options = ["", "--loose", "--validmark", "--accept-local", "--loose --accept-local", "--invert"];
    let tools = ["ip6tables-restore", "nft", "python3", "ip"];
    compare_firewalls(&tools, "rpfilter.py", "rpfilter ", &options.map(String::from));
}

/// Sends packets of both families from and to all places, and compares what rules
/// with these expressions match with what explanations say.
fn compare_firewalls(tools: &[&str], program: &str, begin: &str, expressions: &[String]) {
    let mut inputs = Vec::new();
    let mut script = format!("{LINKS}{ADDRESSES}{ROUTES}");
    for (family, from, to) in [(6, &SIX[..], &SIX_TO[..]), (4, &FOUR[..], &FOUR_TO[..])] {
        let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
        let cases: Vec<(&str, &str, u32)> =
            pairs.flat_map(|(from, to)| [0, 1].map(|mark| (from, to, mark))).collect();
        let ask = json!({"family": family, "device": "eth0", "peer": "p0", "cases": cases,
            "expressions": expressions});
        inputs.push((if family == 6 { "six.json" } else { "four.json" }, ask.to_string()));
        let question = |(from, to, mark): &(&str, &str, u32)| {
            json!({"to": to, "from": from, "iif": "eth0", "mark": mark, "ipproto": "udp", "sport": 1000,
                "dport": 2000})
            .to_string()
        };
        let questions: Vec<String> = cases.iter().map(question).collect();
        inputs.push((if family == 6 { "six" } else { "four" }, questions.join("\n")));
    }
    script += "export PYTHONDONTWRITEBYTECODE=1\n";
    // The type of an address is asked once, and compared with each that a rule names.
    let asked = |expression: &String| match expression.split_once(" type ") {
        Some((key, kind)) => (format!("{begin}{key} type"), Some(kind.to_string())),
        None => (format!("{begin}{expression}"), None),
    };
    let mut all: Vec<String> = expressions.iter().map(|expression| asked(expression).0).collect();
    all.dedup();
    for name in ["six", "four"] {
        for (n, expression) in all.iter().enumerate() {
            let ask = format!("$F explain - --fib '{expression}' < /run/{name}");
            let _ = writeln!(script, "{ask} | sed 's/^/ours {name} {n} /'");
        }
        let judge = format!("python3 $PY/{program} < /run/{name}.json > /run/judged");
        let _ = writeln!(script, "{judge}\nsed 's/^/kernel {name} /' /run/judged");
    }
    let Some(told) = apart(tools, &inputs, &script) else { return };
    let (mut compared, mut matching) = (0, 0);
    for name in ["six", "four"] {
        let lines = |prefix: &str| -> Vec<String> {
            told.lines().filter_map(|line| line.strip_prefix(prefix)).map(String::from).collect()
        };
        let kernel = lines(&format!("kernel {name} "));
        for (n, expression) in expressions.iter().enumerate() {
            let (ask, kind) = asked(expression);
            let at = all.iter().position(|other| *other == ask).expect("it is asked");
            let ours = lines(&format!("ours {name} {at} "));
            assert_eq!(ours.len(), kernel.len());
            for (ours, kernel) in ours.iter().zip(&kernel) {
                let ours: Value = serde_json::from_str(ours).expect("JSON");
                let kernel = kernel.split(' ').nth(n).expect("a count") != "0";
                let outcome = &ours["outcome"];
                let matches = match &kind {
                    Some(kind) => Some(outcome["type"].as_str() == Some(kind)),
                    None => outcome["matches"].as_bool(),
                };
                let (question, text) = (&ours["question"], &outcome["text"]);
                assert_eq!(matches, Some(kernel), "{question}, {expression}: {text}");
                (compared, matching) = (compared + 1, matching + usize::from(kernel));
            }
        }
    }
    assert!(compared > 450 * expressions.len() && matching > compared / 20, "{matching} of {compared}");
}

#[test]
fn the_kernel_gives_the_same_answers_to_questions_of_both_families() {
    let mut questions = String::new();
    let ask = |to: &str, rest: &str, all: &mut String| {
        let _ = writeln!(all, "\"{to} {rest}\"");
    };
    for to in SIX.iter().chain(&SIX_TO) {
        for rest in
            ["", "mark 1", "oif eth0", "oif eth1", "from 2001:db8:1::10", "from 2001:db8:2::10 mark 1"]
        {
            ask(to, rest, &mut questions);
        }
        for rest in ["from 2001:db8:2::5 iif eth1", "from 2001:db8:1::5 iif eth0 mark 1", "from ::1 iif eth0"]
        {
            ask(to, rest, &mut questions);
        }
    }
    for to in FOUR.iter().chain(&FOUR_TO) {
        for rest in ["", "mark 1", "from 10.1.0.10", "from 10.2.0.5 iif eth1"] {
            ask(to, rest, &mut questions);
        }
    }
    let count = questions.lines().count();
    let script = format!("{LINKS}{ADDRESSES}{ROUTES}$F explain - --verify < /run/questions || true");
    let Some(told) = apart(&["ip"], &[("questions", questions)], &script) else { return };
    let answers: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), count);
    for answer in answers {
        assert_eq!(answer["verified"], "agrees", "{}: {}", answer["question"], answer["outcome"]["text"]);
    }
}

#[test]
fn sockets_get_the_sources_that_explain_names() {
    let scoped = ["fe80::5%eth0", "fe80::5%eth1", "ff02::5%eth1", "fd00:1::5", "fd77::1"];
    // C-304, C-305: sockets take `::` for ::1, and refuse a link's address without a scope.
    let of_link = |to: &&&str| !to.starts_with("fe80::") && !to.starts_with("ff02::") && **to != "::";
    let plain = SIX.iter().chain(&SIX_TO).filter(of_link);
    let to: Vec<&str> = plain.chain(&scoped).copied().collect();
    let questions: Vec<String> =
        to.iter().map(|to| json!({"to": to, "ipproto": 17, "dport": 9}).to_string()).collect();
    let inputs = [("sources.json", json!(to).to_string()), ("questions", questions.join("\n"))];
    // The second time there is no default route but by source.
    let ask = "python3 $PY/sources.py < /run/sources.json\necho ==\n$F explain - < /run/questions || true\necho ==\n";
    let script = format!(
        "{LINKS}{ADDRESSES}{ROUTES}{ask}ip -6 route del default\n\
         ip -6 route add default via fe80::1 dev eth0 from 2001:db8:1::/64\n{ask}"
    );
    let Some(told) = apart(&["python3", "ip"], &inputs, &script) else { return };
    let parts: Vec<&str> = told.split("==\n").collect();
    for part in parts.chunks(2).take(2) {
        let [kernel, ours] = part else { panic!("{told}") };
        assert_eq!(kernel.lines().count(), to.len());
        for ((to, kernel), ours) in to.iter().zip(kernel.lines()).zip(ours.lines()) {
            let outcome = &serde_json::from_str::<Value>(ours).expect("JSON")["outcome"];
            let leg = || outcome["legs"][0]["source"].as_str();
            let source = outcome["source"].as_str().or_else(leg);
            let ours = outcome["errno_name"].as_str().or(source);
            assert_eq!(ours, Some(kernel), "{to}: {}", outcome["text"]);
        }
    }
}

#[test]
fn both_are_ordered_as_getaddrinfo_orders_them() {
    let four = ["10.1.0.77", "8.8.8.8", "127.0.0.1", "22.0.0.1"];
    let six = [
        "2001:db8:1::77",
        "2001:4860::1",
        "fd00:1::9",
        "fd99::1",
        "2002:c633:6401::1",
        "::1",
        "2001:db8:50::1",
    ];
    let pairs: Vec<[&str; 2]> =
        four.iter().flat_map(|four| six.iter().flat_map(move |six| [[*four, *six], [*six, *four]])).collect();
    let mut ask = String::from("python3 $PY/order.py < /run/pairs.json\necho ==\n");
    for [first, second] in &pairs {
        let _ = writeln!(ask, "$F explain --both {first} {second} --json || true");
    }
    ask += "echo ==\n";
    let script = format!(
        "echo 'hosts: files' > /run/nsswitch; mount --bind /run/nsswitch /etc/nsswitch.conf\n\
         touch /run/hosts; mount --bind /run/hosts /etc/hosts\n\
         {LINKS}{ADDRESSES}{ROUTES}{ask}ip addr del 2001:db8:1::10/64 dev eth0\nip route del default\n{ask}"
    );
    let inputs = [("pairs.json", json!(pairs).to_string())];
    let Some(told) = apart(&["python3", "ip"], &inputs, &script) else { return };
    let parts: Vec<&str> = told.split("==\n").collect();
    for part in parts.chunks(2).take(2) {
        let [system, ours] = part else { panic!("{told}") };
        assert_eq!(system.lines().count(), pairs.len());
        for ((pair, system), ours) in pairs.iter().zip(system.lines()).zip(ours.lines()) {
            let ours: Value = serde_json::from_str(ours).expect("JSON");
            assert_eq!(ours["first"].as_str(), Some(system), "{pair:?}: {}", ours["text"]);
        }
    }
}
