//! Drafts that wait to be stored. Those that arrive while others are on their way go together.
//!
//! A conversation is never in two batches at once, so a node writes its messages in order. A lone
//! sender never waits for company.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use message_service_shared::id::ConversationId;
use tokio::sync::oneshot;

use super::Core;
use super::append::Outcome;
use crate::store::{Draft, StoreError};

/// Batches on their way at once.
const BATCHES: usize = 4;
/// Conversations in a batch.
const CONVERSATIONS: usize = 100;
/// Drafts of one conversation in a batch.
const DRAFTS: usize = 100;
/// Drafts that may wait; whoever comes then is told to come back.
const WAITING: usize = 10_000;

/// What waits.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    core: Arc<Core>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<ConversationId, VecDeque<Letter>>,
    /// Conversations that have something to send and are in no batch, longest waiting first.
    ready: VecDeque<ConversationId>,
    on_their_way: HashSet<ConversationId>,
    batches: usize,
    drafts: usize,
}

#[derive(Debug)]
struct Letter {
    draft: Draft,
    answer: oneshot::Sender<Outcome>,
}

/// Letters by conversation.
type Batch = Vec<(ConversationId, Vec<Letter>)>;

impl Queue {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, state: Arc::default() }
    }

    /// Stores drafts; as many outcomes as drafts, in order.
    pub(super) async fn append(&self, drafts: Vec<Draft>) -> Vec<Outcome> {
        let answers: Vec<_> = {
            let mut state = self.lock();
            drafts.into_iter().map(|draft| state.add(draft)).collect()
        };
        self.send_off();
        let mut outcomes = Vec::with_capacity(answers.len());
        for answer in answers {
            outcomes.push(match answer {
                Ok(answer) => answer.await.unwrap_or_else(|_| {
                    Err(StoreError::Unavailable("the process ends".to_owned()).into())
                }),
                Err(full) => Err(full.into()),
            });
        }
        outcomes
    }

    /// Sends off what can go now.
    fn send_off(&self) {
        while let Some(batch) = { self.lock().take() } {
            // A task of its own: whoever asked may go away, and what was begun is finished.
            tokio::spawn(self.clone().carry(batch));
        }
    }

    async fn carry(self, batch: Batch) {
        let mut answers = HashMap::new();
        let mut drafts = Vec::with_capacity(batch.len());
        for (id, letters) in batch {
            let (own, theirs): (Vec<Draft>, Vec<_>) =
                letters.into_iter().map(|letter| (letter.draft, letter.answer)).unzip();
            answers.insert(id.clone(), theirs);
            drafts.push((id, own));
        }
        let count = drafts.iter().map(|(_, drafts)| drafts.len()).sum::<usize>();
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        metrics::histogram!("message_service_store_batch_messages").record(count);
        for (id, outcomes) in self.core.append(drafts).await {
            self.lock().arrived(&id);
            let answers = answers.remove(&id).unwrap_or_default();
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // Whoever asked may have gone.
                let _ = answer.send(outcome);
            }
        }
        self.lock().batches -= 1;
        self.send_off();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, draft: Draft) -> Result<oneshot::Receiver<Outcome>, StoreError> {
        if self.drafts >= WAITING {
            let busy = "too many messages wait to be stored; send it again later";
            return Err(StoreError::Unavailable(busy.to_owned()));
        }
        self.drafts += 1;
        let id = draft.conversation.clone();
        let (answer, outcome) = oneshot::channel();
        let letters = self.waiting.entry(id.clone()).or_default();
        letters.push_back(Letter { draft, answer });
        if letters.len() == 1 && !self.on_their_way.contains(&id) {
            self.ready.push_back(id);
        }
        Ok(outcome)
    }

    /// The next batch, where there is one and room for it on the way.
    fn take(&mut self) -> Option<Batch> {
        if self.batches == BATCHES || self.ready.is_empty() {
            return None;
        }
        self.batches += 1;
        let mut batch = Vec::new();
        while batch.len() < CONVERSATIONS
            && let Some(id) = self.ready.pop_front()
        {
            let Some(waiting) = self.waiting.get_mut(&id) else { continue };
            let letters: Vec<Letter> = waiting.drain(..waiting.len().min(DRAFTS)).collect();
            if waiting.is_empty() {
                self.waiting.remove(&id);
            }
            self.drafts -= letters.len();
            self.on_their_way.insert(id.clone());
            batch.push((id, letters));
        }
        Some(batch)
    }

    /// A conversation's batch is done; what came meanwhile may go.
    fn arrived(&mut self, id: &ConversationId) {
        self.on_their_way.remove(id);
        if self.waiting.contains_key(id) {
            self.ready.push_back(id.clone());
        }
    }
}
