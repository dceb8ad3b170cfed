//! Opening, upgrading, refusing.

use std::fs;

use super::super::OpenError;
use super::super::migrations::{MIGRATIONS, current, migrate, version};
use super::*;
use crate::store::conformance::{all_messages, append, direct, draft, row, say, seq, user};
use crate::store::{MemberChange, Profile, StoreError};

fn refusal(place: &Place) -> OpenError {
    SqliteStore::open(place.file()).unwrap_err()
}

#[tokio::test]
async fn reopening_keeps_everything() {
    let place = Place::new();
    let conversation = direct("ann", "bob");
    let sent = draft(&conversation, Some("ann"));
    let (epoch, messages, rows, reads, users);
    {
        let store = place.shared();
        let name = Some("Ann".to_owned());
        let profile = Profile { id: user("ann"), name, avatar: None, created_at: None };
        store.upsert_users(vec![profile]).await.unwrap();
        append(&store, sent.clone()).await.unwrap();
        say(&store, &conversation, "bob").await;
        store.recall(&conversation, seq(2), None, 7).await.unwrap();
        let read = MemberChange::Read { seq: seq(1), mark_seen: 0, at: 9, by: "a tab".to_owned() };
        store.change_member(&user("bob"), &conversation, &read).await.unwrap();
        epoch = store.epoch().await.unwrap();
        messages = all_messages(&store, &conversation).await;
        rows = (row(&store, "ann", &conversation).await, row(&store, "bob", &conversation).await);
        reads = store.reads(&user("bob"), &conversation, 9).await.unwrap();
        users = store.users(&[user("ann")]).await.unwrap();
    }
    let store = place.shared();
    assert_eq!(store.epoch().await.unwrap(), epoch);
    assert_eq!(all_messages(&store, &conversation).await, messages);
    let found = (row(&store, "ann", &conversation).await, row(&store, "bob", &conversation).await);
    assert_eq!(found, rows);
    assert_eq!(store.reads(&user("bob"), &conversation, 9).await.unwrap(), reads);
    assert_eq!(store.users(&[user("ann")]).await.unwrap(), users);
    assert!(!append(&store, sent).await.unwrap().fresh, "a resend is known after a restart");
    assert_eq!(say(&store, &conversation, "bob").await.message.seq, seq(3));
}

#[tokio::test]
async fn a_new_epoch_is_another_one_and_stays() {
    let place = Place::new();
    let new = {
        let store = place.store();
        let first = store.epoch().await.unwrap();
        let new = store.new_epoch().await.unwrap();
        assert_ne!(first, new);
        assert_eq!(store.epoch().await.unwrap(), new);
        new
    };
    assert_eq!(place.store().epoch().await.unwrap(), new);
    assert_ne!(Place::new().store().epoch().await.unwrap(), new, "every data set has its own");
}

#[tokio::test]
async fn an_empty_file_is_brought_to_the_current_version() {
    let place = Place::new();
    fs::write(place.file(), "").unwrap();
    assert_eq!(version(&place.connection()).unwrap(), 0);
    drop(place.store());
    let mut connection = place.connection();
    assert_eq!(version(&connection).unwrap(), current());
    let schema = |connection: &Connection| -> String {
        let sql = "SELECT group_concat(sql, ';') FROM sqlite_schema";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let before = schema(&connection);
    assert!(before.contains("CREATE TABLE messages"));
    migrate(&mut connection, MIGRATIONS).unwrap();
    assert_eq!(schema(&connection), before, "what is up to date is left alone");
}

#[test]
fn migrations_run_in_order_and_each_once() {
    let mut connection = Connection::open_in_memory().unwrap();
    let steps = ["CREATE TABLE a (x)", "INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (2)"];
    migrate(&mut connection, &steps[..2]).unwrap();
    assert_eq!(version(&connection).unwrap(), 2);
    migrate(&mut connection, &steps).unwrap();
    let found: String =
        connection.query_row("SELECT group_concat(x) FROM a", [], |row| row.get(0)).unwrap();
    assert_eq!((version(&connection).unwrap(), found.as_str()), (3, "1,2"));
}

#[test]
fn a_migration_that_fails_leaves_the_version_before_it() {
    let mut connection = Connection::open_in_memory().unwrap();
    let steps = ["CREATE TABLE a (x)", "CREATE TABLE b (x); CREATE TABLE a (x)"];
    migrate(&mut connection, &steps).unwrap_err();
    assert_eq!(version(&connection).unwrap(), 1);
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'b'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 0);
}

