//! The file that an export writes: under another name until it is whole, and kept where it is
//! interrupted, so that the next try goes on there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::TransferError;
use super::block::BlockReader;
use super::line::{Head, Line};
use crate::store::archive::{Place, Progress};

/// Why a file can't be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is one already.
    #[error("{0:?} exists; remove it, or name another file")]
    Exists(PathBuf),
    /// The path has no file's name at its end.
    #[error("{0:?} is no name of a file")]
    NoName(PathBuf),
    /// It can't be opened or finished.
    #[error("{path:?} can't be written ({source}); name a file in a folder that can be")]
    NotWritable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What is whole of an export.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    /// After its last block.
    pub(super) progress: Progress,
    /// Its last record.
    pub(super) place: Place,
    /// Records in it.
    pub(super) records: u64,
    /// Its size.
    bytes: u64,
}

impl Begun {
    pub(super) fn nothing() -> Self {
        Self { progress: Progress::default(), place: Place::Start, records: 0, bytes: 0 }
    }
}

/// A file that is not whole yet.
pub(super) struct Partial {
    file: File,
    path: PathBuf,
    whole: PathBuf,
}

impl Partial {
    /// Opens what an earlier try has left behind, or begins.
    pub(super) fn open(whole: &Path) -> Result<Self, FileError> {
        if whole.exists() {
            return Err(FileError::Exists(whole.to_owned()));
        }
        let mut name =
            whole.file_name().ok_or_else(|| FileError::NoName(whole.to_owned()))?.to_owned();
        name.push(".partial");
        let path = whole.with_file_name(name);
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        match opened {
            Ok(file) => Ok(Self { file, path, whole: whole.to_owned() }),
            Err(source) => Err(FileError::NotWritable { path, source }),
        }
    }

    /// What is there already, where it begins with this head: then the store has not changed since.
    /// `None` where something else is there.
    pub(super) fn begun(&self, head: &Head) -> Result<Option<Begun>, TransferError> {
        let size = self.file.metadata().map_err(|source| self.not_writable(source))?.len();
        if size == 0 {
            return Ok(Some(Begun::nothing()));
        }
        let mut blocks = BlockReader::new(BufReader::new(&self.file));
        let mut begun = Begun::nothing();
        loop {
            let block = match blocks.next() {
                Ok(block) => block,
                // From the first block on that is not whole, it is written again.
                Err(TransferError::Line(_)) if begun.bytes > 0 => return Ok(Some(begun)),
                Err(TransferError::Line(_)) => return Ok(None),
                Err(error) => return Err(error),
            };
            let mut lines = block.lines.into_iter();
            if block.first == 1 && lines.next().as_ref() != Some(&Line::Head(head.clone())) {
                return Ok(None);
            }
            for record in lines.map(Line::into_record) {
                // What the badges show follows the records, in blocks of its own. It is asked anew.
                let Some(record) = record else { return Ok(Some(begun)) };
                begun.place = record.place();
                begun.records += 1;
            }
            (begun.progress, begun.bytes) = (block.progress, block.bytes);
        }
    }

    /// The file, to be written to after what is kept of it.
    pub(super) fn after(&self, begun: &Begun) -> Result<BufWriter<&File>, FileError> {
        let mut file = &self.file;
        let ready =
            file.set_len(begun.bytes).and_then(|()| file.seek(SeekFrom::Start(begun.bytes)));
        ready.map_err(|source| self.not_writable(source))?;
        Ok(BufWriter::with_capacity(1 << 18, file))
    }

    /// Gives the file its name, once all of it is on the disk.
    pub(super) fn finish(self) -> Result<(), FileError> {
        let folder = self.whole.parent().filter(|folder| !folder.as_os_str().is_empty());
        let finished = self
            .file
            .sync_all()
            .and_then(|()| fs::rename(&self.path, &self.whole))
            .and_then(|()| File::open(folder.unwrap_or(Path::new(".")))?.sync_all());
        finished.map_err(|source| self.not_writable(source))
    }

    fn not_writable(&self, source: io::Error) -> FileError {
        FileError::NotWritable { path: self.path.clone(), source }
    }
}
