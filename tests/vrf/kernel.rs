//! The running kernel, asked the same where it can be: as root, with VRF devices,
//! and of the release that is meant (`docs/uml.md`).

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The last command's output in a fresh network namespace.
pub fn last(release: &str, lines: &str) -> Option<String> {
    if !(is_of(release) && has_vrf()) {
        return None;
    }
    let lines: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let (last, before) = lines.split_last()?;
    let mut script = String::new();
    for line in before {
        script += &format!("{line} > /dev/null || {{ echo failed: '{line}'; exit; }}\n");
        // Linux makes some IPv6 routes a moment later (T-47).
        if line.starts_with("ip addr") || line.starts_with("ip link set") {
            script += "sleep 0.05\n";
        }
    }
    script += &format!("{last} 2>&1\n");
    let said = run(&script)?;
    Some(said.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
}

/// Whether the running kernel is of a release, updates aside.
fn is_of(release: &str) -> bool {
    let running = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let version = |text: &str| text.trim().split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
    version(&running) == version(release)
}

fn has_vrf() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    let probe = "ip link add red type vrf table 10 && ip link add d6 type dummy && echo yes";
    *HAS.get_or_init(|| {
        let has = run(probe).is_some_and(|said| said.trim() == "yes");
        if !has {
            eprintln!("not asked: a kernel with VRF and dummy devices, as root");
        }
        has
    })
}

fn run(script: &str) -> Option<String> {
    let mut child = Command::new("unshare")
        .args(["--net", "sh"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(script.as_bytes()).ok()?;
    String::from_utf8(child.wait_with_output().ok()?.stdout).ok()
}
