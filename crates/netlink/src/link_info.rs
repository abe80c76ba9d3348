//! What kind of device it is: `IFLA_LINKINFO`, with the data of the kinds that
//! matter to routing. The data of other kinds is kept as it came.

use fingerpost_model::{BridgePort, LinkInfo, LinkMsg};

use crate::attr::{Builder, NESTED, View, attributes};
use crate::error::DecodeError;
use crate::link;

attributes! {
    info, "IFLA_INFO_":
    KIND = 1, DATA = 2, XSTATS = 3, SLAVE_KIND = 4, SLAVE_DATA = 5,
}

attributes! {
    vrf, "IFLA_VRF_":
    TABLE = 1,
}

attributes! {
    vlan, "IFLA_VLAN_":
    ID = 1, FLAGS = 2, EGRESS_QOS = 3, INGRESS_QOS = 4, PROTOCOL = 5,
}

attributes! {
    macvlan, "IFLA_MACVLAN_":
    MODE = 1, FLAGS = 2, MACADDR_MODE = 3, MACADDR = 4, MACADDR_DATA = 5, MACADDR_COUNT = 6, BC_QUEUE_LEN = 7,
    BC_QUEUE_LEN_USED = 8, BC_CUTOFF = 9,
}

attributes! {
    ipvlan, "IFLA_IPVLAN_":
    MODE = 1, FLAGS = 2,
}

attributes! {
    tun, "IFLA_TUN_":
    OWNER = 1, GROUP = 2, TYPE = 3, PI = 4, VNET_HDR = 5, PERSIST = 6, MULTI_QUEUE = 7, NUM_QUEUES = 8,
    NUM_DISABLED_QUEUES = 9,
}

attributes! {
    veth, "VETH_INFO_":
    PEER = 1,
}

attributes! {
    port, "IFLA_BRPORT_":
    STATE = 1,
}

fn unnamed(_: u16) -> Option<&'static str> {
    None
}

pub(crate) fn decode(view: &View<'_>, m: &mut LinkMsg, depth: u8) -> Result<(), DecodeError> {
    let mut i = LinkInfo::default();
    let (mut data, mut slave_data) = (None, None);
    for inner in view.nested(info::name) {
        let inner = inner?;
        match inner.kind() {
            info::KIND => i.kind = inner.text(),
            info::SLAVE_KIND => i.slave_kind = Some(inner.text()),
            info::DATA => data = Some(inner),
            info::SLAVE_DATA => slave_data = Some(inner),
            // Counters of the kind; nothing that anybody configures.
            _ => {}
        }
    }
    if let Some(data) = data {
        match i.kind.as_str() {
            "vrf" => vrf_data(&data, &mut i)?,
            "vlan" => vlan_data(&data, &mut i)?,
            "macvlan" | "macvtap" => macvlan_data(&data, &mut i)?,
            "ipvlan" | "ipvtap" => ipvlan_data(&data, &mut i)?,
            "tun" => tun_data(&data, &mut i)?,
            "veth" => veth_data(&data, &mut i, depth)?,
            _ => {
                for inner in data.nested(unnamed) {
                    i.data.push(inner?.keep());
                }
            }
        }
    }
    if let Some(data) = slave_data {
        let bridge = i.slave_kind.as_deref() == Some("bridge");
        for inner in data.nested(if bridge { port::name } else { unnamed }) {
            let inner = inner?;
            match inner.kind() {
                port::STATE if bridge => m.bridge_port = Some(BridgePort { state: inner.u8()? }),
                _ => i.slave_data.push(inner.keep()),
            }
        }
    }
    m.info = Some(i);
    Ok(())
}

fn vrf_data(data: &View<'_>, i: &mut LinkInfo) -> Result<(), DecodeError> {
    for inner in data.nested(vrf::name) {
        let inner = inner?;
        match inner.kind() {
            vrf::TABLE => i.vrf_table = Some(inner.u32()?),
            _ => i.data.push(inner.keep()),
        }
    }
    Ok(())
}

fn vlan_data(data: &View<'_>, i: &mut LinkInfo) -> Result<(), DecodeError> {
    for inner in data.nested(vlan::name) {
        let inner = inner?;
        match inner.kind() {
            vlan::ID => i.vlan_id = Some(inner.u16()?),
            vlan::PROTOCOL => i.vlan_protocol = Some(inner.be16()?),
            _ => i.data.push(inner.keep()),
        }
    }
    Ok(())
}

fn macvlan_data(data: &View<'_>, i: &mut LinkInfo) -> Result<(), DecodeError> {
    for inner in data.nested(macvlan::name) {
        let inner = inner?;
        match inner.kind() {
            macvlan::MODE => i.mode = Some(inner.u32()?),
            _ => i.data.push(inner.keep()),
        }
    }
    Ok(())
}

