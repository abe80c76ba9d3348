//! Named namespaces of this machine, beside the real `ip`.
//!
//! Needs root, `unshare` and `ip`; without them the tests say so and pass,
//! unless `FINGERPOST_REQUIRE_KERNEL=1`.

use std::process::Command;

/// Runs a shell script in a network namespace with a directory of names of its own.
fn apart(script: &str) -> Option<String> {
    let setup = "mount -t tmpfs none /run\n";
    let output = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-e", "-c", &format!("{setup}{script}")])
        .env("F", env!("CARGO_BIN_EXE_fingerpost"))
        .output();
    match output {
        Ok(output) if output.status.success() => Some(String::from_utf8(output.stdout).expect("text")),
        other => {
            let why = format!("skipped: no network namespace can be made here: {other:?}");
            assert_ne!(std::env::var("FINGERPOST_REQUIRE_KERNEL").as_deref(), Ok("1"), "{why}");
            eprintln!("{why}");
            None
        }
    }
}

/// Two namespaces; `blue` has the other end of `e0`. IPv6 is off: its addresses come in their own time.
const BLUE_AND_RED: &str = "
    ip netns add blue; ip netns add red
    for ns in blue red; do ip netns exec $ns sysctl -qw net.ipv6.conf.all.disable_ipv6=1; done
    sysctl -qw net.ipv6.conf.all.disable_ipv6=1
    ip link add e0 type veth peer name p0
    ip link set p0 netns blue
    ip addr add 10.0.0.1/24 dev e0; ip link set e0 up
    ip -n blue addr add 10.0.0.2/24 dev p0; ip -n blue link set p0 up; ip -n blue link set lo up
";

/// Prints what both print, and how they end, for each command.
fn both(commands: &[&str]) -> String {
    let mut script = String::new();
    for command in commands {
        for program in ["ip", "$F ip"] {
            script += &format!("echo '== {command}'; {program} {command} 2>&1 || echo \"[$?]\"\n");
        }
        script += "echo ====\n";
    }
    script
}

#[test]
fn namespaces_are_chosen_in_every_order_of_options() {
    let commands = [
        "netns",
        "netns list",
        "-j netns list",
        "-n blue addr",
        "-j -n blue addr",
        "-n blue -j addr",
        "-4 -o -netns blue addr show dev p0",
        "netns exec blue ip addr",
        "netns exec blue ip -j link",
        "-n blue route get 10.0.0.1",
        "-n blue netns",
        "link",
        "-all netns exec ip -br link",
        "-n nope link",
        "-j netns exec nope ip link",
    ];
    let Some(told) = apart(&format!("{BLUE_AND_RED}{}", both(&commands))) else { return };
    let pairs: Vec<&str> = told.split("====\n").filter(|pair| !pair.is_empty()).collect();
    assert_eq!(pairs.len(), commands.len(), "{told}");
    for (command, pair) in commands.iter().zip(pairs) {
        let heading = format!("== {command}\n");
        let mut answers = pair.split(heading.as_str()).skip(1);
        let (real, ours) = (answers.next().expect("an answer"), answers.next().expect("an answer"));
        assert_eq!(ours, real, "ip {command}");
    }
    assert!(told.contains("Cannot open network namespace \"nope\": No such file or directory\n[255]\n"));
}

#[test]
fn an_empty_list_of_names_is_an_empty_array() {
    let script = "ip netns add x; ip netns del x\n$F ip -j netns list\n$F ip netns\necho end";
    if let Some(told) = apart(script) {
        assert_eq!(told, "[]\nend\n");
    }
}

#[test]
fn what_cannot_be_done_in_another_namespace_is_said() {
    let script = format!(
        "{BLUE_AND_RED}
        $F ip -n blue link set p0 down 2>&1 || echo \"[$?]\"
        $F ip netns exec blue cat /proc/net/route 2>&1 || echo \"[$?]\"
        setpriv --reuid 65534 --clear-groups $F ip -n blue link 2>&1 || echo \"[$?]\"
        setpriv --reuid 65534 --clear-groups ip -n blue link 2>&1 || echo \"[$?]\""
    );
    let Some(told) = apart(&script) else { return };
    let expected = "Error: fingerpost never changes a host; use --apply SCRIPT to ask what if.\n[2]
fingerpost: \"ip netns exec ... cat\" is not supported\n[255]
setting the network namespace \"blue\" failed: Operation not permitted\n[255]
setting the network namespace \"blue\" failed: Operation not permitted\n[255]
";
    assert_eq!(told, expected);
}
