//! The suite that every backend passes: what [`super::Waiting`] promises.
//!
//! A fact is an async function over a store, listed once in [`conformance`].

#![deny(dead_code)]
#![expect(clippy::cloned_ref_to_slice_refs, reason = "a list of one reads as a list")]

use std::sync::Arc;

use message_service_shared::id::ConversationId;
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;

use super::{Company, Due, Holder, Notice, Tries, Waiting};
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
            a_company_comes_due_as_one,
            of_two_who_take_a_company_one_has_it_whole,
            a_company_that_is_put_off_stays_together,
            a_company_that_was_told_ends_with_all_who_joined,
            a_company_that_was_half_made_is_made_whole,
            whom_somebody_else_has_taken_does_not_join,
            who_lost_the_leader_makes_no_company,
            who_saw_a_leader_before_it_led_does_not_get_it,
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
    let wanted = Due { notice: one, at: 1_000, tries: Tries::default(), company: None };
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
    let wanted = [one, two].map(|notice| Due { notice, at: 70, tries, company: None });
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

/// A company of the three notices, which `me` holds until 50, and has made whole.
async fn three_together(store: &Shared) -> (Company, [Notice; 3]) {
    let [one, two, three] =
        [notice(store, "bob").await, notice(store, "bob").await, notice(store, "bob").await];
    store.keep(vec![one.clone(), two.clone(), three.clone()], 10).await.unwrap();
    store.hold(due(store, 10).await, &held_by("me"), 50).await.unwrap();
    let company = Company { id: held_by("me"), others: vec![two.clone(), three.clone()] };
    let together = store.gather(one.clone(), company.clone(), &held_by("me")).await.unwrap();
    assert_eq!(together, [one.clone(), two.clone(), three.clone()]);
    (company, [one, two, three])
}

pub(crate) async fn a_company_comes_due_as_one(store: Shared) {
    let (company, [one, ..]) = three_together(&store).await;
    let newer = notice(&store, "bob").await;
    store.keep(vec![newer.clone()], 60).await.unwrap();
    let tries = Tries::default();
    let leader = Due { notice: one, at: 50, tries, company: Some(company) };
    let newer = Due { notice: newer, at: 60, tries, company: None };
    assert_eq!(store.due(60, 1).await.unwrap(), [leader.clone()], "no page cuts it");
    assert_eq!(due(&store, 60).await, [leader, newer]);
}

pub(crate) async fn of_two_who_take_a_company_one_has_it_whole(store: Shared) {
    let (company, all @ [..]) = three_together(&store).await;
    let leader = all[0].clone();
    let seen = due(&store, 50).await;
    let first = store.hold(seen.clone(), &held_by("you"), 90).await.unwrap();
    let second = store.hold(seen, &held_by("they"), 95).await.unwrap();
    assert_eq!((first, second), (vec![leader.clone()], vec![]));
    let whole = store.gather(leader.clone(), company.clone(), &held_by("you")).await.unwrap();
    assert_eq!(whole, all);
    assert_eq!(store.gather(leader, company, &held_by("they")).await.unwrap(), []);
    assert_eq!(due(&store, 89).await, []);
}

pub(crate) async fn a_company_that_is_put_off_stays_together(store: Shared) {
    let (company, [one, ..]) = three_together(&store).await;
    let tries = Tries { told: 1, looked: 2 };
    store.put_off(vec![one.clone()], &held_by("me"), 70, tries).await.unwrap();
    let leader = Due { notice: one, at: 70, tries, company: Some(company) };
    assert_eq!(due(&store, 100).await, [leader]);
}

pub(crate) async fn a_company_that_was_told_ends_with_all_who_joined(store: Shared) {
    let (company, all @ [..]) = three_together(&store).await;
    store.hold(due(&store, 50).await, &held_by("you"), 90).await.unwrap();
    store.finish(company.others, &company.id, 60).await.unwrap();
    store.finish(vec![all[0].clone()], &held_by("you"), 60).await.unwrap();
    store.keep(all.to_vec(), 70).await.unwrap();
    assert_eq!(due(&store, 1_000).await, []);
    store.forget(61).await.unwrap();
    store.keep(all.to_vec(), 70).await.unwrap();
    assert_eq!(due(&store, 1_000).await.len(), 3);
}

