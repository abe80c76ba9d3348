//! Sessions on a wire that answers as it is told.

use super::super::options::parse;
use super::*;

/// A wire on which each probe meets what a list says for it.
#[derive(Default)]
struct Script {
    now: i64,
    sent: Vec<Vec<u8>>,
    meets: Vec<Meets>,
    coming: Vec<(i64, Arrived)>,
    faults: Vec<(i64, Fault)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meets {
    /// Answers after so many milliseconds, from the last byte of an address.
    Answers(&'static [i64], u8),
    Nothing,
    /// An error after a while.
    Unreachable(i64),
    Refusal,
}

impl Wire for Script {
    fn now(&self) -> i64 {
        self.now
    }

    fn time_of_day(&self) -> i64 {
        self.now * 1000
    }

    fn send(&mut self, message: &[u8]) -> Result<(), Errno> {
        let meets = self.meets.get(self.sent.len()).copied().unwrap_or(Meets::Nothing);
        self.sent.push(message.to_vec());
        match meets {
            Meets::Answers(times, last) => {
                let from = IpAddr::from([10, 0, 0, last]);
                let mut message = message.to_vec();
                message[0] = 0;
                for time in times {
                    let arrived = Arrived {
                        message: message.clone(),
                        from,
                        shown: from.to_string(),
                        ttl: Some(64),
                        options: Vec::new(),
                    };
                    self.coming.push((self.now + time, arrived));
                }
            }
            Meets::Unreachable(time) => {
                let target = IpAddr::from([10, 0, 0, 2]);
                let from = "10.0.0.1".to_owned();
                let quoted = message[..8].to_vec();
                let fault = Fault::Icmp { from, kind: 3, code: 1, info: 0, target, quoted };
                self.faults.push((self.now + time, fault));
            }
            Meets::Refusal => {
                let fault = Fault::Local { errno: Errno::EMSGSIZE, info: 1400 };
                self.faults.push((self.now, fault));
                return Err(Errno::EMSGSIZE);
            }
            Meets::Nothing => {}
        }
        Ok(())
    }

    fn packet(&mut self) -> Option<Arrived> {
        let at = self.coming.iter().position(|(at, _)| *at <= self.now)?;
        Some(self.coming.remove(at).1)
    }

    fn fault(&mut self) -> Option<Fault> {
        let at = self.faults.iter().position(|(at, _)| *at <= self.now)?;
        Some(self.faults.remove(at).1)
    }

    fn wait(&mut self, until: i64) {
        let times = self.coming.iter().map(|(at, _)| *at).chain(self.faults.iter().map(|(at, _)| *at));
        let next = times.min().unwrap_or(until).min(until);
        self.now = self.now.max(next);
    }
}

/// What is printed, standard error behind standard output, and the status.
fn run(line: &str, meets: &[Meets]) -> (String, i32) {
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let options = parse(&args).unwrap();
    let mut wire = Script { meets: meets.to_vec(), ..Script::default() };
    let mut session = Session::new(&options, &mut wire, 7, (options.address, false));
    let status = session.run();
    (format!("{}{}", session.out, session.err), status)
}

#[test]
fn answers_that_come_twice_or_from_another_are_remarked_on() {
    let meets = [Meets::Answers(&[1, 3], 2), Meets::Nothing, Meets::Answers(&[20], 9)];
    let (text, status) = run("-c 3 10.0.0.2", &meets);
    assert_eq!(
        text,
        "64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=1.00 ms\n\
         64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=3.00 ms (DUP!)\n\
         64 bytes from 10.0.0.9: icmp_seq=3 ttl=64 time=20.0 ms (DIFFERENT ADDRESS!)\n\
         \n--- 10.0.0.2 ping statistics ---\n\
         3 packets transmitted, 2 received, +1 duplicates, 33.3333% packet loss, time 2000ms\n\
         rtt min/avg/max/mdev = 1.000/8.000/20.000/8.524 ms\n"
    );
    assert_eq!(status, 0);
}

#[test]
fn errors_count_and_the_pipe_is_as_long_as_what_was_under_way() {
    let meets = [Meets::Unreachable(2500), Meets::Unreachable(1500), Meets::Unreachable(500)];
    let (text, status) = run("-c 3 10.0.0.2", &meets);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "From 10.0.0.1 icmp_seq=1 Destination Host Unreachable");
    let figures = "3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 2000ms";
    assert_eq!((&lines[5..], status), (&[figures, "pipe 3"][..], 1));
}

#[test]
fn what_cannot_be_sent_counts_as_sent() {
    let (text, status) = run("-c 2 -M do -s 1400 10.0.0.2", &[Meets::Refusal, Meets::Answers(&[0], 2)]);
    assert!(text.contains("2 packets transmitted, 1 received, +1 errors, 50% packet loss"), "{text}");
    assert!(text.ends_with("ping: local error: message too long, mtu=1400\n"), "{text}");
    assert_eq!(status, 0);
}

#[test]
fn it_ends_when_its_time_is_over() {
    let answers = [Meets::Answers(&[0], 2); 9];
    let (text, status) = run("-w 3 10.0.0.2", &answers);
    assert!(text.contains("3 packets transmitted, 3 received"), "{text}");
    assert_eq!(status, 0);
    // Fewer answers than were asked for are a failure then.
    let (text, status) = run("-w 3 -c 5 10.0.0.2", &answers);
    assert!(text.contains("3 packets transmitted, 3 received, 0% packet loss, time 2000ms"), "{text}");
    assert_eq!(status, 1);
    let (text, _) = run("-c 2 -O -W 3 10.0.0.2", &[]);
    assert!(text.starts_with("no answer yet for icmp_seq=1\n"), "{text}");
}
