//! From a store through a file into another store, and every way in which that can go wrong.

mod files;

use message_service_shared::id::ConversationId;
use message_service_shared::message::Content;
use message_service_shared::runs::{Run, Runs};

use super::block::{BlockWriter, LINES};
use super::line::Line;
use super::*;
use crate::store::archive::{Place, Progress, Record, Tally};
use crate::store::conformance::{Shared, append, direct, draft, say, seq, user};
use crate::store::memory::MemoryStore;
use crate::store::{ContentHash, MemberChange, Store};

/// What a witness was told.
#[derive(Default)]
struct Told {
    events: Vec<Event>,
    last: (u64, u64),
}

impl Witness for Told {
    fn told(&mut self, event: Event) {
        self.events.push(event);
    }

    fn done(&mut self, records: u64, of: u64) {
        assert!(records >= self.last.0);
        self.last = (records, of);
    }
}

fn memory(epoch: &str) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(epoch.parse().unwrap()))
}

/// A store whose export has several blocks.
async fn full() -> Arc<MemoryStore> {
    let store = memory("the epoch that moves");
    let shared = Arc::clone(&store) as Shared;
    store.see_users(&["ann", "bob", "cid"].map(user)).await.unwrap();
    append(&shared, draft(&ConversationId::announcement(), None)).await.unwrap();
    for _ in 0..LINES {
        say(&shared, &direct("ann", "bob"), "ann").await;
        say(&shared, &direct("bob", "cid"), "cid").await;
    }
    store.recall(&direct("ann", "bob"), seq(LINES), None, 5).await.unwrap();
    let read = MemberChange::Read { seq: seq(9), mark_seen: 0, at: 5, by: "tab".to_owned() };
    store.change_member(&user("bob"), &direct("ann", "bob"), &read).await.unwrap();
    store
}

async fn exported(store: &Arc<MemoryStore>) -> Vec<u8> {
    let mut file = Vec::new();
    export(&**store, &mut file, &mut Told::default()).await.unwrap();
    file
}

async fn imported(store: &Arc<MemoryStore>, file: &[u8]) -> Result<Vec<Event>, TransferError> {
    let mut told = Told::default();
    import(&**store, file, &mut told).await?;
    assert_eq!(told.last.0, told.last.1, "all was done, and it was said");
    Ok(told.events)
}

async fn records(store: &Arc<MemoryStore>) -> Vec<Record> {
    store.page(&Place::Start, usize::MAX).await.unwrap()
}

/// The places after each line.
fn ends(file: &[u8]) -> Vec<usize> {
    (1..=file.len()).filter(|end| file[end - 1] == b'\n').collect()
}

/// How many lines precede the last sum among the first lines of a file, as long as they are records,
/// and how many records those are.
fn whole(file: &[u8], lines: usize) -> (u64, usize) {
    let (mut whole, mut records) = ((0, 0), 0);
    for (number, line) in file.split_inclusive(|byte| *byte == b'\n').take(lines).enumerate() {
        let is = |kind: &str| line.starts_with(format!("{{\"record\":\"{kind}\"").as_bytes());
        if is("check") {
            whole = (number as u64, records);
        } else if is("standing") {
            break;
        } else if !is("head") {
            records += 1;
        }
    }
    whole
}

/// A file of these lines, with the sums they should have.
fn sealed(lines: &[Line]) -> Vec<u8> {
    let mut writer = BlockWriter::after(Progress::default(), Vec::new());
    for line in lines {
        writer.write(line).unwrap();
    }
    writer.end().unwrap()
}

fn lines(file: &[u8]) -> Vec<Line> {
    let lines = (1..).zip(file.split_inclusive(|byte| *byte == b'\n'));
    let lines = lines.map(|(number, line)| Line::read(line, number).unwrap());
    lines.filter(|line| !matches!(line, Line::Check(_) | Line::End(_))).collect()
}

