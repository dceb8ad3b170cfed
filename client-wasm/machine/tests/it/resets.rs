//! What was known turns out to be void.

use message_service_machine::{ConnectionState, Event, Request};
use message_service_shared::error::ErrorCode;
use serde_json::json;

use crate::script::{ANN, BOB, Script, id, row};

fn resets(script: &Script) -> Vec<String> {
    script.pick(|event| match event {
        Event::Reset(epoch) => Some(epoch.to_string()),
        _ => None,
    })
}

fn head_was_taken_away(script: &Script) -> bool {
    script.writes.iter().any(|(key, value)| key == "head" && value.is_none())
}

#[test]
fn another_epoch_voids_all_and_keeps_whose_it_is() {
    for reload in [false, true] {
        let mut script = Script::live(&[row(ANN, 3, 1)]);
        script.read(ANN, 2);
        let login = script.stored("head").unwrap()["login"].clone();
        script.epoch = "e2";
        if reload {
            script.reload();
        } else {
            script.lose(4002);
            script.wait_for_attempt();
        }
        script.open_socket();
        script.welcome();
        assert_eq!(resets(&script), ["e2"], "{reload}");
        assert_eq!(script.unread(), 0);
        let resume = script.asked.iter().find(|asked| asked.command == "resume").unwrap();
        assert_eq!(
            (&resume.params["epoch"], resume.params.get("conversations")),
            (&json!("e2"), None)
        );
        assert!(!head_was_taken_away(&script), "{:?}", script.writes);
        assert_eq!((script.keys("c:"), script.keys("r:")), (vec![], vec![]));
        let head = script.stored("head").unwrap();
        assert_eq!((&head["epoch"], &head["login"]), (&json!("e2"), &login));
        script.resume(&[row(BOB, 1, 0)]);
        assert_eq!((script.unread(), script.machine.conversations().len()), (1, 1));
    }
}

#[test]
fn the_first_session_of_a_browser_is_no_reset() {
    let mut script = Script::new();
    script.connect();
    script.go_live(&[row(ANN, 3, 1)]);
    script.lose(1006);
    script.come_back(&[row(ANN, 3, 1)]);
    assert_eq!(resets(&script), [""; 0]);
}

#[test]
fn a_position_past_the_end_or_another_epoch_is_refused_and_voids_all() {
    for code in [ErrorCode::SeqPastEnd, ErrorCode::WrongEpoch] {
        let mut script = Script::live(&[row(ANN, 3, 1), row(BOB, 2, 0)]);
        script.open(ANN, 3);
        script.refuse("read", code);
        assert_eq!(
            (resets(&script), script.machine.state()),
            (vec!["e1".to_owned()], ConnectionState::Waiting)
        );
        assert_eq!((script.unread(), script.machine.open_end()), (0, None));
        assert_eq!(script.keys(""), ["head"]);
        assert!(!head_was_taken_away(&script));
        script.asked.clear();
        script.wait_for_attempt();
        script.open_socket();
        script.welcome();
        assert_eq!(script.asked("resume").params.get("conversations"), None);
    }
}

#[test]
fn a_call_that_is_refused_for_a_position_past_the_end_fails_and_voids_all() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    let ticket = script.call(Request::Clear(id(ANN)));
    script.refuse("clear", ErrorCode::SeqPastEnd);
    assert_eq!((script.code(ticket), resets(&script).len()), (Some(ErrorCode::SeqPastEnd), 1));
    assert_eq!(script.machine.state(), ConnectionState::Waiting);
}

#[test]
fn an_opening_that_a_reset_cut_off_is_asked_again() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    let ticket = script.call(Request::Open(id(ANN)));
    script.epoch = "e2";
    script.lose(4002);
    script.come_back(&[row(ANN, 1, 0)]);
    script.answer("pull", &crate::script::history(ANN, 1..=1, 1));
    assert!(script.settled[&ticket].is_ok());
    assert_eq!(script.asked("read").params["epoch"], "e2");
}
