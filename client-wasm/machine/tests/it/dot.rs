//! The dot and the total.

use message_service_machine::Input;
use message_service_shared::view::Page;
use serde_json::json;

use crate::script::{ANN, BOB, Script, member, news, row, with};

#[test]
fn the_dot_speaks_only_when_nothing_becomes_something_and_back() {
    let mut script = Script::live(&[row(ANN, 3, 3), row(BOB, 3, 3)]);
    script.says(ANN, 4);
    script.says(ANN, 5);
    script.says(BOB, 4);
    script.push("member", &news(ANN, &member(5)));
    assert_eq!((script.dots(), script.totals()), (vec![true], vec![1, 2, 3, 1]));
    assert_eq!(script.machine.unread().conversations, 1);
    script.push("member", &news(BOB, &member(4)));
    assert_eq!((script.dots(), script.machine.dot()), (vec![true, false], false));
    script.says(BOB, 5);
    assert_eq!(script.dots(), [true, false, true]);
}

#[test]
fn a_page_that_starts_with_nothing_unread_hears_nothing_of_the_dot() {
    let mut script = Script::new();
    script.connect();
    script.go_live(&[row(ANN, 3, 3)]);
    assert_eq!((script.dots(), script.totals()), (vec![], vec![]));
}

#[test]
fn the_message_page_hides_the_dot_only_while_visible_and_focused_and_never_the_count() {
    for (page, visible, focused, dot) in [
        (Page::Messages, true, true, false),
        (Page::Messages, true, false, true),
        (Page::Messages, false, true, true),
        (Page::Messages, false, false, true),
        (Page::Home, true, true, true),
        (Page::Other, true, true, true),
    ] {
        let mut script = Script::live(&[row(ANN, 3, 1)]);
        script.input(Input::Page(page));
        script.attention(visible, focused);
        let case = (page, visible, focused);
        assert_eq!((script.machine.dot(), script.unread()), (dot, 2), "{case:?}");
        assert_eq!(script.stored(&format!("c:{ANN}")).unwrap()["n"], 2, "{case:?}");
        assert_eq!(script.totals(), [0; 0], "{case:?}");
    }
}

#[test]
fn turning_away_from_the_message_page_shows_the_dot_again() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.input(Input::Page(Page::Messages));
    script.attention(true, false);
    script.attention(true, true);
    script.input(Input::Page(Page::Home));
    assert_eq!(script.dots(), [false, true, false, true]);
}

#[test]
fn a_muted_conversation_is_counted_beside_it_and_nowhere_else() {
    let muted = json!({"member": {"settings": {"revision": 1, "muted": true, "pinned": false}}});
    let mut script = Script::live(&[with(row(ANN, 3, 1), &muted)]);
    script.says(ANN, 4);
    assert_eq!((script.unread(), script.machine.dot()), (0, false));
    assert_eq!((script.dots(), script.totals()), (vec![], vec![]));
    assert_eq!(script.keys("c:"), [""; 0]);
    let views = script.machine.conversations();
    assert_eq!((views[0].unread, views[0].muted), (3, true));
}
