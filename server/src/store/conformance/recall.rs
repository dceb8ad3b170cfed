//! Taking messages back.

use message_service_shared::message;
use message_service_shared::row::Preview;
use message_service_shared::runs::{Run, Runs};

use super::*;
use crate::store::RecallError;

pub(in crate::store) async fn a_recall_takes_the_content_and_leaves_the_position(store: Shared) {
    let conversation = direct("ann", "bob");
    let before = say(&store, &conversation, "ann").await.message;
    say(&store, &conversation, "bob").await;
    let recalled = store.recall(&conversation, seq(1), Some(&user("ann")), 77).await.unwrap();
    assert!(recalled.fresh);
    let wanted = Message {
        revision: 1,
        recalled: Some(message::Recalled { at: 77, by: Some(user("ann")) }),
        content: None,
        ..before
    };
    assert_eq!(recalled.message, wanted);
    let messages = all_messages(&store, &conversation).await;
    assert_eq!((messages.len(), &messages[0]), (2, &wanted));
    let holes = row(&store, "bob", &conversation).await.unwrap().conversation.holes;
    assert_eq!(holes, Runs::from_runs([Run::one(seq(1))]));
    assert_eq!(say(&store, &conversation, "ann").await.message.seq, seq(3));
}

pub(in crate::store) async fn a_recalled_message_no_longer_counts(store: Shared) {
    for conversation in [direct("ann", "bob"), announcement()] {
        store.see_users(&[user("bob")]).await.unwrap();
        for _ in 0..3 {
            proclaim(&store, &conversation).await;
        }
        assert_eq!(stands(&store, "bob", &conversation).await.unread, 3);
        store.recall(&conversation, seq(2), None, 7).await.unwrap();
        assert_eq!(stands(&store, "bob", &conversation).await.unread, 2);
        for position in [1, 3] {
            store.recall(&conversation, seq(position), None, 7).await.unwrap();
        }
        assert_eq!(stands(&store, "bob", &conversation).await.unread, 0);
    }
}

pub(in crate::store) async fn the_preview_follows_a_recall_of_the_newest_message_alone(
    store: Shared,
) {
    let conversation = direct("ann", "bob");
    say(&store, &conversation, "ann").await;
    let newest = say(&store, &conversation, "bob").await.message;
    store.recall(&conversation, seq(1), None, 7).await.unwrap();
    let listed = row(&store, "ann", &conversation).await.unwrap();
    assert_eq!(listed.last, Some(Preview::of(&newest)));
    let recalled = store.recall(&conversation, seq(2), None, 8).await.unwrap().message;
    let listed = row(&store, "ann", &conversation).await.unwrap();
    assert_eq!(listed.last, Some(Preview::of(&recalled)));
    let preview = listed.last.unwrap();
    assert_eq!((preview.revision, preview.text.as_str(), preview.recalled), (1, "", true));
    assert_eq!(listed.last_at, newest.at, "a recall does not move the conversation in the list");
}

pub(in crate::store) async fn a_user_recalls_only_what_they_sent(store: Shared) {
    let conversation = direct("ann", "bob");
    say(&store, &conversation, "ann").await;
    proclaim(&store, &conversation).await;
    let before = all_messages(&store, &conversation).await;
    for position in [1, 2] {
        let refused = store.recall(&conversation, seq(position), Some(&user("bob")), 7).await;
        assert_eq!(refused, Err(RecallError::NotYours));
    }
    assert_eq!(all_messages(&store, &conversation).await, before);
    store.recall(&conversation, seq(2), None, 7).await.unwrap();
    let by_product = store.recall(&conversation, seq(1), None, 7).await.unwrap();
    assert_eq!(by_product.message.recalled, Some(message::Recalled { at: 7, by: None }));
}

pub(in crate::store) async fn a_second_recall_changes_nothing(store: Shared) {
    let conversation = direct("ann", "bob");
    say(&store, &conversation, "ann").await;
    let first = store.recall(&conversation, seq(1), Some(&user("ann")), 7).await.unwrap();
    let before = row(&store, "bob", &conversation).await;
    for by in [Some(user("ann")), None] {
        let second = store.recall(&conversation, seq(1), by.as_ref(), 99).await.unwrap();
        assert!(!second.fresh);
        assert_eq!(second.message, first.message);
    }
    assert_eq!(row(&store, "bob", &conversation).await, before);
}

pub(in crate::store) async fn what_is_not_there_cannot_be_recalled(store: Shared) {
    let conversation = direct("ann", "bob");
    let nowhere = store.recall(&conversation, seq(1), None, 7).await;
    assert_eq!(nowhere, Err(RecallError::Unknown));
    say(&store, &conversation, "ann").await;
    for position in [0, 2] {
        let refused = store.recall(&conversation, seq(position), None, 7).await;
        assert_eq!(refused, Err(RecallError::Unknown));
    }
}
