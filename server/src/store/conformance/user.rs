//! Users, and the life of the data set.

use message_service_shared::row::User;

use super::*;
use crate::logouts::Logouts;
use crate::store::{Profile, StoredUser};

fn profile(id: &str, name: Option<&str>, avatar: Option<&str>) -> Profile {
    let (name, avatar) = (name.map(str::to_owned), avatar.map(str::to_owned));
    Profile { id: user(id), name, avatar, created_at: None }
}

async fn one(store: &Shared, id: &str) -> (Option<String>, Option<String>) {
    let mut users = store.users(&[user(id)]).await.unwrap();
    assert_eq!(users.len(), 1);
    let StoredUser { user: User { id: same, name, avatar }, .. } = users.remove(0);
    assert_eq!(same, user(id));
    (name, avatar)
}

pub(in crate::store) async fn what_a_profile_leaves_out_stays(store: Shared) {
    let text = |text: &str| Some(text.to_owned());
    store.upsert_users(vec![profile("ann", Some("Ann"), None)]).await.unwrap();
    assert_eq!(one(&store, "ann").await, (text("Ann"), None));
    store.upsert_users(vec![profile("ann", None, Some("/a.png"))]).await.unwrap();
    assert_eq!(one(&store, "ann").await, (text("Ann"), text("/a.png")));
    let twice = vec![profile("ann", Some("A."), None), profile("ann", Some("Anna"), None)];
    store.upsert_users(twice).await.unwrap();
    assert_eq!(one(&store, "ann").await, (text("Anna"), text("/a.png")));
    store.upsert_users(Vec::new()).await.unwrap();
}

pub(in crate::store) async fn seeing_creates_users_and_keeps_their_order(store: Shared) {
    store.upsert_users(vec![profile("bob", Some("Bob"), None)]).await.unwrap();
    let asked = ["cyd", "bob", "ann", "bob"].map(user);
    let seen = store.see_users(&asked).await.unwrap();
    assert!(seen.iter().map(|known| &known.user.id).eq(&asked));
    let names: Vec<_> = seen.iter().map(|known| known.user.name.as_deref()).collect();
    assert_eq!(names, [None, Some("Bob"), None, Some("Bob")]);
    let mut known: Vec<UserId> = Vec::new();
    for found in store.users(&["ann", "nobody", "cyd"].map(user)).await.unwrap() {
        known.push(found.user.id);
    }
    known.sort();
    assert_eq!(known, ["ann", "cyd"].map(user));
}

pub(in crate::store) async fn a_mere_recipient_is_no_user_yet(store: Shared) {
    say(&store, &direct("ann", "bob"), "ann").await;
    assert_eq!(store.users(&["ann", "bob"].map(user)).await.unwrap(), []);
    store.see_users(&[user("bob")]).await.unwrap();
    assert_eq!(store.users(&["ann", "bob"].map(user)).await.unwrap().len(), 1);
    assert_eq!(stands(&store, "bob", &direct("ann", "bob")).await.unread, 1);
}

pub(in crate::store) async fn a_logout_is_counted_of_its_user_alone(store: Shared) {
    store.see_users(&["ann", "bob"].map(user)).await.unwrap();
    assert_eq!(store.log_out(&user("ann")).await, Ok(Logouts(1)));
    assert_eq!(store.log_out(&user("ann")).await, Ok(Logouts(2)));
    store.upsert_users(vec![profile("ann", Some("Ann"), None)]).await.unwrap();
    let seen = store.see_users(&["ann", "bob"].map(user)).await.unwrap();
    let counts: Vec<Logouts> = seen.iter().map(|known| known.logouts).collect();
    assert_eq!(counts, [Logouts(2), Logouts(0)]);
}

pub(in crate::store) async fn a_logout_makes_no_user(store: Shared) {
    say(&store, &direct("ann", "bob"), "ann").await;
    assert_eq!(store.log_out(&user("bob")).await, Ok(Logouts(0)));
    assert_eq!(store.log_out(&user("nobody")).await, Ok(Logouts(0)));
    assert_eq!(store.users(&["bob", "nobody"].map(user)).await.unwrap(), []);
}

pub(in crate::store) async fn the_epoch_stays(store: Shared) {
    let epoch = store.epoch().await.unwrap();
    say(&store, &direct("ann", "bob"), "ann").await;
    assert_eq!(store.epoch().await.unwrap(), epoch);
    store.ping().await.unwrap();
}

pub(in crate::store) async fn repair_changes_nothing_where_nothing_is_broken(store: Shared) {
    let conversation = direct("ann", "bob");
    say(&store, &conversation, "ann").await;
    append(&store, quiet(draft(&conversation, None))).await.unwrap();
    store.change_member(&user("bob"), &conversation, &read_up_to(1)).await.unwrap();
    let (ann, bob) =
        (row(&store, "ann", &conversation).await, row(&store, "bob", &conversation).await);
    store.repair().await.unwrap();
    assert_eq!(row(&store, "ann", &conversation).await, ann);
    assert_eq!(row(&store, "bob", &conversation).await, bob);
}
