//! From nothing to live, and back again for every reason there is.

use message_service_machine::ConnectionState::{Connecting, Idle, Live, Stopped, Waiting};
use message_service_machine::{Input, TokenFailure, TokenReason};
use message_service_shared::error::ErrorCode;
use serde_json::json;

use crate::script::{ANN, Script, row};

#[test]
fn a_session_authenticates_says_what_it_looks_at_resumes_and_is_live() {
    let mut script = Script::new();
    script.attention(true, false);
    script.connect();
    assert_eq!((script.tokens.as_slice(), script.sockets), (&[TokenReason::Connect][..], (0, 0)));
    script.input(Input::Token(Ok("a-token".to_owned())));
    assert_eq!((script.sockets, script.asked.len()), ((1, 0), 0));
    script.input(Input::SocketOpened);
    let authenticate = script.asked.front().unwrap().params.clone();
    assert_eq!(authenticate, json!({"token": "a-token", "protocol": 1}));
    script.welcome();
    let commands: Vec<&str> = script.asked.iter().map(|asked| asked.command.as_str()).collect();
    assert_eq!(commands, ["look", "resume"]);
    let look = script.asked("look").params;
    assert_eq!(look["views"], json!([{"page": "other", "visible": true, "focused": false}]));
    let resume = script.asked.front().unwrap().params.clone();
    assert_eq!((&resume["epoch"], &resume["inbox"]), (&json!("e1"), &json!(50)));
    assert_eq!(script.machine.state(), Connecting);
    script.resume(&[row(ANN, 3, 1)]);
    assert_eq!(script.states(), [(Idle, Connecting), (Connecting, Live)]);
    assert_eq!(script.unread(), 2);
    assert_eq!(script.machine.profile().unwrap()["name"], "Me");
}

#[test]
fn each_change_of_state_names_the_one_before_and_how_long_the_wait_is() {
    let mut script = Script::live(&[]);
    script.lose(1006);
    let (state, retry_in, error) = script.last_state();
    assert_eq!((state, error), (Waiting, None));
    let retry_in = retry_in.unwrap();
    assert!((1..=500).contains(&retry_in), "{retry_in}");
    script.wait(retry_in - 1);
    assert_eq!(script.machine.state(), Waiting);
    script.wait(1);
    script.go_live(&[]);
    assert_eq!(script.states(), [(Live, Waiting), (Waiting, Connecting), (Connecting, Live)]);
    assert_eq!(script.last_state(), (Live, None, None));
}

/// How a live session that is closed with this code goes on.
fn check_close(rows: &[(u16, Result<TokenReason, ErrorCode>)]) {
    for (code, expected) in rows {
        let mut script = Script::live(&[]);
        script.lose(*code);
        script.wait(25_000);
        match expected {
            Ok(reason) => assert_eq!(script.tokens, [*reason], "{code}"),
            Err(error) => {
                assert_eq!(script.last_state(), (Stopped, None, Some(*error)), "{code}");
                assert_eq!((script.tokens.len(), script.machine.next_wake()), (0, None), "{code}");
            }
        }
    }
}

#[test]
fn a_close_code_says_whether_to_stop_to_bring_a_new_token_or_to_come_back() {
    check_close(&[
        (1000, Ok(TokenReason::Connect)),
        (1006, Ok(TokenReason::Connect)),
        (1012, Ok(TokenReason::Connect)),
        (4000, Ok(TokenReason::Connect)),
        (4004, Ok(TokenReason::Connect)),
        (4100, Ok(TokenReason::Expired)),
        (4101, Ok(TokenReason::Rejected)),
        (4200, Err(ErrorCode::Unauthenticated)),
        (4201, Err(ErrorCode::ProtocolUnsupported)),
        (4202, Err(ErrorCode::Unauthenticated)),
    ]);
}

#[test]
fn a_refused_authentication_is_worth_the_close_that_would_follow() {
    for (code, expected) in [
        (ErrorCode::TokenExpired, Ok(TokenReason::Expired)),
        (ErrorCode::Unauthenticated, Ok(TokenReason::Rejected)),
        (ErrorCode::Unavailable, Ok(TokenReason::Connect)),
        (ErrorCode::ProtocolUnsupported, Err(())),
    ] {
        let mut script = Script::new();
        script.connect();
        script.open_socket();
        script.tokens.clear();
        script.refuse("authenticate", code);
        let (state, _, error) = script.last_state();
        assert_eq!(error, Some(code), "the page is told the server's reason");
        assert_eq!(script.sockets, (1, 1), "{code:?}");
        script.wait(25_000);
        match expected {
            Ok(reason) => assert_eq!((state, script.tokens.as_slice()), (Waiting, &[reason][..])),
            Err(()) => assert_eq!((state, script.tokens.as_slice()), (Stopped, &[][..])),
        }
    }
}

#[test]
fn the_reason_for_a_new_token_is_forgotten_once_a_session_lives() {
    let mut script = Script::live(&[]);
    script.lose(4100);
    script.come_back(&[]);
    script.lose(1006);
    script.wait(25_000);
    assert_eq!(script.tokens, [TokenReason::Expired, TokenReason::Connect]);
}

