//! Compiled tables, and longest matches in them.

use fingerpost_fib as fib;
use fingerpost_net::Ip;

use super::compose::{Composed, Lists, Place, compose};
use super::place::{self, PASS};
use super::program::{Group, Hit, Member, Search};

/// Groups of tables, compiled.
pub struct Built<I: Ip> {
    tables: Vec<fib::Table<I>>,
    /// In tables that name routes, whose values are numbers of these.
    routes: Option<Vec<Vec<Composed<I>>>>,
}

impl<I: Ip> Built<I> {
    /// Compiles groups; with `names` their values name routes, else places.
    pub fn new<L: Lists<I>>(
        lists: &L,
        groups: &[Vec<Member>],
        names: bool,
        mut number: impl FnMut(Place<I, L::Found>) -> u32,
    ) -> Self {
        let mut built = Built { tables: Vec::new(), routes: names.then(Vec::new) };
        for group in groups {
            let routes = compose(lists, group, &mut number);
            built.tables.push(match names {
                false => fib::Table::from_routes(routes.iter().map(|route| (route.prefix, route.place))),
                true => fib::Table::from_routes(routes.iter().zip(0..).map(|(route, n)| (route.prefix, n))),
            });
            if let Some(list) = &mut built.routes {
                list.push(routes);
            }
        }
        built
    }

    /// To search.
    pub fn searched(&self) -> Searched<'_, I, fib::Table<I>> {
        Searched { tables: &self.tables, routes: self.routes.as_deref() }
    }

    /// The tables alone.
    pub fn into_tables(self) -> Vec<fib::Table<I>> {
        self.tables
    }

    /// Bytes that lookups may touch.
    pub fn lookup_bytes(&self) -> usize {
        self.tables.iter().map(fib::Table::lookup_bytes).sum()
    }
}

/// Tables to search.
pub struct Searched<'a, I: Ip, T> {
    tables: &'a [T],
    routes: Option<&'a [Vec<Composed<I>>]>,
}

impl<'a, I: Ip, T> Searched<'a, I, T> {
    /// Tables whose values are places.
    pub fn of(tables: &'a [T]) -> Self {
        Searched { tables, routes: None }
    }

    /// The number of the place that a table's value stands for.
    #[inline]
    pub fn number(&self, group: Group, value: u32) -> u32 {
        match self.routes {
            None => value,
            Some(routes) => routes[group].get(value as usize).map_or(place::ASK, |route| route.place),
        }
    }

    /// The number of the place where a walk has ended.
    #[inline]
    pub fn place_of(&self, hit: Hit) -> u32 {
        match hit.group {
            Hit::NONE => hit.value,
            group => self.number(group as usize, hit.value),
        }
    }

    /// By what a walk has ended, where tables name routes.
    pub fn composed(&self, hit: Hit) -> Option<&Composed<I>> {
        self.routes?.get(hit.group as usize)?.get(hit.value as usize)
    }

    /// Whether tables name routes.
    pub fn names(&self) -> bool {
        self.routes.is_some()
    }
}

impl<I: Ip, T: Longest<I>> Search<I> for Searched<'_, I, T> {
    #[inline]
    fn value(&self, group: Group, dst: I) -> Option<u32> {
        let value = self.tables.get(group)?.lookup(dst)?;
        (self.number(group, value) != PASS).then_some(value)
    }

    fn values(&self, group: Group, dsts: &[I], values: &mut [u32]) {
        let Some(table) = self.tables.get(group) else { return values.fill(fib::NONE) };
        table.lookup_batch(dsts, values);
        for value in values {
            if *value != fib::NONE && self.number(group, *value) == PASS {
                *value = fib::NONE;
            }
        }
    }
}

/// Longest matches: a table, or one that a reader sees.
pub trait Longest<I> {
    /// The value of the longest match.
    fn lookup(&self, addr: I) -> Option<u32>;
    /// The same for many; [`fib::NONE`] for none.
    fn lookup_batch(&self, addrs: &[I], values: &mut [u32]);
}

impl<I: Ip> Longest<I> for fib::Table<I> {
    #[inline]
    fn lookup(&self, addr: I) -> Option<u32> {
        fib::Table::lookup(self, addr)
    }

    fn lookup_batch(&self, addrs: &[I], values: &mut [u32]) {
        fib::Table::lookup_batch(self, addrs, values);
    }
}
