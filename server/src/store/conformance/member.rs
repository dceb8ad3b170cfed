//! What belongs to one member, and how it changes.

use message_service_shared::command::Configure;
use message_service_shared::limits::RUNS;
use message_service_shared::unread::Settings;

use super::*;
use crate::store::{ChangeError, READS_KEPT};

async fn change(
    store: &Shared,
    name: &str,
    conversation: &ConversationId,
    change: MemberChange,
) -> StoredRow {
    store.change_member(&user(name), conversation, &change).await.unwrap()
}

fn configure(
    conversation: &ConversationId,
    muted: Option<bool>,
    pinned: Option<bool>,
) -> MemberChange {
    MemberChange::Configure(Configure { conversation: conversation.clone(), muted, pinned })
}

pub(in crate::store) async fn reading_never_lowers_anything(store: Shared) {
    let conversation = direct("ann", "bob");
    for _ in 0..5 {
        say(&store, &conversation, "bob").await;
    }
    for (position, wanted) in [(2, 2), (4, 4), (3, 4), (0, 4), (5, 5)] {
        let changed = change(&store, "ann", &conversation, read_up_to(position)).await;
        assert_eq!(changed.member.read_seq, seq(wanted));
        assert_eq!(row(&store, "ann", &conversation).await, Some(changed));
        assert_eq!(stands(&store, "ann", &conversation).await.unread, 5 - wanted);
    }
    let changed = change(&store, "ann", &conversation, MemberChange::Clear { seq: seq(3) }).await;
    assert_eq!(changed.member.cleared, seq(3));
    let changed = change(&store, "ann", &conversation, MemberChange::Clear { seq: seq(1) }).await;
    assert_eq!(changed.member.cleared, seq(3));
    assert_eq!(stands(&store, "bob", &conversation).await.unread, 0);
    assert_eq!(row(&store, "bob", &conversation).await.unwrap().member.read_seq, Seq::ZERO);
}

pub(in crate::store) async fn reading_past_the_end_changes_nothing(store: Shared) {
    let conversation = direct("ann", "bob");
    say(&store, &conversation, "bob").await;
    let before = row(&store, "ann", &conversation).await;
    let refused = store.change_member(&user("ann"), &conversation, &read_up_to(2)).await;
    assert_eq!(refused, Err(ChangeError::PastEnd));
    assert_eq!(row(&store, "ann", &conversation).await, before);
    assert_eq!(store.reads(&user("ann"), &conversation, 9).await.unwrap(), []);
}

pub(in crate::store) async fn reads_are_kept_newest_first(store: Shared) {
    let conversation = direct("ann", "bob");
    for _ in 0..4 {
        say(&store, &conversation, "bob").await;
    }
    for (position, at) in [(1, 10), (3, 20), (2, 30), (3, 40), (4, 50)] {
        let by = format!("session {at}");
        let read = MemberChange::Read { seq: seq(position), mark_seen: 0, at, by };
        change(&store, "ann", &conversation, read).await;
    }
    let kept = store.reads(&user("ann"), &conversation, 9).await.unwrap();
    let kept: Vec<_> =
        kept.iter().map(|read| (read.seq.get(), read.at, read.by.as_str())).collect();
    let wanted = [(4, 50, "session 50"), (3, 20, "session 20"), (1, 10, "session 10")];
    assert_eq!(kept, wanted, "a read that raised nothing explains nothing");
    let newest = store.reads(&user("ann"), &conversation, 1).await.unwrap();
    assert_eq!((newest.len(), newest[0].seq), (1, seq(4)));
    assert_eq!(store.reads(&user("bob"), &conversation, 9).await.unwrap(), []);
    assert_eq!(store.reads(&user("cyd"), &conversation, 9).await.unwrap(), []);
}

pub(in crate::store) async fn the_newest_reads_are_the_ones_kept(store: Shared) {
    let conversation = direct("ann", "bob");
    let count = READS_KEPT as u64 + 5;
    for position in 1..=count {
        say(&store, &conversation, "bob").await;
        change(&store, "ann", &conversation, read_up_to(position)).await;
    }
    let kept = store.reads(&user("ann"), &conversation, usize::MAX).await.unwrap();
    let kept: Vec<u64> = kept.iter().map(|read| read.seq.get()).collect();
    let wanted: Vec<u64> = (6..=count).rev().collect();
    assert_eq!(kept, wanted);
}

