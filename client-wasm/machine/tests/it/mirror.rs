//! The mirror: what a tab writes, what it leaves to others, and what it takes from them.

use message_service_machine::{ConnectionState, Event, Input, Request};
use message_service_shared::error::ErrorCode;
use message_service_shared::limits::MIRRORED;
use serde_json::{Value, json};

use crate::script::{ANN, BOB, CAT, Script, id, member, news, row};

fn c(conversation: &str) -> String {
    format!("c:{conversation}")
}

fn r(conversation: &str) -> String {
    format!("r:{conversation}")
}

#[test]
fn a_live_tab_mirrors_what_is_unread_and_whose_it_is() {
    let script = Script::live(&[row(ANN, 3, 1), row(BOB, 2, 2)]);
    assert_eq!(script.keys("c:"), [c(ANN)]);
    assert_eq!(script.stored(&c(ANN)), Some(json!({"n": 2, "last": 3, "base": 1})));
    let head = script.stored("head").unwrap();
    assert_eq!(
        (&head["v"], &head["user"], &head["epoch"]),
        (&json!(1), &json!("me"), &json!("e1"))
    );
    assert_eq!(head["login"].as_str().unwrap().len(), 32);
}

#[test]
fn a_read_that_is_acknowledged_leaves_no_key() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.read(ANN, 3);
    assert_eq!(
        (script.stored(&r(ANN)), script.stored(&c(ANN))),
        (Some(json!({"seq": 3, "mark": 0, "epoch": "e1"})), None)
    );
    script.answer("read", &news(ANN, &member(2)));
    assert!(script.storage.contains_key(&r(ANN)), "that was another read");
    script.answer("read", &news(ANN, &member(3)));
    assert_eq!(script.keys("r:"), [""; 0]);
}

#[test]
fn a_read_that_nobody_acknowledged_survives_a_reload_and_is_named_in_the_resume() {
    let mut script = Script::live(&[row(ANN, 3, 1), row(BOB, 2, 0)]);
    script.read(ANN, 3);
    script.reload();
    script.open_socket();
    script.welcome();
    let resume = script.asked.iter().find(|asked| asked.command == "resume").unwrap();
    let known = &resume.params["conversations"];
    assert_eq!((&known[0]["id"], &known[0]["readSeq"]), (&json!(ANN), &json!(3)));
    assert_eq!((&known[1]["id"], &known[1]["unread"]), (&json!(BOB), &json!(2)));
    script.resume(&[row(ANN, 3, 3), row(BOB, 2, 0)]);
    assert_eq!((script.unread(), script.keys("r:"), script.is_asked("read")), (2, vec![], false));
}

#[test]
fn a_read_that_the_resume_did_not_adopt_is_sent() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.read(ANN, 3);
    script.reload();
    script.go_live(&[row(ANN, 3, 1)]);
    assert_eq!(script.asked("read").params["seq"], 3);
}

#[test]
fn a_reload_paints_what_was_known_before_there_is_a_session() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.reload();
    assert_eq!((script.dots(), script.totals()), (vec![true], vec![2]));
    script.go_live(&[row(ANN, 3, 3)]);
    assert_eq!((script.dots(), script.totals()), (vec![true, false], vec![2, 0]));
    assert_eq!(script.keys("c:"), [""; 0]);
}

#[test]
fn a_hold_that_a_clock_set_back_would_stretch_is_no_hold() {
    for (ahead, shows) in [(1_000, false), (1_001, true), (3_600_000, true)] {
        let mut script = Script::live(&[row(ANN, 3, 1)]);
        let show_at = script.now.wall + ahead;
        let held = json!({"n": 2, "last": 3, "base": 1, "showAt": show_at}).to_string();
        script.storage.insert(c(ANN), held);
        script.reload();
        assert_eq!(script.unread() > 0, shows, "{ahead} ms ahead");
        script.wait(1_000);
        assert_eq!(script.unread(), 2, "{ahead} ms ahead");
    }
}