#[test]
fn a_page_without_a_user_stops_and_a_page_that_failed_to_ask_tries_again() {
    let mut script = Script::new();
    script.connect();
    script.input(Input::Token(Err(TokenFailure::Failed)));
    assert_eq!(script.last_state().0, Waiting);
    script.wait(25_000);
    assert_eq!(script.tokens.len(), 2);
    script.input(Input::Token(Err(TokenFailure::Unauthorized)));
    assert_eq!(script.last_state(), (Stopped, None, Some(ErrorCode::Unauthenticated)));
    assert_eq!(script.sockets, (0, 0));
}

#[test]
fn a_token_that_never_comes_is_asked_for_again() {
    let mut script = Script::new();
    script.connect();
    script.wait(29_999);
    assert_eq!((script.machine.state(), script.tokens.len()), (Connecting, 1));
    script.wait(1);
    assert_eq!(script.machine.state(), Waiting);
    script.wait_for_attempt();
    assert_eq!((script.tokens.len(), script.sockets), (2, (0, 0)));
    // Whichever comes first will do.
    script.go_live(&[]);
}

#[test]
fn a_socket_that_does_not_open_is_given_up_after_ten_seconds() {
    let mut script = Script::new();
    script.connect();
    script.input(Input::Token(Ok("a-token".to_owned())));
    script.wait(9_999);
    assert_eq!(script.machine.state(), Connecting);
    script.wait(1);
    assert_eq!((script.machine.state(), script.sockets), (Waiting, (1, 1)));
}

#[test]
fn a_half_open_socket_is_found_out_by_a_command_without_an_answer() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.answers_beats = false;
    script.read(ANN, 3);
    script.wait(9_999);
    assert_eq!(script.machine.state(), Live);
    script.wait(1);
    assert_eq!((script.machine.state(), script.sockets), (Waiting, (1, 1)));
}

#[test]
fn a_server_that_answers_no_heartbeat_is_left() {
    let mut script = Script::live(&[]);
    script.answers_beats = false;
    script.wait(35_000);
    assert_eq!(script.states()[0], (Live, Waiting));
}

#[test]
fn heartbeats_come_as_often_as_the_server_wants() {
    let mut script = Script::live(&[]);
    let start = script.now.steady;
    script.wait(300_000);
    let mut last = start;
    for (at, _) in &script.beats {
        assert!((12_500..=25_000).contains(&(at - last)), "{:?}", script.beats);
        last = *at;
    }
    assert!((12..=16).contains(&script.beats.len()), "{}", script.beats.len());
    assert_eq!(script.machine.state(), Live);
}

#[test]
fn what_a_dropped_socket_says_is_not_heard() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.lose(1006);
    script.says(ANN, 4);
    assert_eq!(script.unread(), 0);
}

#[test]
fn the_servers_window_is_kept_and_no_sign_of_life_shortens_it() {
    let mut script = Script::live(&[]);
    script.push("goodbye", &json!({"afterMs": 30_000, "withinMs": 10_000}));
    assert_eq!(script.machine.state(), Live, "a goodbye is no close");
    script.lose(1012);
    let retry_in = script.last_state().1.unwrap();
    assert!((30_000..=40_000).contains(&retry_in), "{retry_in}");
    script.wait(5_000);
    script.input(Input::Online);
    script.attention(false, false);
    script.attention(true, true);
    assert_eq!((script.machine.state(), script.tokens.len()), (Waiting, 0));
    script.wait(retry_in - 5_000);
    assert_eq!((script.machine.state(), script.tokens.len()), (Connecting, 1));
}

/// A wait of several seconds, of which the first second is over.
fn waiting() -> Script {
    let mut script = Script::live(&[]);
    loop {
        script.lose(1006);
        if script.last_state().1 > Some(3_000) {
            break;
        }
        script.wait(3_000);
        script.open_socket();
    }
    script.wait(1_000);
    script.forget_the_past();
    script
}

#[test]
fn a_sign_of_life_ends_the_wait() {
    for (name, sign, attempts) in [
        ("online", vec![Input::Online], 1),
        ("twice", vec![Input::Online, Input::Online], 1),
        ("seen", vec![Input::Attention { visible: true, focused: false }], 1),
        ("focused unseen", vec![Input::Attention { visible: false, focused: true }], 0),
    ] {
        let mut script = waiting();
        script.attention(false, false);
        for input in sign {
            script.input(input);
        }
        assert_eq!(script.tokens.len(), attempts, "{name}");
    }
}

#[test]
fn a_sign_of_life_right_after_a_loss_shortens_nothing() {
    let mut script = waiting();
    script.input(Input::Online);
    script.open_socket();
    script.forget_the_past();
    script.lose(1006);
    assert!(script.last_state().1 > Some(0));
    script.input(Input::Online);
    assert_eq!(script.tokens.len(), 0);
}

#[test]
fn a_client_that_was_closed_can_connect_again() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.input(Input::Close);
    assert_eq!(script.states(), [(Live, Stopped)]);
    assert_eq!((script.sockets, script.machine.next_wake()), ((1, 1), None));
    assert!(script.storage.contains_key("head"), "closing is no sign-out");
    script.connect();
    script.go_live(&[row(ANN, 3, 1)]);
    assert_eq!(script.unread(), 2);
}

#[test]
fn connecting_twice_connects_once() {
    let mut script = Script::new();
    script.connect();
    script.connect();
    assert_eq!(script.tokens.len(), 1);
    script.go_live(&[]);
    script.connect();
    assert_eq!((script.tokens.len(), script.machine.state()), (1, Live));
}
