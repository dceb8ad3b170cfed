//! What the page asks for: once for each call, whatever the connection does.

use message_service_machine::{Input, Options, Request, Settled};
use message_service_shared::command::Configure;
use message_service_shared::error::ErrorCode;
use serde_json::json;

use crate::script::{ANN, BOB, Script, history, id, member, message, news, row, seq, seqs, with};

fn sent(seq: u32, name: &str) -> serde_json::Value {
    let own = with(message(ANN, seq), &json!({"sender": "me", "clientMsgId": name}));
    json!({"message": own, "fresh": true})
}

#[test]
fn a_request_survives_a_reconnect_and_is_asked_again_and_answered_once() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    let ticket = script.send(ANN, "name-1");
    let first = script.asked("send");
    script.lose(1006);
    script.come_back(&[row(ANN, 3, 3)]);
    let again = script.asked("send");
    assert_eq!(first.params, again.params);
    assert_eq!(first.params["clientMsgId"], "name-1");
    assert_ne!(first.id, again.id);
    script.reply(first.id, &sent(4, "name-1"));
    assert_eq!(script.settled.len(), 0, "the reply to a frame of the lost connection");
    script.reply(again.id, &sent(4, "name-1"));
    script.reply(again.id, &sent(4, "name-1"));
    let Ok(Settled::Message(message)) = &script.settled[&ticket] else {
        panic!("{:?}", script.settled)
    };
    assert_eq!(message["seq"], 4);
    script.lose(1006);
    script.come_back(&[]);
    assert!(!script.is_asked("send"));
}

#[test]
fn a_request_without_an_answer_fails_in_its_time_and_a_late_answer_is_nobodys() {
    let mut script = Script::live(&[]);
    let ticket = script.call(Request::Presence(vec!["ann".parse().unwrap()]));
    let asked = script.asked("presence");
    script.wait(14_999);
    assert_eq!(script.code(ticket), None);
    script.wait(1);
    assert_eq!(script.code(ticket), Some(ErrorCode::Timeout));
    script.reply(asked.id, &json!({"online": []}));
    assert_eq!(script.settled.len(), 1);
}

#[test]
fn a_request_made_offline_is_sent_once_there_is_a_session() {
    let mut script = Script::new();
    let in_time = script.send(ANN, "name-1");
    script.connect();
    script.open_socket();
    script.welcome();
    assert!(!script.is_asked("send"), "nothing is asked before the client has caught up");
    script.resume(&[]);
    script.answer("send", &sent(1, "name-1"));
    assert!(script.settled[&in_time].is_ok());
    script.lose(1006);
    let too_late = script.send(ANN, "name-2");
    script.wait(15_000);
    assert_eq!(script.code(too_late), Some(ErrorCode::Timeout));
}

#[test]
fn a_closed_client_answers_closed() {
    let mut script = Script::live(&[]);
    let before = script.send(ANN, "name-1");
    script.input(Input::Close);
    let after = script.send(ANN, "name-2");
    assert_eq!(script.code(before), Some(ErrorCode::Closed));
    assert_eq!(script.code(after), Some(ErrorCode::Closed));
    script.asked.clear();
    script.connect();
    script.go_live(&[]);
    assert!(!script.is_asked("send"));
}

