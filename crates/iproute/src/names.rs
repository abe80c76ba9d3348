//! Names for numbers: tables, protocols, scopes, realms, dsfields, groups,
//! transport protocols, as iproute2 6.1 keeps them.
//!
//! [`Names`] is what the files say; it is made from text that the caller read
//! ([`Names::load`]), or of the defaults that Debian ships
//! ([`Names::default`]). `View` is one program run over it: iproute2 reads a
//! file only when its built-in table has no answer, and remembers the last
//! name it parsed, and both can be seen in a batch.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use crate::lex::strtoul;

/// One of the small tables: 256 names for the numbers of a byte.
#[derive(Clone, Debug)]
struct Small {
    built_in: Vec<Option<Box<str>>>,
    all: Vec<Option<Box<str>>>,
}

impl Small {
    fn new(built_in: &[(u8, &str)]) -> Self {
        let mut names = vec![None; 256];
        for &(id, name) in built_in {
            names[usize::from(id)] = Some(name.into());
        }
        Small { all: names.clone(), built_in: names }
    }

    fn add(&mut self, id: i64, name: &str) {
        if let Some(slot) = usize::try_from(id).ok().and_then(|id| self.all.get_mut(id)) {
            *slot = Some(name.into());
        }
    }
}

/// A table of 32-bit numbers, in the order in which iproute2's hash finds names.
#[derive(Clone, Debug, Default)]
struct Large {
    /// Latest first within each of 256 buckets.
    buckets: HashMap<u8, Vec<(u32, Box<str>)>>,
}

impl Large {
    fn new(built_in: &[(u32, &str)]) -> Self {
        let mut table = Large::default();
        for &(id, name) in built_in {
            table.add(i64::from(id), name);
        }
        table
    }

    fn add(&mut self, id: i64, name: &str) {
        // The file's number is a C int: those with the top bit set are skipped.
        if (0..=i64::from(i32::MAX)).contains(&id) {
            self.buckets.entry(id as u8).or_default().insert(0, (id as u32, name.into()));
        }
    }

    fn name(&self, id: u32) -> Option<&str> {
        let entry = self.buckets.get(&(id as u8))?.iter().find(|e| e.0 == id)?;
        Some(&entry.1)
    }

    fn id(&self, name: &str) -> Option<u32> {
        (0..=255).find_map(|b| self.buckets.get(&b)?.iter().find(|e| &*e.1 == name).map(|e| e.0))
    }
}

/// The names of `/etc/iproute2` and `/etc/protocols`.
#[derive(Clone, Debug)]
pub struct Names {
    tables: Large,
    groups: Large,
    small: [Small; 4],
    protocols: Vec<(u32, Box<str>, Vec<Box<str>>)>,
    /// Lines for standard error about files that could not be understood.
    pub problems: Vec<String>,
}

/// Which of the small tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Proto = 0,
    Scope = 1,
    Realm = 2,
    Dsfield = 3,
}

const PROTOS: &[(u8, &str)] = &[
    (0, "unspec"),
    (1, "redirect"),
    (2, "kernel"),
    (3, "boot"),
    (4, "static"),
    (8, "gated"),
    (9, "ra"),
    (10, "mrt"),
    (11, "zebra"),
    (12, "bird"),
    (13, "dnrouted"),
    (14, "xorp"),
    (15, "ntk"),
    (16, "dhcp"),
    (18, "keepalived"),
    (42, "babel"),
    (186, "bgp"),
    (187, "isis"),
    (188, "ospf"),
    (189, "rip"),
    (192, "eigrp"),
];
const SCOPES: &[(u8, &str)] = &[(0, "global"), (200, "site"), (253, "link"), (254, "host"), (255, "nowhere")];
const DSFIELDS: &[(u8, &str)] = &[
    (0x00, "default"),
    (0x20, "CS1"),
    (0x28, "AF11"),
    (0x30, "AF12"),
    (0x38, "AF13"),
    (0x40, "CS2"),
    (0x48, "AF21"),
    (0x50, "AF22"),
    (0x58, "AF23"),
    (0x60, "CS3"),
    (0x68, "AF31"),
    (0x70, "AF32"),
    (0x78, "AF33"),
    (0x80, "CS4"),
    (0x88, "AF41"),
    (0x90, "AF42"),
    (0x98, "AF43"),
    (0xa0, "CS5"),
    (0xb8, "EF"),
    (0xc0, "CS6"),
    (0xe0, "CS7"),
];

