//! One live connection: frames in, frames out. It authenticates, dispatches commands, keeps the
//! views and audits the badge. Nothing here knows of sockets; replies go into the session's mailbox,
//! between the pushes, so that a session speaks in one order.

mod dispatch;

use std::sync::Arc;

use bytes::Bytes;
use message_service_shared::answer::Welcome;
use message_service_shared::close::CloseCode;
use message_service_shared::command::{Authenticate, Command};
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::frame::{CallId, read_command, write_reply};
use message_service_shared::id::{Epoch, SessionId};
use message_service_shared::limits;
use message_service_shared::message::Millis;
use serde::Serialize;

use crate::caller::{Rejected, Resolver};
use crate::clock::session_id;
use crate::hub::Mailbox;
use crate::service::{Acting, Error, Service, Via};
use crate::store::{Profile, StoredUser};

/// A session that has authenticated. Dropping it ends it.
#[derive(Debug)]
pub struct Session {
    service: Arc<Service>,
    mailbox: Arc<Mailbox>,
    acting: Acting,
    id: SessionId,
    epoch: Epoch,
    expires_at: Millis,
    suspicion: Suspicion,
    /// What the command that is being handled was refused with.
    refused: Option<ErrorCode>,
}

/// What became of a frame, for whoever counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handled {
    /// The command's name; `None` where the frame held none.
    pub command: Option<&'static str>,
    /// What it was refused with; `None` where it succeeded.
    pub refused: Option<ErrorCode>,
}

/// What the audits have found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suspicion {
    None,
    /// The last audit differed; a push may have been on its way.
    Once,
    /// The audits went on to differ, and the client was told to resume.
    Drifted,
}

impl Session {
    /// Reads the first frame, which must authenticate, and answers it.
    ///
    /// On success the session is in the hub before the answer is written, so no push is missed from
    /// then on. Otherwise the mailbox holds the answer, and is closed with the code that tells the
    /// client what to do.
    pub async fn begin(
        service: Arc<Service>,
        resolver: &dyn Resolver,
        mailbox: Arc<Mailbox>,
        first_frame: &str,
    ) -> Option<Self> {
        let opening = Opening { service, resolver, mailbox: Arc::clone(&mailbox) };
        let (call, refusal) = match read_command(first_frame) {
            Ok((call, Command::Authenticate(authenticate))) => {
                match opening.authenticate(call, authenticate).await {
                    Ok(session) => return Some(session),
                    Err(refusal) => (Some(call), refusal),
                }
            }
            Ok((call, _)) => (Some(call), Refusal::not_authenticated()),
            Err(unreadable) => {
                let refusal = Refusal(unreadable.error, CloseCode::NotAuthenticated);
                (unreadable.id, refusal)
            }
        };
        let Refusal(error, code) = refusal;
        put_reply(&mailbox, call, &Err::<(), _>(error));
        mailbox.close(code);
        None
    }

    /// Takes a frame and puts the answer into the mailbox. Runs to its end even when the socket
    /// goes meanwhile: what was stored has to be told.
    pub async fn handle(&mut self, frame: &str) -> Handled {
        self.refused = None;
        let command = match read_command(frame) {
            Ok((call, command)) => {
                let name = command.name();
                self.dispatch(call, command).await;
                Some(name)
            }
            Err(unreadable) => {
                self.reply(unreadable.id, &Err::<(), _>(unreadable.error));
                None
            }
        };
        Handled { command, refused: self.refused }
    }

    /// Answers a frame with an error, without doing what it asks.
    pub fn refuse(&mut self, frame: &str, error: ApiError) {
        let call = match read_command(frame) {
            Ok((call, _)) => Some(call),
            Err(unreadable) => unreadable.id,
        };
        self.reply(call, &Err::<(), _>(error));
    }

    /// Who it is.
    pub fn acting(&self) -> &Acting {
        &self.acting
    }

    /// Its id, for logs.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// When its token stops being good; it must end then, with [`CloseCode::TokenExpired`].
    pub fn expires_at(&self) -> Millis {
        self.expires_at
    }

    fn reply(&mut self, call: Option<CallId>, outcome: &Result<impl Serialize, ApiError>) {
        self.refused = outcome.as_ref().err().map(|error| error.code);
        put_reply(&self.mailbox, call, outcome);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.service.hub().leave(&self.acting.user, &self.id);
    }
}

fn put_reply(mailbox: &Mailbox, call: Option<CallId>, outcome: &Result<impl Serialize, ApiError>) {
    mailbox.put(Bytes::from(write_reply(call, outcome)));
}

/// Why no session begins: what to answer, and how to close.
struct Refusal(ApiError, CloseCode);

impl Refusal {
    fn not_authenticated() -> Self {
        let message = "the first frame must be the command `authenticate`";
        Self(ApiError::new(ErrorCode::Unauthenticated, message), CloseCode::NotAuthenticated)
    }
}

impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        let (error, code) = match rejected {
            Rejected::Expired => (ErrorCode::TokenExpired, CloseCode::TokenExpired),
            Rejected::Invalid => (ErrorCode::Unauthenticated, CloseCode::TokenRejected),
            Rejected::Unavailable => (ErrorCode::Unavailable, CloseCode::Unavailable),
        };
        Self(ApiError::new(error, rejected.to_string()), code)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let code = match error {
            Error::Store(_) => CloseCode::Unavailable,
            _ => CloseCode::Internal,
        };
        Self(error.to_api(), code)
    }
}

struct Opening<'a> {
    service: Arc<Service>,
    resolver: &'a dyn Resolver,
    mailbox: Arc<Mailbox>,
}

impl Opening<'_> {
    async fn authenticate(self, call: CallId, asked: Authenticate) -> Result<Session, Refusal> {
        let Self { service, resolver, mailbox } = self;
        if asked.protocol != limits::PROTOCOL_VERSION {
            let message = "this server speaks protocol 1";
            let error = ApiError::new(ErrorCode::ProtocolUnsupported, message);
            return Err(Refusal(error.with_field("protocol"), CloseCode::ProtocolUnsupported));
        }
        let now = service.clock().now();
        let verified = resolver.user(&asked.token, now).await?;
        let profile = Profile {
            id: verified.user,
            name: verified.name,
            avatar: verified.avatar,
            created_at: None,
        };
        let StoredUser { user, logouts } = service.arrive(profile).await?;
        let epoch = service.epoch().await?;
        let id = session_id(service.ids().make(now));
        service.hub().join(user.id.clone(), id.clone(), Arc::clone(&mailbox), logouts);
        // From here on the hub is left when the session is dropped, also while it waits below.
        let mut session = Session {
            mailbox,
            acting: Acting { user: user.id.clone(), via: Via::Session(id.clone()) },
            id: id.clone(),
            epoch: epoch.clone(),
            expires_at: verified.expires_at,
            suspicion: Suspicion::None,
            refused: None,
            service,
        };
        session.service.listen(&user.id).await;
        let welcome = Welcome { session: id, user, epoch, now, heartbeat_ms: limits::HEARTBEAT_MS };
        session.reply(Some(call), &Ok(welcome));
        Ok(session)
    }
}
