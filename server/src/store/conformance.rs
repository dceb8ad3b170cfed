//! The suite that every backend passes: what [`super::Store`] promises, sentence by sentence.
//!
//! Deliberately not here: what only one backend can do, such as surviving a killed process.
//!
//! A fact is an async function over a store. It is listed once, in [`conformance`]; each backend
//! invokes that macro and gets a test of its own for every fact. A fact that is written but not
//! listed is dead code, which does not compile.

#![deny(dead_code)]
#![expect(clippy::cloned_ref_to_slice_refs, reason = "a list of one reads as a list")]

pub(super) mod append;
pub(super) mod history;
pub(super) mod inbox;
pub(super) mod member;
pub(super) mod recall;
pub(super) mod resend;
pub(super) mod slice;
pub(super) mod user;
pub(super) mod wide;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use message_service_shared::id::{ClientMsgId, ConversationId, MessageId, UserId};
use message_service_shared::message::{Content, Message, Millis};
use message_service_shared::seq::Seq;
use message_service_shared::unread::{Standing, standing};

use super::{
    AppendError, Appended, ContentHash, Draft, End, MemberChange, Slice, Store, StoredRow,
};

/// Makes a test of every fact, against the store that `$open` gives.
///
/// `$open` is the path of a function that returns a future of `(Arc<dyn Store>, guard)`: an empty
/// store, and whatever has to live as long as it.
macro_rules! conformance {
    ($open:path) => {
        crate::store::conformance::conformance! { $open;
            append::positions_are_1_2_3_without_a_gap,
            append::concurrent_appends_leave_no_gap_and_take_no_position_twice,
            append::a_batch_over_several_conversations_numbers_each_in_order,
            append::an_empty_batch_has_no_outcome,
            append::time_never_goes_backwards,
            append::reading_along_raises_the_authors_read_position,
            append::reading_past_the_end_is_refused_and_nothing_is_written,
            append::the_parties_of_a_first_message_get_rows,
            append::own_messages_do_not_count,
            append::quiet_messages_do_not_count,
            append::strange_ids_come_back_as_they_went_in,
            append::every_kind_of_content_comes_back_as_it_went_in,
            resend::a_resend_returns_the_first_message,
            resend::a_resend_by_the_product_returns_the_first_message,
            resend::a_draft_twice_in_a_batch_is_stored_once,
            resend::resends_that_race_store_one_message,
            resend::the_same_name_with_other_content_is_a_conflict,
            resend::a_conflict_leaves_the_rest_of_the_batch_alone,
            resend::a_conflict_is_still_found_after_a_recall,
            resend::a_resend_after_a_recall_returns_the_recalled_message,
            resend::a_name_is_the_senders_own_in_each_conversation,
            resend::a_resend_may_bring_a_later_read_position,
            resend::a_resend_that_reads_past_the_end_is_refused,
            slice::a_slice_has_the_messages_between_its_ends,
            slice::a_page_tells_where_the_conversation_stands,
            slice::no_conversation_has_no_messages,
            recall::a_recall_takes_the_content_and_leaves_the_position,
            recall::a_recalled_message_no_longer_counts,
            recall::the_preview_follows_a_recall_of_the_newest_message_alone,
            recall::a_user_recalls_only_what_they_sent,
            recall::a_second_recall_changes_nothing,
            recall::what_is_not_there_cannot_be_recalled,
            member::reading_never_lowers_anything,
            member::reading_past_the_end_changes_nothing,
            member::reads_are_kept_newest_first,
            member::the_newest_reads_are_the_ones_kept,
            member::a_mark_shows_until_it_is_read_away,
            member::settings_change_one_by_one_under_a_rising_revision,
            member::a_stranger_changes_nothing,
            member::rows_are_for_members_alone,
            member::counting_leaves_out_what_never_counts,
            member::more_own_runs_than_are_kept_still_count_right,
            member::more_holes_than_are_kept_still_count_right,
            member::a_group_nobody_joined_has_no_members,
            inbox::the_list_is_newest_first,
            inbox::pages_join_without_loss_where_times_are_equal,
            inbox::what_was_cleared_comes_back_with_the_next_message,
            inbox::clearing_past_the_end_is_refused,
            wide::everyone_seen_has_a_row_of_the_announcements,
            wide::announcements_start_when_a_user_is_first_seen,
            wide::announcements_start_when_the_main_app_made_the_user,
            wide::a_creation_date_that_comes_late_changes_nothing,
            wide::an_announcement_is_unread_and_listed_for_everyone_seen,
            wide::reading_an_announcement_is_ones_own_affair,
            wide::an_announcement_can_be_cleared_and_comes_back,
            wide::a_wide_row_pages_among_the_narrow_ones,
            user::what_a_profile_leaves_out_stays,
            user::seeing_creates_users_and_keeps_their_order,
            user::a_mere_recipient_is_no_user_yet,
            user::a_logout_is_counted_of_its_user_alone,
            user::a_logout_makes_no_user,
            user::the_epoch_stays,
            user::repair_changes_nothing_where_nothing_is_broken,
            history::random_histories_are_counted_as_brute_force_counts,
        }
    };
    ($open:path; $($area:ident::$fact:ident,)*) => {
        mod conformance {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $fact() {
                    let (store, _guard) = $open().await;
                    $crate::store::conformance::$area::$fact(store).await;
                }
            )*
        }
    };
}
pub(crate) use conformance;

