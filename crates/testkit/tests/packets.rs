//! Packets through random hosts, with what a real kernel (6.18) made of them, kept.

use std::process::Command;

#[test]
fn recorded_packets_fare_as_in_the_kernel() {
    let recorded = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded");
    for name in ["packets4.json", "packets6.json"] {
        replayed(&format!("{recorded}/{name}"));
    }
}

fn replayed(file: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_fingerpost-testkit"))
        .args(["compare", "--data-plane", "--replay", file])
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("16 cases"), "{text}");
}
