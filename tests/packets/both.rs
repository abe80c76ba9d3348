//! A host in memory, and the same made of the running kernel: what either says.

use fingerpost::script::Runner;
use fingerpost_engine::path::Handled;
use fingerpost_iproute::Names;
use fingerpost_model::NsId;

use crate::commands;
use crate::host::Host;

pub struct Both {
    pub host: Host,
    /// The kernel's side (see [`commands`]).
    pub script: String,
    /// What the host in memory sent and showed.
    pub ours: String,
}

impl Both {
    pub fn new(script: &str) -> Both {
        Both { host: Host::new(script), script: script.to_owned(), ours: String::new() }
    }

    /// A frame that left, as the kernel's side tells it.
    pub fn told(&self, dev: u32, bytes: &[u8]) -> String {
        let links = &self.host.world.ns(NsId(0)).unwrap().config.links;
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} {digits}\n", links.get(dev).unwrap().name())
    }

    /// The devices that frames left by, in order.
    pub fn left_by(&self, handled: &Handled) -> Vec<String> {
        let links = &self.host.world.ns(NsId(0)).unwrap().config.links;
        handled.emitted.iter().map(|frame| links.get(frame.dev).unwrap().name().to_owned()).collect()
    }

    /// A frame arrives.
    pub fn frame(&mut self, dev: &str, bytes: &[u8]) -> Handled {
        let handled = self.host.frame(dev, bytes);
        let mut lines: Vec<String> =
            handled.emitted.iter().map(|frame| self.told(frame.dev, &frame.bytes)).collect();
        // Each device by itself, in order.
        lines.sort_by(|a, b| a.split(' ').next().cmp(&b.split(' ').next()));
        self.ours += &lines.concat();
        self.script += &commands::frame(dev, bytes);
        handled
    }

    /// A command's output is the kernel's too.
    pub fn shows(&mut self, command: &str) {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        let names = Names::default();
        let outcome = Runner { world: &mut self.host.world, ns: NsId(0), names: &names }.run(&words);
        self.ours += &format!("{}{}", outcome.stdout, outcome.stderr);
        self.script += &format!("show {command}\n");
    }

    /// What was sent and shown so far is the kernel's too, and what was counted; where the
    /// kernel is one that can be asked.
    pub fn agree(mut self, can_be_asked: bool) {
        ["snmp", "netstat"].iter().for_each(|file| self.shows(&format!("cat /proc/net/{file}")));
        if can_be_asked && let Some(said) = commands::said(&self.script) {
            let (ours, mut theirs) = (plain(&self.ours), plain(&said));
            // On a busy machine the kernel does some work late.
            for _ in 0..2 {
                if ours == theirs {
                    break;
                }
                theirs = plain(&commands::said(&self.script).expect("it could be asked before"));
            }
            assert_eq!(ours, theirs);
        }
    }
}

/// The text without what another build of a kernel, or another release, may leave out, and
/// without ids of packets that a host makes.
fn plain(text: &str) -> Vec<String> {
    let is_everywhere = |line: &&str| !line.starts_with("MPTcpExt") && !line.starts_with("UdpLite");
    text.lines().filter(is_everywhere).map(without_id).collect()
}

/// A frame's line with the id of its IPv4 packet, and the checksum over it, cleared.
fn without_id(line: &str) -> String {
    let Some((dev, digits)) = line.split_once(' ').filter(|(dev, _)| !dev.ends_with(':')) else {
        return line.to_owned();
    };
    let Some(start) = [24, 32].into_iter().find(|&at| digits.get(at..at + 5) == Some("08004")) else {
        return line.to_owned();
    };
    let mut digits = digits.to_owned();
    for at in [start + 12, start + 24] {
        if digits.len() >= at + 4 {
            digits.replace_range(at..at + 4, "....");
        }
    }
    format!("{dev} {digits}")
}