#[test]
fn what_the_storage_had_no_room_for_is_written_once_it_has() {
    let mut script = Script::live(&[row(ANN, 3, 1), row(BOB, 2, 2)]);
    script.full = true;
    script.says(ANN, 4);
    script.says(BOB, 3);
    assert_eq!(script.stored(&c(ANN)).unwrap()["n"], 2);
    assert_eq!(script.stored(&c(BOB)), None);
    script.forget_the_past();
    script.wait(20_000);
    assert_eq!(script.writes.len(), 4, "it is tried now and then, and not all the time");
    script.full = false;
    script.wait(10_000);
    assert_eq!(script.stored(&c(ANN)).unwrap()["n"], 3);
    assert_eq!(script.stored(&c(BOB)).unwrap()["n"], 1);
    assert!(!script.is_asked("fetch"), "the server has nothing to do with it");
}

#[test]
fn whose_mirror_it_is_is_written_too_once_there_is_room() {
    let mut script = Script::new();
    script.full = true;
    script.attention(true, true);
    script.connect();
    script.go_live(&[row(ANN, 3, 1)]);
    assert_eq!(script.keys(""), [""; 0]);
    script.full = false;
    script.wait(10_000);
    assert_eq!(script.stored("head").unwrap()["user"], "me");
    assert_eq!(script.stored(&c(ANN)).unwrap()["n"], 2);
}

#[test]
fn what_is_read_leaves_a_full_storage_at_once() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.full = true;
    script.says(ANN, 4);
    script.read(ANN, 4);
    assert_eq!(script.stored(&c(ANN)), None);
    script.wait(60_000);
    assert_eq!(script.keys("c:"), [""; 0]);
}

#[test]
fn a_mirrored_conversation_that_the_server_does_not_confirm_is_dropped() {
    let mut script = Script::live(&[row(ANN, 3, 1), row(BOB, 2, 1)]);
    script.reload();
    script.go_live(&[row(BOB, 2, 1)]);
    assert_eq!((script.unread(), script.keys("c:")), (1, vec![c(BOB).as_str()]));
}

#[test]
fn a_tab_that_is_not_live_writes_its_reads_and_nothing_else() {
    let mut script = Script::live(&[row(ANN, 3, 1), row(BOB, 2, 1)]);
    script.lose(1006);
    script.forget_the_past();
    script.read(ANN, 3);
    let written: Vec<&str> = script.writes.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(written, [r(ANN)]);
    assert_eq!(script.unread(), 1);
    script.come_back(&[row(ANN, 3, 3), row(BOB, 2, 1)]);
    assert_eq!((script.keys("c:"), script.keys("r:")), (vec![c(BOB).as_str()], vec![]));
}

#[test]
fn another_tabs_write_is_yielded_to_then_doubted_and_only_then_written_over() {
    for value in [None, Some(r#"{"n":9,"last":9,"base":0}"#)] {
        let mut script = Script::live(&[row(ANN, 3, 1)]);
        script.hear_storage(&c(ANN), value);
        script.says(ANN, 4);
        script.wait(299);
        assert_eq!(script.writes, [], "{value:?}");
        script.wait(301);
        assert_eq!(script.writes, [], "{value:?}");
        script.answer("fetch", &json!([row(ANN, 4, 1)]));
        script.wait(2_000);
        assert_eq!(script.stored(&c(ANN)).unwrap()["n"], 3, "{value:?}");
        assert_eq!(script.writes.len(), 1, "{value:?}");
    }
}

#[test]
fn another_tab_that_was_ahead_is_agreed_with() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.hear_storage(&c(ANN), Some(r#"{"n":3,"last":4,"base":1}"#));
    script.wait(100);
    script.says(ANN, 4);
    script.wait(5_000);
    assert_eq!(script.writes, []);
}

#[test]
fn a_storage_that_was_emptied_is_filled_again_by_a_live_tab() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    let before = script.storage.keys().cloned().collect::<Vec<_>>();
    script.storage.clear();
    script.hear_clearing();
    assert_eq!(script.storage.into_keys().collect::<Vec<_>>(), before);
    assert_eq!(script.machine.state(), ConnectionState::Live);
}

#[test]
fn a_storage_that_was_emptied_is_left_empty_by_a_tab_that_is_not_live() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.lose(1006);
    script.read(ANN, 3);
    script.storage.clear();
    script.hear_clearing();
    assert_eq!(script.keys(""), [""; 0], "its epoch may be over, and it can't know");
    script.come_back(&[row(ANN, 3, 1)]);
    assert_eq!(script.asked("read").params["seq"], 3, "the read is not lost by that");
    assert!(script.storage.contains_key("head"));
}

