//! Whole decisions from tables compiled out of a [`Config`](crate::Config), for many packets.
//!
//! Nothing is decided here. Rules are classified by what distinguishes them, the
//! tables that they lead to are searched as one, and what becomes of the packets that
//! a route takes was made once, by [`lookup`](crate::lookup) itself. Where a packet's
//! fate turns on more (a hash, a device that is demanded, multicast, a VRF, a type of
//! service that routes demand), the answer is to ask [`lookup`](crate::lookup):
//! [`Answer::Ask`]. So both ways agree wherever this one answers at all, on a host
//! whose [`State`](crate::State) remembers nothing that tells its routes apart.
//!
//! [`Compiled4`] and [`Compiled6`] stand for one configuration; a [`Publisher`] keeps
//! them in step with a [`World`](crate::World) that changes, for [`Reader`]s on other
//! threads. Either gives a [`View4`] or a [`View6`], which decides, one packet at a
//! time or many, without allocating and without a lock.
//!
//! ```
//! use fingerpost_engine::fast::Compiled4;
//! use fingerpost_engine::lookup::Flow4;
//! use fingerpost_engine::{Behaviour, Env, World};
//! use fingerpost_model::NsId;
//! use std::net::Ipv4Addr;
//!
//! let world = World::new(1, Behaviour::default());
//! let space = world.ns(NsId(0))?;
//! let env = Env { behaviour: &world.behaviour, now: world.now };
//! let compiled = Compiled4::new(&space.config, env);
//! let view = compiled.view();
//! let flow = Flow4::to(Ipv4Addr::new(192, 0, 2, 1));
//! // No route: an error, not a decision.
//! assert!(view.decision(view.output(&flow), flow.src, flow.dst).is_some_and(|done| done.is_err()));
//! # Ok::<(), fingerpost_model::Refusal>(())
//! ```

// From below: places are numbered; tables say what they have for a prefix; several
// are composed into one and compiled; rules lead to them; makers turn routes into
// answers; views decide; the publisher keeps all in step.
mod answer;
pub(crate) mod check;
mod chunked;
mod classes;
mod compose;
mod make4;
mod make6;
mod maker;
mod place;
mod program;
mod publish;
mod search;
mod source6;
mod tables4;
mod tables6;
mod v4;
mod v6;

pub use answer::{Answer, Answer4, Answer6, Code, Failure, Named, Source};
pub use maker::{Compiled, Compiled4, Compiled6};
pub use publish::{Pinned, Publication, Publisher, Publisher4, Publisher6, Reader, Reader4, Reader6};
pub use v4::View4;
pub use v6::View6;
