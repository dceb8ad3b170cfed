//! Announcements: one row for all, and a half for whoever has one.

use message_service_shared::unread::MemberHalf;

use super::*;
use crate::store::{ChangeError, Profile};

async fn see(store: &Shared, name: &str) {
    store.see_users(&[user(name)]).await.unwrap();
}

fn profile(name: &str, created_at: Option<Millis>) -> Profile {
    Profile { id: user(name), name: None, avatar: None, created_at }
}

async fn start(store: &Shared, name: &str) -> u64 {
    row(store, name, &announcement()).await.unwrap().member.start_seq.get()
}

pub(in crate::store) async fn everyone_seen_has_a_row_of_the_announcements(store: Shared) {
    see(&store, "ann").await;
    let early = row(&store, "ann", &announcement()).await.unwrap();
    assert_eq!((early.conversation.last_seq, early.last_at, &early.last), (Seq::ZERO, 0, &None));
    assert_eq!(early.member, MemberHalf::joined_at(Seq::ZERO));
    assert!(!early.is_listed());
    assert_eq!(listed_ids(&store, "ann").await, []);
    assert_eq!(unread_ids(&store, "ann").await, []);
    proclaim(&store, &announcement()).await;
    assert_eq!(row(&store, "nobody", &announcement()).await, None);
    let mark = store.change_member(&user("nobody"), &announcement(), &MemberChange::Mark).await;
    assert_eq!(mark, Err(ChangeError::Unknown));
}

pub(in crate::store) async fn announcements_start_when_a_user_is_first_seen(store: Shared) {
    see(&store, "ann").await;
    for _ in 0..3 {
        proclaim(&store, &announcement()).await;
    }
    see(&store, "bob").await;
    see(&store, "ann").await;
    store.upsert_users(vec![profile("cyd", None)]).await.unwrap();
    proclaim(&store, &announcement()).await;
    assert_eq!(start(&store, "ann").await, 0, "seeing again starts nothing again");
    assert_eq!((start(&store, "bob").await, start(&store, "cyd").await), (3, 3));
    for (name, unread) in [("ann", 4), ("bob", 1), ("cyd", 1)] {
        assert_eq!(stands(&store, name, &announcement()).await.unread, unread, "{name}");
    }
}

pub(in crate::store) async fn announcements_start_when_the_main_app_made_the_user(store: Shared) {
    for time in [100, 200, 200, 200, 300] {
        append(&store, at(draft(&announcement(), None), time)).await.unwrap();
    }
    let dates =
        [(0, 0), (100, 0), (101, 1), (199, 1), (200, 1), (201, 4), (300, 4), (301, 5), (999, 5)];
    for (date, wanted) in dates {
        let name = format!("made at {date}");
        store.upsert_users(vec![profile(&name, Some(date))]).await.unwrap();
        assert_eq!(start(&store, &name).await, wanted, "{name}");
    }
}

pub(in crate::store) async fn a_creation_date_that_comes_late_changes_nothing(store: Shared) {
    append(&store, at(draft(&announcement(), None), 100)).await.unwrap();
    see(&store, "ann").await;
    store.upsert_users(vec![profile("ann", Some(50))]).await.unwrap();
    assert_eq!(start(&store, "ann").await, 1);
    say(&store, &direct("ann", "bob"), "ann").await;
    store.upsert_users(vec![profile("bob", Some(50))]).await.unwrap();
    assert_eq!(start(&store, "bob").await, 0, "a mere recipient was new until now");
}

pub(in crate::store) async fn an_announcement_is_unread_and_listed_for_everyone_seen(
    store: Shared,
) {
    for name in ["ann", "bob"] {
        see(&store, name).await;
    }
    proclaim(&store, &announcement()).await;
    see(&store, "cyd").await;
    let asked = ["ann", "bob", "cyd", "nobody"].map(user);
    let answers = store.unread_rows(&asked).await.unwrap();
    assert_eq!(answers.len(), asked.len());
    for (whom, rows) in answers {
        let ids: Vec<ConversationId> = rows.into_iter().map(|row| row.id).collect();
        let wanted = if whom < user("c") { vec![announcement()] } else { vec![] };
        assert_eq!(ids, wanted, "{whom}");
    }
    for name in ["ann", "bob", "cyd"] {
        assert_eq!(listed_ids(&store, name).await, [announcement()], "{name}");
    }
}

pub(in crate::store) async fn reading_an_announcement_is_ones_own_affair(store: Shared) {
    see(&store, "ann").await;
    proclaim(&store, &announcement()).await;
    see(&store, "bob").await;
    for _ in 0..2 {
        proclaim(&store, &announcement()).await;
    }
    let refused = store.change_member(&user("bob"), &announcement(), &read_up_to(4)).await;
    assert_eq!(refused, Err(ChangeError::PastEnd));
    assert_eq!(row(&store, "bob", &announcement()).await.unwrap().member.read_seq, Seq::ZERO);
    let read = store.change_member(&user("bob"), &announcement(), &read_up_to(2)).await.unwrap();
    assert_eq!((read.member.read_seq, read.member.start_seq), (seq(2), seq(1)));
    assert_eq!(row(&store, "bob", &announcement()).await, Some(read));
    assert_eq!(stands(&store, "bob", &announcement()).await.unread, 1);
    assert_eq!(stands(&store, "ann", &announcement()).await.unread, 3);
    assert_eq!(store.reads(&user("bob"), &announcement(), 9).await.unwrap().len(), 1);
    store.change_member(&user("bob"), &announcement(), &read_up_to(3)).await.unwrap();
    assert_eq!(unread_ids(&store, "bob").await, []);
    proclaim(&store, &announcement()).await;
    assert_eq!(unread_ids(&store, "bob").await, [announcement()], "the next one is unread again");
    assert_eq!(stands(&store, "bob", &announcement()).await.unread, 1);
}

pub(in crate::store) async fn an_announcement_can_be_cleared_and_comes_back(store: Shared) {
    see(&store, "ann").await;
    proclaim(&store, &announcement()).await;
    let clear = MemberChange::Clear { seq: seq(1) };
    store.change_member(&user("ann"), &announcement(), &clear).await.unwrap();
    assert_eq!(listed_ids(&store, "ann").await, []);
    assert_eq!(unread_ids(&store, "ann").await, []);
    proclaim(&store, &announcement()).await;
    assert_eq!(listed_ids(&store, "ann").await, [announcement()]);
}

pub(in crate::store) async fn a_wide_row_pages_among_the_narrow_ones(store: Shared) {
    see(&store, "ann").await;
    let mut wanted = Vec::new();
    for (conversation, time) in [
        (direct("ann", "bob"), 200),
        (announcement(), 200),
        (system("ann"), 200),
        (direct("ann", "cyd"), 300),
        (direct("ann", "dan"), 100),
    ] {
        append(&store, at(draft(&conversation, None), time)).await.unwrap();
        wanted.push((time, conversation));
    }
    wanted.sort();
    wanted.reverse();
    for limit in 1..=6 {
        let got = super::inbox::paged(&store, "ann", limit).await;
        let got: Vec<_> = got.into_iter().map(|row| (row.last_at, row.id)).collect();
        assert_eq!(got, wanted, "by pages of {limit}");
    }
    store.change_member(&user("ann"), &announcement(), &read_up_to(1)).await.unwrap();
    assert_eq!(super::inbox::paged(&store, "ann", 2).await.len(), 5, "once, also with an own half");
}
