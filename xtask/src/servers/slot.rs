//! A folder for one run of the servers. Runs at the same time have one each, and a run takes the
//! first that is free; so what the last run kept can be looked at, and no more than that is kept.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// An empty folder that is this run's alone for as long as this value lives.
#[derive(Debug)]
pub(super) struct Slot {
    folder: PathBuf,
    /// The system takes the lock back when the process ends, in whatever way.
    _lock: File,
}

impl Slot {
    pub(super) fn take(under: &Path) -> Result<Self> {
        fs::create_dir_all(under)?;
        for number in 1_u32.. {
            let folder = under.join(number.to_string());
            let lock = File::create(folder.with_extension("lock"))?;
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            if folder.exists() {
                fs::remove_dir_all(&folder)?;
            }
            fs::create_dir(&folder)?;
            return Ok(Self { folder, _lock: lock });
        }
        None.context("there is no folder left")
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_at_the_same_time_have_a_folder_each_and_later_ones_begin_empty() {
        let under = tempfile::tempdir().unwrap();
        let first = Slot::take(under.path()).unwrap();
        fs::write(first.folder().join("log"), "said").unwrap();
        let second = Slot::take(under.path()).unwrap();
        assert_ne!(first.folder(), second.folder());
        assert!(first.folder().join("log").exists());

        let folder = first.folder().to_owned();
        drop(first);
        let third = Slot::take(under.path()).unwrap();
        assert_eq!(third.folder(), folder);
        assert!(!folder.join("log").exists());
    }
}
