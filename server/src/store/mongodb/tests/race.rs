//! Two nodes that write one conversation as fast as they can.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use message_service_shared::id::ConversationId;
use message_service_shared::message::Message;
use message_service_shared::seq::Seq;
use message_service_shared::unread::standing;

use super::{Server, open};
use crate::store::conformance::{
    Shared, all_messages, append, direct, draft, row, seq, stands, unread_ids, user,
};
use crate::store::{End, MemberChange, Slice, Store};

async fn two_nodes_race(server: Server, each: u64) {
    let address = server.database();
    let nodes: [Shared; 2] = [open(&address).await, open(&address).await];
    let id = direct("ann", "bob");
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (store, id, done) = (open(&address).await, id.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut pages = 0_u64;
            while !done.load(Ordering::Relaxed) {
                let slice = Slice { after: Seq::ZERO, before: None, end: End::Newest, limit: 50 };
                let page = store.messages(&id, slice).await.unwrap();
                let seqs: Vec<u64> = page.messages.iter().map(|found| found.seq.get()).collect();
                let whole = seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]);
                assert!(whole, "a reader saw a gap: {seqs:?}");
                assert!(seqs.len() == 50 || seqs.first().is_none_or(|first| *first == 1));
                pages += 1;
            }
            pages
        })
    };
    let write = |node: Shared, sender: &'static str| {
        let id = id.clone();
        tokio::spawn(async move {
            for _ in 0..each / 4 {
                // Four at once, so that a lane has several.
                let four = std::array::from_fn::<_, 4, _>(|_| draft(&id, Some(sender)));
                for outcome in node.append(four.to_vec()).await {
                    outcome.unwrap();
                }
            }
        })
    };
    let [one, other] = nodes.clone();
    let (one, other) = tokio::join!(write(one, "ann"), write(other, "bob"));
    one.unwrap();
    other.unwrap();
    done.store(true, Ordering::Relaxed);
    assert!(reader.await.unwrap() > 0);
    let seqs: Vec<u64> =
        all_messages(&nodes[0], &id).await.iter().map(|found| found.seq.get()).collect();
    assert_eq!(seqs, (1..=each * 2).collect::<Vec<_>>());
    if matches!(server, Server::SecantusDb) {
        // The other server loses one of two changes of a document that come at the same moment.
        badges_are_right(&nodes, &id, each * 2).await;
    }
    // A lone one afterwards goes on where they stopped.
    let last = append(&nodes[0], draft(&id, Some("ann"))).await.unwrap();
    assert_eq!(last.message.seq, seq(each * 2 + 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_race_leave_no_gap_and_nobody_sees_one() {
    two_nodes_race(Server::SecantusDb, 400).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_race_on_the_poorer_server_too() {
    two_nodes_race(Server::FerretDb, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_message_never_counts_while_another_node_stores_it() {
    let address = Server::SecantusDb.database();
    let (writer, reader): (Shared, Shared) = (open(&address).await, open(&address).await);
    let (id, ann) = (direct("ann", "bob"), user("ann"));
    append(&writer, draft(&id, Some("bob"))).await.unwrap();
    reader.change_member(&ann, &id, &MemberChange::Mark).await.unwrap();
    let writing = tokio::spawn({
        let (writer, id) = (writer.clone(), id.clone());
        async move {
            for _ in 0..150 {
                append(&writer, draft(&id, Some("ann"))).await.unwrap();
            }
        }
    });
    while !writing.is_finished() {
        // Marked, so that it is among them at any time; of what counts there is one.
        for (_, rows) in reader.unread_rows(std::slice::from_ref(&ann)).await.unwrap() {
            for row in rows {
                let standing = standing(&row.conversation, &row.member, None);
                assert_eq!(standing.unread, 1, "{row:?}");
            }
        }
    }
    writing.await.unwrap();
}

async fn badges_are_right(nodes: &[Shared; 2], id: &ConversationId, last: u64) {
    let messages = all_messages(&nodes[0], id).await;
    for (name, other) in [("ann", "bob"), ("bob", "ann")] {
        let row = row(&nodes[1], name, id).await.unwrap();
        assert_eq!(row.conversation.last_seq, seq(last));
        let standing = stands(&nodes[1], name, id).await;
        let from_other = |message: &&Message| message.sender.as_ref() == Some(&user(other));
        let theirs = messages.iter().filter(from_other);
        let unread = theirs.filter(|message| message.seq > standing.base).count();
        assert_eq!(standing.unread, unread as u64);
        assert_eq!(unread_ids(&nodes[0], name).await, std::slice::from_ref(id));
    }
}