pub(in crate::store) async fn a_mark_shows_until_it_is_read_away(store: Shared) {
    let conversation = direct("ann", "bob");
    say(&store, &conversation, "bob").await;
    change(&store, "ann", &conversation, read_up_to(1)).await;
    assert!(!stands(&store, "ann", &conversation).await.marked);
    for _ in 0..2 {
        let marked = change(&store, "ann", &conversation, MemberChange::Mark).await.member;
        assert_eq!((marked.mark, marked.mark_seen), (1, 0), "marking twice is one mark");
    }
    assert_eq!(stands(&store, "ann", &conversation).await.shown(), 1);
    assert_eq!(unread_ids(&store, "ann").await, [conversation.clone()]);
    change(&store, "ann", &conversation, read_up_to(1)).await;
    assert_eq!(stands(&store, "ann", &conversation).await.shown(), 1, "the reader saw no mark");
    let read = |mark_seen| MemberChange::Read { seq: seq(0), mark_seen, at: 5, by: String::new() };
    let seen = change(&store, "ann", &conversation, read(7)).await.member;
    assert_eq!((seen.mark, seen.mark_seen), (1, 1), "nobody has seen a mark that is not there");
    assert_eq!(stands(&store, "ann", &conversation).await.shown(), 0);
    let again = change(&store, "ann", &conversation, MemberChange::Mark).await.member;
    assert_eq!((again.mark, again.mark_seen), (2, 1));
    assert_eq!(stands(&store, "bob", &conversation).await.shown(), 0);
}

pub(in crate::store) async fn settings_change_one_by_one_under_a_rising_revision(store: Shared) {
    let conversation = direct("ann", "bob");
    say(&store, &conversation, "bob").await;
    let steps = [
        (Some(true), None, Settings { revision: 1, muted: true, pinned: false }),
        (None, Some(true), Settings { revision: 2, muted: true, pinned: true }),
        (Some(false), None, Settings { revision: 3, muted: false, pinned: true }),
        (None, None, Settings { revision: 4, muted: false, pinned: true }),
    ];
    for (muted, pinned, wanted) in steps {
        let changed =
            change(&store, "ann", &conversation, configure(&conversation, muted, pinned)).await;
        assert_eq!(changed.member.settings, wanted);
        assert_eq!(row(&store, "ann", &conversation).await, Some(changed));
    }
    let other = row(&store, "bob", &conversation).await.unwrap();
    assert_eq!(other.member.settings, Settings::default());
    assert_eq!(unread_ids(&store, "ann").await, [conversation], "muting is not reading");
}

pub(in crate::store) async fn a_stranger_changes_nothing(store: Shared) {
    let conversation = direct("ann", "bob");
    store.see_users(&[user("cyd")]).await.unwrap();
    say(&store, &conversation, "bob").await;
    let changes = [
        read_up_to(1),
        MemberChange::Mark,
        MemberChange::Clear { seq: seq(1) },
        configure(&conversation, Some(true), None),
    ];
    for wanted in &changes {
        for name in ["cyd", "nobody"] {
            let refused = store.change_member(&user(name), &conversation, wanted).await;
            assert_eq!(refused, Err(ChangeError::Unknown));
        }
        let refused = store.change_member(&user("ann"), &direct("ann", "cyd"), wanted).await;
        assert_eq!(refused, Err(ChangeError::Unknown), "nobody has said anything there");
    }
    assert_eq!(row(&store, "cyd", &conversation).await, None);
    assert_eq!(row(&store, "ann", &direct("ann", "cyd")).await, None);
}

