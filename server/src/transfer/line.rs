//! One line of the file: what it can say, and what is wrong with one that says something else.

use message_service_shared::digest::Digest;
use message_service_shared::id::{ConversationId, Epoch, UserId};
use message_service_shared::seq::Seq;
use message_service_shared::unread::Standing;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::store::archive::{
    ConversationRecord, MemberRecord, MessageRecord, NoticeRecord, Progress, Record, Tally,
    UserRecord, forgotten,
};

/// The format that is written here. A change that an older reader must not overlook raises it.
pub const FORMAT: u32 = 3;

/// A line: a JSON object whose `record` says which of these it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "camelCase")]
pub(super) enum Line {
    Head(Head),
    User(UserRecord),
    Conversation(ConversationRecord),
    Member(MemberRecord),
    Message(Box<MessageRecord>),
    Notice(NoticeRecord),
    Standing(Stands),
    Digest(Shows),
    Check(Progress),
    End(Progress),
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) format: u32,
    pub(super) epoch: Epoch,
    /// What the store held when the export began.
    pub(super) tally: Tally,
}

/// Where a user stands in a conversation that shows something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stands {
    pub(super) user: UserId,
    pub(super) conversation: ConversationId,
    pub(super) base: Seq,
    pub(super) last_seq: Seq,
    pub(super) unread: u64,
    pub(super) marked: bool,
    pub(super) muted: bool,
}

/// The digest of all that a user's badges show. It follows the standings it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shows {
    pub(super) user: UserId,
    pub(super) digest: Digest,
}

/// What is wrong with a file. Each names the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// It can't be understood.
    #[error("line {line}: {reason}")]
    Broken {
        /// Which line.
        line: u64,
        /// The field, and what is wrong with it.
        reason: String,
    },
    /// A later version has written the file.
    #[error(
        "the file has format {found}, and this version of the service knows {FORMAT}; import it \
         with the newer version that wrote it"
    )]
    NewerFormat {
        /// The format of the file.
        found: u32,
    },
    /// The file ends before its end.
    #[error(
        "the file ends after line {line}, without an `end`: it was cut off, or its export was; \
         what is whole of it was taken in, so import the whole file to go on"
    )]
    CutOff {
        /// The last line.
        line: u64,
    },
    /// A block is not as it was written.
    #[error(
        "lines {first} to {last} were changed after they were exported: their check sum differs; \
         export again, or get an unchanged copy"
    )]
    Changed {
        /// The first line of the block.
        first: u64,
        /// Its last line.
        last: u64,
    },
}

impl Line {
    /// Reads a line; the first one by itself tells whether the others can be read at all.
    pub(super) fn read(text: &[u8], line: u64) -> Result<Self, LineError> {
        if line == 1 {
            check_format(text)?;
        }
        serde_json::from_slice(text)
            .map_err(|_| LineError::Broken { line, reason: what_is_wrong(text) })
    }

    /// What a store is to take in, without anything that it derives by itself.
    pub(super) fn into_record(self) -> Option<Record> {
        Some(match self {
            Self::User(record) => Record::User(record),
            Self::Conversation(record) => {
                let holes = forgotten(&record.holes);
                Record::Conversation(ConversationRecord { holes, ..record })
            }
            Self::Member(record) => {
                let MemberRecord { user, conversation, half, reads } = record;
                Record::Member(MemberRecord::new(user, conversation, half, reads))
            }
            Self::Message(record) => Record::Message(record),
            Self::Notice(record) => Record::Notice(record),
            _ => return None,
        })
    }
}

impl From<Record> for Line {
    fn from(record: Record) -> Self {
        match record {
            Record::User(record) => Self::User(record),
            Record::Conversation(record) => Self::Conversation(record),
            Record::Member(record) => Self::Member(record),
            Record::Message(record) => Self::Message(record),
            Record::Notice(record) => Self::Notice(record),
        }
    }
}

impl Stands {
    pub(super) fn new(user: UserId, conversation: ConversationId, standing: &Standing) -> Self {
        let Standing { base, last_seq, unread, marked, muted, exact: _ } = *standing;
        Self { user, conversation, base, last_seq, unread, marked, muted }
    }

    pub(super) fn standing(&self) -> Standing {
        let Self { base, last_seq, unread, marked, muted, .. } = *self;
        Standing { base, last_seq, unread, marked, muted, exact: true }
    }
}

fn check_format(text: &[u8]) -> Result<(), LineError> {
    #[derive(Deserialize)]
    struct Format {
        record: String,
        format: u32,
    }
    match serde_json::from_slice::<Format>(text) {
        Ok(Format { record, format }) if record == "head" => {
            if format > FORMAT {
                Err(LineError::NewerFormat { found: format })
            } else {
                Ok(())
            }
        }
        _ => {
            let reason = "this is no export: its first line must be a `head` with a `format`";
            Err(LineError::Broken { line: 1, reason: reason.to_owned() })
        }
    }
}

/// Reads a line that can't be read once more, by the type that its `record` asks for, to name the
/// field.
fn what_is_wrong(text: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Tag {
        record: String,
    }
    let tag: Tag = match serde_json::from_slice(text) {
        Ok(tag) => tag,
        Err(error) => return told(&error),
    };
    match tag.record.as_str() {
        "head" => wrong_field::<Head>(text),
        "user" => wrong_field::<UserRecord>(text),
        "conversation" => wrong_field::<ConversationRecord>(text),
        "member" => wrong_field::<MemberRecord>(text),
        "message" => wrong_field::<MessageRecord>(text),
        "notice" => wrong_field::<NoticeRecord>(text),
        "standing" => wrong_field::<Stands>(text),
        "digest" => wrong_field::<Shows>(text),
        "check" | "end" => wrong_field::<Progress>(text),
        other => format!("`record` is {other:?}, which is no record of this format"),
    }
}

fn wrong_field<T: DeserializeOwned>(text: &[u8]) -> String {
    let mut json = serde_json::Deserializer::from_slice(text);
    match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Ok(_) => "it can't be read".to_owned(),
        Err(error) if error.path().iter().next().is_none() => told(error.inner()),
        Err(error) => format!("`{}`: {}", error.path(), told(error.inner())),
    }
}

/// An error of the reader, whose own line number would mislead: it counts within this line.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((reason, _)) => format!("{reason} (column {})", error.column()),
        None => text,
    }
}