#[test]
fn what_another_tab_wrote_into_an_emptied_storage_is_not_written_over() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.storage.clear();
    let newer = json!({"v": 1, "user": "me", "login": "l", "epoch": "e2"});
    script.storage.insert("head".to_owned(), newer.to_string());
    script.hear_clearing();
    assert_eq!(script.stored("head"), Some(newer));
    assert_eq!(script.keys("c:"), [""; 0]);
}

#[test]
fn an_emptied_storage_that_is_somebody_elses_now_ends_this_tab() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.storage.clear();
    let other = json!({"v": 1, "user": "ann", "login": "l", "epoch": "e1"});
    script.storage.insert("head".to_owned(), other.to_string());
    script.hear_clearing();
    assert_eq!(script.machine.state(), ConnectionState::Stopped);
    assert_eq!(script.stored("head"), Some(other));
}

#[test]
fn a_read_in_another_tab_counts_here_and_is_sent_by_this_one_if_that_one_is_gone() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.hear_storage(&r(ANN), Some(r#"{"seq":3,"mark":0,"epoch":"e1"}"#));
    assert_eq!((script.unread(), script.is_asked("read")), (0, false));
    script.wait(1_999);
    assert!(!script.is_asked("read"));
    assert!(script.storage.contains_key(&r(ANN)), "the other tab's fact is not taken away");
    script.wait(1);
    assert_eq!(script.asked("read").params["seq"], 3);
}

#[test]
fn a_read_in_another_tab_that_is_acknowledged_there_is_not_sent_here() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.hear_storage(&r(ANN), Some(r#"{"seq":3,"mark":0,"epoch":"e1"}"#));
    script.wait(500);
    script.hear_storage(&r(ANN), None);
    script.push("member", &news(ANN, &member(3)));
    script.wait(10_000);
    assert!(!script.is_asked("read"));
}

fn head_of(script: &Script, user: &str) -> String {
    let mut head = script.stored("head").unwrap();
    head["user"] = user.into();
    head["login"] = "another".into();
    head.to_string()
}

#[test]
fn another_users_login_in_another_tab_ends_this_one() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    let ticket = script.send(ANN, "name-1");
    script.read(ANN, 3);
    let head = head_of(&script, "you");
    script.forget_the_past();
    script.hear_storage("head", Some(&head));
    assert_eq!(signed_out(&script), [Some("you".to_owned())]);
    assert_eq!(
        (script.machine.state(), script.code(ticket)),
        (ConnectionState::Stopped, Some(ErrorCode::Closed))
    );
    assert_eq!((script.writes.as_slice(), script.machine.next_wake()), (&[][..], None));
    assert_eq!((script.unread(), script.machine.user()), (0, None));
}

fn signed_out(script: &Script) -> Vec<Option<String>> {
    script.pick(|event| match event {
        Event::SignedOut(user) => Some(user.as_ref().map(ToString::to_string)),
        _ => None,
    })
}

#[test]
fn a_sign_out_in_another_tab_ends_this_one() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.hear_storage("head", None);
    assert_eq!(signed_out(&script), [None]);
    assert_eq!(script.machine.state(), ConnectionState::Stopped);
    assert_eq!(script.writes, []);
}

#[test]
fn the_same_users_head_ends_nothing() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    let head = head_of(&script, "me");
    script.hear_storage("head", Some(&head));
    script.wait(5_000);
    assert_eq!((signed_out(&script), script.machine.state()), (vec![], ConnectionState::Live));
}

#[test]
fn nothing_that_one_user_asked_for_is_sent_as_another() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    let ticket = script.send(ANN, "name-1");
    script.read(ANN, 3);
    script.lose(1006);
    script.wait_for_attempt();
    script.user = "you";
    script.open_socket();
    script.welcome();
    assert_eq!(
        (signed_out(&script), script.code(ticket)),
        (vec![Some("you".to_owned())], Some(ErrorCode::Closed))
    );
    assert_eq!(script.asked.len(), 0, "{:?}", script.asked);
    assert_eq!(script.machine.state(), ConnectionState::Stopped);
}

