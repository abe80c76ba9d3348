//! The few things that the kernel does not determine, taken out of both sides
//! in this one place, each with its reason. Everything else is compared byte
//! for byte.
//!
//! Whatever else is not determined is settled by the kernel's side (see
//! [`crate::oracle`]) or not asked by the generator: link statistics, `-d`
//! of bridges (running timers) and of veth and ifb (queues per CPU), finite
//! address lifetimes of IPv4, automatic MAC addresses, neighbours whose state is on a
//! timer, `net.ipv4.fib_multipath_hash_seed` left to the boot.

use crate::script::{Answer, kind_of};

/// Brings an answer into the form that is compared.
pub fn normalise(line: &str, answer: &mut Answer) {
    let kind = kind_of(line).name;
    if kind.contains(" neighbour ") && !kind.ends_with(" get") {
        without_reports(&mut answer.stdout);
        sort_neighbours(&mut answer.stdout);
    }
    if kind.contains(" -d") && kind.contains(" link ") {
        without_receive_queues(&mut answer.stdout);
    }
    if kind.contains(" netconf ") {
        without_multicast_routing(&mut answer.stdout);
    }
    if kind.contains(" nexthop bucket") {
        hide_idle_times(&mut answer.stdout);
    }
    if [" address ", " route "].iter().any(|object| kind.contains(object)) {
        hide_lifetimes(&mut answer.stdout);
    }
    without_usage(&mut answer.stderr);
}

/// Whether an answer says nothing of routing: a setting behind an option of the
/// kernel's build (`CONFIG_IPV6_OPTIMISTIC_DAD`) that this kernel was built without.
pub fn says_nothing(line: &str, kernel: &Answer) -> bool {
    line.trim_start().starts_with("sysctl")
        && kernel.stderr.contains("cannot stat")
        && ["/optimistic_dad: ", "/use_optimistic: "].iter().any(|name| kernel.stderr.contains(name))
        // A device that is not there is another matter.
        && !kernel.stderr.contains("/nosuch/")
}

/// iproute2's usage texts are its authors' and not repeated by Fingerpost: that
/// one is printed, the lines before it and the status are compared.
fn without_usage(text: &mut String) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("Usage:") {
            text.truncate(at);
            text.push_str("Usage: …\n");
            return;
        }
        at += line.len();
    }
}

/// A bridge that is up listens for multicast routers and reports so on a timer:
/// the neighbour entry of the reports' group comes at some moment. On loopback,
/// where an address joins a group, it is that of 0.0.0.0.
///
/// IPv6 reports the groups of every address to ff02::16, at some moment.
fn without_reports(text: &mut String) {
    for group in ["224.0.0.22", "0.0.0.0", "ff02::16"] {
        without_neighbour(text, group);
    }
}

fn without_neighbour(text: &mut String, address: &str) {
    if text.contains(address) {
        let json =
            text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(top_level_objects);
        *text = match json {
            Some(objects) => {
                let quoted = format!("\"{address}\"");
                let kept: Vec<&str> =
                    objects.into_iter().filter(|object| !object.contains(&quoted)).collect();
                format!("[{}]\n", kept.join(","))
            }
            None => {
                let others = text.lines().filter(|line| line.split_whitespace().next() != Some(address));
                others.flat_map(|line| [line, "\n"]).collect()
            }
        };
    }
}

/// A neighbour dump walks a hash table whose key is random per boot and which
/// hashes the device's address in memory: its order says nothing.
fn sort_neighbours(text: &mut String) {
    let trimmed = text.trim();
    if let Some(inner) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let mut objects = top_level_objects(inner);
        objects.sort_unstable();
        *text = format!("[{}]\n", objects.join(","));
    } else {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        *text = lines.iter().flat_map(|line| [line, "\n"]).collect();
    }
}

/// `{..},{..}` to its objects, as they are written.
fn top_level_objects(text: &str) -> Vec<&str> {
    let (mut objects, mut depth, mut start, mut quoted) = (Vec::new(), 0usize, 0usize, false);
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '"' if previous != '\\' => quoted = !quoted,
            '{' if !quoted => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            '}' if !quoted && depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    objects.push(&text[start..=at]);
                }
            }
            _ => {}
        }
        previous = c;
    }
    objects
}

/// Whether multicasts are forwarded is told only by kernels that can
/// (`CONFIG_IPV6_MROUTE`); only a multicast routing program makes it so.
fn without_multicast_routing(text: &mut String) {
    for told in ["mc_forwarding off ", ",\"mc_forwarding\":false"] {
        *text = text.replace(told, "");
    }
}

/// The number of receive queues is told only by kernels that steer received
/// packets among processors (`CONFIG_RPS`).
fn without_receive_queues(text: &mut String) {
    for key in [" numrxqueues ", ",\"num_rx_queues\":"] {
        let mut parts = text.split(key);
        let mut out = parts.next().unwrap_or_default().to_owned();
        parts.for_each(|part| out.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit())));
        *text = out;
    }
}

