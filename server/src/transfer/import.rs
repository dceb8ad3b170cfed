//! From lines to a store.

use std::io::BufRead;

use super::block::BlockReader;
use super::check::Comparison;
use super::line::{Line, LineError};
use super::order::Order;
use super::{Event, TransferError, Witness};
use crate::store::archive::{Archive, Progress, Stage, Tally};

/// Reads an export into a store.
///
/// An empty store takes on the life of the data set, its epoch. One that an interrupted import has
/// left behind is gone on with, by the same file read from its beginning. One that holds the data
/// set already is compared with the file, and nothing is written to it.
pub async fn import(
    store: &dyn Archive,
    input: impl BufRead,
    witness: &mut dyn Witness,
) -> Result<Tally, TransferError> {
    let mut blocks = BlockReader::new(input);
    let mut block = blocks.next()?;
    let head = block.take_head()?;
    let stage = store.begin(&head.epoch).await.map_err(|source| block.refused(source))?;
    let mut here = Here::of(&stage, witness);
    let mut order = Order::of(head.tally);
    let mut comparison = Comparison::with(store);
    loop {
        let mut records = Vec::new();
        for (number, line) in (block.first..).zip(std::mem::take(&mut block.lines)) {
            let taken = match line {
                Line::Standing(stands) => {
                    comparison.stands(stands);
                    Ok(())
                }
                Line::Digest(shows) => comparison.shows(shows),
                line => order.follow(line).map(|record| records.push(record)),
            };
            taken.map_err(|reason| LineError::Broken { line: number, reason })?;
        }
        if !here.has(&block.progress)? && !records.is_empty() {
            let restored = store.restore(records, block.progress.clone()).await;
            restored.map_err(|source| block.refused(source))?;
        }
        comparison.go_on().await?;
        witness.done(order.found.records(), order.expected.records());
        if block.is_last {
            break;
        }
        block = blocks.next()?;
    }
    let whole = order.check_whole();
    whole.map_err(|reason| LineError::Broken { line: block.progress.lines + 1, reason })?;
    witness.told(Event::Comparing);
    let differences = comparison.finish(&order.expected).await?;
    if differences.count > 0 {
        return Err(TransferError::Differs(differences));
    }
    if let Stage::Importing(_) = stage {
        store.finish().await?;
    }
    Ok(order.expected)
}

/// What of the file is in the store already.
enum Here {
    /// Everything.
    All,
    /// What lies before the end of a block, which the file must have.
    UpTo(Progress),
    /// What lies before a block that was met.
    Before,
}

impl Here {
    fn of(stage: &Stage, witness: &mut dyn Witness) -> Self {
        match stage {
            Stage::Complete => {
                witness.told(Event::IsThere);
                Self::All
            }
            Stage::Importing(progress) if progress.lines > 0 => {
                witness.told(Event::GoesOnAfter(progress.lines));
                Self::UpTo(progress.clone())
            }
            Stage::Importing(_) => Self::Before,
        }
    }

    /// Whether the store has the block that ends here.
    fn has(&mut self, end: &Progress) -> Result<bool, TransferError> {
        match self {
            Self::All => Ok(true),
            Self::Before => Ok(false),
            Self::UpTo(stored) if end.lines < stored.lines => Ok(true),
            Self::UpTo(stored) if end == stored => {
                *self = Self::Before;
                Ok(true)
            }
            Self::UpTo(_) => Err(TransferError::OtherFile),
        }
    }
}