#[test]
fn a_mirror_of_another_user_is_purged_when_the_session_says_who_it_is() {
    let mut script = Script::live(&[row(ANN, 3, 1), row(BOB, 2, 0)]);
    script.read(ANN, 3);
    let login = script.stored("head").unwrap()["login"].clone();
    script.user = "you";
    script.reload();
    script.open_socket();
    script.welcome();
    assert_eq!(script.asked("resume").params.get("conversations"), None);
    assert_eq!((script.unread(), script.keys("c:"), script.keys("r:")), (0, vec![], vec![]));
    let head = script.stored("head").unwrap();
    assert_eq!(head["user"], "you");
    assert_ne!(head["login"], login);
}

#[test]
fn signing_out_leaves_nothing_behind() {
    let mut script = Script::live(&[row(ANN, 3, 1), row(BOB, 2, 0)]);
    script.read(ANN, 3);
    let ticket = script.call(Request::Mark(id(CAT)));
    script.input(Input::SignOut);
    assert_eq!(script.storage.len(), 0);
    assert_eq!((script.unread(), script.machine.dot()), (0, false));
    assert_eq!(script.code(ticket), Some(ErrorCode::Closed));
    script.read(BOB, 2);
    script.input(Input::Wake);
    assert_eq!(script.storage.len(), 0);
}

#[test]
fn more_unread_conversations_than_are_listed_become_one_sum() {
    let rows: Vec<Value> = (0..MIRRORED + 3)
        .map(|number| row(&format!("group:{number}"), u32::try_from(number).unwrap() + 2, 0))
        .collect();
    let mut script = Script::live(&rows);
    assert_eq!(script.keys("c:").len(), MIRRORED);
    assert_eq!(script.stored("more"), Some(json!({"n": 2 + 3 + 4})));
    assert!(script.keys("c:").contains(&"c:group:3"), "the oldest are summed up");
    assert_eq!(script.machine.unread().conversations, 203);
    for number in 100..110 {
        script.read(&format!("group:{number}"), number + 2);
    }
    assert_eq!((script.stored("more"), script.keys("c:").len()), (None, 193));
}

#[test]
fn a_corrupt_mirror_is_worth_an_empty_one() {
    for (key, value) in [
        ("head", "{"),
        ("head", r#"{"v":99,"user":"me","login":"x","epoch":"e1"}"#),
        (c(ANN).as_str(), r#"{"n":"many"}"#),
        ("c:nonsense", r#"{"n":2,"last":3,"base":1}"#),
        (r(ANN).as_str(), "[]"),
        ("more", "?"),
    ] {
        let mut script = Script::live(&[row(BOB, 3, 1)]);
        script.storage.insert(key.to_owned(), value.to_owned());
        script.reload();
        script.go_live(&[row(BOB, 3, 1)]);
        let keys: Vec<&String> = script.storage.keys().collect();
        assert_eq!(keys, [&c(BOB), &"head".to_owned()], "{key} {value}");
        assert_eq!(script.unread(), 2);
    }
}

#[test]
fn a_read_of_another_epoch_is_nobodys() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    let before = script.unread();
    script.hear_storage(&r(ANN), Some(r#"{"seq":3,"mark":0,"epoch":"e0"}"#));
    script.wait(2_000);
    assert_eq!((script.unread(), script.is_asked("read")), (before, false));
}

#[test]
fn a_mirror_that_a_tab_of_another_epoch_took_is_taken_back_once_the_server_answers() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    let head = r#"{"v":1,"user":"me","login":"l","epoch":"e0"}"#;
    script.hear_storage("head", Some(head));
    script.hear_storage(&c(ANN), Some(r#"{"n":9,"last":9,"base":0}"#));
    script.says(ANN, 4);
    assert_eq!(script.writes, []);
    script.wait(30_000);
    assert_eq!(script.stored("head").unwrap()["epoch"], "e1");
    assert_eq!(script.stored(&c(ANN)).unwrap()["n"], 3);
}

#[test]
fn a_head_of_another_epoch_makes_its_reads_no_reads_of_this_one() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    let before = script.unread();
    let head = r#"{"v":1,"user":"me","login":"l","epoch":"e0"}"#;
    script.hear_storage("head", Some(head));
    script.hear_storage(&r(ANN), Some(r#"{"seq":3,"mark":0,"epoch":"e0"}"#));
    script.wait(2_000);
    assert_eq!((script.unread(), script.is_asked("read")), (before, false));
}
