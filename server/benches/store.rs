//! How many messages a second the SQLite store takes, beside SQLite itself.
//!
//! `cargo bench -p message-service --bench store`
//!
//! Three runs take turns, so that whatever else the machine does meets all of them alike:
//!
//! * **store**: concurrent senders through `append`, each waiting for its acknowledgement, each in
//!   a direct conversation of its own with one receiver;
//! * **same rows**: one thread, bare SQLite, the same file format and durability, as many messages
//!   in a transaction as the store's group commit had just achieved, and the rows that a send
//!   touches: the message, its conversation, both members;
//! * **message alone**: the same, but the message and nothing that is derived from it.
//!
//! Nothing here is asserted: a number is only worth something beside its neighbours.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use message_service::store::sqlite::SqliteStore;
use message_service::store::{ContentHash, Draft, Store};
use message_service_shared::id::{ClientMsgId, ConversationId, MessageId, UserId};
use message_service_shared::message::Content;
use rusqlite::{Connection, params};
use tempfile::TempDir;

const SENDERS: [usize; 4] = [1, 16, 64, 256];
const REPETITIONS: usize = 5;
const RUN: Duration = Duration::from_secs(1);

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    println!(
        "message-service {}, SQLite {}, {} processors; WAL, synchronous=FULL; medians of \
         {REPETITIONS} runs of {} s [range]",
        env!("CARGO_PKG_VERSION"),
        rusqlite::version(),
        available_parallelism()?,
        RUN.as_secs(),
    );
    println!("messages per second; ratios are store / bare SQLite");
    println!(
        "{:>7} | {:>6} | {:>23} | {:>23} | {:>5} | {:>23} | {:>5}",
        "senders", "commit", "store", "same rows", "ratio", "message alone", "ratio"
    );
    for senders in SENDERS {
        let (mut sizes, mut stored) = (Vec::new(), Vec::new());
        let (mut same_rows, mut alone) = (Vec::new(), Vec::new());
        for _ in 0..REPETITIONS {
            let run = runtime.block_on(through_the_store(senders))?;
            sizes.push(run.per_commit);
            stored.push(run.per_second);
            same_rows.push(bare(senders, run.per_commit, Derived::Written)?);
            alone.push(bare(senders, run.per_commit, Derived::LeftOut)?);
        }
        println!(
            "{senders:>7} | {:>6.1} | {:>23} | {:>23} | {:>5.2} | {:>23} | {:>5.2}",
            median(&sizes),
            spread(&stored),
            spread(&same_rows),
            median(&stored) / median(&same_rows),
            spread(&alone),
            median(&stored) / median(&alone),
        );
    }
    Ok(())
}

/// What a run through the store achieved.
struct Run {
    per_second: f64,
    per_commit: f64,
}

async fn through_the_store(senders: usize) -> Outcome<Run> {
    let folder = folder()?;
    let store = Arc::new(SqliteStore::open(folder.path().join("store.db"))?);
    for sender in 0..senders {
        send(&store, sender, 0).await?;
    }
    let before = store.written();
    let start = Instant::now();
    let tasks: Vec<_> = (0..senders)
        .map(|sender| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut sent = 0;
                while start.elapsed() < RUN {
                    sent += 1;
                    send(&store, sender, sent).await?;
                }
                Outcome::Ok(sent)
            })
        })
        .collect();
    let mut sent = 0;
    for task in tasks {
        sent += task.await??;
    }
    let elapsed = start.elapsed().as_secs_f64();
    let after = store.written();
    let transactions = after.transactions - before.transactions;
    Ok(Run { per_second: float(sent) / elapsed, per_commit: float(sent) / float(transactions) })
}

async fn send(store: &SqliteStore, sender: usize, number: u64) -> Outcome<()> {
    let sender = UserId::new(format!("sender-{sender}"))?;
    let content = Content::text(words());
    let draft = Draft {
        conversation: ConversationId::direct(&sender, &UserId::new("receiver")?)
            .ok_or("the receiver sends nothing")?,
        client_msg_id: ClientMsgId::new(name(number))?,
        content_hash: ContentHash::of(&content, false),
        content,
        quiet: false,
        id: MessageId::new(id(&sender, number))?,
        at: 1_700_000_000_000 + number,
        read_seq: None,
        sender: Some(sender),
    };
    store.append(vec![draft]).await.remove(0)?;
    Ok(())
}

