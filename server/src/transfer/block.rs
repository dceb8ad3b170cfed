//! Lines in blocks. A block ends with the number of lines before it and a check sum, which is taken
//! over the last block's sum and the lines since; so each sum stands for everything before it.

use std::io::{self, BufRead, Read, Write};

use sha2::{Digest, Sha256};

use super::TransferError;
use super::line::{Head, Line, LineError};
use crate::store::archive::{Progress, RestoreError};

/// Lines of a block at most.
pub(super) const LINES: u64 = 1_000;

/// Bytes after which a block ends.
const BYTES: usize = 1 << 20;

/// Bytes of a line at most. The longest that is written, a message full of escapes, is far below.
const LINE_BYTES: usize = 1 << 20;

/// Writes lines, and ends blocks where they are full.
pub(super) struct BlockWriter<W> {
    out: W,
    /// Up to the last block.
    progress: Progress,
    sum: Sha256,
    lines: u64,
    bytes: usize,
}

impl<W: Write> BlockWriter<W> {
    /// Goes on after a block.
    pub(super) fn after(progress: Progress, out: W) -> Self {
        let sum = chained(&progress);
        Self { out, progress, sum, lines: 0, bytes: 0 }
    }

    pub(super) fn write(&mut self, line: &Line) -> io::Result<()> {
        let text = text_of(line)?;
        self.sum.update(&text);
        self.out.write_all(&text)?;
        self.lines += 1;
        self.bytes += text.len();
        if self.lines >= LINES || self.bytes >= BYTES { self.seal() } else { Ok(()) }
    }

    /// Ends a block; does nothing where none has begun.
    pub(super) fn seal(&mut self) -> io::Result<()> {
        if self.lines == 0 {
            return Ok(());
        }
        let check = Line::Check(self.sealed());
        self.out.write_all(&text_of(&check)?)
    }

    /// Ends the file.
    pub(super) fn end(mut self) -> io::Result<W> {
        let end = Line::End(self.sealed());
        self.out.write_all(&text_of(&end)?)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn sealed(&mut self) -> Progress {
        let lines = lines_after(&self.progress) + self.lines;
        let sum = hex::encode(std::mem::take(&mut self.sum).finalize());
        self.progress = Progress { lines, sum };
        self.sum = chained(&self.progress);
        (self.lines, self.bytes) = (0, 0);
        self.progress.clone()
    }
}

fn text_of(line: &Line) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    Ok(text)
}

fn chained(progress: &Progress) -> Sha256 {
    Sha256::new_with_prefix(&progress.sum)
}

/// Lines up to the end of a block, with the line that ends it.
fn lines_after(progress: &Progress) -> u64 {
    if progress.lines == 0 { 0 } else { progress.lines + 1 }
}

/// A block that is as it was written.
pub(super) struct Block {
    /// The number of its first line.
    pub(super) first: u64,
    pub(super) lines: Vec<Line>,
    pub(super) progress: Progress,
    /// Whether the file ends with it.
    pub(super) is_last: bool,
    /// Bytes of the file up to its end.
    pub(super) bytes: u64,
}

impl Block {
    /// The head, which is the first line of the first block.
    pub(super) fn take_head(&mut self) -> Result<Head, LineError> {
        if let Some(Line::Head(head)) = self.lines.first() {
            let head = head.clone();
            self.lines.remove(0);
            self.first += 1;
            return Ok(head);
        }
        let reason = "the first line must be a `head`".to_owned();
        Err(LineError::Broken { line: self.first, reason })
    }

    /// That a store did not take it in.
    pub(super) fn refused(&self, source: RestoreError) -> TransferError {
        TransferError::Refused { first: self.first, last: self.progress.lines, source }
    }
}

/// Reads blocks.
pub(super) struct BlockReader<R> {
    input: R,
    progress: Progress,
    line: u64,
    bytes: u64,
}

impl<R: BufRead> BlockReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, progress: Progress::default(), line: 0, bytes: 0 }
    }

    /// The next block, which must be there.
    pub(super) fn next(&mut self) -> Result<Block, TransferError> {
        let first = self.line + 1;
        let mut sum = chained(&self.progress);
        let (mut lines, mut size) = (Vec::new(), 0);
        loop {
            let text = self.text()?;
            let line = Line::read(&text, self.line)?;
            let (progress, is_last) = match line {
                Line::Check(progress) => (progress, false),
                Line::End(progress) => (progress, true),
                line => {
                    sum.update(&text);
                    size += text.len();
                    lines.push(line);
                    if lines.len() as u64 > LINES || size > BYTES + LINE_BYTES {
                        let reason = "a `check` should have come before it".to_owned();
                        return Err(LineError::Broken { line: self.line, reason }.into());
                    }
                    continue;
                }
            };
            let sum = hex::encode(sum.finalize());
            if progress != (Progress { lines: self.line - 1, sum }) {
                return Err(LineError::Changed { first, last: self.line }.into());
            }
            if is_last {
                self.check_nothing_follows()?;
            }
            self.progress = progress.clone();
            return Ok(Block { first, lines, progress, is_last, bytes: self.bytes });
        }
    }

    fn text(&mut self) -> Result<Vec<u8>, TransferError> {
        let mut text = Vec::new();
        let limit = LINE_BYTES as u64 + 1;
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut text);
        self.bytes += read.map_err(TransferError::Read)? as u64;
        if text.pop_if(|last| *last == b'\n').is_some() {
            self.line += 1;
            text.push(b'\n');
            return Ok(text);
        }
        let line = self.line + 1;
        if text.len() > LINE_BYTES {
            let reason = format!("it is longer than {LINE_BYTES} bytes, so this is no export");
            return Err(LineError::Broken { line, reason }.into());
        }
        Err(LineError::CutOff { line: self.line }.into())
    }

    fn check_nothing_follows(&mut self) -> Result<(), TransferError> {
        if self.input.fill_buf().map_err(TransferError::Read)?.is_empty() {
            return Ok(());
        }
        let reason = "it comes after the `end`".to_owned();
        Err(LineError::Broken { line: self.line + 1, reason }.into())
    }
}