#[tokio::test]
async fn what_comes_out_again_is_the_same_file() {
    let (one, two) = (full().await, memory("another"));
    let file = exported(&one).await;
    assert_eq!(imported(&two, &file).await.unwrap(), [Event::Comparing]);
    assert!(exported(&two).await == file, "the second file differs");
    assert_eq!(two.epoch().await.unwrap(), one.epoch().await.unwrap());
    assert_eq!(two.unfinished().await.unwrap(), None);
    // Nothing to take in: nobody is there yet.
    let (nobody, empty) = (memory("an empty one"), memory("another"));
    imported(&empty, &exported(&nobody).await).await.unwrap();
    assert_eq!(empty.epoch().await.unwrap(), nobody.epoch().await.unwrap());
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_taken_in_up_to_its_last_whole_block() {
    let file = exported(&full().await).await;
    let ends = ends(&file);
    for line in [0, 1, 5, 999, 1_000, 1_001, 1_002, 1_500, 2_002, 2_003, ends.len() - 1] {
        for more in [0, 7] {
            let store = memory("another");
            let end = if line == 0 { more } else { ends[line - 1] + more };
            let error = imported(&store, &file[..end]).await.unwrap_err();
            let cut_off = LineError::CutOff { line: u64::try_from(line).unwrap() };
            assert_eq!(error.to_string(), cut_off.to_string());
            let (progress, held) = whole(&file, line);
            assert_eq!(records(&store).await.len(), held, "after line {line}");
            let unfinished = store.unfinished().await.unwrap();
            assert_eq!(unfinished.map_or(0, |unfinished| unfinished.lines), progress);
            // The whole file goes on there.
            let events = imported(&store, &file).await.unwrap();
            let goes_on = (progress > 0).then_some(Event::GoesOnAfter(progress));
            assert_eq!(events, goes_on.into_iter().chain([Event::Comparing]).collect::<Vec<_>>());
            assert!(exported(&store).await == file);
        }
    }
}

#[tokio::test]
async fn a_changed_line_is_refused_and_nothing_of_its_block_is_written() {
    let file = exported(&full().await).await;
    let ends = ends(&file);
    for line in [2, 900, 1_001, 1_002, 1_700, 2_002, ends.len() - 1, ends.len()] {
        let (begin, end) = (ends[line - 2], ends[line - 1]);
        let letters = (begin..end).filter(|place| file[*place].is_ascii_alphanumeric());
        for place in letters.step_by(9) {
            let mut changed = file.clone();
            changed[place] = if file[place] == b'1' { b'2' } else { b'1' };
            let store = memory("another");
            let error = match imported(&store, &changed).await {
                Err(TransferError::Line(error)) => error,
                other => panic!("line {line}: {other:?}"),
            };
            let before = match error {
                LineError::Broken { line: told, .. } => {
                    assert_eq!(told, u64::try_from(line).unwrap());
                    line - 1
                }
                LineError::Changed { first, last } => {
                    assert!(
                        (first..=last).contains(&(u64::try_from(line).unwrap())),
                        "{line}: {error}"
                    );
                    usize::try_from(first).unwrap() - 1
                }
                other => panic!("line {line}: {other}"),
            };
            assert_eq!(records(&store).await.len(), whole(&file, before).1, "line {line}");
        }
    }
}

#[tokio::test]
async fn a_broken_line_is_named_with_its_field() {
    let file = String::from_utf8(exported(&full().await).await).unwrap();
    for (from, to, told) in [
        ("\"announcementStart\":0", "\"announcementStart\":-1", "line 2: `announcementStart`: "),
        ("\"term\":1", "\"term\":\"one\"", "`half.term`: "),
        ("\"readSeq\":9", "\"readSeq\":9e99", "`half.readSeq`: "),
        ("\"seq\":1,", "", "`message`: missing field `seq`"),
        ("\"kind\":\"text\"", "\"kind\":\"song\"", "`message.content"),
        ("\"contentHash\":\"", "\"contentHash\":\"z", "`contentHash`: a content hash is 64"),
        ("\"record\":\"member\"", "\"record\":\"guest\"", "`record` is \"guest\""),
        ("\"record\":\"member\",", "", "missing field `record`"),
        ("{\"record\":\"user\"", "[\"record\":\"user\"", "line 2: "),
        ("\"record\":\"head\"", "\"record\":\"user\"", "line 1: this is no export"),
    ] {
        let store = memory("another");
        let broken = file.replacen(from, to, 1);
        assert_ne!(broken, file, "{from} is not there");
        let error = imported(&store, broken.as_bytes()).await.unwrap_err().to_string();
        assert!(error.starts_with("line ") && error.contains(told), "{told} is not in {error}");
        assert!(!error.contains("at line 1"), "{error}");
        assert_eq!(store.tally().await.unwrap(), Tally::default());
    }
    let long = format!("{file}{}", "x".repeat(2 << 20));
    let error = imported(&memory("another"), long.as_bytes()).await.unwrap_err().to_string();
    assert!(error.contains("comes after the `end`"), "{error}");
    let long = "x".repeat(2 << 20);
    let error = imported(&memory("another"), long.as_bytes()).await.unwrap_err().to_string();
    assert!(error.starts_with("line 1: it is longer than"), "{error}");
}

#[tokio::test]
async fn a_newer_format_is_refused_by_name() {
    let file = String::from_utf8(exported(&full().await).await).unwrap();
    let newer = file.replacen("\"format\":3", "\"format\":4,\"more\":[]", 1);
    let store = memory("another");
    let error = imported(&store, newer.as_bytes()).await.unwrap_err().to_string();
    assert!(error.contains("has format 4") && error.contains("knows 3"), "{error}");
    assert_eq!(store.epoch().await.unwrap().as_str(), "another");
}

#[tokio::test]
async fn lines_that_do_not_follow_each_other_are_refused() {
    let good = lines(&exported(&full().await).await);
    let is = |what: fn(&Line) -> bool| good.iter().position(what).unwrap();
    let (user, member) =
        (is(|line| matches!(line, Line::User(_))), is(|line| matches!(line, Line::Member(_))));
    let message = is(|line| matches!(line, Line::Message(_)));
    let digest = is(|line| matches!(line, Line::Digest(_)));
    let with = |change: &dyn Fn(&mut Vec<Line>)| {
        let mut lines = good.clone();
        change(&mut lines);
        sealed(&lines)
    };
    for (told, file) in [
        ("does not follow", with(&|lines| lines.swap(user, user + 1))),
        ("does not follow", with(&|lines| lines.swap(user, member))),
        ("does not follow", with(&|lines| lines.insert(message, lines[message].clone()))),
        ("`message.seq` is 4, and 3 follows", with(&|lines| drop(lines.remove(message + 3)))),
        (
            "`message.at` is 1, before",
            with(&|lines| {
                let Line::Message(record) = &mut lines[message + 5] else { panic!() };
                record.message.at = 1;
            }),
        ),
        ("tells of 3 users, and 2 came", with(&|lines| drop(lines.remove(user)))),
        ("a second `head`", with(&|lines| lines.insert(5, lines[0].clone()))),
        ("`digest` is not the one", with(&|lines| drop(lines.remove(digest - 1)))),
    ] {
        let error = imported(&memory("another"), &file).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, TransferError::Line(LineError::Broken { .. })), "{text}");
        assert!(text.contains(told), "{told} is not in {text}");
    }
    // What a store alone can tell.
    let file = with(&|lines| {
        let place = lines.iter().position(|line| matches!(line, Line::Conversation(_))).unwrap();
        lines.remove(place);
    });
    let error = imported(&memory("another"), &file).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "lines 2 to 1000 were not taken in: announcement has no record of its own before"
    );
}

