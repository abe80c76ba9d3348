//! What `explain` says: not only the answer but the rule, the route and the
//! reason that decide.

mod examples;
mod host;
mod legs;
mod rules;
mod source_check;
