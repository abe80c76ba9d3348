//! pcapng: blocks of several kinds, in sections with interfaces of their own
//! (draft-ietf-opsawg-pcapng).

use anyhow::{anyhow, bail};
use pcap_parser::pcapng::{
    Block, EnhancedPacketBlock, InterfaceDescriptionBlock, OptionCode, PcapNGOption, SimplePacketBlock,
    UnknownBlock, parse_block_be, parse_block_le, parse_sectionheaderblock,
};

use super::classic::without;
use super::{Capture, Clock, Form, Found, Interface, MAX_INTERFACES, MAX_RECORD, UnknownBlocks, truncated};

const SECTION: u32 = 0x0a0d_0d0a;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// A kind that was replaced long ago.
const OLD_PACKET: u32 = 2;

/// Where a packet begins in its block.
const ENHANCED: usize = 28;
const SIMPLE: usize = 12;
const OLD: usize = 28;

/// Options.
const IF_FCSLEN: OptionCode = OptionCode(13);
const EPB_FLAGS: OptionCode = OptionCode(2);

/// What a block brings.
enum Step {
    Packet(Found),
    Interface(Interface),
    Unknown(u32),
    Nothing,
}

impl Capture {
    pub(super) fn next_of_blocks(&mut self) -> anyhow::Result<Option<Found>> {
        loop {
            self.window.pass();
            let Some(big_endian) = self.take_block()? else { return Ok(None) };
            match self.read(big_endian)? {
                Step::Packet(found) => return Ok(Some(found)),
                Step::Interface(interface) if self.interfaces.len() < MAX_INTERFACES => {
                    self.interfaces.push(interface);
                }
                Step::Interface(_) => bail!("more than {MAX_INTERFACES} interfaces"),
                Step::Unknown(kind) => {
                    let offset = self.window.offset();
                    let unknown = self.unknown.get_or_insert(UnknownBlocks { kind, offset, count: 0 });
                    unknown.count += 1;
                }
                Step::Nothing => {}
            }
        }
    }

    /// Has a whole block in the window; its byte order, or `None` at the end.
    fn take_block(&mut self) -> anyhow::Result<Option<bool>> {
        if !self.window.fill(12)? {
            return if self.window.bytes().is_empty() { Ok(None) } else { Err(truncated()) };
        }
        let Form::Blocks { big_endian } = &mut self.form else { return Ok(None) };
        let mut head = [[0; 4]; 3];
        head.iter_mut().zip(self.window.bytes().chunks(4)).for_each(|(to, from)| to.copy_from_slice(from));
        let begins_section = u32::from_be_bytes(head[0]) == SECTION;
        if begins_section {
            *big_endian = match (u32::from_be_bytes(head[2]), u32::from_le_bytes(head[2])) {
                (BYTE_ORDER, _) => true,
                (_, BYTE_ORDER) => false,
                _ => bail!("a section without a byte order: the file is damaged"),
            };
            self.section += 1;
            self.interfaces.clear();
        }
        let big_endian = *big_endian;
        let number = if big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        let length = number(head[1]) as usize;
        if length < 12 || !length.is_multiple_of(4) || length > MAX_RECORD {
            bail!("a block whose length is said to be {length}: the file is damaged");
        }
        if !self.window.fill(length)? {
            return Err(truncated());
        }
        self.window.take(length);
        let end = self.window.get(length - 4..length).try_into().unwrap_or_default();
        if number(end) as usize != length {
            bail!("a block with two lengths, {length} and {}: the file is damaged", number(end));
        }
        if begins_section {
            let section = parse_sectionheaderblock(self.window.get(0..length));
            match section.map(|(_, section)| section.major_version) {
                Ok(1) => {}
                Ok(version) => bail!("pcapng of version {version}; version 1 is read"),
                Err(_) => bail!("a section header that cannot be read: the file is damaged"),
            }
        }
        Ok(Some(big_endian))
    }

    /// Reads the block in the window.
    fn read(&self, big_endian: bool) -> anyhow::Result<Step> {
        let block = self.window.record();
        let parsed = if big_endian { parse_block_be(block) } else { parse_block_le(block) };
        let Ok((_, parsed)) = parsed else {
            bail!("a block whose parts are longer than itself: the file is damaged");
        };
        Ok(match parsed {
            Block::InterfaceDescription(block) => Step::Interface(interface(&block, big_endian)?),
            Block::EnhancedPacket(block) => Step::Packet(self.enhanced(&block, big_endian)?),
            Block::SimplePacket(block) => Step::Packet(self.simple(&block)?),
            Block::Unknown(block) if block.block_type_in(big_endian) == OLD_PACKET => {
                Step::Packet(self.old(&block, big_endian)?)
            }
            Block::Unknown(block) => Step::Unknown(block.block_type_in(big_endian)),
            // They tell of names, losses, secrets and the like.
            _ => Step::Nothing,
        })
    }

