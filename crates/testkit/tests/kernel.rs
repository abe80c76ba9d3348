//! The whole program against the running kernel. Needs root (or a user who may
//! make network namespaces); elsewhere it says so and passes, unless
//! `FINGERPOST_REQUIRE_KERNEL=1`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fingerpost-testkit");

fn kernel_is_there() -> bool {
    let mut ready = Command::new("unshare");
    ready.args(["--net", "sh", "-c", "ip link set lo up && command -v sysctl taskset perl"]);
    if ready.output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    let why = "no network namespace can be made here, or ip, sysctl, taskset or perl is missing";
    assert_ne!(std::env::var("FINGERPOST_REQUIRE_KERNEL").as_deref(), Ok("1"), "{why}");
    eprintln!("skipped: {why}");
    false
}

fn testkit(args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).output().expect("the program starts")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A directory of this test's own.
fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("is made");
    path
}

/// A `fingerpost` that is the kernel with one word changed.
fn impostor(directory: &std::path::Path, change: &str) -> String {
    let path = directory.join("fingerpost");
    let script = format!("#!/bin/sh\nunshare --net '{PROGRAM}' kernel-side | sed '{change}'\n");
    fs::write(&path, script).expect("is written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("is made executable");
    path.to_string_lossy().into_owned()
}

#[test]
fn the_kernel_agrees_with_itself() {
    if kernel_is_there() {
        let output = testkit(&["compare", "--self", "--seed", "5", "--scenarios", "4", "--questions", "30"]);
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains("0 differences in 0 scenarios"), "{}", text(&output));
    }
}

#[test]
fn the_kernel_agrees_with_itself_about_packets() {
    if kernel_is_there() {
        let arguments = ["compare", "--data-plane", "--self", "--seed", "5", "--cases", "6", "--jobs", "1"];
        let output = testkit(&arguments);
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains("0 steps differ, in 0 cases"), "{}", text(&output));
    }
}

#[test]
fn what_the_kernel_did_to_packets_is_kept_and_replayed() {
    if !kernel_is_there() {
        return;
    }
    let file = directory("packets").join("cases.ndjson");
    let file = file.to_string_lossy();
    testkit(&["compare", "--data-plane", "--seed", "6", "--cases", "3", "--shrink", "0", "--save", &file]);
    let cases = fs::read_to_string(&*file).expect("was saved");
    assert_eq!(cases.lines().count(), 3);
    // An answer that is not the kernel's is found without a kernel.
    let replayed = testkit(&["compare", "--data-plane", "--shrink", "0", "--replay", &file]);
    assert!(text(&replayed).starts_with("3 cases, "), "{}", text(&replayed));
    fs::write(&*file, cases.replace("\"IpInReceives\":1", "\"IpInReceives\":3")).expect("is written");
    let changed = testkit(&["compare", "--data-plane", "--shrink", "0", "--replay", &file]);
    assert!(!changed.status.success() && text(&changed).contains("+IpInReceives"), "{}", text(&changed));
}

#[test]
fn the_kernel_agrees_with_itself_about_ipv6() {
    if !kernel_is_there() {
        return;
    }
    let six = ["--family", "6", "--self", "--seed", "5", "--scenarios", "4", "--questions", "30"];
    let output = testkit(&[&["compare"], &six[..]].concat());
    assert!(text(&output).contains("0 differences in 0 scenarios"), "{}", text(&output));
    // `connect` and `ip route get` tell the same source.
    let output = testkit(&["sources", "--self", "--seed", "5", "--scenarios", "5", "--questions", "20"]);
    assert!(text(&output).contains("0 differences in 100 questions of 5 address sets"), "{}", text(&output));
}

#[test]
fn a_program_is_asked_beside_the_kernel_in_the_same_namespace() {
    if !kernel_is_there() {
        return;
    }
    let directory = directory("beside");
    let program = directory.join("beside");
    let script = "#!/bin/sh\nip() { command ip \"$@\" | sed 's/metric 1024/metric 1025/'; }\n\"$@\"\n";
    fs::write(&program, script).expect("is written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("is made executable");
    let lines = directory.join("script");
    let text_of = "ip link set lo up\nip -6 route add 2001:db8::/32 dev lo\nip -6 route show\nip -6 rule\n";
    fs::write(&lines, text_of).expect("is written");
    let (lines, program) = (lines.to_string_lossy(), program.to_string_lossy());
    let output =
        testkit(&["compare", "--live", "--script", &lines, "--fingerpost", &program, "--shrink", "0"]);
    assert!(text(&output).contains("1 differences in 1 scenarios"), "{}", text(&output));
}

#[test]
fn a_difference_is_found_shrunk_and_kept() {
    if !kernel_is_there() {
        return;
    }
    let directory = directory("shrunk");
    let program = impostor(&directory, "s/metric 50 /metric 51 /");
    let script = directory.join("script");
    fs::write(
        &script,
        "ip link set lo up\nip link add e0 address 02:00:00:00:00:01 type ifb\nip link set e0 up\n\
         # a comment\nip addr add 10.0.0.1/8 dev e0\nip route add 20.0.0.0/8 dev e0 metric 50\n\
         ip route get 20.1.1.1\nip -4 route show\n",
    )
    .expect("is written");
    let script = script.to_string_lossy();
    let kept = directory.join("kept");
    let keep = kept.to_string_lossy();
    let output = testkit(&["compare", "--script", &script, "--fingerpost", &program, "--keep", &keep]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let minimal = fs::read_to_string(kept.join("difference-000.script")).expect("is kept");
    let lines: Vec<&str> = minimal.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.last(), Some(&"ip -4 route"), "{minimal}");
    assert!(lines.iter().any(|line| line.contains("metric 50")), "{minimal}");
    assert!(!lines.iter().any(|line| line.contains("route get") || line.contains("set lo")), "{minimal}");
}

#[test]
fn a_recording_replays_without_difference_against_what_it_recorded() {
    if !kernel_is_there() {
        return;
    }
    let directory = directory("recorded");
    let recording = directory.join("recording.ndjson");
    let file = recording.to_string_lossy();
    let output = testkit(&["record", "--seed", "3", "--scenarios", "2", "--questions", "0", "-o", &file]);
    assert!(output.status.success(), "{}", text(&output));
    let program = impostor(&directory, "s/x/x/");
    let output = testkit(&["replay", &file, "--fingerpost", &program]);
    // The impostor names no errnos, and that is all it gets wrong.
    let differing = text(&output);
    let classes = differing.lines().filter(|line| line.contains("lines, first in"));
    assert!(classes.clone().all(|line| line.contains("| Errno |")), "{differing}");
}

#[test]
fn the_machine_s_own_namespace_is_left_alone() {
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    if namespace("self") != namespace("1") || namespace("1").is_none() {
        return eprintln!("skipped: this is not the first process's namespace, or it cannot be told");
    }
    // Without input there is nothing to run, whatever becomes of it.
    let output = Command::new(PROGRAM).arg("kernel-side").stdin(std::process::Stdio::null()).output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("in a network namespace of their own only"), "{}", text(&output));
}

#[test]
fn a_missing_program_is_one_clear_error() {
    let output = testkit(&["compare", "--fingerpost", "/nonexistent/fingerpost", "--scenarios", "1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("/nonexistent/fingerpost is not there"), "{}", text(&output));
}
