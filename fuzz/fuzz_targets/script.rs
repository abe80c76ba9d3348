//! Arbitrary text as a script: parsed, and its first commands run.
//!
//! A batch file named in the script is the script itself; no file of the
//! machine is opened.
#![no_main]

use std::io::{BufRead, Cursor};

use fingerpost::script::{Script, run_command};
use fingerpost_engine::{Behaviour, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;
use fingerpost_net::Errno;
use libfuzzer_sys::fuzz_target;

/// More commands than this only take longer.
const MAX_COMMANDS: usize = 64;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(script) = Script::parse(text) else { return };
    let mut world = World::new(1, Behaviour::default());
    let names = Names::default();
    let opened = std::cell::Cell::new(0);
    let open = |_: &str| -> Result<Box<dyn BufRead>, Errno> {
        opened.set(opened.get() + 1);
        if opened.get() > 2 {
            return Err(Errno::ENOENT);
        }
        let lines: Vec<&str> =
            text.lines().take(MAX_COMMANDS).map(|l| l.strip_prefix("ip ").unwrap_or(l)).collect();
        Ok(Box::new(Cursor::new(lines.join("\n").into_bytes())))
    };
    for command in script.commands().iter().take(MAX_COMMANDS) {
        let _ = run_command(&mut world, NsId(0), &names, &command.words, &open);
    }
});
