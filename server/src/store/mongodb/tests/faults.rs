//! Servers that refuse, fail, hang or are gone. The caller gets a result or an error that may be
//! tried again, and trying again never makes a second message.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use tokio::net::TcpListener;

use super::super::documents::member_id;
use super::proxy::{Death, Proxy};
use super::scene::Scene;
use super::{Migrate, MongoStore, Server, open};
use crate::store::conformance::{
    Shared, all_messages, append, direct, draft, having_read, say, seq, stands, unread_ids, user,
};
use crate::store::{AppendError, READS_KEPT, StoreError};

/// Runs a send while commands of one name fail as `data` says, and what follows once they don't.
async fn with_fail_point(mode: Document, data: Document) {
    let scene = Scene::begin().await;
    let Scene { sound, failing, id, .. } = &scene;
    let failing: &Shared = &(Arc::clone(failing) as _);
    let sent = draft(id, Some("ann"));
    let outcome = scene.send_while_failing(sent.clone(), mode, data).await;
    if let Err(error) = &outcome {
        assert!(
            matches!(error, AppendError::Store(StoreError::Unavailable(_))),
            "an error that may be tried again: {error:?}"
        );
    }
    let again = append(failing, sent).await.unwrap();
    let messages = all_messages(sound, id).await;
    assert_eq!(messages.len(), 2, "one message, however often it was sent");
    assert_eq!(again.message, messages[1]);
    assert_eq!(unread_ids(sound, "bob").await, std::slice::from_ref(id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_broken_fails_its_own_conversation_alone() {
    for server in Server::ALL {
        let address = server.database();
        let healthy = open(&address).await;
        let store: Shared = healthy.clone();
        let (broken, sound) = (direct("ann", "bob"), direct("ann", "cyd"));
        say(&store, &broken, "ann").await;
        let members = healthy.core.connection.collection::<Document>("members");
        let row = doc! { "_id": member_id(&user("ann"), &broken) };
        members.update_one(row, doc! { "$set": { "own": "nonsense" } }).await.unwrap();
        let drafts = [&broken, &sound].map(|id| draft(id, Some("ann")));
        let outcomes = store.append(drafts.to_vec()).await;
        assert!(
            matches!(outcomes[0], Err(AppendError::Store(StoreError::Broken(_)))),
            "{outcomes:?}"
        );
        assert_eq!(outcomes[1].as_ref().unwrap().message.seq, seq(1));
        assert_eq!(stands(&store, "cyd", &sound).await.unread, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_who_always_reads_along_has_a_row_of_bounded_length() {
    for server in Server::ALL {
        let address = server.database();
        let healthy = open(&address).await;
        let store: Shared = healthy.clone();
        let id = direct("ann", "bob");
        let mut read = 0;
        for _ in 0..3 * READS_KEPT {
            let appended = append(&store, having_read(draft(&id, Some("ann")), read)).await;
            read = appended.unwrap().message.seq.get();
        }
        let members = healthy.core.connection.collection::<Document>("members");
        let row = members.find_one(doc! { "_id": member_id(&user("ann"), &id) });
        let row = row.await.unwrap().unwrap();
        assert!(row.get_array("reads").unwrap().len() <= 2 * READS_KEPT + 1);
        let reads = store.reads(&user("ann"), &id, 99).await.unwrap();
        assert_eq!(reads.len(), READS_KEPT);
        assert_eq!(reads[0].seq, seq(read - 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_servers_tell_the_time_and_the_end_for_certain() {
    for server in Server::ALL {
        let store = open(&server.database()).await;
        let hello = store.core.connection.database().run_command(doc! { "hello": 1 });
        assert!(hello.await.unwrap().get_datetime("localTime").is_ok(), "{server:?}");
        let shared: Shared = store;
        let id = direct("ann", "bob");
        assert_eq!(shared.end(&id).await, Ok(seq(0)));
        say(&shared, &id, "ann").await;
        assert_eq!(shared.end(&id).await, Ok(seq(1)));
    }
}

macro_rules! fail_points {
    ($($name:ident: $mode:expr, $data:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                with_fail_point($mode, $data).await;
            }
        )*
    };
}

fail_points! {
    an_insert_that_meets_no_primary_is_retried:
        doc! { "times": 1 }, doc! { "failCommands": ["insert"], "errorCode": 10_107 };
    an_insert_that_never_meets_a_primary_is_said_to_be_unavailable:
        doc! { "times": 1_000 }, doc! { "failCommands": ["insert"], "errorCode": 10_107 };
    an_update_that_meets_no_primary_is_retried:
        doc! { "times": 1 }, doc! { "failCommands": ["update"], "errorCode": 10_107 };
    an_update_that_never_meets_a_primary_leaves_nothing_acknowledged:
        doc! { "times": 1_000 }, doc! { "failCommands": ["update"], "errorCode": 10_107 };
    an_insert_that_too_few_have_is_not_acknowledged:
        doc! { "times": 1 },
        doc! {
            "failCommands": ["insert"],
            "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" },
        };
    an_update_that_too_few_have_is_not_acknowledged:
        doc! { "times": 1 },
        doc! {
            "failCommands": ["update"],
            "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" },
        };
    a_connection_that_closes_before_an_insert_costs_nothing:
        doc! { "times": 1 }, doc! { "failCommands": ["insert"], "closeConnection": true };
    connections_that_close_before_every_insert_are_said_to_be_unavailable:
        doc! { "times": 1_000 }, doc! { "failCommands": ["insert"], "closeConnection": true };
    an_insert_that_ran_out_of_time_may_be_tried_again:
        doc! { "times": 1 }, doc! { "failCommands": ["insert"], "errorCode": 50 };
}

/// A connection that ends after its write was done, before anybody heard so: the driver's retry, the
/// store's, or the sender's finds it done.
async fn unheard(server: Server) {
    for write in 0..3 {
        let address = server.database();
        let sound: Shared = open(&address).await;
        let id = direct("ann", "bob");
        say(&sound, &id, "bob").await;
        let proxy = Proxy::stumbling(&address, Death::AfterWrite(write)).await;
        let store = MongoStore::open(proxy.address(), Migrate::AtStart).await.unwrap();
        let store: Shared = Arc::new(store);
        let sent = draft(&id, Some("ann"));
        let mut outcome = append(&store, sent.clone()).await;
        assert!(proxy.has_died());
        if outcome.is_err() {
            outcome = append(&store, sent).await;
        }
        let messages = all_messages(&sound, &id).await;
        assert_eq!(messages.len(), 2, "one message, though write {write} went unheard");
        assert_eq!(outcome.unwrap().message, messages[1]);
        assert_eq!(unread_ids(&sound, "bob").await, [id]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_went_unheard_is_found_again() {
    unheard(Server::SecantusDb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_went_unheard_is_found_again_without_retryable_writes() {
    unheard(Server::FerretDb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_reached_is_named() {
    // Nobody listens where somebody did a moment ago.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let address = format!("mongodb://{gone}/nowhere?serverSelectionTimeoutMS=200");
    let error = MongoStore::open(&address, Migrate::AtStart).await.unwrap_err().to_string();
    assert!(error.contains(&gone.to_string()), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_not_waited_for_for_ever() {
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("mongodb://{}/mute?directConnection=true", mute.local_addr().unwrap());
    let error =
        tokio::time::timeout(Duration::from_mins(1), MongoStore::open(&address, Migrate::AtStart));
    let error = error.await.expect("a call has an end").unwrap_err().to_string();
    assert!(error.contains("127.0.0.1"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_is_refused_by_name() {
    for server in Server::ALL {
        let address = server.database();
        let store = open(&address).await;
        let meta = store.core.connection.collection::<Document>("meta");
        let newer = doc! { "$set": { "value": 99_i64 } };
        meta.update_one(doc! { "_id": "schema" }, newer).await.unwrap();
        for migrate in [Migrate::AtStart, Migrate::ByCommand] {
            let error = MongoStore::open(&address, migrate).await.unwrap_err().to_string();
            assert!(error.contains("version 99") && error.contains("test_"), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_nobody_prepared_is_refused_with_the_way_out() {
    let address = Server::SecantusDb.database();
    let error = MongoStore::open(&address, Migrate::ByCommand).await.unwrap_err().to_string();
    assert!(error.contains("message-service migrate"), "{error}");
    open(&address).await;
    MongoStore::open(&address, Migrate::ByCommand).await.unwrap();
}
