//! The running kernel, given the same packets: as root, with tap devices.
//!
//! A script of `ip` and `sysctl` lines as in [`crate::host`], and besides
//! `frame DEV HEX` (a frame arrives on a tap), `perl CODE` (for sockets; what it opens stays
//! open) and `show COMMAND`, whose output is the answer. What leaves by taps is told in
//! lines `DEV HEX` at the place where it left.

use std::io::Write;
use std::process::{Command, Stdio};

/// Does the lines, prints what is shown.
const PROGRAM: &str = r#"
use strict; use warnings; use Socket; use Fcntl;
$| = 1;
our (%taps, @kept);
sub emitted {
    select undef, undef, undef, 0.02;
    for my $name (sort keys %taps) {
        while (sysread $taps{$name}, my $frame, 65536) { print "$name ", unpack("H*", $frame), "\n" }
    }
}
sub drained { select undef, undef, undef, 0.02; for (values %taps) { while (sysread $_, my $frame, 65536) {} } }
while (my $line = <STDIN>) {
    chomp $line;
    if ($line =~ /^ip tuntap add (\S+) mode tap$/) {
        my $name = $1;
        sysopen my $tap, "/dev/net/tun", O_RDWR | O_NONBLOCK or die "tun: $!\n";
        my $request = pack "a16 s x22", $name, 0x1002;
        ioctl $tap, 0x400454ca, $request or die "$name: $!\n";
        $taps{$name} = $tap;
    } elsif ($line =~ /^frame (\S+) (\S+)$/) {
        drained();
        syswrite $taps{$1}, pack("H*", $2) or die "$line: $!\n";
        emitted();
    } elsif ($line =~ /^perl (.*)$/) {
        eval "no strict; $1"; die "$line: $@" if $@;
    } elsif ($line =~ /^show (.*)$/) {
        system "$1 2>&1";
    } elsif ($line =~ /\S/) {
        system("$line > /dev/null") == 0 or die "$line failed\n";
    }
}
"#;

/// What is printed and sent in a fresh network namespace; `None`, with a word why, where the
/// kernel cannot be asked.
pub fn said(script: &str) -> Option<String> {
    let required = std::env::var("FINGERPOST_REQUIRE_KERNEL").as_deref() == Ok("1");
    let probe = Command::new("unshare").args(["--net", "perl", "-e", "exit !-w '/dev/net/tun'"]).output();
    if !probe.is_ok_and(|done| done.status.success()) {
        assert!(!required, "root, unshare, perl and /dev/net/tun are needed");
        eprintln!("not compared with the kernel: root, unshare, perl and /dev/net/tun are needed");
        return None;
    }
    let mut child = Command::new("unshare")
        .args(["--net", "perl", "-e", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare starts");
    child.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("perl reads");
    let done = child.wait_with_output().expect("perl ends");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(String::from_utf8(done.stdout).expect("text"))
}

/// Whether commands succeed in a fresh network namespace: devices that not all kernels have.
pub fn has(commands: &str) -> bool {
    let done = Command::new("unshare").args(["--net", "sh", "-ec", commands]).stderr(Stdio::null()).status();
    let has = done.is_ok_and(|status| status.success());
    if !has {
        eprintln!("not compared with the kernel: `{commands}` fails");
    }
    has
}

/// Whether the running kernel is of the release that the engine stands for by default.
pub fn is_default_release() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.starts_with("6.18.")
}

/// A line that has a frame arrive.
pub fn frame(dev: &str, frame: &[u8]) -> String {
    let digits: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("frame {dev} {digits}\n")
}
