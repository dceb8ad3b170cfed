//! Reading messages in order.

use super::*;

pub(in crate::store) async fn a_slice_has_the_messages_between_its_ends(store: Shared) {
    const COUNT: u64 = 7;
    let conversation = direct("ann", "bob");
    for _ in 0..COUNT {
        say(&store, &conversation, "ann").await;
    }
    say(&store, &direct("ann", "cyd"), "ann").await;
    for after in 0..=COUNT + 1 {
        for before in (0..=COUNT + 2).map(Some).chain([None]) {
            for limit in [0, 1, 3, 100] {
                for end in [End::Oldest, End::Newest] {
                    let slice = Slice { after: seq(after), before: before.map(seq), end, limit };
                    let page = store.messages(&conversation, slice).await.unwrap();
                    let got: Vec<u64> =
                        page.messages.iter().map(|message| message.seq.get()).collect();
                    let mut wanted: Vec<u64> = (1..=COUNT)
                        .filter(|seq| *seq > after && before.is_none_or(|before| *seq < before))
                        .collect();
                    match end {
                        End::Oldest => wanted.truncate(limit),
                        End::Newest => drop(wanted.drain(..wanted.len().saturating_sub(limit))),
                    }
                    assert_eq!(got, wanted, "{slice:?}");
                }
            }
        }
    }
}

pub(in crate::store) async fn a_page_tells_where_the_conversation_stands(store: Shared) {
    let conversation = direct("ann", "bob");
    for _ in 0..3 {
        say(&store, &conversation, "ann").await;
    }
    let slice = Slice { after: Seq::ZERO, before: None, end: End::Oldest, limit: 1 };
    let page = store.messages(&conversation, slice).await.unwrap();
    assert_eq!((page.messages.len(), page.last_seq, page.floor), (1, seq(3), Seq::ZERO));
}

pub(in crate::store) async fn no_conversation_has_no_messages(store: Shared) {
    let slice = Slice { after: Seq::ZERO, before: None, end: End::Newest, limit: 9 };
    for conversation in [direct("ann", "bob"), announcement()] {
        let page = store.messages(&conversation, slice).await.unwrap();
        assert_eq!((page.messages.len(), page.last_seq), (0, Seq::ZERO));
    }
}
