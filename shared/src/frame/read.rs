//! What clients wrote, with an error that names the field where it can't be read.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::CallId;
use crate::command::{Command, Parameters};
use crate::error::{ApiError, ErrorCode};

/// A frame that could not be read, with the id where there was one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The id to answer to.
    pub id: Option<CallId>,
    /// What to answer.
    pub error: ApiError,
}

#[derive(Deserialize)]
struct Head<'a> {
    id: CallId,
    #[serde(borrow)]
    command: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// Reads a client's frame. The caller has checked its size.
pub fn read_command(text: &str) -> Result<(CallId, Command), Unreadable> {
    let head: Head<'_> = serde_json::from_str(text).map_err(|error| {
        #[derive(Deserialize)]
        struct JustId {
            id: CallId,
        }
        let id = serde_json::from_str::<JustId>(text).ok().map(|head| head.id);
        Unreadable { id, error: malformed(&error) }
    })?;
    let unreadable = |error| Unreadable { id: Some(head.id), error };
    match Command::read(&head.command, &JsonParameters(head.params.map_or("{}", RawValue::get))) {
        Some(Ok(command)) => Ok((head.id, command)),
        Some(Err(error)) => Err(unreadable(error)),
        None => {
            let mut message = String::from("unknown command; this server knows ");
            message.push_str(&Command::NAMES.join(", "));
            Err(unreadable(ApiError::new(ErrorCode::UnknownCommand, message).with_field("command")))
        }
    }
}

struct JsonParameters<'a>(&'a str);

impl Parameters for JsonParameters<'_> {
    type Error = ApiError;

    fn read<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        read_json(self.0)
    }
}

/// Reads a value from JSON. A wrong field is told by its path.
pub fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => {
                let field = if path == "." { String::new() } else { path };
                ApiError::invalid(field, inner.to_string())
            }
            _ => malformed(&inner),
        }
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::Malformed, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Read;
    use crate::frame::write_command;

    fn error(text: &str) -> Unreadable {
        read_command(text).unwrap_err()
    }

    #[test]
    fn a_command_survives_the_wire() {
        let read = Read {
            conversation: "direct:a:b".parse().unwrap(),
            seq: 7_u32.into(),
            mark_seen: 0,
            epoch: None,
        };
        let (id, command) = read_command(&write_command(9, &read)).unwrap();
        assert_eq!((id, command), (9, Command::Read(read)));
    }

    #[test]
    fn an_error_names_the_field() {
        let wrong =
            error(r#"{"id":3,"command":"read","params":{"conversation":"direct:a:b","seq":-1}}"#);
        assert_eq!((wrong.id, wrong.error.code), (Some(3), ErrorCode::Invalid));
        assert_eq!(wrong.error.field.as_deref(), Some("seq"));
        let missing = error(
            r#"{"id":3,"command":"send","params":{"conversation":"direct:a:b","clientMsgId":"x","content":{"kind":"text"}}}"#,
        );
        assert_eq!(missing.error.field.as_deref(), Some("content"));
        assert!(missing.error.message.contains("text"), "{}", missing.error.message);
    }

    #[test]
    fn a_broken_frame_is_answered_where_it_has_an_id() {
        assert_eq!(error("{").id, None);
        assert_eq!(error("{").error.code, ErrorCode::Malformed);
        assert_eq!(error(r#"{"id":4,"command":7}"#).id, Some(4));
        assert_eq!(error(r#"{"id":4,"command":"fly"}"#).error.code, ErrorCode::UnknownCommand);
        assert_eq!(error(r#"{"id":1e99,"command":"list"}"#).id, None);
        assert_eq!(error("[1]").error.code, ErrorCode::Malformed);
    }

    #[test]
    fn an_unknown_field_is_ignored() {
        let text = r#"{"id":1,"command":"list","params":{"colour":"red"},"more":1}"#;
        assert!(matches!(read_command(text), Ok((1, Command::List(_)))));
    }
}
