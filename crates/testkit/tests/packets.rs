//! Packets through random hosts, with what a real kernel (6.18) made of them, kept.

use std::process::Command;

#[test]
fn recorded_packets_fare_as_in_the_kernel() {
    let recorded = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded");
    for name in ["packets4.json", "packets6.json"] {
        replayed(&format!("{recorded}/{name}"), 16);
    }
}

#[test]
fn recorded_packets_in_vrfs_fare_as_in_linux_7_2() {
    let recorded = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded");
    for name in ["vrf4.json", "vrf6.json"] {
        replayed(&format!("{recorded}/{name}"), 12);
    }
}

fn replayed(file: &str, cases: usize) {
    let output = Command::new(env!("CARGO_BIN_EXE_fingerpost-testkit"))
        .args(["compare", "--data-plane", "--replay", file])
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with(&format!("{cases} cases")), "{text}");
}
