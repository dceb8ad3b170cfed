//! Audits of the badge.

use serde_json::json;

use crate::script::{ANN, Script, row};

fn audits(script: &Script) -> Vec<u64> {
    script.beats.iter().filter(|(_, digest)| digest.is_some()).map(|(at, _)| *at).collect()
}

/// Waits for the next audit, which is answered with this.
fn audit(script: &mut Script, says: &'static str) {
    let before = audits(script).len();
    script.audit = says;
    for _ in 0..120_000 {
        script.wait(1);
        if audits(script).len() > before {
            return;
        }
    }
    panic!("no audit");
}

#[test]
fn about_once_a_minute_a_heartbeat_carries_the_digest_of_what_is_shown() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.audit = "agreed";
    let start = script.now.steady;
    script.wait(600_000);
    let audits = audits(&script);
    assert!((6..=13).contains(&audits.len()), "{audits:?}");
    let mut last = start;
    for at in audits {
        assert!((45_000..=100_000).contains(&(at - last)), "{}", at - last);
        last = at;
    }
    let digest = serde_json::to_value(script.machine.digest().unwrap()).unwrap();
    assert!(script.beats.iter().filter_map(|(_, sent)| sent.as_ref()).all(|sent| *sent == digest));
    assert!(!script.is_asked("resume"));
}

#[test]
fn a_difference_is_looked_at_again_soon_and_heals_by_itself() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    audit(&mut script, "differs");
    let first = script.now.steady;
    script.audit = "agreed";
    script.wait(6_000);
    let again = *audits(&script).last().unwrap();
    assert!((3_000..=6_000).contains(&(again - first)), "{}", again - first);
    script.wait(10_000);
    assert_eq!((*audits(&script).last().unwrap(), script.is_asked("resume")), (again, false));
}

#[test]
fn drift_is_healed_by_a_resume_without_leaving_live() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    audit(&mut script, "drifted");
    let resume = script.answer("resume", &json!({"unchanged": false, "rows": [row(ANN, 5, 1)]}));
    assert_eq!(resume["conversations"][0]["unread"], 2);
    assert_eq!((script.unread(), script.states()), (4, vec![]));
}

#[test]
fn a_server_that_may_have_lost_pushes_is_asked_within_the_time_it_names() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.push("resync", &json!({"withinMs": 2_000}));
    let start = script.now.steady;
    while !script.is_asked("resume") {
        assert!(script.now.steady <= start + 2_000);
        script.wait(1);
    }
    script.answer("resume", &json!({"unchanged": false, "rows": [row(ANN, 5, 1)]}));
    assert_eq!((script.unread(), script.states()), (4, vec![]));
    script.wait(10_000);
    assert!(!script.is_asked("resume"));
}

#[test]
fn nothing_is_audited_while_a_read_is_on_its_way() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    let start = script.now.steady;
    while script.now.steady < start + 80_000 {
        script.wait(1_000);
        if script.is_asked("read") {
            script.refuse("read", message_service_shared::error::ErrorCode::Unavailable);
        }
        script.read(ANN, 3);
    }
    assert_eq!(audits(&script), [0; 0]);
    assert!(script.beats.len() > 4);
    script.wait(5_000);
    script.answer("read", &crate::script::news(ANN, &crate::script::member(3)));
    script.wait(6_000);
    assert_eq!(audits(&script).len(), 1, "the audit that was put off follows soon");
}

#[test]
fn a_digest_rides_on_the_resume_and_agreement_leaves_all_as_it_is() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.read(ANN, 2);
    script.lose(1006);
    script.wait_for_attempt();
    script.open_socket();
    script.welcome();
    let resume = script.answer("resume", &json!({"unchanged": true, "rows": []}));
    let digest = serde_json::to_value(script.machine.digest().unwrap()).unwrap();
    assert_eq!(resume["digest"], digest);
    assert_eq!((script.unread(), script.keys("r:"), script.is_asked("read")), (1, vec![], false));
}

#[test]
fn what_is_known_from_the_mirror_alone_has_no_digest() {
    let mut script = Script::live(&[row(ANN, 3, 1)]);
    script.reload();
    script.open_socket();
    script.welcome();
    assert_eq!(script.asked("resume").params.get("digest"), None);
    assert_eq!(script.machine.digest(), None);
}