/// Who dies between the writes leaves a leader whose others were held and have not joined.
pub(crate) async fn a_company_that_was_half_made_is_made_whole(store: Shared) {
    let [one, two] = [notice(&store, "bob").await, notice(&store, "bob").await];
    store.keep(vec![one.clone(), two.clone()], 10).await.unwrap();
    let seen = due(&store, 10).await;
    let [of_one, of_two] = [&one, &two]
        .map(|wanted| seen.iter().find(|due| due.notice == *wanted).cloned().into_iter().collect());
    store.hold(of_one, &held_by("me"), 50).await.unwrap();
    let company = Company { id: held_by("me"), others: vec![two.clone()] };
    let alone = store.gather(one.clone(), company.clone(), &held_by("me")).await.unwrap();
    assert_eq!(alone, [one.clone()]);
    store.hold(of_two, &held_by("me"), 50).await.unwrap();

    let leader = due(&store, 50).await.into_iter().filter(|due| due.company.is_some()).collect();
    store.hold(leader, &held_by("you"), 90).await.unwrap();
    let whole = store.gather(one.clone(), company, &held_by("you")).await.unwrap();
    assert_eq!(whole, [one, two]);
    assert_eq!(due(&store, 89).await, []);
}

pub(crate) async fn whom_somebody_else_has_taken_does_not_join(store: Shared) {
    let [one, two] = [notice(&store, "bob").await, notice(&store, "bob").await];
    store.keep(vec![one.clone(), two.clone()], 10).await.unwrap();
    store.hold(due(&store, 10).await, &held_by("me"), 50).await.unwrap();
    let second = due(&store, 50).await.into_iter().filter(|due| due.notice == two).collect();
    store.hold(second, &held_by("you"), 90).await.unwrap();
    let company = Company { id: held_by("me"), others: vec![two.clone()] };
    let together = store.gather(one.clone(), company, &held_by("me")).await.unwrap();
    assert_eq!(together, [one]);
    store.put_off(vec![two.clone()], &held_by("you"), 70, Tries::default()).await.unwrap();
    assert!(notices_due(&store, 70).await.contains(&two));
}

pub(crate) async fn who_lost_the_leader_makes_no_company(store: Shared) {
    let [one, two] = [notice(&store, "bob").await, notice(&store, "bob").await];
    store.keep(vec![one.clone(), two.clone()], 10).await.unwrap();
    store.hold(due(&store, 10).await, &held_by("me"), 50).await.unwrap();
    let first = due(&store, 50).await.into_iter().filter(|due| due.notice == one).collect();
    store.hold(first, &held_by("you"), 90).await.unwrap();
    let company = Company { id: held_by("me"), others: vec![two.clone()] };
    assert_eq!(store.gather(one, company, &held_by("me")).await.unwrap(), []);
    assert_eq!(notices_due(&store, 50).await, [two], "it comes due by itself");
}

/// A hold ran out while its holder was about to gather.
pub(crate) async fn who_saw_a_leader_before_it_led_does_not_get_it(store: Shared) {
    let [one, two] = [notice(&store, "bob").await, notice(&store, "bob").await];
    store.keep(vec![one.clone(), two.clone()], 10).await.unwrap();
    store.hold(due(&store, 10).await, &held_by("me"), 50).await.unwrap();
    let seen = due(&store, 50).await;
    let company = Company { id: held_by("me"), others: vec![two] };
    store.gather(one.clone(), company.clone(), &held_by("me")).await.unwrap();
    assert_eq!(store.hold(seen, &held_by("you"), 90).await.unwrap(), []);
    let leader = Due { notice: one, at: 50, tries: Tries::default(), company: Some(company) };
    assert_eq!(due(&store, 50).await, [leader]);
}

pub(crate) async fn strange_ids_are_kept_as_they_are(store: Shared) {
    let strange = notice(&store, "~:$.*>/% '\"你好😀").await;
    let everyone =
        Notice { receiver: None, conversation: announcement(), seq: Seq::try_from(1_u64).unwrap() };
    store.keep(vec![strange.clone()], 10).await.unwrap();
    store.keep(vec![everyone.clone()], 20).await.unwrap();
    assert_eq!(notices_due(&store, 20).await, [strange, everyone]);
}
