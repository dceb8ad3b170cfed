//! A process that dies between any two writes leaves nothing that the sender's retry, a node that
//! starts, another node, or whoever opens the conversation would not put right.

use std::sync::Arc;

use message_service_shared::id::ConversationId;
use message_service_shared::message::Message;
use message_service_shared::seq::Seq;

use super::proxy::{Death, Proxy};
use super::{Migrate, MongoStore, Server, open};
use crate::store::conformance::{
    Shared, all_messages, append, direct, draft, quiet, read_up_to, row, say, seq, system,
    unread_ids, user,
};
use crate::store::{AppendError, Draft, StoredRow};

/// Everything that anybody sees of a conversation.
#[derive(Debug, PartialEq)]
struct Seen {
    messages: Vec<Message>,
    rows: Vec<Option<StoredRow>>,
    unread: Vec<Vec<ConversationId>>,
    listed: Vec<Vec<ConversationId>>,
}

const USERS: [&str; 2] = ["ann", "bob"];

async fn look(store: &Shared, id: &ConversationId) -> Seen {
    let (mut rows, mut unread, mut listed) = (Vec::new(), Vec::new(), Vec::new());
    for name in USERS {
        rows.push(row(store, name, id).await);
        unread.push(unread_ids(store, name).await);
        let page = store.inbox(&user(name), None, 9).await.unwrap();
        listed.push(page.into_iter().map(|row| row.id).collect());
    }
    Seen { messages: all_messages(store, id).await, rows, unread, listed }
}

/// What was there before, and what a process is about to do when it dies.
#[derive(Clone)]
struct Story {
    id: ConversationId,
    before: Vec<Draft>,
    act: Act,
}

#[derive(Clone)]
enum Act {
    Send(Box<Draft>),
    Recall(Seq),
}

impl Story {
    async fn begin(&self, address: &str) {
        let store: Shared = open(address).await;
        for draft in &self.before {
            append(&store, draft.clone()).await.unwrap();
        }
    }

    async fn act(&self, store: &Shared) -> Result<(), AppendError> {
        match &self.act {
            Act::Send(draft) => append(store, Draft::clone(draft)).await.map(drop),
            Act::Recall(seq) => match store.recall(&self.id, *seq, None, 7).await {
                Ok(_) => Ok(()),
                Err(crate::store::RecallError::Store(error)) => Err(error.into()),
                Err(error) => panic!("{error}"),
            },
        }
    }

    /// How it ends where nobody dies.
    async fn told_whole(&self, server: Server) -> Seen {
        let address = server.database();
        self.begin(&address).await;
        let store: Shared = open(&address).await;
        self.act(&store).await.unwrap();
        look(&store, &self.id).await
    }
}

fn stories() -> Vec<Story> {
    let id = direct("ann", "bob");
    let mut first = draft(&id, Some("ann"));
    first.read_seq = Some(Seq::ZERO);
    let earlier = || vec![draft(&id, Some("bob")), draft(&id, Some("ann"))];
    let mut along = draft(&id, Some("ann"));
    along.read_seq = Some(seq(2));
    let of_system = system("ann");
    vec![
        Story { id: id.clone(), before: vec![], act: Act::Send(Box::new(first)) },
        Story { id: id.clone(), before: earlier(), act: Act::Send(Box::new(along)) },
        Story {
            id: of_system.clone(),
            before: vec![draft(&of_system, None)],
            act: Act::Send(Box::new(quiet(draft(&of_system, None)))),
        },
        Story { id: id.clone(), before: earlier(), act: Act::Recall(seq(2)) },
        Story { id: id.clone(), before: earlier(), act: Act::Recall(seq(1)) },
    ]
}

/// Lets the process of each story die at each write, until there are no more of them, and hands the
/// database that is left to `heal`.
async fn die_everywhere(
    server: Server,
    death: fn(usize) -> Death,
    heal: impl AsyncFn(&Story, &Seen, String),
) {
    for story in stories() {
        let whole = story.told_whole(server).await;
        for write in 0.. {
            assert!(write < 20, "a send has no end of writes");
            let address = server.database();
            story.begin(&address).await;
            let proxy = Proxy::dying(&address, death(write)).await;
            let dying = format!("{}&serverSelectionTimeoutMS=300", proxy.address());
            let process: Shared =
                Arc::new(MongoStore::open(&dying, Migrate::AtStart).await.unwrap());
            let outcome = story.act(&process).await;
            drop(process);
            if !proxy.has_died() {
                assert!(outcome.is_ok());
                break;
            }
            assert!(
                matches!(outcome, Err(AppendError::Store(_))),
                "what is not known to be written is not acknowledged"
            );
            heal(&story, &whole, address).await;
        }
    }
}

