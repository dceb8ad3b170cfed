//! A message on its way: stored, acknowledged, told.

use std::time::Instant;

use message_service_shared::answer::{MemberNews, Sent};
use message_service_shared::command::{Recall, SendMessage};
use message_service_shared::id::{ConversationId, Parties};
use message_service_shared::message::Message;
use message_service_shared::push::{NewMessage, Push};

use super::{Acting, DirectRule, Error, Service, Via};
use crate::bus::Audience;
use crate::clock::message_id;
use crate::store::{Appended, ContentHash, Draft, RecallError, StoreError};

/// Announcements reach very many at once; whoever has to fetch something first waits at random for
/// up to this long.
const SPREAD_MS: u32 = 2_000;

/// Tells the sender that the message is stored, before anybody else hears of it.
pub trait Acknowledge: FnOnce(&Sent) + Send {}
impl<F: FnOnce(&Sent) + Send> Acknowledge for F {}

impl Service {
    /// Sends a message as a user.
    ///
    /// The order is the promise: the message and what derives from it are stored, then
    /// `acknowledge` is called, then everyone concerned is told. A resend is told again as well,
    /// since the first time may have ended between storing and telling; it changes nothing where
    /// it is known.
    pub async fn send(
        &self,
        acting: &Acting,
        command: SendMessage,
        acknowledge: impl Acknowledge,
    ) -> Result<Sent, Error> {
        command.content.check()?;
        self.may_write(acting, &command.conversation).await?;
        let at = self.clock.now();
        let draft = Draft {
            content_hash: ContentHash::of(&command.content, false),
            conversation: command.conversation,
            sender: Some(acting.user.clone()),
            client_msg_id: command.client_msg_id,
            content: command.content,
            quiet: false,
            id: message_id(self.ids.make(at)),
            at,
            read_seq: command.read_seq,
        };
        let (conversation, read_seq) = (draft.conversation.clone(), draft.read_seq);
        let appended = match (self.append(vec![draft]).await.remove(0), read_seq) {
            (Err(Error::SeqPastEnd), Some(seq)) => {
                return Err(self.past_end(&conversation, seq).await);
            }
            (appended, _) => appended?,
        };
        let waits = self.let_wait(&[&appended.message]).await;
        let sent = Sent { message: appended.message.clone(), fresh: appended.fresh };
        if waits.is_ok() {
            acknowledge(&sent);
        }
        // Stored is stored: it counts, and its receivers hear of it also where its sender doesn't.
        self.tell_stored(appended).await?;
        waits.map(|()| sent)
    }

    /// Takes a message back, for everyone.
    pub async fn recall(&self, acting: Option<&Acting>, command: Recall) -> Result<Message, Error> {
        let Recall { conversation, seq } = command;
        if let Some(acting) = acting {
            self.may_see(&acting.user, &conversation).await?;
        }
        let by = acting.map(|acting| &acting.user);
        let recalled = self.store.recall(&conversation, seq, by, self.clock.now()).await;
        if let Err(RecallError::Store(_)) = &recalled {
            self.healing.failed();
        }
        let recalled = recalled?;
        let audience = self.audience(&conversation).await?;
        self.publish(audience, Push::Revised(recalled.message.clone()));
        Ok(recalled.message)
    }

    /// Stores drafts; as many outcomes as drafts, whatever the store answers.
    pub(super) async fn append(&self, drafts: Vec<Draft>) -> Vec<Result<Appended, Error>> {
        let expected = drafts.len();
        let begun = Instant::now();
        let mut outcomes: Vec<Result<Appended, Error>> = self
            .store
            .append(drafts)
            .await
            .into_iter()
            .map(|outcome| outcome.map_err(Error::from))
            .collect();
        metrics::histogram!("message_service_store_append_seconds")
            .record(begun.elapsed().as_secs_f64());
        let missing = StoreError::Broken("an append had no outcome".to_owned());
        outcomes.resize_with(expected, || Err(missing.clone().into()));
        if outcomes.iter().any(|outcome| matches!(outcome, Err(Error::Store(_)))) {
            self.healing.failed();
        }
        outcomes
    }

    /// Tells everyone concerned of a message that is stored.
    pub(super) async fn tell_stored(&self, appended: Appended) -> Result<(), Error> {
        let Appended { message, author, .. } = appended;
        let conversation = message.conversation.clone();
        if let (Some(member), Some(user)) = (author, message.sender.clone()) {
            let news = MemberNews { conversation: conversation.clone(), member, counted: None };
            self.publish(Audience::Users(vec![user]), Push::Member(news));
        }
        let audience = self.audience(&conversation).await?;
        let spread_ms = if audience == Audience::Everyone { SPREAD_MS } else { 0 };
        // A resend of what was recalled since has to say so, not bring it back.
        let push = if message.recalled.is_some() {
            Push::Revised(message)
        } else {
            Push::Message(NewMessage { message, attended: false, spread_ms })
        };
        self.publish(audience, push);
        Ok(())
    }

    /// Refuses who may not write here.
    async fn may_write(&self, acting: &Acting, id: &ConversationId) -> Result<(), Error> {
        self.may_see(&acting.user, id).await?;
        match id.parties() {
            Parties::System(_) | Parties::Announcement => {
                Err(Error::Forbidden("only the product writes here"))
            }
            Parties::Group(_) => Ok(()),
            Parties::Direct(first, second) => {
                if self.begun.knows(id) {
                    return Ok(());
                }
                if !self.store.rows(&acting.user, std::slice::from_ref(id)).await?.is_empty() {
                    self.begun.note(id);
                    return Ok(());
                }
                let may_begin =
                    self.rules.direct == DirectRule::Anyone || acting.via == Via::MainApp;
                if !may_begin {
                    return Err(Error::Forbidden("only the main app begins a conversation"));
                }
                let known = self.store.users(&[first, second]).await?;
                if known.len() == 2 { Ok(()) } else { Err(Error::UserUnknown) }
            }
        }
    }
}
