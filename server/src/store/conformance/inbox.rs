//! A user's list.

use super::*;
use crate::store::{ChangeError, InboxPlace};

/// Reads a whole list page by page.
pub(super) async fn paged(store: &Shared, name: &str, limit: usize) -> Vec<StoredRow> {
    let mut rows: Vec<StoredRow> = Vec::new();
    loop {
        let before = rows.last().map(|row| InboxPlace { at: row.last_at, id: row.id.clone() });
        let page = store.inbox(&user(name), before.as_ref(), limit).await.unwrap();
        assert!(page.len() <= limit);
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}

pub(in crate::store) async fn the_list_is_newest_first(store: Shared) {
    let conversations = [direct("ann", "bob"), system("ann"), direct("ann", "cyd")];
    for (conversation, time) in conversations.iter().zip([300, 100, 200]) {
        append(&store, at(draft(conversation, None), time)).await.unwrap();
    }
    let [bob, system, cyd] = conversations;
    assert_eq!(listed_ids(&store, "ann").await, [bob.clone(), cyd.clone(), system.clone()]);
    append(&store, at(draft(&system, None), 400)).await.unwrap();
    assert_eq!(listed_ids(&store, "ann").await, [system.clone(), bob.clone(), cyd]);
    assert_eq!(listed_ids(&store, "bob").await, [bob]);
    assert_eq!(listed_ids(&store, "nobody").await, []);
    assert_eq!(store.inbox(&user("ann"), None, 0).await.unwrap(), []);
    let first = store.inbox(&user("ann"), None, 1).await.unwrap().remove(0);
    assert_eq!(row(&store, "ann", &system).await, Some(first), "a row is the same everywhere");
}

pub(in crate::store) async fn pages_join_without_loss_where_times_are_equal(store: Shared) {
    let mut wanted = Vec::new();
    for number in 0..23_u64 {
        let conversation = direct("ann", &format!("peer {number}"));
        let time = 100 + number / 10;
        append(&store, at(draft(&conversation, None), time)).await.unwrap();
        wanted.push((time, conversation));
    }
    wanted.sort();
    wanted.reverse();
    for limit in [1, 2, 3, 7, 10, 22, 23, 24] {
        let got = paged(&store, "ann", limit).await;
        let got: Vec<_> = got.into_iter().map(|row| (row.last_at, row.id)).collect();
        assert_eq!(got, wanted, "by pages of {limit}");
    }
}

pub(in crate::store) async fn what_was_cleared_comes_back_with_the_next_message(store: Shared) {
    let (one, other) = (direct("ann", "bob"), direct("ann", "cyd"));
    for conversation in [&one, &one, &other] {
        say(&store, conversation, "ann").await;
    }
    let clear = |position| MemberChange::Clear { seq: seq(position) };
    store.change_member(&user("ann"), &one, &clear(1)).await.unwrap();
    assert_eq!(listed_ids(&store, "ann").await, [other.clone(), one.clone()], "2 came later");
    let row = store.change_member(&user("ann"), &one, &clear(2)).await.unwrap();
    assert!(!row.is_listed());
    assert_eq!(listed_ids(&store, "ann").await, [other.clone()]);
    assert_eq!(paged(&store, "ann", 1).await.len(), 1);
    assert_eq!(listed_ids(&store, "bob").await, [one.clone()], "the other party's list is theirs");
    say(&store, &one, "bob").await;
    assert_eq!(listed_ids(&store, "ann").await, [one.clone(), other]);
    assert_eq!(stands(&store, "ann", &one).await.unread, 1);
}

pub(in crate::store) async fn clearing_past_the_end_is_refused(store: Shared) {
    let conversation = direct("ann", "bob");
    say(&store, &conversation, "ann").await;
    let clear = MemberChange::Clear { seq: seq(2) };
    let refused = store.change_member(&user("ann"), &conversation, &clear).await;
    assert_eq!(refused, Err(ChangeError::PastEnd));
    assert_eq!(listed_ids(&store, "ann").await, [conversation]);
}
