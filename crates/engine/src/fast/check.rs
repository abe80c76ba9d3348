//! For tests: every question that is asked of a [`World`] is also answered from
//! decisions published by then, which have to agree with the lookup.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use fingerpost_model::{NsId, Refusal, RouteMsg};
use fingerpost_net::{Errno, Family};

use super::{Failure, Publisher4, Publisher6};
use crate::lookup::hash::Asker;
use crate::lookup::{Decision, Decision6, get, get6, input4, input6, output4, output6};
use crate::state::State;
use crate::trace::Tracer;
use crate::world::World;

/// The decisions of namespaces that were asked about. A clone begins anew.
#[derive(Default)]
pub struct Checks {
    published: BTreeMap<NsId, (Publisher4, Publisher6)>,
}

impl Clone for Checks {
    fn clone(&self) -> Self {
        Checks::default()
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checks").finish_non_exhaustive()
    }
}

impl Checks {
    /// Compares both answers to a question.
    ///
    /// # Errors
    ///
    /// They differ; or the namespace is gone.
    pub fn check(&mut self, world: &mut World, id: NsId, request: &RouteMsg) -> Result<(), Refusal> {
        let (four, six) = match self.published.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert((Publisher4::new(world, id)?, Publisher6::new(world, id)?)),
        };
        match request.family {
            Family::V4 => {
                four.publish(world)?;
                v4(four, world, id, request)
            }
            Family::V6 => {
                six.publish(world)?;
                v6(six, world, id, request)
            }
        }
    }
}

/// A question that is refused before it is looked up has nothing to be compared.
fn v4(publisher: &Publisher4, world: &mut World, id: NsId, request: &RouteMsg) -> Result<(), Refusal> {
    let uid = world.uid;
    let Ok(asked) = get::asked(request, uid) else { return Ok(()) };
    let (space, env) = world.space(id)?;
    let (mut reader, state, tracer) = (publisher.reader(), &mut State::default(), &mut Tracer::off());
    let pinned = reader.pin();
    let view = pinned.view();
    let (compiled, looked_up) = match asked {
        get::Asked::Sent(mut flow) => {
            let compiled = view.decision(view.output(&flow), flow.src, flow.dst);
            let found = output4::resolve(&space.config, state, env, &mut flow, Asker::Packet, tracer);
            (compiled, found.map_err(Failure::Refused))
        }
        get::Asked::Received(packet) => {
            let compiled = view.decision(view.input(&packet), packet.src, packet.dst);
            let found = input4::resolve(&space.config, state, env, &packet, tracer);
            (compiled, found.map_err(Failure::Dropped))
        }
    };
    let looked_up = looked_up.map(|found| Decision { result: None, ..found });
    same(compiled, looked_up)
}

fn v6(publisher: &Publisher6, world: &mut World, id: NsId, request: &RouteMsg) -> Result<(), Refusal> {
    let uid = world.uid;
    let iif = request.iif.filter(|&iif| iif != 0);
    let Ok(mut flow) = get6::flow(request, iif, uid) else { return Ok(()) };
    let (space, env) = world.space(id)?;
    let (mut reader, state, tracer) = (publisher.reader(), &mut State::default(), &mut Tracer::off());
    let pinned = reader.pin();
    let view = pinned.view();
    let (resolve, code) = match iif {
        Some(_) => (input6::resolve as fn(&_, &mut _, _, &mut _, &mut _) -> _, view.input(&flow)),
        None => (output6::resolve as fn(&_, &mut _, _, &mut _, &mut _) -> _, view.output(&flow)),
    };
    let compiled = view.decision(code, flow.src, flow.dst);
    let looked_up: Result<Decision6, Errno> = resolve(&space.config, state, env, &mut flow, tracer);
    let looked_up = looked_up.map_err(Failure::Refused);
    // Of routes whose packets fare alike a compiled answer names any.
    let compiled = compiled.map(|compiled| match (compiled, &looked_up) {
        (Ok(decision), Ok(other)) => Ok(Decision6 { found: other.found, ..decision }),
        (compiled, _) => compiled,
    });
    same(compiled, looked_up)
}

fn same<D: PartialEq + fmt::Debug>(
    compiled: Option<Result<D, Failure>>,
    looked_up: Result<D, Failure>,
) -> Result<(), Refusal> {
    match compiled {
        Some(compiled) if compiled != looked_up => {
            let text = format!("compiled decisions differ: {compiled:?}, looked up {looked_up:?}");
            Err(Refusal::with(Errno::EINVAL, text))
        }
        _ => Ok(()),
    }
}
