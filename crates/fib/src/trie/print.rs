//! The trie as text: the bodies of `/proc/net/fib_trie` and
//! `/proc/net/fib_triestat` for one table (C-022).

use core::fmt::{self, Write};

use fingerpost_net::Ip;

use super::LcTrie;
use super::nodes::{self, Kind, Nodes, Ref, TOP};
use crate::Alias;

/// What `/proc/net/fib_trie` tells of an alias besides its prefix length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AliasText {
    /// Scope number, `RT_SCOPE_*`.
    pub scope: u8,
    /// Route type number, `RTN_*`.
    pub kind: u8,
    /// The tos byte; 0 is not printed.
    pub dscp: u8,
}

/// The shape of a trie in numbers, printed ([`fmt::Display`]) as
/// `/proc/net/fib_triestat` does below a table's header.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrieStats {
    /// Sum over all leaves of the number of inner nodes above them.
    pub depth_sum: u32,
    /// The largest number of inner nodes above a leaf.
    pub max_depth: u32,
    /// Leaves.
    pub leaves: u32,
    /// Aliases.
    pub prefixes: u32,
    /// Inner nodes.
    pub inner: u32,
    /// Child slots that hold nothing.
    pub null_pointers: u32,
    /// Number of inner nodes with 2^i children, for each i.
    pub widths: [u32; 32],
}

impl TrieStats {
    /// The first line of `/proc/net/fib_triestat`, above all tables.
    pub const HEADER: &str = "Basic info: size of leaf: 48 bytes, size of tnode: 40 bytes.\n";

    /// Child slots of all inner nodes.
    pub fn pointers(&self) -> u32 {
        let of_width = |(i, n): (usize, &u32)| n.wrapping_mul(1 << i);
        self.widths.iter().enumerate().skip(1).map(of_width).fold(0, u32::wrapping_add)
    }

    /// Bytes that a 64-bit kernel uses for the trie and its aliases, modulo 2^32.
    pub fn kernel_bytes(&self) -> u32 {
        [(48, self.leaves), (56, self.prefixes), (40, self.inner), (8, self.pointers())]
            .iter()
            .fold(0, |sum: u32, (size, n)| sum.wrapping_add(n.wrapping_mul(*size)))
    }
}

impl fmt::Display for TrieStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The kernel counts in 32 bits throughout.
        let depth = self.depth_sum.wrapping_mul(100).checked_div(self.leaves).unwrap_or(0);
        writeln!(f, "\tAver depth:     {}.{:02}", depth / 100, depth % 100)?;
        writeln!(f, "\tMax depth:      {}", self.max_depth)?;
        writeln!(f, "\tLeaves:         {}", self.leaves)?;
        writeln!(f, "\tPrefixes:       {}", self.prefixes)?;
        write!(f, "\tInternal nodes: {}\n\t", self.inner)?;
        for (bits, count) in self.widths.iter().enumerate().skip(1).filter(|(_, n)| **n != 0) {
            write!(f, "  {bits}: {count}")?;
        }
        writeln!(f, "\n\tPointers: {}", self.pointers())?;
        writeln!(f, "Null ptrs: {}", self.null_pointers)?;
        writeln!(f, "Total size: {}  kB", self.kernel_bytes().wrapping_add(1023) / 1024)
    }
}

impl<I: Ip, A: Alias> LcTrie<I, A> {
    /// Writes the trie as `/proc/net/fib_trie` does below a table's header.
    ///
    /// Nothing is written for an empty trie; the kernel then prints no header
    /// either. For IPv6, which Linux keeps in another structure, the form is the same.
    pub fn write_fib_trie(&self, out: &mut impl Write, text: impl Fn(&A) -> AliasText) -> fmt::Result {
        self.nodes.visit(|node, depth| match node.kind() {
            Kind::Nothing => Ok(()),
            Kind::Inner(inner) => {
                let shape = self.nodes.shape(inner);
                let (full, empty) = (self.nodes.full(inner), self.nodes.empty(inner));
                let addr: I = nodes::address(self.nodes.key(inner));
                let len = I::WIDTH - shape.pos - shape.bits;
                indent(out, depth)?;
                writeln!(out, "  +-- {addr}/{len} {} {full} {empty}", shape.bits)
            }
            Kind::Leaf(leaf) => {
                indent(out, depth)?;
                writeln!(out, "  |-- {}", self.nodes.leaf(leaf).key)?;
                for alias in self.nodes.aliases(leaf) {
                    indent(out, depth + 1)?;
                    write_alias(out, alias.prefix_len(), text(alias))?;
                }
                Ok(())
            }
        })
    }

    /// The shape in numbers (`trie_collect_stats`).
    pub fn stats(&self) -> TrieStats {
        let mut stats = TrieStats::default();
        let counted = self.nodes.visit(|node, depth| {
            match node.kind() {
                Kind::Nothing => {}
                Kind::Inner(inner) => {
                    stats.inner += 1;
                    stats.widths[usize::from(self.nodes.shape(inner).bits)] += 1;
                    stats.null_pointers = stats.null_pointers.wrapping_add(self.nodes.empty(inner));
                }
                Kind::Leaf(leaf) => {
                    stats.leaves += 1;
                    stats.prefixes += self.nodes.aliases(leaf).len() as u32;
                    stats.depth_sum = stats.depth_sum.wrapping_add(depth);
                    stats.max_depth = stats.max_depth.max(depth);
                }
            }
            Ok::<_, core::convert::Infallible>(())
        });
        match counted {
            Ok(()) => stats,
        }
    }
}

impl<I: Ip, A: Alias> Nodes<I, A> {
    /// Calls `f` for every node, parents before children and by rising
    /// address, with the number of inner nodes above it.
    pub(super) fn visit<E>(&self, mut f: impl FnMut(Ref, u32) -> Result<(), E>) -> Result<(), E> {
        let (mut parent, mut slot, mut depth) = (TOP, 0, 0);
        loop {
            if slot >> self.shape(parent).bits != 0 {
                if parent == TOP {
                    return Ok(());
                }
                let key = self.key(parent);
                parent = self.parent(parent);
                slot = self.index(key, parent) + 1;
                depth -= 1;
                continue;
            }
            let child = self.child(parent, slot);
            slot += 1;
            if !child.is_nothing() {
                f(child, depth)?;
            }
            if let Kind::Inner(inner) = child.kind() {
                parent = inner;
                slot = 0;
                depth += 1;
            }
        }
    }
}

fn indent(out: &mut impl Write, depth: u32) -> fmt::Result {
    (0..depth).try_for_each(|_| out.write_str("   "))
}

fn write_alias(out: &mut impl Write, len: u8, text: AliasText) -> fmt::Result {
    write!(out, "  /{len} ")?;
    match text.scope {
        0 => out.write_str("universe"),
        200 => out.write_str("site"),
        253 => out.write_str("link"),
        254 => out.write_str("host"),
        255 => out.write_str("nowhere"),
        other => write!(out, "scope={other}"),
    }?;
    const KINDS: [&str; 12] = [
        "UNSPEC",
        "UNICAST",
        "LOCAL",
        "BROADCAST",
        "ANYCAST",
        "MULTICAST",
        "BLACKHOLE",
        "UNREACHABLE",
        "PROHIBIT",
        "THROW",
        "NAT",
        "XRESOLVE",
    ];
    match KINDS.get(usize::from(text.kind)) {
        Some(name) => write!(out, " {name}"),
        None => write!(out, " type {}", text.kind),
    }?;
    if text.dscp != 0 {
        write!(out, " tos={}", text.dscp)?;
    }
    out.write_char('\n')
}
