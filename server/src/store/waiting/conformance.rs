//! The suite that every backend passes: what [`super::Waiting`] promises.
//!
//! A fact is an async function over a store, listed once in [`conformance`].

#![deny(dead_code)]
#![expect(clippy::cloned_ref_to_slice_refs, reason = "a list of one reads as a list")]

use std::sync::Arc;

use message_service_shared::id::ConversationId;
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;

use super::{Due, Holder, Notice, Tries, Waiting};
use crate::store::Store;
use crate::store::conformance::{announcement, say, user};

/// A store that keeps notices too.
pub(crate) trait Kept: Store + Waiting {}
impl<T: Store + Waiting> Kept for T {}

/// Makes a test of every fact; `$open` as for the suite of [`Store`].
macro_rules! conformance {
    ($open:path) => {
        crate::store::waiting::conformance::conformance! { $open;
            a_notice_is_due_from_its_time_on,
            the_longest_due_come_first_and_no_more_than_asked,
            a_notice_that_is_kept_twice_is_one,
            a_notice_that_was_finished_does_not_come_back,
            what_was_forgotten_may_be_kept_anew,
            of_two_who_take_a_notice_one_holds_it,
            what_is_held_comes_back_when_its_holder_is_gone,
            what_was_put_off_comes_back_together_with_its_tries,
            who_lost_the_hold_changes_nothing,
            strange_ids_are_kept_as_they_are,
        }
    };
    ($open:path; $($fact:ident,)*) => {
        mod waiting_conformance {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $fact() {
                    let (store, _guard) = $open().await;
                    crate::store::waiting::conformance::$fact(store).await;
                }
            )*
        }
    };
}
pub(crate) use conformance;

pub(crate) type Shared = Arc<dyn Kept>;

fn held_by(name: &str) -> Holder {
    Holder(name.to_owned())
}

/// A message from ann, and the notice of it for its receiver.
async fn notice(store: &Shared, receiver: &str) -> Notice {
    let conversation = ConversationId::direct(&user("ann"), &user(receiver)).unwrap();
    let store: Arc<dyn Store> = Arc::clone(store) as _;
    let seq = say(&store, &conversation, "ann").await.message.seq;
    Notice { receiver: Some(user(receiver)), conversation, seq }
}

async fn due(store: &Shared, now: Millis) -> Vec<Due> {
    store.due(now, 100).await.unwrap()
}

async fn notices_due(store: &Shared, now: Millis) -> Vec<Notice> {
    due(store, now).await.into_iter().map(|due| due.notice).collect()
}

pub(crate) async fn a_notice_is_due_from_its_time_on(store: Shared) {
    let one = notice(&store, "bob").await;
    store.keep(vec![one.clone()], 1_000).await.unwrap();
    assert_eq!(due(&store, 999).await, []);
    let wanted = Due { notice: one, at: 1_000, tries: Tries::default() };
    assert_eq!(due(&store, 1_000).await, [wanted]);
}

pub(crate) async fn the_longest_due_come_first_and_no_more_than_asked(store: Shared) {
    let (one, two, three) =
        (notice(&store, "bob").await, notice(&store, "cid").await, notice(&store, "dan").await);
    for (notice, at) in [(&one, 30), (&two, 10), (&three, 20)] {
        store.keep(vec![notice.clone()], at).await.unwrap();
    }
    assert_eq!(notices_due(&store, 100).await, [two.clone(), three.clone(), one]);
    let first = store.due(100, 2).await.unwrap();
    assert_eq!(first.into_iter().map(|due| due.notice).collect::<Vec<_>>(), [two, three]);
}

pub(crate) async fn a_notice_that_is_kept_twice_is_one(store: Shared) {
    let one = notice(&store, "bob").await;
    store.keep(vec![one.clone(), one.clone()], 10).await.unwrap();
    store.keep(vec![one], 20).await.unwrap();
    let found = due(&store, 100).await;
    assert_eq!(found.iter().map(|due| due.at).collect::<Vec<_>>(), [10]);
}

