//! Decisions compiled from a configuration, of either family.

use std::net::{Ipv4Addr, Ipv6Addr};

use fingerpost_fib as fib;
use fingerpost_model::TableId;
use fingerpost_net::{Ip, Prefix};

use super::compose::{Lists, Place};
use super::make4::Maker4;
use super::make6::Maker6;
use super::program::Member;
use super::search::Built;
use super::v4::View4;
use super::v6::View6;
use crate::config::{Changes, Config};
use crate::namespace::Env;

/// Makes what decisions are compiled into.
pub trait Maker: Sized {
    /// The family.
    type Ip: Ip;
    /// Everything but the tables, as readers see it.
    type Shape: Clone;
    /// The tables as they are configured.
    type Lists<'a>: Lists<Self::Ip>;

    /// Compiles everything but the tables.
    fn new(config: &Config, env: Env<'_>) -> Self;

    /// The tables as they are configured.
    fn lists<'a>(config: &'a Config, env: Env<'a>) -> Self::Lists<'a>;

    /// What readers see.
    fn shape(&self) -> &Self::Shape;

    /// The tables that are searched together.
    fn groups(&self) -> &[Vec<Member>];

    /// Whether what readers see has changed since this was asked last.
    fn take_changed(&mut self) -> bool;

    /// The number of a place.
    fn number<'a>(
        &mut self,
        config: &'a Config,
        env: Env<'a>,
        place: Place<Self::Ip, <Self::Lists<'a> as Lists<Self::Ip>>::Found>,
    ) -> u32;

    /// What has changed in which tables since a reader asked last.
    fn take_changes(config: &mut Config, reader: u64) -> Vec<(Vec<TableId>, Changes<Self::Ip>)>;

    /// The prefixes of a table's routes that lie in one and are longer.
    fn within(config: &Config, table: TableId, prefix: Prefix<Self::Ip>) -> Vec<Prefix<Self::Ip>>;

    /// Looks at a prefix whose routes have changed, for what is kept besides places.
    fn note_route(&mut self, config: &Config, tables: &[TableId], prefix: Prefix<Self::Ip>);

    /// How many answers there are, those of routes that are gone among them.
    fn answers(&self) -> usize;

    /// Whether what routes alone can change besides themselves is as it was.
    fn stands(&self, config: &Config) -> bool;

    /// Adjusts to a configuration in which more than routes has changed; `false` if
    /// everything has to be compiled anew.
    fn refresh(&mut self, config: &Config, env: Env<'_>) -> bool;

    /// Compiles the tables.
    fn build(&mut self, config: &Config, env: Env<'_>, names: bool) -> Built<Self::Ip> {
        let groups = self.groups().to_vec();
        Built::new(&Self::lists(config, env), &groups, names, |place| self.number(config, env, place))
    }
}

/// Compiled decisions. They stand for one [`Config`], until it changes.
pub struct Compiled<M: Maker> {
    pub(super) maker: M,
    pub(super) tables: Built<M::Ip>,
}

/// Compiled decisions about IPv4 packets.
pub type Compiled4 = Compiled<Maker4>;
/// Compiled decisions about IPv6 packets. They also end when one of the routes does:
/// see [`Compiled6::valid_until`].
pub type Compiled6 = Compiled<Maker6>;

impl<M: Maker> Compiled<M> {
    /// Compiles a configuration.
    pub fn new(config: &Config, env: Env<'_>) -> Self {
        Compiled::compile(config, env, false)
    }

    /// Compiles a configuration so that answers can name their routes, which takes
    /// more memory and more time.
    pub fn naming_routes(config: &Config, env: Env<'_>) -> Self {
        Compiled::compile(config, env, true)
    }

    fn compile(config: &Config, env: Env<'_>, names: bool) -> Self {
        let mut maker = M::new(config, env);
        let tables = maker.build(config, env, names);
        Compiled { maker, tables }
    }

    /// Bytes that lookups in the tables may touch.
    pub fn lookup_bytes(&self) -> usize {
        self.tables.lookup_bytes()
    }
}

impl Compiled4 {
    /// To decide.
    pub fn view(&self) -> View4<'_, fib::Table<Ipv4Addr>> {
        View4 { shape: self.maker.shape(), tables: self.tables.searched() }
    }
}

impl Compiled6 {
    /// To decide.
    pub fn view(&self) -> View6<'_, fib::Table<Ipv6Addr>> {
        View6 { shape: self.maker.shape(), tables: self.tables.searched() }
    }
}
