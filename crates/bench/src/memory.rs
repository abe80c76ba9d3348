//! `memory`: what a full table takes, as configuration and as decisions compiled from it.

use std::io;
use std::path::Path;

use fingerpost_engine::fast::{Compiled4, Compiled6, Publisher4, Publisher6};
use fingerpost_engine::{Env, World};
use fingerpost_model::NsId;
use fingerpost_net::Family;

use crate::alloc::kept;
use crate::load::{in_kernel, in_memory};
use crate::report::Report;

const NS: NsId = NsId(0);

/// Measures what is allocated and kept; with the kernel, what its slabs grow by.
///
/// # Errors
///
/// The table cannot be loaded.
pub fn measure(family: Family, batch: &Path, with_kernel: bool, report: &mut Report) -> io::Result<()> {
    let mb = |bytes: usize| bytes as f64 / 1e6;
    let (world, bytes) = kept(|| in_memory(family, batch, false));
    let mut world = world?;
    report.row("the configuration", mb(bytes), "MB", None);
    let touched = {
        let space = world.ns(NS).map_err(io::Error::other)?;
        let env = Env { behaviour: &world.behaviour, now: world.now };
        let (touched, [plain, naming]) = match family {
            Family::V4 => {
                let (plain, bytes) = kept(|| Compiled4::new(&space.config, env));
                let (naming, more) = kept(|| Compiled4::naming_routes(&space.config, env));
                drop(naming);
                (plain.lookup_bytes(), [bytes, more])
            }
            Family::V6 => {
                let (plain, bytes) = kept(|| Compiled6::new(&space.config, env));
                let (naming, more) = kept(|| Compiled6::naming_routes(&space.config, env));
                drop(naming);
                (plain.lookup_bytes(), [bytes, more])
            }
        };
        report.row("compiled decisions", mb(plain), "MB", None);
        report.row("compiled decisions that name routes", mb(naming), "MB", None);
        touched
    };
    report.row("what decisions touch of tables", mb(touched), "MB", None);
    report.row("compiled and published", mb(published(family, &mut world)?), "MB", None);
    if with_kernel {
        report.row("the kernel's slabs", in_kernel(family, batch, false)?.mb, "MB", None);
    }
    Ok(())
}

fn published(family: Family, world: &mut World) -> io::Result<usize> {
    Ok(match family {
        Family::V4 => {
            let (publisher, bytes) = kept(|| Publisher4::new(world, NS));
            drop(publisher.map_err(io::Error::other)?);
            bytes
        }
        Family::V6 => {
            let (publisher, bytes) = kept(|| Publisher6::new(world, NS));
            drop(publisher.map_err(io::Error::other)?);
            bytes
        }
    })
}
