//! Remembers what was asked for when a folder was last filled, so that it is filled again when
//! that changes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// What a folder should be filled with.
#[derive(Debug)]
pub(super) struct Stamp {
    file: PathBuf,
    wanted: String,
}

impl Stamp {
    /// The folder's place is a part of what is asked for: what is installed in it knows where it
    /// is, and does not work after a move.
    pub(super) fn new(folder: &Path, wanted: &[&str]) -> Self {
        let wanted = format!("{}\n{}", folder.display(), wanted.join("\n"));
        Self { file: folder.join(".filled-with"), wanted }
    }

    /// Whether the folder was filled with this, to the end.
    pub(super) fn is_there(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|filled| filled == self.wanted)
    }

    /// Says that the folder is filled now.
    pub(super) fn put(&self) -> Result<()> {
        Ok(fs::write(&self.file, &self.wanted)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_filled_again_for_other_wishes_and_in_another_place() {
        let here = tempfile::tempdir().unwrap();
        let stamp = Stamp::new(here.path(), &["a==1"]);
        assert!(!stamp.is_there());
        stamp.put().unwrap();
        assert!(stamp.is_there());
        assert!(!Stamp::new(here.path(), &["a==2"]).is_there());

        let moved = tempfile::tempdir().unwrap();
        fs::copy(&stamp.file, moved.path().join(".filled-with")).unwrap();
        assert!(!Stamp::new(moved.path(), &["a==1"]).is_there());
    }
}