/// Number, name and aliases, as a Debian system's `/etc/protocols` lists them.
const PROTOCOLS: &str = "0 ip IP;0 hopopt HOPOPT;1 icmp ICMP;2 igmp IGMP;3 ggp GGP;4 ipencap IP-ENCAP;\
5 st ST;6 tcp TCP;8 egp EGP;9 igp IGP;12 pup PUP;17 udp UDP;20 hmp HMP;22 xns-idp XNS-IDP;27 rdp RDP;\
29 iso-tp4 ISO-TP4;33 dccp DCCP;36 xtp XTP;37 ddp DDP;38 idpr-cmtp IDPR-CMTP;41 ipv6 IPv6;\
43 ipv6-route IPv6-Route;44 ipv6-frag IPv6-Frag;45 idrp IDRP;46 rsvp RSVP;47 gre GRE;50 esp IPSEC-ESP;\
51 ah IPSEC-AH;57 skip SKIP;58 ipv6-icmp IPv6-ICMP;59 ipv6-nonxt IPv6-NoNxt;60 ipv6-opts IPv6-Opts;\
73 rspf RSPF CPHB;81 vmtp VMTP;88 eigrp EIGRP;89 ospf OSPFIGP;93 ax.25 AX.25;94 ipip IPIP;\
97 etherip ETHERIP;98 encap ENCAP;103 pim PIM;108 ipcomp IPCOMP;112 vrrp VRRP;115 l2tp L2TP;\
124 isis ISIS;132 sctp SCTP;133 fc FC;135 mobility-header Mobility-Header;136 udplite UDPLite;\
137 mpls-in-ip MPLS-in-IP;138 manet;139 hip HIP;140 shim6 Shim6;141 wesp WESP;142 rohc ROHC;\
143 ethernet Ethernet;262 mptcp MPTCP";

impl Default for Names {
    /// What Debian's packages of iproute2 6.1 and netbase ship.
    fn default() -> Self {
        let mut names = Names::bare();
        names.tables.add(0, "unspec");
        for (kind, list) in [(Kind::Proto, PROTOS), (Kind::Scope, SCOPES), (Kind::Dsfield, DSFIELDS)] {
            for &(id, name) in list {
                names.small[kind as usize].add(id.into(), name);
            }
        }
        names.small[Kind::Proto as usize].add(99, "openr");
        names.small[Kind::Realm as usize].add(0, "cosmos");
        for entry in PROTOCOLS.split(';') {
            names.add_protocol(entry.split_whitespace(), true);
        }
        names
    }
}

impl Names {
    /// Only what iproute2 has compiled in: no file was found.
    fn bare() -> Self {
        Names {
            tables: Large::new(&[(253, "default"), (254, "main"), (255, "local")]),
            groups: Large::new(&[(0, "default")]),
            small: [
                Small::new(PROTOS),
                Small::new(SCOPES),
                Small::new(&[(0, "unknown")]),
                Small::new(&[(0, "0")]),
            ],
            protocols: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The names of a system's files. `read` gives a file's text, `None` when
    /// it is absent; `list` gives the names in a directory.
    pub fn load(
        read: &mut dyn FnMut(&str) -> Option<String>,
        list: &mut dyn FnMut(&str) -> Vec<String>,
    ) -> Names {
        let mut names = Names::bare();
        let Names { tables, groups, small, problems, .. } = &mut names;
        let mut file = |path: &str, add: &mut dyn FnMut(i64, &str)| {
            let Some(text) = read(path) else { return };
            if let Err(line) = each_name(&text, add) {
                // iproute2 prints the line with its end.
                problems.push(format!("Database {path} is corrupted at {line}\n"));
            }
        };
        file("/etc/iproute2/group", &mut |id, name| groups.add(id, name));
        file("/etc/iproute2/rt_scopes", &mut |id, name| small[Kind::Scope as usize].add(id, name));
        file("/etc/iproute2/rt_realms", &mut |id, name| small[Kind::Realm as usize].add(id, name));
        file("/etc/iproute2/rt_dsfield", &mut |id, name| small[Kind::Dsfield as usize].add(id, name));
        for base in ["/etc/iproute2/rt_protos", "/etc/iproute2/rt_tables"] {
            let mut paths = vec![base.to_string()];
            let dir = format!("{base}.d");
            let conf = |n: &String| !n.starts_with('.') && n.len() > 5 && n.ends_with(".conf");
            paths.extend(list(&dir).into_iter().filter(conf).map(|n| format!("{dir}/{n}")));
            for path in &paths {
                if base.ends_with("protos") {
                    file(path, &mut |id, name| small[Kind::Proto as usize].add(id, name));
                } else {
                    file(path, &mut |id, name| tables.add(id, name));
                }
            }
        }
        for line in read("/etc/protocols").unwrap_or_default().lines() {
            let line = line.split('#').next().unwrap_or("");
            names.add_protocol(line.split_whitespace(), false);
        }
        names
    }

    /// The name of a routing table, or its number.
    pub fn table_name(&self, id: u32) -> String {
        self.tables.name(id).map_or_else(|| id.to_string(), str::to_string)
    }

    /// The routing table that a name or number means.
    pub fn table_id(&self, text: &str) -> Option<u32> {
        self.tables.id(text).or_else(|| crate::lex::get_u32(text, 0))
    }

    /// The name of a transport protocol as `ip rule` prints it.
    pub fn protocol_name(&self, id: u8) -> String {
        View::new(self).ip_proto(id)
    }

    /// A type of service, as `ip rule` prints it.
    pub fn dsfield_name(&self, tos: u8) -> String {
        View::new(self).dsfield(tos)
    }

    /// A device group, as `ip rule` prints it.
    pub fn group_name(&self, group: i32) -> String {
        View::new(self).group(group as u32)
    }

    fn add_protocol<'a>(&mut self, mut words: impl Iterator<Item = &'a str>, number_first: bool) {
        let (Some(first), Some(second)) = (words.next(), words.next()) else { return };
        let (number, name) = if number_first { (first, second) } else { (second, first) };
        if let Ok(number) = number.parse() {
            self.protocols.push((number, name.into(), words.map(Box::from).collect()));
        }
    }
}

/// Reads `NUMBER NAME` lines; the line that cannot be read is the error.
fn each_name<'a>(text: &'a str, add: &mut dyn FnMut(i64, &str)) -> Result<(), &'a str> {
    for line in text.lines() {
        let line = line.trim_start_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let base = if line.starts_with("0x") { 16 } else { 10 };
        let (id, _, rest) = strtoul(line, base).ok_or(line)?;
        let name = rest.split_whitespace().next().ok_or(line)?;
        add(i64::from(id as i32), name);
    }
    Ok(())
}

