//! The unread lattice against a model that has no ranges: a list of messages with flags.

#![cfg(test)]

use message_service_shared::digest::Digest;
use message_service_shared::id::ConversationId;
use message_service_shared::limits::RUNS;
use message_service_shared::runs::{Run, Runs};
use message_service_shared::seq::Seq;
use message_service_shared::unread::{
    ConversationHalf, Counted, MemberHalf, Settings, Standing, base, normalise, standing,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

fn seq(number: u64) -> Seq {
    Seq::try_from(number).unwrap()
}

/// Something that happens in a conversation or to a member; positions are taken modulo what exists.
#[derive(Clone, Copy, Debug)]
enum Step {
    Said,
    SaidOwn,
    SaidQuiet,
    Recalled(u64),
    Read(u64),
    Joined,
    Left,
    Deleted(u64),
    Cleared(u64),
    Marked,
    Configured { muted: bool, pinned: bool },
}

/// One message, as somebody who never heard of ranges would keep it.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one flag for each reason not to count")]
struct Said {
    own: bool,
    silent: bool,
    read: bool,
    deleted: bool,
    cleared: bool,
    before_joining: bool,
}

/// A conversation and one of its members, twice: as flags, and as the two halves.
#[derive(Clone, Debug, Default)]
struct Log {
    said: Vec<Said>,
    is_in: bool,
    marked: bool,
    muted: bool,
    conversation: ConversationHalf,
    member: MemberHalf,
}

impl Log {
    fn of(steps: &[Step]) -> Self {
        let mut log = Self { is_in: true, ..Self::default() };
        log.member = MemberHalf::joined_at(Seq::ZERO);
        for step in steps {
            log.take(*step);
        }
        log
    }

    /// The halves after each step.
    fn snapshots(steps: &[Step]) -> Vec<(ConversationHalf, MemberHalf)> {
        let mut log = Self::of(&[]);
        let mut all = vec![(log.conversation.clone(), log.member.clone())];
        for step in steps {
            log.take(*step);
            all.push((log.conversation.clone(), log.member.clone()));
        }
        all
    }

    fn last(&self) -> u64 {
        u64::try_from(self.said.len()).unwrap()
    }

    fn up_to(&mut self, place: u64) -> (&mut [Said], Seq) {
        let place = place % (self.last() + 1);
        (&mut self.said[..usize::try_from(place).unwrap()], seq(place))
    }

    fn say(&mut self, said: Said) -> Seq {
        self.said.push(said);
        let last = seq(self.last());
        self.conversation.merge(&ConversationHalf { last_seq: last, ..Default::default() });
        last
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Said => {
                self.say(Said::default());
            }
            Step::SaidOwn => {
                let at = self.say(Said { own: true, ..Said::default() });
                self.member.wrote(at);
            }
            Step::SaidQuiet => {
                let at = self.say(Said { silent: true, ..Said::default() });
                self.conversation.holes.insert(Run::one(at));
            }
            Step::Recalled(place) => {
                let (messages, at) = self.up_to(place);
                if let Some(message) = messages.last_mut() {
                    message.silent = true;
                    self.conversation.holes.insert(Run::one(at));
                }
            }
            Step::Read(place) => {
                let (messages, at) = self.up_to(place);
                for message in messages {
                    message.read = true;
                }
                let mark = self.member.mark;
                self.member.read(at, mark);
                self.marked = false;
            }
            Step::Joined if !self.is_in => {
                for message in &mut self.said {
                    message.before_joining = true;
                }
                self.is_in = true;
                let (term, start_seq) = (self.member.term + 1, seq(self.last()));
                self.member.merge(&MemberHalf { term, start_seq, ..Default::default() });
            }
            Step::Left if self.is_in => {
                self.is_in = false;
                let (term, start_seq) = (self.member.term + 1, self.member.start_seq);
                self.member.merge(&MemberHalf { term, start_seq, ..Default::default() });
            }
            Step::Joined | Step::Left => {}
            Step::Deleted(place) => {
                let (messages, floor) = self.up_to(place);
                for message in messages {
                    message.deleted = true;
                }
                self.conversation.merge(&ConversationHalf { floor, ..Default::default() });
            }
            Step::Cleared(place) => {
                let (messages, cleared) = self.up_to(place);
                for message in messages {
                    message.cleared = true;
                }
                self.member.merge(&MemberHalf { cleared, ..Default::default() });
            }
            Step::Marked => {
                self.marked = true;
                let mark = self.member.mark_seen + 1;
                self.member.merge(&MemberHalf { mark, ..Default::default() });
            }
            Step::Configured { muted, pinned } => {
                self.muted = muted;
                let revision = self.member.settings.revision + 1;
                let settings = Settings { revision, muted, pinned };
                self.member.merge(&MemberHalf { settings, ..Default::default() });
            }
        }
    }

    /// Counts the flags of the messages in `(after, up_to]`.
    fn count(&self, after: u64, up_to: u64) -> u64 {
        let counts = |said: &&Said| {
            !(said.own
                || said.silent
                || said.read
                || said.deleted
                || said.cleared
                || said.before_joining)
        };
        let (after, up_to) = (usize::try_from(after).unwrap(), usize::try_from(up_to).unwrap());
        u64::try_from(self.said[after..up_to].iter().filter(counts).count()).unwrap()
    }

    fn unread(&self) -> u64 {
        if self.is_in { self.count(0, self.last()) } else { 0 }
    }

    /// What the badge beside it shows, by the flags alone.
    fn shown(&self) -> u64 {
        let is_listed = self.said.last().is_some_and(|said| !said.cleared);
        self.unread().max(u64::from(self.marked && self.is_in && is_listed))
    }

    fn standing(&self) -> Standing {
        standing(&self.conversation, &self.member, None)
    }

    fn normal(&self) -> (ConversationHalf, MemberHalf) {
        normal(&self.conversation, &self.member)
    }
}