#[tokio::test]
async fn ranges_in_a_file_are_not_believed() {
    let file = exported(&full().await).await;
    let mut lines = lines(&file);
    for line in &mut lines {
        let runs = Runs::from_runs([Run(seq(1), seq(500))]);
        match line {
            Line::Conversation(record) => record.holes = runs,
            Line::Member(record) => record.half.own = runs,
            _ => {}
        }
    }
    let store = memory("another");
    imported(&store, &sealed(&lines)).await.unwrap();
    assert!(exported(&store).await == file);
}

#[tokio::test]
async fn an_import_goes_on_with_its_own_file_alone() {
    let (one, store) = (full().await, memory("another"));
    let file = exported(&one).await;
    let cut = &file[..ends(&file)[1_500]];
    imported(&store, cut).await.unwrap_err();
    say(&(Arc::clone(&one) as Shared), &direct("bob", "cid"), "bob").await;
    let error = imported(&store, &exported(&one).await).await.unwrap_err();
    assert!(matches!(error, TransferError::OtherFile), "{error}");
    let other = memory("a third one");
    other.see_users(&[user("ann")]).await.unwrap();
    let error = imported(&store, &exported(&other).await).await.unwrap_err().to_string();
    assert!(error.contains("the epoch that moves") && error.contains("a third one"), "{error}");
    let error = export(&*store, Vec::new(), &mut Told::default()).await.unwrap_err();
    assert!(matches!(error, TransferError::Unfinished), "{error}");
    imported(&store, &file).await.unwrap();
}

#[tokio::test]
async fn a_store_that_holds_it_already_is_only_compared() {
    let (one, store) = (full().await, memory("another"));
    let file = exported(&one).await;
    imported(&store, &file).await.unwrap();
    let events = imported(&store, &file).await.unwrap();
    assert_eq!(events, [Event::IsThere, Event::Comparing]);
    assert!(exported(&store).await == file);
    // What differs is named, and the store stays as it is.
    let read = MemberChange::Read { seq: seq(11), mark_seen: 0, at: 6, by: "tab".to_owned() };
    store.change_member(&user("bob"), &direct("ann", "bob"), &read).await.unwrap();
    let before = records(&store).await;
    let error = imported(&store, &file).await.unwrap_err().to_string();
    let badge = format!(
        "user bob, conversation direct:ann:bob: {} unread from 9 to {LINES} in the file, \
         {} unread from 11 to {LINES} in the store",
        LINES - 10,
        LINES - 12,
    );
    assert!(error.contains(&badge), "{badge} is not in {error}");
    assert!(error.contains("the sum of what only grows"), "{error}");
    assert_eq!((records(&store).await, store.unfinished().await.unwrap()), (before, None));
}

#[tokio::test]
async fn blocks_are_bounded_in_bytes_too() {
    let store = memory("large");
    let shared = Arc::clone(&store) as Shared;
    for _ in 0..200 {
        let mut draft = draft(&direct("ann", "bob"), Some("ann"));
        draft.content = Content::text("字".repeat(8_000));
        draft.content_hash = ContentHash::of(&draft.content, false);
        append(&shared, draft).await.unwrap();
    }
    let file = exported(&store).await;
    let checks =
        file.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"record\":\"check\""));
    assert_eq!(checks.count(), 4 + 1, "4.8 MB in blocks of 1 MiB and a message, and the rest");
    imported(&memory("another"), &file).await.unwrap();
}
