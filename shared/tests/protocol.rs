//! Holds `docs/PROTOCOL.md` against the code: its examples are read and written again by the real
//! types, and nothing that the protocol has is missing in it.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use message_service_shared::close::{AfterClose, CloseCode, after_close};
    use message_service_shared::command::{self, Ask, Command};
    use message_service_shared::error::{ApiError, ErrorCode};
    use message_service_shared::frame::{CallId, read_command, read_json, write_command};
    use message_service_shared::frame::{write_push, write_reply};
    use message_service_shared::limits;
    use message_service_shared::message::{Message, MessageHead};
    use message_service_shared::push::Push;
    use message_service_shared::row::{Row, RowHead};
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    const DOCUMENT: &str = include_str!("../../docs/PROTOCOL.md");
    const LIMITS: &str = include_str!("../src/limits.rs");

    /// What stands behind a fence's `json `, and what the fence holds.
    fn examples() -> Vec<(&'static str, &'static str)> {
        let fences = DOCUMENT.split("\n```json ").skip(1);
        let parts = fences.filter_map(|fence| fence.split_once('\n'));
        parts.map(|(sort, rest)| (sort, rest.split("\n```").next().unwrap_or(rest))).collect()
    }

    fn examples_of(sort: &str) -> Vec<&'static str> {
        let found = examples().into_iter().filter(|(found, _)| *found == sort);
        found.map(|(_, text)| text).collect()
    }

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
    }

    fn read<T: DeserializeOwned>(value: &Value) -> T {
        read_json(&value.to_string()).unwrap_or_else(|error| panic!("{error:?} in\n{value:#}"))
    }

    #[track_caller]
    fn assert_same(text: &str, written: &str) {
        assert_eq!(value(written), value(text), "another frame comes out than went in");
    }

    /// The cells of the table row that begins with this one.
    fn table_row(first: &str) -> Vec<&'static str> {
        let start = format!("| {first} |");
        let row = DOCUMENT.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("no table has a row for {first}"));
        row.trim_matches('|').split('|').map(str::trim).collect()
    }

    fn check_reply<C>(text: &str)
    where
        C: Ask<Answer: DeserializeOwned + Serialize>,
    {
        let frame = value(text);
        let answer: C::Answer = read(&frame["result"]);
        let id: CallId = read(&frame["reply"]);
        assert_same(text, &write_reply(Some(id), &Ok(answer)));
    }

    /// Every command with its type; the compiler sees to it that none is forgotten.
    macro_rules! commands {
        ($($command:ident)*) => {
            fn write(id: CallId, command: &Command) -> String {
                match command {
                    $(Command::$command(parameters) => write_command(id, parameters),)*
                }
            }

            fn check_reply_to(name: &str, text: &str) {
                match name {
                    $(<command::$command as Ask>::NAME => check_reply::<command::$command>(text),)*
                    _ => panic!("an example answers the command {name}, which there is not"),
                }
            }
        };
    }

    commands!(
        Authenticate Resume Heartbeat SendMessage Read Mark Clear Configure Look List Fetch Pull
        Recall Presence
    );

    #[test]
    fn every_command_has_an_example_and_an_answer() {
        let mut shown = BTreeSet::new();
        for text in examples_of("command") {
            let (id, command) = read_command(text)
                .unwrap_or_else(|unreadable| panic!("{:?} in\n{text}", unreadable.error));
            assert_same(text, &write(id, &command));
            shown.insert(command.name());
            if let Command::SendMessage(send) = command {
                send.content.check().unwrap();
            }
        }
        assert_eq!(shown, Command::NAMES.iter().copied().collect());
        for name in Command::NAMES {
            let answers = examples_of(&format!("reply({name})"));
            assert!(!answers.is_empty(), "the command {name} has no answer");
            for text in answers {
                check_reply_to(name, text);
            }
            assert!(DOCUMENT.contains(&format!("\n### {name}\n")), "{name} has no section");
        }
    }

    #[test]
    fn every_push_has_an_example() {
        // The compiler asks for a new push here, and the list below then for an example of it.
        let place = |push: &Push| match push {
            Push::Message(_) => 0,
            Push::Revised(_) => 1,
            Push::Member(_) => 2,
            Push::Goodbye(_) => 3,
            Push::Resync(_) => 4,
        };
        let mut shown = [false; 5];
        for text in examples_of("push") {
            let push: Push = read(&value(text));
            assert_same(text, &write_push(&push));
            shown[place(&push)] = true;
        }
        assert_eq!(shown, [true; 5]);
    }

    #[test]
    fn no_example_is_of_a_sort_that_nobody_checks() {
        let is_known = |sort: &str| {
            let reply = sort.strip_prefix("reply(").and_then(|rest| rest.strip_suffix(')'));
            matches!(sort, "command" | "push" | "error")
                || reply.is_some_and(|name| Command::NAMES.contains(&name))
        };
        for (sort, text) in examples() {
            assert!(is_known(sort), "an example of the sort {sort}:\n{text}");
        }
    }

    /// Every object within a value that has all these members.
    fn objects_with<'a>(value: &'a Value, members: &[&str], found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(object) => {
                if members.iter().all(|member| object.contains_key(*member)) {
                    found.push(value);
                }
                for inner in object.values() {
                    objects_with(inner, members, found);
                }
            }
            Value::Array(list) => {
                for inner in list {
                    objects_with(inner, members, found);
                }
            }
            _ => {}
        }
    }

    fn check_message(object: &Value) {
        let (head, message): (MessageHead, Message) = (read(object), read(object));
        assert_eq!((head.conversation, head.sender), (message.conversation, message.sender));
        assert_eq!(head.client_msg_id, message.client_msg_id);
        assert_eq!(
            (head.seq, head.at, head.revision, head.quiet, head.recalled),
            (message.seq, message.at, message.revision, message.quiet, message.recalled)
        );
    }

    fn check_row(object: &Value) {
        let (head, row): (RowHead, Row) = (read(object), read(object));
        let standing = row.standing();
        assert!(standing.exact, "{} can't be counted", row.id);
        assert_eq!(standing.shown(), row.unread, "{} counts otherwise", row.id);
        assert_eq!(
            (head.id, head.last_at, head.conversation, head.member, head.counted),
            (row.id, row.last_at, row.conversation, row.member, row.counted)
        );
    }

    #[test]
    fn the_heads_that_the_client_reads_fit_every_example() {
        let (mut messages, mut rows) = (0, 0);
        for (_, text) in examples() {
            let frame = value(text);
            let mut found = Vec::new();
            objects_with(&frame, &["id", "clientMsgId", "at"], &mut found);
            messages += found.len();
            found.into_iter().for_each(check_message);
            let mut found = Vec::new();
            objects_with(&frame, &["kind", "member"], &mut found);
            rows += found.len();
            found.into_iter().for_each(check_row);
        }
        assert!(messages >= 6 && rows >= 4, "only {messages} messages and {rows} rows");
    }

    #[test]
    fn every_error_is_told() {
        for text in examples_of("error") {
            let frame = value(text);
            let error: ApiError = read(&frame["error"]);
            assert_eq!(error.retryable, error.code.is_retryable());
            assert_same(text, &write_reply(read(&frame["reply"]), &Err::<(), _>(error)));
        }
        for code in ErrorCode::ALL {
            let row = table_row(&format!("`{}`", code.as_str()));
            let retryable = if code.is_retryable() { "yes" } else { "no" };
            assert_eq!(row[2], retryable, "{code:?}");
            assert!(row[1].parse().is_ok_and(|status| (400..600).contains(&status)), "{row:?}");
        }
    }

    #[test]
    fn every_close_code_is_told() {
        for code in CloseCode::ALL {
            let row = table_row(&code.number().to_string());
            let follows = match after_close(code.number()) {
                AfterClose::Later => "later",
                AfterClose::NewToken => "with a new token",
                AfterClose::Stop => "not by itself",
            };
            assert_eq!((row[1], row[2]), (format!("`{code:?}`").as_str(), follows));
        }
    }

    #[test]
    fn every_limit_is_told() {
        macro_rules! told {
            ($($name:ident)*) => {{
                $(assert_eq!(
                    table_row(concat!("`", stringify!($name), "`"))[1],
                    limits::$name.to_string(),
                    stringify!($name)
                );)*
                [$(stringify!($name)),*]
            }};
        }
        let told = told!(
            PROTOCOL_VERSION ID_BYTES CLIENT_MSG_ID_BYTES MAX_SEQ TEXT_CHARS TITLE_CHARS
            PREVIEW_CHARS URL_BYTES LABEL_BYTES DATA_BYTES ATTACHMENTS MENTIONS FRAME_BYTES
            FIRST_FRAME_BYTES AUTHENTICATE_MS HEARTBEAT_MS SILENCE_MS HOLD_MS PAGE_DEFAULT PAGE_MAX
            PAGE_BYTES NAMED_CONVERSATIONS RUNS MIRRORED USERS_PER_REQUEST PRESENCE_USERS QUEUE_BYTES
        );
        let declared = LIMITS.lines().filter_map(|line| line.strip_prefix("pub const "));
        let declared = declared.filter_map(|name| name.split(':').next());
        assert_eq!(declared.collect::<Vec<_>>(), told, "a limit has no row in the document");
    }
}
