//! Sending again what may have been stored before.

use message_service_shared::message::Content;

use super::*;

pub(in crate::store) async fn a_resend_returns_the_first_message(store: Shared) {
    let conversation = direct("ann", "bob");
    let first = draft(&conversation, Some("ann"));
    let stored = append(&store, first.clone()).await.unwrap();
    say(&store, &conversation, "bob").await;
    let mut later = at(first, 9_999_999);
    later.id = MessageId::new("another id").unwrap();
    for _ in 0..2 {
        let again = append(&store, later.clone()).await.unwrap();
        assert!(!again.fresh);
        assert_eq!(again.message, stored.message, "id and time stay the first ones");
        assert_eq!(again.author, stored.author);
    }
    assert_eq!(all_messages(&store, &conversation).await.len(), 2);
    assert_eq!(stands(&store, "bob", &conversation).await.unread, 1);
}

pub(in crate::store) async fn a_resend_by_the_product_returns_the_first_message(store: Shared) {
    for conversation in [system("ann"), announcement()] {
        let first = draft(&conversation, None);
        let stored = append(&store, first.clone()).await.unwrap();
        let again = append(&store, first.clone()).await.unwrap();
        assert!(stored.fresh && !again.fresh);
        assert_eq!((again.message, again.author), (stored.message, None));
        let other = with_content(first, Content::text("other"), false);
        assert_eq!(append(&store, other).await, Err(AppendError::Conflict));
        assert_eq!(all_messages(&store, &conversation).await.len(), 1);
    }
}

pub(in crate::store) async fn a_draft_twice_in_a_batch_is_stored_once(store: Shared) {
    let conversation = direct("ann", "bob");
    let twice = draft(&conversation, Some("ann"));
    let outcomes = store.append(vec![twice.clone(), twice]).await;
    let [first, second] = outcomes.try_into().unwrap();
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first.fresh && !second.fresh);
    assert_eq!(first.message, second.message);
    assert_eq!(all_messages(&store, &conversation).await.len(), 1);
}

pub(in crate::store) async fn resends_that_race_store_one_message(store: Shared) {
    let conversation = direct("ann", "bob");
    for _ in 0..10 {
        let wanted = draft(&conversation, Some("ann"));
        let race = || {
            let (store, wanted) = (store.clone(), wanted.clone());
            tokio::spawn(async move { append(&store, wanted).await.unwrap() })
        };
        let racers = [race(), race(), race(), race()];
        let mut outcomes = Vec::new();
        for racer in racers {
            outcomes.push(racer.await.unwrap());
        }
        assert_eq!(outcomes.iter().filter(|outcome| outcome.fresh).count(), 1);
        assert!(outcomes.iter().all(|outcome| outcome.message == outcomes[0].message));
    }
    assert_eq!(all_messages(&store, &conversation).await.len(), 10);
}

pub(in crate::store) async fn the_same_name_with_other_content_is_a_conflict(store: Shared) {
    let conversation = direct("ann", "bob");
    let first = draft(&conversation, Some("ann"));
    append(&store, first.clone()).await.unwrap();
    let before = row(&store, "ann", &conversation).await;
    let other = with_content(first.clone(), Content::text("other"), false);
    for other in [other.clone(), quiet(first.clone()), having_read(other, 1)] {
        assert_eq!(append(&store, other).await, Err(AppendError::Conflict));
    }
    assert_eq!(row(&store, "ann", &conversation).await, before, "nothing is written");
    assert!(!append(&store, first).await.unwrap().fresh);
    assert_eq!(all_messages(&store, &conversation).await.len(), 1);
}

pub(in crate::store) async fn a_conflict_leaves_the_rest_of_the_batch_alone(store: Shared) {
    let conversation = direct("ann", "bob");
    let first = draft(&conversation, Some("ann"));
    append(&store, first.clone()).await.unwrap();
    let outcomes = store
        .append(vec![
            draft(&conversation, Some("bob")),
            with_content(first, Content::text("other"), false),
            draft(&conversation, Some("bob")),
        ])
        .await;
    assert_eq!(outcomes[0].as_ref().unwrap().message.seq, seq(2));
    assert_eq!(outcomes[1], Err(AppendError::Conflict));
    assert_eq!(outcomes[2].as_ref().unwrap().message.seq, seq(3));
}

pub(in crate::store) async fn a_conflict_is_still_found_after_a_recall(store: Shared) {
    let conversation = direct("ann", "bob");
    let first = draft(&conversation, Some("ann"));
    append(&store, first.clone()).await.unwrap();
    store.recall(&conversation, seq(1), None, 7).await.unwrap();
    let other = with_content(first, Content::text("other"), false);
    assert_eq!(append(&store, other).await, Err(AppendError::Conflict));
}

pub(in crate::store) async fn a_resend_after_a_recall_returns_the_recalled_message(store: Shared) {
    let conversation = direct("ann", "bob");
    let first = draft(&conversation, Some("ann"));
    append(&store, first.clone()).await.unwrap();
    let recalled = store.recall(&conversation, seq(1), None, 7).await.unwrap().message;
    let again = append(&store, first).await.unwrap();
    assert!(!again.fresh);
    assert_eq!(again.message, recalled, "what was taken back does not come back");
    let row = row(&store, "bob", &conversation).await.unwrap();
    assert!(row.last.unwrap().recalled);
    assert_eq!(stands(&store, "bob", &conversation).await.unread, 0);
}

pub(in crate::store) async fn a_name_is_the_senders_own_in_each_conversation(store: Shared) {
    let conversation = direct("ann", "bob");
    let first = draft(&conversation, Some("ann"));
    let mut others = [first.clone(), first.clone(), first.clone(), first.clone()];
    others[0].sender = Some(user("bob"));
    others[1].sender = None;
    others[2].conversation = direct("ann", "cyd");
    others[3].client_msg_id = ClientMsgId::new("NAME").unwrap();
    append(&store, first).await.unwrap();
    for mut other in others {
        other = with_content(other, Content::text("other"), false);
        other.id = draft(&conversation, None).id;
        assert!(append(&store, other).await.unwrap().fresh);
    }
    assert_eq!(all_messages(&store, &conversation).await.len(), 4);
}

pub(in crate::store) async fn a_resend_may_bring_a_later_read_position(store: Shared) {
    let conversation = direct("ann", "bob");
    say(&store, &conversation, "bob").await;
    let first = draft(&conversation, Some("ann"));
    append(&store, first.clone()).await.unwrap();
    say(&store, &conversation, "bob").await;
    let again = append(&store, having_read(first, 3)).await.unwrap();
    assert!(!again.fresh);
    assert_eq!(again.author.unwrap().read_seq, seq(3));
    assert_eq!(stands(&store, "ann", &conversation).await.unread, 0);
    assert_eq!(store.reads(&user("ann"), &conversation, 9).await.unwrap().len(), 1);
}

pub(in crate::store) async fn a_resend_that_reads_past_the_end_is_refused(store: Shared) {
    let conversation = direct("ann", "bob");
    let first = draft(&conversation, Some("ann"));
    append(&store, first.clone()).await.unwrap();
    let before = row(&store, "ann", &conversation).await;
    let refused = append(&store, having_read(first.clone(), 2)).await;
    assert_eq!(refused, Err(AppendError::PastEnd), "or the next messages would be born read");
    assert_eq!(row(&store, "ann", &conversation).await, before);
    assert!(!append(&store, having_read(first, 1)).await.unwrap().fresh);
}
