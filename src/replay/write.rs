//! Writing pcapng: one section, an interface for each device that emits, times in
//! nanoseconds, a comment on each packet (draft-ietf-opsawg-pcapng).

use std::collections::BTreeMap;
use std::io::{self, Write};

use zerocopy::IntoBytes;

use super::gather::Gather;

const SECTION: u32 = 0x0a0d_0d0a;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

/// Options; a comment's is that of every block.
mod option {
    pub const COMMENT: u16 = 1;
    pub const IF_NAME: u16 = 2;
    pub const IF_TSRESOL: u16 = 9;
    pub const SHB_USERAPPL: u16 = 4;
}

/// A capture that is being written.
pub struct Writer {
    out: Gather,
    /// What messages call it.
    pub name: String,
    /// Interfaces by the device's index.
    interfaces: BTreeMap<u32, u32>,
    /// Where the block begins that is being made.
    begin: usize,
}

/// A device that emits.
pub struct Device {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What its packets begin with.
    pub link_type: u16,
}

impl Writer {
    /// Begins a capture, which messages call `name`.
    ///
    /// # Errors
    ///
    /// `out` takes nothing.
    pub fn new(out: Box<dyn Write + Send>, name: String) -> io::Result<Writer> {
        let mut writer = Writer { out: Gather::new(out), name, interfaces: BTreeMap::new(), begin: 0 };
        writer.begin(SECTION);
        writer.number(BYTE_ORDER);
        // Version 1.0, of a length that is not told.
        writer.out.held.extend_from_slice(&[1, 0, 0, 0]);
        writer.out.held.extend_from_slice(&u64::MAX.to_le_bytes());
        writer.option(option::SHB_USERAPPL, concat!("fingerpost ", env!("CARGO_PKG_VERSION")).as_bytes());
        writer.end_options();
        writer.end()?;
        Ok(writer)
    }

    /// Writes a packet that a device emitted at a time, in nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// The file takes no more.
    pub fn packet(&mut self, device: &Device, time: u64, bytes: &[u8], comment: &[u8]) -> io::Result<()> {
        let interface = match self.interfaces.get(&device.index) {
            Some(&interface) => interface,
            None => self.interface(device)?,
        };
        self.begin(ENHANCED_PACKET);
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let numbers = [interface, (time >> 32) as u32, time as u32, length, length];
        self.out.held.extend_from_slice(numbers.map(u32::to_le).as_bytes());
        self.bytes(bytes);
        self.option(option::COMMENT, comment);
        self.end_options();
        self.end()
    }

    /// Writes all that is held back.
    ///
    /// # Errors
    ///
    /// The file takes no more.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn interface(&mut self, device: &Device) -> io::Result<u32> {
        let interface = self.interfaces.len() as u32;
        self.interfaces.insert(device.index, interface);
        self.begin(INTERFACE);
        self.number(u32::from(device.link_type));
        // Nothing is cut.
        self.number(0);
        self.option(option::IF_NAME, device.name.as_bytes());
        self.option(option::IF_TSRESOL, &[9]);
        self.end_options();
        self.end()?;
        Ok(interface)
    }

    fn begin(&mut self, kind: u32) {
        self.begin = self.out.held.len();
        self.number(kind);
        // Its length, when that is known.
        self.number(0);
    }

    fn number(&mut self, number: u32) {
        self.out.held.extend_from_slice(&number.to_le_bytes());
    }

    /// Bytes, filled up to four.
    fn bytes(&mut self, bytes: &[u8]) {
        self.out.held.extend_from_slice(bytes);
        let end = self.begin + (self.out.held.len() - self.begin).next_multiple_of(4);
        self.out.held.resize(end, 0);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let value = &value[..value.len().min(usize::from(u16::MAX))];
        self.out.held.extend_from_slice(&code.to_le_bytes());
        self.out.held.extend_from_slice(&(value.len() as u16).to_le_bytes());
        self.bytes(value);
    }

    fn end_options(&mut self) {
        self.number(0);
    }

    fn end(&mut self) -> io::Result<()> {
        let block = &mut self.out.held[self.begin..];
        let length = block.len() as u32 + 4;
        block[4..8].copy_from_slice(&length.to_le_bytes());
        self.number(length);
        self.out.end()
    }
}
