//! `ip route` and `ip rule`, options and batches against recordings of
//! iproute2 6.1.0 on Linux 6.18.
//!
//! Each file is a session in a fresh namespace. For each command it holds what
//! iproute2 printed and its exit status, and what the kernel was asked and
//! answered, messages in the model's JSON. The kernel of these tests holds
//! each question against the recorded one and gives the recorded answer. Help
//! texts are recorded as `USAGE` only.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{BufRead, Cursor};

use fingerpost_iproute::{Env, Names, run};
use fingerpost_model::{
    AddrMsg, BucketFilter, Change, Kernel, LinkMsg, NeighMsg, NetconfMsg, NexthopMsg, NsId, Op, Refusal,
    RouteFilter, RouteMsg, RuleMsg,
};
use fingerpost_net::{Errno, Family};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

struct Recorded<'a> {
    objects: &'a [Value],
    calls: VecDeque<&'a Value>,
    complaints: Vec<String>,
}

impl Recorded<'_> {
    /// Takes the next recorded call, which must be this one: its objects and its refusal.
    fn next(&mut self, call: &str, arg: Value) -> (Vec<Value>, Result<(), Refusal>) {
        let Some(next) = self.calls.pop_front() else {
            self.complaints.push(format!("one call too many: {call} {arg}"));
            return (Vec::new(), Err(Errno::EIO.into()));
        };
        if next["call"] != call || next["arg"] != arg {
            self.complaints.push(format!("{call} {arg}\n  instead of {next}"));
        }
        let places = next["gives"].as_array().expect("a list");
        let object = |at: &Value| self.objects[at.as_u64().expect("a number") as usize].clone();
        let refused = &next["refused"];
        let result = match refused["errno"].as_i64() {
            Some(errno) => {
                let text = refused["text"].as_str().map(str::to_string);
                Err(Refusal { errno: Errno(errno as i32), text })
            }
            None => Ok(()),
        };
        (places.iter().map(object).collect(), result)
    }

    fn dump<M: DeserializeOwned>(
        &mut self,
        call: &str,
        arg: Value,
        each: &mut dyn FnMut(&M),
    ) -> Result<(), Refusal> {
        let (objects, result) = self.next(call, arg);
        for object in objects {
            each(&serde_json::from_value(object).expect("a message"));
        }
        result
    }

    fn one<M: DeserializeOwned>(&mut self, call: &str, arg: Value) -> Result<M, Refusal> {
        let mut found = None;
        self.dump(call, arg, &mut |m: &Value| found = Some(m.clone()))?;
        Ok(serde_json::from_value(found.ok_or(Errno::ENOENT)?).expect("a message"))
    }

    fn change(&mut self, verb: &str, flags: u16, message: &impl Serialize) -> Result<(), Refusal> {
        let (objects, result) = self.next(verb, json!(flags));
        let message = serde_json::to_value(message).expect("JSON");
        if objects.first() != Some(&message) {
            self.complaints.push(format!("{verb} {message}\n  instead of {objects:?}"));
        }
        result
    }
}

