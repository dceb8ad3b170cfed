//! What a send leaves behind.

use std::collections::BTreeMap;

use message_service_shared::id::{ClientMsgId, UserId};
use message_service_shared::message::{Attachment, Body, Content, Notice};
use message_service_shared::row::Preview;
use message_service_shared::runs::{Run, Runs};

use super::*;

pub(in crate::store) async fn positions_are_1_2_3_without_a_gap(store: Shared) {
    let conversation = direct("ann", "bob");
    let mut told = Vec::new();
    for number in 1..=5 {
        let sender = if number % 2 == 0 { "ann" } else { "bob" };
        let draft = draft(&conversation, Some(sender));
        let appended = append(&store, draft.clone()).await.unwrap();
        assert!(appended.fresh);
        let message = appended.message;
        assert_eq!((message.seq, message.at, message.revision), (seq(number), draft.at, 0));
        assert_eq!((&message.id, &message.client_msg_id), (&draft.id, &draft.client_msg_id));
        assert_eq!((&message.conversation, &message.sender), (&conversation, &draft.sender));
        assert_eq!(message.content.as_ref(), Some(&draft.content));
        assert_eq!((message.quiet, &message.recalled), (false, &None));
        told.push(message);
    }
    assert_eq!(all_messages(&store, &conversation).await, told, "stored as it was told");
}

pub(in crate::store) async fn concurrent_appends_leave_no_gap_and_take_no_position_twice(
    store: Shared,
) {
    const TASKS: u64 = 8;
    const EACH: u64 = 30;
    let conversations = [direct("ann", "bob"), system("ann"), direct("ann", "cyd")];
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let (store, conversations) = (store.clone(), conversations.clone());
        tasks.push(tokio::spawn(async move {
            let mut told = Vec::new();
            for number in 0..EACH {
                let conversation = &conversations[usize::try_from((task + number) % 3).unwrap()];
                let sender = (*conversation != conversations[1]).then_some("ann");
                told.push(append(&store, draft(conversation, sender)).await.unwrap().message);
            }
            told
        }));
    }
    let mut told: BTreeMap<_, Vec<Message>> = BTreeMap::new();
    for task in tasks {
        for message in task.await.unwrap() {
            told.entry(message.conversation.clone()).or_default().push(message);
        }
    }
    assert_eq!(told.values().map(Vec::len).sum::<usize>() as u64, TASKS * EACH);
    for (conversation, mut messages) in told {
        messages.sort_by_key(|message| message.seq);
        let positions: Vec<u64> = messages.iter().map(|message| message.seq.get()).collect();
        let wanted: Vec<u64> = (1..=messages.len() as u64).collect();
        assert_eq!(positions, wanted, "{conversation}");
        assert_eq!(all_messages(&store, &conversation).await, messages);
        let row = row(&store, "ann", &conversation).await.unwrap();
        assert_eq!(row.conversation.last_seq.get(), messages.len() as u64);
        assert_eq!(row.last, messages.last().map(Preview::of));
    }
}

pub(in crate::store) async fn a_batch_over_several_conversations_numbers_each_in_order(
    store: Shared,
) {
    let (one, two, three) = (direct("ann", "bob"), system("ann"), announcement());
    say(&store, &one, "bob").await;
    let drafts = vec![
        draft(&one, Some("ann")),
        draft(&two, None),
        draft(&one, Some("bob")),
        draft(&three, None),
        draft(&two, None),
        draft(&one, Some("ann")),
    ];
    let outcomes = store.append(drafts.clone()).await;
    let told: Vec<Message> = outcomes.into_iter().map(|outcome| outcome.unwrap().message).collect();
    let positions: Vec<u64> = told.iter().map(|message| message.seq.get()).collect();
    assert_eq!(positions, [2, 1, 3, 1, 2, 4]);
    for (draft, message) in drafts.iter().zip(&told) {
        assert_eq!(draft.id, message.id, "outcomes come in the order of the drafts");
    }
    assert_eq!(all_messages(&store, &two).await, [told[1].clone(), told[4].clone()]);
    let row = row(&store, "ann", &one).await.unwrap();
    assert_eq!(row.conversation.last_seq, seq(4));
    assert_eq!(row.last, Some(Preview::of(&told[5])));
    assert_eq!(row.last_at, told[5].at);
}

pub(in crate::store) async fn an_empty_batch_has_no_outcome(store: Shared) {
    assert_eq!(store.append(Vec::new()).await, []);
}

