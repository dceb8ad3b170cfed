//! What failed calls have left is put right by the process that made them, and what keeps one
//! conversation from it keeps no other.

use mongodb::bson::{DateTime, Document, doc};

use super::scene::Scene;
use crate::store::conformance::{direct, stands};
use crate::store::mongodb::{Core, META, MongoStore, schema};
use crate::store::{Store, StoreError};

fn no_find() -> Document {
    doc! { "failCommands": ["find"], "errorCode": 10_107 }
}

/// Somebody else's patience has ended; what is under way goes on.
fn is_late(outcome: &Result<(), StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Unavailable(why)) if why.contains("still being mended"))
}

/// Waits for as long as it takes: whoever asks again waits for the one that is under way.
async fn mend(store: &MongoStore) -> Result<(), StoreError> {
    loop {
        let outcome = store.mend().await;
        if !is_late(&outcome) {
            return outcome;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failed_send_has_left_is_mended_by_its_own_node_where_nobody_retries() {
    let scene = Scene::begin().await;
    let Scene { sound, failing, id, .. } = &scene;
    scene.leave_in_doubt(id).await;
    assert_eq!(stands(sound, "bob", id).await.unread, 0);
    sound.mend().await.unwrap();
    assert_eq!(stands(sound, "bob", id).await.unread, 0, "another node has not failed");
    mend(failing).await.unwrap();
    assert_eq!(stands(sound, "bob", id).await.unread, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_cant_be_mended_keeps_no_other_from_it() {
    let scene = Scene::begin().await;
    let Scene { healthy, sound, failing, id: broken, .. } = &scene;
    let whole = direct("ann", "cyd");
    scene.leave_in_doubt(broken).await;
    scene.leave_in_doubt(&whole).await;
    let conversations = healthy.core.connection.collection::<Document>("conversations");
    let row = doc! { "_id": broken.as_str() };
    let nonsense = doc! { "$set": { "holes": "nonsense", "lastSeq": "nonsense" } };
    conversations.update_one(row, nonsense).await.unwrap();
    mend(failing).await.unwrap();
    assert_eq!(stands(sound, "cyd", &whole).await.unread, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_is_broken_keeps_no_repair_from_its_end() {
    let scene = Scene::begin().await;
    let Scene { healthy, sound, id: broken, .. } = &scene;
    let whole = direct("ann", "cyd");
    scene.leave_in_doubt(&whole).await;
    let conversations = healthy.core.connection.collection::<Document>("conversations");
    let row = doc! { "_id": broken.as_str() };
    conversations.update_one(row, doc! { "$set": { "lastSeq": "nonsense" } }).await.unwrap();
    sound.repair().await.unwrap();
    assert_eq!(stands(sound, "cyd", &whole).await.unread, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_long_to_mend_goes_on_behind_those_who_do_not_wait_for_it() {
    let scene = Scene::begin().await;
    let Scene { sound, failing, id, .. } = &scene;
    scene.leave_in_doubt(id).await;
    let slow = doc! { "failCommands": ["find"], "blockConnection": true, "blockTimeMS": 3_000 };
    scene.fail(doc! { "times": 1 }, slow).await;
    assert!(is_late(&failing.mend().await));
    mend(failing).await.unwrap();
    assert_eq!(stands(sound, "bob", id).await.unread, 1);
    scene.recover().await;
}

async fn mark(core: &Core) -> Option<String> {
    schema::meta(&core.connection, "derivedUpTo").await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_that_failed_is_ended_by_the_next_round() {
    let scene = Scene::begin().await;
    let core = &scene.failing.core;
    core.move_on().await.unwrap();
    assert_eq!(mark(core).await, None, "nobody has asked for a search");
    scene.fail(doc! { "times": 1_000 }, no_find()).await;
    let error = core.repair().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    scene.recover().await;
    assert_eq!(mark(core).await, None);
    core.move_on().await.unwrap();
    assert!(mark(core).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_doubts_holds_the_mark_for_all() {
    let scene = Scene::begin().await;
    let (here, there) = (&scene.failing.core, &scene.healthy.core);
    here.repair().await.unwrap();
    there.repair().await.unwrap();
    scene.leave_in_doubt(&scene.id).await;
    scene.fail(doc! { "times": 1_000 }, no_find()).await;
    here.move_on().await.unwrap_err();
    let before = mark(there).await;
    there.move_on().await.unwrap();
    assert_eq!(mark(there).await, before);
    scene.recover().await;

    // Who held it has ended.
    let facts = there.connection.collection::<Document>(META);
    let hold = doc! { "_id": "derivedUpToHeld" };
    let over = doc! { "$set": { "value": DateTime::from_millis(0) } };
    assert_eq!(facts.update_one(hold, over).await.unwrap().matched_count, 1);
    there.move_on().await.unwrap();
    assert!(mark(there).await > before);
}
