//! Histories of random requests, answered by Linux 6.18.44 over rtnetlink in an
//! empty network namespace and recorded: each request's errno and text, and now
//! and then what the kernel dumped. The same requests must be answered so here.
//!
//! One JSON object a line: a request (`add` with its flags `nl`, `del`, or a
//! `route` over an object), or an event of a device (`link`, `rename`, `unlink`,
//! `up`, `down`).

mod support;

use std::collections::BTreeMap;
use std::net::IpAddr;

use fingerpost_engine::World;
use fingerpost_engine::config::NexthopKind;
use fingerpost_model::{
    Change, Kernel, LinkMsg, NexthopMsg, NlFlags, Op, Refusal, RouteFilter, RouteMsg, RouteType, RuleMsg,
    Scope, TableId,
};
use fingerpost_net::{Family, IpPrefix};
use serde_json::Value;

use support::{NS, address, change, down, kernel, up, with_link};

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn apply(world: &mut World, flags: &Value, change: Change) -> Result<(), Refusal> {
    world.apply(NS, Op { flags: NlFlags(number(flags) as u16), change })
}

/// Demands the recorded answer.
fn check_answer(line: &str, record: &Value, answer: Result<(), Refusal>) {
    let (errno, text) = match answer {
        Ok(()) => (0, None),
        Err(refusal) => (refusal.errno.0, refusal.text),
    };
    assert_eq!(
        (errno, text.as_deref()),
        (number(&record["errno"]) as i32, record["text"].as_str()),
        "{line}"
    );
}

#[test]
fn rules_c091_to_c102_c104_c117_c124_c125() {
    let mut world = kernel();
    let mut compared = 0;
    for line in include_str!("recorded/rules.jsonl").lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let message = |value: &Value| -> RuleMsg { serde_json::from_value(value.clone()).unwrap() };
        if let Some(link) = record.get("link") {
            assert_eq!(with_link(&mut world, link[1].as_str().unwrap()), number(&link[0]), "{line}");
        } else if let Some(link) = record.get("rename") {
            let name = link[2].as_str().map(str::to_string);
            let msg = LinkMsg { index: number(&link[0]), name, ..LinkMsg::default() };
            change(&mut world, Change::NewLink(msg)).unwrap();
        } else if let Some(index) = record.get("unlink") {
            let msg = LinkMsg { index: number(index), ..LinkMsg::default() };
            change(&mut world, Change::DelLink(msg)).unwrap();
        } else if let Some(msg) = record.get("add") {
            let answer = apply(&mut world, &record["nl"], Change::NewRule(message(msg)));
            check_answer(line, &record, answer);
        } else {
            let answer = change(&mut world, Change::DelRule(message(&record["del"])));
            check_answer(line, &record, answer);
        }
        if let Some(expected) = record.get("dump") {
            let expected: Vec<RuleMsg> = serde_json::from_value(expected.clone()).unwrap();
            let mut rules = Vec::new();
            world.rules(NS, Some(Family::V4), &mut |msg| rules.push(msg.clone())).unwrap();
            assert_eq!(rules, expected, "{line}");
            compared += 1;
        }
    }
    assert!(compared > 5);
}

#[test]
fn nexthops_c063_to_c067_c069() {
    let mut world = kernel();
    let mut compared = 0;
    for line in include_str!("recorded/nexthops.jsonl").lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if let Some(links) = record.get("links") {
            up(&mut world, 1);
            for (name, addr) in [("e0", "10.0.0.1"), ("e1", "10.0.1.1"), ("e2", "10.0.2.1")] {
                let index = with_link(&mut world, name);
                assert_eq!(index, number(&links[name]));
                address(&mut world, index, addr);
                up(&mut world, index);
            }
        } else if let Some(index) = record.get("up") {
            up(&mut world, number(index));
        } else if let Some(index) = record.get("down") {
            down(&mut world, number(index));
        } else if let Some(msg) = record.get("add") {
            let answer = apply(&mut world, &record["nl"], Change::NewNexthop(nexthop(msg)));
            check_answer(line, &record, answer);
        } else if let Some(msg) = record.get("delete") {
            let answer = change(&mut world, Change::DelNexthop(nexthop(msg)));
            check_answer(line, &record, answer);
        } else {
            let msg = RouteMsg {
                dst: Some(IpPrefix { addr: [1, 0, 0, number(&record["route"]) as u8].into(), len: 32 }),
                nh_id: Some(number(&record["nh"])),
                scope: Scope(number(&record["scope"]) as u8),
                table: TableId::MAIN,
                protocol: 3,
                kind: RouteType::UNICAST,
                ..RouteMsg::new(Family::V4)
            };
            let answer = support::add(&mut world, Change::NewRoute(msg));
            check_answer(line, &record, answer);
        }
        if record.get("dump").is_some() {
            check_state(&mut world, line, &record);
            compared += 1;
        }
    }
    assert!(compared > 20);
}

/// A request may leave the id out, which the message has as 0.
fn nexthop(value: &Value) -> NexthopMsg {
    let mut value = value.clone();
    value.as_object_mut().unwrap().entry("id").or_insert(0.into());
    serde_json::from_value(value).unwrap()
}

/// Compares objects, buckets, and which route uses which object.
fn check_state(world: &mut World, line: &str, record: &Value) {
    let expected: Vec<NexthopMsg> = serde_json::from_value(record["dump"].clone()).unwrap();
    let mut objects = Vec::new();
    world.nexthops(NS, &mut |msg| objects.push(msg.clone())).unwrap();
    assert_eq!(objects, expected, "{line}");

    let expected: BTreeMap<String, Vec<u32>> = serde_json::from_value(record["buckets"].clone()).unwrap();
    let mut buckets = BTreeMap::new();
    for object in world.namespaces[&NS].config.nexthops.by_id.values() {
        if let NexthopKind::Group { resilient: Some(_), buckets: members, .. } = &object.kind {
            buckets.insert(object.id.to_string(), members.clone());
        }
    }
    assert_eq!(buckets, expected, "{line}");

    let expected: Vec<(u32, u32)> = serde_json::from_value(record["routes"].clone()).unwrap();
    let mut routes = Vec::new();
    let filter = RouteFilter { family: Some(Family::V4), ..RouteFilter::default() };
    world
        .routes(NS, &filter, &mut |msg| {
            if let (Some(IpPrefix { addr: IpAddr::V4(dst), .. }), Some(id)) = (msg.dst, msg.nh_id) {
                routes.push((u32::from(dst.octets()[3]), id));
            }
        })
        .unwrap();
    routes.sort_unstable();
    assert_eq!(routes, expected, "{line}");
}
