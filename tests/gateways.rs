//! What no dump shows about gateways is found out by asking the kernel (T-32).
//!
//! Needs root and `unshare`; without them the test says so and passes, unless
//! `FINGERPOST_REQUIRE_KERNEL=1`.

use std::process::{Command, Output};

/// Routes whose gateways were, or have since become, own addresses: in table
/// main, behind a rule for marked packets, and as a leg.
const SITUATION: &str = r#"
ip link add e0 type veth peer name p0
ip link add e1 type veth peer name p1
for dev in e0 p0 e1 p1; do ip link set $dev up; done
ip addr add 10.0.0.1/24 dev e0
ip addr add 10.0.0.2/24 dev e0
ip addr add 10.1.0.1/24 dev e1
ip route add 8.0.0.0/8 via 10.0.0.2 dev e0
ip route add 9.0.0.0/8 via 10.0.0.3 dev e0
ip route add default via 10.0.0.2 dev e0 table 7
ip route add 7.0.0.0/8 nexthop via 10.0.0.2 dev e0 nexthop via 10.1.0.9 dev e1
ip rule add fwmark 0x5 lookup 7
ip addr del 10.0.0.2/24 dev e0
ip addr add 10.0.0.3/24 dev e0
"#;

/// Questions, and the gateway that Linux uses.
const QUESTIONS: [(&str, Option<&str>); 5] = [
    ("8.8.8.8", None),
    ("9.9.9.9", Some("10.0.0.3")),
    ("4.4.4.4 mark 5", None),
    ("7.7.7.7 oif e0", None),
    ("7.7.7.7 oif e1", Some("10.1.0.9")),
];

/// Runs a shell script in a network namespace of its own.
fn apart(script: &str) -> Option<Output> {
    let output = Command::new("unshare").args(["--net", "sh", "-e", "-c", script]).output();
    match output {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("unshare failed") => Some(output),
        other => {
            let why = format!("skipped: no network namespace can be made here: {other:?}");
            assert_ne!(std::env::var("FINGERPOST_REQUIRE_KERNEL").as_deref(), Ok("1"), "{why}");
            eprintln!("{why}");
            None
        }
    }
}

#[test]
fn t32_how_gateways_were_reached_is_asked_of_the_kernel_and_kept_in_captures() {
    let fingerpost = env!("CARGO_BIN_EXE_fingerpost");
    let file = std::env::temp_dir().join(format!("fingerpost-gateways-{}.fp", std::process::id()));
    let capture = file.display();
    let mut script = format!("{SITUATION}\n{fingerpost} capture -o {capture} 2>/dev/null\n");
    for (question, _) in QUESTIONS {
        script += &format!("{fingerpost} explain --json --verify {question}\n");
        script += &format!("{fingerpost} explain --json --snapshot {capture} {question}\n");
    }
    let output = apart(&script);
    let _ = std::fs::remove_file(&file);
    let Some(output) = output else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(answers.len(), 2 * QUESTIONS.len());
    for ((question, gateway), pair) in QUESTIONS.iter().zip(answers.chunks(2)) {
        assert_eq!(pair[0]["verified"], "agrees", "{question}");
        for answer in pair {
            assert_eq!(answer["outcome"]["gateway"].as_str(), *gateway, "{question}");
        }
    }
}
