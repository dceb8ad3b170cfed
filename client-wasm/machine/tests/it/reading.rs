//! The open conversation: what is delivered into it, and when that counts as read.

use message_service_machine::{Event, Input, Options, Request, Settled};
use message_service_shared::error::ErrorCode;
use serde_json::json;

use crate::script::{ANN, BOB, Script, history, id, member, message, news, row, seq, seqs};

/// A tab that attends to a conversation of which everything is read.
fn attending() -> Script {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.open(ANN, 3);
    script.forget_the_past();
    script
}

#[test]
fn opening_says_where_the_divider_belongs_and_reads_to_the_end() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    let ticket = script.open(ANN, 3);
    let Ok(Settled::Opened { conversation, messages, first_unread_seq, more }) =
        &script.settled[&ticket]
    else {
        panic!("{:?}", script.settled)
    };
    assert_eq!((conversation, seqs(messages)), (&id(ANN), vec![1, 2, 3]));
    assert_eq!((*first_unread_seq, *more), (Some(seq(2)), false));
    assert_eq!(script.asked("look").params["views"][0]["open"], json!(null));
    assert_eq!(script.asked("look").params["views"][0]["open"], ANN);
    let read = script.asked("read").params;
    assert_eq!(read, json!({"conversation": ANN, "seq": 3, "markSeen": 0, "epoch": "e1"}));
    assert_eq!(script.unread(), 0);
}

#[test]
fn opening_what_is_read_has_no_divider_and_reads_nothing() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    let ticket = script.open(ANN, 3);
    let opened = &script.settled[&ticket];
    assert!(matches!(opened, Ok(Settled::Opened { first_unread_seq: None, .. })), "{opened:?}");
    assert!(!script.is_asked("read"));
}

#[test]
fn what_came_while_opening_is_delivered_with_the_page() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    let ticket = script.call(Request::Open(id(ANN)));
    script.says(ANN, 5);
    script.says(ANN, 4);
    script.answer("pull", &history(ANN, 1..=4, 4));
    let Ok(Settled::Opened { messages, .. }) = &script.settled[&ticket] else {
        panic!("{:?}", script.settled)
    };
    assert_eq!((seqs(messages), script.delivered()), (vec![1, 2, 3, 4, 5], vec![]));
    assert_eq!(script.asked("read").params["seq"], 5);
}

#[test]
fn a_conversation_that_cannot_be_opened_is_not_attended() {
    let mut script = Script::live(&[]);
    let ticket = script.call(Request::Open(id(ANN)));
    script.refuse("pull", ErrorCode::ConversationUnknown);
    assert_eq!(script.code(ticket), Some(ErrorCode::ConversationUnknown));
    script.says(ANN, 1);
    assert_eq!((script.delivered(), script.is_asked("read")), (vec![], false));
}

#[test]
fn an_opened_conversation_that_nobody_knew_is_fetched() {
    let mut script = Script::live(&[]);
    script.open(ANN, 3);
    assert_eq!(script.answer("fetch", &json!([row(ANN, 3, 0)])), json!({"conversations": [ANN]}));
    assert_eq!(script.machine.conversations().len(), 1);
    assert_eq!(script.unread(), 0);
}

#[test]
fn a_message_in_the_attended_conversation_is_read_after_its_delivery() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.open(ANN, 3);
    script.listeners_return = false;
    script.says(ANN, 4);
    assert_eq!((script.delivered(), script.is_asked("read")), (vec![4], false));
    script.input(Input::Delivered { conversation: id(ANN), seq: seq(4) });
    assert_eq!(script.asked("read").params["seq"], 4);
    let attended = script.pick(|event| match event {
        Event::Message { attended, own, .. } => Some((*attended, *own)),
        _ => None,
    });
    assert_eq!(attended, [(true, false)]);
}

#[test]
fn a_message_in_the_attended_conversation_enters_neither_mirror_nor_dot() {
    let mut script = attending();
    for seq in 4..8 {
        script.says(ANN, seq);
        script.wait(100);
    }
    assert!(!script.ever_wrote("c:"), "{:?}", script.writes);
    assert_eq!((script.dots(), script.totals()), (vec![], vec![]));
}

#[test]
fn an_attended_message_whose_listeners_hang_shows_after_a_second() {
    let mut script = attending();
    script.listeners_return = false;
    script.says(ANN, 4);
    script.wait(999);
    assert_eq!((script.unread(), script.keys("c:").len()), (0, 0));
    script.wait(1);
    assert_eq!((script.unread(), script.keys("c:").len()), (1, 1));
}

#[test]
fn what_no_listener_has_rendered_yet_is_read_neither_on_return_nor_by_a_send() {
    let mut script = attending();
    script.listeners_return = false;
    script.says(ANN, 4);
    script.attention(true, false);
    script.attention(true, true);
    script.send(ANN, "name-1");
    assert!(!script.is_asked("read"));
    assert_eq!(script.asked("send").params["readSeq"], 3);
}

#[test]
fn leaving_shows_the_truth_at_once() {
    let mut script = attending();
    script.listeners_return = false;
    script.says(ANN, 4);
    script.input(Input::Leave);
    assert_eq!((script.unread(), script.dots(), script.keys("c:").len()), (1, vec![true], 1));
    script.says(ANN, 5);
    assert_eq!((script.unread(), script.delivered()), (2, vec![4]));
    assert!(!script.is_asked("read"));
}

