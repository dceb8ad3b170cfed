//! The suite that every backend passes: what [`super::Archive`] promises. The other side of each
//! move is the reference, `memory`, so that any two backends agree.
//!
//! A fact is an async function over two empty stores, listed once in [`conformance`].

#![deny(dead_code)]

use std::sync::Arc;

use message_service_shared::command::Configure;
use message_service_shared::digest::Digest;
use message_service_shared::id::{ConversationId, Epoch, UserId};
use message_service_shared::limits::RUNS;
use message_service_shared::message::Content;
use message_service_shared::runs::Runs;
use message_service_shared::seq::Seq;
use serde_json::json;

use super::{
    Archive, ConversationRecord, NoticeRecord, Place, Progress, Record, RestoreError, Stage, Tally,
};
use crate::service::{Standings, digest, standings};
use crate::store::conformance::{Shared, append, direct, draft, say, seq, system, user};
use crate::store::memory::MemoryStore;
use crate::store::waiting::{Company, Holder, Notice, Tries};
use crate::store::{AppendError, ContentHash, Draft, MemberChange, Profile, StoredRow};

/// Makes a test of every fact; `$open` as for the suite of [`Store`].
macro_rules! conformance {
    ($open:path) => {
        crate::store::archive::conformance::conformance! { $open;
            what_is_read_out_comes_in_again,
            pages_of_any_size_join_without_loss,
            ranges_that_were_forgotten_stay_forgotten,
            life_goes_on_as_it_would_have,
            resends_are_known_after_the_move,
            records_that_come_twice_change_nothing,
            an_interrupted_import_goes_on,
            a_refused_block_leaves_nothing_behind,
            another_data_set_is_not_mixed_in,
            every_change_changes_the_tally,
            a_new_epoch_is_another_one,
        }
    };
    ($open:path; $($fact:ident,)*) => {
        mod archive_conformance {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $fact() {
                    let ((one, _guard), (two, _other_guard)) = ($open().await, $open().await);
                    crate::store::archive::conformance::$fact(one, two).await;
                }
            )*
        }
    };
}
pub(crate) use conformance;

pub(crate) type Moved = Arc<dyn Archive>;

const STRANGE: &str = "~:$.*>/% '\"你好😀";

pub(crate) fn memory() -> Moved {
    Arc::new(MemoryStore::new("an epoch of memory's own".parse().unwrap()))
}

async fn records(store: &Moved, limit: usize) -> Vec<Record> {
    let (mut records, mut place): (Vec<Record>, _) = (Vec::new(), Place::Start);
    loop {
        let page = store.page(&place, limit).await.unwrap();
        assert!(page.len() <= limit);
        let Some(last) = page.last() else { break };
        place = last.place();
        records.extend(page);
    }
    assert!(records.is_sorted_by(|one, other| one.place() < other.place()), "out of order");
    records
}

fn progress(lines: u64) -> Progress {
    Progress { lines, sum: format!("the sum at {lines}") }
}

/// Moves everything, in blocks of a size that divides nothing.
async fn copy(from: &Moved, to: &Moved) {
    to.begin(&from.epoch().await.unwrap()).await.unwrap();
    for block in records(from, 50).await.chunks(7) {
        to.restore(block.to_vec(), progress(1)).await.unwrap();
    }
    to.finish().await.unwrap();
}

fn read(number: u64) -> MemberChange {
    MemberChange::Read { seq: seq(number), mark_seen: 9, at: 50 + number, by: "tab".to_owned() }
}

async fn change(store: &Moved, name: &str, id: &ConversationId, change: MemberChange) {
    store.change_member(&user(name), id, &change).await.unwrap();
}

fn with(mut draft: Draft, content: Content, quiet: bool) -> Draft {
    draft.content_hash = ContentHash::of(&content, quiet);
    Draft { content, quiet, ..draft }
}

fn shared(store: &Moved) -> Shared {
    Arc::clone(store) as Shared
}

/// By their bytes in UTF-8 the last two are in this order, by UTF-16 they are not.
const PEOPLE: [&str; 8] = ["ann", "bob", "cid", STRANGE, "never seen", "Zoe", "\u{ff5e}", "😀"];

