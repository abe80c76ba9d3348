//! Device names and numbers as one run of `ip` knows them (`ll_map`).
//!
//! iproute2 asks the kernel once for each device and remembers the answer to
//! the end of the run, stale or not, which a batch can see. A dump's callback
//! cannot ask the kernel, so [`LinkMap::refresh`] is called before one: what
//! it read counts as remembered only once it was used.

use std::collections::HashMap;
use std::rc::Rc;

use fingerpost_model::{Kernel, LinkFlags, LinkMsg, NsId};

use crate::lex::scan_u;

/// What is remembered of a device.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Its name when it was first seen.
    pub name: Rc<str>,
    /// Its flags when it was last seen.
    pub flags: LinkFlags,
    /// Its hardware type.
    pub arp_type: u16,
    altnames: Vec<Rc<str>>,
}

/// The devices that this run has seen.
#[derive(Debug, Default)]
pub(crate) struct LinkMap {
    by_name: HashMap<Rc<str>, u32>,
    known: HashMap<u32, Known>,
    fresh: HashMap<u32, Known>,
    /// The answer to the last question by name: batches ask for one device again and again.
    last: Option<(Box<str>, u32)>,
    all_seen: bool,
}

impl LinkMap {
    /// Reads all devices, for names in a dump that follows.
    pub fn refresh(&mut self, kernel: &mut dyn Kernel, ns: NsId) {
        let fresh = &mut self.fresh;
        fresh.clear();
        // A refused dump leaves numbers, as iproute2's failed lookups do.
        let _ = kernel.links(ns, &mut |link| {
            fresh.insert(link.index, known(link));
        });
    }

    /// Remembers all devices, once a run (`ll_init_map`).
    pub fn load_all(&mut self, kernel: &mut dyn Kernel, ns: NsId) {
        if self.all_seen {
            return;
        }
        let mut all = Vec::new();
        let _ = kernel.links(ns, &mut |link| all.push((link.index, known(link))));
        for (index, entry) in all {
            self.enter(index, entry);
        }
        self.all_seen = true;
    }

    /// Remembers a device from its message (`ll_remember_index`).
    pub fn remember(&mut self, link: &LinkMsg) {
        self.enter(link.index, known(link));
    }

    fn enter(&mut self, index: u32, entry: Known) {
        self.last = None;
        match self.known.get_mut(&index) {
            None => {
                self.by_name.insert(entry.name.clone(), index);
                for alt in &entry.altnames {
                    self.by_name.insert(alt.clone(), index);
                }
                self.known.insert(index, entry);
            }
            Some(old) => {
                old.flags = entry.flags;
                if old.name != entry.name {
                    // iproute2 moves the entry to the new name's bucket under the
                    // old name, so that neither name finds it any more.
                    self.by_name.remove(&old.name);
                }
                for alt in &old.altnames {
                    self.by_name.remove(alt);
                }
                for alt in &entry.altnames {
                    self.by_name.insert(alt.clone(), index);
                }
                old.altnames = entry.altnames;
            }
        }
    }

    /// The number of the device with this name or alternative name
    /// (`ll_name_to_index`). `ifN` is N even when there is no such device.
    pub fn index(&mut self, kernel: &mut dyn Kernel, ns: NsId, name: &str) -> Option<u32> {
        if let Some((last, index)) = &self.last
            && **last == *name
        {
            return Some(*index);
        }
        if let Some(&index) = self.by_name.get(name) {
            self.last = Some((name.into(), index));
            return Some(index);
        }
        if let Ok(link) = kernel.get_link(ns, 0, Some(name)) {
            self.remember(&link);
            return Some(link.index);
        }
        if let Some(index) = by_ioctl(kernel, ns, name) {
            return Some(index);
        }
        let (index, _) = scan_u(name.strip_prefix("if")?)?;
        (index as u32 != 0).then_some(index as u32)
    }

    /// What is known of a device; asks nobody.
    pub fn get(&mut self, index: u32) -> Option<&Known> {
        if !self.known.contains_key(&index) {
            let entry = self.fresh.get(&index)?.clone();
            self.enter(index, entry);
        }
        self.known.get(&index)
    }

    /// The name of a device, `*` for 0, `ifN` for an unknown one (`ll_index_to_name`).
    pub fn name(&mut self, index: u32) -> String {
        self.shared_name(index).to_string()
    }

    /// [`LinkMap::name`] without a copy, for long dumps.
    pub fn shared_name(&mut self, index: u32) -> Rc<str> {
        match (index, self.get(index)) {
            (0, _) => "*".into(),
            (_, Some(link)) => link.name.clone(),
            (_, None) => format!("if{index}").into(),
        }
    }

    /// Forgets a device (`ll_drop_by_index`).
    pub fn forget(&mut self, index: u32) {
        self.last = None;
        if let Some(old) = self.known.remove(&index) {
            self.by_name.remove(&old.name);
        }
        self.fresh.remove(&index);
    }
}

/// The kernel's older door to devices (`if_nametoindex`), which takes a name up
/// to a colon: `eth0:1` is eth0.
fn by_ioctl(kernel: &mut dyn Kernel, ns: NsId, name: &str) -> Option<u32> {
    const LONGEST: usize = 15;
    let (device, _) = name.split_once(':').filter(|_| name.len() <= LONGEST)?;
    kernel.get_link(ns, 0, Some(device)).ok().map(|link| link.index)
}

fn known(link: &LinkMsg) -> Known {
    Known {
        name: link.name.as_deref().unwrap_or_default().into(),
        flags: link.flags,
        arp_type: link.arp_type,
        altnames: link.altnames.iter().map(|n| n.as_str().into()).collect(),
    }
}