#[test]
fn a_newer_schema_is_refused_by_its_number_and_left_alone() {
    let place = Place::new();
    drop(place.store());
    place.connection().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(place.file()).unwrap();
    let error = refusal(&place);
    assert!(matches!(error, OpenError::NewerSchema { found: 99, .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("99") && text.contains(&current().to_string()), "{text}");
    assert_eq!(fs::read(place.file()).unwrap(), before);
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    let place = Place::new();
    let letter = "Dear diary, ".repeat(1_000);
    fs::write(place.file(), &letter).unwrap();
    let error = refusal(&place);
    assert!(matches!(error, OpenError::NotADatabase(_)), "{error:?}");
    assert_eq!(fs::read_to_string(place.file()).unwrap(), letter);

    let place = Place::new();
    place.connection().execute_batch("CREATE TABLE shop (x)").unwrap();
    let error = refusal(&place);
    assert!(matches!(error, OpenError::Foreign(_)), "{error:?}");
    let mode: String =
        place.connection().pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete", "not even the journal mode was changed");
}

#[test]
fn a_place_that_cannot_hold_the_file_is_told_with_what_to_do() {
    let place = Place::new();
    let missing = place.folder.path().join("data");
    let error = SqliteStore::open(missing.join("messages.db")).unwrap_err();
    assert!(matches!(&error, OpenError::FolderMissing(folder) if *folder == missing), "{error:?}");
    assert!(error.to_string().contains("create it"), "{error}");

    let error = SqliteStore::open(place.folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::IsFolder(_)), "{error:?}");

    fs::write(place.file(), "").unwrap();
    let error = SqliteStore::open(place.file().join("messages.db")).unwrap_err();
    assert!(matches!(error, OpenError::FolderMissing(_)), "a file is no folder: {error:?}");
}

/// A folder in which nobody may create a file, not even root.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_file_is_told_with_what_to_do() {
    let error = SqliteStore::open("/proc/messages.db").unwrap_err();
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
    assert!(error.to_string().contains("let the service's user write"), "{error}");
}

#[tokio::test]
async fn a_commit_waits_for_the_disk() {
    let place = Place::new();
    let store = place.store();
    let settings = store
        .writer
        .write(|desk| {
            let number = |name| -> rusqlite::Result<i64> {
                desk.connection.pragma_query_value(None, name, |row| row.get(0))
            };
            Ok((number("synchronous")?, number("foreign_keys")?))
        })
        .await
        .unwrap();
    assert_eq!(settings, (2, 1), "2 is FULL");
    let mode: String =
        place.connection().pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn what_retention_deleted_is_below_the_floor_and_its_positions_stay_used() {
    let place = Place::new();
    let store = place.shared();
    let conversation = direct("ann", "bob");
    for _ in 0..5 {
        say(&store, &conversation, "ann").await;
    }
    place
        .connection()
        .execute_batch(
            "UPDATE conversations SET floor = 3 WHERE conversation_id = 'direct:ann:bob';
             DELETE FROM messages WHERE seq < 3;",
        )
        .unwrap();
    let left = all_messages(&store, &conversation).await;
    let left: Vec<u64> = left.iter().map(|message| message.seq.get()).collect();
    assert_eq!(left, [4, 5], "3 is still stored, and no longer told");
    let found = row(&store, "bob", &conversation).await.unwrap().conversation;
    assert_eq!((found.floor, found.last_seq), (seq(3), seq(5)));
    assert_eq!(say(&store, &conversation, "ann").await.message.seq, seq(6));
}

#[tokio::test]
async fn a_column_that_holds_nonsense_is_an_error() {
    let place = Place::new();
    let store = place.shared();
    let conversation = direct("ann", "bob");
    say(&store, &conversation, "ann").await;
    let asked = [conversation.clone()];
    for (nonsense, sense) in [
        ("holes = '{'", "holes = NULL"),
        ("last_seq = -1", "last_seq = 1"),
        ("conversation_id = 'nonsense'", "conversation_id = 'direct:ann:bob'"),
    ] {
        let set = |what: &str| {
            let sql = format!("UPDATE conversations SET {what} WHERE key <> 1");
            place.connection().execute(&sql, []).unwrap();
        };
        set(nonsense);
        let found = store.inbox(&user("ann"), None, 9).await;
        assert!(matches!(found, Err(StoreError::Broken(_))), "{nonsense}: {found:?}");
        set(sense);
        assert_eq!(store.rows(&user("ann"), &asked).await.unwrap().len(), 1);
    }
}