/// Lifetimes that end run while a script does; whether there is an end is compared.
fn hide_lifetimes(text: &mut String) {
    // A sign can stand before it: what is past, or was never set, counts from the boot on.
    let digits = |part: &str| {
        let sign = usize::from(part.starts_with('-'));
        part.len() - part[sign..].trim_start_matches(|c: char| c.is_ascii_digit()).len()
    };
    for (key, forever) in [
        ("valid_lft ", ""),
        ("preferred_lft ", ""),
        ("expires ", ""),
        ("\"valid_life_time\":", "4294967295"),
        ("\"preferred_life_time\":", "4294967295"),
        ("\"expires\":", ""),
    ] {
        let mut out = String::with_capacity(text.len());
        let mut parts = text.split(key);
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            out.push_str(key);
            let (number, rest) = part.split_at(digits(part));
            let ends = !matches!(number, "" | "0") && number != forever;
            out.push_str(match number {
                _ if !ends => number,
                _ if number.starts_with('-') => "-N",
                _ => "N",
            });
            out.push_str(rest);
        }
        *text = out;
    }
}

/// A bucket's idle time is the wall clock since it was made.
fn hide_idle_times(text: &mut String) {
    for key in ["idle_time ", "\"idle_time\":"] {
        let mut out = String::with_capacity(text.len());
        let mut parts = text.split(key);
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            out.push_str(key);
            out.push('0');
            out.push_str(rest);
        }
        *text = out;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(line: &str, stdout: &str) -> String {
        let mut answer = Answer { stdout: stdout.into(), ..Answer::default() };
        normalise(line, &mut answer);
        answer.stdout
    }

    #[test]
    fn neighbours_are_sorted_in_both_forms() {
        assert_eq!(after("ip -4 neigh", "b PERMANENT\na FAILED\n"), "a FAILED\nb PERMANENT\n");
        let json = r#"[{"dst":"2","state":["A"]},{"dst":"1","x":"}\"{"}]"#;
        assert_eq!(
            after("ip -j neigh show", json),
            "[{\"dst\":\"1\",\"x\":\"}\\\"{\"},{\"dst\":\"2\",\"state\":[\"A\"]}]\n"
        );
        assert_eq!(after("ip -j neigh", "[]\n"), "[]\n");
    }

    #[test]
    fn the_igmp_report_s_neighbour_is_left_out() {
        let json = r#"[{"dst":"224.0.0.22","state":["NOARP"]},{"dst":"1.1.1.1"}]"#;
        assert_eq!(after("ip -j neigh", json), "[{\"dst\":\"1.1.1.1\"}]\n");
        assert_eq!(after("ip neigh", "224.0.0.22 dev br0 NOARP\n1.1.1.1 dev e0\n"), "1.1.1.1 dev e0\n");
        assert_eq!(after("ip route", "224.0.0.22 dev br0\n"), "224.0.0.22 dev br0\n");
    }

    #[test]
    fn receive_queues_are_left_out_of_details() {
        let text = "x numtxqueues 1 numrxqueues 1 gso_max_size 9";
        assert_eq!(after("ip -d link show", text), "x numtxqueues 1 gso_max_size 9");
        let json = "{\"num_tx_queues\":1,\"num_rx_queues\":1,\"gso\":9}";
        assert_eq!(after("ip -j -d link show dev e0", json), "{\"num_tx_queues\":1,\"gso\":9}");
    }

    #[test]
    fn lifetimes_that_end_are_hidden() {
        let text = "valid_lft 4999sec preferred_lft 0sec\nvalid_lft forever preferred_lft 3999sec";
        let hidden = "valid_lft Nsec preferred_lft 0sec\nvalid_lft forever preferred_lft Nsec";
        assert_eq!(after("ip -6 addr", text), hidden);
        let json = r#"{"valid_life_time":4294967295,"preferred_life_time":3999}"#;
        let hidden = r#"{"valid_life_time":4294967295,"preferred_life_time":N}"#;
        assert_eq!(after("ip -j addr show", json), hidden);
        assert_eq!(after("ip -6 route", "expires 2999sec pref"), "expires Nsec pref");
        assert_eq!(after("ip -6 -j route show", r#""expires":2999,"#), r#""expires":N,"#);
    }

    #[test]
    fn settings_that_the_kernel_is_built_without_are_left_out() {
        let says = |line: &str, stderr: &str| {
            says_nothing(line, &Answer { stderr: stderr.into(), ..Answer::default() })
        };
        let missing = |dev: &str, name: &str| {
            format!("sysctl: cannot stat /proc/sys/net/ipv6/conf/{dev}/{name}: No such file or directory\n")
        };
        let line = "sysctl -w net.ipv6.conf.e1.use_optimistic=1";
        assert!(says(line, &missing("e1", "use_optimistic")));
        assert!(!says(line, ""));
        assert!(!says(line, &missing("e1", "forwarding")));
        assert!(!says(line, &missing("nosuch", "use_optimistic")));
    }

    #[test]
    fn nothing_else_is_touched() {
        assert_eq!(after("ip route", "b\na\n"), "b\na\n");
        assert_eq!(after("ip route get 1.1.1.1", "x idle_time 3"), "x idle_time 3");
    }

    #[test]
    fn bucket_idle_times_are_hidden() {
        assert_eq!(
            after("ip nexthop bucket show", "index 0 idle_time 0.02 nhid 1\n"),
            "index 0 idle_time 0 nhid 1\n"
        );
    }
}
