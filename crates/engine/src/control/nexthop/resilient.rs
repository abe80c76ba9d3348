//! The buckets of resilient groups: who gets which (C-069,
//! `nh_res_group_rebalance` and `nh_res_table_upkeep`).
//!
//! Buckets are given out when a group is made or changed. The kernel looks
//! again when timers run out; that is not done here.

use std::collections::BTreeMap;

use fingerpost_model::ResilientGroup;

use crate::config::GroupMember;
use crate::state::Time;

/// What running makes of resilient groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketUse {
    /// When a bucket, by group and number, last carried traffic since it was
    /// given to its member.
    used: BTreeMap<(u32, u16), Time>,
    /// When a bucket was given to its member.
    given: BTreeMap<(u32, u16), Time>,
    /// Since when a group has members with too few buckets.
    unbalanced_since: BTreeMap<u32, Time>,
}

impl BucketUse {
    /// Notes that a lookup chose a bucket, which therefore is not idle
    /// (`nh_res_bucket_set_busy`).
    pub fn mark_used(&mut self, group: u32, bucket: u16, now: Time) {
        self.used.insert((group, bucket), now);
    }

    /// For how long a group has been unbalanced at `now`, in hundredths of a
    /// second; 0 when it is not.
    pub fn unbalanced_time(&self, group: u32, now: Time) -> u64 {
        self.unbalanced_since.get(&group).map_or(0, |since| now.0.saturating_sub(since.0) / 10)
    }

    /// For how long a bucket has carried no traffic at `now`, since it was given
    /// to its member at most, in hundredths of a second.
    pub fn idle_time(&self, group: u32, bucket: u16, now: Time) -> u64 {
        let key = &(group, bucket);
        let since = self.used.get(key).max(self.given.get(key));
        since.map_or(0, |since| now.0.saturating_sub(since.0) / 10)
    }

    /// Sets for how long a bucket has been idle, in hundredths of a second.
    pub(crate) fn restore_bucket(&mut self, group: u32, bucket: u16, idle: u64, now: Time) {
        self.given.remove(&(group, bucket));
        self.used.insert((group, bucket), before(now, idle));
    }

    /// Sets for how long a group has been unbalanced, in hundredths of a second; 0 for not.
    pub(crate) fn restore_group(&mut self, group: u32, unbalanced: u64, now: Time) {
        match unbalanced {
            0 => self.unbalanced_since.remove(&group),
            time => self.unbalanced_since.insert(group, before(now, time)),
        };
    }

    /// Forgets a group that is gone.
    pub fn forget(&mut self, group: u32) {
        self.used.retain(|&(id, _), _| id != group);
        self.given.retain(|&(id, _), _| id != group);
        self.unbalanced_since.remove(&group);
    }
}

fn before(now: Time, hundredths: u64) -> Time {
    Time(now.0.saturating_sub(hundredths.saturating_mul(10)))
}

/// Gives out a group's buckets: `old` names the member of each until now and is
/// empty for a new group.
///
/// A bucket moves when its member is gone, or when its member has more than its
/// share and the bucket is idle or the group has been unbalanced for too long.
/// It goes to the last member in order that has less than its share.
pub fn fill(
    group: u32,
    members: &[GroupMember],
    parameters: &ResilientGroup,
    old: &[u32],
    usage: &mut BucketUse,
    now: Time,
) -> Vec<u32> {
    let total = parameters.buckets.unwrap_or(0);
    let wanted = shares(members, total);
    let mut owners: Vec<Option<usize>> = (0..usize::from(total))
        .map(|bucket| members.iter().position(|member| Some(&member.id) == old.get(bucket)))
        .collect();
    let mut counts = vec![0_u64; members.len()];
    for &owner in owners.iter().flatten() {
        counts[owner] += 1;
    }
    let mut needy: Vec<usize> = (0..members.len()).filter(|&m| counts[m] < wanted[m]).collect();
    if needy.is_empty() {
        usage.unbalanced_since.remove(&group);
    }
    let since = match needy.is_empty() {
        true => now,
        false => *usage.unbalanced_since.entry(group).or_insert(now),
    };
    let patience = u64::from(parameters.unbalanced_timer.unwrap_or(0)) * 10;
    let is_forced = patience != 0 && now.0 > since.0.saturating_add(patience);
    let idle_timer = u64::from(parameters.idle_timer.unwrap_or(0)) * 10;

    for (bucket, owner) in (0..total).zip(&mut owners) {
        let is_idle = |usage: &BucketUse| {
            let used = usage.used.get(&(group, bucket));
            used.is_none_or(|used| now.0 >= used.0.saturating_add(idle_timer))
        };
        let moves = match *owner {
            None => true,
            Some(owner) => counts[owner] > wanted[owner] && (is_forced || is_idle(usage)),
        };
        let Some(&heir) = needy.last() else { break };
        if !moves {
            continue;
        }
        if let Some(owner) = *owner {
            counts[owner] -= 1;
        }
        *owner = Some(heir);
        counts[heir] += 1;
        usage.used.remove(&(group, bucket));
        usage.given.insert((group, bucket), now);
        if counts[heir] == wanted[heir] {
            needy.pop();
        }
    }
    if needy.is_empty() {
        usage.unbalanced_since.remove(&group);
    }
    owners.into_iter().flatten().map(|owner| members[owner].id).collect()
}

