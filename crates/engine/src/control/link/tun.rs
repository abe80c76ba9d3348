//! tun and tap devices, which are made through `/dev/net/tun` rather than rtnetlink.

use fingerpost_model::{NsId, Refusal, TunMode};
use fingerpost_net::Errno;

use super::kind::Kind;
use super::{At, Devices, attributes};

impl Devices<'_> {
    /// Makes a device; the name must be free (`tun_set_iff` with `IFF_TUN_EXCL`).
    pub(super) fn new_tun(
        &mut self,
        ns: NsId,
        name: &str,
        mode: TunMode,
        queues: bool,
    ) -> Result<(), Refusal> {
        if self.find(ns, name).is_some() {
            return Err(Refusal::new(Errno::EBUSY));
        }
        let (kind, tun_type, template) = match mode {
            TunMode::Tun => (Kind::Tun, 1, "tun%d"),
            TunMode::Tap => (Kind::Tap, 2, "tap%d"),
        };
        let mut link = kind.template();
        link.msg.name = Some(if name.is_empty() { template } else { name }.to_string());
        if let Some(info) = &mut link.msg.info {
            info.tun_type = Some(tun_type);
            info.tun_pi = Some(false);
            info.tun_vnet_hdr = Some(false);
            info.tun_multi_queue = Some(queues);
            info.tun_persist = Some(true);
            if queues {
                // One queue is attached, none is disabled.
                info.data = vec![attributes::u32(8, 1), attributes::u32(9, 0)];
            }
        }
        if queues {
            link.msg.num_tx_queues = Some(MAX_QUEUES);
            link.msg.num_rx_queues = Some(MAX_QUEUES);
        }
        if kind == Kind::Tap {
            self.random_address(&mut link);
        }
        self.register(ns, link)?;
        Ok(())
    }

    /// Removes a device: attaches to it and ends its persistence.
    pub(super) fn del_tun(&mut self, ns: NsId, name: &str, mode: TunMode) -> Result<(), Refusal> {
        let Some(at) = self.find(ns, name) else {
            // A device that is made only to end its persistence is gone at once, but its index is used up.
            self.new_tun(ns, name, mode, false)?;
            return match self.find(ns, name) {
                Some(at) => {
                    self.delete(at);
                    Ok(())
                }
                None => Ok(()),
            };
        };
        self.check_tun(at, mode)?;
        self.delete(at);
        Ok(())
    }

    /// Whether the device is of this mode.
    fn check_tun(&self, at: At, mode: TunMode) -> Result<(), Refusal> {
        let kind = match mode {
            TunMode::Tun => Kind::Tun,
            TunMode::Tap => Kind::Tap,
        };
        match self.link(at).map(Kind::of) {
            Some(found) if found == kind => Ok(()),
            _ => Err(Refusal::new(Errno::EINVAL)),
        }
    }
}

/// `MAX_TAP_QUEUES`.
const MAX_QUEUES: u32 = 256;
