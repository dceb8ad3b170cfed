//! What each operation costs, and that a sharded cluster would send it to one shard: seen in the
//! commands that the driver tells of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use message_service_shared::seq::Seq;
use mongodb::bson::{Bson, Document, doc};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;

use super::super::documents::member_id;
use super::{Migrate, MongoStore, Server, open};
use crate::store::conformance::{
    Shared, announcement, append, direct, draft, having_read, quiet, read_up_to, say, seq, user,
};
use crate::store::waiting::{Company, Due, Holder, Notice, Tries, Waiting};
use crate::store::{Draft, End, Slice};

/// What was heard of the commands since it was last asked.
#[derive(Clone, Debug, Default)]
struct Heard(Arc<Mutex<Vec<Command>>>);

#[derive(Clone, Debug)]
struct Command {
    name: String,
    collection: String,
    body: Document,
    /// Documents that it gave or changed.
    documents: usize,
    id: i32,
}

impl Heard {
    fn handler(&self) -> EventHandler<CommandEvent> {
        let commands = Arc::clone(&self.0);
        EventHandler::callback(move |event| {
            let mut commands = commands.lock().unwrap();
            match event {
                CommandEvent::Started(started) => commands.push(Command {
                    collection: started
                        .command
                        .get_str(&started.command_name)
                        .unwrap_or_default()
                        .to_owned(),
                    name: started.command_name,
                    body: started.command,
                    documents: 0,
                    id: started.request_id,
                }),
                CommandEvent::Succeeded(done) => {
                    if let Some(command) =
                        commands.iter_mut().find(|command| command.id == done.request_id)
                    {
                        command.documents = documents_in(&done.reply);
                    }
                }
                _ => {}
            }
        })
    }

    /// What was heard since the last time.
    fn take(&self) -> Vec<Command> {
        let mut commands = std::mem::take(&mut *self.0.lock().unwrap());
        commands.retain(|command| !command.collection.is_empty());
        commands
    }
}

fn documents_in(reply: &Document) -> usize {
    if let Ok(cursor) = reply.get_document("cursor") {
        return cursor
            .get_array("firstBatch")
            .or_else(|_| cursor.get_array("nextBatch"))
            .map_or(0, Vec::len);
    }
    match reply.get("n") {
        Some(count) => number(count),
        None => reply.get_document("value").map_or(0, |_| 1),
    }
}

/// Commands by collection and name, and the documents of all of them.
fn sum(commands: &[Command]) -> (BTreeMap<String, usize>, usize) {
    let mut counts = BTreeMap::new();
    for command in commands {
        *counts.entry(format!("{} {}", command.name, command.collection)).or_default() += 1;
    }
    (counts, commands.iter().map(|command| command.documents).sum())
}

struct Watched {
    store: Shared,
    waiting: Arc<dyn Waiting>,
    heard: Heard,
    raw: mongodb::Database,
}

impl Watched {
    async fn open() -> Self {
        let heard = Heard::default();
        let address = Server::SecantusDb.database();
        let opened =
            MongoStore::open_heard(&address, Migrate::AtStart, Some(heard.handler())).await;
        let store = Arc::new(opened.unwrap());
        let waiting = Arc::clone(&store) as Arc<dyn Waiting>;
        let raw = open(&address).await.core.connection.database().clone();
        Self { store, waiting, heard, raw }
    }

    /// What an operation costs.
    #[track_caller]
    fn cost(&self, what: &str, commands: &[(&str, usize)], documents: usize) -> Vec<Command> {
        let heard = self.heard.take();
        let wanted: BTreeMap<String, usize> =
            commands.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(sum(&heard), (wanted, documents), "{what}");
        heard
    }
}