    fn enhanced(&self, block: &EnhancedPacketBlock<'_>, big_endian: bool) -> anyhow::Result<Found> {
        let flags = option(&block.options, EPB_FLAGS).and_then(|bytes| bytes.try_into().ok());
        let number = if big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        let flags = flags.map_or(0, number);
        let times = (block.ts_high, block.ts_low);
        let mut found =
            self.found(ENHANCED, block.if_id as usize, times, (block.caplen as usize, block.origlen))?;
        // Which way it went, and the check sequence's length where it is this packet's own.
        found.is_outbound = flags & 3 == 2;
        let own = (flags >> 5 & 0xf) as usize;
        if own > 0 && self.interfaces.get(found.index).is_some_and(|of| of.check_sequence == 0) {
            let (captured, length) = without(own, found.at.len(), found.length);
            (found.at.end, found.length) = (found.at.start + captured, length);
        }
        Ok(found)
    }

    /// A packet without a time, of the first interface.
    fn simple(&self, block: &SimplePacketBlock<'_>) -> anyhow::Result<Found> {
        let snaplen = self.interfaces.first().map_or(0, |interface| interface.snaplen);
        let kept = if snaplen == 0 { block.origlen } else { block.origlen.min(snaplen) };
        let captured = (kept as usize).min(block.data.len());
        Ok(Found { time: None, ..self.found(SIMPLE, 0, (0, 0), (captured, block.origlen))? })
    }

    fn old(&self, block: &UnknownBlock<'_>, big_endian: bool) -> anyhow::Result<Found> {
        let number = |at: usize| {
            let bytes = block.data.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            let number = if big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
            bytes.map(number).ok_or_else(|| anyhow!("a packet block that is too short: the file is damaged"))
        };
        // The interface's number and a count of losses are sixteen bits each.
        let first = number(0)?;
        let interface = if big_endian { first >> 16 } else { first & 0xffff } as usize;
        let lengths = (number(12)? as usize, number(16)?);
        if lengths.0 > block.data.len() - 20 {
            bail!("a packet that is longer than its block: the file is damaged");
        }
        self.found(OLD, interface, (number(4)?, number(8)?), lengths)
    }

    /// A packet of an interface: its times in two halves, its lengths as captured and as it was.
    fn found(
        &self,
        begin: usize,
        index: usize,
        (high, low): (u32, u32),
        (captured, length): (usize, u32),
    ) -> anyhow::Result<Found> {
        let Some(interface) = self.interfaces.get(index) else {
            let known = self.interfaces.len();
            bail!("a packet of interface {index}, which the capture does not describe; it describes {known}");
        };
        let (captured, length) = without(interface.check_sequence, captured, length.into());
        let time = Some(interface.clock.nanos(u64::from(high) << 32 | u64::from(low)));
        Ok(Found { at: begin..begin + captured, index, time, length, is_outbound: false })
    }
}

fn interface(block: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> anyhow::Result<Interface> {
    let name = match block.if_name() {
        None => None,
        // Some writers end it with a zero.
        Some(Ok(name)) => Some(name.trim_end_matches('\0').to_string()),
        Some(Err(_)) => bail!("an interface whose name is not UTF-8 text"),
    };
    let number = if big_endian { i64::from_be_bytes } else { i64::from_le_bytes };
    let offset = option(&block.options, OptionCode::IfTsoffset).and_then(|bytes| bytes.try_into().ok());
    let one = |code| option(&block.options, code).and_then(|bytes| bytes.first().copied());
    // The format's text says bits, its example and most writers say octets.
    let check_sequence = match one(IF_FCSLEN) {
        Some(octets @ 0..8) => octets,
        Some(bits) => bits / 8,
        None => 0,
    };
    Ok(Interface {
        name: name.filter(|name| !name.is_empty()),
        link_type: block.linktype.0 as u32,
        snaplen: block.snaplen,
        check_sequence: check_sequence.into(),
        clock: Clock {
            resolution: one(OptionCode::IfTsresol).unwrap_or(Clock::MICROSECONDS.resolution),
            offset: offset.map_or(0, number),
        },
    })
}

/// The value of an option.
fn option<'o>(options: &'o [PcapNGOption<'_>], code: OptionCode) -> Option<&'o [u8]> {
    options.iter().find(|option| option.code == code)?.as_bytes().ok()
}

/// A block's type as the file's byte order has it.
trait TypeIn {
    fn block_type_in(&self, big_endian: bool) -> u32;
}

impl TypeIn for UnknownBlock<'_> {
    fn block_type_in(&self, big_endian: bool) -> u32 {
        if big_endian { self.block_type.swap_bytes() } else { self.block_type }
    }
}
