//! What `explain` says: not only the answer but the rule, the route and the
//! reason that decide.

mod both;
mod examples;
mod firewall;
mod heard;
mod hooks;
mod host;
mod journeys;
mod kernel;
mod learned;
mod legs;
mod rules;
mod six;
mod six_vrf;
mod source_check;
mod sources_of_rules;
