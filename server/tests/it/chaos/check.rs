//! What must hold when it is quiet, counted in the stored messages alone, by brute force.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use message_service::id::{ConversationId, UserId};
use message_service::message::Message;
use message_service::seq::Seq;
use message_service::store::mongodb::{Migrate, MongoStore};
use message_service::store::{End, Slice, Store, StoredRow};

use super::client::{Glance, Report};
use super::{USERS, user};

type Glances = [Arc<Mutex<Glance>>];
/// What each user's badges must say, by conversation, where there is anything.
type Badges = BTreeMap<UserId, BTreeMap<ConversationId, u64>>;

/// What is stored.
struct Truth {
    messages: BTreeMap<ConversationId, Vec<Message>>,
    badges: Badges,
}

async fn truth(database: &str) -> Truth {
    let store = MongoStore::open(database, Migrate::ByCommand).await.unwrap();
    let users: Vec<UserId> = (0..USERS).map(|number| user(number).parse().unwrap()).collect();
    let (mut messages, mut badges) = (BTreeMap::new(), Badges::new());
    let all = Slice { after: Seq::ZERO, before: None, end: End::Oldest, limit: 1_000_000 };
    for (place, one) in users.iter().enumerate() {
        for other in &users[..place] {
            let id = ConversationId::direct(one, other).unwrap();
            let found = store.messages(&id, all).await.unwrap().messages;
            if !found.is_empty() {
                messages.insert(id, found);
            }
        }
    }
    for one in users {
        let ids: Vec<ConversationId> = messages.keys().cloned().collect();
        let rows = store.rows(&one, &ids).await.unwrap();
        let counted = rows.iter().map(|row| (row.id.clone(), count(&one, row, &messages[&row.id])));
        let badges_of_one = counted.filter(|(_, unread)| *unread > 0).collect();
        badges.insert(one, badges_of_one);
    }
    Truth { messages, badges }
}

fn count(user: &UserId, row: &StoredRow, messages: &[Message]) -> u64 {
    let read = row.member.read_seq;
    let counts = |message: &&Message| message.seq > read && message.sender.as_ref() != Some(user);
    messages.iter().filter(counts).count() as u64
}

/// What the clients show that the store does not say.
fn differences(badges: &Badges, glances: &Glances) -> Vec<String> {
    let mut differences = Vec::new();
    for glance in glances {
        let glance = glance.lock().unwrap().clone();
        let name = &glance.name;
        if !glance.is_live || glance.waiting > 0 {
            differences.push(format!("{name} is not at rest: {} wait", glance.waiting));
            continue;
        }
        let expected = &badges[&glance.user];
        if glance.unread != *expected {
            differences.push(format!("{name} shows {:?}, and {expected:?} count", glance.unread));
        }
        let total: u64 = expected.values().sum();
        if glance.total != total {
            differences.push(format!("{name} shows {} in all, and {total} count", glance.total));
        }
    }
    differences
}

/// Waits until every client shows what the store says.
pub(super) async fn until_right(database: &str, glances: &Glances) {
    loop {
        let truth = truth(database).await;
        if differences(&truth.badges, glances).is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Checks everything, and says what it was.
pub(super) async fn all(database: &str, glances: &Glances, reports: &[Report]) -> String {
    let truth = truth(database).await;
    let mut complaints: Vec<String> =
        reports.iter().flat_map(|report| report.complaints.clone()).collect();
    complaints.extend(differences(&truth.badges, glances));
    let mut stored: HashMap<(ConversationId, String), Seq> = HashMap::new();
    for (id, messages) in &truth.messages {
        for (place, message) in messages.iter().enumerate() {
            if message.seq.get() != place as u64 + 1 {
                complaints.push(format!("{id} has {} at place {place}", message.seq));
            }
            if place > 0 && messages[place - 1].at > message.at {
                complaints.push(format!("{id} goes back in time at {}", message.seq));
            }
            let name = message.client_msg_id.as_str().to_owned();
            if stored.insert((id.clone(), name), message.seq).is_some() {
                complaints.push(format!("{id} has {} twice", message.client_msg_id));
            }
        }
    }
    let acknowledged: Vec<_> = reports.iter().flat_map(|report| &report.acknowledged).collect();
    for sent in &acknowledged {
        let key = (sent.conversation.clone(), sent.name.as_str().to_owned());
        if stored.get(&key) != Some(&sent.seq) {
            complaints.push(format!("{} lost {}", sent.conversation, sent.name));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(acknowledged.len() > 100, "hardly anything was sent: {}", acknowledged.len());
    let failed: usize = reports.iter().map(|report| report.failed).sum();
    let connections: usize = reports.iter().map(|report| report.connections).sum();
    format!(
        "{} messages stored, {} acknowledged, {failed} given up, {connections} connections, \
         0 lost, 0 twice, {} badges right",
        stored.len(),
        acknowledged.len(),
        glances.len(),
    )
}
