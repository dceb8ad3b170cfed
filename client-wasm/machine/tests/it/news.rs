//! Pushes: once, twice, late, out of order, and not at all.

use message_service_machine::{Event, Newest, Options};
use message_service_shared::error::ErrorCode;
use serde_json::{Value, json};

use crate::script::{ANN, BOB, Script, history, id, member, message, news, recalled, row, with};

fn heard(script: &Script) -> Vec<u64> {
    script.pick(|event| match event {
        Event::Message { message, .. } => message["seq"].as_u64(),
        _ => None,
    })
}

fn newest(script: &Script, conversation: &str) -> Value {
    match script.machine.conversation(&id(conversation)).unwrap().newest.unwrap() {
        Newest::Preview(newest) | Newest::Message(newest) => newest["seq"].clone(),
    }
}

#[test]
fn a_message_twice_counts_once_and_is_told_once() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.says(ANN, 4);
    script.says(ANN, 4);
    script.says(ANN, 2);
    assert_eq!((script.unread(), heard(&script)), (1, vec![4]));
    assert_eq!(newest(&script, ANN), 4);
}

#[test]
fn messages_out_of_order_are_counted_once_the_order_is_there() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.says(ANN, 5);
    assert_eq!(script.unread(), 0);
    script.wait(49);
    script.says(ANN, 4);
    assert_eq!((script.unread(), newest(&script, ANN)), (2, json!(5)));
    script.wait(1_000);
    assert!(!script.is_asked("fetch"), "a reordering needs nobody's help");
}

#[test]
fn the_row_is_fetched_before_what_follows_a_gap_counts() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.says(ANN, 6);
    script.wait(50);
    assert_eq!((script.unread(), script.keys("c:").len()), (0, 0));
    let quiet = with(row(ANN, 6, 3), &json!({"conversation": {"holes": {"runs": [[5, 5]]}}}));
    assert_eq!(script.answer("fetch", &json!([quiet])), json!({"conversations": [ANN]}));
    assert_eq!(script.unread(), 2);
    script.wait(1_000);
    assert!(!script.is_asked("fetch"));
}

#[test]
fn a_row_that_is_older_than_the_gap_is_fetched_again() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.says(ANN, 6);
    script.wait(50);
    script.answer("fetch", &json!([row(ANN, 4, 3)]));
    assert_eq!(script.unread(), 1);
    script.wait(50);
    script.answer("fetch", &json!([row(ANN, 6, 3)]));
    assert_eq!(script.unread(), 3);
}

#[test]
fn who_heard_a_message_to_very_many_waits_at_random_before_fetching() {
    let mut moments = std::collections::BTreeSet::new();
    for seed in 0..8 {
        let mut script = Script::seeded(Options::default(), seed);
        script.connect();
        script.go_live(&[]);
        let start = script.now.steady;
        let push = json!({"message": message("announcement", 1), "spreadMs": 20_000});
        script.push("message", &push);
        script.push("message", &push);
        while !script.is_asked("fetch") {
            script.wait(10);
        }
        moments.insert(script.now.steady - start);
    }
    assert!(moments.iter().all(|moment| *moment <= 20_010), "{moments:?}");
    assert!(moments.len() > 5 && *moments.last().unwrap() > 5_000, "{moments:?}");
}

#[test]
fn a_message_of_an_unknown_conversation_has_its_row_fetched_at_once() {
    let mut script = Script::live(&[]);
    script.says(ANN, 7);
    assert_eq!((script.unread(), script.machine.conversations().len()), (0, 0));
    script.answer("fetch", &json!([row(ANN, 7, 5)]));
    assert_eq!((script.unread(), script.machine.conversations().len()), (2, 1));
}

#[test]
fn a_conversation_that_the_server_does_not_have_is_forgotten() {
    let mut script = Script::live(&[row(BOB, 1, 0)]);
    script.says(ANN, 1);
    script.answer("fetch", &json!([]));
    assert_eq!((script.unread(), script.machine.conversation(&id(ANN))), (1, None));
    script.wait(20_000);
    assert!(!script.is_asked("fetch"));
}

#[test]
fn a_fetch_that_is_refused_is_tried_again_in_a_while() {
    let mut script = Script::live(&[]);
    script.says(ANN, 1);
    script.refuse("fetch", ErrorCode::Unavailable);
    script.wait(1_999);
    assert!(!script.is_asked("fetch"));
    script.wait(3_001);
    assert!(script.is_asked("fetch"));
}