const SEND: &[(&str, usize)] = &[
    ("insert messages", 1),
    ("find members", 1),
    ("update members", 1),
    ("update conversations", 1),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_operation_costs_more_than_it_did() {
    let watched = Watched::open().await;
    let Watched { store, heard, .. } = &watched;
    let (ann, id) = (user("ann"), direct("ann", "bob"));
    store.see_users(&[ann.clone(), user("bob")]).await.unwrap();
    say(store, &id, "bob").await;
    heard.take();

    say(store, &id, "bob").await;
    // The message; the author's row twice, read and written, the reader's, the conversation's.
    watched.cost("a send", SEND, 5);

    let drafts: Vec<Draft> = (0..50).map(|_| draft(&id, Some("bob"))).collect();
    for outcome in store.append(drafts).await {
        outcome.unwrap();
    }
    watched.cost("fifty sends into one conversation", SEND, 54);

    let drafts = (0..50).map(|peer| draft(&direct("ann", &format!("peer{peer}")), Some("ann")));
    store.append(drafts.collect()).await.into_iter().for_each(|outcome| drop(outcome.unwrap()));
    heard.take();
    let drafts = (0..50).map(|peer| draft(&direct("ann", &format!("peer{peer}")), Some("ann")));
    store.append(drafts.collect()).await.into_iter().for_each(|outcome| drop(outcome.unwrap()));
    watched.cost("a send into each of fifty conversations", SEND, 250);

    append(store, having_read(draft(&id, Some("ann")), 10)).await.unwrap();
    watched.cost("a send that reads along", SEND, 5);

    append(store, quiet(draft(&announcement(), None))).await.unwrap();
    heard.take();
    append(store, draft(&announcement(), None)).await.unwrap();
    let announcement = [("insert messages", 1), ("update conversations", 1)];
    watched.cost("an announcement", &announcement, 2);

    store.change_member(&ann, &id, &read_up_to(20)).await.unwrap();
    let change = [("find conversations", 1), ("find members", 1), ("update members", 1)];
    watched.cost("a read", &change, 3);

    store.inbox(&ann, None, 20).await.unwrap();
    let inbox = [("find conversations", 2), ("find members", 2), ("find users", 1)];
    // Twenty rows of the member and of their conversations; the announcement and where it starts.
    watched.cost("a page of the list", &inbox, 42);

    let newest = Slice { after: Seq::ZERO, before: None, end: End::Newest, limit: 30 };
    store.messages(&id, newest).await.unwrap();
    watched.cost("a page of messages", &[("find conversations", 1), ("find messages", 1)], 31);

    store.recall(&id, seq(3), None, 5).await.unwrap();
    let recall = [
        ("find messages", 2),
        ("update messages", 1),
        ("find conversations", 1),
        ("findAndModify conversations", 1),
        ("update conversations", 1),
        ("update meta", 1),
        ("delete meta", 1),
    ];
    watched.cost("a recall", &recall, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_reads_what_is_unread_and_not_what_is_there() {
    const CONVERSATIONS: usize = 10_000;
    const UNREAD: usize = 12;
    let watched = Watched::open().await;
    let Watched { store, heard, .. } = &watched;
    let ann = user("ann");
    store.see_users(std::slice::from_ref(&ann)).await.unwrap();
    watched.fill(CONVERSATIONS, UNREAD).await;
    heard.take();
    let unread = store.unread_rows(std::slice::from_ref(&ann)).await.unwrap();
    assert_eq!(unread[0].1.len(), UNREAD);
    let commands = [("find members", 1), ("find conversations", 1), ("find users", 1)];
    let asked = watched.cost("what may be unread", &commands, UNREAD * 2 + 1);
    // Nor does the server look through the others to find them.
    let members = asked.iter().find(|command| command.collection == "members").unwrap();
    let plan = watched.plan(members).await;
    let stats = plan.get_document("executionStats").unwrap();
    assert_eq!(number(stats.get("totalDocsExamined").unwrap()), UNREAD);
    store.inbox(&ann, None, 50).await.unwrap();
    let commands = [("find members", 2), ("find conversations", 2), ("find users", 1)];
    let asked = watched.cost("the first page", &commands, 101);
    let page = asked.iter().find(|command| command.body.contains_key("limit")).unwrap();
    let plan = watched.plan(page).await.to_string();
    assert!(plan.contains("user_1_maybeListed_1_lastAt_-1_conversation_-1"), "{plan}");
}

impl Watched {
    /// Rows of so many conversations, as the sends of one message each would leave them; so many of
    /// them unread.
    async fn fill(&self, conversations: usize, unread: usize) {
        let seen = say(&self.store, &direct("ann", "bob"), "bob").await;
        let change = read_up_to(seen.message.seq.get());
        self.store.change_member(&user("ann"), &direct("ann", "bob"), &change).await.unwrap();
        let members = self.raw.collection::<Document>("members");
        let rows = self.raw.collection::<Document>("conversations");
        let member = members.find_one(doc! { "user": "ann" }).await.unwrap().unwrap();
        let row = rows.find_one(doc! {}).await.unwrap().unwrap();
        for chunk in (1..conversations).collect::<Vec<_>>().chunks(1_000) {
            let ids = chunk.iter().map(|number| (number, direct("ann", &format!("p{number:05}"))));
            let (mut new_members, mut new_rows) = (Vec::new(), Vec::new());
            for (number, id) in ids {
                let (mut member, mut row) = (member.clone(), row.clone());
                row.insert("_id", id.as_str());
                member.insert("_id", member_id(&user("ann"), &id));
                member.insert("conversation", id.as_str());
                if *number <= unread {
                    member.extend(doc! { "readSeq": 0_i64, "maybeUnread": true });
                }
                new_members.push(member);
                new_rows.push(row);
            }
            members.insert_many(new_members).await.unwrap();
            rows.insert_many(new_rows).await.unwrap();
        }
    }

    /// How the server answers a query, and what it costs it.
    async fn plan(&self, command: &Command) -> Document {
        let mut find = Document::new();
        for field in ["find", "filter", "sort", "limit"] {
            if let Some(value) = command.body.get(field) {
                find.insert(field, value);
            }
        }
        let explain = doc! { "explain": find, "verbosity": "executionStats" };
        self.raw.run_command(explain).await.unwrap()
    }
}

fn number(value: &Bson) -> usize {
    match value {
        Bson::Int32(count) => usize::try_from(*count).unwrap(),
        Bson::Int64(count) => usize::try_from(*count).unwrap(),
        other => panic!("{other} is no count"),
    }
}

/// The keys that the collections are sharded by.
const SHARD_KEYS: [(&str, &str); 6] = [
    ("messages", "conversation"),
    ("conversations", "_id"),
    ("members", "user"),
    ("users", "_id"),
    ("presence", "user"),
    ("waiting", "_id"),
];

fn shard_key(collection: &str) -> Option<&'static str> {
    SHARD_KEYS.iter().find(|(name, _)| *name == collection).map(|(_, key)| *key)
}

/// Whether every document that a filter finds has one of few values of the key.
fn names(filter: &Document, key: &str) -> bool {
    let is_equal = |value: &Bson| match value {
        Bson::String(_) => true,
        Bson::Document(condition) => condition.contains_key("$in") && condition.len() == 1,
        _ => false,
    };
    let each = filter.get_array("$or").is_ok_and(|clauses| {
        clauses.iter().all(|clause| names(clause.as_document().unwrap(), key))
    });
    filter.get(key).is_some_and(is_equal) || each
}

/// The filters of a command.
fn filters(command: &Command) -> Vec<Document> {
    let body = &command.body;
    match command.name.as_str() {
        "find" => vec![body.get_document("filter").unwrap().clone()],
        "findAndModify" => vec![body.get_document("query").unwrap().clone()],
        "aggregate" => {
            let first = body.get_array("pipeline").unwrap()[0].as_document().unwrap().clone();
            vec![first.get_document("$match").unwrap().clone()]
        }
        "update" | "delete" => {
            let field = if command.name == "update" { "updates" } else { "deletes" };
            let statements = body.get_array(field).unwrap();
            let filter = |statement: &Bson| {
                statement.as_document().unwrap().get_document("q").unwrap().clone()
            };
            statements.iter().map(filter).collect()
        }
        _ => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_of_the_hot_paths_names_its_shard() {
    let watched = Watched::open().await;
    let Watched { store, heard, .. } = &watched;
    let (ann, id) = (user("ann"), direct("ann", "bob"));
    store.see_users(&[ann.clone(), user("bob")]).await.unwrap();
    let first = draft(&id, Some("ann"));
    let drafts = vec![first.clone(), draft(&direct("ann", "cyd"), Some("cyd"))];
    store.append(drafts).await.into_iter().for_each(|outcome| drop(outcome.unwrap()));
    append(store, first).await.unwrap();
    append(store, quiet(draft(&announcement(), None))).await.unwrap();
    store.change_member(&ann, &id, &read_up_to(1)).await.unwrap();
    store.change_member(&ann, &announcement(), &read_up_to(1)).await.unwrap();
    let slice = Slice { after: Seq::ZERO, before: None, end: End::Newest, limit: 30 };
    store.messages(&id, slice).await.unwrap();
    store.recall(&id, seq(1), None, 5).await.unwrap();
    store.unread_rows(&[ann.clone(), user("bob")]).await.unwrap();
    store.inbox(&ann, None, 9).await.unwrap();
    store.rows(&ann, &[id.clone(), announcement()]).await.unwrap();
    store.count(&ann, &id, seq(0), seq(1)).await.unwrap();
    store.users(std::slice::from_ref(&ann)).await.unwrap();
    let notice = Notice { receiver: Some(ann), conversation: id, seq: seq(1) };
    let holder = Holder("me".to_owned());
    let other = Notice { seq: seq(2), ..notice.clone() };
    let company = Company { id: holder.clone(), others: vec![other] };
    let due = Due { notice, at: 1, tries: Tries::default(), company: None };
    let waiting = &watched.waiting;
    waiting.keep(vec![due.notice.clone()], due.at).await.unwrap();
    let held = waiting.hold(vec![due], &holder, 9).await.unwrap();
    waiting.gather(held[0].clone(), company, &holder).await.unwrap();
    waiting.put_off(held.clone(), &holder, 9, Tries::default()).await.unwrap();
    waiting.finish(held, &holder, 9).await.unwrap();
    let mut checked = 0;
    for command in heard.take() {
        let Some(key) = shard_key(&command.collection) else {
            assert_eq!(command.collection, "meta", "{command:?}");
            continue;
        };
        for filter in filters(&command) {
            assert!(names(&filter, key), "{} {}: {filter}", command.name, command.collection);
            checked += 1;
        }
    }
    assert!(checked > 35, "{checked} filters is not all of them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_unique_index_begins_with_the_key_of_its_shards() {
    let watched = Watched::open().await;
    let mut unique = 0;
    for name in watched.raw.list_collection_names().await.unwrap() {
        let indexes = watched.raw.collection::<Document>(&name).list_indexes().await.unwrap();
        let indexes: Vec<mongodb::IndexModel> =
            futures_util::TryStreamExt::try_collect(indexes).await.unwrap();
        for index in indexes {
            let is_unique = index.options.and_then(|options| options.unique) == Some(true);
            // An `_id` that is made by whoever writes is unique by its making.
            if !is_unique || index.keys.contains_key("_id") {
                continue;
            }
            let first = index.keys.keys().next().unwrap();
            assert_eq!(Some(first.as_str()), shard_key(&name), "{name}: {}", index.keys);
            unique += 1;
        }
    }
    assert_eq!(unique, 3);
}
