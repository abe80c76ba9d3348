//! What routes of IPv6 alone have: sources, preferences, an end.

use super::{Gen, Theme};
use crate::generate::model::Prefix;

impl Gen {
    /// The source as part of what makes a route another route.
    pub(in super::super) fn key_source(&mut self) -> String {
        let subtrees = if self.theme == Theme::Subtrees { 5 } else { 1 };
        if self.chance(subtrees, 9) {
            format!(" from {}", self.source_prefix().text())
        } else {
            String::new()
        }
    }

    /// Whose packets a route is for.
    pub(in super::super) fn source_prefix(&mut self) -> Prefix {
        let known = self.model.sources.clone();
        if !known.is_empty() && self.chance(2, 3) {
            return self.one(&known);
        }
        let prefix = match self.range(0, 6) {
            0 => Prefix::host(self.own_address()),
            1 => {
                let own = self.own_address();
                Prefix::of(own, self.one(&[32, 48, 56, 63, 64]))
            }
            2 => self.new_prefix(),
            3 => self.plan().default(),
            _ => self.link_subnet().1,
        };
        self.model.sources.push(prefix);
        prefix
    }

    /// What stands behind the hop of a route.
    pub(in super::super) fn six_attributes(&mut self) -> String {
        let mut way = String::new();
        let preferences = if self.theme == Theme::Defaults { 4 } else { 1 };
        if self.chance(preferences, 9) {
            way += &format!(" pref {}", self.one(&["low", "medium", "high", "high", "2"]));
        }
        if self.chance(1, 25) {
            way += &format!(" expires {}", self.one(&["3000", "100000"]));
        }
        if self.chance(1, 100) {
            way += self.one(&[" onlink", " ttl-propagate enabled"]);
        }
        way
    }
}
