//! Situations to ask, and what to look for in answers.

use fingerpost::examples::Example;
use fingerpost::explain::{
    Asked, Both, Explanation, Expression, LookupReport, Question, RuleReport, RuleVerdict, ask_firewall,
    both, explain,
};
use fingerpost::script::{Runner, Script};
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::{Behaviour, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;

/// A host in memory.
pub struct Host {
    pub world: World,
    names: Names,
}

impl Host {
    /// A host that a script has set up; every line has to succeed.
    pub fn new(script: &str) -> Host {
        let mut host = Host { world: World::new(1, Behaviour::default()), names: Names::default() };
        host.run(script);
        host
    }

    /// The host of a built-in example.
    pub fn of_example(name: &str) -> Host {
        Host::new(Example::find(name).expect("an example").script)
    }

    /// Runs further commands.
    pub fn run(&mut self, script: &str) {
        let script = Script::parse(script).expect("a script");
        let mut runner = Runner { world: &mut self.world, ns: NsId(0), names: &self.names };
        for command in script.commands() {
            let outcome = runner.run(&command.words);
            assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{}", command.text);
        }
        // IPv6 addresses are known to be nobody else's.
        self.world.pass(3_000);
    }

    /// Asks as a packet made here or received would.
    pub fn ask(&self, question: &str) -> Explanation {
        explain(self.asked(), &self.question(question)).expect("an answer")
    }

    /// Asks what a firewall's rule is told about a packet.
    pub fn ask_fib(&self, expression: &str, question: &str) -> Result<Explanation, String> {
        ask_firewall(self.asked(), &self.question(question), &Expression::parse(expression)?)
    }

    /// Asks which of two destinations comes first.
    pub fn ask_both(&self, first: &str, second: &str) -> Both {
        both(self.asked(), [&self.question(first), &self.question(second)]).expect("an answer")
    }

    /// A question in words.
    pub fn question(&self, words: &str) -> Question {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        Question::parse(&words, &self.names).expect("a question")
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            ns: self.world.ns(NsId(0)).expect("the first namespace"),
            behaviour: &self.world.behaviour,
            now: self.world.now,
            uid: 0,
            names: &self.names,
            asker: Asker::Socket,
            assumed_choice: None,
            assumed_cached: None,
        }
    }
}

/// The lookup with this purpose.
pub fn lookup<'a>(explanation: &'a Explanation, purpose: &str) -> &'a LookupReport {
    let found = explanation.lookups.iter().find(|lookup| lookup.purpose == purpose);
    found.unwrap_or_else(|| panic!("no {purpose} lookup in {explanation:#?}"))
}

/// The rule with this preference; there must be one only.
pub fn rule(lookup: &LookupReport, pref: u32) -> &RuleReport {
    let rules: Vec<&RuleReport> = lookup.rules.iter().filter(|rule| rule.pref == pref).collect();
    assert_eq!(rules.len(), 1, "rules {pref} in {lookup:#?}");
    rules[0]
}

/// The rule that decides a lookup, and the route that it found.
pub fn decision(lookup: &LookupReport) -> (u32, RuleVerdict, Option<&str>) {
    let rule = &lookup.rules[lookup.deciding_rule.expect("a rule decides")];
    let route = rule.table.and_then(|at| lookup.tables[at].route.as_ref());
    (rule.pref, rule.verdict, route.map(|route| route.text.as_str()))
}

/// The texts of the steps about something.
pub fn steps<'a>(explanation: &'a Explanation, about: &str) -> Vec<&'a str> {
    let all = explanation.lookups.iter().flat_map(|lookup| &lookup.steps);
    all.filter(|step| step.about == about).map(|step| step.text.as_str()).collect()
}