pub(crate) async fn a_notice_that_was_finished_does_not_come_back(store: Shared) {
    let one = notice(&store, "bob").await;
    store.keep(vec![one.clone()], 10).await.unwrap();
    let held = store.hold(due(&store, 10).await, &held_by("me"), 50).await.unwrap();
    assert_eq!(held, [one.clone()]);
    store.finish(held, &held_by("me"), 20).await.unwrap();
    store.keep(vec![one], 10).await.unwrap();
    assert_eq!(due(&store, 1_000).await, []);
}

pub(crate) async fn what_was_forgotten_may_be_kept_anew(store: Shared) {
    let (one, two) = (notice(&store, "bob").await, notice(&store, "cid").await);
    store.keep(vec![one.clone(), two.clone()], 10).await.unwrap();
    let held = store.hold(due(&store, 10).await, &held_by("me"), 50).await.unwrap();
    assert_eq!(held.len(), 2);
    store.finish(vec![one.clone()], &held_by("me"), 20).await.unwrap();
    store.finish(vec![two.clone()], &held_by("me"), 30).await.unwrap();
    store.forget(30).await.unwrap();
    store.keep(vec![one.clone(), two], 10).await.unwrap();
    assert_eq!(notices_due(&store, 100).await, [one]);
}

pub(crate) async fn of_two_who_take_a_notice_one_holds_it(store: Shared) {
    let one = notice(&store, "bob").await;
    store.keep(vec![one.clone()], 10).await.unwrap();
    let seen = due(&store, 10).await;
    let first = store.hold(seen.clone(), &held_by("me"), 50).await.unwrap();
    let second = store.hold(seen, &held_by("you"), 60).await.unwrap();
    assert_eq!((first, second), (vec![one], vec![]));
    assert_eq!(due(&store, 49).await, []);
}

pub(crate) async fn what_is_held_comes_back_when_its_holder_is_gone(store: Shared) {
    let one = notice(&store, "bob").await;
    store.keep(vec![one.clone()], 10).await.unwrap();
    store.hold(due(&store, 10).await, &held_by("me"), 50).await.unwrap();
    let again = due(&store, 50).await;
    assert_eq!(store.hold(again, &held_by("you"), 90).await.unwrap(), [one.clone()]);
    store.finish(vec![one], &held_by("you"), 60).await.unwrap();
    assert_eq!(due(&store, 1_000).await, []);
}

pub(crate) async fn what_was_put_off_comes_back_together_with_its_tries(store: Shared) {
    let (one, two) = (notice(&store, "bob").await, notice(&store, "bob").await);
    store.keep(vec![one.clone()], 10).await.unwrap();
    store.keep(vec![two.clone()], 20).await.unwrap();
    let held = store.hold(due(&store, 20).await, &held_by("me"), 50).await.unwrap();
    let tries = Tries { told: 2, looked: 3 };
    store.put_off(held, &held_by("me"), 70, tries).await.unwrap();
    assert_eq!(due(&store, 69).await, []);
    let mut again = due(&store, 70).await;
    again.sort_by(|one, other| one.notice.cmp(&other.notice));
    let wanted = [one, two].map(|notice| Due { notice, at: 70, tries });
    assert_eq!(again, wanted);
}

pub(crate) async fn who_lost_the_hold_changes_nothing(store: Shared) {
    let one = notice(&store, "bob").await;
    store.keep(vec![one.clone()], 10).await.unwrap();
    store.hold(due(&store, 10).await, &held_by("me"), 50).await.unwrap();
    store.hold(due(&store, 50).await, &held_by("you"), 90).await.unwrap();
    store.finish(vec![one.clone()], &held_by("me"), 60).await.unwrap();
    store.put_off(vec![one.clone()], &held_by("me"), 65, Tries::default()).await.unwrap();
    assert_eq!(due(&store, 89).await, []);
    assert_eq!(notices_due(&store, 90).await, [one]);
}

pub(crate) async fn strange_ids_are_kept_as_they_are(store: Shared) {
    let strange = notice(&store, "~:$.*>/% '\"你好😀").await;
    let everyone =
        Notice { receiver: None, conversation: announcement(), seq: Seq::try_from(1_u64).unwrap() };
    store.keep(vec![strange.clone()], 10).await.unwrap();
    store.keep(vec![everyone.clone()], 20).await.unwrap();
    assert_eq!(notices_due(&store, 20).await, [strange, everyone]);
}
