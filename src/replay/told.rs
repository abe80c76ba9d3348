//! What is told of packets, on its way to a thread of its own that writes it: texts are made
//! there while packets go on here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, SyncSender};

use anyhow::{Context, anyhow};
use fingerpost_engine::Config;
use fingerpost_engine::config::Link;
use fingerpost_engine::counters::Counters;
use fingerpost_engine::path::{Frame, has_header};
use fingerpost_engine::trace::Event;

use super::capture::link_type;
use super::lookups::{Ends, Form, Lookups};
use super::memo::Place;
use super::report::{News, Report};
use super::text::number;
use super::write::{Device, Writer};
use crate::explain::Asked;

/// Entries that are handed over at once at most, and bytes of what belongs to them.
const ENTRIES: usize = 1 << 10;
const BYTES: usize = 1 << 18;
/// Batches that wait at most.
pub(super) const WAITING: usize = 3;

/// What becomes of a packet, or of a timer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    /// The packet's number, and the device that it entered on; none for a timer.
    pub packet: Option<(u64, u32)>,
    /// What became of it; of a timer, what became of the first packet that it dropped.
    pub outcome: Option<&'static str>,
    pub reason: Option<&'static str>,
    /// When, in nanoseconds since 1970.
    pub time: u64,
}

/// Entries, with all that belongs to them one after the other.
#[derive(Default)]
pub(super) struct Batch {
    entries: Vec<Held>,
    /// Devices that frames left by, and the frames' lengths.
    frames: Vec<(u32, usize)>,
    bytes: Vec<u8>,
    news: Vec<News>,
    /// The addresses of lookups.
    ends: Vec<Ends>,
    /// Texts of lookups whose places say that they are new.
    forms: Vec<Form>,
    /// Devices that were not named before.
    devices: Vec<Device>,
    /// Whether nothing follows for a while.
    is_last: bool,
}

/// An entry of a batch: where in it ends what belongs to it.
struct Held {
    fate: Fate,
    frames: usize,
    news: usize,
    ends: usize,
    /// The place of its lookups' text; none where there were none.
    lookups: Option<Place>,
}

/// What is told of a packet or of a timer.
pub(super) struct Entry<'a> {
    pub fate: Fate,
    /// Devices that frames left by, and the frames' lengths.
    frames: &'a [(u32, usize)],
    /// Frames, one after the other.
    bytes: &'a [u8],
    /// What was counted.
    pub news: &'a [News],
    /// The addresses of its lookups.
    pub ends: &'a [Ends],
    /// The place of its lookups' text; none where there were none.
    pub lookups: Option<u32>,
}

impl<'a> Entry<'a> {
    /// Frames that left: each with its device.
    pub fn frames(&self) -> impl Iterator<Item = (u32, &'a [u8])> {
        let mut rest = self.bytes;
        self.frames.iter().map_while(move |&(dev, len)| Some((dev, rest.split_off(..len)?)))
    }
}

impl Batch {
    fn is_full(&self) -> bool {
        let texts = self.forms.iter().map(Form::size).sum::<usize>();
        let others = size_of_val(&*self.ends) + size_of_val(&*self.news);
        self.entries.len() >= ENTRIES || self.bytes.len() + texts + others >= BYTES
    }

    /// Makes room for others.
    fn clear(&mut self) {
        let Batch { entries, frames, bytes, news, ends, forms, devices, is_last } = self;
        entries.clear();
        frames.clear();
        bytes.clear();
        news.clear();
        ends.clear();
        forms.clear();
        devices.clear();
        *is_last = false;
    }
}

/// The side that tells.
pub(super) struct Teller {
    batch: Batch,
    full: SyncSender<Batch>,
    /// Batches that were written.
    empty: Receiver<Batch>,
    /// Of which lookups the other side has the texts; none where there is no report.
    lookups: Option<Lookups>,
    /// Devices that were named.
    named: BTreeSet<u32>,
}

impl Teller {
    /// Tells those who write, of whom one may write a report.
    pub fn new(full: SyncSender<Batch>, empty: Receiver<Batch>, reports: bool) -> Teller {
        let lookups = reports.then(Lookups::new);
        Teller { batch: Batch::default(), full, empty, lookups, named: BTreeSet::new() }
    }

    /// Whether there is a report.
    pub fn reports(&self) -> bool {
        self.lookups.is_some()
    }

    /// Takes what was counted for the next entry.
    pub fn take_news(&mut self, counters: &mut Counters) {
        counters.take_news(|what, count| self.batch.news.push((what, count)));
    }