/// How many buckets each member should have: the cumulative weights' parts of
/// the total, rounded half up.
fn shares(members: &[GroupMember], total: u16) -> Vec<u64> {
    let weight: u64 = members.iter().map(|member| u64::from(member.weight)).sum();
    let mut sum = 0;
    let mut before = 0;
    let share = |member: &GroupMember| {
        sum += u64::from(member.weight);
        let bound = (u64::from(total) * sum + weight / 2) / weight.max(1);
        let share = bound - before;
        before = bound;
        share
    };
    members.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(list: &[(u32, u32)]) -> Vec<GroupMember> {
        list.iter().map(|&(id, weight)| GroupMember { id, weight, upper_bound: 0 }).collect()
    }

    fn parameters(buckets: u16) -> ResilientGroup {
        ResilientGroup {
            buckets: Some(buckets),
            idle_timer: Some(12000),
            unbalanced_timer: Some(0),
            unbalanced_time: None,
        }
    }

    #[test]
    fn c069_free_buckets_go_to_the_last_member_first() {
        let mut usage = BucketUse::default();
        let buckets = fill(9, &members(&[(1, 3), (3, 1)]), &parameters(8), &[], &mut usage, Time(0));
        assert_eq!(buckets, [3, 3, 1, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn c069_a_used_bucket_stays_until_it_is_idle() {
        let mut usage = BucketUse::default();
        let group = parameters(4);
        let buckets = fill(9, &members(&[(1, 1)]), &group, &[], &mut usage, Time(0));
        usage.mark_used(9, 0, Time(5));
        let both = members(&[(1, 1), (2, 1)]);
        let buckets = fill(9, &both, &group, &buckets, &mut usage, Time(10));
        assert_eq!(buckets, [1, 2, 2, 1]);
        for bucket in 0..4 {
            usage.mark_used(9, bucket, Time(20));
        }
        let other = members(&[(1, 1), (2, 3)]);
        assert_eq!(fill(9, &other, &group, &buckets, &mut usage, Time(30)), buckets);
        assert_eq!(usage.unbalanced_time(9, Time(1030)), 100);
        assert_eq!(fill(9, &other, &group, &buckets, &mut usage, Time(120_020)), [2, 2, 2, 1]);
        assert_eq!(usage.unbalanced_time(9, Time(120_020)), 0);
    }

    #[test]
    fn c069_an_unbalanced_group_is_forced_after_its_timer() {
        let mut usage = BucketUse::default();
        let group = ResilientGroup { unbalanced_timer: Some(100), ..parameters(2) };
        let buckets = fill(9, &members(&[(1, 1)]), &group, &[], &mut usage, Time(0));
        usage.mark_used(9, 0, Time(0));
        usage.mark_used(9, 1, Time(0));
        let both = members(&[(1, 1), (2, 1)]);
        assert_eq!(fill(9, &both, &group, &buckets, &mut usage, Time(0)), [1, 1]);
        assert_eq!(fill(9, &both, &group, &buckets, &mut usage, Time(1001)), [2, 1]);
    }

    #[test]
    fn c069_more_members_than_buckets_leaves_some_without() {
        let mut usage = BucketUse::default();
        let buckets = fill(9, &members(&[(1, 1), (2, 1), (3, 1)]), &parameters(2), &[], &mut usage, Time(0));
        assert_eq!(buckets, [3, 1]);
    }
}