pub(in crate::store) async fn rows_are_for_members_alone(store: Shared) {
    let conversations = [direct("ann", "bob"), direct("bob", "cyd"), system("ann"), system("bob")];
    for conversation in &conversations {
        proclaim(&store, conversation).await;
    }
    let wanted: Vec<ConversationId> = conversations.iter().cloned().chain([system("x")]).collect();
    let mut got: Vec<ConversationId> = Vec::new();
    for row in store.rows(&user("ann"), &wanted).await.unwrap() {
        assert_eq!(row.last.as_ref().unwrap().seq, seq(1));
        got.push(row.id);
    }
    got.sort();
    assert_eq!(got, [direct("ann", "bob"), system("ann")]);
    assert_eq!(store.rows(&user("nobody"), &wanted).await.unwrap(), []);
    assert_eq!(store.rows(&user("ann"), &[]).await.unwrap(), []);
}

pub(in crate::store) async fn counting_leaves_out_what_never_counts(store: Shared) {
    let conversation = direct("ann", "bob");
    for (position, sender) in [Some("bob"), Some("ann"), None, Some("bob"), None].iter().enumerate()
    {
        let plain = draft(&conversation, *sender);
        let wanted = if position == 4 { quiet(plain) } else { plain };
        append(&store, wanted).await.unwrap();
    }
    store.recall(&conversation, seq(4), None, 7).await.unwrap();
    say(&store, &conversation, "bob").await;
    for (name, after, up_to, wanted) in [
        ("ann", 0, 6, 3),
        ("ann", 1, 6, 2),
        ("ann", 0, 3, 2),
        ("ann", 6, 6, 0),
        ("ann", 5, 99, 1),
        ("ann", 4, 2, 0),
        ("bob", 0, 6, 2),
        ("cyd", 0, 6, 4),
    ] {
        let count = store.count(&user(name), &conversation, seq(after), seq(up_to)).await.unwrap();
        assert_eq!(count, wanted, "{name} in ({after}, {up_to}]");
    }
    let nowhere = store.count(&user("ann"), &direct("ann", "cyd"), seq(0), seq(9)).await;
    assert_eq!(nowhere, Ok(0));
}

pub(in crate::store) async fn more_own_runs_than_are_kept_still_count_right(store: Shared) {
    let conversation = direct("ann", "bob");
    let pairs = RUNS as u64 + 20;
    let drafts = (0..pairs * 2)
        .map(|index| draft(&conversation, Some(["bob", "ann"][(index % 2) as usize])));
    for outcome in store.append(drafts.collect()).await {
        outcome.unwrap();
    }
    let half = row(&store, "ann", &conversation).await.unwrap().member;
    assert_eq!(half.own.as_slice().len(), RUNS);
    assert_eq!(half.own.known_above(), seq(40));
    assert_eq!(unread_ids(&store, "ann").await, [conversation.clone()]);
    for read in [0, 5, 41, pairs] {
        change(&store, "ann", &conversation, read_up_to(read)).await;
        let unread = stands(&store, "ann", &conversation).await.unread;
        assert_eq!(unread, (read + 1..=pairs * 2).filter(|seq| seq % 2 == 1).count() as u64);
    }
    change(&store, "ann", &conversation, read_up_to(pairs * 2)).await;
    assert_eq!(unread_ids(&store, "ann").await, []);
}

pub(in crate::store) async fn more_holes_than_are_kept_still_count_right(store: Shared) {
    let conversation = system("ann");
    let pairs = RUNS as u64 + 20;
    let drafts = (0..pairs * 2).map(|index| match draft(&conversation, None) {
        plain if index % 2 == 0 => plain,
        plain => quiet(plain),
    });
    for outcome in store.append(drafts.collect()).await {
        outcome.unwrap();
    }
    let half = row(&store, "ann", &conversation).await.unwrap().conversation;
    assert_eq!((half.holes.as_slice().len(), half.holes.known_above()), (RUNS, seq(40)));
    assert_eq!(stands(&store, "ann", &conversation).await.unread, pairs);
    store.recall(&conversation, seq(1), None, 7).await.unwrap();
    assert_eq!(stands(&store, "ann", &conversation).await.unread, pairs - 1);
    change(&store, "ann", &conversation, read_up_to(pairs)).await;
    assert_eq!(stands(&store, "ann", &conversation).await.unread, pairs / 2);
}

pub(in crate::store) async fn a_group_nobody_joined_has_no_members(store: Shared) {
    let group = ConversationId::new("group:club").unwrap();
    assert_eq!(store.members(&group).await.unwrap(), []);
}