/// Some of everything.
pub(crate) async fn live(archive: &Moved) {
    let store = &shared(archive);
    let announcement = ConversationId::announcement();
    let profile = |id: &str, name: Option<&str>| Profile {
        id: user(id),
        name: name.map(str::to_owned),
        avatar: name.map(|_| "/a.png".to_owned()),
        created_at: None,
    };
    store.upsert_users(vec![profile("ann", Some("Ann")), profile(STRANGE, None)]).await.unwrap();
    append(store, draft(&announcement, None)).await.unwrap();
    store.see_users(&["bob", "cid", "Zoe"].map(user)).await.unwrap();
    append(store, draft(&announcement, None)).await.unwrap();
    let floats = json!({ "sum": 0.1 + 0.2, "tiny": 5e-324, "large": 1.797_693_134_862_315_7e308 });
    let content = Content { data: Some(floats), ..Content::text("with data") };
    for (one, other) in [("ann", "bob"), ("ann", STRANGE), ("bob", "cid")] {
        let id = direct(one, other);
        for sender in [one, one, other, one, other] {
            say(store, &id, sender).await;
        }
        append(store, with(draft(&id, Some(one)), content.clone(), false)).await.unwrap();
    }
    let id = direct("ann", "bob");
    change(archive, "bob", &id, read(2)).await;
    store.recall(&id, seq(4), Some(&user("ann")), 77).await.unwrap();
    store.recall(&direct("bob", "cid"), seq(6), None, 78).await.unwrap();
    change(archive, "cid", &direct("bob", "cid"), MemberChange::Mark).await;
    change(archive, "bob", &direct("bob", "cid"), MemberChange::Clear { seq: seq(6) }).await;
    let id = direct("ann", STRANGE);
    let conversation = id.clone();
    let mute = Configure { conversation, muted: Some(true), pinned: Some(true) };
    change(archive, "ann", &id, MemberChange::Configure(mute)).await;
    for to in ["ann", STRANGE, "never seen", "\u{ff5e}", "😀"] {
        append(store, draft(&system(to), None)).await.unwrap();
        let notice = Content::notice("quietly");
        append(store, with(draft(&system(to), None), notice, true)).await.unwrap();
    }
    change(archive, "bob", &announcement, read(2)).await;
    let waits = |receiver: Option<&str>, conversation: ConversationId, told| {
        let notice = Notice { receiver: receiver.map(user), conversation, seq: seq(1) };
        let tries = Tries { told, looked: 7 };
        let due_at = Some(1_700_000_000_000 + u64::from(told));
        Record::Notice(NoticeRecord { notice, due_at, tries, company: None })
    };
    // Two that are told together: the leader names both, and the other one it.
    let company = |others| Company { id: Holder("the first who told".to_owned()), others };
    let joined = NoticeRecord {
        notice: Notice {
            receiver: Some(user("bob")),
            conversation: direct("ann", "bob"),
            seq: seq(2),
        },
        due_at: None,
        tries: Tries::default(),
        company: Some(company(vec![])),
    };
    let mut leads = waits(Some("bob"), direct("ann", "bob"), 3);
    if let Record::Notice(leader) = &mut leads {
        leader.company = Some(company(vec![joined.notice.clone()]));
    }
    let notices = vec![
        waits(None, announcement, 0),
        leads,
        Record::Notice(joined),
        waits(Some(STRANGE), system(STRANGE), 0),
        waits(Some("never seen"), system("never seen"), 1),
    ];
    archive.restore(notices, progress(0)).await.unwrap();
    archive.finish().await.unwrap();
}

/// All that can be seen of a store from outside. A row that only may be unread may be found or not.
#[derive(Debug, PartialEq)]
struct Sight {
    epoch: Epoch,
    tally: Tally,
    records: Vec<Record>,
    lists: Vec<Vec<StoredRow>>,
    badges: Vec<(UserId, Digest, Standings)>,
}

async fn sight(store: &Moved) -> Sight {
    let people = PEOPLE.map(user);
    let mut lists = Vec::new();
    for user in &people {
        lists.push(store.inbox(user, None, 100).await.unwrap());
    }
    let mut badges = Vec::new();
    for (user, mut standings) in standings(&**store, &people).await.unwrap() {
        let digest = digest(&standings);
        standings.retain(|(_, standing)| standing.shown() > 0);
        standings.sort_by(|(one, _), (other, _)| one.cmp(other));
        badges.push((user, digest, standings));
    }
    Sight {
        epoch: store.epoch().await.unwrap(),
        tally: store.tally().await.unwrap(),
        records: records(store, 100).await,
        lists,
        badges,
    }
}

pub(crate) async fn what_is_read_out_comes_in_again(one: Moved, two: Moved) {
    live(&one).await;
    let before = sight(&one).await;
    assert_eq!(before.tally.records(), before.records.len() as u64);
    assert!(before.badges.iter().all(|(_, digest, _)| *digest != Digest::default()));
    let between = memory();
    copy(&one, &between).await;
    assert_eq!(sight(&between).await, before);
    copy(&between, &two).await;
    assert_eq!(sight(&two).await, before);
    for (name, id) in [("bob", direct("ann", "bob")), ("bob", ConversationId::announcement())] {
        let reads = one.reads(&user(name), &id, 100).await.unwrap();
        assert!(!reads.is_empty());
        assert_eq!(two.reads(&user(name), &id, 100).await.unwrap(), reads);
    }
}

