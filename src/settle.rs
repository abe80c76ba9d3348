//! From a capture to a world, with what no dump shows and the kernel tells when
//! it is asked: how gateways were reached ([`gateways`]), which routes by source
//! are looked at ([`by_source`]), what legs have for themselves ([`legs`]), what
//! stands between them ([`unlisted`]), and whether rules of IPv6 were ever added ([`rules6`]).

use std::io;

use fingerpost_engine::config::{DscpSelector, Ports, Rule};
use fingerpost_engine::{Restored, Restoring, World};
use fingerpost_host::{Capture, Live};
use fingerpost_model::{NsId, RouteFlags, RouteMsg};
use fingerpost_net::Family;

use crate::source::{SEED, host_uid};
use crate::{by_source, gateways, legs, rules6, unlisted};

/// A finding can change which route is chosen, and so what can be asked.
const MAX_ROUNDS: usize = 4;
/// Routes that no dump shows that are asked about, at most.
const MAX_UNLISTED: usize = 64;
/// Ways through the rules that are tried for one table.
pub const MAX_WAYS: usize = 12;

/// Builds the world of a capture, asking its kernels about what no
/// dump shows; what they say is added to the capture. `lives` are the namespaces of
/// the capture, in its order.
pub fn settle(capture: &mut Capture, lives: &mut [Live]) -> anyhow::Result<Restored> {
    for _ in 0..MAX_ROUNDS {
        let mut restored = build(capture)?;
        let mut news = false;
        let mut left_out = 0;
        for (n, live) in lives.iter_mut().enumerate() {
            let Some(&(ns, _)) = restored.namespaces.get(n) else { continue };
            let world = &mut restored.world;
            if capture.custom_rules6(n).is_none()
                && let Some(custom) = forgetting(world, ns, |world| rules6::ask(world, ns, live))?
            {
                capture.know_custom_rules6(n, custom);
                news = true;
                continue;
            }
            for (position, unlisted) in capture.unlisted(n).to_vec().iter().enumerate().take(MAX_UNLISTED) {
                if unlisted.is_placed
                    && !unlisted.is_known
                    && let Some(found) =
                        forgetting(world, ns, |world| unlisted::ask(world, ns, live, unlisted))?
                {
                    capture.know_unlisted(n, position, found);
                    news = true;
                }
            }
            let nodes = by_source::nodes(capture, n)?;
            let looked_at = forgetting(world, ns, |world| by_source::ask(world, ns, live, &nodes))?;
            news |= !looked_at.is_empty();
            capture.know_looked_at(n, &looked_at);
            let routes = legs::routes(capture, n)?;
            let properties = forgetting(world, ns, |world| legs::ask(world, ns, live, &routes))?;
            news |= !properties.is_empty();
            capture.know_legs(n, &properties);
            let (hops, more) = gateways::hops(capture, n)?;
            left_out += more;
            let facts = forgetting(world, ns, |world| gateways::ask(world, ns, live, &hops))?;
            news |= !facts.is_empty();
            capture.know_gateways(n, &facts);
        }
        if !news {
            for (n, (_, netns)) in restored.namespaces.iter().enumerate() {
                if let Some(sentence) = unlisted::sentence(capture.unlisted(n)) {
                    capture.note(match netns.name.is_empty() {
                        true => sentence,
                        false => format!("namespace {}: {sentence}", netns.name),
                    });
                }
            }
            restored.header = capture.header().clone();
            if left_out > 0 {
                capture.note(format!(
                    "how the gateways of {left_out} routes were reached when these were made: as for the same \
                     gateways of other routes, or as the tables are now"
                ));
                restored.header = capture.header().clone();
            }
            return Ok(restored);
        }
    }
    capture.note("what no dump shows of routes: the kernel's answers contradict each other".into());
    build(capture)
}

/// Asks a world; what the questions leave in its caches is forgotten.
fn forgetting<T>(world: &mut World, ns: NsId, ask: impl FnOnce(&mut World) -> T) -> T {
    let before = world.namespaces.get(&ns).map(|space| space.state.clone());
    let found = ask(world);
    if let (Some(space), Some(before)) = (world.namespaces.get_mut(&ns), before) {
        space.state = before;
    }
    found
}

fn build(capture: &Capture) -> anyhow::Result<Restored> {
    let mut restoring = Restoring::new(capture.header().clone(), SEED);
    capture.lines(&mut |line| restoring.push(line).map_err(io::Error::other))?;
    let mut restored = restoring.finish()?;
    restored.world.uid = host_uid();
    Ok(restored)
}

/// The question for the route instead of the decision. IPv6 takes no other flag.
pub fn matching(question: &RouteMsg) -> RouteMsg {
    let flags = match question.family {
        Family::V4 => RouteFlags::FIB_MATCH | RouteFlags::LOOKUP_TABLE,
        Family::V6 => RouteFlags::FIB_MATCH,
    };
    RouteMsg { flags, ..question.clone() }
}

/// A question that has what a rule demands, but for addresses.
pub fn demanded<I>(family: Family, rule: &Rule<I>) -> RouteMsg {
    let mut way = RouteMsg::new(family);
    way.tos = match rule.dscp {
        DscpSelector::Any => 0,
        DscpSelector::Tos(tos) => tos,
        DscpSelector::Dscp { value, .. } => value << 2,
    };
    way.mark = (rule.mark_mask != 0).then_some(rule.mark);
    way.oif = (rule.oif != 0).then_some(rule.oif);
    way.uid = (rule.uid_range.start != 0).then_some(rule.uid_range.start);
    way.ip_proto = (rule.ip_proto != 0).then_some(rule.ip_proto);
    let port = |ports| match ports {
        Ports::Range(port, _) | Ports::Masked(port, _) => port,
    };
    way.sport = rule.sport.map(port);
    way.dport = rule.dport.map(port);
    way
}