fn normal(conversation: &ConversationHalf, member: &MemberHalf) -> (ConversationHalf, MemberHalf) {
    let (mut conversation, mut member) = (conversation.clone(), member.clone());
    normalise(&mut conversation, &mut member);
    (conversation, member)
}

fn digest(id: &str, standing: &Standing) -> Digest {
    let mut digest = Digest::default();
    digest.add(&id.parse().unwrap(), standing);
    digest
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Said),
        4 => Just(Step::SaidOwn),
        2 => Just(Step::SaidQuiet),
        3 => any::<u64>().prop_map(Step::Recalled),
        3 => any::<u64>().prop_map(Step::Read),
        1 => Just(Step::Joined),
        1 => Just(Step::Left),
        1 => any::<u64>().prop_map(Step::Deleted),
        1 => any::<u64>().prop_map(Step::Cleared),
        1 => Just(Step::Marked),
        1 => any::<(bool, bool)>()
            .prop_map(|(muted, pinned)| Step::Configured { muted, pinned }),
    ]
}

/// Few enough that no range is ever forgotten.
fn a_short_history() -> impl Strategy<Value = Vec<Step>> {
    vec(a_step(), 0..60)
}

/// So many scattered own and quiet messages that ranges are forgotten; little is read.
fn a_long_history() -> impl Strategy<Value = Vec<Step>> {
    let scattered = prop_oneof![
        500 => Just(Step::Said),
        400 => Just(Step::SaidOwn),
        200 => Just(Step::SaidQuiet),
        50 => any::<u64>().prop_map(Step::Recalled),
        1 => any::<u64>().prop_map(Step::Read),
        1 => any::<u64>().prop_map(Step::Deleted),
    ];
    vec(scattered, 1_200..2_000)
}

fn a_set() -> impl Strategy<Value = Runs> {
    vec((0..80_u32, 0..4_u32), 0..12).prop_map(|runs| {
        Runs::from_runs(runs.into_iter().map(|(from, more)| Run(from.into(), (from + more).into())))
    })
}

