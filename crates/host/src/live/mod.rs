//! A network namespace of this machine.

mod capture;
mod files;
mod hidden;
mod kernel;
mod namespace;
mod order;
mod socket;
mod tools;
mod unlisted;

use std::io;

use fingerpost_model::{Refusal, RouteFilter, RouteMsg};
use fingerpost_net::{Errno, Family};
use fingerpost_netlink::{Message, request};

pub use capture::{Capture, CaptureOptions};
pub use namespace::Target;

use crate::Error;
use namespace::Place;
use socket::Socket;

/// Questions sent to the kernel in one datagram. Each answer takes room in the
/// receive queue, which holds a few hundred by default.
const BATCH: usize = 64;

/// A network namespace of this machine, open for reading.
///
/// It is also a [`fingerpost_model::Kernel`], in which this namespace is
/// number 0 and every change is refused.
pub struct Live {
    spaces: Vec<Space>,
}

/// One namespace: a socket in it, and the way into it for files and tools.
struct Space {
    name: String,
    place: Place,
    socket: Socket,
}

impl Space {
    fn open(target: &Target) -> Result<Self, Error> {
        let place = Place::open(target)?;
        let socket = place.run(Socket::open)??;
        Ok(Space { name: target.name(), place, socket })
    }

    fn get_route(&mut self, question: &RouteMsg) -> Result<RouteMsg, Refusal> {
        let answer = self.socket.ask(|seq| request::lookup(question, seq).map_err(io::Error::other))?;
        route(answer)
    }
}

fn route(answer: Message) -> Result<RouteMsg, Refusal> {
    match answer {
        Message::Route(route) => Ok(route),
        _ => Err(Refusal::with(Errno::EBADMSG, "the answer is not a route")),
    }
}

impl Live {
    /// Opens a namespace.
    ///
    /// The current one needs no privilege, any other one root; the error says so.
    pub fn open(target: &Target) -> Result<Self, Error> {
        Ok(Live { spaces: vec![Space::open(target)?] })
    }

    /// The kernel's release, as `uname -r` prints it.
    pub fn release(&self) -> String {
        files::release()
    }

    /// Asks the kernel for one decision (`ip route get`).
    pub fn route_get(&mut self, question: &RouteMsg) -> Result<RouteMsg, Refusal> {
        self.spaces[0].get_route(question)
    }

    /// Asks for many decisions, many at a time; answers stand in the order of the questions.
    pub fn route_get_all(&mut self, questions: &[RouteMsg]) -> io::Result<Vec<Result<RouteMsg, Refusal>>> {
        let mut answers = Vec::with_capacity(questions.len());
        for batch in questions.chunks(BATCH) {
            self.batch(batch, &mut answers)?;
        }
        Ok(answers)
    }

    fn batch(&mut self, batch: &[RouteMsg], answers: &mut Vec<Result<RouteMsg, Refusal>>) -> io::Result<()> {
        let space = &mut self.spaces[0];
        let first = space.socket.reserve_seqs(batch.len() as u32);
        let requests: Result<Vec<_>, _> =
            (first..).zip(batch).map(|(seq, question)| request::lookup(question, seq)).collect();
        let requests = requests.map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        let got = space.socket.ask_all(&requests, first)?;
        for (question, answer) in batch.iter().zip(got) {
            answers.push(match answer {
                Some(answer) => answer.and_then(route),
                // Lost for want of room: once more, alone.
                None => space.get_route(question),
            });
        }
        Ok(())
    }

    /// Reads everything of this namespace that a snapshot holds.
    pub fn capture(&mut self, options: &CaptureOptions) -> Result<Capture, Error> {
        let mut capture = Capture::new();
        capture.add(self, options)?;
        Ok(capture)
    }
}

/// The families that a filter asks for, in dump order.
fn families(family: Option<Family>) -> impl Iterator<Item = Family> {
    [Family::V4, Family::V6].into_iter().filter(move |&f| family.is_none_or(|wanted| wanted == f))
}

/// Whether a route is one that the filter asks for. Kernels without strict
/// checking ignore it, and none filters cached entries alone.
fn passes(route: &RouteMsg, filter: &RouteFilter) -> bool {
    use fingerpost_model::RouteFlags;
    let oif = |wanted| {
        route.oif == Some(wanted) || route.multipath.iter().any(|leg| leg.oif == wanted)
            // The device of a nexthop object's group is not in the message.
            || (route.nh_id.is_some() && route.oif.is_none() && route.multipath.is_empty())
    };
    filter.table.is_none_or(|table| route.table == table)
        && filter.protocol.is_none_or(|protocol| route.protocol == protocol)
        && filter.kind.is_none_or(|kind| route.kind.0 == kind)
        && filter.oif.is_none_or(oif)
        && route.flags.has(RouteFlags::CLONED) == filter.cached
}