pub(in crate::store) async fn time_never_goes_backwards(store: Shared) {
    let conversation = direct("ann", "bob");
    let mut told = Vec::new();
    for time in [500, 400, 600, 1] {
        let draft = at(draft(&conversation, Some("ann")), time);
        told.push(append(&store, draft).await.unwrap().message.at);
    }
    assert_eq!(told, [500, 500, 600, 600]);
    let other = append(&store, at(draft(&system("ann"), None), 7)).await.unwrap();
    assert_eq!(other.message.at, 7, "every conversation has its own time");
    assert_eq!(row(&store, "ann", &conversation).await.unwrap().last_at, 600);
}

pub(in crate::store) async fn reading_along_raises_the_authors_read_position(store: Shared) {
    let conversation = direct("ann", "bob");
    for _ in 0..3 {
        say(&store, &conversation, "bob").await;
    }
    let answer = having_read(draft(&conversation, Some("ann")), 2);
    let when = answer.at;
    let author = append(&store, answer).await.unwrap().author.unwrap();
    assert_eq!(author.read_seq, seq(2));
    assert_eq!(author.own, Runs::from_runs([Run::one(seq(4))]));
    assert_eq!(row(&store, "ann", &conversation).await.unwrap().member, author);
    assert_eq!(stands(&store, "ann", &conversation).await.unread, 1);
    let reads = store.reads(&user("ann"), &conversation, 9).await.unwrap();
    let reads: Vec<_> = reads.iter().map(|read| (read.seq, read.at, read.by.as_str())).collect();
    assert_eq!(reads, [(seq(2), when, "send")]);

    let author = append(&store, having_read(draft(&conversation, Some("ann")), 4)).await.unwrap();
    let author = author.author.unwrap();
    assert_eq!(
        author.own,
        Runs::from_runs([Run::one(seq(5))]),
        "ranges that were read are dropped"
    );
    let author = append(&store, having_read(draft(&conversation, Some("ann")), 1)).await.unwrap();
    assert_eq!(author.author.unwrap().read_seq, seq(4), "and nothing is lowered");
}

pub(in crate::store) async fn reading_past_the_end_is_refused_and_nothing_is_written(
    store: Shared,
) {
    let (empty, conversation) = (direct("ann", "bob"), direct("ann", "cyd"));
    let refused = append(&store, having_read(draft(&empty, Some("ann")), 1)).await;
    assert_eq!(refused, Err(AppendError::PastEnd));
    assert_eq!(all_messages(&store, &empty).await, []);
    store.repair().await.unwrap();
    assert_eq!(row(&store, "ann", &empty).await, None, "no message, no conversation");
    assert_eq!(store.inbox(&user("ann"), None, 9).await.unwrap(), []);

    say(&store, &conversation, "cyd").await;
    let before = row(&store, "ann", &conversation).await;
    let past_end = having_read(draft(&conversation, Some("ann")), 2);
    let fine = draft(&conversation, Some("cyd"));
    let outcomes = store.append(vec![past_end.clone(), fine]).await;
    assert_eq!(outcomes[0], Err(AppendError::PastEnd));
    assert_eq!(outcomes[1].as_ref().unwrap().message.seq, seq(2), "its neighbour is stored");
    let after = row(&store, "ann", &conversation).await;
    assert_eq!(before.unwrap().member, after.unwrap().member);
    assert_eq!(store.reads(&user("ann"), &conversation, 9).await.unwrap(), []);
    let again = append(&store, past_end).await.unwrap();
    assert!(again.fresh, "the name was not used up");
}

pub(in crate::store) async fn the_parties_of_a_first_message_get_rows(store: Shared) {
    let (pair, alone) = (direct("ann", "bob"), system("ann"));
    let author = say(&store, &pair, "ann").await.author.unwrap();
    assert_eq!((author.term, author.start_seq), (1, Seq::ZERO));
    assert_eq!(proclaim(&store, &alone).await.author, None, "the product has no half");
    for (name, conversation) in [("ann", &pair), ("bob", &pair), ("ann", &alone)] {
        let row = row(&store, name, conversation).await.unwrap();
        assert!(row.is_listed());
        assert_eq!((row.conversation.last_seq, row.member.start_seq), (seq(1), Seq::ZERO));
    }
    assert_eq!(row(&store, "bob", &alone).await, None);
    assert_eq!(row(&store, "cyd", &pair).await, None);
}