#[test]
fn a_gap_in_the_open_conversation_is_pulled_and_delivered_once_in_order() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.open(ANN, 3);
    script.says(ANN, 6);
    script.says(ANN, 8);
    assert_eq!(script.delivered(), [0; 0]);
    let pull = script.answer("pull", &history(ANN, 4..=6, 6));
    assert_eq!((&pull["after"], script.delivered()), (&json!(3), vec![4, 5, 6]));
    script.says(ANN, 7);
    assert_eq!(script.delivered(), [4, 5, 6, 7, 8]);
    script.asked.retain(|asked| asked.command == "pull");
    while script.is_asked("pull") {
        script.answer("pull", &history(ANN, 7..=8, 8));
    }
    script.wait(1_000);
    assert_eq!((script.delivered(), script.is_asked("pull")), (vec![4, 5, 6, 7, 8], false));
}

#[test]
fn a_gap_that_retention_has_eaten_is_passed() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.open(ANN, 3);
    script.says(ANN, 9);
    let page = with(history(ANN, 8..=9, 9), &json!({"floor": 7}));
    script.answer("pull", &page);
    assert_eq!(script.delivered(), [8, 9]);
}

#[test]
fn a_recalled_message_counts_no_more() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.push("revised", &recalled(ANN, 2));
    script.push("revised", &recalled(ANN, 2));
    assert_eq!((script.unread(), newest(&script, ANN)), (1, json!(3)));
    script.push("revised", &recalled(ANN, 3));
    assert_eq!((script.unread(), script.dots()), (0, vec![false]));
}

#[test]
fn a_recall_that_comes_before_its_message_keeps_it_from_counting() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.push("revised", &recalled(ANN, 4));
    script.says(ANN, 4);
    assert_eq!((script.unread(), script.dots()), (0, vec![]));
    script.says(ANN, 5);
    assert_eq!(script.unread(), 1);
}

#[test]
fn a_quiet_notice_is_told_and_never_counts() {
    let mut script = Script::live(&[row("system:me", 3, 3)]);
    let quiet = with(message("system:me", 4), &json!({"quiet": true}));
    script.push("message", &json!({"message": quiet}));
    assert_eq!((script.unread(), heard(&script)), (0, vec![4]));
}

/// A row whose own messages up to 10 are forgotten, and counted from the messages.
fn forgetful() -> Value {
    let own = json!({"knownAbove": 10, "runs": [[12, 12]]});
    let counted = json!({"after": 2, "upTo": 15, "count": 6});
    with(row(ANN, 20, 2), &json!({"member": {"own": own}, "counted": counted}))
}

#[test]
fn a_count_from_the_messages_goes_on_with_what_follows() {
    let mut script = Script::live(&[forgetful()]);
    assert_eq!(script.unread(), 11);
    script.says(ANN, 21);
    script.push("revised", &recalled(ANN, 18));
    script.wait(1_000);
    assert_eq!((script.unread(), script.is_asked("fetch")), (11, false));
}

#[test]
fn a_recall_within_a_count_from_the_messages_has_it_counted_again() {
    for seq in [5, 14] {
        let mut script = Script::live(&[forgetful()]);
        script.push("revised", &recalled(ANN, seq));
        script.wait(100);
        let again = json!({"counted": {"after": 2, "upTo": 20, "count": 10}});
        script.answer("fetch", &json!([with(forgetful(), &again)]));
        assert_eq!(script.unread(), 10, "{seq}");
    }
}

#[test]
fn a_read_on_another_device_clears_it_here() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.push("member", &news(ANN, &member(3)));
    assert_eq!((script.unread(), script.dots(), script.keys("c:")), (0, vec![false], vec![]));
    script.push("member", &news(ANN, &member(2)));
    assert_eq!(script.unread(), 0, "an older half takes nothing back");
}

#[test]
fn a_message_sent_from_another_device_counts_for_nothing_here() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    let own = with(message(ANN, 4), &json!({"sender": "me"}));
    script.push("message", &json!({"message": own}));
    assert_eq!((script.unread(), script.dots()), (0, vec![]));
}

#[test]
fn a_member_half_of_an_unknown_conversation_has_its_row_fetched() {
    let mut script = Script::live(&[]);
    script.push("member", &news(ANN, &member(1)));
    script.answer("fetch", &json!([row(ANN, 3, 1)]));
    assert_eq!(script.unread(), 2);
}

#[test]
fn a_snapshot_that_crosses_a_push_undoes_nothing() {
    let mut script = Script::live(&[row(ANN, 3, 3)]);
    script.says(BOB, 1);
    script.says(ANN, 4);
    script.push("member", &news(ANN, &member(4)));
    script.answer("fetch", &json!([row(BOB, 1, 0), row(ANN, 3, 3)]));
    assert_eq!((script.unread(), newest(&script, ANN)), (1, json!(4)));
}

#[test]
fn what_is_not_understood_is_skipped() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    for data in [json!({}), json!(null), json!([]), json!({"message": {"seq": -1}}), json!("x")] {
        for name in ["message", "revised", "member", "goodbye", "of tomorrow"] {
            script.push(name, &data);
        }
        script.input(message_service_machine::Input::Frame(data));
    }
    assert_eq!((script.unread(), script.states().len(), heard(&script)), (2, 0, vec![]));
}