pub(crate) async fn pages_of_any_size_join_without_loss(one: Moved, _: Moved) {
    live(&one).await;
    let all = records(&one, 1_000).await;
    assert_eq!(all.len() as u64, one.tally().await.unwrap().records());
    for limit in [1, 2, 3, 5, 8] {
        assert_eq!(records(&one, limit).await, all);
    }
}

pub(crate) async fn ranges_that_were_forgotten_stay_forgotten(one: Moved, two: Moved) {
    let (store, id) = (&shared(&one), direct("ann", "bob"));
    one.see_users(&[user("ann"), user("bob")]).await.unwrap();
    for _ in 0..=RUNS + 5 {
        say(store, &id, "ann").await;
        let draft = draft(&id, Some("bob"));
        let content = draft.content.clone();
        append(store, with(draft, content, true)).await.unwrap();
    }
    for number in [1, 101, 301, 99] {
        one.recall(&id, seq(number), None, 5).await.unwrap();
    }
    let forgot = |runs: &Runs| runs.known_above() > Seq::ZERO;
    let found = one.rows(&user("ann"), std::slice::from_ref(&id)).await.unwrap();
    assert!(forgot(&found[0].member.own) && forgot(&found[0].conversation.holes));
    copy(&one, &two).await;
    assert_eq!(sight(&two).await, sight(&one).await);
}

pub(crate) async fn life_goes_on_as_it_would_have(one: Moved, two: Moved) {
    live(&one).await;
    copy(&one, &two).await;
    let next = [
        draft(&direct("ann", "bob"), Some("bob")),
        draft(&direct("cid", STRANGE), Some("cid")),
        draft(&system("never seen"), None),
        draft(&ConversationId::announcement(), None),
    ];
    for store in [&one, &two] {
        for draft in &next {
            assert!(append(&shared(store), draft.clone()).await.unwrap().fresh);
        }
        change(store, "ann", &direct("ann", "bob"), read(7)).await;
        store.see_users(&[user("never seen")]).await.unwrap();
    }
    assert_eq!(sight(&two).await, sight(&one).await);
}

pub(crate) async fn resends_are_known_after_the_move(one: Moved, two: Moved) {
    let id = direct("ann", "bob");
    let (said, taken_back) = (draft(&id, Some("ann")), draft(&id, Some("ann")));
    for draft in [&said, &taken_back] {
        append(&shared(&one), draft.clone()).await.unwrap();
    }
    one.recall(&id, seq(2), None, 5).await.unwrap();
    copy(&one, &two).await;
    for draft in [&said, &taken_back] {
        let again = append(&shared(&two), draft.clone()).await.unwrap();
        assert!(!again.fresh);
    }
    let other = with(taken_back, Content::text("something else"), false);
    assert_eq!(append(&shared(&two), other).await, Err(AppendError::Conflict));
}

pub(crate) async fn records_that_come_twice_change_nothing(one: Moved, two: Moved) {
    live(&one).await;
    copy(&one, &two).await;
    say(&shared(&two), &direct("ann", "bob"), "ann").await;
    two.recall(&direct("ann", STRANGE), seq(1), None, 5).await.unwrap();
    change(&two, "bob", &direct("ann", "bob"), read(7)).await;
    let before = sight(&two).await;
    two.restore(records(&one, 100).await, progress(1)).await.unwrap();
    assert_eq!(sight(&two).await, before, "what came after the move stays");
    let epoch = one.epoch().await.unwrap();
    two.finish().await.unwrap();
    assert_eq!(two.begin(&epoch).await.unwrap(), Stage::Complete);
    assert_eq!(two.unfinished().await.unwrap(), None);
}

pub(crate) async fn an_interrupted_import_goes_on(one: Moved, two: Moved) {
    live(&one).await;
    let epoch = one.epoch().await.unwrap();
    let all = records(&one, 100).await;
    assert_eq!(two.unfinished().await.unwrap(), None);
    assert_eq!(two.begin(&epoch).await.unwrap(), Stage::Importing(Progress::default()));
    assert_eq!(two.unfinished().await.unwrap(), Some(Progress::default()));
    let (first, rest) = all.split_at(all.len() - 3);
    two.restore(first.to_vec(), progress(40)).await.unwrap();
    // The next process asks again.
    assert_eq!(two.begin(&epoch).await.unwrap(), Stage::Importing(progress(40)));
    two.restore(rest.to_vec(), progress(43)).await.unwrap();
    assert_eq!(two.unfinished().await.unwrap(), Some(progress(43)));
    two.finish().await.unwrap();
    assert_eq!(two.unfinished().await.unwrap(), None);
    assert_eq!(sight(&two).await, sight(&one).await);
}

