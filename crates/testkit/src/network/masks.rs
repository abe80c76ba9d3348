//! What no two runs of a ping have in common: times.

use crate::script::Answer;

/// Hides the times that a command printed.
pub fn mask(answer: &mut Answer) {
    answer.stdout = answer.stdout.lines().map(masked).flat_map(|line| [line, "\n".to_owned()]).collect();
}

fn masked(line: &str) -> String {
    let mut line = line.to_owned();
    for (before, after) in
        [(" time=", " ms"), (", time ", "ms"), ("rtt min/avg/max/mdev = ", " ms"), ("expires ", "sec")]
    {
        hide(&mut line, before, after);
    }
    line
}

/// Puts a `T` in place of the number, or numbers, between two texts.
fn hide(line: &mut String, before: &str, after: &str) {
    let Some(start) = line.find(before).map(|at| at + before.len()) else { return };
    let Some(len) = line[start..].find(after) else { return };
    if line[start..start + len].bytes().all(|byte| byte.is_ascii_digit() || b"./".contains(&byte)) {
        line.replace_range(start..start + len, "T");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_alone_are_hidden() {
        for (line, shown) in [
            (
                "64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.021 ms",
                "64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=T ms",
            ),
            (
                "3 packets transmitted, 0 received, 100% packet loss, time 2031ms",
                "3 packets transmitted, 0 received, 100% packet loss, time Tms",
            ),
            ("rtt min/avg/max/mdev = 0.1/0.2/0.3/0.4 ms, pipe 3", "rtt min/avg/max/mdev = T ms, pipe 3"),
            (
                "    cache <redirected> expires 298sec mtu 1400",
                "    cache <redirected> expires Tsec mtu 1400",
            ),
            ("time exceeded", "time exceeded"),
        ] {
            assert_eq!(masked(line), shown);
        }
    }
}
