//! A believable day of conversations, so that the demo is not empty. It is written into the store
//! before the service opens it, because what a day brings has times of its own.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use message_service::clock::{Ids, RandomIds};
use message_service::config::StoreAt;
use message_service::id::{ClientMsgId, ConversationId, MessageId, UserId};
use message_service::message::{Body, Content, Millis, Notice};
use message_service::seq::Seq;
use message_service::store::mongodb::{Migrate, MongoStore};
use message_service::store::sqlite::SqliteStore;
use message_service::store::{ContentHash, Draft, End, MemberChange, Slice, Store};

use crate::members::profiles;

type Failure = Box<dyn Error>;

const MINUTE: Millis = 60_000;

/// Who says what, and how many minutes ago.
const SAID: [(&str, &str, u64, &str); 18] = [
    ("ben", "ada", 1_560, "The cold frame arrived! Two boxes, both heavy."),
    ("ada", "ben", 1_541, "I can help carry on Saturday."),
    ("ben", "ada", 1_538, "You're a star. Nine-ish, before it gets hot?"),
    ("ada", "ben", 1_535, "Nine it is. I'll bring gloves."),
    ("chen", "ada", 620, "西红柿已经发芽了,你要几株?"),
    ("ada", "chen", 601, "Four, please! And a pepper if one is left."),
    ("chen", "ada", 598, "没问题,我给你留着 🌱"),
    ("dana", "ada", 310, "Who moved the hose? Row 7 is bone dry."),
    ("ada", "dana", 298, "Not me, but I'll look when I'm there tonight."),
    ("dana", "ada", 41, "Found it. Behind the shed, under a tarp."),
    ("dana", "ada", 40, "Could somebody please roll it up next time?"),
    ("elif", "ada", 22, "Seed swap on the 12th: are you in?"),
    ("farid", "ada", 12, "هل يمكنني استعارة المقص غداً؟"),
    ("grace", "ben", 480, "Your beans have climbed into my row again 😄"),
    ("ben", "grace", 470, "Free beans! Keep what you pick."),
    ("chen", "ben", 95, "The compost is ready to turn."),
    ("elif", "chen", 55, "Thank you for the seedlings!"),
    ("dana", "elif", 18, "Bring the label maker on the 12th?"),
];

/// What the product told everyone, or one: to whom, how many minutes ago, title, text, category.
const TOLD: [(Option<&str>, u64, &str, &str, &str); 4] = [
    (None, 2_900, "Water is back on", "The main was repaired this morning.", "weather"),
    (None, 190, "Frost tonight", "Down to −2 °C. Cover what is tender.", "weather"),
    (Some("ada"), 75, "Plot 14 is yours until spring", "Your booking was renewed.", "booking"),
    (Some("ben"), 33, "Your tool loan ends tomorrow", "Please bring the fork back.", "booking"),
];

/// Fills a store that several nodes may share, where nobody has.
pub(crate) async fn prepare(store: &StoreAt) -> Result<(), Failure> {
    if let StoreAt::MongoDb(address) = store {
        let store = MongoStore::open(address, Migrate::AtStart).await?;
        if store.messages(&ConversationId::announcement(), newest(1)).await?.messages.is_empty() {
            fill(&store).await?;
        }
    }
    Ok(())
}

/// The store's file, made and filled where there is none.
pub(crate) async fn prepare_file(folder: &Path, fresh: bool) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("messages.db");
    if fresh {
        forget(&path)?;
    }
    if !path.exists() {
        fill(&SqliteStore::open(&path)?).await?;
    }
    Ok(path)
}

fn forget(path: &Path) -> Result<(), Failure> {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let file = PathBuf::from(name);
        if file.exists() {
            std::fs::remove_file(file)?;
        }
    }
    Ok(())
}

async fn fill(store: &dyn Store) -> Result<(), Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let now = Millis::try_from(now)?;
    store.upsert_users(profiles()).await?;
    let mut drafts: Vec<Draft> = Vec::new();
    for (from, to, minutes, text) in SAID {
        let (from, to): (UserId, UserId) = (from.parse()?, to.parse()?);
        let conversation = ConversationId::direct(&from, &to).ok_or("nobody writes to themself")?;
        let name = format!("demo-said-{}", drafts.len());
        let at = now - minutes * MINUTE;
        drafts.push(draft(conversation, Some(from), &name, at, Content::text(text))?);
    }
    for (to, minutes, title, text, category) in TOLD {
        let conversation = match to {
            Some(user) => ConversationId::system(&user.parse()?),
            None => ConversationId::announcement(),
        };
        let notice = Notice {
            title: title.to_owned(),
            text: Some(text.to_owned()),
            category: Some(category.to_owned()),
            ..Notice::default()
        };
        let content = Content::from(Body::Notice(notice));
        let name = format!("demo-told-{}", drafts.len());
        drafts.push(draft(conversation, None, &name, now - minutes * MINUTE, content)?);
    }
    drafts.sort_by_key(|draft| draft.at);
    for outcome in store.append(drafts).await {
        outcome?;
    }
    read_the_old(store, now).await
}

/// Everybody has read what is older than an hour and a half.
async fn read_the_old(store: &dyn Store, now: Millis) -> Result<(), Failure> {
    for profile in profiles() {
        let user = profile.id;
        for row in store.inbox(&user, None, 100).await? {
            let page = store.messages(&row.id, newest(100)).await?;
            let old = page.messages.iter().filter(|message| message.at < now - 90 * MINUTE);
            if let Some(seq) = old.map(|message| message.seq).max() {
                let read = MemberChange::Read { seq, mark_seen: 0, at: now, by: "demo".to_owned() };
                store.change_member(&user, &row.id, &read).await?;
            }
        }
    }
    Ok(())
}

fn newest(limit: usize) -> Slice {
    Slice { after: Seq::ZERO, before: None, end: End::Newest, limit }
}

fn draft(
    conversation: ConversationId,
    sender: Option<UserId>,
    // The same each time, so that two nodes that begin together fill the store once.
    name: &str,
    at: Millis,
    content: Content,
) -> Result<Draft, Failure> {
    let id = RandomIds.make(at);
    Ok(Draft {
        conversation,
        sender,
        client_msg_id: ClientMsgId::new(name)?,
        content_hash: ContentHash::of(&content, false),
        content,
        quiet: false,
        id: MessageId::new(id.to_string())?,
        at,
        read_seq: None,
    })
}
