//! The list.

use message_service_machine::{ConversationView, Event, Options, Request, Settled};
use serde_json::{Value, json};

use crate::script::{ANN, BOB, CAT, Script, id, row, with};

fn listed(script: &Script) -> Vec<&str> {
    let views = script.machine.conversations();
    views.iter().map(|view: &ConversationView<'_, Value>| view.id.as_str()).collect()
}

#[test]
fn pinned_conversations_come_first_then_the_newest() {
    let pinned = json!({"member": {"settings": {"revision": 1, "muted": false, "pinned": true}}});
    let mut script = Script::live(&[row(ANN, 9, 9), with(row(BOB, 2, 2), &pinned), row(CAT, 5, 5)]);
    assert_eq!(listed(&script), [BOB, ANN, CAT]);
    for seq in 6..=10 {
        script.says(CAT, seq);
    }
    assert_eq!(listed(&script), [BOB, CAT, ANN]);
}

#[test]
fn only_what_changed_is_told() {
    let mut script = Script::live(&[row(ANN, 9, 9), row(BOB, 2, 2)]);
    script.says(BOB, 3);
    script.wait(1_000);
    let changed = script.pick(|event| match event {
        Event::Conversations(changed) => Some(changed.clone()),
        _ => None,
    });
    assert_eq!(changed, [vec![id(BOB)]]);
}

#[test]
fn left_removed_and_empty_conversations_are_not_listed() {
    let script = Script::live(&[
        row(ANN, 9, 9),
        with(row(BOB, 9, 0), &json!({"member": {"term": 2}})),
        with(row(CAT, 9, 0), &json!({"member": {"cleared": 9}})),
        row("group:empty", 0, 0),
    ]);
    assert_eq!((listed(&script), script.unread()), (vec![ANN], 0));
}

#[test]
fn the_list_goes_on_where_the_page_before_ended() {
    let mut script = Script::new();
    script.connect();
    script.open_socket();
    script.welcome();
    let first =
        json!({"unchanged": false, "rows": [row(ANN, 9, 9)], "next": format!("1009.{ANN}")});
    script.answer("resume", &first);
    let pages = [
        (
            format!("1009.{ANN}"),
            json!({"rows": [row(BOB, 5, 5)], "next": format!("1005.{BOB}")}),
            true,
        ),
        (format!("1005.{BOB}"), json!({"rows": [row(CAT, 2, 2)]}), false),
    ];
    for (before, page, more) in pages {
        let ticket = script.call(Request::More);
        assert_eq!(script.answer("list", &page), json!({"before": before}));
        assert_eq!(script.settled[&ticket], Ok(Settled::More(more)));
    }
    assert_eq!(listed(&script), [ANN, BOB, CAT]);
    let ticket = script.call(Request::More);
    assert_eq!(script.settled[&ticket], Ok(Settled::More(false)));
    assert!(!script.is_asked("list"), "the end is known");
}

#[test]
fn a_page_without_a_list_asks_for_no_inbox() {
    let mut script = Script::with(Options { inbox_page: 0, ..Options::default() });
    script.connect();
    script.open_socket();
    script.welcome();
    assert_eq!(script.asked("resume").params["inbox"], 0);
}

#[test]
fn who_is_online_passes_through() {
    let mut script = Script::live(&[]);
    let ticket = script.call(Request::Presence(vec!["ann".parse().unwrap()]));
    let asked = script.answer("presence", &json!({"online": ["ann"]}));
    assert_eq!(asked, json!({"users": ["ann"]}));
    assert_eq!(script.settled[&ticket], Ok(Settled::Online(json!(["ann"]))));
}
