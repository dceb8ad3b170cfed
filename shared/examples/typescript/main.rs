//! Prints the wire's types as TypeScript, with their documentation: the text of
//! `client-wasm/npm/src/protocol.ts`. `cargo xtask types` writes that file with it, and
//! `cargo xtask test` fails where the file says something else.
//!
//! It holds everything that crosses the wire and nothing that the SDK makes of it.
#![expect(clippy::print_stdout, reason = "its output is the file")]

mod layout;

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};

use message_service_shared::{answer, command, error, id, message, push, row, seq, view};
use ts_rs::{Config, TS, TypeVisitor};

const HEAD: &str = "/**
 * The wire's types, generated from the Rust crate `shared` by `cargo xtask types`.
 * Change them there.
 */
";

/// Collects declarations, each type once, by their names: the order in which types are met is
/// another one in each build.
struct Declarations<'a> {
    config: &'a Config,
    seen: HashSet<TypeId>,
    by_name: BTreeMap<String, String>,
    /// Names that two types claim.
    twice: Vec<String>,
}

impl TypeVisitor for Declarations<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // A type without a path is one of the language's own, or a wrapper around one of ours.
        if T::output_path().is_some() {
            let name = T::ident(self.config);
            let docs = T::docs().unwrap_or_default();
            let text = format!("\n{docs}export {}\n", T::decl(self.config));
            if self.by_name.insert(name.clone(), text).is_some() {
                self.twice.push(name);
            }
        }
        T::visit_generics(self);
        T::visit_dependencies(self);
    }
}

macro_rules! visit_all {
    ($declarations:ident: $($type:ty),* $(,)?) => {
        $($declarations.visit::<$type>();)*
    };
}

fn main() -> Result<(), String> {
    let config = Config::new().with_large_int("number");
    let mut declarations = Declarations {
        config: &config,
        seen: HashSet::new(),
        by_name: BTreeMap::new(),
        twice: Vec::new(),
    };
    visit_all!(declarations:
        message::Message, row::Row, row::User, view::Page, view::View,
        error::ApiError, error::ErrorCode,
        id::UserId, id::ConversationId, id::ConversationKind, id::MessageId, id::ClientMsgId,
        id::SessionId, id::Epoch, seq::Seq,
        command::Authenticate, command::Resume, command::Heartbeat, command::SendMessage,
        command::Read, command::Mark, command::Clear, command::Configure, command::Look,
        command::List, command::Fetch, command::Pull, command::Recall, command::Presence,
        answer::Welcome, answer::Resumed, answer::Beat, answer::Sent, answer::MemberNews,
        answer::Done, answer::Inbox, answer::History, answer::Online,
        push::Push,
    );
    if !declarations.twice.is_empty() {
        return Err(format!("two types of one name: {}", declarations.twice.join(", ")));
    }
    let text: String = declarations.by_name.into_values().collect();
    print!("{HEAD}{}", plain_links(&layout::lay_out(&text)));
    Ok(())
}

/// Rustdoc's links mean nothing in TypeScript: ``[`crate::limits::PAGE_MAX`]`` becomes
/// `` `PAGE_MAX` ``.
fn plain_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((path, after)) = link.split_once("`]") else { break };
        let name = path.rsplit("::").next().unwrap_or(path);
        plain.push_str(before);
        plain.push('`');
        plain.push_str(name);
        plain.push('`');
        rest = after;
    }
    plain.push_str(rest);
    plain
}