impl Kernel for Recorded<'_> {
    fn apply(&mut self, _: NsId, op: Op) -> Result<(), Refusal> {
        match &op.change {
            Change::NewRoute(m) => self.change("NewRoute", op.flags.0, m),
            Change::DelRoute(m) => self.change("DelRoute", op.flags.0, m),
            Change::NewRule(m) => self.change("NewRule", op.flags.0, m),
            Change::DelRule(m) => self.change("DelRule", op.flags.0, m),
            _ => self.change("other", op.flags.0, &Value::Null),
        }
    }
    fn get_route(&mut self, _: NsId, request: &RouteMsg) -> Result<RouteMsg, Refusal> {
        self.one("get_route", serde_json::to_value(request).expect("JSON"))
    }
    fn get_nexthop(&mut self, _: NsId, id: u32) -> Result<NexthopMsg, Refusal> {
        self.one("get_nexthop", json!(id))
    }
    fn get_link(&mut self, _: NsId, index: u32, name: Option<&str>) -> Result<LinkMsg, Refusal> {
        self.one("get_link", json!([index, name]))
    }
    fn links(&mut self, _: NsId, each: &mut dyn FnMut(&LinkMsg)) -> Result<(), Refusal> {
        self.dump("links", Value::Null, each)
    }
    fn addresses(&mut self, _: NsId, _: Option<Family>, _: &mut dyn FnMut(&AddrMsg)) -> Result<(), Refusal> {
        Err(Errno::EOPNOTSUPP.into())
    }
    fn routes(
        &mut self,
        _: NsId,
        filter: &RouteFilter,
        each: &mut dyn FnMut(&RouteMsg),
    ) -> Result<(), Refusal> {
        let RouteFilter { family, table, protocol, kind, oif, cached } = filter;
        assert_eq!(*kind, None, "iproute2 filters types by itself");
        let arg =
            json!({"family": family, "table": table, "protocol": protocol, "oif": oif, "cached": cached});
        self.dump("routes", arg, each)
    }
    fn rules(
        &mut self,
        _: NsId,
        family: Option<Family>,
        each: &mut dyn FnMut(&RuleMsg),
    ) -> Result<(), Refusal> {
        self.dump("rules", json!(family), each)
    }
    fn nexthops(&mut self, _: NsId, each: &mut dyn FnMut(&NexthopMsg)) -> Result<(), Refusal> {
        self.dump("nexthops", Value::Null, each)
    }
    fn get_nexthop_bucket(&mut self, _: NsId, _: u32, _: u16) -> Result<NexthopMsg, Refusal> {
        Err(Errno::ENOENT.into())
    }
    fn nexthop_buckets(
        &mut self,
        _: NsId,
        _: &BucketFilter,
        _: &mut dyn FnMut(&NexthopMsg),
    ) -> Result<(), Refusal> {
        Ok(())
    }
    fn neighbours(
        &mut self,
        _: NsId,
        _: Option<Family>,
        _: bool,
        _: &mut dyn FnMut(&NeighMsg),
    ) -> Result<(), Refusal> {
        Err(Errno::EOPNOTSUPP.into())
    }
    fn netconf(&mut self, _: NsId, _: Option<Family>, _: &mut dyn FnMut(&NetconfMsg)) -> Result<(), Refusal> {
        Err(Errno::EOPNOTSUPP.into())
    }
    fn read_file(&mut self, _: NsId, _: &str) -> Result<String, Errno> {
        Err(Errno::ENOENT)
    }
    fn write_file(&mut self, _: NsId, path: &str, value: &str) -> Result<(), Errno> {
        self.next("write_file", json!([path, value])).1.map_err(|refusal| refusal.errno)
    }
    fn find_netns(&mut self, _: &str) -> Option<NsId> {
        None
    }
    fn netns_name(&mut self, _: NsId) -> Option<String> {
        None
    }
    fn netns_id(&mut self, _: NsId, _: NsId) -> Option<i32> {
        None
    }
    fn netns_names(&mut self) -> Option<Vec<String>> {
        None
    }
    fn add_netns(&mut self, _: &str) -> Result<NsId, Errno> {
        Err(Errno::EOPNOTSUPP)
    }
    fn del_netns(&mut self, _: &str) -> Result<(), Errno> {
        Err(Errno::EOPNOTSUPP)
    }
}

/// Help texts are ours; that help was given is iproute2's.
fn without_usage(stderr: &str) -> String {
    let at = if stderr.starts_with("Usage:") { Some(0) } else { stderr.find("\nUsage:").map(|at| at + 1) };
    at.map_or(stderr.to_string(), |at| format!("{}USAGE\n", &stderr[..at]))
}

fn session(text: &str) {
    let session: Value = serde_json::from_str(text).expect("a recording");
    let objects = session["objects"].as_array().expect("a list");
    let commands = session["commands"].as_array().expect("a list");
    assert!(commands.len() > 10);
    let names = Names::default();
    let mut wrong = Vec::new();
    for command in commands {
        let list = |key: &str| command[key].as_array().expect("a list").iter();
        let args: Vec<&str> = list("ip").map(|word| word.as_str().expect("a word")).collect();
        let input = RefCell::new(command["stdin"].as_str().unwrap_or_default().to_string());
        let open = |path: &str| -> Result<Box<dyn BufRead>, Errno> {
            match path {
                "-" => Ok(Box::new(Cursor::new(input.take().into_bytes()))),
                _ => Err(Errno::ENOENT),
            }
        };
        let env = Env { open: &open, exec: None };
        let calls = list("calls").collect();
        let mut kernel = Recorded { objects, calls, complaints: Vec::new() };
        let outcome = run(&args, &mut kernel, NsId(0), &names, &env);
        let mut complaints = kernel.complaints;
        complaints.extend(kernel.calls.iter().map(|call| format!("no such call: {call}")));
        let mut compare = |what: &str, ours: &str, recorded: &Value| {
            if ours != recorded.as_str().expect("text") {
                complaints.push(format!("{what}:\n{ours:?}\n  instead of\n{recorded}"));
            }
        };
        compare("stdout", &outcome.stdout, &command["stdout"]);
        compare("stderr", &without_usage(&outcome.stderr), &command["stderr"]);
        if command["status"] != outcome.status {
            complaints.push(format!("status {} instead of {}", outcome.status, command["status"]));
        }
        if !complaints.is_empty() {
            wrong.push(format!("ip {}\n{}", args.join(" "), complaints.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), commands.len(), wrong.join("\n\n"));
}

macro_rules! sessions {
    ($($name:ident: $file:literal;)*) => {$(
        #[test]
        fn $name() {
            session(include_str!(concat!("recorded/", $file, ".json")));
        }
    )*};
}

sessions! {
    routes_are_changed_shown_and_flushed: "route";
    routes_with_nexthop_objects_are_shown: "route_nexthop";
    ipv6_routes_and_rules_are_spoken_of_too: "route6";
    lookups_are_asked_and_printed: "get";
    rules_are_changed_shown_and_flushed: "rule";
    options_and_batches_behave: "options_and_batch";
}