pub(crate) async fn a_refused_block_leaves_nothing_behind(one: Moved, two: Moved) {
    live(&one).await;
    two.begin(&one.epoch().await.unwrap()).await.unwrap();
    let all = records(&one, 100).await;
    let refused = async |block: Vec<Record>| {
        let before = (records(&two, 100).await, two.unfinished().await.unwrap());
        let error = two.restore(block, progress(99)).await.unwrap_err();
        assert_eq!((records(&two, 100).await, two.unfinished().await.unwrap()), before);
        error
    };
    let is_message = |record: &&Record| matches!(record, Record::Message(_));
    let messages: Vec<Record> = all.iter().filter(is_message).cloned().collect();
    let without: Vec<Record> = all
        .iter()
        .filter(|record| !matches!(record, Record::Conversation(found) if found.id == direct("ann", "bob")))
        .cloned()
        .collect();
    assert_eq!(refused(without).await, RestoreError::NoConversation(direct("ann", "bob")));
    let mut with_gap = all.clone();
    let place = Place::Message(direct("bob", "cid"), seq(3));
    with_gap.retain(|record| record.place() != place);
    let (conversation, four, end) = (direct("bob", "cid"), seq(4), seq(2));
    assert_eq!(refused(with_gap).await, RestoreError::Gap { conversation, seq: four, end });
    two.restore(all, progress(50)).await.unwrap();
    let mut name_taken = messages[messages.len() - 1].clone();
    let Record::Message(record) = &mut name_taken else { panic!("no message") };
    record.message.seq = record.message.seq.next();
    let (conversation, seq) = (record.message.conversation.clone(), record.message.seq);
    let expected = RestoreError::OtherMessage { conversation, seq };
    assert_eq!(refused(vec![name_taken]).await, expected);
    let mut other = messages[0].clone();
    let Record::Message(record) = &mut other else { panic!("no message") };
    record.message.id = "another id".parse().unwrap();
    let (conversation, seq) = (record.message.conversation.clone(), record.message.seq);
    assert_eq!(refused(vec![other]).await, RestoreError::OtherMessage { conversation, seq });
}

pub(crate) async fn another_data_set_is_not_mixed_in(one: Moved, _: Moved) {
    let (held, wanted): (Epoch, Epoch) =
        (one.epoch().await.unwrap(), "another epoch".parse().unwrap());
    one.see_users(&[user("ann")]).await.unwrap();
    let refused = RestoreError::OtherDataSet { held: held.clone(), wanted: wanted.clone() };
    assert_eq!(one.begin(&wanted).await, Err(refused));
    assert_eq!((one.epoch().await.unwrap(), one.unfinished().await.unwrap()), (held, None));
}

pub(crate) async fn every_change_changes_the_tally(one: Moved, _: Moved) {
    let id = direct("ann", "bob");
    let mut last = one.tally().await.unwrap();
    assert_eq!(last, Tally::default());
    let mut changed = async |what: &str| {
        let tally = one.tally().await.unwrap();
        assert_ne!(tally, last, "{what}");
        last = tally;
    };
    one.see_users(&[user("ann")]).await.unwrap();
    changed("a user").await;
    say(&shared(&one), &id, "ann").await;
    changed("a message").await;
    one.recall(&id, seq(1), None, 5).await.unwrap();
    changed("a recall").await;
    change(&one, "bob", &id, MemberChange::Mark).await;
    changed("a mark").await;
    change(&one, "bob", &id, read(1)).await;
    changed("a read").await;
    change(&one, "bob", &id, MemberChange::Clear { seq: seq(1) }).await;
    changed("clearing").await;
    let configure = Configure { conversation: id.clone(), muted: Some(true), pinned: None };
    change(&one, "bob", &id, MemberChange::Configure(configure)).await;
    changed("a setting").await;
    let group = ConversationRecord {
        id: "group:one".parse().unwrap(),
        name: None,
        avatar: None,
        floor: Seq::ZERO,
        holes: Runs::new(),
    };
    let with_floor = ConversationRecord { id: "group:two".parse().unwrap(), ..group.clone() };
    one.restore(vec![Record::Conversation(group)], progress(1)).await.unwrap();
    changed("a conversation").await;
    let conversations = one.tally().await.unwrap().conversations;
    let with_floor = ConversationRecord { floor: seq(3), ..with_floor };
    one.restore(vec![Record::Conversation(with_floor)], progress(2)).await.unwrap();
    changed("another conversation").await;
    let tally = one.tally().await.unwrap();
    assert_eq!(tally.conversations, conversations + 1);
    assert!(tally.grown >= 3);
}

pub(crate) async fn a_new_epoch_is_another_one(one: Moved, _: Moved) {
    let old = one.epoch().await.unwrap();
    let new = one.new_epoch().await.unwrap();
    assert_ne!(new, old);
    assert_eq!(one.epoch().await.unwrap(), new);
}