async fn by_the_senders_retry(story: &Story, whole: &Seen, address: String) {
    let healed: Shared = open(&address).await;
    story.act(&healed).await.unwrap();
    assert_eq!(look(&healed, &story.id).await, *whole);
}

/// What a node does when it starts, and when it sees that another's lease has run out.
async fn by_repair(story: &Story, whole: &Seen, address: String) {
    let healed: Shared = open(&address).await;
    let stored = raw_messages(&address, &story.id).await;
    healed.repair().await.unwrap();
    let seen = look(&healed, &story.id).await;
    assert_eq!(seen.messages.len(), stored);
    if stored == whole.messages.len() && matches!(story.act, Act::Send(_)) {
        // What its author had read is said again with the retry; all that others see is there.
        assert_eq!(seen.rows[1], whole.rows[1]);
        assert_eq!((&seen.messages, &seen.listed), (&whole.messages, &whole.listed));
        let ann = seen.rows[0].clone().unwrap();
        assert_eq!(ann.conversation, whole.rows[0].clone().unwrap().conversation);
    }
    if let Act::Recall(taken) = &story.act
        && seen.messages.iter().any(|said| said.seq == *taken && said.recalled.is_some())
    {
        assert_eq!(seen, *whole, "what was taken back is shown or counted nowhere");
    }
    by_the_senders_retry(story, whole, address).await;
}

/// How many messages are stored, derived from or not.
async fn raw_messages(address: &str, id: &ConversationId) -> usize {
    let store = open(address).await;
    let newest = store.core.newest(id).await.unwrap();
    usize::try_from(newest.seq.get()).unwrap()
}

async fn by_opening(story: &Story, whole: &Seen, address: String) {
    let healed: Shared = open(&address).await;
    let messages = all_messages(&healed, &story.id).await;
    for name in USERS {
        if let Some(row) = row(&healed, name, &story.id).await {
            let shown = row.conversation.last_seq;
            let last = messages.last().map(|message| message.seq).unwrap_or_default();
            assert_eq!(shown, last, "a page shows no message that its row does not know");
        }
    }
    by_the_senders_retry(story, whole, address).await;
}

async fn by_the_next_message(story: &Story, _whole: &Seen, address: String) {
    let healed: Shared = open(&address).await;
    if !matches!(story.act, Act::Send(_)) || story.id == system("ann") {
        return;
    }
    say(&healed, &story.id, "bob").await;
    let messages = all_messages(&healed, &story.id).await;
    let reader = user("ann");
    healed.change_member(&reader, &story.id, &read_up_to(0)).await.unwrap();
    let row = row(&healed, "ann", &story.id).await.unwrap();
    for message in &messages {
        let own = message.sender.as_ref() == Some(&reader);
        let is_own = row.member.own.contains(message.seq) || row.member.read_seq >= message.seq;
        assert!(!own || is_own, "an own message counts after a crash");
    }
}

macro_rules! heals {
    ($($name:ident: $server:ident, $death:ident, $heal:ident;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                die_everywhere(Server::$server, Death::$death, $heal).await;
            }
        )*
    };
}

heals! {
    a_death_before_any_write_is_healed_by_the_senders_retry:
        SecantusDb, BeforeWrite, by_the_senders_retry;
    a_death_after_any_write_is_healed_by_the_senders_retry:
        SecantusDb, AfterWrite, by_the_senders_retry;
    a_death_before_any_write_is_healed_by_a_node_that_starts: SecantusDb, BeforeWrite, by_repair;
    a_death_after_any_write_is_healed_by_a_node_that_starts: SecantusDb, AfterWrite, by_repair;
    a_death_before_any_write_is_healed_by_opening: SecantusDb, BeforeWrite, by_opening;
    a_death_before_any_write_is_healed_by_the_next_message:
        SecantusDb, BeforeWrite, by_the_next_message;
    a_death_is_healed_on_the_poorer_server_too: FerretDb, BeforeWrite, by_repair;
}
