//! What ICMPv6 teaches about a destination: path MTUs (`ip6_update_pmtu`, T-55).

use fingerpost_net::wire::Ipv6;

use super::super::sockets::SocketId;
use super::super::{Outcome, Packet, Stack};
use super::is_multipath;
use super::output::LEAST_MTU;
use crate::lookup::exception6::Exception6;
use crate::lookup::{Flow6, output6};
use crate::state::Time;

impl Stack<'_, '_> {
    /// Packets to a destination may be so long at most, somebody says: whoever it is.
    /// A socket's packet was sent by its device with its mark, if it has such.
    pub(super) fn learn_mtu6(
        &mut self,
        about: &Packet,
        quoted: &Ipv6,
        mtu: u32,
        socket: Option<SocketId>,
    ) -> Outcome {
        let (src, dst) = (quoted.source(), quoted.destination());
        let options = socket.and_then(|id| self.state.sockets.get(id)).map(|socket| &socket.options);
        let (oif, mark, uid) = match options {
            Some(options) => (options.dev, options.mark, options.uid),
            None => (about.dev, 0, 0),
        };
        let mut flow = Flow6 {
            src,
            oif,
            uid,
            mark: if mark != 0 { mark } else { self.reply_mark6(about) },
            dscp: quoted.traffic_class() & 0xfc,
            flowlabel: quoted.flow_label(),
            ..Flow6::to(dst)
        };
        let resolved = output6::resolve(self.config, self.state, self.env, &mut flow, self.tracer);
        let Ok(decision) = resolved else { return Outcome::Delivered };
        if is_multipath(self.config, &decision) {
            return Outcome::Unknown("the leg that a path MTU belongs to");
        }
        if mtu >= LEAST_MTU as u32 && mtu < decision.mtu {
            let lifetime = self.setting6("route/mtu_expires").max(0) as u64;
            let expires = Some(Time(self.now().0.saturating_add(lifetime * 1000)));
            let learned = Exception6 { mtu: Some(mtu), gateway: decision.gateway, expires };
            self.state.exceptions6.learn(self.config, &decision.found, (src, dst), learned);
        }
        Outcome::Delivered
    }
}