#[test]
fn a_tab_that_is_not_looked_at_reads_on_return() {
    for (visible, focused) in [(false, true), (true, false), (false, false)] {
        let mut script = attending();
        script.attention(visible, focused);
        script.says(ANN, 4);
        assert_eq!((script.delivered(), script.unread()), (vec![4], 1), "{visible} {focused}");
        assert!(!script.is_asked("read"), "{visible} {focused}");
        script.attention(true, true);
        assert_eq!(script.asked("read").params["seq"], 4);
        assert_eq!((script.unread(), script.dots()), (0, vec![true, false]));
    }
}

#[test]
fn opening_in_a_tab_that_is_not_looked_at_reads_nothing_yet() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.attention(true, false);
    script.open(ANN, 3);
    assert_eq!((script.is_asked("read"), script.unread()), (false, 2));
    script.attention(true, true);
    assert_eq!(script.asked("read").params["seq"], 3);
}

#[test]
fn a_page_that_reads_by_hand_is_not_read_for() {
    let options = Options { auto_read: false, ..Options::default() };
    let mut script = Script::live_with(options, &[row(ANN, 3, 1)]);
    script.open(ANN, 3);
    script.says(ANN, 4);
    assert_eq!((script.delivered(), script.unread()), (vec![4], 3));
    script.attention(true, false);
    script.attention(true, true);
    assert!(!script.is_asked("read"));
    script.read(ANN, 3);
    assert_eq!(script.asked("read").params["seq"], 3);
    assert_eq!(script.unread(), 1);
}

#[test]
fn one_read_is_on_its_way_at_a_time_and_the_latest_follows() {
    let mut script = attending();
    for seq in 4..8 {
        script.says(ANN, seq);
    }
    assert_eq!(script.answer("read", &news(ANN, &member(4)))["seq"], 4);
    assert_eq!(script.answer("read", &news(ANN, &member(7)))["seq"], 7);
    assert!(!script.is_asked("read"));
}

#[test]
fn a_read_that_is_refused_for_now_is_tried_again_in_a_while() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.read(ANN, 3);
    script.refuse("read", ErrorCode::Unavailable);
    script.wait(1_999);
    assert!(!script.is_asked("read"));
    script.wait(3_001);
    assert_eq!(script.asked("read").params["seq"], 3);
}

#[test]
fn a_read_that_is_refused_for_good_is_dropped() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.read(ANN, 3);
    script.refuse("read", ErrorCode::ConversationUnknown);
    script.wait(10_000);
    assert_eq!((script.is_asked("read"), script.keys("r:")), (false, vec![]));
}

#[test]
fn reading_again_what_is_read_asks_nothing() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.read(ANN, 3);
    script.read(ANN, 2);
    script.read(BOB, 0);
    assert!(!script.is_asked("read"));
}

fn attended_elsewhere(conversation: &str, seq: u32) -> serde_json::Value {
    json!({"message": message(conversation, seq), "attended": true})
}

#[test]
fn what_is_attended_elsewhere_is_held_for_a_second_at_most() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    let wall = script.now.wall;
    script.push("message", &attended_elsewhere(ANN, 4));
    let mirrored = script.stored(&format!("c:{ANN}")).unwrap();
    assert_eq!(mirrored, json!({"n": 1, "last": 4, "base": 3, "showAt": wall + 1_000}));
    script.wait(600);
    script.push("message", &attended_elsewhere(ANN, 5));
    script.wait(399);
    assert_eq!((script.unread(), script.dots()), (0, vec![]));
    script.wait(1);
    assert_eq!((script.unread(), script.dots()), (2, vec![true]));
    assert_eq!(script.stored(&format!("c:{ANN}")).unwrap()["n"], 2);
}

#[test]
fn what_is_attended_elsewhere_after_a_gap_is_held_as_well() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.push("message", &attended_elsewhere(ANN, 5));
    script.wait(100);
    script.answer("fetch", &json!([row(ANN, 5, 3)]));
    assert_eq!((script.unread(), script.dots()), (0, vec![]));
    script.wait(1_000);
    assert_eq!((script.unread(), script.dots()), (2, vec![true]));
}

#[test]
fn what_is_attended_elsewhere_and_read_there_never_shows() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.push("message", &attended_elsewhere(ANN, 4));
    script.wait(300);
    script.push("member", &news(ANN, &member(4)));
    script.wait(5_000);
    assert_eq!((script.dots(), script.totals(), script.keys("c:")), (vec![], vec![], vec![]));
}

#[test]
fn what_shows_already_is_not_held_back() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.push("message", &attended_elsewhere(ANN, 4));
    assert_eq!((script.unread(), script.machine.dot()), (3, true));
}

#[test]
fn a_new_hold_after_a_read_lasts_its_own_second() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.push("message", &attended_elsewhere(ANN, 4));
    script.push("member", &news(ANN, &member(4)));
    script.wait(900);
    script.push("message", &attended_elsewhere(ANN, 5));
    script.wait(999);
    assert_eq!(script.unread(), 0);
    script.wait(1);
    assert_eq!(script.unread(), 1);
}

#[test]
fn an_open_conversation_catches_up_after_a_reconnect() {
    let mut script = attending();
    script.lose(1006);
    script.come_back(&[row(ANN, 6, 3)]);
    let pull = script.answer("pull", &history(ANN, 4..=6, 6));
    assert_eq!((&pull["after"], script.delivered()), (&json!(3), vec![4, 5, 6]));
    assert_eq!(script.asked("read").params["seq"], 6);
}