pub(crate) type Shared = Arc<dyn Store>;

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(crate) fn direct(one: &str, other: &str) -> ConversationId {
    ConversationId::direct(&user(one), &user(other)).unwrap()
}

pub(crate) fn system(name: &str) -> ConversationId {
    ConversationId::system(&user(name))
}

pub(super) fn announcement() -> ConversationId {
    ConversationId::announcement()
}

pub(crate) fn seq(number: u64) -> Seq {
    Seq::try_from(number).unwrap()
}

/// A text nobody has sent before, under a name nobody has used before.
pub(crate) fn draft(conversation: &ConversationId, sender: Option<&str>) -> Draft {
    static DRAFTS: AtomicU64 = AtomicU64::new(1);
    let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
    let content = Content::text(format!("words {number}"));
    Draft {
        conversation: conversation.clone(),
        sender: sender.map(user),
        client_msg_id: ClientMsgId::new(format!("name {number}")).unwrap(),
        content_hash: ContentHash::of(&content, false),
        content,
        quiet: false,
        id: MessageId::new(format!("{number:016}")).unwrap(),
        at: 1_000_000 + number,
        read_seq: None,
    }
}

/// The same draft with other content.
pub(super) fn with_content(mut draft: Draft, content: Content, quiet: bool) -> Draft {
    draft.content_hash = ContentHash::of(&content, quiet);
    draft.content = content;
    draft.quiet = quiet;
    draft
}

pub(super) fn quiet(draft: Draft) -> Draft {
    let content = draft.content.clone();
    with_content(draft, content, true)
}

fn at(mut draft: Draft, at: Millis) -> Draft {
    draft.at = at;
    draft
}

pub(super) fn having_read(mut draft: Draft, read_seq: u64) -> Draft {
    draft.read_seq = Some(seq(read_seq));
    draft
}

pub(crate) async fn append(store: &Shared, draft: Draft) -> Result<Appended, AppendError> {
    let mut outcomes = store.append(vec![draft]).await;
    assert_eq!(outcomes.len(), 1, "one outcome for each draft");
    outcomes.remove(0)
}

pub(crate) async fn say(store: &Shared, conversation: &ConversationId, sender: &str) -> Appended {
    append(store, draft(conversation, Some(sender))).await.unwrap()
}

pub(super) async fn proclaim(store: &Shared, conversation: &ConversationId) -> Appended {
    append(store, draft(conversation, None)).await.unwrap()
}

pub(super) async fn all_messages(store: &Shared, conversation: &ConversationId) -> Vec<Message> {
    let slice = Slice { after: Seq::ZERO, before: None, end: End::Oldest, limit: 100_000 };
    store.messages(conversation, slice).await.unwrap().messages
}

pub(super) async fn row(
    store: &Shared,
    name: &str,
    conversation: &ConversationId,
) -> Option<StoredRow> {
    let mut rows = store.rows(&user(name), std::slice::from_ref(conversation)).await.unwrap();
    assert!(rows.len() <= 1);
    rows.pop()
}

/// Where a member stands, asking the messages where the halves have forgotten something.
pub(super) async fn stands(store: &Shared, name: &str, conversation: &ConversationId) -> Standing {
    let row = row(store, name, conversation).await.unwrap();
    exact_standing(store, &user(name), &row).await
}

pub(super) async fn exact_standing(store: &Shared, user: &UserId, row: &StoredRow) -> Standing {
    let rough = standing(&row.conversation, &row.member, None);
    if rough.exact {
        return rough;
    }
    let (after, up_to) = (rough.base, rough.last_seq);
    let count = store.count(user, &row.id, after, up_to).await.unwrap();
    let counted = message_service_shared::unread::Counted { after, up_to, count };
    let exact = standing(&row.conversation, &row.member, Some(counted));
    assert!(exact.exact);
    exact
}

pub(super) fn read_up_to(number: u64) -> MemberChange {
    MemberChange::Read { seq: seq(number), mark_seen: 0, at: 5, by: "test".to_owned() }
}

pub(super) async fn unread_ids(store: &Shared, name: &str) -> Vec<ConversationId> {
    let mut answers = store.unread_rows(&[user(name)]).await.unwrap();
    assert_eq!(answers.len(), 1, "one answer for each user");
    let (whom, rows) = answers.remove(0);
    assert_eq!(whom, user(name));
    rows.into_iter().map(|row| row.id).collect()
}

pub(super) async fn listed_ids(store: &Shared, name: &str) -> Vec<ConversationId> {
    let rows = store.inbox(&user(name), None, 1_000).await.unwrap();
    rows.into_iter().map(|row| row.id).collect()
}