/// A set of more ranges than are kept, or of very few.
fn a_set_that_forgot() -> impl Strategy<Value = (Vec<u32>, Runs)> {
    let many = vec(1..4_000_u32, 300..700);
    let few = vec(1..4_000_u32, 0..3);
    prop_oneof![many, few].prop_map(|positions| {
        let set = Runs::from_runs(positions.iter().map(|at| Run::one((*at).into())));
        (positions, set)
    })
}

fn a_conversation_half() -> impl Strategy<Value = ConversationHalf> {
    (0..90_u32, 0..90_u32, a_set()).prop_map(|(last_seq, floor, holes)| {
        let said = ConversationHalf { last_seq: last_seq.into(), floor: floor.into(), holes };
        // What lies at or below the floor is gone from every half that was merged once.
        let mut half = ConversationHalf::default();
        half.merge(&said);
        half
    })
}

prop_compose! {
    fn a_member_half()(
        (read_seq, start_seq, cleared) in (0..90_u32, 0..90_u32, 0..90_u32),
        own in a_set(),
        (mark, mark_seen, term) in (0..4_u32, 0..4_u32, 0..5_u32),
        (revision, muted, pinned) in (0..3_u32, any::<bool>(), any::<bool>()),
    ) -> MemberHalf {
        let mut half = MemberHalf::default();
        half.merge(&MemberHalf {
            read_seq: read_seq.into(),
            start_seq: start_seq.into(),
            own,
            cleared: cleared.into(),
            mark,
            mark_seen,
            term,
            settings: Settings { revision, muted, pinned },
        });
        half
    }
}

/// Merging `one` and `other` in either order, in either grouping and once more.
fn check_merge<T: Clone + PartialEq + std::fmt::Debug>(
    merge: impl Fn(&mut T, &T),
    [one, two, three]: [&T; 3],
) -> Result<(), TestCaseError> {
    let merged = |left: &T, right: &T| {
        let mut left = left.clone();
        merge(&mut left, right);
        left
    };
    prop_assert_eq!(merged(one, two), merged(two, one), "commutative");
    prop_assert_eq!(
        merged(&merged(one, two), three),
        merged(one, &merged(two, three)),
        "associative"
    );
    prop_assert_eq!(&merged(one, one), one, "idempotent");
    prop_assert_eq!(merged(&merged(one, two), two), merged(one, two), "absorbing");
    Ok(())
}

/// The standing says what the flags say, or says that it does not know and says no less.
fn check_standing(log: &Log, found: &Standing) -> Result<(), TestCaseError> {
    if found.exact {
        prop_assert_eq!(found.unread, log.unread());
    } else {
        prop_assert!(found.unread >= log.unread(), "{:?} of {}", found, log.unread());
    }
    prop_assert!(found.unread <= log.last());
    Ok(())
}

fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn sets_merge_in_any_order_and_grouping_to_the_same(
        one in a_set(), two in a_set(), three in a_set(),
    ) {
        check_merge(Runs::merge, [&one, &two, &three])?;
    }

    #[test]
    fn conversation_halves_merge_in_any_order_and_grouping_to_the_same(
        one in a_conversation_half(), two in a_conversation_half(), three in a_conversation_half(),
    ) {
        check_merge(ConversationHalf::merge, [&one, &two, &three])?;
    }

    #[test]
    fn member_halves_merge_in_any_order_and_grouping_to_the_same(
        one in a_member_half(), two in a_member_half(), three in a_member_half(),
    ) {
        check_merge(MemberHalf::merge, [&one, &two, &three])?;
    }

    #[test]
    fn a_merged_set_holds_what_either_held(one in a_set(), two in a_set()) {
        let mut merged = one.clone();
        merged.merge(&two);
        for at in (0..90_u32).map(Seq::from) {
            prop_assert_eq!(merged.contains(at), one.contains(at) || two.contains(at), "{}", at);
        }
        let apart = merged.as_slice().windows(2).all(|pair| pair[0].1.next() < pair[1].0);
        prop_assert!(apart, "{:?}", merged);
    }

    #[test]
    fn a_count_over_two_sets_counts_each_position_once(
        one in a_set(), two in a_set(), after in 0..90_u32, up_to in 0..90_u32,
    ) {
        let union = one.union_within(&two, after.into(), up_to.into());
        let found: u64 = union.iter().map(|run| run.len()).sum();
        let within = (after + 1)..=up_to;
        let wanted = within.map(Seq::from).filter(|at| one.contains(*at) || two.contains(*at));
        prop_assert_eq!(found, u64::try_from(wanted.count()).unwrap());
    }

    #[test]
    fn the_count_is_the_one_that_flags_on_messages_give(steps in a_short_history()) {
        let log = Log::of(&steps);
        let found = log.standing();
        prop_assert!(found.exact);
        prop_assert_eq!(found.unread, log.unread());
        prop_assert_eq!(found.shown(), log.shown());
        prop_assert_eq!(found.counted_in_total(), if log.muted { 0 } else { log.shown() });
        prop_assert_eq!(found.last_seq, seq(log.last()));
    }

    #[test]
    fn nothing_at_or_below_the_base_counts_and_what_follows_it_does(steps in a_short_history()) {
        let log = Log::of(&steps);
        let base = log.standing().base.get();
        prop_assert_eq!(log.count(0, base), 0);
        if base < log.last() {
            prop_assert_eq!(log.count(base, base + 1), 1);
        }
    }

    #[test]
    fn normalising_never_changes_the_standing(steps in a_short_history()) {
        let log = Log::of(&steps);
        let (conversation, member) = log.normal();
        prop_assert_eq!(standing(&conversation, &member, None), log.standing());
        prop_assert_eq!(normal(&conversation, &member), (conversation, member));
    }

    #[test]
    fn normalising_never_changes_what_a_later_step_means(
        steps in a_short_history(), later in a_short_history(),
    ) {
        let mut log = Log::of(&steps);
        let mut normalised = log.clone();
        (normalised.conversation, normalised.member) = log.normal();
        for step in later {
            log.take(step);
            normalised.take(step);
            prop_assert_eq!(log.standing(), normalised.standing(), "{:?}", step);
        }
    }

    #[test]
    fn what_lies_at_or_below_the_base_leaves_no_trace_in_the_normal_form(
        steps in a_short_history(), below in vec((any::<u64>(), any::<bool>()), 1..10),
    ) {
        let log = Log::of(&steps);
        let mut other = log.clone();
        let base = log.standing().base;
        for (place, own) in below {
            let at = Run::one(seq(place % (base.get() + 1)));
            if own { other.member.own.insert(at) } else { other.conversation.holes.insert(at) }
        }
        // Whoever read up to the base itself stands where one stands who was carried there.
        other.member.read(base, 0);
        prop_assert_eq!(other.normal(), log.normal());
        prop_assert_eq!(
            digest("announcement", &other.standing()),
            digest("announcement", &log.standing())
        );
    }

    #[test]
    fn halves_delivered_in_any_order_with_duplicates_converge(
        steps in a_short_history(), order in vec(any::<prop::sample::Index>(), 0..200),
    ) {
        let log = Log::of(&steps);
        let snapshots = Log::snapshots(&steps);
        let (mut conversation, mut member) = Default::default();
        let mut hear = |which: usize| {
            ConversationHalf::merge(&mut conversation, &snapshots[which].0);
            // The halves travel apart: this one of another moment.
            MemberHalf::merge(&mut member, &snapshots[snapshots.len() - 1 - which].1);
        };
        for index in &order {
            hear(index.index(snapshots.len()));
        }
        // Nothing is lost for ever; what is late comes before or after the rest.
        (0..snapshots.len()).rev().for_each(&mut hear);
        prop_assert_eq!(normal(&conversation, &member), log.normal());
        prop_assert_eq!(standing(&conversation, &member, None), log.standing());
    }

    #[test]
    fn a_digest_tells_shown_rows_apart_and_nothing_else(
        one in a_short_history(), two in a_short_history(),
    ) {
        let (left, right) = (Log::of(&one).standing(), Log::of(&two).standing());
        let shows_the_same = left == right || (left.shown() == 0 && right.shown() == 0);
        let agree = digest("direct:a:b", &left) == digest("direct:a:b", &right);
        prop_assert_eq!(agree, shows_the_same, "{:?} {:?}", left, right);
        if left.shown() > 0 {
            prop_assert_ne!(digest("direct:a:b", &left), digest("direct:a:c", &left));
        }
    }

    #[test]
    fn a_digest_of_many_rows_tells_one_row_apart(
        rows in vec(a_short_history(), 1..6),
        which in any::<prop::sample::Index>(),
        change in 0..5_u8,
    ) {
        let standings: Vec<Standing> = rows.iter().map(|steps| Log::of(steps).standing()).collect();
        let of = |standings: &[Standing], order: &mut dyn Iterator<Item = usize>| {
            let mut digest = Digest::default();
            for index in order {
                let id: ConversationId = format!("group:{index}").parse().unwrap();
                digest.add(&id, &standings[index]);
            }
            digest
        };
        let whole = of(&standings, &mut (0..rows.len()));
        prop_assert_eq!(whole, of(&standings, &mut (0..rows.len()).rev()));
        let mut other = standings.clone();
        let changed = &mut other[which.index(rows.len())];
        let before = *changed;
        match change {
            0 => changed.base = changed.base.next(),
            1 => changed.last_seq = changed.last_seq.next(),
            2 => changed.unread += 1,
            3 => changed.marked = !changed.marked,
            _ => changed.muted = !changed.muted,
        }
        let shows = before.shown() > 0 || changed.shown() > 0;
        prop_assert_eq!(whole != of(&other, &mut (0..rows.len())), shows, "{:?}", before);
    }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn a_set_that_forgot_claims_only_what_somebody_claimed(
        (one, left) in a_set_that_forgot(), (two, right) in a_set_that_forgot(),
    ) {
        let claimed: std::collections::BTreeSet<u32> = one.into_iter().chain(two).collect();
        let mut forwards = left.clone();
        forwards.merge(&right);
        let mut backwards = right;
        backwards.merge(&left);
        for set in [&forwards, &backwards] {
            prop_assert!(set.as_slice().len() <= RUNS);
            for at in 0..4_001_u32 {
                let known = Seq::from(at) > set.known_above();
                prop_assert_eq!(set.contains(at.into()), known && claimed.contains(&at), "{}", at);
            }
        }
    }

    #[test]
    fn a_standing_over_forgotten_ranges_is_right_or_says_that_it_is_a_bound(
        steps in a_long_history(),
    ) {
        let log = Log::of(&steps);
        check_standing(&log, &log.standing())?;
        let (conversation, member) = log.normal();
        prop_assert_eq!(standing(&conversation, &member, None), log.standing());
    }

    #[test]
    fn a_count_from_the_messages_answers_for_forgotten_ranges(
        steps in a_long_history(), beyond in any::<prop::sample::Index>(),
    ) {
        let log = Log::of(&steps);
        let after = base(&log.conversation, &log.member);
        let known = log.conversation.holes.known_above().max(log.member.own.known_above());
        let known = known.max(after).min(seq(log.last())).get();
        let last = usize::try_from(log.last() - known).unwrap();
        let up_to = known + u64::try_from(beyond.index(last + 1)).unwrap();
        let count = log.count(after.get(), up_to);
        let counted = Counted { after, up_to: seq(up_to), count };
        let found = standing(&log.conversation, &log.member, Some(counted));
        prop_assert!(found.exact);
        prop_assert_eq!(found.unread, log.unread());
        // From another base, or ending below what is known, it answers for nothing.
        let elsewhere = Counted { after: after.next(), ..counted };
        let short = Counted { up_to: seq(known).previous(), ..counted };
        for useless in [elsewhere, short] {
            let found = standing(&log.conversation, &log.member, Some(useless));
            prop_assert_eq!(found, log.standing());
        }
    }

    #[test]
    fn halves_that_forgot_stay_sound_in_any_order(
        steps in a_long_history(), order in vec(any::<prop::sample::Index>(), 1..40),
    ) {
        let log = Log::of(&steps);
        let snapshots = Log::snapshots(&steps);
        let (mut conversation, mut member) = Default::default();
        for index in order {
            let (one, other) = &snapshots[index.index(snapshots.len())];
            ConversationHalf::merge(&mut conversation, one);
            MemberHalf::merge(&mut member, other);
        }
        ConversationHalf::merge(&mut conversation, &log.conversation);
        MemberHalf::merge(&mut member, &log.member);
        check_standing(&log, &standing(&conversation, &member, None))?;
        for (index, said) in log.said.iter().enumerate() {
            let at = seq(u64::try_from(index + 1).unwrap());
            prop_assert!(!member.own.contains(at) || said.own, "{} is not own", at);
            prop_assert!(!conversation.holes.contains(at) || said.silent, "{} counts", at);
        }
    }
}

