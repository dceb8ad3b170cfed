//! Random histories, against a model that knows every message and nothing of ranges, bases or
//! indexes.

use std::collections::BTreeMap;

use super::*;

const NAMES: [&str; 3] = ["ann", "bob", "cyd"];
const SEEDS: u64 = 6;
const STEPS: u64 = 120;

/// `SplitMix64`: the same history for the same seed, everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % bound
    }

    fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[usize::try_from(self.below(list.len() as u64)).unwrap()]
    }
}

#[derive(Clone, Default)]
struct Told {
    sender: Option<String>,
    silent: bool,
    at: Millis,
}

#[derive(Clone, Copy, Default)]
struct Reader {
    up_to: u64,
    cleared: u64,
    marked: bool,
}

#[derive(Default)]
struct Model {
    told: BTreeMap<ConversationId, Vec<Told>>,
    readers: BTreeMap<(String, ConversationId), Reader>,
}

impl Model {
    fn reader(&mut self, name: &str, conversation: &ConversationId) -> &mut Reader {
        self.readers.entry((name.to_owned(), conversation.clone())).or_default()
    }

    fn shown(&self, name: &str, conversation: &ConversationId) -> u64 {
        let key = (name.to_owned(), conversation.clone());
        let reader = self.readers.get(&key).copied().unwrap_or_default();
        let after = reader.up_to.max(reader.cleared);
        let messages = (1..).zip(self.told.get(conversation).into_iter().flatten());
        let counts = |(seq, told): &(u64, &Told)| {
            *seq > after && !told.silent && told.sender.as_deref() != Some(name)
        };
        // What was removed from the list does not count where nobody sees it.
        let last = self.told.get(conversation).map_or(0, |told| told.len() as u64);
        let marked = reader.marked && last > reader.cleared;
        (messages.filter(counts).count() as u64).max(u64::from(marked))
    }

    fn listed(&self, conversations: &[ConversationId], name: &str) -> Vec<ConversationId> {
        let mut listed: Vec<(Millis, ConversationId)> = Vec::new();
        for conversation in conversations {
            let Some(messages) = self.told.get(conversation) else { continue };
            let key = (name.to_owned(), conversation.clone());
            let cleared = self.readers.get(&key).map_or(0, |reader| reader.cleared);
            if messages.len() as u64 > cleared {
                listed.push((messages[messages.len() - 1].at, conversation.clone()));
            }
        }
        listed.sort();
        listed.into_iter().rev().map(|(_, id)| id).collect()
    }
}

/// The conversations of one history: names carry the seed, so that all share a store.
fn conversations_of(names: &[String]) -> Vec<(ConversationId, Vec<&str>)> {
    let [ann, bob, cyd] = [&names[0], &names[1], &names[2]].map(String::as_str);
    vec![
        (direct(ann, bob), vec![ann, bob]),
        (direct(ann, cyd), vec![ann, cyd]),
        (direct(bob, cyd), vec![bob, cyd]),
        (system(ann), vec![ann]),
        (system(bob), vec![bob]),
    ]
}

pub(in crate::store) async fn random_histories_are_counted_as_brute_force_counts(store: Shared) {
    for seed in 0..SEEDS {
        let mut chance = Chance(seed);
        let names = NAMES.map(|name| format!("{name} {seed}"));
        store.see_users(&names.each_ref().map(|name| user(name))).await.unwrap();
        let conversations = conversations_of(&names);
        let mut model = Model::default();
        for step in 0..STEPS {
            let (conversation, parties) = chance.one_of(&conversations);
            let name = *chance.one_of(parties);
            act(&store, &mut model, &mut chance, conversation, name, step).await;
            if step % 8 == 7 {
                compare(&store, &model, &conversations, seed, step).await;
            }
        }
    }
}

/// One step, in the store and in the model.
async fn act(
    store: &Shared,
    model: &mut Model,
    chance: &mut Chance,
    conversation: &ConversationId,
    name: &str,
    step: u64,
) {
    let end = model.told.get(conversation).map_or(0, |told| told.len() as u64);
    match chance.below(12) {
        0..=5 => {
            let by_product = chance.below(4) == 0 || *conversation == system(name);
            let sender = (!by_product).then_some(name);
            let plain = at(draft(conversation, sender), 1_000 + step / 3);
            let silent = chance.below(5) == 0;
            let wanted = if silent { quiet(plain) } else { plain };
            let read = (chance.below(3) == 0).then(|| chance.below(end + 1));
            let wanted = Draft { read_seq: read.map(seq), ..wanted };
            let message = append(store, wanted).await.unwrap().message;
            assert_eq!(message.seq.get(), end + 1);
            let told = Told { sender: sender.map(str::to_owned), silent, at: message.at };
            model.told.entry(conversation.clone()).or_default().push(told);
            if let (Some(read), Some(name)) = (read, sender) {
                let reader = model.reader(name, conversation);
                reader.up_to = reader.up_to.max(read);
            }
        }
        _ if end == 0 => {}
        6 | 7 => {
            let up_to = chance.below(end + 1);
            store.change_member(&user(name), conversation, &read_up_to(up_to)).await.unwrap();
            let reader = model.reader(name, conversation);
            reader.up_to = reader.up_to.max(up_to);
        }
        8 => {
            store.change_member(&user(name), conversation, &MemberChange::Mark).await.unwrap();
            model.reader(name, conversation).marked = true;
        }
        9 => {
            let seen = MemberChange::Read { seq: seq(0), mark_seen: 999, at: 5, by: String::new() };
            store.change_member(&user(name), conversation, &seen).await.unwrap();
            model.reader(name, conversation).marked = false;
        }
        10 => {
            let cleared = chance.below(end + 1);
            let clear = MemberChange::Clear { seq: seq(cleared) };
            store.change_member(&user(name), conversation, &clear).await.unwrap();
            let reader = model.reader(name, conversation);
            reader.cleared = reader.cleared.max(cleared);
        }
        _ => {
            let position = chance.below(end) + 1;
            store.recall(conversation, seq(position), None, 5).await.unwrap();
            let told = model.told.get_mut(conversation).unwrap();
            told[usize::try_from(position).unwrap() - 1].silent = true;
        }
    }
}

async fn compare(
    store: &Shared,
    model: &Model,
    conversations: &[(ConversationId, Vec<&str>)],
    seed: u64,
    step: u64,
) {
    let context = format!("seed {seed}, step {step}");
    for name in conversations.iter().flat_map(|(_, parties)| parties) {
        let own = conversations.iter().filter(|(_, parties)| parties.contains(name));
        let own: Vec<ConversationId> = own.map(|(id, _)| id.clone()).collect();
        let found = store.unread_rows(&[user(name)]).await.unwrap().remove(0).1;
        for conversation in &own {
            let shown = model.shown(name, conversation);
            let found = found.iter().find(|row| row.id == *conversation);
            let Some(row) = row(store, name, conversation).await else {
                assert_eq!((shown, found), (0, None), "{context}");
                continue;
            };
            let standing = exact_standing(store, &user(name), &row).await;
            assert_eq!(standing.shown(), shown, "{context}: {name} in {conversation}: {row:?}");
            assert!(found.is_some() || shown == 0, "{context}: {name} misses {conversation}");
            assert!(found.is_none_or(|found| *found == row), "{context}");
        }
        assert_eq!(listed_ids(store, name).await, model.listed(&own, name), "{context}: {name}");
    }
}
