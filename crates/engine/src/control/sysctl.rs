//! Reading and writing `/proc/sys/net`.
use crate::world::{Env, Namespace};
use fingerpost_net::Errno;
pub fn read(_: &Namespace, _: &str) -> Result<String, Errno> { Err(Errno::ENOENT) }
pub fn write(_: &mut Namespace, _: Env, _: &str, _: &str) -> Result<(), Errno> { Err(Errno::ENOENT) }
