//! One command to one call of the service, and its outcome to one reply. No rules here.

use message_service_shared::answer::{Audit, Beat, Done};
use message_service_shared::close::CloseCode;
use message_service_shared::command::{Command, Heartbeat, Look, Resume};
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::frame::CallId;
use serde::Serialize;

use super::{Session, Suspicion, put_reply};
use crate::service::Error;

impl Session {
    pub(super) async fn dispatch(&mut self, call: CallId, command: Command) {
        let service = self.service.clone();
        let acting = self.acting.clone();
        match command {
            Command::Authenticate(_) => {
                let message = "this session has authenticated; open another for another user";
                self.reply(Some(call), &Err::<(), _>(ApiError::new(ErrorCode::Forbidden, message)));
            }
            Command::Resume(resume) => {
                let outcome = self.resume(resume).await;
                self.answer(call, outcome);
            }
            Command::Heartbeat(beat) => {
                let outcome = self.heartbeat(beat).await;
                self.answer(call, outcome);
            }
            Command::SendMessage(message) => {
                let mailbox = &self.mailbox;
                let outcome = service
                    .send(&acting, message, |sent| put_reply(mailbox, Some(call), &Ok(sent)))
                    .await;
                // The acknowledgement is out already. A failure after it concerns those who are to
                // be told: they will see the gap.
                if let Err(error) = outcome {
                    self.answer(call, Err::<(), _>(error));
                }
            }
            Command::Read(read) => self.answer(call, service.read(&acting, read).await),
            Command::Mark(mark) => self.answer(call, service.mark(&acting, mark).await),
            Command::Clear(clear) => self.answer(call, service.clear(&acting, clear).await),
            Command::Configure(configure) => {
                self.answer(call, service.configure(&acting, configure).await);
            }
            Command::Look(look) => self.look(call, look),
            Command::List(list) => self.answer(call, service.list(&acting, list).await),
            Command::Fetch(fetch) => self.answer(call, service.fetch(&acting, fetch).await),
            Command::Pull(pull) => self.answer(call, service.pull(&acting, pull).await),
            Command::Recall(recall) => {
                self.answer(call, service.recall(Some(&acting), recall).await);
            }
            Command::Presence(asked) => self.answer(call, service.presence(&acting, asked).await),
        }
    }

    /// Answers, and ends the session where its client's knowledge turned out to be void.
    fn answer(&mut self, call: CallId, outcome: Result<impl Serialize, Error>) {
        let reset = matches!(outcome, Err(Error::SeqPastEnd | Error::WrongEpoch));
        if let Err(Error::Store(error)) = &outcome {
            tracing::error!(session = %self.id, %error, "a command failed in the store");
        }
        self.reply(Some(call), &outcome.map_err(|error| error.to_api()));
        if reset {
            metrics::counter!("message_service_resets_total").increment(1);
        }
    }

    /// Views are few: a session has a handful of tabs.
    fn look(&mut self, call: CallId, look: Look) {
        const TABS: usize = 32;
        if look.views.len() > TABS {
            let error = ApiError::invalid("views", "too many tabs").with_limit(TABS);
            return self.reply(Some(call), &Err::<(), _>(error));
        }
        self.service.hub().look(&self.acting.user, &self.id, look.views);
        self.reply(Some(call), &Ok(Done {}));
    }

    async fn resume(
        &mut self,
        resume: Resume,
    ) -> Result<message_service_shared::answer::Resumed, Error> {
        self.require_same_epoch().await?;
        let drifted = self.suspicion == Suspicion::Drifted;
        self.suspicion = Suspicion::None;
        let claimed = drifted.then(|| resume.conversations.clone());
        let resumed = self.service.resume(&self.acting, resume).await?;
        if let Some(claimed) = claimed {
            self.service.count_drift(&claimed, &resumed.rows);
        }
        Ok(resumed)
    }

    async fn heartbeat(&mut self, beat: Heartbeat) -> Result<Beat, Error> {
        self.require_same_epoch().await?;
        let Some(digest) = beat.digest else { return Ok(Beat { audit: Audit::None }) };
        let verdict = self.service.audit(&self.acting.user, digest).await?;
        let (audit, suspicion) = match (verdict.agrees(), self.suspicion) {
            (true, _) => (Audit::Agreed, Suspicion::None),
            (false, Suspicion::None) => (Audit::Differs, Suspicion::Once),
            (false, Suspicion::Once | Suspicion::Drifted) => (Audit::Drifted, Suspicion::Drifted),
        };
        self.suspicion = suspicion;
        Ok(Beat { audit })
    }

    /// A session speaks within one epoch, agreed at its start.
    async fn require_same_epoch(&self) -> Result<(), Error> {
        if self.service.epoch().await? == self.epoch {
            return Ok(());
        }
        self.mailbox.close(CloseCode::Reset);
        Err(Error::WrongEpoch)
    }
}