fn ipvlan_data(data: &View<'_>, i: &mut LinkInfo) -> Result<(), DecodeError> {
    for inner in data.nested(ipvlan::name) {
        let inner = inner?;
        match inner.kind() {
            ipvlan::MODE => i.mode = Some(u32::from(inner.u16()?)),
            _ => i.data.push(inner.keep()),
        }
    }
    Ok(())
}

fn tun_data(data: &View<'_>, i: &mut LinkInfo) -> Result<(), DecodeError> {
    for inner in data.nested(tun::name) {
        let inner = inner?;
        let flag = || inner.u8().map(|value| Some(value != 0));
        match inner.kind() {
            tun::OWNER => i.tun_owner = Some(inner.u32()?),
            tun::GROUP => i.tun_group = Some(inner.u32()?),
            tun::TYPE => i.tun_type = Some(inner.u8()?),
            tun::PI => i.tun_pi = flag()?,
            tun::VNET_HDR => i.tun_vnet_hdr = flag()?,
            tun::PERSIST => i.tun_persist = flag()?,
            tun::MULTI_QUEUE => i.tun_multi_queue = flag()?,
            _ => i.data.push(inner.keep()),
        }
    }
    Ok(())
}

fn veth_data(data: &View<'_>, i: &mut LinkInfo, depth: u8) -> Result<(), DecodeError> {
    for inner in data.nested(veth::name) {
        let inner = inner?;
        let peer = match inner.kind() {
            veth::PEER => link::decode_peer(&inner, depth)?,
            _ => None,
        };
        match peer {
            Some(peer) => i.peer = Some(Box::new(peer)),
            None => i.data.push(inner.keep()),
        }
    }
    Ok(())
}

pub(crate) fn encode(m: &LinkMsg, b: &mut Builder, depth: u8) {
    let Some(i) = &m.info else { return };
    b.nest(link::ifla::LINKINFO | NESTED, |b| {
        if !i.kind.is_empty() {
            b.text(info::KIND, &i.kind);
        }
        let mut data = Builder::new();
        put_data(i, &mut data, depth);
        put_nested(info::DATA, data, b);
        if let Some(kind) = &i.slave_kind {
            b.text(info::SLAVE_KIND, kind);
        }
        let mut slave = Builder::new();
        if let Some(bridge_port) = &m.bridge_port {
            slave.u8(port::STATE, bridge_port.state);
        }
        slave.all(&i.slave_data);
        put_nested(info::SLAVE_DATA, slave, b);
    });
}

fn put_nested(kind: u16, inner: Builder, b: &mut Builder) {
    if inner.is_empty() {
        return;
    }
    match inner.finish() {
        Ok(bytes) => b.attr(kind | NESTED, &bytes),
        Err(error) => b.fail(error),
    }
}

fn put_data(i: &LinkInfo, b: &mut Builder, depth: u8) {
    if let Some(table) = i.vrf_table {
        b.u32(vrf::TABLE, table);
    }
    if let Some(id) = i.vlan_id {
        b.u16(vlan::ID, id);
    }
    if let Some(protocol) = i.vlan_protocol {
        b.attr(vlan::PROTOCOL, &protocol.to_be_bytes());
    }
    match (i.mode, i.kind.as_str()) {
        (Some(mode), "ipvlan" | "ipvtap") => b.u16(ipvlan::MODE, mode as u16),
        (Some(mode), _) => b.u32(macvlan::MODE, mode),
        (None, _) => {}
    }
    for (kind, value) in [(tun::OWNER, i.tun_owner), (tun::GROUP, i.tun_group)] {
        if let Some(value) = value {
            b.u32(kind, value);
        }
    }
    if let Some(mode) = i.tun_type {
        b.u8(tun::TYPE, mode);
    }
    let flags = [
        (tun::PI, i.tun_pi),
        (tun::VNET_HDR, i.tun_vnet_hdr),
        (tun::PERSIST, i.tun_persist),
        (tun::MULTI_QUEUE, i.tun_multi_queue),
    ];
    for (kind, value) in flags {
        if let Some(value) = value {
            b.u8(kind, u8::from(value));
        }
    }
    if let Some(peer) = &i.peer {
        let mut inner = Builder::new();
        link::put(peer, &mut inner, depth + 1);
        match inner.finish() {
            Ok(bytes) => b.attr(veth::PEER | NESTED, &bytes),
            Err(error) => b.fail(error),
        }
    }
    b.all(&i.data);
}
