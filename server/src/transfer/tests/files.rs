//! Exports to files: interrupted, in the way of another file, of a store that changes.

use std::fs;
use std::path::Path;

use futures_util::FutureExt;
use tempfile::TempDir;

use super::*;

/// A folder with a file in it.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn whole(&self) -> std::path::PathBuf {
        self.0.path().join("everything.jsonl")
    }

    fn partial(&self) -> std::path::PathBuf {
        self.0.path().join("everything.jsonl.partial")
    }
}

async fn export_file(store: &Arc<MemoryStore>, path: &Path) -> Result<Vec<Event>, TransferError> {
    let mut told = Told::default();
    export_to_file(&**store, path, &mut told).await?;
    Ok(told.events)
}

#[tokio::test]
async fn an_interrupted_export_goes_on_after_its_last_whole_block() {
    let store = full().await;
    let file = exported(&store).await;
    let ends = ends(&file);
    for line in [0, 1, 500, 1_001, 1_002, 1_700, 2_002, 2_014, 2_015, ends.len() - 1] {
        for more in [0, 5] {
            let files = Files::new();
            let end = if line == 0 { more } else { ends[line - 1] + more };
            fs::write(files.partial(), &file[..end]).unwrap();
            let events = export_file(&store, &files.whole()).await.unwrap();
            let expected = match whole(&file, line) {
                (0, _) if end == 0 => None,
                (0, _) => Some(Event::StartsOver),
                (line, _) => Some(Event::GoesOnAfter(line)),
            };
            let expected: Vec<Event> = expected.into_iter().chain([Event::Comparing]).collect();
            assert_eq!(events, expected, "after line {line}");
            assert!(fs::read(files.whole()).unwrap() == file, "after line {line}");
            assert!(!files.partial().exists());
        }
    }
}

#[tokio::test]
async fn an_export_of_a_store_that_has_changed_starts_over() {
    let (store, files) = (full().await, Files::new());
    let file = exported(&store).await;
    fs::write(files.partial(), &file[..ends(&file)[1_500]]).unwrap();
    store.recall(&direct("bob", "cid"), seq(3), None, 5).await.unwrap();
    let events = export_file(&store, &files.whole()).await.unwrap();
    assert_eq!(events, [Event::StartsOver, Event::Comparing]);
    assert!(fs::read(files.whole()).unwrap() == exported(&store).await);
    // Nor does another epoch pass for the same data set.
    let files = Files::new();
    let file = exported(&store).await;
    fs::write(files.partial(), &file[..ends(&file)[1_500]]).unwrap();
    store.new_epoch().await.unwrap();
    let events = export_file(&store, &files.whole()).await.unwrap();
    assert_eq!(events, [Event::StartsOver, Event::Comparing]);
}

#[tokio::test]
async fn a_file_that_is_there_is_not_written_over() {
    let (store, files) = (full().await, Files::new());
    fs::write(files.whole(), "mine").unwrap();
    let error = export_file(&store, &files.whole()).await.unwrap_err().to_string();
    assert!(error.contains("everything.jsonl") && error.contains("remove it"), "{error}");
    assert_eq!(fs::read(files.whole()).unwrap(), b"mine");
    let error = export_file(&store, Path::new("/nowhere/file")).await.unwrap_err().to_string();
    assert!(error.contains("/nowhere/file.partial"), "{error}");
}

/// Writes to the store in the middle of its export.
struct Meddler(Arc<MemoryStore>);

impl Witness for Meddler {
    fn told(&mut self, _: Event) {}

    fn done(&mut self, _: u64, _: u64) {
        let id = ConversationId::announcement();
        let recall = self.0.recall(&id, seq(1), None, 5);
        recall.now_or_never().unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_export_notices_that_the_store_is_written_to() {
    let (store, files) = (full().await, Files::new());
    let error = export_to_file(&*store, &files.whole(), &mut Meddler(Arc::clone(&store))).await;
    assert!(matches!(error, Err(TransferError::Changed)), "{error:?}");
    assert!(!files.whole().exists());
    let events = export_file(&store, &files.whole()).await.unwrap();
    assert_eq!(events, [Event::StartsOver, Event::Comparing]);
}