    /// Tells what became of a packet or of a timer: what left, what was counted since the last
    /// entry, and what its lookups did. A timer that did nothing is left out.
    ///
    /// # Errors
    ///
    /// The other side has ended, since a file took no more.
    pub fn tell(
        &mut self,
        asked: Asked<'_>,
        fate: Fate,
        emitted: &[Frame],
        events: &[Event],
    ) -> anyhow::Result<()> {
        let Teller { batch, lookups, named, .. } = self;
        let has_news = batch.news.len() > batch.entries.last().map_or(0, |last| last.news);
        let is_timer = fate.packet.is_none();
        if emitted.is_empty() && (lookups.is_none() || is_timer && fate.outcome.is_none() && !has_news) {
            return Ok(());
        }
        for frame in emitted {
            batch.frames.push((frame.dev, frame.bytes.len()));
            batch.bytes.extend_from_slice(&frame.bytes);
        }
        for dev in emitted.iter().map(|frame| frame.dev).chain(fate.packet.map(|(_, dev)| dev)) {
            if named.insert(dev) {
                batch.devices.push(device(&asked.ns.config, dev));
            }
        }
        let lookups = match lookups {
            Some(lookups) => lookups.place(asked, events, &mut batch.ends, &mut batch.forms)?,
            None => None,
        };
        let (frames, news, ends) = (batch.frames.len(), batch.news.len(), batch.ends.len());
        batch.entries.push(Held { fate, frames, news, ends, lookups });
        if self.batch.is_full() { self.hand_over(false) } else { Ok(()) }
    }

    /// Hands over what was told; what is last for a while is in the files soon.
    ///
    /// # Errors
    ///
    /// The other side has ended, since a file took no more.
    pub fn hand_over(&mut self, is_last: bool) -> anyhow::Result<()> {
        if self.batch.entries.is_empty() {
            return Ok(());
        }
        self.batch.is_last = is_last;
        let spare = self.empty.try_recv().unwrap_or_default();
        let batch = std::mem::replace(&mut self.batch, spare);
        self.full.send(batch).map_err(|_| anyhow!("nothing more is written"))
    }
}

fn device(config: &Config, index: u32) -> Device {
    let link = config.links.get(index);
    let link_type = if link.is_some_and(has_header) { link_type::ETHERNET } else { link_type::RAW };
    Device { index, name: link.map_or("", Link::name).into(), link_type: link_type as u16 }
}

/// The side that writes.
pub(super) struct Scribe<'w> {
    writer: Option<&'w mut Writer>,
    report: Option<&'w mut Report>,
    devices: BTreeMap<u32, Device>,
    comment: Vec<u8>,
}

impl<'w> Scribe<'w> {
    /// Writes a capture of what left, a report, or both.
    pub fn new(writer: Option<&'w mut Writer>, report: Option<&'w mut Report>) -> Scribe<'w> {
        Scribe { writer, report, devices: BTreeMap::new(), comment: Vec::new() }
    }

    /// Writes all that is told, until there will be no more; batches are given back.
    ///
    /// # Errors
    ///
    /// A file takes no more: what could be written is.
    pub fn write(mut self, full: Receiver<Batch>, empty: Sender<Batch>) -> anyhow::Result<()> {
        let written = full.into_iter().try_for_each(|mut batch| {
            self.batch(&mut batch)?;
            if batch.is_last {
                self.flush()?;
            }
            batch.clear();
            // The other side may have told all.
            let _ = empty.send(batch);
            Ok(())
        });
        // What was written before an error is there to be looked at.
        let flushed = self.flush();
        written.and(flushed)
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let Scribe { writer, report, .. } = self;
        let of_writer = writer.as_mut().map_or(Ok(()), |it| it.flush().with_context(|| it.name.clone()));
        let of_report = report.as_mut().map_or(Ok(()), |it| it.flush().with_context(|| it.name.clone()));
        of_writer.and(of_report)
    }

    fn batch(&mut self, batch: &mut Batch) -> anyhow::Result<()> {
        self.devices.extend(batch.devices.drain(..).map(|device| (device.index, device)));
        let mut forms = batch.forms.drain(..);
        let (mut frames, mut at, mut news, mut ends) = (0, 0, 0, 0);
        for held in &batch.entries {
            if let (Some(report), Some(Place { at, is_new: true })) = (&mut self.report, held.lookups) {
                report.keep(at, forms.next().unwrap_or_default());
            }
            let entry = Entry {
                fate: held.fate,
                frames: &batch.frames[frames..held.frames],
                bytes: &batch.bytes[at..],
                news: &batch.news[news..held.news],
                ends: &batch.ends[ends..held.ends],
                lookups: held.lookups.map(|place| place.at),
            };
            at += entry.frames.iter().map(|&(_, len)| len).sum::<usize>();
            (frames, news, ends) = (held.frames, held.news, held.ends);
            self.entry(&entry)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry<'_>) -> anyhow::Result<()> {
        let Scribe { writer, report, devices, comment } = self;
        if let Some(writer) = writer {
            comment.clear();
            remark(comment, entry.fate);
            for (dev, bytes) in entry.frames() {
                let Some(device) = devices.get(&dev) else { continue };
                let written = writer.packet(device, entry.fate.time, bytes, comment);
                written.with_context(|| writer.name.clone())?;
            }
        }
        if let Some(report) = report {
            report.tell(entry, devices).with_context(|| report.name.clone())?;
        }
        Ok(())
    }
}

/// What is said beside frames.
fn remark(comment: &mut Vec<u8>, fate: Fate) {
    let Some((packet, _)) = fate.packet else {
        return comment.extend_from_slice(b"no packet: time alone");
    };
    comment.extend_from_slice(b"packet ");
    number(comment, packet);
    comment.extend_from_slice(b": ");
    comment.extend_from_slice(fate.outcome.unwrap_or_default().as_bytes());
    if let Some(reason) = fate.reason {
        comment.push(b' ');
        comment.extend_from_slice(reason.as_bytes());
    }
}