/// Whether bare SQLite writes the rows that are derived from a message too.
#[derive(Clone, Copy, PartialEq)]
enum Derived {
    Written,
    LeftOut,
}

fn bare(senders: usize, per_commit: f64, derived: Derived) -> Outcome<f64> {
    let folder = folder()?;
    let file = folder.path().join("bare.db");
    // The store makes the file, so that the tables are the same ones.
    drop(SqliteStore::open(&file)?);
    let mut connection = open_bare(&file, senders)?;
    let content = serde_json::to_string(&Content::text(words()))?;
    let (mut sent, mut due) = (0_u64, 0.0);
    let start = Instant::now();
    while start.elapsed() < RUN {
        let transaction = connection.transaction()?;
        // A mean of 7.5 is 7 and 8 in turns.
        due += per_commit;
        while float(sent) < due {
            insert(&transaction, senders, sent, &content, derived)?;
            sent += 1;
        }
        transaction.commit()?;
    }
    Ok(float(sent) / start.elapsed().as_secs_f64())
}

fn open_bare(file: &Path, senders: usize) -> Outcome<Connection> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", 8_192)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.execute("INSERT INTO users (key, user_id) VALUES (1, 'receiver')", [])?;
    for sender in 0..senders {
        let (user, conversation) = keys(sender)?;
        let id = format!("sender-{sender}");
        connection
            .execute("INSERT INTO users (key, user_id) VALUES (?1, ?2)", params![user, id])?;
        let id = format!("direct:receiver:{id}");
        let sql = "INSERT INTO conversations (key, conversation_id) VALUES (?1, ?2)";
        connection.execute(sql, params![conversation, id])?;
        let sql = "INSERT INTO members (user, conversation, term) VALUES (?1, ?2, 1)";
        connection.execute(sql, [user, conversation])?;
        connection.execute(sql, [1, conversation])?;
    }
    Ok(connection)
}

fn insert(
    connection: &Connection,
    senders: usize,
    number: u64,
    content: &str,
    derived: Derived,
) -> Outcome<()> {
    let index = usize::try_from(number)?;
    let (sender, seq) = (index % senders, i64::try_from(index / senders)? + 1);
    let (user, conversation) = keys(sender)?;
    let at = 1_700_000_000_000 + seq;
    connection
        .prepare_cached(
            "INSERT INTO messages (conversation, seq, message_id, sender, client_msg_id,
                    content_hash, at, quiet, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)",
        )?
        .execute(params![
            conversation,
            seq,
            id(&UserId::new(format!("sender-{sender}"))?, number),
            user,
            name(number),
            [7_u8; 32],
            at,
            content
        ])?;
    if derived == Derived::LeftOut {
        return Ok(());
    }
    connection
        .prepare_cached(
            "UPDATE conversations SET last_seq = ?2, last_at = ?3, preview = ?4 WHERE key = ?1",
        )?
        .execute(params![conversation, seq, at, content])?;
    let mut touch = connection.prepare_cached(
        "UPDATE members SET last_seq = ?3, last_at = ?4, own = ?5, maybe_unread = ?6
         WHERE user = ?1 AND conversation = ?2",
    )?;
    let own = format!("{{\"runs\":[[1,{seq}]]}}");
    touch.execute(params![user, conversation, seq, at, own, false])?;
    touch.execute(params![1, conversation, seq, at, None::<String>, true])?;
    Ok(())
}

/// The keys of a sender and its conversation; the first ones are the receiver's and everyone's.
fn keys(sender: usize) -> Outcome<(i64, i64)> {
    let key = i64::try_from(sender)? + 2;
    Ok((key, key))
}

fn words() -> String {
    "words ".repeat(20)
}

fn name(number: u64) -> String {
    format!("0193f5a0-7c1e-7000-8000-{number:012x}")
}

fn id(sender: &UserId, number: u64) -> String {
    format!("{number:016x}-{sender}")
}

/// On the disk that the build is on; a temporary folder may be in memory.
fn folder() -> Outcome<TempDir> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

fn float(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

fn sorted(numbers: &[f64]) -> Vec<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn median(numbers: &[f64]) -> f64 {
    sorted(numbers).get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

fn spread(numbers: &[f64]) -> String {
    let sorted = sorted(numbers);
    let end = |number: Option<&f64>| number.copied().unwrap_or(f64::NAN);
    let (low, high) = (end(sorted.first()), end(sorted.last()));
    format!("{:.0} [{low:.0}-{high:.0}]", median(numbers))
}