#[test]
fn a_long_history_does_forget() {
    let steps: Vec<Step> = (0..RUNS + 5).flat_map(|_| [Step::SaidOwn, Step::Said]).collect();
    let log = Log::of(&[&[Step::Said], steps.as_slice()].concat());
    assert!(log.member.own.known_above() > Seq::ZERO);
    assert!(!log.standing().exact);
    assert!(log.standing().unread > log.unread());
}

/// Steps, and what is shown after them.
fn check_shown(rows: &[(&[Step], u64)]) {
    for (steps, shown) in rows {
        let log = Log::of(steps);
        assert_eq!((log.standing().shown(), log.shown()), (*shown, *shown), "{steps:?}");
    }
}

#[test]
fn a_mark_by_hand_shows_one_while_listed_and_until_it_is_read() {
    use Step::{Cleared, Left, Marked, Read, Said};
    check_shown(&[
        (&[Marked], 0),
        (&[Said, Read(1), Marked], 1),
        (&[Said, Read(1), Marked, Marked], 1),
        (&[Said, Said, Marked], 2),
        (&[Said, Read(1), Marked, Read(1)], 0),
        (&[Said, Read(1), Marked, Cleared(1)], 0),
        (&[Said, Read(1), Marked, Cleared(1), Said], 1),
        (&[Said, Read(1), Marked, Left], 0),
    ]);
}

#[test]
fn who_joins_again_starts_at_the_end_and_who_is_out_counts_nothing() {
    use Step::{Joined, Left, Said};
    check_shown(&[
        (&[Said, Said], 2),
        (&[Said, Said, Left, Said], 0),
        (&[Said, Said, Left, Said, Joined], 0),
        (&[Said, Said, Left, Said, Joined, Said], 1),
    ]);
}

#[test]
fn a_later_membership_replaces_the_start_of_an_earlier_one_and_nothing_else() {
    let half = |term, start_seq: u32, read_seq: u32| MemberHalf {
        term,
        start_seq: start_seq.into(),
        read_seq: read_seq.into(),
        ..MemberHalf::default()
    };
    for (one, other, merged) in [
        (half(1, 9, 2), half(3, 4, 1), half(3, 4, 2)),
        (half(3, 4, 1), half(3, 7, 0), half(3, 7, 1)),
        (half(2, 4, 5), half(3, 8, 0), half(3, 8, 5)),
    ] {
        for (mut into, from) in [(one.clone(), &other), (other.clone(), &one)] {
            into.merge(from);
            assert_eq!(into, merged);
        }
    }
}