/// What one program run remembers of a small table.
#[derive(Debug, Default)]
struct Memory {
    loaded: Cell<bool>,
    /// The last name that was found; the number belongs to the last *parse*,
    /// which a number changes too, as in iproute2.
    last: RefCell<String>,
    result: Cell<u64>,
}

/// The names as one run of `ip` sees them.
#[derive(Debug)]
pub(crate) struct View<'a> {
    names: &'a Names,
    memory: [Memory; 4],
    numeric: Cell<bool>,
    last_table: RefCell<(String, u32)>,
}

impl<'a> View<'a> {
    /// A run that has looked nothing up yet.
    pub fn new(names: &'a Names) -> Self {
        View { names, memory: Default::default(), numeric: Cell::new(false), last_table: RefCell::default() }
    }

    /// Prints numbers rather than names from now on (`-N`).
    pub fn set_numeric(&self, on: bool) {
        self.numeric.set(on);
    }

    /// Whether numbers are printed rather than names.
    pub fn numeric(&self) -> bool {
        self.numeric.get()
    }

    /// The name of a small number, from the built-in table until a file had to be read.
    fn small(&self, kind: Kind, id: u32) -> Option<&'a str> {
        let table = &self.names.small[kind as usize];
        let loaded = &self.memory[kind as usize].loaded;
        let id = id as usize;
        if !loaded.get() {
            if let Some(name) = table.built_in.get(id)? {
                return Some(name);
            }
            loaded.set(true);
        }
        table.all.get(id)?.as_deref()
    }

    fn parse(&self, kind: Kind, text: &str, base: u32) -> Option<u8> {
        let memory = &self.memory[kind as usize];
        if !text.is_empty() && *memory.last.borrow() == text {
            return Some(memory.result.get() as u8);
        }
        memory.loaded.set(true);
        let table = &self.names.small[kind as usize];
        if let Some(id) = table.all.iter().position(|name| name.as_deref() == Some(text)) {
            text.clone_into(&mut memory.last.borrow_mut());
            memory.result.set(id as u64);
            return Some(id as u8);
        }
        let parsed = strtoul(text, base);
        memory.result.set(parsed.map_or(0, |p| p.0));
        match parsed {
            Some((id, false, "")) => u8::try_from(id).ok(),
            _ => None,
        }
    }

    fn or_number(&self, kind: Kind, id: u32) -> String {
        let name = if self.numeric() { None } else { self.small(kind, id) };
        name.map_or_else(|| id.to_string(), str::to_string)
    }

    /// `rtnl_rtprot_n2a`.
    pub fn proto(&self, id: u8) -> String {
        self.or_number(Kind::Proto, id.into())
    }

    /// `rtnl_rtprot_a2n`.
    pub fn parse_proto(&self, text: &str) -> Option<u8> {
        self.parse(Kind::Proto, text, 0)
    }

    /// `rtnl_rtscope_n2a`.
    pub fn scope(&self, id: u8) -> String {
        self.or_number(Kind::Scope, id.into())
    }

    /// `rtnl_rtscope_a2n`.
    pub fn parse_scope(&self, text: &str) -> Option<u8> {
        self.parse(Kind::Scope, text, 0)
    }

    /// `rtnl_rtrealm_n2a`; 16-bit numbers, of which the first 256 can have names.
    pub fn realm(&self, id: u16) -> String {
        self.or_number(Kind::Realm, id.into())
    }

    /// `rtnl_rtrealm_a2n`.
    pub fn parse_realm(&self, text: &str) -> Option<u8> {
        self.parse(Kind::Realm, text, 0)
    }

    /// `rtnl_dsfield_n2a`.
    pub fn dsfield(&self, id: u8) -> String {
        let name = if self.numeric() { None } else { self.small(Kind::Dsfield, id.into()) };
        name.map_or_else(|| format!("0x{id:02x}"), str::to_string)
    }

    /// `rtnl_dsfield_a2n`: a name or a hexadecimal number.
    pub fn parse_dsfield(&self, text: &str) -> Option<u8> {
        self.parse(Kind::Dsfield, text, 16)
    }

    /// The DSCP of a dsfield's name, as iproute2 6.12 and later read it.
    pub fn parse_dscp_name(&self, text: &str) -> Option<u8> {
        let table = &self.names.small[Kind::Dsfield as usize];
        let id = table.all.iter().position(|name| name.as_deref() == Some(text))?;
        (id % 4 == 0).then_some((id / 4) as u8)
    }

    /// `rtnl_rttable_n2a`.
    pub fn table(&self, id: u32) -> String {
        let name = if self.numeric() { None } else { self.names.tables.name(id) };
        name.map_or_else(|| id.to_string(), str::to_string)
    }

    /// `rtnl_rttable_a2n`.
    pub fn parse_table(&self, text: &str) -> Option<u32> {
        if !text.is_empty() && self.last_table.borrow().0 == text {
            return Some(self.last_table.borrow().1);
        }
        if let Some(id) = self.names.tables.id(text) {
            *self.last_table.borrow_mut() = (text.to_string(), id);
            return Some(id);
        }
        crate::lex::get_u32(text, 0)
    }

    /// `rtnl_group_n2a`.
    pub fn group(&self, id: u32) -> String {
        let name = if self.numeric() { None } else { self.names.groups.name(id) };
        name.map_or_else(|| (id as i32).to_string(), str::to_string)
    }

    /// `rtnl_group_a2n`.
    pub fn parse_group(&self, text: &str) -> Option<u32> {
        if let Some(id) = self.names.groups.id(text) {
            return Some(id);
        }
        match crate::lex::strtol(text, 0)? {
            (id, "") if id as i32 >= 0 => Some(id as u32),
            _ => None,
        }
    }

    /// `inet_proto_n2a`: a transport protocol's name, or `ipproto-N`.
    pub fn ip_proto(&self, id: u8) -> String {
        let id = u32::from(id);
        match self.names.protocols.iter().find(|p| p.0 == id) {
            Some((_, name, _)) if !self.numeric() => name.to_string(),
            _ => format!("ipproto-{id}"),
        }
    }

    /// `inet_proto_a2n`: a decimal number or a name; the wire keeps 8 bits of it.
    pub fn parse_ip_proto(&self, text: &str) -> Option<u8> {
        if let Some(id) = crate::lex::get_u8(text, 10) {
            return Some(id);
        }
        let named = |p: &&(u32, Box<str>, Vec<Box<str>>)| &*p.1 == text || p.2.iter().any(|a| &**a == text);
        self.names.protocols.iter().find(named).map(|p| p.0 as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(files: &'static [(&str, &str)]) -> Names {
        let mut read = |path: &str| files.iter().find(|f| f.0 == path).map(|f| f.1.to_string());
        let mut list = |dir: &str| {
            let inside = |f: &&(&str, &str)| f.0.starts_with(dir) && f.0.len() > dir.len();
            files.iter().filter(inside).map(|f| f.0[dir.len() + 1..].to_string()).collect()
        };
        Names::load(&mut read, &mut list)
    }

    const FILES: &[(&str, &str)] = &[
        (
            "/etc/iproute2/rt_tables",
            "255 local\n254 main\n100 red\n 0x65 blue # c\n100 rot\n\n#1 x\n-5 neg\n",
        ),
        ("/etc/iproute2/rt_tables.d/a.conf", "101 azul\n70000 big extra words\n"),
        ("/etc/iproute2/rt_tables.d/b.txt", "102 no\n"),
        ("/etc/iproute2/rt_protos", "4 estatico\n77 sevenseven"),
        ("/etc/iproute2/rt_dsfield", "0x10 lowdelay\n0x2a odd\n"),
        ("/etc/protocols", "tcp 6 TCP # it\nspecial\t200\tone two\n"),
    ];

    #[test]
    fn the_last_name_of_a_number_is_printed_and_every_name_is_read() {
        let names = loaded(FILES);
        let view = View::new(&names);
        assert_eq!(view.table(100), "rot");
        assert_eq!(view.table(101), "azul");
        assert_eq!(view.table(102), "102");
        assert_eq!(view.table(253), "default");
        for (name, id) in [("red", 100), ("rot", 100), ("blue", 101), ("big", 70000), ("0x10", 16)] {
            assert_eq!(view.parse_table(name), Some(id), "{name}");
        }
        for name in ["neg", "no", "", "4294967296", "7x"] {
            assert_eq!(view.parse_table(name), None, "{name}");
        }
        assert!(names.problems.is_empty());
    }

    #[test]
    fn a_built_in_name_holds_until_the_file_is_needed() {
        let names = loaded(FILES);
        let view = View::new(&names);
        assert_eq!(view.proto(4), "static");
        assert_eq!(view.proto(78), "78");
        assert_eq!(view.proto(4), "estatico");
        assert_eq!(view.parse_proto("static"), None);
        assert_eq!(view.parse_proto("sevenseven"), Some(77));
    }

    #[test]
    fn a_number_overwrites_what_the_last_name_stood_for() {
        let names = Names::default();
        let view = View::new(&names);
        assert_eq!(view.parse_proto("bird"), Some(12));
        assert_eq!(view.parse_proto("50"), Some(50));
        assert_eq!(view.parse_proto("bird"), Some(50));
        assert_eq!(view.parse_proto("static"), Some(4));
        assert_eq!(view.parse_proto("bird"), Some(12));
        assert_eq!(view.parse_table("main"), Some(254));
        assert_eq!(view.parse_table("5"), Some(5));
        assert_eq!(view.parse_table("main"), Some(254));
    }

    #[test]
    fn dsfields_are_hexadecimal_and_their_names_give_dscps() {
        let names = loaded(FILES);
        let view = View::new(&names);
        assert_eq!(view.parse_dsfield("10"), Some(0x10));
        assert_eq!(view.parse_dsfield("0x1f"), Some(0x1f));
        assert_eq!(view.parse_dsfield("100"), None);
        assert_eq!((view.dsfield(0x10), view.dsfield(4)), ("lowdelay".into(), "0x04".into()));
        assert_eq!(view.parse_dscp_name("lowdelay"), Some(4));
        assert_eq!(view.parse_dscp_name("odd"), None);
    }

    #[test]
    fn transport_protocols_have_names_and_aliases() {
        let names = loaded(FILES);
        let view = View::new(&names);
        for (name, id) in [("tcp", 6), ("TCP", 6), ("special", 200), ("two", 200), ("17", 17)] {
            assert_eq!(view.parse_ip_proto(name), Some(id), "{name}");
        }
        assert_eq!(view.parse_ip_proto("udp"), None);
        assert_eq!(view.parse_ip_proto("0x6"), None);
        assert_eq!((view.ip_proto(6), view.ip_proto(17)), ("tcp".into(), "ipproto-17".into()));
        view.set_numeric(true);
        assert_eq!(
            (view.ip_proto(6), view.table(254), view.proto(2)),
            ("ipproto-6".into(), "254".into(), "2".into())
        );
    }

    #[test]
    fn a_bad_line_ends_a_file_and_is_reported() {
        let names = loaded(&[("/etc/iproute2/group", "5 five\nnonsense here\n6 six\n")]);
        assert_eq!(names.problems, ["Database /etc/iproute2/group is corrupted at nonsense here\n"]);
        let view = View::new(&names);
        assert_eq!(
            (view.group(5), view.group(6), view.group(0)),
            ("five".into(), "6".into(), "default".into())
        );
        assert_eq!(view.parse_group("five"), Some(5));
        assert_eq!((view.parse_group("-1"), view.parse_group("0x10")), (None, Some(16)));
    }
}
