//! What `explain` says: not only the answer but the rule, the route and the
//! reason that decide.

mod both;
mod examples;
mod firewall;
mod host;
mod kernel;
mod legs;
mod rules;
mod six;
mod six_vrf;
mod source_check;
