//! Tun and tap devices that this process holds: frames go in and come out.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};

use crate::packets::case::Bytes;
use crate::process::exit_status;

/// `O_NONBLOCK` of open(2).
pub const NONBLOCK: i32 = 0o4000;

/// Names the open device on its standard input (`TUNSETIFF`); perl has ioctl without unsafe code here.
const PROGRAM: &str = r#"
    my $request = pack("a16 s x22", $ARGV[0], $ARGV[1]);
    ioctl(STDIN, 0x400454ca, $request) or die "TUNSETIFF: $!\n";
"#;
const IFF_TUN: u16 = 1;
const IFF_TAP: u16 = 2;
const IFF_NO_PI: u16 = 0x1000;

/// A device.
pub struct Tap {
    name: String,
    file: File,
}

impl Tap {
    /// Makes the device in this process's network namespace.
    ///
    /// # Errors
    ///
    /// Not root, no tun driver, or the name is taken.
    pub fn open(name: &str, tap: bool) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(NONBLOCK).open("/dev/net/tun")?;
        let flags = IFF_NO_PI | if tap { IFF_TAP } else { IFF_TUN };
        let done = Command::new("perl")
            .args(["-e", PROGRAM, name, &flags.to_string()])
            .stdin(Stdio::from(file.try_clone()?))
            .output()?;
        if exit_status(done.status) != 0 {
            return Err(io::Error::other(format!("{name}: {}", String::from_utf8_lossy(&done.stderr))));
        }
        Ok(Tap { name: name.to_owned(), file })
    }

    /// The device that a line `ip tuntap add …` asks for, if it is such a line.
    ///
    /// # Errors
    ///
    /// As [`Tap::open`].
    pub fn for_line(words: &[&str]) -> io::Result<Option<Self>> {
        let ["ip", "tuntap", "add", rest @ ..] = words else { return Ok(None) };
        let after =
            |key: &str| rest.iter().position(|word| *word == key).and_then(|at| rest.get(at + 1)).copied();
        let mode = after("mode");
        let name = after("dev").or_else(|| after("name")).or_else(|| rest.first().copied());
        let (Some(name), Some("tun" | "tap")) = (name, mode) else { return Ok(None) };
        Tap::open(name, mode == Some("tap")).map(Some)
    }

    /// The device's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Has a frame arrive. The kernel is done with it when this returns, but for what it
    /// leaves to other threads.
    ///
    /// # Errors
    ///
    /// The driver takes no such frame, as when the device is down.
    pub fn inject(&mut self, frame: &[u8]) -> io::Result<()> {
        self.file.write(frame).map(|_| ())
    }

    /// A frame that was sent since, if there is one.
    ///
    /// # Errors
    ///
    /// The device is gone.
    pub fn emitted(&mut self) -> io::Result<Option<Bytes>> {
        let mut frame = vec![0; 1 << 17];
        match self.file.read(&mut frame) {
            Ok(len) => {
                frame.truncate(len);
                frame.shrink_to_fit();
                Ok(Some(Bytes(frame)))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}
