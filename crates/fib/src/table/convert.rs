//! Tables as sequences of routes for serde, and prefixes of the crate `ipnet`.

#[cfg(feature = "ipnet")]
pub use self::with_ipnet::IpNet;

#[cfg(feature = "ipnet")]
mod with_ipnet {
    use core::net::{Ipv4Addr, Ipv6Addr};

    use fingerpost_net::{Ip, Prefix};
    use ipnet::{Ipv4Net, Ipv6Net};

    /// A prefix as the crate `ipnet` has it, for either family.
    ///
    /// ```
    /// use fingerpost_fib::{IpNet, Table};
    /// use ipnet::Ipv4Net;
    ///
    /// let net: Ipv4Net = "10.1.2.3/8".parse()?;
    /// let mut table = Table::new();
    /// table.insert(net.to_prefix(), 7);
    /// let found = table.iter().map(|(prefix, _)| Ipv4Net::from_prefix(prefix));
    /// assert!(found.eq([net.trunc()]));
    /// # Ok::<(), ipnet::AddrParseError>(())
    /// ```
    pub trait IpNet: Copy {
        /// The family's addresses.
        type Addr: Ip;

        /// The prefix, without bits below its length.
        fn to_prefix(self) -> Prefix<Self::Addr>;

        /// From a prefix.
        fn from_prefix(prefix: Prefix<Self::Addr>) -> Self;
    }

    macro_rules! ip_net {
        ($net:ty, $addr:ty) => {
            impl IpNet for $net {
                type Addr = $addr;

                fn to_prefix(self) -> Prefix<$addr> {
                    Prefix::containing(self.addr(), self.prefix_len()).unwrap_or(Prefix::host(self.addr()))
                }

                fn from_prefix(prefix: Prefix<$addr>) -> Self {
                    <$net>::new(prefix.addr(), prefix.len()).unwrap_or(<$net>::from(prefix.addr()))
                }
            }
        };
    }
    ip_net!(Ipv4Net, Ipv4Addr);
    ip_net!(Ipv6Net, Ipv6Addr);
}

#[cfg(feature = "serde")]
mod with_serde {
    use core::fmt;
    use core::marker::PhantomData;

    use fingerpost_net::{Ip, Prefix};
    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::table::{NONE, Table};

    /// A sequence of pairs of prefix and value, in the order of [`Table::iter`].
    impl<I: Ip> Serialize for Table<I>
    where
        Prefix<I>: Serialize,
    {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.iter())
        }
    }

    /// From a sequence of pairs in any order; of equal prefixes the last counts.
    /// A value [`NONE`] is an error.
    impl<'de, I: Ip> Deserialize<'de> for Table<I>
    where
        Prefix<I>: Deserialize<'de>,
    {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_seq(Routes(PhantomData))
        }
    }

    struct Routes<I>(PhantomData<I>);

    impl<'de, I: Ip> Visitor<'de> for Routes<I>
    where
        Prefix<I>: Deserialize<'de>,
    {
        type Value = Table<I>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a sequence of pairs of prefix and value")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut routes: A) -> Result<Table<I>, A::Error> {
            let mut error = None;
            let next = core::iter::from_fn(|| match routes.next_element::<(Prefix<I>, u32)>() {
                Ok(Some((prefix, NONE))) => {
                    error = Some(A::Error::custom(format_args!(
                        "{prefix}: the value {NONE} stands for no route"
                    )));
                    None
                }
                Ok(route) => route,
                Err(found) => {
                    error = Some(found);
                    None
                }
            });
            let table = Table::from_routes(next);
            error.map_or(Ok(table), Err)
        }
    }
}