pub(in crate::store) async fn own_messages_do_not_count(store: Shared) {
    let conversation = direct("ann", "bob");
    for sender in ["ann", "ann", "bob", "ann"] {
        say(&store, &conversation, sender).await;
    }
    assert_eq!(stands(&store, "ann", &conversation).await.unread, 1);
    assert_eq!(stands(&store, "bob", &conversation).await.unread, 3);
    let own = row(&store, "ann", &conversation).await.unwrap().member.own;
    assert_eq!(own, Runs::from_runs([Run(seq(1), seq(2)), Run::one(seq(4))]));
    assert_eq!(unread_ids(&store, "ann").await, [conversation.clone()]);
    assert_eq!(unread_ids(&store, "bob").await, [conversation]);
}

pub(in crate::store) async fn quiet_messages_do_not_count(store: Shared) {
    let conversation = system("ann");
    for number in 1..=4 {
        let plain = draft(&conversation, None);
        let wanted = if number % 2 == 0 { quiet(plain) } else { plain };
        let message = append(&store, wanted).await.unwrap().message;
        assert_eq!(message.quiet, number % 2 == 0);
    }
    let row = row(&store, "ann", &conversation).await.unwrap();
    let holes = Runs::from_runs([Run::one(seq(2)), Run::one(seq(4))]);
    assert_eq!(row.conversation.holes, holes);
    assert_eq!(row.conversation.last_seq, seq(4), "a quiet message is in the history");
    assert_eq!(stands(&store, "ann", &conversation).await.unread, 2);
}

pub(in crate::store) async fn strange_ids_come_back_as_they_went_in(store: Shared) {
    let long = "界".repeat(85) + "a";
    assert_eq!(long.len(), 256);
    let names = [
        long.as_str(),
        "😀",
        "O'Brien \"; DROP TABLE messages; --",
        "100%_*?",
        " ",
        "a:b~c",
        "A",
        "a",
        "e\u{301}",
        "é",
        "$set",
        "a.b",
        "[1]",
        "null",
        "0",
        "Ünï",
    ];
    let users: Vec<UserId> = names.iter().map(|name| user(name)).collect();
    let seen = store.see_users(&users).await.unwrap();
    assert!(seen.iter().map(|known| &known.user.id).eq(&users));
    for (index, name) in names.iter().enumerate() {
        let other = names[(index + 1) % names.len()];
        let conversation = direct(name, other);
        let mut draft = draft(&conversation, Some(name));
        draft.client_msg_id = ClientMsgId::new(other.chars().take(40).collect::<String>()).unwrap();
        let message = append(&store, draft.clone()).await.unwrap().message;
        assert_eq!(message.sender, Some(user(name)));
        assert_eq!(message.client_msg_id, draft.client_msg_id);
        assert_eq!(all_messages(&store, &conversation).await, [message]);
        assert!(!append(&store, draft).await.unwrap().fresh);
        assert_eq!(stands(&store, other, &conversation).await.unread, 1);
        assert_eq!(stands(&store, name, &conversation).await.unread, 0);
        assert!(unread_ids(&store, other).await.contains(&conversation));
        assert!(listed_ids(&store, name).await.contains(&conversation));
    }
    for name in names {
        assert_eq!(listed_ids(&store, name).await.len(), 2, "{name:?} is nobody else");
    }
}

pub(in crate::store) async fn every_kind_of_content_comes_back_as_it_went_in(store: Shared) {
    let conversation = system("ann");
    let notice = Notice {
        title: "Your order".to_owned(),
        text: Some("'; --\n\u{1F4E6} \0 is on its way".to_owned()),
        link: Some("/orders/7".to_owned()),
        category: Some("orders".to_owned()),
        icon: Some("https://example.com/a.png".to_owned()),
    };
    let data = r#"{"deep":{"list":[1,-2,0.1,1e300,9007199254740993,null,true,"\u0000"]},"":[]}"#;
    let rich = Content {
        body: Body::Custom { sort: "poll".to_owned() },
        data: Some(serde_json::from_str(data).unwrap()),
        attachments: vec![Attachment {
            url: "https://example.com/%F0%9F%98%80?a='b'".to_owned(),
            name: Some("a \"b\".pdf".to_owned()),
            media_type: Some("application/pdf".to_owned()),
            bytes: Some(1 << 52),
        }],
        reply_to: Some(seq(1)),
        mentions: vec![user("bob"), user("😀")],
    };
    let contents = [Content::text("界".repeat(8_000)), Body::Notice(notice).into(), rich];
    let mut told = Vec::new();
    for content in contents {
        let draft = with_content(draft(&conversation, None), content.clone(), false);
        let message = append(&store, draft).await.unwrap().message;
        assert_eq!(message.content, Some(content));
        assert_eq!(
            row(&store, "ann", &conversation).await.unwrap().last,
            Some(Preview::of(&message))
        );
        told.push(message);
    }
    assert_eq!(all_messages(&store, &conversation).await, told);
}
