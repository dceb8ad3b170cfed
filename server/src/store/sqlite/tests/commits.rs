//! Group commit: what shares a transaction, and what happens to the others when one fails.

use std::sync::mpsc;

use futures_util::FutureExt;
use futures_util::future::join_all;

use super::super::writer::QUEUE;
use super::*;
use crate::store::conformance::{Shared, all_messages, append, direct, draft, say, seq, user};
use crate::store::{AppendError, StoreError};

/// Holds the writing thread in a transaction of its own until the sender is dropped, so that what
/// is asked meanwhile waits together.
fn hold(store: &Arc<SqliteStore>) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, begun) = mpsc::channel();
    let hold = store.writer.write(move |_| {
        started.send(()).ok();
        released.recv().ok();
        Ok(())
    });
    assert!(hold.now_or_never().is_none(), "the request was sent, and nobody waits for its answer");
    begun.recv().unwrap();
    release
}

fn store(place: &Place) -> (Arc<SqliteStore>, Shared) {
    let store = Arc::new(place.store());
    (store.clone(), store)
}

/// Breaks a rule that SQLite checks when it commits.
async fn fail_the_commit(store: &SqliteStore) -> Result<(), StoreError> {
    let work = |desk: &mut super::super::desk::Desk| {
        desk.connection.pragma_update(None, "defer_foreign_keys", true)?;
        let stray = "INSERT INTO members (user, conversation, term) VALUES (-5, -5, 1)";
        desk.connection.execute(stray, [])?;
        Ok(())
    };
    store.writer.write(work).await
}

#[tokio::test]
async fn requests_that_wait_share_a_transaction() {
    let place = Place::new();
    let (store, shared) = store(&place);
    let conversation = direct("ann", "bob");
    let release = hold(&store);
    let before = store.written();
    let mut sends = Box::pin(join_all((0..50).map(|_| say(&shared, &conversation, "ann"))));
    assert!((&mut sends).now_or_never().is_none(), "nothing is told before it is durable");
    drop(release);
    let sent = sends.await;
    let positions: Vec<u64> = sent.iter().map(|sent| sent.message.seq.get()).collect();
    assert_eq!(positions, (1..=50).collect::<Vec<u64>>());
    let after = store.written();
    assert_eq!(after.requests - before.requests, 51, "with the one that held the thread");
    assert_eq!(after.transactions - before.transactions, 2);
}

#[tokio::test]
async fn a_request_that_fails_undoes_nobody_elses() {
    let place = Place::new();
    let (store, shared) = store(&place);
    let conversation = direct("ann", "bob");
    let release = hold(&store);
    let broken = store.writer.write(|desk| {
        desk.keys.user(&desk.connection, &user("zoe"))?;
        desk.connection.execute("INSERT INTO meta VALUES ('half', 'done')", [])?;
        desk.connection.execute("INSERT INTO meta VALUES ('half', 'done')", [])?;
        Ok(())
    });
    let mut all = Box::pin(async {
        tokio::join!(say(&shared, &conversation, "ann"), broken, say(&shared, &conversation, "bob"))
    });
    assert!((&mut all).now_or_never().is_none());
    drop(release);
    let (first, broken, second) = all.await;
    assert!(matches!(broken, Err(StoreError::Broken(_))), "{broken:?}");
    assert_eq!((first.message.seq, second.message.seq), (seq(1), seq(2)));
    let half: i64 = place
        .connection()
        .query_row("SELECT count(*) FROM meta WHERE name = 'half'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(half, 0, "what failed left nothing");
    let sent = say(&shared, &direct("ann", "zoe"), "zoe").await;
    assert_eq!(sent.message.seq, seq(1), "a key that was taken back is not used");
}

#[tokio::test]
async fn a_commit_that_fails_acknowledges_nothing() {
    let place = Place::new();
    let (store, shared) = store(&place);
    let conversation = direct("ann", "bob");
    say(&shared, &conversation, "ann").await;
    let release = hold(&store);
    let (one, other) = (draft(&conversation, Some("ann")), draft(&direct("ann", "new"), None));
    let mut all = Box::pin(async {
        tokio::join!(
            append(&shared, one.clone()),
            fail_the_commit(&store),
            shared.append(vec![other.clone(), other.clone()]),
        )
    });
    assert!((&mut all).now_or_never().is_none());
    drop(release);
    let (sent, failed, batch) = all.await;
    let unavailable =
        |error: &AppendError| matches!(error, AppendError::Store(StoreError::Unavailable(_)));
    assert!(sent.is_err_and(|error| unavailable(&error)));
    assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
    assert_eq!(batch.len(), 2);
    assert!(batch.iter().all(|outcome| outcome.as_ref().is_err_and(unavailable)));
    assert_eq!(all_messages(&shared, &conversation).await.len(), 1, "nothing was written");

    assert_eq!(append(&shared, one).await.unwrap().message.seq, seq(2), "and the store goes on");
    assert!(append(&shared, other).await.unwrap().fresh);
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let place = Place::new();
    let (store, shared) = store(&place);
    let conversation = direct("ann", "bob");
    let pages = |count: i64| {
        store.writer.write(move |desk| {
            Ok(desk.connection.pragma_update_and_check(
                None,
                "max_page_count",
                count,
                |_| Ok(()),
            )?)
        })
    };
    let used: i64 =
        place.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    pages(used + 20).await.unwrap();
    let mut told = Vec::new();
    let refused = loop {
        match append(&shared, draft(&conversation, Some("ann"))).await {
            Ok(sent) => told.push(sent.message),
            Err(error) => break error,
        }
        assert!(told.len() < 10_000, "the disk never filled up");
    };
    assert!(matches!(refused, AppendError::Store(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(all_messages(&shared, &conversation).await, told);
    pages(1_000_000).await.unwrap();
    let next = say(&shared, &conversation, "bob").await.message.seq.get();
    assert_eq!(next, told.len() as u64 + 1, "and no position is lost");
}

#[tokio::test]
async fn a_full_queue_makes_the_next_one_wait() {
    let place = Place::new();
    let (store, _) = store(&place);
    let release = hold(&store);
    let asks = |count: usize| join_all((0..count).map(|_| store.writer.write(|_| Ok(()))));
    let mut queued = Box::pin(asks(QUEUE - 1));
    assert!((&mut queued).now_or_never().is_none());
    let mut late = Box::pin(asks(10));
    assert!((&mut late).now_or_never().is_none());
    drop(release);
    assert!(queued.await.iter().all(Result::is_ok));
    assert!(late.await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn dropping_the_store_writes_what_waits() {
    let place = Place::new();
    let conversation = direct("ann", "bob");
    {
        let (store, shared) = store(&place);
        let release = hold(&store);
        let sends = join_all((0..20).map(|_| say(&shared, &conversation, "ann")));
        assert!(sends.now_or_never().is_none());
        drop(release);
    }
    assert!(!place.log().exists(), "the thread has ended, and the file alone is the whole store");
    assert_eq!(all_messages(&place.shared(), &conversation).await.len(), 20);
}