#[test]
fn requests_are_sent_in_the_order_they_were_made() {
    let mut script = Script::live(&[]);
    script.lose(1006);
    for name in ["a", "b", "c"] {
        script.send(ANN, name);
    }
    script.come_back(&[]);
    let names: Vec<_> =
        (0..3).map(|_| script.asked("send").params["clientMsgId"].clone()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn a_refusal_reaches_the_caller_with_its_code() {
    let mut script = Script::live(&[]);
    let known = script.send(ANN, "name-1");
    script.refuse("send", ErrorCode::IdempotencyConflict);
    assert_eq!(script.code(known), Some(ErrorCode::IdempotencyConflict));
    let unknown = script.send(ANN, "name-2");
    let asked = script.asked("send");
    let error = json!({"code": "of_tomorrow", "message": "?"});
    script.input(Input::Frame(json!({"reply": asked.id, "error": error})));
    assert_eq!(script.code(unknown), Some(ErrorCode::Internal));
    let unreadable = script.send(ANN, "name-3");
    script.answer("send", &json!({"fresh": true}));
    assert_eq!(script.code(unreadable), Some(ErrorCode::Internal));
}

#[test]
fn content_passes_through_and_the_own_message_counts_for_nothing() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.send(ANN, "name-1");
    let asked = script.answer("send", &sent(4, "name-1"));
    assert_eq!(asked["content"], json!({"kind": "text", "text": "mine"}));
    assert_eq!((script.unread(), script.dots().len()), (0, 0));
    script.says(ANN, 5);
    assert_eq!(script.unread(), 1);
}

#[test]
fn a_send_carries_the_read_position_only_where_its_author_looks_at_it() {
    for (name, visible, focused, auto_read, to, expected) in [
        ("attending", true, true, true, ANN, json!(3)),
        ("hidden", false, true, true, ANN, json!(null)),
        ("unfocused", true, false, true, ANN, json!(null)),
        ("reading by hand", true, true, false, ANN, json!(null)),
        ("elsewhere", true, true, true, BOB, json!(null)),
    ] {
        let options = Options { auto_read, ..Options::default() };
        let mut script = Script::live_with(options, &[row(ANN, 3, 0), row(BOB, 3, 0)]);
        script.open(ANN, 3);
        script.attention(visible, focused);
        script.send(to, "name-1");
        assert_eq!(script.asked("send").params["readSeq"], expected, "{name}");
    }
}

#[test]
fn marking_shows_one_and_reading_takes_the_mark_along() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    let ticket = script.call(Request::Mark(id(ANN)));
    let marked = with(member(3), &json!({"mark": 1}));
    let asked = script.answer("mark", &news(ANN, &marked));
    assert_eq!(asked, json!({"conversation": ANN}));
    assert_eq!(script.settled[&ticket], Ok(Settled::Done));
    assert_eq!((script.unread(), script.machine.conversation(&id(ANN)).unwrap().marked), (1, true));
    script.read(ANN, 3);
    let read = script.asked("read").params;
    assert_eq!((&read["seq"], &read["markSeen"]), (&json!(3), &json!(1)));
    assert_eq!(script.unread(), 0);
}

#[test]
fn clearing_names_the_newest_message_that_was_listed_and_unlists_it() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.says(ANN, 4);
    script.call(Request::Clear(id(ANN)));
    let cleared = with(member(1), &json!({"cleared": 4}));
    assert_eq!(script.answer("clear", &news(ANN, &cleared))["seq"], 4);
    assert_eq!((script.unread(), script.machine.conversations().len()), (0, 0));
    script.says(ANN, 5);
    assert_eq!((script.unread(), script.machine.conversations().len()), (1, 1));
}

#[test]
fn configuring_sends_only_what_changes() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    let configure = Configure { conversation: id(ANN), muted: Some(true), pinned: None };
    script.call(Request::Configure(configure));
    let muted = with(member(1), &json!({"settings": {"revision": 1, "muted": true}}));
    let asked = script.answer("configure", &news(ANN, &muted));
    assert_eq!(asked, json!({"conversation": ANN, "muted": true}));
    assert_eq!(script.unread(), 0);
}

#[test]
fn an_earlier_page_says_whether_there_is_more() {
    let mut script = Script::live(&[row(ANN, 9, 9)]);
    for (before, page, more) in [(9, 4..=8, true), (4, 1..=3, false)] {
        let request =
            Request::History { conversation: id(ANN), before: seq(before), limit: Some(5) };
        let ticket = script.call(request);
        let asked = script.answer("pull", &history(ANN, page.clone(), 9));
        assert_eq!(asked, json!({"conversation": ANN, "before": before, "limit": 5}));
        let Ok(Settled::History { messages, more: found }) = &script.settled[&ticket] else {
            panic!("{:?}", script.settled)
        };
        assert_eq!(*found, more);
        assert_eq!(seqs(messages), page.map(u64::from).collect::<Vec<_>>());
    }
}

#[test]
fn recalling_answers_with_the_message_as_it_is_now() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    let ticket = script.call(Request::Recall(id(ANN), seq(3)));
    let asked = script.answer("recall", &crate::script::recalled(ANN, 3));
    assert_eq!(asked, json!({"conversation": ANN, "seq": 3}));
    assert!(
        matches!(&script.settled[&ticket], Ok(Settled::Message(message)) if message["revision"] == 1)
    );
    assert_eq!(script.unread(), 1);
}

#[test]
fn a_later_opening_takes_the_place_of_an_earlier_one() {
    let mut script = Script::live(&[row(ANN, 3, 3), row(BOB, 2, 2)]);
    let first = script.call(Request::Open(id(ANN)));
    let second = script.call(Request::Open(id(BOB)));
    assert_eq!(script.code(first), Some(ErrorCode::Closed));
    script.answer("pull", &history(ANN, 1..=3, 3));
    assert_eq!(script.machine.open_end(), None);
    script.answer("pull", &history(BOB, 1..=2, 2));
    assert!(script.settled[&second].is_ok());
    assert_eq!(script.machine.open_end(), Some((&id(BOB), seq(2))));
}
